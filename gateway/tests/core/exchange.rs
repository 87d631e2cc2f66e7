//! The exchange behind the gateways, in memory: supervisors, whoever leads of two sequencers, three loggers, an engine.
//! What is sequenced, what is written and what is executed can each be held up, and what is not committed can be lost.

use crate::memory::{Hub, Memory, Port, at};
use crate::network::Network;
use archive::{Detour, Past};
use bus::mold::{Packet, RequestPacket};
use bus::{
    GapConfig, MulticastPublication, Publication, Publisher, PublisherConfig, Receiver, Session, Socket,
    StreamKind,
};
use cluster::{
    Disputes, Electorate, Entry, Envelope, Lane, Leading, Ledger, Life, Message, Role, Voter, control,
};
use engine::{EventSink, Exchange, Limits, Replica};
use gateway::{GatewayPorts, GatewaySettings, SequencerAt};
use node::description::Divergence;
use node::{Beacon, ControlGroup, SessionNames, Speaker};
use sequencer::{Intake, Stamper};
use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use wire::command::*;
use wire::event;
use wire::*;

const CLUSTER: u64 = 77;
const NAMES: SessionNames = SessionNames { tag: *b"TST" };
const SEQUENCED: SocketAddrV4 = at(1);
const EVENTS: SocketAddrV4 = at(2);
const CONTROL: SocketAddrV4 = at(3);
const ACKS: SocketAddrV4 = at(4);
const STATUS: SocketAddrV4 = at(5);
const ENGINE: SocketAddrV4 = at(50);
/// The loggers that vote, each in its first life.
pub(crate) const LOGGERS: [NodeId; 3] = [NodeId(4), NodeId(5), NodeId(6)];
const HEARTBEAT_NS: u64 = 1_000_000;
const LEAD: Nanos = Nanos(5_000_000);
/// Frames and events that are kept for repair.
const RING: usize = 1 << 13;

const GAP: GapConfig =
    GapConfig { window: 256, request_after_ns: 100_000, retry_after_ns: 2_000_000, max_request: 64 };

/// Of the two sequencers, the one that an epoch has.
const fn sequencer_of(epoch: Epoch) -> u16 {
    1 + ((epoch.0 - 1) % 2) as u16
}

fn publication(hub: &Hub, own: SocketAddrV4, to: SocketAddrV4, ring: usize) -> MulticastPublication<Port> {
    let nobodys = NAMES.of(StreamKind::Status, Epoch(0));
    let config = PublisherConfig { ring, heartbeat_ns: HEARTBEAT_NS, ..PublisherConfig::new(nobodys) };
    let mut publication = MulticastPublication::over(hub.open(own), to, Publisher::new(&config));
    publication.set_muted(true);
    publication
}

/// Where a gateway is asked for its commands.
fn commands_of(gateway: NodeId) -> SocketAddrV4 {
    at(100 + gateway.0)
}

/// The ports of a gateway's process.
pub(crate) fn ports(
    hub: &Hub,
    gateway: NodeId,
    commands: usize,
    past: Box<dyn Past>,
) -> GatewayPorts<Memory> {
    let speaker = |group: SocketAddrV4| Speaker::new(hub.open_any(), SocketAddr::V4(group));
    let follow = |group: SocketAddrV4, kind, repair: Vec<SocketAddr>| {
        let receiver = Receiver::new(NAMES.of(kind, Epoch(0)), 1, GAP);
        bus::MulticastSubscription::over(hub.open(group), hub.open_any(), receiver, repair)
    };
    GatewayPorts {
        control: ControlGroup::new(CLUSTER, gateway, hub.open(CONTROL), speaker(CONTROL)),
        acks: hub.open(ACKS),
        sequenced: follow(SEQUENCED, StreamKind::Sequenced, Vec::new()),
        events: follow(EVENTS, StreamKind::Events, vec![SocketAddr::V4(ENGINE)]),
        detour: Detour::new(past),
        commands: publication(hub, commands_of(gateway), at(9), commands),
        beacon: Beacon::new(CLUSTER, gateway, 1, Nanos::SECOND, speaker(STATUS)),
    }
}

/// The settings of a gateway's process.
pub(crate) fn settings(gateway: NodeId, token: u64, remembered: usize) -> GatewaySettings {
    let sequencer = |n: u16| (NodeId(n), SequencerAt { commands: at(20 + n), repair: at(30 + n).into() });
    GatewaySettings {
        node: gateway,
        token,
        cluster: CLUSTER,
        names: NAMES,
        sequencers: [1, 2].map(sequencer).into(),
        loggers: Vec::new(),
        remembered,
        present: Nanos(10_000_000),
        commit_gate: true,
        divergence: Divergence::Halt,
    }
}

fn instrument(id: u32, symbol: &str, price_decimals: u8, tick: i64, lot: u64) -> InstrumentTerms {
    let symbol = Symbol::new(symbol.as_bytes()).unwrap();
    InstrumentTerms::plain(InstrumentId(id), symbol, price_decimals, Price(tick), Qty(lot))
}

/// Who did it, and why.
pub(crate) fn act() -> Act {
    Act { by: OperatorName::new(b"desk").unwrap(), why: Why::new(b"because").unwrap() }
}

fn fresh_engine() -> Replica<Exchange> {
    let limits = Limits { resting_orders: 1 << 12, names: 1 << 14, ..Limits::default() };
    Replica::new(Exchange::new(limits).unwrap(), EventSink::with_capacity(64))
}

/// Everything behind the gateways.
pub(crate) struct Core {
    hub: Hub,
    gateways: Vec<NodeId>,
    epoch: Epoch,
    /// The place on which it stands.
    parent: Position,
    pub(crate) intake: Intake,
    /// The history as whoever leads has it.
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) committed: Position,
    pub(crate) engine: Replica<Exchange>,
    /// The events of that history.
    pub(crate) events: Vec<Vec<u8>>,
    applied: usize,
    /// Whoever leads is alive.
    pub(crate) leads: bool,
    /// It does not say so, though.
    pub(crate) leads_in_silence: bool,
    /// Two of the three loggers write what is stamped, and say so.
    pub(crate) loggers_write: bool,
    /// The engine takes what is stamped.
    pub(crate) engine_runs: bool,
    /// The supervisors give lives to gateways.
    pub(crate) admits: bool,
    lives: BTreeMap<NodeId, Life>,
    commands: BTreeMap<u16, Port>,
    control: Port,
    speaks: MulticastPublication<Port>,
    tells: MulticastPublication<Port>,
    acked: Position,
    ack_at: Nanos,
    lead_at: Nanos,
    /// What a gateway's former life has sent, on its way once a later one is open.
    ghosts: Vec<(Lane, Vec<u8>)>,
    /// Every packet of the gateways' present lives.
    sent: Vec<(Lane, Vec<u8>)>,
}

impl Core {
    pub(crate) fn new(hub: &Hub, now: Nanos, gateways: Vec<NodeId>) -> Self {
        let stamper = Stamper::new(NodeId(1), Epoch(1), Position::GENESIS, Nanos(0));
        let mut core = Self {
            hub: hub.clone(),
            intake: Intake::new(stamper, gateways.iter().copied(), &Ledger::default(), GAP),
            gateways,
            epoch: Epoch(1),
            parent: Position::GENESIS,
            frames: Vec::new(),
            committed: Position::GENESIS,
            engine: fresh_engine(),
            events: Vec::new(),
            applied: 0,
            leads: true,
            leads_in_silence: false,
            loggers_write: true,
            engine_runs: true,
            admits: true,
            lives: BTreeMap::new(),
            commands: [1, 2].map(|n| (n, hub.open(at(20 + n)))).into(),
            control: hub.open(CONTROL),
            speaks: publication(hub, at(31), SEQUENCED, RING),
            tells: publication(hub, ENGINE, EVENTS, RING),
            acked: Position::GENESIS,
            ack_at: now,
            lead_at: now,
            ghosts: Vec::new(),
            sent: Vec::new(),
        };
        core.tells.set_muted(false);
        core.begin_epoch(now, Position::GENESIS);
        core
    }

    /// The last place that was stamped.
    pub(crate) fn last(&self) -> Position {
        self.intake.position()
    }

    /// The epoch that stands.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Nobody answers any more with what was said up to now.
    pub(crate) fn forget_what_is_said(&mut self) {
        let n = sequencer_of(self.epoch);
        self.speaks = publication(&self.hub, at(30 + n), SEQUENCED, RING);
        self.tells = publication(&self.hub, ENGINE, EVENTS, RING);
        let next = |said: &[Vec<u8>]| said.len() as u64 + 1;
        self.speaks.begin_session(NAMES.of(StreamKind::Sequenced, self.epoch), next(&self.frames));
        self.tells.begin_session(NAMES.of(StreamKind::Events, self.epoch), next(&self.events));
        self.speaks.set_muted(false);
        self.tells.set_muted(false);
    }

    /// How many of the last frames are not committed.
    pub(crate) fn uncommitted(&self) -> usize {
        self.frames.len() - usize::try_from(self.committed.seq.0).unwrap()
    }

    // -- the change of sequencer -----------------------------------------------------------------------------------

    /// The other sequencer takes over in the next epoch, from a log that lacks so many of the last frames. The engine is
    /// built again from that log.
    pub(crate) fn fail_over(&mut self, now: Nanos, lacks: usize) {
        assert!(lacks <= self.uncommitted(), "what is committed is in every log that is adopted");
        self.frames.truncate(self.frames.len() - lacks);
        let mut ledger = Ledger::default();
        let mut parent = Position::GENESIS;
        for bytes in &self.frames {
            let frame = Frame::read(bytes).unwrap();
            ledger.enter(Entry::of(&frame));
            parent = frame.position();
        }
        self.epoch = Epoch(self.epoch.0 + 1);
        let n = sequencer_of(self.epoch);
        let stamper = Stamper::new(NodeId(n), self.epoch, parent, ledger.timestamp());
        self.intake = Intake::new(stamper, self.gateways.iter().copied(), &ledger, GAP);
        self.speaks = publication(&self.hub, at(30 + n), SEQUENCED, RING);
        for frame in &self.frames {
            self.speaks.publish(frame);
        }
        self.leads = true;
        (self.engine, self.applied) = (fresh_engine(), 0);
        self.events.clear();
        self.begin_epoch(now, parent);
    }

    fn begin_epoch(&mut self, now: Nanos, parent: Position) {
        self.speaks.begin_session(NAMES.of(StreamKind::Sequenced, self.epoch), parent.seq.0 + 1);
        self.speaks.set_muted(false);
        let voters = LOGGERS.map(|node| Voter { node, incarnation: Incarnation(1) });
        let (loggers, logger_count) = Electorate::new(voters).seats();
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: NodeId(sequencer_of(self.epoch)),
            logger_count,
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: u64::from(self.epoch.0),
            cluster: CLUSTER,
            loggers,
            opening: Opening::AtStart,
            adopted: Default::default(),
            reserved: [0; 6],
        };
        self.say(now, &start);
        if parent == Position::GENESIS {
            self.say(now, &RulesVersion { rules: Rules(1), reserved: [0; 4] });
            self.found(now);
        }
        (self.parent, self.lead_at) = (parent, now);
    }

    /// Two participants: the first with sessions 1 and 2 and accounts 11 and 12, the second with session 3 and account 21; session
    /// 4 is nobody's. ABC and LOT need no account; FND is paid in USD, with a fee of 0.1 % for makers and 0.2 % for takers.
    fn found(&mut self, now: Nanos) {
        let code = CurrencyCode::new(b"USD").unwrap();
        self.say(now, &DefineCurrency { currency: CurrencyId(1), decimals: 4, reserved: [0; 5], code });
        for (participant, name) in [(1, "One"), (2, "Two")] {
            let name = ParticipantName::new(name.as_bytes()).unwrap();
            let participant = ParticipantId(participant);
            self.say(now, &DefineParticipant { participant, reserved: [0; 4], name });
        }
        for (account, participant) in [(12, 1), (11, 1), (21, 2)] {
            let (account, participant) = (AccountId(account), ParticipantId(participant));
            self.say(now, &DefineAccount { account, participant });
        }
        for (session, participant) in [(1, 1), (2, 1), (3, 2)] {
            let (session, participant) = (SessionId(session), ParticipantId(participant));
            self.say(now, &AssignSession { session, participant });
        }
        self.say(now, &DefineInstrument { terms: instrument(1, "ABC", 2, 5, 1) });
        self.say(now, &DefineInstrument { terms: instrument(2, "LOT", 0, 1, 100) });
        let terms = InstrumentTerms {
            currency: CurrencyId(1),
            checks: Checks::Funds,
            maker_fee: 1_000,
            taker_fee: 2_000,
            ..instrument(3, "FND", 2, 1, 1)
        };
        self.say(now, &DefineInstrument { terms });
        for account in [11, 21].map(AccountId) {
            let (currency, direction) = (CurrencyId(1), Transfer::Deposit);
            let (amount, qty) = (Money(100_000_000), Qty(1_000));
            self.say(now, &MoveMoney { account, currency, direction, reserved: 0, amount, act: act() });
            let (instrument, reserved) = (InstrumentId(3), [0; 7]);
            self.say(now, &MoveShares { account, instrument, direction, reserved, qty, act: act() });
        }
    }

    /// A command of the sequencer's own, or an operator's.
    pub(crate) fn say<B: CommandBody>(&mut self, now: Nanos, body: &B) {
        let Self { intake, frames, speaks, .. } = self;
        intake.say(now, body, &mut |frame| keep(frame, frames, speaks));
    }

    // -- a turn ----------------------------------------------------------------------------------------------------

    /// Everything takes what has come and says what there is to say.
    pub(crate) fn turn(&mut self, now: Nanos, network: &mut Network) {
        self.supervise();
        let arrived = self.take_commands(network);
        if self.leads {
            self.sequence(now, &arrived);
            self.lead(now);
            self.speaks.do_work(now).unwrap();
        }
        self.execute();
        self.tells.do_work(now).unwrap();
        self.write(now);
    }

    fn supervise(&mut self) {
        for (_, bytes) in self.control.take() {
            let Envelope { from, message, .. } = control::decode(&bytes).unwrap();
            let Message::Present(present) = message else { continue };
            if present.role != Role::Gateway || present.incarnation != Incarnation(0) || !self.admits {
                continue;
            }
            let last = self.lives.get(&from).copied();
            let life = match last {
                Some(life) if life.token == present.token => life,
                _ => {
                    let incarnation = Incarnation(last.map_or(0, |life| life.incarnation.0) + 1);
                    Life { node: from, token: present.token, incarnation }
                }
            };
            self.lives.insert(from, life);
            self.tell_control(NodeId(90), Message::Admitted(life));
        }
    }

    /// A supervisor says where the cluster stands with engines that differ.
    pub(crate) fn tell_disputed(&mut self, disputes: Disputes) {
        self.tell_control(NodeId(90), Message::Disputed(disputes));
    }

    fn tell_control(&mut self, from: NodeId, message: Message) {
        let bytes = control::encode(&Envelope { cluster: CLUSTER, from, message }).unwrap();
        self.control.send_to(&bytes, SocketAddr::V4(CONTROL)).unwrap();
    }

    /// The packets that arrive at whoever leads.
    fn take_commands(&mut self, network: &mut Network) -> Vec<(Lane, Vec<u8>)> {
        let present = sequencer_of(self.epoch);
        let mut sent = Vec::new();
        for (n, port) in &mut self.commands {
            let came = port.take();
            if *n == present && self.leads {
                sent.extend(came.into_iter().map(|(_, bytes)| (lane_of(&bytes), bytes)));
            }
        }
        self.sent.extend(sent.iter().cloned());
        let is_over = |lane: &Lane| {
            let mut headers = self.frames.iter().map(|bytes| *Frame::read(bytes).unwrap().header());
            headers.any(|header| {
                let (gateway, incarnation) = (header.source, header.incarnation);
                gateway == lane.gateway && incarnation > lane.incarnation
            })
        };
        sent.extend(self.ghosts.iter().filter(|(lane, _)| is_over(lane)).cloned());
        network.carry(sent)
    }

    fn sequence(&mut self, now: Nanos, arrived: &[(Lane, Vec<u8>)]) {
        for (lane, bytes) in arrived {
            let packet = Packet::parse(bytes).unwrap();
            let Self { intake, frames, speaks, .. } = self;
            intake
                .handle_packet(now, *lane, &packet, usize::MAX, &mut |frame| keep(frame, frames, speaks))
                .unwrap_or_else(|refusal| panic!("{refusal}"));
        }
        if now.since(self.intake.last_time()) >= Nanos::SECOND {
            self.say(now, &Tick {});
        }
        while let Some((lane, request)) = self.intake.poll_request(now) {
            let session = NAMES.of_lane(lane).to_bytes();
            let packet = RequestPacket { session, first: request.first, count: request.count };
            let port = self.commands.get_mut(&sequencer_of(self.epoch)).unwrap();
            port.send_to(&packet.to_bytes(), SocketAddr::V4(commands_of(lane.gateway))).unwrap();
        }
    }

    fn lead(&mut self, now: Nanos) {
        if now < self.lead_at || self.leads_in_silence {
            return;
        }
        self.lead_at = now.saturating_add(LEAD);
        let leading = Leading {
            epoch: self.epoch,
            nonce: u64::from(self.epoch.0),
            parent: self.parent,
            last: self.last(),
            committed: self.committed,
            held: self.committed.epoch == self.epoch,
            open: self.committed.epoch == self.epoch,
        };
        self.tell_control(NodeId(sequencer_of(self.epoch)), Message::Leading(leading));
    }

    fn execute(&mut self) {
        while self.engine_runs && self.applied < self.frames.len() {
            let frame = Frame::read(&self.frames[self.applied]).unwrap();
            if let Ok(Command::EpochStart(_)) = frame.command() {
                let session = NAMES.of(StreamKind::Events, frame.position().epoch);
                self.tells.begin_session(session, self.engine.outbound().0);
            }
            self.engine.apply(&frame).unwrap();
            self.applied += 1;
            let speaker = event::Speaker { epoch: self.epoch, term: Term(1), node: NodeId(2) };
            for event in self.engine.events_mut() {
                event::speak(event, speaker);
                self.tells.publish(event);
                self.events.push(event.to_vec());
            }
        }
    }

    fn write(&mut self, now: Nanos) {
        let last = self.last();
        if !self.loggers_write || self.acked == last && now < self.ack_at {
            return;
        }
        self.ack_at = now.saturating_add(LEAD);
        self.acked = last;
        self.committed = last;
        for logger in [LOGGERS[0], LOGGERS[2]] {
            self.acknowledge(logger, 1, last);
        }
    }

    /// A logger says, in one of its lives, that it holds the history up to this place.
    pub(crate) fn acknowledge(&mut self, logger: NodeId, incarnation: u32, position: Position) {
        let ack = Ack { cluster: CLUSTER, logger, incarnation: Incarnation(incarnation), position };
        self.control.send_to(&ack.to_bytes(), SocketAddr::V4(ACKS)).unwrap();
    }

    /// Says an event under the number that comes next in the present session, as an engine with another history would.
    pub(crate) fn tell_aside(&mut self, number: Outbound, bytes: &[u8]) {
        let mut other = publication(&self.hub, at(59), EVENTS, 8);
        other.begin_session(NAMES.of(StreamKind::Events, self.epoch), number.0);
        other.set_muted(false);
        other.publish(bytes);
        other.do_work(Nanos(0)).unwrap();
    }

    /// The packets of this life come again, once a later one is open.
    pub(crate) fn haunt(&mut self, lane: Lane) {
        self.ghosts.extend(self.sent.iter().filter(|(of, _)| *of == lane).cloned());
    }

    /// The life that a gateway was given last.
    pub(crate) fn life_of(&self, gateway: NodeId) -> Incarnation {
        self.lives.get(&gateway).map_or(Incarnation(0), |life| life.incarnation)
    }

    /// What the new orders of the history ask for, and for which accounts.
    pub(crate) fn orders(&self) -> Vec<(Terms, AccountId)> {
        let asked = |bytes: &Vec<u8>| match Frame::read(bytes).unwrap().command().unwrap() {
            Command::NewOrder(order) => Some((order.terms, order.account)),
            _ => None,
        };
        self.frames.iter().filter_map(asked).collect()
    }

    /// How many frames the engine has executed.
    pub(crate) fn applied(&self) -> usize {
        self.applied
    }
}

fn keep(frame: &[u8], frames: &mut Vec<Vec<u8>>, speaks: &mut MulticastPublication<Port>) {
    frames.push(frame.to_vec());
    speaks.publish(frame);
}

fn lane_of(packet: &[u8]) -> Lane {
    let session = Session::parse(Packet::parse(packet).unwrap().session()).unwrap();
    Lane::from_session_number(session.number()).unwrap()
}
