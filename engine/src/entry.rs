//! New orders: checked in the rulebook's order, accepted, then sent on their course.

use crate::accounts::{Accounts, Exposure, HoldingId};
use crate::checks;
use crate::exchange::{Exchange, Turn};
use crate::expiry::Timer;
use crate::instruments::{Instrument, Market};
use crate::names::{Fate, Key, Names};
use crate::orders::{Order, Place, accepts};
use crate::risk::{self, Request};
use book::Slot;
use cluster::planted::is_poison;
use wire::command::{Checks, NewOrder, Phase, PostOnly, Side, Terms, TimeInForce, Trading};
use wire::event::{
    Accepted, CancelReason, Cancelled, OrderStatus, OrderView, RejectReason, Rejected, Triggered,
};
use wire::{AccountId, ClOrdId, Notional, OrderId, ParticipantId, Price, Qty};

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

/// What admission found out about a new order.
struct Admission {
    market: Market,
    /// The worst price that it can trade at.
    limit: Price,
    place: Place,
    participant: ParticipantId,
    /// Its account's holding, if there is one yet.
    holding: HoldingId,
}

/// Whether an order comes in for the first time, or again after it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    First,
    Again,
}

impl Order {
    /// What its account keeps for it.
    pub(crate) fn exposure(&self) -> Exposure {
        Exposure { holding: self.holding, side: self.side(), limit: self.limit }
    }
}

impl Exchange {
    /// A new order: accepted and sent on its course, or rejected.
    pub(crate) fn new_order(&mut self, asked: &NewOrder, turn: &mut Turn<'_>) {
        #[cfg(lockstep_planted)]
        let asked = &self.astray.read(asked);
        let session = asked.session;
        let key = self.names.key(session, asked.cl_ord_id);
        let terms = checks::normal(&asked.terms);
        let view = OrderView {
            order: OrderId(turn.seq.0),
            terms,
            status: OrderStatus::New,
            reserved: [0; 3],
            cum: Qty(0),
            leaves: terms.qty,
            notional: Notional(0),
            cl_ord_id: asked.cl_ord_id,
            account: asked.account,
        };
        let Admission { market, limit, place, participant, holding } =
            match self.admit(asked, &terms, &key, turn) {
                Ok(admission) => admission,
                Err(Refusal { reason, original }) => {
                    let (order, status, leaves) = (OrderId(0), OrderStatus::Rejected, Qty(0));
                    let order = OrderView { order, terms: asked.terms, status, leaves, ..view };
                    return self.tell(turn, session, &Rejected { order, original, reason, reserved: [0; 7] });
                }
            };
        let name = self.names.insert(&key, view.order, Fate::Spent);
        assert!(!is_poison({ asked.cl_ord_id }.as_bytes()), "a planted panic at order {}", { view.order });
        let timer = Timer::NONE;
        let mut order = Order { view, limit, session, participant, name, holding, timer, place };
        if Accounts::are_asked(market.checks) {
            if holding == HoldingId::NONE {
                let made = self.accounts.find_or_make(asked.account, market.id);
                order.holding = made.expect("admission has seen that there is room");
            }
            self.accounts.open(&market, order.exposure(), order.leaves());
        }
        self.tell(turn, session, &Accepted { order: order.view });
        self.enter(&mut order, &market, Entry::First, turn);
    }

    /// The checks of a new order.
    fn admit(
        &mut self,
        asked: &NewOrder,
        terms: &Terms,
        key: &Key,
        turn: &Turn<'_>,
    ) -> Result<Admission, Refusal> {
        let session = asked.session;
        if !self.sessions.hear(session, turn.from, asked.client_seq) {
            return Err(RejectReason::NotLoggedOn.into());
        }
        if let Some(name) = self.names.find(key) {
            let original = self.names.get(name).order;
            return Err(Refusal { reason: RejectReason::DuplicateClOrdId, original });
        }
        let instrument = self.instruments.get(terms.instrument).ok_or(RejectReason::UnknownInstrument)?;
        if !checks::go_together(terms) {
            return Err(RejectReason::UnsupportedOrder.into());
        }
        checks::numbers(instrument, terms, turn.stamp)?;
        let market = instrument.market;
        if !checks::phase_takes(market.phase, terms) {
            return Err(RejectReason::NotInThisPhase.into());
        }
        checks::bands(instrument, terms)?;
        let limit = checks::limit(instrument, terms);
        let place = first_place(market.phase, terms);
        let participant = self.sessions.participant(session);
        let rests = place != Place::Book
            || market.phase != Phase::Continuous
            || !(checks::is_immediate(terms) || checks::is_unpriced(terms));
        let found = self.room(&market, asked.account, rests)?;
        self.permits(market.checks, asked.account, participant)?;
        if Accounts::are_asked(market.checks) {
            let qty = terms.qty;
            let request = Request { side: terms.side, limit, qty, open: qty, before: None };
            self.within_limits(&market, asked.account, found, &request)?;
            if market.is_funded() {
                self.accounts.affords(&market, asked.account, found, terms.side, (limit, qty), None)?;
            }
        }
        if place == Place::Book && self.would_take(terms, limit, &market) {
            return Err(RejectReason::WouldTake.into());
        }
        Ok(Admission { market, limit, place, participant, holding: found.unwrap_or(HoldingId::NONE) })
    }

    /// Whether there is room for another order, its names, and its account's holding, which is given if there is one.
    fn room(
        &self,
        market: &Market,
        account: AccountId,
        rests: bool,
    ) -> Result<Option<HoldingId>, RejectReason> {
        let names = self.shelf.len() + 1 + usize::from(rests);
        if rests && self.shelf.is_full() || self.names.room() < names {
            return Err(RejectReason::BookFull);
        }
        if !Accounts::are_asked(market.checks) {
            return Ok(None);
        }
        let holding = self.accounts.find(account, market.id);
        if holding.is_none() && !self.accounts.has_room() {
            return Err(RejectReason::BookFull);
        }
        Ok(holding)
    }

    /// Whether the participant may trade for this account.
    fn permits(
        &self,
        checks: Checks,
        account: AccountId,
        participant: ParticipantId,
    ) -> Result<(), RejectReason> {
        match self.accounts.owner(account) {
            None if Accounts::are_asked(checks) => return Err(RejectReason::UnknownAccount),
            Some(owner) if owner != participant => return Err(RejectReason::AccountNotPermitted),
            _ => {}
        }
        self.may_trade(participant)
    }

    /// Whether the participant's kill switch is not thrown.
    pub(crate) fn may_trade(&self, participant: ParticipantId) -> Result<(), RejectReason> {
        match self.accounts.trading(participant) {
            Some(Trading::Stopped) => Err(RejectReason::ParticipantStopped),
            Some(Trading::Allowed) | None => Ok(()),
        }
    }

    /// Whether the account's limits allow what is asked.
    pub(crate) fn within_limits(
        &self,
        market: &Market,
        account: AccountId,
        holding: Option<HoldingId>,
        request: &Request,
    ) -> Result<(), RejectReason> {
        let limits = self.accounts.limits(account, holding);
        let held = holding.map(|id| *self.accounts.holding(id)).unwrap_or_default();
        risk::allows(&limits, &held, market, request)
    }

    /// Whether a post-only order would match if it came in now.
    pub(crate) fn would_take(&self, terms: &Terms, limit: Price, market: &Market) -> bool {
        let best = || self.best_price(market, terms.side.opposite());
        market.phase == Phase::Continuous
            && terms.post_only == PostOnly::Yes
            && best().is_some_and(|price| accepts(terms.side, limit, price))
    }

    /// The best price of a side of the book.
    pub(crate) fn best_price(&self, market: &Market, side: Side) -> Option<Price> {
        self.shelf.best_key(market.book(side)).map(|key| market.price(key))
    }

    /// Sends an order that was told (as accepted, or as replaced) to where it belongs.
    pub(crate) fn enter(&mut self, order: &mut Order, market: &Market, entry: Entry, turn: &mut Turn<'_>) {
        let continuous = market.phase == Phase::Continuous;
        if continuous && order.place == Place::Stop && self.is_reached(order) {
            order.place = Place::Book;
            self.tell(turn, order.session, &Triggered { order: order.view });
        }
        if continuous && order.place == Place::Book {
            self.go(order, market, entry, turn);
            self.activate_stops(market, turn);
        } else {
            self.rest(order, market);
        }
    }

    /// Whether the last trade price meets the order's stop price.
    fn is_reached(&mut self, order: &Order) -> bool {
        let Instrument { last, .. } = *self.instruments.of_order(order.instrument());
        let stop = order.terms().stop_price;
        last != Price(0)
            && match order.side() {
                Side::Buy => last >= stop,
                Side::Sell => last <= stop,
            }
    }

    /// An open order is over: it leaves its ladder, what it needed is released, its owner is told.
    pub(crate) fn cancel_open(
        &mut self,
        slot: Slot,
        reason: CancelReason,
        request: ClOrdId,
        turn: &mut Turn<'_>,
    ) {
        self.shelf.leave(slot);
        self.stop_timer(slot);
        let order = self.shelf.order_mut(slot);
        let market = &self.instruments.of_order(order.instrument()).market;
        end(order, market, reason, &mut self.accounts, &mut self.names);
        let body = Cancelled { order: order.view, request, reason, reserved: [0; 3] };
        self.sessions.tell(turn.events, order.session, &body);
        self.shelf.free(slot);
    }

    /// An order that is not on the shelf is over: what it needed is released, its owner is told.
    pub(crate) fn cancel(
        &mut self,
        order: &mut Order,
        market: &Market,
        reason: CancelReason,
        turn: &mut Turn<'_>,
    ) {
        end(order, market, reason, &mut self.accounts, &mut self.names);
        let body = Cancelled { order: order.view, request: ClOrdId::default(), reason, reserved: [0; 3] };
        self.tell(turn, order.session, &body);
    }
}

/// An order that is filled no further: what it needed is released, and its name says what became of it.
fn end(order: &mut Order, market: &Market, reason: CancelReason, accounts: &mut Accounts, names: &mut Names) {
    accounts.close(market, order.exposure(), order.leaves());
    order.view.status = match reason {
        CancelReason::Expired | CancelReason::AuctionRemainder => OrderStatus::Expired,
        _ => OrderStatus::Cancelled,
    };
    order.view.leaves = Qty(0);
    names.settle(order.name, Fate::Done(order.view.status));
}

/// Where a new order would stand: stops and orders at the close wait until their time has come.
fn first_place(phase: Phase, terms: &Terms) -> Place {
    if checks::is_stop(terms) {
        Place::Stop
    } else if terms.time_in_force == TimeInForce::AtTheClose && phase != Phase::ClosingAuction {
        Place::Waiting
    } else {
        Place::Book
    }
}
