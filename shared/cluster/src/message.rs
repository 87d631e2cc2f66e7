//! What is said in the control group: grants, promises, who leads, who is there.

use crate::candidacy::{Answer, Grant};
use crate::divergence::{Dispute, Disputes, Finding};
use crate::quarantine::{Obstacle, Quarantine, Stopped};
use crate::recovery::{Recovery, Shortage};
use crate::role::Role;
use serde::{Deserialize, Serialize};
use wire::{Digest, Epoch, Incarnation, NodeId, Position, Term};

/// A message of the control group, with the cluster that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// Who says it.
    pub from: NodeId,
    /// What.
    pub message: Message,
}

/// What can be said. Any of it may be lost or come twice: whoever says it says it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Every node, all the time: I am here.
    Present(Present),
    /// A sequencer that was granted an epoch: promise it to me, and tell me where your log ends.
    Prepare {
        /// The epoch.
        epoch: Epoch,
        /// The process.
        nonce: u64,
    },
    /// A member: promised; my log ends here.
    Answer(Answer),
    /// The sequencer of an epoch, again and again: I lead.
    Leading(Leading),
    /// A supervisor: this epoch is granted.
    Granted(Grant),
    /// A supervisor: this is the life of your process.
    Admitted(Life),
    /// An operator: take a snapshot now.
    SnapshotWanted,
    /// A supervisor, or an engine that has taken over by itself: this engine speaks in this term.
    Hot(Hot),
    /// The supervisor that leads: too few votes are left, and it waits for them or for an operator.
    Short(Shortage),
    /// An operator: go on with what is left.
    Recover(Recovery),
    /// An engine, beside being here: it does not go on, since the next command made it panic.
    Stopped(Stopped),
    /// An operator: leave this command out.
    Quarantine(Quarantine),
    /// A supervisor: these commands are left out, and no others that it knows of.
    Quarantined(Vec<Quarantine>),
    /// The supervisor that leads: it does not do what an operator said.
    NotQuarantined {
        /// The command's place.
        position: Position,
        /// Why.
        why: Obstacle,
    },
    /// An engine, beside being here: another one and I differ.
    Differ(Dispute),
    /// An engine of the open dispute, beside being here: what it has found.
    Found(Finding),
    /// A supervisor, once there has been a dispute: where the cluster stands with them.
    Disputed(Disputes),
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Present {
    /// Its role.
    pub role: Role,
    /// Tells this process from its other lives.
    pub token: u64,
    /// A logger's or gateway's life; 0 while it has none.
    pub incarnation: Incarnation,
    /// A logger's promised epoch; of others the one that they follow.
    pub epoch: Epoch,
    /// A logger: where its log ends. A sequencer, an engine: up to where it has applied committed frames.
    pub position: Position,
    /// Whether it could do its work now. A logger: whether it holds its epoch's start. An engine: whether it has everything
    /// that it knows to be committed.
    pub ready: bool,
    /// An engine's term.
    pub term: Term,
    /// An engine's running digest at its position; `None` before the first frame.
    pub digest: Option<Digest>,
}

/// What the sequencer of an epoch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leading {
    /// The epoch.
    pub epoch: Epoch,
    /// The process.
    pub nonce: u64,
    /// The place on which the epoch stands: its `EpochStart` has the number after it.
    pub parent: Position,
    /// The last place that was stamped.
    pub last: Position,
    /// The last place that is committed.
    pub committed: Position,
    /// Whether a majority of the epoch's own loggers holds its `EpochStart`.
    pub held: bool,
    /// Whether the epoch's own opening frame is committed.
    pub open: bool,
}

/// The life that was issued to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Life {
    /// The gateway or logger.
    pub node: NodeId,
    /// The process that asked.
    pub token: u64,
    /// Its life.
    pub incarnation: Incarnation,
}

/// Which engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hot {
    /// The term.
    pub term: Term,
    /// The engine.
    pub engine: NodeId,
    /// Which process of it.
    pub token: u64,
    /// Who takes over if it falls silent. The supervisors name it; a successor that has just taken over has none yet.
    pub successor: Option<NodeId>,
    /// Who writes the snapshots: it pauses for a moment when it begins one, so it is one that stands by, if possible one that is
    /// not the successor.
    pub scribe: Option<NodeId>,
}

impl Hot {
    /// Terms are ordered by number, then by engine: two engines that take the same one do not both keep it.
    #[must_use]
    pub fn rank(&self) -> (Term, NodeId) {
        (self.term, self.engine)
    }
}
