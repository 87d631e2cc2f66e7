//! One engine on a transport in memory: the test says what the sequencer and the supervisors say, and sees what comes out.

#![allow(dead_code, unreachable_pub)]

pub mod archive;

use bus::{
    Delivery, Publication, PublicationStats, Sent, Session, Socket, StreamKind, Subscription,
    SubscriptionStats, Transmit, Transport,
};
use cluster::status::{Detail, Mark};
use cluster::{
    Dispute, Disputes, Envelope, Finding, Hot, Leading, Message, Present, Quarantine, Status, Stopped,
    control,
};
use engine::{
    EngineNode, EnginePorts, EngineSettings, InquiryInline, Limits, NoPast, NoScribe, Past, Patience,
    PoisonInMemory, Scribe,
};
use node::description::Standby;
use node::{Beacon, ControlGroup, Duty, SessionNames, Speaker};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use std::rc::Rc;
use wire::{Beat, Epoch, Frame, Nanos, NodeId, OperatorName, Outbound, Position, Term, Why};

pub const NODE: NodeId = NodeId(2);
pub const OTHER: NodeId = NodeId(3);
pub const SEQUENCER: NodeId = NodeId(1);
pub const TOKEN: u64 = 77;
const CLUSTER: u64 = 5;
pub const BEAT: Nanos = Nanos::from_micros(100);
pub const TAKEOVER: Nanos = Nanos::from_micros(400);
/// So long after the sequencer's last word an engine counts itself as cut off.
pub const CUT_OFF: Nanos = Nanos::from_millis(40);
pub const NAMES: SessionNames = SessionNames { tag: *b"TST" };

/// An event as it went out by itself: session, number, bytes.
pub type Said = (Session, u64, Vec<u8>);

/// What goes in and comes out.
#[derive(Debug, Default)]
pub struct Wires {
    /// The sequenced sessions, as far as they can be had.
    sessions: BTreeMap<Session, BTreeMap<u64, Vec<u8>>>,
    control: VecDeque<Vec<u8>>,
    beats: VecDeque<Vec<u8>>,
    pub presents: Vec<Present>,
    /// With whom it differs, as it said.
    pub differs: Vec<Dispute>,
    /// What it has found.
    pub findings: Vec<Finding>,
    /// What it said of the command before which it stops.
    pub pleas: Vec<Stopped>,
    /// What it said of having taken over.
    pub claims: Vec<Hot>,
    /// Its own heartbeats.
    pub pulse: Vec<Beat>,
    pub statuses: Vec<Status>,
    pub events: Vec<Said>,
    /// Every session of events that was begun, with its first number.
    pub begun: Vec<(Session, u64)>,
    /// The events that can be repaired, in the present session.
    pub kept: BTreeMap<u64, Vec<u8>>,
}

type Shared = Rc<RefCell<Wires>>;

#[derive(Debug)]
pub struct Memory;

impl Transport for Memory {
    type Publication = Events;
    type Subscription = Sequenced;
    type Socket = Wire;
}

#[derive(Debug)]
pub struct Events {
    wires: Shared,
    session: Session,
    next: u64,
    muted: bool,
}

impl Publication for Events {
    fn publish(&mut self, frame: &[u8]) -> u64 {
        let mut wires = self.wires.borrow_mut();
        wires.kept.insert(self.next, frame.to_vec());
        if !self.muted {
            wires.events.push((self.session, self.next, frame.to_vec()));
        }
        self.next += 1;
        self.next - 1
    }

    fn next(&self) -> u64 {
        self.next
    }

    fn begin_session(&mut self, session: Session, next: u64) {
        (self.session, self.next) = (session, next);
        let mut wires = self.wires.borrow_mut();
        wires.begun.push((session, next));
        wires.kept.split_off(&next);
    }

    fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    fn resend_from(&mut self, number: u64) {
        let mut wires = self.wires.borrow_mut();
        let again: Vec<_> =
            wires.kept.range(number..).map(|(n, bytes)| (self.session, *n, bytes.clone())).collect();
        wires.events.extend(again);
    }

    fn release_below(&mut self, _number: u64) {}
    fn end_of_session(&mut self) {}
    fn set_destination(&mut self, _destination: SocketAddrV4) {}

    fn do_work(&mut self, _now: Nanos) -> io::Result<usize> {
        Ok(0)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }

    fn descriptors(&self, _out: &mut Vec<RawFd>) {}

    fn stats(&self) -> PublicationStats {
        PublicationStats::default()
    }
}

#[derive(Debug)]
pub struct Sequenced {
    wires: Shared,
    session: Session,
    expected: u64,
    known: u64,
}

impl Subscription for Sequenced {
    fn poll(&mut self, _now: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> io::Result<usize> {
        let wires = self.wires.borrow();
        let began = self.expected;
        while let Some(frame) = wires.sessions.get(&self.session).and_then(|all| all.get(&self.expected))
            && deliver(self.expected, frame) == Delivery::Accepted
        {
            self.expected += 1;
        }
        Ok((self.expected - began) as usize)
    }

    fn begin_session(&mut self, session: Session, expected: u64) {
        (self.session, self.expected, self.known) = (session, expected, expected);
    }

    fn expect_below(&mut self, _now: Nanos, next: u64) {
        self.known = self.known.max(next);
    }

    fn set_repair(&mut self, sources: Vec<SocketAddr>) {
        assert_eq!(sources, [address(11), address(14)], "the epoch's sequencer, then the loggers");
    }

    fn announced(&self) -> Option<u64> {
        None
    }

    fn expected(&self) -> u64 {
        self.expected
    }

    fn lag(&self) -> u64 {
        self.known.saturating_sub(self.expected)
    }

    fn last_heard(&self) -> Option<Nanos> {
        None
    }

    fn next_deadline(&self) -> Option<Nanos> {
        None
    }

    fn descriptors(&self, _out: &mut Vec<RawFd>) {}

    fn stats(&self) -> SubscriptionStats {
        SubscriptionStats::default()
    }
}

/// Hears the control group, or the heartbeats; what is said is sorted by what it is.
#[derive(Debug)]
pub struct Wire {
    wires: Shared,
    hears: Hears,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Control,
    Beats,
}

impl Socket for Wire {
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        let mut wires = self.wires.borrow_mut();
        let waiting: Vec<_> = match self.hears {
            Hears::Control => wires.control.drain(..).collect(),
            Hears::Beats => wires.beats.drain(..).collect(),
        };
        drop(wires);
        waiting.iter().for_each(|bytes| show(address(1), bytes));
        Ok(waiting.len())
    }

    fn send_to(&mut self, bytes: &[u8], _to: SocketAddr) -> io::Result<Sent> {
        let mut wires = self.wires.borrow_mut();
        if let Ok(beat) = Beat::read(bytes) {
            wires.pulse.push(beat);
        } else if let Ok(status) = control::decode::<Status>(bytes) {
            wires.statuses.push(status);
        } else {
            match control::decode::<Envelope>(bytes).expect("a status or a message").message {
                Message::Present(present) => wires.presents.push(present),
                Message::Hot(hot) => wires.claims.push(hot),
                Message::Stopped(stopped) => wires.pleas.push(stopped),
                Message::Differ(dispute) => wires.differs.push(dispute),
                Message::Found(finding) => wires.findings.push(finding),
                other => panic!("an engine does not say {other:?}"),
            }
        }
        Ok(Sent::Done)
    }

    fn send(&mut self, _transmit: &Transmit<'_>, _group: SocketAddr) -> io::Result<Sent> {
        unreachable!("the events have a publication")
    }

    fn descriptors(&self, _out: &mut Vec<RawFd>) {}
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// What an engine is given, but for the transport.
pub struct Setup {
    pub node: NodeId,
    pub limits: Limits,
    pub ring: usize,
    pub standby: Standby,
    pub poison: PoisonInMemory,
    /// What it begins with.
    pub past: Box<dyn Past>,
    /// What it executes beside its own state.
    pub inquired: Box<dyn Past>,
    pub scribe: Box<dyn Scribe>,
    #[cfg(lockstep_planted)]
    pub led: engine::astray::Led,
}

impl Setup {
    /// Of an engine that has the stream alone, and writes nothing.
    pub fn new(limits: Limits, ring: usize) -> Self {
        Self {
            node: NODE,
            limits,
            ring,
            standby: Standby::Muted,
            poison: PoisonInMemory::default(),
            past: Box::new(NoPast),
            inquired: Box::new(NoPast),
            scribe: Box::new(NoScribe),
            #[cfg(lockstep_planted)]
            led: engine::astray::Led::default(),
        }
    }
}

/// How often an engine says that it is here.
pub const PRESENT: Nanos = Nanos::from_millis(50);

/// One engine and its surroundings.
pub struct Rig {
    pub engine: EngineNode<Memory>,
    pub wires: Shared,
    pub now: Nanos,
}

impl Rig {
    /// An engine that knows nothing, with a ring of so many frames.
    pub fn new(limits: Limits, ring: usize) -> Self {
        Self::standing_by(limits, ring, Standby::Muted)
    }

    /// The same, of a cluster where engines stand by like this.
    pub fn standing_by(limits: Limits, ring: usize, standby: Standby) -> Self {
        let mut rig = Self::unheard(limits, ring, standby, PoisonInMemory::default());
        rig.quarantined(&[]);
        rig
    }

    /// The same, which has not heard yet what is quarantined, and of which a former process may have noted something.
    pub fn unheard(limits: Limits, ring: usize, standby: Standby, poison: PoisonInMemory) -> Self {
        Self::of(Setup { standby, poison, ..Setup::new(limits, ring) })
    }

    /// An engine with all that it is given.
    pub fn of(setup: Setup) -> Self {
        let Setup { node, limits, ring, standby, poison, past, inquired, scribe, .. } = setup;
        let wires = Shared::default();
        let hears = |hears| Wire { wires: Rc::clone(&wires), hears };
        let wire = || hears(Hears::Control);
        let speaker = || Speaker::new(wire(), address(5));
        let never = NAMES.of(StreamKind::Sequenced, Epoch(0));
        let ports = EnginePorts {
            control: ControlGroup::new(CLUSTER, node, wire(), speaker()),
            sequenced: Sequenced { wires: Rc::clone(&wires), session: never, expected: 1, known: 1 },
            beats: hears(Hears::Beats),
            pulse: speaker(),
            events: Events { wires: Rc::clone(&wires), session: never, next: 1, muted: true },
            beacon: Beacon::new(CLUSTER, node, 1, Nanos(1), speaker()),
            poison: Box::new(poison),
            past,
            scribe,
            inquirer: Box::new(InquiryInline::new(inquired, limits, 16)),
        };
        let settings = EngineSettings {
            node,
            token: TOKEN,
            names: NAMES,
            sequencers: [(SEQUENCER, address(11))].into(),
            loggers: vec![address(14)],
            cluster: CLUSTER,
            present: PRESENT,
            beat: BEAT,
            patience: Patience { takeover: TAKEOVER, leader: CUT_OFF },
            standby,
            uncommitted: 4_096,
            ring,
            trail: 1 << 12,
            limits,
            #[cfg(lockstep_planted)]
            led: setup.led,
        };
        let engine = EngineNode::new(settings, ports).expect("the test's limits can be granted");
        Self { engine, wires, now: Nanos::SECOND }
    }

    /// These frames of an epoch's session can be had from now on.
    pub fn sequence(&mut self, epoch: u32, frames: &[Vec<u8>]) {
        let session = NAMES.of(StreamKind::Sequenced, Epoch(epoch));
        let mut wires = self.wires.borrow_mut();
        let all = wires.sessions.entry(session).or_default();
        all.extend(frames.iter().map(|bytes| (position(bytes).seq.0, bytes.clone())));
    }

    /// Somebody says something in the control group.
    pub fn hear(&mut self, from: NodeId, message: Message) {
        let bytes = control::encode(&Envelope { cluster: CLUSTER, from, message }).expect("short");
        self.wires.borrow_mut().control.push_back(bytes);
    }

    /// The sequencer of an epoch says that it leads, and that so much is committed.
    pub fn leading(&mut self, epoch: u32, parent: Position, committed: Position) {
        let session = NAMES.of(StreamKind::Sequenced, Epoch(epoch));
        let last = self.wires.borrow().sessions.get(&session).and_then(|all| all.values().last().cloned());
        let last = last.map_or(parent, |bytes| position(&bytes));
        let leading = Leading {
            epoch: Epoch(epoch),
            nonce: u64::from(epoch),
            parent,
            last,
            committed,
            held: true,
            open: true,
        };
        self.hear(SEQUENCER, Message::Leading(leading));
    }

    /// A supervisor says what is quarantined.
    pub fn quarantined(&mut self, places: &[Position]) {
        let by = OperatorName::new(b"desk").expect("short");
        let why = Why::new(b"it panics").expect("short");
        let list = places.iter().map(|position| Quarantine { position: *position, by, why });
        self.hear(NodeId(9), Message::Quarantined(list.collect()));
    }

    /// A supervisor names the engine that speaks.
    pub fn hot(&mut self, term: u32, engine: NodeId, token: u64) {
        let hot = Hot { term: Term(term), engine, token, successor: None, scribe: Some(engine) };
        self.hear(NodeId(9), Message::Hot(hot));
    }

    /// The same; and who stands behind it.
    pub fn hot_before(&mut self, term: u32, engine: NodeId, token: u64, successor: NodeId) {
        let (successor, scribe) = (Some(successor), Some(successor));
        self.hear(NodeId(9), Message::Hot(Hot { term: Term(term), engine, token, successor, scribe }));
    }

    /// A supervisor says where the cluster stands with its disputes.
    pub fn disputed(&mut self, disputes: &Disputes) {
        self.hear(NodeId(9), Message::Disputed(disputes.clone()));
    }

    /// The other engine says that it speaks, and so far.
    pub fn beat(&mut self, term: u32, epoch: u32, next: Outbound) {
        let beat =
            Beat { cluster: CLUSTER, engine: OTHER, token: 1, term: Term(term), epoch: Epoch(epoch), next };
        self.wires.borrow_mut().beats.push_back(beat.to_bytes().to_vec());
    }

    /// Time passes in which nothing is heard.
    pub fn pass(&mut self, time: Nanos) {
        self.now = Nanos(self.now.0 + time.0);
    }

    /// One cycle of both agents.
    pub fn cycle(&mut self) -> anyhow::Result<usize> {
        self.now = Nanos(self.now.0 + 1_000);
        self.engine.do_work(self.now)
    }

    /// Cycles until all is done.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            let before = (self.position(), self.engine.receiver.intake().handed());
            self.cycle().expect("nothing goes wrong");
            let idle = self.wires.borrow().control.is_empty();
            if idle && before == (self.position(), self.engine.receiver.intake().handed()) {
                // Once more, so that everything is told.
                self.cycle().expect("nothing goes wrong");
                return;
            }
        }
        panic!("the engine does not come to rest");
    }

    pub fn position(&self) -> Position {
        self.engine.matcher.position()
    }

    /// The marks of the last status.
    pub fn marks(&self) -> Vec<Mark> {
        match &self.wires.borrow().statuses.last().expect("it has told").detail {
            Detail::Engine { marks, .. } => marks.clone(),
            other => panic!("no engine's: {other:?}"),
        }
    }

    /// What it said of itself last.
    pub fn present(&self) -> Present {
        *self.wires.borrow().presents.last().expect("it has said")
    }
}

/// Where a frame stands.
pub fn position(bytes: &[u8]) -> Position {
    Frame::read(bytes).expect("a whole frame").position()
}
