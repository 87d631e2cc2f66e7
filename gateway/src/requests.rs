//! From FIX to commands: NewOrderSingle (D), OrderCancelRequest (F), OrderCancelReplaceRequest (G).

use crate::listings::Listings;
use fix::decimal::{self, DecimalError};
use fix::{FieldError, Message, session, tags};
use wire::command::{CancelOrder, NewOrder, OrderType, ReplaceOrder, Side, TimeInForce};
use wire::event::{RejectReason, ResponseTo};
use wire::{AccountId, ClOrdId, InstrumentId, Price, Qty, SessionId, TextError};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    New(NewOrder),
    Cancel(CancelOrder),
    Replace(ReplaceOrder),
}

/// Why a message does not become a command. None of these has a place in the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The message type is not spoken here: BusinessMessageReject (j), 380=3.
    Unsupported,
    /// A field is wrong: session Reject (3).
    Field(FieldError),
    /// The order cannot be: ExecutionReport (8) with ExecType (150) 8.
    Order(RefusedOrder),
    /// The cancel or replace cannot be: OrderCancelReject (9).
    Cancel(RefusedCancel),
}

/// What an ExecutionReport must repeat of an order that never was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RefusedOrder {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) symbol: Box<[u8]>,
    pub(crate) side: Side,
    pub(crate) qty: Box<[u8]>,
    pub(crate) reason: RejectReason,
    pub(crate) text: String,
}

/// What an OrderCancelReject must repeat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RefusedCancel {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) orig_cl_ord_id: ClOrdId,
    pub(crate) response_to: ResponseTo,
    pub(crate) reason: RejectReason,
    pub(crate) text: String,
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// Reads an application message that the dictionary has found well formed.
pub(crate) fn read(
    message: &Message<'_>,
    session: SessionId,
    listings: &Listings,
) -> Result<Request, Refusal> {
    let client_seq =
        u32::try_from(message.seq()?).map_err(|_| session::out_of_range(message, tags::MSG_SEQ_NUM))?;
    match message.msg_type() {
        b"D" => new_order(message, session, client_seq, listings).map(Request::New),
        b"F" => cancel(message, session, client_seq, listings).map(Request::Cancel),
        b"G" => replace(message, session, client_seq, listings).map(Request::Replace),
        _ => Err(Refusal::Unsupported),
    }
}

fn new_order(
    message: &Message<'_>,
    session: SessionId,
    client_seq: u32,
    listings: &Listings,
) -> Result<NewOrder, Refusal> {
    let cl_ord_id = name(message, tags::CL_ORD_ID)?;
    let side = side(message)?;
    let refused = |(reason, text): Unacceptable| {
        Refusal::Order(RefusedOrder {
            cl_ord_id,
            symbol: message.get(tags::SYMBOL).unwrap_or_default().into(),
            side,
            qty: message.get(tags::ORDER_QTY).unwrap_or_default().into(),
            reason,
            text,
        })
    };
    let terms = Terms::read(message, listings)?.map_err(refused)?;
    Ok(NewOrder {
        session,
        client_seq,
        instrument: terms.instrument,
        side,
        order_type: terms.order_type,
        time_in_force: terms.time_in_force,
        reserved: 0,
        price: terms.price,
        qty: terms.qty,
        cl_ord_id,
        account: AccountId(0),
    })
}

fn cancel(
    message: &Message<'_>,
    session: SessionId,
    client_seq: u32,
    listings: &Listings,
) -> Result<CancelOrder, Refusal> {
    let cl_ord_id = name(message, tags::CL_ORD_ID)?;
    let orig_cl_ord_id = name(message, tags::ORIG_CL_ORD_ID)?;
    let side = side(message)?;
    let instrument = instrument(message, listings)?.map_err(|(reason, text)| {
        Refusal::Cancel(RefusedCancel {
            cl_ord_id,
            orig_cl_ord_id,
            response_to: ResponseTo::Cancel,
            reason,
            text,
        })
    })?;
    Ok(CancelOrder { session, client_seq, instrument, side, reserved: [0; 3], cl_ord_id, orig_cl_ord_id })
}

fn replace(
    message: &Message<'_>,
    session: SessionId,
    client_seq: u32,
    listings: &Listings,
) -> Result<ReplaceOrder, Refusal> {
    let cl_ord_id = name(message, tags::CL_ORD_ID)?;
    let orig_cl_ord_id = name(message, tags::ORIG_CL_ORD_ID)?;
    let side = side(message)?;
    let refused = |(reason, text): Unacceptable| {
        Refusal::Cancel(RefusedCancel {
            cl_ord_id,
            orig_cl_ord_id,
            response_to: ResponseTo::Replace,
            reason,
            text,
        })
    };
    let terms = Terms::read(message, listings)?.map_err(refused)?;
    Ok(ReplaceOrder {
        session,
        client_seq,
        instrument: terms.instrument,
        side,
        order_type: terms.order_type,
        time_in_force: terms.time_in_force,
        reserved: 0,
        price: terms.price,
        qty: terms.qty,
        cl_ord_id,
        orig_cl_ord_id,
    })
}

/// A well-formed request that the exchange could not even ask its engine about.
type Unacceptable = (RejectReason, String);

/// What D and G say alike.
struct Terms {
    instrument: InstrumentId,
    order_type: OrderType,
    time_in_force: TimeInForce,
    price: Price,
    qty: Qty,
}

impl Terms {
    fn read(message: &Message<'_>, listings: &Listings) -> Result<Result<Self, Unacceptable>, FieldError> {
        let unsupported = |text: String| Ok(Err((RejectReason::UnsupportedOrder, text)));
        let order_type = match message.char(tags::ORD_TYPE)? {
            '1' => OrderType::Market,
            '2' => OrderType::Limit,
            other => {
                return unsupported(format!(
                    "OrdType(40)={other} is not supported: use 1 (market) or 2 (limit)"
                ));
            }
        };
        let time_in_force = match message.optional(tags::TIME_IN_FORCE, |m, tag| m.char(tag))? {
            None | Some('0') => TimeInForce::Day,
            Some('1') => TimeInForce::GoodTillCancel,
            Some('3') => TimeInForce::ImmediateOrCancel,
            Some(other) => {
                return unsupported(format!(
                    "TimeInForce(59)={other} is not supported: use 0 (day), 1 (GTC) or 3 (IOC)"
                ));
            }
        };
        let listing = match listing(message, listings)? {
            Ok(listing) => listing,
            Err(unacceptable) => return Ok(Err(unacceptable)),
        };
        let qty = message.required(tags::ORDER_QTY)?;
        let qty = match scaled(message, tags::ORDER_QTY, qty, 0)? {
            Ok(qty) => Qty(u64::try_from(qty).map_err(|_| session::out_of_range(message, tags::ORDER_QTY))?),
            Err(DecimalError::Overflow) => {
                return Ok(Err((RejectReason::QuantityTooLarge, "OrderQty(38) is too large".to_owned())));
            }
            Err(_) => {
                return Ok(Err((RejectReason::OffLot, "OrderQty(38) must be a whole number".to_owned())));
            }
        };
        let price = match order_type {
            OrderType::Market => Price(0),
            OrderType::Limit => {
                let text = message.required(tags::PRICE)?;
                match scaled(message, tags::PRICE, text, listing.price_decimals)? {
                    Ok(price) => Price(price),
                    Err(DecimalError::Overflow) => {
                        return Ok(Err((RejectReason::PriceTooLarge, "Price(44) is too large".to_owned())));
                    }
                    Err(_) => {
                        let text = format!(
                            "Price(44)={} has more than the {} decimals of {}",
                            text.escape_ascii(),
                            listing.price_decimals,
                            listing.symbol
                        );
                        return Ok(Err((RejectReason::OffTick, text)));
                    }
                }
            }
        };
        Ok(Ok(Self { instrument: listing.instrument, order_type, time_in_force, price, qty }))
    }
}

/// A decimal field: junk is the field's fault, too fine or too large the order's.
fn scaled(
    message: &Message<'_>,
    tag: u32,
    text: &[u8],
    decimals: u8,
) -> Result<Result<i64, DecimalError>, FieldError> {
    match decimal::parse_scaled(text, decimals) {
        Err(DecimalError::Junk) => message.decimal(tag, decimals).map(Ok),
        other => Ok(other),
    }
}

fn listing<'l>(
    message: &Message<'_>,
    listings: &'l Listings,
) -> Result<Result<&'l crate::listings::Listing, Unacceptable>, FieldError> {
    let symbol = message.required(tags::SYMBOL)?;
    Ok(listings.of_symbol(symbol).ok_or_else(|| {
        let text = format!("Symbol(55)={} is not traded here", symbol.escape_ascii());
        (RejectReason::UnknownInstrument, text)
    }))
}

fn instrument(
    message: &Message<'_>,
    listings: &Listings,
) -> Result<Result<InstrumentId, Unacceptable>, FieldError> {
    Ok(listing(message, listings)?.map(|listing| listing.instrument))
}

fn side(message: &Message<'_>) -> Result<Side, FieldError> {
    match message.char(tags::SIDE)? {
        '1' => Ok(Side::Buy),
        '2' => Ok(Side::Sell),
        _ => Err(session::out_of_range(message, tags::SIDE)),
    }
}

/// A client's name for an order or a request.
fn name(message: &Message<'_>, tag: u32) -> Result<ClOrdId, FieldError> {
    ClOrdId::new(message.required(tag)?).map_err(|error| match error {
        TextError::Empty => FieldError::missing(tag),
        TextError::TooLong { .. } | TextError::NotPrintable => session::out_of_range(message, tag),
    })
}
