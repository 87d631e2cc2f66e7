//! Between clients and the exchange: FIX in, commands out; events in, reports out. No I/O.
//!
//! [`Gateway`] is driven like this, by `main.rs` as by a simulator. Everything it wants done goes at once to the `out`
//! of the call, as an [`Output`].
//!
//! 1. [`Gateway::begin`] once: its `GatewayOpen` is the first command of this life.
//! 2. What the streams deliver: [`Gateway::handle_sequenced`], [`Gateway::handle_event`].
//! 3. What clients do: [`Gateway::handle_connected`], [`Gateway::handle_bytes`], [`Gateway::handle_disconnected`].
//! 4. Once a cycle, after all that: [`Gateway::handle_time`]. It also sends what reports have gathered.
//!
//! Wake at [`Gateway::next_deadline`].

#![forbid(unsafe_code)]

mod admission;
mod clients;
mod identity;
mod listings;
mod outflow;
mod reports;
mod requests;

pub use admission::{Admission, Overtaken, Pressure};
pub use clients::{ClientEntry, ConnectionId, Gateway, GatewayConfig, Output};
