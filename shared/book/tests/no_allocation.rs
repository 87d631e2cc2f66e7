//! Within the room made in advance nothing is allocated: a counting allocator watches a busy day.

#![allow(unsafe_code)]

use book::{Direction, LadderId, Room, Shelf, Slot};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wire::Qty;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on unchanged to the system's allocator, which keeps the contract; the counter is a plain
// thread-local cell without a destructor, so counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, and so from the system's allocator with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as for `dealloc`; the caller keeps `realloc`'s contract, which is the system's.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ORDERS: u32 = 500;

/// Orders come at scattered keys, are shown, filled, moved and taken away; the oldest makes room for the newest.
fn day(shelf: &mut Shelf<u64>, living: &mut [Slot], ladders: u32) {
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for n in 0..100_000u64 {
        let place = &mut living[(n % u64::from(ORDERS)) as usize];
        if *place != Slot::NONE {
            if shelf.is_on_ladder(*place) {
                shelf.leave(*place);
            }
            shelf.free(*place);
        }
        let slot = shelf.insert(n, Qty(10 + random(90)), Qty(1 + random(10)), 0);
        shelf.join(slot, LadderId(random(u64::from(ladders)) as u32), 1 + random(70_000).cast_signed());
        *place = slot;
        let other = living[random(u64::from(ORDERS)) as usize];
        if other == Slot::NONE || !shelf.is_on_ladder(other) {
            continue;
        }
        match random(4) {
            0 => _ = shelf.fill(other, Qty(1 + random(shelf.leaves(other).0))),
            1 => shelf.replenish(other, Qty(1)),
            2 => shelf.show(other, shelf.leaves(other)),
            _ => shelf.leave(other),
        }
        let seen: u32 =
            (0..ladders).flat_map(|id| shelf.levels(LadderId(id)).take(3)).map(book::Level::orders).sum();
        assert!(seen > 0);
    }
}

fn open(room: Room) -> Shelf<u64> {
    let mut shelf = Shelf::new(room);
    for _ in 0..2 {
        shelf.open(Direction::Rising);
        shelf.open(Direction::Falling);
    }
    shelf
}

#[test]
fn a_day_within_the_room_made_in_advance_allocates_nothing() {
    let mut shelf = open(Room { orders: ORDERS, levels: ORDERS, pages: 4 * ORDERS });
    let mut living = vec![Slot::NONE; ORDERS as usize];
    let before = ALLOCATIONS.get();
    day(&mut shelf, &mut living, 4);
    assert_eq!(ALLOCATIONS.get() - before, 0);
    shelf.audit().expect("in order");
}

#[test]
fn more_levels_and_pages_than_ever_before_double_their_slabs_and_a_second_day_finds_room() {
    let mut shelf = open(Room { orders: ORDERS, levels: 0, pages: 0 });
    let mut living = vec![Slot::NONE; ORDERS as usize];
    let before = ALLOCATIONS.get();
    day(&mut shelf, &mut living, 4);
    let grown = ALLOCATIONS.get() - before;
    assert!((2..=24).contains(&grown), "seen by the counter, and by doubling: {grown}");
    day(&mut shelf, &mut living, 4);
    assert_eq!(ALLOCATIONS.get() - before, grown);
}
