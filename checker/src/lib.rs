//! Judges a run from what it left behind: the clients' own records, the loggers' directories, the engines' digests.
//!
//! It shares no code with the cluster but the layouts of `wire`. What it promises to find, and how to run it, stands in
//! `docs/CHECKER.md`.
//!
//! | room | its one reason |
//! |---|---|
//! | [`promise`] | what is promised, and what was found |
//! | [`segments`] | reads a journal's directory, from the document alone |
//! | [`log`] | one log by itself: numbers, chain, time, epochs |
//! | [`history`] | which log is the history, and where others leave it |
//! | `gateways` | the numbers of each gateway's life |
//! | `events` | the event journals, read side by side |
//! | `orders` | what the history and the events hold of each order |
//! | `reports` | a report as a client sees it, from an event or from a record |
//! | `clients` | the clients' records against all of that |
//! | [`engines`] | the engines' digests |
//! | [`check`] | the order in which it is all read |

#![forbid(unsafe_code)]

mod bits;
pub mod check;
mod clients;
pub mod engines;
mod events;
mod fills;
mod gateways;
pub mod history;
pub mod log;
mod orders;
pub mod promise;
mod reports;
pub mod segments;

pub use check::{CheckError, Inputs, Logger, Progress, Sessions, check};
pub use engines::EngineDigest;
pub use promise::{Loss, Promise, Verdict};
