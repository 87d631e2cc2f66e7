//! Orders that make every engine panic, in the middle of all other trouble: the cluster keeps its promises, and leaves them out.
//!
//! `RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo test -p sim --test poison`

#![cfg(lockstep_planted)]

use sim::plan::Plan;
use sim::run_plan;
use sim::story::Counts;

/// So many runs, each with two poisonous orders.
const RUNS: u64 = 40;

#[test]
fn commands_that_make_engines_panic_are_left_out_and_every_promise_is_kept() {
    let mut counts = Counts::new();
    for seed in 0..RUNS {
        let outcome = run_plan(Plan { poison: 2, ..Plan::of(seed) }, false);
        assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
        for (what, times) in outcome.counts {
            *counts.entry(what).or_default() += times;
        }
    }
    let count = |what| counts.get(what).copied().unwrap_or(0);
    println!("{counts:#?}");
    // Some orders are refused before they come to where they panic.
    assert!(count("engine panicked") >= RUNS, "{counts:?}");
    assert!(count("engine stopped before it") > 0 && count("operator quarantined") > 0, "{counts:?}");
    // Each by two engines, again by those that start again.
    assert!(count("command left out") >= 2 * RUNS, "{counts:?}");
    assert!(count("quarantine in the stream") >= RUNS, "{counts:?}");
}
