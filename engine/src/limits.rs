//! How much there can be of everything, and the argument that no sum overflows within it.

use wire::terms::{MAX_PRICE, MAX_QTY};
use wire::{Money, Qty};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most orders that can rest at one time, whatever the operator asks for.
pub const MAX_RESTING_ORDERS: u32 = 1 << 23;
/// The most client order ids that one trading day can use, whatever the operator asks for.
pub const MAX_NAMES: u32 = 1 << 28;
/// The most places in the registry of instruments, whatever the operator asks for.
pub const MAX_INSTRUMENTS: u32 = 1 << 16;
/// The most places in the table of sessions, whatever the operator asks for.
pub const MAX_SESSIONS: u32 = 1 << 20;
/// The most places in the table of accounts, whatever the operator asks for.
pub const MAX_ACCOUNTS: u32 = 1 << 20;
/// The most pairs of an account and an instrument, whatever the operator asks for.
pub const MAX_HOLDINGS: u32 = 1 << 24;
/// The most places in the table of participants, whatever the operator asks for.
pub const MAX_PARTICIPANTS: u32 = 1 << 20;
/// The most places in the table of currencies, whatever the operator asks for.
pub const MAX_CURRENCIES: u32 = 1 << 8;
/// The most trades that can be kept for busts, whatever the operator asks for.
pub const MAX_TRADES: u32 = 1 << 26;
/// The most money of one currency that can be in the exchange.
pub const MAX_MONEY: Money = Money(1 << 100);
/// The most shares of one instrument that can be in the exchange.
pub const MAX_SHARES: Qty = Qty(1 << 60);
/// The most digits behind the point of a currency's unit.
pub const MAX_CURRENCY_DECIMALS: u8 = 12;
/// The most digits behind the point of a price unit; more could not be told apart within `MAX_PRICE`.
pub const MAX_PRICE_DECIMALS: u8 = 12;
/// The highest fee, in millionths of a fill's value: all of it.
pub const MAX_FEE: u32 = 1_000_000;

// The value of an order in the finest currency, and the highest fee on it, are an i128.
const _: () = assert!(
    (MAX_QTY.0 as i128 * MAX_PRICE.0 as i128)
        .checked_mul(2 * 10_i128.pow(MAX_CURRENCY_DECIMALS as u32))
        .is_some()
);
// A level's total is a u64: even if every order that can rest stood on one level with the largest quantity, it holds.
const _: () = assert!(MAX_QTY.0.checked_mul(MAX_RESTING_ORDERS as u64).is_some());
// An order's notional is a u128: it is at most its quantity times the highest price, since it never trades above either.
const _: () = assert!((MAX_QTY.0 as u128).checked_mul(MAX_PRICE.0 as u128).is_some());
// Prices are compared by rank, which negates them on one side.
const _: () = assert!(MAX_PRICE.0 > 0 && MAX_PRICE.0 < i64::MAX);
// Slots and names are u32 with one value set aside for "none".
const _: () = assert!(MAX_RESTING_ORDERS < u32::MAX && MAX_NAMES < u32::MAX);

/// What an operator grants to one engine. All but the last two decide what is refused, so they belong to the rules: **every
/// engine of a cluster, and every replay, must run with the same**. The last two are only room made in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Limits {
    /// Instrument numbers are below this.
    pub instruments: u32,
    /// Session numbers are from 1 to below this.
    pub sessions: u32,
    /// Orders that can be open at one time, over all instruments.
    pub resting_orders: u32,
    /// Client order ids that can be used in a trading day, over all sessions: orders, replacements and cancels.
    pub names: u32,
    /// Account numbers are from 1 to below this.
    pub accounts: u32,
    /// Pairs of an account and an instrument that it has ordered, held or been limited in.
    pub holdings: u32,
    /// Participant numbers are from 1 to below this.
    pub participants: u32,
    /// Currency numbers are from 1 to below this.
    pub currencies: u32,
    /// The last trades of the day that can be busted or corrected.
    pub trades: u32,
    /// Price levels, over all books, that there is room for before it must grow.
    pub levels: u32,
    /// Events that one command can cause before the sink must grow.
    pub events_reserved: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instruments: 4096,
            sessions: 4096,
            resting_orders: 1 << 18,
            names: 1 << 21,
            accounts: 4096,
            holdings: 1 << 16,
            participants: 4096,
            currencies: 16,
            trades: 1 << 18,
            levels: 1 << 17,
            events_reserved: 4096,
        }
    }
}

/// A limit that the engine cannot grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit `{name}` is {asked}, but must be from 1 to {max}: change it in the engine's limits")]
pub struct LimitsError {
    /// The field of [`Limits`].
    pub name: &'static str,
    /// What it says.
    pub asked: u32,
    /// The most it can say.
    pub max: u32,
}

impl Limits {
    /// Those that decide what is refused; the room made in advance is left out. Engines of one history agree on these.
    #[must_use]
    pub fn deciding(&self) -> Self {
        Self { levels: 0, events_reserved: 0, ..*self }
    }

    /// The first limit that differs: its name, and what it is here and there.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<(&'static str, u32, u32)> {
        let pairs = self.named().into_iter().zip(other.named());
        pairs
            .map(|((name, here, _), (_, there, _))| (name, here, there))
            .find(|(_, here, there)| here != there)
    }

    /// Each with its name and the most that can be granted.
    fn named(&self) -> [(&'static str, u32, u32); 11] {
        [
            ("instruments", self.instruments, MAX_INSTRUMENTS),
            ("sessions", self.sessions, MAX_SESSIONS),
            ("resting_orders", self.resting_orders, MAX_RESTING_ORDERS),
            ("names", self.names, MAX_NAMES),
            ("accounts", self.accounts, MAX_ACCOUNTS),
            ("holdings", self.holdings, MAX_HOLDINGS),
            ("participants", self.participants, MAX_PARTICIPANTS),
            ("currencies", self.currencies, MAX_CURRENCIES),
            ("trades", self.trades, MAX_TRADES),
            ("levels", self.levels, MAX_RESTING_ORDERS),
            ("events_reserved", self.events_reserved, MAX_RESTING_ORDERS),
        ]
    }

    /// Whether the engine can grant them all.
    pub fn check(&self) -> Result<(), LimitsError> {
        for (name, asked, max) in self.named() {
            if asked == 0 || asked > max {
                return Err(LimitsError { name, asked, max });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limits_can_be_granted() {
        assert_eq!(Limits::default().check(), Ok(()));
    }

    #[test]
    fn a_limit_of_zero_or_above_the_maximum_is_refused_by_name() {
        let none = Limits { names: 0, ..Limits::default() };
        assert_eq!(none.check(), Err(LimitsError { name: "names", asked: 0, max: MAX_NAMES }));
        let many = Limits { resting_orders: MAX_RESTING_ORDERS + 1, ..Limits::default() };
        assert!(many.check().is_err_and(|refused| refused.name == "resting_orders"));
    }
}
