//! The numbers by which a sequencer works.

use crate::schedule::Interval;
use bus::GapConfig;
use cluster::Role;
use cluster::candidacy::Patience;
use node::{Description, Founding, NodeEntry, SessionNames};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::{Nanos, NodeId};

/// The numbers by which a sequencer works.
#[derive(Clone, Debug)]
pub struct SequencerSettings {
    /// Which node it is.
    pub node: NodeId,
    /// Tells this process from its other lives.
    pub token: u64,
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// How its sessions are called.
    pub names: SessionNames,
    /// Where each gateway is asked to send again.
    pub gateways: BTreeMap<NodeId, SocketAddr>,
    /// Where the loggers are asked for what they hold.
    pub loggers: BTreeMap<NodeId, SocketAddr>,
    /// Where the sequencers are asked for what they have stamped.
    pub sequencers: BTreeMap<NodeId, SocketAddr>,
    /// What a history begins with, in this order.
    pub founding: Vec<Founding>,
    /// How patiently gaps are repaired.
    pub gap: GapConfig,
    /// After so long without a command a tick is stamped.
    pub tick: Nanos,
    /// How often it says that it leads.
    pub lead: Nanos,
    /// How often it says that it is here.
    pub present: Nanos,
    /// How many frames may be stamped and not committed.
    pub uncommitted: usize,
    /// How often a snapshot is taken.
    pub snapshots: Interval,
    /// How patient it is as a candidate.
    pub patience: Patience,
}

impl SequencerSettings {
    /// As the cluster's description says.
    #[must_use]
    pub fn of(description: &Description, node: &NodeEntry, token: u64) -> Self {
        let addresses = |role| -> BTreeMap<NodeId, SocketAddr> {
            description.nodes_of(role).map(|node| (node.id, SocketAddr::V4(node.address))).collect()
        };
        let timing = description.timing;
        Self {
            node: node.id,
            token,
            cluster: description.cluster_id(),
            names: description.session_names(),
            gateways: addresses(Role::Gateway),
            loggers: addresses(Role::Logger),
            sequencers: addresses(Role::Sequencer),
            founding: description.founding(),
            gap: description.gap(),
            tick: timing.tick,
            lead: timing.lead,
            present: timing.present(),
            uncommitted: description.rings.uncommitted,
            snapshots: Interval {
                commands: description.snapshot.commands,
                every: description.snapshot.every,
            },
            patience: Patience {
                ask_again: timing.lead,
                linger: Nanos(0),
                fetch: Nanos(4 * timing.repair_retry.0).max(timing.lead),
            },
        }
    }
}
