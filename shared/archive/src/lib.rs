//! What is kept beside the log, so that nobody has to begin at its first frame: snapshot files.
//!
//! `docs/SNAPSHOT.md` draws the format byte by byte. A file is a [`Head`], then what a sequencer needs (*ledger*), what a
//! gateway needs (*definitions*), and what an engine needs (*state*); this crate knows none of them, only that they are whole.
//! What stands before the state can be had alone: a [`Beginning`].
//!
//! - [`Store`] is a directory of such files: [`Store::begin`] writes one aside and shows it when it is whole and synced,
//!   [`Store::receive`] does the same with the bytes of a file from elsewhere, [`Store::newest`] goes back past damaged ones.
//! - [`Writing`] and [`Snapshot`] are the format itself, over anything that can be written or read.
//!
//! - [`Service`] hands them, and the log that lies beside them, on over TCP; [`Client`] asks for them.
//! - [`Past`] is what a node that does not wait sees of that, [`Detour`] its way around the stream; [`Fetching`] is the thread
//!   that waits instead.
//!
//! Snapshots are a cache. Whatever is wrong with one costs time, never history: the errors say what an operator may do, and
//! the reader takes the one before.

#![forbid(unsafe_code)]

mod client;
mod error;
mod fetching;
mod head;
mod past;
mod reading;
mod service;
mod store;
mod talk;
mod writing;

pub use client::{Client, ClientError, Frames};
pub use error::{Fault, SnapshotError};
pub use fetching::{Begin, Beginnings, Fetching};
pub use head::{About, HEAD_LEN, Head, MAX_DEFINITIONS_LEN, MAX_LEDGER_LEN, OLDEST_VERSION, VERSION};
pub use past::{Detour, Found, NoPast, Past, Patience, Piece, Since, Taken, WORTH_FETCHING, Wanted, Way};
pub use reading::{Beginning, Snapshot, State, verify};
pub use service::{MAX_CONNECTIONS, Service, Settings};
pub use store::{Aside, Incoming, Partial, Store};
pub use talk::Listed;
pub use writing::Writing;
