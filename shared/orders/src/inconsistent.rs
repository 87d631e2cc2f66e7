//! What can be wrong with an event, seen from those before it.

use thiserror::Error;
use wire::{ClOrdId, FrameError, InstrumentId, OrderId, Outbound, ReportSeq, SessionId, TradeId};

/// An event that contradicts what was told before. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("event {outbound}: {fault}")]
pub struct Inconsistent {
    /// The number of the event.
    pub outbound: Outbound,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A part of an order's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Part {
    /// Its number.
    #[error("number")]
    Order,
    /// What was asked for.
    #[error("terms")]
    Terms,
    /// Its status.
    #[error("status")]
    Status,
    /// What is filled.
    #[error("filled quantity")]
    Cum,
    /// What is open.
    #[error("open quantity")]
    Leaves,
    /// The sum of price times quantity.
    #[error("notional")]
    Notional,
    /// Its name.
    #[error("client order id")]
    Name,
    /// Its account.
    #[error("account")]
    Account,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Its number is not the next one.
    #[error("event {expected} was to come: events are missing, or came twice")]
    Gap {
        /// The number that was to come.
        expected: Outbound,
    },
    /// Its number among the events of its session is not the next one.
    #[error("report {found} of session {session} follows report {last}")]
    ReportGap {
        /// The session.
        session: SessionId,
        /// The last number that was told.
        last: ReportSeq,
        /// The number that came.
        found: ReportSeq,
    },
    /// Its body cannot be read.
    #[error("{0}")]
    Body(FrameError),
    /// It is about an order that is not open.
    #[error("order {0} is not open")]
    UnknownOrder(OrderId),
    /// It accepts an order that was accepted before.
    #[error("order {0} was accepted before")]
    KnownOrder(OrderId),
    /// It is about another session's order.
    #[error("order {order} is session {owner}'s")]
    OtherSession {
        /// The order.
        order: OrderId,
        /// Whose it is.
        owner: SessionId,
    },
    /// It gives an order a name that another order of its session has.
    #[error("order {order} is called {name:?} already")]
    NameTaken {
        /// Which order has the name.
        order: OrderId,
        /// The name.
        name: ClOrdId,
    },
    /// The view of the order that it tells does not follow from the one before.
    #[error("the {part} of order {order} does not follow from what was told before")]
    Differs {
        /// The order.
        order: OrderId,
        /// What does not add up.
        part: Part,
    },
    /// It fills an order that is not in the book, or at a price or in a quantity that it does not stand for there.
    #[error("order {0} does not stand in the book for this fill")]
    NotInBook(OrderId),
    /// It activates an order that is no waiting stop.
    #[error("order {0} is no waiting stop")]
    NoStop(OrderId),
    /// It is about an instrument that was not defined.
    #[error("instrument {0} is not defined")]
    UnknownInstrument(InstrumentId),
    /// It defines an instrument again.
    #[error("instrument {0} was defined before")]
    KnownInstrument(InstrumentId),
    /// It defines an instrument without a tick.
    #[error("instrument {0} has no tick")]
    NoTick(InstrumentId),
    /// It moves an instrument out of a phase in which it is not.
    #[error("instrument {0} is in another phase than the event says")]
    OtherPhase(InstrumentId),
    /// Its trade is not the next one.
    #[error("trade {found} where trade {expected} was to come")]
    TradeGap {
        /// The number that was to come.
        expected: TradeId,
        /// The number that came.
        found: TradeId,
    },
    /// The other side of a trade was to come.
    #[error("the other side of trade {0} was to come")]
    HalfTrade(TradeId),
    /// The two sides of a trade, or a trade and what is told of it later, contradict each other.
    #[error("what is told of trade {0} does not agree with what was told of it before")]
    TradeDiffers(TradeId),
    /// It changes a trade that there was not today, or that was undone.
    #[error("trade {0} cannot be changed: it is not of this day, or was undone")]
    UnknownTrade(TradeId),
    /// More orders are open than there is room for.
    #[error("no room for another order: the limit of the consumer is below the engine's")]
    NoRoom,
}
