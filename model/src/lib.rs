//! The view change, checked exhaustively for small bounds.
//!
//! The actors of the model hold the cores that the binaries run (`cluster::{Acceptor, Candidacy, Commit, Following,
//! Control}`) and real frames; the model adds only what the cores take as given: a network that loses, repeats and reorders,
//! disks, crashes, and the thin glue of the drivers.
//!
//! ```text
//!   bounds        how large a world is explored
//!   log           a log and a frame in it
//!   logger        acceptor + disk: what a logger's driver does
//!   process       a sequencer's process in its epoch: candidacy, then a stream
//!   observer      a follower that moves from epoch to epoch, and hears late
//!   released      what was released to anybody: the history that must stand
//!   state         one state of the world; how it is told from others
//!   action        what can happen, and what becomes of the state
//!   world         the whole as `stateright` sees it
//!   check         runs the exploration and reports
//! ```
//!
//! How the network is modelled: whatever was said stays in the air for good, and may be heard at any time, again, or never.
//! So loss, duplication and reordering need no steps of their own.

#![forbid(unsafe_code)]

pub mod action;
pub mod bounds;
pub mod check;
pub mod log;
pub mod logger;
pub mod observer;
pub mod process;
pub mod promise;
pub mod released;
pub mod sight;
pub mod state;
pub mod world;

pub use bounds::Bounds;
pub use check::{Outcome, check};
pub use promise::{Broken, Promise};
pub use world::World;
