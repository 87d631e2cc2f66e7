//! The loggers whose votes count: a vote belongs to one life of one logger's log.

use serde::{Deserialize, Serialize};
use std::fmt;
use wire::command::{EpochStart, LoggerMember, MAX_LOGGERS};
use wire::{Incarnation, NodeId};

/// One life of one logger's log. A logger that lost what it may have acknowledged begins another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Voter {
    /// The logger.
    pub node: NodeId,
    /// The life of its log.
    pub incarnation: Incarnation,
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.incarnation)
    }
}

/// A set of voters: at most one life of each logger, and at most [`MAX_LOGGERS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Electorate {
    /// Ascending by node.
    voters: Vec<Voter>,
}

impl Electorate {
    /// These voters; of two lives of one logger the later counts.
    ///
    /// # Panics
    /// If there are more than [`MAX_LOGGERS`]: a description with more is refused.
    #[must_use]
    pub fn new(voters: impl IntoIterator<Item = Voter>) -> Self {
        let mut electorate = Self::default();
        for voter in voters {
            electorate.seat(voter);
        }
        electorate
    }

    /// The loggers that an epoch's first frame names.
    #[must_use]
    pub fn of(start: &EpochStart) -> Self {
        let seats = start.loggers;
        let count = usize::from(start.logger_count).min(MAX_LOGGERS);
        Self::new(
            seats[..count]
                .iter()
                .map(|seat| Voter { node: { seat.node }, incarnation: { seat.incarnation } }),
        )
    }

    /// Gives this life its logger's seat, instead of an earlier one.
    pub fn seat(&mut self, voter: Voter) {
        match self.voters.binary_search_by_key(&voter.node, |seated| seated.node) {
            Ok(at) => self.voters[at].incarnation = self.voters[at].incarnation.max(voter.incarnation),
            Err(at) => self.voters.insert(at, voter),
        }
        assert!(self.voters.len() <= MAX_LOGGERS, "an electorate has at most {MAX_LOGGERS} loggers");
    }

    /// As an epoch's first frame names them: the seats, and how many are taken.
    #[must_use]
    pub fn seats(&self) -> ([LoggerMember; MAX_LOGGERS], u16) {
        let mut seats = [LoggerMember::default(); MAX_LOGGERS];
        for (seat, voter) in seats.iter_mut().zip(&self.voters) {
            *seat = LoggerMember { node: voter.node, reserved: [0; 2], incarnation: voter.incarnation };
        }
        (seats, self.voters.len() as u16) // at most MAX_LOGGERS
    }

    /// How many of them decide.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// Whether this life votes here.
    #[must_use]
    pub fn contains(&self, voter: Voter) -> bool {
        self.voters.binary_search(&voter).is_ok()
    }

    /// The life of this logger that votes, if one does.
    #[must_use]
    pub fn life_of(&self, node: NodeId) -> Option<Incarnation> {
        let at = self.voters.binary_search_by_key(&node, |voter| voter.node).ok()?;
        Some(self.voters[at].incarnation)
    }

    /// The voters, ascending by node.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Voter> + '_ {
        self.voters.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.voters.len()
    }

    /// Whether nobody votes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty()
    }
}

impl fmt::Display for Electorate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, voter) in self.voters.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            voter.fmt(f)?;
        }
        f.write_str("}")
    }
}
