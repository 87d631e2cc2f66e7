//! A snapshot holds the whole state: an exchange that is restored from it goes on like the one that wrote it.

#[path = "support/naive/mod.rs"]
mod naive;
#[path = "support/pair/mod.rs"]
mod pair;
mod support;

use engine::{EventSink, Exchange, Sequenced, SnapshotError, StateMachine};
use pair::{Draw, Generator, Pair, Step, WORLD};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{GATEWAY, LIFE};
use wire::event::{self, Speaker};
use wire::{Event, Frame, ReportSeq, SessionId};

/// Frames over every feature, as a sequencer stamps them.
fn frames(seed: u64, commands: usize) -> Vec<Vec<u8>> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut pair = Pair::new(WORLD, None);
    let mut log = support::Log::new();
    let mut generator = Generator::new();
    let mut all = Vec::new();
    let mut take = |pair: &mut Pair, step: Step| {
        log.now = step.now;
        all.push(step.asked.stamp(&mut log, step.source, step.life));
        pair.apply(step.source, step.life, &step.asked).expect("engine and model agree");
    };
    for asked in Generator::prologue() {
        let now = pair.desk.log.now;
        take(&mut pair, Step { now, source: GATEWAY, life: LIFE, asked });
    }
    for _ in 0..commands {
        let step = generator.draw(&mut pair, Draw::new(std::array::from_fn(|_| random.random())));
        take(&mut pair, step);
    }
    all
}

/// What an exchange says to a frame; outbound numbers belong to the sink.
fn says(
    exchange: &mut Exchange,
    sink: &mut EventSink,
    bytes: &[u8],
) -> Vec<(SessionId, ReportSeq, u8, Vec<u8>)> {
    let frame = Frame::read(bytes).expect("stamped by this test");
    let input = Sequenced::of(&frame).expect("written by this test");
    sink.begin(input.at, input.timestamp);
    exchange.apply(&input, sink);
    let told = sink.iter_mut().map(|bytes| {
        event::speak(bytes, Speaker::default());
        let event = Event::read(bytes).expect("spoken and sealed");
        let header = event.header();
        (header.session, header.report, header.kind, bytes[event::EVENT_HEADER_LEN..].to_vec())
    });
    told.collect()
}

fn restored(from: &mut &[u8]) -> Result<Exchange, SnapshotError> {
    Exchange::new(WORLD).expect("small").restore(from)
}

fn bytes_of(exchange: &Exchange) -> Vec<u8> {
    let mut bytes = Vec::new();
    exchange.snapshot(&mut bytes).expect("a vector takes everything");
    bytes
}

#[test]
fn an_exchange_that_is_restored_again_and_again_says_what_the_first_one_says() {
    let mut sinks = [EventSink::with_capacity(64), EventSink::with_capacity(64)];
    let mut first = Exchange::new(WORLD).expect("small");
    let mut other = Exchange::new(WORLD).expect("small");
    let mut open = 0;
    for (at, bytes) in frames(11, 12_000).iter().enumerate() {
        let [one, two] = &mut sinks;
        assert_eq!(says(&mut first, one, bytes), says(&mut other, two, bytes), "frame {at}");
        if at % 50 == 0 {
            let written = bytes_of(&first);
            assert_eq!(written, bytes_of(&other), "frame {at}");
            other = restored(&mut written.as_slice()).expect("just written");
            assert_eq!(other.digest(), first.digest());
            open = open.max(other.resting_orders());
        }
    }
    assert!(open > 30, "the snapshots held something: {open} orders at most");
}

#[test]
fn replay_of_the_log_gives_the_digest_of_the_state() {
    let log = frames(12, 5_000);
    let replay = || {
        let (mut exchange, mut sink) = (Exchange::new(WORLD).expect("small"), EventSink::with_capacity(64));
        for bytes in &log {
            says(&mut exchange, &mut sink, bytes);
        }
        exchange.digest()
    };
    assert_eq!(replay(), replay());
    let (mut exchange, mut sink) = (Exchange::new(WORLD).expect("small"), EventSink::with_capacity(64));
    let mut digests = std::collections::BTreeSet::new();
    for bytes in log.iter().take(500) {
        says(&mut exchange, &mut sink, bytes);
        digests.insert(exchange.digest());
    }
    assert!(digests.len() > 300, "what changes the state changes the digest: {}", digests.len());
}

#[test]
fn bytes_that_are_no_snapshot_are_refused_and_never_panic() {
    let (mut exchange, mut sink) = (Exchange::new(WORLD).expect("small"), EventSink::with_capacity(64));
    for bytes in frames(13, 400) {
        says(&mut exchange, &mut sink, &bytes);
    }
    let written = bytes_of(&exchange);
    assert!(matches!(restored(&mut &b"LOCKSTEPer than ever: this is nothing of that kind, is it? It goes on and on and on, for a hundred bytes and more"[..]), Err(SnapshotError::Version { .. } | SnapshotError::Io(_) | SnapshotError::Record { .. })));
    assert!(matches!(restored(&mut &[0; 200][..]), Err(SnapshotError::Foreign)));
    for short in (0..written.len()).step_by(97) {
        assert!(restored(&mut &written[..short]).is_err(), "{short} bytes of {}", written.len());
    }
    let mut version = written.clone();
    version[8] = 9;
    assert!(matches!(restored(&mut version.as_slice()), Err(SnapshotError::Version { found: 9 })));
}
