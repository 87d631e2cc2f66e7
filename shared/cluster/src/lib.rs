//! Who may speak, and what nodes tell of themselves. No I/O.
//!
//! Today: the roles, the names of the lanes between gateways and sequencer, and the status that every node multicasts.
//! Epochs, promises and the commit rule live here when they come.

#![forbid(unsafe_code)]

pub mod agreement;
pub mod control;
pub mod lane;
pub mod role;
pub mod status;

pub use lane::Lane;
pub use role::{EngineMode, Role};
pub use status::Status;
