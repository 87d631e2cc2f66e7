//! What the history says that a sequencer must know to go on with it: every gateway's FIFO, the time, the beginnings.

use crate::electorate::{Electorate, Voter};
use crate::{Lane, Started};
use std::collections::BTreeMap;
use wire::command::MAX_LOGGERS;
use wire::{Chain, Command, CommandKind, Epoch, Frame, Incarnation, Nanos, NodeId, Position, Seq};

/// Kinds from here on are administrative.
const FIRST_ADMINISTRATIVE: u8 = 0x40;

/// What one frame adds to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    timestamp: Nanos,
    what: What,
    /// Its position, if snapshots are taken there.
    snapshot: Option<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    /// Of a gateway, under this number.
    Command(Lane, u64),
    /// The first frame of an epoch, which the beginnings follow.
    Start(Box<Started>),
    /// From this frame on the epoch's frames can be committed.
    Open(Seq),
    Rules,
    /// The sequencer's own, administrative.
    Administration,
    /// This place is not executed.
    Quarantine(Position),
    Other,
}

impl Entry {
    /// What this frame adds.
    #[must_use]
    pub fn of(frame: &Frame<'_>) -> Self {
        let header = frame.header();
        let lane = Lane { gateway: header.source, incarnation: header.incarnation };
        let number = { header.source_seq }.0;
        let kind = CommandKind::of(header.kind);
        let what = if number > 0 {
            What::Command(lane, number)
        } else {
            match kind {
                Some(CommandKind::EpochStart) => match frame.command() {
                    Ok(Command::EpochStart(start)) => {
                        What::Start(Box::new(Started::by(frame.position(), start)))
                    }
                    _ => What::Other,
                },
                Some(CommandKind::EpochOpen) => What::Open(frame.position().seq),
                Some(CommandKind::RulesVersion) => What::Rules,
                Some(CommandKind::Quarantine) => match frame.command() {
                    Ok(Command::Quarantine(body)) => {
                        What::Quarantine(Position { epoch: body.epoch, seq: body.seq, chain: body.chain })
                    }
                    _ => What::Other,
                },
                Some(kind) if kind as u8 >= FIRST_ADMINISTRATIVE => What::Administration,
                _ => What::Other,
            }
        };
        let snapshot = kind.filter(|kind| kind.takes_snapshot()).map(|_| frame.position());
        Self { timestamp: header.timestamp, what, snapshot }
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
    last_snapshot: Position,
    /// The places that the history says are not executed, in its order.
    quarantined: Vec<Position>,
    /// How the last epoch began; `None` before the first, and where a snapshot of an older release did not say.
    started: Option<Started>,
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
        if let Some(at) = entry.snapshot {
            self.last_snapshot = at;
        }
        match entry.what {
            What::Command(lane, number) => {
                let Lane { gateway, incarnation } = lane;
                self.fifos.insert(gateway, Fifo { incarnation, last: number });
            }
            What::Rules => self.rules = true,
            What::Quarantine(place) => {
                if !self.quarantined.contains(&place) && self.quarantined.len() < usize::from(u8::MAX) {
                    self.quarantined.push(place);
                }
            }
            What::Open(seq) => {
                if let Some(started) = &mut self.started {
                    started.opens_at.get_or_insert(seq);
                }
            }
            What::Start(_) | What::Administration | What::Other => {}
        }
        self.founding = match (self.founding, &entry.what) {
            (Progress::Under(stamped), What::Administration) => Progress::Under(stamped + 1),
            (progress, What::Start(_) | What::Rules) => progress,
            (_, _) => Progress::Done,
        };
        if let What::Start(started) = entry.what {
            self.started = Some(*started);
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

    /// How many of the commands that found the exchange the history holds. An epoch begins with all that are missing before it
    /// takes or stamps anything else, so they are all there once anything else is.
    #[must_use]
    pub fn founded(&self) -> usize {
        match self.founding {
            Progress::Under(stamped) => stamped,
            Progress::Done => usize::MAX,
        }
    }

    /// The places that the history says are not executed, in its order.
    #[must_use]
    pub fn quarantined(&self) -> &[Position] {
        &self.quarantined
    }

    /// Where a snapshot was due last; [`Position::GENESIS`] before the first.
    #[must_use]
    pub fn last_snapshot(&self) -> Position {
        self.last_snapshot
    }

    /// How the last epoch began, as far as it is known.
    #[must_use]
    pub fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    /// Writes it as it stands in a snapshot (`docs/SNAPSHOT.md`).
    pub fn write(&self, to: &mut Vec<u8>) {
        let Self { fifos, timestamp, rules, founding, last_snapshot, quarantined, started } = self;
        to.extend(timestamp.0.to_le_bytes());
        let places = u8::try_from(quarantined.len()).expect("no more are entered");
        let voters = started.as_ref().map_or(0, |started| started.electorate.len() as u8); // at most MAX_LOGGERS
        let knows = u8::from(started.is_some());
        to.extend([u8::from(*rules), places, knows, voters, 0, 0, 0, 0]);
        let founded = match founding {
            Progress::Under(stamped) => *stamped as u64,
            Progress::Done => ALL_FOUNDED,
        };
        to.extend(founded.to_le_bytes());
        for place in [last_snapshot].into_iter().chain(quarantined) {
            to.extend(place.seq.0.to_le_bytes());
            to.extend(place.chain.0.to_le_bytes());
            to.extend(place.epoch.0.to_le_bytes());
            to.extend([0; 4]);
        }
        if let Some(Started { epoch, seq, opens_at, electorate }) = started {
            to.extend(seq.0.to_le_bytes());
            to.extend(opens_at.unwrap_or_default().0.to_le_bytes());
            to.extend(epoch.0.to_le_bytes());
            to.extend([0; 4]);
            for voter in electorate.iter() {
                to.extend(voter.node.0.to_le_bytes());
                to.extend([0; 2]);
                to.extend(voter.incarnation.0.to_le_bytes());
            }
        }
        for (gateway, fifo) in fifos {
            to.extend(gateway.0.to_le_bytes());
            to.extend([0; 2]);
            to.extend(fifo.incarnation.0.to_le_bytes());
            to.extend(fifo.last.to_le_bytes());
        }
    }

    /// Reads what [`Ledger::write`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, LedgerError> {
        let wrong = LedgerError::Length(bytes.len());
        let (head, behind) = bytes.split_first_chunk::<HEAD>().ok_or(wrong)?;
        let (places, behind) = behind.split_at_checked(PLACE * usize::from(head[9])).ok_or(wrong)?;
        let (places, _) = places.as_chunks::<PLACE>();
        let (knows, voters) = (usize::from(head[10]), usize::from(head[11]));
        let (start, fifos) = behind.split_at_checked(START * knows + VOTER * voters).ok_or(wrong)?;
        let (fifos, rest) = fifos.as_chunks::<FIFO>();
        if !rest.is_empty() {
            return Err(LedgerError::Length(bytes.len()));
        }
        let zeros = places.iter().flat_map(|place| &place[20..]);
        let zeros = head[12..16].iter().chain(&head[44..48]).chain(zeros).all(|byte| *byte == 0);
        if head[8] > 1 || knows > 1 || voters > MAX_LOGGERS * knows || !zeros {
            return Err(LedgerError::Value);
        }
        let founding = match u64_at(head, 16) {
            ALL_FOUNDED => Progress::Done,
            stamped => Progress::Under(usize::try_from(stamped).map_err(|_| LedgerError::Value)?),
        };
        let mut ledger = Self {
            fifos: BTreeMap::new(),
            timestamp: Nanos(u64_at(head, 0)),
            rules: head[8] == 1,
            founding,
            last_snapshot: place_at(head, 24),
            quarantined: places.iter().map(|place| place_at(place, 0)).collect(),
            started: if knows == 1 { Some(read_started(start)?) } else { None },
        };
        for fifo in fifos {
            let gateway = NodeId(u16::from_le_bytes([fifo[0], fifo[1]]));
            let ascending = ledger.fifos.last_key_value().is_none_or(|(last, _)| *last < gateway);
            if !ascending || fifo[2..4] != [0; 2] {
                return Err(LedgerError::Value);
            }
            let fifo = Fifo { incarnation: Incarnation(u32_at(fifo, 4)), last: u64_at(fifo, 8) };
            ledger.fifos.insert(gateway, fifo);
        }
        Ok(ledger)
    }
}

/// Bytes before what there are many of; of each place that is not executed, of the epoch's start, of each of its loggers, and
/// of each gateway.
const HEAD: usize = 48;
const PLACE: usize = 24;
const START: usize = 24;
const VOTER: usize = 8;
const FIFO: usize = 16;
/// How many founding commands are there, once all of them are.
const ALL_FOUNDED: u64 = u64::MAX;

fn read_started(bytes: &[u8]) -> Result<Started, LedgerError> {
    let (start, voters) = bytes.split_at(START);
    let (voters, _) = voters.as_chunks::<VOTER>();
    let opens_at = Some(Seq(u64_at(start, 8))).filter(|seq| *seq != Seq(0));
    let electorate = Electorate::new(voters.iter().map(|voter| Voter {
        node: NodeId(u16::from_le_bytes([voter[0], voter[1]])),
        incarnation: Incarnation(u32_at(voter, 4)),
    }));
    let zeros = start[20..].iter().chain(voters.iter().flat_map(|voter| &voter[2..4]));
    if electorate.len() < voters.len() || !zeros.into_iter().all(|byte| *byte == 0) {
        return Err(LedgerError::Value);
    }
    Ok(Started { epoch: Epoch(u32_at(start, 16)), seq: Seq(u64_at(start, 0)), opens_at, electorate })
}

fn place_at(bytes: &[u8], at: usize) -> Position {
    Position {
        seq: Seq(u64_at(bytes, at)),
        chain: Chain(u64_at(bytes, at + 8)),
        epoch: Epoch(u32_at(bytes, at + 16)),
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|n| bytes[at + n]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|n| bytes[at + n]))
}

/// Why bytes are no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// No ledger has this many.
    #[error("a ledger cannot have {0} bytes: the snapshot that holds it was written by something else")]
    Length(usize),
    /// A value that cannot be.
    #[error(
        "the ledger holds a value that cannot be: the snapshot that holds it was written by something else"
    )]
    Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::command::{
        Act, Adopted, EndDay, EpochOpen, EpochStart, GatewayOpen, Opening, Quarantine, Snapshot,
        SnapshotReason, Tick,
    };
    use wire::frame::{self, Origin};
    use wire::{CommandBody, MAX_FRAME_LEN, SourceSeq};

    /// Stamps a command behind a position and enters it.
    fn enter<B: CommandBody>(
        ledger: &mut Ledger,
        at: &mut Position,
        (node, life, number): (u16, u32, u64),
        body: &B,
    ) {
        let origin = Origin {
            source: NodeId(node),
            incarnation: Incarnation(life),
            source_seq: SourceSeq(number),
            received: Nanos(0),
        };
        let mut bytes = [0; MAX_FRAME_LEN];
        let length = frame::write(&mut bytes, origin, body);
        *at = frame::stamp(&mut bytes[..length], *at, Epoch(3), Nanos(at.seq.0 * 10));
        ledger.enter(Entry::of(&Frame::read(&bytes[..length]).expect("just stamped")));
    }

    #[test]
    fn the_last_snapshot_is_where_one_was_asked_for_or_the_day_ended() {
        let (mut ledger, mut at) = (Ledger::default(), Position::GENESIS);
        assert_eq!(ledger.last_snapshot(), Position::GENESIS);
        enter(&mut ledger, &mut at, (1, 0, 0), &Tick {});
        assert_eq!(ledger.last_snapshot(), Position::GENESIS);
        enter(&mut ledger, &mut at, (1, 0, 0), &Snapshot { why: SnapshotReason::Asked, reserved: [0; 7] });
        let first = at;
        enter(&mut ledger, &mut at, (5, 1, 1), &GatewayOpen { version: 2, reserved: [0; 4] });
        assert_eq!(ledger.last_snapshot(), first);
        enter(&mut ledger, &mut at, (1, 0, 0), &EndDay { act: Act::default() });
        assert_eq!(ledger.last_snapshot(), at);
        assert_eq!(ledger.founded(), usize::MAX, "a snapshot comes after the founding");
    }

    #[test]
    fn the_history_shows_once_what_is_not_executed() {
        let (mut ledger, mut at) = (Ledger::default(), Position::GENESIS);
        enter(&mut ledger, &mut at, (1, 0, 0), &Tick {});
        let (poison, Position { epoch, seq, chain }) = (at, at);
        assert!(ledger.quarantined().is_empty());
        let before = ledger.clone();
        for _ in 0..2 {
            let body = Quarantine { seq, chain, epoch, reserved: [0; 4], act: Act::default() };
            enter(&mut ledger, &mut at, (1, 0, 0), &body);
        }
        assert_eq!(ledger.quarantined(), [poison]);
        let (mut written, mut shorter) = (Vec::new(), Vec::new());
        ledger.write(&mut written);
        before.write(&mut shorter);
        assert_eq!(written.len(), shorter.len() + PLACE, "one place");
        assert_eq!(Ledger::read(&written), Ok(ledger));
    }

    #[test]
    fn a_ledger_stands_in_a_snapshot_as_the_document_says() {
        let (mut ledger, mut at) = (Ledger::default(), Position::GENESIS);
        enter(&mut ledger, &mut at, (1, 0, 0), &Snapshot { why: SnapshotReason::Schedule, reserved: [0; 7] });
        let taken = at;
        enter(&mut ledger, &mut at, (0x0102, 7, 9), &Tick {});
        let mut expected = Vec::new();
        expected.extend(10_u64.to_le_bytes());
        expected.extend([0; 8]);
        expected.extend([0xff; 8]);
        expected.extend(taken.seq.0.to_le_bytes());
        expected.extend(taken.chain.0.to_le_bytes());
        expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([2, 1, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        let mut written = Vec::new();
        ledger.write(&mut written);
        assert_eq!(written, expected);
        assert_eq!(Ledger::read(&written), Ok(ledger));
    }

    #[test]
    fn bytes_that_are_no_ledger_are_refused() {
        let mut good = Vec::new();
        let ledger = Ledger {
            fifos: [(NodeId(2), Fifo::default()), (NodeId(3), Fifo::default())].into(),
            ..Ledger::default()
        };
        ledger.write(&mut good);
        assert_eq!(Ledger::read(&good), Ok(ledger));
        let mut one = good.clone();
        one[9] = 1;
        assert_eq!(Ledger::read(&one), Err(LedgerError::Length(good.len())), "a place and half a gateway");
        for length in 0..good.len() {
            let whole = length >= HEAD && (length - HEAD).is_multiple_of(FIFO);
            assert_eq!(Ledger::read(&good[..length]).is_err(), !whole, "{length} bytes");
        }
        // A flag, zeros, a gateway's zeros, and an order that does not ascend.
        for (at, value) in [(8, 2), (12, 1), (15, 1), (44, 1), (50, 1), (64, 2), (64, 1)] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(Ledger::read(&bytes), Err(LedgerError::Value), "byte {at}");
        }
    }

    #[test]
    fn a_ledger_tells_how_the_last_epoch_began() {
        let (mut ledger, mut at) = (Ledger::default(), Position::GENESIS);
        assert_eq!(ledger.started(), None);
        let (loggers, logger_count) = voters().seats();
        for opening in [Opening::AtStart, Opening::AtOpen] {
            let start = EpochStart {
                parent_epoch: at.epoch,
                sequencer: NodeId(1),
                logger_count,
                parent_seq: at.seq,
                parent_chain: at.chain,
                nonce: 1,
                cluster: 1,
                loggers,
                opening,
                adopted: Adopted::Whole,
                reserved: [0; 6],
            };
            enter(&mut ledger, &mut at, (1, 0, 0), &start);
            let at_start = (opening == Opening::AtStart).then_some(at.seq);
            let began = Started { epoch: Epoch(3), seq: at.seq, opens_at: at_start, electorate: voters() };
            assert_eq!(ledger.started(), Some(&began));
            enter(&mut ledger, &mut at, (1, 0, 0), &EpochOpen {});
            let opened = Started { opens_at: at_start.or(Some(at.seq)), ..began };
            assert_eq!(ledger.started(), Some(&opened));
        }
        let mut bytes = Vec::new();
        ledger.write(&mut bytes);
        assert_eq!(bytes.len(), HEAD + START + 2 * VOTER);
        assert_eq!(Ledger::read(&bytes), Ok(ledger));
        // More than one start, voters without one or too many, zeros, a logger twice.
        for (at, value) in
            [(10, 2), (11, 8), (HEAD + 20, 1), (HEAD + START + 2, 1), (HEAD + START + VOTER, 2)]
        {
            let mut wrong = bytes.clone();
            wrong[at] = value;
            assert!(Ledger::read(&wrong).is_err(), "byte {at}");
        }
    }

    fn voters() -> Electorate {
        let voter = |node| Voter { node: NodeId(node), incarnation: Incarnation(u32::from(node) * 7) };
        Electorate::new([2, 5].map(voter))
    }

    proptest! {
        #[test]
        fn every_ledger_is_read_as_it_was_written(
            fifos in prop::collection::btree_map(any::<u16>(), any::<(u32, u64)>(), 0..20),
            (timestamp, rules, founded) in (any::<u64>(), any::<bool>(), prop::option::of(0..100_000_usize)),
            (seq, chain, epoch) in any::<(u64, u64, u32)>(),
            places in prop::collection::vec(any::<(u64, u64, u32)>(), 0..20),
            began in prop::option::of((any::<(u32, u64)>(), prop::option::of(1_u64..), 0..=MAX_LOGGERS)),
        ) {
            let place = |(seq, chain, epoch)| Position { epoch: Epoch(epoch), seq: Seq(seq), chain: Chain(chain) };
            let fifos = fifos.into_iter().map(|(gateway, (incarnation, last))| {
                (NodeId(gateway), Fifo { incarnation: Incarnation(incarnation), last })
            });
            let ledger = Ledger {
                fifos: fifos.collect(),
                timestamp: Nanos(timestamp),
                rules,
                founding: founded.map_or(Progress::Done, Progress::Under),
                last_snapshot: place((seq, chain, epoch)),
                quarantined: places.into_iter().map(place).collect(),
                started: began.map(|((epoch, seq), opens_at, voters)| Started {
                    epoch: Epoch(epoch),
                    seq: Seq(seq),
                    opens_at: opens_at.map(Seq),
                    electorate: Electorate::new((0..voters).map(|n| Voter {
                        node: NodeId(n as u16 * 9), // few
                        incarnation: Incarnation(epoch ^ n as u32),
                    })),
                }),
            };
            let mut bytes = Vec::new();
            ledger.write(&mut bytes);
            prop_assert_eq!(Ledger::read(&bytes), Ok(ledger));
        }
    }
}
