//! Cancels and replaces of one order by its owner.

use crate::accounts::Accounts;
use crate::checks;
use crate::entry::Entry;
use crate::exchange::{Exchange, Turn};
use crate::expiry::{Expiry, Timer};
use crate::names::{Fate, Key, NameId};
use crate::orders::{Order, Place};
use crate::risk::Request;
use book::Slot;
use wire::command::{CancelOrder, Phase, ReplaceOrder, Side, Terms, TimeInForce};
use wire::event::{CancelReason, CancelRejected, OrderStatus, RejectReason, Replaced, ResponseTo};
use wire::{ClOrdId, InstrumentId, Nanos, OrderId, Price, Qty, SessionId};

/// The order that a request names.
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

/// An order as a replace makes it.
struct Change {
    terms: Terms,
    limit: Price,
    leaves: Qty,
    keeps_place: bool,
}

impl Exchange {
    /// A cancel: the order is over, or the request is rejected.
    pub(crate) fn cancel_order(&mut self, asked: &CancelOrder, turn: &mut Turn<'_>) {
        let (session, request) = (asked.session, asked.cl_ord_id);
        let key = self.names.key(session, request);
        let target = self.target(session, asked.client_seq, asked.orig_cl_ord_id, turn);
        match self.may_touch(&target, &key, asked.instrument, asked.side) {
            Ok(slot) => {
                self.names.insert(&key, target.order, Fate::Spent);
                self.cancel_open(slot, CancelReason::Requested, request, turn);
            }
            Err(reason) => {
                let named = (asked.instrument, request, asked.orig_cl_ord_id);
                self.refuse(session, &target, ResponseTo::Cancel, reason, named, turn);
            }
        }
    }

    /// A replace: the order changes (and may match), or the request is rejected.
    pub(crate) fn replace_order(&mut self, asked: &ReplaceOrder, turn: &mut Turn<'_>) {
        let (session, request, orig_cl_ord_id) = (asked.session, asked.cl_ord_id, asked.orig_cl_ord_id);
        let instrument = { asked.terms }.instrument;
        let key = self.names.key(session, request);
        let target = self.target(session, asked.client_seq, orig_cl_ord_id, turn);
        let found = self
            .may_touch(&target, &key, instrument, { asked.terms }.side)
            .and_then(|slot| self.may_change(slot, &asked.terms, turn.stamp).map(|change| (slot, change)));
        let (slot, change) = match found {
            Ok(found) => found,
            Err(reason) => {
                let named = (instrument, request, orig_cl_ord_id);
                return self.refuse(session, &target, ResponseTo::Replace, reason, named, turn);
            }
        };
        let market = self.instruments.of_order(instrument).market;
        let old = self.shelf.order(slot).name;
        self.names.settle(old, Fate::Spent);
        let name = self.names.insert(&key, target.order, Fate::Open(slot));
        if change.keeps_place {
            let order = self.shelf.order_mut(slot);
            let (was, before) = (order.exposure(), order.leaves());
            let timed = { order.terms().expire } != { change.terms.expire };
            order.rename(name, request);
            order.take_over(&change);
            let (is, view, place) = (order.exposure(), order.view, order.place);
            let showing = order.showing();
            self.shelf.reduce(slot, Qty(before.0 - change.leaves.0));
            if place == Place::Stop {
                // What a waiting stop will show when it joins the book; in the book the display stays.
                self.shelf.show(slot, showing);
            }
            if timed {
                self.retime(slot);
            }
            self.accounts.change(&market, was, before, Qty(0));
            self.accounts.change(&market, is, Qty(0), change.leaves);
            self.tell(turn, session, &Replaced { order: view, orig_cl_ord_id, reserved: [0; 4] });
        } else {
            let mut order = self.take_out(slot);
            self.accounts.change(&market, order.exposure(), order.leaves(), Qty(0));
            order.rename(name, request);
            order.take_over(&change);
            self.accounts.change(&market, order.exposure(), Qty(0), order.leaves());
            self.tell(turn, session, &Replaced { order: order.view, orig_cl_ord_id, reserved: [0; 4] });
            self.enter(&mut order, &market, Entry::Again, turn);
        }
    }

    /// The order of this session that a request names.
    fn target(&mut self, session: SessionId, client_seq: u32, orig: ClOrdId, turn: &Turn<'_>) -> Target {
        if !self.sessions.hear(session, turn.from, client_seq) {
            return Target::nobody(RejectReason::NotLoggedOn);
        }
        let Some(name) = self.names.find(&self.names.key(session, orig)) else {
            return Target::nobody(RejectReason::UnknownOrder);
        };
        let name = self.names.get(name);
        match name.fate {
            Fate::Open(slot) => {
                Target { order: name.order, status: self.shelf.order(slot).view.status, slot: Ok(slot) }
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
        instrument: InstrumentId,
        side: Side,
    ) -> Result<Slot, RejectReason> {
        if target.slot == Err(RejectReason::NotLoggedOn) {
            return target.slot;
        }
        if self.names.find(request).is_some() {
            return Err(RejectReason::DuplicateClOrdId);
        }
        let slot = target.slot?;
        let order = self.shelf.order(slot);
        if (order.instrument(), order.side()) != (instrument, side) {
            return Err(RejectReason::OrderMismatch);
        }
        Ok(slot)
    }

    /// The checks of a replace behind those, and what would come of it.
    fn may_change(&self, slot: Slot, asked: &Terms, now: Nanos) -> Result<Change, RejectReason> {
        let order = self.shelf.order(slot);
        let own = order.terms();
        let mut terms = checks::normal(asked);
        let stays =
            |time| matches!(time, TimeInForce::Day | TimeInForce::GoodTillCancel | TimeInForce::GoodTillDate);
        let (was, is) = (own.time_in_force, terms.time_in_force);
        if terms.order_type != own.order_type || !(was == is || stays(was) && stays(is)) {
            return Err(RejectReason::OrderMismatch);
        }
        // The minimum was for entry.
        terms.min_qty = Qty(0);
        if !checks::go_together(&terms) {
            return Err(RejectReason::UnsupportedOrder);
        }
        let instrument = self.instruments.get(own.instrument).ok_or(RejectReason::UnknownInstrument)?;
        checks::numbers(instrument, &terms, now)?;
        terms.min_qty = own.min_qty;
        let (qty, cum) = (terms.qty, order.view.cum);
        if qty <= cum {
            return Err(RejectReason::QuantityBelowFilled);
        }
        let market = &instrument.market;
        if matches!(market.phase, Phase::Closed | Phase::Halted) {
            return Err(RejectReason::NotInThisPhase);
        }
        if order.place == Place::Book {
            terms.stop_price = own.stop_price;
        }
        checks::bands(instrument, &terms)?;
        if self.names.room() < self.shelf.len() + 1 {
            return Err(RejectReason::BookFull);
        }
        self.may_trade(self.sessions.participant(order.session))?;
        let leaves = Qty(qty.0 - cum.0);
        let standing = |terms: &Terms| match order.place {
            Place::Book | Place::Waiting => (terms.price, terms.display),
            Place::Stop => (terms.stop_price, Qty(0)),
        };
        let keeps_place = standing(own) == standing(&terms) && qty < { own.qty };
        let limit =
            if keeps_place && order.is_unpriced() { order.limit } else { checks::limit(instrument, &terms) };
        if Accounts::are_asked(market.checks) {
            let (side, before) = (terms.side, order.leaves());
            let holding = Some(order.holding);
            let request = Request { side, limit, qty, open: leaves, before: Some(before) };
            self.within_limits(market, order.view.account, holding, &request)?;
            if market.is_funded() {
                let held = Some((order.limit, before));
                self.accounts.affords(market, order.view.account, holding, side, (limit, leaves), held)?;
            }
        }
        let change = Change { terms, limit, leaves, keeps_place };
        if order.place == Place::Book && !keeps_place && self.would_take(&change.terms, limit, market) {
            return Err(RejectReason::WouldTake);
        }
        Ok(change)
    }

    /// Puts an order among those that expire, or takes it from there, as its terms say now.
    fn retime(&mut self, slot: Slot) {
        let order = self.shelf.order(slot);
        let (timer, at, id) = (order.timer, order.terms().expire, order.id());
        let shelf = &mut self.shelf;
        let mut moved = |slot, timer| shelf.order_mut(slot).timer = timer;
        if timer != Timer::NONE {
            self.expiries.remove(timer, &mut moved);
        }
        if at != Nanos(0) {
            self.expiries.insert(Expiry { at, order: id, slot }, moved);
        }
    }

    /// Tells that a cancel or replace is refused. `named`: instrument, request and order as the client named them.
    fn refuse(
        &mut self,
        session: SessionId,
        target: &Target,
        response_to: ResponseTo,
        reason: RejectReason,
        named: (InstrumentId, ClOrdId, ClOrdId),
        turn: &mut Turn<'_>,
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
        self.tell(turn, session, &body);
    }
}

impl Order {
    fn rename(&mut self, name: NameId, cl_ord_id: ClOrdId) {
        self.name = name;
        self.view.cl_ord_id = cl_ord_id;
    }

    /// Takes over what a replace changes.
    fn take_over(&mut self, change: &Change) {
        self.view.terms = change.terms;
        self.limit = change.limit;
        self.view.leaves = change.leaves;
    }
}
