//! The successor watches the hot engine and takes over by itself: when, when not, and from which event on.

mod hub;
mod support;

use bus::StreamKind;
use hub::{BEAT, CUT_OFF, NAMES, NODE, OTHER, Rig, TAKEOVER, TOKEN, position};
use node::Duty;
use node::description::Standby;
use support::{ALICE, BOB, GATEWAY, LIFE, LIMITS, Log, define, logon, order};
use wire::command::{EpochStart, LoggerMember, MAX_LOGGERS, Opening, Side};
use wire::{Epoch, Event, Incarnation, Nanos, NodeId, Outbound, Position, Term};

/// The beginning of a history, and some trades.
fn history(log: &mut Log, trades: usize) -> Vec<Vec<u8>> {
    log.epoch = Epoch(1);
    let start = EpochStart {
        parent_epoch: Epoch(0),
        sequencer: hub::SEQUENCER,
        logger_count: 0,
        parent_seq: wire::Seq(0),
        parent_chain: wire::Chain(0),
        nonce: 1,
        cluster: 5,
        loggers: [LoggerMember::default(); MAX_LOGGERS],
        opening: Opening::AtStart,
        adopted: Default::default(),
        reserved: [0; 6],
    };
    let mut frames = vec![
        log.stamp(hub::SEQUENCER, Incarnation(0), &start),
        log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")),
        log.stamp(GATEWAY, LIFE, &logon(ALICE)),
        log.stamp(GATEWAY, LIFE, &logon(BOB)),
    ];
    frames.extend((0..trades).map(|n| trade(log, n)));
    frames
}

fn trade(log: &mut Log, n: usize) -> Vec<u8> {
    let (side, session) = if n.is_multiple_of(2) { (Side::Buy, ALICE) } else { (Side::Sell, BOB) };
    log.stamp(GATEWAY, LIFE, &order(session, &format!("t{n}"), side, 30, 100))
}

/// An engine that stands by: ten frames are committed, five more are not; the other engine speaks in term 3, and this one is its
/// successor, but for what the caller changes.
fn standing_by(successor: NodeId, standby: Standby) -> (Rig, Log, Vec<Vec<u8>>) {
    let (mut rig, mut log) = (Rig::standing_by(LIMITS, 64, standby), Log::new());
    let frames = history(&mut log, 11);
    rig.sequence(1, &frames);
    rig.leading(1, Position::GENESIS, position(&frames[9]));
    rig.hot_before(3, OTHER, 1, successor);
    rig.run();
    (rig, log, frames)
}

fn successor() -> (Rig, Log, Vec<Vec<u8>>) {
    standing_by(NODE, Standby::Muted)
}

fn claims(rig: &Rig) -> usize {
    rig.wires.borrow().claims.len()
}

#[test]
fn the_successor_takes_over_once_the_heartbeats_have_been_missing_for_the_time_and_not_before() {
    let (mut rig, log, _) = successor();
    for _ in 0..50 {
        rig.beat(3, 1, Outbound(5));
        rig.pass(BEAT);
        rig.run();
        assert!(!rig.engine.matcher.speaks());
    }
    let turn = rig.engine.receiver.standing().turn().expect("its turn may come");
    assert!(rig.engine.receiver.next_deadline().is_some_and(|at| at <= turn), "it wakes for it");
    rig.now = Nanos(turn.0 - 1_002);
    rig.cycle().expect("nothing goes wrong");
    assert!(!rig.engine.matcher.speaks(), "a moment too early");
    rig.now = turn;
    rig.run();
    assert!(rig.engine.matcher.speaks());
    assert_eq!(rig.position(), log.last, "it has executed at once what it held");
    let claim = rig.wires.borrow().claims[0];
    assert_eq!((claim.term, claim.engine, claim.token), (Term(4), NODE, TOKEN));
    assert_eq!(claim.successor, Some(OTHER), "should the one before be well after all");
}

#[test]
fn engines_that_change_soon_one_after_the_other_wait_longer_each_time_and_forget_it_in_calm() {
    let (mut rig, ..) = successor();
    rig.pass(Nanos(2 * Nanos::SECOND.0));
    let mut term = 3;
    let mut patience = Vec::new();
    for _ in 0..5 {
        term += 2;
        rig.leading(1, Position::GENESIS, Position::GENESIS);
        rig.hot_before(term, OTHER, 1, NODE);
        rig.beat(term, 1, Outbound(5));
        rig.cycle().expect("nothing goes wrong");
        let turn = rig.engine.receiver.standing().turn().expect("its turn may come");
        patience.push((turn.0 - rig.now.0) / TAKEOVER.0);
        rig.now = turn;
        rig.run();
        assert!(rig.engine.matcher.speaks());
        // And the other one takes over in turn.
    }
    assert_eq!(patience, [1, 4, 4, 4, 4]);
    // The other one speaks on: the longer nothing changes, the less is left of it.
    rig.hot_before(term + 2, OTHER, 1, NODE);
    let mut patience = Vec::new();
    for _ in 0..5 {
        rig.leading(1, Position::GENESIS, Position::GENESIS);
        rig.beat(term + 2, 1, Outbound(5));
        rig.cycle().expect("nothing goes wrong");
        let turn = rig.engine.receiver.standing().turn().expect("its turn may come");
        patience.push((turn.0 - rig.now.0) / TAKEOVER.0);
        rig.pass(Nanos::from_millis(25));
    }
    assert_eq!(patience, [4, 4, 2, 2, 1]);
}

#[test]
fn it_says_again_what_the_one_before_said_after_its_last_heartbeat_and_goes_on() {
    let (mut rig, mut log, _) = successor();
    let committed = rig.engine.matcher.replica().outbound();
    assert!(committed.0 > 6);
    rig.beat(3, 1, Outbound(6));
    rig.run();
    rig.pass(TAKEOVER);
    rig.run();
    let frame = trade(&mut log, 20);
    rig.sequence(1, &[frame]);
    rig.run();
    let end = rig.engine.matcher.replica().outbound();
    let wires = rig.wires.borrow();
    let numbers: Vec<_> = wires.events.iter().map(|(_, number, _)| *number).collect();
    assert_eq!(numbers, (6..end.0).collect::<Vec<_>>(), "from there on, each once, without a gap");
    let session = NAMES.of(StreamKind::Events, Epoch(1));
    assert!(wires.events.iter().all(|(said_in, ..)| *said_in == session));
    let (.., last) = wires.events.last().expect("said");
    assert_eq!({ Event::read(last).expect("whole").header().term }, Term(4));
    let pulse = wires.pulse.last().expect("it has a pulse");
    assert_eq!((pulse.term, pulse.engine, pulse.token, pulse.epoch), (Term(4), NODE, TOKEN, Epoch(1)));
}

#[test]
fn its_heartbeats_come_at_their_time_even_under_load_and_say_how_far_it_has_spoken() {
    let (mut rig, mut log, _) = successor();
    rig.beat(3, 1, Outbound(1));
    rig.run();
    rig.pass(TAKEOVER);
    rig.run();
    rig.wires.borrow_mut().pulse.clear();
    let began = rig.now;
    for n in 0..200 {
        let frame = trade(&mut log, 100 + n);
        rig.sequence(1, &[frame]);
        rig.pass(Nanos(BEAT.0 / 10));
        rig.cycle().expect("nothing goes wrong");
    }
    let passed = rig.now.since(began).0 / BEAT.0;
    rig.pass(BEAT);
    rig.run();
    let wires = rig.wires.borrow();
    let beats = wires.pulse.len() as u64;
    assert!(beats <= passed + 3 && beats + 3 >= passed, "{beats} heartbeats in {passed} intervals");
    assert!(wires.pulse.is_sorted_by_key(|beat| beat.next));
    assert_eq!(wires.pulse.last().expect("there are").next.0, wires.kept.len() as u64 + 1);
}

#[test]
fn who_has_never_heard_the_hot_engine_in_its_term_or_is_not_its_successor_does_not_take_over() {
    let (mut rig, ..) = successor();
    rig.pass(Nanos::from_millis(20));
    rig.run();
    assert!(!rig.engine.matcher.speaks(), "it has never heard it: that is for the supervisors");
    let (mut rig, ..) = standing_by(NodeId(8), Standby::Muted);
    rig.beat(3, 1, Outbound(5));
    rig.run();
    rig.pass(Nanos::from_millis(20));
    rig.run();
    assert!(!rig.engine.matcher.speaks(), "another one is the successor");
    assert_eq!(claims(&rig), 0);
}

#[test]
fn heartbeats_that_waited_while_this_engine_slept_are_heard_before_it_judges() {
    let (mut rig, ..) = successor();
    rig.beat(3, 1, Outbound(5));
    rig.run();
    rig.pass(Nanos::from_millis(20));
    rig.beat(3, 1, Outbound(5));
    rig.run();
    assert!(!rig.engine.matcher.speaks(), "it was itself that did not run");
}

#[test]
fn who_does_not_hear_the_sequencer_either_is_itself_cut_off_and_declines_until_it_hears_it() {
    let (mut rig, log, frames) = successor();
    rig.beat(3, 1, Outbound(5));
    rig.run();
    rig.pass(Nanos(CUT_OFF.0 * 2));
    rig.run();
    assert!(!rig.engine.matcher.speaks());
    assert!(rig.engine.receiver.standing().turn().is_none(), "and it does not spin");
    rig.leading(1, Position::GENESIS, position(&frames[12]));
    rig.run();
    assert!(rig.engine.matcher.speaks(), "the cluster is there, and the hot engine is not");
    assert_eq!(rig.position(), log.last);
}

#[test]
fn a_lagging_successor_declines() {
    let (mut rig, mut log) = (Rig::new(LIMITS, 64), Log::new());
    let frames = history(&mut log, 11);
    rig.sequence(1, &frames[..5]);
    rig.leading(1, Position::GENESIS, log.last);
    rig.hot_before(3, OTHER, 1, NODE);
    rig.beat(3, 1, Outbound(5));
    rig.run();
    assert!(!rig.present().ready);
    rig.pass(Nanos::from_millis(10));
    rig.run();
    assert!(!rig.engine.matcher.speaks());
}

#[test]
fn the_old_hot_engine_falls_silent_at_the_first_heartbeat_of_a_higher_term() {
    let (mut rig, ..) = successor();
    rig.hot(4, NODE, TOKEN);
    rig.run();
    assert!(rig.engine.matcher.speaks());
    rig.beat(3, 1, Outbound(5));
    rig.run();
    assert!(rig.engine.matcher.speaks(), "an older term is old news");
    rig.beat(5, 1, Outbound(5));
    rig.run();
    assert!(!rig.engine.matcher.speaks());
    let beats = rig.wires.borrow().pulse.len();
    rig.pass(Nanos::from_millis(5));
    rig.run();
    assert_eq!(rig.wires.borrow().pulse.len(), beats, "and has no pulse");
}

#[test]
fn of_two_that_took_the_same_term_the_one_with_the_higher_number_keeps_it() {
    let (mut rig, ..) = successor();
    rig.hot(4, NODE, TOKEN);
    rig.run();
    assert!(NODE < OTHER);
    rig.beat(4, 1, Outbound(5));
    rig.run();
    assert!(!rig.engine.matcher.speaks());
}

#[test]
fn an_engine_that_took_over_says_so_until_everybody_must_have_heard_it() {
    let (mut rig, ..) = successor();
    rig.beat(3, 1, Outbound(5));
    rig.run();
    rig.pass(TAKEOVER);
    rig.run();
    let once = claims(&rig);
    rig.pass(Nanos::from_millis(60));
    rig.run();
    assert!(claims(&rig) > once);
    assert!(rig.wires.borrow().claims.iter().all(|hot| hot.term == Term(4)));
}

#[test]
fn an_engine_that_echoes_says_everything_without_being_named_and_has_no_pulse() {
    let (mut rig, mut log, _) = standing_by(NODE, Standby::Echo);
    assert_eq!(rig.position(), log.last, "it executes what comes, as a hot one does");
    let first = rig.engine.matcher.replica().outbound();
    let frame = trade(&mut log, 20);
    rig.sequence(1, &[frame]);
    rig.run();
    let wires = rig.wires.borrow();
    assert!(wires.events.iter().any(|(_, number, _)| *number == first.0), "it says what the other says too");
    assert!(wires.pulse.is_empty(), "who has a pulse is the one that is named");
}
