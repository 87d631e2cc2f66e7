//! The control log of one and of three supervisors: one order for all, through losses of leaders, members and stores.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use node::Clock;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use supervisor::raft::RaftLog;
use support::{CLUSTER, Cluster, GIVE_UP_AFTER, Member};
use wire::NodeId;

/// That these members saw the same, and how much.
fn same(members: &[Member]) -> usize {
    for member in members {
        assert_eq!(member.seen, members[0].seen, "supervisor {} saw something else", member.config.node);
    }
    members[0].seen.len()
}

#[test]
fn three_members_elect_a_leader_and_apply_the_same_records_in_the_same_order() {
    let mut cluster = Cluster::started(3);
    let leader = cluster.leader();
    let leader_id = cluster.members[leader].config.node;
    for number in 0..200 {
        cluster.commit(&format!("record {number}"));
    }
    assert!(same(&cluster.members) >= 200);
    cluster.until("everybody knows the leader", |members| {
        let leads = members.iter().find(|member| member.log().is_leader()).map(|member| member.config.node);
        leads.is_some() && members.iter().all(|member| member.log().leader() == leads)
    });
    assert!(cluster.members.iter().all(|member| member.log().term() > 0), "{leader_id} led in no term");
    cluster.stop_all();
}

#[test]
fn a_leader_that_stops_is_replaced_and_nothing_applied_is_lost() {
    let mut cluster = Cluster::started(3);
    cluster.commit_many("before", 20);
    let old = cluster.leader();
    let term = cluster.members[old].log().term();
    let before = cluster.members[old].seen.clone();
    cluster.members[old].stop();

    let new = cluster.leader();
    assert_ne!(new, old);
    assert!(cluster.members[new].log().term() > term);
    cluster.commit_many("after", 20);
    for (place, member) in cluster.members.iter().enumerate() {
        if place != old {
            assert!(member.seen.starts_with(&before), "the beginning changed");
        }
    }
    cluster.members[old].start();
    cluster.commit("all together again");
    cluster.until("the old leader has everything", |members| members[old].seen == members[new].seen);
    cluster.stop_all();
}

#[test]
fn a_member_that_was_away_catches_up() {
    let mut cluster = Cluster::started(3);
    cluster.commit_many("before", 5);
    cluster.members[2].stop();
    cluster.commit_many("meanwhile", 30);
    cluster.members[2].start();
    cluster.commit("back");
    assert!(same(&cluster.members) >= 36);
    cluster.stop_all();
}

/// The lowest index in the log of a member that is stopped.
fn first_in_log(member: &Member) -> u64 {
    let log: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
    let database = Database::open(member.file()).unwrap();
    let table = database.begin_read().unwrap().open_table(log).unwrap();
    table.first().unwrap().unwrap().0.value()
}

#[test]
fn a_member_that_was_away_for_longer_than_the_log_reaches_back_gets_what_it_missed() {
    let mut cluster = Cluster::new(3);
    for member in &mut cluster.members {
        member.config.snapshot_after = 10;
    }
    cluster.start_all();
    cluster.commit_many("before", 5);
    let last_seen = cluster.members[2].seen.last().unwrap().0;
    cluster.members[2].stop();
    cluster.commit_many("meanwhile", 60);
    cluster.stop_all();
    for member in &cluster.members[..2] {
        assert!(first_in_log(member) > last_seen + 1, "the log still reaches back: the test shows nothing");
    }
    cluster.start_all();
    cluster.commit("back");
    assert!(same(&cluster.members) >= 66);

    // And what came as a snapshot is there after a restart as well.
    let before = cluster.members[2].seen.clone();
    cluster.stop_all();
    cluster.start_all();
    cluster.commit("again");
    assert!(cluster.members[2].seen.starts_with(&before));
    assert!(same(&cluster.members) >= 67);
    cluster.stop_all();
}

#[test]
fn a_restart_of_all_three_replays_everything_in_order() {
    let mut cluster = Cluster::started(3);
    cluster.commit_many("record", 50);
    let before = cluster.members[0].seen.clone();
    cluster.stop_all();
    cluster.start_all();
    cluster.until("everything is replayed", |members| {
        members.iter().all(|member| member.seen.len() >= before.len())
    });
    for member in &cluster.members {
        assert!(member.seen.starts_with(&before));
    }
    cluster.commit("one more");
    assert!(same(&cluster.members) > before.len());
    cluster.stop_all();
}

#[test]
fn a_minority_applies_nothing_and_does_not_take_itself_for_the_leader() {
    let mut cluster = Cluster::started(3);
    cluster.commit_many("before", 3);
    let leader = cluster.leader();
    for place in (0..3).filter(|&place| place != leader) {
        cluster.members[place].stop();
    }
    // Into the gap: the leader may not have noticed yet.
    cluster.members[leader].log().propose("in the minority".into());
    cluster.until("the leader notices", |members| !members[leader].log().is_leader());
    let applied = cluster.members[leader].seen.clone();
    let dropped = cluster.members[leader].log().dropped_proposals();
    cluster.members[leader].log().propose("from nobody".into());
    assert_eq!(cluster.members[leader].log().dropped_proposals(), dropped + 1);
    let mut looks = 0;
    cluster.until("some time passes", |members| {
        assert!(!members[leader].log().is_leader());
        assert_eq!(members[leader].seen, applied);
        looks += 1;
        looks == 300
    });
    for place in (0..3).filter(|&place| place != leader) {
        cluster.members[place].start();
    }
    cluster.commit("a majority again");
    assert!(cluster.members[leader].seen.starts_with(&applied));
    assert!(cluster.members.iter().all(|member| !member.has("from nobody")));
    cluster.stop_all();
}

#[test]
fn a_proposal_on_a_follower_is_dropped_and_counted() {
    let mut cluster = Cluster::started(3);
    cluster.commit("first");
    let leader = cluster.leader();
    let follower = (leader + 1) % 3;
    cluster.members[follower].log().propose("from a follower".into());
    assert_eq!(cluster.members[follower].log().dropped_proposals(), 1);
    cluster.commit("last");
    assert!(cluster.members.iter().all(|member| !member.has("from a follower")));
    cluster.stop_all();
}

#[test]
fn a_record_that_is_too_long_is_dropped_and_counted() {
    let mut cluster = Cluster::started(1);
    let leader = cluster.leader();
    cluster.members[leader].log().propose("x".repeat(cluster::control::MAX_CONTROL_LEN));
    assert_eq!(cluster.members[leader].log().dropped_proposals(), 1);
    cluster.commit("short");
    assert_eq!(cluster.members[leader].texts(), ["short"]);
    cluster.stop_all();
}

#[test]
fn a_single_supervisor_leads_itself_through_restarts() {
    let mut cluster = Cluster::started(1);
    cluster.commit_many("first life", 3);
    cluster.members[0].stop();
    cluster.members[0].start();
    cluster.commit_many("second life", 3);
    let expected =
        ["first life", "second life"].iter().flat_map(|life| (0..3).map(move |n| format!("{life} {n}")));
    assert_eq!(cluster.members[0].texts(), expected.collect::<Vec<_>>());
    assert_eq!(cluster.members[0].log().leader(), Some(NodeId(1)));
    cluster.stop_all();
}

#[test]
fn a_supervisor_of_another_cluster_is_refused() {
    let mut cluster = Cluster::new(2);
    cluster.members[1].config.cluster = CLUSTER + 1;
    cluster.start_all();
    cluster.until("both refuse the other", |members| {
        assert!(members.iter().all(|member| !member.log().is_leader()), "a vote crossed clusters");
        members.iter().all(|member| member.log().refused_connections() > 2)
    });
    assert!(cluster.members.iter().all(|member| member.seen.is_empty()));
    cluster.stop_all();
}

#[test]
fn a_store_that_was_lost_is_filled_again_by_the_others() {
    let mut cluster = Cluster::started(3);
    cluster.commit_many("before", 10);
    let follower = (cluster.leader() + 1) % 3;
    cluster.members[follower].stop();
    std::fs::remove_file(cluster.members[follower].file()).unwrap();
    cluster.members[follower].start();
    cluster.commit("filled");
    assert!(same(&cluster.members) >= 11);
    cluster.stop_all();
}

#[test]
fn the_duty_cycle_is_woken_when_something_was_applied() {
    let cluster = Cluster::new(1);
    let wakes = Arc::new(AtomicU64::new(0));
    let (count, test) = (Arc::clone(&wakes), std::thread::current());
    let wake = Arc::new(move || {
        count.fetch_add(1, Ordering::Release);
        test.unpark();
    });
    let mut log = RaftLog::<String>::start(cluster.members[0].config.clone(), wake).unwrap();
    let clock = Clock::start();
    let began = clock.now().0;
    // Looks only when woken: without a wake the watchdog ends it.
    let mut until = |done: &mut dyn FnMut(&mut RaftLog<String>) -> bool| {
        while !done(&mut log) {
            std::thread::park_timeout(Duration::from_nanos(GIVE_UP_AFTER));
            assert!(clock.now().0 - began < GIVE_UP_AFTER, "nobody woke the duty cycle");
        }
    };
    until(&mut |log| log.is_leader());
    let before = wakes.load(Ordering::Acquire);
    until(&mut |log| {
        if log.is_leader() && log.dropped_proposals() == 0 && wakes.load(Ordering::Acquire) == before {
            log.propose("wake".into());
        }
        log.poll_applied().is_some()
    });
    assert!(wakes.load(Ordering::Acquire) > before);
    log.stop();
}
