//! The face of the control log for a duty cycle: nothing here waits, except `start` and `stop`.

use super::config::RaftLogConfig;
use super::disk::Disk;
use super::error::RaftLogError;
use super::feed::QUEUE_LEN;
use super::leadership::View;
use super::runtime::{Ends, Opened, STOP_LIMIT, run};
use super::types::Payload;
use cluster::control::encode;
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use wire::NodeId;

/// Called, on Raft's own thread, when there may be more to poll or when the answers about leadership may have changed. It must not wait.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Proposals on their way to Raft. More than this is not proposed in one cycle by anybody in his right mind.
const PROPOSALS_LEN: usize = 64;

/// A committed record.
pub(super) struct Applied<R> {
    pub(super) index: u64,
    pub(super) record: R,
}

/// The control log of one supervisor. `R` is the record: a control message, so at most
/// [`MAX_CONTROL_LEN`](cluster::control::MAX_CONTROL_LEN) bytes.
pub struct RaftLog<R> {
    applied: mpsc::Receiver<Applied<R>>,
    proposals: mpsc::Sender<Payload>,
    dropped: AtomicU64,
    refused: Arc<AtomicU64>,
    view: Arc<View>,
    thread: Option<Thread>,
    _record: PhantomData<fn(R)>,
}

/// Raft's thread, while it runs.
struct Thread {
    stop: oneshot::Sender<()>,
    /// Closed by the thread when it ends.
    ended: std_mpsc::Receiver<()>,
    handle: JoinHandle<()>,
}

impl<R: Serialize + DeserializeOwned + Send + 'static> RaftLog<R> {
    /// Opens the store, listens, and begins to take part. Returns when that is done, and does not wait for a leader.
    ///
    /// # Errors
    ///
    /// A configuration that makes no sense, a store that is damaged, in use or somebody else's, an address that is taken.
    pub fn start(config: RaftLogConfig, wake: Wake) -> Result<Self, RaftLogError> {
        let (raft, address) = config.check()?;
        let listen = |source| RaftLogError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let disk = Disk::open(&config.directory, config.cluster, u64::from(config.node.0))?;

        let (applied_in, applied) = mpsc::channel(QUEUE_LEN);
        let (proposals, proposals_out) = mpsc::channel(PROPOSALS_LEN);
        let (stop, stopped) = oneshot::channel();
        let (started_in, started) = std_mpsc::channel();
        let (ending, ended) = std_mpsc::channel();
        let view = Arc::new(View::new());
        let refused = Arc::new(AtomicU64::new(0));
        let ends = Ends {
            applied: applied_in,
            proposals: proposals_out,
            stop: stopped,
            started: started_in,
            view: Arc::clone(&view),
            refused: Arc::clone(&refused),
            wake,
        };
        let opened = Opened { config, raft, disk, listener };
        let handle = std::thread::Builder::new().name("raft".into()).spawn(move || {
            run(opened, ends);
            drop(ending);
        });
        let handle = handle.map_err(|error| RaftLogError::Stopped(error.to_string()))?;
        let log = Self {
            applied,
            proposals,
            dropped: AtomicU64::new(0),
            refused,
            view,
            thread: Some(Thread { stop, ended, handle }),
            _record: PhantomData,
        };
        started.recv().unwrap_or_else(|_| Err(RaftLogError::Stopped("its thread ended early".into())))?;
        Ok(log)
    }

    /// Fire and forget. Only a leader's proposal goes anywhere; any other is dropped and counted. What becomes of it shows in
    /// [`poll_applied`](Self::poll_applied), late or never.
    #[expect(clippy::needless_pass_by_value, reason = "a proposal is given away")]
    pub fn propose(&self, record: R) {
        let bytes = match encode(&record) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!("a record of the control log cannot be written: {error}");
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if !self.is_leader() || self.proposals.try_send(Payload(bytes)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next committed record with its index: all of them in order from the first one on, each once since the start.
    /// Indexes rise and have gaps.
    pub fn poll_applied(&mut self) -> Option<(u64, R)> {
        self.applied.try_recv().ok().map(|Applied { index, record }| (index, record))
    }
}

impl<R> RaftLog<R> {
    /// Whether this supervisor leads, heard a majority within the shortest election timeout, and has handed out to
    /// [`poll_applied`](Self::poll_applied) what leaders before it committed. A hint, never a proof.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.view.is_leader()
    }

    /// The leader that this supervisor knows of; it may be dead.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.view.leader()
    }

    /// Raft's term.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.view.term()
    }

    /// Why this supervisor takes no part any more, or nothing. It does not recover by itself: end the process and let it be started again.
    #[must_use]
    pub fn failure(&self) -> Option<RaftLogError> {
        self.view.failure().map(RaftLogError::Stopped)
    }

    /// How many proposals were dropped here, since this supervisor did not lead, the queue was full or the record too long.
    #[must_use]
    pub fn dropped_proposals(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many connections were refused: of another cluster, another version, or nobody known.
    #[must_use]
    pub fn refused_connections(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Ends Raft and closes the store. Takes a few seconds at the very most.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(Thread { stop, ended, handle }) = self.thread.take() else { return };
        let _ = stop.send(());
        match ended.recv_timeout(3 * STOP_LIMIT) {
            Err(std_mpsc::RecvTimeoutError::Disconnected) => {
                if handle.join().is_err() {
                    tracing::error!("the thread of the supervisors' log panicked");
                }
            }
            _ => tracing::warn!("the thread of the supervisors' log does not end; it is left behind"),
        }
    }
}

impl<R> Drop for RaftLog<R> {
    fn drop(&mut self) {
        self.end();
    }
}

impl cluster::ControlLog for RaftLog<cluster::Record> {
    fn propose(&mut self, record: cluster::Record) {
        Self::propose(self, record);
    }

    fn poll_applied(&mut self) -> Option<cluster::Record> {
        Self::poll_applied(self).map(|(_, record)| record)
    }

    fn may_propose(&self) -> bool {
        self.is_leader()
    }
}
