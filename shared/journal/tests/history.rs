//! Frames handed out from the files: any range that the log holds, archived or not, beside its writer; and nothing else.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{History, HistoryError, JournalError, Stream, holds};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use support::*;
use wire::{Chain, Frame, Position, Seq};

fn place(messages: &[Vec<u8>], number: u64) -> Position {
    match number {
        0 => Position::GENESIS,
        _ => Frame::read(&messages[number as usize - 1]).unwrap().position(),
    }
}

/// The messages behind `after` up to `upto`, taken apart by their lengths.
fn range(dir: &Path, after: Position, upto: Position) -> Result<Vec<Vec<u8>>, HistoryError> {
    let mut history = History::open(dir, after, upto)?;
    let mut taken = Vec::new();
    while let Some(mut piece) = history.next_piece()? {
        while !piece.is_empty() {
            let length = usize::from(u16::from_le_bytes([piece[4], piece[5]]));
            taken.push(piece[..length].to_vec());
            piece = &piece[length.next_multiple_of(8)..];
        }
    }
    assert_eq!(history.left(), 0);
    Ok(taken)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_range_comes_as_it_was_appended(archived in 0..120_u64, ends in prop::collection::vec((0..150_u64, 0..150_u64), 20)) {
        let dir = tempfile::tempdir().unwrap();
        let messages = Stamper::new().many(150);
        let (mut journal, _) = open(dir.path(), Stream::Frames);
        append_all(&mut journal, &messages);
        let mut syncer = journal.syncer();
        syncer.sync_once().unwrap();
        while syncer.seal_once().unwrap().is_some() {}
        while syncer.archive_once(place(&messages, archived + 1)).unwrap().is_some() {}
        for (one, other) in ends.into_iter().chain([(0, 150), (150, 150), (0, 0)]) {
            let (after, upto) = (one.min(other), one.max(other));
            let taken = range(dir.path(), place(&messages, after), place(&messages, upto)).unwrap();
            prop_assert_eq!(taken, &messages[after as usize..upto as usize]);
        }
    }
}

#[test]
fn what_the_log_does_not_hold_is_refused_with_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(150);
    append_all(&mut open(dir.path(), Stream::Frames).0, &messages);
    let whole = place(&messages, 150);
    for number in 0..=150 {
        let right = place(&messages, number);
        holds(dir.path(), right).unwrap();
        for wrong in [
            Position { chain: Chain(right.chain.0 ^ 1), ..right },
            Position { epoch: wire::Epoch(right.epoch.0 + 1), ..right },
        ] {
            let after = range(dir.path(), wrong, whole);
            let upto = range(dir.path(), Position::GENESIS, wrong);
            for refused in [after, upto] {
                let error = refused.unwrap_err();
                assert!(
                    matches!(error, HistoryError::NotHeld { position, .. } if position == wrong),
                    "{error}"
                );
            }
        }
    }
    let beyond = Position { seq: Seq(151), ..whole };
    let error = range(dir.path(), Position::GENESIS, beyond).unwrap_err().to_string();
    assert!(error.contains("behind 150"), "{error}");
    let far = Position { seq: Seq(u64::MAX), ..whole };
    assert!(matches!(range(dir.path(), whole, far), Err(HistoryError::NotHeld { .. })));
    let error = range(dir.path(), whole, place(&messages, 3)).unwrap_err();
    assert!(matches!(error, HistoryError::Order { .. }), "{error}");
}

#[test]
fn a_hole_or_a_torn_length_ends_it_with_an_error_and_never_with_less() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(150);
    append_all(&mut open(dir.path(), Stream::Frames).0, &messages);
    let (first, last) = (Position::GENESIS, place(&messages, 150));
    let files = segments(dir.path());
    for change in
        [|bytes: &mut Vec<u8>| bytes[1000..1400].fill(0), |bytes: &mut Vec<u8>| bytes[1000..1400].fill(0xFF)]
    {
        let whole = fs::read(&files[1]).unwrap();
        edit(&files[1], change);
        assert!(range(dir.path(), first, last).is_err());
        fs::write(&files[1], whole).unwrap();
    }
    fs::remove_file(&files[1]).unwrap();
    let error = range(dir.path(), first, last).unwrap_err();
    assert!(matches!(error, HistoryError::Journal(JournalError::MissingSegment { .. })), "{error}");
}

#[test]
fn a_log_is_read_while_it_is_written_and_archived() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(6_000);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    append_all(&mut journal, &messages[..100]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for (nth, message) in (101..).zip(&messages[100..]) {
                journal.append(message).unwrap();
                if nth % 200 == 0 {
                    syncer.sync_once().unwrap();
                    while syncer.seal_once().unwrap().is_some() {}
                    while syncer.archive_once(place(&messages, nth - 100)).unwrap().is_some() {}
                    assert!(journal.first() > nth - 200);
                }
            }
        });
        let mut upto = 100;
        while !writer.is_finished() {
            assert_eq!(
                range(dir.path(), Position::GENESIS, place(&messages, upto)).unwrap(),
                messages[..upto as usize]
            );
            upto = (upto + 100).min(6_000);
            while !writer.is_finished() && holds(dir.path(), place(&messages, upto)).is_err() {
                std::thread::yield_now();
            }
        }
        writer.join().unwrap();
    });
    assert_eq!(range(dir.path(), Position::GENESIS, place(&messages, 6_000)).unwrap(), messages);
}
