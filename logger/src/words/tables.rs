//! A word for each value of each table.

use wire::command::{
    Algorithm, Checks, LogoutReason, MassScope, Phase, SelfTrade, Side, TimeInForce, Trading, Transfer,
};
use wire::event::{CancelReason, Liquidity, OrderStatus, RejectReason};

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(super) const fn lasting(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Day => "day",
        TimeInForce::GoodTillCancel => "good till cancel",
        TimeInForce::ImmediateOrCancel => "immediate or cancel",
        TimeInForce::FillOrKill => "fill or kill",
        TimeInForce::GoodTillDate => "good till",
        TimeInForce::AtTheOpen => "at the open",
        TimeInForce::AtTheClose => "at the close",
    }
}

pub(super) const fn logout(reason: LogoutReason) -> &'static str {
    match reason {
        LogoutReason::Requested => "as requested",
        LogoutReason::Disconnected => "disconnected",
        LogoutReason::Gateway => "ended by the gateway",
    }
}

pub(super) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "new",
        OrderStatus::PartiallyFilled => "partially filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Rejected => "rejected",
        OrderStatus::Expired => "expired",
    }
}

pub(super) const fn reject(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownInstrument => "unknown instrument",
        RejectReason::DuplicateClOrdId => "duplicate client order id",
        RejectReason::ZeroQuantity => "quantity is zero",
        RejectReason::OffLot => "quantity is no multiple of the lot",
        RejectReason::QuantityTooLarge => "quantity too large",
        RejectReason::PriceNotPositive => "price is not positive",
        RejectReason::OffTick => "price is no multiple of the tick",
        RejectReason::PriceTooLarge => "price too large",
        RejectReason::UnknownOrder => "unknown order",
        RejectReason::TooLate => "too late",
        RejectReason::OrderMismatch => "instrument, side or type differ from the order's",
        RejectReason::QuantityBelowFilled => "quantity is not above what is filled",
        RejectReason::BookFull => "the book is full",
        RejectReason::NotLoggedOn => "not logged on through this gateway",
        RejectReason::InstrumentRefused => "instrument exists or is out of range",
        RejectReason::UnsupportedOrder => "order type, time in force and instructions do not go together",
        RejectReason::NotInThisPhase => "the phase does not take it",
        RejectReason::OutsideBands => "price outside the bands",
        RejectReason::OutsideCollar => "price outside the collar",
        RejectReason::WouldTake => "post only, but would match",
        RejectReason::StopPriceRefused => "the stop price is no price of the instrument",
        RejectReason::DisplayRefused => "quantity to show is no multiple of the lot or above the order's",
        RejectReason::MinimumRefused => "minimum quantity is no multiple of the lot or above the order's",
        RejectReason::ExpiryRefused => "the expiry is not in the future",
        RejectReason::UnknownAccount => "unknown account",
        RejectReason::AccountNotPermitted => "the account is another participant's",
        RejectReason::ParticipantStopped => "the participant is stopped",
        RejectReason::OrderQtyLimit => "above the account's order quantity",
        RejectReason::OrderValueLimit => "above the account's order value",
        RejectReason::PositionLimit => "above the account's position limit",
        RejectReason::DayVolumeLimit => "above the account's day volume",
        RejectReason::OpenOrdersLimit => "above the account's open orders",
        RejectReason::InsufficientFunds => "the account cannot pay",
        RejectReason::InsufficientShares => "the account cannot deliver",
        RejectReason::UnknownTrade => "unknown trade",
        RejectReason::UnknownParticipant => "unknown participant",
        RejectReason::UnknownCurrency => "unknown currency",
        RejectReason::AlreadyDefined => "the number or the name is taken",
        RejectReason::OutOfRange => "a number is out of its range",
        RejectReason::PhaseNotReachable => "the phase cannot be reached from the present one",
        RejectReason::MarketNotClosed => "not every instrument is closed",
        RejectReason::Quarantined => "quarantined",
    }
}

pub(super) const fn cancel(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "as requested",
        CancelReason::ImmediateRemainder => "immediate or cancel with nothing more to match",
        CancelReason::NoLiquidity => "market order without a counterparty",
        CancelReason::FillOrKill => "fill or kill, but not in whole",
        CancelReason::MinimumQuantity => "less than its minimum quantity on entry",
        CancelReason::SelfTrade => "would have met its own participant",
        CancelReason::Expired => "expired",
        CancelReason::AuctionRemainder => "left over from its auction",
        CancelReason::MassCancel => "in a mass cancel",
        CancelReason::Operator => "by an operator",
        CancelReason::ParticipantStopped => "since its participant was stopped",
    }
}

pub(super) const fn liquidity(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
        Liquidity::Auction => "auction",
    }
}

pub(super) const fn self_trade(self_trade: SelfTrade) -> &'static str {
    match self_trade {
        SelfTrade::Allow => "allow",
        SelfTrade::CancelNewest => "cancel newest",
        SelfTrade::CancelOldest => "cancel oldest",
        SelfTrade::CancelBoth => "cancel both",
        SelfTrade::Decrement => "decrement",
    }
}

pub(super) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Closed => "closed",
        Phase::PreOpen => "pre-open",
        Phase::OpeningAuction => "opening auction",
        Phase::Continuous => "continuous",
        Phase::ClosingAuction => "closing auction",
        Phase::Halted => "halted",
    }
}

pub(super) const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::PriceTime => "price-time",
        Algorithm::LeadMarketMaker => "lead market maker",
        Algorithm::ProRata => "pro rata",
    }
}

pub(super) const fn checks(checks: Checks) -> &'static str {
    match checks {
        Checks::None => "unchecked",
        Checks::Risk => "risk checked",
        Checks::Funds => "funds checked",
    }
}

pub(super) const fn scope(scope: MassScope) -> &'static str {
    match scope {
        MassScope::Session => "session",
        MassScope::Instrument => "instrument",
        MassScope::Account => "account",
        MassScope::Participant => "participant",
        MassScope::Everything => "everything",
    }
}

pub(super) const fn transfer(transfer: Transfer) -> &'static str {
    match transfer {
        Transfer::Deposit => "deposit",
        Transfer::Withdrawal => "withdrawal",
    }
}

/// Into or out of an account.
pub(super) const fn towards(transfer: Transfer) -> &'static str {
    match transfer {
        Transfer::Deposit => "into",
        Transfer::Withdrawal => "from",
    }
}

pub(super) const fn trading(trading: Trading) -> &'static str {
    match trading {
        Trading::Allowed => "may trade",
        Trading::Stopped => "is stopped",
    }
}
