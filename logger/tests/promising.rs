//! What a logger promises, and in which life: on the disk before anybody hears of it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use bus::StreamKind;
use cluster::{Answer, Message, Promise, Voter};
use logger::{FileVault, Vault};
use node::description::Durability;
use support::{Act, History, LOGGER, Process, Start, cluster, wipe};
use tempfile::tempdir;
use wire::{Ack, Epoch, Incarnation, NodeId, Position};

fn voter(incarnation: u32) -> Voter {
    Voter { node: LOGGER, incarnation: Incarnation(incarnation) }
}

#[test]
fn a_promise_is_on_the_disk_before_the_answer() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    process.acts();
    process.prepare(3, 77);
    let promise = Promise { epoch: Epoch(3), nonce: 77 };
    let acts = process.acts();
    let kept = acts.iter().position(|act| matches!(act, Act::Kept(kept) if kept.promise == promise)).unwrap();
    let answer = Answer { epoch: Epoch(3), nonce: 77, member: voter(1), last: Position::GENESIS };
    let said = acts.iter().position(|act| *act == Act::Said(Message::Answer(answer))).unwrap();
    assert!(kept < said, "{acts:?}");
    assert_eq!(FileVault::new(dir.path()).load().unwrap().promise, promise);
}

#[test]
fn a_promise_that_cannot_be_kept_is_not_given_and_the_logger_ends() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    process.acts();
    process.break_vault();
    let error = process.try_hear(NodeId(1), Message::Prepare { epoch: Epoch(3), nonce: 77 }).unwrap_err();
    assert!(format!("{error:#}").contains("the disk is gone"), "{error:#}");
    assert!(process.answers().is_empty());
}

#[test]
fn nothing_of_a_session_is_taken_before_its_promise_is_on_the_disk() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let history = History::first(3);
    process.break_vault();
    process.speak(&history);
    process.try_hear(NodeId(1), Message::Leading(history.leading(0))).unwrap_err();
    assert_eq!(process.last(), Position::GENESIS);
    process.kill();
    let mut process = Process::start(dir.path(), Start::default());
    process.lead(&history, 0);
    assert_eq!(process.last(), history.last());
    let kept = FileVault::new(dir.path()).load().unwrap();
    assert_eq!(kept.promise, Promise { epoch: Epoch(1), nonce: history.nonce() });
}

#[test]
fn another_process_of_a_promised_epoch_is_refused_after_a_restart_too() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    process.prepare(3, 77);
    assert_eq!(process.answers().len(), 1);
    for restarted in [false, true] {
        if restarted {
            process.kill();
            process = Process::start(dir.path(), Start { token: 2, ..Start::default() });
        }
        process.prepare(3, 78);
        process.prepare(2, 77);
        assert!(process.answers().is_empty(), "restarted: {restarted}");
        process.prepare(3, 77);
        let answers = process.answers();
        assert_eq!(
            answers.iter().map(|answer| (answer.nonce, answer.member)).collect::<Vec<_>>(),
            [(77, voter(1))]
        );
    }
    let usurper = History::first(0).next(3, 1, 5); // of epoch 3, with a nonce of its own
    process.lead(&usurper, 0);
    assert_eq!((process.last(), process.listened(StreamKind::Sequenced, 3)), (Position::GENESIS, vec![]));
}

#[test]
fn after_a_promise_nothing_of_an_older_session_is_taken_or_acknowledged() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut history = History::first(3);
    process.lead(&history, 1);
    assert_eq!(process.acks().last(), Some(&history.last()));
    let last = history.last();
    process.prepare(2, 77);
    assert_eq!(process.answers().first().map(|answer| answer.last), Some(last));
    history.ticks(4);
    process.lead(&history, 1);
    process.pass(wire::Nanos::SECOND);
    assert_eq!((process.last(), process.acks()), (last, vec![]));
    assert_eq!(process.listened(StreamKind::Sequenced, 0), [1], "it listens to nobody");
}

#[test]
fn a_logger_without_a_life_follows_but_neither_answers_nor_acknowledges() {
    let dir = tempdir().unwrap();
    let mut process = Process::start(dir.path(), Start { token: 5, ..Start::default() });
    let first = process.presents();
    assert!(first.is_empty(), "it has not run yet");
    let history = History::first(3);
    process.prepare(1, history.nonce());
    process.lead(&history, 1);
    assert_eq!(process.last(), history.last());
    let acts = process.acts();
    let present = acts.iter().rev().find_map(|act| match act {
        Act::Said(Message::Present(present)) => Some(*present),
        _ => None,
    });
    let present = present.unwrap();
    assert_eq!((present.token, present.incarnation, present.ready), (5, Incarnation(0), false));
    assert!(!acts.iter().any(|act| matches!(act, Act::Acked(_) | Act::Said(Message::Answer(_)))), "{acts:?}");

    process.admit(4, 9); // of another process
    assert!(process.acts().is_empty());
    process.admit(5, 1);
    let acts = process.acts();
    let kept =
        acts.iter().position(|act| matches!(act, Act::Kept(kept) if kept.incarnation == Incarnation(1)));
    let ack =
        Ack { cluster: cluster(), logger: LOGGER, incarnation: Incarnation(1), position: history.last() };
    let acked = acts.iter().position(|act| *act == Act::Acked(ack));
    assert!(kept.unwrap() < acked.unwrap(), "{acts:?}");
    let present = |act: &Act| matches!(act, Act::Said(Message::Present(p)) if p.ready && p.incarnation == Incarnation(1));
    assert!(acts.iter().any(present), "said at once: {acts:?}");

    process.admit(5, 2);
    assert_eq!(process.node.kept().incarnation, Incarnation(1), "it has a life");
}

#[test]
fn a_wiped_directory_gets_another_life_and_does_not_answer_with_the_old_one() {
    let dir = tempdir().unwrap();
    let history = History::first(3);
    let mut process = Process::alive(dir.path(), Start::default());
    process.lead(&history, 1);
    process.kill();
    for part in ["log", "events", "promise"] {
        wipe(dir.path(), part);
    }
    let mut process = Process::start(dir.path(), Start { token: 2, ..Start::default() });
    process.admit(1, 1); // what a supervisor still said to the process before
    process.prepare(2, 77);
    assert!(process.answers().is_empty());
    process.admit(2, 2);
    process.prepare(2, 77);
    assert_eq!(
        process.answers(),
        [Answer { epoch: Epoch(2), nonce: 77, member: voter(2), last: Position::GENESIS }]
    );
}

#[test]
fn a_log_that_was_taken_away_ends_the_life_though_the_promise_is_still_there() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    process.lead(&History::first(3), 1);
    process.kill();
    wipe(dir.path(), "log");
    let process = Process::start(dir.path(), Start::default());
    let kept = process.node.kept();
    assert_eq!((kept.incarnation, kept.promise.epoch, kept.began), (Incarnation(0), Epoch(1), false));
}

#[test]
fn a_life_ends_with_the_page_cache_unless_everything_was_synced() {
    use Durability::{Synced, Written};
    for (durability, closed, host_restarted, survives) in [
        (Written, false, false, true),
        (Written, false, true, false),
        (Written, true, true, true),
        (Synced, false, true, true),
    ] {
        let dir = tempdir().unwrap();
        let history = History::first(3);
        let mut process = Process::alive(dir.path(), Start { durability, ..Start::default() });
        process.lead(&history, 1);
        if closed {
            process.node.close().unwrap();
        } else {
            process.kill();
        }
        let process = Process::start(dir.path(), Start { durability, host_restarted, token: 2 });
        let case = format!("{durability:?}, closed: {closed}, host restarted: {host_restarted}");
        assert_eq!(process.node.kept().incarnation, Incarnation(u32::from(survives)), "{case}");
        assert_eq!(process.last(), history.last(), "the log is kept: {case}");
        // The clean end counts once: the process that found it has not ended cleanly yet.
        process.kill();
        let process = Process::start(dir.path(), Start { durability, host_restarted: true, token: 3 });
        assert_eq!(process.node.kept().incarnation, Incarnation(u32::from(durability == Synced)), "{case}");
    }
}
