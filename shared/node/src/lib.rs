//! What every binary stands on: the cluster's description, arguments, clock, idling, pinning, signals, status, control
//! group, logs.

#![forbid(unsafe_code)]

pub mod args;
pub mod beacon;
pub mod clock;
pub mod control_group;
pub mod description;
pub mod duty;
pub mod founding;
pub mod idle;
pub mod quantity;
pub mod shutdown;
pub mod speaker;
pub mod streams;
pub mod thread;

pub use args::{NodeArgs, Started, exit, start};
pub use beacon::Beacon;
pub use clock::Clock;
pub use control_group::ControlGroup;
pub use description::{Description, DescriptionError, NodeEntry};
pub use duty::{Duty, run};
pub use founding::Founding;
pub use idle::{Idle, Strategy};
pub use shutdown::Shutdown;
pub use speaker::Speaker;
pub use streams::SessionNames;
pub use thread::Thread;
