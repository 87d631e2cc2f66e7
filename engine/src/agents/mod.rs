//! The engine as a node of the cluster: an agent that receives, a ring, an agent that matches and speaks.
//!
//! ```text
//!   control group ──┐                      ┌── events, status
//!   sequenced ── ReceiverAgent ── ring ── MatcherAgent
//! ```
//!
//! [`ReceiverAgent`] follows the epochs, and knows which engine speaks; [`MatcherAgent`] holds the replica. In the binary
//! each has a thread of its own; whoever drives both from one (a simulator) takes an [`EngineNode`].

mod comparison;
mod dissent;
mod intake;
mod matcher;
mod past;
mod poison;
mod receiver;
mod ring;
mod shared;
mod standing;

pub use comparison::Comparison;
pub use dissent::WrongTwice;
pub use intake::{Intake, Step};
pub use matcher::MatcherAgent;
pub use past::{Found, NoPast, Past};
pub(crate) use poison::attempt;
pub use poison::{Noted, Poison, PoisonInMemory, Poisoned};
pub use receiver::ReceiverAgent;
pub use standing::{Patience, Standing};

use crate::inquiry::Inquirer;
use crate::{Limits, LimitsError, Scribe};
use bus::Transport;
use cluster::Role;
use matcher::Voice;
use node::description::Standby;
use node::{Beacon, ControlGroup, Description, Duty, Idle, NodeEntry, SessionNames, Speaker};
use poison::Ward;
use receiver::Ears;
use shared::Shared;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use wire::{Nanos, NodeId};

/// So many digests an engine remembers, at the least: a quarter of a second's at a million frames a second.
const TRAIL: usize = 1 << 18;
/// It remembers so many times as many as there may be uncommitted frames.
const TRAIL_UNCOMMITTED: usize = 4;

/// A sequencer that leads and was not heard for so many of its words is out of reach.
const WORDS_BEFORE_CUT_OFF: u64 = 8;

/// The numbers by which an engine works.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Which node it is.
    pub node: NodeId,
    /// Tells this process from its other lives.
    pub token: u64,
    /// How the cluster's sessions are called.
    pub names: SessionNames,
    /// Where the sequencers are asked for what they have stamped.
    pub sequencers: BTreeMap<NodeId, SocketAddr>,
    /// Where the loggers are asked for what they hold.
    pub loggers: Vec<SocketAddr>,
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// How often it says that it is here.
    pub present: Nanos,
    /// How often it says that it speaks, if it does.
    pub beat: Nanos,
    /// How long it waits for others.
    pub patience: Patience,
    /// What it does while another engine is the hot one.
    pub standby: Standby,
    /// The most frames that are stamped and not committed.
    pub uncommitted: usize,
    /// How many frames fit between the two agents.
    pub ring: usize,
    /// The digests behind so many frames are remembered, to be held against other engines'.
    pub trail: usize,
    /// The exchange's limits.
    pub limits: Limits,
    /// Whether it can be led astray.
    #[cfg(lockstep_planted)]
    pub led: crate::astray::Led,
}

impl EngineSettings {
    /// As the cluster's description says.
    #[must_use]
    pub fn of(description: &Description, node: &NodeEntry, token: u64) -> Self {
        let address = |node: &NodeEntry| SocketAddr::V4(node.address);
        let sequencers = description.nodes_of(Role::Sequencer).map(|other| (other.id, address(other)));
        Self {
            node: node.id,
            token,
            names: description.session_names(),
            sequencers: sequencers.collect(),
            loggers: description.nodes_of(Role::Logger).map(address).collect(),
            cluster: description.cluster_id(),
            present: description.timing.present(),
            beat: description.timing.beat,
            patience: Patience {
                takeover: description.timing.takeover,
                leader: Nanos(WORDS_BEFORE_CUT_OFF * description.timing.lead.0),
            },
            standby: description.standby,
            uncommitted: description.rings.uncommitted,
            ring: description.rings.engine,
            trail: TRAIL.max(TRAIL_UNCOMMITTED * description.rings.uncommitted),
            limits: limits_of(description),
            #[cfg(lockstep_planted)]
            led: crate::astray::Led::default(),
        }
    }
}

/// The exchange's limits as the cluster's description says.
#[must_use]
pub fn limits_of(description: &Description) -> Limits {
    let asked = description.engine;
    Limits {
        instruments: asked.instruments,
        sessions: asked.sessions,
        resting_orders: asked.resting_orders,
        names: asked.names,
        accounts: asked.accounts,
        holdings: asked.holdings,
        participants: asked.participants,
        currencies: asked.currencies,
        trades: asked.trades,
        levels: asked.levels,
        ..Limits::default()
    }
}

/// What an engine hears and speaks through.
#[derive(Debug)]
pub struct EnginePorts<T: Transport> {
    /// Who leads, who speaks.
    pub control: ControlGroup<T::Socket>,
    /// The sequenced stream, in.
    pub sequenced: T::Subscription,
    /// The heartbeats of the engine that speaks, in.
    pub beats: T::Socket,
    /// Its own heartbeats, out.
    pub pulse: Speaker<T::Socket>,
    /// The events, out.
    pub events: T::Publication,
    /// Its account of itself.
    pub beacon: Beacon<T::Socket>,
    /// Where it notes the command that makes it panic.
    pub poison: Box<dyn Poison>,
    /// Where it finds what lies far behind.
    pub past: Box<dyn Past>,
    /// Who writes its snapshots.
    pub scribe: Box<dyn Scribe>,
    /// Who executes the log anew if it differs from another engine.
    pub inquirer: Box<dyn Inquirer>,
}

/// The two agents of an engine that knows nothing yet.
///
/// # Errors
/// [`LimitsError`]: a limit that the exchange cannot grant.
pub fn engine<T: Transport>(
    settings: EngineSettings,
    ports: EnginePorts<T>,
) -> Result<(ReceiverAgent<T>, MatcherAgent<T>), LimitsError> {
    let EnginePorts { control, sequenced, beats, pulse, events, beacon, poison, past, scribe, inquirer } =
        ports;
    let (producer, consumer) = ring::ring(settings.ring);
    let shared = Arc::new(Shared::new(settings.trail));
    let ward = Ward::new(&*poison);
    let matcher = MatcherAgent::new(
        &settings,
        consumer,
        Voice { events, pulse, beacon, scribe, poison },
        Arc::clone(&shared),
    )?;
    Ok((
        ReceiverAgent::new(
            settings,
            control,
            Ears { sequenced, beats, ward, past, inquirer },
            producer,
            shared,
        ),
        matcher,
    ))
}

/// Both agents, driven by one thread.
#[derive(Debug)]
pub struct EngineNode<T: Transport> {
    /// Receives.
    pub receiver: ReceiverAgent<T>,
    /// Matches.
    pub matcher: MatcherAgent<T>,
}

impl<T: Transport> EngineNode<T> {
    /// An engine that knows nothing yet.
    ///
    /// # Errors
    /// See [`engine`].
    pub fn new(settings: EngineSettings, ports: EnginePorts<T>) -> Result<Self, LimitsError> {
        engine(settings, ports).map(|(receiver, matcher)| Self { receiver, matcher })
    }
}

impl<T: Transport> Duty for EngineNode<T> {
    fn on_start(&mut self, idle: &Idle) {
        self.matcher.on_start(idle);
    }

    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        Ok(self.receiver.do_work(now)? + self.matcher.do_work(now)?)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.receiver.next_deadline().into_iter().chain(self.matcher.next_deadline()).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.receiver.descriptors(out);
        self.matcher.descriptors(out);
    }
}
