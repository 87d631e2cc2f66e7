//! A look at the book of one instrument.

use crate::instruments::Market;
use crate::orders::Order;
use book::{Level, Shelf};
use wire::command::Side;
use wire::event::OrderView;
use wire::{Price, Qty};

/// One price of one side, summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LevelView {
    /// The price, in price units.
    pub price: Price,
    /// What all its orders show.
    pub qty: Qty,
    /// What they have open beside that.
    pub hidden: Qty,
    /// How many orders there are.
    pub orders: u32,
}

/// A look at the book of one instrument.
#[derive(Clone, Copy, Debug)]
pub struct BookView<'a> {
    pub(crate) shelf: &'a Shelf<Order>,
    pub(crate) market: &'a Market,
}

impl<'a> BookView<'a> {
    fn level(&self, level: &Level) -> LevelView {
        let price = self.market.price(level.key());
        LevelView { price, qty: level.shown(), hidden: level.hidden(), orders: level.orders() }
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<LevelView> {
        self.shelf.best(self.market.book(side)).map(|level| self.level(level))
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> + use<'a> {
        let view = *self;
        view.shelf.levels(view.market.book(side)).map(move |level| view.level(level))
    }

    /// How many levels a side has.
    #[must_use]
    pub fn depth(&self, side: Side) -> usize {
        self.shelf.depth(self.market.book(side))
    }

    /// The orders of a side in the order in which they would be matched.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = OrderView> + use<'a> {
        let view = *self;
        let levels = view.shelf.levels(view.market.book(side));
        levels.flat_map(move |level| view.shelf.queue(level)).map(move |slot| view.shelf.order(slot).view)
    }
}
