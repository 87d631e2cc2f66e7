//! What is left when too few votes are, and the operator's word to go on with it.

use crate::electorate::{Electorate, Voter};
use serde::{Deserialize, Serialize};
use wire::{Epoch, NodeId, Position};

/// A logger that is here, and where its log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Survivor {
    /// Its present life.
    pub voter: Voter,
    /// The last place in its log.
    pub last: Position,
}

/// No epoch can be granted: of the lives that vote, a majority is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shortage {
    /// The highest grant.
    pub after: Epoch,
    /// The lives that vote.
    pub in_effect: Electorate,
    /// Those of them that are over for good: their loggers have begun others.
    pub over: Vec<Voter>,
    /// The loggers that are here.
    pub here: Vec<Survivor>,
    /// The described loggers that are not.
    pub missing: Vec<NodeId>,
}

impl Shortage {
    /// Whether those who are not here could end it by coming back: a majority of the votes would then be there again, with all
    /// that it acknowledged.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.in_effect.len() - self.over.len() >= self.in_effect.majority()
    }

    /// What an operator who accepts the loss says.
    #[must_use]
    pub fn accepted(&self) -> Recovery {
        Recovery { after: self.after, loggers: self.here.clone() }
    }
}

/// An operator's word: go on with these logs, and only these, whatever is not in them. It counts only while they are what is
/// there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recovery {
    /// The highest grant that the operator saw.
    pub after: Epoch,
    /// The loggers that the operator saw.
    pub loggers: Vec<Survivor>,
}
