//! `lockstep demo`: a whole cluster, order flow through it, and an account of what came of it.

use anyhow::Context;
use cluster::Role;
use lockstep::goal::{Goals, Weight};
use lockstep::load::{self, Amount, Files, Instrument, Pace, Plan, Progress, Recording};
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use lockstep::verdict::{Kept, Verdict};
use node::{Description, Shutdown, quantity};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use wire::Nanos;

/// How long everyone may take to have everything, once the load has stopped.
const SETTLE_PATIENCE: Nanos = Nanos(60_000_000_000);
/// What the exchange is to reach on two cores, through FIX (a wish, not a promise).
const THROUGHPUT_GOAL: f64 = 100_000.0;

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Replay a LOBSTER message file (plain or .zst) instead of invented flow.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Seconds of invented flow.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Requests a second over all sessions; without it, as many as the window allows.
    #[arg(long)]
    rate: Option<u64>,
    /// Requests that each session keeps unanswered when there is no rate.
    #[arg(long, default_value_t = 32)]
    window: u32,
    /// FIX sessions.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
    /// Gateways.
    #[arg(long, default_value_t = 1)]
    gateways: usize,
    /// Decides the invented flow and the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of datagrams that every receiver drops, as in 5%.
    #[arg(long, value_name = "SHARE")]
    loss: Option<String>,
    /// Keep configuration, logs and records in this directory instead of removing them.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

/// Runs it; an error if a promise was broken.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if let Some(input) = &args.input {
        anyhow::ensure!(input.exists(), "there is no file {}", input.display());
    }
    if let Some(loss) = &args.loss {
        quantity::parse_share(loss).map_err(|error| anyhow::anyhow!("--loss: {error}"))?;
    }
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let temporary;
    let directory: &Path = match &args.keep {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
            directory
        }
        None => {
            temporary = tempfile::Builder::new()
                .prefix("lockstep-demo-")
                .tempdir()
                .context("cannot create a directory")?;
            temporary.path()
        }
    };
    let plan = LocalPlan {
        sessions: args.sessions,
        gateways: args.gateways,
        drop: args.loss.clone(),
        fault_seed: args.seed,
        ..LocalPlan::default()
    };
    let description = Description::load(&plan.write(directory)?)?;
    anyhow::ensure!(
        !description.data.exists(),
        "{} holds the data of an earlier run: name another directory, or move it away",
        description.data.display()
    );
    writeln!(out, "starting {} nodes: {}", description.nodes.len(), names(&description))?;
    let mut cluster = LocalCluster::start(description.clone(), &binaries_beside_this_one()?)?;
    cluster.wait_until_ready(&shutdown)?;

    let records = Files {
        requests: Some(directory.join("requests.csv")),
        executions: Some(directory.join("executions.csv")),
    };
    let load_plan = load_plan(args, &plan, &description, &records);
    writeln!(out, "up; driving {}", drive_words(args))?;
    let mut tell = |progress: Progress| {
        let Progress { phase, elapsed, sent, answered, fills, sessions } = progress;
        let seconds = elapsed.0 as f64 / 1e9;
        // A line that cannot be shown is no reason to stop.
        let _ = writeln!(
            std::io::stderr(),
            "  {seconds:>5.1} s  {phase:?}: {sessions} sessions, {sent} sent, {answered} answered, {fills} fills"
        );
    };
    let report = match &args.input {
        Some(path) => load::replay(&load_plan, &Recording { path: path.clone() }, &shutdown, &mut tell)?,
        None => load::run(&load_plan, &shutdown, &mut tell)?,
    };
    cluster.wait_until_settled(SETTLE_PATIENCE, &shutdown)?;
    let clock = cluster.clock();
    let table = cluster.board().table(clock.now());
    let (agreed, disagreement) = (cluster.board().agreed(), cluster.board().disagreement());
    let compared = cluster.board().compared();
    cluster.stop().context("the cluster did not stop well")?;

    writeln!(out, "\n{report}")?;
    writeln!(out, "{table}")?;
    let mut kept = Vec::new();
    for logger in description.nodes_of(Role::Logger) {
        let directory = description.data_of(logger);
        for journal in ["log", "events"] {
            let verified = logger::verify(&directory.join(journal), &mut |_| {})?;
            writeln!(out, "{}/{journal}: {verified}", logger.name)?;
        }
        kept.push(Kept::read(&directory)?);
    }
    let kept = kept.first().context("there is no logger")?;
    let verdict = Verdict::of(&description, &records, kept)?;
    writeln!(out, "{verdict}\n")?;

    let mut goals = Goals::default();
    let safety =
        |goals: &mut Goals, name: &str, count: u64| goals.tell(Weight::Safety, name, count, 0, count == 0);
    safety(&mut goals, "acknowledged_orders_lost", verdict.lost.count);
    safety(&mut goals, "orders_executed_twice", verdict.executed_twice.count);
    safety(&mut goals, "false_reports", verdict.false_reports.count);
    safety(&mut goals, "requests_unanswered", report.unanswered);
    safety(&mut goals, "client_violations", report.violation_count + report.duplicates_of_exec_id);
    safety(&mut goals, "sessions_lost", report.lost.len() as u64);
    goals.tell(Weight::Safety, "log_verifies", "yes", "yes", true);
    let upto = kept.last.seq;
    let agree = disagreement.is_none() && agreed.is_some();
    let words = match (disagreement, agreed) {
        (Some(found), _) => format!("no({found})").replace(' ', "_"),
        (None, Some(at)) => format!("up_to_{}_of_{upto}_in_{compared}_comparisons", at.seq),
        (None, None) => "never_compared".to_owned(),
    };
    goals.tell(Weight::Safety, "engine_digests_agree", words, "yes", agree);
    let sent = report.sent.total();
    goals.tell(
        Weight::Safety,
        "requests_answered",
        sent - report.unanswered,
        sent,
        sent > 0 && report.unanswered == 0,
    );
    let throughput = report.throughput();
    let target = format!(">={THROUGHPUT_GOAL}");
    goals.tell(
        Weight::Speed,
        "answers_per_second",
        throughput.round(),
        target,
        throughput >= THROUGHPUT_GOAL,
    );
    for line in goals.lines() {
        writeln!(out, "{line}")?;
    }
    if let Some(directory) = &args.keep {
        writeln!(out, "kept in {}", directory.display())?;
    }
    goals.judge()
}

fn names(description: &Description) -> String {
    description.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn drive_words(args: &DemoArgs) -> String {
    let flow = match &args.input {
        Some(path) => format!("the recorded day {}", path.display()),
        None => format!("invented order flow (seed {}) for {} s", args.seed, args.seconds),
    };
    let pace = match args.rate {
        Some(rate) => format!("{rate} requests a second"),
        None => format!("{} requests unanswered a session", args.window),
    };
    let loss = args
        .loss
        .as_ref()
        .map_or_else(String::new, |loss| format!(", while every receiver drops {loss} of its datagrams"));
    format!("{flow}, {} sessions, {pace}{loss}", args.sessions)
}

fn load_plan(args: &DemoArgs, plan: &LocalPlan, description: &Description, records: &Files) -> Plan {
    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let instruments: Vec<Instrument> = match args.input {
        // A recorded day trades one instrument: the first one of the plan has its scale and tick.
        Some(_) => plan.instruments[..1].to_vec(),
        None => plan.instruments.clone(),
    };
    Plan {
        pace: args.rate.map_or(Pace::Window(args.window), Pace::Rate),
        amount: match args.input {
            Some(_) => Amount::All,
            None => Amount::Time(Nanos(args.seconds.saturating_mul(Nanos::SECOND.0))),
        },
        seed: args.seed,
        files: records.clone(),
        ..Plan::new(gateways, plan.comp_ids(), instruments)
    }
}
