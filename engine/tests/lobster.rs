//! One real trading day, transition by transition: the book of row i-1 and message i give levels 1 to 4 of row i.
//!
//! The data (LOBSTER's public sample of Amazon, 2012-06-21) lies beside the repository in `shared/data` and is no part of
//! the product; where it is missing the test says so and passes. Orders below level five are not in the data, so a book
//! replayed from the start would drift away; each single transition is decided.

mod support;

use engine::{EventSink, Exchange, Limits, Sequenced, StateMachine};
use std::path::{Path, PathBuf};
use support::{ALICE, BOB, GATEWAY, LIFE, cancel, define, logon, order, replace};
use wire::command::{CancelOrder, NewOrder, ReplaceOrder, Side, TimeInForce};
use wire::{Chain, ClOrdId, Command, Epoch, InstrumentId, Nanos, Position, Price, Qty, Seq};

/// Levels of a row.
const DEPTH: usize = 5;
/// The data cannot know what comes up from below level five.
const DECIDED: usize = 4;
/// Messages after which a new exchange takes over, since a day's names are never forgotten.
const DAY: usize = 8192;

const LIMITS: Limits = Limits {
    instruments: 2,
    sessions: 4,
    resting_orders: 64,
    names: 1 << 18,
    levels: 64,
    events_reserved: 64,
    ..support::LIMITS
};

type Level = (i64, u64);

/// One orderbook row: asks and bids, best first, without the places that are empty.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    asks: Vec<Level>,
    bids: Vec<Level>,
}

impl Row {
    fn side(&self, side: Side) -> &[Level] {
        if side == Side::Buy { &self.bids } else { &self.asks }
    }

    fn parse(line: &str) -> Self {
        let fields: Vec<i64> = line.split(',').map(|field| field.parse().expect("an integer")).collect();
        let mut row = Self::default();
        for place in fields.chunks_exact(4).take(DEPTH) {
            let levels = [(&mut row.asks, place[0], place[1]), (&mut row.bids, place[2], place[3])];
            for (levels, price, size) in levels.into_iter().filter(|level| level.2 > 0) {
                levels.push((price, size.unsigned_abs()));
            }
        }
        row
    }
}

struct Message {
    kind: u8,
    size: u64,
    price: i64,
    /// The side of the resting order that it is about.
    side: Side,
}

impl Message {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(',').collect();
        Self {
            kind: fields[1].parse().expect("a type"),
            size: fields[3].parse().expect("a size"),
            price: fields[4].parse().expect("a price"),
            side: if fields[5] == "1" { Side::Buy } else { Side::Sell },
        }
    }
}

/// An exchange that is given real commands, without the frames around them.
struct Venue {
    exchange: Exchange,
    events: EventSink,
    seq: u64,
    names: u64,
}

impl Venue {
    fn new() -> Self {
        let mut venue = Self {
            exchange: Exchange::new(LIMITS).expect("the test's limits can be granted"),
            events: EventSink::with_capacity(64),
            seq: 0,
            names: 0,
        };
        let mut define = define(support::ACME, b"AMZN");
        (define.terms.tick, define.terms.lot) = (Price(100), Qty(1));
        venue.apply(Command::DefineInstrument(&define));
        venue.apply(Command::SessionLogon(&logon(ALICE)));
        venue.apply(Command::SessionLogon(&logon(BOB)));
        venue
    }

    fn apply(&mut self, command: Command<'_>) {
        self.seq += 1;
        let at = Position { epoch: Epoch(1), seq: Seq(self.seq), chain: Chain(0) };
        self.events.begin(at, Nanos(self.seq));
        let input = Sequenced { at, timestamp: Nanos(self.seq), source: GATEWAY, incarnation: LIFE, command };
        self.exchange.apply(&input, &mut self.events);
    }

    fn fresh(&mut self) -> ClOrdId {
        self.names += 1;
        ClOrdId::new(self.names.to_string().as_bytes()).expect("twenty digits at most")
    }

    fn rest(&mut self, side: Side, qty: u64, price: i64) -> ClOrdId {
        let cl_ord_id = self.fresh();
        self.apply(Command::NewOrder(&NewOrder { cl_ord_id, ..order(ALICE, "-", side, qty, price) }));
        cl_ord_id
    }

    fn cancel(&mut self, side: Side, orig_cl_ord_id: ClOrdId) {
        let cl_ord_id = self.fresh();
        let asked = CancelOrder { cl_ord_id, orig_cl_ord_id, ..cancel(ALICE, "-", "-", side) };
        self.apply(Command::CancelOrder(&asked));
    }

    /// The best levels of a side.
    fn levels(&self, side: Side, depth: usize) -> impl Iterator<Item = Level> {
        let book = self.exchange.book(InstrumentId(1)).expect("defined");
        book.levels(side).take(depth).map(|level| (level.price.0, level.qty.0))
    }

    /// Makes the book agree with a row. The touched level is built anew: the order that the message names stands in front
    /// with `named` of it, the rest behind. Gives the named order, if the row has its level.
    fn seed(&mut self, row: &Row, touched: (Side, i64), named: u64) -> Option<ClOrdId> {
        for side in [Side::Buy, Side::Sell] {
            let wanted = row.side(side);
            let book = self.exchange.book(InstrumentId(1)).expect("defined");
            let wrong: Vec<i64> = book
                .levels(side)
                .map(|level| (level.price.0, level.qty.0))
                .filter(|level| (side, level.0) == touched || !wanted.contains(level))
                .map(|level| level.0)
                .collect();
            if wrong.is_empty() {
                continue;
            }
            let leaving: Vec<ClOrdId> = book
                .queue(side)
                .filter(|order| wrong.contains(&{ order.terms.price }.0))
                .map(|order| order.cl_ord_id)
                .collect();
            for cl_ord_id in leaving {
                self.cancel(side, cl_ord_id);
            }
        }
        let mut found = None;
        for side in [Side::Buy, Side::Sell] {
            let standing: Vec<Level> = self.levels(side, usize::MAX).collect();
            for (price, size) in row.side(side) {
                if (side, *price) == touched {
                    let own = named.min(*size);
                    found = Some(self.rest(side, own, *price));
                    if *size > own {
                        self.rest(side, size - own, *price);
                    }
                } else if !standing.contains(&(*price, *size)) {
                    self.rest(side, *size, *price);
                }
            }
            assert!(self.levels(side, usize::MAX).eq(row.side(side).iter().copied()), "the seed is the row");
        }
        found
    }

    /// One message, as a participant would have sent it.
    fn transition(&mut self, before: &Row, message: &Message) {
        let Message { kind, size, price, side } = *message;
        // After a partial cancel something is left of the order.
        let named = if kind == 2 { size + 1 } else { size };
        let touched = if matches!(kind, 2..=4) { (side, price) } else { (side, 0) };
        let named = self.seed(before, touched, named);
        match (kind, named) {
            (1, _) => {
                self.rest(side, size, price);
            }
            (2, Some(orig_cl_ord_id)) => {
                let cl_ord_id = self.fresh();
                let smaller = replace(ALICE, "-", "-", side, 1, price);
                self.apply(Command::ReplaceOrder(&ReplaceOrder { cl_ord_id, orig_cl_ord_id, ..smaller }));
            }
            (3, Some(orig_cl_ord_id)) => self.cancel(side, orig_cl_ord_id),
            (4, Some(_)) => {
                let mut asked = order(BOB, "-", side.opposite(), size, price);
                asked.cl_ord_id = self.fresh();
                asked.terms.time_in_force = TimeInForce::ImmediateOrCancel;
                self.apply(Command::NewOrder(&asked));
            }
            _ => {}
        }
    }
}

fn text(path: &Path) -> String {
    let packed = std::fs::read(path).expect("the file was there a moment ago");
    let plain = zstd::decode_all(&packed[..]).expect("a zstd file");
    String::from_utf8(plain).expect("plain numbers")
}

fn data() -> Option<(PathBuf, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let file = |kind| folder.join(format!("AMZN_2012-06-21_34200000_57600000_{kind}_5.csv.zst"));
    let (messages, rows) = (file("message"), file("orderbook"));
    (messages.exists() && rows.exists()).then_some((messages, rows))
}

/// How many transitions give the first levels of the row that followed, and how many there are; `None` without the data.
/// Messages of type `deaf_to` are not heard.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn agreeing(deaf_to: Option<u8>) -> Option<(usize, usize)> {
    let Some((messages, rows)) = data() else {
        eprintln!("skipped: the LOBSTER sample is not in shared/data beside the repository");
        return None;
    };
    let (messages, rows) = (text(&messages), text(&rows));
    let mut rows = rows.lines().map(Row::parse);
    let mut before = rows.next().expect("a first row");
    let (mut agreeing, mut transitions) = (0, 0);
    let mut venue = Venue::new();
    for (message, after) in messages.lines().skip(1).map(Message::parse).zip(rows) {
        if transitions % DAY == DAY - 1 {
            venue = Venue::new();
        }
        if deaf_to == Some(message.kind) {
            venue.seed(&before, (message.side, 0), 0);
        } else {
            venue.transition(&before, &message);
        }
        transitions += 1;
        let same = [Side::Buy, Side::Sell]
            .into_iter()
            .all(|side| venue.levels(side, DECIDED).eq(after.side(side).iter().copied().take(DECIDED)));
        agreeing += usize::from(same);
        before = after;
    }
    Some((agreeing, transitions))
}

#[test]
fn every_transition_of_a_real_trading_day_gives_the_book_that_followed() {
    if let Some(counts) = agreeing(None) {
        assert_eq!(counts, (155_934, 155_934));
    }
}

#[test]
fn a_venue_that_does_not_hear_executions_is_found_out() {
    // The day has 8,974 executions of visible orders; nearly every one of them changes a decided level.
    if let Some((agreeing, transitions)) = agreeing(Some(4)) {
        assert!((8_000..=8_974).contains(&(transitions - agreeing)), "{agreeing} of {transitions} agree");
    }
}
