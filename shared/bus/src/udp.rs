//! Datagrams in batches: many for one system call, in and out.

use crate::batch::{Destination, Transmit};
use crate::fault::{FaultInjector, Faults};
use crate::socket::{BusError, Opened, SocketOptions, open_group, open_unicast};
use crate::transport::Socket;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// How many buffers one system call fills.
const BATCH: usize = 16;
/// The kernel joins equal datagrams of one sender (GRO) up to the length of an IP packet.
const BUFFER_LEN: usize = 65_536;

/// How many reports of trouble are passed over in one call.
const MAX_REPORTS: usize = 4;

const _: () = assert!(BATCH <= quinn_udp::BATCH_SIZE);

/// What became of a hand-over to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The kernel has it.
    Done,
    /// The send buffer is full: try again later. Some of the datagrams may have gone.
    Full,
    /// The network refused it, as when an interface is down: as good as lost.
    Lost,
}

/// A UDP socket with preallocated buffers for batches. Nonblocking.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddrV4,
    receive_buffer: usize,
    buffers: Box<[u8]>,
    metas: [RecvMeta; BATCH],
    faults: Option<Box<FaultInjector>>,
}

impl Datagrams {
    /// A socket of its own address, to send from (also to groups) and to receive at. Port 0 lets the system choose.
    ///
    /// # Errors
    /// [`BusError`], which names the address.
    pub fn bind(address: SocketAddrV4, options: &SocketOptions) -> Result<Self, BusError> {
        Self::new(open_unicast(address, options)?)
    }

    /// A socket that hears a multicast group and nothing else.
    ///
    /// # Errors
    /// [`BusError`], which names the group.
    pub fn join(group: SocketAddrV4, options: &SocketOptions) -> Result<Self, BusError> {
        Self::new(open_group(group, options)?)
    }

    fn new(opened: Opened) -> Result<Self, BusError> {
        let Opened { socket, address, receive_buffer } = opened;
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).map_err(|source| BusError::Open {
            address,
            step: "prepare the socket for batches",
            source,
        })?;
        let buffers = vec![0; BATCH * BUFFER_LEN].into_boxed_slice();
        let metas = [RecvMeta::default(); BATCH];
        Ok(Self { socket, state, address, receive_buffer, buffers, metas, faults: None })
    }

    /// Sets what goes wrong with received datagrams from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = (!faults.is_off()).then(|| Box::new(FaultInjector::new(faults)));
    }

    /// The address that it is bound to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddrV4 {
        self.address
    }

    /// How many bytes the kernel queues for this reader.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// How many datagrams the kernel takes at once; 1 if it cannot split them.
    #[must_use]
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Receives one batch and shows each datagram with its sender. Tells how many came; 0 means that nothing waits, and
    /// anything else that more may.
    ///
    /// # Errors
    /// What the kernel says, other than that nothing waits or that the network had trouble.
    pub fn recv(&mut self, mut show: impl FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        let mut chunks = self.buffers.chunks_exact_mut(BUFFER_LEN);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("BATCH buffers were allocated")));
        let socket = UdpSockRef::from(&self.socket);
        let mut result = self.state.recv(socket, &mut slices, &mut self.metas);
        for _ in 0..MAX_REPORTS {
            match &result {
                Err(error) if is_report(error) => {
                    tracing::debug!(address = %self.address, %error, "the network reported trouble");
                    result = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.metas);
                }
                _ => break,
            }
        }
        let filled = match result {
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut received = 0;
        for (meta, buffer) in self.metas[..filled].iter().zip(self.buffers.chunks_exact(BUFFER_LEN)) {
            // An empty datagram has no stride, and is nothing to anybody here.
            received += usize::from(meta.len == 0);
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                received += 1;
                match &mut self.faults {
                    None => show(meta.addr, datagram),
                    Some(faults) => faults.pass(meta.addr, datagram, &mut show),
                }
            }
        }
        Ok(received)
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// See [`Datagrams::send`].
    pub fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent> {
        self.hand_over(bytes, None, to)
    }

    /// Sends what a core handed out; `group` is where [`Destination::Group`] is.
    ///
    /// # Errors
    /// Only what no later call will heal: datagrams that are longer than the interface takes.
    pub fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent> {
        let to = match transmit.to {
            Destination::Group => group,
            Destination::Peer(peer) => peer,
        };
        let many = transmit.bytes.len() > transmit.segment;
        if many && self.max_segments() > 1 {
            let sent = self.hand_over(transmit.bytes, Some(transmit.segment), to)?;
            // A device that cannot split has been found out by this: fall through to one by one.
            if sent != Sent::Lost || self.max_segments() > 1 {
                return Ok(sent);
            }
        }
        for datagram in transmit.datagrams() {
            let sent = self.hand_over(datagram, None, to)?;
            if sent != Sent::Done {
                return Ok(sent);
            }
        }
        Ok(Sent::Done)
    }

    fn hand_over(
        &self,
        contents: &[u8],
        segment_size: Option<usize>,
        destination: SocketAddr,
    ) -> io::Result<Sent> {
        let transmit = quinn_udp::Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            Ok(()) => Ok(Sent::Done),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Sent::Full),
            Err(error) if quinn_udp::is_msg_size_err(&error) => Err(io::Error::new(
                error.kind(),
                format!(
                    "{} bytes to {destination} are more than the interface takes in one datagram; \
                     configure shorter datagrams",
                    segment_size.unwrap_or(contents.len())
                ),
            )),
            Err(error) => {
                tracing::debug!(%destination, %error, "a datagram could not be sent");
                Ok(Sent::Lost)
            }
        }
    }
}

/// Whether the error tells of an earlier datagram or of an interface rather than of this call. It is told once.
fn is_report(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkDown | NetworkUnreachable
    )
}

impl AsRawFd for Datagrams {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Socket for Datagrams {
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        Self::recv(self, show)
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent> {
        Self::send_to(self, bytes, to)
    }

    fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent> {
        Self::send(self, transmit, group)
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        out.push(self.as_raw_fd());
    }
}
