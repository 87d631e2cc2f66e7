//! What a run of commands brought about, so that a test can say that everything that can happen did.

use crate::support::Said;
use std::collections::BTreeMap;
use wire::EventKind;
use wire::event::{CancelReason, Liquidity, RejectReason};

/// How often each kind of event, each reason and each role was told.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeMap<String, u64>);

/// Every reason to refuse.
pub const REJECTS: [RejectReason; 41] = {
    use RejectReason::*;
    [
        UnknownInstrument,
        DuplicateClOrdId,
        ZeroQuantity,
        OffLot,
        QuantityTooLarge,
        PriceNotPositive,
        OffTick,
        PriceTooLarge,
        UnknownOrder,
        TooLate,
        OrderMismatch,
        QuantityBelowFilled,
        BookFull,
        NotLoggedOn,
        InstrumentRefused,
        UnsupportedOrder,
        NotInThisPhase,
        OutsideBands,
        OutsideCollar,
        WouldTake,
        StopPriceRefused,
        DisplayRefused,
        MinimumRefused,
        ExpiryRefused,
        UnknownAccount,
        AccountNotPermitted,
        ParticipantStopped,
        OrderQtyLimit,
        OrderValueLimit,
        PositionLimit,
        DayVolumeLimit,
        OpenOrdersLimit,
        InsufficientFunds,
        InsufficientShares,
        UnknownTrade,
        UnknownParticipant,
        UnknownCurrency,
        AlreadyDefined,
        OutOfRange,
        PhaseNotReachable,
        MarketNotClosed,
    ]
};

/// Every reason to cancel.
pub const CANCELS: [CancelReason; 11] = {
    use CancelReason::*;
    [
        Requested,
        ImmediateRemainder,
        NoLiquidity,
        FillOrKill,
        MinimumQuantity,
        SelfTrade,
        Expired,
        AuctionRemainder,
        MassCancel,
        Operator,
        ParticipantStopped,
    ]
};

impl Seen {
    fn add(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Counts one event.
    pub fn note(&mut self, said: &Said) {
        self.add(format!("{:?}", said.kind()));
        match said {
            Said::Rejected(b) => self.add(format!("new order: {:?}", b.reason)),
            Said::CancelRejected(b) => self.add(format!("{:?}: {:?}", b.response_to, b.reason)),
            Said::MassCancelRejected(b) => self.add(format!("mass cancel: {:?}", b.reason)),
            Said::AdministrationRefused(b) => self.add(format!("command {:#x}: {:?}", b.kind, b.reason)),
            Said::Cancelled(b) => self.add(format!("cancelled: {:?}", b.reason)),
            Said::Filled(b) => self.add(format!("filled: {:?}", b.liquidity)),
            _ => {}
        }
    }

    /// How often.
    pub fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// What of all that can happen did not.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let kinds = EventKind::ALL.iter().map(|kind| format!("{kind:?}"));
        let cancels = CANCELS.iter().map(|reason| format!("cancelled: {reason:?}"));
        let roles = [Liquidity::Maker, Liquidity::Taker, Liquidity::Auction];
        let roles = roles.iter().map(|role| format!("filled: {role:?}"));
        missing.extend(kinds.chain(cancels).chain(roles).filter(|what| !self.0.contains_key(what)));
        let told: Vec<&str> =
            self.0.keys().filter_map(|what| what.rsplit_once(": ")).map(|(_, r)| r).collect();
        let rejects = REJECTS.iter().map(|reason| format!("{reason:?}"));
        missing.extend(rejects.filter(|reason| !told.contains(&reason.as_str())));
        missing
    }

    /// Adds what another run brought about.
    pub fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:>9}  {what}"))
    }
}
