//! What supervisors say to each other over TCP, as frames: a length (u32, little endian), then a control message of that length.

use super::machine::MAX_SNAPSHOT_LEN;
use super::types::Types;
use cluster::control::{ControlError, MAX_CONTROL_LEN, decode_within, encode_within};
use openraft::error::{InstallSnapshotError, RaftError};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame, in bytes.
pub(super) const MAX_FRAME_LEN: usize = 4 << 20;
/// How many entries one request carries at most.
pub(super) const MAX_ENTRIES: u64 = 300;
/// How much of a snapshot one request carries, in bytes.
pub(super) const CHUNK_LEN: usize = 1 << 20;
/// The version of what is said; another one is refused.
pub(super) const PROTOCOL: u16 = 1;

// A full request fits a frame: each record is a control message, with at most 64 bytes around it.
const _: () = assert!(MAX_ENTRIES as usize * (MAX_CONTROL_LEN + 64) + 4_096 < MAX_FRAME_LEN);
const _: () = assert!(CHUNK_LEN * 2 < MAX_FRAME_LEN);
const _: () = assert!(CHUNK_LEN < MAX_SNAPSHOT_LEN);

/// The first frame on a connection. It has no answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) protocol: u16,
    pub(super) cluster: u64,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it speaks version {theirs} of the supervisors' protocol, this supervisor speaks {ours}")]
    Protocol { theirs: u16, ours: u16 },
    #[error("it is of cluster {theirs:016x}, this supervisor is of {ours:016x}")]
    Cluster { theirs: u64, ours: u64 },
    #[error("it wants supervisor {wanted}, and this is supervisor {this}")]
    Target { wanted: u64, this: u64 },
    #[error("supervisor {0} is not among the peers of this one")]
    Stranger(u64),
}

/// After the hello, one after the other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<u64>),
    Install(InstallSnapshotRequest<Types>),
}

/// The answer to each request; a refusal answers the hello, and ends the connection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Append(Result<AppendEntriesResponse<u64>, RaftError<u64>>),
    Vote(Result<VoteResponse<u64>, RaftError<u64>>),
    Install(Result<InstallSnapshotResponse<u64>, RaftError<u64, InstallSnapshotError>>),
    Refused(Refusal),
}

/// The frame of a message, its length in front.
pub(super) fn frame<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let message = encode_within::<MAX_FRAME_LEN, T>(message)?;
    let length = u32::try_from(message.len()).map_err(|_| ControlError::Shape)?;
    let mut bytes = Vec::with_capacity(4 + message.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&message);
    Ok(bytes)
}

/// Writes a frame whole.
pub(super) async fn write_frame<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> io::Result<()> {
    let bytes = frame(message).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    to.write_all(&bytes).await
}

/// Reads the next frame. The length is checked before anything is allocated for it.
pub(super) async fn read_frame<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let length = from.read_u32_le().await? as usize;
    if length > MAX_FRAME_LEN {
        let text = format!("a frame of {length} bytes is above the limit of {MAX_FRAME_LEN}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    decode_within::<MAX_FRAME_LEN, T>(&bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
