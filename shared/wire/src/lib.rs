//! What is said: the frame, the commands, the events. No I/O, no clock, no allocation.
//!
//! A message on any stream begins with the same sixteen bytes (the [`prelude`]), so that the bus and the journal
//! can carry and check what they do not understand. Behind it stands either a [`frame`] header (what was asked, stamped
//! by the sequencer) or an [`event`] header (what came of it, told by an engine). `docs/WIRE.md` draws both, byte by byte.
//!
//! Everything is little endian and packed, and is read where it lies: a [`Frame`] or an [`Event`] is a checked view of
//! the bytes, never a copy of them.

#![forbid(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!(
    "frames are little endian and read in place: a big-endian machine would need a converting reader"
);

pub mod ack;
pub mod beat;
mod bodies;
pub mod command;
pub mod error;
pub mod event;
pub mod frame;
pub mod position;
pub mod prelude;
pub mod terms;
pub mod text;
pub mod units;

pub use ack::Ack;
pub use beat::Beat;
pub use command::{Command, CommandBody, CommandKind};
pub use error::FrameError;
pub use event::{Event, EventBody, EventKind, Happening};
pub use frame::{Frame, FrameHeader};
pub use position::Position;
pub use text::{ClOrdId, CurrencyCode, OperatorName, ParticipantName, Symbol, TextError, Why};
pub use units::*;

/// The number by which logs and epochs know their cluster: XXH3-64 of its name.
#[must_use]
pub fn cluster_id(name: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot(name.as_bytes())
}
