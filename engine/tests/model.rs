//! The engine beside the naive model: the same commands give the same events, books, stops, balances and positions.

#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;

use engine::Limits;
use naive::Fault;
use pair::{Draw, Generator, NUMBERS, Pair, Seen};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{GATEWAY, LIFE};

/// Room for a busy small world; every limit is reached now and then.
const WORLD: Limits = Limits {
    instruments: 8,
    sessions: 5,
    resting_orders: 180,
    names: 30_000,
    accounts: 8,
    holdings: 40,
    participants: 8,
    currencies: 4,
    trades: 24,
    levels: 1 << 12,
    events_reserved: 64,
};

/// Hardly room for anything.
const TIGHT: Limits = Limits { resting_orders: 14, names: 140, holdings: 12, trades: 5, ..WORLD };

/// How often everything is compared, not the events alone.
const COMPARED_EVERY: usize = 200;

fn world(limits: Limits, fault: Option<Fault>) -> Result<Pair, String> {
    let mut pair = Pair::new(limits, fault);
    for asked in Generator::prologue() {
        pair.apply(GATEWAY, LIFE, &asked)?;
    }
    Ok(pair)
}

/// A seeded run; gives what it brought about.
fn run(limits: Limits, fault: Option<Fault>, seed: u64, commands: usize) -> Result<Seen, String> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut pair = world(limits, fault)?;
    let mut generator = Generator::new();
    let mut go = || -> Result<(), (usize, String)> {
        for at in 0..commands {
            let draw = Draw::new(std::array::from_fn(|_| random.random()));
            generator.step(&mut pair, draw).map_err(|why| (at, why))?;
            if at % COMPARED_EVERY == 0 {
                pair.compare().map_err(|why| (at, why))?;
            }
            if at % 5_000_000 == 4_999_999 {
                progress(seed, at + 1);
            }
        }
        pair.compare().map_err(|why| (commands, why))
    };
    go().map_err(|(at, why)| format!("seed {seed}, command {at}: {why}"))?;
    Ok(pair.seen)
}

#[expect(clippy::print_stderr, reason = "a run of an hour says that it goes on")]
fn progress(seed: u64, commands: usize) {
    eprintln!("seed {seed}: {commands} commands, engine and model agree");
}

/// How many commands all long runs have together.
fn commands() -> usize {
    match std::env::var("LOCKSTEP_MODEL_COMMANDS") {
        Ok(count) => count.parse().expect("LOCKSTEP_MODEL_COMMANDS is a number of commands"),
        Err(_) => 1_000_000,
    }
}

fn draws(longest: usize) -> impl Strategy<Value = Vec<[u16; NUMBERS]>> {
    prop::collection::vec(prop::array::uniform28(any::<u16>()), 1..longest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_short_sequence_gives_the_models_events_and_books(draws in draws(150), tight in any::<bool>()) {
        let mut pair = world(if tight { TIGHT } else { WORLD }, None).map_err(TestCaseError::fail)?;
        let mut generator = Generator::new();
        for draw in draws {
            generator.step(&mut pair, Draw::new(draw)).map_err(TestCaseError::fail)?;
            pair.compare().map_err(TestCaseError::fail)?;
        }
    }
}

/// Two of these run beside each other on two cores.
fn long_run(seeds: [u64; 2]) -> Seen {
    let mut seen = Seen::default();
    for seed in seeds {
        seen.merge(&run(WORLD, None, seed, commands() / 5).unwrap_or_else(|why| panic!("{why}")));
    }
    seen
}

#[test]
fn a_million_commands_give_the_models_events_and_books() {
    let seen = long_run([20_120_621, 1]);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
}

#[test]
fn a_million_commands_give_the_models_events_and_books_from_other_seeds() {
    let seen = long_run([20_120_622, 2]);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
}

#[test]
fn commands_without_room_give_the_models_events_and_books() {
    let seen = run(TIGHT, None, 77, commands() / 5).unwrap_or_else(|why| panic!("{why}"));
    assert!(seen.count("new order: BookFull") > 1_000, "{seen}");
    assert!(seen.count("Replace: BookFull") > 10, "{seen}");
}

#[test]
fn every_planted_fault_is_found() {
    for fault in Fault::ALL {
        let found = (7..10).any(|seed| run(WORLD, Some(fault), seed, 20_000).is_err());
        assert!(found, "{fault:?} went unnoticed");
    }
}
