//! The engine beside a naive model: the same commands give the same events and the same books.

#[path = "support/naive.rs"]
mod naive;
mod support;

use engine::Limits;
use naive::{Fault, Model};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{Desk, LIFE, LIMITS, Said, define, name};
use wire::command::{
    CancelOrder, LogoutReason, NewOrder, OrderType, ReplaceOrder, ResetSeqNums, SessionLogon, SessionLogout,
    Side, TimeInForce,
};
use wire::{AccountId, ClOrdId, InstrumentId, NodeId, Price, Qty, ReportSeq, SessionId};

/// Raw draws, from which [`Pair::act`] makes a command that is often, but not always, sensible.
#[derive(Clone, Copy, Debug)]
struct Draw {
    what: u8,
    who: u8,
    instrument: u8,
    side: bool,
    odd: u8,
    price: u8,
    qty: u8,
    name: u16,
    orig: u16,
}

/// Engine and model, given the same commands.
struct Pair {
    desk: Desk,
    model: Model,
    outbound: u64,
    names: u32,
    /// What each name was first used for: session, instrument, side.
    uses: Vec<(SessionId, InstrumentId, Side)>,
    seen: [u32; 6],
}

fn pick<T: Copy>(from: &[T], draw: u8) -> T {
    from[usize::from(draw) % from.len()]
}

impl Pair {
    fn new(limits: Limits, fault: Option<Fault>) -> Result<Self, String> {
        let mut pair = Self {
            desk: Desk::empty(limits),
            model: Model::new(limits, fault),
            outbound: 0,
            names: 0,
            uses: Vec::new(),
            seen: [0; 6],
        };
        for (id, symbol) in [(1, b"ACME"), (3, b"BOLT"), (9, b"FAR!"), (3, b"CORE"), (4, b"ACME")] {
            let asked = define(InstrumentId(id), symbol);
            let got = pair.desk.send(&asked);
            let want = pair.model.define(&asked);
            pair.compare(&got, &want)?;
        }
        for session in 1..=3 {
            let asked = SessionLogon {
                session: SessionId(session),
                client_seq: 1,
                reset: ResetSeqNums::No,
                reserved: [0; 7],
            };
            let got = pair.desk.send(&asked);
            let want = pair.model.logon(support::GATEWAY, LIFE, &asked);
            pair.compare(&got, &want)?;
        }
        Ok(pair)
    }

    fn compare(&mut self, got: &[support::Told], want: &[(SessionId, Said)]) -> Result<(), String> {
        for at in 0..got.len().max(want.len()) {
            let want = want.get(at).map(|(session, said)| {
                self.outbound += 1;
                support::Told {
                    outbound: wire::Outbound(self.outbound),
                    session: *session,
                    report: ReportSeq(self.model.report(*session)),
                    said: *said,
                }
            });
            if got.get(at) != want.as_ref() {
                return Err(format!("the engine says {:#?}, the model {want:#?}", got.get(at)));
            }
            match want.map(|told| told.said) {
                Some(Said::Accepted(_)) => self.seen[0] += 1,
                Some(Said::Rejected(_)) => self.seen[1] += 1,
                Some(Said::Filled(_)) => self.seen[2] += 1,
                Some(Said::Cancelled(_)) => self.seen[3] += 1,
                Some(Said::Replaced(_)) => self.seen[4] += 1,
                Some(Said::CancelRejected(_)) => self.seen[5] += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// One of the last names that were used.
    fn recent(&self, draw: u16) -> u32 {
        self.names.saturating_sub(1 + u32::from(draw) % 400)
    }

    /// A fresh name, or rarely a used one. What it is used for is noted.
    fn fresh(&mut self, draw: u16, use_for: (SessionId, InstrumentId, Side)) -> ClOrdId {
        if draw.is_multiple_of(32) {
            return name(&format!("n{}", self.recent(draw / 32)));
        }
        self.names += 1;
        self.uses.push(use_for);
        name(&format!("n{}", self.names - 1))
    }

    fn act(&mut self, draw: Draw) -> Result<(), String> {
        let mut session = SessionId(u32::from(draw.who) % 3 + 1);
        // Gateway 11 has no session until one moves there.
        let gateway = if draw.odd == 7 { NodeId(11) } else { support::GATEWAY };
        let mut instrument = InstrumentId(pick(&[1, 1, 1, 1, 1, 3, 3, 3, 1, 1, 2], draw.instrument));
        let mut side = if draw.side { Side::Buy } else { Side::Sell };
        let what = draw.what % 32;
        let orig = self.recent(draw.orig);
        if (16..=30).contains(&what)
            && !draw.who.is_multiple_of(8)
            && let Some(known) = self.uses.get(orig as usize)
        {
            // A request mostly names its order rightly.
            (session, instrument, side) = *known;
        }
        let orig = name(&format!("n{orig}"));
        let use_for = (session, instrument, side);
        let order_type = if draw.odd % 16 == 1 { OrderType::Market } else { OrderType::Limit };
        let time_in_force = pick(
            &[
                TimeInForce::Day,
                TimeInForce::Day,
                TimeInForce::GoodTillCancel,
                TimeInForce::ImmediateOrCancel,
            ],
            draw.odd / 16,
        );
        // Overlapping sides around 1000, with a few prices and quantities that are no good.
        let drift = if side == Side::Buy { -20 } else { 20 };
        let price = match draw.price {
            0 => 0,
            1 => -5,
            2 => 1003,
            3 => (1 << 40) + 4,
            4 => i64::MIN,
            other => 1000 + drift + 5 * (i64::from(other % 13) - 6),
        };
        let qty = match draw.qty {
            0 => 0,
            1 => 15,
            2 => (1 << 40) + 4,
            3 => u64::MAX,
            4 => 990,
            other => 10 * (1 + u64::from(other % 9)),
        };
        let (price, qty) = (Price(price), Qty(qty));
        let (got, want) = match what {
            0..=15 => {
                let asked = NewOrder {
                    session,
                    client_seq: 5,
                    instrument,
                    side,
                    order_type,
                    time_in_force,
                    reserved: 0,
                    price,
                    qty,
                    cl_ord_id: self.fresh(draw.name, use_for),
                    account: AccountId(u32::from(draw.odd)),
                };
                let got = self.desk.send_from(gateway, LIFE, &asked);
                let seq = self.desk.log.last.seq.0;
                (got, self.model.new_order(seq, gateway, LIFE, &asked))
            }
            16..=21 => {
                let asked = CancelOrder {
                    session,
                    client_seq: 5,
                    instrument,
                    side,
                    reserved: [0; 3],
                    cl_ord_id: self.fresh(draw.name, use_for),
                    orig_cl_ord_id: orig,
                };
                (self.desk.send_from(gateway, LIFE, &asked), self.model.cancel(gateway, LIFE, &asked))
            }
            22..=30 => {
                let asked = ReplaceOrder {
                    session,
                    client_seq: 5,
                    instrument,
                    side,
                    order_type,
                    time_in_force,
                    reserved: 0,
                    price,
                    qty,
                    cl_ord_id: self.fresh(draw.name, use_for),
                    orig_cl_ord_id: orig,
                };
                (self.desk.send_from(gateway, LIFE, &asked), self.model.replace(gateway, LIFE, &asked))
            }
            _ if draw.odd.is_multiple_of(8) => {
                let reason = LogoutReason::Requested;
                let asked = SessionLogout { session, client_seq: 5, reason, reserved: [0; 7] };
                (self.desk.send_from(gateway, LIFE, &asked), self.model.logout(gateway, LIFE, &asked))
            }
            _ => {
                let asked =
                    SessionLogon { session, client_seq: 5, reset: ResetSeqNums::No, reserved: [0; 7] };
                (self.desk.send_from(gateway, LIFE, &asked), self.model.logon(gateway, LIFE, &asked))
            }
        };
        self.compare(&got, &want)
    }

    fn compare_books(&self) -> Result<(), String> {
        self.desk.replica.machine().audit().map_err(|violation| violation.to_string())?;
        for instrument in [InstrumentId(1), InstrumentId(3)] {
            let book = self.desk.replica.machine().book(instrument).expect("defined");
            for side in [Side::Buy, Side::Sell] {
                let got: Vec<_> = book.queue(side).collect();
                let want = self.model.queue(instrument, side);
                if got != want {
                    return Err(format!("the engine's book is {got:#?}, the model's {want:#?}"));
                }
                let mut levels: Vec<(Price, u64, u32)> = Vec::new();
                for order in want {
                    match levels.last_mut() {
                        Some((price, total, count)) if *price == { order.price } => {
                            *total += { order.leaves }.0;
                            *count += 1;
                        }
                        _ => levels.push((order.price, { order.leaves }.0, 1)),
                    }
                }
                let told: Vec<_> = book.levels(side).map(|l| (l.price, l.qty.0, l.orders)).collect();
                if told != levels {
                    return Err(format!("the engine's levels are {told:?}, the model's {levels:?}"));
                }
            }
        }
        Ok(())
    }

    /// A seeded run; gives how often each kind of event was seen.
    fn run(limits: Limits, fault: Option<Fault>, seed: u64, commands: usize) -> Result<[u32; 6], String> {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut pair = Self::new(limits, fault)?;
        for at in 0..commands {
            pair.act(Draw {
                what: random.random(),
                who: random.random(),
                instrument: random.random(),
                side: random.random(),
                odd: random.random(),
                price: random.random(),
                qty: random.random(),
                name: random.random(),
                orig: random.random(),
            })?;
            if at % 1000 == 0 {
                pair.compare_books()?;
            }
        }
        pair.compare_books()?;
        Ok(pair.seen)
    }
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let draw = (any::<[u8; 6]>(), any::<bool>(), any::<[u16; 2]>()).prop_map(|(b, side, names)| Draw {
        what: b[0],
        who: b[1],
        instrument: b[2],
        side,
        odd: b[3],
        price: b[4],
        qty: b[5],
        name: names[0],
        // Near names, so that a short run hits them.
        orig: names[1] % 24,
    });
    prop::collection::vec(draw, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_give_the_models_events_and_books(draws in draws(), tight in any::<bool>()) {
        let limits = if tight { Limits { resting_orders: 9, names: 60, ..LIMITS } } else { LIMITS };
        let mut pair = Pair::new(limits, None).map_err(TestCaseError::fail)?;
        for draw in draws {
            pair.act(draw).map_err(TestCaseError::fail)?;
        }
        pair.compare_books().map_err(TestCaseError::fail)?;
    }
}

#[test]
fn a_hundred_thousand_commands_give_the_models_events_and_books() {
    let seen = Pair::run(LIMITS, None, 20_120_621, 100_000).expect("engine and model agree");
    assert!(seen.iter().all(|count| *count > 1_000), "every kind of event was common: {seen:?}");
}

#[test]
fn a_planted_fault_is_found() {
    for fault in [Fault::NewestFirst, Fault::TakersPrice, Fault::ReplaceAlwaysKeepsItsPlace] {
        assert!(Pair::run(LIMITS, Some(fault), 7, 20_000).is_err(), "{fault:?} went unnoticed");
    }
}
