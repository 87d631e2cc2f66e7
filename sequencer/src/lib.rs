//! One order of all commands: the sequencer's core. No I/O.
//!
//! It is driven like this, by `main.rs` as by a simulator:
//!
//! 1. [`Sequencer::begin`] once.
//! 2. For every datagram of a gateway: [`Sequencer::handle_packet`]. What it stamps goes into the sink at once, in order.
//! 3. [`Sequencer::handle_time`] once a cycle.
//! 4. [`Sequencer::poll_request`] until `None`; each is asked of that gateway.
//!
//! Wake at [`Sequencer::next_deadline`].

#![forbid(unsafe_code)]

mod intake;
mod lanes;
mod stamp;

pub use intake::{Counters, Refusal, Sequencer};
pub use stamp::{Genesis, Stamper};
