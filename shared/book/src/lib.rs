//! The price ladders of an exchange: resting orders of many instruments in price-time order. No I/O, no clock.
//!
//! A [`Shelf`] holds the orders of all instruments in one slab and any number of *ladders*: one side of one book, or
//! the stop orders that wait on one side. A ladder keeps *levels*, one for each key (a price in ticks), best first; a
//! level keeps its orders in the order of their arrival. The shelf knows nothing of sessions, of accounts or of how
//! orders are matched: the caller walks from [`Shelf::best`] and says what was filled.
//!
//! Everything is a function of the calls alone: a freed place (of an order, of a level, of a page) is the next one taken.
//!
//! # How it is laid out
//!
//! - An order is a *hot record* of 32 bytes (what is open, what is shown, its level, its neighbours, the caller's tag) and,
//!   under the same index of a second vector, whatever else the caller keeps with it (`T`). Sweeps and cancels touch hot
//!   records alone.
//! - A level is a record of 48 bytes in a slab that all ladders share.
//! - A ladder is a record of 32 bytes (the best level and its key among it) and a tree of *pages* from a shared pool. A page
//!   covers 64 neighbouring keys, or 64 pages of the floor below it: a word of bits says which of them are there, so the
//!   next best level is one bit scan away. The tree is only as high as the span of keys in use demands: one page while all
//!   levels lie within 64 ticks, three floors for a span of 262,144. It falls when the ladder is empty, not before: a tree
//!   that rose and fell with every far order would be slower than a high one. Two levels next to each other may need a floor
//!   more than their distance says, as in any tree of fixed borders; keys about zero are kept off those borders.
//!
//! | memory | bytes |
//! |---|---|
//! | a resting order | 32 + `size_of::<T>()` |
//! | a level | 48 |
//! | a page | 272 |
//! | a ladder | 32, and no page while it is empty |
//!
//! # What it costs
//!
//! | call | cost |
//! |---|---|
//! | `best`, `best_key`, `insert`, `free`, `reduce`, `show`, `replenish` | constant |
//! | `leave`, `fill` | constant; where the last order of a level leaves, also the pages it empties, and one walk down to the next best |
//! | `join`, `level_at` | one walk down the floors: 1 to 3 in practice, 8 at most |
//! | `levels`, `queue` | a step each, a bit scan per level |
//!
//! Nothing is allocated beyond the [`Room`] made in advance, but for more levels or pages at once than there were ever
//! before (their slab doubles) and for new ladders. The number of orders is fixed.

#![forbid(unsafe_code)]

mod audit;
mod level;
mod pages;
mod shelf;

pub use audit::Disorder;
pub use level::Level;
pub use shelf::Shelf;

/// Keys lie in `-KEY_LIMIT..KEY_LIMIT`.
pub const KEY_LIMIT: i64 = 1 << 42;

/// Where no order, level or page is.
const NONE: u32 = u32::MAX;

/// The place of an order in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// No order.
    pub const NONE: Self = Self(NONE);

    /// The place as an index: dense, below the room for orders.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A ladder of a shelf, numbered from 0 in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LadderId(pub u32);

/// Which key of a ladder is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The lowest first: asks, buy stops.
    Rising,
    /// The highest first: bids, sell stops.
    Falling,
}

/// Room made in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Orders: a bound.
    pub orders: u32,
    /// Levels of all ladders together: grows when it must.
    pub levels: u32,
    /// Pages of 64 keys of all ladders together: grows when it must.
    pub pages: u32,
}
