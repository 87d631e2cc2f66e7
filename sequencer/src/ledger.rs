//! What the history says that a sequencer must know to go on with it: every gateway's FIFO, the time, the beginnings.

use cluster::Lane;
use std::collections::BTreeMap;
use wire::{CommandKind, Frame, Incarnation, Nanos, NodeId};

/// Kinds from here on are administrative.
const FIRST_ADMINISTRATIVE: u8 = 0x40;

/// What one frame adds to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    timestamp: Nanos,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    /// Of a gateway, under this number.
    Command(Lane, u64),
    /// The first frame of an epoch, which the beginnings follow.
    Start,
    Rules,
    /// The sequencer's own, administrative.
    Administration,
    Other,
}

impl Entry {
    /// What this frame adds.
    #[must_use]
    pub fn of(frame: &Frame<'_>) -> Self {
        let header = frame.header();
        let lane = Lane { gateway: header.source, incarnation: header.incarnation };
        let number = { header.source_seq }.0;
        let what = if number > 0 {
            What::Command(lane, number)
        } else {
            match CommandKind::of(header.kind) {
                Some(CommandKind::EpochStart) => What::Start,
                Some(CommandKind::RulesVersion) => What::Rules,
                Some(kind) if kind as u8 >= FIRST_ADMINISTRATIVE => What::Administration,
                _ => What::Other,
            }
        };
        Self { timestamp: header.timestamp, what }
    }
}

/// The life of a gateway that the history shows, and its last number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fifo {
    /// The highest life that was opened.
    pub incarnation: Incarnation,
    /// The last number of it.
    pub last: u64,
}

/// A pure function of the history up to some place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    fifos: BTreeMap<NodeId, Fifo>,
    timestamp: Nanos,
    rules: bool,
    founding: Progress,
}

/// How far the founding of the exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Progress {
    /// So many of its commands are stamped, and nothing has come after them.
    Under(usize),
    /// Something came after it: whoever stamped that had stamped all of it before.
    Done,
}

impl Default for Progress {
    fn default() -> Self {
        Self::Under(0)
    }
}

impl Ledger {
    /// Takes note of the next frame.
    pub fn enter(&mut self, entry: Entry) {
        self.timestamp = entry.timestamp;
        match entry.what {
            What::Command(lane, number) => {
                let Lane { gateway, incarnation } = lane;
                self.fifos.insert(gateway, Fifo { incarnation, last: number });
            }
            What::Rules => self.rules = true,
            What::Start | What::Administration | What::Other => {}
        }
        self.founding = match (self.founding, entry.what) {
            (Progress::Under(stamped), What::Administration) => Progress::Under(stamped + 1),
            (progress, What::Start | What::Rules) => progress,
            (_, What::Command(..) | What::Administration | What::Other) => Progress::Done,
        };
    }

    /// Every gateway that has ever sent something.
    pub fn fifos(&self) -> impl Iterator<Item = (NodeId, Fifo)> + '_ {
        self.fifos.iter().map(|(gateway, fifo)| (*gateway, *fifo))
    }

    /// The stamp of the last frame: no later one may be before it.
    #[must_use]
    pub fn timestamp(&self) -> Nanos {
        self.timestamp
    }

    /// Whether the history says by which rules it is executed.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.rules
    }

    /// How many of the commands that found the exchange the history holds. An epoch begins with all that are missing before it
    /// takes or stamps anything else, so they are all there once anything else is.
    #[must_use]
    pub fn founded(&self) -> usize {
        match self.founding {
            Progress::Under(stamped) => stamped,
            Progress::Done => usize::MAX,
        }
    }
}
