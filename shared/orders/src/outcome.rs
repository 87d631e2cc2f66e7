//! What an event changed.

use wire::event::{CancelReason, OrderView};
use wire::terms::Side;
use wire::{InstrumentId, OrderId, Price, Qty, SessionId, TradeId};

/// What an event changed for an [`crate::OrderManager`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that is kept: a refusal, a logon, money, the rest of administration.
    Nothing,
    /// An order was accepted.
    Opened {
        /// Whose.
        session: SessionId,
        /// As it is.
        order: OrderView,
    },
    /// An order was replaced, activated or restated.
    Changed {
        /// Whose.
        session: SessionId,
        /// As it was.
        before: OrderView,
        /// As it is.
        after: OrderView,
    },
    /// An order was filled. It is done if nothing is left.
    Filled {
        /// Whose.
        session: SessionId,
        /// As it was.
        before: OrderView,
        /// As it is.
        after: OrderView,
        /// The match.
        trade: TradeId,
        /// The order on the other side.
        contra: OrderId,
        /// At which price.
        price: Price,
        /// How much.
        qty: Qty,
    },
    /// An order is done with something unfilled.
    Done {
        /// Whose.
        session: SessionId,
        /// As it was.
        before: OrderView,
        /// As it is.
        after: OrderView,
        /// Why.
        reason: CancelReason,
    },
    /// One side of a trade was undone, or put right.
    TradeChanged(TradeId),
    /// An instrument was defined, or its phase, bands, lead or prices changed.
    InstrumentChanged(InstrumentId),
    /// The day is over: orders that are done and executions are forgotten.
    DayEnded,
}

/// What an event changed in [`crate::Books`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// No order stands otherwise than before.
    Nothing,
    /// Levels of one side of one book.
    Levels {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Of which side.
        side: Side,
        /// The price where the order stood; `None` if it was not in the book.
        was: Option<Price>,
        /// The price where it stands; `None` if it is not in the book.
        is: Option<Price>,
    },
    /// Everything of an instrument: it was defined, or its phase changed.
    Whole(InstrumentId),
}
