//! How many commands a second one engine core applies, alone on its thread: the baseline that later work is held against.
//!
//! `cargo run --release -p engine --example match_orders`. The frames are stamped before the clock starts; what is measured
//! is reading (checksum), continuity (chain), matching, events and digest of each, as in the engine's hot path without the
//! network. The mix: 16 instruments, 45 % new orders around a drifting middle, 40 % cancels, 8 % replaces, 7 % immediate.

#![expect(clippy::print_stdout, reason = "the measurement is its output")]

use engine::{EventSink, Exchange, Limits, Replica};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::time::Instant;
use wire::command::{
    CancelOrder, DefineInstrument, InstrumentTerms, NewOrder, ReplaceOrder, ResetSeqNums, SessionLogon, Side,
    Terms, TimeInForce,
};
use wire::frame::{self, Origin};
use wire::{
    AccountId, ClOrdId, CommandBody, Epoch, Frame, Incarnation, InstrumentId, MAX_FRAME_LEN, Nanos, NodeId,
    Position, Price, Qty, SessionId, SourceSeq, Symbol,
};

const COMMANDS: u64 = 1_000_000;
const INSTRUMENTS: u32 = 16;
const SESSIONS: u32 = 32;

/// Stamped frames, one behind the other.
struct Log {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    last: Position,
}

impl Log {
    fn push<B: CommandBody>(&mut self, body: &B) {
        let mut frame = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(1),
            incarnation: Incarnation(1),
            source_seq: SourceSeq(1),
            received: Nanos(0),
        };
        let length = frame::write(&mut frame, origin, body);
        self.last = frame::stamp(&mut frame[..length], self.last, Epoch(1), Nanos(self.last.seq.0));
        self.bytes.extend_from_slice(&frame[..length]);
        self.ends.push(self.bytes.len());
    }
}

#[derive(Clone, Copy)]
struct Known {
    session: SessionId,
    instrument: InstrumentId,
    side: Side,
    price: i64,
    name: u64,
}

fn name(number: u64) -> ClOrdId {
    ClOrdId::new(format!("{number:020}").as_bytes()).expect("twenty digits")
}

fn workload() -> Log {
    let mut random = SmallRng::seed_from_u64(42);
    let mut log = Log { bytes: Vec::new(), ends: Vec::new(), last: Position::GENESIS };
    for id in 1..=INSTRUMENTS {
        let symbol = Symbol::new(format!("S{id}").as_bytes()).expect("short");
        let terms = InstrumentTerms::plain(InstrumentId(id), symbol, 2, Price(1), Qty(1));
        log.push(&DefineInstrument { terms });
    }
    for id in 1..=SESSIONS {
        let session = SessionId(id);
        log.push(&SessionLogon { session, client_seq: 1, reset: ResetSeqNums::No, reserved: [0; 7] });
    }
    let mut middles = [10_000_i64; INSTRUMENTS as usize + 1];
    let mut known: Vec<Known> = Vec::new();
    let mut names = 0;
    while log.last.seq.0 < COMMANDS {
        names += 1;
        let cl_ord_id = name(names);
        let draw = random.random_range(0..100);
        if draw < 48 && known.len() > 2_000 {
            let at = random.random_range(0..known.len());
            let order = &mut known[at];
            let orig_cl_ord_id = name(order.name);
            if draw < 40 {
                log.push(&CancelOrder {
                    session: order.session,
                    client_seq: 2,
                    instrument: order.instrument,
                    side: order.side,
                    reserved: [0; 3],
                    cl_ord_id,
                    orig_cl_ord_id,
                });
                known.swap_remove(at);
            } else {
                order.name = names;
                log.push(&ReplaceOrder {
                    session: order.session,
                    client_seq: 2,
                    terms: Terms::limit(
                        order.instrument,
                        order.side,
                        Price(order.price),
                        Qty(random.random_range(1..200)),
                    ),
                    cl_ord_id,
                    orig_cl_ord_id,
                });
            }
            continue;
        }
        let id = random.random_range(1..=INSTRUMENTS);
        let middle = &mut middles[id as usize];
        *middle += random.random_range(-1..=1);
        let side = if random.random() { Side::Buy } else { Side::Sell };
        let immediate = draw > 92;
        let away = if immediate { -3 } else { random.random_range(0..8_i64) * random.random_range(0..8_i64) };
        let price = if side == Side::Buy { *middle - away } else { *middle + away };
        let (session, instrument) = (SessionId(random.random_range(1..=SESSIONS)), InstrumentId(id));
        let mut terms = Terms::limit(instrument, side, Price(price), Qty(random.random_range(1..200)));
        if immediate {
            terms.time_in_force = TimeInForce::ImmediateOrCancel;
        }
        log.push(&NewOrder { session, client_seq: 2, terms, cl_ord_id, account: AccountId(0) });
        if !immediate {
            known.push(Known { session, instrument, side, price, name: names });
        }
    }
    log
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn main() {
    let log = workload();
    let limits = Limits::default();
    for round in 1..=3 {
        let exchange = Exchange::new(limits).expect("the default limits can be granted");
        let mut replica = Replica::new(exchange, EventSink::with_capacity(limits.events_reserved as usize));
        let started = now();
        let mut start = 0;
        for end in &log.ends {
            let frame = Frame::read(&log.bytes[start..*end]).expect("stamped above");
            replica.apply(&frame).expect("one log, in order");
            start = *end;
        }
        let took = started.elapsed();
        let rate = log.ends.len() as f64 / took.as_secs_f64();
        println!(
            "round {round}: {} commands, {} events, {} resting, digest {:016x}: {:.3} s, {:.2} million commands/s",
            log.ends.len(),
            replica.outbound().0 - 1,
            replica.machine().resting_orders(),
            replica.digest().0,
            took.as_secs_f64(),
            rate / 1e6
        );
    }
}
