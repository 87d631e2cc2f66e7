//! The bus's transport over the simulated network: the very publications and subscriptions of the binaries, over other sockets.

use crate::net::{HostId, ReaderId, Shared, SocketId};
use bus::{Destination, MulticastPublication, MulticastSubscription, Sent, Socket, Transmit, Transport};
use std::fmt;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use std::rc::Rc;

/// A socket gives away so many datagrams at once, as `bus::Datagrams` does.
const BATCH: usize = 16;

/// The simulated transport.
#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Transport for Simulated {
    type Publication = MulticastPublication<SimSocket>;
    type Subscription = MulticastSubscription<SimSocket>;
    type Socket = SimSocket;
}

/// A socket of a simulated host. It closes when its process ends, and what is in it is gone.
pub struct SimSocket {
    network: Shared,
    id: SocketId,
    taken: Vec<(SocketAddr, Rc<[u8]>)>,
}

impl SimSocket {
    /// A socket at a host's own address (port 0: any), or hearing a group.
    #[must_use]
    pub fn open(network: &Shared, host: HostId, reader: ReaderId, address: SocketAddrV4) -> Self {
        let id = network.borrow_mut().open(host, reader, address);
        Self { network: Rc::clone(network), id, taken: Vec::new() }
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        // Nobody has the network while a process is dropped, except where a panic is on its way: then all of it ends.
        if let Ok(mut network) = self.network.try_borrow_mut() {
            network.close(self.id);
        }
    }
}

impl fmt::Debug for SimSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimSocket").field(&self.id).finish()
    }
}

impl Socket for SimSocket {
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        self.network.borrow_mut().take(self.id, BATCH, &mut self.taken);
        let count = self.taken.len();
        for (from, bytes) in self.taken.drain(..) {
            show(from, &bytes);
        }
        Ok(count)
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent> {
        self.network.borrow_mut().send(self.id, to, bytes)
    }

    fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent> {
        let to = match transmit.to {
            Destination::Group => group,
            Destination::Peer(peer) => peer,
        };
        for datagram in transmit.datagrams() {
            let sent = self.send_to(datagram, to)?;
            if sent != Sent::Done {
                return Ok(sent);
            }
        }
        Ok(Sent::Done)
    }

    fn descriptors(&self, _: &mut Vec<RawFd>) {}
}
