//! A transport in memory: what is sent lies at once in the inbox of everyone who listens at that address.

use bus::{Destination, MulticastPublication, MulticastSubscription, Sent, Socket, Transmit, Transport};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use std::rc::Rc;

/// The transport.
#[derive(Debug)]
pub(crate) struct Memory;

impl Transport for Memory {
    type Publication = MulticastPublication<Port>;
    type Subscription = MulticastSubscription<Port>;
    type Socket = Port;
}

/// An address, by its number: groups and peers alike.
pub(crate) const fn at(number: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, number)
}

/// The lowest address that nobody has chosen for himself.
const FIRST_OWN: u16 = 10_000;

#[derive(Debug)]
struct Inbox {
    at: SocketAddr,
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
}

/// Everything that is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hub(Rc<RefCell<Air>>);

#[derive(Debug, Default)]
struct Air {
    inboxes: BTreeMap<u16, Inbox>,
    /// Of a hundred datagrams so many do not reach one of those who listen.
    lose: u64,
    seed: u64,
}

impl Air {
    fn is_lost(&mut self) -> bool {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % 100 < self.lose
    }
}

impl Hub {
    /// Listens at this address, be it a group's or its own.
    pub(crate) fn open(&self, at: SocketAddrV4) -> Port {
        let inboxes = &mut self.0.borrow_mut().inboxes;
        let id = inboxes.last_key_value().map_or(0, |(id, _)| id + 1);
        inboxes.insert(id, Inbox { at: SocketAddr::V4(at), datagrams: VecDeque::new() });
        Port { hub: self.clone(), id, from: SocketAddr::V4(at) }
    }

    /// Listens at an address that nobody else has.
    pub(crate) fn open_any(&self) -> Port {
        let next = self.0.borrow().inboxes.last_key_value().map_or(0, |(id, _)| id + 1);
        self.open(at(FIRST_OWN + next))
    }

    /// From here on so many of a hundred datagrams are lost, on every stream.
    pub(crate) fn lose(&self, per_cent: u64, seed: u64) {
        let mut air = self.0.borrow_mut();
        (air.lose, air.seed) = (per_cent, seed);
    }

    fn deliver(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let air = &mut *self.0.borrow_mut();
        let ids: Vec<_> = air.inboxes.iter().filter(|(_, inbox)| inbox.at == to).map(|(id, _)| *id).collect();
        for id in ids {
            if !air.is_lost() {
                air.inboxes.get_mut(&id).unwrap().datagrams.push_back((from, bytes.to_vec()));
            }
        }
    }
}

/// One socket. What lies in it is lost when it is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    hub: Hub,
    id: u16,
    from: SocketAddr,
}

impl Port {
    /// All that has come.
    pub(crate) fn take(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let inboxes = &mut self.hub.0.borrow_mut().inboxes;
        inboxes.get_mut(&self.id).unwrap().datagrams.drain(..).collect()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.hub.0.borrow_mut().inboxes.remove(&self.id);
    }
}

impl Socket for Port {
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        let came = self.take();
        came.iter().for_each(|(from, bytes)| show(*from, bytes));
        Ok(came.len())
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent> {
        self.hub.deliver(self.from, to, bytes);
        Ok(Sent::Done)
    }

    fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent> {
        let to = match transmit.to {
            Destination::Group => group,
            Destination::Peer(peer) => peer,
        };
        transmit.datagrams().for_each(|datagram| self.hub.deliver(self.from, to, datagram));
        Ok(Sent::Done)
    }

    fn descriptors(&self, _: &mut Vec<RawFd>) {}
}
