//! What an account may do in an instrument, before an order is taken.

use crate::accounts::{Holding, value};
use crate::instruments::Market;
use wire::command::{RiskLimits, Side};
use wire::event::RejectReason;
use wire::{Money, Price, Qty};

/// What an order, or a replaced one, asks of its account's limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) side: Side,
    /// The worst price that it can trade at.
    pub(crate) limit: Price,
    /// The whole quantity.
    pub(crate) qty: Qty,
    /// What would be open of it.
    pub(crate) open: Qty,
    /// What is open of it already; `None` for a new order.
    pub(crate) before: Option<Qty>,
}

/// Whether the limits allow it. 0 is no limit.
pub(crate) fn allows(
    limits: &RiskLimits,
    holding: &Holding,
    market: &Market,
    asked: &Request,
) -> Result<(), RejectReason> {
    if *limits == RiskLimits::default() {
        return Ok(());
    }
    let RiskLimits { order_qty, order_value, position, day_volume, open_orders, .. } = *limits;
    if order_qty != Qty(0) && asked.qty > order_qty {
        return Err(RejectReason::OrderQtyLimit);
    }
    if order_value != Money(0) && value(market, asked.limit, asked.qty) > order_value.0 {
        return Err(RejectReason::OrderValueLimit);
    }
    let (buys, sells) = (i128::from(holding.open_buys.0), i128::from(holding.open_sells.0));
    let more = i128::from(asked.open.0) - i128::from(asked.before.unwrap_or_default().0);
    let reached = match asked.side {
        Side::Buy => holding.position + buys + more,
        Side::Sell => -(holding.position - sells - more),
    };
    if position != Qty(0) && reached > i128::from(position.0) {
        return Err(RejectReason::PositionLimit);
    }
    let volume = i128::from(holding.day_volume) + buys + sells + more;
    if day_volume != Qty(0) && volume > i128::from(day_volume.0) {
        return Err(RejectReason::DayVolumeLimit);
    }
    if open_orders != 0 && asked.before.is_none() && holding.open_orders >= open_orders {
        return Err(RejectReason::OpenOrdersLimit);
    }
    Ok(())
}
