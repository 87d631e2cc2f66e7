//! What the history says that a sequencer must know to go on with it: every gateway's FIFO, the time, the beginnings.

use cluster::Lane;
use std::collections::BTreeMap;
use wire::{Command, Frame, Incarnation, InstrumentId, Nanos, NodeId};

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
    Rules,
    Instrument(InstrumentId),
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
            match frame.command() {
                Ok(Command::RulesVersion(_)) => What::Rules,
                Ok(Command::DefineInstrument(defined)) => What::Instrument(defined.instrument),
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
    instruments: Vec<InstrumentId>,
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
            What::Instrument(instrument) => self.instruments.push(instrument),
            What::Other => {}
        }
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

    /// Whether the history defines this instrument.
    #[must_use]
    pub fn defines(&self, instrument: InstrumentId) -> bool {
        self.instruments.contains(&instrument)
    }
}
