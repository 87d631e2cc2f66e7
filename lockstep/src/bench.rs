//! `lockstep bench`: figures in pairs, each beside the floor of this machine in the same run.

mod commit;
mod failover;
mod resting;
mod snapshot;

use anyhow::Context;
use cluster::Role;
use lockstep::floor::Floor;
use lockstep::goal::{Goals, Weight};
use lockstep::load::{self, Amount, Pace, Plan, Report};
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use wire::Nanos;

/// Latency through FIX is to stay within this many times the floor at the median (a wish).
const LATENCY_GOAL: f64 = 1.5;

/// What to measure.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Order to report through FIX, and the highest rate, beside bare processes with the same hops.
    Latency {
        /// Pairs of runs; the medians count.
        #[arg(long, default_value_t = 7)]
        pairs: usize,
        /// Seconds of each run.
        #[arg(long, default_value_t = 2)]
        seconds: u64,
        /// Orders a second while latency is measured.
        #[arg(long, default_value_t = 1_000)]
        rate: u64,
        /// Requests unanswered a session while throughput is measured.
        #[arg(long, default_value_t = 64)]
        window: u32,
        /// FIX sessions while throughput is measured.
        #[arg(long, default_value_t = 4)]
        sessions: usize,
    },
    /// Order to report through FIX, beside the same processes without the wait for the commit.
    Commit(commit::CommitArgs),
    /// How long clients hear nothing when the hot engine is killed, beside moments at which nothing is.
    Failover(failover::FailoverArgs),
    /// What a snapshot of full books costs those who trade meanwhile, beside the same time without one.
    Snapshot(snapshot::SnapshotArgs),
}

/// What is told of a histogram.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

/// One figure of every pair: the cluster's and the floor's.
#[derive(Default)]
struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    fn median_of(&self, figure: impl Fn(&(f64, f64)) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn cluster(&self) -> f64 {
        self.median_of(|pair| pair.0)
    }

    fn floor(&self) -> f64 {
        self.median_of(|pair| pair.1)
    }

    fn ratio(&self) -> f64 {
        self.median_of(|pair| pair.0 / pair.1)
    }
}

/// Measures and tells.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut out = lockstep::out::stdout();
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let (pairs, seconds, rate, window, sessions) = match *bench {
        Bench::Commit(args) => return commit::run(args, &mut out, &shutdown),
        Bench::Snapshot(args) => return snapshot::run(args, &mut out, &shutdown),
        Bench::Failover(ref args) => return failover::run(args, &mut out, &shutdown),
        Bench::Latency { pairs, seconds, rate, window, sessions } => (pairs, seconds, rate, window, sessions),
    };
    anyhow::ensure!(pairs > 0 && seconds > 0 && rate > 0 && sessions > 0, "every number must be above zero");
    let directory =
        tempfile::Builder::new().prefix("lockstep-bench-").tempdir().context("cannot create a directory")?;
    // Every run has sessions of its own: what rests in the books from the run before is then nobody's surprise.
    let plan = LocalPlan { sessions: pairs * (1 + sessions), ..LocalPlan::default() };
    let description = Description::load(&plan.write(directory.path())?)?;
    let mut cluster = LocalCluster::start(description.clone(), &binaries_beside_this_one()?)?;
    cluster.wait_until_ready(&shutdown)?;
    let floor = Floor::start(&std::env::current_exe().context("cannot find out where this program lies")?)?;

    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let duration = Nanos(seconds.saturating_mul(Nanos::SECOND.0));
    let drive = |clients: Vec<String>, pace: Pace, seed: u64| -> anyhow::Result<Report> {
        let new = Plan::new(gateways.clone(), clients, plan.instruments.clone());
        let report =
            load::run(&Plan { pace, amount: Amount::Time(duration), seed, ..new }, &shutdown, &mut |_| {})?;
        anyhow::ensure!(report.is_clean(), "the load run did not end well:\n{report}");
        Ok(report)
    };
    let mut clients = plan.comp_ids().into_iter();
    let mut next = |count: usize| clients.by_ref().take(count).collect::<Vec<_>>();
    let [mut p50, mut p99, mut p999, mut rates] = <[Pairs; 4]>::default();
    writeln!(
        out,
        "{pairs} pairs of {seconds} s; latency at {rate} orders a second through one session, rate with {sessions} sessions of {window} unanswered"
    )?;
    for pair in 1..=pairs {
        anyhow::ensure!(!shutdown.requested(), "stopped");
        let bare = floor.latency(rate, duration)?;
        let fix = drive(next(1), Pace::Rate(rate), pair as u64)?.latency;
        for (pairs, (_, quantile)) in [&mut p50, &mut p99, &mut p999].into_iter().zip(QUANTILES) {
            pairs.0.push((micros(fix.value_at_quantile(quantile)), micros(bare.value_at_quantile(quantile))));
        }
        let bare = floor.throughput(u64::from(window) * sessions as u64, duration)?;
        let fix = drive(next(sessions), Pace::Window(window), pair as u64)?.throughput();
        rates.0.push((fix, bare));
        let last = |pairs: &Pairs| pairs.0.last().copied().unwrap_or_default();
        let (latency, rate) = (last(&p50), last(&rates));
        writeln!(
            out,
            "pair {pair}: p50 {:.1} us (floor {:.1}), {:.0} answers a second (floor {:.0})",
            latency.0, latency.1, rate.0, rate.1
        )?;
    }
    drop(floor);
    cluster.stop().context("the cluster did not stop well")?;

    writeln!(out, "\n{:<26}{:>12}{:>12}{:>12}", "medians", "lockstep", "floor", "ratio")?;
    let rows = [
        ("latency p50, us", &p50),
        ("latency p99, us", &p99),
        ("latency p99.9, us", &p999),
        ("answers a second", &rates),
    ];
    for (name, pairs) in rows {
        writeln!(out, "{name:<26}{:>12.1}{:>12.1}{:>12.2}", pairs.cluster(), pairs.floor(), pairs.ratio())?;
    }
    let mut goals = Goals::default();
    let ratio = p50.ratio();
    goals.tell(
        Weight::Speed,
        "latency_p50_over_floor",
        format!("{ratio:.2}"),
        format!("<={LATENCY_GOAL}"),
        ratio <= LATENCY_GOAL,
    );
    let rate = rates.cluster();
    goals.tell(Weight::Speed, "answers_per_second", format!("{rate:.0}"), ">=100000", rate >= 100_000.0);
    writeln!(out)?;
    for line in goals.lines() {
        writeln!(out, "{line}")?;
    }
    goals.judge()
}
