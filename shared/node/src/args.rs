//! The arguments that every node's binary takes, and what it does before its first duty cycle.

use crate::{Clock, Description, NodeEntry, Shutdown};
use anyhow::Context;
use cluster::Role;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// `--config cluster.toml --node NAME`.
#[derive(Clone, Debug, clap::Parser)]
pub struct NodeArgs {
    /// The file that describes the cluster.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Which of its nodes this is.
    #[arg(long, value_name = "NAME")]
    pub node: String,
    /// Stop when the process that started this one ends, however it ends.
    #[arg(long)]
    pub with_parent: bool,
}

/// A node that is about to run.
#[derive(Clone, Debug)]
pub struct Started {
    /// The cluster.
    pub description: Description,
    /// This node of it.
    pub node: NodeEntry,
    /// The process's clock.
    pub clock: Clock,
    /// The wish to stop.
    pub shutdown: Shutdown,
}

impl Started {
    /// Tells this process from every other life of its node.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.clock.now().0 ^ (u64::from(std::process::id()) << 40)
    }
}

/// Reads the description, finds this node in it, and sets up logs and signals.
pub fn start(args: &NodeArgs, role: Role) -> anyhow::Result<Started> {
    log_to_stderr();
    if args.with_parent {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .context("cannot ask the kernel to be told of the parent's end")?;
    }
    let description = Description::load(&args.config)?;
    let node = description.node(&args.node)?.clone();
    anyhow::ensure!(
        node.role == role,
        "{}: node \"{}\" is a {}, and this is the {} binary: start it with `{}`",
        args.config.display(),
        node.name,
        node.role,
        role,
        node.role
    );
    let data = description.data_of(&node);
    std::fs::create_dir_all(&data).with_context(|| {
        format!("cannot create the directory {} of node \"{}\"", data.display(), node.name)
    })?;
    let probe = data.join(".writable");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).with_context(|| {
        format!("cannot write into the directory {} of node \"{}\"", data.display(), node.name)
    })?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    tracing::info!(node = %node.name, %role, cluster = %description.name, address = %node.address, "starting");
    Ok(Started { description, node, clock: Clock::start(), shutdown })
}

/// Log lines go to standard error; `LOCKSTEP_LOG` chooses how many (as in `LOCKSTEP_LOG=debug`).
pub fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_env("LOCKSTEP_LOG").unwrap_or_else(|_| EnvFilter::new("info,openraft=off"));
    // A second call (tests that start several nodes in one process) changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// The end of a binary: an error is told with all its causes in one line, for the operator who reads it.
#[must_use]
pub fn exit(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
