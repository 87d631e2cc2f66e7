//! The engine beside the naive model: the same commands give the same events, books, stops, balances and positions.

#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;

use engine::Limits;
use naive::Fault;
use pair::{Draw, Generator, NUMBERS, Pair, Seen, Step, WORLD, shortest};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{GATEWAY, LIFE};

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
    for at in 0..commands {
        let draw = Draw::new(std::array::from_fn(|_| random.random()));
        let compared = at % COMPARED_EVERY == 0 || at + 1 == commands;
        let verdict = generator.step(&mut pair, draw);
        verdict
            .and_then(|()| if compared { pair.compare() } else { Ok(()) })
            .map_err(|why| format!("seed {seed}, command {at}: {why}"))?;
        if at % 5_000_000 == 4_999_999 {
            progress(seed, at + 1);
        }
    }
    Ok(pair.seen)
}

/// A run that must not fail. If it does, the message has its seed and a short sequence that fails alike.
fn agreed(limits: Limits, seed: u64, commands: usize) -> Seen {
    run(limits, None, seed, commands)
        .unwrap_or_else(|why| panic!("{why}\n{}", explain(limits, seed, commands)))
}

/// The run once more, with its commands kept and everything compared after each from where it fails.
fn explain(limits: Limits, seed: u64, commands: usize) -> String {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut pair = Pair::new(limits, None);
    let mut generator = Generator::new();
    let mut steps: Vec<Step> = Vec::new();
    for asked in Generator::prologue() {
        let step = Step { now: pair.desk.log.now, source: GATEWAY, life: LIFE, asked };
        steps.push(step);
        if let Err(why) = pair.apply(step.source, step.life, &step.asked) {
            return why;
        }
    }
    for at in 0..commands.min(400_000) {
        let draw = Draw::new(std::array::from_fn(|_| random.random()));
        let step = generator.draw(&mut pair, draw);
        steps.push(step);
        let verdict = pair.apply(step.source, step.life, &step.asked);
        if verdict.is_err() || (at % COMPARED_EVERY == 0 && pair.compare().is_err()) {
            break;
        }
    }
    shortest(limits, None, steps)
}

#[expect(clippy::print_stderr, reason = "a run of an hour says that it goes on")]
fn progress(seed: u64, commands: usize) {
    eprintln!("seed {seed}: {commands} commands, engine and model agree");
}

/// With LOCKSTEP_MODEL_SHOW set: how often everything happened.
#[expect(clippy::print_stderr, reason = "asked for")]
fn show(seen: &Seen) {
    if std::env::var_os("LOCKSTEP_MODEL_SHOW").is_some() {
        eprintln!("{seen}");
    }
}

/// How many commands all long runs have together.
fn commands() -> usize {
    match std::env::var("LOCKSTEP_MODEL_COMMANDS") {
        Ok(count) => count.parse().expect("LOCKSTEP_MODEL_COMMANDS is a number of commands"),
        Err(_) => 1_000_000,
    }
}

/// LOCKSTEP_MODEL_SEED makes all long runs other ones.
fn other_seed() -> u64 {
    match std::env::var("LOCKSTEP_MODEL_SEED") {
        Ok(seed) => seed.parse().expect("LOCKSTEP_MODEL_SEED is a number"),
        Err(_) => 0,
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
        seen.merge(&agreed(WORLD, seed + other_seed(), commands() / 5));
    }
    seen
}

#[test]
fn a_million_commands_give_the_models_events_and_books() {
    let seen = long_run([20_120_621, 1]);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
    show(&seen);
}

#[test]
fn a_million_commands_give_the_models_events_and_books_from_other_seeds() {
    let seen = long_run([20_120_622, 2]);
    assert_eq!(seen.missing(), [""; 0], "everything that can happen did:\n{seen}");
    show(&seen);
}

#[test]
fn commands_without_room_give_the_models_events_and_books() {
    let seen = agreed(TIGHT, 77 + other_seed(), commands() / 5);
    assert!(seen.count("new order: BookFull") > 1_000, "{seen}");
    assert!(seen.count("Replace: BookFull") > 10, "{seen}");
}

#[test]
fn every_planted_fault_is_found() {
    for seed in 7..10 {
        agreed(WORLD, seed, 40_000);
    }
    let unnoticed: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|fault| (7..10).all(|seed| run(WORLD, Some(*fault), seed, 40_000).is_ok()))
        .collect();
    assert_eq!(unnoticed, []);
}
