//! `lockstep up` and `lockstep status`: the live table.

use anyhow::Context;
use lockstep::board::{Board, Settling};
use lockstep::local::{LocalCluster, binaries_beside_this_one};
use lockstep::out;
use node::{Clock, Description, Shutdown};
use std::io::{IsTerminal, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use wire::Nanos;

/// Between two drawings of the table on a terminal.
const REDRAW: Duration = Duration::from_millis(500);
/// Between two tables where there is no terminal.
const REPEAT: Duration = Duration::from_secs(5);
/// How long `status --once` listens.
const LISTEN: Duration = Duration::from_millis(600);
/// Between two looks of `status --until`.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What `status --until` waits for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Until {
    /// Every node is up, and the gateways take clients.
    Up,
    /// Every node has everything that was stamped until now, and the engines agree on it.
    Settled,
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the console's runtime")
}

/// Runs a whole cluster until Ctrl-C or until a node ends by itself.
pub(crate) fn up(config: &Path) -> anyhow::Result<()> {
    let description = Description::load(config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    writeln!(
        out::stdout(),
        "starting {} nodes of cluster \"{}\"",
        description.nodes.len(),
        description.name
    )?;
    let mut cluster = LocalCluster::start(description, &binaries_beside_this_one()?)?;
    cluster.wait_until_ready(&shutdown)?;
    for gateway in cluster.description().nodes.iter().filter_map(|node| node.fix.map(|fix| (&node.name, fix)))
    {
        writeln!(out::stdout(), "{} takes FIX clients at {}", gateway.0, gateway.1)?;
    }
    let shown = runtime()?.block_on(show(&shutdown, &mut cluster, |cluster| {
        cluster.look()?;
        Ok(cluster.board().table(cluster.clock().now()))
    }));
    // Whether anybody still listens or not, it is stopped in order.
    let told = writeln!(out::stdout(), "stopping");
    let stopped = cluster.stop();
    let end = if stopped.is_ok() { "stopped; no process is left" } else { "stopped, not cleanly" };
    let told = told.and_then(|()| writeln!(out::stdout(), "{end}"));
    shown.and(stopped).and(told.map_err(Into::into))
}

/// Shows how a cluster is that runs elsewhere.
pub(crate) fn status(config: &Path, interface: Option<Ipv4Addr>, once: bool) -> anyhow::Result<()> {
    let description = Description::load(config)?;
    let mut board = Board::open(&description, interface)?;
    let clock = Clock::start();
    let look = |board: &mut Board| {
        board.poll(clock.now())?;
        Ok(board.table(clock.now()))
    };
    if !once {
        let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
        return runtime()?.block_on(show(&shutdown, &mut board, look));
    }
    runtime()?.block_on(async { tokio::time::sleep(LISTEN).await });
    writeln!(out::stdout(), "{}", look(&mut board)?)?;
    Ok(())
}

/// Waits until a cluster that runs elsewhere is as wished, for so many seconds, and shows it.
pub(crate) fn status_until(
    config: &Path,
    interface: Option<Ipv4Addr>,
    until: Until,
    patience: u64,
) -> anyhow::Result<()> {
    let description = Description::load(config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let mut board = Board::open(&description, interface)?;
    let clock = Clock::start();
    let deadline = clock.now().saturating_add(Nanos(patience.saturating_mul(Nanos::SECOND.0)));
    let mut settling = Settling::since(clock.now());
    loop {
        board.poll(clock.now())?;
        if let Some(found) = board.disagreement() {
            anyhow::bail!("engines differ: {found}");
        }
        let missing = match until {
            Until::Up => board.missing(),
            Until::Settled => settling.missing(&board),
        };
        if missing.is_empty() {
            writeln!(out::stdout(), "{}", board.table(clock.now()))?;
            return Ok(());
        }
        anyhow::ensure!(!shutdown.requested(), "stopped while waiting");
        let late = clock.now() >= deadline;
        anyhow::ensure!(!late, "waited {patience} s; still missing: {}", missing.join("; "));
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Draws a table again and again, until Ctrl-C.
async fn show<T>(
    shutdown: &Shutdown,
    of: &mut T,
    mut table: impl FnMut(&mut T) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let terminal = std::io::stdout().is_terminal();
    let mut redraw = tokio::time::interval(if terminal { REDRAW } else { REPEAT });
    redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A signal that came before these two were listening has set the flag, and comes no second time.
    while !shutdown.requested() {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = redraw.tick() => {
                let drawn = table(of)?;
                // On a terminal: home, and clear what was there.
                let clear = if terminal { "\x1b[H\x1b[2J" } else { "" };
                writeln!(out::stdout(), "{clear}{drawn}{}", if terminal { "Ctrl-C stops" } else { "" })?;
            }
        }
    }
    Ok(())
}
