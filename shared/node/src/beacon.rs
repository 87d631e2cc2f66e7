//! A node's account of itself, multicast at its interval.

use crate::{Description, NodeEntry, Speaker};
use bus::{BusError, Datagrams, Socket, SubscriptionStats};
use cluster::control;
use cluster::status::{Detail, Status, Traffic};
use wire::{Epoch, Nanos, NodeId, Position};

/// Tells the cluster how a node is.
#[derive(Debug)]
pub struct Beacon<S = Datagrams> {
    cluster: u64,
    node: NodeId,
    process: u32,
    every: Nanos,
    due: Nanos,
    speaker: Speaker<S>,
}

/// What a node has to tell; the beacon adds who and when.
#[derive(Clone, Debug)]
pub struct Account {
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

impl Beacon {
    /// A beacon of this node.
    pub fn open(description: &Description, node: &NodeEntry) -> Result<Self, BusError> {
        let speaker = description.speaker(node, description.streams.status)?;
        let (cluster, process) = (description.cluster_id(), std::process::id());
        Ok(Self::new(cluster, node.id, process, description.timing.status, speaker))
    }
}

impl<S: Socket> Beacon<S> {
    /// A beacon that speaks so often.
    pub fn new(cluster: u64, node: NodeId, process: u32, every: Nanos, speaker: Speaker<S>) -> Self {
        Self { cluster, node, process, every, due: Nanos(0), speaker }
    }

    /// Whether it is time to speak.
    #[must_use]
    pub fn is_due(&self, now: Nanos) -> bool {
        now >= self.due
    }

    /// Speaks. A status that is lost is no loss: the next one comes soon.
    pub fn tell(&mut self, now: Nanos, account: Account) {
        self.due = now.saturating_add(self.every);
        let Account { epoch, position, lag, traffic, detail } = account;
        let (cluster, node, process) = (self.cluster, self.node, self.process);
        let status = Status { cluster, node, process, at: now, epoch, position, lag, traffic, detail };
        match control::encode(&status) {
            Ok(bytes) => {
                if let Err(error) = self.speaker.say(&bytes) {
                    tracing::debug!(%error, "the status was not sent");
                }
            }
            Err(error) => tracing::warn!(%error, "the status was not written"),
        }
    }

    /// When it speaks next.
    #[must_use]
    pub fn next_deadline(&self) -> Nanos {
        self.due
    }
}

/// The counters of a subscription, as a status tells them.
#[must_use]
pub fn received(stats: &SubscriptionStats) -> Traffic {
    let receiver = stats.receiver;
    Traffic {
        datagrams: receiver.datagrams,
        delivered: receiver.gap.delivered,
        duplicates: receiver.gap.duplicates,
        repaired: receiver.gap.requested_frames,
        unusable: receiver.foreign + receiver.malformed,
    }
}
