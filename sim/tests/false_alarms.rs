//! Thousands of takeovers from a hot engine that is well cost nothing but datagrams.

use sim::plan::Plan;
use sim::run_plan;
use wire::Nanos;

/// So many runs, each with hundreds of false alarms under load.
const RUNS: u64 = 24;
const AT_LEAST: u64 = 2_000;

#[test]
fn thousands_of_false_alarms_under_load_are_noticed_by_no_client() {
    let mut alarms = 0;
    for seed in 0..RUNS {
        let mut plan = Plan::of(seed);
        // Nothing is wrong but that most heartbeats are lost, from the beginning to the end.
        plan.blows = 0;
        plan.quality.hush = 900;
        plan.description.timing.beat = Nanos::from_micros(200);
        plan.description.timing.takeover = Nanos::from_micros(500);
        plan.trouble = Nanos(2 * Nanos::SECOND.0);
        let outcome = run_plan(plan, false);
        assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
        assert!(outcome.requests >= 1_000, "there is load");
        assert!(!outcome.counts.contains_key("engine rebuilt"), "seed {seed}: nothing is void");
        alarms += outcome.counts.get("successor took over").copied().unwrap_or(0);
    }
    println!("{alarms} false alarms");
    assert!(alarms >= AT_LEAST, "only {alarms} false alarms");
}
