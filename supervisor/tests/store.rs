//! Opening a store that is not what it should be: the operator is told the file and what to do.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::path::Path;
use supervisor::raft::RaftLogError;
use support::{CLUSTER, Cluster, Member};
use wire::NodeId;

/// A stopped single supervisor with some records in its store.
fn written() -> Cluster {
    let mut cluster = Cluster::started(1);
    cluster.commit_many("record", 20);
    cluster.stop_all();
    cluster
}

fn refusal(member: &Member) -> RaftLogError {
    match member.try_start() {
        Ok(_) => panic!("the store should have been refused"),
        Err(error) => error,
    }
}

fn names(error: &RaftLogError, file: &Path, advice: &str) {
    let text = error.to_string();
    assert!(text.contains(&*file.to_string_lossy()), "{text:?} does not name the file");
    assert!(text.contains(advice), "{text:?} does not say {advice:?}");
}

#[test]
fn a_file_that_is_no_store_is_called_damaged() {
    for bytes in [&b""[..], b"x", &[0; 100_000], &[0xa5; 100_000]] {
        let cluster = Cluster::new(1);
        let member = &cluster.members[0];
        std::fs::create_dir_all(&member.config.directory).unwrap();
        std::fs::write(member.file(), bytes).unwrap();
        let error = refusal(member);
        assert!(matches!(error, RaftLogError::Damaged { .. }), "{error}");
        names(&error, &member.file(), "Move it away");
        assert_eq!(std::fs::read(member.file()).unwrap(), bytes, "the evidence was changed");
    }
}

#[test]
fn a_store_that_was_cut_short_is_called_damaged() {
    let cluster = written();
    let member = &cluster.members[0];
    let whole = std::fs::read(member.file()).unwrap();
    std::fs::write(member.file(), &whole[..whole.len() / 2]).unwrap();
    let error = refusal(member);
    assert!(matches!(error, RaftLogError::Damaged { .. }), "{error}");
    names(&error, &member.file(), "Move it away");
}

/// A bit that turned in a free page does no harm; one in a page in use must be found.
#[test]
fn a_bit_that_turned_is_found_or_without_effect() {
    let mut cluster = written();
    let whole = std::fs::read(cluster.members[0].file()).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
    let mut found = 0;
    for at in used.iter().step_by(used.len() / 60) {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0x10;
        std::fs::write(cluster.members[0].file(), &bytes).unwrap();
        match cluster.members[0].try_start() {
            Err(error) => {
                assert!(
                    matches!(error, RaftLogError::Damaged { .. } | RaftLogError::Format { .. }),
                    "{error}"
                );
                found += 1;
            }
            Ok(log) => {
                log.stop();
                std::fs::write(cluster.members[0].file(), &bytes).unwrap();
                cluster.members[0].start();
                cluster.commit("after");
                assert_eq!(cluster.members[0].seen.len(), 21, "byte {at}: a record was lost");
                cluster.members[0].stop();
            }
        }
    }
    assert!(found > 0, "no damage was found at all");
}

#[test]
fn a_store_of_another_supervisor_or_cluster_is_refused() {
    let mut cluster = written();
    cluster.members[0].config.cluster = CLUSTER + 1;
    let error = refusal(&cluster.members[0]);
    assert!(matches!(error, RaftLogError::Foreign { found_cluster: CLUSTER, .. }), "{error}");
    names(&error, &cluster.members[0].file(), "data directory of its own");

    let config = &mut cluster.members[0].config;
    config.cluster = CLUSTER;
    let address = config.peers[&NodeId(1)];
    config.peers = [(NodeId(9), address)].into();
    config.node = NodeId(9);
    let error = refusal(&cluster.members[0]);
    assert!(matches!(error, RaftLogError::Foreign { found_node: 1, node: 9, .. }), "{error}");
}

#[test]
fn a_store_in_use_and_an_address_in_use_are_told_apart() {
    let mut cluster = Cluster::started(1);
    let error = refusal(&cluster.members[0]);
    assert!(matches!(error, RaftLogError::Listen { .. }), "{error}");
    let mut address = cluster.members[0].config.peers[&NodeId(1)];
    address.set_port(address.port() + 100);
    cluster.members[0].config.peers = [(NodeId(1), address)].into();
    let error = refusal(&cluster.members[0]);
    assert!(matches!(error, RaftLogError::InUse { .. }), "{error}");
    names(&error, &cluster.members[0].file(), "already running");
    cluster.stop_all();
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_with_the_reason() {
    let mut cluster = Cluster::new(2);
    let member = &mut cluster.members[0];
    member.config.node = NodeId(7);
    assert!(refusal(member).to_string().contains("7 is not among the peers"));
    member.config.node = NodeId(1);
    member.config.timing.election_min = member.config.timing.heartbeat;
    assert!(refusal(member).to_string().contains("three heartbeats"));
    assert!(!member.config.directory.exists(), "a refused configuration left something behind");
}
