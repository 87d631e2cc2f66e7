//! A budget of seeds for every build, every seed that ever failed, and the proof that a seed is a run.

use sim::run;

/// So many fresh seeds; a minute or so.
const BUDGET: u64 = 100;

fn check(seeds: impl Iterator<Item = u64>) {
    let failed: Vec<_> = seeds
        .map(|seed| run(seed, false))
        .filter_map(|outcome| {
            outcome.violation.map(|violation| format!("seed {}: {violation}", outcome.seed))
        })
        .collect();
    assert!(
        failed.is_empty(),
        "again with `cargo run --release -p sim -- --seed N --trace`:\n{}",
        failed.join("\n")
    );
}

#[test]
fn the_same_seed_makes_the_same_run() {
    for seed in [1, 2, 3] {
        let (one, other) = (run(seed, false), run(seed, false));
        assert_eq!(one, other);
        assert!(one.requests >= 1_000 && one.reports > one.requests, "{one:?}");
    }
    assert_ne!(run(4, false).fingerprint, run(5, false).fingerprint);
}

#[test]
fn a_budget_of_seeds_keeps_every_promise() {
    check(10_000..10_000 + BUDGET);
}

#[test]
fn every_seed_that_ever_failed_keeps_every_promise() {
    let known = include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#'));
    check(known.map(|line| {
        let seed = line.split(' ').next().unwrap();
        seed.parse().unwrap_or_else(|_| panic!("{line:?} does not begin with a seed"))
    }));
}
