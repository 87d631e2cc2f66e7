//! What the shelf promises, one promise at a time.

use book::{Direction, KEY_LIMIT, LadderId, Level, Room, Shelf, Slot};
use wire::Qty;

const ROOM: Room = Room { orders: 16, levels: 16, pages: 16 };

/// A shelf with one ladder.
fn shelf(direction: Direction) -> (Shelf<&'static str>, LadderId) {
    let mut shelf = Shelf::new(ROOM);
    let ladder = shelf.open(direction);
    (shelf, ladder)
}

fn rest(
    shelf: &mut Shelf<&'static str>,
    ladder: LadderId,
    name: &'static str,
    leaves: u64,
    key: i64,
) -> Slot {
    let slot = shelf.insert(name, Qty(leaves), Qty(leaves), 7);
    shelf.join(slot, ladder, key);
    slot
}

fn names(shelf: &Shelf<&'static str>, ladder: LadderId, key: i64) -> Vec<&'static str> {
    let level = shelf.level_at(ladder, key).expect("a level");
    shelf.queue(level).map(|slot| *shelf.order(slot)).collect()
}

#[test]
fn a_rising_ladder_has_its_lowest_key_first_and_a_falling_one_its_highest() {
    for (direction, expected) in
        [(Direction::Rising, [-5, 0, 99, 101]), (Direction::Falling, [101, 99, 0, -5])]
    {
        let (mut shelf, ladder) = shelf(direction);
        for key in [99, -5, 101, 0] {
            rest(&mut shelf, ladder, "", 1, key);
        }
        assert_eq!(shelf.levels(ladder).map(Level::key).collect::<Vec<_>>(), expected);
        assert_eq!(shelf.best_key(ladder), Some(expected[0]));
        assert_eq!(shelf.depth(ladder), 4);
        shelf.audit().expect("in order");
    }
}

#[test]
fn orders_of_one_key_stand_in_the_order_of_their_arrival() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let [a, b, c] = ["a", "b", "c"].map(|name| rest(&mut shelf, ladder, name, 10, 100));
    assert_eq!(names(&shelf, ladder, 100), ["a", "b", "c"]);
    assert_eq!((shelf.next(a), shelf.next(b), shelf.next(c)), (b, c, Slot::NONE));
    shelf.leave(b);
    shelf.join(b, ladder, 100);
    assert_eq!(names(&shelf, ladder, 100), ["a", "c", "b"]);
}

#[test]
fn ladders_know_nothing_of_each_other() {
    let (mut shelf, bids) = shelf(Direction::Falling);
    let asks = shelf.open(Direction::Rising);
    rest(&mut shelf, bids, "bid", 10, 100);
    rest(&mut shelf, asks, "ask", 20, 100);
    assert_eq!(shelf.best(bids).expect("a bid").total(), Qty(10));
    assert_eq!(shelf.best(asks).expect("an ask").total(), Qty(20));
    assert!(shelf.level_at(asks, 101).is_none());
}

#[test]
fn an_order_may_wait_in_the_slab_on_no_ladder() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let slot = shelf.insert("a", Qty(10), Qty(10), 3);
    assert!(!shelf.is_on_ladder(slot));
    assert_eq!((shelf.best_key(ladder), shelf.len(), shelf.tag(slot)), (None, 1, 3));
    assert_eq!(shelf.fill(slot, Qty(4)), Qty(6));
    shelf.join(slot, ladder, 5);
    assert_eq!((shelf.key(slot), shelf.best(ladder).expect("its level").total()), (5, Qty(6)));
}

#[test]
fn a_filled_order_leaves_its_ladder_and_stays_in_the_slab() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let slot = rest(&mut shelf, ladder, "a", 10, 100);
    assert_eq!(shelf.fill(slot, Qty(10)), Qty(0));
    assert!(!shelf.is_on_ladder(slot));
    assert_eq!((shelf.best_key(ladder), shelf.depth(ladder), shelf.len()), (None, 0, 1));
    assert_eq!((shelf.free(slot), shelf.len()), ("a", 0));
}

#[test]
fn an_order_in_the_middle_of_a_level_can_be_filled() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let [_, b, _] = ["a", "b", "c"].map(|name| rest(&mut shelf, ladder, name, 10, 100));
    shelf.fill(b, Qty(10));
    assert_eq!(names(&shelf, ladder, 100), ["a", "c"]);
    assert_eq!(shelf.best(ladder).expect("two orders").total(), Qty(20));
    shelf.audit().expect("in order");
}

#[test]
fn a_fill_takes_what_shows_first_and_an_iceberg_may_show_nothing() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let iceberg = shelf.insert("iceberg", Qty(100), Qty(10), 0);
    shelf.join(iceberg, ladder, 100);
    rest(&mut shelf, ladder, "behind", 5, 100);
    assert_eq!(shelf.fill(iceberg, Qty(10)), Qty(90));
    let level = shelf.best(ladder).expect("both");
    assert_eq!((shelf.shown(iceberg), level.shown(), level.hidden()), (Qty(0), Qty(5), Qty(90)));
    shelf.replenish(iceberg, Qty(10));
    assert_eq!(names(&shelf, ladder, 100), ["behind", "iceberg"]);
    let level = shelf.best(ladder).expect("both");
    assert_eq!((level.shown(), level.hidden(), level.total()), (Qty(15), Qty(80), Qty(95)));
    shelf.audit().expect("in order");
}

#[test]
fn a_fill_beyond_what_shows_comes_out_of_the_hidden_part() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let iceberg = shelf.insert("iceberg", Qty(100), Qty(10), 0);
    shelf.join(iceberg, ladder, 100);
    assert_eq!(shelf.fill(iceberg, Qty(30)), Qty(70));
    assert_eq!((shelf.shown(iceberg), shelf.best(ladder).expect("it").hidden()), (Qty(0), Qty(70)));
}

#[test]
fn a_reduction_keeps_the_place_and_takes_from_the_hidden_part_first() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let first = shelf.insert("first", Qty(30), Qty(10), 0);
    shelf.join(first, ladder, 100);
    rest(&mut shelf, ladder, "second", 10, 100);
    shelf.reduce(first, Qty(15));
    assert_eq!((shelf.leaves(first), shelf.shown(first)), (Qty(15), Qty(10)));
    shelf.reduce(first, Qty(12));
    assert_eq!((shelf.leaves(first), shelf.shown(first)), (Qty(3), Qty(3)));
    assert_eq!(names(&shelf, ladder, 100), ["first", "second"]);
    assert_eq!(shelf.best(ladder).expect("both").total(), Qty(13));
}

#[test]
fn the_place_freed_last_is_the_next_one_taken() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let [a, b, c] = ["a", "b", "c"].map(|name| rest(&mut shelf, ladder, name, 1, 1));
    for slot in [a, c] {
        shelf.leave(slot);
        shelf.free(slot);
    }
    assert_eq!(shelf.slots().map(|(slot, name)| (slot, *name)).collect::<Vec<_>>(), [(b, "b")]);
    let taken = ["d", "e", "f"].map(|name| shelf.insert(name, Qty(1), Qty(1), 0));
    assert_eq!(taken[..2], [c, a]);
    assert_eq!(taken[2].index(), 3);
}

#[test]
fn a_level_at_either_limit_is_found_and_one_beyond_is_not() {
    let (mut shelf, ladder) = shelf(Direction::Falling);
    for key in [-KEY_LIMIT, KEY_LIMIT - 1, 0] {
        rest(&mut shelf, ladder, "", 1, key);
    }
    assert_eq!(shelf.levels(ladder).map(Level::key).collect::<Vec<_>>(), [KEY_LIMIT - 1, 0, -KEY_LIMIT]);
    assert!(shelf.level_at(ladder, KEY_LIMIT).is_none());
    assert!(shelf.level_at(ladder, i64::MIN).is_none());
    shelf.audit().expect("in order");
}

#[test]
fn the_best_is_found_again_across_far_gaps() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let keys = [33_504, 33_567, 33_568, 40_000, 262_144, 5_000_000];
    let slots = keys.map(|key| rest(&mut shelf, ladder, "", 1, key));
    for (at, slot) in slots.into_iter().enumerate() {
        assert_eq!(shelf.best_key(ladder), Some(keys[at]));
        shelf.leave(slot);
        shelf.audit().expect("in order");
    }
    assert_eq!(shelf.best_key(ladder), None);
}

#[test]
#[should_panic(expected = "no room for another order")]
fn a_full_shelf_takes_no_order() {
    let mut shelf = Shelf::new(Room { orders: 1, levels: 1, pages: 1 });
    shelf.insert((), Qty(1), Qty(1), 0);
    assert!(shelf.is_full());
    shelf.insert((), Qty(1), Qty(1), 0);
}

#[test]
#[should_panic(expected = "freed once, and on no ladder")]
fn an_order_on_a_ladder_cannot_be_freed() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let slot = rest(&mut shelf, ladder, "a", 1, 1);
    shelf.free(slot);
}

#[test]
#[should_panic(expected = "freed once, and on no ladder")]
fn an_order_cannot_be_freed_twice() {
    let (mut shelf, _) = shelf(Direction::Rising);
    let slot = shelf.insert("a", Qty(1), Qty(1), 0);
    shelf.free(slot);
    shelf.free(slot);
}

#[test]
#[should_panic(expected = "no more than it has open")]
fn an_order_cannot_be_filled_beyond_what_it_has_open() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    let slot = rest(&mut shelf, ladder, "a", 1, 1);
    shelf.fill(slot, Qty(2));
}

#[test]
#[should_panic(expected = "a key within the limits")]
fn a_key_beyond_the_limits_is_refused() {
    let (mut shelf, ladder) = shelf(Direction::Rising);
    rest(&mut shelf, ladder, "a", 1, KEY_LIMIT);
}

#[test]
fn one_whole_history_makes_one_shelf_whatever_its_room_was() {
    let story = |room: Room| {
        let mut shelf = Shelf::new(room);
        let ladder = shelf.open(Direction::Rising);
        let slots: Vec<Slot> = (0..8).map(|n| rest(&mut shelf, ladder, "", 5, n * 1000)).collect();
        for slot in slots.iter().step_by(3) {
            shelf.leave(*slot);
            shelf.free(*slot);
        }
        let again: Vec<Slot> = (0..3).map(|n| rest(&mut shelf, ladder, "", 5, n)).collect();
        let keys: Vec<i64> = shelf.levels(ladder).map(Level::key).collect();
        (again, keys)
    };
    assert_eq!(story(ROOM), story(Room { orders: 8, levels: 0, pages: 0 }));
}
