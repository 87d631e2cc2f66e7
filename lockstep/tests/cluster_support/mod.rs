//! A whole cluster of real processes for one test, and the patience to wait for it on a slow machine.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod client;

use lockstep::local::LocalCluster;
use lockstep::plan::LocalPlan;
use node::{Description, Shutdown};
use std::net::SocketAddrV4;
use std::path::Path;

/// A cluster that is up. It is killed when this is dropped, so it must live in the thread of its test: the nodes end with
/// the thread that started them.
pub(crate) struct Cluster {
    pub(crate) cluster: LocalCluster,
    directory: tempfile::TempDir,
}

/// Where the nodes' binaries lie.
pub(crate) fn binaries() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lockstep")).parent().expect("a binary lies in a directory")
}

impl Cluster {
    /// Starts every node and waits until clients can log on.
    pub(crate) fn start(plan: &LocalPlan) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = plan.write(directory.path()).unwrap_or_else(|error| panic!("{error:#}"));
        let description = Description::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let mut cluster =
            LocalCluster::start(description, binaries()).unwrap_or_else(|error| panic!("{error:#}"));
        cluster.wait_until_ready(&Shutdown::default()).unwrap_or_else(|error| panic!("{error:#}"));
        Self { cluster, directory }
    }

    /// Where FIX clients connect, gateway by gateway.
    pub(crate) fn fix_addresses(&self) -> Vec<SocketAddrV4> {
        self.cluster.description().nodes.iter().filter_map(|node| node.fix).collect()
    }

    /// Every node must still be alive, and stop by itself when it is asked to.
    pub(crate) fn stop(mut self) {
        self.cluster.look().unwrap_or_else(|error| panic!("{error:#}"));
        self.cluster.stop().unwrap_or_else(|error| panic!("{error:#}"));
    }
}
