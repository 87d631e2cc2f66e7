//! One instrument's book: price levels, best last, each with its orders in the order of their arrival.
//!
//! The narrow waist: matching sees a book only through `best`, `fill_best`, `add`, `remove` and `reduce`, everybody else
//! through [`BookView`]. What is inside may be replaced.
//!
//! A side is a vector of levels sorted from worst to best, so that the work at the touch happens at the vector's end and
//! moves nothing. A level holds its totals and the ends of a list that runs through the orders themselves.

use crate::orders::{Order, Orders, Slot};
use wire::command::Side;
use wire::event::OrderView;
use wire::{InstrumentId, Price, Qty};

/// Levels this near to the touch are found by looking at one after the other.
const NEAR: usize = 8;

/// One price of one side.
#[derive(Clone, Copy, Debug)]
struct Level {
    price: Price,
    /// The sum of what its orders have open; above zero.
    total: Qty,
    /// How many orders; above zero.
    count: u32,
    first: Slot,
    last: Slot,
}

/// One side of a book, sorted from worst to best.
#[derive(Clone, Debug)]
struct Ladder {
    side: Side,
    levels: Vec<Level>,
}

/// Higher is better: on the buy side the price itself, on the sell side its negative.
fn rank(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => price.0,
        Side::Sell => -price.0,
    }
}

impl Ladder {
    fn new(side: Side, reserved: usize) -> Self {
        Self { side, levels: Vec::with_capacity(reserved) }
    }

    /// The place of a level, or the place where it belongs.
    fn find(&self, price: Price) -> Result<usize, usize> {
        let sought = rank(self.side, price);
        let far = self.levels.len().saturating_sub(NEAR);
        for (at, level) in self.levels.iter().enumerate().skip(far).rev() {
            let here = rank(self.side, level.price);
            if here == sought {
                return Ok(at);
            }
            if here < sought {
                return Err(at + 1);
            }
        }
        self.levels[..far].binary_search_by_key(&sought, |level| rank(self.side, level.price))
    }

    /// The level that a resting order stands on.
    fn level_of(&mut self, order: &Order) -> (usize, &mut Level) {
        let at = self.find(order.price).expect("a resting order's level stands until its last order leaves");
        (at, &mut self.levels[at])
    }
}

/// The resting orders of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    bids: Ladder,
    asks: Ladder,
}

impl Book {
    /// An empty book with room for this many levels on each side.
    pub(crate) fn new(levels_reserved: usize) -> Self {
        Self { bids: Ladder::new(Side::Buy, levels_reserved), asks: Ladder::new(Side::Sell, levels_reserved) }
    }

    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The first order of the best level: the next one to be matched.
    pub(crate) fn best(&self, side: Side) -> Option<Slot> {
        self.ladder(side).levels.last().map(|level| level.first)
    }

    /// Notes that the [`Book::best`] order of `side` was filled by `qty`; a filled one leaves book and slab.
    pub(crate) fn fill_best(&mut self, orders: &mut Orders, side: Side, qty: Qty) {
        let ladder = self.ladder_mut(side);
        let level = ladder.levels.last_mut().expect("the best order stands on a level");
        level.total.0 -= qty.0;
        let (slot, order) = (level.first, &orders[level.first]);
        if order.leaves() > Qty(0) {
            return;
        }
        let next = order.next;
        orders.free(slot);
        level.count -= 1;
        level.first = next;
        if next == Slot::NONE {
            assert!(level.count == 0 && level.total == Qty(0), "an empty level has no total");
            ladder.levels.pop();
        } else {
            orders[next].prev = Slot::NONE;
        }
    }

    /// Puts an order of the slab behind all others of its price.
    pub(crate) fn add(&mut self, orders: &mut Orders, slot: Slot) {
        let order = &mut orders[slot];
        let (side, price, leaves) = (order.side, order.price, order.leaves());
        order.next = Slot::NONE;
        let ladder = self.ladder_mut(side);
        match ladder.find(price) {
            Ok(at) => {
                let level = &mut ladder.levels[at];
                order.prev = level.last;
                let before = std::mem::replace(&mut level.last, slot);
                level.total.0 += leaves.0;
                level.count += 1;
                orders[before].next = slot;
            }
            Err(at) => {
                order.prev = Slot::NONE;
                let level = Level { price, total: leaves, count: 1, first: slot, last: slot };
                ladder.levels.insert(at, level);
            }
        }
    }

    /// Takes a resting order out of its level; it stays in the slab.
    pub(crate) fn remove(&mut self, orders: &mut Orders, slot: Slot) {
        let order = &orders[slot];
        let (before, behind) = (order.prev, order.next);
        let ladder = self.ladder_mut(order.side);
        let (at, level) = ladder.level_of(order);
        level.total.0 -= order.leaves().0;
        level.count -= 1;
        if before == Slot::NONE {
            level.first = behind;
        } else {
            orders[before].next = behind;
        }
        if behind == Slot::NONE {
            level.last = before;
        } else {
            orders[behind].prev = before;
        }
        if level.count == 0 {
            assert!(level.total == Qty(0), "an empty level has no total");
            ladder.levels.remove(at);
        }
    }

    /// Lowers the quantity of a resting order by `by`, which is less than it has open; it keeps its place.
    pub(crate) fn reduce(&mut self, orders: &mut Orders, slot: Slot, by: Qty) {
        let order = &mut orders[slot];
        assert!(by < order.leaves(), "a reduced order still has something open");
        let (_, level) = self.ladder_mut(order.side).level_of(order);
        level.total.0 -= by.0;
        order.qty.0 -= by.0;
    }

    /// Whether the sides do not cross: what must hold after every command.
    pub(crate) fn is_uncrossed(&self) -> bool {
        match (self.bids.levels.last(), self.asks.levels.last()) {
            (Some(bid), Some(ask)) => bid.price < ask.price,
            _ => true,
        }
    }

    /// Whether the level at `price`, if there is one, agrees with its orders in totals, price, side, instrument and links.
    pub(crate) fn level_holds(
        &self,
        orders: &Orders,
        instrument: InstrumentId,
        side: Side,
        price: Price,
    ) -> bool {
        match self.ladder(side).find(price) {
            Ok(at) => level_holds(&self.ladder(side).levels[at], orders, instrument, side),
            Err(_) => true,
        }
    }

    /// The price of the best level.
    pub(crate) fn best_price(&self, side: Side) -> Option<Price> {
        self.ladder(side).levels.last().map(|level| level.price)
    }

    /// Every level of a side, best first, with whether it agrees with its orders; and whether they are sorted.
    pub(crate) fn audit(
        &self,
        orders: &Orders,
        instrument: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = (LevelView, bool)> {
        let mut before = i64::MAX;
        self.ladder(side).levels.iter().rev().map(move |level| {
            let here = rank(side, level.price);
            let sorted = here < before;
            before = here;
            (level.into(), sorted && level_holds(level, orders, instrument, side))
        })
    }
}

fn level_holds(level: &Level, orders: &Orders, instrument: InstrumentId, side: Side) -> bool {
    let (mut total, mut count) = (Qty(0), 0);
    let (mut before, mut at) = (Slot::NONE, level.first);
    while at != Slot::NONE {
        let order = &orders[at];
        if order.prev != before
            || order.id.0 == 0
            || (order.instrument, order.side, order.price) != (instrument, side, level.price)
            || order.leaves() == Qty(0)
        {
            return false;
        }
        total.0 += order.leaves().0;
        count += 1;
        (before, at) = (at, order.next);
    }
    total == level.total && count == level.count && count > 0 && level.last == before
}

/// One price of one side, summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LevelView {
    /// The price, in price units.
    pub price: Price,
    /// What all its orders have open.
    pub qty: Qty,
    /// How many orders there are.
    pub orders: u32,
}

impl From<&Level> for LevelView {
    fn from(level: &Level) -> Self {
        Self { price: level.price, qty: level.total, orders: level.count }
    }
}

/// A look at the book of one instrument.
#[derive(Clone, Copy, Debug)]
pub struct BookView<'a> {
    pub(crate) book: &'a Book,
    pub(crate) orders: &'a Orders,
}

impl<'a> BookView<'a> {
    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<LevelView> {
        self.book.ladder(side).levels.last().map(LevelView::from)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = LevelView> + use<'a> {
        self.book.ladder(side).levels.iter().rev().map(LevelView::from)
    }

    /// How many levels a side has.
    #[must_use]
    pub fn depth(&self, side: Side) -> usize {
        self.book.ladder(side).levels.len()
    }

    /// The resting orders of a side in the order in which they would be matched.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = OrderView> + use<'a> {
        let orders = self.orders;
        let place = |slot: Slot| (slot != Slot::NONE).then_some(slot);
        self.book.ladder(side).levels.iter().rev().flat_map(move |level| {
            std::iter::successors(place(level.first), move |slot| place(orders[*slot].next))
                .map(move |slot| orders[slot].view())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_near_and_far_from_the_touch_are_found_or_given_their_place() {
        for side in [Side::Buy, Side::Sell] {
            let mut ladder = Ladder::new(side, 0);
            let mut prices: Vec<i64> = (1..=40).map(|n| n * 10).collect();
            if side == Side::Sell {
                prices.reverse();
            }
            for price in &prices {
                let price = Price(*price);
                ladder.levels.push(Level {
                    price,
                    total: Qty(1),
                    count: 1,
                    first: Slot::NONE,
                    last: Slot::NONE,
                });
            }
            for (at, price) in prices.iter().enumerate() {
                assert_eq!(ladder.find(Price(*price)), Ok(at));
                assert_eq!(ladder.find(Price(price + rank(side, Price(5)))), Err(at + 1));
            }
            assert_eq!(ladder.find(Price(if side == Side::Buy { 1 } else { 401 })), Err(0));
        }
    }
}
