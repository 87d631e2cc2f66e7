//! After any run of the engine, its events alone give the engine's own orders, queues, levels and instruments.

#[path = "../../../engine/tests/support/naive/mod.rs"]
mod naive;
#[path = "../../../engine/tests/support/pair/mod.rs"]
mod pair;
#[path = "../../../engine/tests/support/mod.rs"]
mod support;

mod consumer;

use consumer::Consumer;
use pair::{Draw, Generator, Pair, Seen, WORLD};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{GATEWAY, LIFE};

/// Orders, books and instruments are compared after each command; what needs a look at every name, this often.
const NAMES_EVERY: usize = 50;

/// A seeded run, with a consumer beside the engine and another one that begins at event 1 when it is over.
fn run(seed: u64, commands: usize, limits: orders::Limits) -> Seen {
    let mut random = SmallRng::seed_from_u64(seed);
    // Little enough room that orders are refused for want of it within one run.
    let mut pair = Pair::new(engine::Limits { resting_orders: 90, ..WORLD }, None);
    let mut generator = Generator::new();
    let mut live = Consumer::new(limits);
    for asked in Generator::prologue() {
        pair.apply(GATEWAY, LIFE, &asked).expect("engine and model agree");
        live.hear(&pair.desk.replica);
    }
    for at in 0..commands {
        let draw = Draw::new(std::array::from_fn(|_| random.random()));
        generator.step(&mut pair, draw).expect("engine and model agree");
        live.hear(&pair.desk.replica);
        let exchange = pair.desk.replica.machine();
        let verdict = live.compare(exchange).and_then(|()| {
            if at % NAMES_EVERY == 0 || at + 1 == commands { live.compare_names() } else { Ok(()) }
        });
        verdict.unwrap_or_else(|why| panic!("seed {seed}, command {at}: {why}"));
    }
    let late = live.begun_again();
    late.compare(pair.desk.replica.machine())
        .expect("a consumer that begins at event 1 is where the other one is");
    assert_eq!(live.orders_in_order(), late.orders_in_order());
    assert!(live.orders.executions().eq(late.orders.executions()));
    pair.seen
}

/// So much is kept that nothing of a day is forgotten.
const PLENTY: orders::Limits = orders::Limits {
    open_orders: WORLD.resting_orders + 1,
    done_orders: 1 << 15,
    executions: 1 << 15,
    levels: 1 << 10,
    instruments: 8,
    sessions: 8,
};

#[test]
fn after_every_command_of_long_runs_books_and_orders_are_the_engines() {
    let seen = run(20_250_117, 150_000, PLENTY);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
}

#[test]
fn a_consumer_that_keeps_little_beside_the_open_orders_is_where_the_engine_is_too() {
    let little = orders::Limits { done_orders: 3, executions: 2, ..PLENTY };
    let seen = run(20_250_118, 150_000, little);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
}
