//! A follower of the sequenced stream that acts on committed frames only: what it holds back, and what an epoch change voids.

use crate::commit::{Commit, Started};
use crate::planted::{Fault, planted};
use std::collections::VecDeque;
use wire::{Ack, Chain, Epoch, Frame, Position, Seq};

/// The stream that was followed does not go on from what was committed: this follower holds a history that is not the
/// cluster's, or the cluster has lost a committed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "frame {frame} does not follow {last}, which was {how}: this node holds another history than the cluster; set its data \
     aside, start it again, and compare the loggers with `logger verify`",
    how = if *committed { "committed" } else { "received in the same epoch" }
)]
pub struct Astray {
    /// The place before.
    pub last: Position,
    /// Whether that place was committed.
    pub committed: bool,
    /// The place of the frame that came.
    pub frame: Position,
}

/// Follows one epoch after the other, always from behind the last committed frame: that one is part of every later history,
/// so nothing else has to be matched. What is not committed is held with an item of the caller's, and dropped when the epoch
/// changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Following<T> {
    commit: Commit,
    /// The last place that was handed out as committed.
    committed: Position,
    pending: VecDeque<(Position, T)>,
    places: Places,
    /// How the epoch began in which the history stood where this follower began.
    started: Option<Started>,
}

impl<T> Following<T> {
    /// A follower that holds everything up to `committed`, and remembers the chains of this many places.
    #[must_use]
    pub fn new(committed: Position, remembered: usize) -> Self {
        let mut places = Places::new(remembered);
        places.note(committed);
        Self {
            commit: Commit::new(committed.seq),
            committed,
            pending: VecDeque::new(),
            places,
            started: None,
        }
    }

    /// The same, of one who begins in the middle: the history says up to there that its epoch began like this.
    #[must_use]
    pub fn begin(committed: Position, remembered: usize, started: Option<Started>) -> Self {
        Self { started, ..Self::new(committed, remembered) }
    }

    /// The epoch that is followed; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.commit.epoch()
    }

    /// Somebody leads in this epoch, which stands on this place. If it is a later one, everything that is not committed is void,
    /// but for what lies before that place if it is held here: a place stands for all that is before it. The frame from
    /// which to listen to the epoch's session is told.
    pub fn handle_epoch(&mut self, epoch: Epoch, parent: Position) -> Option<Seq> {
        if epoch <= self.commit.epoch() {
            return None;
        }
        self.commit.watch(epoch);
        if let Some(started) = &self.started {
            self.commit.handle_started(started);
        }
        if planted(Fault::JudgeByNumber) {
            return Some(self.last().seq.next());
        }
        let held = self.pending.iter().position(|(place, _)| *place == parent).map_or(0, |at| at + 1);
        self.pending.truncate(held);
        self.places.forget_behind(self.last().seq);
        Some(self.last().seq.next())
    }

    /// Takes the next frame of the followed session, with what is to be done once it is committed.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, item: T) -> Result<(), Astray> {
        let last = self.last();
        let here = frame.position();
        if !frame.follows(last) && !planted(Fault::JudgeByNumber) {
            let committed = self.pending.is_empty();
            return Err(Astray { last, committed, frame: here });
        }
        self.commit.handle_frame(frame);
        self.pending.push_back((here, item));
        self.places.note(here);
        Ok(())
    }

    /// Takes a frame of an adopted log, which was checked to follow the one before, with what is to be done once it is
    /// committed in the epoch that adopts it.
    pub fn adopt(&mut self, place: Position, item: T) {
        assert!(place.seq == self.last().seq.next(), "{place} is adopted behind {}", self.last());
        self.pending.push_back((place, item));
        self.places.note(place);
    }

    /// Takes an acknowledgement. True if more is committed than before.
    pub fn handle_ack(&mut self, ack: &Ack) -> bool {
        self.commit.handle_ack(ack)
    }

    /// The sequencer of an epoch says that this place is committed. Whoever comes from far behind needs its word: by the
    /// acknowledgements alone it would hold back the whole history until the epoch's first frame. True if more is committed
    /// than before.
    pub fn handle_word(&mut self, epoch: Epoch, committed: Position) -> bool {
        self.commit.handle_word(epoch, committed.seq)
    }

    /// The next frame that is committed, in order.
    pub fn poll_committed(&mut self) -> Option<(Position, T)> {
        let (position, _) = self.pending.front()?;
        if position.seq > self.commit.committed() && !planted(Fault::ReleaseBeforeCommit) {
            return None;
        }
        let (position, item) = self.pending.pop_front()?;
        self.committed = position;
        Some((position, item))
    }

    /// The last place that was handed out as committed.
    #[must_use]
    pub fn committed(&self) -> Position {
        self.committed
    }

    /// The last place that was received, committed or not.
    #[must_use]
    pub fn last(&self) -> Position {
        self.pending.back().map_or(self.committed, |(position, _)| *position)
    }

    /// How many frames are held back.
    #[must_use]
    pub fn uncommitted(&self) -> usize {
        self.pending.len()
    }

    /// The commit rule's own view.
    #[must_use]
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Whether the followed history holds this place: `None` if it lies ahead, or too far back to be remembered.
    #[must_use]
    pub fn holds(&self, place: Position) -> Option<bool> {
        self.places.chain_at(place.seq).map(|chain| chain == place.chain)
    }
}

/// The chains of the latest places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Places {
    chains: VecDeque<Chain>,
    /// The number of the newest.
    last: Seq,
    limit: usize,
}

impl Places {
    fn new(limit: usize) -> Self {
        Self { chains: VecDeque::new(), last: Seq(0), limit: limit.max(1) }
    }

    fn note(&mut self, place: Position) {
        if self.chains.len() == self.limit {
            self.chains.pop_front();
        }
        self.chains.push_back(place.chain);
        self.last = place.seq;
    }

    fn forget_behind(&mut self, seq: Seq) {
        while self.last > seq && self.chains.pop_back().is_some() {
            self.last = Seq(self.last.0 - 1);
        }
    }

    fn chain_at(&self, seq: Seq) -> Option<Chain> {
        let back = usize::try_from(self.last.0.checked_sub(seq.0)?).ok()?;
        self.chains.get(self.chains.len().checked_sub(back + 1)?).copied()
    }
}
