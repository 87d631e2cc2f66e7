//! §3, §4 and §6: what an active order does, who is filled at a price, and which stops it wakes.

use super::order::{Order, Place};
use super::{Fault, Model, Use};
use wire::command::{Algorithm, OrderType, SelfTrade, Side, TimeInForce};
use wire::event::{CancelReason, Filled, Liquidity, OrderStatus, OrderView, Restated, Triggered};
use wire::{AccountId, ClOrdId, InstrumentId, Money, OrderId, Price, Qty, SessionId, TradeId};

/// One side of a trade that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub(super) session: SessionId,
    pub(super) order: OrderId,
    pub(super) account: AccountId,
    pub(super) name: ClOrdId,
    pub(super) liquidity: Liquidity,
    pub(super) fee: i128,
}

/// A trade that can be undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) id: u64,
    pub(super) instrument: InstrumentId,
    pub(super) price: i64,
    pub(super) qty: u64,
    pub(super) undone: bool,
    pub(super) buyer: Party,
    pub(super) seller: Party,
}

/// The lowest and the highest price traded in the command.
pub(super) type Span = Option<(i64, i64)>;

impl Model {
    /// An order that came in, or came in anew, becomes active, and then whatever it wakes.
    pub(super) fn go(&mut self, order: Order, entry: bool) {
        let instrument = order.ask.instrument;
        let mut span = None;
        self.activate(order, entry, &mut span);
        self.wake(instrument, &mut span);
    }

    /// §6: one stop after the other, as long as what was traded reaches any.
    pub(super) fn wake(&mut self, instrument: InstrumentId, span: &mut Span) {
        while let Some((low, high)) = *span {
            let must_pass = i64::from(self.fault == Some(Fault::StopMustBePassed));
            let reached = |o: &&Order| match o.ask.side {
                Side::Buy => o.ask.stop + must_pass <= high,
                Side::Sell => o.ask.stop - must_pass >= low,
            };
            let of = |side: Side| {
                let stops = self.stop_queue(instrument, side);
                if self.fault == Some(Fault::StopsByNumber) {
                    return stops.into_iter().filter(reached).map(|o| o.id).min();
                }
                stops.into_iter().find(reached).map(|o| o.id)
            };
            let next = match (of(Side::Buy), of(Side::Sell)) {
                (Some(buy), Some(sell)) => buy.min(sell),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => return,
            };
            let at = self.find(next);
            let order = self.orders.remove(at);
            let order = self.trigger(order);
            self.activate(order, false, span);
        }
    }

    /// A stop is none any more.
    pub(super) fn trigger(&mut self, mut order: Order) -> Order {
        order.place = Place::Book;
        order.activated = true;
        self.tell(order.session, Triggered { order: order.view() });
        order
    }

    /// §3, 1 to 3. The order is in no list.
    pub(super) fn activate(&mut self, mut order: Order, entry: bool, span: &mut Span) {
        let entry = entry || self.fault == Some(Fault::MinimumForever);
        let needs = if order.ask.tif == TimeInForce::FillOrKill {
            Some((order.leaves(), CancelReason::FillOrKill))
        } else if entry && order.ask.min > 0 {
            Some((order.ask.min, CancelReason::MinimumQuantity))
        } else {
            None
        };
        if let Some((least, reason)) = needs
            && self.fillable(&order) < u128::from(least)
        {
            return self.tell_cancelled(&order, reason, ClOrdId::default());
        }
        let algorithm = self.instruments[&order.ask.instrument.0].terms.algorithm;
        while order.leaves() > 0 {
            let level = self.best_level(&order);
            if level.is_empty() {
                break;
            }
            let goes_on = match algorithm {
                Algorithm::PriceTime => self.meet_front(&mut order, level[0], span),
                Algorithm::LeadMarketMaker | Algorithm::ProRata => {
                    self.meet_round(&mut order, &level, algorithm, span)
                }
            };
            if !goes_on {
                return;
            }
        }
        if order.leaves() == 0 {
            return;
        }
        if !order.ask.has_limit() {
            self.tell_cancelled(&order, CancelReason::NoLiquidity, ClOrdId::default());
        } else if order.ask.is_immediate() {
            self.tell_cancelled(&order, CancelReason::ImmediateRemainder, ClOrdId::default());
        } else {
            self.join_book(order);
        }
    }

    /// Behind all others of its price.
    pub(super) fn join_book(&mut self, mut order: Order) {
        order.place = Place::Book;
        order.rank = self.rank();
        order.show();
        self.orders.push(order);
    }

    fn is_own(&self, incoming: &Order, id: u64) -> bool {
        let resting = &self.orders[self.find(id)];
        incoming.participant != 0 && incoming.participant == resting.participant
    }

    /// How much the order could be filled with at once, as §3 counts it.
    fn fillable(&self, order: &Order) -> u128 {
        let book = self.book(order.ask.instrument, order.ask.side.opposite());
        let prevents = order.ask.self_trade != SelfTrade::Allow && order.participant != 0;
        let end =
            book.iter().filter(|o| prevents && o.participant == order.participant).map(|o| o.limit).next();
        let shown_only = self.fault == Some(Fault::FillOrKillSeesOnlyWhatIsShown);
        book.iter()
            .take_while(|o| order.accepts(o.limit) && Some(o.limit) != end)
            .map(|o| u128::from(if shown_only { o.shown } else { o.leaves() }))
            .sum()
    }

    /// True if the order would trade, or meet one of its own.
    pub(super) fn would_match(&self, order: &Order) -> bool {
        !self.best_level(order).is_empty()
    }

    /// The orders at the best price of the other side, in their order of time; none if the order does not accept it.
    fn best_level(&self, order: &Order) -> Vec<u64> {
        let book = self.book(order.ask.instrument, order.ask.side.opposite());
        let Some(best) = book.first().map(|o| o.limit).filter(|best| order.accepts(*best)) else {
            return Vec::new();
        };
        book.iter().take_while(|o| o.limit == best).map(|o| o.id).collect()
    }

    /// Price-time: one step with the order at the front. False if the incoming order is gone.
    fn meet_front(&mut self, order: &mut Order, front: u64, span: &mut Span) -> bool {
        if order.ask.self_trade != SelfTrade::Allow && self.is_own(order, front) {
            let decrement = order.ask.self_trade == SelfTrade::Decrement;
            if !(decrement && self.fault == Some(Fault::DecrementAllows)) {
                return self.prevent(order, front);
            }
        }
        let qty = self.orders[self.find(front)].shown.min(order.leaves());
        self.fill(order, front, qty, span);
        self.show_anew(&[front]);
        true
    }

    /// Lead market maker, pro rata: one round over a price. False if the incoming order is gone.
    fn meet_round(
        &mut self,
        order: &mut Order,
        level: &[u64],
        algorithm: Algorithm,
        span: &mut Span,
    ) -> bool {
        if order.ask.self_trade != SelfTrade::Allow {
            for id in level {
                if self.is_own(order, *id) && !self.prevent(order, *id) {
                    return false;
                }
            }
        }
        let level: Vec<u64> =
            level.iter().copied().filter(|id| self.orders.iter().any(|o| o.id == *id)).collect();
        let shown: Vec<u64> = level.iter().map(|id| self.orders[self.find(*id)].shown).collect();
        let total: u128 = shown.iter().map(|s| u128::from(*s)).sum();
        let shared = u128::from(order.leaves()).min(total);
        if shared == 0 {
            return true;
        }
        let terms = self.instruments[&order.ask.instrument.0].terms;
        let lot = u128::from({ terms.lot }.0);
        let mut given: Vec<u128> = vec![0; level.len()];
        let mut left = shared;
        match algorithm {
            Algorithm::ProRata => {
                let lot = if self.fault == Some(Fault::ProRataForgetsTheLot) { 1 } else { lot };
                for (at, shown) in shown.iter().enumerate() {
                    given[at] = shared * u128::from(*shown) / total / lot * lot;
                    left -= given[at];
                }
            }
            _ => {
                let mut share = shared * u128::from(terms.lead.share) / 100 / lot * lot;
                let leader = { terms.lead.participant }.0;
                for (at, id) in level.iter().enumerate() {
                    let leads = leader != 0
                        && self.orders[self.find(*id)].participant == leader
                        && self.fault != Some(Fault::LeadGetsNothing);
                    if leads {
                        given[at] = share.min(u128::from(shown[at]));
                        share -= given[at];
                        left -= given[at];
                    }
                }
            }
        }
        for (at, shown) in shown.iter().enumerate() {
            let more = left.min(u128::from(*shown) - given[at]);
            given[at] += more;
            left -= more;
        }
        for (id, qty) in level.iter().zip(&given) {
            if *qty > 0 {
                self.fill(order, *id, u64::try_from(*qty).expect("at most what is shown"), span);
            }
        }
        self.show_anew(&level);
        true
    }

    /// Icebergs with nothing shown go to the back, in the order given, and show as much again.
    fn show_anew(&mut self, ids: &[u64]) {
        for id in ids {
            let Some(at) = self.orders.iter().position(|o| o.id == *id) else { continue };
            if self.orders[at].shown == 0 {
                if self.fault != Some(Fault::IcebergKeepsItsPlace) {
                    self.orders[at].rank = self.rank();
                }
                self.orders[at].show();
            }
        }
    }

    /// The incoming order would meet one of its own. False if it is gone.
    fn prevent(&mut self, incoming: &mut Order, id: u64) -> bool {
        let why = CancelReason::SelfTrade;
        let nobody = ClOrdId::default();
        match incoming.ask.self_trade {
            SelfTrade::Allow => true,
            SelfTrade::CancelNewest => {
                self.tell_cancelled(incoming, why, nobody);
                false
            }
            SelfTrade::CancelOldest => {
                self.cancel_open(id, why, nobody);
                true
            }
            SelfTrade::CancelBoth => {
                self.cancel_open(id, why, nobody);
                self.tell_cancelled(incoming, why, nobody);
                false
            }
            SelfTrade::Decrement => {
                let at = self.find(id);
                let smaller = self.orders[at].leaves().min(incoming.leaves());
                if self.orders[at].leaves() == smaller {
                    self.cancel_open(id, why, nobody);
                } else {
                    let resting = &mut self.orders[at];
                    resting.ask.qty -= smaller;
                    // What is hidden goes first.
                    resting.shown = resting.shown.min(resting.leaves());
                    let (session, view) = (resting.session, resting.view());
                    self.tell(session, Restated { order: view });
                }
                if incoming.leaves() == smaller {
                    self.tell_cancelled(incoming, why, nobody);
                    return false;
                }
                incoming.ask.qty -= smaller;
                self.tell(incoming.session, Restated { order: incoming.view() });
                true
            }
        }
    }

    /// One match of continuous trading, at the price of the resting order.
    fn fill(&mut self, incoming: &mut Order, id: u64, qty: u64, span: &mut Span) {
        let at = self.find(id);
        let mut resting = self.orders.remove(at);
        let takers = self.fault == Some(Fault::TakersPrice) && incoming.ask.kind == OrderType::Limit;
        let price = if takers { incoming.limit } else { resting.limit };
        *span = Some(span.map_or((price, price), |(low, high)| (low.min(price), high.max(price))));
        let roles = [Liquidity::Maker, Liquidity::Taker];
        self.trade(&mut resting, incoming, roles, price, qty);
        if resting.leaves() > 0 {
            self.orders.insert(at, resting);
        }
    }

    /// One match: told to the first, then to the second; settled, counted, kept. Neither is in a list.
    pub(super) fn trade(
        &mut self,
        first: &mut Order,
        second: &mut Order,
        roles: [Liquidity; 2],
        price: i64,
        qty: u64,
    ) {
        self.last_trade += 1;
        let instrument = first.ask.instrument;
        let known = self.instruments.get_mut(&instrument.0).expect("it has orders");
        known.last = price;
        known.reference = price;
        let ids = [first.id, second.id];
        let mut parties = Vec::new();
        for (at, order) in [first, second].into_iter().enumerate() {
            order.cum += qty;
            order.shown = order.shown.saturating_sub(qty);
            order.notional += qty as u128 * price as u128;
            let fee = self.fee(instrument, roles[at], price, qty);
            if order.leaves() == 0 {
                let done = Use::Done(order.id, OrderStatus::Filled);
                self.names.insert((order.session, order.name), done);
            }
            let view: OrderView = order.view();
            let body = Filled {
                order: view,
                last_price: Price(price),
                last_qty: Qty(qty),
                trade: TradeId(self.last_trade),
                contra: OrderId(ids[1 - at]),
                fee: Money(fee),
                liquidity: roles[at],
                reserved: [0; 7],
            };
            self.tell(order.session, body);
            let party = Party {
                session: order.session,
                order: OrderId(order.id),
                account: AccountId(order.account),
                name: order.name,
                liquidity: roles[at],
                fee,
            };
            parties.push((order.ask.side, party));
        }
        parties.sort_by_key(|(side, _)| *side);
        let trade = Trade {
            id: self.last_trade,
            instrument,
            price,
            qty,
            undone: false,
            buyer: parties[0].1,
            seller: parties[1].1,
        };
        self.settle(&trade, 1);
        self.count_volume(&trade);
        self.trades.push(trade);
        let kept = self.limits.trades as usize;
        if self.trades.len() > kept {
            self.trades.remove(0);
        }
    }
}
