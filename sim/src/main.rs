//! Runs seeds, one after the other or side by side, and tells what broke and what happened.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line's answer")]

use clap::{Parser, Subcommand};
use sim::story::{Counts, INTERESTING};
use sim::{Outcome, run};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cluster's node cores under a seeded network, disks, clocks and faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many at a time.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// This seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Tell the story of each seed.
    #[arg(long)]
    trace: bool,
    #[command(subcommand)]
    command: Option<What>,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
enum What {
    /// Plants each fault of `cluster::planted` in turn, and tells by which check and within how many seeds it is caught. Needs
    /// a build with `RUSTFLAGS="--cfg lockstep_planted"` and `--profile campaign`.
    Planted {
        /// The most seeds for each fault.
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// Only the faults whose names hold this.
        #[arg(long, default_value = "")]
        only: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic of a node is a finding like any other: it is told with its seed.
    if !arguments.trace {
        std::panic::set_hook(Box::new(|_| {}));
    }
    match (&arguments.command, arguments.seed) {
        (Some(What::Planted { seeds, only }), _) => planted(*seeds, only),
        (None, Some(seed)) => one(seed, arguments.trace),
        (None, None) => campaign(&arguments),
    }
}

#[cfg(not(lockstep_planted))]
fn planted(_: u64, _: &str) -> ExitCode {
    println!(
        "no fault can be planted in this build: it needs RUSTFLAGS=\"--cfg lockstep_planted\" and --profile campaign"
    );
    ExitCode::FAILURE
}

#[cfg(lockstep_planted)]
fn planted(seeds: u64, only: &str) -> ExitCode {
    use cluster::planted::{Fault, plant};
    let mut missed = 0;
    for fault in Fault::ALL.into_iter().filter(|fault| format!("{fault:?}").contains(only)) {
        plant(Some(fault));
        let caught =
            (0..seeds).find_map(|seed| run(seed, false).violation.map(|violation| (seed, violation)));
        match caught {
            Some((seed, violation)) => println!("{fault:?}: caught within {} seeds by {violation}", seed + 1),
            None => {
                missed += 1;
                println!("{fault:?}: NOT CAUGHT within {seeds} seeds");
            }
        }
    }
    plant(None);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, trace: bool) -> ExitCode {
    let outcome = run(seed, trace);
    let Outcome { took, frames, requests, reports, datagrams, cycles, fingerprint, .. } = outcome;
    println!(
        "seed {seed}: {} ms, {frames} frames, {requests} requests, {reports} reports, {datagrams} datagrams, {cycles} cycles, \
         fingerprint {fingerprint:016x}",
        took.0 / 1_000_000
    );
    for (what, times) in &outcome.counts {
        println!("  {times:>6}  {what}");
    }
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("FAILED {violation}");
            ExitCode::FAILURE
        }
    }
}

/// A long campaign says after so many seeds that it goes on.
const PROGRESS_EVERY: u64 = 250;

/// What a campaign has seen so far.
#[derive(Default)]
struct Tally {
    counts: Counts,
    requests: u64,
    failed: u64,
    done: u64,
}

fn campaign(arguments: &Arguments) -> ExitCode {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds;
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = run(seed, arguments.trace);
                    let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    for (what, times) in &outcome.counts {
                        *tally.counts.entry(what).or_default() += times;
                    }
                    tally.requests += outcome.requests;
                    tally.done += 1;
                    if let Some(violation) = &outcome.violation {
                        tally.failed += 1;
                        println!("seed {seed} FAILED {violation}\n    again: cargo run --release -p sim -- --seed {seed} --trace");
                    }
                    if tally.done.is_multiple_of(PROGRESS_EVERY) && tally.done < arguments.seeds {
                        eprintln!("{} of {} seeds, {} failed", tally.done, arguments.seeds, tally.failed);
                    }
                }
            });
        }
    });
    let Tally { counts, requests, failed, .. } =
        tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{} seeds, {requests} requests, {failed} seeds failed; what happened:", arguments.seeds);
    let mut never = 0;
    for (what, _) in INTERESTING {
        let times = counts.get(what).copied().unwrap_or_default();
        never += u64::from(times == 0);
        println!(
            "  {times:>9}  {what}{}",
            if times == 0 { "  <- NEVER: this campaign shows less than it seems to" } else { "" }
        );
    }
    if failed == 0 && never == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
