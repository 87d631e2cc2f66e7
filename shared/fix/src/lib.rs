//! The FIX protocol floor: codec and session, no I/O and no clock.
//!
//! | room | its one reason |
//! |---|---|
//! | [`frame`] | where a message begins and ends in a byte stream |
//! | [`message`] | a parsed view over one message |
//! | [`dictionary`] | which fields a message may and must have |
//! | [`writer`] | a message as bytes |
//! | [`decimal`], [`timestamp`] | values as text |
//! | [`error`] | what is wrong with a field, in the words of a session reject |
//! | [`outbox`] | what was sent, for resends |
//! | [`session`] | who says what when: sequence numbers, gaps, heartbeats, logon and logout |
//! | [`tags`] | the names |
//!
//! Architecture invariant: this floor knows nothing of the exchange. No version is welded in: BeginString(8) is
//! configuration, and what differs between versions stands in a [`dictionary::Dictionary`].
#![forbid(unsafe_code)]

pub mod decimal;
pub mod dictionary;
pub mod error;
pub mod frame;
pub mod message;
pub mod outbox;
pub mod session;
pub mod tags;
pub mod timestamp;
pub mod writer;

pub use error::{FieldError, RejectReason};
pub use frame::{Garbled, Scan, scan};
pub use message::{FieldTable, Message};
pub use outbox::{MemoryOutbox, Outbox, Sent};
pub use session::{Config, DisconnectReason, LogonRequest, Output, Role, Session};
pub use writer::{Fields, Header, Writer};

/// The byte that ends every field.
pub const SOH: u8 = 1;
