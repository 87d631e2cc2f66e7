//! What is missing from the peer, and what waits behind it.

use std::collections::BTreeMap;
use wire::Nanos;

/// A ResendRequest that is not answered in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// The highest number known to be missing or to wait.
    pub(super) through: u64,
    /// When it was last asked for.
    pub(super) at: Nanos,
}

/// What waits under a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Waiting {
    /// A message to be handled in its turn.
    Message(Vec<u8>),
    /// Its number counts in its turn; it was handled when it came (a Logon, a ResendRequest).
    Handled,
}

/// Bounded by messages and bytes; a newcomer beyond the bound is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Gap {
    pub(super) asked: Option<Asked>,
    /// Whether something was dropped since it was last asked for.
    pub(super) dropped: bool,
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
}

impl Gap {
    pub(super) fn clear(&mut self) {
        *self = Gap::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The message `seq` was handled before its turn. Beyond the bound this is forgotten: the number will be asked for.
    pub(super) fn mark_handled(&mut self, seq: u64, max_messages: usize) {
        if self.waiting.contains_key(&seq) {
            return;
        }
        if self.waiting.len() >= max_messages {
            self.dropped = true;
            return;
        }
        self.waiting.insert(seq, Waiting::Handled);
    }

    /// False if there is no room.
    pub(super) fn keep(&mut self, seq: u64, message: &[u8], max_messages: usize, max_bytes: usize) -> bool {
        if self.waiting.contains_key(&seq) {
            return true;
        }
        if self.waiting.len() >= max_messages || self.bytes + message.len() > max_bytes {
            self.dropped = true;
            return false;
        }
        self.bytes += message.len();
        self.waiting.insert(seq, Waiting::Message(message.to_vec()));
        true
    }

    /// What waits under `next_in`, if anything. What waits under lower numbers is dropped: a gap fill went past it.
    pub(super) fn take(&mut self, next_in: u64) -> Option<Waiting> {
        while let Some(first) = self.waiting.first_entry() {
            if *first.key() > next_in {
                return None;
            }
            let seq = *first.key();
            let waiting = first.remove();
            if let Waiting::Message(bytes) = &waiting {
                self.bytes -= bytes.len();
            }
            if seq == next_in {
                return Some(waiting);
            }
        }
        None
    }

    /// Forgets what was asked for once all of it has come.
    pub(super) fn settle(&mut self, next_in: u64) {
        if self.asked.is_some_and(|asked| asked.through < next_in) {
            self.asked = None;
            self.dropped = false;
        }
    }
}
