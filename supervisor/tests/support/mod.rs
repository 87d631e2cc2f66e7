//! Supervisors' logs in one process, on loopback addresses of their own.

#![allow(dead_code, reason = "not every test file needs all of it")]

use node::Clock;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use supervisor::raft::{RaftLog, RaftLogConfig, RaftLogError, Timing};
use tempfile::TempDir;
use wire::NodeId;

/// When a test gives up, in nanoseconds. No test says anything about time; this only bounds it.
pub(crate) const GIVE_UP_AFTER: u64 = 90_000_000_000;
/// After this long without effect, in nanoseconds, a proposal counts as lost and is made again.
const LOST_AFTER: u64 = 3_000_000_000;

pub(crate) const CLUSTER: u64 = 0x1122_3344_5566_7788;

/// One supervisor's log, and what came out of it since its last start.
pub(crate) struct Member {
    pub(crate) config: RaftLogConfig,
    pub(crate) log: Option<RaftLog<String>>,
    pub(crate) seen: Vec<(u64, String)>,
}

impl Member {
    pub(crate) fn start(&mut self) {
        self.seen.clear();
        self.log = Some(self.try_start().unwrap());
    }

    pub(crate) fn try_start(&self) -> Result<RaftLog<String>, RaftLogError> {
        RaftLog::start(self.config.clone(), Arc::new(|| {}))
    }

    pub(crate) fn stop(&mut self) {
        if let Some(log) = self.log.take() {
            log.stop();
        }
    }

    pub(crate) fn log(&self) -> &RaftLog<String> {
        self.log.as_ref().unwrap()
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.seen.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.seen.iter().any(|(_, seen)| seen == text)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.config.directory.join("control.redb")
    }

    fn poll(&mut self) {
        let Some(log) = &mut self.log else { return };
        while let Some((index, text)) = log.poll_applied() {
            let last = self.seen.last().map_or(0, |(index, _)| *index);
            assert!(index > last, "record {index} came after {last}");
            self.seen.push((index, text));
        }
        if let Some(failure) = log.failure() {
            panic!("supervisor {} failed: {failure}", self.config.node);
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    clock: Clock,
    _directory: TempDir,
}

impl Cluster {
    /// Members that are not started yet. Each cluster has a loopback address of its own, so tests side by side do not meet.
    pub(crate) fn new(count: u16) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let pid = std::process::id();
        let [_, _, high, low] = pid.to_be_bytes();
        let host = [127, 64 + high % 128, low, NEXT.fetch_add(1, Ordering::Relaxed)];
        let directory = tempfile::tempdir().unwrap();
        let peers: BTreeMap<_, _> =
            (1..=count).map(|id| (NodeId(id), SocketAddr::from((host, 20_000 + id)))).collect();
        let members = peers.keys().map(|&node| Member {
            config: RaftLogConfig {
                cluster: CLUSTER,
                node,
                peers: peers.clone(),
                directory: directory.path().join(node.to_string()),
                timing: Timing {
                    heartbeat: Duration::from_millis(100),
                    election_min: Duration::from_millis(500),
                    election_max: Duration::from_millis(1_000),
                },
                snapshot_after: RaftLogConfig::SNAPSHOT_AFTER,
            },
            log: None,
            seen: Vec::new(),
        });
        Self { members: members.collect(), clock: Clock::start(), _directory: directory }
    }

    /// A running cluster with a leader.
    pub(crate) fn started(count: u16) -> Self {
        let mut cluster = Self::new(count);
        cluster.start_all();
        cluster
    }

    pub(crate) fn start_all(&mut self) {
        self.members.iter_mut().for_each(Member::start);
    }

    pub(crate) fn stop_all(&mut self) {
        self.members.iter_mut().for_each(Member::stop);
    }

    /// Takes what is applied until the condition holds.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&[Member]) -> bool) {
        let began = self.clock.now().0;
        loop {
            self.members.iter_mut().for_each(Member::poll);
            if done(&self.members) {
                return;
            }
            assert!(self.clock.now().0 - began < GIVE_UP_AFTER, "in vain: {what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits for a running member that leads; its place among the members.
    pub(crate) fn leader(&mut self) -> usize {
        let mut found = None;
        self.until("a leader", |members| {
            found = members.iter().position(|member| member.log.as_ref().is_some_and(RaftLog::is_leader));
            found.is_some()
        });
        found.unwrap()
    }

    /// Proposes a record until every running member has applied it. A record whose fate was not seen for long may so be there twice.
    pub(crate) fn commit(&mut self, text: &str) {
        let clock = self.clock;
        let mut proposed = None;
        self.until(text, |members| {
            let running = || members.iter().filter(|member| member.log.is_some());
            if running().all(|member| member.has(text)) {
                return true;
            }
            let now = clock.now().0;
            let lost = proposed.is_none_or(|at| now - at > LOST_AFTER);
            if lost && let Some(leader) = running().find(|member| member.log().is_leader()) {
                leader.log().propose(text.to_owned());
                proposed = Some(now);
            }
            false
        });
    }

    /// Commits "NAME 0", "NAME 1" and so on.
    pub(crate) fn commit_many(&mut self, name: &str, count: usize) {
        for number in 0..count {
            self.commit(&format!("{name} {number}"));
        }
    }
}
