//! What lies far behind an engine, and how it comes by it: a snapshot, then the log in bulk, then the stream.

use crate::{Exchange, Replica};
use std::fmt::Debug;
use wire::Position;

/// Something of the past.
#[derive(Debug)]
pub enum Found<'a> {
    /// It is being looked for.
    Later,
    /// The state behind a command that every later history holds.
    Snapshot(Box<Replica<Exchange>>),
    /// The next frame behind it, or behind where this engine was. It stays the next one until [`Past::taken`].
    Frame(&'a [u8]),
    /// There is no more of it: what is still missing is asked for in the stream.
    End,
}

/// Where an engine finds what it has not heard. Nothing here waits.
pub trait Past: Debug + Send {
    /// Looks for what lies behind `after` up to `upto`, which is committed. Without an `after`, from the newest snapshot on that
    /// can be had and that the log holds, or else from the first frame on. What was looked for before is forgotten.
    fn look(&mut self, after: Option<Position>, upto: Position);

    /// What has been found.
    fn poll(&mut self) -> Found<'_>;

    /// The frame that was found last is handed over.
    fn taken(&mut self);
}

/// Nothing can be had but by the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl Past for NoPast {
    fn look(&mut self, _after: Option<Position>, _upto: Position) {}

    fn poll(&mut self) -> Found<'_> {
        Found::End
    }

    fn taken(&mut self) {}
}
