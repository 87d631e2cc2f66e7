//! What traders ask for: orders of every kind, cancels and replaces of those that are open.

use super::{Asked, Draw, Generator};
use crate::naive::Model;
use wire::command::*;
use wire::event::OrderView;
use wire::{AccountId, InstrumentId, Nanos, Price, Qty, SessionId};

use OrderType::{Limit, Market, Stop, StopLimit};
use TimeInForce::{AtTheClose, AtTheOpen, Day, FillOrKill, GoodTillCancel, GoodTillDate, ImmediateOrCancel};

const LOT: u64 = 10;
const TICK: i64 = 5;

/// A few lots; rarely a quantity that is no good.
fn quantity(d: &mut Draw) -> u64 {
    match d.below(400) {
        399 => 0,
        398 => 15,
        397 => (1 << 40) + 4,
        396 => u64::MAX / LOT * LOT,
        390..396 => 990,
        _ => LOT * (1 + d.below(12)),
    }
}

/// A price near 1000 on which both sides meet; rarely one that is no good.
fn price(d: &mut Draw, side: Side) -> i64 {
    let drift = if side == Side::Buy { -10 } else { 10 };
    match d.below(500) {
        499 => 0,
        498 => -5,
        497 => 1003,
        496 => ((1 << 40) / TICK + 1) * TICK,
        495 => i64::MIN,
        490..495 => 1200,
        485..490 => 800,
        _ => 1000 + drift + TICK * (d.below(7) as i64 - 3),
    }
}

/// How much an iceberg shows, or a minimum: a lot or a few, rarely no good.
fn part(d: &mut Draw) -> u64 {
    match d.below(60) {
        59 => 7,
        58 => 1_000_000,
        _ => LOT * (1 + d.below(3)),
    }
}

impl Generator {
    fn terms(&mut self, model: &Model, d: &mut Draw) -> Terms {
        let instrument = self.any_instrument(d);
        let side = d.of(&[Side::Buy, Side::Sell]);
        let order_type = d.weighed(&[(64, Limit), (12, Market), (11, Stop), (13, StopLimit)]);
        let opening = model
            .instrument(instrument)
            .is_some_and(|(terms, ..)| matches!(terms.phase, Phase::PreOpen | Phase::OpeningAuction));
        let calls = model.instrument(instrument).is_some_and(|(terms, ..)| terms.phase.is_call());
        let time_in_force = d.weighed(&[
            (40, Day),
            (14, GoodTillCancel),
            (if calls { 1 } else { 9 }, ImmediateOrCancel),
            (if calls { 1 } else { 6 }, FillOrKill),
            (10, GoodTillDate),
            (if opening { 20 } else { 1 }, AtTheOpen),
            (7, AtTheClose),
        ]);
        let limit = price(d, side);
        let mut terms = Terms::limit(instrument, side, Price(limit), Qty(quantity(d)));
        terms.order_type = order_type;
        terms.time_in_force = time_in_force;
        terms.self_trade = d.weighed(&[
            (40, SelfTrade::Allow),
            (10, SelfTrade::CancelNewest),
            (14, SelfTrade::CancelOldest),
            (8, SelfTrade::CancelBoth),
            (20, SelfTrade::Decrement),
        ]);
        self.extras(d, &mut terms, calls);
        terms
    }

    /// Stop price, display, minimum, post only, expiry: mostly only where they go.
    fn extras(&mut self, d: &mut Draw, terms: &mut Terms, calls: bool) {
        let anything = d.one_in(12);
        let (kind, tif, side) = (terms.order_type, terms.time_in_force, terms.side);
        let limited = matches!(kind, Limit | StopLimit);
        if anything || matches!(kind, Stop | StopLimit) {
            // Mostly still to be reached.
            let away = TICK * (d.below(8) as i64 - 1);
            let stop = if side == Side::Buy { 1000 + away } else { 1000 - away };
            terms.stop_price = Price(d.weighed(&[(60, stop), (1, 0), (1, 1001), (1, 1 << 41)]));
            if kind == StopLimit && !d.one_in(4) {
                let beyond = TICK * d.below(4) as i64;
                let limit = if side == Side::Buy { stop + beyond } else { stop - beyond };
                terms.price = Price(limit);
            }
        }
        let immediate = matches!(tif, ImmediateOrCancel | FillOrKill);
        if (anything || (limited && !immediate)) && d.one_in(3) {
            terms.display = Qty(part(d));
        }
        let plain = matches!(tif, Day | GoodTillCancel | GoodTillDate);
        if (anything || (kind == Limit && plain)) && d.one_in(8) {
            terms.post_only = PostOnly::Yes;
        }
        let minimum = matches!(kind, Limit | Market) && (plain || tif == ImmediateOrCancel);
        if (anything || (minimum && terms.post_only == PostOnly::No && !calls)) && d.one_in(6) {
            terms.min_qty = Qty(part(d));
        }
        if anything || tif == GoodTillDate {
            terms.expire = Nanos(self.now + d.weighed(&[(1, 0), (10, 2), (20, 30), (20, 200)]) + d.below(40));
            if d.one_in(20) {
                terms.expire = Nanos(self.now - 1);
            }
        }
    }

    fn account(&mut self, model: &Model, d: &mut Draw, session: SessionId) -> AccountId {
        let own = model.accounts_of(session);
        if d.one_in(60) {
            AccountId(d.of(&[0, 1, 2, 3, 4, 5, 6]))
        } else if own.is_empty() {
            AccountId(0)
        } else {
            AccountId(d.of(&own))
        }
    }

    pub(super) fn new_order(&mut self, model: &Model, d: &mut Draw) -> Asked {
        let session = self.any_session(d);
        let account = self.account(model, d, session);
        let mut terms = self.terms(model, d);
        if account == AccountId(0) && !d.one_in(30) {
            // Where nobody asks for an account.
            terms.instrument = InstrumentId(4);
        }
        let cl_ord_id = self.fresh(d, session);
        NewOrder { session, client_seq: 5, terms, cl_ord_id, account }.into()
    }

    /// An open order, as its owner knows it.
    fn any_open(&mut self, model: &Model, d: &mut Draw) -> Option<(SessionId, OrderView)> {
        let count = model.open().len() as u64;
        if count == 0 || d.one_in(20) {
            return None;
        }
        model.open().nth(d.below(count) as usize)
    }

    pub(super) fn cancel(&mut self, model: &Model, d: &mut Draw) -> Asked {
        let (session, orig_cl_ord_id, mut instrument, mut side) = match self.any_open(model, d) {
            Some((session, order)) => (session, order.cl_ord_id, order.terms.instrument, order.terms.side),
            None => {
                let (session, name) = self.used(d);
                (session, name, InstrumentId(1), Side::Buy)
            }
        };
        if d.one_in(40) {
            instrument = self.any_instrument(d);
        }
        if d.one_in(40) {
            side = side.opposite();
        }
        let cl_ord_id = self.fresh(d, session);
        CancelOrder { session, client_seq: 5, instrument, side, reserved: [0; 3], cl_ord_id, orig_cl_ord_id }
            .into()
    }

    pub(super) fn replace(&mut self, model: &Model, d: &mut Draw) -> Asked {
        let Some((session, order)) = self.any_open(model, d) else {
            let (session, orig_cl_ord_id) = self.used(d);
            let terms = self.terms(model, d);
            let cl_ord_id = self.fresh(d, session);
            return ReplaceOrder { session, client_seq: 5, terms, cl_ord_id, orig_cl_ord_id }.into();
        };
        let mut terms: Terms = order.terms;
        let qty = { terms.qty }.0;
        terms.qty = Qty(match d.below(8) {
            0..3 => qty.saturating_sub(LOT * (1 + d.below(3))),
            3 => qty,
            4 | 5 => qty + LOT * d.below(4),
            6 => { order.cum }.0 + LOT * d.below(2),
            _ => quantity(d),
        });
        match d.below(8) {
            0..3 => {}
            3..7 => terms.price = Price({ terms.price }.0 + TICK * (d.below(5) as i64 - 2)),
            _ => terms.price = Price(price(d, terms.side)),
        }
        if d.one_in(3) {
            terms.stop_price = Price({ terms.stop_price }.0 + TICK * (d.below(5) as i64 - 2));
        }
        if d.one_in(6) {
            self.extras(d, &mut terms, false);
        }
        if d.one_in(8) {
            terms.time_in_force = d.of(&[Day, GoodTillCancel, GoodTillDate, ImmediateOrCancel, AtTheClose]);
            terms.expire = Nanos(self.now + d.below(60));
        }
        if d.one_in(60) {
            terms.order_type = d.of(OrderType::ALL);
        }
        if d.one_in(60) {
            terms.side = terms.side.opposite();
        }
        if d.one_in(10) {
            terms.self_trade = d.of(SelfTrade::ALL);
        }
        let cl_ord_id = self.fresh(d, session);
        ReplaceOrder { session, client_seq: 5, terms, cl_ord_id, orig_cl_ord_id: order.cl_ord_id }.into()
    }

    pub(super) fn mass_cancel(&mut self, d: &mut Draw) -> Asked {
        let session = self.any_session(d);
        MassCancel {
            session,
            client_seq: 5,
            scope: d.weighed(&[
                (4, MassScope::Instrument),
                (2, MassScope::Session),
                (4, MassScope::Account),
                (1, MassScope::Participant),
                (1, MassScope::Everything),
            ]),
            reserved: [0; 3],
            instrument: if d.one_in(10) { InstrumentId(77) } else { self.any_instrument(d) },
            account: AccountId(d.below(7) as u32),
            cl_ord_id: self.fresh(d, session),
        }
        .into()
    }
}
