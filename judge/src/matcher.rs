//! Price and time, nothing else: what the judge asks of an exchange, on one instrument of a shelf.

#![forbid(unsafe_code)]

use crate::forms::{BUY, Cancel, Kind, Modify, NewOrder, Report};
use book::{Direction, LadderId, Room, Shelf, Slot};
use wire::Qty;

const BIDS: LadderId = LadderId(0);
const ASKS: LadderId = LadderId(1);

/// Room made in advance. Orders are the bound; client ids beyond theirs make the table of ids grow.
const ROOM: Room = Room { orders: 1 << 20, levels: 1 << 14, pages: 1 << 12 };
const IDS: usize = 1 << 21;

/// Where reports go.
pub(crate) trait Tell {
    /// Hands a report on.
    fn tell(&mut self, report: Report);
}

/// The book of one instrument, and where each client's order stands in it.
pub(crate) struct Matcher {
    /// With each order stands its client id, and its tag is its side.
    shelf: Shelf<u64>,
    /// The place of each order by its client id.
    places: Vec<Slot>,
}

impl Matcher {
    pub(crate) fn new() -> Self {
        let mut shelf = Shelf::new(ROOM);
        assert_eq!((shelf.open(Direction::Falling), shelf.open(Direction::Rising)), (BIDS, ASKS));
        Self { shelf, places: vec![Slot::NONE; IDS] }
    }

    #[inline(always)]
    fn ladder(side: u8) -> LadderId {
        if side == BUY { BIDS } else { ASKS }
    }

    #[inline(always)]
    fn place(&self, order: u64) -> Slot {
        usize::try_from(order).ok().and_then(|at| self.places.get(at)).copied().unwrap_or(Slot::NONE)
    }

    #[inline(always)]
    fn set_place(&mut self, order: u64, slot: Slot) {
        let at = usize::try_from(order).expect("a 64-bit machine");
        match self.places.get_mut(at) {
            Some(place) => *place = slot,
            None => self.grow(at, slot),
        }
    }

    #[cold]
    fn grow(&mut self, at: usize, slot: Slot) {
        self.places.resize((at + 1).next_power_of_two(), Slot::NONE);
        self.places[at] = slot;
    }

    #[inline(always)]
    pub(crate) fn new_order(&mut self, new: &NewOrder, tell: &mut impl Tell) {
        let NewOrder { order, sequence, price, quantity, side, .. } = *new;
        tell.tell(Report::of(Kind::OrderAck, sequence, order, side, price, quantity));
        let left = self.take(order, sequence, price, quantity, side, tell);
        if left == 0 {
            return;
        }
        if new.immediate_or_cancel == 0 {
            self.rest(order, price, left, side);
        } else {
            tell.tell(Report::of(Kind::CancelAck, sequence, order, side, price, left));
        }
    }

    #[inline(always)]
    pub(crate) fn cancel(&mut self, cancel: &Cancel, tell: &mut impl Tell) {
        let Cancel { order, sequence } = *cancel;
        let slot = self.place(order);
        if slot == Slot::NONE {
            return tell.tell(Report::of(Kind::CancelReject, sequence, order, 0, 0, 0));
        }
        let side = (self.shelf.tag(slot) & 1) as u8;
        let price = self.shelf.key(slot);
        self.withdraw(order, slot);
        tell.tell(Report::of(Kind::CancelAck, sequence, order, side, price, 0));
    }

    #[inline(always)]
    pub(crate) fn modify(&mut self, modify: &Modify, tell: &mut impl Tell) {
        let Modify { order, sequence, price, quantity, side, .. } = *modify;
        let slot = self.place(order);
        if slot == Slot::NONE {
            return tell.tell(Report::of(Kind::ModifyReject, sequence, order, 0, 0, 0));
        }
        self.withdraw(order, slot);
        tell.tell(Report::of(Kind::ModifyAck, sequence, order, side, price, quantity));
        let left = self.take(order, sequence, price, quantity, side, tell);
        if left > 0 {
            self.rest(order, price, left, side);
        }
    }

    /// Matches with what rests on the other side, at `price` or better; returns what is left.
    #[inline(always)]
    fn take(
        &mut self,
        order: u64,
        sequence: u64,
        price: i64,
        quantity: u32,
        side: u8,
        tell: &mut impl Tell,
    ) -> u32 {
        let against = if side == BUY { ASKS } else { BIDS };
        let mut left = quantity;
        while left > 0 {
            let Some(best) = self.shelf.best_key(against) else { break };
            if if side == BUY { best > price } else { best < price } {
                break;
            }
            let maker = self.shelf.best(against).expect("it has a best key").first();
            let id = *self.shelf.order(maker);
            let open = self.shelf.leaves(maker);
            let qty = open.min(Qty(u64::from(left)));
            if self.shelf.fill(maker, qty) == Qty(0) {
                self.set_place(id, Slot::NONE);
                self.shelf.free(maker);
            }
            let traded = u32::try_from(qty.0).expect("no more than the 32 bits left");
            left -= traded;
            tell.tell(Report::trade(sequence, best, traded, id, order));
        }
        left
    }

    #[inline(always)]
    fn rest(&mut self, order: u64, price: i64, left: u32, side: u8) {
        let left = Qty(u64::from(left));
        let slot = self.shelf.insert(order, left, left, u32::from(side));
        self.shelf.join(slot, Self::ladder(side), price);
        self.set_place(order, slot);
    }

    #[inline(always)]
    fn withdraw(&mut self, order: u64, slot: Slot) {
        self.shelf.leave(slot);
        self.shelf.free(slot);
        self.set_place(order, Slot::NONE);
    }

    pub(crate) fn best_bid(&self) -> Option<i64> {
        self.shelf.best_key(BIDS)
    }

    pub(crate) fn best_ask(&self) -> Option<i64> {
        self.shelf.best_key(ASKS)
    }

    /// What rests at a price.
    pub(crate) fn depth(&self, price: i64, side: u8) -> u64 {
        self.shelf.level_at(Self::ladder(side), price).map_or(0, |level| level.total().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Tell for Vec<(Kind, u64, i64, u32)> {
        fn tell(&mut self, report: Report) {
            let order = if report.kind == Kind::Trade { report.maker } else { report.order };
            self.push((report.kind, order, report.price, report.quantity));
        }
    }

    fn new(order: u64, side: u8, quantity: u32, price: i64, immediate_or_cancel: u8) -> NewOrder {
        NewOrder { order, sequence: order, price, quantity, side, immediate_or_cancel, reserved: [0; 2] }
    }

    const SELL: u8 = 1;

    #[test]
    fn the_best_price_and_then_the_oldest_order_trade_first_at_the_makers_price() {
        let (mut matcher, mut told) = (Matcher::new(), Vec::new());
        for (order, price) in [(1, 102), (2, 101), (3, 101)] {
            matcher.new_order(&new(order, SELL, 10, price, 0), &mut told);
        }
        told.clear();
        matcher.new_order(&new(4, BUY, 25, 101, 0), &mut told);
        let expected = [(Kind::OrderAck, 4, 101, 25), (Kind::Trade, 2, 101, 10), (Kind::Trade, 3, 101, 10)];
        assert_eq!(told, expected);
        assert_eq!(
            (matcher.best_bid(), matcher.best_ask(), matcher.depth(101, BUY)),
            (Some(101), Some(102), 5)
        );
    }

    #[test]
    fn what_an_immediate_order_does_not_get_is_cancelled_and_what_is_gone_is_refused() {
        let (mut matcher, mut told) = (Matcher::new(), Vec::new());
        matcher.new_order(&new(1, BUY, 10, 100, 0), &mut told);
        matcher.new_order(&new(2, SELL, 15, 100, 1), &mut told);
        matcher.cancel(&Cancel { order: 1, sequence: 3 }, &mut told);
        let modify = Modify { order: 7, sequence: 4, price: 1, quantity: 1, side: BUY, reserved: [0; 3] };
        matcher.modify(&modify, &mut told);
        assert_eq!(
            told[3..],
            [(Kind::CancelAck, 2, 100, 5), (Kind::CancelReject, 1, 0, 0), (Kind::ModifyReject, 7, 0, 0),]
        );
        assert_eq!((matcher.best_bid(), matcher.best_ask()), (None, None));
    }

    #[test]
    fn a_modified_order_goes_to_the_back_and_may_trade_at_once() {
        let (mut matcher, mut told) = (Matcher::new(), Vec::new());
        matcher.new_order(&new(1, BUY, 10, 100, 0), &mut told);
        matcher.new_order(&new(2, BUY, 10, 100, 0), &mut told);
        matcher.new_order(&new(3, SELL, 10, 105, 0), &mut told);
        told.clear();
        let modify =
            |order, price, side| Modify { order, sequence: 9, price, quantity: 11, side, reserved: [0; 3] };
        matcher.modify(&modify(1, 100, BUY), &mut told);
        matcher.modify(&modify(3, 99, SELL), &mut told);
        let expected = [
            (Kind::ModifyAck, 1, 100, 11),
            (Kind::ModifyAck, 3, 99, 11),
            (Kind::Trade, 2, 100, 10),
            (Kind::Trade, 1, 100, 1),
        ];
        assert_eq!(told, expected);
        assert_eq!((matcher.depth(100, BUY), matcher.best_ask()), (10, None));
    }

    #[test]
    fn a_client_id_beyond_the_table_makes_it_grow() {
        let (mut matcher, mut told) = (Matcher::new(), Vec::new());
        let far = IDS as u64 + 5;
        matcher.new_order(&new(far, BUY, 10, 100, 0), &mut told);
        matcher.cancel(&Cancel { order: far, sequence: 2 }, &mut told);
        assert_eq!(told[1], (Kind::CancelAck, far, 100, 0));
    }
}
