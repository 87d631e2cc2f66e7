//! `lockstep snapshot`: asks for a snapshot now, and waits until the loggers have it.

use anyhow::{Context, ensure};
use archive::Client;
use cluster::{Message, Role};
use node::{Clock, Description, Shutdown};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use wire::{Nanos, Position};

/// How long a logger may take to let this program in.
const CONNECT: Duration = Duration::from_millis(500);
/// How often it is looked whether the snapshot is there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SnapshotArgs {
    /// The file that describes the cluster.
    #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
    config: PathBuf,
    /// This host's address on the cluster's network, if the description names none.
    #[arg(long, value_name = "ADDRESS")]
    interface: Option<Ipv4Addr>,
    /// Seconds to wait for the loggers to have it.
    #[arg(long, default_value_t = 30)]
    patience: u64,
}

/// Asks, waits, and tells who has it.
pub(crate) fn snapshot(arguments: &SnapshotArgs) -> anyhow::Result<()> {
    let description = Description::load(&arguments.config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let clock = Clock::start();
    let loggers: Vec<_> = description
        .nodes_of(Role::Logger)
        .map(|logger| (logger.name.clone(), SocketAddr::V4(logger.address)))
        .collect();
    let newest_of = |address: SocketAddr| -> Option<Position> {
        let listed = Client::connect(address, CONNECT).and_then(|mut client| client.list()).ok()?;
        listed.last().map(|newest| newest.position)
    };
    let before = loggers.iter().filter_map(|(_, address)| newest_of(*address)).map(|at| at.seq).max();
    let mut control = lockstep::voice::open(&description, arguments.interface)?;
    let until = clock.now().saturating_add(Nanos(arguments.patience * Nanos::SECOND.0));
    let mut waiting = loggers.clone();
    let mut asked = false;
    let mut out = lockstep::out::stdout();
    while !waiting.is_empty() && clock.now() < until && !shutdown.requested() {
        if !asked {
            // The first one that a logger has shows that the word was heard; until then it may have been lost.
            control.say(Message::SnapshotWanted);
        }
        std::thread::park_timeout(LOOK_EVERY);
        for (name, address) in std::mem::take(&mut waiting) {
            match newest_of(address).filter(|at| Some(at.seq) > before) {
                Some(at) => {
                    asked = true;
                    writeln!(out, "{name} has the snapshot behind {at}")?;
                }
                None => waiting.push((name, address)),
            }
        }
    }
    let names: Vec<_> = waiting.into_iter().map(|(name, _)| name).collect();
    ensure!(
        names.len() < loggers.len(),
        "no logger has a new snapshot after {} s: does a sequencer lead and an engine stand ready (`lockstep status`)?",
        arguments.patience
    );
    if !names.is_empty() {
        writeln!(out, "not at {}: a logger that was away is offered the next one", names.join(", "))?;
    }
    Ok(())
}
