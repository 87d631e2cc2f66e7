//! `lockstep bench snapshot`: what a snapshot of full books costs those who trade meanwhile, beside the same time without one.

use super::{Pairs, QUANTILES, micros, resting};
use anyhow::{Context, ensure};
use archive::{Client, Listed};
use cluster::Role;
use lockstep::load::{self, Amount, Pace, Plan};
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use node::{Clock, Description, Shutdown, Thread};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use wire::Nanos;

/// How long a logger may take to let this program in.
const CONNECT: Duration = Duration::from_secs(1);
/// How often it is looked whether a snapshot is there.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long a snapshot may take.
const PATIENCE: Nanos = Nanos(60 * Nanos::SECOND.0);

/// What to measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct SnapshotArgs {
    /// Orders that rest in the books.
    #[arg(long, default_value_t = 1_000_000)]
    resting: u64,
    /// Pairs of runs, one with a snapshot at its beginning; the medians count.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Priority of the nodes' threads (`threads.priority`) and of the load's; 0: they are ordinary ones, beside the process that writes.
    #[arg(long, default_value_t = 10)]
    priority: u8,
}

/// What one snapshot was.
#[derive(Clone, Copy, Debug)]
struct Taken {
    bytes: u64,
    /// From the wish to the first logger that has it.
    took: Nanos,
}

/// Measures and tells.
pub(super) fn run(args: SnapshotArgs, out: &mut dyn Write, shutdown: &Shutdown) -> anyhow::Result<()> {
    let SnapshotArgs { resting, pairs, seconds, rate, priority } = args;
    ensure!(resting > 0 && pairs > 0 && seconds > 0 && rate > 0, "every number must be above zero");
    let directory =
        tempfile::Builder::new().prefix("lockstep-bench-").tempdir().context("cannot create a directory")?;
    // Every run has a session of its own: what rests from the run before is then nobody's surprise.
    let sessions = 2 * pairs;
    let more =
        format!("[snapshot]\ncommands = 0\n\n[threads]\npriority = {priority}\n{}", resting::limits(resting));
    let plan = LocalPlan { sessions: sessions + resting::FILLERS, more, ..LocalPlan::default() };
    let description = Description::load(&plan.write(directory.path())?)?;
    let mut cluster = LocalCluster::start(description.clone(), &binaries_beside_this_one()?)?;
    cluster.wait_until_ready(shutdown)?;
    resting::fill(&description, (resting, sessions, 1), directory.path(), out, shutdown)?;

    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let mut clients = plan.comp_ids().into_iter();
    let [mut p50, mut p99, mut p999] = <[Pairs; 3]>::default();
    let mut taken = Vec::new();
    for pair in 1..=pairs {
        ensure!(!shutdown.requested(), "stopped");
        let mut drive = |seed: usize| {
            let client = clients.next().context("every run has a session")?;
            let amount = Amount::Time(Nanos(seconds.saturating_mul(Nanos::SECOND.0)));
            let new = Plan::new(gateways.clone(), vec![client], plan.instruments.clone());
            let thread = Thread { priority, ..new.thread };
            let plan = Plan { pace: Pace::Rate(rate), amount, seed: seed as u64, thread, ..new };
            let report = load::run(&plan, shutdown, &mut |_| {})?;
            ensure!(report.is_clean(), "the load run did not end well:\n{report}");
            Ok(report.latency)
        };
        let quiet = drive(2 * pair)?;
        let snapshot = std::thread::scope(|scope| {
            let taking = scope.spawn(|| take(&description, shutdown));
            let busy = drive(2 * pair + 1);
            let taken = taking.join().map_err(|_| anyhow::anyhow!("the thread that asks panicked"))?;
            Ok::<_, anyhow::Error>((busy?, taken?))
        });
        let (busy, snapshot) = snapshot?;
        for (pairs, (_, quantile)) in [&mut p50, &mut p99, &mut p999].into_iter().zip(QUANTILES) {
            pairs
                .0
                .push((micros(busy.value_at_quantile(quantile)), micros(quiet.value_at_quantile(quantile))));
        }
        let (with, without) = p99.0.last().copied().unwrap_or_default();
        writeln!(
            out,
            "pair {pair}: snapshot of {:.1} MiB in {:.2} s; p99 {with:.1} us with it, {without:.1} us without",
            snapshot.bytes as f64 / f64::from(1 << 20),
            snapshot.took.0 as f64 / 1e9
        )?;
        taken.push(snapshot);
    }
    cluster.stop().context("the cluster did not stop well")?;

    taken.sort_by_key(|taken| taken.took);
    let middle = taken[taken.len() / 2];
    writeln!(
        out,
        "\n{resting} orders resting: {} bytes, {:.2} s from the wish to the first logger (median of {pairs})",
        middle.bytes,
        middle.took.0 as f64 / 1e9
    )?;
    writeln!(out, "{:<26}{:>14}{:>14}{:>12}", "medians", "snapshot", "none", "ratio")?;
    let rows = [("latency p50, us", &p50), ("latency p99, us", &p99), ("latency p99.9, us", &p999)];
    for (name, pairs) in rows {
        writeln!(out, "{name:<26}{:>14.1}{:>14.1}{:>12.2}", pairs.cluster(), pairs.floor(), pairs.ratio())?;
    }
    Ok(())
}

/// Asks for a snapshot, and waits until a logger has it.
fn take(description: &Description, shutdown: &Shutdown) -> anyhow::Result<Taken> {
    let clock = Clock::start();
    let logger = description.nodes_of(Role::Logger).next().context("a cluster has a logger")?;
    let newest = || -> anyhow::Result<Option<Listed>> {
        let listed = Client::connect(logger.address.into(), CONNECT)?.list()?;
        Ok(listed.last().copied())
    };
    let before = newest()?.map(|newest| newest.seq);
    let began = clock.now();
    let mut control = lockstep::voice::open(description, None)?;
    control.say(cluster::Message::SnapshotWanted);
    loop {
        if let Some(newest) = newest()?.filter(|newest| Some(newest.seq) > before) {
            return Ok(Taken { bytes: newest.length, took: clock.now().since(began) });
        }
        ensure!(!shutdown.requested(), "stopped");
        ensure!(clock.now().since(began) < PATIENCE, "no snapshot came within a minute");
        std::thread::park_timeout(LOOK_EVERY);
    }
}
