//! A voice in a multicast group: unnumbered, not kept, not repaired.

use bus::{Datagrams, Sent, Socket};
use std::io;
use std::net::SocketAddr;

/// Speaks to a multicast group, a datagram at a time.
#[derive(Debug)]
pub struct Speaker<S = Datagrams> {
    socket: S,
    group: SocketAddr,
}

impl<S: Socket> Speaker<S> {
    /// Speaks through this socket to this group.
    pub fn new(socket: S, group: SocketAddr) -> Self {
        Self { socket, group }
    }

    /// Multicasts one datagram. A word that is lost is not said again: who speaks here repeats himself.
    ///
    /// # Errors
    /// Only what no later call will heal, such as a datagram longer than the interface takes.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        self.socket.send_to(bytes, self.group)
    }
}
