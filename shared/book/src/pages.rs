//! The tree of pages under a ladder: finds a level by its rank, and the next best level by a bit scan.
//!
//! A *rank* is a key turned so that lower is better, and shifted to be positive. It is read in digits of six bits: a page
//! of the ground floor (floor 0) is indexed by the lowest digit and points to levels, a page of floor `n` by digit `n` and
//! points to pages of floor `n - 1`. All ranks of a ladder agree in the digits above its top floor.

use crate::{KEY_LIMIT, NONE};
use memory::in_large_pages;

/// Bits of a digit.
const DIGIT: u32 = 6;
/// Digits of a rank, and so the most floors there can be.
pub(crate) const FLOORS: u32 = 8;
/// What is added to a key: 32 in each digit, so that keys about zero lie amid a page on every floor.
const BIAS: i64 = 0x8208_2082_0820;

const _: () = assert!(BIAS > KEY_LIMIT && (BIAS + KEY_LIMIT) >> (DIGIT * FLOORS) == 0);

/// A ladder: its best level, and the top of its tree.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub(crate) struct Ladder {
    /// The rank of the best level; meaningless while there is none.
    pub(crate) best_rank: u64,
    /// The best level.
    pub(crate) best: u32,
    /// The page at the top.
    pub(crate) top: u32,
    /// How many levels.
    pub(crate) depth: u32,
    /// The floor of the page at the top. It rises with the span of the keys, and falls when the ladder is empty.
    pub(crate) floor: u32,
    /// 0 where a low key is the better, -1 (all bits) where a high one is.
    pub(crate) turn: i64,
}

const _: () = assert!(size_of::<Ladder>() == 32);

impl Ladder {
    pub(crate) fn new(turn: i64) -> Self {
        Self { best_rank: 0, best: NONE, top: NONE, depth: 0, floor: 0, turn }
    }

    #[inline]
    pub(crate) fn rank(&self, key: i64) -> u64 {
        ((key ^ self.turn) + BIAS).cast_unsigned()
    }

    #[inline]
    pub(crate) fn key(&self, rank: u64) -> i64 {
        (rank.cast_signed() - BIAS) ^ self.turn
    }

    /// Whether the tree is high enough for this rank; it is not empty.
    #[inline]
    fn covers(&self, rank: u64) -> bool {
        (rank ^ self.best_rank) >> (DIGIT * (self.floor + 1)) == 0
    }
}

/// Sixty-four neighbours of one floor.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Which of them are there. A page in use has one at least.
    pub(crate) mask: u64,
    /// The page above, or `NONE` at the top; the next free page while this one is free.
    pub(crate) above: u32,
    /// Levels on the ground floor, else pages; `NONE` where there is none.
    pub(crate) below: [u32; 64],
}

const _: () = assert!(size_of::<Page>() == 272);

impl Page {
    const EMPTY: Self = Self { mask: 0, above: NONE, below: [NONE; 64] };

    #[inline]
    fn lowest(&self) -> u32 {
        self.below[(self.mask.trailing_zeros() & 63) as usize]
    }

    #[inline]
    fn set(&mut self, digit: usize, to: u32) {
        self.mask |= 1 << digit;
        self.below[digit] = to;
    }
}

/// The digit of a rank that indexes a page of this floor.
#[inline]
pub(crate) fn digit(rank: u64, floor: u32) -> usize {
    ((rank >> (DIGIT * floor)) & 63) as usize
}

/// The pages of all ladders.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) pool: Vec<Page>,
    /// The page freed last.
    pub(crate) free: u32,
}

/// Where a rank was found or would belong.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// This level is there.
    Level(u32),
    /// Nothing below this page of this floor.
    Nothing { page: u32, floor: u32 },
    /// Outside of what the tree covers.
    Outside,
}

impl Pages {
    pub(crate) fn new(room: u32) -> Self {
        Self { pool: in_large_pages(Vec::with_capacity(room as usize)), free: NONE }
    }

    #[inline]
    fn take(&mut self, above: u32) -> u32 {
        let at = self.free;
        if at == NONE {
            return self.push(above);
        }
        let page = &mut self.pool[at as usize];
        self.free = page.above;
        page.above = above;
        at
    }

    #[cold]
    fn push(&mut self, above: u32) -> u32 {
        let at = u32::try_from(self.pool.len()).expect("2^32 pages would need a terabyte");
        self.pool.push(Page { above, ..Page::EMPTY });
        at
    }

    #[inline]
    fn give(&mut self, at: u32) {
        self.pool[at as usize].above = self.free;
        self.free = at;
    }

    #[inline]
    fn page(&mut self, at: u32) -> &mut Page {
        &mut self.pool[at as usize]
    }

    /// Looks for a rank on a ladder.
    #[inline]
    pub(crate) fn find(&self, ladder: &Ladder, rank: u64) -> Place {
        if ladder.best == NONE || !ladder.covers(rank) {
            return Place::Outside;
        }
        let (mut page, mut floor) = (ladder.top, ladder.floor);
        loop {
            let below = self.pool[page as usize].below[digit(rank, floor)];
            if below == NONE {
                return Place::Nothing { page, floor };
            }
            if floor == 0 {
                return Place::Level(below);
            }
            page = below;
            floor -= 1;
        }
    }

    /// Puts a level at a place where [`Pages::find`] found none; returns the page that now points to it.
    #[inline]
    pub(crate) fn insert(&mut self, ladder: &mut Ladder, rank: u64, place: Place, level: u32) -> u32 {
        let (mut page, mut floor) = match place {
            Place::Nothing { page, floor } => (page, floor),
            _ => self.raise(ladder, rank),
        };
        while floor > 0 {
            let below = self.take(page);
            self.page(page).set(digit(rank, floor), below);
            page = below;
            floor -= 1;
        }
        self.page(page).set(digit(rank, 0), level);
        ladder.depth += 1;
        if ladder.best == NONE || rank < ladder.best_rank {
            ladder.best = level;
            ladder.best_rank = rank;
        }
        page
    }

    /// Makes the tree high enough for a rank; returns its top.
    #[cold]
    fn raise(&mut self, ladder: &mut Ladder, rank: u64) -> (u32, u32) {
        if ladder.best == NONE {
            ladder.top = self.take(NONE);
            ladder.floor = 0;
            return (ladder.top, 0);
        }
        while !ladder.covers(rank) {
            let top = self.take(NONE);
            ladder.floor += 1;
            self.page(top).set(digit(ladder.best_rank, ladder.floor), ladder.top);
            self.page(ladder.top).above = top;
            ladder.top = top;
        }
        (ladder.top, ladder.floor)
    }

    /// Takes a level out, with the pages that it leaves empty, and finds the new best if it was the best. `page` points to it.
    #[inline]
    pub(crate) fn remove(&mut self, ladder: &mut Ladder, rank: u64, mut page: u32) {
        let mut floor = 0;
        loop {
            let here = self.page(page);
            let digit = digit(rank, floor);
            here.mask &= !(1 << digit);
            here.below[digit] = NONE;
            if here.mask != 0 {
                break;
            }
            let above = here.above;
            self.give(page);
            if above == NONE {
                *ladder = Ladder::new(ladder.turn);
                return;
            }
            page = above;
            floor += 1;
        }
        ladder.depth -= 1;
        if rank == ladder.best_rank {
            // All that was below or beside it on the way up was worse, and so is the rest of this page.
            let mut next = rank;
            let mut at = page;
            let mut on = floor;
            loop {
                let here = &self.pool[at as usize];
                let shift = DIGIT * on;
                next = next & !(63 << shift) | u64::from(here.mask.trailing_zeros()) << shift;
                at = here.lowest();
                if on == 0 {
                    break;
                }
                on -= 1;
            }
            ladder.best = at;
            ladder.best_rank = next;
        }
    }

    /// The level that comes after the one of this rank, to which `page` points.
    #[inline]
    pub(crate) fn after(&self, rank: u64, mut page: u32) -> u32 {
        let mut floor = 0;
        loop {
            let here = &self.pool[page as usize];
            let later = here.mask & (u64::MAX - 1) << digit(rank, floor);
            if later != 0 {
                let mut at = here.below[later.trailing_zeros() as usize];
                for _ in 0..floor {
                    at = self.pool[at as usize].lowest();
                }
                return at;
            }
            if here.above == NONE {
                return NONE;
            }
            page = here.above;
            floor += 1;
        }
    }
}
