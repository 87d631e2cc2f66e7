//! A log executed again, as fast as it goes: what an engine is that starts, without its network.
//!
//! | room | its one reason |
//! |---|---|
//! | [`ahead`] | one thread reads and checks while another executes |
//! | [`execute`] | a log directory through a replica |
//! | [`quarantined`] | what the log says is not executed |
//! | [`compare`] | where two streams of digests come apart |
//! | [`builds`] | two builds over the same log, each in processes of its own |
//! | [`command`] | `lockstep replay` |
//!
//! The directory is read only: no lock is taken, and its owner may be writing meanwhile.

pub mod ahead;
pub mod builds;
pub mod command;
pub mod compare;
pub mod execute;
pub mod quarantined;

pub use command::ReplayArgs;
pub use execute::{Executed, Span, execute, fresh};
