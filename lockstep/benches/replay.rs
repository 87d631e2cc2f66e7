//! How fast a log is executed again from its directory, beside the same engine over the same frames in memory:
//! `scripts/bench replay`.

#![allow(clippy::print_stdout, reason = "the measurement is its output")]

#[path = "../../engine/benches/flow/mod.rs"]
mod flow;

use anyhow::{Context, ensure};
use archive::Store;
use clap::Parser;
use engine::{Limits, keeping};
use flow::{Flow, REALISTIC, Takes, found};
use journal::{Expected, Journal, Options, Stream, scan};
use lockstep::replay::ahead::Batch;
use lockstep::replay::{Span, execute, fresh};
use node::Clock;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use wire::command::Checks;
use wire::frame::{self, Origin};
use wire::{
    CommandBody, Digest, Epoch, Frame, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Position, Seq, SourceSeq,
};

/// Replay is to reach this share of the speed in memory (a wish).
const GOAL: f64 = 0.6;
/// Orders open at a time.
const OPEN: usize = 20_000;
/// Frames that are read into memory before the clock starts: so few that a core's caches still hold them.
const PRELOADED: usize = 1 << 14;
/// Free space that is left alone, in bytes.
const SPARE: u64 = 4 << 30;
/// About what a frame takes on the disk.
const FRAME_BYTES: u64 = 136;
const CLUSTER: u64 = 1;

/// Commands a second: from the directory, in memory, and their ratio.
#[derive(Parser)]
struct Arguments {
    /// Commands in the log.
    #[arg(long, default_value_t = 20_000_000)]
    commands: u64,
    /// Runs of each kind, in turn; the medians count.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Instruments, not equally busy.
    #[arg(long, default_value_t = 1)]
    instruments: u32,
    /// Where the log is made, and removed again; without it, where temporary files lie.
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
    /// Make the kernel forget the log before each run, so that it comes from the disk.
    #[arg(long)]
    cold: bool,
    /// Decides the flow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A log being made.
struct Log {
    journal: Journal,
    last: Position,
    failed: Option<journal::JournalError>,
}

impl Takes for Log {
    fn take<B: CommandBody>(&mut self, body: &B) {
        let mut to = [0; MAX_FRAME_LEN];
        let (source, incarnation, stamp) = (NodeId(1), Incarnation(1), Nanos(self.last.seq.0 + 1));
        let source_seq = SourceSeq(self.last.seq.0 + 1);
        let length = frame::write(&mut to, Origin { source, incarnation, source_seq, received: stamp }, body);
        self.last = frame::stamp(&mut to[..length], self.last, Epoch(1), stamp);
        if self.failed.is_none() {
            self.failed = self.journal.append(&to[..length]).err();
        }
    }
}

/// Makes the log. Gives its last place.
fn make(arguments: &Arguments, dir: &Path) -> anyhow::Result<Position> {
    let options = Options {
        cluster: CLUSTER,
        stream: Stream::Frames,
        segment_len: journal::DEFAULT_SEGMENT_LEN,
        create: true,
        power_cut: false,
    };
    let (journal, _) = Journal::open(dir, &options, &mut |_| {})?;
    let mut log = Log { journal, last: Position::GENESIS, failed: None };
    found(arguments.instruments, Checks::Funds, &mut log);
    let mut flow = Flow::new(arguments.seed, arguments.instruments);
    while log.last.seq.0 < arguments.commands && log.failed.is_none() {
        flow.mixed(&REALISTIC, OPEN).give(&mut log);
    }
    if let Some(error) = log.failed {
        return Err(error.into());
    }
    log.journal.sync_now()?;
    Ok(log.last)
}

/// Every command may use a name, and none is free again before the day ends.
fn limits(arguments: &Arguments) -> anyhow::Result<Limits> {
    Ok(Limits {
        instruments: arguments.instruments.max(16),
        sessions: 1 << 10,
        resting_orders: 1 << 21,
        names: u32::try_from(arguments.commands + (1 << 20))?,
        accounts: 128,
        holdings: arguments.instruments * flow::CLIENTS + 1,
        participants: 128,
        currencies: 4,
        trades: 1 << 20,
        levels: 1 << 17,
        events_reserved: 1 << 16,
    })
}

/// Where a run ended, and with which digest.
type End = (Position, Digest);

/// Commands a second.
#[derive(Clone, Copy, Debug)]
struct Rates {
    all: f64,
    /// Of the last quarter alone, behind the snapshot.
    last: f64,
}

/// The engine over frames that lie in memory when the clock starts, a batch after the other; from `quarter` on it counts twice.
fn in_memory(dir: &Path, limits: Limits, quarter: Seq) -> anyhow::Result<(Rates, End)> {
    let (mut replica, clock) = (fresh(limits)?, Clock::start());
    let mut batch = Batch::default();
    let (mut all, mut last) = ((0, Nanos(0)), (0, Nanos(0)));
    let mut apply = |batch: &mut Batch| -> anyhow::Result<()> {
        let parts = if replica.position().seq < quarter {
            &mut [&mut all][..]
        } else {
            &mut [&mut all, &mut last][..]
        };
        let began = clock.now();
        for bytes in batch.frames() {
            replica.apply(&Frame::read(bytes)?)?;
        }
        let took = clock.now().since(began);
        for (frames, sum) in parts {
            *frames += batch.len();
            *sum = sum.saturating_add(took);
        }
        batch.clear();
        Ok(())
    };
    let mut failed = None;
    scan(dir, Expected::default(), 0, &mut |seen| {
        batch.push(seen.message);
        if batch.len() == PRELOADED || seen.position.seq == quarter {
            failed = apply(&mut batch).err();
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)?;
    apply(&mut batch)?;
    let rate = |(frames, took): (usize, Nanos)| frames as f64 / (took.0.max(1) as f64 / 1e9);
    Ok((Rates { all: rate(all), last: rate(last) }, (replica.position(), replica.digest())))
}

/// The engine over the directory. Commands a second.
fn from_log(dir: &Path, limits: Limits) -> anyhow::Result<(f64, End)> {
    let mut replica = fresh(limits)?;
    let whole = Span { log: dir, until: Seq(u64::MAX) };
    let executed = execute(&mut replica, whole, |_| Ok(ControlFlow::Continue(())))?;
    Ok((executed.rate(), (replica.position(), replica.digest())))
}

/// Takes a snapshot at a place. Gives its bytes.
fn take_snapshot(dir: &Path, limits: Limits, store: &Store, at: Seq) -> anyhow::Result<u64> {
    let mut replica = fresh(limits)?;
    execute(&mut replica, Span { log: dir, until: at }, |_| Ok(ControlFlow::Continue(())))?;
    let (head, aside) = keeping::write(&replica, CLUSTER, store)?;
    aside.show()?;
    Ok(head.file_len())
}

/// The engine from the snapshot on. How long that took to take in, and commands a second of the rest.
fn from_snapshot(dir: &Path, limits: Limits, store: &Store) -> anyhow::Result<(Nanos, f64, End)> {
    let clock = Clock::start();
    let began = clock.now();
    let replica = keeping::newest(store, limits, CLUSTER, &mut |_, _| {})?;
    let took = clock.now().since(began);
    let mut replica = replica.context("the snapshot that was just taken")?;
    let rest = Span { log: dir, until: Seq(u64::MAX) };
    let executed = execute(&mut replica, rest, |_| Ok(ControlFlow::Continue(())))?;
    Ok((took, executed.rate(), (replica.position(), replica.digest())))
}

/// The kernel keeps nothing of these files.
fn forget(dir: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let file = std::fs::File::open(entry?.path())?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.commands > 0 && arguments.runs > 0 && arguments.instruments > 0,
        "every number must be above zero"
    );
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    let needed = arguments.commands * FRAME_BYTES;
    let free = rustix::fs::statvfs(&parent).with_context(|| parent.display().to_string())?;
    let free = free.f_bavail * free.f_frsize;
    ensure!(
        free > needed + SPARE,
        "{} has {} MiB free, the log needs {} and {} shall stay free: name another --dir, or fewer --commands",
        parent.display(),
        free >> 20,
        needed >> 20,
        SPARE >> 20
    );
    let directory = tempfile::Builder::new().prefix("lockstep-bench-").tempdir_in(&parent)?;
    let (dir, limits, clock) = (directory.path().join("log"), limits(&arguments)?, Clock::start());
    let began = clock.now();
    let last = make(&arguments, &dir)?;
    println!(
        "a log of {} commands (46 % new, 42 % cancel, 6 % replace, 6 % immediate; checks on; {} instruments), made in {:.0} s; {}",
        last.seq,
        arguments.instruments,
        clock.now().since(began).0 as f64 / 1e9,
        if arguments.cold { "from the disk each time" } else { "as the kernel's cache has it" }
    );
    let quarter = Seq(last.seq.0 / 4 * 3);
    let store = Store::open(&directory.path().join("snapshots"))?;
    let bytes = take_snapshot(&dir, limits, &store, quarter)?;
    println!("a snapshot at {quarter}, {} MiB", bytes >> 20);
    let (mut memory, mut log, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut end = None;
    for number in 1..=arguments.runs {
        let mut same = |here: End| {
            ensure!(*end.get_or_insert(here) == here, "two runs over the same log ended differently");
            Ok(())
        };
        let again = || if arguments.cold { forget(&dir) } else { Ok(()) };
        again()?;
        let (in_memory, here) = in_memory(&dir, limits, quarter)?;
        same(here)?;
        again()?;
        let (from_log, here) = from_log(&dir, limits)?;
        same(here)?;
        again()?;
        let (took, from_snapshot, here) = from_snapshot(&dir, limits, &store)?;
        same(here)?;
        println!(
            "run {number}: in memory {:.2} million commands a second (last quarter {:.2}), from the log {:.2}, snapshot taken in \
             {:.2} s, then {:.2}",
            in_memory.all / 1e6,
            in_memory.last / 1e6,
            from_log / 1e6,
            took.0 as f64 / 1e9,
            from_snapshot / 1e6
        );
        memory.push(in_memory);
        log.push(from_log);
        rest.push(from_snapshot);
    }
    let all = median(memory.iter().map(|rates| rates.all).collect());
    let last = median(memory.iter().map(|rates| rates.last).collect());
    let (log, rest) = (median(log), median(rest));
    println!("\nmedians, million commands a second");
    println!("{:<34}{:>10}{:>14}{:>8}", "", "in memory", "from the log", "ratio");
    println!("{:<34}{:>10.2}{:>14.2}{:>8.2}", "all", all / 1e6, log / 1e6, log / all);
    println!(
        "{:<34}{:>10.2}{:>14.2}{:>8.2}",
        "the last quarter, from a snapshot",
        last / 1e6,
        rest / 1e6,
        rest / last
    );
    for (name, ratio) in
        [("replay_of_speed_in_memory", log / all), ("replay_from_snapshot_of_speed_in_memory", rest / last)]
    {
        let word = if ratio >= GOAL { "met" } else { "missed" };
        println!("GOAL {name} {ratio:.2} >={GOAL} {word}");
    }
    Ok(())
}
