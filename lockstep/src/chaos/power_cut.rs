//! Everything loses its power at once, one cluster a round: what the disks had not confirmed is kept, torn or gone, every host
//! has restarted, and the cluster starts again by itself (`synced`) or when an operator says so (`written`).

use super::cuts::{Cut, CutsAccount, word};
use super::decisions;
use super::health::{self, Dead};
use super::measure::{Records, Seen};
use super::rounds::{self, Round};
use super::scenario::Fault;
use super::tear;
use super::traffic::Traffic;
use crate::evidence;
use crate::load::{Amount, Files, Pace, Plan};
use crate::local::LocalCluster;
use crate::plan::LocalPlan;
use anyhow::{Context, ensure};
use cluster::Role;
use node::description::Durability;
use node::{Clock, Description, Shutdown};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use wire::Nanos;

/// Load until the power is cut, and again when it is back.
const LOAD: (Nanos, Nanos) = (Nanos::from_millis(800), Nanos::from_millis(2_500));
/// So small that a round fills several.
const SEGMENT: &str = "64KiB";
/// How long a logger leaves what is written to the kernel at the most: under `written` so much can be lost.
const SYNC_EVERY: &str = "150ms";
/// The boot before and after, as the loggers are told.
const BOOT: &str = "LOCKSTEP_PRETENDED_BOOT";
/// Longer than any round: the load ends when it is told to.
const LONG: Nanos = Nanos(3_600 * Nanos::SECOND.0);
/// How often the load tells how it goes.
const PROGRESS: Nanos = Nanos::from_millis(2);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Answers that are not there this long after everything was killed will not come.
const NO_ANSWER: Nanos = Nanos::SECOND;

/// A run.
#[derive(Clone, Debug)]
pub struct PowerCuts {
    /// The clusters, but for their durability.
    pub plan: LocalPlan,
    /// Rounds of each durability.
    pub times: u64,
    /// Decides moments, the order flow, and what the disks lose.
    pub seed: u64,
    /// Requests a second.
    pub rate: u64,
    /// How long anything may take before the round has failed.
    pub patience: Nanos,
    /// Where the binaries lie, `lockstep` among them.
    pub binaries: PathBuf,
}

impl PowerCuts {
    /// Plays all rounds, `synced` and `written` in turn, each in a directory of its own below this one.
    pub fn play(
        &self,
        directory: &Path,
        shutdown: &Shutdown,
        out: &mut dyn Write,
    ) -> anyhow::Result<CutsAccount> {
        let planned = self.times * 2;
        let sessions = self.plan.sessions;
        let (rate, seed) = (self.rate, self.seed);
        writeln!(
            out,
            "power cuts: {planned} clusters, {rate} requests a second over {sessions} sessions, seed {seed}"
        )?;
        let mut account = CutsAccount { cuts: Vec::new(), planned, failover: Nanos(0), failure: None };
        for number in 1..=planned {
            let durability = if number % 2 == 1 { Durability::Synced } else { Durability::Written };
            let directory = directory.join(format!("round-{number}"));
            std::fs::create_dir_all(&directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
            let description = self.describe(durability, &directory)?;
            account.failover = description.timing.failover;
            match self.round(number, durability, &description, &directory, shutdown) {
                Ok(cut) => {
                    write!(out, "round {number:>3}/{planned}  {}", cut.words())?;
                    account.cuts.push(cut);
                }
                Err(error) => {
                    account.failure = Some(format!("round {number}, {}: {error:#}", word(durability)));
                    break;
                }
            }
        }
        Ok(account)
    }

    fn describe(&self, durability: Durability, directory: &Path) -> anyhow::Result<Description> {
        let log = format!(
            "[log]\ndurability = \"{}\"\nsegment = \"{SEGMENT}\"\nsync_every = \"{SYNC_EVERY}\"",
            word(durability)
        );
        let plan = LocalPlan { more: format!("{}\n{log}", self.plan.more), ..self.plan.clone() };
        let description = Description::load(&plan.write(directory)?)?;
        let fresh = !description.data.exists();
        ensure!(fresh, "{} holds the data of an earlier run", description.data.display());
        Ok(description)
    }

    fn round(
        &self,
        number: u64,
        durability: Durability,
        description: &Description,
        directory: &Path,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Cut> {
        let mut rng = SmallRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let clock = Clock::start();
        let [before, after] = ["before", "after"].map(|name| directory.join(name));
        let start =
            |boot| LocalCluster::start_with(description.clone(), &self.binaries, move |_| vec![(BOOT, boot)]);
        let mut round = Round {
            number,
            fault: Fault::everything(),
            victims: Vec::new(),
            began: Nanos(0),
            harmed: Nanos(0),
            revived: Nanos(0),
            resumed: Nanos(0),
            well: Nanos(0),
            impossible: false,
        };
        let mut told = String::new();

        let mut cluster = start("before")?;
        cluster.wait_until_ready(shutdown)?;
        let mut traffic = Traffic::start(self.load(description, &before, number)?)?;
        let load = Nanos(rng.random_range(LOAD.0.0..=LOAD.1.0));
        self.wait(clock, "requests to be carried out", shutdown, || {
            cluster.look()?;
            traffic.look()?;
            Ok(newest_done(&traffic) > Nanos(0))
        })?;
        let until = clock.now().saturating_add(load);
        while clock.now() < until {
            cluster.look()?;
            traffic.look()?;
            std::thread::park_timeout(LOOK_EVERY);
        }
        round.began = clock.now();
        cluster.kill_all()?;
        round.harmed = clock.now();
        // The clients lose their connections; what they hold by now is what counts.
        let first = traffic.finish()?;
        let reached = tear::draw_reached(&mut rng);
        for logger in description.nodes_of(Role::Logger) {
            for journal in ["log", "events"] {
                let torn = tear::cut_power(&description.data_of(logger).join(journal), reached, &mut rng)?;
                let _ = writeln!(told, "    {}/{journal}: {torn}", logger.name);
            }
        }

        round.revived = clock.now();
        let mut cluster = start("after")?;
        let mut asked_first = true;
        if durability == Durability::Written {
            let shown = self.recover(description, &[])?;
            cluster.look()?;
            asked_first =
                shown.contains("Nothing was changed. To go on") && cluster.board().leader().is_none();
            let accepted = self.recover(description, &["--accept-loss"])?;
            asked_first &= accepted.contains("The loss is accepted");
            let said = accepted.lines().last().unwrap_or_default();
            for line in shown.lines().chain([said]) {
                let _ = writeln!(told, "    | {line}");
            }
        }
        cluster.wait_until_ready(shutdown)?;
        let mut traffic = Traffic::start(self.load(description, &after, number + self.times * 2)?)?;
        round.resumed = self.wait(clock, "requests to be carried out again", shutdown, || {
            cluster.look()?;
            traffic.look()?;
            Ok(newest_done(&traffic) > round.revived)
        })?;
        let sessions = description.sessions.len();
        let missing = |cluster: &LocalCluster| {
            health::missing(description, cluster.board(), &Dead::new(), sessions, clock.now())
        };
        round.well = self
            .wait(clock, "all to be well", shutdown, || {
                cluster.look()?;
                traffic.look()?;
                Ok(missing(&cluster).is_empty())
            })
            .with_context(|| missing(&cluster).join("; "))?;
        let until = clock.now().saturating_add(LOAD.0);
        while clock.now() < until {
            cluster.look()?;
            traffic.look()?;
            std::thread::park_timeout(LOOK_EVERY);
        }
        let second = traffic.finish()?;
        let mut stage = Box::new(cluster);
        rounds::settle(&mut *stage, self.patience, shutdown)?;
        let engines_agree = stage.board().disagreement().is_none() && stage.board().agreed().is_some();
        stage.stop().context("the cluster did not stop well")?;

        let records = Records::read_all([before.as_path(), after.as_path()])?;
        let (began, revived) = (round.began, round.revived);
        // Nobody asks while everything is dark, and nothing that was asked before is answered later.
        let gap = records.next_done(revived).map(|done| done.since(began));
        let seen =
            Seen { gap, return_gap: None, ..records.seen(&round, &decisions::read(description)?, &[]) };
        let verdict = checker::check(&evidence::of(description, vec![before, after]), &mut |_| {})?;
        // The second load hears of the first one's orders when they are filled, and does not know them: the checker does.
        let client_violations =
            first.violation_count + first.duplicates_of_exec_id + second.duplicates_of_exec_id;
        Ok(Cut {
            durability,
            seen: (round, seen),
            verdict,
            client_violations,
            engines_agree,
            asked_first,
            told,
        })
    }

    /// Runs the operator's tool; what it says.
    fn recover(&self, description: &Description, more: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(self.binaries.join("lockstep"))
            .arg("recover")
            .arg("--config")
            .arg(&description.path)
            .args(["--patience", &(self.patience.0 / Nanos::SECOND.0).to_string()])
            .args(more)
            .stdin(Stdio::null())
            .output()
            .context("cannot run lockstep recover")?;
        let (said, wrong) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "lockstep recover {}: {said}{wrong}", more.join(" "));
        Ok(said.into_owned())
    }

    fn load(&self, description: &Description, directory: &Path, seed: u64) -> anyhow::Result<Plan> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let gateways: Vec<SocketAddr> =
            description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
        let clients = description.sessions.iter().map(|session| session.comp_id.clone()).collect();
        Ok(Plan {
            exchange: description.fix.comp_id.clone(),
            pace: Pace::Rate(self.rate),
            amount: Amount::Time(LONG),
            seed: self.seed.wrapping_add(seed << 32),
            progress_every: PROGRESS,
            answer_timeout: NO_ANSWER,
            files: Files {
                requests: Some(directory.join("requests.csv")),
                executions: Some(directory.join("executions.csv")),
            },
            ..Plan::new(gateways, clients, self.plan.instruments.clone()).with_accounts(description)
        })
    }

    /// Waits until something is so; gives the moment.
    fn wait(
        &self,
        clock: Clock,
        what: &str,
        shutdown: &Shutdown,
        mut is_so: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<Nanos> {
        let until = clock.now().saturating_add(self.patience);
        while !is_so()? {
            ensure!(!shutdown.requested(), "stopped");
            let seconds = self.patience.0 / Nanos::SECOND.0;
            ensure!(clock.now() < until, "waited {seconds} s for {what}");
            std::thread::park_timeout(LOOK_EVERY);
        }
        Ok(clock.now())
    }
}

/// When the newest request was sent of those that were carried out.
fn newest_done(traffic: &Traffic) -> Nanos {
    traffic.progress().map_or(Nanos(0), |progress| progress.newest_done)
}
