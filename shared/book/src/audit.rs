//! The whole state checked against what must always hold: links, totals, counts, order, masks, free lists.

use crate::level::Level;
use crate::pages::{Ladder, digit};
use crate::shelf::{OFF, Shelf, VACANT};
use crate::{LadderId, NONE, Slot};
use thiserror::Error;

/// What is wrong with a shelf. Any of these is a fault in this crate, or memory gone bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Disorder {
    /// The vectors of the slab differ in length, or more orders live than there are places.
    #[error("the slab holds {living} orders in {places} places with {kept} of the caller's, bound {bound}")]
    Slab {
        /// Orders that live.
        living: u32,
        /// Hot records.
        places: usize,
        /// The caller's records.
        kept: usize,
        /// The bound.
        bound: u32,
    },
    /// The list of vacant places does not hold exactly the vacant places.
    #[error(
        "{marked} places are marked vacant, {listed} are on the list of vacant ones, {living} orders live"
    )]
    Vacant {
        /// Places marked vacant.
        marked: usize,
        /// Places on the list, or where its walk left it.
        listed: usize,
        /// Orders that live.
        living: u32,
    },
    /// An order shows more than it has open, or stands on a level with nothing open.
    #[error("the order at {0:?} shows more than it has open, or stands on a level with nothing open")]
    Order(Slot),
    /// An order's links disagree with those of its neighbours, or it names another level.
    #[error("the order at {slot:?} is linked wrongly on the level of key {key}")]
    Link {
        /// The order.
        slot: Slot,
        /// The level's key.
        key: i64,
    },
    /// A level's totals, count or end differ from those of its orders.
    #[error("the level of key {key} on ladder {ladder:?} does not sum up")]
    Totals {
        /// The ladder.
        ladder: LadderId,
        /// The level's key.
        key: i64,
    },
    /// The levels of a ladder are not in the order of their keys.
    #[error("the level of key {key} on ladder {ladder:?} is out of order")]
    Sequence {
        /// The ladder.
        ladder: LadderId,
        /// The level's key.
        key: i64,
    },
    /// A ladder's record disagrees with its levels: the best, its key, their number.
    #[error("the record of ladder {0:?} disagrees with its levels")]
    Ladder(LadderId),
    /// A page's bits disagree with what it points to, or its links with its neighbours.
    #[error("page {page} of ladder {ladder:?} is out of order")]
    Page {
        /// The ladder.
        ladder: LadderId,
        /// The page.
        page: u32,
    },
    /// Orders say that they stand on ladders, but no level lists them.
    #[error("{said} orders say that they stand on ladders, {found} are found there")]
    Lost {
        /// Orders that say so.
        said: usize,
        /// Orders found.
        found: usize,
    },
    /// Levels or pages are neither in use nor free, or both.
    #[error("of {all} {what}, {used} are in use and {free} free")]
    Leak {
        /// Levels or pages.
        what: &'static str,
        /// Records there are.
        all: usize,
        /// Records in use.
        used: usize,
        /// Records on the free list.
        free: usize,
    },
}

impl<T> Shelf<T> {
    /// Checks the whole state. Meant for tests and for a pause in trading: it looks at everything, and allocates.
    pub fn audit(&self) -> Result<(), Disorder> {
        let mut found = 0;
        let mut pages_used = 0;
        let mut levels_used = 0;
        for (id, ladder) in (0..).map(LadderId).zip(&self.ladders) {
            if ladder.best == NONE {
                if ladder.top != NONE || ladder.depth != 0 || ladder.floor != 0 {
                    return Err(Disorder::Ladder(id));
                }
                continue;
            }
            let mut levels = Vec::new();
            pages_used += self.audit_page(id, ladder, ladder.top, NONE, ladder.floor, &mut levels)?;
            let walked = self.levels(id).map(Level::key);
            if !walked.eq(levels.iter().map(|&at| self.levels.get(at).key))
                || ladder.depth as usize != levels.len()
            {
                return Err(Disorder::Ladder(id));
            }
            let mut before = None;
            for &at in &levels {
                let level = self.levels.get(at);
                let rank = ladder.rank(level.key);
                if before.is_none() && (rank != ladder.best_rank || at != ladder.best) {
                    return Err(Disorder::Ladder(id));
                }
                if before.replace(rank).is_some_and(|before| before >= rank) {
                    return Err(Disorder::Sequence { ladder: id, key: level.key });
                }
                found += self.audit_level(id, at, level)?;
            }
            levels_used += levels.len();
        }
        self.audit_slab(found)?;
        let all = self.levels.slab.len();
        let free = listed(self.levels.free, all, |at| {
            let level = &self.levels.slab[at];
            (level.orders == 0).then_some(level.page)
        });
        if levels_used + free != all {
            return Err(Disorder::Leak { what: "levels", all, used: levels_used, free });
        }
        let all = self.pages.pool.len();
        let free = listed(self.pages.free, all, |at| {
            let page = &self.pages.pool[at];
            (page.mask == 0 && page.below.iter().all(|&below| below == NONE)).then_some(page.above)
        });
        if pages_used + free != all {
            return Err(Disorder::Leak { what: "pages", all, used: pages_used, free });
        }
        Ok(())
    }

    /// Checks a page and all below it; collects its levels, returns how many pages it was.
    fn audit_page(
        &self,
        id: LadderId,
        ladder: &Ladder,
        at: u32,
        above: u32,
        floor: u32,
        levels: &mut Vec<u32>,
    ) -> Result<usize, Disorder> {
        let wrong = Disorder::Page { ladder: id, page: at };
        let page = self.pages.pool.get(at as usize).ok_or(wrong)?;
        if page.mask == 0 || page.above != above {
            return Err(wrong);
        }
        let mut pages = 1;
        for (place, &below) in page.below.iter().enumerate() {
            if (page.mask >> place & 1 == 1) != (below != NONE) {
                return Err(wrong);
            }
            if below == NONE {
                continue;
            }
            let first = levels.len();
            if floor == 0 {
                let level = self.levels.slab.get(below as usize).ok_or(wrong)?;
                if level.page != at || level.ladder != id {
                    return Err(wrong);
                }
                levels.push(below);
            } else {
                pages += self.audit_page(id, ladder, below, at, floor - 1, levels)?;
            }
            if levels[first..]
                .iter()
                .any(|&level| digit(ladder.rank(self.levels.get(level).key), floor) != place)
            {
                return Err(wrong);
            }
        }
        Ok(pages)
    }

    /// Checks a level and its orders; returns how many they are.
    fn audit_level(&self, ladder: LadderId, at: u32, level: &Level) -> Result<usize, Disorder> {
        let key = level.key;
        let (mut shown, mut hidden, mut orders, mut before) = (0u64, 0u64, 0u32, Slot::NONE);
        let mut slot = level.first;
        while slot != Slot::NONE {
            let order = self.hot.get(slot.index()).ok_or(Disorder::Link { slot, key })?;
            if order.level != at || order.prev != before {
                return Err(Disorder::Link { slot, key });
            }
            if order.leaves == 0 || order.shown > order.leaves {
                return Err(Disorder::Order(slot));
            }
            shown += order.shown;
            hidden += order.leaves - order.shown;
            orders += 1;
            before = slot;
            slot = order.next;
        }
        if (shown, hidden, orders, before) != (level.shown, level.hidden, level.orders, level.last)
            || orders == 0
        {
            return Err(Disorder::Totals { ladder, key });
        }
        Ok(orders as usize)
    }

    /// Checks the slab of the orders; `found` of them stand on ladders.
    fn audit_slab(&self, found: usize) -> Result<(), Disorder> {
        let (living, places, kept, bound) = (self.living, self.hot.len(), self.orders.len(), self.bound);
        if places != kept || places > bound as usize || living as usize > places {
            return Err(Disorder::Slab { living, places, kept, bound });
        }
        let said = self.hot.iter().filter(|order| order.level < VACANT).count();
        if said != found {
            return Err(Disorder::Lost { said, found });
        }
        let shows_too_much = |order: &crate::shelf::Hot| order.level == OFF && order.shown > order.leaves;
        if let Some(at) = self.hot.iter().position(shows_too_much) {
            return Err(Disorder::Order(Slot(u32::try_from(at).unwrap_or(NONE))));
        }
        let marked = self.hot.iter().filter(|order| order.level == VACANT).count();
        let listed = listed(self.vacant.0, places, |at| {
            let order = &self.hot[at];
            (order.level == VACANT).then_some(order.next.0)
        });
        if marked != listed || living as usize + marked != places {
            return Err(Disorder::Vacant { marked, listed, living });
        }
        Ok(())
    }
}

/// How many records a free list holds before its end, or before something that does not belong on it.
fn listed(first: u32, all: usize, next: impl Fn(usize) -> Option<u32>) -> usize {
    let mut at = first;
    for count in 0..=all {
        if at as usize >= all {
            return count;
        }
        match next(at as usize) {
            Some(next) => at = next,
            None => return count,
        }
    }
    usize::MAX - all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Room};
    use wire::Qty;

    /// Three orders on two levels, and a vacant place.
    fn shelf() -> Shelf<()> {
        let mut shelf = Shelf::new(Room { orders: 8, levels: 8, pages: 8 });
        let ladder = shelf.open(Direction::Falling);
        for key in [100, 100, 5000, 7] {
            let slot = shelf.insert((), Qty(10), Qty(6), 0);
            shelf.join(slot, ladder, key);
        }
        shelf.leave(Slot(3));
        shelf.free(Slot(3));
        shelf.audit().expect("in order");
        shelf
    }

    /// What the audit says once the shelf was tampered with.
    fn after(tamper: impl FnOnce(&mut Shelf<()>)) -> Disorder {
        let mut shelf = shelf();
        tamper(&mut shelf);
        shelf.audit().expect_err("tampered with")
    }

    #[test]
    fn each_kind_of_disorder_is_called_by_its_name() {
        let ladder = LadderId(0);
        assert_eq!(after(|s| s.living = 2), Disorder::Vacant { marked: 1, listed: 1, living: 2 });
        assert_eq!(after(|s| s.vacant = Slot::NONE), Disorder::Vacant { marked: 1, listed: 0, living: 3 });
        assert_eq!(after(|s| s.bound = 1), Disorder::Slab { living: 3, places: 4, kept: 4, bound: 1 });
        assert_eq!(after(|s| s.hot[0].leaves = 5), Disorder::Order(Slot(0)));
        assert_eq!(after(|s| s.hot[1].prev = Slot::NONE), Disorder::Link { slot: Slot(1), key: 100 });
        assert_eq!(after(|s| s.hot[1].level = OFF), Disorder::Link { slot: Slot(1), key: 100 });
        assert_eq!(after(|s| s.hot[0].next = Slot::NONE), Disorder::Totals { ladder, key: 100 });
        assert_eq!(after(|s| s.hot[0].shown = 7), Disorder::Totals { ladder, key: 100 });
        assert_eq!(after(|s| s.levels.slab[0].hidden = 9), Disorder::Totals { ladder, key: 100 });
        assert_eq!(after(|s| s.ladders[0].best_rank += 1), Disorder::Ladder(ladder));
        assert_eq!(after(|s| s.ladders[0].depth = 1), Disorder::Ladder(ladder));
        let page = after(|s| s.pages.pool[0].mask = 0);
        assert!(matches!(page, Disorder::Page { page: 0, .. }), "{page}");
        let page = after(|s| s.levels.slab[0].key = 101);
        assert!(matches!(page, Disorder::Page { .. }), "{page}");
        let lost = after(|s| {
            let slot = s.insert((), Qty(1), Qty(1), 0);
            s.hot[slot.index()].level = 0;
        });
        assert_eq!(lost, Disorder::Lost { said: 4, found: 3 });
        let leak = after(|s| s.levels.free = NONE);
        assert_eq!(leak, Disorder::Leak { what: "levels", all: 3, used: 2, free: 0 });
        let leak = after(|s| s.pages.free = NONE);
        assert!(matches!(leak, Disorder::Leak { what: "pages", free: 0, .. }), "{leak}");
    }
}
