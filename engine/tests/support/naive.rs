//! The exchange once more, as plainly as it can be said: lists, scans and sorts. It shares nothing with the engine but
//! the words of the wire.

#![allow(unreachable_pub)]

use crate::support::Said;
use engine::Limits;
use std::collections::BTreeMap;
use wire::command::{
    CancelOrder, DefineInstrument, NewOrder, OrderType, ReplaceOrder, SessionLogon, SessionLogout, Side,
    TimeInForce,
};
use wire::event::{
    Accepted, AdministrationRefused, CancelReason, CancelRejected, Cancelled, Filled, InstrumentDefined,
    Liquidity, OrderStatus, OrderView, RejectReason, Rejected, Replaced, ResponseTo, SessionClosed,
    SessionOpened,
};
use wire::{ClOrdId, Incarnation, InstrumentId, NodeId, Notional, OrderId, Price, Qty, SessionId, TradeId};

/// A rule that the model can get wrong on purpose, to prove that the comparison sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NewestFirst,
    TakersPrice,
    ReplaceAlwaysKeepsItsPlace,
}

#[derive(Clone, Debug)]
struct ModelOrder {
    /// Its rank among orders of one price.
    arrival: u64,
    session: SessionId,
    view: OrderView,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Live,
    Dead(OrderStatus),
    Spent,
}

type Outcome = Vec<(SessionId, Said)>;

pub struct Model {
    limits: Limits,
    fault: Option<Fault>,
    instruments: Vec<DefineInstrument>,
    owners: BTreeMap<u32, (NodeId, Incarnation)>,
    reports: BTreeMap<u32, u32>,
    live: Vec<ModelOrder>,
    names: BTreeMap<(SessionId, ClOrdId), (OrderId, Use)>,
    arrivals: u64,
    trades: u64,
}

impl Model {
    pub fn new(limits: Limits, fault: Option<Fault>) -> Self {
        Self {
            limits,
            fault,
            instruments: Vec::new(),
            owners: BTreeMap::new(),
            reports: BTreeMap::new(),
            live: Vec::new(),
            names: BTreeMap::new(),
            arrivals: 0,
            trades: 0,
        }
    }

    /// The report number of the next event for this session.
    pub fn report(&mut self, session: SessionId) -> u32 {
        if session.0 == 0 || session.0 >= self.limits.sessions {
            return 0;
        }
        let count = self.reports.entry(session.0).or_default();
        *count += 1;
        *count
    }

    /// The resting orders of a side as they would be matched.
    pub fn queue(&self, instrument: InstrumentId, side: Side) -> Vec<OrderView> {
        let mut queue: Vec<&ModelOrder> = self
            .live
            .iter()
            .filter(|o| ({ o.view.instrument }, { o.view.side }) == (instrument, side))
            .collect();
        queue.sort_by_key(|o| {
            let price = { o.view.price }.0;
            let arrival = i128::from(o.arrival);
            let newest = self.fault == Some(Fault::NewestFirst);
            (if side == Side::Buy { -price } else { price }, if newest { -arrival } else { arrival })
        });
        queue.iter().map(|o| o.view).collect()
    }

    pub fn define(&mut self, c: &DefineInstrument) -> Outcome {
        let taken =
            self.instruments.iter().any(|i| { i.instrument } == { c.instrument } || i.symbol == c.symbol);
        if taken || { c.instrument }.0 >= self.limits.instruments {
            let body = AdministrationRefused {
                kind: 0x40,
                reason: RejectReason::InstrumentRefused,
                reserved: [0; 6],
            };
            return vec![(SessionId(0), Said::AdministrationRefused(body))];
        }
        self.instruments.push(*c);
        let body = InstrumentDefined {
            instrument: c.instrument,
            price_decimals: c.price_decimals,
            reserved: [0; 3],
            tick: c.tick,
            lot: c.lot,
            symbol: c.symbol,
        };
        vec![(SessionId(0), Said::InstrumentDefined(body))]
    }

    pub fn logon(&mut self, gateway: NodeId, incarnation: Incarnation, c: &SessionLogon) -> Outcome {
        let session = c.session;
        self.owners.insert(session.0, (gateway, incarnation));
        let body = SessionOpened { gateway, reset: c.reset, reserved: 0, incarnation };
        vec![(session, Said::SessionOpened(body))]
    }

    pub fn logout(&mut self, gateway: NodeId, incarnation: Incarnation, c: &SessionLogout) -> Outcome {
        let session = c.session;
        if self.owners.get(&session.0) == Some(&(gateway, incarnation)) {
            self.owners.remove(&session.0);
        }
        let body = SessionClosed { gateway, reason: c.reason, reserved: [0; 5] };
        vec![(session, Said::SessionClosed(body))]
    }

    fn bad_numbers(
        &self,
        instrument: InstrumentId,
        order_type: OrderType,
        q: Qty,
        p: Price,
    ) -> Option<RejectReason> {
        let Some(i) = self.instruments.iter().find(|i| { i.instrument } == instrument) else {
            return Some(RejectReason::UnknownInstrument);
        };
        let limit = order_type == OrderType::Limit;
        if q.0 == 0 {
            Some(RejectReason::ZeroQuantity)
        } else if !q.0.is_multiple_of({ i.lot }.0) {
            Some(RejectReason::OffLot)
        } else if q.0 > 1 << 40 {
            Some(RejectReason::QuantityTooLarge)
        } else if limit && p.0 <= 0 {
            Some(RejectReason::PriceNotPositive)
        } else if limit && p.0 % { i.tick }.0 != 0 {
            Some(RejectReason::OffTick)
        } else if limit && p.0 > 1 << 40 {
            Some(RejectReason::PriceTooLarge)
        } else {
            None
        }
    }

    fn names_left(&self) -> usize {
        self.limits.names as usize - self.names.len()
    }

    pub fn new_order(
        &mut self,
        seq: u64,
        gateway: NodeId,
        incarnation: Incarnation,
        c: &NewOrder,
    ) -> Outcome {
        let session = c.session;
        let mut view = OrderView {
            order: OrderId(0),
            instrument: c.instrument,
            side: c.side,
            order_type: c.order_type,
            time_in_force: c.time_in_force,
            status: OrderStatus::Rejected,
            price: c.price,
            qty: c.qty,
            cum: Qty(0),
            leaves: Qty(0),
            notional: Notional(0),
            cl_ord_id: c.cl_ord_id,
            account: c.account,
        };
        let stays = c.order_type == OrderType::Limit && c.time_in_force != TimeInForce::ImmediateOrCancel;
        let mut original = OrderId(0);
        let reason = if self.owners.get(&session.0) != Some(&(gateway, incarnation)) {
            Some(RejectReason::NotLoggedOn)
        } else if let Some((order, _)) = self.names.get(&(session, c.cl_ord_id)) {
            original = *order;
            Some(RejectReason::DuplicateClOrdId)
        } else if let Some(reason) = self.bad_numbers(c.instrument, c.order_type, c.qty, c.price) {
            Some(reason)
        } else if (stays && self.live.len() == self.limits.resting_orders as usize)
            || self.names_left() < self.live.len() + if stays { 2 } else { 1 }
        {
            Some(RejectReason::BookFull)
        } else {
            None
        };
        if let Some(reason) = reason {
            let body = Rejected { order: view, original, reason, reserved: [0; 7] };
            return vec![(session, Said::Rejected(body))];
        }
        view.order = OrderId(seq);
        view.status = OrderStatus::New;
        view.leaves = view.qty;
        if c.order_type == OrderType::Market {
            view.price = Price(0);
        }
        let mut out = vec![(session, Said::Accepted(Accepted { order: view }))];
        self.arrivals += 1;
        self.run(ModelOrder { arrival: self.arrivals, session, view }, &mut out);
        out
    }

    fn run(&mut self, mut taker: ModelOrder, out: &mut Outcome) {
        let other = if taker.view.side == Side::Buy { Side::Sell } else { Side::Buy };
        while { taker.view.leaves }.0 > 0 {
            let queue = self.queue(taker.view.instrument, other);
            let Some(first) = queue.first() else { break };
            let price = { first.price }.0;
            let limit = { taker.view.price }.0;
            let crosses = match (taker.view.order_type, taker.view.side) {
                (OrderType::Market, _) => true,
                (_, Side::Buy) => limit >= price,
                (_, Side::Sell) => limit <= price,
            };
            if !crosses {
                break;
            }
            let id = first.order;
            let at = self.live.iter().position(|o| { o.view.order } == id).expect("it is in the queue");
            let price = if self.fault == Some(Fault::TakersPrice) { limit } else { price };
            let qty = { self.live[at].view.leaves }.0.min({ taker.view.leaves }.0);
            self.trades += 1;
            let taker_id = taker.view.order;
            let maker = &mut self.live[at];
            for (order, contra, liquidity) in
                [(&mut *maker, taker_id, Liquidity::Maker), (&mut taker, id, Liquidity::Taker)]
            {
                let v = &mut order.view;
                v.cum = Qty({ v.cum }.0 + qty);
                v.leaves = Qty({ v.leaves }.0 - qty);
                v.notional = Notional({ v.notional }.0 + u128::from(qty) * price as u128);
                v.status =
                    if { v.leaves }.0 == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
                let body = Filled {
                    order: *v,
                    last_price: Price(price),
                    last_qty: Qty(qty),
                    trade: TradeId(self.trades),
                    contra,
                    liquidity,
                    reserved: [0; 7],
                };
                out.push((order.session, Said::Filled(body)));
            }
            if { maker.view.leaves }.0 == 0 {
                let dead = self.live.remove(at);
                self.names.insert(
                    (dead.session, dead.view.cl_ord_id),
                    (dead.view.order, Use::Dead(OrderStatus::Filled)),
                );
            }
        }
        let key = (taker.session, taker.view.cl_ord_id);
        let market = taker.view.order_type == OrderType::Market;
        if { taker.view.leaves }.0 == 0 {
            self.names.insert(key, (taker.view.order, Use::Dead(OrderStatus::Filled)));
        } else if market || taker.view.time_in_force == TimeInForce::ImmediateOrCancel {
            taker.view.status = OrderStatus::Cancelled;
            taker.view.leaves = Qty(0);
            let reason = if market { CancelReason::NoLiquidity } else { CancelReason::ImmediateRemainder };
            let body = Cancelled { order: taker.view, request: ClOrdId::default(), reason, reserved: [0; 3] };
            out.push((taker.session, Said::Cancelled(body)));
            self.names.insert(key, (taker.view.order, Use::Dead(OrderStatus::Cancelled)));
        } else {
            self.names.insert(key, (taker.view.order, Use::Live));
            self.live.push(taker);
        }
    }

    /// What is known of the order that a request names: its number, its status, its place among the living.
    fn named(
        &self,
        session: SessionId,
        orig: ClOrdId,
    ) -> (OrderId, OrderStatus, Result<usize, RejectReason>) {
        match self.names.get(&(session, orig)) {
            Some((order, Use::Live)) => {
                let at = self.live.iter().position(|o| { o.view.order } == *order).expect("it is alive");
                (*order, self.live[at].view.status, Ok(at))
            }
            Some((order, Use::Dead(status))) => (*order, *status, Err(RejectReason::TooLate)),
            Some((_, Use::Spent)) | None => {
                (OrderId(0), OrderStatus::Rejected, Err(RejectReason::UnknownOrder))
            }
        }
    }

    pub fn cancel(&mut self, gateway: NodeId, incarnation: Incarnation, c: &CancelOrder) -> Outcome {
        let session = c.session;
        let (mut order, mut status, place) = self.named(session, c.orig_cl_ord_id);
        let verdict = if self.owners.get(&session.0) != Some(&(gateway, incarnation)) {
            (order, status) = (OrderId(0), OrderStatus::Rejected);
            Err(RejectReason::NotLoggedOn)
        } else if self.names.contains_key(&(session, c.cl_ord_id)) {
            Err(RejectReason::DuplicateClOrdId)
        } else {
            place.and_then(|at| {
                let v = &self.live[at].view;
                let same = v.side == c.side && { v.instrument } == { c.instrument };
                if same { Ok(at) } else { Err(RejectReason::OrderMismatch) }
            })
        };
        match verdict {
            Err(reason) => {
                let body = CancelRejected {
                    order,
                    instrument: c.instrument,
                    status,
                    response_to: ResponseTo::Cancel,
                    reason,
                    reserved: 0,
                    request: c.cl_ord_id,
                    orig_cl_ord_id: c.orig_cl_ord_id,
                };
                vec![(session, Said::CancelRejected(body))]
            }
            Ok(at) => {
                let mut dead = self.live.remove(at);
                dead.view.status = OrderStatus::Cancelled;
                dead.view.leaves = Qty(0);
                self.names.insert((session, c.orig_cl_ord_id), (order, Use::Dead(OrderStatus::Cancelled)));
                self.names.insert((session, c.cl_ord_id), (order, Use::Spent));
                let body = Cancelled {
                    order: dead.view,
                    request: c.cl_ord_id,
                    reason: CancelReason::Requested,
                    reserved: [0; 3],
                };
                vec![(session, Said::Cancelled(body))]
            }
        }
    }

    pub fn replace(&mut self, gateway: NodeId, incarnation: Incarnation, c: &ReplaceOrder) -> Outcome {
        let session = c.session;
        let (mut order, mut status, place) = self.named(session, c.orig_cl_ord_id);
        let verdict = if self.owners.get(&session.0) != Some(&(gateway, incarnation)) {
            (order, status) = (OrderId(0), OrderStatus::Rejected);
            Err(RejectReason::NotLoggedOn)
        } else if self.names.contains_key(&(session, c.cl_ord_id)) {
            Err(RejectReason::DuplicateClOrdId)
        } else {
            place.and_then(|at| {
                let v = &self.live[at].view;
                if v.side != c.side || { v.instrument } != { c.instrument } || c.order_type != v.order_type {
                    return Err(RejectReason::OrderMismatch);
                }
                if let Some(reason) = self.bad_numbers(c.instrument, c.order_type, c.qty, c.price) {
                    return Err(reason);
                }
                if c.time_in_force == TimeInForce::ImmediateOrCancel {
                    return Err(RejectReason::UnsupportedOrder);
                }
                if { c.qty }.0 <= { v.cum }.0 {
                    return Err(RejectReason::QuantityBelowFilled);
                }
                if self.names_left() < self.live.len() + 1 {
                    return Err(RejectReason::BookFull);
                }
                Ok(at)
            })
        };
        let at = match verdict {
            Ok(at) => at,
            Err(reason) => {
                let body = CancelRejected {
                    order,
                    instrument: c.instrument,
                    status,
                    response_to: ResponseTo::Replace,
                    reason,
                    reserved: 0,
                    request: c.cl_ord_id,
                    orig_cl_ord_id: c.orig_cl_ord_id,
                };
                return vec![(session, Said::CancelRejected(body))];
            }
        };
        let mut changed = self.live.remove(at);
        let (old_price, old_qty) = (changed.view.price, changed.view.qty);
        changed.view.price = c.price;
        changed.view.qty = c.qty;
        changed.view.leaves = Qty({ c.qty }.0 - { changed.view.cum }.0);
        changed.view.cl_ord_id = c.cl_ord_id;
        changed.view.time_in_force = c.time_in_force;
        let body = Replaced { order: changed.view, orig_cl_ord_id: c.orig_cl_ord_id, reserved: [0; 4] };
        let mut out = vec![(session, Said::Replaced(body))];
        self.names.insert((session, c.orig_cl_ord_id), (order, Use::Spent));
        let smaller = { c.price } == old_price && { c.qty }.0 < old_qty.0;
        if !smaller && self.fault != Some(Fault::ReplaceAlwaysKeepsItsPlace) {
            self.arrivals += 1;
            changed.arrival = self.arrivals;
        }
        self.run(changed, &mut out);
        out
    }
}
