//! What must hold for the numbers of an order before it is taken, checked in a fixed order: the first that fails is told.

use crate::Instrument;
use crate::limits::{MAX_PRICE, MAX_QTY};
use wire::command::OrderType;
use wire::event::RejectReason;
use wire::{Price, Qty};

/// Quantity first (zero, lot, largest), then, for a limit order, the price (positive, tick, highest).
pub(crate) fn quantity_and_price(
    instrument: &Instrument,
    order_type: OrderType,
    qty: Qty,
    price: Price,
) -> Result<(), RejectReason> {
    if qty == Qty(0) {
        return Err(RejectReason::ZeroQuantity);
    }
    if !qty.0.is_multiple_of(instrument.lot.0) {
        return Err(RejectReason::OffLot);
    }
    if qty > MAX_QTY {
        return Err(RejectReason::QuantityTooLarge);
    }
    if order_type == OrderType::Market {
        return Ok(());
    }
    if price.0 <= 0 {
        return Err(RejectReason::PriceNotPositive);
    }
    if price.0 % instrument.tick.0 != 0 {
        return Err(RejectReason::OffTick);
    }
    if price > MAX_PRICE {
        return Err(RejectReason::PriceTooLarge);
    }
    Ok(())
}
