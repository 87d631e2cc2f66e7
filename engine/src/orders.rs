//! The resting orders of all books, in one slab, each in two cache lines. What is filled or cancelled leaves the slab and
//! lives on as a name ([`crate::names`]) for the rest of the day.

use crate::names::NameId;
use wire::command::{OrderType, Side, TimeInForce};
use wire::event::{OrderStatus, OrderView};
use wire::{AccountId, ClOrdId, InstrumentId, Notional, OrderId, Price, Qty, SessionId};

/// A place in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    /// No place.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// One order. What matching touches stands in the first 64 bytes, what only its reports need in the second.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) price: Price,
    pub(crate) qty: Qty,
    /// Never above `qty`.
    pub(crate) cum: Qty,
    pub(crate) notional: Notional,
    /// The order behind it on its level, or the next free place. [`Slot::NONE`] at the end.
    pub(crate) next: Slot,
    /// The order before it on its level.
    pub(crate) prev: Slot,
    pub(crate) name: NameId,
    pub(crate) instrument: InstrumentId,
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) time_in_force: TimeInForce,
}

const _: () = assert!(size_of::<Order>() == 128);

impl Order {
    /// What is still open.
    pub(crate) fn leaves(&self) -> Qty {
        Qty(self.qty.0 - self.cum.0)
    }

    /// Takes a fill in.
    pub(crate) fn fill(&mut self, price: Price, qty: Qty) {
        assert!(qty <= self.leaves() && price.0 > 0, "a fill is never above what is open");
        self.cum.0 += qty.0;
        self.notional.0 += u128::from(qty.0) * u128::from(price.0.unsigned_abs());
    }

    /// Where a living order is in its life.
    pub(crate) fn status(&self) -> OrderStatus {
        if self.cum == Qty(0) {
            OrderStatus::New
        } else if self.cum < self.qty {
            OrderStatus::PartiallyFilled
        } else {
            OrderStatus::Filled
        }
    }

    /// The order as it is told.
    pub(crate) fn view(&self) -> OrderView {
        OrderView {
            order: self.id,
            instrument: self.instrument,
            side: self.side,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            status: self.status(),
            price: self.price,
            qty: self.qty,
            cum: self.cum,
            leaves: self.leaves(),
            notional: self.notional,
            cl_ord_id: self.cl_ord_id,
            account: self.account,
        }
    }

    /// The order as it is told when it was cancelled: nothing is open any more.
    pub(crate) fn cancelled(&self) -> OrderView {
        OrderView { status: OrderStatus::Cancelled, leaves: Qty(0), ..self.view() }
    }
}

/// The slab. A freed place is the next one taken, so places are as much a function of the log as everything else.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    places: Vec<Order>,
    free: Slot,
    live: usize,
    limit: usize,
}

impl Orders {
    /// Room for `limit` orders, made in advance.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self { places: Vec::with_capacity(limit), free: Slot::NONE, live: 0, limit }
    }

    /// How many there are.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// True if no further order can rest.
    pub(crate) fn is_full(&self) -> bool {
        self.live == self.limit
    }

    /// Takes an order in, which belongs to no level yet.
    pub(crate) fn insert(&mut self, order: Order) -> Slot {
        assert!(!self.is_full(), "the caller has checked that there is room for an order");
        self.live += 1;
        if self.free == Slot::NONE {
            let slot = Slot(u32::try_from(self.places.len()).expect("the limit is a u32"));
            self.places.push(order);
            return slot;
        }
        let slot = self.free;
        self.free = self[slot].next;
        self[slot] = order;
        slot
    }

    /// Lets an order go that belongs to no level any more.
    pub(crate) fn free(&mut self, slot: Slot) {
        let free = self.free;
        let order = &mut self[slot];
        assert!(order.id != OrderId(0), "an order is freed once");
        order.id = OrderId(0);
        order.next = free;
        self.free = slot;
        self.live -= 1;
    }
}

impl std::ops::Index<Slot> for Orders {
    type Output = Order;
    fn index(&self, slot: Slot) -> &Order {
        &self.places[slot.0 as usize]
    }
}

impl std::ops::IndexMut<Slot> for Orders {
    fn index_mut(&mut self, slot: Slot) -> &mut Order {
        &mut self.places[slot.0 as usize]
    }
}
