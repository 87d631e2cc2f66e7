//! A log and a frame in it.

use cluster::acceptor::History;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use wire::command::{CommandBody, EpochOpen, EpochStart, GatewayOpen};
use wire::frame::{self, Origin};
use wire::{Epoch, Frame, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Position, Seq, SourceSeq};

/// One frame, as it was stamped.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its place.
    pub place: Position,
    bytes: Arc<[u8]>,
}

/// The chain covers the bytes.
impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Kept {}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

impl Kept {
    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame::read(&self.bytes).expect("it was written by `stamped`")
    }

    /// The frame that a sequencer stamps behind this place.
    #[must_use]
    pub fn stamped<B: CommandBody>(
        body: &B,
        source: NodeId,
        number: u64,
        after: Position,
        epoch: Epoch,
    ) -> Self {
        let mut bytes = [0; MAX_FRAME_LEN];
        let origin =
            Origin { source, incarnation: Incarnation(1), source_seq: SourceSeq(number), received: Nanos(0) };
        let length = frame::write(&mut bytes, origin, body);
        let place = frame::stamp(&mut bytes[..length], after, epoch, Nanos(0));
        Self { place, bytes: bytes[..length].into() }
    }

    /// A client's command; `number` tells it from others.
    #[must_use]
    pub fn command(number: u64, after: Position, epoch: Epoch) -> Self {
        Self::stamped(&GatewayOpen { version: 1, reserved: [0; 4] }, NodeId(20), number, after, epoch)
    }

    /// The frame from which on an epoch counts whose loggers are others.
    #[must_use]
    pub fn open(source: NodeId, after: Position, epoch: Epoch) -> Self {
        Self::stamped(&EpochOpen {}, source, 0, after, epoch)
    }

    /// The first frame of an epoch.
    #[must_use]
    pub fn start(start: &EpochStart, after: Position, epoch: Epoch) -> Self {
        Self::stamped(start, start.sequencer, 0, after, epoch)
    }
}

/// A log: frames from number 1 on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    frames: Vec<Kept>,
}

impl Log {
    /// The frames, from number 1 on.
    #[must_use]
    pub fn frames(&self) -> &[Kept] {
        &self.frames
    }

    /// The frame with this number.
    #[must_use]
    pub fn get(&self, seq: Seq) -> Option<&Kept> {
        self.frames.get(usize::try_from(seq.0.checked_sub(1)?).ok()?)
    }

    /// Writes the next frame.
    ///
    /// # Panics
    /// If it is not the next one: whoever writes has checked.
    pub fn append(&mut self, frame: Kept) {
        assert!(frame.frame().follows(self.last()), "{} does not follow {}", frame.place, self.last());
        self.frames.push(frame);
    }

    /// Removes what stands behind this number.
    pub fn cut_after(&mut self, seq: Seq) {
        self.frames.truncate(usize::try_from(seq.0).expect("a model's log is short"));
    }

    /// Whether this very place is in the log.
    #[must_use]
    pub fn holds(&self, place: Position) -> bool {
        self.position_of(place.seq) == Some(place)
    }
}

impl History for Log {
    fn last(&self) -> Position {
        self.frames.last().map_or(Position::GENESIS, |frame| frame.place)
    }

    fn position_of(&self, seq: Seq) -> Option<Position> {
        if seq.0 == 0 { Some(Position::GENESIS) } else { self.get(seq).map(|frame| frame.place) }
    }
}
