//! `lockstep bench failover`: how long clients hear nothing when the hot engine is killed, beside the same measurement at
//! moments at which nothing is killed.

mod block;
mod snapshots;
mod table;

use anyhow::{Context, ensure};
use block::Block;
use lockstep::directory::Directory;
use node::{Shutdown, quantity};
use std::io::Write;
use std::path::{Path, PathBuf};
use table::{Gap, Row};
use wire::Nanos;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FailoverArgs {
    /// Kills for each pair of timeouts.
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// Requests a second over all sessions, by a constant schedule, whether answers come or not.
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// FIX sessions.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
    /// Orders that rest in the books before anything is killed.
    #[arg(long, default_value_t = 0)]
    resting: u64,
    /// Which timeouts: the defaults, `--beat` and `--takeover`, or both in turn.
    #[arg(long, value_enum, default_value_t = Which::Both)]
    timeouts: Which,
    /// Time between two heartbeats of the hot engine (`timing.beat`).
    #[arg(long, value_name = "TIME", default_value = "100us", value_parser = duration)]
    beat: String,
    /// Silence after which the successor takes over (`timing.takeover`).
    #[arg(long, value_name = "TIME", default_value = "400us", value_parser = duration)]
    takeover: String,
    /// Priority of the nodes' threads (`threads.priority`) beside these two; 0: they are ordinary ones.
    #[arg(long, default_value_t = 10)]
    priority: u8,
    /// Time between two snapshots (`snapshot.every`, 1s or more): kills that fall into the writing of one are told apart.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    snapshots: Option<String>,
    /// Further lines of the cluster's description, such as '[engine]' and what follows.
    #[arg(long, value_name = "TEXT", default_value = "")]
    more: String,
    /// Kills of one cluster; the next ones are those of a new one, whose history is short again.
    #[arg(long, default_value_t = 50)]
    block: u64,
    /// Decides the moments and the order flow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that a cluster may take to come back before the run has failed.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Keep configuration, logs, records and `gaps.csv` in this directory instead of removing them.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Default,
    Given,
    Both,
}

fn duration(text: &str) -> Result<String, String> {
    quantity::parse_duration(text).map(|_| text.to_owned())
}

/// Measures and tells. An error if a promise was broken, or a cluster did not come back.
pub(crate) fn run(args: &FailoverArgs, out: &mut dyn Write, shutdown: &Shutdown) -> anyhow::Result<()> {
    ensure!(
        args.kills > 0 && args.rate > 0 && args.sessions > 0 && args.block > 0,
        "every number must be above zero"
    );
    let directory = Directory::create(args.keep.as_deref(), "lockstep-bench-")?;
    let mut rows = rows(args);
    let words = rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join("; ");
    writeln!(
        out,
        "{} kills of the hot engine each with {words}; {} clusters after each other, {} requests a second over {} sessions, \
         {} orders resting, seed {}",
        args.kills,
        args.kills.div_ceil(args.block) * rows.len() as u64,
        args.rate,
        args.sessions,
        args.resting,
        args.seed
    )?;
    let measured = measure(args, &mut rows, directory.path(), out, shutdown);
    write_rows(directory.path(), &rows)?;
    table::tell(&rows, out)?;
    directory.end(measured, out)
}

fn rows(args: &FailoverArgs) -> Vec<Row> {
    let default = Row::new("default timeouts", String::new());
    let name = format!("beat {}, takeover {}, priority {}", args.beat, args.takeover, args.priority);
    let timing = format!(
        "beat = \"{}\"\ntakeover = \"{}\"\n\n[threads]\npriority = {}",
        args.beat, args.takeover, args.priority
    );
    let given = Row::new(&name, timing);
    match args.timeouts {
        Which::Default => vec![default],
        Which::Given => vec![given],
        Which::Both => vec![default, given],
    }
}

/// Blocks of the rows take turns: what disturbs the machine for a while disturbs them all.
fn measure(
    args: &FailoverArgs,
    rows: &mut [Row],
    directory: &Path,
    out: &mut dyn Write,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let blocks = args.kills.div_ceil(args.block);
    for number in 0..blocks {
        for (at, row) in rows.iter_mut().enumerate() {
            let directory = directory.join(format!("{}-{}", number + 1, at + 1));
            let block = Block {
                kills: args.block.min(args.kills - number * args.block),
                rate: args.rate,
                sessions: args.sessions,
                resting: args.resting,
                timing: &row.timing,
                snapshots: args.snapshots.as_deref(),
                more: &args.more,
                seed: args.seed.wrapping_add(number),
                patience: Nanos(args.patience.saturating_mul(Nanos::SECOND.0)),
            };
            let (gaps, judged) = block
                .run(&directory, out, shutdown)
                .with_context(|| format!("cluster {} with {}", number + 1, row.name))?;
            row.add(gaps, &judged);
            let kills = row.gaps.len();
            writeln!(out, "{}: {kills} of {} kills; {}", row.name, args.kills, row.words())?;
            if args.keep.is_none() {
                std::fs::remove_dir_all(&directory)
                    .with_context(|| format!("cannot remove {}", directory.display()))?;
            }
        }
    }
    Ok(())
}

/// Every kill as a line of `gaps.csv`.
fn write_rows(directory: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let mut text =
        String::from("timeouts,began_ns,gap_ns,usual_ns,control_ns,control_usual_ns,during_snapshot\n");
    for row in rows {
        for Gap { began, gap, usual, control, control_usual, during_snapshot } in &row.gaps {
            let numbers = [began, gap, usual, control, control_usual].map(|nanos| nanos.0.to_string());
            text += &format!("\"{}\",{},{during_snapshot}\n", row.name, numbers.join(","));
        }
    }
    let path = directory.join("gaps.csv");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
