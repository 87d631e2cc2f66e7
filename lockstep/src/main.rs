//! `lockstep`: the launcher and the console.

#![forbid(unsafe_code)]

mod bench;
mod console;
mod demo;
mod drive;
mod lab_plan;
mod quarantine;
mod recover;
mod snapshot;

use clap::{Parser, Subcommand};
use lockstep::out;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Starts a cluster, shows how it is, drives load through it, and measures.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a whole cluster for some seconds under order flow, and reports.
    Demo(demo::DemoArgs),
    /// Drives order flow through a cluster that runs already, as FIX clients, and reports.
    Load(drive::LoadArgs),
    /// Kills, freezes or cuts off nodes of a cluster under load, and judges what is left.
    Chaos(lockstep::chaos::ChaosArgs),
    /// Executes a log again as fast as it goes, or finds where two builds differ over it.
    Replay(lockstep::replay::ReplayArgs),
    /// Measures, in pairs against the floor of this machine.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// One bare process of the floor (started by `bench`).
    #[command(hide = true)]
    Relay {
        #[command(subcommand)]
        relay: lockstep::floor::Relay,
    },
    /// Starts every node of a cluster on this machine and shows them live, until Ctrl-C.
    Up {
        /// The file that describes the cluster.
        #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
        config: PathBuf,
    },
    /// Shows how the nodes of a running cluster are.
    Status {
        /// The file that describes the cluster.
        #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
        config: PathBuf,
        /// This host's address on the network that carries the status stream, if the description names none.
        #[arg(long, value_name = "ADDRESS")]
        interface: Option<Ipv4Addr>,
        /// Show it once instead of live.
        #[arg(long)]
        once: bool,
        /// Wait until the cluster is like this, show it once, and end; an error if it takes too long.
        #[arg(long, value_enum, conflicts_with = "once")]
        until: Option<console::Until>,
        /// Seconds that `--until` waits.
        #[arg(long, default_value_t = 30, requires = "until")]
        patience: u64,
    },
    /// After a total outage that took votes: shows what each logger has and what may be lost; goes on if told to.
    Recover(recover::RecoverArgs),
    /// Where a command makes engines panic: shows it, and has every engine leave it out.
    Quarantine(quarantine::QuarantineArgs),
    /// Takes a snapshot now, and waits until the loggers have it.
    Snapshot(snapshot::SnapshotArgs),
    /// The description and the hosts of a lab (called by `scripts/lab`).
    #[command(hide = true)]
    LabPlan(lab_plan::LabPlanArgs),
}

/// How a shell names the end of a program by SIGPIPE: it was about to say something, and nobody listened any more.
const UNREAD: u8 = 141;

fn main() -> ExitCode {
    node::args::log_to_stderr();
    match run(Arguments::parse().command) {
        Err(error) if out::is_unread(&error) => ExitCode::from(UNREAD),
        result => node::exit(result),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Bench { bench } => bench::run(&bench),
        Command::Relay { relay } => relay.run(),
        Command::Load(args) => drive::load(&args),
        Command::Chaos(args) => args.run(),
        Command::Replay(args) => args.run(&mut out::stdout()),
        Command::Demo(args) => demo::run(&args),
        Command::Up { config } => console::up(&config),
        Command::Status { config, interface, until: Some(until), patience, .. } => {
            console::status_until(&config, interface, until, patience)
        }
        Command::Status { config, interface, once, .. } => console::status(&config, interface, once),
        Command::Recover(args) => recover::recover(&args),
        Command::Quarantine(args) => quarantine::quarantine(&args),
        Command::Snapshot(args) => snapshot::snapshot(&args),
        Command::LabPlan(args) => lab_plan::run(&args),
    }
}
