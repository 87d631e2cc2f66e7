//! Segments that go into the archive: only whole ones, sealed, behind a place that the log holds; and what the journal is then.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{
    Damage, Expected, History, HistoryError, Journal, JournalError, Stream, Syncer, archived_segment,
    begin_behind, read_seals, scan_with_archive,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use support::*;
use wire::{Chain, Frame, Position};

fn place(messages: &[Vec<u8>], number: u64) -> Position {
    Frame::read(&messages[number as usize - 1]).unwrap().position()
}

fn firsts(dir: &Path) -> Vec<u64> {
    segments(dir).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap()).collect()
}

/// 150 frames, synced and sealed.
fn written(dir: &Path) -> (Journal, Syncer, Vec<Vec<u8>>) {
    let messages = Stamper::new().many(150);
    let (mut journal, _) = open(dir, Stream::Frames);
    append_all(&mut journal, &messages);
    let mut syncer = journal.syncer();
    syncer.sync_once().unwrap();
    while syncer.seal_once().unwrap().is_some() {}
    (journal, syncer, messages)
}

fn archive_all(syncer: &mut Syncer, upto: Position) -> usize {
    std::iter::from_fn(|| syncer.archive_once(upto).unwrap()).count()
}

#[test]
fn segments_that_end_before_the_place_move_and_the_first_number_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, mut syncer, messages) = written(dir.path());
    let begins = firsts(dir.path());
    let before: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    let mut moved = 0;
    for number in 1..=150 {
        moved += archive_all(&mut syncer, place(&messages, number));
        // The segment that holds the place stays, and so do all behind it.
        let holds = begins.partition_point(|first| *first <= number) - 1;
        assert_eq!((moved, journal.first()), (holds, begins[holds]), "{number}");
        assert_eq!(firsts(dir.path()), begins[holds..]);
        assert_eq!(journal.segments(), begins.len() - holds);
    }
    for (nth, first) in begins[..moved].iter().enumerate() {
        assert_eq!(fs::read(archived_segment(dir.path(), *first).unwrap()).unwrap(), before[nth]);
    }
    let first = journal.first();
    assert_eq!(journal.get(first - 1), None);
    assert_eq!(journal.get(first), Some(&messages[first as usize - 1][..]));
    assert_eq!(journal.position_of(first - 1), Some(place(&messages, first - 1)));
    assert_eq!(contents(&journal), messages[first as usize - 1..]);
    for number in [0, first - 2, first - 1] {
        assert!(matches!(journal.truncate_after(number), Err(JournalError::Truncation { .. })), "{number}");
    }
    // The seals stay, and the writer goes on.
    assert_eq!(read_seals(dir.path()).unwrap().seals.len(), begins.len() - 1);
    let mut stamper = Stamper { last: journal.last_position(), epoch: wire::Epoch(1) };
    append_all(&mut journal, &stamper.many(60));
    assert_eq!((journal.first(), journal.next()), (first, 211));
    journal.truncate_after(first).unwrap();
    assert_eq!(contents(&journal), messages[first as usize - 1..first as usize]);
}

#[test]
fn a_walk_goes_through_the_archive_too_if_that_is_wished() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut syncer, messages) = written(dir.path());
    archive_all(&mut syncer, place(&messages, 100));
    let first = journal.first();
    let walk = |from| {
        let mut seen = Vec::new();
        let scanned = scan_with_archive(dir.path(), Expected::default(), from, &mut |record| {
            seen.push(record.message.to_vec());
            ControlFlow::Continue(())
        });
        scanned.unwrap().judge(None, false).map(|()| seen)
    };
    assert_eq!(walk(0).unwrap(), messages);
    assert!(walk(first).unwrap().len() < messages.len());
    // Between the archive and what is at hand nothing may be missing.
    let begins = firsts(&dir.path().join("archive"));
    fs::remove_file(archived_segment(dir.path(), *begins.last().unwrap()).unwrap()).unwrap();
    assert!(matches!(walk(0), Err(JournalError::MissingSegment { .. })));
    fs::remove_dir_all(dir.path().join("archive")).unwrap();
    assert_eq!(walk(0).unwrap(), messages[first as usize - 1..]);
}

#[test]
fn an_archived_journal_opens_where_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut syncer, messages) = written(dir.path());
    archive_all(&mut syncer, place(&messages, 100));
    let first = journal.first();
    assert!(first > 1);
    drop((journal, syncer));
    let (journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((journal.first(), opened.unsealed, opened.seals_lost), (first, 0, false));
    assert_eq!(contents(&journal), messages[first as usize - 1..]);
    let mut syncer = journal.syncer();
    archive_all(&mut syncer, place(&messages, 150));
    assert!(journal.first() > first, "it goes on where it stopped");
    drop((journal, syncer));
    // What was moved away from the archive is no damage.
    fs::remove_dir_all(dir.path().join("archive")).unwrap();
    open(dir.path(), Stream::Frames);
}

#[test]
fn what_the_log_does_not_hold_archives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut syncer, messages) = written(dir.path());
    let last = place(&messages, 150);
    for wrong in [
        Position { chain: Chain(last.chain.0 ^ 1), ..last },
        Position { seq: wire::Seq(151), ..last },
        Position { epoch: wire::Epoch(9), ..place(&messages, 60) },
    ] {
        assert!(matches!(syncer.archive_once(wrong), Err(HistoryError::NotHeld { .. })));
    }
    assert_eq!((journal.first(), archived_segment(dir.path(), 1)), (1, None));
}

#[test]
fn a_segment_without_a_seal_stays() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(150);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &messages);
    let mut syncer = journal.syncer();
    syncer.sync_once().unwrap();
    assert_eq!(archive_all(&mut syncer, place(&messages, 150)), 0);
    syncer.seal_once().unwrap();
    assert_eq!(archive_all(&mut syncer, place(&messages, 150)), 1);
}

#[test]
fn first_segments_that_were_not_archived_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path()));
    let files = segments(dir.path());
    fs::remove_file(&files[0]).unwrap();
    let error = try_open(dir.path(), options(Stream::Frames)).map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, JournalError::MissingSegment { expected: 1, file, .. } if *file == files[1]),
        "{error}"
    );
}

#[test]
fn who_died_between_note_and_move_goes_on_with_the_segment_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut syncer, messages) = written(dir.path());
    archive_all(&mut syncer, place(&messages, 100));
    drop((journal, syncer));
    // The last of them is back where it was.
    let archive = dir.path().join("archive");
    let last = segments(&archive).pop().unwrap();
    fs::rename(&last, dir.path().join(last.file_name().unwrap())).unwrap();
    let (journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    assert_eq!(archive_all(&mut syncer, place(&messages, 100)), 1);
    assert!(last.exists());
}

#[test]
fn nothing_in_the_archive_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, mut syncer, messages) = written(dir.path());
    fs::create_dir(dir.path().join("archive")).unwrap();
    let taken = dir.path().join("archive").join(segments(dir.path())[0].file_name().unwrap());
    fs::write(&taken, b"somebody's").unwrap();
    assert!(syncer.archive_once(place(&messages, 150)).is_err());
    assert_eq!(fs::read(&taken).unwrap(), b"somebody's");
}

#[test]
fn damage_behind_an_archive_keeps_it_and_damage_to_all_that_is_held_sets_it_aside_too() {
    for (nth, all) in [(1, false), (0, true)] {
        let dir = tempfile::tempdir().unwrap();
        let (journal, mut syncer, messages) = written(dir.path());
        archive_all(&mut syncer, place(&messages, 60));
        let first = journal.first();
        drop((journal, syncer));
        edit(&segments(dir.path())[nth], |bytes| bytes[700] ^= 1);
        let error = try_open(dir.path(), options(Stream::Frames)).map(|_| ()).unwrap_err();
        let damage = Damage::of(dir.path(), &options(Stream::Frames), &error).unwrap().unwrap();
        let aside = damage.set_aside(dir.path()).unwrap();
        let (journal, _) = open(dir.path(), Stream::Frames);
        assert_eq!(journal.first(), if all { 1 } else { first });
        assert_eq!(journal.next(), aside.kept + 1);
        assert_eq!(archived_segment(dir.path(), 1).is_none(), all);
        assert_eq!(aside.into.join(format!("{:020}.seg", 1)).exists(), all);
        assert_eq!(read_seals(dir.path()).unwrap().seals.is_empty(), all);
    }
}

#[test]
fn an_empty_journal_begins_behind_a_place_and_one_that_holds_something_does_not() {
    let messages = Stamper::new().many(150);
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), Stream::Frames));
    let behind = place(&messages, 40);
    begin_behind(dir.path(), &options(Stream::Frames), behind).unwrap();
    let (mut journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((opened.next, opened.records, opened.last_position), (41, 0, behind));
    assert_eq!((journal.first(), journal.position_of(40), journal.position_of(39)), (41, Some(behind), None));
    assert!(journal.append(&messages[0]).is_err(), "what lies before is not taken any more");
    append_all(&mut journal, &messages[40..]);
    let mut syncer = journal.syncer();
    syncer.sync_once().unwrap();
    while syncer.seal_once().unwrap().is_some() {}
    assert!(archive_all(&mut syncer, place(&messages, 140)) > 0);
    drop((journal, syncer));
    let (journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((opened.next, opened.unsealed, opened.seals_lost), (151, 0, false));
    assert!(journal.first() > 41);
    drop(journal);
    let refused = begin_behind(dir.path(), &options(Stream::Frames), behind).unwrap_err();
    assert!(matches!(refused, JournalError::NotEmpty { .. }), "{refused}");
    // The history is handed on from there.
    History::open(dir.path(), behind, place(&messages, 150)).unwrap();
    let refused = History::open(dir.path(), Position::GENESIS, place(&messages, 150)).unwrap_err();
    assert!(matches!(refused, HistoryError::NotHeld { position: Position::GENESIS, .. }), "{refused}");
}
