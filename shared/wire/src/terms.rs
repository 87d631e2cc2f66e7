//! The terms of orders, instruments and limits: what commands and events say in the same words.

use crate::{CurrencyId, InstrumentId, Money, Nanos, OperatorName, ParticipantId, Price, Qty, Symbol, Why};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, Unaligned};

/// The highest price, in price units.
pub const MAX_PRICE: Price = Price(1 << 40);
/// The largest quantity of one order.
pub const MAX_QTY: Qty = Qty(1 << 40);

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$vdoc])* $variant = $value,)*
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
        }
    };
}

choice!(
    /// Buy or sell (FIX 54).
    Side {
        /// FIX 54=1.
        Buy = 1,
        /// FIX 54=2.
        Sell = 2,
    }
);
choice!(
    /// How an order is priced, and when it becomes active (FIX 40).
    OrderType {
        /// FIX 40=1: at any price that the collar allows; what finds no counterparty is cancelled.
        Market = 1,
        /// FIX 40=2: at its price or better.
        Limit = 2,
        /// FIX 40=3: waits for its stop price, then is a market order.
        Stop = 3,
        /// FIX 40=4: waits for its stop price, then is a limit order.
        StopLimit = 4,
    }
);
choice!(
    /// How long an order stays (FIX 59).
    TimeInForce {
        /// FIX 59=0: until the close of the trading day.
        Day = 1,
        /// FIX 59=1: until it is cancelled.
        GoodTillCancel = 2,
        /// FIX 59=3: what is not filled at once is cancelled.
        ImmediateOrCancel = 3,
        /// FIX 59=4: filled at once in whole, or cancelled.
        FillOrKill = 4,
        /// FIX 59=6: until its expiry.
        GoodTillDate = 5,
        /// FIX 59=2: for the opening auction only.
        AtTheOpen = 6,
        /// FIX 59=7: for the closing auction only.
        AtTheClose = 7,
    }
);
choice!(
    /// What happens where an order would meet another one of its own participant (FIX 2964).
    SelfTrade {
        /// They trade.
        Allow = 0,
        /// The incoming order is cancelled.
        CancelNewest = 1,
        /// The resting order is cancelled.
        CancelOldest = 2,
        /// Both are cancelled.
        CancelBoth = 3,
        /// Both lose the smaller one's open quantity.
        Decrement = 4,
    }
);
choice!(
    /// Whether an order may take liquidity (FIX 18=6).
    PostOnly {
        /// It may.
        No = 0,
        /// It is refused if it would match on entry.
        Yes = 1,
    }
);
choice!(
    /// The phase of trading that an instrument is in (FIX 340, 625).
    Phase {
        /// Nothing can be entered; cancels pass.
        Closed = 1,
        /// Orders are entered, nothing is matched.
        PreOpen = 2,
        /// The call of the opening auction: as before it, until continuous trading begins.
        OpeningAuction = 3,
        /// Orders are matched as they come.
        Continuous = 4,
        /// The call of the closing auction: orders are entered, and matched when the instrument closes.
        ClosingAuction = 5,
        /// Suspended: nothing can be entered; cancels pass.
        Halted = 6,
    }
);
choice!(
    /// How a resting price level is shared among its orders.
    Algorithm {
        /// First come, first served.
        PriceTime = 1,
        /// A share for the lead market maker, then first come, first served.
        LeadMarketMaker = 2,
        /// In proportion to size, what rounding leaves first come, first served.
        ProRata = 3,
    }
);
choice!(
    /// What is checked before an order of an instrument is taken.
    Checks {
        /// No account is needed: for a venue that settles elsewhere.
        None = 0,
        /// The account's limits.
        Risk = 1,
        /// The account's limits, and that it can pay or deliver; fills are settled.
        Funds = 2,
    }
);
choice!(
    /// Which orders a mass cancel is for.
    MassScope {
        /// All of a session.
        Session = 1,
        /// Those for one instrument.
        Instrument = 2,
        /// Those of one account.
        Account = 3,
        /// All of a participant: an operator's only.
        Participant = 4,
        /// All: an operator's only.
        Everything = 5,
    }
);
choice!(
    /// Which way money or shares go.
    Transfer {
        /// Into the exchange.
        Deposit = 1,
        /// Out of it.
        Withdrawal = 2,
    }
);
choice!(
    /// The state of a participant's kill switch.
    Trading {
        /// It may trade.
        Allowed = 1,
        /// Its orders are cancelled, and new ones refused.
        Stopped = 2,
    }
);

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl Phase {
    /// True while orders are collected for an auction.
    #[must_use]
    pub const fn is_call(self) -> bool {
        matches!(self, Self::PreOpen | Self::OpeningAuction | Self::ClosingAuction)
    }
}

/// What an order asks for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct Terms {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub order_type: OrderType,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// What happens where it would meet one of its own.
    pub self_trade: SelfTrade,
    /// Whether it may take.
    pub post_only: PostOnly,
    /// Zero.
    pub reserved: [u8; 3],
    /// The limit; 0 for an order without one.
    pub price: Price,
    /// How much (FIX 38).
    pub qty: Qty,
    /// The price that makes it active (FIX 99); 0 for an order that is no stop.
    pub stop_price: Price,
    /// How much of it is shown at a time (FIX 111); 0 for all.
    pub display: Qty,
    /// The least that must be filled on entry (FIX 110); 0 for none.
    pub min_qty: Qty,
    /// When it expires (FIX 126); 0 unless it is good till a date.
    pub expire: Nanos,
}

impl Terms {
    /// A limit order for the day with nothing special about it.
    #[must_use]
    pub const fn limit(instrument: InstrumentId, side: Side, price: Price, qty: Qty) -> Self {
        Self {
            instrument,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Day,
            self_trade: SelfTrade::Allow,
            post_only: PostOnly::No,
            reserved: [0; 3],
            price,
            qty,
            stop_price: Price(0),
            display: Qty(0),
            min_qty: Qty(0),
            expire: Nanos(0),
        }
    }
}

/// Where the prices of an instrument may lie.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct Bands {
    /// The lowest price of an order; 0 for none.
    pub low: Price,
    /// The highest price of an order; 0 for none.
    pub high: Price,
    /// How far from the reference price an order may be priced; 0 for any distance.
    pub collar: Price,
    /// The price to measure from until there is a trade; 0 for none. When set anew, from then on until the next trade.
    pub reference: Price,
}

impl Bands {
    /// The worst price at which a market order may trade: the edge of what bands and collar allow, down (for a buy) or up
    /// (for a sell) to a tick. `base` is what the collar is measured from: the reference price, or a stop order's stop
    /// price; 0 for none. The reference that stands here is not looked at.
    #[must_use]
    pub fn protection(&self, tick: Price, side: Side, base: Price) -> Price {
        let (low, high, collar, tick) = (self.low.0, self.high.0, self.collar.0, tick.0);
        let collared = collar != 0 && base != Price(0);
        match side {
            Side::Buy => {
                let band = if high == 0 { MAX_PRICE.0 } else { high };
                let collar = if collared { base.0 + collar } else { MAX_PRICE.0 };
                let edge = MAX_PRICE.0.min(band).min(collar);
                Price(edge - edge % tick)
            }
            Side::Sell => {
                let collar = if collared { base.0 - collar } else { tick };
                let edge = tick.max(low).max(collar);
                Price((edge + tick - 1) / tick * tick)
            }
        }
    }
}

/// An instrument's lead market maker.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct Lead {
    /// Who; 0 for nobody.
    pub participant: ParticipantId,
    /// Which part of what comes to a level is for it, in percent, 0 to 100.
    pub share: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// An instrument as it is defined.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct InstrumentTerms {
    /// Its number.
    pub instrument: InstrumentId,
    /// The currency that it is paid in; 0 where no funds are checked.
    pub currency: CurrencyId,
    /// Digits behind the point of a price unit.
    pub price_decimals: u8,
    /// What is checked.
    pub checks: Checks,
    /// The smallest price step, in price units.
    pub tick: Price,
    /// Quantities are multiples of this.
    pub lot: Qty,
    /// Its symbol.
    pub symbol: Symbol,
    /// Where its prices may lie.
    pub bands: Bands,
    /// Its lead market maker.
    pub lead: Lead,
    /// How its levels are shared.
    pub algorithm: Algorithm,
    /// The phase that it begins in.
    pub phase: Phase,
    /// Zero.
    pub reserved: [u8; 2],
    /// The fee of a fill for whoever rested, in millionths of its value.
    pub maker_fee: u32,
    /// The fee of a fill for whoever took, in millionths of its value; in auctions for both.
    pub taker_fee: u32,
}

impl InstrumentTerms {
    /// An instrument in continuous price-time trading without checks, bands and fees.
    #[must_use]
    pub const fn plain(
        instrument: InstrumentId,
        symbol: Symbol,
        price_decimals: u8,
        tick: Price,
        lot: Qty,
    ) -> Self {
        Self {
            instrument,
            currency: CurrencyId(0),
            price_decimals,
            checks: Checks::None,
            tick,
            lot,
            symbol,
            bands: Bands { low: Price(0), high: Price(0), collar: Price(0), reference: Price(0) },
            lead: Lead { participant: ParticipantId(0), share: 0, reserved: [0; 3] },
            algorithm: Algorithm::PriceTime,
            phase: Phase::Continuous,
            reserved: [0; 2],
            maker_fee: 0,
            taker_fee: 0,
        }
    }
}

/// What an account may do in an instrument. 0 stands for no limit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct RiskLimits {
    /// The largest quantity of one order.
    pub order_qty: Qty,
    /// The largest value of one order, in the currency's unit.
    pub order_value: Money,
    /// The largest position, long or short, open orders included.
    pub position: Qty,
    /// The most that may be traded in a day, bought and sold, open orders included.
    pub day_volume: Qty,
    /// The most orders that may be open.
    pub open_orders: u32,
    /// Zero.
    pub reserved: [u8; 4],
}

/// Who did something to the market, and why.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C, packed)]
pub struct Act {
    /// Who.
    pub by: OperatorName,
    /// Why.
    pub why: Why,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(low: i64, high: i64, collar: i64, side: Side, base: i64) -> i64 {
        let bands = Bands { low: Price(low), high: Price(high), collar: Price(collar), reference: Price(7) };
        bands.protection(Price(5), side, Price(base)).0
    }

    #[test]
    fn without_bands_any_price_is_allowed() {
        assert_eq!(edge(0, 0, 0, Side::Buy, 1000), MAX_PRICE.0 - MAX_PRICE.0 % 5);
        assert_eq!(edge(0, 0, 0, Side::Sell, 1000), 5);
        assert_eq!(edge(0, 0, 40, Side::Sell, 0), 5, "a collar without a base does not count");
    }

    #[test]
    fn the_nearest_edge_counts_and_lies_on_a_tick_within_it() {
        assert_eq!(edge(0, 1013, 40, Side::Buy, 1000), 1010);
        assert_eq!(edge(0, 1100, 41, Side::Buy, 1000), 1040);
        assert_eq!(edge(988, 0, 40, Side::Sell, 1000), 990);
        assert_eq!(edge(900, 0, 41, Side::Sell, 1000), 960);
        assert_eq!(edge(0, 3, 0, Side::Buy, 0), 0, "a high band below a tick allows nothing");
    }
}
