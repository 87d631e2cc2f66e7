//! After start-up the engine allocates nothing while it trades: a counting allocator watches trading days.
//!
//! The room made in advance must do; what has to grow (a level beyond those reserved, an event beyond those reserved) is
//! shown to be counted, so that a silent counter cannot pass for a quiet engine.

#![allow(unsafe_code)]

#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;

use engine::Limits;
use pair::{Asked, Draw, Generator, Pair};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, but, cancel, define, logon, order, replace};
use wire::command::{NewOrder, Side, Tick, TimeInForce};
use wire::{AccountId, CommandKind, Digest, Frame, InstrumentId, SessionId};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on unchanged to the system's allocator, which keeps the contract; the counter is a plain
// thread-local cell without a destructor, so counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, and so from the system's allocator with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as for `dealloc`; the caller keeps `realloc`'s contract, which is the system's.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often the engine allocated while it applied these frames.
fn allocations(desk: &mut Desk, frames: &[Vec<u8>]) -> u64 {
    let before = ALLOCATIONS.get();
    for bytes in frames {
        let frame = Frame::read(bytes).expect("stamped by this test");
        desk.replica.apply(&frame).expect("the next frame of the same log");
        for event in desk.replica.events_mut() {
            wire::event::speak(event, wire::event::Speaker::default());
        }
    }
    ALLOCATIONS.get() - before
}

#[test]
fn a_trading_day_within_the_limits_allocates_nothing() {
    let mut desk = Desk::new();
    let mut frames = Vec::new();
    let mut stamp = |desk: &mut Desk, n: i64| {
        let (side, session) = if n % 2 == 0 { (Side::Buy, ALICE) } else { (Side::Sell, BOB) };
        let away = if side == Side::Buy { -5 } else { 5 };
        let price = 1000 + away * (n % 7);
        let (o, r, c) = (format!("o{n}"), format!("r{n}"), format!("c{n}"));
        let log = &mut desk.log;
        let (source, life) = (GATEWAY, LIFE);
        frames.push(log.stamp(source, life, &order(session, &o, side, 50, price)));
        frames.push(log.stamp(source, life, &replace(session, &r, &o, side, 40, price + away)));
        frames.push(log.stamp(source, life, &order(session, &o, side, 50, price)));
        let taker = but(order(ALICE, &format!("i{n}"), Side::Buy, 70, 1010), |t| {
            t.time_in_force = TimeInForce::ImmediateOrCancel;
        });
        frames.push(log.stamp(source, life, &taker));
        frames.push(log.stamp(source, life, &cancel(session, &c, &r, side)));
        frames.push(log.stamp(source, life, &Tick {}));
    };
    for n in 0..5_000 {
        stamp(&mut desk, n);
    }
    assert_eq!(allocations(&mut desk, &frames), 0);
    assert!(desk.replica.outbound().0 > 25_000, "the day was a busy one");
    desk.audit();
}

/// A debug build checks everything after each command as long as no more orders than these are open, and allocates for it.
const SMALL_WORLD: usize = 48;

/// Days as the comparison with the model draws them, with enough orders that lie about and never meet.
fn days(limits: Limits, commands: usize) -> (Vec<Vec<u8>>, Digest) {
    let (deep, keeper) = (InstrumentId(7), SessionId(7));
    let mut pair = Pair::new(limits, None);
    let mut frames = Vec::new();
    let mut take = |pair: &mut Pair, source, life, asked: Asked| {
        frames.push(asked.stamp(&mut pair.desk.log.clone(), source, life));
        pair.apply(source, life, &asked).expect("engine and model agree");
    };
    for asked in Generator::prologue() {
        take(&mut pair, GATEWAY, LIFE, asked);
    }
    take(&mut pair, GATEWAY, LIFE, define(deep, b"DEEP").into());
    take(&mut pair, GATEWAY, LIFE, logon(keeper).into());
    let (mut generator, mut random) = (Generator::new(), SmallRng::seed_from_u64(5));
    for n in 0..commands {
        if pair.model.open_orders() < SMALL_WORLD + 20 {
            let ballast = but(order(keeper, &format!("ballast{n}"), Side::Buy, 10, 5), |t| {
                (t.instrument, t.time_in_force) = (deep, TimeInForce::GoodTillCancel);
            });
            take(&mut pair, GATEWAY, LIFE, NewOrder { account: AccountId(0), ..ballast }.into());
        }
        let step = generator.draw(&mut pair, Draw::new(std::array::from_fn(|_| random.random())));
        take(&mut pair, step.source, step.life, step.asked);
    }
    (frames, pair.desk.replica.digest())
}

#[test]
fn days_of_every_feature_allocate_nothing() {
    // Stops, icebergs, auctions, money, limits, busts, operators.
    let limits = Limits {
        names: 30_000,
        resting_orders: 200,
        holdings: 60,
        levels: 1 << 10,
        events_reserved: 1 << 10,
        ..LIMITS
    };
    let (frames, digest) = days(limits, 40_000);
    let mut desk = Desk::empty(limits);
    let mut counted = 0;
    for bytes in &frames {
        let found = allocations(&mut desk, std::slice::from_ref(bytes));
        let command = Frame::read(bytes).expect("stamped by this test");
        let command = command.command().expect("stamped by this test");
        // The turns of a day may allocate: they are few, and no order waits for them.
        let turn = matches!(command.kind(), CommandKind::SetPhase | CommandKind::EndDay);
        if !turn && desk.replica.machine().resting_orders() > SMALL_WORLD {
            assert_eq!(found, 0, "{command:?}");
            counted += 1;
        }
    }
    assert!(counted > frames.len() / 2, "{counted} of {}", frames.len());
    assert_eq!(desk.replica.digest(), digest, "the same days once more");
}

#[test]
fn growth_beyond_the_reserved_levels_and_events_is_rare_and_seen_by_the_counter() {
    let limits = Limits { levels: 16, ..LIMITS };
    let mut desk = Desk::with_limits(limits);
    let mut frames = Vec::new();
    let levels = i64::from(limits.levels) * 4;
    for n in 1..=levels {
        let asked = order(ALICE, &format!("o{n}"), Side::Sell, 10, 5 * n);
        frames.push(desk.log.stamp(GATEWAY, LIFE, &asked));
    }
    assert_eq!(allocations(&mut desk, &frames), 2, "the side of the book doubled twice");
    let sweep = order(BOB, "sweep", Side::Buy, 10 * levels.unsigned_abs(), 5 * levels);
    let frames = [desk.log.stamp(GATEWAY, LIFE, &sweep)];
    assert_eq!(allocations(&mut desk, &frames), 4, "places and lengths of the sink doubled twice");
}
