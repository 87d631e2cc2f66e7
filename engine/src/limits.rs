//! How much there can be of everything, and the argument that no sum overflows within it.

use wire::{Price, Qty};

/// The highest limit price, in price units.
pub const MAX_PRICE: Price = Price(1 << 40);
/// The largest quantity of one order.
pub const MAX_QTY: Qty = Qty(1 << 40);
/// The most orders that can rest at one time, whatever the operator asks for.
pub const MAX_RESTING_ORDERS: u32 = 1 << 23;
/// The most client order ids that one trading day can use, whatever the operator asks for.
pub const MAX_NAMES: u32 = 1 << 28;
/// The most places in the registry of instruments, whatever the operator asks for.
pub const MAX_INSTRUMENTS: u32 = 1 << 16;
/// The most places in the table of sessions, whatever the operator asks for.
pub const MAX_SESSIONS: u32 = 1 << 20;

// A level's total is a u64: even if every order that can rest stood on one level with the largest quantity, it holds.
const _: () = assert!(MAX_QTY.0.checked_mul(MAX_RESTING_ORDERS as u64).is_some());
// An order's notional is a u128: it is at most its quantity times the highest price, since it never trades above either.
const _: () = assert!((MAX_QTY.0 as u128).checked_mul(MAX_PRICE.0 as u128).is_some());
// Prices are compared by rank, which negates them on one side.
const _: () = assert!(MAX_PRICE.0 > 0 && MAX_PRICE.0 < i64::MAX);
// Slots and names are u32 with one value set aside for "none".
const _: () = assert!(MAX_RESTING_ORDERS < u32::MAX && MAX_NAMES < u32::MAX);

/// What an operator grants to one engine. The first four decide what is refused, so they belong to the rules: **every
/// engine of a cluster, and every replay, must run with the same**. The last two are only room made in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Instrument numbers are below this.
    pub instruments: u32,
    /// Session numbers are from 1 to below this.
    pub sessions: u32,
    /// Orders that can rest at one time, over all books.
    pub resting_orders: u32,
    /// Client order ids that can be used in a trading day, over all sessions: orders, replacements and cancels.
    pub names: u32,
    /// Price levels that each side of a book has room for before it must grow.
    pub levels_reserved: u32,
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
            levels_reserved: 64,
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
    /// Whether the engine can grant them all.
    pub fn check(&self) -> Result<(), LimitsError> {
        for (name, asked, max) in [
            ("instruments", self.instruments, MAX_INSTRUMENTS),
            ("sessions", self.sessions, MAX_SESSIONS),
            ("resting_orders", self.resting_orders, MAX_RESTING_ORDERS),
            ("names", self.names, MAX_NAMES),
            ("levels_reserved", self.levels_reserved, MAX_RESTING_ORDERS),
            ("events_reserved", self.events_reserved, MAX_RESTING_ORDERS),
        ] {
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
