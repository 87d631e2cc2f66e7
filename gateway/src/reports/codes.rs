//! FIX 4.4's codes for the values of the wire's tables.

use wire::command::{MassScope, OrderType, Side, TimeInForce};
use wire::event::{CancelReason, Liquidity, OrderStatus, RejectReason, ResponseTo};

pub(super) const fn side(side: Side) -> char {
    match side {
        Side::Buy => '1',
        Side::Sell => '2',
    }
}

pub(super) const fn order_type(order_type: OrderType) -> char {
    match order_type {
        OrderType::Market => '1',
        OrderType::Limit => '2',
        OrderType::Stop => '3',
        OrderType::StopLimit => '4',
    }
}

pub(super) const fn time_in_force(time_in_force: TimeInForce) -> char {
    match time_in_force {
        TimeInForce::Day => '0',
        TimeInForce::GoodTillCancel => '1',
        TimeInForce::AtTheOpen => '2',
        TimeInForce::ImmediateOrCancel => '3',
        TimeInForce::FillOrKill => '4',
        TimeInForce::GoodTillDate => '6',
        TimeInForce::AtTheClose => '7',
    }
}

pub(super) const fn status(status: OrderStatus) -> char {
    match status {
        OrderStatus::New => '0',
        OrderStatus::PartiallyFilled => '1',
        OrderStatus::Filled => '2',
        OrderStatus::Cancelled => '4',
        OrderStatus::Rejected => '8',
        OrderStatus::Expired => 'C',
    }
}

pub(super) const fn response_to(response_to: ResponseTo) -> char {
    match response_to {
        ResponseTo::Cancel => '1',
        ResponseTo::Replace => '2',
    }
}

/// LastLiquidityInd (851); the auction's is FIX 5.0's.
pub(super) const fn liquidity(liquidity: Liquidity) -> char {
    match liquidity {
        Liquidity::Maker => '1',
        Liquidity::Taker => '2',
        Liquidity::Auction => '4',
    }
}

/// Whether an order that left the book ran out (150=C) or was cancelled (150=4).
pub(super) const fn is_expiry(reason: CancelReason) -> bool {
    match reason {
        CancelReason::Expired | CancelReason::AuctionRemainder => true,
        CancelReason::Requested
        | CancelReason::ImmediateRemainder
        | CancelReason::NoLiquidity
        | CancelReason::FillOrKill
        | CancelReason::MinimumQuantity
        | CancelReason::SelfTrade
        | CancelReason::MassCancel
        | CancelReason::Operator
        | CancelReason::ParticipantStopped => false,
    }
}

/// OrdRejReason (103), FIX 4.4.
pub(super) const fn ord_rej_reason(reason: RejectReason) -> u64 {
    match reason {
        RejectReason::BookFull | RejectReason::NotLoggedOn => 0,
        RejectReason::UnknownInstrument => 1,
        RejectReason::NotInThisPhase => 2,
        RejectReason::QuantityTooLarge
        | RejectReason::PriceTooLarge
        | RejectReason::OrderQtyLimit
        | RejectReason::OrderValueLimit
        | RejectReason::PositionLimit
        | RejectReason::DayVolumeLimit
        | RejectReason::OpenOrdersLimit
        | RejectReason::InsufficientFunds
        | RejectReason::InsufficientShares => 3,
        RejectReason::UnknownOrder => 5,
        RejectReason::DuplicateClOrdId => 6,
        RejectReason::UnsupportedOrder => 11,
        RejectReason::ParticipantStopped => 12,
        RejectReason::ZeroQuantity
        | RejectReason::OffLot
        | RejectReason::DisplayRefused
        | RejectReason::MinimumRefused => 13,
        RejectReason::UnknownAccount | RejectReason::AccountNotPermitted => 15,
        RejectReason::PriceNotPositive
        | RejectReason::OffTick
        | RejectReason::TooLate
        | RejectReason::OrderMismatch
        | RejectReason::QuantityBelowFilled
        | RejectReason::InstrumentRefused
        | RejectReason::OutsideBands
        | RejectReason::OutsideCollar
        | RejectReason::WouldTake
        | RejectReason::StopPriceRefused
        | RejectReason::ExpiryRefused
        | RejectReason::UnknownTrade
        | RejectReason::UnknownParticipant
        | RejectReason::UnknownCurrency
        | RejectReason::AlreadyDefined
        | RejectReason::OutOfRange
        | RejectReason::PhaseNotReachable
        | RejectReason::MarketNotClosed
        | RejectReason::Quarantined => 99,
    }
}

/// CxlRejReason (102), FIX 4.4.
pub(super) const fn cxl_rej_reason(reason: RejectReason) -> u64 {
    match reason {
        RejectReason::TooLate => 0,
        RejectReason::UnknownOrder => 1,
        RejectReason::BookFull
        | RejectReason::NotLoggedOn
        | RejectReason::NotInThisPhase
        | RejectReason::ParticipantStopped => 2,
        RejectReason::DuplicateClOrdId => 6,
        RejectReason::UnknownInstrument
        | RejectReason::ZeroQuantity
        | RejectReason::OffLot
        | RejectReason::QuantityTooLarge
        | RejectReason::PriceNotPositive
        | RejectReason::OffTick
        | RejectReason::PriceTooLarge
        | RejectReason::OrderMismatch
        | RejectReason::QuantityBelowFilled
        | RejectReason::InstrumentRefused
        | RejectReason::UnsupportedOrder
        | RejectReason::OutsideBands
        | RejectReason::OutsideCollar
        | RejectReason::WouldTake
        | RejectReason::StopPriceRefused
        | RejectReason::DisplayRefused
        | RejectReason::MinimumRefused
        | RejectReason::ExpiryRefused
        | RejectReason::UnknownAccount
        | RejectReason::AccountNotPermitted
        | RejectReason::OrderQtyLimit
        | RejectReason::OrderValueLimit
        | RejectReason::PositionLimit
        | RejectReason::DayVolumeLimit
        | RejectReason::OpenOrdersLimit
        | RejectReason::InsufficientFunds
        | RejectReason::InsufficientShares
        | RejectReason::UnknownTrade
        | RejectReason::UnknownParticipant
        | RejectReason::UnknownCurrency
        | RejectReason::AlreadyDefined
        | RejectReason::OutOfRange
        | RejectReason::PhaseNotReachable
        | RejectReason::MarketNotClosed
        | RejectReason::Quarantined => 99,
    }
}

/// MassCancelRejectReason (532), FIX 4.4.
pub(super) const fn mass_cancel_reject_reason(reason: RejectReason) -> u64 {
    match reason {
        RejectReason::UnsupportedOrder => 0,
        RejectReason::UnknownInstrument => 1,
        _ => 99,
    }
}

/// MassCancelRequestType (530) and MassCancelResponse (531).
pub(super) const fn mass_scope(scope: MassScope) -> char {
    match scope {
        MassScope::Instrument => '1',
        MassScope::Session | MassScope::Account | MassScope::Participant | MassScope::Everything => '7',
    }
}
