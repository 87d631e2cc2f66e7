//! The logger's binary: `logger run` keeps the streams; `logger verify` and `logger dump` show people what is kept.

#![forbid(unsafe_code)]

mod agent;
mod boot;
mod disk;
mod history;
mod open;
mod tools;

use agent::Agent;
use clap::{Parser, Subcommand};
use cluster::Role;
use disk::{House, Housed};
use logger::WrittenDown;
use node::description::Durability;
use node::shutdown::StopOnDrop;
use node::{NodeArgs, Shutdown, Started};
use open::Syncers;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

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
    /// Checks every record of a journal: checksums, numbers, chain, seals. Changes nothing.
    Verify {
        /// The journal's directory (`data/NAME/log` or `data/NAME/events`).
        directory: PathBuf,
        /// What an earlier verification, or the logger itself, said, and you have written down: "sealed up to NUMBER: chain HEX".
        #[arg(long, value_name = "HEX@NUMBER")]
        expect: Option<WrittenDown>,
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
        (Some(Tool::Verify { directory, expect }), _) => tools::verify(&directory, expect.as_ref()),
        (Some(Tool::Dump { directory, from, to }), _) => tools::dump(&directory, from, to),
        (None, Some(run)) => keep(&run),
        (None, None) => anyhow::bail!(
            "say `--config FILE --node NAME` to run a logger, or `verify` or `dump` and a directory"
        ),
    }
}

/// Runs the node: one thread writes and answers, others wait for the disk.
fn keep(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Logger)?;
    let Started { description, node, clock, shutdown } = started.clone();
    // Before anything else, so that loggers that start together find each other.
    let done = Shutdown::default();
    let (service, dispensable) = history::open(&description, &node)?;
    let mut threads = vec![spawn("service", &shutdown, {
        let done = done.clone();
        move || history::serve(service, &done)
    })?];
    let (keeper, Syncers { frames, events }) = open::open(&started)?;
    let waker = Arc::new(OnceLock::new());
    let mut agent = Agent::new(keeper, Arc::clone(&waker));
    let prepare = vec![
        Housed { journal: "log", syncer: agent.node.log().syncer(), dispensable: Some(dispensable) },
        Housed { journal: "events", syncer: agent.node.event_journal().syncer(), dispensable: None },
    ];

    // The disk goes on until the last word is written, and ends everything if it cannot.
    let sync = match description.log.durability {
        Durability::Written => vec![frames, events],
        Durability::Synced => {
            let thread = spawn("commit", &shutdown, {
                let done = done.clone();
                move || disk::commit_in_groups(frames, &waker, &done)
            })?;
            agent.ring(thread.thread().clone());
            threads.push(thread);
            vec![events]
        }
    };
    let house = House { sync, prepare, every: description.log.sync_every };
    threads.push(spawn("disk", &shutdown, {
        let done = done.clone();
        move || disk::keep_house(house, clock, &done)
    })?);

    let kept = {
        let _stop = StopOnDrop(done);
        node::run(&mut agent, clock, node.thread(0), &shutdown).and_then(|()| agent.take_last(clock))
    };
    let mut synced = Ok(());
    for thread in threads {
        thread.thread().unpark();
        synced = synced.and(thread.join().map_err(|_| anyhow::anyhow!("a disk thread panicked"))?);
    }
    // Only who ended well may say that everything is on the disk.
    synced.and(kept)?;
    agent.node.close()
}

/// A thread whose end, however it comes, ends the process.
fn spawn(
    name: &str,
    shutdown: &Shutdown,
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let stop = StopOnDrop(shutdown.clone());
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _stop = stop;
        work()
    })?;
    Ok(thread)
}
