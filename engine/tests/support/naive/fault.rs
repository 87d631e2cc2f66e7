//! What the model can get wrong on purpose, to prove that the comparison would see it in the engine.

/// A rule that the model can get wrong on purpose, to prove that the comparison sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Of two orders at one price the newer one is filled first.
    NewestFirst,
    /// A match is at the incoming order's price.
    TakersPrice,
    /// A replaced order never loses its place.
    ReplaceAlwaysKeepsItsPlace,
    /// Pro rata shares are not rounded down to a lot.
    ProRataForgetsTheLot,
    /// The lead market maker's share goes to everybody.
    LeadGetsNothing,
    /// Of the prices of an auction the lowest is taken.
    AuctionPicksTheLowest,
    /// An iceberg shows only what was left of its shown quantity after an auction.
    AuctionForgetsTheIceberg,
    /// A fee is rounded up.
    FeeRoundedUp,
    /// What a cancelled buy has withheld stays withheld.
    WithheldNotReleased,
    /// Trades do not count for the day's volume.
    DayVolumeNotCounted,
    /// A stop at exactly the price that is traded is left asleep.
    StopMustBePassed,
    /// Triggered stops are taken in the order of their numbers.
    StopsByNumber,
    /// An iceberg that shows anew stays where it is.
    IcebergKeepsItsPlace,
    /// Self-trade prevention takes a decrement for an allowance.
    DecrementAllows,
    /// An order lives one nanosecond longer than its expiry.
    ExpiryOffByOne,
    /// Fill or kill counts only what is shown.
    FillOrKillSeesOnlyWhatIsShown,
    /// A minimum quantity is asked for again when the order is replaced.
    MinimumForever,
    /// A market order's protection price knows no collar.
    ProtectionWithoutCollar,
    /// The day's end frees no names.
    NamesNeverFree,
    /// A bust does not give the fees back.
    BustKeepsTheFee,
    /// A mass cancel goes from the newest order to the oldest.
    MassCancelBackwards,
    /// At-the-close orders do not wait again when the closing auction is halted.
    HaltedCloseStaysInTheBook,
    /// The kill switch lets replaces and new orders through.
    KillSwitchForgotten,
    /// The position limit does not count what is open.
    PositionLimitForgetsOpenOrders,
}

impl Fault {
    /// Every one there is.
    pub const ALL: [Self; 24] = [
        Self::NewestFirst,
        Self::TakersPrice,
        Self::ReplaceAlwaysKeepsItsPlace,
        Self::ProRataForgetsTheLot,
        Self::LeadGetsNothing,
        Self::AuctionPicksTheLowest,
        Self::AuctionForgetsTheIceberg,
        Self::FeeRoundedUp,
        Self::WithheldNotReleased,
        Self::DayVolumeNotCounted,
        Self::StopMustBePassed,
        Self::StopsByNumber,
        Self::IcebergKeepsItsPlace,
        Self::DecrementAllows,
        Self::ExpiryOffByOne,
        Self::FillOrKillSeesOnlyWhatIsShown,
        Self::MinimumForever,
        Self::ProtectionWithoutCollar,
        Self::NamesNeverFree,
        Self::BustKeepsTheFee,
        Self::MassCancelBackwards,
        Self::HaltedCloseStaysInTheBook,
        Self::KillSwitchForgotten,
        Self::PositionLimitForgetsOpenOrders,
    ];
}
