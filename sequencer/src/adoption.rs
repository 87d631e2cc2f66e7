//! A log on its way from the member that holds the best one: what it adds to what is committed here.

use cluster::{Astray, Entry};
use std::collections::VecDeque;
use wire::{Frame, Position};

/// The frames behind the committed place, in order, as they come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Adoption {
    committed: Position,
    entries: Vec<(Position, Entry)>,
    /// The last ones, to be said again.
    tail: VecDeque<Box<[u8]>>,
    tail_limit: usize,
}

impl Adoption {
    /// Behind `committed`; of all that comes the last `tail_limit` frames are kept to be said again.
    pub(crate) fn new(committed: Position, tail_limit: usize) -> Self {
        Self { committed, entries: Vec::new(), tail: VecDeque::new(), tail_limit }
    }

    /// Takes the next frame.
    pub(crate) fn take(&mut self, frame: &Frame<'_>) -> Result<(), Astray> {
        let last = self.held();
        if !frame.follows(last) {
            return Err(Astray { last, committed: self.entries.is_empty(), frame: frame.position() });
        }
        self.entries.push((frame.position(), Entry::of(frame)));
        if self.tail.len() == self.tail_limit {
            self.tail.pop_front();
        }
        self.tail.push_back(frame.bytes().into());
        Ok(())
    }

    /// The place up to which everything is held.
    pub(crate) fn held(&self) -> Position {
        self.entries.last().map_or(self.committed, |(place, _)| *place)
    }

    /// Everything that was taken, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Position, Entry)> + '_ {
        self.entries.iter().cloned()
    }

    /// How many frames were taken.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last frames, in order.
    pub(crate) fn tail(&self) -> impl Iterator<Item = &[u8]> {
        self.tail.iter().map(|bytes| &**bytes)
    }

    /// The number of the first of them, or the next one if there are none.
    pub(crate) fn tail_begins_at(&self) -> u64 {
        self.held().seq.0 + 1 - self.tail.len() as u64
    }
}
