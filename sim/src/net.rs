//! The network: datagrams that take their time, get lost, come twice or in another order, and links that are cut.

use crate::random::Random;
use bus::Sent;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use twox_hash::XxHash3_64;
use wire::Nanos;

/// The longest datagram that goes through.
pub const MTU: usize = 1_472;
/// Ports that a host gives away by itself begin here.
const FIRST_FREE_PORT: u16 = 40_000;

/// What goes wrong how often on every link. Shares are in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// The shortest way.
    pub delay: Nanos,
    /// What comes on top, with a long tail.
    pub jitter: Nanos,
    /// Lost.
    pub loss: u32,
    /// Delivered twice.
    pub duplicate: u32,
    /// Of the hot engine's heartbeats, lost.
    pub hush: u32,
    /// Held up for long enough that others overtake.
    pub straggle: u32,
    /// How long a held-up one takes at the most.
    pub straggle_most: Nanos,
    /// Not taken by the sender's own system: its buffer is full.
    pub refuse: u32,
    /// How many datagrams a socket keeps for its reader.
    pub queue: usize,
}

/// What became of the datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed over by senders.
    pub sent: u64,
    /// Put into a reader's queue.
    pub delivered: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Stopped by a cut link.
    pub cut: u64,
    /// Lost since the reader's queue was full.
    pub overflowed: u64,
}

/// A host, by its place in the world.
pub type HostId = usize;
/// A socket; never used again.
pub type SocketId = usize;
/// Who reads a socket: a thread of a process on a host.
pub type ReaderId = usize;

/// The network, as its users share it.
pub type Shared = Rc<RefCell<Network>>;

#[derive(Debug)]
struct Endpoint {
    host: HostId,
    reader: ReaderId,
    address: SocketAddr,
    queue: VecDeque<(SocketAddr, Rc<[u8]>)>,
}

/// Ordered by time, then by when it was sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    at: Nanos,
    order: u64,
    to: SocketId,
    from: SocketAddr,
    bytes: Rc<[u8]>,
}

/// The network.
#[derive(Debug)]
pub struct Network {
    /// The true time.
    pub now: Nanos,
    /// How good it is at the moment.
    pub quality: Quality,
    /// What became of the datagrams.
    pub tally: Tally,
    random: Random,
    hosts: usize,
    /// Whether nothing comes through, from a host (row) to a host (column).
    cut: Vec<bool>,
    endpoints: Vec<Option<Endpoint>>,
    by_address: HashMap<SocketAddr, Vec<SocketId>, FxBuildHasher>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    order: u64,
    next_port: u16,
    /// Of the datagrams to this address more are lost than of others.
    pub hushed: Option<SocketAddr>,
    /// Datagrams to this address are shown to whoever watches the run.
    watched: Option<SocketAddr>,
    seen: Vec<(HostId, Rc<[u8]>)>,
    /// A hash over everything that was sent, and when.
    fingerprint: u64,
}

impl Network {
    /// A network of so many hosts, all linked.
    #[must_use]
    pub fn new(hosts: usize, quality: Quality, random: Random) -> Self {
        Self {
            now: Nanos(0),
            quality,
            tally: Tally::default(),
            random,
            hosts,
            cut: vec![false; hosts * hosts],
            endpoints: Vec::new(),
            by_address: HashMap::default(),
            under_way: BinaryHeap::new(),
            order: 0,
            next_port: FIRST_FREE_PORT,
            hushed: None,
            watched: None,
            seen: Vec::new(),
            fingerprint: 0,
        }
    }

    /// Opens a socket of a host for a reader: at its own address (port 0: any), or hearing a group.
    pub fn open(&mut self, host: HostId, reader: ReaderId, address: SocketAddrV4) -> SocketId {
        let port = match address.port() {
            0 => {
                self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
                self.next_port
            }
            port => port,
        };
        let address = SocketAddr::V4(SocketAddrV4::new(*address.ip(), port));
        let id = self.endpoints.len();
        self.endpoints.push(Some(Endpoint { host, reader, address, queue: VecDeque::new() }));
        let here = self.by_address.entry(address).or_default();
        assert!(here.is_empty() || address.ip().is_multicast(), "{address} is bound twice");
        here.push(id);
        id
    }

    /// Closes a socket: what waits in it is gone.
    pub fn close(&mut self, socket: SocketId) {
        if let Some(endpoint) = self.endpoints[socket].take()
            && let Some(here) = self.by_address.get_mut(&endpoint.address)
        {
            here.retain(|other| *other != socket);
        }
    }

    /// The address of a socket.
    #[must_use]
    pub fn address(&self, socket: SocketId) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.endpoints[socket].as_ref().map_or(nowhere, |endpoint| endpoint.address)
    }

    /// Takes the next datagrams out of a socket, up to a batch.
    pub fn take(&mut self, socket: SocketId, most: usize, into: &mut Vec<(SocketAddr, Rc<[u8]>)>) {
        if let Some(endpoint) = &mut self.endpoints[socket] {
            let count = endpoint.queue.len().min(most);
            into.extend(endpoint.queue.drain(..count));
        }
    }

    /// Sends a datagram from a socket.
    ///
    /// # Errors
    /// If it is longer than [`MTU`].
    pub fn send(&mut self, socket: SocketId, to: SocketAddr, bytes: &[u8]) -> io::Result<Sent> {
        if bytes.len() > MTU {
            let text =
                format!("{} bytes to {to} are more than the interface takes in one datagram", bytes.len());
            return Err(io::Error::other(text));
        }
        let Some(endpoint) = &self.endpoints[socket] else { return Ok(Sent::Lost) };
        let (host, from) = (endpoint.host, endpoint.address);
        if self.random.per_mille(self.quality.refuse) {
            return Ok(Sent::Full);
        }
        self.tally.sent += 1;
        self.fingerprint = XxHash3_64::oneshot_with_seed(self.fingerprint ^ self.now.0, bytes);
        let bytes: Rc<[u8]> = bytes.into();
        if self.watched == Some(to) {
            self.seen.push((host, Rc::clone(&bytes)));
        }
        let readers = self.by_address.get(&to).map_or(0, Vec::len);
        let hushed = self.hushed == Some(to);
        for at in 0..readers {
            let reader = self.by_address[&to][at];
            if hushed && self.random.per_mille(self.quality.hush) {
                self.tally.lost += 1;
            } else {
                self.post(host, from, reader, &bytes);
            }
        }
        Ok(Sent::Done)
    }

    fn post(&mut self, host: HostId, from: SocketAddr, to: SocketId, bytes: &Rc<[u8]>) {
        let Some(reader) = &self.endpoints[to] else { return };
        if self.cut[host * self.hosts + reader.host] {
            self.tally.cut += 1;
            return;
        }
        let Quality { delay, jitter, loss, duplicate, straggle, straggle_most, .. } = self.quality;
        let random = &mut self.random;
        // A host does not lose what it says to itself, but may hear it late.
        let local = host == reader.host;
        if !local && random.per_mille(loss) {
            self.tally.lost += 1;
            return;
        }
        let copies = if !local && random.per_mille(duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let random = &mut self.random;
            let mut takes = delay.0 + random.tailed(jitter).0;
            if random.per_mille(straggle) {
                takes += random.below(straggle_most.0);
            }
            self.order += 1;
            let at = Nanos(self.now.0 + takes);
            let under_way = UnderWay { at, order: self.order, to, from, bytes: Rc::clone(bytes) };
            self.under_way.push(Reverse(under_way));
        }
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Nanos> {
        self.under_way.peek().map(|Reverse(next)| next.at)
    }

    /// Lets the next datagram arrive; tells for which reader, unless there was no room, or nobody.
    pub fn arrive(&mut self) -> Option<ReaderId> {
        let Reverse(next) = self.under_way.pop()?;
        self.now = self.now.max(next.at);
        let endpoint = self.endpoints[next.to].as_mut()?;
        if endpoint.queue.len() >= self.quality.queue {
            self.tally.overflowed += 1;
            return None;
        }
        self.tally.delivered += 1;
        endpoint.queue.push_back((next.from, next.bytes));
        Some(endpoint.reader)
    }

    /// A hash over everything that was sent, and when: equal runs have equal ones.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Cuts a link one way, or heals it.
    pub fn set_cut(&mut self, from: HostId, to: HostId, cut: bool) {
        self.cut[from * self.hosts + to] = cut && from != to;
    }

    /// Whether a link is cut.
    #[must_use]
    pub fn is_cut(&self, from: HostId, to: HostId) -> bool {
        self.cut[from * self.hosts + to]
    }

    /// Heals every link.
    pub fn heal(&mut self) {
        self.cut.fill(false);
    }

    /// Shows from now on whatever is sent to this address to [`Network::take_seen`].
    pub fn watch(&mut self, address: SocketAddr) {
        self.watched = Some(address);
    }

    /// What was sent to the watched address since the last call, and by which host.
    pub fn take_seen(&mut self) -> Vec<(HostId, Rc<[u8]>)> {
        std::mem::take(&mut self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 1, 1, 1), 9);

    fn own(host: HostId) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host as u8), 7)
    }

    fn read(network: &mut Network, socket: SocketId) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        network.take(socket, usize::MAX, &mut taken);
        taken.into_iter().map(|(_, bytes)| bytes.to_vec()).collect()
    }

    fn run(quality: Quality, seed: u64) -> Vec<Vec<u8>> {
        let mut network = Network::new(2, quality, Random::new(seed));
        let (from, to) = (network.open(0, 0, own(0)), network.open(1, 1, own(1)));
        for n in 0..1000_u32 {
            network.send(from, own(1).into(), &n.to_be_bytes()).unwrap();
            network.now = Nanos(network.now.0 + 10);
        }
        while network.next_arrival().is_some() {
            network.arrive();
        }
        read(&mut network, to)
    }

    #[test]
    fn a_group_reaches_its_members_and_the_sender_if_it_is_one() {
        let mut network = Network::new(3, Quality { queue: 8, ..Quality::default() }, Random::new(1));
        let sender = network.open(0, 0, own(0));
        let members: Vec<_> = (0..3).map(|host| network.open(host, host, GROUP)).collect();
        network.close(members[2]);
        network.send(sender, GROUP.into(), b"hear").unwrap();
        let woken: Vec<_> = (0..2).filter_map(|_| network.arrive()).collect();
        assert_eq!((woken, network.next_arrival()), (vec![0, 1], None));
        assert_eq!(read(&mut network, members[1]), [b"hear"]);
    }

    #[test]
    fn the_seed_alone_decides_what_is_lost_doubled_and_overtaken() {
        let quality = Quality {
            loss: 100,
            duplicate: 100,
            straggle: 100,
            straggle_most: Nanos(500),
            queue: 5_000,
            ..Quality::default()
        };
        let got = run(quality, 3);
        assert_eq!(got, run(quality, 3));
        assert_ne!(got, run(quality, 4));
        assert!((900..1_100).contains(&got.len()), "{}", got.len());
        assert!(!got.is_sorted(), "some were overtaken");
        assert!(run(Quality { queue: 5_000, ..Quality::default() }, 3).is_sorted());
    }

    #[test]
    fn a_full_queue_a_cut_link_and_a_long_datagram_lose() {
        assert_eq!(run(Quality { queue: 10, ..Quality::default() }, 1).len(), 10);
        let mut network = Network::new(2, Quality { queue: 8, ..Quality::default() }, Random::new(1));
        let (one, two) = (network.open(0, 0, own(0)), network.open(1, 1, own(1)));
        network.set_cut(0, 1, true);
        network.send(one, own(1).into(), b"lost").unwrap();
        network.send(two, own(0).into(), b"the other way").unwrap();
        assert_eq!((network.arrive(), network.next_arrival(), network.tally.cut), (Some(0), None, 1));
        assert!(network.send(one, own(1).into(), &[0; MTU + 1]).is_err());
    }
}
