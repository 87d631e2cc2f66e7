//! The orders that are good till a date, the next one to expire first: a heap in which every order knows its place, so
//! that one that is cancelled leaves it at once.

use book::Slot;
use wire::{Nanos, OrderId};

/// An order's place in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer(u32);

impl Timer {
    /// No place.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// When which order expires; ordered by time, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiry {
    pub(crate) at: Nanos,
    pub(crate) order: OrderId,
    pub(crate) slot: Slot,
}

/// The heap. `moved` is told of every order that changes its place.
#[derive(Clone, Debug)]
pub(crate) struct Expiries {
    heap: Vec<Expiry>,
}

impl Expiries {
    /// Room for `limit` orders, made in advance.
    pub(crate) fn new(limit: u32) -> Self {
        Self { heap: Vec::with_capacity(limit as usize) }
    }

    /// The next one.
    pub(crate) fn next(&self) -> Option<&Expiry> {
        self.heap.first()
    }

    /// All of them, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Timer, &Expiry)> {
        (0..).map(Timer).zip(&self.heap)
    }

    /// Puts one in.
    pub(crate) fn insert(&mut self, expiry: Expiry, moved: impl FnMut(Slot, Timer)) {
        self.heap.push(expiry);
        self.rise(self.heap.len() - 1, moved);
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, timer: Timer, mut moved: impl FnMut(Slot, Timer)) {
        let at = timer.0 as usize;
        let last = self.heap.len() - 1;
        self.heap.swap(at, last);
        let gone = self.heap.pop().expect("it was in there");
        moved(gone.slot, Timer::NONE);
        if at < last {
            let at = self.sink(at, &mut moved);
            self.rise(at, moved);
        }
    }

    fn rise(&mut self, mut at: usize, mut moved: impl FnMut(Slot, Timer)) {
        while at > 0 && self.heap[at] < self.heap[(at - 1) / 2] {
            self.heap.swap(at, (at - 1) / 2);
            moved(self.heap[at].slot, timer(at));
            at = (at - 1) / 2;
        }
        moved(self.heap[at].slot, timer(at));
    }

    fn sink(&mut self, mut at: usize, mut moved: impl FnMut(Slot, Timer)) -> usize {
        loop {
            let children = [2 * at + 1, 2 * at + 2].into_iter().filter(|child| *child < self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap[*child]) else { break };
            if self.heap[at] <= self.heap[least] {
                break;
            }
            self.heap.swap(at, least);
            moved(self.heap[at].slot, timer(at));
            at = least;
        }
        moved(self.heap[at].slot, timer(at));
        at
    }
}

fn timer(at: usize) -> Timer {
    Timer(u32::try_from(at).expect("as many as orders at most"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use book::{Direction, Room, Shelf};
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    #[test]
    fn orders_come_out_by_time_then_number_and_any_of_them_can_leave_before() {
        let mut shelf: Shelf<Timer> = Shelf::new(Room { orders: 400, levels: 4, pages: 4 });
        shelf.open(Direction::Rising);
        let mut expiries = Expiries::new(400);
        let mut random = SmallRng::seed_from_u64(5);
        let mut all = Vec::new();
        for number in 0..400 {
            let slot = shelf.insert(Timer::NONE, wire::Qty(1), wire::Qty(1), 0);
            let expiry = Expiry { at: Nanos(random.random_range(0..50)), order: OrderId(number), slot };
            all.push(expiry);
            expiries.insert(expiry, |slot, timer| *shelf.order_mut(slot) = timer);
        }
        for _ in 0..150 {
            let gone = all.swap_remove(random.random_range(0..all.len()));
            let timer = *shelf.order(gone.slot);
            expiries.remove(timer, |slot, timer| *shelf.order_mut(slot) = timer);
            assert_eq!(*shelf.order(gone.slot), Timer::NONE);
        }
        all.sort_unstable();
        for expected in all {
            let next = *expiries.next().expect("as many as were put in");
            assert_eq!(next, expected);
            let timer = *shelf.order(next.slot);
            expiries.remove(timer, |slot, timer| *shelf.order_mut(slot) = timer);
        }
        assert!(expiries.next().is_none());
    }
}
