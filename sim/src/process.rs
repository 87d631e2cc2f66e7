//! The processes of the cluster: the very node cores of the binaries, opened on a simulated host.

use crate::council::{self, Seat};
use crate::desk::{Desk, Purpose};
use crate::disk::{Disk, SimLog, SimVault};
use crate::host::Host;
use crate::transport::Simulated;
use archive::Detour;
use bus::StreamKind;
use cluster::Role;
use engine::{EngineNode, EnginePorts, EngineSettings, InquiryInline, Limits, PoisonInMemory};
use gateway::{ClientOutput, GatewayConfig, GatewayNode, GatewayPorts, GatewaySettings};
use logger::{LoggerDisk, LoggerNode, LoggerPorts, LoggerSettings};
use node::{Description, Duty};
use sequencer::{SequencerNode, SequencerPorts, SequencerSettings};
use supervisor::{SupervisorNode, SupervisorPorts, roster, timeouts};
use wire::Nanos;

/// A running process.
pub enum Process {
    /// A sequencer.
    Sequencer(Box<SequencerNode<Simulated>>),
    /// An engine: a thread that receives, and one that matches.
    Engine(Box<EngineNode<Simulated>>),
    /// A logger.
    Logger(Box<LoggerNode<Simulated, SimLog, SimVault>>),
    /// A gateway.
    Gateway(Box<GatewayNode<Simulated>>),
    /// A supervisor.
    Supervisor(Box<SupervisorNode<Simulated, Seat>>),
}

/// The matching thread of an engine is its second; everything else has one.
pub const MATCHER: usize = 1;
/// Frames that an engine executes at a time beside its own state.
const INQUIRED_AT_A_TIME: usize = 64;
/// Digests that an engine remembers: less than a story's, so that some are gone when they are asked for.
const TRAIL: usize = 1_024;

impl Process {
    /// Starts the process of a node. `token` tells it from its other lives; `disk` is a logger's, `poison` and `desk` an engine's, `seat`
    /// a supervisor's.
    pub fn start(
        host: Host<'_>,
        token: u64,
        disk: Option<&Disk>,
        poison: &PoisonInMemory,
        desk: &Desk,
        seat: Option<(&council::Shared, usize)>,
    ) -> anyhow::Result<Self> {
        let Host { description, entry, .. } = host;
        Ok(match (entry.role, disk, seat) {
            (Role::Sequencer, ..) => {
                let settings = SequencerSettings::of(description, entry, token);
                let ports = SequencerPorts {
                    control: host.control(),
                    acks: host.socket(description.streams.acks),
                    commands: host.socket(entry.commands.unwrap_or(entry.address)),
                    speaks: host.publish(
                        StreamKind::Sequenced,
                        description.streams.sequenced,
                        description.rings.sequenced,
                    ),
                    hears: host.follow_sequenced(),
                    detour: Detour::new(Box::new(desk.errand.past())),
                    beacon: host.beacon(),
                };
                Self::Sequencer(Box::new(SequencerNode::new(settings, ports)))
            }
            (Role::Engine, ..) => {
                let matcher = host.for_reader(host.reader + MATCHER);
                let Description { streams, rings, .. } = description;
                let ports = EnginePorts {
                    control: host.control(),
                    sequenced: host.follow_sequenced(),
                    beats: host.socket(streams.engines),
                    pulse: matcher.speaker(streams.engines),
                    events: matcher.publish(StreamKind::Events, streams.events, rings.events),
                    beacon: matcher.beacon(),
                    poison: Box::new(poison.clone()),
                    past: Box::new(desk.past(Purpose::Begin)),
                    scribe: Box::new(desk.scribe(description.cluster_id())),
                    inquirer: Box::new(InquiryInline::new(
                        Box::new(desk.past(Purpose::Inquire)),
                        limits(description),
                        INQUIRED_AT_A_TIME,
                    )),
                };
                Self::Engine(Box::new(EngineNode::new(
                    EngineSettings {
                        limits: limits(description),
                        trail: TRAIL.max(4 * rings.uncommitted),
                        ..EngineSettings::of(description, entry, token)
                    },
                    ports,
                )?))
            }
            (Role::Logger, Some(disk), _) => {
                let ports = LoggerPorts {
                    control: host.control(),
                    acks: host.speaker(description.streams.acks),
                    sequenced: host.follow_sequenced(),
                    detour: Detour::new(Box::new(desk.errand.past())),
                    events: host.follow_events(),
                    requests: host.socket(entry.address),
                    beacon: host.beacon(),
                };
                let disk = LoggerDisk {
                    frames: disk.open_frames(),
                    events: disk.open_events(),
                    vault: disk.vault(),
                    host_restarted: disk.host_restarted,
                };
                let settings = LoggerSettings::of(description, entry, token);
                Self::Logger(Box::new(LoggerNode::open(settings, ports, disk)?))
            }
            (Role::Gateway, ..) => {
                let to = description.sequencer();
                let ports = GatewayPorts {
                    control: host.control(),
                    acks: host.socket(description.streams.acks),
                    sequenced: host.follow_sequenced(),
                    events: host.follow_events(),
                    detour: Detour::new(Box::new(desk.errand.past())),
                    commands: host.publish(
                        StreamKind::Commands,
                        to.commands.unwrap_or(to.address),
                        description.rings.commands,
                    ),
                    beacon: host.beacon(),
                };
                let settings = GatewaySettings::of(description, entry, token);
                let config = GatewayConfig::of(description, entry);
                Self::Gateway(Box::new(GatewayNode::new(&config, settings, ports)))
            }
            (Role::Supervisor, _, Some((council, member))) => {
                let ports = SupervisorPorts {
                    control: host.control(),
                    log: Seat::take(council, member),
                    beacon: host.beacon(),
                };
                Self::Supervisor(Box::new(SupervisorNode::new(
                    roster(description),
                    timeouts(description),
                    ports,
                )))
            }
            (role, ..) => unreachable!("a {role} is started with what it needs"),
        })
    }

    /// How many threads it has.
    #[must_use]
    pub fn threads(&self) -> usize {
        if matches!(self, Self::Engine(_)) { 2 } else { 1 }
    }

    /// One cycle of one of its threads.
    pub fn do_work(
        &mut self,
        thread: usize,
        now: Nanos,
        out: &mut dyn FnMut(ClientOutput<'_>),
    ) -> anyhow::Result<usize> {
        match self {
            Self::Sequencer(node) => node.do_work(now),
            Self::Engine(node) if thread == MATCHER => node.matcher.do_work(now),
            Self::Engine(node) => node.receiver.do_work(now),
            Self::Logger(node) => node.do_work(now),
            Self::Gateway(node) => node.do_work(now, out),
            Self::Supervisor(node) => node.do_work(now),
        }
    }

    /// When a thread has something to do even if nothing comes.
    #[must_use]
    pub fn next_deadline(&self, thread: usize) -> Option<Nanos> {
        match self {
            Self::Sequencer(node) => node.next_deadline(),
            Self::Engine(node) if thread == MATCHER => node.matcher.next_deadline(),
            Self::Engine(node) => node.receiver.next_deadline(),
            Self::Logger(node) => node.next_deadline(),
            Self::Gateway(node) => node.next_deadline(),
            Self::Supervisor(node) => node.next_deadline(),
        }
    }
}

/// The limits of every engine of the cluster; a story has many engines, so none makes room for events that it will not see.
#[must_use]
pub fn limits(description: &Description) -> Limits {
    Limits { events_reserved: 64, ..engine::limits_of(description) }
}
