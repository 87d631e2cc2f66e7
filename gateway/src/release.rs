//! Which events may be told to clients: those whose cause is committed in the followed history.

use cluster::Following;
use cluster::planted::{Fault, planted};
use wire::{Event, Outbound};

/// What to do with the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be told.
    Tell,
    /// What caused it is not committed yet.
    Wait,
    /// What caused it is no part of the history: the number will come again with other content.
    Void,
}

/// Judges events in their order, and remembers how far they were told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Releases {
    /// Whether an event waits for the commit of its cause.
    gate: bool,
    told: Outbound,
    void: u64,
}

impl Releases {
    pub(crate) fn new(gate: bool) -> Self {
        Self { gate, told: Outbound(0), void: 0 }
    }

    /// Everything up to there is known, though it was not told.
    pub(crate) fn begin_at(&mut self, told: Outbound) {
        self.told = told;
    }

    /// Judges the next event. What is to be told counts as told.
    pub(crate) fn judge<I>(&mut self, event: &Event<'_>, following: &Following<I>) -> Verdict {
        let cause = event.cause();
        // Without the gate nothing is waited for: the one difference that a measurement of it must see.
        if self.gate {
            if cause.seq > following.committed().seq {
                return Verdict::Wait;
            }
            // A cause that is too old to be remembered is told: whoever speaks in this session has executed the first frame
            // of the epoch that is followed, and so the history that leads up to it.
            if following.holds(cause) == Some(false) && !planted(Fault::JudgeEventByNumber) {
                self.void += 1;
                tracing::debug!(%cause, event = %{ event.header().outbound }, "an event is void: the history does not hold its cause");
                return Verdict::Void;
            }
        }
        self.told = event.header().outbound;
        Verdict::Tell
    }

    /// The last event that was told.
    pub(crate) fn told(&self) -> Outbound {
        self.told
    }

    /// Events that were dropped since the history does not hold their cause.
    pub(crate) fn void(&self) -> u64 {
        self.void
    }
}
