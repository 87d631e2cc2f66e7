//! Engine and model, given the same commands: what they say must be the same, and so must what they hold.

#![allow(dead_code, unreachable_pub, unused_imports)]

mod asked;
mod draw;
mod generator;
mod operators;
mod seen;
mod shrink;
mod traders;

pub use asked::Asked;
pub use draw::{Draw, NUMBERS};
pub use generator::Generator;
pub use seen::Seen;
pub use shrink::{Step, shortest};

use crate::naive::{Fault, Model};
use crate::support::{Desk, Said, Told};
use engine::Limits;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::command::{Side, Transfer};
use wire::{AccountId, CurrencyId, Frame, Incarnation, InstrumentId, NodeId};

/// The small world of the comparison; numbers beyond it are asked for too, and refused.
pub const INSTRUMENTS: u32 = 8;
pub const ACCOUNTS: u32 = 8;
pub const CURRENCIES: u16 = 4;

/// Room for that world when it is busy; every limit is reached now and then.
pub const WORLD: Limits = Limits {
    instruments: 8,
    sessions: 5,
    resting_orders: 100,
    names: 30_000,
    accounts: 8,
    holdings: 40,
    participants: 8,
    currencies: 4,
    trades: 24,
    levels: 1 << 12,
    events_reserved: 64,
};

/// Engine and model.
pub struct Pair {
    pub desk: Desk,
    pub model: Model,
    pub seen: Seen,
    outbound: u64,
    /// By the engine's own events: in less out.
    money: BTreeMap<u16, i128>,
    shares: BTreeMap<u32, i128>,
}

impl Pair {
    /// Both empty.
    pub fn new(limits: Limits, fault: Option<Fault>) -> Self {
        Self {
            desk: Desk::empty(limits),
            model: Model::new(limits, fault),
            seen: Seen::default(),
            outbound: 0,
            money: BTreeMap::new(),
            shares: BTreeMap::new(),
        }
    }

    /// Both are given the command; an error says how their events differ, or that the engine panicked.
    pub fn apply(&mut self, source: NodeId, life: Incarnation, asked: &Asked) -> Result<(), String> {
        let bytes = asked.stamp(&mut self.desk.log, source, life);
        let applied = catch_unwind(AssertUnwindSafe(|| self.desk.apply(&bytes)));
        let got = applied.map_err(|_| format!("{asked:?}\nthe engine panicked"))?;
        let frame = Frame::read(&bytes).expect("just stamped");
        let header = frame.header();
        let command = frame.command().expect("just written");
        let want = self.model.apply(header.sequence.0, header.timestamp, source, life, &command);
        for at in 0..got.len().max(want.len()) {
            let want = want.get(at).map(|(session, report, said)| Told {
                outbound: wire::Outbound(self.outbound + 1 + at as u64),
                session: *session,
                report: *report,
                said: *said,
            });
            if got.get(at) != want.as_ref() {
                let got = got.get(at);
                return Err(format!(
                    "{asked:?}\nevent {at}\nthe engine says {got:?}\nthe model says  {want:?}"
                ));
            }
        }
        self.outbound += got.len() as u64;
        for told in &got {
            self.seen.note(&told.said);
            self.count_deposits(&told.said);
        }
        Ok(())
    }

    fn count_deposits(&mut self, said: &Said) {
        let way = |direction| if direction == Transfer::Deposit { 1 } else { -1 };
        match said {
            Said::MoneyMoved(b) => {
                *self.money.entry({ b.currency }.0).or_default() += { b.amount }.0 * way(b.direction);
            }
            Said::SharesMoved(b) => {
                let qty = i128::from({ b.qty }.0);
                *self.shares.entry({ b.instrument }.0).or_default() += qty * way(b.direction);
            }
            _ => {}
        }
    }

    /// Compares everything that both hold, has the engine audit itself, and counts money and shares.
    pub fn compare(&self) -> Result<(), String> {
        self.desk.replica.machine().audit().map_err(|violation| violation.to_string())?;
        for instrument in (0..INSTRUMENTS).map(InstrumentId) {
            self.compare_instrument(instrument)?;
        }
        self.compare_accounts()
    }

    fn compare_instrument(&self, id: InstrumentId) -> Result<(), String> {
        let exchange = self.desk.replica.machine();
        let Some((terms, last, reference)) = self.model.instrument(id) else {
            return if exchange.book(id).is_some() { Err(format!("{id} is defined")) } else { Ok(()) };
        };
        let (Some(known), Some(book)) = (exchange.instrument(id), exchange.book(id)) else {
            return Err(format!("instrument {id} is not defined"));
        };
        same("last and reference price", id, &(known.last.0, known.reference.0), &(last, reference))?;
        let without_reference = |mut terms: wire::command::InstrumentTerms| {
            terms.bands.reference = wire::Price(0);
            terms
        };
        same("terms", id, &without_reference(known.terms), &without_reference(terms))?;
        for side in [Side::Buy, Side::Sell] {
            same("book", id, &book.queue(side).collect::<Vec<_>>(), &self.model.queue(id, side))?;
            let levels: Vec<_> =
                book.levels(side).map(|l| (l.price.0, l.qty.0, l.hidden.0, l.orders)).collect();
            same("levels", id, &levels, &self.model.levels(id, side))?;
            same("stops", id, &exchange.stops(id, side).collect::<Vec<_>>(), &self.model.stops(id, side))?;
        }
        same("waiting orders", id, &exchange.waiting(id).collect::<Vec<_>>(), &self.model.waiting(id))
    }

    fn compare_accounts(&self) -> Result<(), String> {
        let exchange = self.desk.replica.machine();
        let mut shares: BTreeMap<u32, i128> = BTreeMap::new();
        for currency in (1..CURRENCIES).map(CurrencyId) {
            let mut sum = exchange.collected(currency).0;
            same("fees", currency, &exchange.collected(currency), &self.model.collected(currency))?;
            for account in (1..ACCOUNTS).map(AccountId) {
                let cash = exchange.cash(account, currency);
                let got = (cash.available, cash.withheld);
                same("cash", (account, currency), &got, &self.model.cash(account, currency))?;
                sum += got.0.0 + got.1.0;
            }
            same("sum of money", currency, &sum, self.money.get(&currency.0).unwrap_or(&0))?;
        }
        for account in (1..ACCOUNTS).map(AccountId) {
            for instrument in (0..INSTRUMENTS).map(InstrumentId) {
                let held = exchange.holding(account, instrument);
                let got = crate::naive::Position {
                    position: held.position,
                    open_buys: held.open_buys.0,
                    open_sells: held.open_sells.0,
                    open_orders: held.open_orders,
                    day_volume: held.day_volume,
                };
                same("holding", (account, instrument), &got, &self.model.holding(account, instrument))?;
                *shares.entry(instrument.0).or_default() += held.position;
            }
        }
        for (instrument, sum) in shares {
            same("sum of shares", instrument, &sum, self.shares.get(&instrument).unwrap_or(&0))?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    of: impl std::fmt::Debug,
    got: &T,
    want: &T,
) -> Result<(), String> {
    if got == want {
        Ok(())
    } else {
        Err(format!("{what} of {of:?}: \nthe engine has {got:?}\nthe model has  {want:?}"))
    }
}
