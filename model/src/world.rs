//! The whole as `stateright` sees it.

use crate::action::{Action, possible, tried};
use crate::bounds::Bounds;
use crate::promise::Promise;
use crate::sight::Sights;
use crate::state::State;
use stateright::{Model, Property};
use std::sync::Arc;

/// The world within some bounds.
#[derive(Clone, Debug)]
pub struct World {
    bounds: Bounds,
    sights: Arc<Sights>,
}

impl World {
    /// The world within these bounds.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, sights: Arc::default() }
    }

    /// What was seen so far.
    #[must_use]
    pub fn sights(&self) -> Arc<Sights> {
        Arc::clone(&self.sights)
    }

    /// Epoch 1 open on all loggers: the first possible step, again and again, until it is.
    ///
    /// # Panics
    /// If the protocol cannot get there even when nothing goes wrong.
    #[must_use]
    pub fn established(&self) -> State {
        let bounds = Bounds { epochs: 1, commands: 0, crashes: 0, losses: 0, silences: 0, ..self.bounds };
        let calm = Self { bounds: Bounds { observer: false, ..bounds }, sights: Arc::default() };
        let mut state = State::empty(&self.bounds);
        let mut actions = Vec::new();
        loop {
            actions.clear();
            possible(&calm.bounds, &state, &mut actions);
            let Some(action) = actions.first() else { break };
            state = calm.step(&state, *action);
        }
        assert_eq!(state.broken, None, "nothing goes wrong while nothing fails");
        let everywhere = state.loggers.iter().all(|logger| logger.log == *state.released.log());
        assert!(
            everywhere && state.released.log().frames().len() == 2,
            "epoch 1 opens on all loggers: {state:?}"
        );
        state
    }

    /// What becomes of the state. A core that asserts breaks a promise.
    #[must_use]
    pub fn step(&self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        next.broken = tried(|| action.happen(&self.bounds, &mut next, &self.sights)).err();
        next
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![if self.bounds.from_nothing { State::empty(&self.bounds) } else { self.established() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        possible(&self.bounds, state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.step(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn keeps(promise: Promise, state: &State) -> bool {
            state.broken.as_ref().is_none_or(|broken| broken.promise != promise)
        }
        let always = Property::<Self>::always;
        vec![
            always(Promise::ReleasedStands.sentence(), |_, state| keeps(Promise::ReleasedStands, state)),
            always(Promise::OneHistory.sentence(), |_, state| keeps(Promise::OneHistory, state)),
            always(Promise::OneStart.sentence(), |_, state| keeps(Promise::OneStart, state)),
            always(Promise::AcknowledgedIsHeld.sentence(), |_, state| {
                keeps(Promise::AcknowledgedIsHeld, state)
            }),
            always(Promise::ServedIsSaid.sentence(), |_, state| keeps(Promise::ServedIsSaid, state)),
            always(Promise::NoAssertion.sentence(), |_, state| keeps(Promise::NoAssertion, state)),
            always(Promise::FramesBringOn.sentence(), |_, state| keeps(Promise::FramesBringOn, state)),
        ]
    }
}
