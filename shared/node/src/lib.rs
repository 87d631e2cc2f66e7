//! What every binary stands on: the cluster's description, arguments, clock, idling, pinning, signals, status, logs.

#![forbid(unsafe_code)]

pub mod args;
pub mod beacon;
pub mod clock;
pub mod description;
pub mod duty;
pub mod idle;
pub mod quantity;
pub mod shutdown;
pub mod streams;

pub use args::{NodeArgs, Started, exit, start};
pub use beacon::Beacon;
pub use clock::Clock;
pub use description::{Description, DescriptionError, NodeEntry};
pub use duty::{Duty, run};
pub use idle::{Idle, Strategy};
pub use shutdown::Shutdown;
