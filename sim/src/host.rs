//! A simulated host: opens the ports of its node, as `node::Description` does on a real one.

use crate::net::{HostId, ReaderId, Shared};
use crate::transport::{SimSocket, Simulated};
use bus::{
    GapConfig, MulticastPublication, MulticastSubscription, Publication, Publisher, PublisherConfig,
    Receiver, StreamKind, Transport,
};
use cluster::Role;
use node::{Beacon, ControlGroup, Description, NodeEntry, Speaker};
use std::net::{SocketAddr, SocketAddrV4};
use wire::Epoch;

/// Where the ports of one process are opened.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// The cluster.
    pub description: &'a Description,
    /// The node.
    pub entry: &'a NodeEntry,
    /// The network.
    pub network: &'a Shared,
    /// The host's place in the network.
    pub id: HostId,
    /// Which thread reads what is opened here.
    pub reader: ReaderId,
}

impl Host<'_> {
    /// The same host, for another thread of the process.
    #[must_use]
    pub fn for_reader(self, reader: ReaderId) -> Self {
        Self { reader, ..self }
    }

    /// A socket at an address of this host, or hearing a group.
    #[must_use]
    pub fn socket(&self, address: SocketAddrV4) -> SimSocket {
        SimSocket::open(self.network, self.id, self.reader, address)
    }

    fn any_port(&self) -> SimSocket {
        self.socket(SocketAddrV4::new(*self.entry.address.ip(), 0))
    }

    /// A voice in a group.
    #[must_use]
    pub fn speaker(&self, group: SocketAddrV4) -> Speaker<SimSocket> {
        Speaker::new(self.any_port(), SocketAddr::V4(group))
    }

    /// The place in the control group.
    #[must_use]
    pub fn control(&self) -> ControlGroup<SimSocket> {
        let group = self.description.streams.control;
        let hearer = self.socket(group);
        ControlGroup::new(self.description.cluster_id(), self.entry.id, hearer, self.speaker(group))
    }

    /// The node's account of itself.
    #[must_use]
    pub fn beacon(&self) -> Beacon<SimSocket> {
        let Description { streams, timing, .. } = self.description;
        let process = u32::from(self.entry.id.0);
        let speaker = self.speaker(streams.status);
        Beacon::new(self.description.cluster_id(), self.entry.id, process, timing.status, speaker)
    }

    /// A stream out: mute until it begins a session.
    #[must_use]
    pub fn publish(
        &self,
        stream: StreamKind,
        to: SocketAddrV4,
        ring: usize,
    ) -> <Simulated as Transport>::Publication {
        let session = self.description.session_names().of(stream, Epoch(0));
        let publisher = Publisher::new(&PublisherConfig {
            ring,
            max_datagram: self.description.network.max_datagram,
            heartbeat_ns: self.description.timing.heartbeat.0,
            ..PublisherConfig::new(session)
        });
        let mut publication = MulticastPublication::over(self.socket(self.entry.address), to, publisher);
        publication.set_muted(true);
        publication
    }

    /// A stream in: deaf until it begins a session.
    #[must_use]
    pub fn follow(
        &self,
        stream: StreamKind,
        group: SocketAddrV4,
        publishers: Role,
    ) -> <Simulated as Transport>::Subscription {
        let session = self.description.session_names().of(stream, Epoch(0));
        let gap: GapConfig = self.description.gap();
        let sources = self.description.nodes_of(publishers).chain(self.description.nodes_of(Role::Logger));
        let repair = sources
            .filter(|other| other.id != self.entry.id)
            .map(|other| SocketAddr::V4(other.address))
            .collect();
        let mut subscription = MulticastSubscription::over(
            self.socket(group),
            self.any_port(),
            Receiver::new(session, 1, gap),
            repair,
        );
        subscription.set_check(wire::prelude::is_damaged);
        subscription
    }

    /// The sequenced stream in.
    #[must_use]
    pub fn follow_sequenced(&self) -> <Simulated as Transport>::Subscription {
        self.follow(StreamKind::Sequenced, self.description.streams.sequenced, Role::Sequencer)
    }

    /// The events in.
    #[must_use]
    pub fn follow_events(&self) -> <Simulated as Transport>::Subscription {
        self.follow(StreamKind::Events, self.description.streams.events, Role::Engine)
    }
}
