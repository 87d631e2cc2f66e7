//! The engine in the protocol: what it executes, when it speaks, and what it does when an epoch change voids its work.

mod hub;
mod support;

use bus::{Session, StreamKind};
use engine::MARK_EVERY;
use hub::{NAMES, NODE, OTHER, Rig, TOKEN, position};
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Log, define, logon, order};
use wire::command::{EpochStart, LoggerMember, MAX_LOGGERS, Opening, Side, Tick};
use wire::{Digest, Epoch, Event, Frame, Incarnation, Outbound, Position, Seq, Term};

const RING: usize = 64;

/// The first frame of an epoch that stands on the log's end.
fn start(log: &mut Log, epoch: u32) -> Vec<u8> {
    let Position { epoch: parent_epoch, seq: parent_seq, chain: parent_chain } = log.last;
    log.epoch = Epoch(epoch);
    let body = EpochStart {
        parent_epoch,
        sequencer: hub::SEQUENCER,
        logger_count: 0,
        parent_seq,
        parent_chain,
        nonce: u64::from(epoch),
        cluster: 5,
        loggers: [LoggerMember::default(); MAX_LOGGERS],
        opening: Opening::AtStart,
        adopted: Default::default(),
        reserved: [0; 6],
    };
    log.stamp(hub::SEQUENCER, Incarnation(0), &body)
}

/// An order, which causes at least one event.
fn trade(log: &mut Log, name: &str) -> Vec<u8> {
    let side = if log.last.seq.0.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let session = if side == Side::Buy { ALICE } else { BOB };
    log.stamp(GATEWAY, LIFE, &order(session, name, side, 30, 100))
}

/// The beginning of a history: an epoch, an instrument, two sessions.
fn opening(log: &mut Log) -> Vec<Vec<u8>> {
    vec![
        start(log, 1),
        log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")),
        log.stamp(GATEWAY, LIFE, &logon(ALICE)),
        log.stamp(GATEWAY, LIFE, &logon(BOB)),
    ]
}

fn trades(log: &mut Log, name: &str, number: usize) -> Vec<Vec<u8>> {
    (0..number).map(|n| trade(log, &format!("{name}{n}"))).collect()
}

/// What an engine that sees only this history comes to: digest and next event.
fn alone(history: &[Vec<u8>]) -> (Digest, Outbound) {
    let mut replica = Desk::empty(LIMITS).replica;
    for bytes in history {
        replica.apply(&Frame::read(bytes).expect("whole")).expect("follows");
    }
    (replica.digest(), replica.outbound())
}

fn state(rig: &Rig) -> (Digest, Outbound) {
    (rig.engine.matcher.digest(), rig.engine.matcher.replica().outbound())
}

fn events_of(epoch: u32) -> Session {
    NAMES.of(StreamKind::Events, Epoch(epoch))
}

/// A warm engine that has executed ten committed frames and holds five more that are not.
fn warm() -> (Rig, Log, Vec<Vec<u8>>) {
    let (mut rig, mut log) = (Rig::new(LIMITS, RING), Log::new());
    let mut history = opening(&mut log);
    history.extend(trades(&mut log, "c", 6));
    let committed = log.last;
    history.extend(trades(&mut log, "u", 5));
    rig.sequence(1, &history);
    rig.leading(1, Position::GENESIS, committed);
    rig.run();
    (rig, log, history)
}

/// The same engine, hot in term 3: it has executed all fifteen.
fn hot() -> (Rig, Log, Vec<Vec<u8>>) {
    let (mut rig, log, history) = warm();
    rig.hot(3, NODE, TOKEN);
    rig.run();
    assert_eq!(rig.position(), log.last);
    (rig, log, history)
}

#[test]
fn a_warm_engine_executes_nothing_that_is_not_committed() {
    let (mut rig, log, history) = warm();
    assert_eq!(rig.position(), position(&history[9]));
    rig.leading(1, Position::GENESIS, position(&history[11]));
    rig.run();
    assert_eq!(rig.position(), position(&history[11]));
    rig.leading(1, Position::GENESIS, position(&history[10]));
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    assert_eq!(state(&rig), alone(&history));
    assert!(rig.wires.borrow().events.is_empty(), "and it says nothing");
}

#[test]
fn an_engine_that_follows_no_epoch_is_not_ready_and_one_that_has_what_is_committed_is() {
    let mut rig = Rig::new(LIMITS, RING);
    rig.run();
    let said = rig.present();
    assert_eq!((said.ready, said.epoch, said.token), (false, Epoch(0), TOKEN));
    let (rig, _, history) = warm();
    let said = rig.present();
    assert_eq!((said.ready, said.epoch, said.position), (true, Epoch(1), position(&history[9])));
}

#[test]
fn an_engine_that_is_promoted_executes_at_once_what_it_holds_and_speaks_in_its_term() {
    let (mut rig, mut log, history) = warm();
    rig.hot(3, NODE, TOKEN);
    rig.cycle().expect("nothing goes wrong");
    assert_eq!(rig.position(), log.last, "in the very cycle");
    assert!(rig.engine.matcher.speaks());
    let next = trade(&mut log, "n");
    rig.sequence(1, std::slice::from_ref(&next));
    rig.run();
    assert_eq!(rig.position(), log.last);
    let wires = rig.wires.borrow();
    let (session, number, bytes) = &wires.events[0];
    assert_eq!((*session, *number), (events_of(1), alone(&history).1.0), "it goes on where it was promoted");
    let header = *Event::read(bytes).expect("a whole event").header();
    assert_eq!(({ header.term }, { header.spoken_in }, { header.speaker }), (Term(3), Epoch(1), NODE));
    assert_eq!(wires.presents.last().expect("it has said").term, Term(3));
    assert_eq!(wires.begun, [(events_of(1), 1)]);
    assert_eq!(wires.kept.len() as u64, number + wires.events.len() as u64 - 1, "it can repair everything");
}

#[test]
fn a_promoted_engine_does_not_speak_before_it_has_executed_what_it_held() {
    let (mut rig, mut log) = (Rig::new(LIMITS, 1024), Log::new());
    let mut history = opening(&mut log);
    let committed = log.last;
    history.extend(trades(&mut log, "u", 500));
    rig.sequence(1, &history);
    rig.leading(1, Position::GENESIS, committed);
    rig.run();
    rig.hot(1, NODE, TOKEN);
    while rig.position() != log.last {
        assert!(!rig.engine.matcher.speaks(), "at {}", rig.position());
        rig.cycle().expect("nothing goes wrong");
    }
    assert!(rig.engine.matcher.speaks());
    assert!(rig.wires.borrow().events.is_empty(), "what it computed before is asked for");
}

#[test]
fn another_life_of_this_node_is_not_this_engine() {
    let (mut rig, _, history) = warm();
    rig.hot(3, NODE, TOKEN + 1);
    rig.run();
    assert_eq!(rig.position(), position(&history[9]));
    assert!(!rig.engine.matcher.speaks());
}

#[test]
fn an_engine_that_hears_a_higher_term_is_mute_and_takes_only_committed_frames_from_then_on() {
    let (mut rig, mut log, mut history) = hot();
    rig.hot(2, OTHER, 1);
    rig.run();
    assert!(rig.engine.matcher.speaks(), "a lower term is old news");
    rig.hot(4, OTHER, 1);
    let more = trades(&mut log, "m", 3);
    rig.sequence(1, &more);
    rig.run();
    assert!(!rig.engine.matcher.speaks());
    assert_eq!(rig.position(), position(&history[14]), "what it has executed stays, and nothing comes to it");
    assert!(rig.wires.borrow().events.is_empty());
    history.extend(more);
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    assert_eq!(state(&rig), alone(&history));
    assert!(rig.wires.borrow().events.is_empty(), "it computes them in silence");
}

#[test]
fn an_epoch_that_keeps_what_the_hot_engine_has_executed_executes_nothing_twice() {
    let (mut rig, mut log, mut history) = hot();
    let parent = log.last;
    history.push(start(&mut log, 2));
    history.extend(trades(&mut log, "n", 2));
    rig.sequence(2, &history);
    let outbound = alone(&history[..15]).1;
    rig.leading(2, parent, position(&history[9]));
    rig.run();
    assert_eq!(state(&rig), alone(&history));
    assert!(rig.engine.matcher.speaks());
    let wires = rig.wires.borrow();
    assert_eq!(wires.begun, [(events_of(1), 1), (events_of(2), outbound.0)]);
    assert!(wires.events.iter().all(|(session, ..)| *session == events_of(2)));
    let spoken: Vec<_> = wires.events.iter().map(|(_, number, _)| *number).collect();
    assert_eq!(spoken, (outbound.0..alone(&history).1.0).collect::<Vec<_>>());
}

/// Another history: the epoch stands on the twelfth frame, so that what the engine has executed behind it is void.
fn void(history: &[Vec<u8>], more: usize) -> (Log, Vec<Vec<u8>>) {
    let mut log = Log { last: position(&history[11]), epoch: Epoch(1), now: wire::Nanos(9_000) };
    let mut other = history[..12].to_vec();
    other.push(start(&mut log, 2));
    other.extend(trades(&mut log, "o", more));
    (log, other)
}

#[test]
fn an_engine_whose_work_is_void_is_mute_until_it_has_executed_the_log_anew() {
    let (mut rig, _, history) = hot();
    let (log, other) = void(&history, 70);
    rig.sequence(2, &other);
    rig.leading(2, position(&history[11]), log.last);
    rig.cycle().expect("nothing goes wrong");
    assert!(!rig.engine.matcher.speaks());
    assert_eq!(rig.position(), Position::GENESIS);
    assert!(!rig.present().ready);
    rig.cycle().expect("nothing goes wrong");
    assert_eq!(rig.position().seq, Seq(RING as u64), "as much as the ring holds");
    assert!(!rig.present().ready, "it has not caught up");
    assert!(!rig.engine.matcher.speaks());
    rig.run();
    assert_eq!(state(&rig), alone(&other));
    assert!(rig.present().ready);
    assert!(rig.engine.matcher.speaks(), "it is still the one that is named");
    let wires = rig.wires.borrow();
    let (session, _) = wires.begun.last().expect("begun");
    assert_eq!(*session, events_of(2));
    assert_eq!(wires.kept.len() as u64, alone(&other).1.0 - 1, "it can repair all of the new history");
}

#[test]
fn an_engine_that_was_demoted_remembers_what_it_has_executed_and_rebuilds_if_that_is_void() {
    let (mut rig, _, history) = hot();
    rig.hot(4, OTHER, 1);
    rig.run();
    let (log, other) = void(&history, 1);
    rig.sequence(2, &other);
    rig.leading(2, position(&history[11]), log.last);
    rig.run();
    assert_eq!(state(&rig), alone(&other));
    assert!(!rig.engine.matcher.speaks());
}

#[test]
fn an_engine_that_begins_again_while_its_ring_is_full_of_void_frames_executes_none_of_them() {
    let (mut rig, mut log, mut history) = hot();
    // The matching agent has a pause: what comes stays in the ring.
    history.extend(trades(&mut log, "v", RING));
    rig.sequence(1, &history);
    use node::Duty;
    rig.engine.receiver.do_work(rig.now).expect("nothing goes wrong");
    let (log, other) = void(&history, 5);
    rig.sequence(2, &other);
    rig.leading(2, position(&history[11]), log.last);
    rig.run();
    assert_eq!(state(&rig), alone(&other));
}

#[test]
fn an_engine_whose_committed_history_is_not_the_clusters_stops_and_says_where() {
    let (mut rig, _, history) = warm();
    let (log, _) = void(&history, 0);
    let mut log = Log { last: Position { seq: Seq(9), ..position(&history[3]) }, ..log };
    let strange: Vec<_> = (0..3).map(|n| trade(&mut log, &format!("s{n}"))).collect();
    rig.sequence(2, &strange);
    rig.leading(2, Position::GENESIS, log.last);
    let error = rig.cycle().expect_err("it must not go on").to_string();
    assert!(error.contains(&position(&history[9]).to_string()), "{error}");
    assert_eq!(rig.position(), position(&history[9]));
}

#[test]
fn an_engine_that_starts_late_executes_the_log_through_a_ring_that_is_shorter() {
    let mut log = Log::new();
    let mut history = opening(&mut log);
    history.extend(trades(&mut log, "c", 10 * RING));
    let mut rig = Rig::new(LIMITS, RING);
    rig.sequence(4, &history);
    rig.leading(4, Position::GENESIS, log.last);
    rig.run();
    assert_eq!(state(&rig), alone(&history));
    assert!(rig.present().ready);
}

#[test]
fn digests_of_uncommitted_positions_are_not_told() {
    let (mut rig, mut log, mut history) = hot();
    let seen = |rig: &Rig| rig.marks().iter().map(|mark| mark.position.seq.0).collect::<Vec<_>>();
    assert_eq!(seen(&rig), [] as [u64; 0], "fifteen are executed, ten are committed");
    history.extend((0..MARK_EVERY * 2).map(|_| log.stamp(hub::SEQUENCER, Incarnation(0), &Tick {})));
    rig.sequence(1, &history);
    rig.run();
    assert_eq!(rig.position(), log.last);
    assert_eq!(seen(&rig), [] as [u64; 0]);
    rig.leading(1, Position::GENESIS, position(&history[1500]));
    rig.run();
    assert_eq!(seen(&rig), [MARK_EVERY]);
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    assert_eq!(seen(&rig), [log.last.seq.0, 2 * MARK_EVERY, MARK_EVERY], "at rest, engines meet at the end");
    let told = rig.marks()[0];
    assert_eq!((told.position, told.digest), (log.last, alone(&history).0));
}

#[test]
fn a_digest_that_an_epoch_change_voids_is_never_told() {
    let (mut rig, mut log, mut history) = hot();
    history.extend((0..MARK_EVERY).map(|_| log.stamp(hub::SEQUENCER, Incarnation(0), &Tick {})));
    rig.sequence(1, &history);
    rig.run();
    let (mut log, mut other) = void(&history, 0);
    other.extend((0..MARK_EVERY).map(|_| log.stamp(hub::SEQUENCER, Incarnation(0), &Tick {})));
    rig.sequence(2, &other);
    rig.leading(2, position(&history[11]), log.last);
    rig.run();
    let of_place = |seq: u64| position(&other[usize::try_from(seq).expect("small") - 1]);
    for status in &rig.wires.borrow().statuses {
        let cluster::status::Detail::Engine { marks, .. } = &status.detail else { panic!("an engine's") };
        for mark in marks {
            assert_eq!(mark.position, of_place(mark.position.seq.0), "of the history that stands");
        }
    }
    assert_eq!(state(&rig), alone(&other));
}
