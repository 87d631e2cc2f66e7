//! What every node tells of itself, some times a second, to whoever listens.

use crate::{Disputes, EngineMode, Role};
use serde::{Deserialize, Serialize};
use wire::{Digest, Epoch, Incarnation, Nanos, NodeId, Outbound, Position, Seq, Term};

/// One node's account of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// The node.
    pub node: NodeId,
    /// Its process, so that a restart is seen.
    pub process: u32,
    /// Its clock when it said this.
    pub at: Nanos,
    /// The epoch that it follows.
    pub epoch: Epoch,
    /// The last position that it has stamped, executed, written or seen.
    pub position: Position,
    /// How many messages of the streams that it follows are known to exist and have not come.
    pub lag: u64,
    /// What its bus has seen.
    pub traffic: Traffic,
    /// What only its role can tell.
    pub detail: Detail,
}

/// Counters of a node's streams since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Datagrams received.
    pub datagrams: u64,
    /// Messages delivered in order.
    pub delivered: u64,
    /// Messages that came again and were dropped.
    pub duplicates: u64,
    /// Messages asked for again.
    pub repaired: u64,
    /// Datagrams of another session, or damaged.
    pub unusable: u64,
}

impl Traffic {
    /// The sum of two streams' counters.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            datagrams: self.datagrams + other.datagrams,
            delivered: self.delivered + other.delivered,
            duplicates: self.duplicates + other.duplicates,
            repaired: self.repaired + other.repaired,
            unusable: self.unusable + other.unusable,
        }
    }
}

/// An engine's running digest at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where.
    pub position: Position,
    /// The digest there.
    pub digest: Digest,
}

/// What only a node of that role can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// A sequencer.
    Sequencer {
        /// Whether it stamps; otherwise it stands by.
        leads: bool,
        /// The last number that it knows to be committed.
        committed: Seq,
        /// Gateways whose lanes are open.
        lanes: u32,
        /// Packets of gateways that are not described, or of a life that is over.
        refused: u64,
        /// Lanes closed because the gateway broke the protocol.
        closed_lanes: u32,
    },
    /// A supervisor.
    Supervisor {
        /// Whether it leads, and may decide.
        leads: bool,
        /// To whom the highest epoch is granted.
        sequencer: Option<NodeId>,
        /// Which engine was named last.
        hot: Option<NodeId>,
        /// Which engine is named to take over from it.
        successor: Option<NodeId>,
        /// Whether too few votes are left, and it waits for them or for an operator.
        waits: bool,
        /// Where the cluster stands with engines that differ.
        disputes: Disputes,
    },
    /// An engine.
    Engine {
        /// Hot: it speaks; or warm.
        mode: EngineMode,
        /// Whether it has executed all that it knows to be committed, but for a moment's worth.
        ready: bool,
        /// It goes no further than before this command, since it made the engine panic.
        stopped: Option<Seq>,
        /// The highest term that it knows: a hot engine speaks in it.
        term: Term,
        /// The last event that it computed.
        outbound: Outbound,
        /// Frames waiting between its receiving and its matching thread.
        ring_used: u32,
        /// How many fit there.
        ring_len: u32,
        /// Orders resting in all books.
        resting: u64,
        /// Digests at committed positions only, newest first: at the last one that it executed, if that is committed, then at
        /// the latest marked ones.
        marks: Vec<Mark>,
    },
    /// A logger.
    Logger {
        /// The life of its log; 0 while it has none.
        incarnation: Incarnation,
        /// The epoch that it has promised.
        promised: Epoch,
        /// The last place that it has acknowledged in the epoch that it follows, if any.
        acknowledged: Position,
        /// The last number known to be on the disk.
        synced: Seq,
        /// The last event in its journal.
        events: Outbound,
        /// Segments of the log.
        segments: u32,
        /// Bytes of the log's records.
        bytes: u64,
    },
    /// A gateway.
    Gateway {
        /// Its life.
        incarnation: Incarnation,
        /// Whether it takes clients.
        open: bool,
        /// Connections there are.
        connections: u32,
        /// Sessions that are logged on.
        sessions: u32,
        /// Commands sent and not yet committed.
        in_flight: u32,
        /// How many may be.
        in_flight_limit: u32,
        /// Whether new orders are refused since engines differ.
        halted: bool,
        /// New orders refused at the edge.
        shed: u64,
        /// The last event that it has told on.
        outbound: Outbound,
        /// The last number that it knows to be committed.
        committed: Seq,
        /// Events dropped since the history does not hold what caused them.
        void: u64,
    },
}

impl Detail {
    /// The role that has such details.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Sequencer { .. } => Role::Sequencer,
            Self::Supervisor { .. } => Role::Supervisor,
            Self::Engine { .. } => Role::Engine,
            Self::Logger { .. } => Role::Logger,
            Self::Gateway { .. } => Role::Gateway,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{ControlError, MAX_CONTROL_LEN, decode, encode};

    fn status(marks: usize) -> Status {
        Status {
            cluster: u64::MAX,
            node: NodeId(3),
            process: u32::MAX,
            at: Nanos(u64::MAX),
            epoch: Epoch(u32::MAX),
            position: Position { epoch: Epoch(7), seq: Seq(u64::MAX), chain: wire::Chain(u64::MAX) },
            lag: 12,
            traffic: Traffic::default(),
            detail: Detail::Engine {
                mode: EngineMode::Hot,
                ready: true,
                stopped: Some(Seq(u64::MAX)),
                term: Term(1),
                outbound: Outbound(77),
                ring_used: 3,
                ring_len: 65_536,
                resting: 5,
                marks: vec![
                    Mark {
                        position: Position { seq: Seq(u64::MAX), ..Position::GENESIS },
                        digest: Digest(u64::MAX)
                    };
                    marks
                ],
            },
        }
    }

    #[test]
    fn a_status_comes_back_as_it_was_said() {
        let said = status(9);
        let bytes = encode(&said).unwrap();
        assert!(bytes.len() < MAX_CONTROL_LEN / 2, "{} bytes", bytes.len());
        assert_eq!(decode::<Status>(&bytes), Ok(said));
    }

    #[test]
    fn every_damaged_status_is_refused() {
        let bytes = encode(&status(2)).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode::<Status>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(decode::<Status>(&flipped), Err(ControlError::Corrupt), "flipped at {at}");
        }
    }

    #[test]
    fn a_message_above_the_limit_is_not_written() {
        assert_eq!(encode(&status(200)), Err(ControlError::Shape));
    }
}
