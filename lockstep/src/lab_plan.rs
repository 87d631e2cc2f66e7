//! `lockstep lab-plan`: the description and the hosts of a lab, for `scripts/lab`.

use anyhow::Context;
use lockstep::lab::rehome;
use lockstep::plan::LocalPlan;
use node::Description;
use std::io::Write;
use std::path::PathBuf;

/// What the lab's cluster is made of.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LabPlanArgs {
    /// Where cluster.toml is written.
    #[arg(long, value_name = "DIRECTORY")]
    directory: PathBuf,
    /// Take the cluster of this file instead of making one; only its addresses change.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["loggers", "gateways", "sequencers", "supervisors", "engines", "sessions"])]
    config: Option<PathBuf>,
    /// Loggers.
    #[arg(long, default_value_t = 3)]
    loggers: usize,
    /// Gateways.
    #[arg(long, default_value_t = 1)]
    gateways: usize,
    /// Sequencers.
    #[arg(long, default_value_t = 2)]
    sequencers: usize,
    /// Supervisors.
    #[arg(long, default_value_t = 3)]
    supervisors: usize,
    /// Engines; the first is hot.
    #[arg(long, default_value_t = 2)]
    engines: usize,
    /// FIX sessions.
    #[arg(long, default_value_t = 4)]
    sessions: usize,
}

/// Writes the description, and tells the hosts: name, role and address, a line each, separated by tabs.
pub(crate) fn run(args: &LabPlanArgs) -> anyhow::Result<()> {
    let text = match &args.config {
        Some(path) => {
            // Refused under its own name and with its own lines.
            Description::load(path)?;
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => LocalPlan {
            loggers: args.loggers,
            gateways: args.gateways,
            sequencers: args.sequencers,
            supervisors: args.supervisors,
            engines: args.engines,
            sessions: args.sessions,
            ..LocalPlan::default()
        }
        .text()?,
    };
    let (text, hosts) = rehome(&text)?;
    let path = args.directory.join("cluster.toml");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Description::load(&path)?;
    let mut out = lockstep::out::stdout();
    for host in hosts {
        writeln!(out, "{}\t{}\t{}", host.name, host.role, host.address)?;
    }
    Ok(())
}
