//! The control log: what the supervisors decide, one record after the other, and what stands decided after each.

use crate::candidacy::{Grant, Quorum};
use crate::divergence::{Dispute, Disputes, Fenced};
use crate::electorate::{Electorate, Voter};
use crate::message::{Hot, Life};
use crate::quarantine::{MAX_QUARANTINED, Quarantine};
use crate::recovery::Survivor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use wire::command::{Adopted, Opening};
use wire::{Epoch, Incarnation, NodeId, Term};

/// A decision. Each is a compare-and-set: it says what it was decided upon, and has no effect where something else stands by
/// then. So it may be proposed twice, or too late.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// An epoch for a sequencer's process.
    Grant {
        /// The highest grant at the time of deciding.
        after: Epoch,
        /// The epoch.
        epoch: Epoch,
        /// Whose it is.
        sequencer: NodeId,
        /// Which process of it.
        nonce: u64,
        /// Nobody's votes can be relied on: all of these must answer, and vote from then on. Empty otherwise. Where others'
        /// votes were in effect, an operator must have said so before.
        cold: Vec<Voter>,
        /// Why.
        why: Reason,
    },
    /// A majority of an epoch's own loggers holds its `EpochStart`.
    Started {
        /// The epoch.
        epoch: Epoch,
        /// Its process.
        nonce: u64,
    },
    /// A life for a process of a gateway, or for an empty log.
    Admit {
        /// The node.
        node: NodeId,
        /// The process.
        token: u64,
        /// The highest life that the node knows of itself.
        above: Incarnation,
        /// Whether it is a logger.
        logger: bool,
    },
    /// A learner has caught up: it votes from the next epoch on.
    Promote {
        /// Which life of which logger.
        voter: Voter,
        /// The epoch in which it has caught up.
        epoch: Epoch,
    },
    /// The engine that speaks.
    Hot {
        /// The term at the time of deciding.
        after: Term,
        /// A later term, or the one that the engine has taken by itself.
        hot: Hot,
        /// Why.
        why: Reason,
    },
    /// An operator's word: too few votes are left, and the next epoch goes on with these logs, whatever they lack.
    Recover {
        /// The highest grant at the time of deciding.
        after: Epoch,
        /// The loggers, and where their logs ended.
        loggers: Vec<Survivor>,
    },
    /// Who stands behind the engine that speaks.
    Seconds {
        /// The term.
        term: Term,
        /// The engine that speaks in it.
        engine: NodeId,
        /// Who takes over if it falls silent.
        successor: Option<NodeId>,
        /// Who writes the snapshots.
        scribe: Option<NodeId>,
    },
    /// An operator's word: no engine executes the command at this place. It stands for good.
    Quarantine(Quarantine),
    /// Two engines differ, and it is not known yet which of them is wrong.
    Dispute {
        /// Its number: one more than that of the last one, which must be decided.
        number: u64,
        /// Who differs, and where.
        dispute: Dispute,
    },
    /// The open dispute is decided.
    Settle {
        /// Its number.
        number: u64,
        /// Who was found wrong: none if the processes that differed are gone.
        wrong: Vec<Fenced>,
    },
}

/// Why something was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// There was none before.
    First,
    /// The one before has not been heard for the failover timeout.
    Silent,
    /// The one before is another process now.
    StartedAgain,
    /// The one before speaks, and nothing is committed.
    Stuck,
    /// The loggers that vote have changed.
    Membership,
    /// Too few votes are left, and an operator said to go on with what is there.
    ColdStart,
    /// The one before fell silent, and its successor has taken over by itself.
    TookOver,
    /// The one before was found wrong.
    Wrong,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "there was none before",
            Self::Silent => "the one before has fallen silent",
            Self::StartedAgain => "the one before has been started again",
            Self::Stuck => "the one before makes no progress",
            Self::Membership => "the loggers that vote have changed",
            Self::ColdStart => "too few votes were left, and an operator said to go on with these loggers",
            Self::TookOver => "the one before fell silent, and its successor has taken over",
            Self::Wrong => "the one before has computed something else than the log says",
        })
    }
}

/// The supervisors' replicated log, as one supervisor's duty cycle sees it.
pub trait ControlLog {
    /// Proposes a record. It may be lost, and it may come late.
    fn propose(&mut self, record: Record);
    /// The next record that is committed, each once, in order, from the first one on.
    fn poll_applied(&mut self) -> Option<Record>;
    /// Whether this supervisor leads, and may decide.
    fn may_propose(&self) -> bool;
}

/// What stands decided: a pure function of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Control {
    grant: Option<Grant>,
    /// The loggers of the last epoch that is recorded as started: whoever comes next must ask them.
    in_effect: Electorate,
    /// The loggers of the next epoch.
    voters: Electorate,
    /// The loggers that an operator said to go on with, until an epoch of theirs has started.
    recovery: Option<Electorate>,
    lives: BTreeMap<NodeId, Life>,
    hot: Option<Hot>,
    /// The commands that no engine executes, in the order in which operators said so.
    quarantined: Vec<Quarantine>,
    disputes: Disputes,
}

impl Control {
    /// Applies the next record. False if something else stood by then, and it had no effect.
    pub fn apply(&mut self, record: &Record) -> bool {
        match record {
            Record::Grant { after, epoch, sequencer, nonce, cold, why: _ } => {
                self.grant(*after, *epoch, (*sequencer, *nonce), cold)
            }
            Record::Started { epoch, nonce } => self.started(*epoch, *nonce),
            Record::Admit { node, token, above, logger } => self.admit(*node, *token, *above, *logger),
            Record::Promote { voter, epoch } => self.promote(*voter, *epoch),
            Record::Recover { after, loggers } => self.allow(*after, loggers),
            Record::Hot { after, hot, why } => self.name_hot(*after, *hot, *why),
            Record::Seconds { term, engine, successor, scribe } => {
                self.name_seconds((*term, *engine), *successor, *scribe)
            }
            Record::Quarantine(word) => self.quarantine(*word),
            Record::Dispute { number, dispute } => self.dispute(*number, *dispute),
            Record::Settle { number, wrong } => self.settle(*number, wrong),
        }
    }

    fn grant(
        &mut self,
        after: Epoch,
        epoch: Epoch,
        (sequencer, nonce): (NodeId, u64),
        cold: &[Voter],
    ) -> bool {
        if self.epoch() != after || epoch <= after || cold.is_empty() && self.in_effect.is_empty() {
            return false;
        }
        let adopted = if cold.is_empty() || self.in_effect.is_empty() {
            self.recovery = None;
            Adopted::Whole
        } else if self.recovery == Some(Electorate::new(cold.iter().copied())) {
            Adopted::MayLack
        } else {
            return false;
        };
        let (quorum, opening) = if cold.is_empty() {
            let same = self.voters == self.in_effect;
            let opening = if same { Opening::AtStart } else { Opening::AtOpen };
            (Quorum::Majority(self.in_effect.clone()), opening)
        } else {
            self.voters = Electorate::new(cold.iter().copied());
            (Quorum::All(self.voters.clone()), Opening::AtOpen)
        };
        let loggers = self.voters.clone();
        let started = opening == Opening::AtStart;
        self.grant = Some(Grant { epoch, sequencer, nonce, loggers, quorum, opening, adopted, started });
        true
    }

    fn started(&mut self, epoch: Epoch, nonce: u64) -> bool {
        let Some(grant) = &mut self.grant else { return false };
        if (grant.epoch, grant.nonce) != (epoch, nonce) || grant.started {
            return false;
        }
        grant.started = true;
        self.in_effect = grant.loggers.clone();
        self.recovery = None;
        true
    }

    fn admit(&mut self, node: NodeId, token: u64, above: Incarnation, logger: bool) -> bool {
        let last = self.lives.get(&node);
        if last.is_some_and(|life| life.token == token) {
            return false;
        }
        // A control log that was begun anew has issued none of the lives that vote.
        let voting = self.voters.life_of(node).unwrap_or_default();
        let highest = last.map_or(Incarnation(0), |life| life.incarnation).max(above).max(voting);
        let incarnation = Incarnation(highest.0 + 1);
        self.lives.insert(node, Life { node, token, incarnation });
        if logger && self.grant.is_none() {
            self.voters.seat(Voter { node, incarnation });
        }
        true
    }

    fn promote(&mut self, voter: Voter, epoch: Epoch) -> bool {
        let valid = self.grant.as_ref().is_some_and(|grant| grant.epoch == epoch && grant.started)
            && self.lives.get(&voter.node).is_some_and(|life| life.incarnation == voter.incarnation)
            && !self.voters.contains(voter);
        if valid {
            self.voters.seat(voter);
        }
        valid
    }

    /// The permission stands until an epoch has started: one that did not has released nothing.
    fn allow(&mut self, after: Epoch, loggers: &[Survivor]) -> bool {
        let voters = loggers.iter().map(|survivor| survivor.voter);
        let current = !loggers.is_empty() && voters.clone().all(|voter| self.is_current(voter));
        let allowed = Some(Electorate::new(voters));
        let valid =
            after == self.epoch() && !self.in_effect.is_empty() && current && self.recovery != allowed;
        if valid {
            self.recovery = allowed;
        }
        valid
    }

    /// A decision of the supervisors goes on from the term upon which it was made. Of a term that an engine has taken by itself
    /// they only take note.
    fn name_hot(&mut self, after: Term, hot: Hot, why: Reason) -> bool {
        let present = self.hot.map_or(Term(0), |hot| hot.term);
        let valid = match why {
            Reason::TookOver => self.hot.is_some_and(|known| hot.rank() > known.rank()),
            _ => after == present && hot.term > present,
        };
        if valid {
            self.hot = Some(hot);
        }
        valid
    }

    fn name_seconds(
        &mut self,
        of: (Term, NodeId),
        successor: Option<NodeId>,
        scribe: Option<NodeId>,
    ) -> bool {
        let Some(hot) = self.hot.as_mut().filter(|hot| hot.rank() == of) else { return false };
        let news = (hot.successor, hot.scribe) != (successor, scribe);
        (hot.successor, hot.scribe) = (successor, scribe);
        news
    }

    fn quarantine(&mut self, word: Quarantine) -> bool {
        let known = self.quarantined.iter().any(|other| other.position == word.position);
        let valid = !known && self.quarantined.len() < MAX_QUARANTINED;
        if valid {
            self.quarantined.push(word);
        }
        valid
    }

    /// One at a time, and not about a process that was found wrong before.
    fn dispute(&mut self, number: u64, dispute: Dispute) -> bool {
        let Disputes { number: last, open, .. } = self.disputes;
        let fenced = dispute.between.iter().any(|said| self.is_fenced(said.engine, said.token));
        let valid = number == last + 1 && open.is_none() && dispute.is_sound() && !fenced;
        if valid {
            (self.disputes.number, self.disputes.open) = (number, Some(dispute));
        }
        valid
    }

    fn settle(&mut self, number: u64, wrong: &[Fenced]) -> bool {
        let Disputes { number: last, open, fenced } = &mut self.disputes;
        let valid = number == *last && open.take().is_some();
        if valid {
            fenced.retain(|known| wrong.iter().all(|word| word.engine != known.engine));
            fenced.extend(wrong);
        }
        valid
    }

    /// Where the cluster stands with engines that differ.
    #[must_use]
    pub fn disputes(&self) -> &Disputes {
        &self.disputes
    }

    /// Whether this process of an engine was found wrong.
    #[must_use]
    pub fn is_fenced(&self, engine: NodeId, token: u64) -> bool {
        self.disputes.fence_of(engine, token).is_some()
    }

    /// The highest epoch that was granted; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.grant.as_ref().map_or(Epoch(0), |grant| grant.epoch)
    }

    /// The highest grant.
    #[must_use]
    pub fn highest_grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// The loggers whose promises the next epoch needs.
    #[must_use]
    pub fn in_effect(&self) -> &Electorate {
        &self.in_effect
    }

    /// The loggers of the next epoch.
    #[must_use]
    pub fn voters(&self) -> &Electorate {
        &self.voters
    }

    /// The loggers with which alone an operator said to go on.
    #[must_use]
    pub fn recovery(&self) -> Option<&Electorate> {
        self.recovery.as_ref()
    }

    /// Whether no other life was issued to this logger since.
    #[must_use]
    pub fn is_current(&self, voter: Voter) -> bool {
        self.life_of(voter.node).is_none_or(|life| life.incarnation == voter.incarnation)
    }

    /// The last life that was issued to a node.
    #[must_use]
    pub fn life_of(&self, node: NodeId) -> Option<Life> {
        self.lives.get(&node).copied()
    }

    /// The commands that no engine executes.
    #[must_use]
    pub fn quarantined(&self) -> &[Quarantine] {
        &self.quarantined
    }

    /// The engine that speaks.
    #[must_use]
    pub fn hot(&self) -> Option<Hot> {
        self.hot
    }
}
