//! A recorded message as a request: what the recording says an order went through, said again by our own orders.
//!
//! | recorded | sent |
//! |---|---|
//! | 1 new order | a day limit order over the session that owns the order |
//! | 2 partial cancel | a replace to the smaller whole quantity, which keeps priority |
//! | 3 deletion | a cancel |
//! | 4 execution | an immediate limit order for that size at that price on the other side, over another session |
//! | 5, 6, 7 | nothing |
//!
//! The book drifts away from the recorded one (it does not begin empty there), so an order can be filled or refused here
//! that was cancelled there. What our own reports tell to be at its end is not asked for again; it is skipped and counted.

use super::lobster::{Event, Kind};
use super::orders::{Orders, Outcome};
use super::request::{Action, Request, RequestId};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::fmt;
use wire::command::{OrderType, Side, TimeInForce};

/// Messages of the recording that were not sent, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    /// Messages read.
    pub read: u64,
    /// Executions of hidden orders, auctions and halts.
    pub not_for_the_book: u64,
    /// Cancels of orders that rested before the sample began.
    pub unknown_before_sample: u64,
    /// Cancels of orders that are filled, cancelled or rejected here already.
    pub ended_before: u64,
    /// Partial cancels down to what is filled here already.
    pub filled_beyond: u64,
    /// New orders under a number that is in use.
    pub number_in_use: u64,
    /// Messages of a session whose connection was lost.
    pub session_lost: u64,
}

impl Skips {
    /// All that was not sent.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.not_for_the_book
            + self.unknown_before_sample
            + self.ended_before
            + self.filled_beyond
            + self.number_in_use
            + self.session_lost
    }
}

impl fmt::Display for Skips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages read, {} sent; skipped: {} hidden executions, auctions and halts, {} cancels of orders from \
             before the sample, {} of orders that had ended, {} below what was filled, {} numbers in use, {} of lost \
             sessions",
            self.read,
            self.read - self.total(),
            self.not_for_the_book,
            self.unknown_before_sample,
            self.ended_before,
            self.filled_beyond,
            self.number_in_use,
            self.session_lost
        )
    }
}

/// One recorded order that we sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    request: RequestId,
    side: Side,
    price: i64,
    /// The whole quantity (FIX 38) after the partial cancels so far.
    qty: u64,
}

/// The mapping, with what it must remember of each recorded order.
#[derive(Clone, Debug)]
pub struct Replay {
    sessions: u16,
    sent: HashMap<u64, Sent, FxBuildHasher>,
    skips: Skips,
}

impl Replay {
    /// Over so many sessions.
    ///
    /// # Panics
    /// If there are fewer than two: an execution needs another session than the order's owner.
    #[must_use]
    pub fn new(sessions: u16) -> Self {
        assert!(sessions >= 2, "executions come from another session than the one that owns the order");
        Self { sessions, sent: HashMap::default(), skips: Skips::default() }
    }

    /// What was skipped so far.
    #[must_use]
    pub fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The session that sends all that is said of a recorded order but executions.
    #[must_use]
    pub fn owner(&self, order: u64) -> u16 {
        // Fibonacci hashing: recorded numbers come in strides. The high half is the well-mixed one.
        let mixed = order.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        (mixed % u64::from(self.sessions)) as u16
    }

    /// The session over which an event goes.
    #[must_use]
    pub fn session_of(&self, event: &Event) -> u16 {
        let owner = self.owner(event.order);
        if event.kind == Kind::Execution { (owner + 1) % self.sessions } else { owner }
    }

    /// The session of this event is gone.
    pub fn session_lost(&mut self) {
        self.skips.read += 1;
        self.skips.session_lost += 1;
    }

    /// The request that an event means; `None` if none, which is counted. A request that is given must be sent next, and
    /// [`Replay::was_sent`] told.
    pub fn map(&mut self, event: &Event, orders: &Orders) -> Option<Request> {
        self.skips.read += 1;
        match event.kind {
            Kind::New => self.new_order(event),
            Kind::Reduce => self.reduce(event, orders),
            Kind::Delete => self.delete(event, orders),
            Kind::Execution => Some(Request {
                session: self.session_of(event),
                instrument: 0,
                action: Action::New {
                    order_type: OrderType::Limit,
                    time_in_force: TimeInForce::ImmediateOrCancel,
                },
                side: event.side.opposite(),
                price: event.price,
                qty: event.size,
            }),
            Kind::HiddenExecution | Kind::Cross | Kind::Halt => {
                self.skips.not_for_the_book += 1;
                None
            }
        }
    }

    /// The request that came of this event has this number.
    pub fn was_sent(&mut self, event: &Event, request: RequestId) {
        if event.kind == Kind::New {
            let sent = Sent { request, side: event.side, price: event.price, qty: event.size };
            self.sent.insert(event.order, sent);
        }
    }

    fn new_order(&mut self, event: &Event) -> Option<Request> {
        if self.sent.contains_key(&event.order) {
            self.skips.number_in_use += 1;
            return None;
        }
        Some(Request {
            session: self.owner(event.order),
            instrument: 0,
            action: Action::New { order_type: OrderType::Limit, time_in_force: TimeInForce::Day },
            side: event.side,
            price: event.price,
            qty: event.size,
        })
    }

    /// Whether the order is at its end, by our own reports.
    fn has_ended(sent: &Sent, orders: &Orders) -> bool {
        !matches!(
            orders.standing(sent.request).0,
            Outcome::Unanswered | Outcome::Accepted | Outcome::PartiallyFilled
        )
    }

    fn change(&self, event: &Event, sent: &Sent, action: Action) -> Request {
        Request {
            session: self.owner(event.order),
            instrument: 0,
            action,
            side: sent.side,
            price: sent.price,
            qty: sent.qty,
        }
    }

    fn reduce(&mut self, event: &Event, orders: &Orders) -> Option<Request> {
        let Some(sent) = self.sent.get_mut(&event.order) else {
            self.skips.unknown_before_sample += 1;
            return None;
        };
        // The recording reduced the order whatever became of ours.
        sent.qty = sent.qty.saturating_sub(event.size);
        let sent = *sent;
        if Self::has_ended(&sent, orders) {
            self.skips.ended_before += 1;
            return None;
        }
        if sent.qty <= orders.standing(sent.request).1 {
            self.skips.filled_beyond += 1;
            return None;
        }
        Some(self.change(event, &sent, Action::Replace(sent.request)))
    }

    fn delete(&mut self, event: &Event, orders: &Orders) -> Option<Request> {
        let Some(sent) = self.sent.remove(&event.order) else {
            self.skips.unknown_before_sample += 1;
            return None;
        };
        if Self::has_ended(&sent, orders) {
            self.skips.ended_before += 1;
            return None;
        }
        Some(self.change(event, &sent, Action::Cancel(sent.request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::execution::Execution;
    use crate::load::lobster;
    use crate::load::plan::Instrument;
    use crate::load::request::Names;
    use wire::Nanos;

    struct Stage {
        replay: Replay,
        orders: Orders,
        now: u64,
    }

    impl Stage {
        fn new() -> Self {
            let amazon =
                Instrument { symbol: "AMZN".into(), price_decimals: 4, tick: 100, lot: 1, start_price: None };
            Self {
                replay: Replay::new(3),
                orders: Orders::new(Names::new(Nanos(0)), vec![amazon], 3),
                now: 0,
            }
        }

        fn say(&mut self, line: &str) -> Option<(Request, RequestId)> {
            let event = lobster::parse(line.as_bytes()).unwrap();
            let request = self.replay.map(&event, &self.orders)?;
            self.now += 1;
            let (id, _) = self.orders.send(Nanos(self.now), request);
            self.replay.was_sent(&event, id);
            Some((request, id))
        }

        fn report(&mut self, session: u16, id: RequestId, exec_type: u8, last: u64, cum: u64, leaves: u64) {
            self.now += 1;
            let (name, exec_id) = (self.orders.name(id), self.now.to_string());
            let report = Execution {
                name: name.as_bytes(),
                exec_id: exec_id.as_bytes(),
                exec_type,
                last_qty: Some(last),
                last_px: b"100",
                cum_qty: Some(cum),
                leaves_qty: Some(leaves),
                ..Execution::default()
            };
            self.orders.handle_execution(Nanos(self.now), session, &report);
        }
    }

    const NEW: &str = "1,1,77,100,1000000,1";

    #[test]
    fn an_order_its_reduction_and_its_deletion_go_over_the_session_that_owns_it() {
        let mut stage = Stage::new();
        let (new, id) = stage.say(NEW).unwrap();
        assert_eq!((new.side, new.price, new.qty), (Side::Buy, 1_000_000, 100));
        stage.report(new.session, id, b'0', 0, 0, 100);
        let (reduced, _) = stage.say("2,2,77,30,1000000,1").unwrap();
        assert_eq!((reduced.action, reduced.qty, reduced.session), (Action::Replace(id), 70, new.session));
        let (again, _) = stage.say("2,2,77,20,1000000,1").unwrap();
        assert_eq!((again.action, again.qty), (Action::Replace(id), 50));
        let (cancel, _) = stage.say("3,3,77,50,1000000,1").unwrap();
        assert_eq!((cancel.action, cancel.session), (Action::Cancel(id), new.session));
        assert_eq!(stage.replay.skips().total(), 0);
    }

    #[test]
    fn an_execution_is_an_immediate_order_on_the_other_side_over_another_session() {
        let mut stage = Stage::new();
        let (new, _) = stage.say(NEW).unwrap();
        for order in [77, 5] {
            let (taker, _) = stage.say(&format!("2,4,{order},40,1000000,1")).unwrap();
            assert_eq!((taker.side, taker.price, taker.qty), (Side::Sell, 1_000_000, 40));
            assert!(taker.action.is_immediate());
            assert_ne!(taker.session, stage.replay.owner(order));
        }
        assert_eq!(new.session, stage.replay.owner(77));
    }

    #[test]
    fn what_our_own_reports_call_ended_or_filled_is_skipped_and_counted() {
        let mut stage = Stage::new();
        let (new, id) = stage.say(NEW).unwrap();
        stage.report(new.session, id, b'0', 0, 0, 100);
        stage.report(new.session, id, b'F', 60, 60, 40);
        assert!(stage.say("2,2,77,40,1000000,1").is_none());
        assert_eq!(stage.replay.skips().filled_beyond, 1);
        stage.report(new.session, id, b'F', 40, 100, 0);
        assert!(stage.say("2,2,77,1,1000000,1").is_none());
        assert!(stage.say("3,3,77,59,1000000,1").is_none());
        assert_eq!(stage.replay.skips().ended_before, 2);
        assert_eq!(stage.orders.tally().sent.total(), 1);
    }

    #[test]
    fn cancels_from_before_the_sample_hidden_executions_and_halts_are_skipped_and_counted() {
        let mut stage = Stage::new();
        for line in ["1,3,9,10,1000000,1", "1,2,9,10,1000000,1", "1,5,0,1,1000050,1", "1,7,0,0,-1,-1"] {
            assert!(stage.say(line).is_none());
        }
        stage.say(NEW).unwrap();
        assert!(stage.say(NEW).is_none());
        let expected = Skips {
            read: 6,
            not_for_the_book: 2,
            unknown_before_sample: 2,
            number_in_use: 1,
            ..Skips::default()
        };
        assert_eq!(*stage.replay.skips(), expected);
    }

    #[test]
    fn recorded_orders_are_spread_over_all_sessions() {
        let replay = Replay::new(4);
        let mut counts = [0; 4];
        for order in (0..4_000).map(|n| n * 8 + 3) {
            counts[usize::from(replay.owner(order))] += 1;
        }
        assert!(counts.iter().all(|n| *n > 700), "{counts:?}");
    }
}
