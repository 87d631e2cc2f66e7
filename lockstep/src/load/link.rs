//! One session and its socket: bytes in, what the exchange says to the orders, bytes out.

use super::execution::Execution;
use super::orders::Orders;
use super::record::ExecutionLog;
use super::request::{Request, RequestId};
use super::source::Gate;
use fix::tags::msg_type;
use fix::{Config, DisconnectReason, MemoryOutbox, Message, Output, Session};
use node::Clock;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use wire::Nanos;

/// HeartBtInt(108), in seconds.
const HEARTBEAT_SECS: u64 = 30;
/// What a session keeps for resends.
const OUTBOX_BYTES: usize = 1 << 20;
const OUTBOX_MESSAGES: usize = 8_192;
/// With more bytes than this that the socket does not take, no more requests are made.
const BUSY_BYTES: usize = 32 << 10;
/// One session reads at most this often before it is the next one's turn.
const READS_PER_TURN: u32 = 8;
/// How often a full socket is tried again.
const RETRY: Nanos = Nanos::MILLI;
/// How long the exchange may take to answer our Logout.
const LOGOUT_TIMEOUT: Nanos = Nanos(2 * Nanos::SECOND.0);
/// In the table by MsgSeqNum(34): no request, but a message of the session's own.
const NO_REQUEST: u32 = u32::MAX;

/// A session that ended against our wish, or never began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its CompID.
    pub client: String,
    /// Where it was connected.
    pub gateway: SocketAddr,
    /// Why, with the words of the gateway if it said any.
    pub why: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {} at {}: {}", self.client, self.gateway, self.why)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    LoggingOn,
    Up,
    LoggingOut,
    /// The end; with a reason if it was not our wish.
    Closed(Option<String>),
}

/// Where what the exchange says is written down.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) orders: Orders,
    pub(super) log: Option<ExecutionLog>,
}

/// One session, its connection, and what is not written yet.
#[derive(Debug)]
pub(super) struct Link {
    client: String,
    index: u16,
    gateway: SocketAddr,
    stream: TcpStream,
    session: Session<MemoryOutbox>,
    state: State,
    /// Bytes that the socket did not take.
    unwritten: Vec<u8>,
    /// The socket takes nothing more; reading will tell why.
    broken: bool,
    /// The request of each MsgSeqNum(34), for rejects that name nothing else. The first number is 1.
    by_seq: Vec<u32>,
    /// Text(58) of the peer's Logout.
    farewell: Option<String>,
}

impl Link {
    /// Connects, and begins to log on.
    pub(super) fn connect(
        now: Nanos,
        index: u16,
        client: &str,
        exchange: &str,
        gateway: SocketAddr,
        connect_timeout: Nanos,
        logon_timeout: Nanos,
    ) -> Result<Self, Lost> {
        let lost = |error: io::Error| Lost {
            client: client.into(),
            gateway,
            why: format!("cannot connect ({error}); is the gateway running, and is this its FIX address?"),
        };
        let stream = TcpStream::connect_timeout(&gateway, Duration::from_nanos(connect_timeout.0.max(1)))
            .map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        stream.set_nonblocking(true).map_err(lost)?;
        let config = Config {
            reset_on_logon: true,
            heartbeat_secs: HEARTBEAT_SECS,
            logon_timeout,
            logout_timeout: LOGOUT_TIMEOUT,
            ..Config::initiator(client, exchange)
        };
        let mut session = Session::new(config, MemoryOutbox::new(OUTBOX_BYTES, OUTBOX_MESSAGES));
        session.connected(now);
        Ok(Self {
            client: client.into(),
            index,
            gateway,
            stream,
            session,
            state: State::LoggingOn,
            unwritten: Vec::new(),
            broken: false,
            by_seq: Vec::new(),
            farewell: None,
        })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    pub(super) fn gate(&self) -> Gate {
        match self.state {
            State::Up if self.broken || self.unwritten.len() > BUSY_BYTES => Gate::Busy,
            State::Up => Gate::Open,
            State::LoggingOn => Gate::Busy,
            State::LoggingOut | State::Closed(_) => Gate::Lost,
        }
    }

    /// If it ended against our wish: how.
    pub(super) fn lost(&self) -> Option<Lost> {
        match &self.state {
            State::Closed(Some(why)) => {
                Some(Lost { client: self.client.clone(), gateway: self.gateway, why: why.clone() })
            }
            _ => None,
        }
    }

    pub(super) fn sequence_gaps(&self) -> u64 {
        self.session.counters().gaps_asked
    }

    pub(super) fn next_deadline(&self, now: Nanos) -> Option<Nanos> {
        let retry = (!self.unwritten.is_empty()).then(|| now.saturating_add(RETRY));
        [self.session.next_deadline(), retry].into_iter().flatten().min()
    }

    /// Reads what there is, and does what time demands. Gives the bytes read, 0 once the socket is empty.
    pub(super) fn work(&mut self, clock: Clock, desk: &mut Desk, buffer: &mut [u8]) -> usize {
        if self.is_closed() {
            return 0;
        }
        let mut more = 0;
        for turn in 0..READS_PER_TURN {
            match self.stream.read(buffer) {
                Ok(0) => {
                    let hint = match self.state {
                        State::LoggingOn => {
                            " without a word: does it know this CompID and this TargetCompID?"
                        }
                        _ => "",
                    };
                    self.close(clock.now(), format!("the gateway closed the connection{hint}"));
                    return 0;
                }
                Ok(n) => {
                    let now = clock.now();
                    self.session.handle_bytes(now, &buffer[..n]);
                    self.poll(now, desk);
                    // A stream that gave less than was asked for is empty; what comes later wakes us again.
                    if n < buffer.len() || self.is_closed() {
                        break;
                    }
                    if turn == READS_PER_TURN - 1 {
                        more = n;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.close(clock.now(), format!("the connection broke: {error}"));
                    return 0;
                }
            }
        }
        let now = clock.now();
        if self.session.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.session.handle_timeout(now);
        }
        self.poll(now, desk);
        self.write_rest();
        more
    }

    /// Sends a request; its bytes wait for [`Link::flush`]. Gives its number.
    pub(super) fn send(&mut self, now: Nanos, request: &Request, orders: &mut Orders) -> RequestId {
        let (id, cites) = orders.send(now, *request);
        let name = orders.name(id);
        let cites = cites.map(|cites| orders.name(cites));
        let instrument = &orders.instruments()[usize::from(request.instrument)];
        let account = orders.account(request.session);
        let seq = self.session.send(now, request.action.msg_type(), |fields| {
            request.write(fields, now, instrument, account, &name, cites.as_ref());
        });
        let place = usize::try_from(seq).expect("as many messages as fit in memory");
        self.by_seq.resize(place, NO_REQUEST);
        self.by_seq.push(id.0);
        id
    }

    /// Gives the bytes of requests to the socket.
    pub(super) fn flush(&mut self, now: Nanos, desk: &mut Desk) {
        if !self.is_closed() {
            self.poll(now, desk);
        }
    }

    /// Begins to log out, or just leaves if it is not up.
    pub(super) fn logout(&mut self, now: Nanos, desk: &mut Desk) {
        match self.state {
            State::Up => {
                self.state = State::LoggingOut;
                self.session.logout(now, format_args!("the run is over"));
                self.poll(now, desk);
            }
            State::LoggingOn => self.leave(now),
            State::LoggingOut | State::Closed(_) => {}
        }
    }

    /// The end, whatever the gateway says.
    pub(super) fn leave(&mut self, now: Nanos) {
        if !self.is_closed() {
            self.end(now, None);
        }
    }

    fn close(&mut self, now: Nanos, what: String) {
        let why = match (&self.state, &self.farewell) {
            // It was our wish to end.
            (State::LoggingOut, _) => None,
            (_, None) => Some(what),
            (_, Some(text)) => Some(format!("{what}, it said: {text}")),
        };
        self.end(now, why);
    }

    fn end(&mut self, now: Nanos, why: Option<String>) {
        self.session.disconnected(now);
        self.unwritten.clear();
        self.state = State::Closed(why);
        // The peer may be gone already: then there is nothing to shut down.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    fn write_rest(&mut self) {
        if !self.unwritten.is_empty() && !self.broken {
            let written = write(&mut self.stream, &self.unwritten, &mut self.broken);
            self.unwritten.drain(..written);
        }
    }

    fn poll(&mut self, now: Nanos, desk: &mut Desk) {
        let mut ended: Option<DisconnectReason> = None;
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    let written = if self.unwritten.is_empty() && !self.broken {
                        write(&mut self.stream, bytes, &mut self.broken)
                    } else {
                        0
                    };
                    if !self.broken {
                        self.unwritten.extend_from_slice(&bytes[written..]);
                    }
                }
                Output::LoggedOn { .. } => self.state = State::Up,
                Output::Application(message) => {
                    hear(desk, now, &self.client, self.index, &self.by_seq, &message);
                }
                Output::PeerRejected(message) => {
                    refusal(desk, now, self.index, &self.by_seq, &Execution::read(&message));
                }
                Output::LoggedOut { text } => {
                    self.farewell = text.map(|text| String::from_utf8_lossy(text).into_owned());
                }
                Output::Disconnect(why) => ended = Some(why),
                // Only an acceptor is asked.
                Output::LogonRequested(_) => {}
            }
        }
        if let Some(why) = ended {
            self.close(now, why.to_string());
        }
    }
}

/// Writes as much as the socket takes.
fn write(stream: &mut TcpStream, bytes: &[u8], broken: &mut bool) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => {
                *broken = true;
                break;
            }
        }
    }
    written
}

fn hear(desk: &mut Desk, now: Nanos, client: &str, session: u16, by_seq: &[u32], message: &Message<'_>) {
    let kind = message.msg_type();
    let report = Execution::read(message);
    if kind == msg_type::EXECUTION_REPORT.as_bytes() {
        desk.orders.handle_execution(now, session, &report);
        if let Some(log) = &mut desk.log {
            log.write(now, client, &report);
        }
    } else if kind == msg_type::ORDER_CANCEL_REJECT.as_bytes() {
        desk.orders.handle_cancel_reject(now, session, &report);
    } else if kind == msg_type::BUSINESS_MESSAGE_REJECT.as_bytes() {
        refusal(desk, now, session, by_seq, &report);
    }
    // Market data, news and the like are not for us.
}

/// A reject names the request by its ClOrdID, or by the number of its message.
fn refusal(desk: &mut Desk, now: Nanos, session: u16, by_seq: &[u32], report: &Execution<'_>) {
    let by_name = desk.orders.request_of(session, report.name);
    let by_number = || {
        let place = usize::try_from(report.ref_seq?).ok()?;
        by_seq.get(place).filter(|id| **id != NO_REQUEST).map(|id| RequestId(*id))
    };
    match by_name.or_else(by_number) {
        Some(id) => desk.orders.handle_refusal(now, id, report),
        None => desk.orders.handle_stray_refusal(report),
    }
}
