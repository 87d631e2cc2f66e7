//! The supervisors' replicated log, simulated: one order of records, a leader that changes, delays, and nothing at all while
//! no majority is there. What Raft promises, with all that Raft allows.

use crate::random::Random;
use cluster::{ControlLog, Record};
use std::cell::RefCell;
use std::rc::Rc;
use wire::Nanos;

/// How fast the supervisors agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The shortest time from a proposal to its commit, and from there to each member.
    pub hop: Nanos,
    /// What comes on top, with a long tail.
    pub jitter: Nanos,
    /// How long they are without a leader after they lost one.
    pub election: Nanos,
    /// Of a thousand proposals, so many are lost.
    pub loss: u32,
}

/// The log, as its members share it.
pub type Shared = Rc<RefCell<Council>>;

#[derive(Debug)]
struct Committed {
    record: Record,
    /// When each member learns of it.
    known: Vec<Nanos>,
}

/// All supervisors' logs.
#[derive(Debug)]
pub struct Council {
    /// The true time.
    pub now: Nanos,
    pace: Pace,
    random: Random,
    /// Which members reach a majority of them.
    reachable: Vec<bool>,
    leader: Option<usize>,
    elect_at: Option<Nanos>,
    log: Vec<Committed>,
    /// Proposals on their way: when they are committed, by whom they were made.
    proposed: Vec<(Nanos, Record)>,
    /// When members are to be woken.
    wakes: Vec<(Nanos, usize)>,
    elections: u64,
}

impl Council {
    /// A council of so many, all there, before its first election.
    #[must_use]
    pub fn new(members: usize, pace: Pace, random: Random) -> Self {
        Self {
            now: Nanos(0),
            pace,
            random,
            reachable: vec![true; members],
            leader: None,
            elect_at: Some(Nanos(0)),
            log: Vec::new(),
            proposed: Vec::new(),
            wakes: Vec::new(),
            elections: 0,
        }
    }

    /// Says which members are up and reach a majority.
    pub fn set_reachable(&mut self, reachable: Vec<bool>) {
        self.reachable = reachable;
        let gone = self.leader.map_or(self.elect_at.is_none(), |leader| !self.reachable[leader]);
        if gone {
            self.depose();
        }
    }

    /// The leader is one no more, for whatever reason; the next one comes if a majority is there.
    pub fn depose(&mut self) {
        self.leader = None;
        let election = self.pace.election;
        let after = self.random.time(Nanos(election.0 / 2), Nanos(election.0 * 2));
        self.elect_at = Some(Nanos(self.now.0 + after.0));
    }

    /// Whether enough are there to decide.
    #[must_use]
    pub fn has_majority(&self) -> bool {
        self.reachable.iter().filter(|there| **there).count() > self.reachable.len() / 2
    }

    /// Who leads, if anybody does.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        self.leader
    }

    /// How often a leader was elected.
    #[must_use]
    pub fn elections(&self) -> u64 {
        self.elections
    }

    /// When something happens here by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.proposed.iter().map(|(at, ..)| *at).chain(self.elect_at).min()
    }

    /// Lets happen what is due.
    pub fn advance(&mut self, now: Nanos) {
        self.now = now;
        if self.elect_at.is_some_and(|at| at <= now) {
            self.elect_at = None;
            if self.has_majority() {
                let there: Vec<_> = (0..self.reachable.len()).filter(|at| self.reachable[*at]).collect();
                self.leader = Some(*self.random.pick(&there));
                self.elections += 1;
                self.wakes.extend(self.leader.map(|leader| (now, leader)));
            }
        }
        while let Some(due) = (0..self.proposed.len())
            .filter(|at| self.proposed[*at].0 <= now)
            .min_by_key(|at| self.proposed[*at].0)
        {
            let (_, record) = self.proposed.remove(due);
            // Without a majority it is not committed, now or later; its proposer finds that out by itself.
            if self.has_majority() {
                self.commit(record);
            }
        }
    }

    fn commit(&mut self, record: Record) {
        let Self { random, pace, now, log, .. } = self;
        let mut known = Vec::with_capacity(self.reachable.len());
        for member in 0..self.reachable.len() {
            let at = Nanos(now.0 + pace.hop.0 + random.tailed(pace.jitter).0);
            // A member learns of the records in their order.
            let at = log.last().map_or(at, |last: &Committed| last.known[member].max(at));
            self.wakes.push((at, member));
            known.push(at);
        }
        log.push(Committed { record, known });
    }

    /// Whom to wake, and when.
    pub fn take_wakes(&mut self) -> Vec<(Nanos, usize)> {
        std::mem::take(&mut self.wakes)
    }

    /// Every record that was ever committed.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.log.iter().map(|committed| &committed.record)
    }

    /// How many records were ever committed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nothing was ever decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }
}

/// One member's view.
#[derive(Debug)]
pub struct Seat {
    council: Shared,
    member: usize,
    applied: usize,
}

impl Seat {
    /// The seat of a process that has just started: it hears every record from the first one on.
    #[must_use]
    pub fn take(council: &Shared, member: usize) -> Self {
        Self { council: Rc::clone(council), member, applied: 0 }
    }
}

impl ControlLog for Seat {
    fn propose(&mut self, record: Record) {
        let mut council = self.council.borrow_mut();
        let Council { random, pace, now, .. } = &mut *council;
        if random.per_mille(pace.loss) {
            return;
        }
        let at = Nanos(now.0 + pace.hop.0 + random.tailed(pace.jitter).0);
        council.proposed.push((at, record));
    }

    fn poll_applied(&mut self) -> Option<Record> {
        let council = self.council.borrow();
        let next = council.log.get(self.applied)?;
        if next.known[self.member] > council.now || !council.reachable[self.member] {
            return None;
        }
        self.applied += 1;
        Some(next.record.clone())
    }

    fn may_propose(&self) -> bool {
        let council = self.council.borrow();
        // A new leader has applied everything before it decides.
        council.leader == Some(self.member) && self.applied == council.log.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::Record;
    use wire::{Epoch, Incarnation, NodeId};

    fn council(members: usize) -> Shared {
        let pace = Pace { hop: Nanos(10), jitter: Nanos(50), election: Nanos(1_000), loss: 0 };
        Rc::new(RefCell::new(Council::new(members, pace, Random::new(1))))
    }

    fn admit(node: u16) -> Record {
        Record::Admit { node: NodeId(node), token: 1, above: Incarnation(0), logger: true }
    }

    fn leader(council: &Shared, seats: &[Seat]) -> Option<usize> {
        let now = council.borrow().next_deadline()?;
        council.borrow_mut().advance(now);
        seats.iter().position(ControlLog::may_propose)
    }

    #[test]
    fn all_members_hear_the_same_records_in_the_same_order() {
        let council = council(3);
        let mut seats: Vec<_> = (0..3).map(|member| Seat::take(&council, member)).collect();
        let leading = leader(&council, &seats).unwrap();
        (1..=5).for_each(|node| seats[leading].propose(admit(node)));
        council.borrow_mut().advance(Nanos(1_000_000));
        council.borrow_mut().advance(Nanos(2_000_000));
        let mut heard =
            seats.iter_mut().map(|seat| std::iter::from_fn(|| seat.poll_applied()).collect::<Vec<_>>());
        let first = heard.next().unwrap();
        assert_eq!(first.len(), 5);
        assert!(heard.all(|other| other == first));
    }

    #[test]
    fn nothing_is_decided_without_a_majority_and_something_again_with_one() {
        let council = council(3);
        let mut seats: Vec<_> = (0..3).map(|member| Seat::take(&council, member)).collect();
        let leading = leader(&council, &seats).unwrap();
        seats[leading].propose(Record::Started { epoch: Epoch(1), nonce: 1 });
        council.borrow_mut().set_reachable(vec![true, false, false]);
        council.borrow_mut().advance(Nanos(1_000_000));
        assert!(council.borrow().is_empty());
        assert!(!seats.iter().any(ControlLog::may_propose));
        council.borrow_mut().set_reachable(vec![true, false, true]);
        let leading = leader(&council, &seats).unwrap();
        assert_ne!(leading, 1, "who is not there does not lead");
    }
}
