//! A sequencer's process in its epoch: a candidacy, then a stream.

use crate::log::{Kept, Log};
use crate::logger::CLUSTER;
use crate::promise::{Broken, Promise};
use crate::released::Released;
use cluster::acceptor::History;
use cluster::candidacy::Patience;
use cluster::{Answer, Candidacy, Commit, Following, Grant, Voter, Wish};
use wire::command::{EpochStart, Opening};
use wire::{Ack, Epoch, Nanos, NodeId, Position};

/// Time is counted in steps of one: what has to wait waits one.
const PATIENCE: Patience = Patience { ask_again: Nanos(1 << 40), linger: Nanos(1), fetch: Nanos(1) };

/// A process that was granted an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// What was granted.
    pub grant: Grant,
    /// What it holds: the history to adopt, then its stream.
    pub log: Log,
    /// Where it stands.
    pub stage: Stage,
    /// Its holder fell silent before.
    pub disappointed: bool,
}

/// Where a process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// On its way.
    Candidate(Box<Candidate>),
    /// It speaks.
    Leader(Box<Leader>),
}

/// A process on its way into its epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The core.
    pub core: Candidacy,
    /// Its clock.
    pub now: Nanos,
    /// The answers that count; a copy of what the core holds, to tell states apart.
    pub answers: Vec<(Voter, Position)>,
    /// Whose log is fetched, and up to where.
    pub fetching: Option<(NodeId, Position)>,
    /// The places that it held from the start: what is fetched stands behind them.
    pub base: Position,
}

/// A process that speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The place on which its epoch stands.
    pub parent: Position,
    /// Its `EpochOpen` is stamped, or needs not be.
    pub opened: bool,
    /// An observer that hears everything of this epoch at once: it releases whatever anybody who follows this epoch might.
    pub oracle: Following<Kept>,
}

impl Process {
    /// A process that was granted an epoch, and holds this log, all of it committed.
    #[must_use]
    pub fn new(grant: Grant, log: Log) -> Self {
        let base = log.last();
        let mut core = Candidacy::new(grant.clone(), base, PATIENCE, Nanos(0));
        // The first thing that it wants is to ask; whatever was asked stays in the air.
        while core.poll(Nanos(0)).is_some() {}
        let candidate = Candidate { core, now: Nanos(0), answers: Vec::new(), fetching: None, base };
        Self { grant, log, stage: Stage::Candidate(Box::new(candidate)), disappointed: false }
    }

    /// Its epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.grant.epoch
    }

    /// As a candidate, if it is one.
    #[must_use]
    pub fn candidate(&self) -> Option<&Candidate> {
        match &self.stage {
            Stage::Candidate(candidate) => Some(candidate),
            Stage::Leader(_) => None,
        }
    }

    /// As a leader, if it is one.
    #[must_use]
    pub fn leader(&self) -> Option<&Leader> {
        match &self.stage {
            Stage::Leader(leader) => Some(leader),
            Stage::Candidate(_) => None,
        }
    }

    /// A candidate hears an answer.
    pub fn answer(&mut self, answer: &Answer) {
        let Stage::Candidate(candidate) = &mut self.stage else { return };
        candidate.core.handle_answer(candidate.now, answer);
        candidate.answers.retain(|(member, _)| *member != answer.member);
        candidate.answers.push((answer.member, answer.last));
        candidate.answers.sort_unstable_by_key(|(member, _)| *member);
    }

    /// A candidate has waited for a moment. True if that changed something.
    pub fn wait(&mut self, released: &Released) -> Result<bool, Broken> {
        let Stage::Candidate(candidate) = &mut self.stage else { return Ok(false) };
        candidate.now = Nanos(candidate.now.0 + 1);
        let silent = candidate.fetching.take();
        if let Some((holder, _)) = silent {
            candidate.answers.retain(|(member, _)| member.node != holder);
            self.disappointed = true;
        }
        let wished = self.poll(released)?;
        Ok(wished || silent.is_some())
    }

    /// A candidate has fetched another frame.
    pub fn fetched(&mut self, frame: &Kept, released: &Released) -> Result<(), Broken> {
        let Stage::Candidate(candidate) = &mut self.stage else { return Ok(()) };
        let held = self.log.last();
        if !frame.frame().follows(held) {
            // The holder's log holds all that is committed, and so all that the candidate held before it fetched.
            let how =
                format!("{} of the best log does not follow {held}, which the candidate holds", frame.place);
            return Err(Broken::new(Promise::ServedIsSaid, how));
        }
        self.log.append(frame.clone());
        candidate.core.handle_fetched(candidate.now, frame.place);
        self.poll(released).map(|_| ())
    }

    fn poll(&mut self, released: &Released) -> Result<bool, Broken> {
        let Stage::Candidate(candidate) = &mut self.stage else { return Ok(false) };
        let Some(wish) = candidate.core.poll(candidate.now) else { return Ok(false) };
        match wish {
            // What was asked stays in the air.
            Wish::Ask => Ok(false),
            Wish::Fetch { holder, after, upto } => {
                // What was fetched of another holder is not part of what is fetched now.
                self.log.cut_after(after.seq);
                candidate.fetching = Some((holder, upto));
                Ok(true)
            }
            Wish::Begin { parent } => {
                self.log.cut_after(parent.seq);
                self.begin(parent, released)?;
                Ok(true)
            }
        }
    }

    fn begin(&mut self, parent: Position, released: &Released) -> Result<(), Broken> {
        if self.log.last() != parent {
            let how = format!("it begins behind {parent} and holds {}", self.log.last());
            return Err(Broken::new(Promise::ServedIsSaid, how));
        }
        if let Some(lost) = released.missing_in(self.epoch(), &self.log) {
            let how = format!("epoch {} begins behind {parent}, without {lost}", self.epoch());
            return Err(Broken::new(Promise::ReleasedStands, how));
        }
        let (loggers, logger_count) = self.grant.loggers.seats();
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: self.grant.sequencer,
            logger_count,
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: self.grant.nonce,
            cluster: CLUSTER,
            loggers,
            opening: self.grant.opening,
            adopted: self.grant.adopted,
            reserved: [0; 6],
        };
        let mut oracle = Following::new(Position::GENESIS, 1);
        oracle.handle_epoch(self.epoch(), Position::GENESIS);
        let opened = self.grant.opening == Opening::AtStart;
        let adopted = self.log.frames().to_vec();
        self.stage = Stage::Leader(Box::new(Leader { parent, opened, oracle }));
        for frame in adopted {
            self.oracle_hears(&frame)?;
        }
        self.stamp(Kept::start(&start, parent, self.epoch()))
    }

    /// A leader stamps its next command.
    pub fn stamp_command(&mut self) -> Result<(), Broken> {
        let frame = Kept::command(self.grant.nonce, self.log.last(), self.epoch());
        self.stamp(frame)
    }

    /// A leader stamps its `EpochOpen`.
    pub fn stamp_open(&mut self) -> Result<(), Broken> {
        let frame = Kept::open(self.grant.sequencer, self.log.last(), self.epoch());
        self.stamp(frame)?;
        if let Stage::Leader(leader) = &mut self.stage {
            leader.opened = true;
        }
        Ok(())
    }

    fn stamp(&mut self, frame: Kept) -> Result<(), Broken> {
        self.oracle_hears(&frame)?;
        self.log.append(frame);
        Ok(())
    }

    fn oracle_hears(&mut self, frame: &Kept) -> Result<(), Broken> {
        let Stage::Leader(leader) = &mut self.stage else { return Ok(()) };
        leader
            .oracle
            .handle_frame(&frame.frame(), frame.clone())
            .map_err(|astray| Broken::new(Promise::NoAssertion, astray.to_string()))
    }

    /// An acknowledgement is in the air: the epoch's oracle hears it.
    pub fn acknowledged(&mut self, ack: &Ack) {
        if let Stage::Leader(leader) = &mut self.stage {
            leader.oracle.handle_ack(ack);
        }
    }

    /// What the epoch's oracle releases now.
    pub fn poll_released(&mut self) -> Option<Kept> {
        match &mut self.stage {
            Stage::Leader(leader) => leader.oracle.poll_committed().map(|(_, frame)| frame),
            Stage::Candidate(_) => None,
        }
    }

    /// The commit rule as the leader sees it when it has heard everything.
    #[must_use]
    pub fn commit(&self) -> Option<&Commit> {
        self.leader().map(|leader| leader.oracle.commit())
    }
}
