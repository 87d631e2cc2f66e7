//! What the protocol promises, as the exploration checks it.

use std::fmt;

/// A promise that must hold in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// A released place is never overruled: everybody releases the same, and every later epoch stands on it.
    ReleasedStands,
    /// What was stamped as (epoch, number) has one chain, wherever it is held.
    OneHistory,
    /// An epoch has one `EpochStart`.
    OneStart,
    /// What a logger acknowledges in an epoch it holds, with the epoch's `EpochStart` and all before it.
    AcknowledgedIsHeld,
    /// What a logger would serve or show is what was said.
    ServedIsSaid,
    /// No core asserts, and no follower goes astray.
    NoAssertion,
    /// A logger that listens to a session is brought on by its frames: it neither refuses them nor goes back for ever.
    FramesBringOn,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ReleasedStands,
        Self::OneHistory,
        Self::OneStart,
        Self::AcknowledgedIsHeld,
        Self::ServedIsSaid,
        Self::NoAssertion,
        Self::FramesBringOn,
    ];

    /// As a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ReleasedStands => "a released place is never overruled",
            Self::OneHistory => "one (epoch, number) has one chain",
            Self::OneStart => "an epoch has one EpochStart",
            Self::AcknowledgedIsHeld => "what is acknowledged in an epoch is held from its start on",
            Self::ServedIsSaid => "what is served or shown is what was said",
            Self::NoAssertion => "no core asserts and no follower goes astray",
            Self::FramesBringOn => "a session's frames bring a logger on",
        }
    }
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    /// Which one.
    pub promise: Promise,
    /// What was seen.
    pub how: String,
}

impl Broken {
    /// This promise was broken like this.
    pub fn new(promise: Promise, how: impl Into<String>) -> Self {
        Self { promise, how: how.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise.sentence(), self.how)
    }
}
