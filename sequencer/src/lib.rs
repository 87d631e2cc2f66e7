//! One order of all commands. No I/O but through ports.
//!
//! ```text
//!   SequencerNode (node)     standby, candidate or leader; generic over the transport
//!   Adoption (adoption)      the best log on its way
//!   Intake (intake, lanes)   any number of gateways into one order, FIFO each
//!   Stamper (stamp)          number, epoch, time, chain
//!   Schedule (schedule)      when a snapshot is due
//! ```
//!
//! `main.rs` opens sockets and drives the node as any [`node::Duty`]; the simulator does the same with ports of its own.

#![forbid(unsafe_code)]

mod adoption;
mod intake;
mod lanes;
mod node;
mod schedule;
mod settings;
mod stamp;

pub use crate::node::{SequencerNode, SequencerPorts, judge};
pub use intake::{Breach, Counters, Intake, Refusal};
pub use schedule::{Interval, Schedule};
pub use settings::SequencerSettings;
pub use stamp::Stamper;
