//! Messages and directories for the tests.
#![allow(dead_code, reason = "each test file takes what it needs")]

use journal::{Journal, JournalError, Opened, Options, Stream};
use std::fs;
use std::path::{Path, PathBuf};
use wire::command::{CancelOrder, InstrumentTerms, NewOrder, Side, Terms, Tick};
use wire::event::{Address, GatewayOpened, InstrumentDefined, Speaker, speak};
use wire::frame::{self, Origin, stamp};
use wire::*;

pub(crate) const SEGMENT: u64 = 4096;
pub(crate) const HEADER: usize = journal::HEADER_LEN;

pub(crate) fn options(stream: Stream) -> Options {
    Options {
        cluster: wire::cluster_id("test"),
        stream,
        segment_len: SEGMENT,
        create: true,
        power_cut: false,
    }
}

pub(crate) fn open(dir: &Path, stream: Stream) -> (Journal, Opened) {
    try_open(dir, options(stream)).unwrap()
}

pub(crate) fn try_open(dir: &Path, options: Options) -> Result<(Journal, Opened), JournalError> {
    Journal::open(dir, &options, &mut |_| {})
}

/// Stamps commands of several lengths, one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Stamper {
    pub(crate) last: Position,
    pub(crate) epoch: Epoch,
}

impl Stamper {
    pub(crate) fn new() -> Self {
        Self { last: Position::GENESIS, epoch: Epoch(1) }
    }

    /// `shape` picks the command, and so the length; its other bits vary the content.
    pub(crate) fn next(&mut self, shape: u64) -> Vec<u8> {
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(3),
            incarnation: Incarnation(1),
            source_seq: SourceSeq(shape),
            received: Nanos(5),
        };
        let name = ClOrdId::new(format!("order-{shape}").as_bytes()).unwrap();
        let length = match shape % 3 {
            0 => frame::write(&mut to, origin, &Tick {}),
            1 => {
                let order = NewOrder {
                    session: SessionId(1),
                    client_seq: 2,
                    terms: Terms::limit(InstrumentId(1), Side::Buy, Price(10_050), Qty(shape + 1)),
                    cl_ord_id: name,
                    account: AccountId(0x0101_0101),
                };
                frame::write(&mut to, origin, &order)
            }
            _ => {
                let cancel = CancelOrder {
                    session: SessionId(1),
                    client_seq: 2,
                    instrument: InstrumentId(1),
                    side: Side::Buy,
                    reserved: [0; 3],
                    cl_ord_id: name,
                    orig_cl_ord_id: ClOrdId::new(&[b'x'; 20]).unwrap(),
                };
                frame::write(&mut to, origin, &cancel)
            }
        };
        let now = Nanos(1_700_000_000_000_000_000 + self.last.seq.0 * 1_000);
        self.last = stamp(&mut to[..length], self.last, self.epoch, now);
        to[..length].to_vec()
    }

    pub(crate) fn many(&mut self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|nth| self.next(nth + 1)).collect()
    }
}

pub(crate) fn event(number: u64) -> Vec<u8> {
    let mut to = [0; MAX_FRAME_LEN];
    let address = Address {
        outbound: Outbound(number),
        cause: Position { epoch: Epoch(1), seq: Seq(number), chain: Chain(number * 7) },
        timestamp: Nanos(1_700_000_000_000_000_000 + number),
        session: SessionId(0),
        report: ReportSeq(0),
    };
    let length = if number.is_multiple_of(2) {
        let body = GatewayOpened { gateway: NodeId(1), reserved: [0; 2], incarnation: Incarnation(2) };
        wire::event::write(&mut to, address, &body)
    } else {
        let symbol = Symbol::new(b"ACME").unwrap();
        let body = InstrumentDefined {
            terms: InstrumentTerms::plain(InstrumentId(1), symbol, 2, Price(5), Qty(10)),
        };
        wire::event::write(&mut to, address, &body)
    };
    speak(&mut to[..length], Speaker { epoch: Epoch(1), term: Term(1), node: NodeId(9) });
    to[..length].to_vec()
}

pub(crate) fn append_all(journal: &mut Journal, messages: &[Vec<u8>]) {
    for message in messages {
        journal.append(message).unwrap();
    }
}

pub(crate) fn contents(journal: &Journal) -> Vec<Vec<u8>> {
    journal.iter_from(0).map(<[u8]>::to_vec).collect()
}

/// The segments' paths, ascending.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    found.sort();
    found
}

/// Changes a file as something outside of the journal would.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Where each record of a segment begins, found from the lengths alone.
pub(crate) fn offsets(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let (mut found, mut at) = (Vec::new(), HEADER);
    while at + 8 <= bytes.len() {
        let length = usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
        if length == 0 {
            break;
        }
        found.push(at);
        at += length.next_multiple_of(8);
    }
    found
}
