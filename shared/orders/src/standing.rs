//! An order in a queue, and a level of a book, as they are shown.

use crate::Place;
use wire::event::OrderView;
use wire::{Price, Qty, SessionId};

/// What is kept with an open order.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) view: OrderView,
    pub(crate) session: SessionId,
    /// The worst price at which it trades: its limit, or its protection price.
    pub(crate) limit: Price,
    pub(crate) place: Place,
}

/// An order in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// As it was told last.
    pub view: OrderView,
    /// Whose it is.
    pub session: SessionId,
    /// Its price in the book: its limit, or its protection price.
    pub price: Price,
    /// How much of it shows.
    pub shown: Qty,
}

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
