//! `lockstep bench commit`: what waiting for the commit costs an order, beside the very same processes without the wait.
//!
//! One cluster has two gateways: one releases a report when its order is committed, the other at once. Sequencer, engines and
//! loggers are the same processes; the runs through the one and the other take turns.

use super::{Pairs, QUANTILES, micros};
use anyhow::Context;
use cluster::Role;
use hdrhistogram::Histogram;
use lockstep::load::{self, Amount, Pace, Plan};
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use wire::Nanos;

/// Switches a gateway's wait for the commit off.
const NO_GATE: (&str, &str) = ("LOCKSTEP_UNSAFE_NO_COMMIT_GATE", "1");
/// The gateway that does not wait.
const HASTY: &str = "gateway-2";

/// What to measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct CommitArgs {
    /// Pairs of runs for each durability; the medians count.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Orders a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
}

/// Measures and tells.
pub(crate) fn run(args: CommitArgs, out: &mut dyn Write, shutdown: &Shutdown) -> anyhow::Result<()> {
    let CommitArgs { pairs, seconds, rate } = args;
    anyhow::ensure!(pairs > 0 && seconds > 0 && rate > 0, "every number must be above zero");
    writeln!(
        out,
        "{pairs} pairs of {seconds} s for each durability; {rate} orders a second through one session, with the wait for the \
         commit and without it"
    )?;
    let mut rows = Vec::new();
    for durability in ["written", "synced"] {
        let figures = measure(args, durability, out, shutdown).with_context(|| durability.to_owned())?;
        rows.extend(QUANTILES.iter().zip(figures).map(|((name, _), pairs)| (durability, name, pairs)));
    }
    writeln!(out, "\n{:<26}{:>12}{:>12}{:>12}", "medians", "committed", "at once", "ratio")?;
    for (durability, name, pairs) in rows {
        let name = format!("{durability} {name}, us");
        writeln!(out, "{name:<26}{:>12.1}{:>12.1}{:>12.2}", pairs.cluster(), pairs.floor(), pairs.ratio())?;
    }
    Ok(())
}

/// Pairs of (with, without) for each quantile.
fn measure(
    CommitArgs { pairs, seconds, rate }: CommitArgs,
    durability: &str,
    out: &mut dyn Write,
    shutdown: &Shutdown,
) -> anyhow::Result<[Pairs; QUANTILES.len()]> {
    let directory =
        tempfile::Builder::new().prefix("lockstep-bench-").tempdir().context("cannot create a directory")?;
    let more = format!("[log]\ndurability = \"{durability}\"");
    // Every run has a session of its own: what rests in the books from the run before is then nobody's surprise.
    let plan = LocalPlan { gateways: 2, sessions: 2 * pairs, more, ..LocalPlan::default() };
    let description = Description::load(&plan.write(directory.path())?)?;
    let hasty = |node: &str| if node == HASTY { vec![NO_GATE] } else { Vec::new() };
    let mut cluster = LocalCluster::start_with(description.clone(), &binaries_beside_this_one()?, hasty)?;
    cluster.wait_until_ready(shutdown)?;
    let fix = |node: &str| -> anyhow::Result<SocketAddr> {
        let mut gateways = description.nodes_of(Role::Gateway).filter(|gateway| gateway.name == node);
        gateways.next().and_then(|gateway| gateway.fix).map(SocketAddr::V4).context("a gateway is missing")
    };
    let (patient, hasty) = (fix("gateway-1")?, fix(HASTY)?);
    let mut clients = plan.comp_ids().into_iter();
    let mut drive = |gateway: SocketAddr, seed: usize| -> anyhow::Result<Histogram<u64>> {
        let client = clients.next().context("there are sessions for all runs")?;
        let new = Plan::new(vec![gateway], vec![client], plan.instruments.clone());
        let amount = Amount::Time(Nanos(seconds.saturating_mul(Nanos::SECOND.0)));
        let plan = Plan { pace: Pace::Rate(rate), amount, seed: seed as u64, ..new };
        let report = load::run(&plan, shutdown, &mut |_| {})?;
        anyhow::ensure!(report.is_clean(), "the load run did not end well:\n{report}");
        Ok(report.latency)
    };
    let mut figures = <[Pairs; QUANTILES.len()]>::default();
    for pair in 1..=pairs {
        anyhow::ensure!(!shutdown.requested(), "stopped");
        // Whoever goes first has no advantage over all.
        let (with, without) = if pair % 2 == 0 {
            let without = drive(hasty, pair)?;
            (drive(patient, pair)?, without)
        } else {
            (drive(patient, pair)?, drive(hasty, pair)?)
        };
        for (figure, (_, quantile)) in figures.iter_mut().zip(QUANTILES) {
            let of = |histogram: &Histogram<u64>| micros(histogram.value_at_quantile(quantile));
            figure.0.push((of(&with), of(&without)));
        }
        let last = figures[0].0.last().copied().unwrap_or_default();
        writeln!(out, "{durability}, pair {pair}: p50 {:.1} us (at once {:.1})", last.0, last.1)?;
    }
    cluster.stop().context("the cluster did not stop well")?;
    Ok(figures)
}
