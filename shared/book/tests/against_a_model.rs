//! The shelf against a naive model, over all operations in any order, audited after each.

use book::{Direction, KEY_LIMIT, LadderId, Room, Shelf, Slot};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use wire::Qty;

const ROOM: Room = Room { orders: 24, levels: 2, pages: 1 };
const LADDERS: [Direction; 3] = [Direction::Rising, Direction::Falling, Direction::Rising];

#[derive(Clone, Debug)]
enum Call {
    Insert { leaves: u64, shown: u64 },
    Free { pick: usize },
    Join { pick: usize, ladder: u32, key: i64 },
    Leave { pick: usize },
    Fill { pick: usize, qty: u64 },
    FillBest { ladder: u32, qty: u64 },
    Reduce { pick: usize, by: u64 },
    Show { pick: usize, shown: u64 },
    Replenish { pick: usize, shown: u64 },
}

fn key() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -3i64..4,
        4 => 90i64..110,
        2 => 33_500i64..33_600,
        2 => 1i64..70_000,
        1 => -KEY_LIMIT..KEY_LIMIT,
        1 => prop_oneof![Just(-KEY_LIMIT), Just(KEY_LIMIT - 1)],
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let pick = 0..24usize;
    let ladder = 0..3u32;
    let qty = 1..40u64;
    prop_oneof![
        4 => (1..30u64, 1..30u64).prop_map(|(a, b)| Call::Insert { leaves: a.max(b), shown: a.min(b) }),
        1 => pick.clone().prop_map(|pick| Call::Free { pick }),
        5 => (pick.clone(), ladder.clone(), key()).prop_map(|(pick, ladder, key)| Call::Join { pick, ladder, key }),
        1 => pick.clone().prop_map(|pick| Call::Leave { pick }),
        2 => (pick.clone(), qty.clone()).prop_map(|(pick, qty)| Call::Fill { pick, qty }),
        2 => (ladder, qty.clone()).prop_map(|(ladder, qty)| Call::FillBest { ladder, qty }),
        1 => (pick.clone(), qty.clone()).prop_map(|(pick, by)| Call::Reduce { pick, by }),
        1 => (pick.clone(), 0..40u64).prop_map(|(pick, shown)| Call::Show { pick, shown }),
        1 => (pick, 0..40u64).prop_map(|(pick, shown)| Call::Replenish { pick, shown }),
    ]
}

#[derive(Clone, Debug)]
struct Order {
    name: u64,
    leaves: u64,
    shown: u64,
    place: Option<(u32, i64)>,
}

/// What the shelf should hold, said as plainly as possible.
#[derive(Default)]
struct Model {
    orders: BTreeMap<Slot, Order>,
    ladders: [BTreeMap<i64, VecDeque<Slot>>; 3],
    vacant: Vec<Slot>,
    named: u64,
}

impl Model {
    fn pick(&self, pick: usize, wanted: impl Fn(&Order) -> bool) -> Option<Slot> {
        let fitting: Vec<Slot> =
            self.orders.iter().filter(|(_, o)| wanted(o)).map(|(&slot, _)| slot).collect();
        (!fitting.is_empty()).then(|| fitting[pick % fitting.len()])
    }

    fn best(&self, ladder: u32) -> Option<i64> {
        let levels = &self.ladders[ladder as usize];
        match LADDERS[ladder as usize] {
            Direction::Rising => levels.keys().next().copied(),
            Direction::Falling => levels.keys().next_back().copied(),
        }
    }

    fn leave(&mut self, slot: Slot) {
        let order = self.orders.get_mut(&slot).expect("lives");
        let (ladder, key) = order.place.take().expect("stands on a ladder");
        let queue = self.ladders[ladder as usize].get_mut(&key).expect("has a level");
        queue.retain(|&other| other != slot);
        if queue.is_empty() {
            self.ladders[ladder as usize].remove(&key);
        }
    }

    fn fill(&mut self, slot: Slot, qty: u64) -> u64 {
        let order = self.orders.get_mut(&slot).expect("lives");
        order.leaves -= qty;
        order.shown = order.shown.saturating_sub(qty);
        let left = order.leaves;
        if left == 0 && order.place.is_some() {
            self.leave(slot);
        }
        left
    }

    fn open(&self, slot: Slot) -> u64 {
        self.orders[&slot].leaves
    }
}

fn apply(shelf: &mut Shelf<u64>, model: &mut Model, call: &Call) {
    let any = |_: &Order| true;
    let off = |o: &Order| o.place.is_none();
    let on = |o: &Order| o.place.is_some();
    match *call {
        Call::Insert { leaves, shown } => {
            assert_eq!(shelf.is_full(), model.orders.len() == ROOM.orders as usize);
            if shelf.is_full() {
                return;
            }
            model.named += 1;
            let tag = u32::try_from(model.named).expect("few");
            let slot = shelf.insert(model.named, Qty(leaves), Qty(shown), tag);
            if let Some(vacant) = model.vacant.pop() {
                assert_eq!(slot, vacant, "the place vacated last is the next one taken");
            } else {
                assert_eq!(slot.index(), model.orders.len());
            }
            model.orders.insert(slot, Order { name: model.named, leaves, shown, place: None });
        }
        Call::Free { pick } => {
            let Some(slot) = model.pick(pick, off) else { return };
            let order = model.orders.remove(&slot).expect("picked");
            assert_eq!(shelf.free(slot), order.name);
            model.vacant.push(slot);
        }
        Call::Join { pick, ladder, key } => {
            let Some(slot) = model.pick(pick, |o| off(o) && o.leaves > 0) else { return };
            shelf.join(slot, LadderId(ladder), key);
            model.ladders[ladder as usize].entry(key).or_default().push_back(slot);
            model.orders.get_mut(&slot).expect("picked").place = Some((ladder, key));
        }
        Call::Leave { pick } => {
            let Some(slot) = model.pick(pick, on) else { return };
            shelf.leave(slot);
            model.leave(slot);
        }
        Call::Fill { pick, qty } => {
            let Some(slot) = model.pick(pick, any) else { return };
            let qty = qty.min(model.open(slot));
            assert_eq!(shelf.fill(slot, Qty(qty)), Qty(model.fill(slot, qty)));
        }
        Call::FillBest { ladder, qty } => {
            let Some(best) = shelf.best(LadderId(ladder)) else { return };
            let slot = best.first();
            let qty = qty.min(model.open(slot));
            assert_eq!(shelf.fill(slot, Qty(qty)), Qty(model.fill(slot, qty)));
        }
        Call::Reduce { pick, by } => {
            let Some(slot) = model.pick(pick, |o| o.leaves > by) else { return };
            shelf.reduce(slot, Qty(by));
            let order = model.orders.get_mut(&slot).expect("picked");
            order.leaves -= by;
            order.shown = order.shown.min(order.leaves);
        }
        Call::Show { pick, shown } => {
            let Some(slot) = model.pick(pick, any) else { return };
            let order = model.orders.get_mut(&slot).expect("picked");
            order.shown = shown.min(order.leaves);
            shelf.show(slot, Qty(order.shown));
        }
        Call::Replenish { pick, shown } => {
            let Some(slot) = model.pick(pick, any) else { return };
            let order = model.orders.get_mut(&slot).expect("picked");
            order.shown = shown.min(order.leaves);
            shelf.replenish(slot, Qty(order.shown));
            if let Some((ladder, key)) = order.place {
                let queue = model.ladders[ladder as usize].get_mut(&key).expect("has a level");
                queue.retain(|&other| other != slot);
                queue.push_back(slot);
            }
        }
    }
}

fn compare(shelf: &Shelf<u64>, model: &Model) {
    shelf.audit().expect("in order");
    assert_eq!(shelf.len(), model.orders.len());
    assert_eq!(shelf.is_empty(), model.orders.is_empty());
    let living: Vec<(Slot, u64)> = shelf.slots().map(|(slot, &name)| (slot, name)).collect();
    assert_eq!(living, model.orders.iter().map(|(&slot, o)| (slot, o.name)).collect::<Vec<_>>());
    for (&slot, order) in &model.orders {
        assert_eq!((shelf.leaves(slot), shelf.shown(slot)), (Qty(order.leaves), Qty(order.shown)));
        assert_eq!((*shelf.order(slot), u64::from(shelf.tag(slot))), (order.name, order.name));
        assert_eq!(shelf.is_on_ladder(slot), order.place.is_some());
        if let Some((_, key)) = order.place {
            assert_eq!(shelf.key(slot), key);
        }
    }
    for ladder in 0..3u32 {
        let id = LadderId(ladder);
        let expected = &model.ladders[ladder as usize];
        assert_eq!(shelf.best_key(id), model.best(ladder));
        assert_eq!(shelf.best(id).map(book::Level::key), model.best(ladder));
        assert_eq!(shelf.depth(id), expected.len());
        let mut keys: Vec<i64> = expected.keys().copied().collect();
        if LADDERS[ladder as usize] == Direction::Falling {
            keys.reverse();
        }
        assert_eq!(shelf.levels(id).map(book::Level::key).collect::<Vec<_>>(), keys);
        for (&key, queue) in expected {
            let level = shelf.level_at(id, key).expect("the model has it");
            assert_eq!(shelf.queue(level).collect::<VecDeque<_>>(), *queue);
            let sum = |of: fn(&Order) -> u64| Qty(queue.iter().map(|slot| of(&model.orders[slot])).sum());
            assert_eq!(level.total(), sum(|o| o.leaves));
            assert_eq!(level.shown(), sum(|o| o.shown));
            assert_eq!(level.hidden(), sum(|o| o.leaves - o.shown));
            assert_eq!(level.orders() as usize, queue.len());
            assert_eq!((Some(&level.first()), Some(&level.last())), (queue.front(), queue.back()));
            assert!(shelf.level_at(id, key + 1).is_none() || expected.contains_key(&(key + 1)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_does_to_the_shelf_what_it_does_to_the_model(calls in prop::collection::vec(call(), 1..200)) {
        let mut shelf = Shelf::new(ROOM);
        for direction in LADDERS {
            shelf.open(direction);
        }
        let mut model = Model::default();
        for call in &calls {
            apply(&mut shelf, &mut model, call);
            compare(&shelf, &model);
        }
        compare(&shelf.clone(), &model);
    }
}
