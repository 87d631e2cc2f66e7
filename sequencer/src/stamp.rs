//! The stamp: number, epoch, time, chain. Nothing else ever gives a command its place.

use node::Founding;
use wire::frame::{self, Origin};
use wire::{CommandBody, Epoch, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Position, SourceSeq};

/// Gives places in the one history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamper {
    node: NodeId,
    epoch: Epoch,
    last: Position,
    /// The last stamp's time: a stamp never goes back, whatever the clock does.
    last_time: Nanos,
}

impl Stamper {
    /// A stamper of this epoch that goes on after `parent`.
    #[must_use]
    pub fn new(node: NodeId, epoch: Epoch, parent: Position, parent_time: Nanos) -> Self {
        assert!(
            epoch > parent.epoch || cluster::planted::planted(cluster::planted::Fault::ContinueEpoch),
            "epoch {epoch} does not come after its parent's {}",
            parent.epoch
        );
        Self { node, epoch, last: parent, last_time: parent_time }
    }

    /// The last place that was given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.last
    }

    /// The epoch in which places are given.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The time of the last stamp.
    #[must_use]
    pub fn last_time(&self) -> Nanos {
        self.last_time
    }

    /// Stamps a checked frame in place.
    pub fn stamp(&mut self, now: Nanos, bytes: &mut [u8]) -> Position {
        self.last_time = self.last_time.max(now);
        self.last = frame::stamp(bytes, self.last, self.epoch, self.last_time);
        self.last
    }

    /// Stamps a command of the sequencer's own and hands it to `out`.
    pub fn say<B: CommandBody>(&mut self, now: Nanos, body: &B, out: &mut dyn FnMut(&[u8])) -> Position {
        self.write(now, |to, origin| frame::write(to, origin, body), out)
    }

    /// Stamps one of the commands that found the exchange, and hands it to `out`.
    pub fn found(&mut self, now: Nanos, founding: &Founding, out: &mut dyn FnMut(&[u8])) -> Position {
        self.write(now, |to, origin| founding.write(to, origin), out)
    }

    fn write(
        &mut self,
        now: Nanos,
        body: impl FnOnce(&mut [u8; MAX_FRAME_LEN], Origin) -> usize,
        out: &mut dyn FnMut(&[u8]),
    ) -> Position {
        let origin = Origin {
            source: self.node,
            incarnation: Incarnation(0),
            source_seq: SourceSeq(0),
            received: now,
        };
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = body(&mut buffer, origin);
        let position = self.stamp(now, &mut buffer[..length]);
        out(&buffer[..length]);
        position
    }
}
