//! The control log: records that a majority of the supervisors keeps in one order, behind a face that never blocks.
//!
//! A duty cycle drives it like this:
//!
//! 1. ask [`RaftLog::is_leader`] first,
//! 2. then take everything that [`RaftLog::poll_applied`] has, and put it into the state machine,
//! 3. act on the answer of 1: only a leader calls [`RaftLog::propose`].
//!
//! In this order a leader acts on all that its predecessors committed. Being leader is a hint, never a proof: a proposal may be lost,
//! come late, or meet another leader's. Only a record that comes out of `poll_applied` has happened, and the state machine
//! that takes it decides by comparing what it expects with what is.
//!
//! Inside, openraft runs on a thread and a tokio runtime of its own. Each file has one part:
//!
//! | file | part |
//! |---|---|
//! | `config`, `error` | what is given at the start, and why it can fail |
//! | `types` | openraft's types as they are used here: a record is opaque bytes |
//! | `disk` | the one redb file: whose it is, its tables, how damage is told |
//! | `store` | openraft's log and vote on it |
//! | `machine` | the applied records on it, and snapshots of them |
//! | `feed` | applied records on their way to the duty cycle, each once |
//! | `frame`, `client`, `server` | what supervisors say to each other over TCP |
//! | `leadership` | who leads, told by openraft, kept for readers who must not wait |
//! | `runtime`, `handle` | putting it together; the face |
//!
//! # What is kept, and how much
//!
//! Log entries and votes are synced before they are acknowledged. Applied records are kept for ever, in the same file, so that
//! every start hands out the whole history: about 100 bytes each, a few for each failover. The log of openraft beside
//! them is cut after every snapshot ([`RaftLogConfig::snapshot_after`]). A snapshot is no copy, only a mark "up to here", and is
//! written out when a supervisor needs it that was away for longer than the log reaches back. 256 MiB of records (millions of
//! failovers) are the limit of one snapshot.
//!
//! # A lost store
//!
//! A supervisor whose file was lost is filled again by the others. It has forgotten its votes and acknowledgements, though: so it counts
//! as one failed supervisor until it has caught up, and no second one may fail meanwhile. Never empty the stores of a majority.

mod client;
mod config;
mod disk;
mod error;
mod feed;
mod frame;
mod handle;
mod leadership;
mod machine;
mod runtime;
mod server;
mod store;
mod types;

pub use config::{RaftLogConfig, Timing};
pub use error::RaftLogError;
pub use handle::{RaftLog, Wake};

#[cfg(test)]
mod suite;
