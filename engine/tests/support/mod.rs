//! What the tests share: a log that stamps frames, a desk with an exchange behind it, events as owned values.

#![allow(dead_code, unreachable_pub, unused_imports)]

mod floor;
mod lines;
mod said;

use engine::{EventSink, Exchange, Limits, Replica};
pub use floor::*;
pub use lines::lines;
pub use said::{Said, Told};
use wire::command::{
    CancelOrder, DefineInstrument, InstrumentTerms, NewOrder, ReplaceOrder, ResetSeqNums, SessionLogon, Side,
    Terms,
};
use wire::event::{self, OrderStatus, RejectReason, ResponseTo, Speaker};
use wire::frame::{self, Origin};
use wire::{
    AccountId, ClOrdId, CommandBody, Epoch, Event, Frame, Incarnation, InstrumentId, MAX_FRAME_LEN, Nanos,
    NodeId, OrderId, Position, Price, Qty, SessionId, SourceSeq, Symbol,
};

pub const GATEWAY: NodeId = NodeId(10);
pub const LIFE: Incarnation = Incarnation(3);
pub const ALICE: SessionId = SessionId(1);
pub const BOB: SessionId = SessionId(2);
/// Tick 5, lot 10.
pub const ACME: InstrumentId = InstrumentId(1);

/// Small enough to be reached by a test, large enough for most.
pub const LIMITS: Limits = Limits {
    instruments: 8,
    sessions: 8,
    resting_orders: 1 << 12,
    names: 1 << 18,
    accounts: 16,
    holdings: 64,
    participants: 8,
    currencies: 4,
    trades: 32,
    levels: 1 << 8,
    events_reserved: 64,
};

/// The sequencer's end of the history.
#[derive(Clone)]
pub struct Log {
    pub last: Position,
    pub epoch: Epoch,
    pub now: Nanos,
}

impl Log {
    pub fn new() -> Self {
        Self { last: Position::GENESIS, epoch: Epoch(1), now: Nanos(1_000) }
    }

    pub fn stamp<B: CommandBody>(&mut self, source: NodeId, incarnation: Incarnation, body: &B) -> Vec<u8> {
        let mut bytes = [0; MAX_FRAME_LEN];
        let origin = Origin { source, incarnation, source_seq: SourceSeq(1), received: Nanos(1) };
        let length = frame::write(&mut bytes, origin, body);
        self.now = Nanos(self.now.0 + 1);
        self.last = frame::stamp(&mut bytes[..length], self.last, self.epoch, self.now);
        bytes[..length].to_vec()
    }
}

/// Decodes the events of the last frame from a sealed copy of their bytes, as a gateway would.
pub fn told(replica: &Replica<Exchange>) -> Vec<Told> {
    replica
        .events()
        .map(|bytes| {
            let mut bytes = bytes.to_vec();
            event::speak(&mut bytes, Speaker::default());
            let event = Event::read(&bytes).expect("a spoken event is whole");
            assert_eq!(event.cause(), replica.position());
            let header = event.header();
            Told {
                outbound: header.outbound,
                session: header.session,
                report: header.report,
                said: event.happening().expect("the engine writes bodies that can be read").into(),
            }
        })
        .collect()
}

/// An exchange with Alice and Bob logged on and one instrument.
pub struct Desk {
    pub replica: Replica<Exchange>,
    pub log: Log,
}

impl Desk {
    pub fn empty(limits: Limits) -> Self {
        let exchange = Exchange::new(limits).expect("the test's limits can be granted");
        let sink = EventSink::with_capacity(limits.events_reserved as usize);
        Self { replica: Replica::new(exchange, sink), log: Log::new() }
    }

    pub fn with_limits(limits: Limits) -> Self {
        let mut desk = Self::empty(limits);
        desk.send(&define(ACME, b"ACME"));
        desk.send(&logon(ALICE));
        desk.send(&logon(BOB));
        desk
    }

    pub fn new() -> Self {
        Self::with_limits(LIMITS)
    }

    pub fn send<B: CommandBody>(&mut self, body: &B) -> Vec<Told> {
        self.send_from(GATEWAY, LIFE, body)
    }

    pub fn send_from<B: CommandBody>(
        &mut self,
        gateway: NodeId,
        incarnation: Incarnation,
        body: &B,
    ) -> Vec<Told> {
        let bytes = self.log.stamp(gateway, incarnation, body);
        self.apply(&bytes)
    }

    /// Applies a stamped frame.
    pub fn apply(&mut self, bytes: &[u8]) -> Vec<Told> {
        let frame = Frame::read(bytes).expect("just stamped");
        self.replica.apply(&frame).expect("the next frame of the same log");
        told(&self.replica)
    }

    pub fn audit(&self) {
        self.replica.machine().audit().expect("the state agrees with itself");
    }
}

pub fn name(text: &str) -> ClOrdId {
    ClOrdId::new(text.as_bytes()).expect("the test's names are short and printable")
}

/// An instrument in continuous price-time trading without checks: tick 5, lot 10.
pub fn define(instrument: InstrumentId, symbol: &[u8]) -> DefineInstrument {
    let symbol = Symbol::new(symbol).expect("the test's symbols are short and printable");
    DefineInstrument { terms: InstrumentTerms::plain(instrument, symbol, 2, Price(5), Qty(10)) }
}

pub fn logon(session: SessionId) -> SessionLogon {
    SessionLogon { session, client_seq: 1, reset: ResetSeqNums::No, reserved: [0; 7] }
}

/// A limit order for the day.
pub fn order(session: SessionId, text: &str, side: Side, qty: u64, price: i64) -> NewOrder {
    NewOrder {
        session,
        client_seq: 2,
        terms: Terms::limit(ACME, side, Price(price), Qty(qty)),
        cl_ord_id: name(text),
        account: AccountId(7),
    }
}

/// The same order with other terms.
pub fn but(order: NewOrder, change: impl FnOnce(&mut Terms)) -> NewOrder {
    let mut terms = order.terms;
    change(&mut terms);
    NewOrder { terms, ..order }
}

/// The same replace with other terms.
pub fn replace_but(replace: ReplaceOrder, change: impl FnOnce(&mut Terms)) -> ReplaceOrder {
    let mut terms = replace.terms;
    change(&mut terms);
    ReplaceOrder { terms, ..replace }
}

pub fn cancel(session: SessionId, text: &str, orig: &str, side: Side) -> CancelOrder {
    CancelOrder {
        session,
        client_seq: 3,
        instrument: ACME,
        side,
        reserved: [0; 3],
        cl_ord_id: name(text),
        orig_cl_ord_id: name(orig),
    }
}

pub fn replace(session: SessionId, text: &str, orig: &str, side: Side, qty: u64, price: i64) -> ReplaceOrder {
    ReplaceOrder {
        session,
        client_seq: 4,
        terms: Terms::limit(ACME, side, Price(price), Qty(qty)),
        cl_ord_id: name(text),
        orig_cl_ord_id: name(orig),
    }
}

/// The reason of a rejected order, and the earlier order of its name.
pub fn rejected(told: &[Told]) -> (RejectReason, OrderId) {
    match told {
        [Told { said: Said::Rejected(body), .. }] => {
            assert_eq!({ body.order.order }, OrderId(0));
            assert_eq!(body.order.status, OrderStatus::Rejected);
            (body.reason, body.original)
        }
        other => panic!("one rejection was expected: {other:#?}"),
    }
}

/// The reason of a rejected order.
pub fn reason(told: &[Told]) -> RejectReason {
    rejected(told).0
}

/// Reason, order, status and kind of a refused request.
pub fn cancel_rejected(told: &[Told]) -> (RejectReason, OrderId, OrderStatus, ResponseTo) {
    match told {
        [Told { said: Said::CancelRejected(body), .. }] => {
            (body.reason, body.order, body.status, body.response_to)
        }
        other => panic!("one refused request was expected: {other:#?}"),
    }
}

/// The number of an accepted order.
pub fn accepted(told: &[Told]) -> OrderId {
    match told.first() {
        Some(Told { said: Said::Accepted(body), .. }) => body.order.order,
        other => panic!("the order was to be accepted: {other:#?}"),
    }
}

/// Price, quantity and orders of every level, best first.
pub fn book(desk: &Desk, side: Side) -> Vec<(i64, u64, u32)> {
    let book = desk.replica.machine().book(ACME).expect("defined");
    assert_eq!(book.depth(side), book.levels(side).count());
    assert_eq!(book.best(side), book.levels(side).next());
    book.levels(side).map(|level| (level.price.0, level.qty.0, level.orders)).collect()
}
