//! The cluster's streams, opened as its description says: who speaks where, and who is asked for repair.

use crate::{Description, NodeEntry};
use bus::gap::DEFAULT_MAX_REQUEST;
use bus::{
    BusError, Datagrams, Faults, GapConfig, MulticastPublication, MulticastSubscription, PublicationConfig,
    PublisherConfig, Sent, Session, SocketOptions, StreamKind,
};
use cluster::{EngineMode, Lane, Role};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use wire::Epoch;

/// The only epoch there is until a supervisor grants others.
pub const FIRST_EPOCH: Epoch = Epoch(1);

/// Speaks to a multicast group, a datagram at a time: unnumbered, not kept, not repaired.
#[derive(Debug)]
pub struct Speaker {
    socket: Datagrams,
    group: SocketAddr,
}

impl Speaker {
    /// Multicasts one datagram. A word that is lost is not said again: who speaks here repeats himself.
    ///
    /// # Errors
    /// Only what no later call will heal, such as a datagram longer than the interface takes.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        self.socket.send_to(bytes, self.group)
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

    /// The MoldUDP64 session of a stream.
    ///
    /// # Panics
    /// If the number does not fit six base-36 digits: epochs do for sixty years of a failover a second.
    #[must_use]
    pub fn session(&self, stream: StreamKind, number: u32) -> Session {
        Session::new(self.tag, stream, number).expect("the tag is validated, and the number fits")
    }

    fn publication(
        &self,
        node: &NodeEntry,
        destination: SocketAddrV4,
        session: Session,
        first: u64,
        ring: usize,
    ) -> Result<MulticastPublication, BusError> {
        let mut publication = MulticastPublication::open(&PublicationConfig {
            destination,
            bind: node.address,
            options: self.socket_options(node),
            publisher: PublisherConfig {
                first,
                ring,
                max_datagram: self.network.max_datagram,
                heartbeat_ns: self.timing.heartbeat.0,
                ..PublisherConfig::new(session)
            },
        })?;
        publication.set_faults(self.faults_of(node, 0));
        Ok(publication)
    }

    /// The sequenced stream, as its sequencer; what is published first has the number `first`, 1 or more.
    pub fn publish_sequenced(
        &self,
        node: &NodeEntry,
        epoch: Epoch,
        first: u64,
    ) -> Result<MulticastPublication, BusError> {
        let session = self.session(StreamKind::Sequenced, epoch.0);
        self.publication(node, self.streams.sequenced, session, first, self.rings.sequenced)
    }

    /// The events stream, as an engine; what is published first has the number `first`, 1 or more.
    pub fn publish_events(
        &self,
        node: &NodeEntry,
        epoch: Epoch,
        first: u64,
    ) -> Result<MulticastPublication, BusError> {
        let session = self.session(StreamKind::Events, epoch.0);
        self.publication(node, self.streams.events, session, first, self.rings.events)
    }

    /// A gateway's commands, to the first sequencer until it is given another destination.
    pub fn publish_commands(&self, node: &NodeEntry, lane: Lane) -> anyhow::Result<MulticastPublication> {
        let number = lane.session_number().ok_or_else(|| {
            anyhow::anyhow!("incarnation {} of gateway \"{}\" is out of range", lane.incarnation, node.name)
        })?;
        let to = self.sequencer().commands.expect("validated: every sequencer has an address for commands");
        let session = self.session(StreamKind::Commands, number);
        Ok(self.publication(node, to, session, 1, self.rings.commands)?)
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

    /// The sequenced stream from a number on. Repair: the sequencers' rings, then the loggers.
    pub fn follow_sequenced(
        &self,
        node: &NodeEntry,
        epoch: Epoch,
        start_at: u64,
    ) -> Result<MulticastSubscription, BusError> {
        let sources = self.nodes_of(Role::Sequencer).chain(self.nodes_of(Role::Logger));
        let session = self.session(StreamKind::Sequenced, epoch.0);
        self.subscription(node, self.streams.sequenced, session, start_at, sources, 4)
    }

    /// The events stream from a number on. Repair: the hot engine's ring, the others', then the loggers.
    pub fn follow_events(
        &self,
        node: &NodeEntry,
        epoch: Epoch,
        start_at: u64,
    ) -> Result<MulticastSubscription, BusError> {
        let engines = |mode| self.nodes_of(Role::Engine).filter(move |engine| engine.mode == mode);
        let sources =
            engines(EngineMode::Hot).chain(engines(EngineMode::Warm)).chain(self.nodes_of(Role::Logger));
        let session = self.session(StreamKind::Events, epoch.0);
        self.subscription(node, self.streams.events, session, start_at, sources, 6)
    }

    /// What supervisors, loggers and sequencers say of who may stamp. Who speaks there too hears itself.
    pub fn open_control(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        self.hearer(node, self.streams.control, 8)
    }

    /// A voice of this node on the control stream.
    pub fn publish_control(&self, node: &NodeEntry) -> Result<Speaker, BusError> {
        self.speaker(node, self.streams.control)
    }

    /// The loggers' acknowledgements.
    pub fn follow_acks(&self, node: &NodeEntry) -> Result<Datagrams, BusError> {
        self.hearer(node, self.streams.acks, 10)
    }

    /// A logger's acknowledgements. It does not join the group: a send costs more with every member on the host.
    pub fn publish_acks(&self, node: &NodeEntry) -> Result<Speaker, BusError> {
        self.speaker(node, self.streams.acks)
    }

    /// A voice of this node in a group.
    pub fn speaker(&self, node: &NodeEntry, group: SocketAddrV4) -> Result<Speaker, BusError> {
        let from = SocketAddrV4::new(*node.address.ip(), 0);
        let socket = Datagrams::bind(from, &self.socket_options(node))?;
        Ok(Speaker { socket, group: SocketAddr::V4(group) })
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
        session: Session,
        start_at: u64,
        sources: impl Iterator<Item = &'a NodeEntry>,
        salt: u64,
    ) -> Result<MulticastSubscription, BusError> {
        let repair =
            sources.filter(|other| other.id != node.id).map(|other| SocketAddr::V4(other.address)).collect();
        let options = self.socket_options(node);
        let mut subscription =
            MulticastSubscription::open(group, &options, session, self.gap(), start_at, repair)?;
        subscription.set_faults(self.faults_of(node, salt));
        subscription.set_check(wire::prelude::is_damaged);
        Ok(subscription)
    }
}
