//! Bytes received and not yet handled, and the message that is being handled.

use crate::frame::{Garbled, Scan, scan};
use crate::message::{FieldTable, Message};
use std::hash::{Hash, Hasher};

/// Reused memory whose content means nothing between calls: all are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch<T>(pub(super) T);

impl<T> PartialEq for Scratch<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Scratch<T> {}

impl<T> Hash for Scratch<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Where the message at hand stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Current {
    None,
    /// In the first `len` unread bytes of the stream.
    Stream {
        len: usize,
    },
    /// In `replay`: it waited behind a gap.
    Replay,
}

/// Invariant: the bytes before `start` are handled; the message at hand, if of the stream, begins at `start`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inbox {
    buf: Vec<u8>,
    start: usize,
    current: Current,
    replay: Vec<u8>,
    table: Scratch<FieldTable>,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox {
            buf: Vec::new(),
            start: 0,
            current: Current::None,
            replay: Vec::new(),
            table: Scratch::default(),
        }
    }

    pub(super) fn unread(&self) -> usize {
        self.buf.len() - self.start
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.start);
        self.start = 0;
        self.buf.extend_from_slice(bytes);
    }

    pub(super) fn clear(&mut self) {
        self.buf.clear();
        self.start = 0;
        self.current = Current::None;
        self.replay.clear();
    }

    /// Done with the message at hand.
    pub(super) fn release(&mut self) {
        if let Current::Stream { len } = self.current {
            self.start += len;
        }
        self.current = Current::None;
        self.replay.clear();
    }

    /// Puts the next message of the stream at hand; `None` if there is no whole one. What is garbled is skipped.
    pub(super) fn next(&mut self, max_len: usize) -> Option<Result<(), Garbled>> {
        debug_assert_eq!(self.current, Current::None, "the message at hand is released first");
        let unread = &self.buf[self.start..];
        if unread.is_empty() {
            return None;
        }
        match scan(unread, max_len) {
            Scan::Incomplete => None,
            Scan::Garbled { skip, reason } => {
                self.start += skip;
                Some(Err(reason))
            }
            Scan::Message { len } => {
                self.current = Current::Stream { len };
                self.table.0.parse(&self.buf[self.start..self.start + len]);
                Some(Ok(()))
            }
        }
    }

    /// Puts a message at hand that waited behind a gap.
    pub(super) fn replay(&mut self, bytes: Vec<u8>) {
        self.replay = bytes;
        self.current = Current::Replay;
        self.table.0.parse(&self.replay);
    }

    /// The message at hand.
    pub(super) fn message(&self) -> Option<Message<'_>> {
        let bytes = match self.current {
            Current::None => return None,
            Current::Stream { len } => &self.buf[self.start..self.start + len],
            Current::Replay => &self.replay[..],
        };
        Some(self.table.0.view(bytes))
    }
}
