//! One seed, from its plan to its verdict.

use crate::oracle::{Verdict, Violation, broken};
use crate::plan::Plan;
use crate::story::{self, Counts, Listener};
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wire::Nanos;

/// After the healing everything has to be quiet within this time.
const PATIENCE: Nanos = Nanos(20 * Nanos::SECOND.0);
/// How often it is looked whether it is.
const LOOK: Nanos = Nanos::from_millis(10);

/// What became of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// How often what happened.
    pub counts: Counts,
    /// All choices in one number.
    pub fingerprint: u64,
    /// Virtual time that went by.
    pub took: Nanos,
    /// Frames in the history, requests made, reports received.
    pub frames: u64,
    /// Requests that clients made.
    pub requests: u64,
    /// Reports that clients received.
    pub reports: u64,
    /// Datagrams that arrived.
    pub datagrams: u64,
    /// Cycles of threads.
    pub cycles: u64,
}

/// Runs a seed; `told`: its story is printed.
#[must_use]
pub fn run(seed: u64, told: bool) -> Outcome {
    run_plan(Plan::of(seed), told)
}

/// Runs a plan, whatever made it.
#[must_use]
pub fn run_plan(plan: Plan, told: bool) -> Outcome {
    let seed = plan.seed;
    let level = if told { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let listener = tracing::Dispatch::new(Listener { level });
    tracing::dispatcher::with_default(&listener, || {
        story::begin(told);
        let mut world = World::new(plan);
        let verdict = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
        let verdict =
            verdict.unwrap_or_else(|panic| Err(broken("assertion", format_args!("{}", words(&*panic)))));
        if let Err(violation) = &verdict {
            story::at(world.now(), "oracle");
            story::tell(format_args!("{violation}"));
        }
        let outcome = Outcome {
            seed,
            violation: verdict.err(),
            counts: story::counts(),
            fingerprint: world.fingerprint(),
            took: world.now(),
            frames: world.oracle.last().seq.0,
            requests: world.clients.requests(),
            reports: world.clients.reports(),
            datagrams: world.tally().delivered,
            cycles: world.cycles(),
        };
        // After a panic its processes may be half done: what they would do at their end is of no interest.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(world)));
        outcome
    })
}

fn live(world: &mut World) -> Verdict {
    world.run_until(world.plan.trouble.saturating_add(Nanos::from_millis(100)))?;
    world.heal()?;
    let until = world.now().saturating_add(PATIENCE);
    while !world.is_quiet() {
        if world.now() >= until {
            return Err(world.complaint());
        }
        world.run_until(world.now().saturating_add(LOOK))?;
    }
    world.judge()
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}
