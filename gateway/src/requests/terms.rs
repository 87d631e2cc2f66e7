//! What an order asks for, as NewOrderSingle (D) and OrderCancelReplaceRequest (G) say it alike.

use super::{Unacceptable, listing};
use crate::listings::{Listing, Listings};
use fix::decimal::{self, DecimalError};
use fix::{FieldError, Message, session, tags};
use wire::command::{OrderType, PostOnly, SelfTrade, Side, Terms, TimeInForce};
use wire::event::RejectReason;
use wire::{Nanos, Price, Qty};

const DAY: Nanos = Nanos(86_400 * Nanos::SECOND.0);

pub(super) fn read(
    message: &Message<'_>,
    side: Side,
    listings: &Listings,
) -> Result<Result<Terms, Unacceptable>, FieldError> {
    let order_type = match order_type(message)? {
        Ok(order_type) => order_type,
        Err(unacceptable) => return Ok(Err(unacceptable)),
    };
    let time_in_force = match time_in_force(message)? {
        Ok(time_in_force) => time_in_force,
        Err(unacceptable) => return Ok(Err(unacceptable)),
    };
    let expire = match time_in_force {
        TimeInForce::GoodTillDate => expire(message)?,
        _ => Nanos(0),
    };
    let self_trade = self_trade(message)?;
    let listing = match listing(message, listings)? {
        Ok(listing) => listing,
        Err(unacceptable) => return Ok(Err(unacceptable)),
    };
    let fields = Numbers { message, listing };
    let numbers = || -> Result<Terms, Wrong> {
        let qty = fields.qty(&QUANTITY)?;
        let price = match order_type {
            OrderType::Market | OrderType::Stop => Price(0),
            OrderType::Limit | OrderType::StopLimit => fields.price(&PRICE)?,
        };
        let stop_price = match order_type {
            OrderType::Market | OrderType::Limit => Price(0),
            OrderType::Stop | OrderType::StopLimit => fields.price(&STOP_PRICE)?,
        };
        Ok(Terms {
            order_type,
            time_in_force,
            self_trade,
            post_only: if post_only(message) { PostOnly::Yes } else { PostOnly::No },
            stop_price,
            display: fields.optional_qty(&DISPLAY)?,
            min_qty: fields.optional_qty(&MINIMUM)?,
            expire,
            ..Terms::limit(listing.instrument, side, price, qty)
        })
    };
    match numbers() {
        Ok(terms) => Ok(Ok(terms)),
        Err(Wrong::Field(error)) => Err(error),
        Err(Wrong::Order(unacceptable)) => Ok(Err(unacceptable)),
    }
}

fn unsupported<T>(text: String) -> Result<Result<T, Unacceptable>, FieldError> {
    Ok(Err((RejectReason::UnsupportedOrder, text)))
}

fn order_type(message: &Message<'_>) -> Result<Result<OrderType, Unacceptable>, FieldError> {
    Ok(Ok(match message.char(tags::ORD_TYPE)? {
        '1' => OrderType::Market,
        '2' => OrderType::Limit,
        '3' => OrderType::Stop,
        '4' => OrderType::StopLimit,
        other => {
            return unsupported(format!(
                "OrdType(40)={other} is not supported: use 1 (market), 2 (limit), 3 (stop) or 4 (stop limit)"
            ));
        }
    }))
}

fn time_in_force(message: &Message<'_>) -> Result<Result<TimeInForce, Unacceptable>, FieldError> {
    Ok(Ok(match message.optional(tags::TIME_IN_FORCE, |m, tag| m.char(tag))? {
        None | Some('0') => TimeInForce::Day,
        Some('1') => TimeInForce::GoodTillCancel,
        Some('2') => TimeInForce::AtTheOpen,
        Some('3') => TimeInForce::ImmediateOrCancel,
        Some('4') => TimeInForce::FillOrKill,
        Some('6') => TimeInForce::GoodTillDate,
        Some('7') => TimeInForce::AtTheClose,
        Some(other) => {
            return unsupported(format!(
                "TimeInForce(59)={other} is not supported: use 0 (day), 1 (GTC), 2 (at the open), 3 (IOC), 4 (FOK), \
                 6 (GTD) or 7 (at the close)"
            ));
        }
    }))
}

/// When an order that is good till a date expires: at an instant, or at the end of a day in UTC.
fn expire(message: &Message<'_>) -> Result<Nanos, FieldError> {
    if message.get(tags::EXPIRE_TIME).is_none() && message.get(tags::EXPIRE_DATE).is_some() {
        return Ok(message.date(tags::EXPIRE_DATE)?.saturating_add(DAY));
    }
    message.timestamp(tags::EXPIRE_TIME)
}

/// ExecInst(18) holds a 6: participate, do not initiate.
fn post_only(message: &Message<'_>) -> bool {
    message.get(tags::EXEC_INST).is_some_and(|words| words.split(|b| *b == b' ').any(|word| word == b"6"))
}

fn self_trade(message: &Message<'_>) -> Result<SelfTrade, FieldError> {
    let tag = tags::SELF_MATCH_PREVENTION_INSTRUCTION;
    match message.optional(tag, |m, tag| m.char(tag))? {
        None | Some('0') => Ok(SelfTrade::Allow),
        Some('1') => Ok(SelfTrade::CancelNewest),
        Some('2') => Ok(SelfTrade::CancelOldest),
        Some('3') => Ok(SelfTrade::CancelBoth),
        Some('4') => Ok(SelfTrade::Decrement),
        Some(_) => Err(session::out_of_range(message, tag)),
    }
}

/// What is wrong with a number.
enum Wrong {
    /// It is none: the field's fault.
    Field(FieldError),
    /// It cannot be one of an order.
    Order(Unacceptable),
}

impl From<FieldError> for Wrong {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// How a number's faults are told.
struct Number {
    tag: u32,
    name: &'static str,
    too_large: RejectReason,
    too_fine: RejectReason,
}

const QUANTITY: Number = Number {
    tag: tags::ORDER_QTY,
    name: "OrderQty(38)",
    too_large: RejectReason::QuantityTooLarge,
    too_fine: RejectReason::OffLot,
};
const DISPLAY: Number = Number {
    tag: tags::MAX_FLOOR,
    name: "MaxFloor(111)",
    too_large: RejectReason::DisplayRefused,
    too_fine: RejectReason::DisplayRefused,
};
const MINIMUM: Number = Number {
    tag: tags::MIN_QTY,
    name: "MinQty(110)",
    too_large: RejectReason::MinimumRefused,
    too_fine: RejectReason::MinimumRefused,
};
const PRICE: Number = Number {
    tag: tags::PRICE,
    name: "Price(44)",
    too_large: RejectReason::PriceTooLarge,
    too_fine: RejectReason::OffTick,
};
const STOP_PRICE: Number = Number {
    tag: tags::STOP_PX,
    name: "StopPx(99)",
    too_large: RejectReason::StopPriceRefused,
    too_fine: RejectReason::StopPriceRefused,
};

/// The numbers of an order in an instrument.
struct Numbers<'m> {
    message: &'m Message<'m>,
    listing: &'m Listing,
}

impl Numbers<'_> {
    /// Junk is the field's fault, too fine or too large the order's.
    fn scaled(&self, number: &Number, decimals: u8) -> Result<i64, Wrong> {
        let text = self.message.required(number.tag)?;
        match decimal::parse_scaled(text, decimals) {
            Ok(value) => Ok(value),
            Err(DecimalError::Junk) => Ok(self.message.decimal(number.tag, decimals)?),
            Err(DecimalError::Overflow) => {
                Err(Wrong::Order((number.too_large, format!("{} is too large", number.name))))
            }
            Err(DecimalError::TooManyDecimals) if decimals == 0 => {
                Err(Wrong::Order((number.too_fine, format!("{} must be a whole number", number.name))))
            }
            Err(DecimalError::TooManyDecimals) => Err(Wrong::Order((
                number.too_fine,
                format!(
                    "{}={} has more than the {decimals} decimals of {}",
                    number.name,
                    text.escape_ascii(),
                    self.listing.symbol
                ),
            ))),
        }
    }

    fn price(&self, number: &Number) -> Result<Price, Wrong> {
        self.scaled(number, self.listing.price_decimals).map(Price)
    }

    fn qty(&self, number: &Number) -> Result<Qty, Wrong> {
        let qty = self.scaled(number, 0)?;
        Ok(Qty(u64::try_from(qty).map_err(|_| session::out_of_range(self.message, number.tag))?))
    }

    /// 0 if the field is absent.
    fn optional_qty(&self, number: &Number) -> Result<Qty, Wrong> {
        if self.message.get(number.tag).is_none() { Ok(Qty(0)) } else { self.qty(number) }
    }
}
