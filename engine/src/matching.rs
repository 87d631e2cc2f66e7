//! Orders meet: price-time priority, execution at the price of the resting order.
//!
//! - **New.** Checked in a fixed order: session, duplicate name, instrument, quantity (zero, lot, largest), price (positive,
//!   tick, highest), room. Accepted, then matched against the best of the other side for as long as prices cross; each
//!   match tells the maker's fill, then the taker's, under one trade number. What is left of a limit order rests; of an
//!   immediate one it is cancelled. A market order is immediate whatever its time in force, and has no price.
//! - **Cancel.** Checked: session, duplicate request name, order (unknown, too late), instrument and side as the order's.
//! - **Replace.** Checked like a cancel, then like a new order, then that the new total quantity is above what is filled.
//!   The order keeps its number. It keeps its place in the queue only if the price stays and the quantity falls;
//!   otherwise it goes through the book like a new one, and may match.
//!
//! **Room.** An order that could rest needs a free place among the resting orders, even if it would be filled at once: the
//! answer must not depend on a trial. And as many names stay reserved as there are resting orders, so that however full the
//! exchange is, every order in it can be cancelled.

use crate::book::{Book, BookView};
use crate::checks;
use crate::exchange::Violation;
use crate::instruments::Instruments;
use crate::names::{Fate, Key, NameId, Names};
use crate::orders::{Order, Orders, Slot};
use crate::sessions::{Owner, Sessions};
use crate::{EventSink, Limits};
use wire::command::{CancelOrder, NewOrder, OrderType, ReplaceOrder, Side, TimeInForce};
use wire::event::{
    Accepted, CancelReason, CancelRejected, Cancelled, Filled, Liquidity, OrderStatus, OrderView,
    RejectReason, Rejected, Replaced, ResponseTo,
};
use wire::{ClOrdId, EventBody, InstrumentId, Notional, OrderId, Price, Qty, Seq, SessionId, TradeId};

/// Every book, and the orders and names in them.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    /// Dense by instrument number; a place without an instrument holds an empty book that nothing reaches.
    books: Vec<Book>,
    orders: Orders,
    /// Has room for at least one more name per resting order.
    names: Names,
    last_trade: TradeId,
    levels_reserved: usize,
}

/// What matching needs of the rest of the exchange for one command.
pub(crate) struct Desk<'a> {
    /// The number of the command; a new order is named by it.
    pub(crate) seq: Seq,
    /// Which gateway's life sent it.
    pub(crate) from: Owner,
    pub(crate) instruments: &'a Instruments,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) events: &'a mut EventSink,
}

impl Desk<'_> {
    fn tell<B: EventBody>(&mut self, session: SessionId, body: &B) {
        self.sessions.tell(self.events, session, body);
    }
}

/// Why a new order is not taken.
struct Refusal {
    reason: RejectReason,
    /// The earlier order of the same name, or 0.
    original: OrderId,
}

impl From<RejectReason> for Refusal {
    fn from(reason: RejectReason) -> Self {
        Self { reason, original: OrderId(0) }
    }
}

/// The order that a cancel or replace names.
struct Target {
    order: OrderId,
    status: OrderStatus,
    slot: Result<Slot, RejectReason>,
}

impl Target {
    fn nobody(reason: RejectReason) -> Self {
        Self { order: OrderId(0), status: OrderStatus::Rejected, slot: Err(reason) }
    }
}

/// True if what is not matched at once stays in the book.
fn rests(order_type: OrderType, time_in_force: TimeInForce) -> bool {
    order_type == OrderType::Limit && time_in_force != TimeInForce::ImmediateOrCancel
}

impl Order {
    /// Whether it would trade at this price.
    fn accepts(&self, price: Price) -> bool {
        match (self.order_type, self.side) {
            (OrderType::Market, _) => true,
            (OrderType::Limit, Side::Buy) => price <= self.price,
            (OrderType::Limit, Side::Sell) => price >= self.price,
        }
    }
}

impl Matching {
    /// No orders; room as the limits say.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            books: vec![Book::new(0); limits.instruments as usize],
            orders: Orders::new(limits.resting_orders),
            names: Names::new(limits.names),
            last_trade: TradeId(0),
            levels_reserved: limits.levels_reserved as usize,
        }
    }

    /// Makes room for the book of an instrument that was just defined.
    pub(crate) fn open_book(&mut self, instrument: InstrumentId) {
        self.books[instrument.0 as usize] = Book::new(self.levels_reserved);
    }

    /// A look at the book of a defined instrument.
    pub(crate) fn view(&self, instrument: InstrumentId) -> BookView<'_> {
        BookView { book: &self.books[instrument.0 as usize], orders: &self.orders }
    }

    /// How many orders rest in all books.
    pub(crate) fn resting(&self) -> usize {
        self.orders.live()
    }

    /// How many client order ids were used.
    pub(crate) fn names_used(&self) -> usize {
        self.names.len()
    }

    /// A new order: accepted and matched, or rejected.
    pub(crate) fn new_order(&mut self, asked: &NewOrder, desk: &mut Desk<'_>) {
        let session = asked.session;
        let key = Key::new(session, asked.cl_ord_id);
        let mut order = Order {
            id: OrderId(desk.seq.0),
            price: asked.price,
            qty: asked.qty,
            cum: Qty(0),
            notional: Notional(0),
            next: Slot::NONE,
            prev: Slot::NONE,
            name: NameId::NONE,
            instrument: asked.instrument,
            session,
            account: asked.account,
            cl_ord_id: asked.cl_ord_id,
            side: asked.side,
            order_type: asked.order_type,
            time_in_force: asked.time_in_force,
        };
        if let Err(refusal) = self.may_enter(&order, asked.client_seq, &key, desk) {
            let body = Rejected {
                order: OrderView {
                    order: OrderId(0),
                    status: OrderStatus::Rejected,
                    leaves: Qty(0),
                    ..order.view()
                },
                original: refusal.original,
                reason: refusal.reason,
                reserved: [0; 7],
            };
            return desk.tell(session, &body);
        }
        if order.order_type == OrderType::Market {
            order.price = Price(0);
        }
        order.name = self.names.insert(&key, order.id, Fate::Spent);
        desk.tell(session, &Accepted { order: order.view() });
        self.match_and_settle(order, desk);
    }

    /// A cancel: the order leaves the book, or the request is rejected.
    pub(crate) fn cancel(&mut self, asked: &CancelOrder, desk: &mut Desk<'_>) {
        let (session, request) = (asked.session, asked.cl_ord_id);
        let key = Key::new(session, request);
        let target = self.target(session, asked.client_seq, asked.orig_cl_ord_id, desk);
        let found = self.may_touch(&target, &key, (asked.instrument, asked.side));
        let slot = match found {
            Ok(slot) => slot,
            Err(reason) => {
                let named = (asked.instrument, request, asked.orig_cl_ord_id);
                return refuse(desk, session, &target, ResponseTo::Cancel, reason, named);
            }
        };
        let order = self.take_out(slot);
        self.names.insert(&key, order.id, Fate::Spent);
        self.names.settle(order.name, Fate::Done(OrderStatus::Cancelled));
        let body = Cancelled {
            order: order.cancelled(),
            request,
            reason: CancelReason::Requested,
            reserved: [0; 3],
        };
        desk.tell(session, &body);
        self.check_command(&order, desk.seq);
    }

    /// A replace: the order changes (and may match), or the request is rejected.
    pub(crate) fn replace(&mut self, asked: &ReplaceOrder, desk: &mut Desk<'_>) {
        let (session, request, orig_cl_ord_id) = (asked.session, asked.cl_ord_id, asked.orig_cl_ord_id);
        let key = Key::new(session, request);
        let target = self.target(session, asked.client_seq, orig_cl_ord_id, desk);
        let found = self
            .may_touch(&target, &key, (asked.instrument, asked.side))
            .and_then(|slot| self.may_change(slot, asked, desk.instruments).map(|()| slot));
        let slot = match found {
            Ok(slot) => slot,
            Err(reason) => {
                let named = (asked.instrument, request, orig_cl_ord_id);
                return refuse(desk, session, &target, ResponseTo::Replace, reason, named);
            }
        };
        let (price, qty) = (asked.price, asked.qty);
        let resting = &self.orders[slot];
        let (old_name, old_qty) = (resting.name, resting.qty);
        let keeps_place = price == resting.price && qty < old_qty;
        self.names.settle(old_name, Fate::Spent);
        let name = self.names.insert(&key, target.order, Fate::Resting(slot));
        if keeps_place {
            let book = &mut self.books[resting.instrument.0 as usize];
            book.reduce(&mut self.orders, slot, Qty(old_qty.0 - qty.0));
            let order = &mut self.orders[slot];
            order.rename(name, asked);
            desk.tell(session, &Replaced { order: order.view(), orig_cl_ord_id, reserved: [0; 4] });
            self.check_command(&self.orders[slot], desk.seq);
        } else {
            let mut order = self.take_out(slot);
            order.rename(name, asked);
            order.price = price;
            order.qty = qty;
            desk.tell(session, &Replaced { order: order.view(), orig_cl_ord_id, reserved: [0; 4] });
            self.match_and_settle(order, desk);
        }
    }

    /// The checks of a new order, in their fixed order. Every order type goes with every time in force.
    fn may_enter(
        &self,
        order: &Order,
        client_seq: u32,
        key: &Key,
        desk: &mut Desk<'_>,
    ) -> Result<(), Refusal> {
        if !desk.sessions.hear(order.session, desk.from, client_seq) {
            return Err(RejectReason::NotLoggedOn.into());
        }
        if let Some(name) = self.names.find(key) {
            let original = self.names.get(name).order;
            return Err(Refusal { reason: RejectReason::DuplicateClOrdId, original });
        }
        let instrument = desk.instruments.get(order.instrument).ok_or(RejectReason::UnknownInstrument)?;
        checks::quantity_and_price(instrument, order.order_type, order.qty, order.price)?;
        let rests = rests(order.order_type, order.time_in_force);
        if rests && self.orders.is_full() || self.names.room() < self.orders.live() + 1 + usize::from(rests) {
            return Err(RejectReason::BookFull.into());
        }
        Ok(())
    }

    /// The order of this session that a request names.
    fn target(&self, session: SessionId, client_seq: u32, orig: ClOrdId, desk: &mut Desk<'_>) -> Target {
        if !desk.sessions.hear(session, desk.from, client_seq) {
            return Target::nobody(RejectReason::NotLoggedOn);
        }
        let Some(name) = self.names.find(&Key::new(session, orig)) else {
            return Target::nobody(RejectReason::UnknownOrder);
        };
        let name = self.names.get(name);
        match name.fate {
            Fate::Resting(slot) => {
                Target { order: name.order, status: self.orders[slot].status(), slot: Ok(slot) }
            }
            Fate::Done(status) => Target { order: name.order, status, slot: Err(RejectReason::TooLate) },
            Fate::Spent => Target::nobody(RejectReason::UnknownOrder),
        }
    }

    /// The checks that cancel and replace share, behind the session's: request name, order, instrument and side.
    fn may_touch(
        &self,
        target: &Target,
        request: &Key,
        named: (InstrumentId, Side),
    ) -> Result<Slot, RejectReason> {
        if target.slot == Err(RejectReason::NotLoggedOn) {
            return target.slot;
        }
        if self.names.find(request).is_some() {
            return Err(RejectReason::DuplicateClOrdId);
        }
        let slot = target.slot?;
        let order = &self.orders[slot];
        if (order.instrument, order.side) != named {
            return Err(RejectReason::OrderMismatch);
        }
        Ok(slot)
    }

    /// The checks of a replace behind those.
    fn may_change(
        &self,
        slot: Slot,
        asked: &ReplaceOrder,
        instruments: &Instruments,
    ) -> Result<(), RejectReason> {
        let order = &self.orders[slot];
        if asked.order_type != order.order_type {
            return Err(RejectReason::OrderMismatch);
        }
        let instrument = instruments.get(order.instrument).ok_or(RejectReason::UnknownInstrument)?;
        checks::quantity_and_price(instrument, asked.order_type, asked.qty, asked.price)?;
        if !rests(asked.order_type, asked.time_in_force) {
            return Err(RejectReason::UnsupportedOrder);
        }
        let qty = asked.qty;
        if qty <= order.cum {
            return Err(RejectReason::QuantityBelowFilled);
        }
        if self.names.room() < self.orders.live() + 1 {
            return Err(RejectReason::BookFull);
        }
        Ok(())
    }

    /// Takes a resting order out of book and slab.
    fn take_out(&mut self, slot: Slot) -> Order {
        let order = self.orders[slot].clone();
        self.books[order.instrument.0 as usize].remove(&mut self.orders, slot);
        self.orders.free(slot);
        order
    }

    /// Matches an order that stands in no book, then rests or cancels what is left of it.
    fn match_and_settle(&mut self, mut order: Order, desk: &mut Desk<'_>) {
        self.sweep(&mut order, desk);
        let fate = if order.leaves() == Qty(0) {
            Fate::Done(OrderStatus::Filled)
        } else if rests(order.order_type, order.time_in_force) {
            let slot = self.orders.insert(order.clone());
            self.books[order.instrument.0 as usize].add(&mut self.orders, slot);
            Fate::Resting(slot)
        } else {
            let reason = match order.order_type {
                OrderType::Market => CancelReason::NoLiquidity,
                OrderType::Limit => CancelReason::ImmediateRemainder,
            };
            let body =
                Cancelled { order: order.cancelled(), request: ClOrdId::default(), reason, reserved: [0; 3] };
            desk.tell(order.session, &body);
            Fate::Done(OrderStatus::Cancelled)
        };
        self.names.settle(order.name, fate);
        self.check_command(&order, desk.seq);
    }

    /// Matches against the best of the other side for as long as prices cross.
    fn sweep(&mut self, taker: &mut Order, desk: &mut Desk<'_>) {
        let book = &mut self.books[taker.instrument.0 as usize];
        let other = taker.side.opposite();
        while taker.leaves() > Qty(0) {
            let Some(slot) = book.best(other) else { break };
            let maker = &mut self.orders[slot];
            let price = maker.price;
            if !taker.accepts(price) {
                break;
            }
            let qty = maker.leaves().min(taker.leaves());
            self.last_trade.0 += 1;
            maker.fill(price, qty);
            taker.fill(price, qty);
            let mut fill = Filled {
                order: maker.view(),
                last_price: price,
                last_qty: qty,
                trade: self.last_trade,
                contra: taker.id,
                liquidity: Liquidity::Maker,
                reserved: [0; 7],
            };
            desk.tell(maker.session, &fill);
            (fill.order, fill.contra, fill.liquidity) = (taker.view(), maker.id, Liquidity::Taker);
            desk.tell(taker.session, &fill);
            if maker.leaves() == Qty(0) {
                self.names.settle(maker.name, Fate::Done(OrderStatus::Filled));
            }
            book.fill_best(&mut self.orders, other, qty);
        }
    }

    /// What must hold after a command that touched this order: the book is not crossed, and the levels that could have
    /// changed agree with their orders. The uncrossed book is checked in every build, the levels in debug builds.
    fn check_command(&self, order: &Order, seq: Seq) {
        let book = &self.books[order.instrument.0 as usize];
        assert!(
            book.is_uncrossed(),
            "book of instrument {} is crossed after command {seq}",
            order.instrument
        );
        if cfg!(debug_assertions) {
            for side in [Side::Buy, Side::Sell] {
                let prices = [book.best_price(side), (side == order.side).then_some(order.price)];
                for price in prices.into_iter().flatten() {
                    assert!(
                        book.level_holds(&self.orders, order.instrument, side, price),
                        "level {price} of instrument {} disagrees with its orders after command {seq}",
                        order.instrument
                    );
                }
            }
            assert!(
                self.names.room() >= self.orders.live(),
                "no name is left for a cancel after command {seq}"
            );
        }
    }

    /// Checks the whole state; the instruments are those that are defined.
    pub(crate) fn audit(&self, instruments: &Instruments) -> Result<(), Violation> {
        let mut found = 0;
        for instrument in instruments.iter().map(|instrument| instrument.id) {
            let book = &self.books[instrument.0 as usize];
            if !book.is_uncrossed() {
                return Err(Violation::Crossed { instrument });
            }
            for side in [Side::Buy, Side::Sell] {
                for (level, holds) in book.audit(&self.orders, instrument, side) {
                    if !holds {
                        return Err(Violation::Level { instrument, side, price: level.price });
                    }
                    found += level.orders as usize;
                }
            }
        }
        let named = self.names.resting().filter(|(name, slot)| self.orders[*slot].name == *name).count();
        let live = self.orders.live();
        if found != live || named != live || self.names.resting().count() != live {
            return Err(Violation::Lost { live, found, named });
        }
        let (room, resting) = (self.names.room(), live);
        if room < resting { Err(Violation::NamesShort { room, resting }) } else { Ok(()) }
    }
}

impl Order {
    /// Takes over what a replace changes beside price and quantity.
    fn rename(&mut self, name: NameId, asked: &ReplaceOrder) {
        self.name = name;
        self.cl_ord_id = asked.cl_ord_id;
        self.time_in_force = asked.time_in_force;
    }
}

/// Tells that a cancel or replace is refused. `named`: instrument, request and order as the client named them.
fn refuse(
    desk: &mut Desk<'_>,
    session: SessionId,
    target: &Target,
    response_to: ResponseTo,
    reason: RejectReason,
    named: (InstrumentId, ClOrdId, ClOrdId),
) {
    let (instrument, request, orig_cl_ord_id) = named;
    let body = CancelRejected {
        order: target.order,
        instrument,
        status: target.status,
        response_to,
        reason,
        reserved: 0,
        request,
        orig_cl_ord_id,
    };
    desk.tell(session, &body);
}
