//! Engines that go astray, hot and warm, in clusters that trade: the cluster finds out which of them is wrong, takes it out, and it comes
//! back equal; every promise is kept, but for what a hot one had said by then.
//!
//! `RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo test -p sim --test divergence`

#![cfg(lockstep_planted)]

use sim::nemesis::{Blow, Planned};
use sim::plan::Plan;
use sim::run_plan;
use sim::story::Counts;
use wire::Nanos;

/// So many runs of each kind.
const RUNS: u64 = 30;

fn blow(at: Nanos, blow: Blow) -> Planned {
    Planned { at, lasts: Nanos::from_millis(30), blow }
}

/// Runs these, and adds up what happened.
fn campaign(plans: impl Iterator<Item = Plan>) -> Counts {
    let mut counts = Counts::new();
    for plan in plans {
        let seed = plan.seed;
        let outcome = run_plan(plan, false);
        assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
        assert!(outcome.requests >= 1_000, "there is load");
        for (what, times) in outcome.counts {
            *counts.entry(what).or_default() += times;
        }
    }
    counts
}

/// A seed's cluster and network, in which engines go astray twice, one after the other, while other nodes come and go. Engines stay, so that
/// no engine is alone: what one that is alone takes for true nobody can check.
fn beside_a_right_one(seed: u64, hot: [bool; 2]) -> Plan {
    let mut plan = Plan { blows: 0, ..Plan::of(seed) };
    plan.trouble = Nanos(2 * Nanos::SECOND.0);
    plan.think = Nanos(plan.trouble.0 / u64::from(plan.requests));
    plan.description.snapshot.commands = 60;
    let times = [400, 1_200].map(Nanos::from_millis);
    plan.more = times.into_iter().zip(hot).map(|(at, hot)| blow(at, Blow::Astray { hot })).collect();
    match seed % 4 {
        0 => plan.more.push(blow(Nanos::from_millis(430), Blow::CrashLeader)),
        1 => plan.more.push(blow(Nanos::from_millis(420), Blow::Depose)),
        2 => plan.more.push(blow(Nanos::from_millis(1_210), Blow::Burst(200))),
        _ => {}
    }
    plan
}

#[test]
fn a_warm_engine_that_goes_astray_is_found_and_comes_back_and_no_client_notices() {
    let counts = campaign((0..RUNS).map(|seed| beside_a_right_one(seed, [false; 2])));
    let count = |what| counts.get(what).copied().unwrap_or(0);
    println!("{counts:#?}");
    assert!(count("engine led astray") >= 2 * RUNS - 4, "{counts:?}");
    assert_eq!(count("engine found wrong"), count("engine led astray"));
    assert_eq!(count("dispute settled"), count("dispute opened"));
    assert!(count("log executed anew") >= 2 * count("dispute opened"), "both have looked");
    assert!(count("inquiry begun with a snapshot") > RUNS && count("snapshot written") > RUNS, "{counts:?}");
}

#[test]
fn a_hot_engine_that_goes_astray_is_found_and_replaced() {
    let counts = campaign((100..100 + RUNS).map(|seed| beside_a_right_one(seed, [true; 2])));
    let count = |what| counts.get(what).copied().unwrap_or(0);
    println!("{counts:#?}");
    assert!(count("engine led astray") >= 2 * RUNS - 4, "{counts:?}");
    assert!(count("engine found wrong") > RUNS, "{counts:?}");
    assert!(count("hot engine replaced since it was wrong") > RUNS, "{counts:?}");
}

#[test]
fn engines_go_astray_in_the_middle_of_all_other_trouble() {
    let counts = campaign((200..200 + RUNS).map(|seed| {
        let mut plan = Plan::of(seed);
        // An engine may be alone here.
        plan.description.snapshot.commands = 0;
        let at = Nanos(plan.trouble.0 / 3 + 1);
        plan.more = vec![blow(at, Blow::Astray { hot: seed.is_multiple_of(2) })];
        plan
    }));
    let count = |what| counts.get(what).copied().unwrap_or(0);
    println!("{counts:#?}");
    assert!(count("engine led astray") > RUNS / 2 && count("engine found wrong") > RUNS / 4, "{counts:?}");
}
