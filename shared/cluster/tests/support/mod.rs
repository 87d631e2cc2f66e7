//! Histories for tests: real frames, stamped as a sequencer stamps them.

#![allow(dead_code, reason = "not every test file needs all of it")]

use cluster::acceptor::History;
use cluster::{Electorate, Voter};
use wire::command::{EpochOpen, EpochStart, Opening, Tick};
use wire::frame::{self, Origin};
use wire::{
    Ack, CommandBody, Epoch, Frame, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Position, Seq, SourceSeq,
};

/// A first life of a logger.
pub(crate) fn voter(node: u16) -> Voter {
    Voter { node: NodeId(node), incarnation: Incarnation(1) }
}

/// First lives of these loggers.
pub(crate) fn voters(nodes: &[u16]) -> Electorate {
    Electorate::new(nodes.iter().map(|node| voter(*node)))
}

/// An acknowledgement of a first life.
pub(crate) fn ack(logger: u16, position: Position) -> Ack {
    Ack { cluster: 0, logger: NodeId(logger), incarnation: Incarnation(1), position }
}

/// A log, and the one who writes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Makes frames of one number and epoch differ between histories.
    pub(crate) salt: u64,
}

impl Log {
    pub(crate) fn stamp<B: CommandBody>(&mut self, epoch: u32, body: &B) -> Position {
        let origin = Origin {
            source: NodeId(1),
            incarnation: Incarnation(0),
            source_seq: SourceSeq(0),
            received: Nanos(0),
        };
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = frame::write(&mut buffer, origin, body);
        let last = self.last();
        let at = frame::stamp(&mut buffer[..length], last, Epoch(epoch), Nanos(self.salt));
        self.frames.push(buffer[..length].to_vec());
        at
    }

    pub(crate) fn start(&mut self, epoch: u32, electorate: &Electorate, opening: Opening) -> Position {
        let (loggers, logger_count) = electorate.seats();
        let parent = self.last();
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: NodeId(1),
            logger_count,
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: u64::from(epoch),
            cluster: 0,
            loggers,
            opening,
            adopted: Default::default(),
            reserved: [0; 6],
        };
        self.stamp(epoch, &start)
    }

    pub(crate) fn open(&mut self, epoch: u32) -> Position {
        self.stamp(epoch, &EpochOpen {})
    }

    pub(crate) fn tick(&mut self, epoch: u32) -> Position {
        self.stamp(epoch, &Tick {})
    }

    pub(crate) fn ticks(&mut self, epoch: u32, count: usize) -> Position {
        (0..count).for_each(|_| {
            self.tick(epoch);
        });
        self.last()
    }

    pub(crate) fn frame(&self, seq: u64) -> Frame<'_> {
        let at = usize::try_from(seq).unwrap() - 1;
        Frame::read(&self.frames[at]).unwrap()
    }

    /// The same up to here, and another author from there on.
    pub(crate) fn fork(&self, after: u64, salt: u64) -> Self {
        Self { frames: self.frames[..usize::try_from(after).unwrap()].to_vec(), salt }
    }
}

impl History for Log {
    fn last(&self) -> Position {
        self.frames.last().map_or(Position::GENESIS, |bytes| Frame::read(bytes).unwrap().position())
    }

    fn position_of(&self, seq: Seq) -> Option<Position> {
        if seq.0 == 0 {
            return Some(Position::GENESIS);
        }
        let bytes = self.frames.get(usize::try_from(seq.0).unwrap() - 1)?;
        Some(Frame::read(bytes).unwrap().position())
    }
}
