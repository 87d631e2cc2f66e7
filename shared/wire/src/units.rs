//! The small words of the field, each its own type so that none can be taken for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest message (command frame or event) that any stream carries, in bytes.
pub const MAX_FRAME_LEN: usize = 256;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize, FromBytes, IntoBytes, KnownLayout, Immutable)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

word!(
    /// A number of nanoseconds: since the Unix epoch where it is a stamp, a duration where a name says so.
    Nanos(u64)
);
word!(
    /// The number of a command in the one sequenced stream; the first is 1, and 0 stands before it.
    Seq(u64)
);
word!(
    /// The number of an event in the one events stream; the first is 1, and 0 stands before it.
    Outbound(u64)
);
word!(
    /// The reign of one sequencer process. The first is 1; 0 means that none has begun.
    Epoch(u32)
);
word!(
    /// The running hash over every frame up to and including one: two logs that agree on it agree on all before it.
    Chain(u64)
);
word!(
    /// The running hash of an engine over positions, commands and events.
    Digest(u64)
);
word!(
    /// A node of the cluster, by its number in the cluster's description; 0 is nobody.
    NodeId(u16)
);
word!(
    /// One life of a gateway: ever higher, so that an older life can be refused.
    Incarnation(u32)
);
word!(
    /// The number that a gateway gives its commands within one incarnation; the first is 1.
    SourceSeq(u64)
);
word!(
    /// An instrument, by the number it was defined with.
    InstrumentId(u32)
);
word!(
    /// A FIX or HTTP session of a participant, by its number in the cluster's description.
    SessionId(u32)
);
word!(
    /// The number of an event among those addressed to one session; the first is 1.
    ReportSeq(u32)
);
word!(
    /// How often the hot engine has changed; ordered by number, then by node.
    Term(u32)
);
word!(
    /// A release of the engine's rules, made active by a sequenced command.
    Rules(u32)
);
word!(
    /// An account of a participant, by the number it was defined with; 0 is none.
    AccountId(u32)
);
word!(
    /// An order, named by the sequence number of the command that made it.
    OrderId(u64)
);
word!(
    /// A match between two orders; both sides' fills carry it. Counted from 1 over the whole exchange.
    TradeId(u64)
);
word!(
    /// A price in units of ten to the minus `price_decimals` of its instrument.
    Price(i64)
);
word!(
    /// A quantity in the smallest tradable unit of its instrument.
    Qty(u64)
);
word!(
    /// A sum of price times quantity, in the instrument's price unit.
    Notional(u128)
);
word!(
    /// A currency, by the number it was defined with.
    CurrencyId(u16)
);
word!(
    /// A participant: who owns accounts and sessions, by the number it was defined with; 0 is nobody.
    ParticipantId(u32)
);
word!(
    /// An amount of money in units of ten to the minus `decimals` of its currency.
    Money(i128)
);

impl InstrumentId {
    /// Every instrument, where a command may be for all of them.
    pub const ALL: Self = Self(u32::MAX);
}

impl Nanos {
    /// One microsecond.
    pub const MICRO: Self = Self(1_000);
    /// One millisecond.
    pub const MILLI: Self = Self(1_000_000);
    /// One second.
    pub const SECOND: Self = Self(1_000_000_000);

    /// This many milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }

    /// This many microseconds.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Self(us * 1_000)
    }

    /// The sum, held at the largest value instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The time from `earlier` to here, or zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl Seq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Outbound {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl SourceSeq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
