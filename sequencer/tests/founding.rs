//! An exchange is founded once: whoever leads next stamps what is missing of it, and nothing twice.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use cluster::{Entry, Ledger};
use node::{Description, Founding};
use sequencer::Stamper;
use std::path::Path;
use wire::command::{EpochOpen, EpochStart, LoggerMember, MAX_LOGGERS, Opening, RulesVersion, Tick};
use wire::*;

fn founding() -> Vec<Founding> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster.toml");
    Description::load(&path).unwrap().founding()
}

/// The log, and what a sequencer that adopts it knows.
#[derive(Default)]
struct History {
    log: Vec<Vec<u8>>,
}

impl History {
    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        self.log.iter().for_each(|bytes| ledger.enter(Entry::of(&Frame::read(bytes).unwrap())));
        ledger
    }

    fn last(&self) -> Position {
        self.log.last().map_or(Position::GENESIS, |bytes| Frame::read(bytes).unwrap().position())
    }

    /// An epoch whose leader stamps the beginnings, as far as it gets.
    fn epoch(&mut self, founding: &[Founding], at_most: usize) {
        let (ledger, parent) = (self.ledger(), self.last());
        let epoch = Epoch(parent.epoch.0 + 1);
        let mut stamper = Stamper::new(NodeId(1), epoch, parent, ledger.timestamp());
        let mut new = Vec::new();
        let mut out = |bytes: &[u8]| new.push(bytes.to_vec());
        let start = EpochStart {
            parent_epoch: parent.epoch,
            sequencer: NodeId(1),
            logger_count: 1,
            parent_seq: parent.seq,
            parent_chain: parent.chain,
            nonce: 1,
            cluster: 1,
            loggers: [LoggerMember::default(); MAX_LOGGERS],
            opening: Opening::AtStart,
            adopted: Default::default(),
            reserved: [0; 6],
        };
        stamper.say(Nanos(1), &start, &mut out);
        if !ledger.has_rules() {
            stamper.say(Nanos(1), &RulesVersion { rules: Rules(1), reserved: [0; 4] }, &mut out);
        }
        for founding in founding.iter().skip(ledger.founded()) {
            stamper.found(Nanos(1), founding, &mut out);
        }
        new.truncate(at_most);
        self.log.extend(new);
    }

    fn say<B: CommandBody>(&mut self, body: &B) {
        let last = self.last();
        let epoch = Epoch(last.epoch.0 + 1);
        let mut stamper = Stamper::new(NodeId(1), epoch, last, Nanos(1));
        let log = &mut self.log;
        stamper.say(Nanos(1), body, &mut |bytes| log.push(bytes.to_vec()));
    }

    /// The bodies of the administrative commands.
    fn founded(&self) -> Vec<Vec<u8>> {
        let bodies = self.log.iter().filter(|bytes| bytes[6] >= 0x40);
        bodies.map(|bytes| bytes[frame::FRAME_HEADER_LEN..].to_vec()).collect()
    }
}

#[test]
fn wherever_the_first_leaders_are_lost_the_exchange_is_founded_once_and_in_its_order() {
    let founding = founding();
    let mut whole = History::default();
    whole.epoch(&founding, usize::MAX);
    assert_eq!(whole.founded().len(), founding.len());
    for first in 0..founding.len() + 2 {
        for second in 0..founding.len() + 2 {
            let mut history = History::default();
            history.epoch(&founding, first);
            history.epoch(&founding, second);
            history.epoch(&founding, usize::MAX);
            assert_eq!(history.founded(), whole.founded(), "lost after {first} and {second} frames");
        }
    }
}

#[test]
fn a_history_that_has_begun_is_not_founded_again_by_whoever_has_another_description() {
    let founding = founding();
    for begun in
        [|history: &mut History| history.say(&Tick {}), |history: &mut History| history.say(&EpochOpen {})]
    {
        let mut history = History::default();
        history.epoch(&founding[..3], usize::MAX);
        begun(&mut history);
        history.epoch(&founding, usize::MAX);
        assert_eq!(history.founded().len(), 3);
    }
}
