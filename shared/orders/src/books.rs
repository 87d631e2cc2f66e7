//! The books, rebuilt from the events on the same ladders that the engine's stand on.

use crate::instruments::Instruments;
use crate::numbers::Line;
use crate::standing::{LevelView, Resting, Standing};
use crate::{Fault, Inconsistent, Instrument, Limits, Place, Touched, course, sums};
use book::{Direction, LadderId, Level, Room, Shelf, Slot};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::{
    Cancelled, EventHeader, Filled, Liquidity, OrderView, PhaseChanged, Replaced, Restated, Triggered,
};
use wire::terms::{Phase, Side};
use wire::{Event, Happening, InstrumentId, OrderId, Outbound, Price, Qty};

/// Ladders of each instrument: bids, offers, buy stops, sell stops, and those that wait for the closing auction.
const LADDERS: [Direction; 5] =
    [Direction::Falling, Direction::Rising, Direction::Rising, Direction::Falling, Direction::Rising];

/// Every book, order by order. See the crate for what it must be given, and for what it deduces.
#[derive(Clone, Debug)]
pub struct Books {
    line: Line,
    pub(crate) instruments: Instruments,
    pub(crate) shelf: Shelf<Standing>,
    slots: HashMap<OrderId, Slot, FxBuildHasher>,
    /// One side of a match was told, the other was not.
    half: bool,
    /// Room to sort in; empty between events.
    sorted: Vec<(OrderId, Slot)>,
}

impl Books {
    /// Before event 1.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let pages = limits.levels / 4 + limits.instruments * 2;
        let room = Room { orders: limits.open_orders, levels: limits.levels, pages };
        Self {
            line: Line::START,
            instruments: Instruments::new(limits.instruments),
            shelf: Shelf::new(room),
            slots: HashMap::with_capacity_and_hasher(limits.open_orders as usize, FxBuildHasher),
            half: false,
            sorted: Vec::new(),
        }
    }

    /// Takes in the next event and says what it changed. An error means that it changed nothing.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<Touched, Inconsistent> {
        let outbound = event.header().outbound;
        self.line.expects(outbound)?;
        let touched = self.take(event).map_err(|fault| Inconsistent { outbound, fault })?;
        self.line.go_on();
        Ok(touched)
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn last(&self) -> Outbound {
        self.line.last()
    }

    /// An instrument.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id)
    }

    /// All instruments, in the order in which they were defined.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter()
    }

    /// An open order, wherever it stands.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<(Place, Resting)> {
        self.slots.get(&id).map(|slot| (self.shelf.order(*slot).place, self.resting(*slot)))
    }

    /// How many orders are open, in books and waiting.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.shelf.len()
    }

    /// The best level of a side of a book.
    #[must_use]
    pub fn best(&self, id: InstrumentId, side: Side) -> Option<LevelView> {
        self.levels(id, side).next()
    }

    /// The levels of a side of a book, best first.
    pub fn levels(&self, id: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let tick = self.instruments.get(id).map_or(Price(1), |instrument| instrument.terms.tick);
        self.rungs(id, Place::Book, side).map(move |level| LevelView {
            price: Price(level.key() * tick.0),
            qty: level.shown(),
            hidden: level.hidden(),
            orders: level.orders(),
        })
    }

    /// The level of this price, if an order stands there.
    #[must_use]
    pub fn level_at(&self, id: InstrumentId, side: Side, price: Price) -> Option<LevelView> {
        let tick = self.instruments.get(id)?.terms.tick;
        let level = self.shelf.level_at(self.ladder(id, Place::Book, side)?, price.0 / tick.0)?;
        Some(LevelView { price, qty: level.shown(), hidden: level.hidden(), orders: level.orders() })
    }

    /// The orders of a side of a book in the order in which they would be matched.
    pub fn queue(&self, id: InstrumentId, side: Side) -> impl Iterator<Item = Resting> {
        self.queued(id, Place::Book, side)
    }

    /// The stop orders that wait on a side, in the order in which they would be activated.
    pub fn stops(&self, id: InstrumentId, side: Side) -> impl Iterator<Item = Resting> {
        self.queued(id, Place::Stop, side)
    }

    /// The orders that wait for the closing auction, in the order in which they would join the book.
    pub fn waiting(&self, id: InstrumentId) -> impl Iterator<Item = Resting> {
        self.queued(id, Place::Waiting, Side::Buy)
    }

    /// False while a command is certainly not told to its end: one side of a match is missing, or bids and offers cross in
    /// continuous trading. (That a command is over, only the cause of the next event says.)
    #[must_use]
    pub fn is_settled(&self, id: InstrumentId) -> bool {
        let continuous = self.instruments.get(id).is_some_and(|it| it.phase() == Phase::Continuous);
        let best = |side| self.shelf.best_key(self.ladder(id, Place::Book, side)?);
        let crossed = best(Side::Buy).zip(best(Side::Sell)).is_some_and(|(bid, offer)| bid >= offer);
        !(self.half || continuous && crossed)
    }

    fn ladder(&self, id: InstrumentId, place: Place, side: Side) -> Option<LadderId> {
        let first = self.instruments.place(id)? * LADDERS.len() as u32;
        Some(LadderId(match place {
            Place::Book => first + side as u32 - 1,
            Place::Stop => first + 1 + side as u32,
            Place::Waiting => first + 4,
        }))
    }

    fn rungs(&self, id: InstrumentId, place: Place, side: Side) -> impl Iterator<Item = &Level> {
        self.ladder(id, place, side).into_iter().flat_map(|ladder| self.shelf.levels(ladder))
    }

    fn queued(&self, id: InstrumentId, place: Place, side: Side) -> impl Iterator<Item = Resting> {
        self.rungs(id, place, side).flat_map(|level| self.shelf.queue(level)).map(|slot| self.resting(slot))
    }

    fn resting(&self, slot: Slot) -> Resting {
        let order = self.shelf.order(slot);
        Resting {
            view: order.view,
            session: order.session,
            price: order.limit,
            shown: self.shelf.shown(slot),
        }
    }

    /// Everything is checked before anything is changed.
    fn take(&mut self, event: &Event<'_>) -> Result<Touched, Fault> {
        let header = event.header();
        let happening = event.happening().map_err(Fault::Body)?;
        match happening {
            Happening::Accepted(body) => {
                let view = sums::accepted(header, body)?;
                let terms = view.terms;
                let instrument = self.instruments.known(terms.instrument)?;
                if self.slots.contains_key(&{ view.order }) {
                    return Err(Fault::KnownOrder(view.order));
                }
                if self.shelf.is_full() {
                    return Err(Fault::NoRoom);
                }
                let place = course::first_place(instrument.phase(), &terms);
                let limit = instrument.limit(&terms);
                let slot = self.put(Standing { view, session: header.session, limit, place });
                Ok(self.touched(&view, None, self.price(slot)))
            }
            Happening::Filled(body) => self.filled(header, &happening, body),
            Happening::Cancelled(body) => self.cancelled(header, body),
            Happening::Replaced(body) => self.replaced(header, body),
            Happening::Triggered(body) => self.triggered(header, body),
            Happening::Restated(body) => self.restated(header, body),
            _ => {
                let changed = self.instruments.expects(&happening)?;
                self.instruments.note(&happening);
                match happening {
                    Happening::InstrumentDefined(_) => LADDERS.iter().for_each(|direction| {
                        self.shelf.open(*direction);
                    }),
                    Happening::PhaseChanged(body) => self.change_phase(body),
                    _ => return Ok(Touched::Nothing),
                }
                Ok(changed.map_or(Touched::Nothing, Touched::Whole))
            }
        }
    }

    /// The open order that the event tells of, as it was before.
    fn before(&self, header: &EventHeader, told: &OrderView) -> Result<(Slot, OrderView), Fault> {
        let slot = *self.slots.get(&{ told.order }).ok_or(Fault::UnknownOrder(told.order))?;
        let order = self.shelf.order(slot);
        sums::is_for(header, order.session, told.order)?;
        Ok((slot, order.view))
    }

    /// The price at which an order stands in the book, if it does.
    fn price(&self, slot: Slot) -> Option<Price> {
        let order = self.shelf.order(slot);
        (order.place == Place::Book && self.shelf.is_on_ladder(slot)).then_some(order.limit)
    }

    fn touched(&self, view: &OrderView, was: Option<Price>, is: Option<Price>) -> Touched {
        if was.is_none() && is.is_none() {
            return Touched::Nothing;
        }
        let terms = view.terms;
        Touched::Levels { instrument: terms.instrument, side: terms.side, was, is }
    }

    /// Takes an order in, and puts it behind all others where it belongs.
    fn put(&mut self, order: Standing) -> Slot {
        let (view, leaves, shown) = (order.view, order.view.leaves, course::showing(&order.view));
        let slot = self.shelf.insert(order, leaves, shown, 0);
        self.slots.insert(view.order, slot);
        self.join(slot);
        slot
    }

    /// Puts an order that is on no ladder behind all others where it belongs; one that never rests stays on none.
    fn join(&mut self, slot: Slot) {
        let Standing { view, limit, place, .. } = *self.shelf.order(slot);
        let terms = view.terms;
        let Some(instrument) = self.instruments.get(terms.instrument) else { return };
        let tick = { instrument.terms.tick }.0;
        let key = match place {
            Place::Book if !course::may_rest(instrument.phase(), &terms) => return,
            Place::Book => limit.0 / tick,
            Place::Stop => { terms.stop_price }.0 / tick,
            Place::Waiting => 0,
        };
        if let Some(ladder) = self.ladder(terms.instrument, place, terms.side) {
            self.shelf.join(slot, ladder, key);
        }
    }

    /// Takes an order out.
    fn take_out(&mut self, slot: Slot) -> Standing {
        if self.shelf.is_on_ladder(slot) {
            self.shelf.leave(slot);
        }
        let order = self.shelf.free(slot);
        self.slots.remove(&{ order.view.order });
        order
    }

    fn filled(
        &mut self,
        header: &EventHeader,
        happening: &Happening<'_>,
        body: &Filled,
    ) -> Result<Touched, Fault> {
        let (slot, before) = self.before(header, &body.order)?;
        let after = sums::filled(&before, body)?;
        let (qty, at) = (body.last_qty, body.last_price);
        let was = self.price(slot);
        let Standing { limit, place, .. } = *self.shelf.order(slot);
        let accepts = match { before.terms }.side {
            Side::Buy => at <= limit,
            Side::Sell => at >= limit,
        };
        let stands = match body.liquidity {
            Liquidity::Maker => was == Some(at) && qty <= self.shelf.shown(slot),
            Liquidity::Taker => place == Place::Book && accepts,
            Liquidity::Auction => was.is_some() && accepts,
        };
        if !stands {
            return Err(Fault::NotInBook(before.order));
        }
        self.shelf.fill(slot, qty);
        self.shelf.order_mut(slot).view = after;
        let mut is = was;
        if { after.leaves } == Qty(0) {
            self.take_out(slot);
            is = None;
        } else if body.liquidity != Liquidity::Maker {
            self.shelf.show(slot, course::showing(&after));
        } else if self.shelf.shown(slot) == Qty(0) {
            self.shelf.replenish(slot, course::showing(&after));
        }
        self.instruments.note(happening);
        self.half = !self.half;
        Ok(self.touched(&after, was, is))
    }

    fn cancelled(&mut self, header: &EventHeader, body: &Cancelled) -> Result<Touched, Fault> {
        let (slot, before) = self.before(header, &body.order)?;
        let after = sums::cancelled(&before, body)?;
        let was = self.price(slot);
        self.take_out(slot);
        Ok(self.touched(&after, was, None))
    }

    fn replaced(&mut self, header: &EventHeader, body: &Replaced) -> Result<Touched, Fault> {
        let (slot, before) = self.before(header, &body.order)?;
        let after = sums::replaced(&before, body)?;
        let (had, has) = (before.terms, after.terms);
        let instrument = self.instruments.known(has.instrument)?;
        let Standing { limit, place, .. } = *self.shelf.order(slot);
        let keeps = course::keeps_place(place, &had, &has);
        let limit = if keeps && course::is_unpriced(&had) { limit } else { instrument.limit(&has) };
        let was = self.price(slot);
        if keeps {
            // The quantity fell, and what is filled did not change.
            self.shelf.reduce(slot, Qty({ before.leaves }.0 - { after.leaves }.0));
            let order = self.shelf.order_mut(slot);
            (order.view, order.limit) = (after, limit);
            if place == Place::Stop {
                // What it displays may have changed; nothing of it was shown yet.
                self.shelf.show(slot, course::showing(&after));
            }
            return Ok(self.touched(&after, was, was));
        }
        let order = self.take_out(slot);
        let slot = self.put(Standing { view: after, limit, ..order });
        Ok(self.touched(&after, was, self.price(slot)))
    }

    fn triggered(&mut self, header: &EventHeader, body: &Triggered) -> Result<Touched, Fault> {
        let (slot, before) = self.before(header, &body.order)?;
        let after = sums::triggered(&before, body)?;
        if self.shelf.order(slot).place != Place::Stop {
            return Err(Fault::NoStop(before.order));
        }
        self.shelf.leave(slot);
        self.shelf.order_mut(slot).place = Place::Book;
        self.join(slot);
        Ok(self.touched(&after, None, self.price(slot)))
    }

    fn restated(&mut self, header: &EventHeader, body: &Restated) -> Result<Touched, Fault> {
        let (slot, before) = self.before(header, &body.order)?;
        let after = sums::restated(&before, body)?;
        self.shelf.reduce(slot, Qty({ before.leaves }.0 - { after.leaves }.0));
        self.shelf.order_mut(slot).view = after;
        let price = self.price(slot);
        Ok(self.touched(&after, price, price))
    }

    /// Orders at the close join the book when the closing auction is called, in the order in which they wait; they leave it
    /// when trading is halted then, in the order of their numbers.
    fn change_phase(&mut self, body: &PhaseChanged) {
        let id = body.instrument;
        if body.phase == Phase::ClosingAuction {
            let Some(waiting) = self.ladder(id, Place::Waiting, Side::Buy) else { return };
            while let Some(slot) = self.shelf.best(waiting).map(Level::first) {
                self.shelf.leave(slot);
                self.move_to(slot, Place::Book);
            }
        } else if body.phase == Phase::Halted && body.before == Phase::ClosingAuction {
            let mut leaving = std::mem::take(&mut self.sorted);
            for side in [Side::Buy, Side::Sell] {
                let slots = self.rungs(id, Place::Book, side).flat_map(|level| self.shelf.queue(level));
                let orders = slots.map(|slot| (self.shelf.order(slot).view, slot));
                let at_the_close = orders.filter(|(view, _)| course::is_at_the_close(&{ view.terms }));
                leaving.extend(at_the_close.map(|(view, slot)| (view.order, slot)));
            }
            leaving.sort_unstable();
            for (_, slot) in leaving.drain(..) {
                self.shelf.leave(slot);
                self.move_to(slot, Place::Waiting);
            }
            self.sorted = leaving;
        }
    }

    fn move_to(&mut self, slot: Slot, place: Place) {
        self.shelf.order_mut(slot).place = place;
        self.join(slot);
    }
}
