//! A small run, written as `docs/LOG.md` and `docs/WIRE.md` say, into which defects can be planted.
//!
//! The frames are the input; a toy engine makes the events of them, and toy clients write down what they are told. Orders to
//! sell rest; an order to buy takes the first of them whole.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use checker::{EngineDigest, Inputs, Logger, Promise, Sessions, Verdict, check};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wire::command::{
    Adopted, DefineInstrument, EpochStart, GatewayOpen, InstrumentTerms, LoggerMember, NewOrder, Opening,
    ResetSeqNums, SessionLogon, Side, Terms, Tick,
};
use wire::event::{
    self, Accepted, Address, EpochStarted, Filled, GatewayOpened, InstrumentDefined, Liquidity, OrderStatus,
    OrderView, RejectReason, Rejected, SessionOpened, Speaker,
};
use wire::frame::{self, Origin};
use wire::*;

pub(crate) const CLUSTER: &str = "planted";
pub(crate) const LOGGERS: [u16; 3] = [11, 12, 13];
pub(crate) const GATEWAY: u16 = 5;
pub(crate) const QTY: u64 = 5;
/// With two decimals: 100.50.
const PRICE: i64 = 10_050;
const SEGMENT: usize = 4096;

/// A stamped frame, or an event.
pub(crate) type Message = Vec<u8>;

/// A log in the making.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) frames: Vec<Message>,
    pub(crate) epoch: u32,
    pub(crate) life: u32,
    pub(crate) number: u64,
}

impl Log {
    /// A first epoch, an instrument, a gateway, two sessions.
    pub(crate) fn begun() -> Self {
        let mut log = Self { frames: Vec::new(), epoch: 0, life: 0, number: 0 };
        log.start(1, Opening::AtStart);
        let symbol = Symbol::new(b"X").unwrap();
        let terms = InstrumentTerms::plain(InstrumentId(1), symbol, 2, Price(1), Qty(1));
        let define = DefineInstrument { terms };
        log.sequencer_says(&define);
        log.open_gateway(1);
        for session in [1, 2] {
            log.log_on(session);
        }
        log
    }

    pub(crate) fn last(&self) -> Position {
        self.frames.last().map_or(Position::GENESIS, |bytes| Frame::read(bytes).unwrap().position())
    }

    pub(crate) fn position(&self, seq: u64) -> Position {
        self.frames
            .iter()
            .map(|bytes| Frame::read(bytes).unwrap().position())
            .find(|p| p.seq.0 == seq)
            .unwrap()
    }

    pub(crate) fn start(&mut self, epoch: u32, opening: Opening) {
        self.start_on(epoch, opening, Adopted::Whole);
    }

    pub(crate) fn start_on(&mut self, epoch: u32, opening: Opening, adopted: Adopted) {
        self.epoch = epoch;
        let parent = self.last();
        let mut loggers = [LoggerMember::default(); 7];
        for (place, node) in loggers.iter_mut().zip(LOGGERS) {
            *place = LoggerMember { node: NodeId(node), reserved: [0; 2], incarnation: Incarnation(1) };
        }
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: NodeId(1),
            logger_count: 3,
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: u64::from(epoch) << 8,
            cluster: cluster_id(CLUSTER),
            loggers,
            opening,
            adopted,
            reserved: [0; 6],
        };
        self.sequencer_says(&start);
    }

    pub(crate) fn sequencer_says<B: CommandBody>(&mut self, body: &B) {
        self.say(1, 0, 0, body);
    }

    pub(crate) fn tick(&mut self) {
        self.sequencer_says(&Tick {});
    }

    pub(crate) fn open_gateway(&mut self, life: u32) {
        (self.life, self.number) = (life, 0);
        self.gateway_says(&GatewayOpen { version: 1, reserved: [0; 4] });
    }

    pub(crate) fn log_on(&mut self, session: u32) {
        let session = SessionId(session);
        self.gateway_says(&SessionLogon {
            session,
            client_seq: 1,
            reset: ResetSeqNums::No,
            reserved: [0; 7],
        });
    }

    pub(crate) fn gateway_says<B: CommandBody>(&mut self, body: &B) {
        self.number += 1;
        self.say(GATEWAY, self.life, self.number, body);
    }

    pub(crate) fn order(&mut self, session: u32, side: Side, name: &str) {
        let body = order(session, side, name);
        self.gateway_says(&body);
    }

    /// Stamps a frame behind the last one.
    pub(crate) fn say<B: CommandBody>(&mut self, source: u16, life: u32, number: u64, body: &B) {
        let mut bytes = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(source),
            incarnation: Incarnation(life),
            source_seq: SourceSeq(number),
            received: Nanos(0),
        };
        let length = frame::write(&mut bytes, origin, body);
        let previous = self.last();
        self.stamp(bytes[..length].to_vec(), previous, self.epoch, stamp_of(previous.seq.0 + 1));
    }

    pub(crate) fn stamp(&mut self, mut bytes: Message, previous: Position, epoch: u32, now: u64) {
        frame::stamp(&mut bytes, previous, Epoch(epoch), Nanos(now));
        self.frames.push(bytes);
    }

    /// Takes a frame out, and stamps those behind it as if it had never been.
    pub(crate) fn without(&self, seq: u64) -> Self {
        let mut log = Self { frames: Vec::new(), ..self.clone() };
        for bytes in self.frames.iter().filter(|bytes| Frame::read(bytes).unwrap().position().seq.0 != seq) {
            let epoch = Frame::read(bytes).unwrap().position().epoch.0;
            let last = log.last();
            log.stamp(bytes.clone(), last, epoch, stamp_of(last.seq.0 + 1));
        }
        log
    }
}

pub(crate) fn stamp_of(seq: u64) -> u64 {
    1_000 + seq
}

pub(crate) fn order(session: u32, side: Side, name: &str) -> NewOrder {
    NewOrder {
        session: SessionId(session),
        client_seq: 2,
        terms: Terms::limit(InstrumentId(1), side, Price(PRICE), Qty(QTY)),
        cl_ord_id: ClOrdId::new(name.as_bytes()).unwrap(),
        account: AccountId(0),
    }
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) logs: Vec<Log>,
    pub(crate) journals: Vec<Vec<Message>>,
    pub(crate) requests: Vec<String>,
    pub(crate) executions: Vec<String>,
    pub(crate) engines: Vec<EngineDigest>,
    pub(crate) sessions: Option<Sessions>,
}

/// The toy engine.
struct Engine {
    events: Vec<Message>,
    reports: BTreeMap<u32, u32>,
    names: BTreeMap<(u32, Vec<u8>), u64>,
    resting: Vec<(SessionId, OrderView)>,
    trades: u64,
}

impl Engine {
    fn tell<B: EventBody>(&mut self, cause: Position, session: SessionId, body: &B) {
        let report = match session {
            SessionId(0) => 0,
            SessionId(session) => {
                let report = self.reports.entry(session).or_default();
                *report += 1;
                *report
            }
        };
        let outbound = Outbound(self.events.len() as u64 + 1);
        let timestamp = Nanos(stamp_of(cause.seq.0));
        self.events
            .push(spoken(Address { outbound, cause, timestamp, session, report: ReportSeq(report) }, body));
    }

    fn apply(&mut self, bytes: &[u8]) {
        let nobody = SessionId(0);
        let frame = Frame::read(bytes).unwrap();
        let (here, life) = (frame.position(), frame.header().incarnation);
        match frame.command().unwrap() {
            Command::EpochStart(start) => {
                self.tell(
                    here,
                    nobody,
                    &EpochStarted { sequencer: start.sequencer, adopted: start.adopted, reserved: [0; 5] },
                );
            }
            Command::DefineInstrument(define) => {
                self.tell(here, nobody, &InstrumentDefined { terms: define.terms });
            }
            Command::GatewayOpen(_) => {
                let gateway = NodeId(GATEWAY);
                self.tell(here, nobody, &GatewayOpened { gateway, reserved: [0; 2], incarnation: life });
            }
            Command::SessionLogon(logon) => {
                let (gateway, reset) = (NodeId(GATEWAY), logon.reset);
                let body = SessionOpened { gateway, reset, reserved: 0, incarnation: life };
                self.tell(here, logon.session, &body);
            }
            Command::NewOrder(order) => self.order(here, order),
            _ => {}
        }
    }

    fn order(&mut self, here: Position, asked: &NewOrder) {
        let session = asked.session;
        let key = (session.0, { asked.cl_ord_id }.as_bytes().to_vec());
        if let Some(original) = self.names.get(&key) {
            let original = OrderId(*original);
            let order = OrderView { order: OrderId(0), ..view(here, asked, OrderStatus::Rejected, 0) };
            let reason = RejectReason::DuplicateClOrdId;
            self.tell(here, session, &Rejected { order, original, reason, reserved: [0; 7] });
            return;
        }
        self.names.insert(key, here.seq.0);
        let order = view(here, asked, OrderStatus::New, 0);
        self.tell(here, session, &Accepted { order });
        if { asked.terms }.side == Side::Sell || self.resting.is_empty() {
            self.resting.push((session, order));
            return;
        }
        self.trades += 1;
        let (maker, other) = self.resting.remove(0);
        for (session, order, contra, liquidity) in
            [(maker, other, order.order, Liquidity::Maker), (session, order, other.order, Liquidity::Taker)]
        {
            let order = OrderView { status: OrderStatus::Filled, cum: Qty(QTY), leaves: Qty(0), ..order };
            let body = Filled {
                order,
                last_price: Price(PRICE),
                last_qty: Qty(QTY),
                trade: TradeId(self.trades),
                contra,
                fee: Money(0),
                liquidity,
                reserved: [0; 7],
            };
            self.tell(here, session, &body);
        }
    }
}

/// An event as an engine says it.
pub(crate) fn spoken<B: EventBody>(address: Address, body: &B) -> Message {
    let mut bytes = [0; MAX_FRAME_LEN];
    let length = event::write(&mut bytes, address, body);
    event::speak(&mut bytes[..length], Speaker { epoch: Epoch(1), term: Term(1), node: NodeId(2) });
    bytes[..length].to_vec()
}

pub(crate) fn view(here: Position, asked: &NewOrder, status: OrderStatus, cum: u64) -> OrderView {
    OrderView {
        order: OrderId(here.seq.0),
        terms: asked.terms,
        status,
        reserved: [0; 3],
        cum: Qty(cum),
        leaves: if status == OrderStatus::Rejected { Qty(0) } else { Qty(QTY - cum) },
        notional: Notional(0),
        cl_ord_id: asked.cl_ord_id,
        account: asked.account,
    }
}

/// What the toy engine says to a log.
pub(crate) fn events_of(log: &Log) -> Vec<Message> {
    let mut engine = Engine {
        events: Vec::new(),
        reports: BTreeMap::new(),
        names: BTreeMap::new(),
        resting: Vec::new(),
        trades: 0,
    };
    log.frames.iter().for_each(|bytes| engine.apply(bytes));
    engine.events
}

/// The row of `executions.csv` for an event; none if no report comes of it.
fn execution_of(bytes: &[u8]) -> Option<String> {
    let event = Event::read(bytes).unwrap();
    let (order, exec_type, fill) = match event.happening().unwrap() {
        Happening::Accepted(accepted) => (accepted.order, '0', ","),
        Happening::Rejected(rejected) => (rejected.order, '8', ","),
        Happening::Filled(filled) => (filled.order, 'F', "5,100.50"),
        _ => return None,
    };
    let (session, number) = ({ event.header().session }, { event.header().outbound });
    let (name, cum, leaves) = ({ order.cl_ord_id }, { order.cum }, { order.leaves });
    let id = match order.order {
        OrderId(0) => "NONE".to_owned(),
        id => id.to_string(),
    };
    let status = match order.status {
        OrderStatus::New => '0',
        OrderStatus::Filled => '2',
        _ => '8',
    };
    Some(format!("CLIENT{session},99,{name},{id},{number},{exec_type},{status},{fill},{cum},{leaves}"))
}

impl World {
    /// A run in which nothing went wrong: a and b were traded, c rests, d has no answer yet but is in the log, e never came in.
    pub(crate) fn clean() -> Self {
        let mut log = Log::begun();
        log.order(1, Side::Sell, "a");
        log.order(2, Side::Buy, "b");
        log.order(1, Side::Sell, "c");
        log.tick();
        log.order(2, Side::Sell, "d");
        let mut world = Self::of(&log);
        world.executions.retain(|row| !row.contains(",d,"));
        world.requests = ["1,a,new,filled,6", "2,b,new_ioc,filled,7", "1,c,new,accepted,8"]
            .into_iter()
            .chain([
                "2,d,new,unanswered,",
                "2,e,new,unanswered,",
                "1,f,new,rejected,",
                "1,g,cancel,unanswered,",
            ])
            .map(|row| format!("CLIENT{row}"))
            .collect();
        world.executions.push("CLIENT1,99,f,NONE,G5-1-1,8,8,,,0,0".to_owned());
        world
    }

    /// Three loggers with this log; clients that were told everything, and wrote down no requests.
    pub(crate) fn of(log: &Log) -> Self {
        let journal = events_of(log);
        let executions = journal.iter().filter_map(|bytes| execution_of(bytes)).collect();
        let at = log.last();
        let engine = |node: &str| EngineDigest { node: node.to_owned(), at, digest: Digest(77) };
        Self {
            logs: vec![log.clone(); 3],
            journals: vec![journal; 3],
            requests: Vec::new(),
            executions,
            engines: vec![engine("engine-1"), engine("engine-2")],
            sessions: None,
        }
    }

    /// Writes everything down.
    pub(crate) fn write(&self, directory: &Path) -> Inputs {
        let mut loggers = Vec::new();
        for (at, (log, journal)) in self.logs.iter().zip(&self.journals).enumerate() {
            let data = directory.join(format!("logger-{}", at + 1));
            write_journal(&data.join("log"), 1, &log.frames);
            write_journal(&data.join("events"), 2, journal);
            loggers.push(Logger { node: Some(NodeId(LOGGERS[at])), ..Logger::at(data) });
        }
        let clients = directory.join("clients");
        std::fs::create_dir_all(&clients).unwrap();
        let csv = |header: &str, rows: &[String]| {
            let mut text = format!("{header}\n");
            rows.iter().for_each(|row| writeln!(text, "{row}").unwrap());
            text
        };
        let told_when = self.requests.iter().any(|row| row.split(',').count() > 5);
        let when = if told_when { ",first_report_ns" } else { "" };
        let header = &format!("client,cl_ord_id,kind,outcome,order_id{when}");
        std::fs::write(clients.join("requests.csv"), csv(header, &self.requests)).unwrap();
        let header = "client,received_ns,cl_ord_id,order_id,exec_id,exec_type,ord_status,last_qty,last_px,cum_qty,leaves_qty";
        std::fs::write(clients.join("executions.csv"), csv(header, &self.executions)).unwrap();
        Inputs {
            clients: vec![clients],
            loggers,
            engines: self.engines.clone(),
            sessions: self.sessions.clone(),
        }
    }

    pub(crate) fn judged(&self) -> Verdict {
        let directory = tempfile::tempdir().unwrap();
        check(&self.write(directory.path()), &mut |_| {}).unwrap()
    }

    /// Only these promises are broken, and these words are among what is said of them.
    #[track_caller]
    pub(crate) fn is_found(&self, promises: &[Promise], words: &[&str]) -> Verdict {
        let verdict = self.judged();
        assert_eq!(broken(&verdict), promises, "{verdict}");
        for words in words {
            let said = |promise: &Promise| verdict.against(*promise).words.iter().any(|w| w.contains(words));
            assert!(promises.iter().any(said), "nobody says \"{words}\":\n{verdict}");
        }
        verdict
    }

    #[track_caller]
    pub(crate) fn is_clean(&self) -> Verdict {
        self.is_found(&[], &[])
    }
}

pub(crate) fn broken(verdict: &Verdict) -> Vec<Promise> {
    Promise::ALL.into_iter().filter(|promise| verdict.count(*promise) > 0).collect()
}

/// Segments of 4096 bytes, as `docs/LOG.md` draws them. Gives their paths.
pub(crate) fn write_journal(directory: &Path, stream: u8, messages: &[Message]) -> Vec<PathBuf> {
    std::fs::create_dir_all(directory).unwrap();
    let mut paths = Vec::new();
    let mut before = Position::GENESIS;
    let mut rest = messages;
    while !rest.is_empty() {
        let first = u64::from_le_bytes(rest[0][8..16].try_into().unwrap());
        let mut segment = header(stream, first, before);
        while let Some(message) = rest.first() {
            let padded = message.len().next_multiple_of(8);
            if segment.len() + padded > SEGMENT {
                break;
            }
            segment.extend_from_slice(message);
            segment.resize(segment.len() + padded - message.len(), 0);
            if stream == 1 {
                before = Frame::read(message).unwrap().position();
            }
            rest = &rest[1..];
        }
        segment.resize(SEGMENT, 0);
        let path = directory.join(format!("{first:020}.seg"));
        std::fs::write(&path, segment).unwrap();
        paths.push(path);
    }
    paths
}

fn header(stream: u8, first: u64, before: Position) -> Vec<u8> {
    let mut bytes = b"LOCKSTEP".to_vec();
    bytes.extend_from_slice(&1_u16.to_le_bytes());
    bytes.extend_from_slice(&[stream, 0]);
    bytes.extend_from_slice(&before.epoch.0.to_le_bytes());
    for number in [cluster_id(CLUSTER), SEGMENT as u64, first, before.chain.0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.resize(60, 0);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}
