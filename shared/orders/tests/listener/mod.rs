//! An engine with a desk of clients, and both views beside it.

#![allow(dead_code, unreachable_pub)]

use crate::support::{self, ACME, ALICE, BOB, Desk, order};
use orders::{Books, Fault, Inconsistent, Limits, OrderManager, Outcome, Touched};
use wire::Event;
use wire::command::{CommandBody, NewOrder};
use wire::event::{self, Speaker};
use wire::terms::Side;

pub const LIMITS: Limits =
    Limits { open_orders: 8, done_orders: 8, executions: 8, levels: 8, instruments: 2, sessions: 4 };

/// An engine, and both views beside it.
pub struct Listener {
    pub desk: Desk,
    pub heard: u64,
    pub orders: OrderManager,
    pub books: Books,
}

impl Listener {
    pub fn new(limits: &Limits) -> Self {
        let mut listener = Self {
            desk: Desk::empty(support::LIMITS),
            heard: 0,
            orders: OrderManager::new(limits),
            books: Books::new(limits),
        };
        listener.hear(&support::define(ACME, b"ACME"));
        listener.hear(&support::logon(ALICE));
        listener.hear(&support::logon(BOB));
        listener
    }

    /// The events of a command, not yet heard.
    pub fn events<B: CommandBody>(&mut self, command: &B) -> Vec<Vec<u8>> {
        self.desk.send(command);
        let spoken = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            event::speak(&mut bytes, Speaker::default());
            bytes
        };
        self.desk.replica.events().map(spoken).collect()
    }

    pub fn take(&mut self, bytes: &[u8]) -> Outcome {
        let event = Event::read(bytes).expect("whole");
        let outcome = self.orders.apply(&event).expect("true to what was told");
        self.books.apply(&event).expect("true to what was told");
        self.heard += 1;
        outcome
    }

    pub fn hear<B: CommandBody>(&mut self, command: &B) -> Vec<Outcome> {
        self.events(command).iter().map(|bytes| self.take(bytes)).collect()
    }

    /// Takes in the events of a command, and gives what the books say that each touched.
    pub fn watch<B: CommandBody>(&mut self, command: &B) -> Vec<Touched> {
        let events = self.events(command);
        let heard = events.iter().map(|bytes| {
            let event = Event::read(bytes).expect("whole");
            self.orders.apply(&event).expect("true to what was told");
            self.heard += 1;
            self.books.apply(&event).expect("true to what was told")
        });
        heard.collect()
    }

    /// Both refuse the event for the same reason.
    pub fn refuse(&mut self, bytes: &[u8], fault: Fault) {
        self.refuse_orders(bytes, fault);
        let event = Event::read(bytes).expect("whole");
        let outbound = event.header().outbound;
        assert_eq!(self.books.apply(&event), Err(Inconsistent { outbound, fault }));
    }

    /// The order manager refuses the event.
    pub fn refuse_orders(&mut self, bytes: &[u8], fault: Fault) {
        let event = Event::read(bytes).expect("whole");
        let outbound = event.header().outbound;
        assert_eq!(self.orders.apply(&event), Err(Inconsistent { outbound, fault }));
    }

    /// The books refuse the event.
    pub fn refuse_books(&mut self, bytes: &[u8], fault: Fault) {
        let event = Event::read(bytes).expect("whole");
        let outbound = event.header().outbound;
        assert_eq!(self.books.apply(&event), Err(Inconsistent { outbound, fault }));
    }
}

pub fn sell(text: &str, qty: u64, price: i64) -> NewOrder {
    order(ALICE, text, Side::Sell, qty, price)
}

pub fn buy(text: &str, qty: u64, price: i64) -> NewOrder {
    order(BOB, text, Side::Buy, qty, price)
}
