//! An open order: as it is told, and what the engine needs to know of it beside that. Where it stands in its queue, and
//! what of it is open and shown, is kept by the shelf (`book`); what is done leaves the shelf and lives on as a name
//! ([`crate::names`]) for the rest of the day.

use crate::accounts::HoldingId;
use crate::checks;
use crate::expiry::Timer;
use crate::names::NameId;
use wire::command::{Side, Terms};
use wire::event::{OrderStatus, OrderView};
use wire::{AccountId, ClOrdId, InstrumentId, Notional, OrderId, ParticipantId, Price, Qty, SessionId};

/// Whether an order with this limit would trade at this price.
pub(crate) fn accepts(side: Side, limit: Price, price: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// On which of its instrument's ladders an order stands, or would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In the book.
    Book,
    /// Among the stops that wait for their price.
    Stop,
    /// Among those that wait for the closing auction.
    Waiting,
}

/// One order. The view fills the first two cache lines, the rest the third.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Order {
    /// As it is told; always up to date.
    pub(crate) view: OrderView,
    /// The worst price at which it trades: its limit, or its protection price.
    pub(crate) limit: Price,
    /// Whose it is.
    pub(crate) session: SessionId,
    /// The session's participant when it was entered; 0 for none.
    pub(crate) participant: ParticipantId,
    /// The name that it answers to.
    pub(crate) name: NameId,
    /// Where its account keeps it; none where nothing is checked.
    pub(crate) holding: HoldingId,
    /// Its place among those that expire.
    pub(crate) timer: Timer,
    /// Where it stands.
    pub(crate) place: Place,
}

const _: () = assert!(size_of::<Order>() == 192);

impl Order {
    /// No order: it only takes up room.
    pub(crate) fn filler() -> Self {
        let terms = Terms::limit(InstrumentId(0), Side::Buy, Price(0), Qty(0));
        let view = OrderView {
            order: OrderId(0),
            terms,
            status: OrderStatus::Cancelled,
            reserved: [0; 3],
            cum: Qty(0),
            leaves: Qty(0),
            notional: Notional(0),
            cl_ord_id: ClOrdId::default(),
            account: AccountId(0),
        };
        Self {
            view,
            limit: Price(0),
            session: SessionId(0),
            participant: ParticipantId(0),
            name: NameId::NONE,
            holding: HoldingId::NONE,
            timer: Timer::NONE,
            place: Place::Book,
        }
    }

    pub(crate) fn id(&self) -> OrderId {
        self.view.order
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.view.terms
    }

    pub(crate) fn instrument(&self) -> InstrumentId {
        self.view.terms.instrument
    }

    pub(crate) fn side(&self) -> Side {
        self.view.terms.side
    }

    /// What is still open.
    pub(crate) fn leaves(&self) -> Qty {
        self.view.leaves
    }

    /// What it shows when it comes to rest, or again when that is filled.
    pub(crate) fn showing(&self) -> Qty {
        let (display, leaves) = (self.view.terms.display, self.leaves());
        if display == Qty(0) { leaves } else { display.min(leaves) }
    }

    /// True for a market order, and for a stop that becomes one.
    pub(crate) fn is_unpriced(&self) -> bool {
        checks::is_unpriced(&self.view.terms)
    }

    /// True if what is not matched at once is cancelled.
    pub(crate) fn is_immediate(&self) -> bool {
        checks::is_immediate(&self.view.terms)
    }

    /// Whether it would trade at this price.
    pub(crate) fn accepts(&self, price: Price) -> bool {
        accepts(self.side(), self.limit, price)
    }

    /// Takes a fill in.
    pub(crate) fn fill(&mut self, price: Price, qty: Qty) {
        assert!(qty <= self.leaves() && price.0 > 0, "a fill is never above what is open");
        let (cum, leaves) = (self.view.cum.0 + qty.0, self.view.leaves.0 - qty.0);
        self.view.cum.0 = cum;
        self.view.leaves.0 = leaves;
        self.view.notional.0 += u128::from(qty.0) * u128::from(price.0.unsigned_abs());
        self.view.status = if leaves == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    }

    /// Takes off what is open without a fill: the quantity falls with it.
    pub(crate) fn shrink(&mut self, by: Qty) {
        self.view.terms.qty.0 -= by.0;
        self.view.leaves.0 -= by.0;
    }
}
