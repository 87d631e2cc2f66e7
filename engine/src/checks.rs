//! What must hold for the terms of an order, whoever sent it: checked in a fixed order, the first that fails is told.

use crate::Instrument;
use wire::command::{OrderType, Phase, PostOnly, Side, Terms, TimeInForce};
use wire::event::RejectReason;
use wire::terms::{MAX_PRICE, MAX_QTY};
use wire::{Nanos, Price, Qty};

use OrderType::{Limit, Market, Stop, StopLimit};
use TimeInForce::{AtTheClose, AtTheOpen, Day, FillOrKill, GoodTillCancel, GoodTillDate, ImmediateOrCancel};

/// The terms without what does not belong to their type and time in force.
pub(crate) fn normal(asked: &Terms) -> Terms {
    let mut terms = *asked;
    terms.reserved = [0; 3];
    if matches!(terms.order_type, Market | Stop) {
        terms.price = Price(0);
    }
    if !is_stop(&terms) {
        terms.stop_price = Price(0);
    }
    if terms.time_in_force != GoodTillDate {
        terms.expire = Nanos(0);
    }
    terms
}

/// True for an order that waits for its stop price.
pub(crate) fn is_stop(terms: &Terms) -> bool {
    matches!(terms.order_type, Stop | StopLimit)
}

/// True for an order that is filled at once or not at all, as far as it is.
pub(crate) fn is_immediate(terms: &Terms) -> bool {
    matches!(terms.time_in_force, ImmediateOrCancel | FillOrKill)
}

/// True for a market order, and for a stop that becomes one.
pub(crate) fn is_unpriced(terms: &Terms) -> bool {
    matches!(terms.order_type, Market | Stop)
}

/// Whether type, time in force and instructions go together: the rulebook's table.
pub(crate) fn go_together(terms: &Terms) -> bool {
    let time = terms.time_in_force;
    let (display, minimum) = ({ terms.display } != Qty(0), { terms.min_qty } != Qty(0));
    let post_only = terms.post_only == PostOnly::Yes;
    let displays = !display || !is_immediate(terms);
    match terms.order_type {
        Market => {
            let least = !minimum || matches!(time, Day | GoodTillCancel | ImmediateOrCancel);
            time != GoodTillDate && !display && !post_only && least
        }
        Limit => {
            let least = !minimum || matches!(time, Day | GoodTillCancel | GoodTillDate | ImmediateOrCancel);
            let posts = !post_only || (matches!(time, Day | GoodTillCancel | GoodTillDate) && !minimum);
            displays && least && posts
        }
        Stop => !matches!(time, AtTheOpen | AtTheClose) && !display && !post_only && !minimum,
        StopLimit => !matches!(time, AtTheOpen | AtTheClose) && displays && !post_only && !minimum,
    }
}

/// The numbers of an order: quantity, limit, stop price, what is shown, the minimum, the expiry.
pub(crate) fn numbers(instrument: &Instrument, terms: &Terms, now: Nanos) -> Result<(), RejectReason> {
    let lot = instrument.market.lot;
    let is_lots = |qty: Qty| lot == 1 || qty.0.is_multiple_of(lot);
    let qty = terms.qty;
    if qty == Qty(0) {
        return Err(RejectReason::ZeroQuantity);
    }
    if !is_lots(qty) {
        return Err(RejectReason::OffLot);
    }
    if qty > MAX_QTY {
        return Err(RejectReason::QuantityTooLarge);
    }
    let tick = instrument.market.tick;
    if matches!(terms.order_type, Limit | StopLimit) {
        let price = terms.price;
        if price.0 <= 0 {
            return Err(RejectReason::PriceNotPositive);
        }
        if price.0 % tick != 0 {
            return Err(RejectReason::OffTick);
        }
        if price > MAX_PRICE {
            return Err(RejectReason::PriceTooLarge);
        }
    }
    if is_stop(terms) {
        let stop = terms.stop_price;
        if stop.0 <= 0 || stop.0 % tick != 0 || stop > MAX_PRICE {
            return Err(RejectReason::StopPriceRefused);
        }
    }
    for (part, refused) in
        [(terms.display, RejectReason::DisplayRefused), (terms.min_qty, RejectReason::MinimumRefused)]
    {
        if part != Qty(0) && (!is_lots(part) || part > qty) {
            return Err(refused);
        }
    }
    if terms.time_in_force == GoodTillDate && { terms.expire } <= now {
        return Err(RejectReason::ExpiryRefused);
    }
    Ok(())
}

/// Whether a new order is taken in this phase.
pub(crate) fn phase_takes(phase: Phase, terms: &Terms) -> bool {
    let at_once = is_immediate(terms) || { terms.min_qty } != Qty(0);
    match phase {
        Phase::Closed | Phase::Halted => false,
        Phase::PreOpen | Phase::OpeningAuction => !at_once,
        Phase::Continuous => terms.time_in_force != AtTheOpen,
        Phase::ClosingAuction => !at_once && terms.time_in_force != AtTheOpen,
    }
}

/// Whether the limit lies within the bands and not beyond the collar.
pub(crate) fn bands(instrument: &Instrument, terms: &Terms) -> Result<(), RejectReason> {
    let base = match terms.order_type {
        Market | Stop => return Ok(()),
        Limit => instrument.reference,
        StopLimit => terms.stop_price,
    };
    let (price, bands) = (terms.price, instrument.terms.bands);
    let (low, high, collar) = (bands.low, bands.high, bands.collar);
    if (low != Price(0) && price < low) || (high != Price(0) && price > high) {
        return Err(RejectReason::OutsideBands);
    }
    let beyond = match terms.side {
        Side::Buy => price.0 > base.0 + collar.0,
        Side::Sell => price.0 < base.0 - collar.0,
    };
    if collar != Price(0) && base != Price(0) && beyond {
        return Err(RejectReason::OutsideCollar);
    }
    Ok(())
}

/// The worst price that the order may trade at.
pub(crate) fn limit(instrument: &Instrument, terms: &Terms) -> Price {
    match terms.order_type {
        Limit | StopLimit => terms.price,
        Market => instrument.protection(terms.side, instrument.reference),
        Stop => instrument.protection(terms.side, terms.stop_price),
    }
}
