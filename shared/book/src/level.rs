//! A level: all orders of one key on one ladder; and the slab that levels live in.

use crate::{LadderId, NONE, Slot};
use memory::in_large_pages;
use wire::Qty;

/// All orders of one key on one ladder. There is none without an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub(crate) key: i64,
    /// The sum of what its orders show.
    pub(crate) shown: u64,
    /// The sum of what its orders have open and do not show.
    pub(crate) hidden: u64,
    /// How many orders; 0 marks a free record.
    pub(crate) orders: u32,
    pub(crate) first: Slot,
    pub(crate) last: Slot,
    pub(crate) ladder: LadderId,
    /// The page of the ground floor that points here; the next free record while this one is free.
    pub(crate) page: u32,
}

const _: () = assert!(size_of::<Level>() == 48);

impl Level {
    const EMPTY: Self = Self {
        key: 0,
        shown: 0,
        hidden: 0,
        orders: 0,
        first: Slot::NONE,
        last: Slot::NONE,
        ladder: LadderId(0),
        page: NONE,
    };

    /// The key: a price in ticks.
    #[must_use]
    #[inline]
    pub fn key(&self) -> i64 {
        self.key
    }

    /// What its orders show.
    #[must_use]
    #[inline]
    pub fn shown(&self) -> Qty {
        Qty(self.shown)
    }

    /// What its orders have open and do not show.
    #[must_use]
    #[inline]
    pub fn hidden(&self) -> Qty {
        Qty(self.hidden)
    }

    /// What its orders have open, shown or not.
    #[must_use]
    #[inline]
    pub fn total(&self) -> Qty {
        Qty(self.shown + self.hidden)
    }

    /// How many orders; above zero.
    #[must_use]
    #[inline]
    pub fn orders(&self) -> u32 {
        self.orders
    }

    /// The order that has waited longest.
    #[must_use]
    #[inline]
    pub fn first(&self) -> Slot {
        self.first
    }

    /// The order that came last.
    #[must_use]
    #[inline]
    pub fn last(&self) -> Slot {
        self.last
    }
}

/// The levels of all ladders.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    pub(crate) slab: Vec<Level>,
    /// The record freed last.
    pub(crate) free: u32,
}

impl Levels {
    pub(crate) fn new(room: u32) -> Self {
        Self { slab: in_large_pages(Vec::with_capacity(room as usize)), free: NONE }
    }

    /// Takes a record, the one freed last if there is one. What is in it means nothing.
    #[inline]
    pub(crate) fn take(&mut self) -> u32 {
        let at = self.free;
        if at == NONE {
            return self.push();
        }
        self.free = self.slab[at as usize].page;
        at
    }

    #[cold]
    fn push(&mut self) -> u32 {
        let at = u32::try_from(self.slab.len())
            .expect("levels are no more than orders, which are counted in 32 bits");
        self.slab.push(Level::EMPTY);
        at
    }

    /// Gives a record back.
    #[inline]
    pub(crate) fn give(&mut self, at: u32) {
        let record = &mut self.slab[at as usize];
        record.orders = 0;
        record.page = self.free;
        self.free = at;
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> &Level {
        &self.slab[at as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: u32) -> &mut Level {
        &mut self.slab[at as usize]
    }
}
