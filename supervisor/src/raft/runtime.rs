//! The thread and the runtime on which Raft lives.

use super::client::{Clients, Directory};
use super::config::RaftLogConfig;
use super::disk::Disk;
use super::error::RaftLogError;
use super::feed;
use super::handle::{Applied, Wake};
use super::leadership::{self, View};
use super::machine::Machine;
use super::server::Server;
use super::store::LogStore;
use super::types::{Payload, Raft};
use openraft::EmptyNode;
use openraft::error::{InitializeError, RaftError};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long Raft may take to stop, and then its last work on the disk.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The inner ends of what the handle holds.
pub(super) struct Ends<R> {
    pub(super) applied: mpsc::Sender<Applied<R>>,
    pub(super) proposals: mpsc::Receiver<Payload>,
    pub(super) stop: oneshot::Receiver<()>,
    pub(super) started: std_mpsc::Sender<Result<(), RaftLogError>>,
    pub(super) view: Arc<View>,
    pub(super) refused: Arc<AtomicU64>,
    pub(super) wake: Wake,
}

/// What was opened before the thread began.
pub(super) struct Opened {
    pub(super) config: RaftLogConfig,
    pub(super) raft: openraft::Config,
    pub(super) disk: Disk,
    pub(super) listener: std::net::TcpListener,
}

/// The thread's whole life. All tasks end with it, and the store is closed when it returns.
pub(super) fn run<R: DeserializeOwned + Send + 'static>(opened: Opened, ends: Ends<R>) {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(4)
        .thread_name("raft-disk")
        .build();
    match built {
        Ok(runtime) => {
            runtime.block_on(live(opened, ends));
            runtime.shutdown_timeout(STOP_LIMIT);
        }
        // The receiver waits in `start`.
        Err(error) => drop(ends.started.send(Err(RaftLogError::Stopped(error.to_string())))),
    }
}

async fn live<R: DeserializeOwned + Send + 'static>(opened: Opened, ends: Ends<R>) {
    let Opened { config, raft: raft_config, disk, listener } = opened;
    let Ends { applied, mut proposals, mut stop, started, view, refused, wake } = ends;
    let lease = config.timing.election_min;
    let directory = Directory::new(config.cluster, config.node, config.timing.heartbeat, &config.peers);
    let directory = Arc::new(directory);
    let (told, more) = watch::channel(());
    let members: BTreeMap<u64, EmptyNode> =
        config.peers.keys().map(|node| (u64::from(node.0), EmptyNode::new())).collect();
    let begin = async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
        let store = LogStore::new(disk.clone());
        let machine = Machine::new(disk.clone(), told);
        let clients = Clients(Arc::clone(&directory));
        let id = u64::from(config.node.0);
        let raft = Raft::new(id, Arc::new(raft_config), clients, store, machine).await;
        let raft = raft.map_err(|error| error.to_string())?;
        match raft.initialize(members).await {
            // Every supervisor tries this at every start; only a pristine store takes it.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok((listener, raft)),
            Err(error) => Err(error.to_string()),
        }
    };
    let (listener, raft) = match begin.await {
        Ok(begun) => begun,
        Err(reason) => return drop(started.send(Err(RaftLogError::Stopped(reason)))),
    };
    let server = Arc::new(Server { directory, raft: raft.clone(), refused });
    tokio::spawn(server.run(listener));
    tokio::spawn(leadership::watch(raft.clone(), Arc::clone(&view), lease, Arc::clone(&wake)));
    tokio::spawn(feed::run(disk, more, applied, view, wake));
    let _ = started.send(Ok(()));
    loop {
        tokio::select! {
            // Also when the handle is gone.
            _ = &mut stop => break,
            proposal = proposals.recv() => match proposal {
                // A failure shows in the metrics.
                Some(payload) => drop(raft.client_write_ff(payload).await),
                None => break,
            },
        }
    }
    if tokio::time::timeout(STOP_LIMIT, raft.shutdown()).await.is_err() {
        tracing::warn!("the supervisors' log did not stop within {STOP_LIMIT:?}; it is left");
    }
}
