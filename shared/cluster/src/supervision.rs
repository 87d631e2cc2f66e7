//! A supervisor's judgement: who is silent, who is stuck, who has caught up, and what to decide about it. No I/O.

mod dispute;
mod quarantine;
mod shortage;

use crate::candidacy::Grant;
use crate::electorate::Voter;
use crate::message::{Hot, Leading, Message, Present};
use crate::record::{Control, Reason, Record};
use crate::role::Role;
use dispute::Court;
use quarantine::Ward;
use shortage::Watch;
use std::collections::{BTreeMap, VecDeque};
use wire::{Epoch, Incarnation, Nanos, NodeId, Seq, Term};

pub use dispute::Undecided;

/// How patient a supervisor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// After so much silence a node counts as gone.
    pub failover: Nanos,
    /// How often decisions are told again.
    pub announce: Nanos,
    /// How long a proposal may take before it is made again.
    pub propose_again: Nanos,
}

/// After so many failover timeouts without progress a sequencer counts as stuck; doubled each time that it did not help.
const STUCK_AFTER: u64 = 4;
/// The most that this is doubled.
const MAX_DOUBLINGS: u32 = 5;

/// The described nodes, by role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roster {
    /// Loggers.
    pub loggers: Vec<NodeId>,
    /// Engines, the one that should be hot first at the head.
    pub engines: Vec<NodeId>,
    /// Sequencers.
    pub sequencers: Vec<NodeId>,
    /// Gateways.
    pub gateways: Vec<NodeId>,
}

/// A node, as it was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Heard {
    present: Present,
    at: Nanos,
}

/// The present epoch's sequencer, as it was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Reign {
    /// When it spoke last, or when it was granted the epoch.
    heard: Nanos,
    /// When more was committed last, or nothing was waiting.
    progress: Nanos,
    said: Option<Leading>,
}

/// One supervisor.
///
/// It is driven like this:
///
/// 1. [`Supervisor::handle_applied`] for each record of the control log.
/// 2. [`Supervisor::handle_message`] for each message of the control group.
/// 3. If it leads: [`Supervisor::poll_proposal`] until `None`.
/// 4. [`Supervisor::poll_announcement`] until `None`; each is said in the control group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Supervisor {
    roster: Roster,
    timeouts: Timeouts,
    control: Control,
    heard: BTreeMap<NodeId, Heard>,
    reign: Option<Reign>,
    /// The highest number that any epoch's sequencer has called committed.
    committed: Seq,
    /// When the hot engine was named.
    named_at: Nanos,
    /// Since when engines have heard of a higher term than the one that is recorded.
    overtaken_since: Option<Nanos>,
    /// An engine that says that it has taken over, in a term that is not recorded yet.
    taken: Option<Hot>,
    /// The highest epoch that a logger has promised.
    promised: Epoch,
    /// Where the stream ended when a learner was heard first.
    learners: BTreeMap<Voter, Seq>,
    /// What was proposed and not applied yet, and since when.
    proposed: Option<(Record, Nanos)>,
    /// Epochs that were granted one after the other without any of them committing something.
    fruitless: u32,
    announcements: VecDeque<Message>,
    announce_at: Nanos,
    /// When it judged last.
    looked_at: Nanos,
    watch: Watch,
    ward: Ward,
    court: Court,
}

impl Supervisor {
    /// A supervisor before the first record.
    #[must_use]
    pub fn new(roster: Roster, timeouts: Timeouts) -> Self {
        Self {
            roster,
            timeouts,
            control: Control::default(),
            heard: BTreeMap::new(),
            reign: None,
            committed: Seq(0),
            named_at: Nanos(0),
            overtaken_since: None,
            taken: None,
            promised: Epoch(0),
            learners: BTreeMap::new(),
            proposed: None,
            fruitless: 0,
            announcements: VecDeque::new(),
            announce_at: Nanos(0),
            looked_at: Nanos(0),
            watch: Watch::default(),
            ward: Ward::default(),
            court: Court::default(),
        }
    }

    /// Takes the next record of the control log. False if it had no effect.
    pub fn handle_applied(&mut self, now: Nanos, record: &Record) -> bool {
        if self.proposed.as_ref().is_some_and(|(proposed, _)| proposed == record) {
            self.proposed = None;
        }
        let effective = self.control.apply(record);
        if effective {
            match record {
                Record::Grant { .. } => {
                    self.fruitless = (self.fruitless + 1).min(MAX_DOUBLINGS + 1);
                    self.reign = Some(Reign { heard: now, progress: now, said: None });
                }
                Record::Hot { .. } => self.named_at = now,
                Record::Dispute { .. } | Record::Settle { .. } => self.court.turn(now),
                _ => {}
            }
            self.announce_at = now;
        }
        effective
    }

    /// Takes a message of the control group.
    pub fn handle_message(&mut self, now: Nanos, from: NodeId, message: &Message) {
        match message {
            Message::Present(present) => {
                if present.role == Role::Logger {
                    self.promised = self.promised.max(present.epoch);
                }
                self.heard.insert(from, Heard { present: *present, at: now });
            }
            Message::Leading(leading) => self.hear_leading(now, *leading),
            Message::Recover(word) => self.hear_word(now, word),
            Message::Stopped(stopped) => self.hear_stopped(from, stopped),
            Message::Quarantine(word) => self.hear_quarantine(now, *word),
            Message::Differ(dispute) => self.hear_differ(now, from, *dispute),
            Message::Found(finding) => self.hear_found(from, *finding),
            Message::Hot(hot) if hot.engine == from => {
                self.taken = self.taken.into_iter().chain([*hot]).max_by_key(Hot::rank);
            }
            _ => {}
        }
    }

    fn hear_leading(&mut self, now: Nanos, leading: Leading) {
        let granted = self.control.highest_grant();
        let Some(reign) = &mut self.reign else { return };
        if granted.is_none_or(|grant| (grant.epoch, grant.nonce) != (leading.epoch, leading.nonce)) {
            return;
        }
        reign.heard = now;
        let idle = leading.open && leading.committed == leading.last;
        if idle || leading.committed.seq > self.committed {
            reign.progress = now;
            self.committed = leading.committed.seq;
            if leading.open {
                self.fruitless = 0;
            }
        }
        reign.said = Some(leading);
    }

    /// What to propose, if this supervisor leads.
    pub fn poll_proposal(&mut self, now: Nanos) -> Option<Record> {
        self.looked_at = now;
        self.look_for_shortage(now);
        let overtaken = self.control.hot().is_some_and(|hot| self.term_heard(now) > hot.term);
        self.overtaken_since = overtaken.then(|| self.overtaken_since.unwrap_or(now));
        if let Some((_, since)) = &self.proposed
            && now.since(*since) < self.timeouts.propose_again
        {
            return None;
        }
        let record = self
            .admission(now)
            .or_else(|| self.start())
            .or_else(|| self.grant(now))
            .or_else(|| self.promotion(now))
            .or_else(|| self.taken_over())
            .or_else(|| self.settlement(now))
            .or_else(|| self.dispute(now))
            .or_else(|| self.hot(now))
            .or_else(|| self.seconds(now))
            .or_else(|| self.quarantine(now))?;
        self.proposed = Some((record.clone(), now));
        Some(record)
    }

    /// What to say in the control group; until `None`.
    pub fn poll_announcement(&mut self, now: Nanos) -> Option<Message> {
        if now >= self.announce_at {
            self.announce_at = now.saturating_add(self.timeouts.announce);
            self.announcements.clear();
            self.announcements.extend(self.control.highest_grant().cloned().map(Message::Granted));
            self.announcements.extend(self.control.hot().map(Message::Hot));
            // Only who leads looks, and just before it speaks.
            let short = self.shortage().filter(|_| self.looked_at == now);
            self.announcements.extend(short.cloned().map(Message::Short));
            self.announcements.extend(self.quarantined());
            self.announcements.extend(self.disputed());
            self.announcements.extend(self.objection(now).filter(|_| self.looked_at == now));
            let waiting = self.heard.iter().filter(|(_, heard)| heard.present.incarnation == Incarnation(0));
            for (node, heard) in waiting {
                let life = self.control.life_of(*node).filter(|life| life.token == heard.present.token);
                self.announcements.extend(life.map(Message::Admitted));
            }
        }
        self.announcements.pop_front()
    }

    /// When to poll again if nothing is heard: silence, too, has to be noticed.
    #[must_use]
    pub fn next_deadline(&self, leads: bool) -> Nanos {
        let silence = self.reign.filter(|_| leads).map(|reign| {
            let due = reign.heard.saturating_add(self.patience_for_first_word(&reign));
            // A silence that was noticed and could not be answered is looked at again with the next announcement.
            if due < self.looked_at { self.announce_at } else { due }
        });
        silence.map_or(self.announce_at, |due| due.min(self.announce_at))
    }

    /// What stands decided.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// What the present epoch's sequencer said last.
    #[must_use]
    pub fn leading(&self) -> Option<Leading> {
        self.reign.and_then(|reign| reign.said)
    }

    /// A node that is here, if it is.
    fn alive(&self, now: Nanos, node: NodeId) -> Option<Present> {
        let heard = self.heard.get(&node)?;
        (now.since(heard.at) < self.timeouts.failover).then_some(heard.present)
    }

    /// A process that has no life yet, or an empty log.
    fn admission(&self, now: Nanos) -> Option<Record> {
        let loggers = self.roster.loggers.iter().map(|node| (*node, true));
        let gateways = self.roster.gateways.iter().map(|node| (*node, false));
        loggers.chain(gateways).find_map(|(node, logger)| {
            let present = self.alive(now, node)?;
            let issued = self.control.life_of(node).is_some_and(|life| life.token == present.token);
            let wanted = present.incarnation == Incarnation(0) && !issued;
            let above = Incarnation(0);
            wanted.then_some(Record::Admit { node, token: present.token, above, logger })
        })
    }

    /// A majority holds the first frame of an epoch that has to be recorded before anything is released in it.
    fn start(&self) -> Option<Record> {
        let grant = self.control.highest_grant()?;
        let leading = self.leading()?;
        (!grant.started && leading.held).then_some(Record::Started { epoch: grant.epoch, nonce: grant.nonce })
    }

    /// An epoch for somebody, if there is none, or the present one is in trouble.
    fn grant(&self, now: Nanos) -> Option<Record> {
        let Some(grant) = self.control.highest_grant() else {
            return self.grant_to(now, Reason::First, self.candidate(now, None)?);
        };
        let current = (grant.sequencer, grant.nonce);
        let why = self.trouble(now, grant)?;
        let to = match why {
            Reason::Membership => current,
            _ => self.candidate(now, Some(current))?,
        };
        self.grant_to(now, why, to)
    }

    fn trouble(&self, now: Nanos, grant: &Grant) -> Option<Reason> {
        let reign = self.reign?;
        let process = self.alive(now, grant.sequencer).map(|present| present.token);
        if process.is_some_and(|token| token != grant.nonce) {
            return Some(Reason::StartedAgain);
        }
        if now.since(reign.heard) >= self.patience_for_first_word(&reign) {
            return Some(Reason::Silent);
        }
        if now.since(reign.progress) >= self.patience() {
            return Some(Reason::Stuck);
        }
        let leads = reign.said.is_some_and(|said| said.open);
        (leads && grant.started && *self.control.voters() != grant.loggers).then_some(Reason::Membership)
    }

    /// How long an epoch may make no progress.
    fn patience(&self) -> Nanos {
        Nanos((self.timeouts.failover.0 * STUCK_AFTER) << self.fruitless.min(MAX_DOUBLINGS))
    }

    /// A sequencer that has just been granted its epoch first asks the loggers and fetches the best log.
    fn patience_for_first_word(&self, reign: &Reign) -> Nanos {
        match reign.said {
            Some(_) => self.timeouts.failover,
            None => self.patience(),
        }
    }

    /// The process that would be granted the next epoch: one that is here, another one than `failed` if possible, and of
    /// those the one that has seen most.
    fn candidate(&self, now: Nanos, failed: Option<(NodeId, u64)>) -> Option<(NodeId, u64)> {
        let here = self.roster.sequencers.iter().filter_map(|node| {
            let present = self.alive(now, *node)?;
            Some((*node, present))
        });
        here.max_by_key(|(node, present)| {
            let fresh = failed != Some((*node, present.token));
            (fresh, present.position.seq, std::cmp::Reverse(*node))
        })
        .map(|(node, present)| (node, present.token))
    }

    /// A grant to this process, if enough loggers are here to make it worth something.
    fn grant_to(&self, now: Nanos, why: Reason, (sequencer, nonce): (NodeId, u64)) -> Option<Record> {
        let in_effect = self.control.in_effect();
        let voting = in_effect.iter().filter(|voter| self.votes(now, *voter)).count();
        let after = self.control.epoch();
        let epoch = Epoch(after.max(self.promised).0 + 1);
        if !in_effect.is_empty() && voting >= in_effect.majority() {
            let cold = Vec::new();
            return Some(Record::Grant { after, epoch, sequencer, nonce, cold, why });
        }
        if !in_effect.is_empty() {
            // Those who voted may come back with all that they have acknowledged; or an operator does without it.
            return self.recover(now, epoch, (sequencer, nonce));
        }
        let cold: Vec<_> = self.roster.loggers.iter().filter_map(|node| self.living(now, *node)).collect();
        if cold.len() < self.roster.loggers.len() || cold.is_empty() {
            return None;
        }
        Some(Record::Grant { after, epoch, sequencer, nonce, cold, why })
    }

    /// Whether this life of a logger is here.
    fn votes(&self, now: Nanos, voter: Voter) -> bool {
        self.alive(now, voter.node).is_some_and(|present| present.incarnation == voter.incarnation)
    }

    /// Whether this life of a logger is over for good.
    fn is_replaced(&self, voter: Voter) -> bool {
        self.control.life_of(voter.node).is_some_and(|life| life.incarnation > voter.incarnation)
    }

    /// The present life of a logger that is here.
    fn living(&self, now: Nanos, node: NodeId) -> Option<Voter> {
        let incarnation = self.alive(now, node)?.incarnation;
        (incarnation != Incarnation(0)).then_some(Voter { node, incarnation })
    }

    /// A learner that holds the epoch's start and everything that was stamped when it came.
    fn promotion(&mut self, now: Nanos) -> Option<Record> {
        let grant = self.control.highest_grant()?;
        let leading = self.reign?.said.filter(|said| said.open && grant.started)?;
        let epoch = grant.epoch;
        for node in self.roster.loggers.clone() {
            let Some(voter) = self.living(now, node) else { continue };
            let current =
                self.control.life_of(node).is_some_and(|life| life.incarnation == voter.incarnation);
            if !current || self.control.voters().contains(voter) {
                continue;
            }
            let upto = *self.learners.entry(voter).or_insert(leading.last.seq);
            let present = self.alive(now, node)?;
            if present.ready && present.epoch == epoch && present.position.seq >= upto {
                return Some(Record::Promote { voter, epoch });
            }
        }
        None
    }

    /// An engine that speaks, if none does.
    fn hot(&self, now: Nanos) -> Option<Record> {
        let (why, failed) = match self.control.hot() {
            None => (Reason::First, None),
            // Everything that it says is one more wrong word: nothing is waited for.
            Some(hot) if self.control.is_fenced(hot.engine, hot.token) => {
                (Reason::Wrong, Some((hot.engine, hot.token)))
            }
            // Who took the higher term is gone before it could say so here, and whoever heard it is silent.
            Some(_)
                if self.overtaken_since.is_some_and(|since| now.since(since) >= self.timeouts.failover) =>
            {
                (Reason::Silent, None)
            }
            Some(hot) => (self.silence_of(now, hot)?, Some((hot.engine, hot.token))),
        };
        let able = |node: NodeId| self.able(now, node).filter(|token| failed != Some((node, *token)));
        let (engine, token) = self.roster.engines.iter().find_map(|node| Some((*node, able(*node)?)))?;
        let (successor, scribe) = self.behind(now, engine, None);
        let after = self.control.hot().map_or(Term(0), |hot| hot.term);
        let term = Term(after.max(self.term_heard(now)).0 + 1);
        Some(Record::Hot { after, hot: Hot { term, engine, token, successor, scribe }, why })
    }

    /// The highest term of which an engine that is here has heard.
    fn term_heard(&self, now: Nanos) -> Term {
        let engines = self.roster.engines.iter().filter_map(|node| self.alive(now, *node));
        engines.map(|present| present.term).max().unwrap_or_default()
    }

    /// The process of an engine that is here, ready, and was not found wrong.
    fn able(&self, now: Nanos, node: NodeId) -> Option<u64> {
        let present = self.alive(now, node)?;
        (present.ready && !self.control.is_fenced(node, present.token)).then_some(present.token)
    }

    /// The successor has not waited for anybody.
    fn taken_over(&self) -> Option<Record> {
        let known = self.control.hot()?;
        let hot = self.taken.filter(|taken| taken.rank() > known.rank())?;
        Some(Record::Hot { after: known.term, hot, why: Reason::TookOver })
    }

    /// Others stand behind the hot engine than those that are named.
    fn seconds(&self, now: Nanos) -> Option<Record> {
        let hot = self.control.hot()?;
        let (successor, scribe) = self.behind(now, hot.engine, hot.successor);
        let Hot { term, engine, .. } = hot;
        ((successor, scribe) != (hot.successor, hot.scribe)).then_some(Record::Seconds {
            term,
            engine,
            successor,
            scribe,
        })
    }

    /// Who stands behind this engine: its successor, which stays the same as long as it is able, and who writes the snapshots.
    fn behind(&self, now: Nanos, hot: NodeId, present: Option<NodeId>) -> (Option<NodeId>, Option<NodeId>) {
        let engines = self.roster.engines.iter().copied();
        let able: Vec<_> = engines.filter(|node| *node != hot && self.able(now, *node).is_some()).collect();
        let successor = present.filter(|node| able.contains(node)).or(able.first().copied());
        let other = able.iter().copied().find(|node| Some(*node) != successor);
        let wrong = self.alive(now, hot).is_some_and(|present| self.control.is_fenced(hot, present.token));
        (successor, other.or(successor).or(Some(hot).filter(|_| !wrong)))
    }

    fn silence_of(&self, now: Nanos, hot: Hot) -> Option<Reason> {
        if now.since(self.named_at) < self.timeouts.failover {
            return None;
        }
        match self.alive(now, hot.engine) {
            None => Some(Reason::Silent),
            Some(present) if present.token != hot.token => Some(Reason::StartedAgain),
            Some(present) if !present.ready => Some(Reason::Stuck),
            Some(_) => None,
        }
    }
}
