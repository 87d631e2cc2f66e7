//! Requests of the other supervisors, handed to openraft one by one.

use super::client::Directory;
use super::frame::{Hello, Reply, Request, read_frame, write_frame};
use super::machine::MAX_SNAPSHOT_LEN;
use super::types::Raft;
use openraft::error::{InstallSnapshotError, RaftError, SnapshotMismatch};
use openraft::raft::InstallSnapshotRequest;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at one time. Each other supervisor has three at most for long: entries, a snapshot, a vote.
const MAX_CONNECTIONS: usize = 64;
/// How long a new connection may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(2);
/// How long a connection may be silent, and an answer may take to be sent. A leader speaks every heartbeat.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// The pause after the system could not accept a connection (too many open files, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
pub(super) struct Server {
    pub(super) directory: Arc<Directory>,
    pub(super) raft: Raft,
    /// Connections that were refused.
    pub(super) refused: Arc<AtomicU64>,
}

impl Server {
    /// Accepts for ever.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((connection, from)) => {
                    let server = Arc::clone(&self);
                    tokio::spawn(async move {
                        if let Err(error) = server.serve(connection, from).await {
                            tracing::debug!("the connection from {from} ended: {error}");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("no connection of another supervisor can be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, mut connection: TcpStream, from: SocketAddr) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let hello: Hello = timeout(HELLO_LIMIT, read_frame(&mut connection)).await??;
        if let Err(refusal) = self.directory.admit(hello) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("a supervisor at {from} is refused: {refusal}");
            // Its first request is read, so that closing does not cut off the answer.
            let _ = timeout(HELLO_LIMIT, read_frame::<Request>(&mut connection)).await?;
            return timeout(HELLO_LIMIT, write_frame(&mut connection, &Reply::Refused(refusal))).await?;
        }
        loop {
            let request = timeout(SILENCE_LIMIT, read_frame(&mut connection)).await??;
            let reply = self.answer(request).await;
            timeout(SILENCE_LIMIT, write_frame(&mut connection, &reply)).await??;
        }
    }

    async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Append(request) => Reply::Append(self.raft.append_entries(request).await),
            Request::Vote(request) => Reply::Vote(self.raft.vote(request).await),
            Request::Install(request) => Reply::Install(match too_far(&request) {
                Some(error) => Err(RaftError::APIError(error)),
                None => self.raft.install_snapshot(request).await,
            }),
        }
    }
}

/// A chunk beyond the longest snapshot would make openraft allocate up to there.
fn too_far(request: &InstallSnapshotRequest<super::types::Types>) -> Option<InstallSnapshotError> {
    let end = request.offset.saturating_add(request.data.len() as u64);
    let segment = |offset| openraft::SnapshotSegmentId { id: request.meta.snapshot_id.clone(), offset };
    (end > MAX_SNAPSHOT_LEN as u64).then(|| {
        InstallSnapshotError::SnapshotMismatch(SnapshotMismatch {
            expect: segment(0),
            got: segment(request.offset),
        })
    })
}
