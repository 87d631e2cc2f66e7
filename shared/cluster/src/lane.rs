//! The lane of one gateway life to the sequencer, and its number in a MoldUDP64 session.

use wire::{Incarnation, NodeId};

/// One life of one gateway: the unit of the commands' FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The gateway.
    pub gateway: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
}

/// Incarnations stay below this (four base-36 digits of the session's six).
pub const INCARNATIONS: u32 = 36 * 36 * 36 * 36;
/// Node numbers stay below this (the other two digits).
pub const NODES: u16 = 36 * 36;

const _: () = assert!(NODES as u64 * INCARNATIONS as u64 == 36u64.pow(6));

impl Lane {
    /// The number that names it in a session: two base-36 digits of the node, four of the incarnation.
    /// `None` if either is out of range.
    #[must_use]
    pub fn session_number(self) -> Option<u32> {
        let fits = self.gateway.0 < NODES && self.incarnation.0 < INCARNATIONS;
        fits.then(|| u32::from(self.gateway.0) * INCARNATIONS + self.incarnation.0)
    }

    /// The lane with that number.
    #[must_use]
    pub fn from_session_number(number: u32) -> Option<Self> {
        let gateway = u16::try_from(number / INCARNATIONS).ok().filter(|node| *node < NODES)?;
        Some(Self { gateway: NodeId(gateway), incarnation: Incarnation(number % INCARNATIONS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_read_back_from_its_session_number() {
        for lane in [(1, 1), (1295, INCARNATIONS - 1), (0, 0)] {
            let lane = Lane { gateway: NodeId(lane.0), incarnation: Incarnation(lane.1) };
            assert_eq!(Lane::from_session_number(lane.session_number().unwrap()), Some(lane));
        }
    }

    #[test]
    fn a_node_or_incarnation_out_of_range_has_no_number() {
        assert_eq!(Lane { gateway: NodeId(NODES), incarnation: Incarnation(1) }.session_number(), None);
        assert_eq!(
            Lane { gateway: NodeId(1), incarnation: Incarnation(INCARNATIONS) }.session_number(),
            None
        );
        assert_eq!(Lane::from_session_number(u32::MAX), None);
    }
}
