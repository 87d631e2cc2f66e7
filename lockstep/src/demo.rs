//! `lockstep demo`: a whole cluster, order flow through it, and an account of what came of it.

use crate::drive::DriveArgs;
use anyhow::Context;
use cluster::Role;
use lockstep::evidence;
use lockstep::goal::{Goals, Weight};
use lockstep::load::Files;
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown, quantity};
use std::io::Write;
use std::path::{Path, PathBuf};
use wire::Nanos;

/// How long everyone may take to have everything, once the load has stopped.
const SETTLE_PATIENCE: Nanos = Nanos(60_000_000_000);
/// What the exchange is to reach on two cores, through FIX (a wish, not a promise).
const THROUGHPUT_GOAL: f64 = 100_000.0;

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    drive: DriveArgs,
    /// FIX sessions.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
    /// Gateways.
    #[arg(long, default_value_t = 1)]
    gateways: usize,
    /// Share of datagrams that every receiver drops, as in 5%.
    #[arg(long, value_name = "SHARE")]
    loss: Option<String>,
    /// Keep configuration, logs and records in this directory instead of removing them.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

/// Runs it; an error if a promise was broken.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let mut out = lockstep::out::stdout();
    if let Some(input) = &args.drive.input {
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
        fault_seed: args.drive.seed,
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
    let loss = args.loss.as_ref().map(|loss| format!(", while every receiver drops {loss} of its datagrams"));
    writeln!(
        out,
        "up; driving {}, {} sessions{}",
        args.drive.words(),
        args.sessions,
        loss.unwrap_or_default()
    )?;
    let report = args.drive.run(&description, plan.comp_ids(), records, &shutdown)?;
    cluster.wait_until_settled(SETTLE_PATIENCE, &shutdown)?;
    let clock = cluster.clock();
    let table = cluster.board().table(clock.now());
    let (agreed, disagreement) = (cluster.board().agreed(), cluster.board().disagreement());
    let compared = cluster.board().compared();
    cluster.stop().context("the cluster did not stop well")?;

    writeln!(out, "\n{report}")?;
    writeln!(out, "{table}")?;
    for logger in description.nodes_of(Role::Logger) {
        let directory = description.data_of(logger);
        for journal in ["log", "events"] {
            let verified = logger::verify(&directory.join(journal), &mut |_| {})?;
            writeln!(out, "{}/{journal}: {verified}", logger.name)?;
        }
    }
    let verdict = checker::check(&evidence::of(&description, vec![directory.to_owned()]), &mut |_| {})?;
    writeln!(out, "{verdict}\n")?;

    let mut goals = Goals::default();
    let safety =
        |goals: &mut Goals, name: &str, count: u64| goals.tell(Weight::Safety, name, count, 0, count == 0);
    goals.tell_promises(&[&verdict]);
    safety(&mut goals, "requests_unanswered", report.unanswered);
    safety(&mut goals, "client_violations", report.violation_count + report.duplicates_of_exec_id);
    safety(&mut goals, "sessions_lost", report.lost.len() as u64);
    let upto = verdict.last.seq;
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
