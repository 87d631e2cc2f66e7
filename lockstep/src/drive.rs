//! `lockstep load`, and the load of the demo: what to send, through whom, and how it goes.

use anyhow::Context;
use cluster::Role;
use lockstep::load::{self, Amount, Files, Instrument, Pace, Plan, Progress, Recording, Report};
use node::{Description, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use wire::Nanos;

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DriveArgs {
    /// Replay a LOBSTER message file (plain or .zst) instead of invented flow; it trades the first instrument.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Seconds of invented flow.
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Requests a second over all sessions; without it, as many as the window allows.
    #[arg(long)]
    pub(crate) rate: Option<u64>,
    /// Requests that each session keeps unanswered when there is no rate.
    #[arg(long, default_value_t = 32)]
    pub(crate) window: u32,
    /// Decides the invented flow.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// `lockstep load`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// The file that describes the running cluster.
    #[arg(long, value_name = "FILE", default_value = "cluster.toml")]
    config: PathBuf,
    /// The CompIDs to log on with, as in CLIENT1,CLIENT2; without it, every session that is described.
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
    /// Write requests.csv and executions.csv into this directory.
    #[arg(long, value_name = "DIRECTORY")]
    records: Option<PathBuf>,
    #[command(flatten)]
    drive: DriveArgs,
}

/// Drives load through a cluster that runs already.
pub(crate) fn load(args: &LoadArgs) -> anyhow::Result<()> {
    let description = Description::load(&args.config)?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let clients = match args.clients.as_slice() {
        [] => description.sessions.iter().map(|session| session.comp_id.clone()).collect(),
        named => named.to_vec(),
    };
    let files = match &args.records {
        None => Files::default(),
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
            Files {
                requests: Some(directory.join("requests.csv")),
                executions: Some(directory.join("executions.csv")),
            }
        }
    };
    writeln!(lockstep::out::stdout(), "driving {}, {} sessions", args.drive.words(), clients.len())?;
    let report = args.drive.run(&description, clients, files, &shutdown)?;
    writeln!(lockstep::out::stdout(), "\n{report}")?;
    anyhow::ensure!(report.is_clean(), "the run did not end well: see the report");
    Ok(())
}

impl DriveArgs {
    /// What it will do, in words.
    pub(crate) fn words(&self) -> String {
        let flow = match &self.input {
            Some(path) => format!("the recorded day {}", path.display()),
            None => format!("invented order flow (seed {}) for {} s", self.seed, self.seconds),
        };
        match self.rate {
            Some(rate) => format!("{flow}, {rate} requests a second"),
            None => format!("{flow}, {} requests unanswered a session", self.window),
        }
    }

    /// Logs on, sends, waits for the answers, logs out. Progress goes to standard error.
    pub(crate) fn run(
        &self,
        description: &Description,
        clients: Vec<String>,
        files: Files,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Report> {
        let gateways: Vec<SocketAddr> =
            description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
        let mut instruments: Vec<Instrument> = description
            .instruments
            .iter()
            .map(|listed| Instrument {
                symbol: { listed.symbol }.to_string(),
                price_decimals: listed.price_decimals,
                tick: { listed.tick }.0,
                lot: { listed.lot }.0,
                start_price: None,
            })
            .collect();
        let amount = match &self.input {
            Some(_) => {
                instruments.truncate(1);
                Amount::All
            }
            None => Amount::Time(Nanos(self.seconds.saturating_mul(Nanos::SECOND.0))),
        };
        let plan = Plan {
            exchange: description.fix.comp_id.clone(),
            pace: self.rate.map_or(Pace::Window(self.window), Pace::Rate),
            amount,
            seed: self.seed,
            files,
            ..Plan::new(gateways, clients, instruments).with_accounts(description)
        };
        let mut tell = |progress: Progress| {
            let Progress { phase, elapsed, sent, answered, fills, sessions, .. } = progress;
            let seconds = elapsed.0 as f64 / 1e9;
            // A line that cannot be shown is no reason to stop.
            let _ = writeln!(
                std::io::stderr(),
                "  {seconds:>5.1} s  {phase:?}: {sessions} sessions, {sent} sent, {answered} answered, {fills} fills"
            );
        };
        match &self.input {
            Some(path) => load::replay(&plan, &Recording { path: path.clone() }, shutdown, &mut tell),
            None => load::run(&plan, shutdown, &mut tell),
        }
    }
}
