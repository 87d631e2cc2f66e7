//! The cluster's streams, opened as its description says: who speaks where, and who is asked for repair.

use crate::{ControlGroup, Description, NodeEntry, Speaker};
use bus::gap::DEFAULT_MAX_REQUEST;
use bus::{
    BusError, Datagrams, Faults, GapConfig, MulticastPublication, MulticastSubscription, Publication,
    PublicationConfig, PublisherConfig, Session, SocketOptions, StreamKind,
};
use cluster::{Lane, Role};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use wire::Epoch;

/// How a cluster's MoldUDP64 sessions are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionNames {
    /// The cluster's tag, validated.
    pub tag: [u8; 3],
}

impl SessionNames {
    /// The session of a stream in an epoch; epoch 0 is nobody's, and stands for "not yet".
    ///
    /// # Panics
    /// If the epoch does not fit six base-36 digits: it does for sixty years of a failover a second.
    #[must_use]
    pub fn of(self, stream: StreamKind, epoch: Epoch) -> Session {
        self.numbered(stream, epoch.0)
    }

    /// The session of a gateway's commands.
    ///
    /// # Panics
    /// If the incarnation does not fit four base-36 digits.
    #[must_use]
    pub fn of_lane(self, lane: Lane) -> Session {
        let number =
            lane.session_number().expect("supervisors would issue the last incarnation after centuries");
        self.numbered(StreamKind::Commands, number)
    }

    fn numbered(self, stream: StreamKind, number: u32) -> Session {
        Session::new(self.tag, stream, number).expect("the tag is validated, and the number fits")
    }
}

impl Description {
    /// The address of the interface through which a node's multicast goes, in and out.
    #[must_use]
    pub fn interface_of(&self, node: &NodeEntry) -> Ipv4Addr {
        self.network.interface.unwrap_or(*node.address.ip())
    }

    /// How a node's sockets are opened.
    #[must_use]
    pub fn socket_options(&self, node: &NodeEntry) -> SocketOptions {
        self.options_at(self.interface_of(node))
    }

    /// How the sockets of a program that is no node are opened. Without an interface: the described one; without that
    /// one too, the nodes' if all have the same, and else whatever the kernel routes the group through.
    #[must_use]
    pub fn console_options(&self, interface: Option<Ipv4Addr>) -> SocketOptions {
        let nodes_host = || {
            let first = *self.sequencer().address.ip();
            let together = self.nodes.iter().all(|node| *node.address.ip() == first);
            if together { first } else { Ipv4Addr::UNSPECIFIED }
        };
        self.options_at(interface.or(self.network.interface).unwrap_or_else(nodes_host))
    }

    fn options_at(&self, interface: Ipv4Addr) -> SocketOptions {
        SocketOptions {
            interface,
            ttl: self.network.ttl,
            loopback: self.network.loopback,
            receive_buffer: self.network.receive_buffer,
            send_buffer: self.network.send_buffer,
        }
    }

    /// How patiently gaps are repaired.
    #[must_use]
    pub fn gap(&self) -> GapConfig {
        GapConfig {
            window: self.rings.reorder,
            request_after_ns: self.timing.repair_after.0,
            retry_after_ns: self.timing.repair_retry.0,
            max_request: DEFAULT_MAX_REQUEST,
        }
    }

    /// The faults that a node's receivers make on purpose; each node and socket (`salt`) has its own choice.
    #[must_use]
    pub fn faults_of(&self, node: &NodeEntry, salt: u64) -> Faults {
        Faults {
            drop_per_mille: self.faults.drop,
            duplicate_per_mille: self.faults.duplicate,
            reorder_per_mille: self.faults.reorder,
            seed: self.faults.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(node.id.0) * 16 + salt),
        }
    }

    /// How the cluster's sessions are called.
    #[must_use]
    pub fn session_names(&self) -> SessionNames {
        SessionNames { tag: self.tag }
    }

    /// A publication that says nothing until it begins a session.
    fn publication(
        &self,
        node: &NodeEntry,
        destination: SocketAddrV4,
        stream: StreamKind,
        ring: usize,
    ) -> Result<MulticastPublication, BusError> {
        let mut publication = MulticastPublication::open(&PublicationConfig {
            destination,
            bind: node.address,
            options: self.socket_options(node),
            publisher: PublisherConfig {
                ring,
                max_datagram: self.network.max_datagram,
                heartbeat_ns: self.timing.heartbeat.0,
                ..PublisherConfig::new(self.session_names().of(stream, Epoch(0)))
            },
        })?;
        publication.set_faults(self.faults_of(node, 0));
        publication.set_muted(true);
        Ok(publication)
    }

    /// The sequenced stream, as a sequencer: mute until it begins an epoch's session.
    pub fn publish_sequenced(&self, node: &NodeEntry) -> Result<MulticastPublication, BusError> {
        self.publication(node, self.streams.sequenced, StreamKind::Sequenced, self.rings.sequenced)
    }

    /// The events stream, as an engine: mute until it is named hot.
    pub fn publish_events(&self, node: &NodeEntry) -> Result<MulticastPublication, BusError> {
        self.publication(node, self.streams.events, StreamKind::Events, self.rings.events)
    }

    /// A gateway's commands, to the first sequencer until it is given another destination: mute until it has a life.
    pub fn publish_commands(&self, node: &NodeEntry) -> Result<MulticastPublication, BusError> {
        let to = self.sequencer().commands.expect("validated: every sequencer has an address for commands");
        self.publication(node, to, StreamKind::Commands, self.rings.commands)
    }

    /// The socket on which a sequencer takes commands.
    pub fn take_commands(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        let address = node.commands.expect("validated: every sequencer has an address for commands");
        let mut socket = Datagrams::bind(address, &self.socket_options(node))?;
        socket.set_faults(self.faults_of(node, 2));
        Ok(socket)
    }

    /// The socket on which a logger is asked for repair.
    pub fn take_requests(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        let mut socket = Datagrams::bind(node.address, &self.socket_options(node))?;
        socket.set_faults(self.faults_of(node, 2));
        Ok(socket)
    }

    /// The sequenced stream: deaf until it begins an epoch's session. Repair: the sequencers' rings, then the loggers.
    pub fn follow_sequenced(&self, node: &NodeEntry) -> Result<MulticastSubscription, BusError> {
        let sources = self.nodes_of(Role::Sequencer).chain(self.nodes_of(Role::Logger));
        self.subscription(node, self.streams.sequenced, StreamKind::Sequenced, sources, 4)
    }

    /// The events stream: deaf until it begins an epoch's session. Repair: the engines' rings, then the loggers.
    pub fn follow_events(&self, node: &NodeEntry) -> Result<MulticastSubscription, BusError> {
        let sources = self.nodes_of(Role::Engine).chain(self.nodes_of(Role::Logger));
        self.subscription(node, self.streams.events, StreamKind::Events, sources, 6)
    }

    /// What supervisors, loggers and sequencers say of who may stamp.
    pub fn control_group(&self, node: &NodeEntry) -> Result<ControlGroup, BusError> {
        let hearer = self.hearer(node, self.streams.control, 8)?;
        let speaker = self.speaker(node, self.streams.control)?;
        Ok(ControlGroup::new(self.cluster_id(), node.id, hearer, speaker))
    }

    /// The loggers' acknowledgements.
    pub fn follow_acks(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        self.hearer(node, self.streams.acks, 10)
    }

    /// A logger's acknowledgements. It does not join the group: a send costs more with every member on the host.
    pub fn publish_acks(&self, node: &NodeEntry) -> Result<Speaker, BusError> {
        self.speaker(node, self.streams.acks)
    }

    /// The hot engine's heartbeats, as an engine that stands by.
    pub fn follow_beats(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        self.hearer(node, self.streams.engines, 12)
    }

    /// An engine's heartbeats.
    pub fn publish_beats(&self, node: &NodeEntry) -> Result<Speaker, BusError> {
        self.speaker(node, self.streams.engines)
    }

    /// A voice of this node in a group.
    pub fn speaker(&self, node: &NodeEntry, group: SocketAddrV4) -> Result<Speaker, BusError> {
        let from = SocketAddrV4::new(*node.address.ip(), 0);
        let socket = Datagrams::bind(from, &self.socket_options(node))?;
        Ok(Speaker::new(socket, SocketAddr::V4(group)))
    }

    fn hearer(&self, node: &NodeEntry, group: SocketAddrV4, salt: u64) -> Result<Datagrams, BusError> {
        let mut socket = Datagrams::join(group, &self.socket_options(node))?;
        socket.set_faults(self.faults_of(node, salt));
        Ok(socket)
    }

    fn subscription<'a>(
        &self,
        node: &NodeEntry,
        group: SocketAddrV4,
        stream: StreamKind,
        sources: impl Iterator<Item = &'a NodeEntry>,
        salt: u64,
    ) -> Result<MulticastSubscription, BusError> {
        let repair =
            sources.filter(|other| other.id != node.id).map(|other| SocketAddr::V4(other.address)).collect();
        let options = self.socket_options(node);
        let session = self.session_names().of(stream, Epoch(0));
        let mut subscription = MulticastSubscription::open(group, &options, session, self.gap(), 1, repair)?;
        subscription.set_faults(self.faults_of(node, salt));
        subscription.set_check(wire::prelude::is_damaged);
        Ok(subscription)
    }
}
