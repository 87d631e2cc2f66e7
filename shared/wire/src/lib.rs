//! What is said: the frame, the commands, the events. No I/O, no clock, no allocation.
//!
//! A message on any stream begins with the same sixteen bytes (the [`prelude`]), so that the bus and the journal
//! can carry and check what they do not understand. Behind it stands either a [`frame`] header (what was asked, stamped
//! by the sequencer) or an [`event`] header (what came of it, told by an engine). `docs/WIRE.md` draws both, byte by byte.

pub mod units;

pub use units::*;
