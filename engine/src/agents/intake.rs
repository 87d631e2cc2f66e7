//! Which frames of the followed session an engine takes: a warm one what is committed, a hot one what comes, and neither a
//! second history on top of the first.

use cluster::{Astray, Leading};
use std::collections::VecDeque;
use wire::{Epoch, Frame, Position, Seq};

/// What to do with the next frame of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand it over to be executed, then tell with [`Intake::handle_taken`].
    Take,
    /// It was handed over before the epoch changed: tell with [`Intake::handle_taken`], and do nothing else.
    Skip,
    /// Its time has not come: it stays with the transport.
    Wait,
    /// What was handed over at this place is void: everything is to be executed anew, from [`Intake::begin_at`] on.
    Void(Position),
    /// It goes on behind nothing that is committed or was received in this very session: whoever runs this engine must look.
    Lost(Astray),
}

/// Follows one epoch after the other from behind the last place that is committed and handed over. Beyond it a hot engine
/// has a tail of places that an epoch change can void; so they are compared, one by one, with the new session's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intake {
    epoch: Epoch,
    /// The process that leads in it.
    nonce: u64,
    /// Where the epoch's parent and the highest committed place that its leader told stand.
    parent: Position,
    committed: Position,
    /// The last place that is handed over and known to be committed.
    agreed: Position,
    /// The places behind it that are handed over.
    tail: VecDeque<Position>,
    /// So many of the tail, from its front, are known to stand in the followed session.
    compared: usize,
    /// The longest that the tail may be.
    limit: usize,
    hot: bool,
}

impl Intake {
    /// Before the first frame, warm. A hot engine goes at most `limit` frames ahead of what it knows to be committed.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            epoch: Epoch(0),
            nonce: 0,
            parent: Position::GENESIS,
            committed: Position::GENESIS,
            agreed: Position::GENESIS,
            tail: VecDeque::with_capacity(limit),
            compared: 0,
            limit,
            hot: false,
        }
    }

    /// Takes uncommitted frames from now on, or no more. Those that were taken stay.
    pub fn set_hot(&mut self, hot: bool) {
        self.hot = hot;
    }

    /// Takes the word of an epoch's leader. If the epoch is a later one, the frame is told from which to listen to its
    /// session.
    pub fn handle_leading(&mut self, leading: &Leading) -> Option<Seq> {
        if leading.epoch < self.epoch || leading.epoch == self.epoch && leading.nonce != self.nonce {
            return None;
        }
        if leading.epoch == self.epoch {
            if leading.committed.seq > self.committed.seq {
                self.committed = leading.committed;
                self.settle();
            }
            return None;
        }
        (self.epoch, self.nonce) = (leading.epoch, leading.nonce);
        (self.parent, self.committed) = (leading.parent, leading.committed);
        // A place stands for all that is before it: where the epoch's parent is one of the tail, nothing up to there has to be
        // heard again. The new sequencer may not even have it; whoever has would be asked for it only after silence.
        self.compared = self.tail.iter().position(|place| *place == leading.parent).map_or(0, |at| at + 1);
        self.settle();
        Some(self.next())
    }

    /// The last place that is handed over and known to stand in the followed session.
    fn verified(&self) -> Position {
        match self.compared {
            0 => self.agreed,
            compared => self.tail[compared - 1],
        }
    }

    /// Judges the next frame of the session.
    #[must_use]
    pub fn judge(&self, frame: &Frame<'_>) -> Step {
        let here = frame.position();
        let before = self.verified();
        if !frame.follows(before) {
            return Step::Lost(Astray { last: before, committed: self.compared == 0, frame: here });
        }
        match self.tail.get(self.compared) {
            Some(place) if *place == here => Step::Skip,
            Some(place) => Step::Void(*place),
            None if here.seq <= self.committed.seq => Step::Take,
            None if self.hot && self.tail.len() < self.limit => Step::Take,
            None => Step::Wait,
        }
    }

    /// The frame that was judged last is handed over, or was before.
    pub fn handle_taken(&mut self, here: Position) {
        if self.compared == self.tail.len() {
            self.tail.push_back(here);
        }
        self.compared += 1;
        self.settle();
    }

    /// Forgets what was handed over: what lies up to `agreed`, which is committed, is handed over in another way.
    pub fn begin_at(&mut self, agreed: Position) {
        self.agreed = agreed;
        self.tail.clear();
        self.compared = 0;
    }

    /// The next frame, which is known to be committed, is handed over without having been heard in the session.
    pub fn handle_fetched(&mut self, here: Position) {
        assert!(self.tail.is_empty(), "{here} is fetched while {} frames may be void", self.tail.len());
        assert_eq!(here.seq, self.agreed.seq.next(), "{here} is fetched behind {}", self.agreed);
        self.agreed = here;
    }

    /// The frame from which to listen to the session.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.verified().seq.next()
    }

    /// The last place that the leader has called committed.
    #[must_use]
    pub fn committed(&self) -> Position {
        self.committed
    }

    /// What of the tail is now both in the followed session and committed there can never be void.
    fn settle(&mut self) {
        while self.compared > 0
            && let Some(&place) = self.tail.front()
            && place.seq <= self.committed.seq
        {
            self.tail.pop_front();
            self.compared -= 1;
            self.agreed = place;
        }
    }

    /// The epoch that is followed; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last place that is handed over and known to be committed.
    #[must_use]
    pub fn agreed(&self) -> Position {
        self.agreed
    }

    /// The last place that is handed over.
    #[must_use]
    pub fn handed(&self) -> Position {
        self.tail.back().copied().unwrap_or(self.agreed)
    }

    /// How many places are handed over and not known to be committed.
    #[must_use]
    pub fn uncommitted(&self) -> usize {
        self.tail.len()
    }

    /// The last number of which this engine knows that the cluster had it when the epoch began, or committed it since.
    #[must_use]
    pub fn known(&self) -> Seq {
        self.parent.seq.max(self.committed.seq)
    }
}
