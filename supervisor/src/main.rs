//! The supervisor's binary: one thread for the duty cycle, one for Raft.

#![forbid(unsafe_code)]

use anyhow::Context;
use bus::Multicast;
use clap::Parser;
use cluster::{Record, Role};
use mio::Waker;
use node::{Beacon, Duty, Idle, NodeArgs, Started};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use supervisor::raft::{RaftLog, RaftLogConfig, Timing};
use supervisor::{SupervisorNode, SupervisorPorts, roster, timeouts};
use wire::Nanos;

/// The longest election timeout is so many times the shortest.
const ELECTION_SPREAD: u32 = 2;
/// Raft's leader says so many times within the shortest election timeout that it lives.
const BEATS_AN_ELECTION: u32 = 5;

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Supervisor)?;
    let mut agent = Agent::open(&started)?;
    let Started { node, clock, shutdown, .. } = &started;
    node::run(&mut agent, *clock, node.thread(0), shutdown)?;
    tracing::info!(epoch = %agent.node.core().control().epoch(), "stopped");
    Ok(())
}

/// The node, and the bell that Raft's thread rings.
struct Agent {
    node: SupervisorNode<Multicast, RaftLog<Record>>,
    bell: Arc<OnceLock<Arc<Waker>>>,
}

impl Agent {
    fn open(started: &Started) -> anyhow::Result<Self> {
        let Started { description, node, .. } = started;
        let bell = Arc::new(OnceLock::<Arc<Waker>>::new());
        let ring = {
            let bell = Arc::clone(&bell);
            Arc::new(move || {
                if let Some(waker) = bell.get()
                    && let Err(error) = waker.wake()
                {
                    tracing::warn!(%error, "cannot wake the duty cycle; it wakes by itself at its next deadline");
                }
            })
        };
        let election = Duration::from_nanos(description.timing.election.0);
        let config = RaftLogConfig {
            cluster: description.cluster_id(),
            node: node.id,
            peers: description
                .nodes_of(Role::Supervisor)
                .map(|peer| (peer.id, SocketAddr::V4(peer.address)))
                .collect(),
            directory: description.data_of(node).join("control"),
            timing: Timing {
                heartbeat: election / BEATS_AN_ELECTION,
                election_min: election,
                election_max: election * ELECTION_SPREAD,
            },
            snapshot_after: RaftLogConfig::SNAPSHOT_AFTER,
        };
        let log = RaftLog::start(config, ring).context("cannot take part in the supervisors' log")?;
        let ports = SupervisorPorts {
            control: description.control_group(node)?,
            log,
            beacon: Beacon::open(description, node)?,
        };
        Ok(Self { node: SupervisorNode::new(roster(description), timeouts(description), ports), bell })
    }
}

impl Duty for Agent {
    fn on_start(&mut self, idle: &Idle) {
        // Set once: there is one duty cycle.
        let _ = self.bell.set(idle.waker());
    }

    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        if let Some(error) = self.node.log_mut().failure() {
            return Err(error).context("this supervisor takes no part any more; start it again");
        }
        self.node.do_work(now)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.node.next_deadline()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.node.descriptors(out);
    }
}
