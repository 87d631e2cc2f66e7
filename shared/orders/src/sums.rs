//! What the view of an order must be after an event: everything adds up, or the event is refused.

use crate::{Fault, Part};
use wire::event::{
    Accepted, CancelReason, Cancelled, EventHeader, Filled, OrderStatus, OrderView, Replaced, Restated,
    Triggered,
};
use wire::terms::{MAX_PRICE, MAX_QTY};
use wire::{Notional, OrderId, Price, Qty, SessionId};

/// The view as it is told, if it is as it must be.
fn same(must: &OrderView, told: &OrderView) -> Result<OrderView, Fault> {
    let parts = [
        ({ must.order } == { told.order }, Part::Order),
        (must.terms == told.terms, Part::Terms),
        (must.status == told.status, Part::Status),
        ({ must.cum } == { told.cum }, Part::Cum),
        ({ must.leaves } == { told.leaves }, Part::Leaves),
        ({ must.notional } == { told.notional }, Part::Notional),
        ({ must.cl_ord_id } == { told.cl_ord_id }, Part::Name),
        ({ must.account } == { told.account }, Part::Account),
    ];
    match parts.iter().find(|(same, _)| !same) {
        None => Ok(*told),
        Some((_, part)) => Err(Fault::Differs { order: must.order, part: *part }),
    }
}

/// Whether an engine can have taken such numbers.
fn in_range(told: &OrderView) -> Result<(), Fault> {
    let (terms, prices) = (told.terms, Price(0)..=MAX_PRICE);
    let priced = prices.contains(&{ terms.price }) && prices.contains(&{ terms.stop_price });
    if priced && { terms.qty } <= MAX_QTY {
        Ok(())
    } else {
        Err(Fault::Differs { order: told.order, part: Part::Terms })
    }
}

/// Whether the event is addressed to the order's owner.
pub(crate) fn is_for(header: &EventHeader, owner: SessionId, order: OrderId) -> Result<(), Fault> {
    if { header.session } == owner { Ok(()) } else { Err(Fault::OtherSession { order, owner }) }
}

/// A new order: its number is its command's, nothing is filled.
pub(crate) fn accepted(header: &EventHeader, body: &Accepted) -> Result<OrderView, Fault> {
    let told = body.order;
    in_range(&told)?;
    let mut must = told;
    must.order = OrderId({ header.cause_seq }.0);
    must.status = OrderStatus::New;
    (must.cum, must.leaves, must.notional) = (Qty(0), told.terms.qty, Notional(0));
    if { told.leaves } == Qty(0) {
        return Err(Fault::Differs { order: told.order, part: Part::Leaves });
    }
    same(&must, &told)
}

/// A fill: what was open and is not any more, is filled.
pub(crate) fn filled(before: &OrderView, body: &Filled) -> Result<OrderView, Fault> {
    let differs = |part| Fault::Differs { order: before.order, part };
    let (qty, price) = ({ body.last_qty }.0, { body.last_price }.0);
    let price = u64::try_from(price).map_err(|_| differs(Part::Notional))?;
    if qty == 0 {
        return Err(differs(Part::Cum));
    }
    let mut must = *before;
    must.leaves.0 = { before.leaves }.0.checked_sub(qty).ok_or(differs(Part::Leaves))?;
    must.cum.0 = { before.cum }.0.checked_add(qty).ok_or(differs(Part::Cum))?;
    let value = u128::from(qty) * u128::from(price);
    must.notional.0 = { before.notional }.0.checked_add(value).ok_or(differs(Part::Notional))?;
    let left = { must.leaves } > Qty(0);
    must.status = if left { OrderStatus::PartiallyFilled } else { OrderStatus::Filled };
    same(&must, &body.order)
}

/// The end of an order: nothing is open, all else stays.
pub(crate) fn cancelled(before: &OrderView, body: &Cancelled) -> Result<OrderView, Fault> {
    let mut must = *before;
    must.leaves = Qty(0);
    must.status = match body.reason {
        CancelReason::Expired | CancelReason::AuctionRemainder => OrderStatus::Expired,
        _ => OrderStatus::Cancelled,
    };
    same(&must, &body.order)
}

/// A replace: other terms and another name, what is filled stays filled.
pub(crate) fn replaced(before: &OrderView, body: &Replaced) -> Result<OrderView, Fault> {
    let differs = |part| Fault::Differs { order: before.order, part };
    let (was, is) = (before.terms, body.order.terms);
    in_range(&body.order)?;
    let kept = |terms: &wire::terms::Terms| (terms.instrument, terms.side, terms.order_type, terms.min_qty);
    if kept(&was) != kept(&is) {
        return Err(differs(Part::Terms));
    }
    if { body.orig_cl_ord_id } != { before.cl_ord_id } {
        return Err(differs(Part::Name));
    }
    let mut must = *before;
    must.terms = is;
    must.cl_ord_id = body.order.cl_ord_id;
    let left = { is.qty }.0.checked_sub({ before.cum }.0).filter(|left| *left > 0);
    must.leaves = Qty(left.ok_or(differs(Part::Leaves))?);
    same(&must, &body.order)
}

/// A restatement: quantity and what is open fall alike.
pub(crate) fn restated(before: &OrderView, body: &Restated) -> Result<OrderView, Fault> {
    let (was, is) = ({ before.leaves }.0, { body.order.leaves }.0);
    if is == 0 || is >= was {
        return Err(Fault::Differs { order: before.order, part: Part::Leaves });
    }
    let mut must = *before;
    must.leaves = Qty(is);
    // A quantity is never below what is open of it.
    must.terms.qty.0 -= was - is;
    same(&must, &body.order)
}

/// An activated stop is as it was.
pub(crate) fn triggered(before: &OrderView, body: &Triggered) -> Result<OrderView, Fault> {
    same(before, &body.order)
}
