//! Explores the view change within bounds given on the command line.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's answer")]

use clap::Parser;
use model::{Bounds, check};
use std::process::ExitCode;

/// Explores every order of events in the view change, within these bounds, on the cores that the binaries run.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Loggers of the cluster.
    #[arg(long, default_value_t = 3)]
    loggers: u16,
    /// Hosts of sequencers.
    #[arg(long, default_value_t = 2)]
    sequencers: u16,
    /// Epochs that may be granted, the first included.
    #[arg(long, default_value_t = 3)]
    epochs: u32,
    /// Clients' commands that may be stamped.
    #[arg(long, default_value_t = 2)]
    commands: u8,
    /// Restarts of loggers' processes.
    #[arg(long, default_value_t = 0)]
    crashes: u8,
    /// Loggers that lose their disk.
    #[arg(long, default_value_t = 0)]
    losses: u8,
    /// Times that a holder falls silent while it is fetched.
    #[arg(long, default_value_t = 0)]
    silences: u8,
    /// Fetch frame by frame.
    #[arg(long)]
    piecemeal: bool,
    /// A candidate may hold nothing.
    #[arg(long)]
    fresh: bool,
    /// An observer that moves between epochs and hears late.
    #[arg(long)]
    observer: bool,
    /// Begin before the first epoch instead of with epoch 1 open on all loggers.
    #[arg(long)]
    from_nothing: bool,
    /// A cold start may be granted at any time.
    #[arg(long)]
    recold: bool,
    /// Tell loggers apart by their names.
    #[arg(long)]
    named: bool,
    /// Stop after about so many steps (35 million need some 6 GB); the answer then says that it is not exhaustive.
    #[arg(long, default_value_t = 35_000_000)]
    max_steps: usize,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> anyhow::Result<ExitCode> {
    let asked = Arguments::parse();
    let bounds = Bounds {
        loggers: asked.loggers,
        sequencers: asked.sequencers,
        epochs: asked.epochs,
        commands: asked.commands,
        crashes: asked.crashes,
        losses: asked.losses,
        silences: asked.silences,
        piecemeal: asked.piecemeal,
        fresh: asked.fresh,
        observer: asked.observer,
        from_nothing: asked.from_nothing,
        recold: asked.recold,
        named: asked.named,
    };
    let bounds = bounds.validated().map_err(anyhow::Error::msg)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the time that an exploration took is told, and nothing depends on it"
    )]
    let begun = std::time::Instant::now();
    let outcome = check(bounds, asked.max_steps, asked.threads);
    print!("{outcome}");
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    Ok(if outcome.broken.is_some() {
        ExitCode::FAILURE
    } else if outcome.cut {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}
