//! Requests to the other supervisors: one connection for each user, made when it is needed.

use super::frame::{Hello, PROTOCOL, Refusal, Reply, Request, frame, read_frame, write_frame};
use super::types::Types;
use openraft::EmptyNode;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError, Timeout, Unreachable};
use openraft::network::{Backoff, RPCOption, RPCTypes, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wire::NodeId;

/// How long a supervisor that refused this one is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// One other supervisor, as all connections to it see it.
struct Peer {
    address: SocketAddr,
    /// So that the log tells a change, and not every attempt.
    reachable: AtomicBool,
}

/// Who this supervisor is and where the others are.
pub(super) struct Directory {
    cluster: u64,
    node: u64,
    pause: Duration,
    peers: BTreeMap<u64, Peer>,
}

impl Directory {
    pub(super) fn new(
        cluster: u64,
        node: NodeId,
        pause: Duration,
        peers: &BTreeMap<NodeId, SocketAddr>,
    ) -> Self {
        let peer = |address: &SocketAddr| Peer { address: *address, reachable: AtomicBool::new(true) };
        let peers = peers.iter().map(|(id, address)| (u64::from(id.0), peer(address))).collect();
        Self { cluster, node: u64::from(node.0), pause, peers }
    }

    /// Whether this hello may be listened to.
    pub(super) fn admit(&self, hello: Hello) -> Result<(), Refusal> {
        if hello.protocol != PROTOCOL {
            return Err(Refusal::Protocol { theirs: hello.protocol, ours: PROTOCOL });
        }
        if hello.cluster != self.cluster {
            return Err(Refusal::Cluster { theirs: hello.cluster, ours: self.cluster });
        }
        if hello.to != self.node {
            return Err(Refusal::Target { wanted: hello.to, this: self.node });
        }
        if hello.from == self.node || !self.peers.contains_key(&hello.from) {
            return Err(Refusal::Stranger(hello.from));
        }
        Ok(())
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the description has no address for supervisor {0}")]
    NoAddress(u64),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it refuses this supervisor: {0}")]
    Refused(#[from] Refusal),
    #[error("it refused this supervisor a moment ago")]
    RefusedLately,
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("its answer is not for the question")]
    Mismatch,
}

/// Makes a [`Client`] for each task of openraft that wants one.
pub(super) struct Clients(pub(super) Arc<Directory>);

impl RaftNetworkFactory<Types> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Client {
        Client { directory: Arc::clone(&self.0), target, connection: None, refused_until: None }
    }
}

/// A user of one supervisor. One request at a time, so nothing queues.
pub(super) struct Client {
    directory: Arc<Directory>,
    target: u64,
    /// Only there between requests: one that was cut short takes its connection with it, and no late answer is ever read
    /// as the answer to another question.
    connection: Option<TcpStream>,
    refused_until: Option<Instant>,
}

type Failed<E> = RPCError<u64, EmptyNode, RaftError<u64, E>>;

impl Client {
    async fn call(&mut self, request: &Request, limit: Duration) -> Result<Reply, CallError> {
        let result = match timeout(limit, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Late(limit)),
        };
        let Some(peer) = self.directory.peers.get(&self.target) else { return result };
        match &result {
            Ok(_) if !peer.reachable.swap(true, Ordering::Relaxed) => {
                tracing::info!("supervisor {} at {} answers again", self.target, peer.address);
            }
            Err(error) if peer.reachable.swap(false, Ordering::Relaxed) => {
                tracing::warn!("supervisor {} at {} cannot be asked: {error}", self.target, peer.address);
            }
            _ => {}
        }
        result
    }

    async fn exchange(&mut self, request: &Request) -> Result<Reply, CallError> {
        let peer = self.directory.peers.get(&self.target).ok_or(CallError::NoAddress(self.target))?;
        if self.refused_until.is_some_and(|until| reading() < until) {
            return Err(CallError::RefusedLately);
        }
        let bytes = frame(request).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if let Some(connection) = self.connection.take() {
            // It may have been closed since; Raft's requests may be said twice.
            if let Ok((connection, reply)) = ask(connection, &bytes).await {
                self.connection = Some(connection);
                return Ok(reply);
            }
        }
        let mut connection = TcpStream::connect(peer.address).await?;
        connection.set_nodelay(true)?;
        let (cluster, from) = (self.directory.cluster, self.directory.node);
        write_frame(&mut connection, &Hello { protocol: PROTOCOL, cluster, from, to: self.target }).await?;
        let (connection, reply) = ask(connection, &bytes).await?;
        if let Reply::Refused(refusal) = reply {
            self.refused_until = Some(reading() + REFUSED_PAUSE);
            return Err(refusal.into());
        }
        self.connection = Some(connection);
        Ok(reply)
    }

    fn failed<E: std::error::Error>(&self, error: &CallError, action: RPCTypes) -> Failed<E> {
        match *error {
            CallError::Late(timeout) => {
                RPCError::Timeout(Timeout { action, id: self.directory.node, target: self.target, timeout })
            }
            // Everything else waits for `backoff`, so a dead supervisor costs one attempt per pause.
            _ => RPCError::Unreachable(Unreachable::new(error)),
        }
    }

    #[expect(clippy::result_large_err, reason = "the error is openraft's")]
    fn remote<T, E: std::error::Error>(&self, answer: Result<T, RaftError<u64, E>>) -> Result<T, Failed<E>> {
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }
}

/// tokio's clock, on which its timers run.
fn reading() -> Instant {
    Instant::now()
}

async fn ask(mut connection: TcpStream, request: &[u8]) -> io::Result<(TcpStream, Reply)> {
    connection.write_all(request).await?;
    let reply = read_frame(&mut connection).await?;
    Ok((connection, reply))
}

impl RaftNetwork<Types> for Client {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failed<openraft::error::Infallible>> {
        match self.call(&Request::Append(request), option.hard_ttl()).await {
            Ok(Reply::Append(answer)) => self.remote(answer),
            Ok(_) => Err(self.failed(&CallError::Mismatch, RPCTypes::AppendEntries)),
            Err(error) => Err(self.failed(&error, RPCTypes::AppendEntries)),
        }
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<Types>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failed<InstallSnapshotError>> {
        match self.call(&Request::Install(request), option.hard_ttl()).await {
            Ok(Reply::Install(answer)) => self.remote(answer),
            Ok(_) => Err(self.failed(&CallError::Mismatch, RPCTypes::InstallSnapshot)),
            Err(error) => Err(self.failed(&error, RPCTypes::InstallSnapshot)),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, Failed<openraft::error::Infallible>> {
        match self.call(&Request::Vote(request), option.hard_ttl()).await {
            Ok(Reply::Vote(answer)) => self.remote(answer),
            Ok(_) => Err(self.failed(&CallError::Mismatch, RPCTypes::Vote)),
            Err(error) => Err(self.failed(&error, RPCTypes::Vote)),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.directory.pause))
    }
}
