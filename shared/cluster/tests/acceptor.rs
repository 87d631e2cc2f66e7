//! A logger's promises, and where its log leaves a history.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use cluster::acceptor::{History, Listen, Promised, Step};
use cluster::{Acceptor, Promise};
use proptest::prelude::*;
use support::{Log, voters};
use wire::command::Opening;
use wire::{Epoch, Position, Seq};

const NOTHING: Promise = Promise { epoch: Epoch(0), nonce: 0 };

fn promise(epoch: u32, nonce: u64) -> Promise {
    Promise { epoch: Epoch(epoch), nonce }
}

#[test]
fn a_promise_goes_only_upwards_and_to_one_process_of_an_epoch() {
    let mut acceptor = Acceptor::new(NOTHING);
    assert_eq!(acceptor.handle_prepare(Epoch(3), 30), Promised::New(promise(3, 30)));
    assert_eq!(acceptor.handle_prepare(Epoch(3), 30), Promised::Again);
    assert_eq!(acceptor.handle_prepare(Epoch(3), 31), Promised::Refused, "another process");
    assert_eq!(acceptor.handle_prepare(Epoch(2), 20), Promised::Refused);
    let again = Acceptor::new(acceptor.promise());
    assert_eq!(again.clone().handle_prepare(Epoch(2), 20), Promised::Refused, "after a restart too");
}

#[test]
fn after_a_promise_nothing_of_an_older_session_is_taken_or_acknowledged() {
    let mut log = Log::default();
    let mut acceptor = Acceptor::new(NOTHING);
    let author = history(&[(1, 5)]);
    acceptor.handle_leading(Epoch(1), 1, Position::GENESIS, &log).unwrap();
    follow(&mut acceptor, &mut log, &author, 3);
    assert_eq!(acceptor.acknowledge(log.last()), Some(log.last()));
    acceptor.handle_prepare(Epoch(2), 2);
    assert_eq!(acceptor.acknowledge(log.last()), None);
    assert_eq!(acceptor.judge(&author.frame(4), &log), Step::Refuse);
    assert_eq!(acceptor.handle_leading(Epoch(1), 1, Position::GENESIS, &log), None);
    assert!(acceptor.may_show(Epoch(2)) && !acceptor.may_serve(Epoch(1), log.last()));
}

#[test]
fn to_follow_a_leader_is_to_promise_and_the_driver_is_told_to_keep_it_first() {
    let log = Log::default();
    let mut acceptor = Acceptor::new(NOTHING);
    let listen = acceptor.handle_leading(Epoch(4), 40, Position::GENESIS, &log).unwrap();
    assert_eq!(listen, Listen { epoch: Epoch(4), from: Seq(1), promise: Some(promise(4, 40)) });
    assert_eq!(acceptor.handle_leading(Epoch(4), 40, Position::GENESIS, &log), None, "no news");
    assert_eq!(acceptor.handle_leading(Epoch(4), 41, Position::GENESIS, &log), None, "another process");
    assert_eq!(acceptor.handle_prepare(Epoch(4), 41), Promised::Refused);
}

#[test]
fn nothing_is_acknowledged_or_served_before_the_epochs_own_first_frame_is_held() {
    let author = history(&[(1, 5), (2, 3)]);
    let mut log = author.fork(2, 0);
    let mut acceptor = Acceptor::new(NOTHING);
    let parent = author.position_of(Seq(6)).unwrap();
    let listen = acceptor.handle_leading(Epoch(2), 2, parent, &log).unwrap();
    assert_eq!(listen.from, Seq(3));
    for seq in 3..=6 {
        assert_eq!(acceptor.judge(&author.frame(seq), &log), Step::Append);
        log.frames.push(author.frames[seq as usize - 1].clone());
        assert_eq!(acceptor.acknowledge(log.last()), None, "frame {seq} is of epoch 1");
        assert!(!acceptor.may_serve(Epoch(2), log.last()));
    }
    assert_eq!(acceptor.judge(&author.frame(7), &log), Step::Append);
    log.frames.push(author.frames[6].clone());
    assert_eq!(acceptor.acknowledge(log.last()), Some(log.last()));
    assert!(acceptor.may_serve(Epoch(2), log.last()));
}

#[test]
fn after_a_restart_within_an_epoch_a_logger_goes_on_behind_its_own_end() {
    let author = history(&[(1, 50)]);
    let log = author.fork(40, 0);
    let mut acceptor = Acceptor::new(promise(1, 1));
    let listen = acceptor.handle_leading(Epoch(1), 1, Position::GENESIS, &log).unwrap();
    assert_eq!((listen.from, listen.promise), (Seq(41), None));
}

/// A history of these epochs, each with so many ticks behind its start.
fn history(epochs: &[(u32, usize)]) -> Log {
    let mut log = Log::default();
    for (epoch, ticks) in epochs {
        log.start(*epoch, &voters(&[4, 7, 8]), Opening::AtStart);
        log.ticks(*epoch, *ticks);
    }
    log
}

/// Delivers the author's frames as the bus does, in order from wherever the logger listens, up to `upto`. Tells how often the log
/// was cut, and where.
fn follow(acceptor: &mut Acceptor, log: &mut Log, author: &Log, upto: u64) -> Vec<Seq> {
    let mut cuts = Vec::new();
    let last = log.last().seq.0;
    let mut next = 1;
    // The bus begins where the acceptor listens: find it by what is not refused.
    while acceptor.clone().judge(&author.frame(next), log) == Step::Refuse {
        next += 1;
        assert!(next <= last + 1 && next <= upto, "nothing is expected");
    }
    for _ in 0..10_000 {
        if next > upto {
            return cuts;
        }
        match acceptor.judge(&author.frame(next), log) {
            Step::Append => log.frames.push(author.frames[next as usize - 1].clone()),
            Step::Skip => {}
            Step::CutAfter(after) => {
                cuts.push(after);
                log.frames.truncate(usize::try_from(after.0).unwrap());
                log.frames.push(author.frames[next as usize - 1].clone());
            }
            Step::Back(from) => {
                next = from.0;
                continue;
            }
            Step::Refuse => panic!("frame {next} was refused"),
        }
        next += 1;
    }
    panic!("it never ends");
}

proptest! {
    /// Two histories with a common beginning: whatever the logger holds, it comes to hold the new history, cuts exactly where it
    /// left it, and never has less of the common beginning than before.
    #[test]
    fn a_log_that_left_the_history_is_cut_where_it_left_it_and_not_one_frame_more(
        common in 0usize..40, own in 0usize..40, adopted in 0usize..40, new in 0usize..10,
    ) {
        let mut base = history(&[(1, 0)]);
        base.ticks(1, common);
        let fork = base.frames.len() as u64;
        let mut log = base.fork(fork, 5);
        log.ticks(1, own);
        let mut author = base.fork(fork, 6);
        author.start(2, &voters(&[4, 7, 8]), Opening::AtStart);
        let parent = author.ticks(2, adopted);
        author.start(3, &voters(&[4, 7, 8]), Opening::AtStart);
        author.ticks(3, new);

        let mut acceptor = Acceptor::new(promise(3, 3));
        acceptor.handle_leading(Epoch(3), 3, parent, &log).unwrap();
        let cuts = follow(&mut acceptor, &mut log, &author, author.frames.len() as u64);
        prop_assert_eq!(&log.frames, &author.frames);
        let expected = if own > 0 { vec![Seq(fork)] } else { Vec::new() };
        prop_assert_eq!(cuts, expected);
    }
}
