//! The commit rule: what a majority of an epoch's loggers have acknowledged in that epoch.

use crate::electorate::{Electorate, Voter};
use crate::planted::{Fault, planted};
use std::collections::BTreeMap;
use wire::command::{EpochStart, Opening};
use wire::{Ack, Command, Epoch, Frame, Position, Seq};

/// So many loggers' acknowledgements are kept while the epoch's first frame, which tells whose count, has not come.
const EARLY_ACKS: usize = 16;

/// How an epoch began: what whoever begins behind its first frame has not heard, and needs to count its acknowledgements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Started {
    /// Which epoch.
    pub epoch: Epoch,
    /// Its first frame.
    pub seq: Seq,
    /// The frame from which on its frames can be committed, once it is stamped.
    pub opens_at: Option<Seq>,
    /// Who votes in it.
    pub electorate: Electorate,
}

impl Started {
    /// By an epoch's first frame, which stands there.
    #[must_use]
    pub fn by(at: Position, start: &EpochStart) -> Self {
        let opens_at = (start.opening == Opening::AtStart).then_some(at.seq);
        Self { epoch: at.epoch, seq: at.seq, opens_at, electorate: Electorate::of(start) }
    }
}

/// Watches one epoch's acknowledgements, and knows how far the history is committed.
///
/// A position is committed in an epoch when a majority of its loggers have acknowledged it *in that epoch*, and the frame
/// that opens the epoch is among what they acknowledged. So nothing adopted from an older epoch counts before the new
/// epoch's own first frame is held by a majority: an old frame on a majority of disks can still be overruled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Commit {
    epoch: Epoch,
    /// Who votes; known from the epoch's first frame on.
    electorate: Electorate,
    /// The epoch's first frame, once it has come.
    start: Option<Seq>,
    /// The frame that must be acknowledged before anything counts, once it is known.
    opens_at: Option<Seq>,
    /// The highest acknowledgement of each in this epoch, whatever order the network delivered.
    acked: BTreeMap<Voter, Seq>,
    /// Never goes back, over all epochs.
    committed: Seq,
}

impl Commit {
    /// Everything up to `committed` is known to be; no epoch is watched yet.
    #[must_use]
    pub fn new(committed: Seq) -> Self {
        Self { committed, ..Self::default() }
    }

    /// Watches this epoch from now on: no acknowledgement of another one counts.
    pub fn watch(&mut self, epoch: Epoch) {
        if !planted(Fault::MixEpochs) {
            self.acked.clear();
        }
        self.epoch = epoch;
        self.electorate = Electorate::default();
        self.start = None;
        self.opens_at = None;
    }

    /// Takes note of a frame of the watched epoch's history. To be called for each, in order.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        let header = frame.header();
        if { header.epoch } != self.epoch || header.kind > Self::LAST_OWN_KIND {
            return;
        }
        let at = frame.position();
        match frame.command() {
            Ok(Command::EpochStart(start)) => self.begin(Started::by(at, start)),
            Ok(Command::EpochOpen(_)) => self.opens_at = self.opens_at.or(Some(at.seq)),
            _ => return,
        }
        self.count();
    }

    /// The watched epoch began like this, before all that this follower hears of it.
    pub fn handle_started(&mut self, started: &Started) {
        if started.epoch == self.epoch && self.start.is_none() {
            self.begin(started.clone());
            self.count();
        }
    }

    fn begin(&mut self, started: Started) {
        let Started { seq, opens_at, electorate, .. } = started;
        if !planted(Fault::CountStaleIncarnation) {
            self.acked.retain(|voter, _| electorate.contains(*voter));
        }
        (self.electorate, self.start, self.opens_at) = (electorate, Some(seq), opens_at);
    }

    /// The kinds up to here are the sequencer's own, and may open an epoch.
    const LAST_OWN_KIND: u8 = 0x0F;

    /// Takes an acknowledgement. True if more is committed than before.
    pub fn handle_ack(&mut self, ack: &Ack) -> bool {
        let voter = Voter { node: ack.logger, incarnation: ack.incarnation };
        let known = !self.electorate.is_empty();
        if ack.position.epoch != self.epoch && !planted(Fault::MixEpochs)
            || known && !self.electorate.contains(voter) && !planted(Fault::CountStaleIncarnation)
            || !known && self.acked.len() >= EARLY_ACKS
        {
            return false;
        }
        let highest = self.acked.entry(voter).or_default();
        if ack.position.seq <= *highest {
            return false;
        }
        *highest = ack.position.seq;
        self.count()
    }

    /// The sequencer of an epoch says that everything up to here is committed. It counts by the same rule; in the watched epoch
    /// its word is taken. True if more is committed than before.
    pub fn handle_word(&mut self, epoch: Epoch, committed: Seq) -> bool {
        let news = epoch == self.epoch && committed > self.committed;
        if news {
            self.committed = committed;
        }
        news
    }

    /// How far everything is committed.
    #[must_use]
    pub fn committed(&self) -> Seq {
        self.committed
    }

    /// The epoch that is watched.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the epoch's own opening frame is committed: from here on its history stands.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opens_at.is_some_and(|opens_at| self.committed >= opens_at)
    }

    /// Whether a majority of the epoch's loggers holds its first frame, committed or not.
    #[must_use]
    pub fn start_is_held(&self) -> bool {
        self.start.is_some_and(|start| self.held_by_majority() >= start)
    }

    /// Who votes in the watched epoch; empty while its first frame has not come.
    #[must_use]
    pub fn electorate(&self) -> &Electorate {
        &self.electorate
    }

    /// What a majority has acknowledged.
    fn count(&mut self) -> bool {
        let opens_at = match self.opens_at {
            Some(opens_at) => opens_at,
            None if planted(Fault::CommitBeforeStart) => Seq(0),
            None => return false,
        };
        let held = self.held_by_majority();
        if held <= self.committed || held < opens_at && !planted(Fault::CommitBeforeStart) {
            return false;
        }
        self.committed = held;
        true
    }

    fn held_by_majority(&self) -> Seq {
        let mut held = [Seq(0); wire::command::MAX_LOGGERS];
        let mut votes = 0;
        for voter in self.electorate.iter() {
            held[votes] = if planted(Fault::CountStaleIncarnation) {
                let lives = self.acked.iter().filter(|(other, _)| other.node == voter.node);
                lives.map(|(_, seq)| *seq).max().unwrap_or_default()
            } else {
                self.acked.get(&voter).copied().unwrap_or_default()
            };
            votes += 1;
        }
        if votes == 0 {
            return Seq(0);
        }
        held[..votes].sort_unstable_by(|one, other| other.cmp(one));
        held[self.electorate.majority() - 1]
    }
}
