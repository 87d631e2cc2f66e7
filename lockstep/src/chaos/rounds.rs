//! One fault after the other under load, each until all is well again: or an error that says what is missing.

use super::health::{self, Dead};
use super::scenario::{Fault, Harm};
use super::stage::Stage;
use super::traffic::Traffic;
use crate::board::Settling;
use anyhow::{Context, ensure};
use cluster::Role;
use node::{Clock, Description, Shutdown};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use wire::{Nanos, NodeId};

/// A process that stands still does so for so many hundredths of the failover timeout: some wake before they are
/// missed, some while another is taking over, some long after.
const STANDSTILL: (u64, u64) = (50, 300);
/// A fault that nobody can work under lasts at least so long.
const STALL: (Nanos, Nanos) = (Nanos::from_millis(400), Nanos::from_millis(900));
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How often what is missing has to be nothing, with looks between: accounts of nodes come one after the other.
const WELL_FOR: Nanos = Nanos::from_millis(150);

/// How to go about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The faults, in turn.
    pub faults: Vec<Fault>,
    /// How often each.
    pub times: u64,
    /// Decides moments and victims.
    pub seed: u64,
    /// The cluster's failover timeout.
    pub failover: Nanos,
    /// How long anything may take before the run has failed.
    pub patience: Nanos,
    /// Sessions of the load: the first of those that are described.
    pub sessions: usize,
    /// What clients who were there before wrote down: directories that the checker reads as well.
    pub before: Vec<PathBuf>,
    /// The shortest and the longest time of load between two faults.
    pub pause: (Nanos, Nanos),
    /// The same of the time from the moment at which requests are carried out again until the victims are started.
    pub absence: (Nanos, Nanos),
    /// Every so many rounds one is told.
    pub tell_every: u64,
}

impl Settings {
    /// Faults in turn, each so often, on this cluster with the load of all its sessions.
    #[must_use]
    pub fn new(description: &Description, faults: Vec<Fault>, times: u64) -> Self {
        Self {
            faults,
            times,
            seed: 1,
            failover: description.timing.failover,
            patience: Nanos(30 * Nanos::SECOND.0),
            sessions: description.sessions.len(),
            before: Vec::new(),
            pause: (Nanos::from_millis(300), Nanos::from_millis(1_500)),
            absence: (Nanos::from_millis(50), Nanos::from_millis(300)),
            tell_every: 1,
        }
    }
}

/// What happened in one round; times are those of the clock that the clients' records have as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// From 1.
    pub number: u64,
    /// The fault.
    pub fault: Fault,
    /// The nodes.
    pub victims: Vec<String>,
    /// Just before the first victim was harmed.
    pub began: Nanos,
    /// When the last one was.
    pub harmed: Nanos,
    /// When the first was started again, went on, or was connected again.
    pub revived: Nanos,
    /// When it was seen that requests sent after the fault, or after the first revival if it took that, were carried out.
    pub resumed: Nanos,
    /// When all was well again.
    pub well: Nanos,
    /// A request that was sent when nobody could carry it out was carried out before the revival.
    pub impossible: bool,
}

/// The run.
pub struct Rounds<'a> {
    stage: &'a mut dyn Stage,
    traffic: &'a mut Traffic,
    settings: &'a Settings,
    shutdown: &'a Shutdown,
    clock: Clock,
    rng: SmallRng,
    dead: Dead,
}

impl<'a> Rounds<'a> {
    /// Begins.
    pub fn new(
        stage: &'a mut dyn Stage,
        traffic: &'a mut Traffic,
        settings: &'a Settings,
        shutdown: &'a Shutdown,
    ) -> Self {
        let rng = SmallRng::seed_from_u64(settings.seed);
        Self { stage, traffic, settings, shutdown, clock: Clock::start(), rng, dead: Dead::new() }
    }

    /// All rounds; `done` keeps those that ended well if one does not.
    pub fn run(&mut self, done: &mut Vec<Round>, out: &mut dyn Write) -> anyhow::Result<()> {
        self.wait_until_well()?;
        let all = self.settings.times * self.settings.faults.len() as u64;
        for number in 1..=all {
            let at = usize::try_from((number - 1) % self.settings.faults.len() as u64)?;
            let fault = self.settings.faults[at].clone();
            let words = fault.words();
            let round = self.round(number, fault).with_context(|| format!("round {number}, {words}"))?;
            let ms = |from: Nanos, to: Nanos| to.since(from).0 / Nanos::MILLI.0;
            if number.is_multiple_of(self.settings.tell_every) {
                writeln!(
                    out,
                    "round {number:>3}/{all}  {:<40} carried out again after {:>5} ms, all well after {:>5} ms",
                    format!("{} {}", round.fault.harm.word(), round.victims.join(", ")),
                    ms(round.began, round.resumed),
                    ms(round.began, round.well),
                )?;
            }
            done.push(round);
        }
        Ok(())
    }

    fn round(&mut self, number: u64, fault: Fault) -> anyhow::Result<Round> {
        let pause = self.between(self.settings.pause);
        self.pass(pause)?;
        let victims = self.victims(number, &fault)?;
        let before = [Role::Sequencer, Role::Engine].map(|role| (role, self.active(role)));
        let began = self.clock.now();
        for victim in &victims {
            self.harm(fault.harm, victim)?;
        }
        let harmed = self.clock.now();
        let changed = |rounds: &Self| -> Vec<String> {
            let unchanged = |(role, process): &&(Role, Option<(NodeId, u32)>)| {
                fault.roles.contains(role) && [None, *process].contains(&rounds.active(*role))
            };
            before.iter().filter(unchanged).map(|(role, _)| format!("no other {role} is active")).collect()
        };
        let mut impossible = false;
        let (revived, resumed);
        match fault.harm {
            Harm::Kill if fault.stalls() => {
                let stall = self.between(STALL);
                self.pass(stall)?;
                revived = self.clock.now();
                // What was sent before the last one died may have been carried out before.
                impossible = self.newest_done() > harmed;
                self.revive(fault.harm, &victims[0])?;
                resumed = self.wait_until_done(revived, |_| Vec::new())?;
                for victim in &victims[1..] {
                    self.revive(fault.harm, victim)?;
                }
            }
            Harm::Kill | Harm::Cut => {
                resumed = self.wait_until_done(harmed, changed)?;
                let absence = self.between(self.settings.absence);
                self.pass(absence)?;
                revived = self.clock.now();
                for victim in &victims {
                    self.revive(fault.harm, victim)?;
                }
            }
            Harm::Freeze => {
                let hundredths = self.rng.random_range(STANDSTILL.0..STANDSTILL.1);
                self.pass(Nanos(self.settings.failover.0 / 100 * hundredths))?;
                revived = self.clock.now();
                for victim in &victims {
                    self.revive(fault.harm, victim)?;
                }
                resumed = self.wait_until_done(revived, |_| Vec::new())?;
            }
        }
        let well = self.wait_until_well()?;
        Ok(Round { number, fault, victims, began, harmed, revived, resumed, well, impossible })
    }

    fn between(&mut self, (least, most): (Nanos, Nanos)) -> Nanos {
        Nanos(self.rng.random_range(least.0..=most.0))
    }

    fn active(&self, role: Role) -> Option<(NodeId, u32)> {
        health::active(self.stage.description(), self.stage.board(), role, &self.dead, self.clock.now())
    }

    fn victims(&mut self, number: u64, fault: &Fault) -> anyhow::Result<Vec<String>> {
        let mut victims: Vec<String> = Vec::new();
        for role in &fault.roles {
            let (description, board) = (self.stage.description(), self.stage.board());
            let mut living = health::by_activity(description, board, *role, &self.dead, self.clock.now());
            match role {
                // All are alike.
                Role::Logger => living.shuffle(&mut self.rng),
                // Every other time one that follows.
                Role::Supervisor if number.is_multiple_of(2) => living.reverse(),
                _ => {}
            }
            let victim = living.iter().find(|node| !victims.contains(&node.name));
            victims.push(victim.with_context(|| format!("no {role} is left to harm"))?.name.clone());
        }
        Ok(victims)
    }

    fn harm(&mut self, harm: Harm, node: &str) -> anyhow::Result<()> {
        match harm {
            Harm::Kill => {
                let id = self.stage.description().node(node)?.id;
                if let Some(status) = self.stage.board().status(id) {
                    self.dead.insert(id, status.process);
                }
                self.stage.kill(node)
            }
            Harm::Freeze => self.stage.freeze(node),
            Harm::Cut => self.stage.cut(node),
        }
    }

    fn revive(&mut self, harm: Harm, node: &str) -> anyhow::Result<()> {
        match harm {
            Harm::Kill => self.stage.start(node),
            Harm::Freeze => self.stage.thaw(node),
            Harm::Cut => self.stage.heal(node),
        }
    }

    /// When the newest request was sent of those that were carried out.
    fn newest_done(&self) -> Nanos {
        self.traffic.progress().map_or(Nanos(0), |progress| progress.newest_done)
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.stage.look()?;
        self.traffic.look()?;
        ensure!(!self.shutdown.requested(), "stopped");
        if let Some(found) = self.stage.board().disagreement() {
            anyhow::bail!("engines differ: {found}");
        }
        Ok(())
    }

    fn pass(&mut self, time: Nanos) -> anyhow::Result<()> {
        let until = self.clock.now().saturating_add(time);
        while self.clock.now() < until {
            self.look()?;
            std::thread::park_timeout(LOOK_EVERY);
        }
        Ok(())
    }

    fn wait(&mut self, what: &str, mut missing: impl FnMut(&Self) -> Vec<String>) -> anyhow::Result<Nanos> {
        let began = self.clock.now();
        loop {
            self.look()?;
            let (missing, now) = (missing(self), self.clock.now());
            if missing.is_empty() {
                return Ok(now);
            }
            if now.since(began) >= self.settings.patience {
                let unwell = self.missing();
                anyhow::bail!(
                    "waited {} s for {what}: {}; of the cluster is missing: {}\n{}",
                    self.settings.patience.0 / Nanos::SECOND.0,
                    missing.join("; "),
                    if unwell.is_empty() { "nothing".to_owned() } else { unwell.join("; ") },
                    self.stage.board().table(now)
                );
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Until a request that was sent after this moment was carried out, and nothing else is missing.
    fn wait_until_done(
        &mut self,
        after: Nanos,
        mut changed: impl FnMut(&Self) -> Vec<String>,
    ) -> anyhow::Result<Nanos> {
        self.wait("requests to be carried out again", |rounds| {
            let mut missing = changed(rounds);
            if rounds.newest_done() <= after {
                missing.push("no request that was sent since is carried out".to_owned());
            }
            missing
        })
    }

    fn missing(&self) -> Vec<String> {
        let (description, board) = (self.stage.description(), self.stage.board());
        health::missing(description, board, &self.dead, self.settings.sessions, self.clock.now())
    }

    /// Until all is well, and stays so for a moment. Gives the first of these moments.
    fn wait_until_well(&mut self) -> anyhow::Result<Nanos> {
        let mut since = None;
        self.wait("all to be well again", |rounds| {
            let mut missing = rounds.missing();
            let now = rounds.clock.now();
            if missing.is_empty() {
                let since = *since.get_or_insert(now);
                if now.since(since) < WELL_FOR {
                    missing.push("it has only just become well".to_owned());
                }
            } else {
                since = None;
            }
            missing
        })?;
        since.context("all was well at some moment")
    }
}

/// Waits until everyone has everything that was stamped until now, once the load has ended.
pub fn settle(stage: &mut dyn Stage, patience: Nanos, shutdown: &Shutdown) -> anyhow::Result<()> {
    let clock = Clock::start();
    let began = clock.now();
    let mut settling = Settling::since(began);
    loop {
        stage.look()?;
        let missing = settling.missing(stage.board());
        if missing.is_empty() {
            return Ok(());
        }
        ensure!(!shutdown.requested(), "stopped");
        ensure!(
            clock.now().since(began) < patience,
            "waited {} s for everyone to have everything: {}",
            patience.0 / Nanos::SECOND.0,
            missing.join("; ")
        );
        std::thread::park_timeout(LOOK_EVERY);
    }
}
