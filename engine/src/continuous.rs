//! Continuous trading: an active order meets the other side of the book.

use crate::entry::Entry;
use crate::exchange::{Exchange, Turn};
use crate::instruments::Market;
use crate::names::Fate;
use crate::orders::{Order, Place};
use crate::trades::{Party, Trade};
use book::Slot;
use wire::command::{Algorithm, SelfTrade, Side, TimeInForce};
use wire::event::{CancelReason, Filled, Liquidity, OrderStatus, Restated};
use wire::{ClOrdId, OrderId, Price, Qty, TradeId};

/// How an order met one of its own participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// The incoming order goes on.
    GoesOn,
    /// It is cancelled.
    IsCancelled,
}

/// A match, as both of its sides see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub(crate) trade: TradeId,
    pub(crate) price: Price,
    pub(crate) qty: Qty,
}

/// What a match is for one of its sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    pub(crate) contra: OrderId,
    pub(crate) liquidity: Liquidity,
    /// The rate of its fee, in millionths.
    pub(crate) rate: u32,
}

impl Exchange {
    /// An active order: matched, and what is left rests or is cancelled.
    pub(crate) fn go(&mut self, order: &mut Order, market: &Market, entry: Entry, turn: &mut Turn<'_>) {
        if let Some(reason) = self.falls_short(order, market, entry) {
            return self.cancel(order, market, reason, turn);
        }
        let met = self.sweep(order, market, turn);
        let reason = if met == Own::IsCancelled {
            CancelReason::SelfTrade
        } else if order.leaves() == Qty(0) {
            return self.names.settle(order.name, Fate::Done(OrderStatus::Filled));
        } else if order.is_unpriced() {
            CancelReason::NoLiquidity
        } else if order.is_immediate() {
            CancelReason::ImmediateRemainder
        } else {
            // What an order leaves on the other side it did not accept: the book is never crossed.
            let best = self.best_price(market, order.side().opposite());
            assert!(
                best.is_none_or(|price| !order.accepts(price)),
                "order {} would cross the book",
                order.id()
            );
            return self.rest(order, market);
        };
        self.cancel(order, market, reason, turn);
    }

    /// Why an order is cancelled at once that must be filled by some quantity now and cannot be.
    fn falls_short(&self, order: &Order, market: &Market, entry: Entry) -> Option<CancelReason> {
        let terms = order.terms();
        let (least, reason) = match (terms.time_in_force, entry) {
            (TimeInForce::FillOrKill, _) => (order.leaves(), CancelReason::FillOrKill),
            (_, Entry::First) => (terms.min_qty, CancelReason::MinimumQuantity),
            (_, Entry::Again) => (Qty(0), CancelReason::MinimumQuantity),
        };
        if least == Qty(0) {
            return None;
        }
        let mut found = 0;
        for level in self.shelf.levels(market.book(order.side().opposite())) {
            if found >= least.0 || !order.accepts(market.price(level.key())) {
                break;
            }
            if watches(order) && self.shelf.queue(level).any(|slot| self.is_own(order, slot)) {
                break;
            }
            found += level.total().0;
        }
        (found < least.0).then_some(reason)
    }

    /// Whether a resting order is of the incoming order's participant.
    fn is_own(&self, order: &Order, slot: Slot) -> bool {
        self.shelf.tag(slot) == order.participant.0
    }

    /// Matches for as long as there is something open and the other side's best price is accepted.
    fn sweep(&mut self, taker: &mut Order, market: &Market, turn: &mut Turn<'_>) -> Own {
        let other = market.book(taker.side().opposite());
        let watches = watches(taker);
        let mut last = None;
        let mut met = Own::GoesOn;
        while taker.leaves() > Qty(0) {
            let Some(level) = self.shelf.best(other) else { break };
            let price = market.price(level.key());
            if !taker.accepts(price) {
                break;
            }
            let slot = level.first();
            if market.algorithm == Algorithm::PriceTime {
                if watches && self.is_own(taker, slot) {
                    met = self.meet_own(taker, slot, market, turn);
                    if met == Own::IsCancelled {
                        break;
                    }
                    continue;
                }
                let qty = self.shelf.shown(slot).min(taker.leaves());
                if self.meet(taker, slot, price, qty, market, turn) && self.shelf.shown(slot) == Qty(0) {
                    self.replenish(slot);
                }
            } else {
                if watches {
                    met = self.meet_own_of_level(taker, market, turn);
                    if met == Own::IsCancelled {
                        break;
                    }
                    let gone = self.shelf.best(other).is_none_or(|level| market.price(level.key()) != price);
                    if taker.leaves() == Qty(0) || gone {
                        continue;
                    }
                }
                self.round(taker, price, market, turn);
            }
            last = Some(price);
        }
        if let Some(price) = last {
            let instrument = self.instruments.of_order(market.id);
            instrument.last = price;
            instrument.reference = price;
        }
        met
    }

    /// One round of an algorithm that shares a level: every order gets its part of what comes, in the order of time.
    fn round(&mut self, taker: &mut Order, price: Price, market: &Market, turn: &mut Turn<'_>) {
        let mut parts = std::mem::take(&mut self.scratch.parts);
        self.share(taker, market, &mut parts);
        for (slot, qty) in &mut parts {
            let stays = *qty == Qty(0) || self.meet(taker, *slot, price, *qty, market, turn);
            if !stays {
                *slot = Slot::NONE;
            }
        }
        for (slot, _) in parts.drain(..) {
            if slot != Slot::NONE && self.shelf.shown(slot) == Qty(0) {
                self.replenish(slot);
            }
        }
        self.scratch.parts = parts;
    }

    /// An iceberg shows as much again, behind all others of its price.
    fn replenish(&mut self, slot: Slot) {
        let showing = self.shelf.order(slot).showing();
        self.shelf.replenish(slot, showing);
    }

    /// One match: told to the maker, then to the taker. False if the maker is filled and gone.
    fn meet(
        &mut self,
        taker: &mut Order,
        slot: Slot,
        price: Price,
        qty: Qty,
        market: &Market,
        turn: &mut Turn<'_>,
    ) -> bool {
        let deal = Match { trade: self.trades.next(), price, qty };
        let role = Role { contra: taker.id(), liquidity: Liquidity::Maker, rate: market.maker_fee };
        let (maker, stays) = self.fill_resting(slot, &deal, &role, market, turn);

        let before = taker.leaves();
        taker.fill(price, qty);
        let rate = market.taker_fee;
        let fee = self.accounts.settle(market, taker.exposure(), before, (price, qty), rate);
        let role = Role { contra: maker.order, liquidity: Liquidity::Taker, rate };
        self.tell(turn, taker.session, &filled(taker, &deal, &role, fee));
        let taken = party(taker, rate, fee);

        let (buyer, seller) = match taker.side() {
            Side::Buy => (taken, maker),
            Side::Sell => (maker, taken),
        };
        self.keep(&deal, market, buyer, seller);
        let (low, high) = turn.traded.unwrap_or((price, price));
        turn.traded = Some((low.min(price), high.max(price)));
        stays
    }

    /// The fill of an order on a ladder; one that has nothing left is gone. Gives it as a party of the trade, and whether it
    /// stays.
    pub(crate) fn fill_resting(
        &mut self,
        slot: Slot,
        deal: &Match,
        role: &Role,
        market: &Market,
        turn: &mut Turn<'_>,
    ) -> (Party, bool) {
        let left = self.shelf.fill(slot, deal.qty);
        let order = self.shelf.order_mut(slot);
        let before = order.leaves();
        order.fill(deal.price, deal.qty);
        let (session, exposure) = (order.session, order.exposure());
        let fee = self.accounts.settle(market, exposure, before, (deal.price, deal.qty), role.rate);
        let order = self.shelf.order(slot);
        let party = party(order, role.rate, fee);
        self.sessions.tell(turn.events, session, &filled(order, deal, role, fee));
        if left == Qty(0) {
            let name = order.name;
            self.names.settle(name, Fate::Done(OrderStatus::Filled));
            self.stop_timer(slot);
            self.shelf.free(slot);
        }
        (party, left > Qty(0))
    }

    /// Keeps a trade for busts and corrections.
    pub(crate) fn keep(&mut self, deal: &Match, market: &Market, buyer: Party, seller: Party) {
        let Match { trade, price, qty } = *deal;
        self.trades.keep(Trade { trade, instrument: market.id, busted: false, price, qty, buyer, seller });
    }

    /// Self-trade prevention, where an own order is at the front.
    fn meet_own(&mut self, taker: &mut Order, slot: Slot, market: &Market, turn: &mut Turn<'_>) -> Own {
        let mode = taker.terms().self_trade;
        match mode {
            SelfTrade::Allow => {}
            SelfTrade::CancelNewest => return Own::IsCancelled,
            SelfTrade::CancelOldest | SelfTrade::CancelBoth => {
                self.cancel_open(slot, CancelReason::SelfTrade, ClOrdId::default(), turn);
                if mode == SelfTrade::CancelBoth {
                    return Own::IsCancelled;
                }
            }
            SelfTrade::Decrement => {
                let by = self.shelf.leaves(slot).min(taker.leaves());
                if by == self.shelf.leaves(slot) {
                    self.cancel_open(slot, CancelReason::SelfTrade, ClOrdId::default(), turn);
                } else {
                    self.shelf.reduce(slot, by);
                    let order = self.shelf.order_mut(slot);
                    let before = order.leaves();
                    order.shrink(by);
                    let (session, exposure, view) = (order.session, order.exposure(), order.view);
                    self.accounts.change(market, exposure, before, Qty(before.0 - by.0));
                    self.tell(turn, session, &Restated { order: view });
                }
                if by == taker.leaves() {
                    return Own::IsCancelled;
                }
                let before = taker.leaves();
                taker.shrink(by);
                self.accounts.change(market, taker.exposure(), before, taker.leaves());
                self.tell(turn, taker.session, &Restated { order: taker.view });
            }
        }
        Own::GoesOn
    }

    /// Self-trade prevention over all own orders of the best level, in the order of time.
    fn meet_own_of_level(&mut self, taker: &mut Order, market: &Market, turn: &mut Turn<'_>) -> Own {
        let other = market.book(taker.side().opposite());
        let mut at = self.shelf.best(other).map_or(Slot::NONE, |level| level.first());
        while at != Slot::NONE {
            let next = self.shelf.next(at);
            if self.is_own(taker, at) && self.meet_own(taker, at, market, turn) == Own::IsCancelled {
                return Own::IsCancelled;
            }
            at = next;
        }
        Own::GoesOn
    }

    /// Stops that what was traded activates, one at a time, until there is none.
    pub(crate) fn activate_stops(&mut self, market: &Market, turn: &mut Turn<'_>) {
        while let Some((low, high)) = turn.traded {
            let first = |side| self.shelf.best(market.stops(side));
            let buy = first(Side::Buy).filter(|level| market.price(level.key()) <= high);
            let sell = first(Side::Sell).filter(|level| market.price(level.key()) >= low);
            let slots = [buy, sell].into_iter().flatten().map(|level| level.first());
            let Some(slot) = slots.min_by_key(|slot| self.shelf.order(*slot).id()) else { break };
            let mut order = self.take_out(slot);
            order.place = Place::Book;
            self.tell(turn, order.session, &wire::event::Triggered { order: order.view });
            self.go(&mut order, market, Entry::First, turn);
        }
        turn.traded = None;
    }
}

/// Whether an order has self-trade prevention and a participant that it can act for.
fn watches(order: &Order) -> bool {
    order.participant.0 != 0 && order.terms().self_trade != SelfTrade::Allow
}

/// The fill of one side, as it is told.
fn filled(order: &Order, deal: &Match, role: &Role, fee: wire::Money) -> Filled {
    Filled {
        order: order.view,
        last_price: deal.price,
        last_qty: deal.qty,
        trade: deal.trade,
        contra: role.contra,
        fee,
        liquidity: role.liquidity,
        reserved: [0; 7],
    }
}

/// An order as one side of a trade.
fn party(order: &Order, rate: u32, fee: wire::Money) -> Party {
    Party {
        order: order.id(),
        session: order.session,
        account: order.view.account,
        holding: order.holding,
        cl_ord_id: order.view.cl_ord_id,
        rate,
        fee,
    }
}
