//! Engines that differ: who says so, what executing the log anew has shown, and which of them is wrong.

use super::Supervisor;
use crate::divergence::{Differs, Dispute, Disputes, Fenced, Finding, Testimony};
use crate::message::Message;
use crate::record::Record;
use std::collections::BTreeMap;
use wire::{Nanos, NodeId};

/// How often the operator is told that a dispute stays open.
const REMIND_EVERY: Nanos = Nanos(5 * Nanos::SECOND.0);

/// Why the open dispute is not decided yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Undecided {
    /// These engines are here and have not said what they found.
    Unheard(Vec<NodeId>),
    /// Both engines have executed the same log anew and came to different ends. That decides nothing: one of them must be
    /// stopped, and the other one's finding counts.
    Contradiction([(NodeId, Finding); 2]),
}

/// What a supervisor has heard of disputes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Court {
    /// Which two differ as each engine has it, and when it said so last.
    claims: BTreeMap<NodeId, (Dispute, Nanos)>,
    /// What the engines of the open dispute have found.
    findings: BTreeMap<NodeId, Finding>,
    /// Since when the open dispute is known here.
    since: Nanos,
    /// When the operator is told next that it stays open.
    remind_at: Nanos,
    /// The operator was told that the findings contradict each other.
    contradicted: bool,
}

impl Court {
    /// A dispute was opened, or settled: what was found before is of no use any more.
    pub(super) fn turn(&mut self, now: Nanos) {
        self.findings.clear();
        self.since = now;
        self.remind_at = now.saturating_add(REMIND_EVERY);
        self.contradicted = false;
    }
}

impl Supervisor {
    /// An engine says that two differ.
    pub(super) fn hear_differ(&mut self, now: Nanos, from: NodeId, dispute: Dispute) {
        if self.roster.engines.contains(&from) {
            self.court.claims.insert(from, (dispute, now));
        }
    }

    /// An engine says what it has found. Only what belongs to the open dispute counts; whoever says it repeats it.
    pub(super) fn hear_found(&mut self, from: NodeId, finding: Finding) {
        let Disputes { number, open: Some(open), .. } = self.control.disputes() else { return };
        if finding.number == *number && open.testimony_of(from, finding.token).is_some() {
            self.court.findings.insert(from, finding);
        }
    }

    /// Where the cluster stands with disputes, once there has been one.
    pub(super) fn disputed(&self) -> Option<Message> {
        let disputes = self.control.disputes();
        (disputes.number > 0).then(|| Message::Disputed(disputes.clone()))
    }

    /// A dispute between processes that are here, if none is open.
    pub(super) fn dispute(&self, now: Nanos) -> Option<Record> {
        let Disputes { number, open: None, .. } = self.control.disputes() else { return None };
        let fresh = |at: Nanos| now.since(at) < self.timeouts.failover;
        let claims = self.court.claims.values().filter(|(_, at)| fresh(*at)).map(|(dispute, _)| *dispute);
        let counts = |dispute: &Dispute| {
            dispute.is_sound() && dispute.between.iter().all(|said| self.may_differ(now, said))
        };
        let dispute = claims.filter(counts).min_by_key(|dispute| dispute.at.seq)?;
        Some(Record::Dispute { number: number + 1, dispute })
    }

    /// Whether this is a process that is here, and counts.
    fn may_differ(&self, now: Nanos, said: &Testimony) -> bool {
        let here = self.alive(now, said.engine).is_some_and(|present| present.token == said.token);
        here && self.roster.engines.contains(&said.engine) && !self.control.is_fenced(said.engine, said.token)
    }

    /// The end of the open dispute, if it is known.
    pub(super) fn settlement(&self, now: Nanos) -> Option<Record> {
        let wrong = self.judge(now)?.ok()?;
        Some(Record::Settle { number: self.control.disputes().number, wrong })
    }

    /// Why the open dispute, if there is one, is not decided yet.
    #[must_use]
    pub fn undecided(&self, now: Nanos) -> Option<Undecided> {
        self.judge(now)?.err()
    }

    /// What to tell the operator now: that two executions of the same log differ, at once; that a dispute stays open, when it has
    /// for a while; and both every few seconds from then on.
    pub fn poll_reminder(&mut self, now: Nanos) -> Option<Undecided> {
        let why = self.undecided(now)?;
        let news = matches!(why, Undecided::Contradiction(_))
            && !std::mem::replace(&mut self.court.contradicted, true);
        if !news && now < self.court.remind_at {
            return None;
        }
        self.court.remind_at = now.saturating_add(REMIND_EVERY);
        Some(why)
    }

    /// Who is wrong in the open dispute. What decides is the findings of those that are here: what was found by a process that is
    /// gone does not count, so that an operator can take it out. Whoever holds something else than the truth is wrong, here
    /// or not: a process that only seemed to be gone must not speak again.
    fn judge(&self, now: Nanos) -> Option<Result<Vec<Fenced>, Undecided>> {
        let Disputes { number, open: Some(open), .. } = self.control.disputes() else { return None };
        let here = open.between.iter().filter(|said| !self.is_gone(now, said)).map(|said| said.engine);
        let (mut found, mut unheard) = (Vec::new(), Vec::new());
        for engine in here {
            match self.court.findings.get(&engine) {
                Some(finding) => found.push((engine, *finding)),
                None => unheard.push(engine),
            }
        }
        Some(match found[..] {
            _ if !unheard.is_empty() => Err(Undecided::Unheard(unheard)),
            [one, other] if one.1.truth != other.1.truth => Err(Undecided::Contradiction([one, other])),
            [(_, Finding { truth, .. }), ..] => {
                let wrong = open.between.iter().filter(|said| said.digest != truth);
                Ok(wrong.map(|said| self.fence(*number, open, said)).collect())
            }
            [] => Ok(Vec::new()),
        })
    }

    /// Whether a process of the dispute is over, or silent: it is waited for no more. Who has just learnt of the dispute listens
    /// first.
    fn is_gone(&self, now: Nanos, said: &Testimony) -> bool {
        match self.alive(now, said.engine) {
            Some(present) => present.token != said.token,
            None => now.since(self.court.since) >= self.timeouts.failover,
        }
    }

    /// The word by which this process is found wrong. From where on it was, it knows itself, if it has said so.
    fn fence(&self, number: u64, open: &Dispute, said: &Testimony) -> Fenced {
        let own = self.court.findings.get(&said.engine).map(|finding| finding.differs);
        let differs = own.filter(|differs| *differs != Differs::Nowhere).unwrap_or(Differs::Before(open.at));
        Fenced { engine: said.engine, token: said.token, number, differs }
    }
}
