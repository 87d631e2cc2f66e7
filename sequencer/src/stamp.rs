//! The stamp: number, epoch, time, chain. Nothing else ever gives a command its place.

use wire::command::{DefineInstrument, EpochStart, MAX_LOGGERS, Opening, RulesVersion, Tick};
use wire::frame::{self, Origin};
use wire::{
    CommandBody, Epoch, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Position, Rules, SourceSeq,
    command::LoggerMember,
};

/// The rules that a new history begins with.
pub(crate) const FIRST_RULES: Rules = Rules(1);

/// How a history begins.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// Tells this process from its other lives.
    pub nonce: u64,
    /// The voting loggers.
    pub loggers: Vec<NodeId>,
    /// The instruments to begin with.
    pub instruments: Vec<DefineInstrument>,
}

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
        assert!(epoch > parent.epoch, "epoch {epoch} does not come after its parent's {}", parent.epoch);
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
        let origin = Origin {
            source: self.node,
            incarnation: Incarnation(0),
            source_seq: SourceSeq(0),
            received: now,
        };
        let mut buffer = [0; MAX_FRAME_LEN];
        let length = frame::write(&mut buffer, origin, body);
        let position = self.stamp(now, &mut buffer[..length]);
        out(&buffer[..length]);
        position
    }

    /// Stamps the first frames of a new history: the epoch's start, the rules, the instruments.
    pub fn begin(&mut self, now: Nanos, genesis: &Genesis, out: &mut dyn FnMut(&[u8])) {
        let parent = self.last;
        let mut loggers = [LoggerMember::default(); MAX_LOGGERS];
        let count = genesis.loggers.len().min(MAX_LOGGERS);
        for (place, node) in loggers.iter_mut().zip(&genesis.loggers) {
            *place = LoggerMember { node: *node, reserved: [0; 2], incarnation: Incarnation(1) };
        }
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: self.node,
            logger_count: u16::try_from(count).expect("at most MAX_LOGGERS"),
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: genesis.nonce,
            cluster: genesis.cluster,
            loggers,
            opening: Opening::AtStart,
            reserved: [0; 7],
        };
        self.say(now, &start, out);
        self.say(now, &RulesVersion { rules: FIRST_RULES, reserved: [0; 4] }, out);
        for instrument in &genesis.instruments {
            self.say(now, instrument, out);
        }
    }

    /// Lets time go on where nothing else does.
    pub fn tick(&mut self, now: Nanos, out: &mut dyn FnMut(&[u8])) -> Position {
        self.say(now, &Tick {}, out)
    }
}
