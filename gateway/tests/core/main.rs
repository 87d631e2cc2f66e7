//! The whole exchange without I/O and in virtual time: clients, gateways, sequencers, loggers and engine in one thread.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod any_order;
mod beginning;
mod bench;
mod commit;
mod epochs;
mod exchange;
mod halted;
mod memory;
mod network;
mod pressure;
mod refusals;
mod rulebook;
mod said;
mod sessions;
mod shelf;
mod strangers;
mod trading;
