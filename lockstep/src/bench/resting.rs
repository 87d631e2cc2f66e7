//! Books full of resting orders, before anything is measured.

use anyhow::{Context, ensure};
use cluster::Role;
use lockstep::load::{self, Amount, Files, Pace, Plan, Shape};
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Sessions that fill the books, and their unanswered requests.
pub(super) const FILLERS: usize = 4;
const WINDOW: u32 = 256;
/// Names that the load itself may use: half an hour of it.
const NAMES: u64 = 1 << 22;

/// The section of a description in which so many orders can rest, beside what the load itself leaves open.
pub(super) fn limits(resting: u64) -> String {
    let orders = (resting + (1 << 18)).next_power_of_two();
    // One name of each resting order, and one that is kept for its cancel.
    format!("\n[engine]\nresting_orders = {orders}\nnames = {}\n", 2 * resting + NAMES)
}

/// Fills the books of a running cluster through the described sessions behind the first `sessions`, which log out then. Gives
/// the directory of their records.
pub(super) fn fill(
    description: &Description,
    (resting, sessions, seed): (u64, usize, u64),
    directory: &Path,
    out: &mut dyn Write,
    shutdown: &Shutdown,
) -> anyhow::Result<PathBuf> {
    let records = directory.join("resting");
    std::fs::create_dir_all(&records).with_context(|| format!("cannot create {}", records.display()))?;
    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let fillers = description.sessions.iter().skip(sessions);
    let clients = fillers.map(|session| session.comp_id.clone()).collect();
    let plan = Plan {
        pace: Pace::Window(WINDOW),
        amount: Amount::Requests(resting),
        shape: Shape::Resting,
        seed,
        files: Files {
            requests: Some(records.join("requests.csv")),
            executions: Some(records.join("executions.csv")),
        },
        ..Plan::new(gateways, clients, LocalPlan::default().instruments).with_accounts(description)
    };
    let report = load::run(&plan, shutdown, &mut |_| {})?;
    ensure!(report.is_clean(), "filling the books did not end well:\n{report}");
    writeln!(out, "{resting} orders rest")?;
    Ok(records)
}
