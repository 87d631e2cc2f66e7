//! The gateway's core: connections, the sessions on them, and their way to the exchange and back.

use crate::admission::{Admission, Overtaken, Pressure};
use crate::beginning::{Known, learn};
use crate::identity::{Identity, identify};
use crate::listings::Listings;
use crate::outflow::Outflow;
use crate::parties::Parties;
use crate::reports::{self, EdgeId};
use crate::requests::{self, Refusal, Request};
use cluster::Lane;
use fix::{Config, FieldTable, MemoryOutbox, Session, tags};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use wire::command::{
    CancelOrder, GatewayOpen, LogoutReason, MassCancel, ReplaceOrder, ResetSeqNums, SessionLogon,
    SessionLogout,
};
use wire::{Event, Happening, Incarnation, Nanos, NodeId, Outbound, SessionId};

/// How long the exchange may take to sequence a logon before the client is told that it cannot be reached.
const LOGON_PATIENCE: Nanos = Nanos(5_000_000_000);

/// What a client is told whose new order comes while too much is on its way.
const TOO_BUSY: &str = "the exchange is too busy for new orders; cancels still pass, try again later";
/// What a client is told whose new order or replace comes while engines differ.
pub const HALTED: &str = "trading is halted: the engines disagree, and it is being decided which one is right; cancels still pass, \
                          try again later";

/// One TCP connection of a client, by a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What the gateway wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Send this command to the sequencer; its number is the next one of the lane.
    Command(&'a [u8]),
    /// Send these bytes to a client.
    Transmit(ConnectionId, &'a [u8]),
    /// Send what is still waiting, then close the connection. It will not be heard of again.
    Close(ConnectionId),
}

/// A command of a gateway, as it stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbered {
    /// In which of its lives it was given.
    pub incarnation: Incarnation,
    /// Its number there.
    pub number: u64,
}

/// Where outputs go.
pub(crate) type Out<'o> = &'o mut dyn FnMut(Output<'_>);

/// A session that may log on.
#[derive(Clone, Debug)]
pub struct ClientEntry {
    /// Its number.
    pub session: SessionId,
    /// Its CompID.
    pub comp_id: String,
}

/// How a gateway is set up.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Which gateway this is.
    pub gateway: NodeId,
    /// The exchange's CompID.
    pub comp_id: String,
    /// Who may log on.
    pub clients: Vec<ClientEntry>,
    /// The smallest and the largest HeartBtInt (108), in seconds.
    pub heartbeat_limits_secs: (u64, u64),
    /// How long a connection may stay without a Logon.
    pub logon_timeout: Nanos,
    /// Both FIX numbers begin at 1 with every Logon.
    pub reset_on_logon: bool,
    /// Messages of a session that can be resent.
    pub resend_messages: usize,
    /// Their bytes.
    pub resend_bytes: usize,
    /// Commands that may be on their way to the sequencer.
    pub in_flight_limit: u64,
}

struct Client {
    id: SessionId,
    comp_id: String,
    fix: Session<MemoryOutbox>,
    connection: Option<ConnectionId>,
    /// This gateway's life owns the session: it numbers the client's messages, connected or not.
    owned: bool,
    /// A logon is on its way through the sequencer since then.
    asked: Option<Nanos>,
    /// Logons that went out and have not come back sequenced: only the last one's return answers the client at hand.
    opens_due: u32,
    /// A logon went out and no logout after it: the exchange holds the session for logged on, or soon will.
    at_exchange: bool,
    /// Its end must still be told to the exchange, which could take nothing when it ended.
    logout_due: Option<LogoutReason>,
    /// It has outputs to poll.
    dirty: bool,
    /// The moment for which the timer is set.
    timer: Option<Nanos>,
}

/// A connection that has not said who it is.
struct Stranger {
    unread: Vec<u8>,
    until: Nanos,
}

/// The gateway's core.
pub struct Gateway {
    outflow: Outflow,
    /// The latest life of this gateway that the committed history shows.
    latest: Incarnation,
    comp_id: String,
    logon_timeout: Nanos,
    /// This life's `GatewayOpen` has come back from the exchange.
    open: bool,
    listings: Listings,
    parties: Parties,
    clients: Vec<Client>,
    by_comp_id: BTreeMap<Vec<u8>, usize>,
    by_session: HashMap<SessionId, usize, FxBuildHasher>,
    strangers: BTreeMap<ConnectionId, Stranger>,
    connected: HashMap<ConnectionId, usize, FxBuildHasher>,
    dirty: Vec<usize>,
    timers: BinaryHeap<Reverse<(Nanos, usize)>>,
    logouts_due: usize,
    fields: FieldTable,
    outbound: Outbound,
    /// Engines differ: nothing new is begun.
    halted: bool,
    /// New orders refused since the exchange was too busy, or halted.
    shed: u64,
    /// Reports made at the edge.
    edge_reports: u64,
}

impl Gateway {
    /// A gateway that has no life yet: it hears, but takes no client.
    #[must_use]
    pub fn new(config: &GatewayConfig) -> Self {
        let session_config = |comp_id: &str| Config {
            heartbeat_limits_secs: config.heartbeat_limits_secs,
            logon_timeout: config.logon_timeout,
            reset_on_logon: config.reset_on_logon,
            ..Config::acceptor(&config.comp_id, comp_id)
        };
        let clients: Vec<_> = config
            .clients
            .iter()
            .map(|entry| Client {
                id: entry.session,
                comp_id: entry.comp_id.clone(),
                fix: Session::new(
                    session_config(&entry.comp_id),
                    MemoryOutbox::new(config.resend_bytes, config.resend_messages),
                ),
                connection: None,
                owned: false,
                asked: None,
                opens_due: 0,
                at_exchange: false,
                logout_due: None,
                dirty: false,
                timer: None,
            })
            .collect();
        Self {
            outflow: Outflow {
                lane: Lane { gateway: config.gateway, incarnation: Incarnation(0) },
                admission: Admission::new(config.in_flight_limit),
            },
            latest: Incarnation(0),
            comp_id: config.comp_id.clone(),
            logon_timeout: config.logon_timeout,
            open: false,
            listings: Listings::default(),
            parties: Parties::default(),
            by_comp_id: clients
                .iter()
                .enumerate()
                .map(|(at, c)| (c.comp_id.clone().into_bytes(), at))
                .collect(),
            by_session: clients.iter().enumerate().map(|(at, c)| (c.id, at)).collect(),
            clients,
            strangers: BTreeMap::new(),
            connected: HashMap::default(),
            dirty: Vec::new(),
            timers: BinaryHeap::new(),
            logouts_due: 0,
            fields: FieldTable::new(),
            outbound: Outbound(0),
            halted: false,
            shed: 0,
            edge_reports: 0,
        }
    }

    /// Begins the life that was issued to this process: its first command. An error if the history shows a later one: nothing
    /// of this one would be taken any more.
    pub fn begin(&mut self, now: Nanos, incarnation: Incarnation, out: Out<'_>) -> Result<(), Overtaken> {
        assert!(!self.has_life(), "a process has one life, and this one's is {}", self.incarnation());
        if incarnation <= self.latest {
            return Err(Overtaken { own: incarnation, later: self.latest });
        }
        self.outflow.lane.incarnation = incarnation;
        let version = u32::from(wire::prelude::VERSION);
        self.outflow.send(now, &GatewayOpen { version, reserved: [0; 4] }, out);
        Ok(())
    }

    /// Takes a committed command of this gateway, in one of its lives. An error ends this one: another life has begun, or
    /// another process is in the same, and nothing that this one sends would be taken any more.
    pub fn handle_committed(&mut self, command: Numbered) -> Result<(), Overtaken> {
        let own = self.outflow.lane.incarnation;
        let Numbered { incarnation, number } = command;
        self.latest = self.latest.max(incarnation);
        if !self.has_life() || incarnation < own {
            return Ok(());
        }
        // A number of this life that it never gave is another process's, in the same incarnation.
        if incarnation > own || number > self.outflow.admission.numbered() {
            return Err(Overtaken { own, later: incarnation });
        }
        self.outflow.admission.handle_committed(number);
        Ok(())
    }

    /// Takes what a snapshot tells of the committed history, instead of all that led there. Nothing was heard before. Errors are as
    /// in [`Gateway::handle_committed`].
    pub(crate) fn begin_with(&mut self, known: Known) -> Result<(), Overtaken> {
        let Known { outbound, last, listings, parties, .. } = known;
        (self.outbound, self.listings, self.parties) = (outbound, listings, parties);
        let Some(last) = last else { return Ok(()) };
        self.handle_committed(last)?;
        // The first command of a life opens it.
        self.opened(Lane { incarnation: last.incarnation, ..self.outflow.lane });
        Ok(())
    }

    fn opened(&mut self, lane: Lane) {
        if lane == self.outflow.lane && self.has_life() {
            self.open = true;
            tracing::info!(incarnation = %lane.incarnation, "the exchange has opened this gateway's life");
        }
    }

    /// Takes an event that may be told, in order. Reports go out with the next [`Gateway::handle_time`].
    pub fn handle_event(&mut self, now: Nanos, event: &Event<'_>) -> Result<(), wire::FrameError> {
        let header = *event.header();
        self.outbound = header.outbound;
        let happening = event.happening()?;
        learn(&happening, &mut self.listings, &mut self.parties);
        if let Happening::GatewayOpened(opened) = happening {
            self.opened(Lane { gateway: opened.gateway, incarnation: opened.incarnation });
        }
        let Some(&at) = self.by_session.get(&{ header.session }) else { return Ok(()) };
        let client = &mut self.clients[at];
        match happening {
            Happening::SessionOpened(opened) => {
                let lane = Lane { gateway: opened.gateway, incarnation: opened.incarnation };
                self.session_opened(now, at, lane);
            }
            // Only the gateway that owns the session numbers its messages.
            _ if client.owned && reports::send(&mut client.fix, now, &header, &happening, &self.listings) => {
                self.mark(at);
            }
            _ => {}
        }
        Ok(())
    }

    fn session_opened(&mut self, now: Nanos, at: usize, owner: Lane) {
        let client = &mut self.clients[at];
        if owner == self.outflow.lane {
            // Even if the client is gone already: nobody else numbers its messages from here on.
            client.owned = true;
            client.opens_due = client.opens_due.saturating_sub(1);
            if client.opens_due == 0 && client.asked.take().is_some() {
                if client.fix.accept_logon(now).is_err() {
                    tracing::debug!(
                        client = client.comp_id,
                        "the client was gone before its logon was sequenced"
                    );
                }
                self.mark(at);
            }
        } else if client.owned {
            client.owned = false;
            client.at_exchange = client.asked.is_some();
            tracing::warn!(client = client.comp_id, gateway = %owner.gateway, "the session was taken over through another gateway");
            client.fix.logout(now, format_args!("logged on through another gateway"));
            self.mark(at);
        }
    }

    /// A client has connected.
    pub fn handle_connected(&mut self, now: Nanos, connection: ConnectionId) {
        let until = now.saturating_add(self.logon_timeout);
        self.strangers.insert(connection, Stranger { unread: Vec::new(), until });
    }

    /// A client has sent bytes.
    pub fn handle_bytes(&mut self, now: Nanos, connection: ConnectionId, bytes: &[u8], out: Out<'_>) {
        if let Some(&at) = self.connected.get(&connection) {
            self.clients[at].fix.handle_bytes(now, bytes);
            return self.pump(now, at, out);
        }
        let Some(stranger) = self.strangers.get_mut(&connection) else { return };
        stranger.unread.extend_from_slice(bytes);
        match identify(&stranger.unread, &mut self.fields) {
            Identity::Unknown => {}
            Identity::Garbled => {
                tracing::warn!(
                    connection = connection.0,
                    "the first bytes of a connection are no FIX message; closing it"
                );
                self.close_stranger(connection, out);
            }
            Identity::Named(comp_id) => self.introduce(now, connection, &comp_id, out),
        }
    }

    /// A connection has said who it is.
    fn introduce(&mut self, now: Nanos, connection: ConnectionId, comp_id: &[u8], out: Out<'_>) {
        let name = comp_id.escape_ascii();
        let Some(&at) = self.by_comp_id.get(comp_id) else {
            tracing::warn!(client = %name, "no session has this SenderCompID(49); closing the connection. Describe it as a [[session]] in cluster.toml");
            return self.close_stranger(connection, out);
        };
        let client = &mut self.clients[at];
        if client.connection.is_some() {
            tracing::warn!(client = %name, "the session is connected already; closing the newer connection");
            return self.close_stranger(connection, out);
        }
        let Some(stranger) = self.strangers.remove(&connection) else { return };
        client.connection = Some(connection);
        self.connected.insert(connection, at);
        client.fix.connected(now);
        client.fix.handle_bytes(now, &stranger.unread);
        self.pump(now, at, out);
    }

    fn close_stranger(&mut self, connection: ConnectionId, out: Out<'_>) {
        if self.strangers.remove(&connection).is_some() {
            out(Output::Close(connection));
        }
    }

    /// A client's connection is lost.
    pub fn handle_disconnected(&mut self, now: Nanos, connection: ConnectionId, out: Out<'_>) {
        self.strangers.remove(&connection);
        if let Some(at) = self.connected.remove(&connection) {
            self.clients[at].fix.disconnected(now);
            self.ended(now, at, LogoutReason::Disconnected, out);
        }
    }

    /// The connection of a session is over, whoever ended it: the exchange is told if the session was its gateway's.
    fn ended(&mut self, now: Nanos, at: usize, reason: LogoutReason, out: Out<'_>) {
        let client = &mut self.clients[at];
        client.connection = None;
        client.asked = None;
        if !std::mem::take(&mut client.at_exchange) {
            return;
        }
        // What rests in the book may still be filled: the reports are numbered and kept until the client comes back.
        tracing::info!(client = client.comp_id, ?reason, "session ended");
        if client.logout_due.replace(reason).is_none() {
            self.logouts_due += 1;
        }
        self.tell_logouts(now, out);
    }

    fn tell_logouts(&mut self, now: Nanos, out: Out<'_>) {
        if self.logouts_due == 0 {
            return;
        }
        for client in &mut self.clients {
            let Some(reason) = client.logout_due else { continue };
            let client_seq = u32::try_from(client.fix.next_in()).unwrap_or(u32::MAX);
            let logout = SessionLogout { session: client.id, client_seq, reason, reserved: [0; 7] };
            if !self.outflow.try_send(now, &logout, out) {
                return;
            }
            client.logout_due = None;
            self.logouts_due -= 1;
        }
    }

    fn mark(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.dirty {
            client.dirty = true;
            self.dirty.push(at);
        }
    }

    /// Time has passed: timers, what reports have gathered, what could not be told before.
    pub fn handle_time(&mut self, now: Nanos, out: Out<'_>) -> usize {
        let mut work = 0;
        while let Some(at) = self.dirty.pop() {
            self.clients[at].dirty = false;
            self.pump(now, at, out);
            work += 1;
        }
        while let Some(&Reverse((due, at))) = self.timers.peek()
            && due <= now
        {
            self.timers.pop();
            work += 1;
            if self.clients[at].timer != Some(due) {
                // An earlier one was set since, and has been handled or will be.
                continue;
            }
            self.clients[at].timer = None;
            self.give_up_logon(now, at);
            self.clients[at].fix.handle_timeout(now);
            self.pump(now, at, out);
        }
        while let Some((&connection, stranger)) = self.strangers.first_key_value()
            && stranger.until <= now
        {
            tracing::warn!(connection = connection.0, "no Logon came in time; closing the connection");
            self.close_stranger(connection, out);
            work += 1;
        }
        self.tell_logouts(now, out);
        work
    }

    /// The exchange has not sequenced the logon in time.
    fn give_up_logon(&mut self, now: Nanos, at: usize) {
        let client = &mut self.clients[at];
        if let Some(since) = client.asked
            && since.saturating_add(LOGON_PATIENCE) <= now
        {
            tracing::error!(
                client = client.comp_id,
                "the exchange core did not answer a logon in time: is the sequencer up, and an engine hot?"
            );
            let _ = client.fix.refuse_logon(
                now,
                Some(format_args!("the exchange core cannot be reached; try again later")),
            );
        }
    }

    /// The next moment at which there is something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        let timer = self.timers.peek().map(|Reverse((due, _))| *due);
        // Connections come in the order of their numbers, and all wait equally long.
        let stranger = self.strangers.values().next().map(|stranger| stranger.until);
        timer.into_iter().chain(stranger).min()
    }

    /// Carries out what a session's FIX core wants done.
    fn pump(&mut self, now: Nanos, at: usize, out: Out<'_>) {
        loop {
            let client = &mut self.clients[at];
            let Some(output) = client.fix.poll_output() else { break };
            let verdict = match output {
                fix::Output::Transmit(bytes) => {
                    if let Some(connection) = client.connection {
                        out(Output::Transmit(connection, bytes));
                    }
                    continue;
                }
                fix::Output::LogonRequested(logon) => {
                    let reset = if logon.reset { ResetSeqNums::Yes } else { ResetSeqNums::No };
                    let client_seq = u32::try_from(logon.seq).unwrap_or(u32::MAX);
                    let command = SessionLogon { session: client.id, client_seq, reset, reserved: [0; 7] };
                    self.ask_logon(now, at, &command, out);
                    continue;
                }
                fix::Output::LoggedOn { heartbeat_secs, reset } => {
                    tracing::info!(client = client.comp_id, heartbeat_secs, reset, "logged on");
                    continue;
                }
                fix::Output::Application(message) => {
                    requests::read(&message, client.id, &self.listings, &self.parties)
                }
                fix::Output::PeerRejected(message) => {
                    let text = message.get(tags::TEXT).unwrap_or_default().escape_ascii();
                    tracing::warn!(client = client.comp_id, %text, "the client rejected a message of ours");
                    continue;
                }
                fix::Output::LoggedOut { text } => {
                    let text = text.unwrap_or_default().escape_ascii();
                    tracing::info!(client = client.comp_id, %text, "the client logs out");
                    continue;
                }
                fix::Output::Disconnect(why) => {
                    tracing::info!(client = client.comp_id, %why, "closing the connection");
                    self.close(now, at, why, out);
                    continue;
                }
            };
            self.handle_request(now, at, verdict, out);
        }
        self.set_timer(at);
    }

    fn close(&mut self, now: Nanos, at: usize, why: fix::DisconnectReason, out: Out<'_>) {
        if let Some(connection) = self.clients[at].connection {
            self.connected.remove(&connection);
            out(Output::Close(connection));
        }
        let reason = match why {
            fix::DisconnectReason::PeerLogout | fix::DisconnectReason::LogoutComplete => {
                LogoutReason::Requested
            }
            _ => LogoutReason::Gateway,
        };
        self.ended(now, at, reason, out);
    }

    fn ask_logon(&mut self, now: Nanos, at: usize, command: &SessionLogon, out: Out<'_>) {
        let has_life = self.has_life();
        let client = &mut self.clients[at];
        let refusal = if !has_life {
            Some("the exchange is not reachable yet; try again in a moment")
        } else if !self.open {
            Some("the gateway is still catching up with the exchange; try again in a moment")
        } else if !self.outflow.try_send(now, command, out) {
            Some("the exchange is too busy; try again later")
        } else {
            None
        };
        match refusal {
            None => {
                client.asked = Some(now);
                client.opens_due += 1;
                client.at_exchange = true;
                // The last logon wins anyway; a logout told behind it would end what it began.
                if client.logout_due.take().is_some() {
                    self.logouts_due -= 1;
                }
            }
            Some(text) => {
                tracing::warn!(client = client.comp_id, text, "logon refused");
                // It cannot fail: the logon is pending, the core has just said so.
                let _ = client.fix.refuse_logon(now, Some(format_args!("{text}")));
            }
        }
    }

    /// Sends what a client asked for on its way, or tells it why not.
    fn handle_request(&mut self, now: Nanos, at: usize, verdict: Result<Request, Refusal>, out: Out<'_>) {
        let pressure = self.outflow.admission.pressure();
        let client = &mut self.clients[at];
        match (verdict, pressure) {
            (Ok(Request::New(order)), Pressure::Normal) if !self.halted => {
                self.outflow.send(now, &order, out);
            }
            (Ok(Request::New(order)), _) => {
                self.shed += 1;
                self.edge_reports += 1;
                let text = if self.halted { HALTED } else { TOO_BUSY };
                let refused = reports::refusal_of(&order, &self.listings, text);
                let exec_id = EdgeId { lane: self.outflow.lane, count: self.edge_reports };
                reports::refuse_order(&mut client.fix, now, &exec_id, &refused);
            }
            (Ok(Request::Replace(replace)), _) if self.halted => {
                let refused = reports::refusal_of_replace(&replace, HALTED);
                reports::refuse_cancel(&mut client.fix, now, &refused);
            }
            (
                Ok(
                    Request::Cancel(CancelOrder { cl_ord_id, .. })
                    | Request::Replace(ReplaceOrder { cl_ord_id, .. })
                    | Request::MassCancel(MassCancel { cl_ord_id, .. }),
                ),
                Pressure::Full,
            ) => {
                let text =
                    format_args!("the exchange core cannot be reached; nothing was changed, try again later");
                let request = std::str::from_utf8(cl_ord_id.as_bytes()).expect("a name is printable ASCII");
                client.fix.business_reject_current(now, 4, request, text);
            }
            (Ok(Request::Cancel(cancel)), _) => self.outflow.send(now, &cancel, out),
            (Ok(Request::Replace(replace)), _) => self.outflow.send(now, &replace, out),
            (Ok(Request::MassCancel(cancel)), _) => self.outflow.send(now, &cancel, out),
            (Err(Refusal::Unsupported), _) => {
                client.fix.unsupported_current(now);
            }
            (Err(Refusal::Field(error)), _) => {
                client.fix.reject_current(now, &error);
            }
            (Err(Refusal::Order(refused)), _) => {
                self.edge_reports += 1;
                let exec_id = EdgeId { lane: self.outflow.lane, count: self.edge_reports };
                reports::refuse_order(&mut client.fix, now, &exec_id, &refused);
            }
            (Err(Refusal::Cancel(refused)), _) => reports::refuse_cancel(&mut client.fix, now, &refused),
            (Err(Refusal::Mass(refused)), _) => reports::refuse_mass(&mut client.fix, now, &refused),
        }
    }

    /// Sets the session's timer if it is due earlier than it is set for. One that is set too early only looks and sets
    /// itself again, so traffic does not have to move it.
    fn set_timer(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let logon = client.asked.map(|since| since.saturating_add(LOGON_PATIENCE));
        let Some(due) = client.fix.next_deadline().into_iter().chain(logon).min() else { return };
        if client.timer.is_none_or(|set| due < set) {
            client.timer = Some(due);
            self.timers.push(Reverse((due, at)));
        }
    }

    /// Ends every session in order: a Logout to each client that is logged on, and the exchange is told. Nobody stays to
    /// hear the clients' answers.
    pub fn handle_shutdown(&mut self, now: Nanos, out: Out<'_>) {
        for at in 0..self.clients.len() {
            self.clients[at].fix.logout(now, format_args!("the gateway is shutting down"));
            self.pump(now, at, out);
            if self.clients[at].connection.is_some() {
                self.clients[at].fix.disconnected(now);
                self.close(now, at, fix::DisconnectReason::LogoutTimeout, out);
            }
        }
    }

    /// The exchange's CompID.
    #[must_use]
    pub fn comp_id(&self) -> &str {
        &self.comp_id
    }

    /// The life of this process; 0 until it was given one.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.outflow.lane.incarnation
    }

    fn has_life(&self) -> bool {
        self.incarnation() != Incarnation(0)
    }

    /// Whether clients can log on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The commands on their way.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.outflow.admission
    }

    /// Sessions that are logged on.
    #[must_use]
    pub fn logged_on(&self) -> usize {
        self.connected.values().filter(|at| self.clients[**at].fix.is_logged_on()).count()
    }

    /// Says whether anything new may be begun: not while engines differ and nobody knows which one is wrong.
    pub fn set_halted(&mut self, halted: bool) {
        self.halted = halted;
    }

    /// Whether new orders and replaces are refused since engines differ.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// New orders refused since the exchange was too busy, or halted.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.shed
    }

    /// The last event that was taken.
    #[must_use]
    pub fn outbound(&self) -> Outbound {
        self.outbound
    }
}
