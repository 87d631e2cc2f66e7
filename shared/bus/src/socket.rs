//! Opening UDP sockets: every option that matters is set here, and what the kernel did not grant is told.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

/// How sockets are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketOptions {
    /// The address of the interface for multicast, in and out.
    pub interface: Ipv4Addr,
    /// How many routers a multicast datagram may cross; 0 keeps it on the host.
    pub ttl: u32,
    /// Whether processes on the same host hear what is multicast.
    pub loopback: bool,
    /// The receive buffer of each socket in bytes; 0 leaves the system's default.
    pub receive_buffer: usize,
    /// The send buffer of each socket in bytes; 0 leaves the system's default.
    pub send_buffer: usize,
}

impl SocketOptions {
    /// On this host only.
    pub const LOOPBACK: Self = Self {
        interface: Ipv4Addr::LOCALHOST,
        ttl: 0,
        loopback: true,
        receive_buffer: 4 << 20,
        send_buffer: 1 << 20,
    };
}

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Somebody else is bound to the address.
    #[error("port in use: {address} is taken by another process; stop it or configure another port")]
    AddressInUse {
        /// The address that was to be bound.
        address: SocketAddrV4,
    },
    /// No interface of this host has the address.
    #[error(
        "{address} is no address of this host; check the node's address and interface in the configuration"
    )]
    AddressNotAvailable {
        /// The address that was to be bound, or whose interface was to be used.
        address: SocketAddrV4,
    },
    /// The address of a group is not one.
    #[error("{address} is no multicast group; groups are 224.0.0.0 to 239.255.255.255")]
    NotAGroup {
        /// The address that was given as a group.
        address: SocketAddrV4,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value} for {address}; {expected}")]
    Setting {
        /// The address that the setting is for.
        address: SocketAddrV4,
        /// The name of the setting.
        setting: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        expected: &'static str,
    },
    /// The kernel refused a step.
    #[error("cannot {step} for {address}: {source}")]
    Open {
        /// The address that the socket is for.
        address: SocketAddrV4,
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// A socket, and how much the kernel gave it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) socket: UdpSocket,
    pub(crate) address: SocketAddrV4,
    /// The bytes of payload and overhead that the kernel queues for the reader: what was asked for, or less.
    pub(crate) receive_buffer: usize,
}

/// Names the address and the step in whatever the kernel says.
fn at(address: SocketAddrV4, step: &'static str) -> impl FnOnce(io::Error) -> BusError {
    move |source| match source.kind() {
        io::ErrorKind::AddrInUse => BusError::AddressInUse { address },
        io::ErrorKind::AddrNotAvailable => BusError::AddressNotAvailable { address },
        _ => BusError::Open { address, step, source },
    }
}

/// A socket for one node's own address, to send from (also to groups) and to be asked at.
pub(crate) fn open_unicast(bind: SocketAddrV4, options: &SocketOptions) -> Result<Opened, BusError> {
    let socket = open(bind, options)?;
    // A sender to groups chooses the interface; without a group these options lie idle.
    socket.set_multicast_if_v4(&options.interface).map_err(at(bind, "choose the multicast interface"))?;
    socket.set_multicast_ttl_v4(options.ttl).map_err(at(bind, "set the multicast TTL"))?;
    socket.set_multicast_loop_v4(options.loopback).map_err(at(bind, "set the multicast loopback"))?;
    finish(socket, bind, options)
}

/// A socket that hears the group and nothing else.
pub(crate) fn open_group(group: SocketAddrV4, options: &SocketOptions) -> Result<Opened, BusError> {
    if !group.ip().is_multicast() {
        return Err(BusError::NotAGroup { address: group });
    }
    let socket = open(group, options)?;
    // Several members on one host bind the same group and port.
    socket.set_reuse_address(true).map_err(at(group, "share the port"))?;
    // Linux would also deliver groups that other sockets of this host joined.
    socket.set_multicast_all_v4(false).map_err(at(group, "switch off other groups"))?;
    // Bound to the group's own address, so that strangers on the port are not heard.
    let opened = finish(socket, group, options)?;
    opened.socket.join_multicast_v4(group.ip(), &options.interface).map_err(|source| {
        if source.raw_os_error() == Some(NO_SUCH_DEVICE) {
            BusError::AddressNotAvailable { address: SocketAddrV4::new(options.interface, group.port()) }
        } else {
            BusError::Open { address: group, step: "join the group", source }
        }
    })?;
    Ok(opened)
}

/// Linux `ENODEV`: no interface has the address that a group was to be joined on.
const NO_SUCH_DEVICE: i32 = 19;

fn open(address: SocketAddrV4, options: &SocketOptions) -> Result<Socket, BusError> {
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(at(address, "open a socket"))?;
    socket.set_nonblocking(true).map_err(at(address, "make the socket nonblocking"))?;
    if options.receive_buffer > 0 {
        socket.set_recv_buffer_size(options.receive_buffer).map_err(at(address, "set the receive buffer"))?;
    }
    if options.send_buffer > 0 {
        socket.set_send_buffer_size(options.send_buffer).map_err(at(address, "set the send buffer"))?;
    }
    Ok(socket)
}

fn finish(socket: Socket, address: SocketAddrV4, options: &SocketOptions) -> Result<Opened, BusError> {
    socket.bind(&SocketAddr::V4(address).into()).map_err(at(address, "bind"))?;
    // Linux reports twice what it grants: the other half is for its own bookkeeping.
    let receive_buffer = socket.recv_buffer_size().map_err(at(address, "read the receive buffer"))? / 2;
    if receive_buffer < options.receive_buffer {
        tracing::warn!(
            %address,
            asked = options.receive_buffer,
            granted = receive_buffer,
            "the receive buffer is smaller than asked for and bursts may be lost: raise it with \
             `sysctl -w net.core.rmem_max={}`",
            options.receive_buffer
        );
    }
    let send_buffer = socket.send_buffer_size().map_err(at(address, "read the send buffer"))? / 2;
    if send_buffer < options.send_buffer {
        tracing::warn!(
            %address,
            asked = options.send_buffer,
            granted = send_buffer,
            "the send buffer is smaller than asked for: raise it with `sysctl -w net.core.wmem_max={}`",
            options.send_buffer
        );
    }
    let socket = UdpSocket::from(socket);
    let address = match socket.local_addr().map_err(at(address, "read the local address"))? {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => address, // cannot be: the socket is IPv4
    };
    Ok(Opened { socket, address, receive_buffer })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY_PORT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

    #[test]
    fn a_taken_port_is_called_that_with_its_address() {
        let first = open_unicast(ANY_PORT, &SocketOptions::LOOPBACK).unwrap();
        let error = open_unicast(first.address, &SocketOptions::LOOPBACK).unwrap_err();
        assert!(matches!(error, BusError::AddressInUse { address } if address == first.address));
        assert!(error.to_string().contains(&format!("port in use: {}", first.address)));
    }

    #[test]
    fn an_address_that_this_host_has_not_is_named() {
        let elsewhere = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 1), 0);
        let error = open_unicast(elsewhere, &SocketOptions::LOOPBACK).unwrap_err();
        assert!(matches!(error, BusError::AddressNotAvailable { address } if address == elsewhere));
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 1, 1), 0);
        let options = SocketOptions { interface: *elsewhere.ip(), ..SocketOptions::LOOPBACK };
        let error = open_group(group, &options).unwrap_err();
        assert!(matches!(error, BusError::AddressNotAvailable { address } if address.ip() == elsewhere.ip()));
    }

    #[test]
    fn a_group_must_be_a_group() {
        let error = open_group(ANY_PORT, &SocketOptions::LOOPBACK).unwrap_err();
        assert!(matches!(error, BusError::NotAGroup { address } if address == ANY_PORT));
    }

    #[test]
    fn what_the_kernel_granted_is_read_back() {
        let options = SocketOptions { receive_buffer: 64 << 10, ..SocketOptions::LOOPBACK };
        assert_eq!(open_unicast(ANY_PORT, &options).unwrap().receive_buffer, 64 << 10);
        let greedy = SocketOptions { receive_buffer: 1 << 30, ..SocketOptions::LOOPBACK };
        assert!(open_unicast(ANY_PORT, &greedy).unwrap().receive_buffer < 1 << 30);
    }
}
