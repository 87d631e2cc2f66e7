//! A small exchange for tests: FIX acceptors on a loopback port that acknowledge, fill and reject by a fixed rule.
#![allow(clippy::unwrap_used, reason = "test support: what goes wrong here shall fail the test")]

use fix::tags::{self, msg_type};
use fix::{Config, Fields, MemoryOutbox, Message, Output, Session};
use hashbrown::HashMap;
use node::Clock;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How the exchange misbehaves, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It does not.
    Well,
    /// Logons of this CompID are refused with a text.
    Refuses(&'static str),
    /// Connections are closed before a word is said.
    Hangs,
    /// A connection is closed in the middle, after so many requests on it.
    ClosesAfter(u64),
    /// Requests are not answered any more, after so many on a connection.
    SilentAfter(u64),
    /// Every ExecID is the same.
    RepeatsExecId,
    /// Every request is answered by a BusinessMessageReject.
    RejectsAll,
}

/// Runs until dropped.
pub(crate) struct Exchange {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    manner: Manner,
    stop: Arc<AtomicBool>,
    exec_ids: AtomicU64,
}

impl Exchange {
    pub(crate) fn start(manner: Manner) -> Exchange {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared { manner, stop: Arc::clone(&stop), exec_ids: AtomicU64::new(1) });
        let thread = std::thread::spawn(move || {
            let mut clients = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                if shared.stop.load(Ordering::Acquire) {
                    break;
                }
                let shared = Arc::clone(&shared);
                clients.push(std::thread::spawn(move || serve(stream, &shared)));
            }
            for client in clients {
                client.join().unwrap();
            }
        });
        Exchange { address, stop, thread: Some(thread) }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

struct Order {
    number: u64,
    qty: u64,
    cum: u64,
    open: bool,
}

#[derive(Default)]
struct Book {
    names: HashMap<Vec<u8>, usize, rustc_hash::FxBuildHasher>,
    orders: Vec<Order>,
    requests: u64,
}

/// What is said of an order.
struct Saying<'a> {
    kind: char,
    status: char,
    name: &'a [u8],
    orig: &'a [u8],
    last: u64,
    text: &'a str,
}

impl Saying<'_> {
    fn write(&self, fields: &mut Fields<'_>, order: &Order, exec_id: u64, price: &[u8]) {
        fields.u64(tags::ORDER_ID, order.number);
        fields.bytes(tags::CL_ORD_ID, self.name);
        fields.bytes(tags::ORIG_CL_ORD_ID, self.orig);
        fields.u64(tags::EXEC_ID, exec_id);
        fields.char(tags::EXEC_TYPE, self.kind);
        fields.char(tags::ORD_STATUS, self.status);
        fields.str(tags::SYMBOL, "AMZN");
        fields.char(tags::SIDE, '1');
        if self.last > 0 {
            fields.u64(tags::LAST_QTY, self.last);
            fields.bytes(tags::LAST_PX, price);
        }
        fields.u64(tags::LEAVES_QTY, if order.open { order.qty - order.cum } else { 0 });
        fields.u64(tags::CUM_QTY, order.cum);
        fields.u64(tags::AVG_PX, 0);
        fields.str(tags::TEXT, self.text);
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    if shared.manner == Manner::Hangs {
        return;
    }
    let clock = Clock::start();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut session = Session::new(Config::acceptor("LOCKSTEP", ""), MemoryOutbox::new(1 << 20, 4_096));
    session.connected(clock.now());
    let mut book = Book::default();
    let mut buffer = vec![0; 64 << 10];
    let mut replies = Vec::new();
    while !shared.stop.load(Ordering::Acquire) {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(_) => return,
        };
        let now = clock.now();
        session.handle_bytes(now, &buffer[..read]);
        loop {
            let mut decision = None;
            replies.clear();
            match session.poll_output() {
                None => break,
                Some(Output::Transmit(bytes)) => {
                    if stream.write_all(bytes).is_err() {
                        return;
                    }
                }
                Some(Output::LogonRequested(request)) => {
                    decision = Some(match shared.manner {
                        Manner::Refuses(client) => request.comp_id != client.as_bytes(),
                        _ => true,
                    });
                }
                Some(Output::Application(message)) => {
                    book.requests += 1;
                    match shared.manner {
                        Manner::ClosesAfter(n) if book.requests > n => return,
                        Manner::SilentAfter(n) if book.requests > n => {}
                        Manner::RejectsAll => replies.push((msg_type::BUSINESS_MESSAGE_REJECT, Vec::new())),
                        _ => answer(&mut book, shared, &message, &mut replies),
                    }
                }
                Some(Output::Disconnect(_)) => return,
                Some(_) => {}
            }
            match decision {
                Some(true) => session.accept_logon(now).unwrap(),
                Some(false) => {
                    session.refuse_logon(now, Some(format_args!("the account is closed"))).unwrap();
                }
                None => {}
            }
            for (kind, body) in &replies {
                if *kind == msg_type::BUSINESS_MESSAGE_REJECT {
                    session.business_reject_current(now, 4, "", format_args!("the market is closed"));
                } else {
                    session.send(now, kind, |fields| fields.raw(body));
                }
            }
        }
    }
}

/// The rule: each 11th request that is a new order is rejected; immediate orders are filled by half and cancelled; each 5th
/// resting order is filled in two parts; cancels and replaces are done if the order is open.
fn answer(
    book: &mut Book,
    shared: &Shared,
    message: &Message<'_>,
    replies: &mut Vec<(&'static str, Vec<u8>)>,
) {
    let name = message.required(tags::CL_ORD_ID).unwrap();
    let price = message.get(tags::PRICE).unwrap_or(b"1").to_owned();
    let mut say = |order: &Order, saying: &Saying<'_>| {
        let exec_id = match shared.manner {
            Manner::RepeatsExecId => 1,
            _ => shared.exec_ids.fetch_add(1, Ordering::Relaxed),
        };
        let mut body = Vec::with_capacity(256);
        saying.write(&mut Fields::new(&mut body), order, exec_id, &price);
        replies.push((msg_type::EXECUTION_REPORT, body));
    };
    let plain = Saying { kind: '0', status: '0', name, orig: b"", last: 0, text: "" };
    if message.msg_type() == b"D" {
        let qty = message.u64(tags::ORDER_QTY).unwrap();
        let number = book.orders.len() as u64 + 1;
        let mut order = Order { number, qty, cum: 0, open: true };
        if book.requests.is_multiple_of(11) {
            order.open = false;
            say(&order, &Saying { kind: '8', status: '8', text: "not today", ..plain });
            return;
        }
        say(&order, &plain);
        let immediate = message.get(tags::TIME_IN_FORCE) == Some(b"3");
        if immediate || number.is_multiple_of(5) {
            let half = qty / 2;
            for last in [half, qty - half] {
                if last == 0 || (immediate && order.cum > 0) {
                    continue;
                }
                order.cum += last;
                order.open = order.cum < qty;
                let status = if order.open { '1' } else { '2' };
                say(&order, &Saying { kind: 'F', status, last, ..plain });
            }
        }
        if immediate && order.open {
            order.open = false;
            say(&order, &Saying { kind: '4', status: '4', ..plain });
        }
        book.names.insert(name.to_owned(), book.orders.len());
        book.orders.push(order);
        return;
    }
    let orig = message.required(tags::ORIG_CL_ORD_ID).unwrap();
    let replace = message.msg_type() == b"G";
    let at = book.names.get(orig).copied();
    let qty = message.u64(tags::ORDER_QTY).unwrap();
    match at.map(|at| (at, &mut book.orders[at])) {
        Some((at, order)) if order.open && (!replace || qty > order.cum) => {
            if replace {
                order.qty = qty;
                say(order, &Saying { kind: '5', orig, ..plain });
                book.names.insert(name.to_owned(), at);
            } else {
                order.open = false;
                say(order, &Saying { kind: '4', status: '4', orig, ..plain });
            }
        }
        _ => {
            let mut body = Vec::new();
            let mut fields = Fields::new(&mut body);
            fields.str(tags::ORDER_ID, "NONE");
            fields.bytes(tags::CL_ORD_ID, name);
            fields.bytes(tags::ORIG_CL_ORD_ID, orig);
            fields.char(tags::ORD_STATUS, '8');
            fields.char(tags::CXL_REJ_RESPONSE_TO, if replace { '2' } else { '1' });
            fields.str(tags::TEXT, "too late");
            replies.push((msg_type::ORDER_CANCEL_REJECT, body));
        }
    }
}
