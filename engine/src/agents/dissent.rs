//! An engine that differs from another one, as the receiving agent handles it: what it says, what it looks into, and what becomes of it
//! if it was found wrong.

use super::comparison::Comparison;
use super::shared::{Attested, Shared};
use crate::inquiry::{Inquirer, Question};
use crate::trail::Kept;
use cluster::{Dispute, Disputes, Fenced, Finding, Message, Present};
use wire::{Nanos, NodeId, Position, Seq};

/// How soon it is looked again whether an inquiry has come to its end.
const LOOK_EVERY: Nanos = Nanos::from_micros(500);

/// Why an engine ends: it was found wrong, began anew, and was found wrong again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this engine was found wrong twice in one life, in the disputes {first} and {second}: it computes something else than the log gives, \
     and does so again when it begins anew. Take this machine out of service, or run the build that the other engines run"
)]
pub struct WrongTwice {
    /// The dispute of the first time.
    pub first: u64,
    /// The dispute of the second time.
    pub second: u64,
}

/// The part of the receiving agent that deals with other engines' digests.
#[derive(Debug)]
pub(super) struct Dissent {
    comparison: Comparison,
    inquirer: Box<dyn Inquirer>,
    /// The dispute that this engine looks into, or has looked into.
    asked: Option<(u64, Dispute)>,
    found: Option<Finding>,
    look_at: Option<Nanos>,
    /// The dispute in which this engine was found wrong, in this life.
    wrong: Option<u64>,
}

impl Dissent {
    pub(super) fn new(comparison: Comparison, inquirer: Box<dyn Inquirer>) -> Self {
        Self { comparison, inquirer, asked: None, found: None, look_at: None, wrong: None }
    }

    pub(super) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// Another node is here.
    pub(super) fn handle_present(&mut self, now: Nanos, from: NodeId, present: &Present) {
        self.comparison.handle_present(now, from, present);
    }

    /// A supervisor says where the cluster stands with its disputes. True if this process was found wrong: it must not go on as it is.
    pub(super) fn handle_disputed(&mut self, disputes: &Disputes) -> Result<bool, WrongTwice> {
        self.comparison.handle_disputed(disputes);
        let Some(fence) = self.comparison.fence() else { return Ok(false) };
        self.tell_wrong(fence);
        let second = fence.number;
        match self.wrong.replace(second) {
            Some(first) => Err(WrongTwice { first, second }),
            None => Ok(true),
        }
    }

    fn tell_wrong(&self, fence: Fenced) {
        let asked = self.asked.filter(|(number, _)| *number == fence.number);
        let own = asked.and_then(|(_, dispute)| self.comparison.testimony(&dispute));
        let truth =
            self.found.map_or_else(|| "unknown".to_owned(), |found| format!("{:016x}", found.truth.0));
        let digest = own.map_or_else(|| "unknown".to_owned(), |own| format!("{:016x}", own.digest.0));
        tracing::error!(
            dispute = fence.number,
            digest,
            truth,
            differs = %fence.differs,
            "found wrong: this engine has computed something else than the log gives"
        );
    }

    /// This engine has come to a place that is committed. True if there is something to say at once.
    pub(super) fn compare(&mut self, now: Nanos, generation: u32, here: Position, shared: &Shared) -> bool {
        let news = self.comparison.advance(now, here, &|seq| shared.digest_at(generation, seq));
        if let Some(Dispute { at, between: [one, other] }) = news {
            tracing::error!(
                %at,
                engine = %one.engine,
                digest = format!("{:016x}", one.digest.0),
                other = %other.engine,
                other_digest = format!("{:016x}", other.digest.0),
                "two engines differ: they have executed the same commands, and do not hold the same"
            );
        }
        news.is_some()
    }

    /// Looks into the open dispute, if this engine is in it. True if there is something to say at once.
    pub(super) fn look_into(
        &mut self,
        now: Nanos,
        quarantined: &[Position],
        remembered: impl FnOnce(Seq) -> Kept,
    ) -> bool {
        let question = self.comparison.question();
        if question != self.asked {
            (self.asked, self.found) = (question, None);
            match question {
                None => self.inquirer.give_up(),
                Some((number, dispute)) => self.begin(number, dispute, quarantined, remembered),
            }
        }
        self.look_at = None;
        if self.asked.is_some() && self.found.is_none() {
            self.found = self.inquirer.poll(now);
            match &self.found {
                None => self.look_at = Some(now.saturating_add(LOOK_EVERY)),
                Some(Finding { number, from, truth, differs, .. }) => tracing::warn!(
                    dispute = number,
                    truth = format!("{:016x}", truth.0),
                    %from,
                    %differs,
                    "the log is executed anew: this is what it gives, and from where on this engine differs from it"
                ),
            }
            return self.found.is_some();
        }
        false
    }

    fn begin(
        &mut self,
        number: u64,
        dispute: Dispute,
        quarantined: &[Position],
        remembered: impl FnOnce(Seq) -> Kept,
    ) {
        // The question is asked of whoever has testified.
        let Some(testimony) = self.comparison.testimony(&dispute) else { return };
        let (at, kept) = (dispute.at, remembered(dispute.at.seq));
        tracing::warn!(dispute = number, %at, remembered = kept.len(), "in a dispute: executing the log anew beside this engine's state");
        self.inquirer.begin(Question {
            number,
            testimony,
            at,
            equal: self.comparison.equal_before(&dispute),
            kept,
            quarantined: quarantined.to_vec(),
        });
    }

    /// What to say beside being here.
    pub(super) fn words(&mut self, now: Nanos) -> Vec<Message> {
        let complaints = self.comparison.complaints(now).map(Message::Differ);
        complaints.chain(self.found.map(Message::Found)).collect()
    }

    /// Up to where another engine vouches for what this one has executed.
    pub(super) fn attested(&self, now: Nanos) -> Attested {
        if self.comparison.is_disputed() {
            Attested::Nowhere
        } else if self.comparison.is_alone(now) {
            Attested::Alone
        } else {
            Attested::Upto(self.comparison.attested())
        }
    }

    /// This engine begins anew.
    pub(super) fn begin_again(&mut self) {
        self.comparison.begin_again();
    }

    /// It does so as another process.
    pub(super) fn renew(&mut self, token: u64) {
        self.comparison.renew(token);
    }

    /// When to look again whether the inquiry has come to its end.
    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.look_at
    }
}
