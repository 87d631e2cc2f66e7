//! The clients' TCP connections: accept, read, write, close. Nonblocking, edge triggered.

use anyhow::Context;
use gateway::ConnectionId;
use hashbrown::HashMap;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustc_hash::FxBuildHasher;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use wire::Nanos;

const LISTENER: Token = Token(0);
/// Bytes of one read.
const READ_LEN: usize = 64 << 10;
/// Reads of one connection before the others have their turn.
const READS_A_TURN: usize = 2;
/// How long a connection that is to be closed may take to read what waits for it.
const CLOSING_PATIENCE: Nanos = Nanos(5_000_000_000);
/// Connections accepted in one cycle.
const ACCEPTS_A_CYCLE: usize = 16;

/// What a client did.
pub(crate) enum Happened<'a> {
    Connected,
    Sent(&'a [u8]),
    Disconnected,
}

struct Connection {
    stream: TcpStream,
    unwritten: VecDeque<u8>,
    /// The client has ended its side: after a short read the end is still to be read, and no event will say so again.
    ended: bool,
    /// Close when everything is written.
    closing: bool,
}

/// All connections of the gateway.
pub(crate) struct ClientNet {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    max_connections: usize,
    /// Bytes that may wait for a slow reader before it is disconnected: more than the longest resend, or a client that
    /// missed much could never catch up.
    max_unwritten: usize,
    connections: HashMap<ConnectionId, Connection, FxBuildHasher>,
    next: u64,
    /// Connections that may have more to read, though no event will say so again.
    readable: VecDeque<ConnectionId>,
    /// The listener may have more to accept.
    acceptable: bool,
    /// The system let no client be accepted when it was tried last.
    refused: bool,
    /// Lost while something was written to them: told with the next poll.
    lost: Vec<ConnectionId>,
    /// Closed, but something is still to be written to them; since when.
    closing: VecDeque<(Nanos, ConnectionId)>,
    /// The time of the last poll.
    now: Nanos,
    buffer: Vec<u8>,
}

impl ClientNet {
    pub(crate) fn listen(
        address: SocketAddrV4,
        max_connections: usize,
        max_unwritten: usize,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot set up waiting for clients")?;
        let mut listener = TcpListener::bind(address.into()).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "port in use: FIX clients cannot be listened for at {address}; stop the other process or configure another port"
            ),
            _ => anyhow::anyhow!("FIX clients cannot be listened for at {address}: {error}"),
        })?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1_024),
            listener,
            max_connections,
            max_unwritten,
            connections: HashMap::default(),
            next: 1,
            readable: VecDeque::new(),
            acceptable: true,
            refused: false,
            lost: Vec::new(),
            closing: VecDeque::new(),
            now: Nanos(0),
            buffer: vec![0; READ_LEN],
        })
    }

    /// One descriptor that becomes readable when any connection has something to do.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Accepts, reads and writes what can be without waiting; tells what clients did. 0 when nothing is left to do.
    pub(crate) fn poll(
        &mut self,
        now: Nanos,
        mut tell: impl FnMut(&mut Self, ConnectionId, Happened<'_>),
    ) -> anyhow::Result<usize> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(Duration::ZERO)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot wait for clients"),
        }
        let mut work = 0;
        for event in &events {
            work += 1;
            self.note(event);
        }
        self.events = events;
        work += self.accept(&mut tell);
        for _ in 0..self.readable.len() {
            let Some(connection) = self.readable.pop_front() else { break };
            work += 1;
            self.read(connection, &mut tell);
        }
        while let Some(connection) = self.lost.pop() {
            work += 1;
            tell(self, connection, Happened::Disconnected);
        }
        self.now = now;
        while let Some(&(since, connection)) = self.closing.front()
            && now.since(since) >= CLOSING_PATIENCE
        {
            self.closing.pop_front();
            self.connections.remove(&connection);
        }
        Ok(work)
    }

    fn note(&mut self, event: &Event) {
        if event.token() == LISTENER {
            self.acceptable = true;
            return;
        }
        let connection = ConnectionId(event.token().0 as u64);
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            if event.is_read_closed() || event.is_error() {
                self.connections.entry(connection).and_modify(|entry| entry.ended = true);
            }
            self.readable.push_back(connection);
        }
        if event.is_writable() {
            self.flush(connection);
        }
    }

    fn accept(&mut self, tell: &mut impl FnMut(&mut Self, ConnectionId, Happened<'_>)) -> usize {
        let mut accepted = 0;
        while self.acceptable && accepted < ACCEPTS_A_CYCLE {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    accepted += 1;
                    self.refused = false;
                    if self.connections.len() >= self.max_connections {
                        tracing::warn!(%peer, limit = self.max_connections, "too many connections; refusing one. Raise fix.max_connections if it is a client's");
                        continue;
                    }
                    if let Err(error) = self.add(stream, tell) {
                        tracing::warn!(%peer, %error, "a connection could not be set up");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.acceptable = false,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, most likely: the clients that are connected go on. No event will tell that
                    // there is room again, so each cycle tries.
                    if !std::mem::replace(&mut self.refused, true) {
                        tracing::error!(%error, "cannot accept clients; trying again until it works");
                    }
                    break;
                }
            }
        }
        accepted
    }

    fn add(
        &mut self,
        mut stream: TcpStream,
        tell: &mut impl FnMut(&mut Self, ConnectionId, Happened<'_>),
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let connection = ConnectionId(self.next);
        self.next += 1;
        let token = Token(usize::try_from(connection.0).unwrap_or(usize::MAX));
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.connections.insert(
            connection,
            Connection { stream, unwritten: VecDeque::new(), ended: false, closing: false },
        );
        tell(self, connection, Happened::Connected);
        Ok(())
    }

    fn read(
        &mut self,
        connection: ConnectionId,
        tell: &mut impl FnMut(&mut Self, ConnectionId, Happened<'_>),
    ) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut more = true;
        for _ in 0..READS_A_TURN {
            let Some(entry) = self.connections.get_mut(&connection).filter(|entry| !entry.closing) else {
                more = false;
                break;
            };
            match entry.stream.read(&mut buffer) {
                Ok(0) => {
                    self.lose(connection);
                    more = false;
                    break;
                }
                Ok(count) => {
                    let ended = entry.ended;
                    tell(self, connection, Happened::Sent(&buffer[..count]));
                    if count < buffer.len() && !ended {
                        // Edge triggered, yet nothing more is there: a new event comes with the next bytes.
                        more = false;
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(_) => {
                    self.lose(connection);
                    more = false;
                    break;
                }
            }
        }
        self.buffer = buffer;
        if more {
            self.readable.push_back(connection);
        }
    }

    /// Sends bytes to a client, now or as soon as it reads.
    pub(crate) fn transmit(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(entry) = self.connections.get_mut(&connection) else { return };
        let mut rest = bytes;
        while entry.unwritten.is_empty() && !rest.is_empty() {
            match entry.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return self.lose(connection),
            }
        }
        entry.unwritten.extend(rest);
        if entry.unwritten.len() > self.max_unwritten {
            tracing::warn!(
                connection = connection.0,
                bytes = entry.unwritten.len(),
                "a client does not read; disconnecting it. It can log on again and have everything resent"
            );
            self.lose(connection);
        }
    }

    /// Writes what waits.
    fn flush(&mut self, connection: ConnectionId) {
        let Some(entry) = self.connections.get_mut(&connection) else { return };
        while !entry.unwritten.is_empty() {
            let (front, _) = entry.unwritten.as_slices();
            match entry.stream.write(front) {
                Ok(count) => {
                    entry.unwritten.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.lose(connection),
            }
        }
        if entry.closing {
            self.connections.remove(&connection);
        }
    }

    /// Closes a connection as soon as everything is written. It will not be told of again.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        if let Some(entry) = self.connections.get_mut(&connection) {
            entry.closing = true;
            self.flush(connection);
            if self.connections.contains_key(&connection) {
                self.closing.push_back((self.now, connection));
            }
        }
    }

    fn lose(&mut self, connection: ConnectionId) {
        if let Some(entry) = self.connections.remove(&connection)
            && !entry.closing
        {
            self.lost.push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr};

    const ANY_PORT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

    /// A client that was away for long asks for all it missed: one burst that no socket takes at once.
    #[test]
    fn a_slow_reader_is_disconnected_only_beyond_the_bound() {
        for (bound, stays) in [(64 << 20, true), (1 << 20, false)] {
            let mut net = ClientNet::listen(ANY_PORT, 1, bound).unwrap();
            let address: SocketAddr = net.listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(address).unwrap();
            let mut who = None;
            while who.is_none() {
                net.poll(Nanos(0), |_, connection, _| who = Some(connection)).unwrap();
            }
            net.transmit(who.unwrap(), &vec![b'x'; 40 << 20]);
            assert_eq!(net.len() == 1, stays, "bound {bound}");
            drop(client);
        }
    }

    #[test]
    fn a_connection_that_is_to_be_closed_does_not_wait_for_ever_for_its_reader() {
        let mut net = ClientNet::listen(ANY_PORT, 1, 64 << 20).unwrap();
        let client = std::net::TcpStream::connect(net.listener.local_addr().unwrap()).unwrap();
        let mut who = None;
        while who.is_none() {
            net.poll(Nanos(0), |_, connection, _| who = Some(connection)).unwrap();
        }
        net.transmit(who.unwrap(), &vec![b'x'; 40 << 20]);
        net.close(who.unwrap());
        net.poll(Nanos(CLOSING_PATIENCE.0 - 1), |_, _, _| {}).unwrap();
        assert_eq!(net.len(), 1, "it may still read");
        net.poll(Nanos(CLOSING_PATIENCE.0), |_, _, _| {}).unwrap();
        assert_eq!(net.len(), 0);
        drop(client);
    }
}
