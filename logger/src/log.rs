//! What the logger needs of a journal, so that it also runs on a disk that a simulator makes.

use cluster::acceptor::History;
use journal::{Journal, JournalError};
use wire::{Position, Seq};

/// A log of messages numbered without gaps. What is appended is *written*; it is *synced* some time later, by somebody else
/// who waits for the disk.
pub trait Log {
    /// Appends one message, exactly as it came: whole, and the next one (for frames: stamped behind the last one).
    ///
    /// # Errors
    /// Nothing was written. [`JournalError::NoSpace`] may be tried again; [`JournalError::Failed`] is final.
    fn append(&mut self, message: &[u8]) -> Result<(), JournalError>;

    /// The message with this number.
    fn get(&self, number: u64) -> Option<&[u8]>;

    /// The first number at hand; [`Log::next`] if nothing is. Those before are in an archive, or never were.
    fn first(&self) -> u64 {
        1
    }

    /// Whether the disk has confirmed whatever it was asked to. A log of which it has not cannot be believed any more.
    ///
    /// # Errors
    /// Final.
    fn healthy(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// The number that the next message must have; 1 if nothing was ever kept.
    fn next(&self) -> u64;

    /// The place of the last message; of events only the number.
    fn last_position(&self) -> Position;

    /// The place of any message held, or the one before the first; of events only the number.
    fn position_of(&self, number: u64) -> Option<Position>;

    /// The number up to which the disk has confirmed. Never above the last one appended.
    fn synced(&self) -> u64;

    /// Makes this number the last one: what stands behind it is gone, and that is synced, when this returns.
    ///
    /// # Errors
    /// [`JournalError::Truncation`] if the log does not reach there; anything else is final.
    fn truncate_after(&mut self, number: u64) -> Result<(), JournalError>;

    /// Syncs everything appended, here and now: for a clean end.
    ///
    /// # Errors
    /// Final.
    fn sync_now(&mut self) -> Result<u64, JournalError>;

    /// What a status tells of its size.
    fn extent(&self) -> Extent;
}

/// How large a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Segments held.
    pub segments: usize,
    /// Bytes of the records that were appended since it was opened.
    pub bytes: u64,
}

impl Log for Journal {
    fn append(&mut self, message: &[u8]) -> Result<(), JournalError> {
        Journal::append(self, message)
    }

    fn get(&self, number: u64) -> Option<&[u8]> {
        Journal::get(self, number)
    }

    fn first(&self) -> u64 {
        Journal::first(self)
    }

    fn healthy(&self) -> Result<(), JournalError> {
        Journal::healthy(self)
    }

    fn next(&self) -> u64 {
        Journal::next(self)
    }

    fn last_position(&self) -> Position {
        Journal::last_position(self)
    }

    fn position_of(&self, number: u64) -> Option<Position> {
        Journal::position_of(self, number)
    }

    fn synced(&self) -> u64 {
        Journal::synced(self)
    }

    fn truncate_after(&mut self, number: u64) -> Result<(), JournalError> {
        Journal::truncate_after(self, number)
    }

    fn sync_now(&mut self) -> Result<u64, JournalError> {
        Journal::sync_now(self)
    }

    fn extent(&self) -> Extent {
        Extent { segments: self.segments(), bytes: self.stats().bytes }
    }
}

/// A log as the acceptor looks at it.
pub(crate) struct AsHistory<'a, L>(pub(crate) &'a L);

impl<L: Log> History for AsHistory<'_, L> {
    fn last(&self) -> Position {
        self.0.last_position()
    }

    fn position_of(&self, seq: Seq) -> Option<Position> {
        self.0.position_of(seq.0)
    }
}
