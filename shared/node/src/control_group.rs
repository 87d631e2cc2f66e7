//! The control group, as a node hears it and speaks in it.

use crate::Speaker;
use bus::{Datagrams, Socket};
use cluster::{Envelope, Message, control};
use std::io;
use std::os::fd::RawFd;
use wire::NodeId;

/// So many batches are read in one cycle.
const BATCHES_A_CYCLE: usize = 4;

/// A node's place in the control group.
#[derive(Debug)]
pub struct ControlGroup<S = Datagrams> {
    cluster: u64,
    node: NodeId,
    hearer: S,
    speaker: Speaker<S>,
    /// Datagrams that are no message of this cluster.
    unusable: u64,
}

impl<S: Socket> ControlGroup<S> {
    /// The place of this node.
    pub fn new(cluster: u64, node: NodeId, hearer: S, speaker: Speaker<S>) -> Self {
        Self { cluster, node, hearer, speaker, unusable: 0 }
    }

    /// Says something to everyone. What is lost is said again by whoever says it.
    pub fn say(&mut self, message: Message) {
        let envelope = Envelope { cluster: self.cluster, from: self.node, message };
        match control::encode(&envelope) {
            Ok(bytes) => {
                if let Err(error) = self.speaker.say(&bytes) {
                    tracing::debug!(%error, "a control message was not sent");
                }
            }
            Err(error) => tracing::warn!(%error, "a control message was not written"),
        }
    }

    /// Hears what others have said. Tells how many datagrams came.
    ///
    /// # Errors
    /// What no later call will heal.
    pub fn hear(&mut self, tell: &mut dyn FnMut(NodeId, Message)) -> io::Result<usize> {
        let Self { cluster, node, hearer, unusable, .. } = self;
        let mut work = 0;
        for _ in 0..BATCHES_A_CYCLE {
            let received = hearer.recv(&mut |_, bytes| match control::decode::<Envelope>(bytes) {
                Ok(envelope) if envelope.cluster == *cluster => {
                    if envelope.from != *node {
                        tell(envelope.from, envelope.message);
                    }
                }
                Ok(_) | Err(_) => *unusable += 1,
            })?;
            work += received;
            if received == 0 {
                break;
            }
        }
        Ok(work)
    }

    /// Datagrams that are no message of this cluster.
    #[must_use]
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Adds the descriptor to wait for.
    pub fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.hearer.descriptors(out);
    }
}
