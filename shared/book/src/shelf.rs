//! The shelf: the orders of all ladders in one slab, and every operation on them.

use crate::level::{Level, Levels};
use crate::pages::{Ladder, Pages, Place};
use crate::{Direction, KEY_LIMIT, LadderId, NONE, Room, Slot};
use memory::in_large_pages;
use wire::Qty;

/// The level of an order that is on no ladder.
pub(crate) const OFF: u32 = NONE;
/// The level of a place without an order.
pub(crate) const VACANT: u32 = NONE - 1;

/// What sweeps and cancels touch of an order.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Hot {
    /// What is open.
    pub(crate) leaves: u64,
    /// How much of it shows; never above `leaves`.
    pub(crate) shown: u64,
    /// Its level, or `OFF`, or `VACANT`.
    pub(crate) level: u32,
    /// The order behind it on its level; the next vacant place while this one is vacant.
    pub(crate) next: Slot,
    /// The order before it on its level.
    pub(crate) prev: Slot,
    pub(crate) tag: u32,
}

const _: () = assert!(size_of::<Hot>() == 32);

impl Hot {
    const VACANT: Self =
        Self { leaves: 0, shown: 0, level: VACANT, next: Slot::NONE, prev: Slot::NONE, tag: 0 };
}

/// Resting orders in price-time order on many ladders. `T` is what the caller keeps with each order.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    pub(crate) hot: Vec<Hot>,
    /// Of the same length as `hot`. A vacant place keeps the last that stood there.
    pub(crate) orders: Vec<T>,
    /// The place vacated last.
    pub(crate) vacant: Slot,
    pub(crate) living: u32,
    pub(crate) bound: u32,
    pub(crate) levels: Levels,
    pub(crate) pages: Pages,
    pub(crate) ladders: Vec<Ladder>,
}

impl<T> Shelf<T> {
    /// An empty shelf with room made in advance.
    #[must_use]
    pub fn new(room: Room) -> Self {
        assert!(room.orders < VACANT, "places are numbered in 32 bits, less two");
        Self {
            hot: in_large_pages(Vec::with_capacity(room.orders as usize)),
            orders: in_large_pages(Vec::with_capacity(room.orders as usize)),
            vacant: Slot::NONE,
            living: 0,
            bound: room.orders,
            levels: Levels::new(room.levels),
            pages: Pages::new(room.pages),
            ladders: Vec::new(),
        }
    }

    /// Touches all the room for orders, so that none of it has to be found by the kernel when it is needed. `filler` is any order.
    pub fn prefault(&mut self, filler: &T)
    where
        T: Clone,
    {
        let taken = self.orders.len();
        self.orders.resize(self.bound as usize, filler.clone());
        self.orders.truncate(taken);
    }

    /// Opens an empty ladder.
    pub fn open(&mut self, direction: Direction) -> LadderId {
        let id = u32::try_from(self.ladders.len()).expect("ladders are counted in 32 bits");
        let turn = match direction {
            Direction::Rising => 0,
            Direction::Falling => -1,
        };
        self.ladders.push(Ladder::new(turn));
        LadderId(id)
    }

    /// Whether there is room for no more order.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.living == self.bound
    }

    /// How many orders there are, on ladders or not.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.living as usize
    }

    /// Whether there is no order at all.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.living == 0
    }

    /// Takes in an order, on no ladder yet. `0 < shown <= leaves`. Panics where there is no room.
    #[inline]
    pub fn insert(&mut self, order: T, leaves: Qty, shown: Qty, tag: u32) -> Slot {
        assert!(!self.is_full(), "no room for another order");
        assert!(Qty(0) < shown && shown <= leaves, "an order shows some of what it has open");
        let mut slot = self.vacant;
        if slot == Slot::NONE {
            slot = self.push(order);
        } else {
            self.orders[slot.index()] = order;
        }
        self.living += 1;
        let place = &mut self.hot[slot.index()];
        self.vacant = place.next;
        // Field by field: a record put together elsewhere and copied would be read back wider than it was just written,
        // which no store buffer can serve.
        place.leaves = leaves.0;
        place.shown = shown.0;
        place.level = OFF;
        place.tag = tag;
        slot
    }

    /// The first place that was never taken.
    #[cold]
    fn push(&mut self, order: T) -> Slot {
        let slot = Slot(u32::try_from(self.orders.len()).expect("bounded by the room for orders"));
        self.hot.push(Hot::VACANT);
        self.orders.push(order);
        slot
    }

    /// Gives up the place of an order that is on no ladder. The next order takes it, and until then it keeps what was there.
    #[inline]
    pub fn free(&mut self, slot: Slot) -> T
    where
        T: Clone,
    {
        let place = &mut self.hot[slot.index()];
        assert!(place.level == OFF, "freed once, and on no ladder");
        place.level = VACANT;
        place.next = self.vacant;
        self.vacant = slot;
        self.living -= 1;
        self.orders[slot.index()].clone()
    }

    /// What the caller keeps with an order.
    #[must_use]
    #[inline]
    pub fn order(&self, slot: Slot) -> &T {
        &self.orders[slot.index()]
    }

    /// What the caller keeps with an order.
    #[must_use]
    #[inline]
    pub fn order_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.orders[slot.index()]
    }

    /// What an order has open.
    #[must_use]
    #[inline]
    pub fn leaves(&self, slot: Slot) -> Qty {
        Qty(self.hot[slot.index()].leaves)
    }

    /// How much of it shows.
    #[must_use]
    #[inline]
    pub fn shown(&self, slot: Slot) -> Qty {
        Qty(self.hot[slot.index()].shown)
    }

    /// The caller's tag.
    #[must_use]
    #[inline]
    pub fn tag(&self, slot: Slot) -> u32 {
        self.hot[slot.index()].tag
    }

    /// Whether an order stands on a ladder.
    #[must_use]
    #[inline]
    pub fn is_on_ladder(&self, slot: Slot) -> bool {
        self.hot[slot.index()].level < VACANT
    }

    /// The key of an order's level. Panics where it is on no ladder.
    #[must_use]
    #[inline]
    pub fn key(&self, slot: Slot) -> i64 {
        self.levels.get(self.hot[slot.index()].level).key
    }

    /// Puts an order on a ladder, behind all others with this key.
    #[inline]
    pub fn join(&mut self, slot: Slot, ladder: LadderId, key: i64) {
        assert!((-KEY_LIMIT..KEY_LIMIT).contains(&key), "a key within the limits");
        let order = &mut self.hot[slot.index()];
        assert!(order.level == OFF && order.leaves > 0, "an open order that is on no ladder");
        let (shown, hidden) = (order.shown, order.leaves - order.shown);
        let side = &mut self.ladders[ladder.0 as usize];
        let rank = side.rank(key);
        let place = self.pages.find(side, rank);
        if let Place::Level(at) = place {
            let level = self.levels.get_mut(at);
            let before = level.last;
            order.level = at;
            order.prev = before;
            order.next = Slot::NONE;
            level.last = slot;
            level.orders += 1;
            level.shown += shown;
            level.hidden += hidden;
            self.hot[before.index()].next = slot;
        } else {
            let at = self.levels.take();
            order.level = at;
            order.prev = Slot::NONE;
            order.next = Slot::NONE;
            let page = self.pages.insert(side, rank, place, at);
            let level = self.levels.get_mut(at);
            level.key = key;
            level.shown = shown;
            level.hidden = hidden;
            level.orders = 1;
            level.first = slot;
            level.last = slot;
            level.ladder = ladder;
            level.page = page;
        }
    }

    /// Takes an order off its ladder; it stays in the slab. Panics where it is on none.
    #[inline]
    pub fn leave(&mut self, slot: Slot) {
        let order = &mut self.hot[slot.index()];
        let Hot { leaves, shown, level: at, next, prev, .. } = *order;
        order.level = OFF;
        let level = self.levels.get_mut(at);
        level.orders -= 1;
        if level.orders == 0 {
            let (key, ladder, page) = (level.key, level.ladder, level.page);
            self.levels.give(at);
            let side = &mut self.ladders[ladder.0 as usize];
            self.pages.remove(side, side.rank(key), page);
            return;
        }
        level.shown -= shown;
        level.hidden -= leaves - shown;
        if prev == Slot::NONE {
            level.first = next;
        } else {
            self.hot[prev.index()].next = next;
        }
        if next == Slot::NONE {
            level.last = prev;
        } else {
            self.hot[next.index()].prev = prev;
        }
    }

    /// Lowers what an order has open by `qty`, out of what shows first. An order with nothing left leaves its ladder (and
    /// stays in the slab). Returns what is left. What shows may become 0 before that: an iceberg to be replenished.
    #[inline]
    pub fn fill(&mut self, slot: Slot, qty: Qty) -> Qty {
        let order = &mut self.hot[slot.index()];
        assert!(qty.0 <= order.leaves, "no more than it has open");
        if qty.0 == order.leaves {
            if order.level < VACANT {
                self.leave(slot);
            }
            let order = &mut self.hot[slot.index()];
            (order.leaves, order.shown) = (0, 0);
            return Qty(0);
        }
        let leaves = order.leaves - qty.0;
        self.set(slot, leaves, self.hot[slot.index()].shown.saturating_sub(qty.0));
        Qty(leaves)
    }

    /// Lowers what an order has open by less than all of it. It keeps its place. What does not show goes first.
    #[inline]
    pub fn reduce(&mut self, slot: Slot, by: Qty) {
        let Hot { leaves, shown, .. } = self.hot[slot.index()];
        assert!(by.0 < leaves, "less than it has open");
        let leaves = leaves - by.0;
        self.set(slot, leaves, shown.min(leaves));
    }

    /// Sets how much of an order shows, up to what it has open. It keeps its place.
    #[inline]
    pub fn show(&mut self, slot: Slot, shown: Qty) {
        let leaves = self.hot[slot.index()].leaves;
        assert!(shown.0 <= leaves, "no more than it has open");
        self.set(slot, leaves, shown.0);
    }

    /// Sets how much of an order shows, and puts it behind all others of its level.
    #[inline]
    pub fn replenish(&mut self, slot: Slot, shown: Qty) {
        self.show(slot, shown);
        let Hot { level: at, next, prev, .. } = self.hot[slot.index()];
        if at >= VACANT || next == Slot::NONE {
            return;
        }
        let level = self.levels.get_mut(at);
        if prev == Slot::NONE {
            level.first = next;
        } else {
            self.hot[prev.index()].next = next;
        }
        self.hot[next.index()].prev = prev;
        let last = std::mem::replace(&mut level.last, slot);
        self.hot[last.index()].next = slot;
        let order = &mut self.hot[slot.index()];
        order.prev = last;
        order.next = Slot::NONE;
    }

    /// Sets what an order has open and shows; its level's totals follow.
    #[inline]
    fn set(&mut self, slot: Slot, leaves: u64, shown: u64) {
        let order = &mut self.hot[slot.index()];
        assert!(order.level != VACANT, "an order");
        if order.level != OFF {
            let level = self.levels.get_mut(order.level);
            level.shown = level.shown - order.shown + shown;
            level.hidden = level.hidden - (order.leaves - order.shown) + (leaves - shown);
        }
        (order.leaves, order.shown) = (leaves, shown);
    }

    /// The best level of a ladder.
    #[must_use]
    #[inline]
    pub fn best(&self, ladder: LadderId) -> Option<&Level> {
        let best = self.ladders[ladder.0 as usize].best;
        (best != NONE).then(|| self.levels.get(best))
    }

    /// The key of the best level of a ladder; looks at nothing but the ladder's own record.
    #[must_use]
    #[inline]
    pub fn best_key(&self, ladder: LadderId) -> Option<i64> {
        let ladder = &self.ladders[ladder.0 as usize];
        (ladder.best != NONE).then(|| ladder.key(ladder.best_rank))
    }

    /// The levels of a ladder, best first.
    pub fn levels(&self, ladder: LadderId) -> impl Iterator<Item = &Level> {
        let ladder = &self.ladders[ladder.0 as usize];
        let mut at = ladder.best;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let level = self.levels.get(at);
                at = self.pages.after(ladder.rank(level.key), level.page);
                level
            })
        })
    }

    /// The level of this key.
    #[must_use]
    pub fn level_at(&self, ladder: LadderId, key: i64) -> Option<&Level> {
        if !(-KEY_LIMIT..KEY_LIMIT).contains(&key) {
            return None;
        }
        let ladder = &self.ladders[ladder.0 as usize];
        match self.pages.find(ladder, ladder.rank(key)) {
            Place::Level(at) => Some(self.levels.get(at)),
            _ => None,
        }
    }

    /// How many levels a ladder has.
    #[must_use]
    #[inline]
    pub fn depth(&self, ladder: LadderId) -> usize {
        self.ladders[ladder.0 as usize].depth as usize
    }

    /// The orders of a level, from the one that has waited longest.
    pub fn queue(&self, level: &Level) -> impl Iterator<Item = Slot> {
        let first = (level.first != Slot::NONE).then_some(level.first);
        std::iter::successors(first, |&slot| {
            let next = self.next(slot);
            (next != Slot::NONE).then_some(next)
        })
    }

    /// The order behind this one on its level, or [`Slot::NONE`]. Meaningless for an order on no ladder.
    #[must_use]
    #[inline]
    pub fn next(&self, slot: Slot) -> Slot {
        self.hot[slot.index()].next
    }

    /// All orders, by place.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &T)> {
        (0..)
            .map(Slot)
            .zip(&self.hot)
            .zip(&self.orders)
            .filter_map(|((slot, hot), order)| (hot.level != VACANT).then_some((slot, order)))
    }
}
