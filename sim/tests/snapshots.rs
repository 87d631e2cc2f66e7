//! Engines that begin with snapshots, over and over, while files are damaged and the power is cut: every restored state is the
//! history's, byte for byte.

use sim::plan::Plan;
use sim::run_plan;
use sim::story::Counts;

/// So many runs, each with many more faults than a seed plans by itself.
const RUNS: u64 = 30;
const BLOWS: usize = 24;

#[test]
fn engines_begin_with_snapshots_past_damaged_ones_and_every_promise_is_kept() {
    let mut counts = Counts::new();
    for seed in 30_000..30_000 + RUNS {
        let mut plan = Plan { blows: BLOWS, ..Plan::of(seed) };
        plan.description.snapshot.commands = 60;
        let outcome = run_plan(plan, false);
        assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
        for (what, times) in outcome.counts {
            *counts.entry(what).or_default() += times;
        }
    }
    let count = |what| counts.get(what).copied().unwrap_or(0);
    println!("{counts:#?}");
    assert!(count("snapshot written") >= 5 * RUNS, "{counts:?}");
    assert!(count("engine begun with a snapshot") >= RUNS / 2, "{counts:?}");
    assert!(count("damaged snapshot passed over") > 0 && count("rebuilt from a snapshot") > 0, "{counts:?}");
}

#[test]
fn where_nobody_asks_for_snapshots_none_is_written() {
    for seed in 0..3 {
        let mut plan = Plan::of(seed);
        plan.description.snapshot.commands = 0;
        let outcome = run_plan(plan, false);
        assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
        assert!(!outcome.counts.contains_key("snapshot written"), "{:?}", outcome.counts);
    }
}
