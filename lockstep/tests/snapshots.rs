//! A killed engine comes back by itself: from the newest good snapshot, past a damaged one, to where the others are; and takes
//! over when the hot one dies.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "cluster_support/mod.rs"]
mod cluster_support;

use cluster::Role;
use cluster::status::Detail;
use cluster_support::binaries;
use lockstep::board::Board;
use lockstep::chaos::command::plan;
use lockstep::load::{self, Amount, Pace, Plan};
use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::{Description, NodeEntry, Shutdown};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use wire::Nanos;

/// Long enough that a test machine with other things to do does not take a slow node for a dead one.
const FAILOVER: &str = "600ms";
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

/// Some orders, all of them answered.
fn trade(description: &Description, seed: u64) {
    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let clients = description.sessions.iter().map(|session| session.comp_id.clone()).collect();
    let plan = Plan {
        exchange: description.fix.comp_id.clone(),
        pace: Pace::Rate(500),
        amount: Amount::Requests(600),
        answer_timeout: PATIENCE,
        seed,
        ..Plan::new(gateways, clients, LocalPlan::default().instruments).with_accounts(description)
    };
    let report = load::run(&plan, &Shutdown::default(), &mut |_| {}).unwrap();
    assert_eq!(report.unanswered, 0, "{report}");
}

/// A node's snapshots, the oldest first.
fn snapshots(description: &Description, node: &NodeEntry) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(description.data_of(node).join("snapshots")) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "snapshot"));
    paths.sort();
    paths
}

fn said(description: &Description, node: &NodeEntry) -> String {
    std::fs::read_to_string(description.data_of(node).join("node.log")).unwrap()
}

#[test]
fn a_killed_engine_comes_back_from_a_snapshot_and_past_a_damaged_one_and_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(FAILOVER);
    // A busy machine shall not make engines change their roles.
    plan.more += "\ntakeover = \"400ms\"\n\n[snapshot]\ncommands = 200\n";
    let description = Description::load(&plan.write(directory.path()).unwrap()).unwrap();
    let shutdown = Shutdown::default();
    let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
    cluster.wait_until_ready(&shutdown).unwrap();
    let (hot, warm) = (description.node("engine-1").unwrap(), description.node("engine-2").unwrap());
    let loggers: Vec<_> = description.nodes_of(Role::Logger).collect();
    // As long as nobody stands by, the hot one writes the snapshots.
    let stands_by = |board: &Board| {
        description.nodes_of(Role::Supervisor).all(|supervisor| {
            let detail = board.status(supervisor.id).map(|status| &status.detail);
            matches!(detail, Some(Detail::Supervisor { successor, .. }) if *successor == Some(warm.id))
        })
    };
    let until = cluster.clock().now().saturating_add(PATIENCE);
    while !stands_by(cluster.board()) {
        cluster.look().unwrap();
        assert!(cluster.clock().now() < until, "nobody stands by: {}", said(&description, warm));
        std::thread::park_timeout(Duration::from_millis(10));
    }
    trade(&description, 1);
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();

    // Every logger gets what the engine that stands by writes.
    let until = cluster.clock().now().saturating_add(PATIENCE);
    while loggers.iter().any(|logger| snapshots(&description, logger).len() < 2) {
        cluster.look().unwrap();
        assert!(cluster.clock().now() < until, "the loggers have no snapshots: {}", said(&description, warm));
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert!(snapshots(&description, hot).is_empty(), "the hot one is not paused for that");

    // The newest is damaged wherever it is.
    cluster.kill("engine-2").unwrap();
    let newest = snapshots(&description, warm).pop().unwrap();
    for node in loggers.iter().copied().chain([warm]) {
        let path = description.data_of(node).join("snapshots").join(newest.file_name().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    cluster.start_node(warm).unwrap();
    trade(&description, 2);
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    let words = said(&description, warm);
    assert!(words.contains("not begun with this snapshot"), "{words}");
    assert!(words.contains("begun with a snapshot"), "{words}");

    // And it is an engine like any other.
    cluster.kill("engine-1").unwrap();
    trade(&description, 3);
    let words = said(&description, warm);
    assert!(words.contains("the hot engine has fallen silent: taking over"), "{words}");
    cluster.start_node(hot).unwrap();
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    cluster.stop().unwrap_or_else(|error| panic!("{error:#}"));
}
