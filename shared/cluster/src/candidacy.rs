//! The sequencer's way into an epoch: ask for promises, adopt the best log, begin.

use crate::electorate::{Electorate, Voter};
use crate::planted::{Fault, planted};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::command::{Adopted, Opening};
use wire::{Epoch, Nanos, NodeId, Position};

/// What the supervisors grant: one epoch to one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The epoch.
    pub epoch: Epoch,
    /// Whose it is.
    pub sequencer: NodeId,
    /// Which process of it.
    pub nonce: u64,
    /// The loggers that vote in it.
    pub loggers: Electorate,
    /// Whose promises it needs before it begins.
    pub quorum: Quorum,
    /// From which frame on its frames can be committed.
    pub opening: Opening,
    /// Whether the logs that it asks for hold all that was ever acknowledged.
    pub adopted: Adopted,
    /// Whether the control log has recorded it as started.
    pub started: bool,
}

/// Whose promises an epoch needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quorum {
    /// Of a majority of these: the loggers of the last epoch that started.
    Majority(Electorate),
    /// Of all of these: there is nobody whose votes could be relied on, so the longest valid history of all is adopted.
    All(Electorate),
}

impl Quorum {
    /// Those who are asked.
    #[must_use]
    pub fn voters(&self) -> &Electorate {
        match self {
            Self::Majority(voters) | Self::All(voters) => voters,
        }
    }

    /// How many of them must answer.
    #[must_use]
    pub fn needed(&self) -> usize {
        match self {
            Self::Majority(_) if planted(Fault::AskOne) => 1,
            Self::Majority(voters) => voters.majority(),
            Self::All(voters) => voters.len(),
        }
    }
}

/// A member's answer: it has promised, and its log ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The epoch that it has promised.
    pub epoch: Epoch,
    /// The process to which it has promised it.
    pub nonce: u64,
    /// Who answers. An engine has no incarnation: 0.
    pub member: Voter,
    /// Where its log ends.
    pub last: Position,
}

/// What a candidate wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ask every member for its promise.
    Ask,
    /// Ask this member for its log, from behind the place that is held up to `upto`.
    Fetch {
        /// Who holds it.
        holder: NodeId,
        /// The place that the candidate holds.
        after: Position,
        /// The place to adopt.
        upto: Position,
    },
    /// Everything of the adopted history is held: the epoch begins behind this place.
    Begin {
        /// The last place of the adopted history.
        parent: Position,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Not enough have answered, or those who have are given a moment for others.
    Asking,
    /// The best log is on its way.
    Fetching { holder: Voter, upto: Position, heard: Nanos },
    /// Begun.
    Done,
}

/// How patient a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    /// How long it waits for an answer before it asks again.
    pub ask_again: Nanos,
    /// How long it waits, once enough have answered, for others who may know more.
    pub linger: Nanos,
    /// How long the holder of the best log may be silent before its answer counts no more.
    pub fetch: Nanos,
}

/// One candidacy: from the grant to the epoch's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidacy {
    grant: Grant,
    patience: Patience,
    answers: BTreeMap<Voter, Position>,
    /// What the candidate knows to be committed.
    committed: Position,
    /// The place up to which it holds the history that it would adopt.
    held: Position,
    stage: Stage,
    ask_at: Nanos,
    enough_since: Option<Nanos>,
}

impl Candidacy {
    /// A candidate that holds everything up to `committed`, which every later history holds too.
    #[must_use]
    pub fn new(grant: Grant, committed: Position, patience: Patience, now: Nanos) -> Self {
        Self {
            grant,
            patience,
            answers: BTreeMap::new(),
            committed,
            held: committed,
            stage: Stage::Asking,
            ask_at: now,
            enough_since: None,
        }
    }

    /// What was granted.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The place up to which the history to adopt is held.
    #[must_use]
    pub fn held(&self) -> Position {
        self.held
    }

    /// Takes an answer.
    pub fn handle_answer(&mut self, now: Nanos, answer: &Answer) {
        let mine = answer.epoch == self.grant.epoch && answer.nonce == self.grant.nonce;
        if !mine || self.stage == Stage::Done {
            return;
        }
        self.answers.insert(answer.member, answer.last);
        if self.enough_since.is_none() && self.has_enough() {
            self.enough_since = Some(now);
        }
    }

    /// Frames of the wanted log have come, and were checked to go on behind what was held: everything up to here is held now.
    pub fn handle_fetched(&mut self, now: Nanos, held: Position) {
        if let Stage::Fetching { heard, .. } = &mut self.stage {
            *heard = now;
            self.held = held;
        }
    }

    /// What to do next; to be called until `None`.
    pub fn poll(&mut self, now: Nanos) -> Option<Wish> {
        match self.stage {
            Stage::Done => None,
            Stage::Asking => self.poll_asking(now),
            Stage::Fetching { upto, .. } if self.held == upto => {
                self.stage = Stage::Done;
                Some(Wish::Begin { parent: upto })
            }
            Stage::Fetching { holder, heard, .. } if now.since(heard) >= self.patience.fetch => {
                // Its answer no longer counts; another majority is waited for, which may know less or more.
                // What was fetched of this one may be no part of another's log.
                self.answers.remove(&holder);
                self.held = self.committed;
                self.stage = Stage::Asking;
                self.enough_since = self.has_enough().then_some(now);
                self.ask_at = now;
                self.poll_asking(now)
            }
            Stage::Fetching { .. } => None,
        }
    }

    /// When to poll again if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        match self.stage {
            Stage::Done => None,
            Stage::Asking => {
                let lingered = self.enough_since.map(|since| since.saturating_add(self.patience.linger));
                Some(lingered.map_or(self.ask_at, |at| at.min(self.ask_at)))
            }
            Stage::Fetching { heard, .. } => Some(heard.saturating_add(self.patience.fetch)),
        }
    }

    fn poll_asking(&mut self, now: Nanos) -> Option<Wish> {
        if let Some(since) = self.enough_since
            && (now.since(since) >= self.patience.linger || self.all_have_answered())
        {
            return Some(self.adopt(now));
        }
        if now < self.ask_at {
            return None;
        }
        self.ask_at = now.saturating_add(self.patience.ask_again);
        Some(Wish::Ask)
    }

    /// Chooses the best log of all answers, voters' or not: the highest epoch of the last frame first, then the longest. It
    /// is never worse than any answer that was counted.
    fn adopt(&mut self, now: Nanos) -> Wish {
        let best = self.answers.iter().max_by_key(|(_, last)| {
            let epoch = if planted(Fault::AdoptLongest) { Epoch(0) } else { last.epoch };
            (epoch, last.seq)
        });
        let (&holder, &upto) = best.expect("enough have answered, and enough is at least one");
        assert!(
            upto.seq >= self.held.seq || planted(Fault::AdoptLongest) || planted(Fault::AskOne),
            "the best log of a quorum ends at {upto}, before the committed {}",
            self.held
        );
        if upto == self.held {
            self.stage = Stage::Done;
            return Wish::Begin { parent: upto };
        }
        self.stage = Stage::Fetching { holder, upto, heard: now };
        Wish::Fetch { holder: holder.node, after: self.held, upto }
    }

    fn has_enough(&self) -> bool {
        let quorum = &self.grant.quorum;
        self.answers.keys().filter(|member| quorum.voters().contains(**member)).count() >= quorum.needed()
    }

    fn all_have_answered(&self) -> bool {
        self.grant.quorum.voters().iter().all(|voter| self.answers.contains_key(&voter))
    }
}
