//! The orders that are known: the open ones, and the last ones of the day that are done.

use crate::{Fault, Limits};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::VecDeque;
use wire::event::{OrderStatus, OrderView};
use wire::{ClOrdId, Notional, OrderId, Qty, SessionId};

/// What has become of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// In the book, or on its way through it.
    InBook,
    /// It waits for its stop price.
    WaitingStop,
    /// It waits for the closing auction.
    WaitingClose,
    /// It is over.
    Done(OrderStatus),
}

/// An order that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whose it is.
    pub session: SessionId,
    /// As it was told last.
    pub view: OrderView,
    /// Whether it is over.
    pub done: bool,
    /// Whether it was a stop and has become active.
    pub triggered: bool,
    /// How many fills it had.
    pub fills: u32,
    /// The sum of the quantities of its fills: what `view` says.
    pub filled: Qty,
    /// The sum of price times quantity of its fills: what `view` says.
    pub notional: Notional,
    /// The names that it had before, the first one first. The present one is in `view`.
    pub former_names: Vec<ClOrdId>,
}

type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// All orders that are known, by number and by name.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    all: Map<OrderId, Known>,
    names: Map<(SessionId, ClOrdId), OrderId>,
    /// Those that are done, the first one first.
    done: VecDeque<OrderId>,
    limits: Limits,
}

impl Orders {
    pub(crate) fn new(limits: &Limits) -> Self {
        // One more: an order is done before the oldest one is forgotten.
        let room = limits.open_orders as usize + limits.done_orders as usize + 1;
        Self {
            all: Map::with_capacity_and_hasher(room, FxBuildHasher),
            names: Map::with_capacity_and_hasher(room, FxBuildHasher),
            done: VecDeque::with_capacity(limits.done_orders as usize + 1),
            limits: *limits,
        }
    }

    pub(crate) fn open_count(&self) -> usize {
        self.all.len() - self.done.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.all.values()
    }

    pub(crate) fn get(&self, id: OrderId) -> Option<&Known> {
        self.all.get(&id)
    }

    pub(crate) fn named(&self, session: SessionId, name: ClOrdId) -> Option<&Known> {
        self.get(*self.names.get(&(session, name))?)
    }

    /// The open order that an event is about.
    pub(crate) fn open(&self, id: OrderId) -> Result<&Known, Fault> {
        self.get(id).filter(|order| !order.done).ok_or(Fault::UnknownOrder(id))
    }

    /// Whether a name is free.
    pub(crate) fn is_free(&self, session: SessionId, name: ClOrdId) -> Result<(), Fault> {
        match self.names.get(&(session, name)) {
            None => Ok(()),
            Some(order) => Err(Fault::NameTaken { order: *order, name }),
        }
    }

    /// Whether there is room for another order of this number and name.
    pub(crate) fn has_room(&self, session: SessionId, view: &OrderView) -> Result<(), Fault> {
        if self.get(view.order).is_some() {
            return Err(Fault::KnownOrder(view.order));
        }
        if self.open_count() >= self.limits.open_orders as usize {
            return Err(Fault::NoRoom);
        }
        self.is_free(session, view.cl_ord_id)
    }

    /// Takes in a new order.
    pub(crate) fn insert(&mut self, session: SessionId, view: OrderView) {
        self.names.insert((session, view.cl_ord_id), view.order);
        let order = Known {
            session,
            view,
            done: false,
            triggered: false,
            fills: 0,
            filled: Qty(0),
            notional: Notional(0),
            former_names: Vec::new(),
        };
        self.all.insert(view.order, order);
    }

    /// An open order as it is now, under its name as it is now.
    pub(crate) fn update(&mut self, view: &OrderView, change: impl FnOnce(&mut Known)) {
        let Some(order) = self.all.get_mut(&{ view.order }) else { return };
        let (old, new) = (order.view.cl_ord_id, view.cl_ord_id);
        order.view = *view;
        if old != new {
            order.former_names.push(old);
            self.names.remove(&(order.session, old));
            self.names.insert((order.session, new), view.order);
        }
        change(order);
    }

    /// An order is over; the oldest one that is done gives way.
    pub(crate) fn end(&mut self, id: OrderId) {
        let Some(order) = self.all.get_mut(&id) else { return };
        order.done = true;
        self.done.push_back(id);
        if self.done.len() > self.limits.done_orders as usize
            && let Some(oldest) = self.done.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// Forgets all orders that are done.
    pub(crate) fn forget_done(&mut self) {
        while let Some(id) = self.done.pop_front() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: OrderId) {
        if let Some(order) = self.all.remove(&id) {
            self.names.remove(&(order.session, order.view.cl_ord_id));
        }
    }
}
