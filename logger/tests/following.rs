//! How a logger comes onto an epoch's history: where its log is cut, what it acknowledges, what it serves and keeps.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use bus::StreamKind::{self, Events, Sequenced};
use node::description::Durability;
use support::{History, Process, Start};
use tempfile::tempdir;
use wire::{Incarnation, Nanos, Position};

#[test]
fn a_log_that_left_the_history_is_cut_where_it_left_it_and_not_one_frame_more() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(199); // over several segments
    process.lead(&old, 1);
    let new = old.next(2, 120, 10);
    process.lead(&new, 1);
    assert_eq!(process.held(), new.frames);
    assert_eq!(process.node.log().stats().truncations, 1);
    assert_eq!(process.listened(Sequenced, 2), [121], "behind the parent, and nowhere before");
    process.kill();
    let process = Process::start(dir.path(), Start::default());
    assert_eq!(process.held(), new.frames);
}

#[test]
fn a_log_that_is_a_prefix_of_the_history_is_never_cut() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(20);
    process.lead(&old, 1);
    let new = old.next(2, 21, 5);
    process.lead(&new, 1);
    assert_eq!(process.held(), new.frames);
    assert_eq!((process.node.log().stats().truncations, process.listened(Sequenced, 2)), (0, vec![22]));
}

#[test]
fn walking_back_by_doubling_finds_where_the_log_left_the_history() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let trunk = History::first(19);
    // The log is of epoch 2, which left the trunk behind frame 20; epoch 3 adopted another branch from there on.
    process.lead(&trunk.next(2, 20, 40), 0);
    let other = trunk.next(3, 20, 60);
    let new = other.next(4, 70, 3);
    process.lead(&new, 0);
    assert_eq!(process.held(), new.frames);
    assert_eq!(process.node.log().stats().truncations, 1);
    // Its log ends with 61, so it listens from 62 on; then 1, 2, 4, 8, 16, 32 frames further back.
    assert_eq!(process.listened(Sequenced, 4), [62, 61, 59, 55, 47, 31, 1]);
}

#[test]
fn nobody_walks_back_beyond_what_is_committed() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let trunk = History::first(19);
    process.lead(&trunk.next(2, 20, 40), 0);
    let new = trunk.next(3, 20, 60).next(4, 70, 3);
    process.lead(&new, 18);
    assert_eq!(process.held(), new.frames);
    assert_eq!(process.listened(Sequenced, 4), [62, 61, 59, 55, 47, 31, 19]);
}

#[test]
fn nothing_is_acknowledged_before_the_epochs_start_is_held() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut old = History::first(9);
    process.lead(&old, 1);
    process.acts();
    // Epoch 2 adopts four frames that this logger does not have; only these come through at first.
    old.ticks(4);
    let new = old.next(2, 14, 2);
    process.speak_in(2, &old.frames);
    process.hear(cluster::Message::Leading(new.leading(1)));
    process.pass(Nanos::SECOND);
    assert_eq!((process.last(), process.acks()), (old.last(), vec![]));
    process.lead(&new, 1);
    assert_eq!(process.acks(), [new.last()]);
}

#[test]
fn written_frames_are_acknowledged_at_once_and_again_at_each_heartbeat() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut history = History::first(2);
    process.lead(&history, 0);
    assert_eq!(process.acks(), [history.last()], "one for all that came in a cycle");
    process.pass(Nanos::MILLI);
    assert_eq!(process.acks(), []);
    process.pass(Nanos::from_millis(10));
    assert_eq!(process.acks(), [history.last()]);
    history.ticks(3);
    process.speak(&history);
    process.run();
    assert_eq!(process.acks(), [history.last()]);
    assert_eq!(process.node.acknowledged(), history.last());
}

#[test]
fn synced_frames_are_acknowledged_once_the_disk_has_confirmed_and_not_before() {
    let dir = tempdir().unwrap();
    let start = Start { durability: Durability::Synced, ..Start::default() };
    let mut process = Process::alive(dir.path(), start);
    let mut history = History::first(2);
    process.lead(&history, 0);
    process.pass(Nanos::SECOND);
    assert_eq!((process.last(), process.acks()), (history.last(), vec![]));
    let mut syncer = process.node.log().syncer();
    syncer.sync_once().unwrap();
    let confirmed = history.last();
    history.ticks(3);
    process.speak(&history);
    process.run();
    assert_eq!(process.acks(), [confirmed]);
    syncer.sync_once().unwrap();
    process.run();
    assert_eq!(process.acks(), [history.last()]);
}

#[test]
fn in_synced_mode_a_cut_log_acknowledges_nothing_of_what_replaced_the_tail_before_it_is_synced() {
    let dir = tempdir().unwrap();
    let start = Start { durability: Durability::Synced, ..Start::default() };
    let mut process = Process::alive(dir.path(), start);
    let old = History::first(20);
    process.lead(&old, 0);
    let mut syncer = process.node.log().syncer();
    syncer.sync_once().unwrap();
    process.run();
    process.acts();
    let new = old.next(2, 10, 20);
    process.lead(&new, 0);
    process.pass(Nanos::SECOND);
    assert_eq!((process.last(), process.acks()), (new.last(), vec![]));
    syncer.sync_once().unwrap();
    process.run();
    assert_eq!(process.acks(), [new.last()]);
}

#[test]
fn a_restarted_logger_goes_on_in_its_epoch_without_hearing_it_again() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut history = History::first(5);
    process.lead(&history, 3);
    process.kill();
    let mut process = Process::start(dir.path(), Start { token: 2, ..Start::default() });
    process.run();
    assert_eq!(process.acks(), [], "it does not know yet whether the epoch still stands");
    history.ticks(2);
    process.lead(&history, 3);
    assert_eq!(process.acks().last(), Some(&history.last()));
    assert_eq!(process.listened(Sequenced, 1), [7]);
}

#[test]
fn the_journal_of_events_holds_nothing_that_is_not_committed() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let history = History::first(5);
    let events: Vec<_> = (1..=5).map(|number| history.event(number, number)).collect();
    process.speak_events(1, &events[..2]);
    process.lead(&history, 0);
    assert!(process.events_held().is_empty());
    process.lead(&history, 3);
    process.lead(&history, 1); // an older word that was held up on its way
    process.speak_events(1, &events);
    process.run();
    assert_eq!(process.events_held(), events[..3]);
    process.lead(&history, 5);
    assert_eq!(process.events_held(), events);
}

#[test]
fn an_event_waits_for_the_frame_that_caused_it() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let history = History::first(5);
    let events = [history.event(1, 2), history.event(2, 6)];
    process.speak_events(1, &events);
    process.speak_in(1, &history.frames[..4]);
    process.hear(cluster::Message::Leading(history.leading(6)));
    assert_eq!(process.events_held(), events[..1]);
    process.speak(&history);
    process.run();
    assert_eq!(process.events_held(), events);
}

#[test]
fn an_event_of_a_void_cause_is_not_kept_and_its_number_comes_again_with_the_right_content() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(9);
    process.speak_events(1, &[old.event(1, 1), old.event(2, 7)]);
    process.lead(&old, 2);
    assert_eq!(process.events_held(), [old.event(1, 1)]);
    // Epoch 2 does not hold frame 7 of epoch 1. Somebody says the void event in the new session all the same.
    let new = old.next(2, 5, 9);
    process.speak_events(2, &[new.event(1, 1), old.event(2, 7)]);
    process.lead(&new, 12);
    assert_eq!(process.events_held().len(), 1);
    let right = [new.event(1, 1), new.event(2, 7), new.event(3, 8)];
    process.speak_events(2, &right);
    process.pass(Nanos::SECOND);
    assert_eq!(process.events_held()[1..], right[1..]);
    let listened = process.listened(Events, 2);
    assert!(listened.len() > 1, "what was heard of the number is forgotten, and asked for again");
    assert_eq!(listened[0], 2, "what is kept is not heard again");
}

#[test]
fn a_log_that_does_not_hold_its_epochs_start_judges_no_event() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(9);
    process.lead(&old, 2);
    // Epoch 2 does not hold frame 7 of epoch 1, but this logger does, and has heard nothing of epoch 2 yet.
    let new = old.next(2, 5, 9);
    process.speak_events(2, &[old.event(1, 7)]);
    process.hear(cluster::Message::Leading(new.leading(12)));
    assert_eq!((process.last(), process.events_held().len()), (old.last(), 0));
    process.speak_events(2, &[new.event(1, 7)]);
    process.lead(&new, 12);
    assert_eq!(process.events_held(), [new.event(1, 7)]);
}

#[test]
fn a_log_is_served_in_the_session_whose_start_it_holds_and_in_no_other() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(9);
    let events = [old.event(1, 1), old.event(2, 2)];
    process.speak_events(1, &events);
    let ask = |process: &mut Process, stream: StreamKind, epoch| {
        process.acts();
        process.ask(stream, epoch, 1, 20);
        process.repaired()
    };
    assert!(ask(&mut process, Sequenced, 1).is_empty());
    process.lead(&old, 10);
    assert_eq!(ask(&mut process, Sequenced, 1), old.frames);
    assert_eq!(ask(&mut process, Events, 1), events);
    assert!(ask(&mut process, Sequenced, 2).is_empty());
    assert!(ask(&mut process, StreamKind::History, 1).is_empty());

    let new = old.next(2, 8, 3);
    process.prepare(2, new.nonce());
    assert!(ask(&mut process, Sequenced, 1).is_empty(), "nothing is said in a session below the promise");
    assert!(ask(&mut process, Events, 1).is_empty());
    assert_eq!(ask(&mut process, StreamKind::History, 2), old.frames, "as it was promised");
    process.lead(&new, 10);
    assert!(ask(&mut process, StreamKind::History, 2).is_empty(), "it is no longer as it was promised");
    assert_eq!(ask(&mut process, Sequenced, 2), new.frames);
    assert_eq!(ask(&mut process, Events, 2), events);
}

#[test]
fn what_is_archived_is_not_answered_by_the_thread_that_writes_and_such_requests_are_counted() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let mut history = History::first(299);
    process.lead(&history, 300);
    let mut syncer = process.node.log().syncer();
    syncer.sync_once().unwrap();
    while syncer.seal_once().unwrap().is_some() {}
    while syncer.archive_once(history.place(200)).unwrap().is_some() {}
    let first = process.node.log().first();
    assert!((100..=200).contains(&first));
    process.acts();
    for asked in [1, first - 1] {
        process.ask(Sequenced, 1, asked, 10);
        assert!(process.repaired().is_empty(), "{asked}");
    }
    assert_eq!(process.node.refused(), 2);
    process.ask(Sequenced, 1, first, 10);
    assert_eq!(process.repaired(), history.frames[first as usize - 1..][..10]);
    // It goes on as before, also over a change of epoch and a start.
    history = history.next(2, 250, 20);
    process.lead(&history, 210);
    assert_eq!(process.held(), history.frames[first as usize - 1..]);
    assert_eq!(process.acks().last(), Some(&history.last()));
    drop(syncer);
    process.kill();
    let mut process = Process::start(dir.path(), Start { token: 2, ..Start::default() });
    history.ticks(5);
    process.lead(&history, 210);
    assert_eq!(process.acks().last(), Some(&history.last()));
}

#[test]
fn it_says_that_it_is_here_at_once_when_it_is_ready_and_now_and_then_again() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    process.acts();
    let history = History::first(2);
    process.lead(&history, 0);
    let said = process.presents().pop().unwrap();
    assert_eq!((said.ready, said.position, said.incarnation), (true, history.last(), Incarnation(1)));
    process.pass(Nanos::from_millis(49));
    assert!(process.presents().is_empty());
    process.pass(Nanos::MILLI);
    assert_eq!(process.presents().len(), 1);
    process.prepare(2, 9);
    let said = process.presents().pop().unwrap();
    assert_eq!((said.ready, said.epoch.0), (false, 2));
    assert_ne!(said.position, Position::GENESIS);
}
