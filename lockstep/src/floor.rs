//! The floor of this machine: the hops of an order through bare processes that only pass bytes on.
//!
//! ```text
//!   client --TCP--> front --UDP--> stamp --group 1--> match --group 2--> front --TCP--> client
//! ```
//!
//! As many hops, processes and members of each group as a cluster with two engines and a logger has, messages of the sizes
//! that an order and its report have, one datagram a message, blocking sockets, no thought given to any of it. What a cluster takes
//! longer than this is what the exchange itself costs.

use anyhow::Context;
use hdrhistogram::Histogram;
use node::{Clock, quantity};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use wire::Nanos;

/// A FIX order, a stamped command in its packet, an event in its packet, a FIX report: their usual bytes.
const ORDER: usize = 180;
const COMMAND: usize = 134;
const EVENT: usize = 182;
const REPORT: usize = 270;
/// The number of a message stands in its first bytes.
const NUMBER: usize = 8;
/// Receive buffers: a burst must not be lost.
const BUFFER: usize = 4 << 20;
/// How long a floor that lost a message is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one bare process does.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Relay {
    /// TCP in, UDP out; group in, TCP out.
    Front {
        /// Where the client connects.
        listen: SocketAddrV4,
        /// Where the stamping process is.
        stamp: SocketAddrV4,
        /// The group of events.
        events: SocketAddrV4,
    },
    /// UDP in, group out.
    Stamp {
        /// Where it receives.
        at: SocketAddrV4,
        /// The group of commands.
        commands: SocketAddrV4,
    },
    /// Group in, group out.
    Match {
        /// The group of commands.
        commands: SocketAddrV4,
        /// The group of events.
        events: SocketAddrV4,
    },
    /// Groups in, nothing out: a member as a warm engine or a logger is one.
    Read {
        /// The groups.
        groups: Vec<SocketAddrV4>,
    },
}

fn member(group: SocketAddrV4) -> anyhow::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.bind(&SocketAddr::V4(group).into())?;
    socket.join_multicast_v4(group.ip(), &Ipv4Addr::LOCALHOST)?;
    Ok(socket.into())
}

fn sender(at: SocketAddrV4) -> anyhow::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.bind(&SocketAddr::V4(at).into())?;
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    socket.set_multicast_ttl_v4(0)?;
    Ok(socket.into())
}

const ANYWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

impl Relay {
    /// Passes bytes on until it is killed.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Front { listen, stamp, events } => front(*listen, *stamp, *events),
            Self::Stamp { at, commands } => pass_on(&sender(*at)?, &sender(ANYWHERE)?, *commands, COMMAND),
            Self::Match { commands, events } => {
                pass_on(&member(*commands)?, &sender(ANYWHERE)?, *events, EVENT)
            }
            Self::Read { groups } => std::thread::scope(|scope| {
                for group in groups {
                    let socket = member(*group)?;
                    scope.spawn(move || {
                        let mut buffer = [0; 2_048];
                        while socket.recv(&mut buffer).is_ok() {}
                    });
                }
                Ok(())
            }),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let (name, addresses) = match self {
            Self::Front { listen, stamp, events } => ("front", vec![listen, stamp, events]),
            Self::Stamp { at, commands } => ("stamp", vec![at, commands]),
            Self::Match { commands, events } => ("match", vec![commands, events]),
            Self::Read { groups } => ("read", groups.iter().collect()),
        };
        std::iter::once(name.to_owned()).chain(addresses.into_iter().map(ToString::to_string)).collect()
    }
}

fn pass_on(from: &UdpSocket, through: &UdpSocket, to: SocketAddrV4, len: usize) -> anyhow::Result<()> {
    let mut buffer = [0; 2_048];
    loop {
        from.recv(&mut buffer)?;
        through.send_to(&buffer[..len], to)?;
    }
}

fn front(listen: SocketAddrV4, stamp: SocketAddrV4, events: SocketAddrV4) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    let out = sender(ANYWHERE)?;
    let reports = member(events)?;
    loop {
        let (mut client, _) = listener.accept()?;
        client.set_nodelay(true)?;
        reports.set_read_timeout(Some(Duration::from_millis(100)))?;
        let mut to_client = client.try_clone()?;
        let gone = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| -> anyhow::Result<()> {
            scope.spawn(|| {
                let mut buffer = [0; 2_048];
                while !gone.load(std::sync::atomic::Ordering::Relaxed) {
                    if reports.recv(&mut buffer).is_ok() && to_client.write_all(&buffer[..REPORT]).is_err() {
                        return;
                    }
                }
            });
            let mut order = [0; ORDER];
            while client.read_exact(&mut order).is_ok() {
                out.send_to(&order[..COMMAND], stamp)?;
            }
            gone.store(true, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        })?;
    }
}

/// The bare processes of one floor. Dropped, they are killed.
pub struct Floor {
    processes: Vec<Child>,
    front: SocketAddrV4,
}

impl Floor {
    /// Starts them: this program again, once for each.
    pub fn start(this_program: &Path) -> anyhow::Result<Self> {
        let free_udp =
            || Ok::<_, std::io::Error>(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
        let free_tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let [_, _, a, b] = std::process::id().to_be_bytes();
        let group = |last, port| SocketAddrV4::new(Ipv4Addr::new(239, 254, a ^ last, b), port);
        let (commands, events) = (group(1, free_udp()?), group(2, free_udp()?));
        let at = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_udp()?);
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_tcp);
        let relays = [
            Relay::Read { groups: vec![commands] },
            Relay::Read { groups: vec![commands, events] },
            Relay::Match { commands, events },
            Relay::Stamp { at, commands },
            Relay::Front { listen, stamp: at, events },
        ];
        let mut floor = Self { processes: Vec::new(), front: listen };
        for relay in relays {
            let child = Command::new(this_program)
                .args(["relay"])
                .args(relay.arguments())
                .stdin(Stdio::null())
                .spawn()
                .context("cannot start a bare process")?;
            floor.processes.push(child);
        }
        Ok(floor)
    }

    fn connect(&self, clock: Clock) -> anyhow::Result<TcpStream> {
        let until = clock.now().saturating_add(quantity::parse_duration("5s").map_err(anyhow::Error::msg)?);
        loop {
            match TcpStream::connect(self.front) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) if clock.now() > until => {
                    return Err(error).context("the bare processes do not come up");
                }
                Err(_) => std::thread::park_timeout(Duration::from_millis(10)),
            }
        }
    }

    /// Sends so many messages a second, one after the other, for as long as that; nanoseconds from sending to receiving.
    pub fn latency(&self, rate: u64, duration: Nanos) -> anyhow::Result<Histogram<u64>> {
        let clock = Clock::start();
        let mut stream = self.connect(clock)?;
        let mut histogram = Histogram::new_with_bounds(1, 60 * Nanos::SECOND.0, 3)?;
        let interval = Nanos::SECOND.0 / rate.max(1);
        let began = clock.now();
        let (mut order, mut report) = ([0; ORDER], [0; REPORT]);
        for nth in 0..duration.0 / interval {
            let due = Nanos(began.0 + nth * interval);
            let early = due.since(clock.now());
            if early > Nanos(0) {
                std::thread::park_timeout(Duration::from_nanos(early.0));
            }
            let sent = clock.now();
            order[..NUMBER].copy_from_slice(&nth.to_le_bytes());
            stream.write_all(&order)?;
            loop {
                stream.read_exact(&mut report).context("the floor lost a message")?;
                if report[..NUMBER] == nth.to_le_bytes() {
                    break;
                }
            }
            histogram.saturating_record(clock.now().since(sent).0);
        }
        Ok(histogram)
    }

    /// Keeps so many messages unanswered for as long as that; answers a second.
    pub fn throughput(&self, window: u64, duration: Nanos) -> anyhow::Result<f64> {
        let clock = Clock::start();
        let mut stream = self.connect(clock)?;
        let began = clock.now();
        let (mut sent, mut answered) = (0u64, 0u64);
        let mut reports = vec![0; REPORT * 1_024];
        let mut held = 0;
        let orders = vec![0; ORDER * usize::try_from(window)?];
        while clock.now().since(began) < duration {
            let room = usize::try_from(window - (sent - answered))?;
            stream.write_all(&orders[..room * ORDER])?;
            sent += room as u64;
            held += stream.read(&mut reports[held..]).context("the floor lost a message")?;
            answered += (held / REPORT) as u64;
            let rest = held % REPORT;
            reports.copy_within(held - rest..held, 0);
            held = rest;
        }
        Ok(answered as f64 * 1e9 / clock.now().since(began).0 as f64)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may be gone already; then there is nothing to do.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
