//! The bench: gateways, sequencer and engine wired together, clients at the other end, all driven by one clock.

use crate::network::Network;
use crate::said::Said;
use bus::mold::Packet;
use bus::{GapConfig, Publisher, PublisherConfig, Session as StreamName, StreamKind};
use cluster::Lane;
use engine::{EventSink, Exchange, Limits, Replica};
use fix::{Config, MemoryOutbox, Session};
use gateway::{ClientEntry, ConnectionId, Gateway, GatewayConfig, Output};
use sequencer::{Genesis, Sequencer, Stamper};
use std::collections::{BTreeMap, VecDeque};
use wire::command::DefineInstrument;
use wire::event::{self, Speaker};
use wire::*;

pub(crate) const START: Nanos = Nanos(1_800_000_000_000_000_000);
/// One turn of everything.
const STEP: Nanos = Nanos(200_000);
/// Where the answers to the sequencer's requests go; there is only one sequencer.
const SEQUENCER: std::net::SocketAddr =
    std::net::SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 1));

/// A TCP connection: what is on its way, what was said, whether the gateway has closed it.
#[derive(Default)]
struct Line {
    gate: usize,
    to_gateway: Vec<u8>,
    to_client: Vec<u8>,
    said: VecDeque<Said>,
    closed: bool,
    gone: bool,
}

/// One gateway process.
struct Gate {
    core: Gateway,
    lane: Lane,
    publisher: Publisher,
    frames_seen: usize,
    events_seen: usize,
    /// What it found to do by itself so far.
    work: usize,
}

/// A client's session with one gateway; its numbers outlive connections.
struct Link {
    fix: Session<MemoryOutbox>,
    connection: Option<ConnectionId>,
    /// The last connection, open or not: what was said over it can still be read.
    last: Option<ConnectionId>,
}

struct Client {
    links: Vec<Link>,
    /// Application messages, each once and in order, over all links.
    heard: Vec<Said>,
    /// The link that the test speaks through.
    at: usize,
}

/// What differs between benches.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) gateways: usize,
    pub(crate) in_flight_limit: u64,
    pub(crate) reset_on_logon: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { gateways: 1, in_flight_limit: 1_000, reset_on_logon: false }
    }
}

pub(crate) struct Bench {
    pub(crate) now: Nanos,
    pub(crate) network: Network,
    pub(crate) sequencer: Sequencer,
    pub(crate) engine: Replica<Exchange>,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) events: Vec<Vec<u8>>,
    /// The engine takes what the sequencer stamps.
    pub(crate) engine_runs: bool,
    applied: usize,
    plan: Plan,
    gates: Vec<Gate>,
    /// What a gateway's former life still sends.
    ghosts: Vec<(Lane, Publisher)>,
    clients: Vec<Client>,
    lines: BTreeMap<ConnectionId, Line>,
    next_connection: u64,
}

pub(crate) const CLIENTS: usize = 4;

fn instrument(id: u32, symbol: &str, price_decimals: u8, tick: i64, lot: u64) -> DefineInstrument {
    DefineInstrument {
        instrument: InstrumentId(id),
        price_decimals,
        reserved: [0; 3],
        tick: Price(tick),
        lot: Qty(lot),
        symbol: Symbol::new(symbol.as_bytes()).unwrap(),
    }
}

impl Gate {
    fn new(plan: &Plan, gateway: u16, incarnation: u32, now: Nanos) -> Self {
        let lane = Lane { gateway: NodeId(gateway), incarnation: Incarnation(incarnation) };
        let name = StreamName::new(*b"TST", StreamKind::Commands, lane.session_number().unwrap()).unwrap();
        let config = GatewayConfig {
            lane,
            comp_id: "EXCHANGE".to_owned(),
            clients: (1..=CLIENTS)
                .map(|n| ClientEntry { session: SessionId(n as u32), comp_id: format!("CLIENT{n}") })
                .collect(),
            heartbeat_limits_secs: (5, 60),
            logon_timeout: Nanos(10 * Nanos::SECOND.0),
            reset_on_logon: plan.reset_on_logon,
            resend_messages: 4_096,
            resend_bytes: 1 << 18,
            in_flight_limit: plan.in_flight_limit,
        };
        let ring = usize::try_from(plan.in_flight_limit).unwrap();
        let mut publisher =
            Publisher::new(&PublisherConfig { ring, heartbeat_ns: 1_000_000, ..PublisherConfig::new(name) });
        let mut core = Gateway::new(&config);
        core.begin(now, &mut |output| {
            if let Output::Command(frame) = output {
                publisher.publish(frame);
            }
        });
        Self { core, lane, publisher, frames_seen: 0, events_seen: 0, work: 0 }
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Plan::default())
    }

    /// Everything is up, no client is connected. Client `n` (from 0) has session `n + 1` and CompID `CLIENT{n + 1}`.
    pub(crate) fn with(plan: Plan) -> Self {
        let stamper = Stamper::new(NodeId(1), Epoch(1), Position::GENESIS, Nanos(0));
        let gap = GapConfig {
            window: 256,
            request_after_ns: 100_000,
            retry_after_ns: 2_000_000,
            ..GapConfig::default()
        };
        let gateways = (0..plan.gateways).map(|n| NodeId(10 + n as u16));
        let limits = Limits { resting_orders: 1 << 12, names: 1 << 14, ..Limits::default() };
        let link = |n: usize| Link {
            fix: Session::new(
                Config::initiator(&format!("CLIENT{}", n + 1), "EXCHANGE"),
                MemoryOutbox::new(1 << 18, 4_096),
            ),
            connection: None,
            last: None,
        };
        let mut bench = Self {
            now: START,
            network: Network::default(),
            sequencer: Sequencer::new(stamper, gateways, gap, Nanos::SECOND),
            engine: Replica::new(Exchange::new(limits).unwrap(), EventSink::with_capacity(64)),
            frames: Vec::new(),
            events: Vec::new(),
            engine_runs: true,
            applied: 0,
            gates: (0..plan.gateways).map(|n| Gate::new(&plan, 10 + n as u16, 1, START)).collect(),
            ghosts: Vec::new(),
            clients: (0..CLIENTS)
                .map(|n| Client {
                    links: (0..plan.gateways).map(|_| link(n)).collect(),
                    heard: Vec::new(),
                    at: 0,
                })
                .collect(),
            lines: BTreeMap::new(),
            next_connection: 1,
            plan,
        };
        let instruments = vec![instrument(1, "ABC", 2, 5, 1), instrument(2, "LOT", 0, 1, 100)];
        let genesis = Genesis { cluster: 1, nonce: 1, loggers: vec![NodeId(3)], instruments };
        let frames = &mut bench.frames;
        bench.sequencer.begin(START, &genesis, &mut |frame| frames.push(frame.to_vec()));
        bench.settle();
        bench
    }

    // -- time ------------------------------------------------------------------------------------------------------

    fn turn(&mut self, passes: Nanos) {
        self.now = self.now.saturating_add(passes);
        self.carry_commands();
        self.execute();
        for at in 0..self.gates.len() {
            self.drive_gate(at);
        }
        for at in 0..self.clients.len() {
            for gate in 0..self.gates.len() {
                self.drive_client(at, gate);
            }
        }
    }

    fn carry_commands(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        let live = self.gates.iter_mut().map(|gate| (gate.lane, &mut gate.publisher));
        let dead = self.ghosts.iter_mut().map(|(lane, publisher)| (*lane, publisher));
        for (lane, publisher) in live.chain(dead) {
            publisher.handle_tick(now);
            publisher.flush();
            while let Some(transmit) = publisher.poll_transmit() {
                sent.extend(transmit.datagrams().map(|packet| (lane, packet.to_vec())));
            }
        }
        let frames = &mut self.frames;
        for (lane, packet) in self.network.carry(sent) {
            let packet = Packet::parse(&packet).unwrap();
            self.sequencer
                .handle_packet(now, lane, &packet, &mut |frame| frames.push(frame.to_vec()))
                .unwrap_or_else(|refusal| panic!("{refusal}"));
        }
        self.sequencer.handle_time(now, &mut |frame| frames.push(frame.to_vec()));
        while let Some((lane, request)) = self.sequencer.poll_request(now) {
            if let Some(gate) = self.gates.iter_mut().find(|gate| gate.lane == lane) {
                gate.publisher.handle_request(SEQUENCER, request.first, request.count);
            }
        }
    }

    fn execute(&mut self) {
        while self.engine_runs && self.applied < self.frames.len() {
            self.engine.apply(&Frame::read(&self.frames[self.applied]).unwrap()).unwrap();
            self.applied += 1;
            for event in self.engine.events_mut() {
                event::speak(event, Speaker { epoch: Epoch(1), term: Term(1), node: NodeId(2) });
                self.events.push(event.to_vec());
            }
        }
    }

    fn drive_gate(&mut self, at: usize) {
        let Self { gates, lines, frames, events, now, .. } = self;
        let gate = &mut gates[at];
        for frame in &frames[gate.frames_seen..] {
            gate.core.handle_sequenced(&Frame::read(frame).unwrap()).unwrap();
        }
        gate.frames_seen = frames.len();
        gate.publisher.release_below(gate.core.admission().sequenced() + 1);
        for event in &events[gate.events_seen..] {
            gate.core.handle_event(*now, &Event::read(event).unwrap()).unwrap();
        }
        gate.events_seen = events.len();
        let waiting: Vec<_> =
            lines.iter().filter(|(_, line)| line.gate == at && !line.closed).map(|(id, _)| *id).collect();
        for connection in waiting {
            let line = lines.get_mut(&connection).unwrap();
            let bytes = std::mem::take(&mut line.to_gateway);
            let gone = line.gone;
            if !bytes.is_empty() {
                gate.core.handle_bytes(*now, connection, &bytes, &mut |o| {
                    carry_out(o, lines, &mut gate.publisher);
                });
            }
            if gone && !lines[&connection].closed {
                lines.get_mut(&connection).unwrap().closed = true;
                gate.core
                    .handle_disconnected(*now, connection, &mut |o| carry_out(o, lines, &mut gate.publisher));
            }
        }
        gate.work += gate.core.handle_time(*now, &mut |o| carry_out(o, lines, &mut gate.publisher));
    }

    fn drive_client(&mut self, at: usize, gate: usize) {
        let client = &mut self.clients[at];
        let link = &mut client.links[gate];
        let Some(connection) = link.connection else { return };
        let line = self.lines.get_mut(&connection).unwrap();
        link.fix.handle_bytes(self.now, &std::mem::take(&mut line.to_client));
        link.fix.handle_timeout(self.now);
        loop {
            match link.fix.poll_output() {
                None => break,
                Some(fix::Output::Transmit(bytes)) => line.to_gateway.extend_from_slice(bytes),
                Some(fix::Output::Application(message)) => client.heard.push(Said::of(&message)),
                Some(fix::Output::Disconnect(_)) => {
                    line.gone = true;
                    link.connection = None;
                    return;
                }
                Some(_) => {}
            }
        }
        if line.closed {
            link.fix.disconnected(self.now);
            link.connection = None;
        }
    }

    /// Some turns, whatever happens in them.
    pub(crate) fn turns(&mut self, turns: usize) {
        for _ in 0..turns {
            self.turn(STEP);
        }
    }

    /// Until nothing is on its way any more.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..50_000 {
            let before = (self.frames.len(), self.applied, self.said_so_far());
            self.turn(STEP);
            let reachable = !self.network.cut && self.engine_runs;
            let busy = self.gates.iter().any(|gate| gate.core.admission().in_flight() > 0) && reachable;
            let still = before == (self.frames.len(), self.applied, self.said_so_far());
            quiet = if still && !busy && self.network.is_idle() { quiet + 1 } else { 0 };
            if quiet == 5 {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn said_so_far(&self) -> usize {
        self.lines
            .values()
            .map(|line| line.said.len() + line.to_gateway.len() + usize::from(line.closed))
            .sum()
    }

    /// So much time goes by, in hundredths of a second.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 100 {
            self.turn(Nanos(10_000_000));
        }
    }

    // -- clients ---------------------------------------------------------------------------------------------------

    fn line(&mut self, gate: usize) -> ConnectionId {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.lines.insert(connection, Line { gate, ..Line::default() });
        self.gates[gate].core.handle_connected(self.now, connection);
        connection
    }

    /// A connection that no client's session stands behind.
    pub(crate) fn stranger(&mut self, gate: usize) -> ConnectionId {
        self.line(gate)
    }

    /// Sends bytes over a connection.
    pub(crate) fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.lines.get_mut(&connection).unwrap().to_gateway.extend_from_slice(bytes);
    }

    pub(crate) fn is_closed(&self, connection: ConnectionId) -> bool {
        self.lines[&connection].closed
    }

    /// What the gateway has said over a connection and nobody has read.
    pub(crate) fn said_to(&mut self, connection: ConnectionId) -> Vec<Said> {
        self.lines.get_mut(&connection).unwrap().said.drain(..).collect()
    }

    /// Connects a client to a gateway; its Logon is on its way. From here on it speaks there.
    pub(crate) fn connect(&mut self, client: usize, gate: usize) {
        self.dial(client, gate, false);
    }

    /// The same, and both numbers begin anew.
    pub(crate) fn connect_with_reset(&mut self, client: usize, gate: usize) {
        self.dial(client, gate, true);
    }

    fn dial(&mut self, client: usize, gate: usize, reset: bool) {
        let connection = self.line(gate);
        let now = self.now;
        self.clients[client].at = gate;
        let link = &mut self.clients[client].links[gate];
        link.connection = Some(connection);
        link.last = Some(connection);
        if reset { link.fix.connected_with_reset(now) } else { link.fix.connected(now) }
    }

    /// Connects clients to gateway 0 and forgets what they were told of it.
    pub(crate) fn log_on<const N: usize>(&mut self, clients: [usize; N]) {
        for client in clients {
            self.connect(client, 0);
        }
        self.settle();
        for client in clients {
            assert!(self.is_logged_on(client), "client {client} could not log on: {:?}", self.unread(client));
            self.unread(client);
        }
    }

    /// The client's connection breaks.
    pub(crate) fn hang_up(&mut self, client: usize) {
        let (now, link) = (self.now, self.link(client));
        if let Some(connection) = link.connection.take() {
            link.fix.disconnected(now);
            self.lines.get_mut(&connection).unwrap().gone = true;
        }
    }

    pub(crate) fn log_out(&mut self, client: usize) {
        let now = self.now;
        self.link(client).fix.logout(now, format_args!("bye"));
    }

    fn link(&mut self, client: usize) -> &mut Link {
        let at = self.clients[client].at;
        &mut self.clients[client].links[at]
    }

    pub(crate) fn is_connected(&self, client: usize) -> bool {
        let client = &self.clients[client];
        client.links[client.at].connection.is_some()
    }

    /// Whether it has a connection to this gateway, wherever it speaks now.
    pub(crate) fn is_linked(&self, client: usize, gate: usize) -> bool {
        self.clients[client].links[gate].connection.is_some()
    }

    /// The client hangs: its connection stays, but it neither reads nor speaks any more.
    pub(crate) fn freeze(&mut self, client: usize) {
        self.link(client).connection = None;
    }

    pub(crate) fn is_logged_on(&self, client: usize) -> bool {
        let client = &self.clients[client];
        client.links[client.at].fix.is_logged_on()
    }

    /// The client's connection to where it speaks now; the last one if it has none.
    pub(crate) fn connection_of(&self, client: usize) -> ConnectionId {
        let client = &self.clients[client];
        client.links[client.at].last.expect("the client has connected")
    }

    /// The client says something: `tag=value|tag=value`; an order or request gets its TransactTime (60). Without a connection it is kept.
    pub(crate) fn say(&mut self, client: usize, msg_type: &str, line: &str) {
        let now = self.now;
        self.link(client).fix.send(now, msg_type, |f| {
            for (tag, value) in line.split('|').map(|field| field.split_once('=').unwrap()) {
                f.str(tag.parse().unwrap(), value);
            }
            if matches!(msg_type, "D" | "F" | "G") {
                f.timestamp(60, now);
            }
        });
    }

    /// A day order on `ABC` with a limit: `side` 1 buys, 2 sells.
    pub(crate) fn order(&mut self, client: usize, name: &str, side: u8, qty: u64, price: &str) {
        self.say(client, "D", &format!("11={name}|55=ABC|54={side}|38={qty}|40=2|44={price}"));
    }

    /// All that a client was told over its connection and has not read: reports, rejects, logons, no heartbeats.
    pub(crate) fn unread(&mut self, client: usize) -> Vec<Said> {
        let connection = self.connection_of(client);
        self.said_to(connection)
    }

    /// The next thing that the client was told says all this.
    pub(crate) fn hears(&mut self, client: usize, line: &str) -> Said {
        let connection = self.connection_of(client);
        let said = self.lines.get_mut(&connection).unwrap().said.pop_front();
        let said = said.unwrap_or_else(|| panic!("client {client} was told nothing, but expects {line}"));
        assert!(said.says(line), "client {client} expects {line} but was told {said}");
        said
    }

    pub(crate) fn hears_nothing(&mut self, client: usize) {
        let unread = self.unread(client);
        assert!(unread.is_empty(), "client {client} was told {unread:?}");
    }

    /// Every application message that the client's sessions have taken, in order.
    pub(crate) fn heard(&self, client: usize) -> &[Said] {
        &self.clients[client].heard
    }

    // -- gateways --------------------------------------------------------------------------------------------------

    pub(crate) fn gateway(&self, gate: usize) -> &Gateway {
        &self.gates[gate].core
    }

    /// How often the gateway found something to do by itself: timers, reports.
    pub(crate) fn work_of(&self, gate: usize) -> usize {
        self.gates[gate].work
    }

    /// The gateway's process dies and comes back; with `lingering` packets of its former life are still under way.
    pub(crate) fn restart(&mut self, gate: usize, lingering: bool) {
        for line in self.lines.values_mut().filter(|line| line.gate == gate) {
            line.closed = true;
        }
        let lane = self.gates[gate].lane;
        let next = Gate::new(&self.plan, lane.gateway.0, lane.incarnation.0 + 1, self.now);
        let last = std::mem::replace(&mut self.gates[gate], next);
        if lingering {
            let mut publisher = last.publisher;
            publisher.resend_from(1);
            self.ghosts.push((lane, publisher));
        }
    }

    /// Another process that is this gateway in a life of its choice, whatever the log shows.
    pub(crate) fn another_process(&self, gate: usize, incarnation: u32) -> Gateway {
        Gate::new(&self.plan, self.gates[gate].lane.gateway.0, incarnation, self.now).core
    }

    pub(crate) fn shut_down(&mut self, gate: usize) {
        let Self { gates, lines, now, .. } = self;
        let Gate { core, publisher, .. } = &mut gates[gate];
        core.handle_shutdown(*now, &mut |o| carry_out(o, lines, publisher));
    }

    /// The events of all sessions, as the engine told them.
    pub(crate) fn happenings(&self) -> impl Iterator<Item = Event<'_>> {
        self.events.iter().map(|bytes| Event::read(bytes).unwrap())
    }
}

fn carry_out(output: Output<'_>, lines: &mut BTreeMap<ConnectionId, Line>, publisher: &mut Publisher) {
    match output {
        Output::Command(frame) => {
            publisher.publish(frame);
        }
        Output::Transmit(connection, bytes) => {
            let line = lines.get_mut(&connection).unwrap();
            assert!(!line.closed, "nothing is said over a closed connection");
            line.to_client.extend_from_slice(bytes);
            line.said
                .extend(Said::all_of(bytes).into_iter().filter(|said| !matches!(said.get(35), "0" | "1")));
        }
        Output::Close(connection) => {
            let line = lines.get_mut(&connection).unwrap();
            assert!(!line.closed, "a connection is closed once");
            line.closed = true;
        }
    }
}
