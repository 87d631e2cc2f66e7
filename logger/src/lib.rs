//! The logger: the history, and whoever stands for it.
//!
//! ```text
//!   LoggerNode (keeper)   one thread: promises, appends, acknowledgements, answers
//!     Frames (frames)     the write-ahead log, and the sequenced stream that it is written from
//!     Events (events)     the journal of committed events
//!     Answers (answers)   repair
//!   Log, Vault            what it needs of a disk: journals and one small file, or a simulator's
//! ```
//!
//! Beside it stands what an operator asks of a journal without stopping the logger: is it whole ([`verify`]), and what is in
//! it ([`dump`]). Both read only: they take no lock and change nothing.

#![forbid(unsafe_code)]

mod answers;
mod catching_up;
mod chain;
mod complaint;
mod dump;
mod events;
mod frames;
mod healing;
mod keeper;
mod log;
mod utc;
mod vault;
mod verify;
mod words;

pub use catching_up::{catch_up, foothold};
pub use chain::{Differs, NotWrittenDown, WrittenDown};
pub use dump::{DumpError, Dumped, dump};
pub use healing::open_journal;
pub use keeper::{LoggerDisk, LoggerNode, LoggerPorts, LoggerSettings};
pub use log::{Extent, Log};
pub use vault::{FileVault, Kept, Lost, Vault};
pub use verify::{Verdict, verify};
pub use words::frame_in_words;
