//! Where in the one history something stands.

use crate::{Chain, Epoch, Seq};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A place in the history: (epoch, sequence, chain), never a bare number. Two logs that hold the same position agree on
/// every frame up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The epoch in which the frame was stamped.
    pub epoch: Epoch,
    /// Its sequence number.
    pub seq: Seq,
    /// The running hash up to and including it.
    pub chain: Chain,
}

impl Position {
    /// Before the first frame.
    pub const GENESIS: Self = Self { epoch: Epoch(0), seq: Seq(0), chain: Chain(0) };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:016x}", self.epoch, self.seq, self.chain.0)
    }
}
