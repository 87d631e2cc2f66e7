//! A consumer of the events stream under test, and what it must agree on with the engine.
#![allow(unreachable_pub)]

use engine::{Exchange, Replica};
use orders::{Books, Known, Limits, OrderManager, Outcome, Place, Resting, State, Touched};
use std::collections::BTreeMap;
use wire::event::{self, OrderStatus, OrderView, Speaker};
use wire::terms::Side;
use wire::{Event, Happening, InstrumentId, OrderId, Price, Qty};

type Sums = BTreeMap<(u32, Side, Price), (Qty, Qty, u32)>;

/// Both views, and the events that they were given.
pub struct Consumer {
    pub orders: OrderManager,
    pub books: Books,
    limits: Limits,
    heard: Vec<Vec<u8>>,
    /// The levels as a publisher would have them that follows what the books say was touched.
    published: Sums,
}

impl Consumer {
    pub fn new(limits: Limits) -> Self {
        let published = Sums::new();
        Self {
            orders: OrderManager::new(&limits),
            books: Books::new(&limits),
            limits,
            heard: Vec::new(),
            published,
        }
    }

    /// Takes in the events of the engine's last command.
    pub fn hear(&mut self, replica: &Replica<Exchange>) {
        for bytes in replica.events() {
            let mut bytes = bytes.to_vec();
            event::speak(&mut bytes, Speaker::default());
            self.take(&bytes);
            self.heard.push(bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let event = Event::read(bytes).expect("a spoken event is whole");
        let outcome =
            self.orders.apply(&event).unwrap_or_else(|wrong| panic!("{wrong}: {:?}", event.happening()));
        let touched =
            self.books.apply(&event).unwrap_or_else(|wrong| panic!("{wrong}: {:?}", event.happening()));
        check_outcome(&event, &outcome);
        match touched {
            Touched::Nothing => {}
            Touched::Levels { instrument, side, was, is } => {
                for price in was.into_iter().chain(is) {
                    self.publish(instrument, side, price);
                }
            }
            Touched::Whole(instrument) => {
                self.published.retain(|(id, _, _), _| *id != instrument.0);
                for side in [Side::Buy, Side::Sell] {
                    let prices: Vec<_> =
                        self.books.levels(instrument, side).map(|level| level.price).collect();
                    prices.into_iter().for_each(|price| self.publish(instrument, side, price));
                }
            }
        }
    }

    fn publish(&mut self, instrument: InstrumentId, side: Side, price: Price) {
        let key = (instrument.0, side, price);
        match self.books.level_at(instrument, side, price) {
            Some(level) => self.published.insert(key, (level.qty, level.hidden, level.orders)),
            None => self.published.remove(&key),
        };
    }

    /// Another consumer, given the same events from event 1 on.
    pub fn begun_again(&self) -> Self {
        let mut again = Self::new(self.limits);
        for bytes in &self.heard {
            again.take(bytes);
        }
        again
    }

    /// All open orders by number.
    pub fn orders_in_order(&self) -> Vec<(Known, State)> {
        let mut all: Vec<_> =
            self.orders.open().map(|order| (order.clone(), self.orders.state(order))).collect();
        all.sort_by_key(|(order, _)| order.view.order.0);
        all
    }

    /// Books, stops, waiting orders, levels, instruments and open orders against the engine's.
    pub fn compare(&self, engine: &Exchange) -> Result<(), String> {
        let mut open = 0;
        let mut levels = Sums::new();
        for known in engine.instruments() {
            let id = known.terms.instrument;
            for mine in [self.books.instrument(id), self.orders.instrument(id)] {
                let mine = mine.ok_or(format!("instrument {id} is not known"))?;
                same(
                    "instrument",
                    id,
                    &(mine.terms, mine.last, mine.reference),
                    &(known.terms, known.last, known.reference),
                )?;
            }
            let book = engine.book(id).expect("it is defined");
            for side in [Side::Buy, Side::Sell] {
                open += self.compare_queue(
                    "book",
                    id,
                    self.books.queue(id, side),
                    book.queue(side),
                    Place::Book,
                )?;
                open += self.compare_queue(
                    "stops",
                    id,
                    self.books.stops(id, side),
                    engine.stops(id, side),
                    Place::Stop,
                )?;
                let mine: Vec<_> =
                    self.books.levels(id, side).map(|l| (l.price, l.qty, l.hidden, l.orders)).collect();
                let theirs: Vec<_> =
                    book.levels(side).map(|l| (l.price, l.qty, l.hidden, l.orders)).collect();
                same("levels", id, &mine, &theirs)?;
                levels.extend(theirs.into_iter().map(|(p, q, h, n)| ((id.0, side, p), (q, h, n))));
            }
            open += self.compare_queue(
                "waiting",
                id,
                self.books.waiting(id),
                engine.waiting(id),
                Place::Waiting,
            )?;
            if !self.books.is_settled(id) {
                return Err(format!("the book of {id} is not settled after a command"));
            }
        }
        same("open orders of the books", "", &self.books.open_count(), &open)?;
        same("open orders of the manager", "", &self.orders.open_count(), &open)?;
        same("open orders that the manager lists", "", &self.orders.open().count(), &open)?;
        same("open orders of the engine", "", &engine.resting_orders(), &open)?;
        same("published levels", "", &self.published, &levels)
    }

    /// Compares a queue, and the same orders as the manager has them. Gives how many there are.
    fn compare_queue(
        &self,
        what: &str,
        id: InstrumentId,
        mine: impl Iterator<Item = Resting>,
        theirs: impl Iterator<Item = OrderView>,
        place: Place,
    ) -> Result<usize, String> {
        let (mine, theirs): (Vec<Resting>, Vec<OrderView>) = (mine.collect(), theirs.collect());
        if !mine.iter().map(|order| order.view).eq(theirs.iter().copied()) {
            let number = |view: &OrderView| view.order;
            let mine: Vec<OrderId> = mine.iter().map(|order| number(&order.view)).collect();
            let numbers: Vec<OrderId> = theirs.iter().map(number).collect();
            return Err(format!("{what} of {id}: {mine:?} where the engine has {numbers:?}"));
        }
        let state = match place {
            Place::Book => State::InBook,
            Place::Stop => State::WaitingStop,
            Place::Waiting => State::WaitingClose,
        };
        for order in &mine {
            let number = order.view.order;
            let known =
                self.orders.order(number).ok_or(format!("the manager does not know order {number}"))?;
            same(
                "order",
                number,
                &(known.view, known.done, known.session),
                &(order.view, false, order.session),
            )?;
            same("state", number, &self.orders.state(known), &state)?;
            same("fills", number, &(known.filled, known.notional), &(order.view.cum, order.view.notional))?;
            let (found, _) = self.books.order(number).ok_or(format!("order {number} is not in the books"))?;
            same("place", number, &found, &place)?;
        }
        Ok(mine.len())
    }

    /// Every order is found by its present name, never by a former one that is not another's; done ones are done; reports
    /// were counted.
    pub fn compare_names(&self) -> Result<(), String> {
        for order in self.orders.open().chain(self.orders.done()) {
            let number = order.view.order;
            let named = self.orders.named(order.session, order.view.cl_ord_id).map(|named| named.view.order);
            same("name", number, &named, &Some(number))?;
            for former in &order.former_names {
                let named = self.orders.named(order.session, *former).map(|named| named.view.order);
                if named == Some(number) {
                    return Err(format!("order {number} still answers to {former:?}"));
                }
            }
            let over = matches!(
                order.view.status,
                OrderStatus::Filled | OrderStatus::Cancelled | OrderStatus::Expired
            );
            same("done", number, &order.done, &over)?;
        }
        if self.orders.done().count() > self.limits.done_orders as usize
            || self.orders.executions().count() > self.limits.executions as usize
        {
            return Err("more is kept than was granted".into());
        }
        for execution in self.orders.executions() {
            if execution.buyer.is_none() || execution.seller.is_none() {
                return Err(format!("trade {} has one side", execution.trade));
            }
        }
        Ok(())
    }
}

/// The outcome says what the event says.
fn check_outcome(event: &Event<'_>, outcome: &Outcome) {
    let fits = match event.happening().expect("it was applied") {
        Happening::Accepted(b) => matches!(outcome, Outcome::Opened { order, .. } if *order == b.order),
        Happening::Filled(b) => {
            matches!(outcome, Outcome::Filled { after, trade, .. } if *after == b.order && *trade == { b.trade })
        }
        Happening::Cancelled(b) => matches!(outcome, Outcome::Done { after, .. } if *after == b.order),
        Happening::Replaced(b) => matches!(outcome, Outcome::Changed { after, .. } if *after == b.order),
        Happening::Restated(b) => matches!(outcome, Outcome::Changed { after, .. } if *after == b.order),
        Happening::Triggered(b) => matches!(outcome, Outcome::Changed { before, .. } if *before == b.order),
        Happening::TradeBusted(b) => *outcome == Outcome::TradeChanged(b.trade.trade),
        Happening::TradeCorrected(b) => *outcome == Outcome::TradeChanged(b.trade.trade),
        Happening::DayEnded(_) => *outcome == Outcome::DayEnded,
        Happening::InstrumentDefined(_)
        | Happening::PhaseChanged(_)
        | Happening::BandsChanged(_)
        | Happening::LeadChanged(_)
        | Happening::AuctionUncrossed(_) => matches!(outcome, Outcome::InstrumentChanged(_)),
        _ => *outcome == Outcome::Nothing,
    };
    assert!(fits, "{outcome:?} of {:?}", event.happening());
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    of: impl std::fmt::Display,
    mine: &T,
    theirs: &T,
) -> Result<(), String> {
    if mine == theirs {
        Ok(())
    } else {
        Err(format!("{what} {of}: {mine:?} where the engine has {theirs:?}"))
    }
}
