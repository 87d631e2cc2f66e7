//! One state of the world, and how it is told from others.

use crate::bounds::Bounds;
use crate::logger::Logger;
use crate::observer::Observer;
use crate::process::{Process, Stage};
use crate::promise::Broken;
use crate::released::Released;
use cluster::acceptor::History;
use cluster::{Control, Record, Voter};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::{Incarnation, NodeId};

/// One state of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What the supervisors have decided; their Raft is taken as given.
    pub control: Control,
    /// The loggers.
    pub loggers: Vec<Logger>,
    /// The processes that were granted an epoch.
    pub processes: Vec<Process>,
    /// What was released to anybody.
    pub released: Released,
    /// A follower that hears late, if the bounds have one.
    pub observer: Option<Observer>,
    /// What was used up of the bounds.
    pub used: Used,
    /// Whether loggers are told apart by their numbers even if they are alike.
    pub named: bool,
    /// A promise that was broken on the way here.
    pub broken: Option<Broken>,
}

/// What was used up of the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Used {
    /// See [`Bounds::commands`].
    pub commands: u8,
    /// See [`Bounds::crashes`].
    pub crashes: u8,
    /// See [`Bounds::losses`].
    pub losses: u8,
    /// See [`Bounds::silences`].
    pub silences: u8,
}

impl State {
    /// Before the first epoch: empty logs, each with its first life.
    #[must_use]
    pub fn empty(bounds: &Bounds) -> Self {
        let mut control = Control::default();
        let mut loggers = Vec::new();
        for number in 1..=bounds.loggers {
            let (node, above) = (NodeId(number), Incarnation(0));
            control.apply(&Record::Admit { node, token: 1, above, logger: true });
            loggers.push(Logger::new(Voter { node, incarnation: Incarnation(1) }));
        }
        Self {
            control,
            loggers,
            processes: Vec::new(),
            released: Released::default(),
            observer: bounds.observer.then(Observer::default),
            used: Used::default(),
            named: bounds.named || bounds.silences > 0,
            broken: None,
        }
    }

    /// All that there is to know of one logger. Loggers in their first life are alike, so a state is known by the *set* of
    /// these. The one thing that depends on a logger's number is which of two equally good logs a core chooses; the fetch
    /// therefore takes either, unless loggers are told apart.
    fn signature(&self, logger: &Logger) -> u64 {
        let mut hash = DefaultHasher::new();
        let Logger { voter, acceptor, promise, log, cursor, said } = logger;
        if self.named || voter.incarnation != Incarnation(1) {
            voter.node.hash(&mut hash);
        }
        (voter.incarnation, acceptor, promise, log.last(), log.frames().len(), cursor).hash(&mut hash);
        for ack in said {
            (ack.incarnation, ack.position).hash(&mut hash);
        }
        for process in &self.processes {
            let Some(candidate) = process.candidate() else { continue };
            for (member, last) in &candidate.answers {
                if member.node == voter.node {
                    (process.grant.epoch, member.incarnation, last).hash(&mut hash);
                }
            }
            if self.named && candidate.fetching.is_some_and(|(holder, _)| holder == voter.node) {
                process.grant.epoch.hash(&mut hash);
            }
        }
        if let Some(observer) = &self.observer {
            for ack in observer.heard.iter().filter(|ack| ack.logger == voter.node) {
                (ack.incarnation, ack.position).hash(&mut hash);
            }
        }
        hash.finish()
    }
}

/// States that differ only in the names of loggers are one.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut signatures: Vec<_> = self.loggers.iter().map(|logger| self.signature(logger)).collect();
        signatures.sort_unstable();
        signatures.hash(state);
        (&self.control, &self.released, self.used, &self.broken).hash(state);
        for process in &self.processes {
            (process.grant.epoch, process.grant.nonce, process.log.last(), process.disappointed).hash(state);
            match &process.stage {
                Stage::Candidate(candidate) => {
                    let upto = candidate.fetching.map(|(_, upto)| upto);
                    (candidate.now, candidate.base, candidate.core.held(), upto).hash(state);
                }
                Stage::Leader(leader) => {
                    let oracle = &leader.oracle;
                    (leader.parent, leader.opened, oracle.committed(), oracle.last()).hash(state);
                }
            }
        }
        if let Some(observer) = &self.observer {
            let core = &observer.core;
            (core.epoch(), core.committed(), core.last(), core.uncommitted()).hash(state);
            (core.commit().committed(), core.commit().is_open(), observer.cursor).hash(state);
        }
    }
}
