//! `lockstep chaos`: a cluster, load, faults, and the verdict.

use super::account::Account;
use super::decisions;
use super::lab::Lab;
use super::measure::Records;
use super::power_cut::PowerCuts;
use super::rounds::{self, Rounds, Settings};
use super::scenario::Scenario;
use super::stage::Stage;
use super::traffic::Traffic;
use crate::directory::Directory;
use crate::evidence;
use crate::load::{Amount, Files, Pace, Plan};
use crate::local::{LocalCluster, binaries_beside_this_one};
use crate::plan::LocalPlan;
use anyhow::{Context, ensure};
use cluster::Role;
use node::{Description, Shutdown, Strategy, Thread, quantity};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use wire::Nanos;

/// How long everyone may take to have everything, once the load has stopped.
const SETTLE_PATIENCE: Nanos = Nanos(60 * Nanos::SECOND.0);
/// How often nodes tell how they are: rounds wait for it.
pub const STATUS: &str = "20ms";
/// How often the load tells how it goes.
const PROGRESS: Nanos = Nanos::from_millis(2);
/// Longer than any run: the load ends when it is told to.
const LONG: Nanos = Nanos(7 * 24 * 3_600 * Nanos::SECOND.0);

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub struct ChaosArgs {
    /// Which faults.
    #[arg(value_enum)]
    scenario: Scenario,
    /// How often each.
    #[arg(long, default_value_t = 3)]
    times: u64,
    /// Decides moments and victims, and the order flow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests a second, over all sessions.
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Silence after which the supervisors take a node for gone (`timing.failover`).
    #[arg(long, default_value = "250ms")]
    failover: String,
    /// FIX sessions.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
    /// Gateways.
    #[arg(long, default_value_t = 2)]
    gateways: usize,
    /// Seconds that the cluster may take to come back before the run has failed.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    /// Keep configuration, logs and records in this directory instead of removing them.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Write the description of the cluster into this directory, and end.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    describe: Option<PathBuf>,
    /// The cluster is this lab, which is up, and this is its client's host.
    #[arg(long, hide = true, value_name = "ID", requires_all = ["lab_script", "config"])]
    in_lab: Option<String>,
    /// What harms it.
    #[arg(long, hide = true, value_name = "FILE")]
    lab_script: Option<PathBuf>,
    /// Its description.
    #[arg(long, hide = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ChaosArgs {
    /// Runs it; an error if a promise was broken or the cluster did not come back.
    pub fn run(&self) -> anyhow::Result<()> {
        let in_lab = self.in_lab.is_some() || self.describe.is_some();
        let alone = self.scenario == Scenario::PowerCut;
        ensure!(!(in_lab && alone), "every host of a lab has this machine's disk: leave out --lab");
        let played = if alone { Ok(()) } else { self.run_faults(in_lab) };
        let cut = if self.scenario.cuts_power() && !in_lab { self.run_power_cuts() } else { Ok(()) };
        played.and(cut)
    }

    /// The power cuts: one cluster after the other.
    fn run_power_cuts(&self) -> anyhow::Result<()> {
        ensure!(self.times > 0 && self.rate > 0 && self.sessions > 0, "every number must be above zero");
        let plan = self.plan()?;
        let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
        let directory = Directory::create(self.keep.as_deref(), "lockstep-power-cut-")?;
        let settings = PowerCuts {
            plan,
            times: self.times,
            seed: self.seed,
            rate: self.rate,
            patience: Nanos(self.patience.saturating_mul(Nanos::SECOND.0)),
            binaries: binaries_beside_this_one()?,
        };
        let mut out = crate::out::stdout();
        let judged = settings.play(directory.path(), &shutdown, &mut out).and_then(|account| {
            write!(out, "\n{}", account.words())?;
            account.goals().judge()
        });
        directory.end(judged, &mut out)
    }

    /// All other faults, on one cluster.
    fn run_faults(&self, in_lab: bool) -> anyhow::Result<()> {
        let faults = self.scenario.faults(in_lab);
        ensure!(in_lab || !self.scenario.needs_lab(), "only in a lab can a node be cut off: add --lab");
        ensure!(self.times > 0 && self.rate > 0 && self.sessions > 0, "every number must be above zero");
        let of_role =
            |role| faults.iter().map(|fault| fault.roles.iter().filter(|r| **r == role).count()).max();
        ensure!(
            of_role(Role::Gateway).unwrap_or(0) <= self.gateways,
            "two gateways are to die: there must be two"
        );
        let plan = self.plan()?;
        if let Some(directory) = &self.describe {
            plan.write(directory)?;
            return Ok(());
        }
        let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
        let directory = Directory::create(self.keep.as_deref(), "lockstep-chaos-")?;
        let description = match &self.config {
            Some(config) => Description::load(config)?,
            None => Description::load(&plan.write(directory.path())?)?,
        };
        let settings = Settings {
            seed: self.seed,
            patience: Nanos(self.patience.saturating_mul(Nanos::SECOND.0)),
            ..Settings::new(&description, faults, self.times)
        };
        let mut out = crate::out::stdout();
        let rounds = settings.times * settings.faults.len() as u64;
        writeln!(
            out,
            "{} nodes, {rounds} rounds, {} requests a second over {} sessions, seed {}",
            description.nodes.len(),
            self.rate,
            self.sessions,
            self.seed
        )?;
        let stage: Box<dyn Stage> = match (&self.in_lab, &self.lab_script) {
            (Some(id), Some(script)) => Box::new(Lab::open(description, script.clone(), id.clone())?),
            _ => {
                let fresh = !description.data.exists();
                ensure!(fresh, "{} holds the data of an earlier run", description.data.display());
                let mut cluster = LocalCluster::start(description, &binaries_beside_this_one()?)?;
                cluster.wait_until_ready(&shutdown)?;
                Box::new(cluster)
            }
        };
        let played = play(stage, &settings, self.rate, directory.path(), &shutdown, &mut out);
        let judged = played.and_then(|account| {
            std::fs::write(directory.path().join("rounds.csv"), account.rows())?;
            write!(out, "\n{}", account.words())?;
            account.goals().judge()
        });
        directory.end(judged, &mut out)
    }

    fn plan(&self) -> anyhow::Result<LocalPlan> {
        quantity::parse_duration(&self.failover).map_err(|error| anyhow::anyhow!("--failover: {error}"))?;
        Ok(LocalPlan { gateways: self.gateways, sessions: self.sessions, ..plan(&self.failover) })
    }
}

/// The default cluster with this failover timeout, and nodes that tell often how they are.
#[must_use]
pub fn plan(failover: &str) -> LocalPlan {
    let more = format!("[timing]\nfailover = \"{failover}\"\nstatus = \"{STATUS}\"");
    LocalPlan { gateways: 2, more, ..LocalPlan::default() }
}

/// Plays all rounds on a cluster that is up, stops it, and gives account. Records are left in the directory. An error if there
/// is nothing to give account of; a cluster that did not come back is told in the account.
pub fn play(
    mut stage: Box<dyn Stage>,
    settings: &Settings,
    rate: u64,
    directory: &Path,
    shutdown: &Shutdown,
    out: &mut dyn Write,
) -> anyhow::Result<Account> {
    let description = stage.description().clone();
    let mut traffic = Traffic::start(load_of(&description, settings, rate, directory))?;
    let mut done = Vec::new();
    let mut troubles = Vec::new();
    let mut note = |result: anyhow::Result<()>| {
        if let Err(error) = result {
            troubles.push(format!("{error:#}"));
        }
    };
    note(Rounds::new(&mut *stage, &mut traffic, settings, shutdown).run(&mut done, out));
    let report = match traffic.finish() {
        Ok(report) => Some(report),
        Err(error) => {
            note(Err(error));
            None
        }
    };
    if report.is_some() {
        note(rounds::settle(&mut *stage, SETTLE_PATIENCE.min(settings.patience), shutdown));
    }
    let engines_agree = stage.board().disagreement().is_none() && stage.board().agreed().is_some();
    note(stage.stop().context("the cluster did not stop well"));

    let clients = settings.before.iter().cloned().chain([directory.to_owned()]).collect();
    let verdict = checker::check(&evidence::of(&description, clients), &mut |_| {})?;
    let records = Records::read(directory)?;
    let decisions = decisions::read(&description)?;
    let interruptions = report.as_ref().map_or(&[][..], |report| &report.interruptions);
    let seen = |round| (records.seen(&round, &decisions, interruptions), round);
    Ok(Account {
        rounds: done.into_iter().map(seen).map(|(seen, round)| (round, seen)).collect(),
        planned: settings.times * settings.faults.len() as u64,
        failover: description.timing.failover,
        report,
        verdict,
        engines_agree,
        failure: (!troubles.is_empty()).then(|| troubles.join("; then: ")),
    })
}

fn load_of(description: &Description, settings: &Settings, rate: u64, directory: &Path) -> Plan {
    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let clients =
        description.sessions.iter().take(settings.sessions).map(|session| session.comp_id.clone()).collect();
    let instruments = LocalPlan::default().instruments;
    // As urgent as those that it talks to: a client's host is another one.
    let priority =
        description.nodes_of(Role::Gateway).map(|gateway| gateway.priority).max().unwrap_or_default();
    Plan {
        thread: Thread { idle: Strategy::Block, core: None, priority },
        exchange: description.fix.comp_id.clone(),
        pace: Pace::Rate(rate),
        amount: Amount::Time(LONG),
        seed: settings.seed,
        reconnect: true,
        progress_every: PROGRESS,
        answer_timeout: settings.patience,
        files: Files {
            requests: Some(directory.join("requests.csv")),
            executions: Some(directory.join("executions.csv")),
        },
        ..Plan::new(gateways, clients, instruments).with_accounts(description)
    }
}
