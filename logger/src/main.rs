//! The logger's binary: `logger run` keeps the streams; `logger verify` and `logger dump` show people what is kept.

#![forbid(unsafe_code)]

mod agent;
mod boot;
mod disk;
mod tools;

use clap::{Parser, Subcommand};
use cluster::Role;
use node::shutdown::StopOnDrop;
use node::{NodeArgs, Started};
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps the sequenced stream and the events, and shows what is kept.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    run: Option<NodeArgs>,
}

#[derive(Subcommand)]
enum Tool {
    /// Checks every record of a journal: checksums, numbers, chain. Changes nothing.
    Verify {
        /// The journal's directory (`data/NAME/log` or `data/NAME/events`).
        directory: PathBuf,
    },
    /// Prints a line for each record of a journal.
    Dump {
        /// The journal's directory.
        directory: PathBuf,
        /// The first number to print.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// The last number to print.
        #[arg(long, default_value_t = u64::MAX)]
        to: u64,
    },
}

fn main() -> ExitCode {
    node::args::log_to_stderr();
    node::exit(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    match (arguments.tool, arguments.run) {
        (Some(Tool::Verify { directory }), _) => tools::verify(&directory),
        (Some(Tool::Dump { directory, from, to }), _) => tools::dump(&directory, from, to),
        (None, Some(run)) => keep(&run),
        (None, None) => anyhow::bail!(
            "say `--config FILE --node NAME` to run a logger, or `verify` or `dump` and a directory"
        ),
    }
}

/// Runs the node: one thread writes and answers, one waits for the disk.
fn keep(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Logger)?;
    let Started { node, clock, shutdown, .. } = started.clone();
    let mut agent = agent::LoggerAgent::open(&started)?;
    let syncers = agent.syncers();
    let every = started.description.log.sync_every;
    let disk = std::thread::Builder::new().name("disk".to_owned()).spawn({
        let shutdown = shutdown.clone();
        move || {
            let _stop = StopOnDrop(shutdown.clone());
            disk::keep_syncing(syncers, every, clock, &shutdown)
        }
    })?;
    let kept = {
        let _stop = StopOnDrop(shutdown.clone());
        node::run(&mut agent, clock, node.idle, node.pin.first().copied(), &shutdown)
            .and_then(|()| agent.take_last(clock))
    };
    let synced = disk.join().map_err(|_| anyhow::anyhow!("the disk thread panicked"))?;
    agent.close()?;
    kept.and(synced)
}
