//! The bench: gateways, sequencer and engine wired together, clients at the other end, all driven by one clock.

use crate::exchange::{self, Core};
use crate::memory::{Hub, Memory};
use crate::network::Network;
use crate::said::Said;
use crate::shelf::Shelf;
use cluster::Lane;
use fix::{Config, MemoryOutbox, Session};
use gateway::{
    ClientEntry, ClientOutput, ConnectionId, Gateway, GatewayConfig, GatewayNode, GatewaySettings,
};
use node::description::Divergence;
use std::collections::{BTreeMap, VecDeque};
use wire::*;

pub(crate) const START: Nanos = Nanos(1_800_000_000_000_000_000);
/// One turn of everything.
const STEP: Nanos = Nanos(200_000);
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
    id: NodeId,
    node: GatewayNode<Memory>,
    /// What it found to do so far.
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
    /// So many places' chains are remembered, and no more frames held back.
    pub(crate) remembered: usize,
    /// Reports wait for the commit.
    pub(crate) commit_gate: bool,
    /// What gateways do while engines differ.
    pub(crate) divergence: Divergence,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            gateways: 1,
            in_flight_limit: 1_000,
            reset_on_logon: false,
            remembered: 4_096,
            commit_gate: true,
            divergence: Divergence::Halt,
        }
    }
}

pub(crate) struct Bench {
    pub(crate) now: Nanos,
    pub(crate) network: Network,
    pub(crate) core: Core,
    pub(crate) hub: Hub,
    plan: Plan,
    shelf: Shelf,
    gates: Vec<Gate>,
    /// Processes that were started: each has a token of its own.
    started: u64,
    clients: Vec<Client>,
    lines: BTreeMap<ConnectionId, Line>,
    next_connection: u64,
}

pub(crate) const CLIENTS: usize = 4;

fn config(plan: &Plan, gateway: NodeId) -> GatewayConfig {
    GatewayConfig {
        gateway,
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
    }
}

impl Gate {
    fn new(hub: &Hub, plan: &Plan, shelf: &Shelf, id: NodeId, token: u64) -> Self {
        let settings = GatewaySettings {
            commit_gate: plan.commit_gate,
            divergence: plan.divergence,
            ..exchange::settings(id, token, plan.remembered)
        };
        let ring = usize::try_from(plan.in_flight_limit).unwrap();
        let ports = exchange::ports(hub, id, ring, shelf.past());
        Self { id, node: GatewayNode::new(&config(plan, id), settings, ports), work: 0 }
    }

    fn lane(&self) -> Lane {
        Lane { gateway: self.id, incarnation: self.node.core().incarnation() }
    }

    /// Whether it has heard all that there is to hear.
    fn is_up_to_date(&self, core: &Core) -> bool {
        let node = &self.node;
        node.core().is_open()
            && node.core().admission().in_flight() == 0
            && node.committed() == core.last()
            && node.core().outbound().0 == core.events.len() as u64
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Plan::default())
    }

    /// Everything is up, no client is connected. Client `n` (from 0) has session `n + 1` and CompID `CLIENT{n + 1}`.
    pub(crate) fn with(plan: Plan) -> Self {
        let (hub, shelf) = (Hub::default(), Shelf::default());
        let ids: Vec<_> = (0..plan.gateways).map(|n| NodeId(10 + n as u16)).collect();
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
            core: Core::new(&hub, START, ids.clone()),
            gates: ids.iter().map(|id| Gate::new(&hub, &plan, &shelf, *id, u64::from(id.0))).collect(),
            shelf,
            started: 1_000,
            hub,
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
        bench.settle();
        bench
    }

    // -- time ------------------------------------------------------------------------------------------------------

    fn turn(&mut self, passes: Nanos) {
        self.now = self.now.saturating_add(passes);
        self.core.turn(self.now, &mut self.network);
        for at in 0..self.gates.len() {
            self.drive_gate(at);
        }
        for at in 0..self.clients.len() {
            for gate in 0..self.gates.len() {
                self.drive_client(at, gate);
            }
        }
    }

    fn drive_gate(&mut self, at: usize) {
        let Self { gates, lines, now, .. } = self;
        let Gate { node, work, .. } = &mut gates[at];
        let waiting: Vec<_> =
            lines.iter().filter(|(_, line)| line.gate == at && !line.closed).map(|(id, _)| *id).collect();
        for connection in waiting {
            let line = lines.get_mut(&connection).unwrap();
            let bytes = std::mem::take(&mut line.to_gateway);
            let gone = line.gone;
            if !bytes.is_empty() {
                node.handle_bytes(*now, connection, &bytes, &mut |o| carry_out(o, lines));
            }
            if gone && !lines[&connection].closed {
                lines.get_mut(&connection).unwrap().closed = true;
                node.handle_disconnected(*now, connection, &mut |o| carry_out(o, lines));
            }
        }
        *work += node.do_work(*now, &mut |o| carry_out(o, lines)).unwrap();
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
            let before = (self.core.frames.len(), self.core.applied(), self.said_so_far());
            self.turn(STEP);
            let Core { leads, loggers_write, engine_runs, admits, .. } = self.core;
            let reachable = !self.network.cut && leads && loggers_write && engine_runs && admits;
            let busy = reachable && !self.gates.iter().all(|gate| gate.is_up_to_date(&self.core));
            let still = before == (self.core.frames.len(), self.core.applied(), self.said_so_far());
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
        self.gates[gate].node.handle_connected(self.now, connection);
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
            if matches!(msg_type, "D" | "F" | "G" | "q") {
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
        self.gates[gate].node.core()
    }

    pub(crate) fn node(&self, gate: usize) -> &GatewayNode<Memory> {
        &self.gates[gate].node
    }

    /// How much the gateway found to do.
    pub(crate) fn work_of(&self, gate: usize) -> usize {
        self.gates[gate].work
    }

    /// The gateway's process dies and comes back; with `lingering` packets of its former life are still under way.
    pub(crate) fn restart(&mut self, gate: usize, lingering: bool) {
        for line in self.lines.values_mut().filter(|line| line.gate == gate) {
            line.closed = true;
        }
        if lingering {
            self.core.haunt(self.gates[gate].lane());
        }
        self.started += 1;
        let id = self.gates[gate].id;
        self.gates[gate] = Gate::new(&self.hub, &self.plan, &self.shelf, id, self.started);
    }

    /// The log, and a snapshot of where the engine stands, are had by whoever asks the loggers.
    pub(crate) fn take_snapshot(&mut self) {
        self.shelf.take_snapshot(&self.core);
    }

    /// The log as it is now is had by whoever asks the loggers.
    pub(crate) fn keep_log(&mut self) {
        self.shelf.take_log(&self.core);
    }

    /// Processes that start from here on have nothing but the streams.
    pub(crate) fn lose_archive(&mut self) {
        self.shelf = Shelf::default();
    }

    /// Another process of this gateway that has no life yet.
    pub(crate) fn another_process(&self, gate: usize) -> Gateway {
        Gateway::new(&config(&self.plan, self.gates[gate].id))
    }

    pub(crate) fn shut_down(&mut self, gate: usize) {
        let Self { gates, lines, now, .. } = self;
        gates[gate].node.handle_shutdown(*now, &mut |o| carry_out(o, lines)).unwrap();
    }

    // -- the exchange ----------------------------------------------------------------------------------------------

    /// The other sequencer takes over, from a log that lacks so many of the last frames.
    pub(crate) fn fail_over(&mut self, lacks: usize) {
        self.core.fail_over(self.now, lacks);
    }

    /// The events of all sessions, as the engine told them.
    pub(crate) fn happenings(&self) -> impl Iterator<Item = Event<'_>> {
        self.core.events.iter().map(|bytes| Event::read(bytes).unwrap())
    }
}

fn carry_out(output: ClientOutput<'_>, lines: &mut BTreeMap<ConnectionId, Line>) {
    match output {
        ClientOutput::Transmit(connection, bytes) => {
            let line = lines.get_mut(&connection).unwrap();
            assert!(!line.closed, "nothing is said over a closed connection");
            line.to_client.extend_from_slice(bytes);
            line.said
                .extend(Said::all_of(bytes).into_iter().filter(|said| !matches!(said.get(35), "0" | "1")));
        }
        ClientOutput::Close(connection) => {
            let line = lines.get_mut(&connection).unwrap();
            assert!(!line.closed, "a connection is closed once");
            line.closed = true;
        }
    }
}
