//! Do the engines agree? Digests are compared at equal positions only.

use crate::status::Mark;
use std::collections::BTreeMap;
use wire::{NodeId, Position, Seq};

/// How many positions are remembered for the engines that have not come there yet.
const REMEMBERED: usize = 4_096;

/// Two engines that are not identical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("engines {one} and {other} disagree at position {at}: digests {ours:016x} and {theirs:016x}", ours = digests.0, theirs = digests.1)]
pub struct Disagreement {
    /// The engine that was there first.
    pub one: NodeId,
    /// The engine that came later.
    pub other: NodeId,
    /// Where they differ.
    pub at: Position,
    /// Their digests there.
    pub digests: (u64, u64),
}

/// Collects the engines' marks and compares them where positions are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Agreement {
    seen: BTreeMap<Seq, (Position, u64, NodeId)>,
    agreed: Option<Position>,
    compared: u64,
}

impl Agreement {
    /// Takes one engine's mark; an error if another engine had something else there.
    pub fn handle_mark(&mut self, node: NodeId, mark: Mark) -> Result<(), Disagreement> {
        let digest = mark.digest.0;
        let Some(&(position, earlier, one)) = self.seen.get(&mark.position.seq) else {
            self.seen.insert(mark.position.seq, (mark.position, digest, node));
            if self.seen.len() > REMEMBERED {
                self.seen.pop_first();
            }
            return Ok(());
        };
        if one == node {
            return Ok(());
        }
        if position != mark.position || earlier != digest {
            return Err(Disagreement { one, other: node, at: mark.position, digests: (earlier, digest) });
        }
        self.compared += 1;
        if self.agreed.is_none_or(|agreed| agreed.seq < position.seq) {
            self.agreed = Some(position);
        }
        Ok(())
    }

    /// The highest position at which two engines had the same digest.
    #[must_use]
    pub fn agreed(&self) -> Option<Position> {
        self.agreed
    }

    /// How many comparisons came out equal.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Chain, Digest, Epoch};

    fn mark(seq: u64, digest: u64) -> Mark {
        let position = Position { epoch: Epoch(1), seq: Seq(seq), chain: Chain(seq * 7) };
        Mark { position, digest: Digest(digest) }
    }

    #[test]
    fn equal_digests_at_equal_positions_agree() {
        let mut agreement = Agreement::default();
        agreement.handle_mark(NodeId(1), mark(1024, 5)).unwrap();
        assert_eq!(agreement.agreed(), None);
        agreement.handle_mark(NodeId(2), mark(1024, 5)).unwrap();
        assert_eq!(agreement.agreed().map(|p| p.seq), Some(Seq(1024)));
    }

    #[test]
    fn digests_at_different_positions_say_nothing() {
        let mut agreement = Agreement::default();
        agreement.handle_mark(NodeId(1), mark(1024, 5)).unwrap();
        agreement.handle_mark(NodeId(2), mark(2048, 6)).unwrap();
        assert_eq!(agreement.compared(), 0);
    }

    #[test]
    fn a_difference_names_the_position_and_both_engines() {
        let mut agreement = Agreement::default();
        agreement.handle_mark(NodeId(1), mark(1024, 5)).unwrap();
        let found = agreement.handle_mark(NodeId(2), mark(1024, 6)).unwrap_err();
        assert_eq!((found.one, found.other, found.at.seq), (NodeId(1), NodeId(2), Seq(1024)));
        assert_eq!(found.digests, (5, 6));
    }

    #[test]
    fn another_history_at_the_same_number_is_a_difference() {
        let mut agreement = Agreement::default();
        agreement.handle_mark(NodeId(1), mark(1024, 5)).unwrap();
        let mut other = mark(1024, 5);
        other.position.chain = Chain(99);
        assert!(agreement.handle_mark(NodeId(2), other).is_err());
    }
}
