//! What a gateway takes from the cluster's description.

use crate::{ClientEntry, GatewayConfig};
use cluster::Role;
use node::description::Divergence;
use node::{Description, NodeEntry, SessionNames};
use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use wire::{Nanos, NodeId};

/// Where a sequencer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerAt {
    /// With commands.
    pub commands: SocketAddrV4,
    /// With requests for repair.
    pub repair: SocketAddr,
}

/// The numbers by which a gateway finds its way to the exchange.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Which node it is.
    pub node: NodeId,
    /// Tells this process from its other lives.
    pub token: u64,
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// How its sessions are called.
    pub names: SessionNames,
    /// Who may come to lead.
    pub sequencers: BTreeMap<NodeId, SequencerAt>,
    /// Where the loggers are asked for what they hold.
    pub loggers: Vec<SocketAddr>,
    /// The chains of so many places are remembered, to judge events by; and no more frames are held back.
    pub remembered: usize,
    /// How often it says that it is here.
    pub present: Nanos,
    /// Whether an event waits until the frame that caused it is committed. Without, an acknowledged order can be lost: only
    /// to measure what the waiting costs.
    pub commit_gate: bool,
    /// What it does while two engines differ.
    pub divergence: Divergence,
}

impl GatewaySettings {
    /// As the description has them.
    #[must_use]
    pub fn of(description: &Description, node: &NodeEntry, token: u64) -> Self {
        let sequencer = |entry: &NodeEntry| {
            let commands = entry.commands.expect("validated: every sequencer has an address for commands");
            (entry.id, SequencerAt { commands, repair: SocketAddr::V4(entry.address) })
        };
        let rings = &description.rings;
        Self {
            node: node.id,
            token,
            cluster: description.cluster_id(),
            names: description.session_names(),
            sequencers: description.nodes_of(Role::Sequencer).map(sequencer).collect(),
            loggers: description.nodes_of(Role::Logger).map(|entry| SocketAddr::V4(entry.address)).collect(),
            // An engine's events lag behind the frames by its ring at the most, and these by what may be uncommitted.
            remembered: rings.engine + rings.uncommitted,
            present: description.timing.present(),
            commit_gate: true,
            divergence: description.divergence,
        }
    }
}

impl GatewayConfig {
    /// As the description has it.
    #[must_use]
    pub fn of(description: &Description, node: &NodeEntry) -> Self {
        let fix = &description.fix;
        let seconds = |nanos: Nanos| nanos.0 / Nanos::SECOND.0;
        let sessions = description.sessions.iter();
        Self {
            gateway: node.id,
            comp_id: fix.comp_id.clone(),
            clients: sessions
                .map(|session| ClientEntry { session: session.id, comp_id: session.comp_id.clone() })
                .collect(),
            heartbeat_limits_secs: (seconds(fix.heartbeat_min), seconds(fix.heartbeat_max)),
            logon_timeout: fix.logon_timeout,
            reset_on_logon: fix.reset_on_logon,
            resend_messages: fix.resend_messages,
            resend_bytes: fix.resend_bytes,
            in_flight_limit: description.rings.commands as u64,
        }
    }
}
