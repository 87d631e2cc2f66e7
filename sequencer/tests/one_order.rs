//! The sequencer's core in virtual time: whatever the network does to the gateways' packets, one order comes out in which
//! every gateway's commands stand once and in the order it gave them.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use bus::mold::{self, Packet};
use bus::{GapConfig, Session, StreamKind};
use cluster::{Entry, Lane, Ledger};
use proptest::prelude::*;
use sequencer::{Intake, Stamper};
use wire::command::{GatewayOpen, LogoutReason, SessionLogout, Tick};
use wire::frame::{self, Origin};
use wire::*;

fn lane(gateway: u16, incarnation: u32) -> Lane {
    Lane { gateway: NodeId(gateway), incarnation: Incarnation(incarnation) }
}

fn command<B: CommandBody>(lane: Lane, number: u64, body: &B) -> Vec<u8> {
    let origin = Origin {
        source: lane.gateway,
        incarnation: lane.incarnation,
        source_seq: SourceSeq(number),
        received: Nanos(7),
    };
    let mut buffer = [0; MAX_FRAME_LEN];
    let length = frame::write(&mut buffer, origin, body);
    buffer[..length].to_vec()
}

/// The lane's command of this number: the opening first, then logouts whose session is the number.
fn nth(lane: Lane, number: u64) -> Vec<u8> {
    match number {
        1 => command(lane, 1, &GatewayOpen { version: 1, reserved: [0; 4] }),
        _ => {
            let session = SessionId(u32::try_from(number).unwrap());
            let body =
                SessionLogout { session, client_seq: 0, reason: LogoutReason::Requested, reserved: [0; 7] };
            command(lane, number, &body)
        }
    }
}

fn packet(first: u64, frames: &[Vec<u8>]) -> Vec<u8> {
    let session = Session::new(*b"TST", StreamKind::Commands, 1).unwrap().to_bytes();
    let mut bytes = mold::header(&session, first, u16::try_from(frames.len()).unwrap()).to_vec();
    for frame in frames {
        bytes.extend_from_slice(&u16::try_from(frame.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    bytes
}

struct Bench {
    core: Intake,
    room: usize,
    log: Vec<Vec<u8>>,
}

impl Bench {
    fn new(window: usize) -> Self {
        let stamper = Stamper::new(NodeId(1), Epoch(1), Position::GENESIS, Nanos(0));
        let gap = GapConfig { window, request_after_ns: 10, retry_after_ns: 100, ..GapConfig::default() };
        let core = Intake::new(stamper, [NodeId(5), NodeId(6)], &Ledger::default(), gap);
        Self { core, room: usize::MAX, log: Vec::new() }
    }

    /// The next epoch's intake, which knows no more than what the log shows.
    fn succeed(&mut self) {
        let mut ledger = Ledger::default();
        let mut last = Position::GENESIS;
        for bytes in &self.log {
            let frame = Frame::read(bytes).unwrap();
            ledger.enter(Entry::of(&frame));
            last = frame.position();
        }
        let stamper = Stamper::new(NodeId(2), Epoch(last.epoch.0 + 1), last, ledger.timestamp());
        self.core = Intake::new(stamper, [NodeId(5), NodeId(6)], &ledger, GapConfig::default());
    }

    fn send(
        &mut self,
        now: u64,
        lane: Lane,
        first: u64,
        frames: &[Vec<u8>],
    ) -> Result<(), sequencer::Refusal> {
        let bytes = packet(first, frames);
        let log = &mut self.log;
        let packet = Packet::parse(&bytes).unwrap();
        self.core.handle_packet(Nanos(now), lane, &packet, self.room, &mut |frame| log.push(frame.to_vec()))
    }

    /// Checks the chain of everything stamped, and gives the numbers of one lane in their order.
    fn stamped_of(&self, lane: Lane) -> Vec<u64> {
        let mut previous = Position::GENESIS;
        let mut numbers = Vec::new();
        for bytes in &self.log {
            let frame = Frame::read(bytes).unwrap();
            assert!(frame.follows(previous), "{} does not follow {previous}", frame.position());
            previous = frame.position();
            let header = *frame.header();
            if (header.source, header.incarnation) == (lane.gateway, lane.incarnation) {
                numbers.push({ header.source_seq }.0);
            }
        }
        numbers
    }
}

#[test]
fn the_next_epoch_goes_on_behind_what_the_log_shows_of_each_gateway() {
    let mut bench = Bench::new(8);
    let (one, other) = (lane(5, 3), lane(6, 1));
    bench.send(0, one, 1, &[nth(one, 1), nth(one, 2)]).unwrap();
    bench.send(0, other, 1, &[nth(other, 1)]).unwrap();
    bench.succeed();
    // What it does not know to be sequenced, a gateway sends again; what it was told twice is dropped.
    bench.send(9, one, 2, &[nth(one, 2), nth(one, 3)]).unwrap();
    bench.send(9, other, 1, &[nth(other, 1), nth(other, 2)]).unwrap();
    assert_eq!((bench.stamped_of(one), bench.stamped_of(other)), (vec![1, 2, 3], vec![1, 2]));
    let older = lane(5, 2);
    bench.send(10, older, 1, &[nth(older, 1)]).unwrap();
    assert_eq!(bench.stamped_of(older), [0u64; 0], "the log shows a later life");
}

#[test]
fn what_finds_no_room_waits_and_is_stamped_when_there_is() {
    let mut bench = Bench::new(8);
    let (one, other) = (lane(5, 1), lane(6, 1));
    bench.room = 2;
    bench.send(0, one, 1, &[nth(one, 1), nth(one, 2), nth(one, 3)]).unwrap();
    bench.room = 0;
    bench.send(1, other, 1, &[nth(other, 1)]).unwrap();
    assert_eq!((bench.stamped_of(one), bench.stamped_of(other)), (vec![1, 2], vec![]));
    let log = &mut bench.log;
    assert_eq!(bench.core.drain(Nanos(2), 0, &mut |frame| log.push(frame.to_vec())), Ok(0));
    assert_eq!(bench.core.drain(Nanos(2), 1, &mut |frame| log.push(frame.to_vec())), Ok(1));
    assert_eq!(bench.core.drain(Nanos(2), 9, &mut |frame| log.push(frame.to_vec())), Ok(1));
    assert_eq!(bench.core.drain(Nanos(2), 9, &mut |frame| log.push(frame.to_vec())), Ok(0));
    assert_eq!((bench.stamped_of(one), bench.stamped_of(other)), (vec![1, 2, 3], vec![1]));
}

#[test]
fn a_duplicate_is_dropped_and_a_gap_is_asked_for() {
    let mut bench = Bench::new(8);
    let lane = lane(5, 1);
    bench.send(0, lane, 1, &[nth(lane, 1)]).unwrap();
    bench.send(1, lane, 1, &[nth(lane, 1)]).unwrap();
    bench.send(2, lane, 3, &[nth(lane, 3)]).unwrap();
    assert_eq!(bench.stamped_of(lane), [1]);
    let (asked, request) = bench.core.poll_request(Nanos(1_000)).unwrap();
    assert_eq!((asked, request.first, request.count), (lane, 2, 1));
    bench.send(1_001, lane, 2, &[nth(lane, 2)]).unwrap();
    assert_eq!(bench.stamped_of(lane), [1, 2, 3]);
    assert_eq!(bench.core.duplicates(), 1);
}

#[test]
fn after_a_new_life_has_opened_the_older_one_is_refused() {
    let mut bench = Bench::new(8);
    let (old, new) = (lane(5, 1), lane(5, 2));
    bench.send(0, old, 1, &[nth(old, 1)]).unwrap();
    bench.send(1, new, 2, &[nth(new, 2)]).unwrap();
    bench.send(2, old, 2, &[nth(old, 2)]).unwrap();
    assert_eq!(bench.stamped_of(old), [1, 2], "heard of is not opened: the old life may still send");
    bench.send(3, new, 1, &[nth(new, 1)]).unwrap();
    bench.send(4, old, 3, &[nth(old, 3)]).unwrap();
    assert_eq!(bench.stamped_of(old), [1, 2]);
    assert_eq!(bench.stamped_of(new), [1, 2]);
    assert_eq!(bench.core.counters().refused_packets, 1);
}

#[test]
fn a_gateway_that_is_not_described_is_refused() {
    let mut bench = Bench::new(8);
    let stranger = lane(9, 1);
    bench.send(0, stranger, 1, &[nth(stranger, 1)]).unwrap();
    assert_eq!(bench.stamped_of(stranger), [0u64; 0]);
    assert_eq!(bench.core.counters().refused_packets, 1);
}

#[test]
fn a_breach_of_the_protocol_closes_the_lane_and_no_other() {
    type Breach = (&'static str, fn(Lane) -> Vec<u8>);
    let breaches: [Breach; 4] = [
        ("Tick is not a gateway's", |lane| command(lane, 2, &Tick {})),
        ("another gateway", |lane| nth(Lane { gateway: NodeId(6), ..lane }, 2)),
        ("another gateway, incarnation or number", |lane| nth(lane, 3)),
        ("must be the first command", |lane| command(lane, 2, &GatewayOpen { version: 1, reserved: [0; 4] })),
    ];
    for (expected, breach) in breaches {
        let mut bench = Bench::new(8);
        let (bad, good) = (lane(5, 1), lane(6, 1));
        bench.send(0, bad, 1, &[nth(bad, 1)]).unwrap();
        let refusal = bench.send(1, bad, 2, &[breach(bad)]).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}");
        bench.send(2, bad, 2, &[nth(bad, 2)]).unwrap();
        bench.send(3, good, 1, &[nth(good, 1)]).unwrap();
        assert_eq!(bench.stamped_of(bad), [1]);
        assert_eq!(bench.stamped_of(good), [1]);
        assert_eq!(bench.core.counters().closed_lanes, 1);
    }
}

#[test]
fn a_damaged_command_is_asked_for_again() {
    let mut bench = Bench::new(8);
    let lane = lane(5, 1);
    bench.send(0, lane, 1, &[nth(lane, 1)]).unwrap();
    let mut damaged = nth(lane, 2);
    damaged[60] ^= 1;
    bench.send(1, lane, 2, &[damaged, nth(lane, 3)]).unwrap();
    bench.send(2, lane, 4, &[nth(lane, 4)]).unwrap();
    assert_eq!(bench.core.counters().damaged_packets, 1);
    assert!(bench.core.poll_request(Nanos(1_000)).is_some());
    bench.send(1_001, lane, 2, &[nth(lane, 2), nth(lane, 3)]).unwrap();
    assert_eq!(bench.stamped_of(lane), [1, 2, 3, 4]);
}

#[test]
fn a_stamp_never_goes_back_not_even_across_epochs() {
    let mut bench = Bench::new(8);
    let lane = lane(5, 1);
    bench.send(5_000, lane, 1, &[nth(lane, 1)]).unwrap();
    bench.send(4_000, lane, 2, &[nth(lane, 2)]).unwrap();
    bench.succeed();
    bench.send(3_000, lane, 3, &[nth(lane, 3)]).unwrap();
    let log = &mut bench.log;
    bench.core.say(Nanos(6_000), &Tick {}, &mut |frame| log.push(frame.to_vec()));
    let times: Vec<u64> =
        bench.log.iter().map(|f| { Frame::read(f).unwrap().header().timestamp }.0).collect();
    assert_eq!(times, [5_000, 5_000, 5_000, 6_000]);
    assert_eq!(bench.core.position().epoch, Epoch(2));
}

proptest! {
    #[test]
    fn every_command_stands_once_and_in_its_order(
        arrivals in prop::collection::vec((0u16..2, 1u64..30, 1u64..6), 1..200), window in prop_oneof![Just(0usize), Just(4), Just(32)],
    ) {
        let mut bench = Bench::new(window);
        let mut now = 0;
        for (which, first, count) in arrivals {
            now += 50;
            let lane = lane(5 + which, 1);
            let frames: Vec<_> = (first..(first + count).min(31)).map(|number| nth(lane, number)).collect();
            bench.send(now, lane, first, &frames).unwrap();
        }
        // The network gets better: every request is answered until nothing is missing.
        for _ in 0..1_000 {
            now += 1_000;
            while let Some((lane, request)) = bench.core.poll_request(Nanos(now)) {
                let end = request.first + u64::from(request.count);
                let frames: Vec<_> = (request.first..end).map(|number| nth(lane, number)).collect();
                bench.send(now, lane, request.first, &frames).unwrap();
            }
        }
        for gateway in [5, 6] {
            let numbers = bench.stamped_of(lane(gateway, 1));
            let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
            prop_assert_eq!(numbers, expected);
        }
        prop_assert!(bench.core.poll_request(Nanos(now + 10_000)).is_none(), "nothing is missing any more");
    }
}
