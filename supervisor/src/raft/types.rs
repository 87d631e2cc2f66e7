//! openraft's types as they are used here.

use openraft::raft::ClientWriteResult;
use openraft::raft::responder::Responder;
use openraft::{EmptyNode, TokioRuntime};
use serde::{Deserialize, Serialize};
use std::io::Cursor;

/// A record as bytes. Raft orders records and does not look into them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload(pub(super) Vec<u8>);

openraft::declare_raft_types!(
    /// Nodes have no address in the membership: addresses come from the cluster's description.
    pub(super) Types:
        D = Payload,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        Entry = openraft::Entry<Types>,
        SnapshotData = Cursor<Vec<u8>>,
        Responder = NoReply,
        AsyncRuntime = TokioRuntime,
);

/// Nobody waits for what becomes of a proposal: it shows among the applied records, or not.
pub(super) struct NoReply;

impl Responder<Types> for NoReply {
    type Receiver = ();

    fn from_app_data(payload: Payload) -> (Payload, Self, ()) {
        (payload, Self, ())
    }

    fn send(self, _: ClientWriteResult<Types>) {}
}

pub(super) type Raft = openraft::Raft<Types>;
pub(super) type Entry = openraft::Entry<Types>;
pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Vote = openraft::Vote<u64>;
pub(super) type Membership = openraft::StoredMembership<u64, EmptyNode>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<u64, EmptyNode>;
pub(super) type Snapshot = openraft::Snapshot<Types>;
pub(super) type StorageError = openraft::StorageError<u64>;
