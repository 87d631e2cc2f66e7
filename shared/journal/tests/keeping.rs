//! What is appended is read back: across segments, across openings, after truncation, and by a naive model.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{JournalError, RecordFault, Stream};
use proptest::prelude::*;
use support::*;
use wire::Epoch;

#[test]
fn what_is_appended_is_read_back_across_segment_borders() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(200);
    let (mut journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((opened.next, opened.records, opened.segments), (1, 0, 1));
    append_all(&mut journal, &messages);
    assert!(journal.segments() > 3);
    assert_eq!(contents(&journal), messages);
    assert_eq!(journal.get(0), None);
    assert_eq!(journal.get(201), None);
}

#[test]
fn events_are_kept_like_frames_but_for_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let messages: Vec<_> = (1..=150).map(event).collect();
    let (mut journal, _) = open(dir.path(), Stream::Events);
    append_all(&mut journal, &messages);
    drop(journal);
    let (mut journal, opened) = open(dir.path(), Stream::Events);
    assert_eq!((opened.next, opened.records), (151, 150));
    assert_eq!(contents(&journal), messages);
    journal.append(&event(151)).unwrap();
}

#[test]
fn an_opening_continues_where_the_last_one_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut stamper = Stamper::new();
    let mut all = Vec::new();
    for round in 0..8 {
        let (mut journal, opened) = open(dir.path(), Stream::Frames);
        assert_eq!(opened.next, round * 30 + 1);
        assert_eq!(opened.last_position, stamper.last);
        assert_eq!((opened.cut_bytes, opened.records), (0, round * 30));
        let messages = stamper.many(30);
        append_all(&mut journal, &messages);
        all.extend(messages);
        assert_eq!(contents(&journal), all);
    }
}

#[test]
fn a_message_that_does_not_belong_here_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut stamper = Stamper::new();
    let messages = stamper.many(3);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &messages[..1]);
    let refused = |journal: &mut journal::Journal, message: &[u8]| match journal.append(message) {
        Err(JournalError::Refused { number: 2, fault }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut journal, &messages[2]), RecordFault::Number { expected: 2, found: 3 });
    assert!(matches!(refused(&mut journal, &event(2)), RecordFault::Message(_)));
    let mut flipped = messages[1].clone();
    flipped[60] ^= 1;
    assert!(matches!(refused(&mut journal, &flipped), RecordFault::Message(_)));
    let mut other = Stamper::new();
    other.next(99);
    assert!(matches!(refused(&mut journal, &other.next(1)), RecordFault::ChainBreaks { .. }));
    let mut fallen = Stamper { epoch: Epoch(0), ..Stamper::new() };
    fallen.last = journal.last_position();
    assert!(matches!(refused(&mut journal, &fallen.next(1)), RecordFault::EpochFalls { .. }));
    append_all(&mut journal, &messages[1..]);
    assert_eq!(contents(&journal), messages);
}

#[test]
fn what_is_truncated_is_gone_and_a_later_epoch_writes_over_it() {
    for keep in [0, 1, 29, 30, 31, 32, 33, 64, 99, 119, 120] {
        let dir = tempfile::tempdir().unwrap();
        let mut stamper = Stamper::new();
        let mut kept = stamper.many(keep);
        let mut later = stamper;
        let (mut journal, _) = open(dir.path(), Stream::Frames);
        append_all(&mut journal, &kept);
        append_all(&mut journal, &stamper.many(120 - keep));
        journal.sync_now().unwrap();
        journal.truncate_after(keep).unwrap();
        assert_eq!((journal.next(), journal.last_position()), (keep + 1, later.last));
        assert_eq!(journal.synced(), keep);
        assert_eq!(contents(&journal), kept);
        later.epoch = Epoch(2);
        let added = later.many(90);
        append_all(&mut journal, &added);
        kept.extend(added);
        assert_eq!(contents(&journal), kept);
        drop(journal);
        let (journal, opened) = open(dir.path(), Stream::Frames);
        assert_eq!(opened.cut_bytes, 0);
        assert_eq!(opened.synced_before, Some(keep));
        assert_eq!(contents(&journal), kept);
    }
}

#[test]
fn a_finished_segment_of_an_earlier_run_can_be_truncated_and_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut stamper = Stamper::new();
    let mut kept = stamper.many(10);
    let mut later = stamper;
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &kept);
    append_all(&mut journal, &stamper.many(150));
    drop(journal);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    journal.truncate_after(10).unwrap();
    assert_eq!(segments(dir.path()).len(), 1);
    later.epoch = Epoch(2);
    kept.extend(later.many(70));
    append_all(&mut journal, &kept[10..]);
    assert_eq!(contents(&journal), kept);
    drop(journal);
    assert_eq!(contents(&open(dir.path(), Stream::Frames).0), kept);
}

#[test]
fn a_truncation_to_where_the_journal_does_not_reach_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &Stamper::new().many(5));
    assert!(matches!(
        journal.truncate_after(6),
        Err(JournalError::Truncation { number: 6, first: 1, last: 5 })
    ));
    assert_eq!(journal.next(), 6);
}

#[test]
fn the_writer_finds_the_next_segment_prepared() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    let mut stamper = Stamper::new();
    while journal.stats().segments_begun < 3 {
        syncer.prepare_once().unwrap();
        journal.append(&stamper.next(1)).unwrap();
    }
    assert_eq!(journal.stats().prepared_inline, 0);
    assert!(syncer.prepare_once().unwrap());
    assert!(!syncer.prepare_once().unwrap());
    drop((journal, syncer));
    // The unused spare is no segment, and the next opening clears it away.
    assert_eq!(open(dir.path(), Stream::Frames).1.segments, 4);
    assert!(
        !std::fs::read_dir(dir.path())
            .unwrap()
            .any(|entry| { entry.unwrap().path().extension().is_some_and(|extension| extension == "spare") })
    );
}

#[derive(Clone, Debug)]
enum Deed {
    Append(Vec<u64>),
    Truncate(prop::sample::Index),
    Reopen,
    Sync,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => prop::collection::vec(0..1000u64, 1..90).prop_map(Deed::Append),
        1 => any::<prop::sample::Index>().prop_map(Deed::Truncate),
        1 => Just(Deed::Reopen),
        1 => Just(Deed::Sync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_is_a_vector_of_messages(deeds in prop::collection::vec(deed(), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(dir.path(), Stream::Frames);
        let mut stamper = Stamper::new();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Append(shapes) => for shape in shapes {
                    let message = stamper.next(shape);
                    journal.append(&message).unwrap();
                    model.push(message);
                },
                Deed::Truncate(index) => {
                    let keep = index.index(model.len() + 1);
                    journal.truncate_after(keep as u64).unwrap();
                    model.truncate(keep);
                    stamper.last = journal.last_position();
                    stamper.epoch.0 += 1;
                }
                Deed::Reopen => {
                    drop(journal);
                    journal = open(dir.path(), Stream::Frames).0;
                }
                Deed::Sync => prop_assert_eq!(journal.sync_now().unwrap(), model.len() as u64),
            }
            prop_assert_eq!(journal.next(), model.len() as u64 + 1);
            prop_assert!(journal.synced() <= model.len() as u64);
            for (number, message) in (1..).zip(&model) {
                prop_assert_eq!(journal.get(number), Some(message.as_slice()));
            }
            prop_assert_eq!(journal.get(model.len() as u64 + 1), None);
            for from in [0, 1, model.len() / 3, model.len() / 2, model.len(), model.len() + 1] {
                let read: Vec<_> = journal.iter_from(from as u64).collect();
                let expected = model.get(from.saturating_sub(1)..).unwrap_or_default();
                prop_assert_eq!(read, expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
        }
    }
}
