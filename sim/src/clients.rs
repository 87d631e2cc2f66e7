//! The clients: FIX sessions that trade, come back after every break, ask again for what they do not know, and keep account.

use crate::clock::START;
use crate::oracle::{Oracle, Report, Verdict, broken};
use crate::plan::Plan;
use crate::random::Random;
use crate::story;
use fix::{Config, DisconnectReason, MemoryOutbox, Message, Output, Session, tags};
use std::collections::BTreeMap;
use wire::{ClOrdId, Nanos, SessionId};

/// A connection between a client and a gateway; never used again.
pub type Connection = u64;

/// So many requests of a client may wait for their answer.
const IN_FLIGHT: usize = 24;
/// After so long without an answer a client asks whether its connection is of any use: it logs on anew.
const PATIENCE: Nanos = Nanos::from_millis(1_500);

/// So often a client finds no gateway where it expects one before it tries the next.
const FAILURES_BEFORE_ANOTHER: u32 = 3;

/// How the names begin that make engines panic.
const POISON: &str = match str::from_utf8(cluster::planted::POISON) {
    Ok(text) => text,
    Err(_) => panic!("it is text"),
};

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It connects to the gateway of this place.
    Connect(Connection, usize),
    /// It sends bytes.
    Send(Connection, Vec<u8>),
    /// It closes the connection.
    HangUp(Connection),
}

/// What was asked for and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    msg_type: &'static str,
    fields: Vec<(u32, String)>,
    times: u32,
    /// Sent last.
    at: Nanos,
    /// To be sent again not before this, if at all.
    again: Option<Nanos>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The exchange answered.
    Answered,
    /// The gateway refused it: it never reached the exchange.
    Refused,
}

/// An order that rests, as far as the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Resting {
    name: String,
    symbol: &'static str,
    side: u8,
    qty: u64,
}

/// One client.
#[derive(Debug)]
struct Client {
    session: SessionId,
    comp_id: String,
    random: Random,
    fix: Session<MemoryOutbox>,
    /// The gateway that it prefers, and the process there with which its numbers agree.
    gateway: usize,
    agreed_with: Option<u64>,
    connection: Option<Connection>,
    failures: u32,
    dial_at: Nanos,
    next_at: Nanos,
    think: Nanos,
    left: u32,
    /// So many of its new orders have a name that makes engines panic, the first of them when it has so many left to ask.
    poison: u32,
    poison_below: u32,
    names: u32,
    asked: BTreeMap<String, Asked>,
    fates: BTreeMap<String, Fate>,
    resting: Vec<Resting>,
    reports: u64,
}

/// All clients.
#[derive(Debug)]
pub struct Clients {
    clients: Vec<Client>,
    next_connection: Connection,
}

impl Clients {
    /// As planned, with gateways at so many places.
    #[must_use]
    pub fn new(plan: &Plan, gateways: usize, random: &mut Random) -> Self {
        let client = |n: usize, random: Random| {
            let comp_id = format!("CLIENT{}", n + 1);
            Client {
                session: SessionId(n as u32 + 1), // a handful
                fix: fresh(&comp_id),
                comp_id,
                random,
                gateway: n % gateways,
                agreed_with: None,
                connection: None,
                failures: 0,
                dial_at: Nanos::from_millis(20),
                next_at: Nanos(0),
                think: plan.think,
                left: plan.requests,
                poison: if n == 0 { plan.poison } else { 0 },
                poison_below: plan.requests / 3 * 2,
                names: 0,
                asked: BTreeMap::new(),
                fates: BTreeMap::new(),
                resting: Vec::new(),
                reports: 0,
            }
        };
        Self { clients: (0..plan.clients).map(|n| client(n, random.fork())).collect(), next_connection: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Reports that all clients have had.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.clients.iter().map(|client| client.reports).sum()
    }

    /// Requests that were made.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.clients.iter().map(|client| u64::from(client.names)).sum()
    }

    /// Whether everything was asked and answered.
    #[must_use]
    pub fn are_content(&self) -> bool {
        self.clients.iter().all(|client| client.left == 0 && client.asked.is_empty())
    }

    /// Who waits for what, in words.
    #[must_use]
    pub fn complaint(&self) -> String {
        let waits = |client: &Client| {
            let Client { comp_id, left, asked, connection, fix, .. } = client;
            let first = asked.keys().next().map_or("nothing", String::as_str);
            format!(
                "{comp_id}: {left} to ask, {} unanswered (first {first}), connected {}, logged on {}",
                asked.len(),
                connection.is_some(),
                fix.is_logged_on()
            )
        };
        self.clients.iter().map(waits).collect::<Vec<_>>().join("; ")
    }

    /// The client of a connection, if it still has it.
    #[must_use]
    pub fn of(&self, connection: Connection) -> Option<usize> {
        self.clients.iter().position(|client| client.connection == Some(connection))
    }

    /// Time has passed for a client, or something has come. `gateways`: the process at each place, if one listens there.
    pub fn wake(
        &mut self,
        at: usize,
        now: Nanos,
        gateways: &[Option<u64>],
        oracle: &Oracle,
        acts: &mut Vec<Act>,
    ) -> Verdict {
        let Self { clients, next_connection } = self;
        let client = &mut clients[at];
        client.dial(now, gateways, next_connection, acts);
        client.fix.handle_timeout(shown(now));
        client.pump(now, oracle, acts)?;
        client.trade(now);
        client.pump(now, oracle, acts)
    }

    /// A gateway has sent bytes.
    pub fn handle_bytes(&mut self, connection: Connection, now: Nanos, bytes: &[u8]) {
        if let Some(at) = self.of(connection) {
            self.clients[at].fix.handle_bytes(shown(now), bytes);
        }
    }

    /// A gateway has closed a connection, or is gone.
    pub fn handle_closed(&mut self, connection: Connection, now: Nanos) {
        if let Some(at) = self.of(connection) {
            let client = &mut self.clients[at];
            client.fix.disconnected(shown(now));
            client.lose(now);
        }
    }

    /// When a client has something to do by itself.
    #[must_use]
    pub fn next_deadline(&self, at: usize, now: Nanos) -> Nanos {
        self.clients[at].next_deadline(now)
    }

    /// What was answered so far may be lost with the history: nothing of it is judged any more.
    pub fn forget(&mut self) {
        for client in &mut self.clients {
            client.fates.clear();
            client.resting.clear();
        }
    }

    /// At the end: what the history holds of each request agrees with what its client was told.
    pub fn judge(&self, oracle: &Oracle) -> Verdict {
        for client in &self.clients {
            for (name, fate) in &client.fates {
                let id = ClOrdId::new(name.as_bytes());
                let id = id.map_err(|error| broken("fate", format_args!("{name}: {error}")))?;
                let times = oracle.asked(client.session, id);
                let agrees = match fate {
                    Fate::Answered => times >= 1,
                    Fate::Refused => times == 0,
                };
                if !agrees {
                    let text = format_args!(
                        "{}'s {name} was {fate:?}, the history holds it {times} times",
                        client.comp_id
                    );
                    return Err(broken("fate", text));
                }
            }
        }
        Ok(())
    }
}

/// A client's clock is right.
fn shown(now: Nanos) -> Nanos {
    START.saturating_add(now)
}

fn fresh(comp_id: &str) -> Session<MemoryOutbox> {
    Session::new(Config::initiator(comp_id, "EXCHANGE"), MemoryOutbox::new(1 << 18, 4_096))
}

impl Client {
    fn next_deadline(&self, now: Nanos) -> Nanos {
        let Some(_) = self.connection else { return self.dial_at };
        let fix = self.fix.next_deadline().map(|at| Nanos(at.0.saturating_sub(START.0)));
        let again = self.asked.values().filter_map(|asked| asked.again).min();
        let busy = self.left > 0 && self.asked.len() < IN_FLIGHT && self.fix.is_logged_on();
        let next = busy.then_some(self.next_at);
        let patience = self.asked.values().map(|asked| asked.at.saturating_add(PATIENCE)).min();
        let own = [fix, again, next, patience].into_iter().flatten().min();
        own.unwrap_or(now.saturating_add(Nanos::SECOND))
    }

    /// Connects if it is time, to a gateway that listens.
    fn dial(&mut self, now: Nanos, gateways: &[Option<u64>], next: &mut Connection, acts: &mut Vec<Act>) {
        if self.connection.is_some() || now < self.dial_at {
            return;
        }
        let Some(process) = gateways[self.gateway] else {
            self.failures += 1;
            self.agreed_with = None;
            if self.failures.is_multiple_of(FAILURES_BEFORE_ANOTHER) {
                self.gateway = (self.gateway + 1) % gateways.len();
            }
            self.lose(now);
            return;
        };
        *next += 1;
        self.connection = Some(*next);
        acts.push(Act::Connect(*next, self.gateway));
        // Numbers that both sides remember are gone on with, mostly; otherwise both begin anew.
        if self.agreed_with == Some(process) && self.random.per_mille(700) {
            self.fix.connected(shown(now));
        } else {
            self.fix = fresh(&self.comp_id);
            self.fix.connected_with_reset(shown(now));
        }
        self.agreed_with = Some(process);
    }

    /// Without a connection; it tries again soon, after some failures elsewhere.
    fn lose(&mut self, now: Nanos) {
        self.connection = None;
        self.dial_at = now.saturating_add(self.random.time(Nanos::from_millis(2), Nanos::from_millis(30)));
    }

    /// Says what it has to say.
    fn trade(&mut self, now: Nanos) {
        if self.connection.is_none() || !self.fix.is_logged_on() {
            return;
        }
        if self.asked.values().any(|asked| now.since(asked.at) >= PATIENCE && asked.again.is_none()) {
            for asked in self.asked.values_mut() {
                asked.at = now;
            }
            self.agreed_with = None;
            self.fix.logout(shown(now), format_args!("no answer"));
            return;
        }
        let due = |asked: &Asked| asked.again.is_some_and(|again| again <= now);
        let again: Vec<_> =
            self.asked.iter().filter(|(_, asked)| due(asked)).map(|(name, _)| name.clone()).collect();
        for name in again {
            self.say(now, &name);
        }
        while self.left > 0 && now >= self.next_at && self.asked.len() < IN_FLIGHT {
            self.left -= 1;
            self.next_at = Nanos(
                self.next_at.0.max(now.0.saturating_sub(self.think.0 * 4)) + self.random.tailed(self.think).0,
            );
            let name = self.invent(now);
            self.say(now, &name);
        }
    }

    /// A new request.
    fn invent(&mut self, now: Nanos) -> String {
        self.names += 1;
        let mut name = format!("{}-{}", self.session, self.names);
        let field = |tag: u32, value: &dyn ToString| (tag, value.to_string());
        let known = !self.resting.is_empty();
        let (msg_type, mut fields) = match self.random.below(100) {
            0..20 if known => {
                let at = self.random.index(self.resting.len());
                let order = self.resting.swap_remove(at);
                ("F", vec![field(41, &order.name), field(55, &order.symbol), field(54, &order.side)])
            }
            20..35 if known => {
                let at = self.random.index(self.resting.len());
                let order = self.resting[at].clone();
                self.resting[at].name.clone_from(&name);
                let (symbol, price) = (order.symbol, self.price(order.symbol));
                let fields = vec![
                    field(41, &order.name),
                    field(55, &symbol),
                    field(54, &order.side),
                    field(38, &(order.qty * self.random.between(1, 3))),
                    field(40, &2),
                    field(44, &price),
                ];
                ("G", fields)
            }
            35..37 if known => ("q", vec![field(530, &7)]),
            _ => {
                let symbol = *self.random.pick(&["ABC", "ABC", "LOT"]);
                let side = self.random.between(1, 2) as u8; // 1 or 2
                let qty = self.random.between(1, 20) * if symbol == "LOT" { 10 } else { 1 };
                let price = self.price(symbol);
                if self.poison > 0 && self.left < self.poison_below {
                    self.poison -= 1;
                    self.poison_below /= 2;
                    name = format!("{POISON}{name}");
                }
                self.resting.push(Resting { name: name.clone(), symbol, side, qty });
                let mut fields = vec![field(55, &symbol), field(54, &side), field(38, &qty)];
                self.instruct(now, symbol, qty, &price, &mut fields);
                ("D", fields)
            }
        };
        fields.insert(0, (11, name.clone()));
        let asked = Asked { msg_type, fields, times: 0, at: now, again: None };
        self.asked.insert(name.clone(), asked);
        name
    }

    /// What kind of order it is: most are plain limit orders.
    fn instruct(&mut self, now: Nanos, symbol: &str, qty: u64, price: &str, fields: &mut Vec<(u32, String)>) {
        let mut say = |tag: u32, value: &dyn ToString| fields.push((tag, value.to_string()));
        let kind = self.random.below(40);
        match kind {
            0 => say(40, &1),
            1 => {
                say(40, &3);
                say(99, &price);
            }
            _ => {
                say(40, &if kind == 2 { 4 } else { 2 });
                say(44, &price);
            }
        }
        let lot = if symbol == "LOT" { 10 } else { 1 };
        match kind {
            2 => say(99, &self.price(symbol)),
            3 => say(59, &3),
            4 => say(59, &4),
            5 => {
                let expire = shown(now).saturating_add(Nanos::from_millis(self.random.between(1, 400)));
                say(59, &6);
                say(126, &String::from_utf8_lossy(&fix::timestamp::to_text(expire)));
            }
            6 => say(59, &7),
            7 => say(18, &6),
            8 | 9 => say(111, &lot),
            10 => say(110, &lot),
            11 => say(110, &qty),
            _ => {}
        }
        if self.random.below(4) == 0 {
            say(2964, &self.random.between(1, 4));
        }
    }

    /// A price around the middle of its market.
    fn price(&mut self, symbol: &str) -> String {
        match symbol {
            "ABC" => format!("{}.{:02}", self.random.between(99, 100), self.random.below(20) * 5),
            _ => self.random.between(45, 55).to_string(),
        }
    }

    fn say(&mut self, now: Nanos, name: &str) {
        let Self { fix, asked, .. } = self;
        let Some(asked) = asked.get_mut(name) else { return };
        asked.times += 1;
        (asked.at, asked.again) = (now, None);
        fix.send(shown(now), asked.msg_type, |f| {
            for (tag, value) in &asked.fields {
                f.str(*tag, value);
            }
            f.timestamp(tags::TRANSACT_TIME, shown(now));
        });
    }

    /// Hears what was said, and says what waits.
    fn pump(&mut self, now: Nanos, oracle: &Oracle, acts: &mut Vec<Act>) -> Verdict {
        loop {
            let Some(output) = self.fix.poll_output() else { return Ok(()) };
            match output {
                Output::Transmit(bytes) => {
                    if let Some(connection) = self.connection {
                        acts.push(Act::Send(connection, bytes.to_vec()));
                    }
                }
                Output::LoggedOn { .. } => {
                    self.failures = 0;
                    // What has no answer may never have arrived, or the answer may be lost: it is asked again.
                    self.asked.values_mut().for_each(|asked| asked.again = Some(now));
                }
                Output::Application(message) => {
                    let heard = Heard::of(&message, self.session);
                    self.reports += 1;
                    self.hear(now, heard, oracle)?;
                }
                Output::PeerRejected(message) => {
                    let text = message.bytes().escape_ascii();
                    return Err(broken(
                        "client",
                        format_args!("{}'s message was rejected: {text}", self.comp_id),
                    ));
                }
                Output::Disconnect(why) => {
                    if let Some(connection) = self.connection {
                        acts.push(Act::HangUp(connection));
                    }
                    story::tell(format_args!("{} disconnects: {why}", self.comp_id));
                    if why != DisconnectReason::LogoutComplete {
                        self.failures += 1;
                        // A gateway that refuses may have another idea of the numbers.
                        self.agreed_with = None;
                    }
                    self.lose(now);
                }
                Output::LoggedOut { .. } | Output::LogonRequested(_) => {}
            }
        }
    }

    fn hear(&mut self, now: Nanos, heard: Heard, oracle: &Oracle) -> Verdict {
        match heard {
            Heard::Report(report) if report.exec_id.starts_with('G') => self.refused(now, &report.cl_ord_id),
            Heard::Refused(name) => self.refused(now, &name),
            Heard::Report(report) => {
                oracle.reported(&report)?;
                let answers = self.asked.get(&report.cl_ord_id).is_some_and(|asked| match report.exec_type {
                    '0' => asked.msg_type == "D",
                    '4' => asked.msg_type == "F" || asked.msg_type == "D",
                    '5' => asked.msg_type == "G",
                    '9' => asked.msg_type != "D",
                    'r' => asked.msg_type == "q",
                    '8' | 'F' => true,
                    _ => false,
                });
                if report.leaves == 0 {
                    self.resting.retain(|order| order.name != report.cl_ord_id);
                }
                if answers {
                    self.asked.remove(&report.cl_ord_id);
                    self.fates.insert(report.cl_ord_id, Fate::Answered);
                }
            }
            Heard::Other(what) => {
                return Err(broken("client", format_args!("{} was told {what}", self.comp_id)));
            }
        }
        Ok(())
    }

    /// The gateway would not take a request. What was asked only once never reached the exchange; what was asked before is
    /// asked again, since the answer to that is still due.
    fn refused(&mut self, now: Nanos, name: &str) {
        let Some(asked) = self.asked.get_mut(name) else { return };
        if asked.times > 1 {
            asked.again = Some(now.saturating_add(Nanos::from_millis(20)));
        } else {
            self.asked.remove(name);
            self.resting.retain(|order| order.name != name);
            self.fates.insert(name.to_owned(), Fate::Refused);
        }
    }
}

/// What a client was told.
enum Heard {
    Report(Report),
    /// A refusal at the edge that is no ExecutionReport.
    Refused(String),
    Other(String),
}

impl Heard {
    fn of(message: &Message<'_>, session: SessionId) -> Self {
        let text = |tag: u32| String::from_utf8_lossy(message.get(tag).unwrap_or_default()).into_owned();
        let number = |tag: u32| text(tag).parse().unwrap_or_default();
        match message.msg_type() {
            b"8" => Self::Report(Report {
                session,
                exec_id: text(tags::EXEC_ID),
                exec_type: text(tags::EXEC_TYPE).chars().next().unwrap_or('?'),
                cl_ord_id: text(tags::CL_ORD_ID),
                cum: number(tags::CUM_QTY),
                leaves: number(tags::LEAVES_QTY),
            }),
            // A refusal at the edge has no place in the history.
            b"9" if text(tags::TEXT) == gateway::HALTED => Self::Refused(text(tags::CL_ORD_ID)),
            b"9" => Self::Report(Report {
                session,
                exec_id: String::new(),
                exec_type: '9',
                cl_ord_id: text(tags::CL_ORD_ID),
                cum: 0,
                leaves: 0,
            }),
            b"r" => Self::Report(Report {
                session,
                exec_id: String::new(),
                exec_type: 'r',
                cl_ord_id: text(tags::CL_ORD_ID),
                cum: number(tags::TOTAL_AFFECTED_ORDERS),
                leaves: 0,
            }),
            b"j" => Self::Refused(text(tags::BUSINESS_REJECT_REF_ID)),
            _ => Self::Other(message.bytes().escape_ascii().to_string()),
        }
    }
}
