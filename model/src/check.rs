//! Runs an exploration and reports.

use crate::action::Told;
use crate::bounds::Bounds;
use crate::promise::Broken;
use crate::sight::{Sight, Sights};
use crate::world::World;
use stateright::{Checker, HasDiscoveries, Model};
use std::fmt;
use std::sync::Arc;

/// What came of an exploration.
#[derive(Debug)]
pub struct Outcome {
    /// The bounds.
    pub bounds: Bounds,
    /// States that differ.
    pub states: usize,
    /// Steps that were taken between them.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// Whether it was cut at the most states that were allowed: then it is *not* exhaustive.
    pub cut: bool,
    /// The promise that was broken, and the way there, a sentence a step.
    pub broken: Option<(Broken, Vec<String>)>,
    /// What was seen.
    pub sights: Arc<Sights>,
}

/// Explores everything within these bounds, or until a promise is broken, or at most about `max_steps` steps.
///
/// # Panics
/// If a thread of the exploration does.
#[must_use]
pub fn check(bounds: Bounds, max_steps: usize, threads: usize) -> Outcome {
    let world = World::new(bounds);
    let sights = world.sights();
    let checker = world
        .checker()
        .threads(threads)
        .target_state_count(max_steps)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let broken = checker.discoveries().into_values().next().map(|path| {
        let path = path.into_vec();
        let told = path.iter().filter_map(|(state, action)| {
            let action = action.as_ref()?;
            Some(Told(action, state).to_string())
        });
        let story = told.collect();
        let last = path.last().and_then(|(state, _)| state.broken.clone());
        (last.expect("a way ends where a promise is broken"), story)
    });
    let steps = checker.state_count();
    Outcome {
        bounds,
        states: checker.unique_state_count(),
        steps,
        depth: checker.max_depth(),
        cut: broken.is_none() && steps >= max_steps,
        broken,
        sights,
    }
}

impl Outcome {
    /// Which of these were never seen.
    #[must_use]
    pub fn unseen(&self, wanted: &[Sight]) -> Vec<Sight> {
        wanted.iter().copied().filter(|sight| self.sights.count(*sight) == 0).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.bounds)?;
        writeln!(f, "{} states, {} steps, depth {}", self.states, self.steps, self.depth)?;
        for sight in Sight::ALL {
            let count = self.sights.count(sight);
            if count > 0 {
                writeln!(f, "  seen {sight:?}: {count}")?;
            }
        }
        if let Some((broken, story)) = &self.broken {
            writeln!(f, "BROKEN: {broken}")?;
            for (number, step) in story.iter().enumerate() {
                writeln!(f, "{:4}. {step}", number + 1)?;
            }
        } else if self.cut {
            writeln!(f, "CUT at the most steps allowed: NOT exhaustive; nothing was found so far")?;
        } else {
            writeln!(f, "exhaustive within these bounds; every promise holds")?;
        }
        Ok(())
    }
}
