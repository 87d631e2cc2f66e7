//! What a node is, and as what it starts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a node does for the cluster; each has a binary of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Stamps every command with the next number.
    Sequencer,
    /// Executes the commands.
    Engine,
    /// Keeps them.
    Logger,
    /// Speaks with clients.
    Gateway,
    /// Decides with its peers who may speak.
    Supervisor,
}

impl Role {
    /// The name of its binary, and of the role in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::Engine => "engine",
            Self::Logger => "logger",
            Self::Gateway => "gateway",
            Self::Supervisor => "supervisor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether an engine says what it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineMode {
    /// It publishes its events.
    Hot,
    /// It computes the same events and keeps them in its ring.
    Warm,
}

impl fmt::Display for EngineMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
        })
    }
}
