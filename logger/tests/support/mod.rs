//! A logger on a real disk in a temporary directory, with streams and sockets that are lists in memory.

#![allow(dead_code, reason = "each test file uses its part")]

use archive::{Detour, Found, Past, Since, Wanted};
use bus::mold::RequestPacket;
use bus::{
    Delivery, Publication, PublicationStats, Sent, Session, Socket, StreamKind, Subscription,
    SubscriptionStats, Transmit, Transport,
};
use cluster::{Answer, Envelope, Leading, Life, Message, Present, control};
use journal::{Journal, JournalError, Options, Stream};
use logger::{Extent, FileVault, Kept, Log, LoggerDisk, LoggerNode, LoggerPorts, LoggerSettings, Vault};
use node::description::Durability;
use node::{Beacon, ControlGroup, Duty, SessionNames, Speaker};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use wire::command::{EpochStart, Opening, Tick};
use wire::event::{self, Address, EpochStarted};
use wire::frame::{self, Origin};
use wire::*;

pub(crate) const NAMES: SessionNames = SessionNames { tag: *b"TST" };
pub(crate) const LOGGER: NodeId = NodeId(4);
const SEQUENCER: NodeId = NodeId(1);
const ACKS: u16 = 1;
const CONTROL: u16 = 2;
const STATUS: u16 = 3;

fn group(port: u16) -> SocketAddr {
    SocketAddr::from(([239, 0, 0, 1], port))
}

pub(crate) fn cluster() -> u64 {
    wire::cluster_id("test")
}

/// What a logger did that can be seen from outside, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Kept(Kept),
    Said(Message),
    Acked(Ack),
    /// A datagram to this peer, with its session and its blocks.
    Answered(u16, Session, Vec<Vec<u8>>),
}

/// A network without loss, and all that happened.
#[derive(Debug, Default)]
pub(crate) struct World {
    acts: Vec<Act>,
    control: VecDeque<Vec<u8>>,
    requests: VecDeque<(SocketAddr, Vec<u8>)>,
    /// What is spoken in each session, by number.
    spoken: BTreeMap<Session, BTreeMap<u64, Vec<u8>>>,
    /// Each session that was begun, and from which number on.
    begun: Vec<(Session, u64)>,
    vault_is_broken: bool,
    disk_has_failed: bool,
}

pub(crate) type Shared = Rc<RefCell<World>>;

#[derive(Debug)]
pub(crate) struct Memory;

impl Transport for Memory {
    type Publication = Nobody;
    type Subscription = Listener;
    type Socket = Port;
}

/// A logger publishes no stream.
#[derive(Debug)]
pub(crate) enum Nobody {}

impl Publication for Nobody {
    fn publish(&mut self, _: &[u8]) -> u64 {
        match *self {}
    }
    fn next(&self) -> u64 {
        match *self {}
    }
    fn begin_session(&mut self, _: Session, _: u64) {
        match *self {}
    }
    fn set_muted(&mut self, _: bool) {
        match *self {}
    }
    fn resend_from(&mut self, _number: u64) {}
    fn release_below(&mut self, _: u64) {
        match *self {}
    }
    fn end_of_session(&mut self) {
        match *self {}
    }
    fn set_destination(&mut self, _: SocketAddrV4) {
        match *self {}
    }
    fn do_work(&mut self, _: Nanos) -> io::Result<usize> {
        match *self {}
    }
    fn next_deadline(&self) -> Option<Nanos> {
        match *self {}
    }
    fn descriptors(&self, _: &mut Vec<RawFd>) {
        match *self {}
    }
    fn stats(&self) -> PublicationStats {
        match *self {}
    }
}

/// Hears at once whatever is spoken in its session.
#[derive(Debug)]
pub(crate) struct Listener {
    world: Shared,
    session: Session,
    expected: u64,
}

impl Subscription for Listener {
    fn poll(&mut self, _: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> io::Result<usize> {
        let mut work = 0;
        let spoken = self.world.borrow().spoken.get(&self.session).cloned().unwrap_or_default();
        while let Some(message) = spoken.get(&self.expected) {
            if deliver(self.expected, message) == Delivery::Refused {
                // A socket may have more in the same cycle: who has refused must go on refusing.
                assert_eq!(deliver(self.expected, message), Delivery::Refused);
                break;
            }
            self.expected += 1;
            work += 1;
        }
        Ok(work)
    }
    fn begin_session(&mut self, session: Session, expected: u64) {
        self.world.borrow_mut().begun.push((session, expected));
        (self.session, self.expected) = (session, expected);
    }
    fn expect_below(&mut self, _: Nanos, _: u64) {}
    fn set_repair(&mut self, _: Vec<SocketAddr>) {}
    fn announced(&self) -> Option<u64> {
        None
    }
    fn expected(&self) -> u64 {
        self.expected
    }
    fn lag(&self) -> u64 {
        0
    }
    fn asked_since(&self) -> Option<Nanos> {
        let world = self.world.borrow();
        let spoken = world.spoken.get(&self.session)?;
        let missing = !spoken.contains_key(&self.expected) && spoken.range(self.expected..).next().is_some();
        missing.then_some(Nanos(0))
    }
    fn last_heard(&self) -> Option<Nanos> {
        None
    }
    fn next_deadline(&self) -> Option<Nanos> {
        None
    }
    fn descriptors(&self, _: &mut Vec<RawFd>) {}
    fn stats(&self) -> SubscriptionStats {
        SubscriptionStats::default()
    }
}

/// The log of another logger, archive included, from this number on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    frames: Vec<Vec<u8>>,
    first: u64,
}

impl Shelf {
    fn place(&self, seq: u64) -> Option<Position> {
        match seq {
            _ if seq + 1 < self.first => None,
            0 => Some(Position::GENESIS),
            _ => self.frames.get(seq as usize - 1).map(|frame| Frame::read(frame).unwrap().position()),
        }
    }
}

/// What a logger looks for there.
#[derive(Debug)]
struct Search {
    shelf: Arc<Mutex<Shelf>>,
    found: VecDeque<Vec<u8>>,
    nothing: bool,
}

impl Past for Search {
    fn look(&mut self, Wanted { since, upto }: Wanted) {
        let shelf = self.shelf.lock().unwrap();
        let Since::OneOf(places) = since else { panic!("a logger begins with no snapshot") };
        assert!(places.is_sorted_by(|one, next| one.seq > next.seq), "{places:?}");
        self.found.clear();
        self.nothing = false;
        if shelf.place(upto.seq.0) == Some(upto) {
            match places.into_iter().find(|at| shelf.place(at.seq.0) == Some(*at)) {
                Some(after) => {
                    let frames = &shelf.frames[after.seq.0 as usize..upto.seq.0 as usize];
                    self.found.extend(frames.iter().cloned());
                }
                None => self.nothing = true,
            }
        }
    }

    fn poll(&mut self) -> Found<'_> {
        match self.found.front() {
            Some(frame) => Found::Frame(frame),
            None if self.nothing => Found::Nothing,
            None => Found::End,
        }
    }

    fn taken(&mut self) {
        self.found.pop_front();
    }
}

#[derive(Clone, Copy, Debug)]
enum Hears {
    Nothing,
    Control,
    Requests,
}

#[derive(Debug)]
pub(crate) struct Port {
    world: Shared,
    hears: Hears,
}

impl Socket for Port {
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
        let heard: Vec<_> = match self.hears {
            Hears::Nothing => Vec::new(),
            Hears::Control => {
                self.world.borrow_mut().control.drain(..).map(|bytes| (group(CONTROL), bytes)).collect()
            }
            Hears::Requests => self.world.borrow_mut().requests.drain(..).collect(),
        };
        heard.iter().for_each(|(from, bytes)| show(*from, bytes));
        Ok(heard.len())
    }

    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent> {
        let act = if to == group(ACKS) {
            Act::Acked(Ack::read(bytes).unwrap())
        } else if to == group(CONTROL) {
            Act::Said(control::decode::<Envelope>(bytes).unwrap().message)
        } else if to == group(STATUS) {
            return Ok(Sent::Done);
        } else {
            let packet = bus::mold::Packet::parse(bytes).unwrap();
            let session = Session::parse(packet.session()).unwrap();
            Act::Answered(to.port(), session, packet.blocks().map(<[u8]>::to_vec).collect())
        };
        self.world.borrow_mut().acts.push(act);
        Ok(Sent::Done)
    }

    fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent> {
        let to = match transmit.to {
            bus::Destination::Group => group,
            bus::Destination::Peer(peer) => peer,
        };
        for datagram in transmit.datagrams() {
            self.send_to(datagram, to)?;
        }
        Ok(Sent::Done)
    }

    fn descriptors(&self, _: &mut Vec<RawFd>) {}
}

/// The real file, and a note of each time that it was kept.
#[derive(Debug)]
pub(crate) struct NotedVault {
    world: Shared,
    file: FileVault,
}

impl Vault for NotedVault {
    fn load(&mut self) -> io::Result<Kept> {
        self.file.load()
    }

    fn keep(&mut self, kept: &Kept) -> io::Result<()> {
        if self.world.borrow().vault_is_broken {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.keep(kept)?;
        self.world.borrow_mut().acts.push(Act::Kept(*kept));
        Ok(())
    }
}

/// A real journal, whose disk can be made to fail.
#[derive(Debug)]
pub(crate) struct FragileLog {
    world: Shared,
    journal: Journal,
}

impl std::ops::Deref for FragileLog {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}

impl Log for FragileLog {
    fn append(&mut self, message: &[u8]) -> Result<(), JournalError> {
        self.healthy()?;
        self.journal.append(message)
    }
    fn get(&self, number: u64) -> Option<&[u8]> {
        self.journal.get(number)
    }
    fn first(&self) -> u64 {
        self.journal.first()
    }
    fn healthy(&self) -> Result<(), JournalError> {
        if self.world.borrow().disk_has_failed {
            let (dir, reason) = (self.journal.dir().into(), "input/output error".into());
            return Err(JournalError::Failed { dir, reason });
        }
        Log::healthy(&self.journal)
    }
    fn next(&self) -> u64 {
        self.journal.next()
    }
    fn last_position(&self) -> Position {
        self.journal.last_position()
    }
    fn position_of(&self, number: u64) -> Option<Position> {
        self.journal.position_of(number)
    }
    fn synced(&self) -> u64 {
        self.journal.synced()
    }
    fn truncate_after(&mut self, number: u64) -> Result<(), JournalError> {
        self.journal.truncate_after(number)
    }
    fn sync_now(&mut self) -> Result<u64, JournalError> {
        self.journal.sync_now()
    }
    fn extent(&self) -> Extent {
        self.journal.extent()
    }
}

/// How a logger is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) durability: Durability,
    pub(crate) host_restarted: bool,
    pub(crate) token: u64,
}

impl Default for Start {
    fn default() -> Self {
        Self { durability: Durability::Written, host_restarted: false, token: 1 }
    }
}

/// One process of a logger.
pub(crate) struct Process {
    pub(crate) node: LoggerNode<Memory, FragileLog, NotedVault>,
    pub(crate) world: Shared,
    shelf: Arc<Mutex<Shelf>>,
    now: Nanos,
}

impl Process {
    pub(crate) fn start(dir: &Path, start: Start) -> Self {
        Self::start_among(dir, start, 0).unwrap()
    }

    /// Starts a logger that knows of so many others.
    pub(crate) fn start_among(dir: &Path, start: Start, others: usize) -> anyhow::Result<Self> {
        let world = Shared::default();
        let mut vault = NotedVault { world: Rc::clone(&world), file: FileVault::new(dir) };
        let mut journal = |name, stream| {
            let options =
                Options { cluster: cluster(), stream, segment_len: 4096, create: true, power_cut: false };
            logger::open_journal(&dir.join(name), &options, others, &mut vault, &mut |_| {})
                .map(|(journal, _)| FragileLog { world: Rc::clone(&world), journal })
        };
        let (frames, events) = (journal("log", Stream::Frames)?, journal("events", Stream::Events)?);
        let shelf = Arc::<Mutex<Shelf>>::default();
        let search = Search { shelf: Arc::clone(&shelf), found: VecDeque::new(), nothing: false };
        let port = |hears| Port { world: Rc::clone(&world), hears };
        let speaker = |to| Speaker::new(port(Hears::Nothing), group(to));
        let deaf =
            |stream| Listener { world: Rc::clone(&world), session: NAMES.of(stream, Epoch(0)), expected: 1 };
        let ports = LoggerPorts {
            control: ControlGroup::new(cluster(), LOGGER, port(Hears::Control), speaker(CONTROL)),
            acks: speaker(ACKS),
            sequenced: deaf(StreamKind::Sequenced),
            detour: Detour::new(Box::new(search)),
            events: deaf(StreamKind::Events),
            requests: port(Hears::Requests),
            beacon: Beacon::new(cluster(), LOGGER, 1, Nanos::SECOND, speaker(STATUS)),
        };
        let disk = LoggerDisk { frames, events, vault, host_restarted: start.host_restarted };
        let settings = LoggerSettings {
            cluster: cluster(),
            node: LOGGER,
            token: start.token,
            names: NAMES,
            durability: start.durability,
            max_datagram: 1472,
            heartbeat: Nanos::from_millis(10),
            present: Nanos::from_millis(50),
            sequencers: BTreeMap::new(),
            loggers: Vec::new(),
        };
        let node = LoggerNode::open(settings, ports, disk)?;
        Ok(Self { node, world, shelf, now: Nanos::SECOND })
    }

    /// Another logger has this history from frame `first` on, archive included, and can be asked for it over TCP.
    pub(crate) fn another_has(&mut self, history: &History, first: u64) {
        *self.shelf.lock().unwrap() = Shelf { frames: history.frames.clone(), first };
    }

    /// A process with a life.
    pub(crate) fn alive(dir: &Path, start: Start) -> Self {
        let mut process = Self::start(dir, start);
        process.admit(start.token, 1);
        process
    }

    pub(crate) fn try_hear(&mut self, from: NodeId, message: Message) -> anyhow::Result<()> {
        let envelope = Envelope { cluster: cluster(), from, message };
        self.world.borrow_mut().control.push_back(control::encode(&envelope).unwrap());
        self.try_run()
    }

    pub(crate) fn hear(&mut self, message: Message) {
        self.try_hear(SEQUENCER, message).unwrap();
    }

    pub(crate) fn prepare(&mut self, epoch: u32, nonce: u64) {
        self.hear(Message::Prepare { epoch: Epoch(epoch), nonce });
    }

    pub(crate) fn admit(&mut self, token: u64, incarnation: u32) {
        self.hear(Message::Admitted(Life { node: LOGGER, token, incarnation: Incarnation(incarnation) }));
    }

    /// The epoch's sequencer says that it leads, and everything of its history may be heard.
    pub(crate) fn lead(&mut self, history: &History, committed: u64) {
        self.speak(history);
        self.hear(Message::Leading(history.leading(committed)));
    }

    /// Everything of this history may be heard in its session.
    pub(crate) fn speak(&mut self, history: &History) {
        self.speak_in(history.epoch().0, &history.frames);
    }

    /// These frames, and no others, may be heard in the session of this epoch.
    pub(crate) fn speak_in(&mut self, epoch: u32, frames: &[Vec<u8>]) {
        let session = NAMES.of(StreamKind::Sequenced, Epoch(epoch));
        self.world.borrow_mut().spoken.insert(session, (1..).zip(frames.iter().cloned()).collect());
    }

    /// Of this history only what comes from frame `first` on may be heard in its session: the rest is in archives.
    pub(crate) fn speak_from(&mut self, history: &History, first: u64) {
        self.speak(history);
        let session = NAMES.of(StreamKind::Sequenced, history.epoch());
        let mut world = self.world.borrow_mut();
        world.spoken.get_mut(&session).unwrap().retain(|number, _| *number >= first);
    }

    /// These events may be heard in the session of this epoch.
    pub(crate) fn speak_events(&mut self, epoch: u32, events: &[Vec<u8>]) {
        let session = NAMES.of(StreamKind::Events, Epoch(epoch));
        let spoken = (1..).zip(events.iter().cloned()).collect();
        self.world.borrow_mut().spoken.insert(session, spoken);
    }

    pub(crate) fn ask(&mut self, stream: StreamKind, epoch: u32, first: u64, count: u16) {
        let session = NAMES.of(stream, Epoch(epoch)).to_bytes();
        let packet = RequestPacket { session, first, count };
        let peer = SocketAddr::from(([127, 0, 0, 1], 99));
        self.world.borrow_mut().requests.push_back((peer, packet.to_bytes().to_vec()));
        self.run();
    }

    fn try_run(&mut self) -> anyhow::Result<()> {
        // A cycle at the same moment until there is nothing more to do.
        while self.node.do_work(self.now)? > 0 {}
        Ok(())
    }

    pub(crate) fn run(&mut self) {
        self.try_run().unwrap();
    }

    /// Lets time go by.
    pub(crate) fn pass(&mut self, time: Nanos) {
        self.try_pass(time).unwrap();
    }

    pub(crate) fn try_pass(&mut self, time: Nanos) -> anyhow::Result<()> {
        self.now = self.now.saturating_add(time);
        self.try_run()
    }

    /// From here on a sync has failed.
    pub(crate) fn fail_disk(&mut self) {
        self.world.borrow_mut().disk_has_failed = true;
    }

    /// What it did since it was asked last.
    pub(crate) fn acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.world.borrow_mut().acts)
    }

    pub(crate) fn acks(&mut self) -> Vec<Position> {
        self.acts()
            .into_iter()
            .filter_map(|act| if let Act::Acked(ack) = act { Some(ack.position) } else { None })
            .collect()
    }

    pub(crate) fn answers(&mut self) -> Vec<Answer> {
        let answer = |act| if let Act::Said(Message::Answer(answer)) = act { Some(answer) } else { None };
        self.acts().into_iter().filter_map(answer).collect()
    }

    pub(crate) fn repaired(&mut self) -> Vec<Vec<u8>> {
        let blocks = |act| if let Act::Answered(_, _, blocks) = act { blocks } else { Vec::new() };
        self.acts().into_iter().flat_map(blocks).collect()
    }

    pub(crate) fn presents(&mut self) -> Vec<Present> {
        let present = |act| if let Act::Said(Message::Present(present)) = act { Some(present) } else { None };
        self.acts().into_iter().filter_map(present).collect()
    }

    /// From which numbers on it listened to the session of this epoch, one after the other.
    pub(crate) fn listened(&self, stream: StreamKind, epoch: u32) -> Vec<u64> {
        let session = NAMES.of(stream, Epoch(epoch));
        self.world
            .borrow()
            .begun
            .iter()
            .filter(|(begun, _)| *begun == session)
            .map(|(_, from)| *from)
            .collect()
    }

    pub(crate) fn break_vault(&mut self) {
        self.world.borrow_mut().vault_is_broken = true;
    }

    /// The process is killed: nothing is synced, and nothing written is lost.
    pub(crate) fn kill(self) {}

    /// Where its log ends.
    pub(crate) fn last(&self) -> Position {
        self.node.log().last_position()
    }

    /// All that the log holds.
    pub(crate) fn held(&self) -> Vec<Vec<u8>> {
        self.node.log().iter_from(1).map(<[u8]>::to_vec).collect()
    }

    /// The numbers of the events that are kept.
    pub(crate) fn events_held(&self) -> Vec<Vec<u8>> {
        self.node.event_journal().iter_from(1).map(<[u8]>::to_vec).collect()
    }
}

/// One history of frames, as the sequencer of its last epoch tells it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) places: Vec<Position>,
    nonce: u64,
    parent: Position,
}

impl History {
    /// The first epoch, with so many ticks behind its start.
    pub(crate) fn first(ticks: usize) -> Self {
        let mut history =
            Self { frames: Vec::new(), places: Vec::new(), nonce: 0, parent: Position::GENESIS };
        history.start(1);
        history.ticks(ticks);
        history
    }

    /// The next epoch: adopts the first so many frames, begins, and stamps so many ticks.
    pub(crate) fn next(&self, epoch: u32, adopted: usize, ticks: usize) -> Self {
        let mut history = self.clone();
        history.frames.truncate(adopted);
        history.places.truncate(adopted);
        history.start(epoch);
        history.ticks(ticks);
        history
    }

    fn start(&mut self, epoch: u32) {
        self.parent = self.last();
        self.nonce = 100 + u64::from(epoch);
        let Position { epoch: parent_epoch, seq: parent_seq, chain: parent_chain } = self.parent;
        let body = EpochStart {
            parent_epoch,
            sequencer: SEQUENCER,
            logger_count: 0,
            parent_seq,
            parent_chain,
            nonce: self.nonce,
            cluster: cluster(),
            loggers: Default::default(),
            opening: Opening::AtStart,
            adopted: Default::default(),
            reserved: [0; 6],
        };
        self.stamp(Epoch(epoch), &body);
    }

    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.stamp(self.epoch(), &Tick {});
        }
    }

    fn stamp<B: CommandBody>(&mut self, epoch: Epoch, body: &B) {
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: SEQUENCER,
            incarnation: Incarnation(0),
            source_seq: SourceSeq(0),
            received: Nanos(0),
        };
        let length = frame::write(&mut to, origin, body);
        let place = frame::stamp(&mut to[..length], self.last(), epoch, Nanos(self.frames.len() as u64));
        self.frames.push(to[..length].to_vec());
        self.places.push(place);
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.last().epoch
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) fn last(&self) -> Position {
        self.place(self.places.len() as u64)
    }

    pub(crate) fn place(&self, seq: u64) -> Position {
        match seq {
            0 => Position::GENESIS,
            _ => self.places[seq as usize - 1],
        }
    }

    pub(crate) fn leading(&self, committed: u64) -> Leading {
        Leading {
            epoch: self.epoch(),
            nonce: self.nonce,
            parent: self.parent,
            last: self.last(),
            committed: self.place(committed),
            held: true,
            open: committed > self.parent.seq.0,
        }
    }

    /// The event with this number, which the frame with that number caused, said in this history's epoch.
    pub(crate) fn event(&self, outbound: u64, cause: u64) -> Vec<u8> {
        let mut to = [0; MAX_FRAME_LEN];
        let address = Address {
            outbound: Outbound(outbound),
            cause: self.place(cause),
            timestamp: Nanos(0),
            session: SessionId(0),
            report: ReportSeq(0),
        };
        let body = EpochStarted { sequencer: SEQUENCER, adopted: Default::default(), reserved: [0; 5] };
        let length = event::write(&mut to, address, &body);
        let speaker = event::Speaker { epoch: self.epoch(), term: Term(1), node: NodeId(2) };
        event::speak(&mut to[..length], speaker);
        to[..length].to_vec()
    }
}

/// Sets a logger's directory aside, or a part of it.
pub(crate) fn wipe(dir: &Path, part: &str) {
    let path: PathBuf = dir.join(part);
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
}
