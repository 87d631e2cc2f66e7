//! What clients are told in words.

use wire::event::{CancelReason, RejectReason};

/// Text (58) for a client.
pub(super) const fn of_reject(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownInstrument => "unknown symbol",
        RejectReason::DuplicateClOrdId => "ClOrdID(11) was used before in this session",
        RejectReason::ZeroQuantity => "OrderQty(38) must not be zero",
        RejectReason::OffLot => "OrderQty(38) is not a multiple of the lot size",
        RejectReason::QuantityTooLarge => "OrderQty(38) is above the limit",
        RejectReason::PriceNotPositive => "Price(44) must be above zero",
        RejectReason::OffTick => "Price(44) is not a multiple of the tick size",
        RejectReason::PriceTooLarge => "Price(44) is above the limit",
        RejectReason::UnknownOrder => "OrigClOrdID(41) names no order of this session",
        RejectReason::TooLate => "the order is already filled or cancelled",
        RejectReason::OrderMismatch => {
            "Symbol(55), Side(54), OrdType(40) or TimeInForce(59) differ from the order's"
        }
        RejectReason::QuantityBelowFilled => "OrderQty(38) is not above what is already filled",
        RejectReason::BookFull => "the exchange has no room for another order",
        RejectReason::NotLoggedOn => "the session is not logged on through this gateway",
        RejectReason::InstrumentRefused => "the instrument was refused",
        RejectReason::UnsupportedOrder => {
            "OrdType(40), TimeInForce(59), ExecInst(18), MinQty(110) or MaxFloor(111) do not go together"
        }
        RejectReason::NotInThisPhase => "the instrument's phase of trading does not take it",
        RejectReason::OutsideBands => "Price(44) lies outside of the instrument's price bands",
        RejectReason::OutsideCollar => "Price(44) lies too far from the reference price",
        RejectReason::WouldTake => "post only: it would match on entry",
        RejectReason::StopPriceRefused => {
            "StopPx(99) must be above zero, a multiple of the tick size and within the limit"
        }
        RejectReason::DisplayRefused => {
            "MaxFloor(111) must be a multiple of the lot size and not above OrderQty(38)"
        }
        RejectReason::MinimumRefused => {
            "MinQty(110) must be a multiple of the lot size and not above OrderQty(38)"
        }
        RejectReason::ExpiryRefused => "ExpireTime(126) or ExpireDate(432) is not in the future",
        RejectReason::UnknownAccount => "Account(1) names no account, and the session has none of its own",
        RejectReason::AccountNotPermitted => "Account(1) is not of the session's participant",
        RejectReason::ParticipantStopped => "trading of this participant was stopped by the exchange",
        RejectReason::OrderQtyLimit => "OrderQty(38) is above the account's limit",
        RejectReason::OrderValueLimit => "the order's value is above the account's limit",
        RejectReason::PositionLimit => "the position could go above the account's limit",
        RejectReason::DayVolumeLimit => "the day's volume could go above the account's limit",
        RejectReason::OpenOrdersLimit => "the account has as many open orders as it may have",
        RejectReason::InsufficientFunds => "the account has not enough money",
        RejectReason::InsufficientShares => "the account has not enough shares",
        RejectReason::UnknownTrade => "unknown trade",
        RejectReason::UnknownParticipant => "unknown participant",
        RejectReason::UnknownCurrency => "unknown currency",
        RejectReason::AlreadyDefined => "the number or the name is taken",
        RejectReason::OutOfRange => "a number is out of its range",
        RejectReason::PhaseNotReachable => "the instrument cannot go into that phase from the present one",
        RejectReason::MarketNotClosed => "not every instrument is closed",
        RejectReason::Quarantined => "the exchange could not execute this request and has left it out",
    }
}

/// Text (58) for a client whose order left the book; nothing where it asked for that itself.
pub(super) const fn of_cancel(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "",
        CancelReason::ImmediateRemainder => "immediate or cancel: nothing more to match",
        CancelReason::NoLiquidity => "market order: no more counterparties",
        CancelReason::FillOrKill => "fill or kill: it could not be filled in whole",
        CancelReason::MinimumQuantity => "MinQty(110) could not be filled on entry",
        CancelReason::SelfTrade => "self-trade prevention: it would have met an order of its own participant",
        CancelReason::Expired => "expired",
        CancelReason::AuctionRemainder => "the auction that it was for left it unfilled",
        CancelReason::MassCancel => "mass cancel",
        CancelReason::Operator => "cancelled by the exchange",
        CancelReason::ParticipantStopped => "trading of this participant was stopped by the exchange",
    }
}
