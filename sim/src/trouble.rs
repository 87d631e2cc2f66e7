//! Faults as they happen to the world, bounded so that a cluster that keeps its promises can keep them; and the healing.

use crate::nemesis::Blow;
use crate::oracle::{Oracle, Verdict, broken};
use crate::process::Process;
use crate::story;
use crate::world::{Due, World};
use cluster::{Role, Voter};
use node::description::Durability;
use std::rc::Rc;
use wire::{Incarnation, Nanos, NodeId};

/// After so long a power cut is over at the latest.
const LONGEST_OUTAGE: Nanos = Nanos::from_millis(200);

impl World {
    /// A fault begins.
    pub(crate) fn blow(&mut self, nth: usize) -> Verdict {
        if self.healed {
            return Ok(());
        }
        let planned = self.blows[nth];
        story::at(self.now, "nemesis");
        story::tell(format_args!("{:?} for {} us", planned.blow, planned.lasts.0 / 1_000));
        let over = self.now.saturating_add(planned.lasts);
        self.schedule(over, Due::Relief(nth));
        let nodes = self.places.len();
        match planned.blow {
            Blow::Crash(at) => self.crash_until(at, over),
            Blow::Freeze(at) => {
                story::count("process frozen");
                self.places[at].frozen_until = self.places[at].frozen_until.max(over);
                self.reach();
            }
            Blow::Split(set) => {
                story::count("network split");
                self.cut(|one, other| (set >> one ^ set >> other) & 1 == 1);
            }
            Blow::Mute(at) => {
                story::count("one way cut");
                self.cut(|one, _| one == at);
            }
            Blow::Deafen(at) => {
                story::count("one way cut");
                self.cut(|_, other| other == at);
            }
            Blow::Part(one, other) => {
                self.cut(|from, to| (from, to) == (one, other) || (to, from) == (one, other));
            }
            Blow::Burst(loss) => {
                story::count("loss burst");
                self.network.borrow_mut().quality.loss = loss;
            }
            Blow::PowerCut(at) => {
                if self.plan.description.log.durability == Durability::Synced || self.may_lose(at) {
                    story::count("power cut of a logger");
                    self.cut_power(at);
                    self.crash_until(at, self.now.saturating_add(planned.lasts.min(LONGEST_OUTAGE)));
                }
            }
            Blow::PowerCutAll => {
                story::count("power cut of everything");
                for at in 0..nodes {
                    self.cut_power(at);
                    let back = self.random.time(Nanos::MILLI, LONGEST_OUTAGE);
                    self.crash_until(at, self.now.saturating_add(back));
                }
                // That nothing is lost is promised with `synced` alone. Without, it is a new beginning: one history from
                // here on, whatever it adopts.
                if self.plan.description.log.durability == Durability::Written {
                    self.oracle = Oracle::after_loss(Rc::clone(&self.description), &self.disks);
                    self.clients.forget();
                    self.hang_up_all();
                }
            }
            Blow::SlowDisk(at) => {
                story::count("disk slow");
                self.places[at].disk_slowness = 200;
            }
            Blow::FailSync(at) => {
                if let Some(disk) = &self.disks[at] {
                    disk.frames.borrow_mut().fails = true;
                }
            }
            Blow::FullDisk(at) => {
                story::count("disk full");
                self.set_full(at, true);
            }
            Blow::ClockJump(at, by) => {
                story::count("clock jumped");
                self.places[at].clock.jump(by);
            }
            Blow::Wipe(at) => {
                if self.may_lose(at) {
                    story::count("logger wiped");
                    self.crash_until(at, over);
                    if let Some(disk) = &mut self.disks[at] {
                        disk.wipe();
                    }
                    self.places[at].shelf.wipe();
                }
            }
            Blow::FewSupervisors(count) => {
                for nth in 0..count {
                    if let Some(at) = self.nth(Role::Supervisor, nth) {
                        self.crash_until(at, over);
                    }
                }
            }
            Blow::CrashLeader => {
                if let Some(at) = self.leader() {
                    self.crash_until(at, over);
                }
            }
            Blow::CrashHot => {
                let hot = self.control.hot().and_then(|hot| self.place_of(hot.engine));
                if let Some(at) = hot {
                    self.crash_until(at, over);
                }
            }
            Blow::Strand(logger, gateway) => {
                if let Some(leader) = self.leader() {
                    story::count("leader stranded");
                    let stranded = [leader, logger, gateway];
                    self.cut(|one, other| stranded.contains(&one) != stranded.contains(&other));
                }
            }
            Blow::Shadow => {
                if let Some(leader) = self.leader() {
                    story::count("leader shadowed");
                    let roles: Vec<_> = self.places.iter().map(|place| place.role).collect();
                    let tells = |at: usize| matches!(roles[at], Role::Supervisor | Role::Sequencer);
                    self.cut(|one, other| one == leader && tells(other) || other == leader && tells(one));
                }
            }
            Blow::Sever => {
                story::count("sequencers severed from loggers");
                let roles: Vec<_> = self.places.iter().map(|place| place.role).collect();
                let pair =
                    |one: usize, other: usize| roles[one] == Role::Sequencer && roles[other] == Role::Logger;
                self.cut(|one, other| pair(one, other) || pair(other, one));
            }
            Blow::Hush(share) => {
                story::count("heartbeats hushed");
                self.network.borrow_mut().quality.hush = share;
            }
            Blow::Spoil(at) => self.spoil(at),
            Blow::Astray { hot } => self.lead_astray(hot),
            Blow::Depose => {
                self.council.borrow_mut().now = self.now;
                self.council.borrow_mut().depose();
                self.convene();
            }
        }
        Ok(())
    }

    /// A fault is over.
    pub(crate) fn relieve(&mut self, nth: usize) {
        story::at(self.now, "nemesis");
        match self.blows[nth].blow {
            Blow::Split(_)
            | Blow::Mute(_)
            | Blow::Deafen(_)
            | Blow::Part(..)
            | Blow::Strand(..)
            | Blow::Shadow
            | Blow::Sever => {
                story::tell(format_args!("all links are whole"));
                self.network.borrow_mut().heal();
                self.reach();
            }
            Blow::Hush(_) => self.network.borrow_mut().quality.hush = self.plan.quality.hush,
            Blow::Burst(_) => self.network.borrow_mut().quality.loss = self.plan.quality.loss,
            Blow::SlowDisk(at) => self.places[at].disk_slowness = 1,
            Blow::FullDisk(at) => self.set_full(at, false),
            Blow::FailSync(at) => {
                if let Some(disk) = &self.disks[at] {
                    disk.frames.borrow_mut().fails = false;
                }
            }
            Blow::Freeze(_) => self.reach(),
            _ => {}
        }
    }

    /// The place of the sequencer that leads in the highest epoch.
    fn leader(&self) -> Option<usize> {
        let leads = |at: &usize| match &self.places[*at].process {
            Some(Process::Sequencer(node)) if node.leads() => Some(node.epoch()),
            _ => None,
        };
        (0..self.places.len()).filter(|at| leads(at).is_some()).max_by_key(leads)
    }

    pub(crate) fn place_of(&self, node: NodeId) -> Option<usize> {
        self.description.nodes.iter().position(|entry| entry.id == node)
    }

    fn crash_until(&mut self, at: usize, over: Nanos) {
        if self.places[at].process.is_some() {
            story::count("process crashed");
            self.crash(at);
        }
        self.places[at].down_until = self.places[at].down_until.max(over);
        let (when, life) = (self.places[at].down_until, self.places[at].life);
        self.schedule(when, Due::Start(at, life));
    }

    fn cut(&mut self, cut: impl Fn(usize, usize) -> bool) {
        let nodes = self.places.len();
        {
            let mut network = self.network.borrow_mut();
            for from in 0..nodes {
                for to in (0..nodes).filter(|to| cut(from, *to)) {
                    network.set_cut(from, to, true);
                }
            }
        }
        self.reach();
    }

    fn cut_power(&mut self, at: usize) {
        self.places[at].shelf.cut_power(&mut self.lots);
        if let Some(disk) = &mut self.disks[at] {
            let gone = disk.cut_power(&mut self.random);
            story::tell(format_args!("{} loses {gone} frames", self.places[at].name));
        }
    }

    fn set_full(&mut self, at: usize, full: bool) {
        if let Some(disk) = &self.disks[at] {
            disk.frames.borrow_mut().full = full;
            disk.events.borrow_mut().full = full;
        }
    }

    /// Whether a logger may lose what it holds: every other one is there with all that it ever acknowledged, and votes.
    fn may_lose(&self, lost: usize) -> bool {
        let voting = |at: usize| {
            let life = self.disks[at].as_ref().map_or(Incarnation(0), |disk| disk.kept().incarnation);
            self.control
                .in_effect()
                .contains(Voter { node: self.description.nodes[at].id, incarnation: life })
        };
        let loggers: Vec<_> =
            (0..self.places.len()).filter(|at| self.places[*at].role == Role::Logger).collect();
        loggers.len() > 1
            && self.control.in_effect().len() == loggers.len()
            && self.control.highest_grant().is_some_and(|grant| grant.started)
            && loggers.iter().all(|at| voting(*at))
            && loggers.iter().filter(|at| **at != lost).all(|at| self.places[*at].process.is_some())
    }

    /// The end of all trouble: every link is whole, every process runs, every disk works.
    pub fn heal(&mut self) -> Verdict {
        story::at(self.now, "nemesis");
        story::tell(format_args!("everything is healed"));
        self.healed = true;
        {
            let mut network = self.network.borrow_mut();
            network.heal();
            network.quality = crate::net::Quality {
                loss: 0,
                hush: 0,
                duplicate: 0,
                straggle: 0,
                refuse: 0,
                ..self.plan.quality
            };
        }
        for at in 0..self.places.len() {
            self.set_full(at, false);
            if let Some(disk) = &self.disks[at] {
                disk.frames.borrow_mut().fails = false;
            }
            let place = &mut self.places[at];
            place.disk_slowness = 1;
            place.frozen_until = self.now;
            if place.process.is_none() {
                place.down_until = self.now;
                let life = place.life;
                self.schedule(self.now, Due::Start(at, life));
            }
        }
        self.reach();
        Ok(())
    }

    /// Whether everything is done: every request answered, every node where the history ends.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.clients.are_content() && self.laggard().is_none()
    }

    /// A node that is not where it should come to be, in words.
    #[must_use]
    pub fn laggard(&self) -> Option<String> {
        let last = self.oracle.last();
        let mut leader = None;
        for (at, place) in self.places.iter().enumerate() {
            let Some(process) = &place.process else { return Some(format!("{} is down", place.name)) };
            let behind = match process {
                Process::Sequencer(node) => {
                    if node.leads() {
                        leader = Some(node.position());
                    }
                    node.committed() != last
                }
                Process::Engine(node) => {
                    let (position, digest) = (node.matcher.position(), node.matcher.digest());
                    position != last || self.oracle.executed(&place.name, position, digest).is_err()
                }
                Process::Gateway(node) => {
                    node.committed() != last || !self.oracle.has_all(node.core().outbound().0)
                }
                Process::Logger(_) => self.disks[at].as_ref().is_some_and(|disk| {
                    disk.frames.borrow().last() != last
                        || !self.oracle.has_all(disk.events.borrow().written().len() as u64)
                        || disk.kept().incarnation == Incarnation(0)
                }),
                Process::Supervisor(_) => false,
            };
            if behind {
                return Some(format!("{} is not at {last}, event {}", place.name, self.oracle.events()));
            }
        }
        if leader != Some(last) {
            return Some(format!("the leader stands at {leader:?}, committed is {last}"));
        }
        if self.control.disputes().open.is_some() {
            return Some("engines differ, and it is not decided which one is wrong".to_owned());
        }
        (self.control.voters() != self.control.in_effect())
            .then(|| format!("{} vote, {} should", self.control.in_effect(), self.control.voters()))
    }

    /// The last judgement, once everything is quiet.
    pub fn judge(&mut self) -> Verdict {
        self.compare_marks()?;
        let Self { oracle, disks, places, clients, .. } = self;
        for (at, disk) in disks.iter().enumerate() {
            if let Some(disk) = disk {
                oracle.settled(at, &places[at].name, disk)?;
            }
        }
        clients.judge(oracle)
    }

    /// It has not become quiet in time.
    #[must_use]
    pub fn complaint(&self) -> crate::oracle::Violation {
        let laggard = self.laggard().unwrap_or_default();
        broken("liveness", format_args!("after the healing: {laggard}; {}", self.clients.complaint()))
    }
}
