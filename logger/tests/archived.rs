//! What others have only in their archives comes over TCP, and is judged like what comes in the session.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use cluster::Message;
use support::{History, Process, Start};
use tempfile::tempdir;

/// Frames from here on are at hand at the others.
const AT_HAND: u64 = 300;

/// The sequencer leads, all but the last ten frames are committed, and nobody answers with what is archived.
fn lead(process: &mut Process, history: &History) {
    process.speak_from(history, AT_HAND);
    process.hear(Message::Leading(history.leading(history.frames.len() as u64 - 10)));
}

#[test]
fn a_logger_that_was_away_takes_what_is_archived_from_another_and_goes_on_in_the_session() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(49);
    process.lead(&old, 40);
    let new = old.next(2, 50, 400);
    process.another_has(&new, 1);
    lead(&mut process, &new);
    process.run();
    assert_eq!(process.held(), new.frames);
    assert_eq!(process.node.log().stats().truncations, 0);
    assert_eq!(process.acks().last(), Some(&new.last()), "in the same life");
}

#[test]
fn what_was_never_committed_is_cut_though_the_frames_that_overrule_it_are_archived() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let old = History::first(99);
    process.lead(&old, 60);
    // Of the hundred frames the last thirteen were given up.
    let new = old.next(2, 87, 400);
    process.another_has(&new, 1);
    lead(&mut process, &new);
    process.run();
    assert_eq!(process.held(), new.frames);
    assert_eq!(process.node.log().stats().truncations, 1);
}

#[test]
fn an_empty_logger_takes_everything_from_an_archive_and_one_that_nobody_can_help_waits() {
    for (first, held) in [(1, true), (2, false)] {
        let dir = tempdir().unwrap();
        let mut process = Process::alive(dir.path(), Start::default());
        let history = History::first(449);
        process.another_has(&history, first);
        lead(&mut process, &history);
        process.run();
        assert_eq!(process.held() == history.frames, held, "archived from {first} on");
        assert!(held || process.held().is_empty());
    }
}

#[test]
fn nothing_is_looked_for_before_it_is_committed_or_while_the_session_goes_on() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let history = History::first(449);
    process.another_has(&history, 1);
    process.speak_from(&history, AT_HAND);
    process.hear(Message::Leading(history.leading(0)));
    process.run();
    assert!(process.held().is_empty(), "none of it is committed");
    // Over UDP it comes after all.
    process.speak(&history);
    process.run();
    assert_eq!(process.held(), history.frames);
}

#[test]
fn an_event_of_an_archived_frame_is_kept() {
    let dir = tempdir().unwrap();
    let mut process = Process::alive(dir.path(), Start::default());
    let history = History::first(449);
    process.lead(&history, 440);
    let mut syncer = process.node.log().syncer();
    syncer.sync_once().unwrap();
    while syncer.seal_once().unwrap().is_some() {}
    while syncer.archive_once(history.place(300)).unwrap().is_some() {}
    let first = process.node.log().first();
    assert!((100..=300).contains(&first), "{first}");
    // Of a frame that is archived, of one at hand, and of one that is not the history's.
    let strange = history.next(2, 399, 5).event(3, 400);
    process.speak_events(1, &[history.event(1, 50), history.event(2, 350), strange]);
    process.run();
    assert_eq!(process.events_held(), [history.event(1, 50), history.event(2, 350)]);
}
