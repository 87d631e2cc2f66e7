//! The commit rule, counted a second time by somebody who hears every acknowledgement: what a majority of an epoch's own
//! loggers has said in that epoch, its first frame among it.

use crate::disk::Platter;
use std::collections::BTreeMap;
use wire::command::{EpochStart, MAX_LOGGERS};
use wire::{Ack, Command, Epoch, Frame, Incarnation, NodeId, Seq};

/// One epoch's votes.
#[derive(Debug, Default)]
struct Ballot {
    /// Who votes, and the number of the frame that says so.
    voters: Vec<(NodeId, Incarnation)>,
    start: Seq,
    acked: BTreeMap<(NodeId, Incarnation), Seq>,
}

/// All epochs' votes.
#[derive(Debug, Default)]
pub struct Votes {
    ballots: BTreeMap<Epoch, Ballot>,
}

impl Votes {
    /// A logger with this log has acknowledged.
    pub fn handle_ack(&mut self, ack: &Ack, log: &Platter) {
        let epoch = ack.position.epoch;
        let ballot = self.ballots.entry(epoch).or_default();
        if ballot.voters.is_empty() {
            let frames = log.written().iter().rev().filter_map(|bytes| Frame::read(bytes).ok());
            let own = frames.take_while(|frame| frame.position().epoch >= epoch);
            for frame in own {
                if let Ok(Command::EpochStart(start)) = frame.command() {
                    (ballot.voters, ballot.start) = (seats(start), frame.position().seq);
                }
            }
        }
        let highest = ballot.acked.entry((ack.logger, ack.incarnation)).or_default();
        *highest = ack.position.seq.max(*highest);
    }

    /// How far the history can be committed by now.
    #[must_use]
    pub fn committed(&self) -> Seq {
        self.ballots.values().map(Ballot::committed).max().unwrap_or_default()
    }
}

impl Ballot {
    fn committed(&self) -> Seq {
        let of = |voter: &(NodeId, Incarnation)| self.acked.get(voter).copied().unwrap_or_default();
        let mut held: Vec<_> = self.voters.iter().map(of).collect();
        held.sort_unstable_by(|one, other| other.cmp(one));
        let by_majority = held.get(self.voters.len() / 2).copied().unwrap_or_default();
        if by_majority >= self.start { by_majority } else { Seq(0) }
    }
}

fn seats(start: &EpochStart) -> Vec<(NodeId, Incarnation)> {
    let loggers = start.loggers;
    let count = usize::from(start.logger_count).min(MAX_LOGGERS);
    loggers[..count].iter().map(|seat| (seat.node, seat.incarnation)).collect()
}
