//! From FIX to commands: NewOrderSingle (D), OrderCancelRequest (F), OrderCancelReplaceRequest (G),
//! OrderMassCancelRequest (q).

mod mass;
mod terms;

use crate::listings::Listings;
use crate::parties::Parties;
use fix::{FieldError, Message, session, tags};
use wire::command::{CancelOrder, MassCancel, NewOrder, ReplaceOrder, Side};
use wire::event::{RejectReason, ResponseTo};
use wire::{AccountId, ClOrdId, InstrumentId, SessionId, TextError};

pub(crate) use mass::RefusedMass;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    New(NewOrder),
    Cancel(CancelOrder),
    Replace(ReplaceOrder),
    MassCancel(MassCancel),
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
    /// The mass cancel cannot be: OrderMassCancelReport (r) with 531=0.
    Mass(RefusedMass),
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
    parties: &Parties,
) -> Result<Request, Refusal> {
    let client_seq =
        u32::try_from(message.seq()?).map_err(|_| session::out_of_range(message, tags::MSG_SEQ_NUM))?;
    match message.msg_type() {
        b"D" => new_order(message, session, client_seq, listings, parties).map(Request::New),
        b"F" => cancel(message, session, client_seq, listings).map(Request::Cancel),
        b"G" => replace(message, session, client_seq, listings).map(Request::Replace),
        b"q" => mass::read(message, session, client_seq, listings).map(Request::MassCancel),
        _ => Err(Refusal::Unsupported),
    }
}

fn new_order(
    message: &Message<'_>,
    session: SessionId,
    client_seq: u32,
    listings: &Listings,
    parties: &Parties,
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
    let terms = terms::read(message, side, listings)?.map_err(refused)?;
    let account = account(message)?.map_err(refused)?.unwrap_or_else(|| parties.account_of(session));
    Ok(NewOrder { session, client_seq, terms, cl_ord_id, account })
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
    let terms = terms::read(message, side, listings)?.map_err(refused)?;
    Ok(ReplaceOrder { session, client_seq, terms, cl_ord_id, orig_cl_ord_id })
}

/// A well-formed request that the exchange could not even ask its engine about.
type Unacceptable = (RejectReason, String);

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

/// The account that a message names, if it names one: accounts go by their numbers.
fn account(message: &Message<'_>) -> Result<Result<Option<AccountId>, Unacceptable>, FieldError> {
    if message.get(tags::ACCOUNT).is_none() {
        return Ok(Ok(None));
    }
    let text = message.required(tags::ACCOUNT)?;
    let number = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    Ok(match number.and_then(|text| text.parse().ok()) {
        None | Some(0) => {
            let text =
                format!("Account(1)={} is no account: accounts go by their numbers", text.escape_ascii());
            Err((RejectReason::UnknownAccount, text))
        }
        Some(number) => Ok(Some(AccountId(number))),
    })
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
