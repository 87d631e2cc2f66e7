//! Too few votes are left: what a supervisor sees of it, what it tells the operator, and what the operator's word changes.

use super::Supervisor;
use crate::electorate::Voter;
use crate::record::{Reason, Record};
use crate::recovery::{Recovery, Shortage, Survivor};
use wire::{Epoch, Nanos, NodeId};

/// An operator's word counts for so many failover timeouts: who says it repeats it.
const WORD_COUNTS_FOR: u64 = 4;
/// A shortage that passes by itself is not told.
const PLEA_AFTER: Nanos = Nanos(2 * Nanos::SECOND.0);
/// How often the operator is told.
const PLEA_EVERY: Nanos = Nanos(5 * Nanos::SECOND.0);

/// What a supervisor that leads knows of a shortage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Watch {
    /// What is short, and since when.
    short: Option<(Shortage, Nanos)>,
    /// When the operator is told next.
    plea_at: Nanos,
    /// What an operator said, and when.
    word: Option<(Recovery, Nanos)>,
}

impl Supervisor {
    /// An operator has spoken.
    pub(super) fn hear_word(&mut self, now: Nanos, word: &Recovery) {
        self.watch.word = Some((word.clone(), now));
    }

    /// Looks whether there is a shortage, as the supervisor that leads.
    pub(super) fn look_for_shortage(&mut self, now: Nanos) {
        let short = self.judge_votes(now);
        let since = self.watch.short.take().map(|(_, since)| since);
        if since.is_none() {
            self.watch.plea_at = now.saturating_add(PLEA_AFTER);
        }
        self.watch.short = short.map(|short| (short, since.unwrap_or(now)));
    }

    /// What is short, if this supervisor leads and something is.
    #[must_use]
    pub fn shortage(&self) -> Option<&Shortage> {
        self.watch.short.as_ref().map(|(short, _)| short)
    }

    /// What to tell the operator now: when a shortage has lasted for a while, and every few seconds from then on.
    pub fn poll_plea(&mut self, now: Nanos) -> Option<Shortage> {
        let (short, _) = self.watch.short.as_ref().filter(|_| now >= self.watch.plea_at)?;
        self.watch.plea_at = now.saturating_add(PLEA_EVERY);
        Some(short.clone())
    }

    /// The sequencer is in trouble, and of the loggers that vote no majority is here.
    fn judge_votes(&self, now: Nanos) -> Option<Shortage> {
        let grant = self.control.highest_grant()?;
        let in_effect = self.control.in_effect();
        let voting = in_effect.iter().filter(|voter| self.votes(now, *voter)).count();
        if in_effect.is_empty() || voting >= in_effect.majority() {
            return None;
        }
        self.trouble(now, grant).filter(|why| *why != Reason::Membership)?;
        let here = |node: &NodeId| {
            let voter = self.living(now, *node).filter(|voter| self.control.is_current(*voter))?;
            Some(Survivor { voter, last: self.alive(now, *node)?.position })
        };
        let loggers = &self.roster.loggers;
        Some(Shortage {
            after: grant.epoch,
            in_effect: in_effect.clone(),
            over: in_effect.iter().filter(|voter| self.is_replaced(*voter)).collect(),
            here: loggers.iter().filter_map(here).collect(),
            missing: loggers.iter().copied().filter(|node| here(node).is_none()).collect(),
        })
    }

    /// What an operator's word allows: first that it is recorded, then an epoch over the loggers that it names, once all of
    /// them are here.
    pub(super) fn recover(
        &self,
        now: Nanos,
        epoch: Epoch,
        (sequencer, nonce): (NodeId, u64),
    ) -> Option<Record> {
        let after = self.control.epoch();
        if let Some(word) = self.word(now) {
            return Some(Record::Recover { after, loggers: word.loggers.clone() });
        }
        let allowed = self.control.recovery()?;
        let cold: Vec<Voter> = allowed.iter().collect();
        let why = Reason::ColdStart;
        cold.iter().all(|voter| self.votes(now, *voter)).then_some(Record::Grant {
            after,
            epoch,
            sequencer,
            nonce,
            cold,
            why,
        })
    }

    /// An operator's word that is about what is there, and not recorded yet.
    fn word(&self, now: Nanos) -> Option<&Recovery> {
        let (word, at) = self.watch.word.as_ref()?;
        let fresh = now.since(*at) < Nanos(self.timeouts.failover.0 * WORD_COUNTS_FOR);
        let short = self.shortage().filter(|short| fresh && short.accepted() == *word)?;
        let recorded = self
            .control
            .recovery()
            .is_some_and(|allowed| allowed.iter().eq(short.here.iter().map(|survivor| survivor.voter)));
        (!recorded && !word.loggers.is_empty()).then_some(word)
    }
}
