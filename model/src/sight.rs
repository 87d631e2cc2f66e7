//! What an exploration must have seen: a promise that nothing tests is worth nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something that happens only on the way to trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Sight {
    /// An epoch began without frames that somebody held uncommitted.
    TailDropped,
    /// An epoch began with frames that were not committed.
    TailAdopted,
    /// A logger cut its log.
    Truncation,
    /// A logger went back to find where its log leaves the history.
    Back,
    /// An epoch began although the one before was granted and never did.
    SkippedEpoch,
    /// A frame was released in epoch 1.
    ReleasedIn1,
    /// A frame was released in epoch 2.
    ReleasedIn2,
    /// A frame was released in epoch 3.
    ReleasedIn3,
    /// A deposed sequencer's frame was appended by a logger after the next epoch had begun.
    DeposedHeard,
    /// A logger restarted while it was in a session.
    Restarted,
    /// A logger's process died between the cut and the append.
    DiedInCut,
    /// The holder of the best log fell silent while it was fetched.
    HolderSilent,
    /// It had shown a part of its log by then.
    HolderSilentHalfway,
    /// A candidate chose again afterwards, and began.
    BegunAfterSilence,
    /// A logger with an empty log came to vote.
    LearnerPromoted,
    /// An epoch in which it votes was recorded as started.
    LearnerStarted,
    /// The observer was told of a later epoch while it held frames back.
    ObserverVoided,
    /// The observer released a frame.
    ObserverReleased,
    /// The observer heard an acknowledgement of another epoch than the one it follows.
    ObserverHeardOther,
}

impl Sight {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::TailDropped,
        Self::TailAdopted,
        Self::Truncation,
        Self::Back,
        Self::SkippedEpoch,
        Self::ReleasedIn1,
        Self::ReleasedIn2,
        Self::ReleasedIn3,
        Self::DeposedHeard,
        Self::Restarted,
        Self::DiedInCut,
        Self::HolderSilent,
        Self::HolderSilentHalfway,
        Self::BegunAfterSilence,
        Self::LearnerPromoted,
        Self::LearnerStarted,
        Self::ObserverVoided,
        Self::ObserverReleased,
        Self::ObserverHeardOther,
    ];
}

/// How often each was seen, over all steps that were explored.
#[derive(Debug, Default)]
pub struct Sights([AtomicU64; Sight::ALL.len()]);

impl Sights {
    /// It was seen once more.
    pub fn saw(&self, sight: Sight) {
        self.0[sight as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was seen.
    #[must_use]
    pub fn count(&self, sight: Sight) -> u64 {
        self.0[sight as usize].load(Ordering::Relaxed)
    }
}
