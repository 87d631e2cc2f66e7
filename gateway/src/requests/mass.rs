//! OrderMassCancelRequest (q): which orders it is for.

use super::{Refusal, account, listing, name};
use crate::listings::Listings;
use fix::{Message, tags};
use wire::command::{MassCancel, MassScope};
use wire::{AccountId, ClOrdId, InstrumentId, SessionId};

/// What an OrderMassCancelReport must repeat of a request that was refused at the edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RefusedMass {
    pub(crate) cl_ord_id: ClOrdId,
    /// MassCancelRequestType(530), as it was given.
    pub(crate) request_type: Box<[u8]>,
    /// MassCancelRejectReason(532).
    pub(crate) reason: u64,
    pub(crate) text: String,
}

/// MassCancelRejectReason(532): such a cancel is not supported.
const NOT_SUPPORTED: u64 = 0;
/// MassCancelRejectReason(532): no such security.
const UNKNOWN_SECURITY: u64 = 1;
/// MassCancelRejectReason(532): something else.
const OTHER: u64 = 99;

pub(super) fn read(
    message: &Message<'_>,
    session: SessionId,
    client_seq: u32,
    listings: &Listings,
) -> Result<MassCancel, Refusal> {
    let cl_ord_id = name(message, tags::CL_ORD_ID)?;
    let request_type = message.required(tags::MASS_CANCEL_REQUEST_TYPE)?;
    let refused = |reason, text: &str| {
        let (request_type, text) = (request_type.into(), text.to_owned());
        Refusal::Mass(RefusedMass { cl_ord_id, request_type, reason, text })
    };
    // To overlook one of these would cancel more than was asked for.
    if message.get(tags::SIDE).is_some() {
        return Err(refused(NOT_SUPPORTED, "Side(54) is not supported: both sides are cancelled"));
    }
    let account = account(message)?.map_err(|(_, text)| refused(OTHER, &text))?;
    let (scope, instrument) = match (request_type, account) {
        (b"1", None) => {
            let listed = listing(message, listings)?.map_err(|(_, text)| refused(UNKNOWN_SECURITY, &text))?;
            (MassScope::Instrument, listed.instrument)
        }
        (b"7", _) if message.get(tags::SYMBOL).is_some() => {
            return Err(refused(NOT_SUPPORTED, "Symbol(55) goes with MassCancelRequestType(530)=1 only"));
        }
        (b"7", None) => (MassScope::Session, InstrumentId(0)),
        (b"7", Some(_)) => (MassScope::Account, InstrumentId(0)),
        (b"1", Some(_)) => {
            return Err(refused(NOT_SUPPORTED, "Account(1) goes with MassCancelRequestType(530)=7 only"));
        }
        _ => {
            return Err(refused(
                NOT_SUPPORTED,
                "MassCancelRequestType(530) must be 1 (one security) or 7 (all orders)",
            ));
        }
    };
    Ok(MassCancel {
        session,
        client_seq,
        scope,
        reserved: [0; 3],
        instrument,
        account: account.unwrap_or(AccountId(0)),
        cl_ord_id,
    })
}
