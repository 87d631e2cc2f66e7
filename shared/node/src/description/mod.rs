//! The one file that describes the cluster at its birth, parsed once into a validated type.
//!
//! Every refusal names the file, the line and the reason.

mod instruments;
mod market;
mod nodes;
mod parties;
mod raw;
mod refusals;
mod validate;

use crate::idle::Strategy;
use crate::thread::Thread;
use cluster::{EngineMode, Role};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use wire::terms::InstrumentTerms;
use wire::{Nanos, NodeId};

pub use market::{
    AccountEntry, CurrencyEntry, Limited, MoneyDeposit, ParticipantEntry, SessionEntry, ShareDeposit,
};

/// Why a description was refused.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no TOML, a field is missing or unknown, or a value is of the wrong kind.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's account with line, column and text.
        message: String,
    },
    /// A value that cannot be.
    #[error("{}, line {line}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// No node has that name.
    #[error("{}: no node is called \"{name}\"; it describes {known}", path.display())]
    UnknownNode {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Description {
    /// The file it came from.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Three characters at the head of every MoldUDP64 session.
    pub tag: [u8; 3],
    /// The directory under which each node has its own.
    pub data: PathBuf,
    /// Sockets.
    pub network: Network,
    /// Multicast groups.
    pub streams: Streams,
    /// Intervals.
    pub timing: Timing,
    /// Capacities, in messages.
    pub rings: Rings,
    /// The write-ahead log.
    pub log: Log,
    /// When the exchange's state is written down, and how often it is kept.
    pub snapshot: Snapshot,
    /// The FIX acceptor.
    pub fix: Fix,
    /// What the engines do that are not the hot one.
    pub standby: Standby,
    /// What gateways do while two engines differ.
    pub divergence: Divergence,
    /// The engine's limits.
    pub engine: EngineLimits,
    /// Faults made on purpose.
    pub faults: Faults,
    /// The nodes, in the order of the file.
    pub nodes: Vec<NodeEntry>,
    /// The currencies that the first epoch begins with.
    pub currencies: Vec<CurrencyEntry>,
    /// The participants that the first epoch begins with.
    pub participants: Vec<ParticipantEntry>,
    /// Their accounts.
    pub accounts: Vec<AccountEntry>,
    /// The sessions that may log on.
    pub sessions: Vec<SessionEntry>,
    /// The instruments that the first epoch begins with.
    pub instruments: Vec<InstrumentTerms>,
}

/// Options of every socket.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// The address of the interface that multicast goes through; without one, each node uses that of its own address.
    pub interface: Option<Ipv4Addr>,
    /// How many routers a multicast datagram may pass; 0 stays on the host.
    pub ttl: u32,
    /// Whether this host hears its own multicast.
    pub loopback: bool,
    /// Receive buffer asked of the kernel, in bytes.
    pub receive_buffer: usize,
    /// Send buffer asked of the kernel, in bytes.
    pub send_buffer: usize,
    /// The longest datagram, in bytes.
    pub max_datagram: usize,
}

/// The multicast groups.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// Stamped commands, from the sequencer to everyone.
    pub sequenced: SocketAddrV4,
    /// Events, from the hot engine.
    pub events: SocketAddrV4,
    /// What the loggers have written.
    pub acks: SocketAddrV4,
    /// Grants, and what a sequencer that takes over asks and is answered.
    pub control: SocketAddrV4,
    /// The hot engine's heartbeats, for the engines that stand by.
    pub engines: SocketAddrV4,
    /// Every node's account of itself.
    pub status: SocketAddrV4,
}

/// Intervals.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Silence after which a stream says that it is alive.
    pub heartbeat: Nanos,
    /// Idle time after which the sequencer stamps a tick.
    pub tick: Nanos,
    /// Time between two accounts of a node.
    pub status: Nanos,
    /// How long a receiver waits for a late datagram before it asks.
    pub repair_after: Nanos,
    /// How long it waits for an answer before it asks another.
    pub repair_retry: Nanos,
    /// Time between two words of the active sequencer that it leads.
    pub lead: Nanos,
    /// Time between two heartbeats of the hot engine.
    pub beat: Nanos,
    /// Silence of the hot engine after which its successor takes over by itself.
    pub takeover: Nanos,
    /// Silence of the active sequencer after which the supervisors act.
    pub failover: Nanos,
    /// Time between two tellings of the same grant.
    pub grant: Nanos,
    /// The shortest silence of their leader after which supervisors elect another.
    pub election: Nanos,
}

impl Timing {
    /// Time between two words of a node that it is here: some are lost before it counts as gone.
    #[must_use]
    pub fn present(&self) -> Nanos {
        Nanos(self.failover.0 / 5)
    }
}

/// Capacities, in messages; rings are powers of two.
#[derive(Clone, Copy, Debug)]
pub struct Rings {
    /// Stamped frames that the sequencer retains for repair.
    pub sequenced: usize,
    /// Events that an engine retains for repair.
    pub events: usize,
    /// Commands of a gateway that may be on their way.
    pub commands: usize,
    /// Frames between an engine's receiving and its matching thread.
    pub engine: usize,
    /// Messages that a receiver holds while it waits for one before them.
    pub reorder: usize,
    /// The most frames that are stamped and not yet committed. Less than every ring of frames or events is long.
    pub uncommitted: usize,
}

/// The write-ahead log.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// When a logger acknowledges.
    pub durability: Durability,
    /// Bytes of a segment.
    pub segment: u64,
    /// Time between two background syncs.
    pub sync_every: Nanos,
    /// Which segments a logger keeps at hand.
    pub retain: Retain,
}

/// Which segments of the log a logger keeps at hand. It deletes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retain {
    /// All of them.
    All,
    /// Those that are needed behind the oldest snapshot it keeps; those before are moved into an archive.
    SinceSnapshot,
}

/// When a snapshot is taken, and how many of them are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// After so many commands; 0: not for their number.
    pub commands: u64,
    /// After this time, if anything has happened since; 0: not for the time.
    pub every: Nanos,
    /// How many of the newest whoever holds snapshots keeps, at least 1.
    pub keep: usize,
}

/// When a logger acknowledges what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once it is in the mapped file: survives the crash of every process and the loss of any minority of hosts.
    Written,
    /// Once it is on the disk: survives a power cut of everything too.
    Synced,
}

/// The FIX acceptor.
#[derive(Clone, Debug)]
pub struct Fix {
    /// The exchange's CompID: clients' TargetCompID (56).
    pub comp_id: String,
    /// The shortest HeartBtInt (108) that is taken.
    pub heartbeat_min: Nanos,
    /// The longest.
    pub heartbeat_max: Nanos,
    /// How long a connection may stay without a logon.
    pub logon_timeout: Nanos,
    /// Both FIX numbers begin at 1 with every Logon.
    pub reset_on_logon: bool,
    /// Messages a session can have resent; older ones are gap-filled.
    pub resend_messages: usize,
    /// Their bytes.
    pub resend_bytes: usize,
    /// Connections at the same time.
    pub max_connections: usize,
}

/// What the engines do that are not the hot one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standby {
    /// They compute events and say none: the default.
    Muted,
    /// They say all that they compute, all the time: the death of one leaves no gap, at the price of every event being sent twice.
    Echo,
}

/// What gateways do while two engines differ and it is not known which one is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Divergence {
    /// They refuse new orders and replaces; cancels pass: the default.
    Halt,
    /// They go on, and tell what the hot engine says.
    Follow,
}

/// The engine's limits. They decide what is refused: every engine of a cluster, and every replay, needs the same.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Instrument numbers are below this.
    pub instruments: u32,
    /// Session numbers are below this.
    pub sessions: u32,
    /// Orders that can rest at the same time, over all books.
    pub resting_orders: u32,
    /// Price levels, over all books, that there is room for from the beginning. It decides nothing.
    pub levels: u32,
    /// Client order ids that a trading day can use, over all sessions.
    pub names: u32,
    /// Participant numbers are below this.
    pub participants: u32,
    /// Account numbers are below this.
    pub accounts: u32,
    /// Currency numbers are below this.
    pub currencies: u32,
    /// Pairs of account and instrument.
    pub holdings: u32,
    /// Trades that can still be busted or corrected.
    pub trades: u32,
}

/// Faults that receivers make on purpose, in thousandths of the datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Dropped.
    pub drop: u32,
    /// Delivered twice.
    pub duplicate: u32,
    /// Held back until the next one came.
    pub reorder: u32,
    /// Of the random choice; each receiver adds its own.
    pub seed: u64,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeEntry {
    /// Its name, unique.
    pub name: String,
    /// Its number, unique, not 0.
    pub id: NodeId,
    /// What it does.
    pub role: Role,
    /// Where others ask it for repair (UDP); of a logger, where it is asked for history too (TCP); of a supervisor: where its
    /// peers reach it (TCP).
    pub address: SocketAddrV4,
    /// Where a sequencer takes commands.
    pub commands: Option<SocketAddrV4>,
    /// An engine's mode at its start.
    pub mode: EngineMode,
    /// A gateway's FIX listener.
    pub fix: Option<SocketAddrV4>,
    /// Cores for its threads, in the order of their importance.
    pub pin: Vec<usize>,
    /// How its threads wait.
    pub idle: Strategy,
    /// How urgent they are; see [`Thread`].
    pub priority: u8,
}

impl NodeEntry {
    /// What is described of its thread at this place in the order of importance, from 0 on.
    #[must_use]
    pub fn thread(&self, place: usize) -> Thread {
        Thread { idle: self.idle, core: self.pin.get(place).copied(), priority: self.priority }
    }
}

impl Description {
    /// Reads and validates a file.
    pub fn load(path: &Path) -> Result<Self, DescriptionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DescriptionError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Validates a text; `path` is named in errors, and a relative data directory starts beside it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, DescriptionError> {
        validate::description(path, text)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Result<&NodeEntry, DescriptionError> {
        self.nodes.iter().find(|node| node.name == name).ok_or_else(|| DescriptionError::UnknownNode {
            path: self.path.clone(),
            name: name.to_owned(),
            known: self.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The node of this number.
    #[must_use]
    pub fn node_by_id(&self, id: NodeId) -> Option<&NodeEntry> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The nodes of a role, in the order of the file.
    pub fn nodes_of(&self, role: Role) -> impl Iterator<Item = &NodeEntry> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// The first sequencer of the file: the only one where no supervisor chooses among several.
    #[must_use]
    pub fn sequencer(&self) -> &NodeEntry {
        self.nodes_of(Role::Sequencer).next().expect("validated: there is at least one sequencer")
    }

    /// The loggers at the cluster's birth, whose majority commits, in the order of the file.
    #[must_use]
    pub fn voters(&self) -> Vec<NodeId> {
        self.nodes_of(Role::Logger).map(|logger| logger.id).collect()
    }

    /// A node's own directory.
    #[must_use]
    pub fn data_of(&self, node: &NodeEntry) -> PathBuf {
        self.data.join(&node.name)
    }

    /// The number by which logs and epochs know the cluster.
    #[must_use]
    pub fn cluster_id(&self) -> u64 {
        wire::cluster_id(&self.name)
    }
}
