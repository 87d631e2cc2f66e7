//! Everything is killed at once: the cluster starts again by itself as long as nothing that was acknowledged can be lost, and
//! asks the operator where something can.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "cluster_support/mod.rs"]
mod cluster_support;

use cluster::Role;
use cluster::status::Detail;
use cluster_support::binaries;
use lockstep::chaos::command::plan;
use lockstep::chaos::power_cut::PowerCuts;
use lockstep::load::{self, Amount, Pace, Plan};
use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::description::Durability;
use node::{Description, Shutdown};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::{Incarnation, Nanos};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Long enough that a test machine with other things to do does not take a slow node for a dead one.
const FAILOVER: &str = "600ms";
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

/// The lives of the loggers, as they tell them.
fn lives(cluster: &LocalCluster) -> Vec<Incarnation> {
    let nodes = cluster.description().nodes_of(Role::Logger);
    let life = |node: &node::NodeEntry| match cluster.board().status(node.id).unwrap().detail {
        Detail::Logger { incarnation, .. } => incarnation,
        _ => panic!("{} is a logger", node.name),
    };
    nodes.map(life).collect()
}

/// Some orders, all of them answered.
fn trade(description: &Description) {
    let gateways: Vec<SocketAddr> =
        description.nodes_of(Role::Gateway).filter_map(|node| node.fix.map(SocketAddr::V4)).collect();
    let clients = description.sessions.iter().map(|session| session.comp_id.clone()).collect();
    let plan = Plan {
        exchange: description.fix.comp_id.clone(),
        pace: Pace::Rate(300),
        amount: Amount::Requests(200),
        answer_timeout: PATIENCE,
        ..Plan::new(gateways, clients, LocalPlan::default().instruments).with_accounts(description)
    };
    let report = load::run(&plan, &Shutdown::default(), &mut |_| {}).unwrap();
    assert_eq!(report.unanswered, 0, "{report}");
}

#[test]
fn all_processes_are_killed_without_a_power_cut_and_the_loggers_go_on_in_their_lives_by_themselves() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let description = Description::load(&plan(FAILOVER).write(directory.path()).unwrap()).unwrap();
    assert_eq!(description.log.durability, Durability::Written);
    let shutdown = Shutdown::default();
    let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
    cluster.wait_until_ready(&shutdown).unwrap();
    trade(&description);
    cluster.look().unwrap();
    let before = lives(&cluster);
    assert_eq!(before, [Incarnation(1); 3]);
    let committed = cluster.board().leader().unwrap().position.seq;
    cluster.kill_all().unwrap();

    let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
    cluster.wait_until_ready(&shutdown).unwrap();
    trade(&description);
    while cluster.board().leader().is_none() {
        cluster.look().unwrap();
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(lives(&cluster), before, "the page cache has outlived the processes");
    assert!(cluster.board().leader().unwrap().position.seq > committed);
    let recover = Command::new(binaries().join("lockstep"))
        .args(["recover", "--patience", "2", "--accept-loss", "--config"])
        .arg(&description.path)
        .output()
        .unwrap();
    let said = String::from_utf8(recover.stdout).unwrap();
    assert!(recover.status.success() && said.contains("No supervisor waits for an operator"), "{said}");
    cluster.stop().unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn a_power_cut_loses_nothing_with_synced_and_with_written_nothing_that_the_operator_did_not_accept() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let cuts = PowerCuts {
        plan: plan(FAILOVER),
        times: 1,
        seed: 7,
        rate: 200,
        patience: PATIENCE,
        binaries: binaries().to_owned(),
    };
    let mut out = Vec::new();
    let account = cuts.play(directory.path(), &Shutdown::default(), &mut out).unwrap();
    let told = String::from_utf8(out).unwrap() + &account.words();
    assert!(account.goals().judge().is_ok(), "{told}");
    let [synced, written] = &account.cuts[..] else { panic!("{told}") };
    assert_eq!((synced.lost(), synced.verdict.losses.len()), (0, 0), "{told}");
    assert_eq!(written.verdict.losses.len(), 1, "{told}");
    assert!(
        told.contains("Nothing was changed. To go on") && told.contains("The loss is accepted"),
        "{told}"
    );
}
