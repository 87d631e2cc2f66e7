//! A whole cluster of real processes, one order of which ends every engine: it is started again, stops before that order, and goes on
//! once an operator has said so.
//!
//! `RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo build --bins`, then the same with
//! `cargo test -p lockstep --test poison`.

#![cfg(lockstep_planted)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod cluster_support;

use cluster::Role;
use cluster::status::Detail;
use cluster_support::binaries;
use cluster_support::client::{Client, wait};
use lockstep::chaos::command::plan;
use lockstep::local::LocalCluster;
use node::{Description, NodeEntry, Shutdown};
use std::process::{Command, Output};
use wire::Nanos;

const FAILOVER: &str = "600ms";
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

fn quarantine(config: &std::path::Path, seq: u64) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["quarantine", &seq.to_string(), "--by", "desk", "--why", "it panics", "--yes", "--config"]);
    command.arg(config).output().unwrap()
}

#[test]
fn an_order_that_ends_every_engine_is_left_out_by_the_word_of_an_operator() {
    let directory = tempfile::tempdir().unwrap();
    let config = plan(FAILOVER).write(directory.path()).unwrap();
    let description = Description::load(&config).unwrap();
    let shutdown = Shutdown::default();
    let mut cluster = LocalCluster::start(description.clone(), binaries()).unwrap();
    cluster.wait_until_ready(&shutdown).unwrap();
    let clock = cluster.clock();
    let address = description.nodes_of(Role::Gateway).find_map(|node| node.fix).unwrap();
    let mut client = Client::log_on(address);
    client.order("before");
    client.hears("|150=0|");
    client.order("POISON");

    // Both engines end, the second one when it takes over; each is started again, as a service would.
    let engines: Vec<NodeEntry> = description.nodes_of(Role::Engine).cloned().collect();
    for engine in &engines {
        let note = description.data_of(engine).join("poison");
        wait(clock, "both have noted it", || note.exists());
    }
    for engine in &engines {
        cluster.kill(&engine.name).unwrap(); // it has ended, or is about to
        cluster.start_node(engine).unwrap();
    }
    let mut seq = None;
    for engine in &engines {
        wait(clock, "each stops before it", || {
            cluster.look().unwrap();
            let status = cluster.board().status(engine.id).map(|status| status.detail.clone());
            let Some(Detail::Engine { stopped, ready: false, .. }) = status else { return false };
            seq = stopped.map(|seq| seq.0);
            stopped.is_some()
        });
    }
    let seq = seq.unwrap();

    let slip = quarantine(&config, seq - 1);
    assert!(!slip.status.success(), "{slip:?}");
    assert!(String::from_utf8_lossy(&slip.stderr).contains("nothing was changed"), "{slip:?}");
    let done = quarantine(&config, seq);
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    assert!(told.contains("as \"POISON\"") && told.contains("a planted panic"), "{told}");
    assert!(told.contains("Quarantined:"), "{told}");

    let reject = client.hears("|150=8|");
    assert!(reject.contains("left it out"), "{reject}");
    client.order("after");
    client.hears("|150=0|");
    cluster.wait_until_settled(PATIENCE, &shutdown).unwrap();
    let again = quarantine(&config, seq);
    assert!(String::from_utf8_lossy(&again.stdout).contains("quarantined already"), "{again:?}");
    cluster.stop().unwrap();
}
