//! What storage does to a journal, and what the opening makes of it: a torn end is cut, damage is refused by name.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{HeaderFault, Journal, JournalError, RecordFault, Stream};
use std::fs;
use std::path::Path;
use support::*;

/// A journal of this many records, not synced.
fn written(records: u64) -> (tempfile::TempDir, Vec<Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(records);
    append_all(&mut open(dir.path(), Stream::Frames).0, &messages);
    (dir, messages)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn refused(dir: &Path) -> JournalError {
    try_open(dir, options(Stream::Frames)).expect_err("it should be refused")
}

#[test]
fn an_end_torn_at_any_byte_is_cut_and_the_rest_is_kept() {
    let (dir, messages) = written(61);
    let last = segments(dir.path()).pop().unwrap();
    let start = *offsets(&last).last().unwrap();
    let length = messages[60].len();
    for kept in 0..length {
        let torn = tempfile::tempdir().unwrap();
        copy(dir.path(), torn.path());
        let file = torn.path().join(last.file_name().unwrap());
        let whole = fs::read(&file).unwrap();
        edit(&file, |bytes| bytes[start + kept..].fill(0));
        let survives = fs::read(&file).unwrap() == whole;
        let (mut journal, opened) = open(torn.path(), Stream::Frames);
        let expected = if survives { &messages[..] } else { &messages[..60] };
        assert_eq!(contents(&journal), expected, "{kept} bytes of the last record");
        assert_eq!(opened.next, expected.len() as u64 + 1);
        let left =
            whole[start..start + kept].iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1);
        assert_eq!(opened.cut_bytes, if survives { 0 } else { left });
        if !survives {
            journal.append(&messages[60]).unwrap();
            assert_eq!(fs::read(&file).unwrap(), whole, "nothing of the torn end is left");
        }
    }
}

#[test]
fn an_end_torn_from_the_front_is_cut_too() {
    // The page with the record's beginning never reached the disk, the one with its end did.
    let (dir, messages) = written(50);
    let last = segments(dir.path()).pop().unwrap();
    let start = *offsets(&last).last().unwrap();
    edit(&last, |bytes| bytes[start..start + 40].fill(0));
    let (journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!(contents(&journal), &messages[..49]);
    assert!(opened.cut_bytes > 0);
}

#[test]
fn a_byte_flipped_anywhere_before_the_end_is_refused_and_its_place_is_named() {
    let (dir, _) = written(70);
    let files = segments(dir.path());
    for (nth, file) in files.iter().enumerate() {
        let starts = offsets(file);
        let length_of_last = usize::from(fs::read(file).unwrap()[starts.last().unwrap() + 4]);
        let end_of_records = starts.last().unwrap() + length_of_last.next_multiple_of(8);
        let first_number: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let is_last = nth + 1 == files.len();
        let to = if is_last { *starts.last().unwrap() } else { fs::read(file).unwrap().len() };
        for at in (HEADER..to).step_by(13) {
            edit(file, |bytes| bytes[at] ^= 0x40);
            let error = refused(dir.path());
            let JournalError::Damaged { file: named, offset, number, .. } = &error else {
                panic!("{error} at {at} of {}", file.display());
            };
            let record = starts.partition_point(|start| *start <= at) - 1;
            // Behind the last record of a segment, what is bad is the place where nothing should be.
            let (offset_there, number_there) = if at >= end_of_records {
                (end_of_records, first_number + starts.len() as u64)
            } else {
                (starts[record], first_number + record as u64)
            };
            assert_eq!((named, *offset as usize, *number), (file, offset_there, number_there), "byte {at}");
            edit(file, |bytes| bytes[at] ^= 0x40);
        }
    }
    assert_eq!(open(dir.path(), Stream::Frames).1.records, 70);
}

#[test]
fn a_missing_segment_is_named() {
    let (dir, _) = written(150);
    let files = segments(dir.path());
    fs::remove_file(&files[1]).unwrap();
    let expected: u64 = files[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let found: u64 = files[2].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    match refused(dir.path()) {
        JournalError::MissingSegment { file, expected: e, found: f } => {
            assert_eq!((file, e, f), (files[2].clone(), expected, found));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_journal_of_another_cluster_or_stream_is_refused() {
    let (dir, _) = written(3);
    let mut other = options(Stream::Frames);
    other.cluster = wire::cluster_id("elsewhere");
    assert!(matches!(try_open(dir.path(), other), Err(JournalError::OtherCluster { .. })));
    assert!(matches!(try_open(dir.path(), options(Stream::Events)), Err(JournalError::OtherStream { .. })));
    assert_eq!(open(dir.path(), Stream::Frames).1.records, 3);
}

#[test]
fn a_segment_of_another_history_is_refused() {
    let (dir, _) = written(150);
    let other = tempfile::tempdir().unwrap();
    let mut stamper = Stamper::new();
    stamper.epoch = wire::Epoch(2);
    append_all(&mut open(other.path(), Stream::Frames).0, &stamper.many(150));
    let file = segments(dir.path())[1].clone();
    fs::copy(other.path().join(file.file_name().unwrap()), &file).unwrap();
    match refused(dir.path()) {
        JournalError::Header { file: named, fault: HeaderFault::NotContinued } => assert_eq!(named, file),
        error => panic!("{error}"),
    }
}

#[test]
fn a_short_segment_is_refused() {
    let (dir, _) = written(150);
    for file in segments(dir.path()) {
        let whole = fs::read(&file).unwrap();
        for len in [0, 10, HEADER, 4095] {
            fs::write(&file, &whole[..len]).unwrap();
            assert!(matches!(refused(dir.path()), JournalError::Short { have, .. } if have == len as u64));
        }
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_second_writer_is_refused_while_the_first_or_its_syncer_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), Stream::Frames);
    let syncer = journal.syncer();
    let error = refused(dir.path());
    assert!(matches!(&error, JournalError::Locked { holder, .. } if holder.contains("process")), "{error}");
    drop(journal);
    assert!(matches!(refused(dir.path()), JournalError::Locked { .. }));
    drop(syncer);
    open(dir.path(), Stream::Frames);
}

#[test]
fn nothing_is_created_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let options = journal::Options { create: false, ..options(Stream::Frames) };
    assert!(matches!(try_open(dir.path(), options), Err(JournalError::NotFound { .. })));
    assert!(matches!(try_open(&dir.path().join("no"), options), Err(JournalError::NotFound { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_the_disk_had_confirmed_is_never_a_torn_end() {
    // The last record was synced; a bit of it rots. Without the watermark this would look like a torn write.
    let (dir, messages) = written(40);
    drop(open(dir.path(), Stream::Frames)); // an opening syncs what it finds
    let last = segments(dir.path()).pop().unwrap();
    let start = *offsets(&last).last().unwrap();
    edit(&last, |bytes| bytes[start + 20] ^= 1);
    assert!(matches!(refused(dir.path()), JournalError::Damaged { number: 40, .. }));
    edit(&last, |bytes| bytes[start..start + messages[39].len()].fill(0));
    assert!(matches!(refused(dir.path()), JournalError::LostTail { last: 39, synced: 40, .. }));
    for file in segments(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    assert!(matches!(refused(dir.path()), JournalError::LostTail { last: 0, synced: 40, .. }));
}

#[test]
fn after_a_power_cut_everything_behind_the_first_lost_page_is_a_torn_end_above_the_watermark() {
    // Ten records are synced, then 110 more are written over several segments; the power goes, and of those pages
    // some in the middle never reached the disk.
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(120);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &messages[..10]);
    journal.sync_now().unwrap();
    append_all(&mut journal, &messages[10..]);
    drop(journal);
    let file = segments(dir.path())[0].clone();
    let start = offsets(&file)[15];
    edit(&file, |bytes| bytes[start..start + 200].fill(0));
    assert!(matches!(refused(dir.path()), JournalError::Damaged { number: 16, .. }));

    let after = journal::Options { power_cut: true, ..options(Stream::Frames) };
    let (mut journal, opened) = try_open(dir.path(), after).unwrap();
    assert_eq!((opened.next, opened.synced_before), (16, Some(10)));
    assert!(opened.cut_bytes > 0 && opened.cut_records > 0 && opened.cut_segments > 0);
    assert_eq!(contents(&journal), &messages[..15]);
    append_all(&mut journal, &messages[15..]);
    assert_eq!(contents(&journal), messages);
    drop(journal);

    let start = offsets(&file)[12];
    edit(&file, |bytes| bytes[start..start + 200].fill(0));
    let error = try_open(dir.path(), after).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { number: 13, .. }), "13 was confirmed by then: {error}");
}

#[test]
fn a_segment_whose_header_was_never_written_is_part_of_a_torn_end() {
    let (dir, messages) = written(60);
    let file = segments(dir.path()).pop().unwrap();
    let first: usize = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    edit(&file, |bytes| bytes[..HEADER].fill(0));
    assert!(
        matches!(refused(dir.path()), JournalError::Damaged { fault: RecordFault::EmptyHeader, .. }),
        "records stand behind it"
    );
    edit(&file, |bytes| bytes.fill(0));
    let (journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!(opened.cut_segments, 1);
    assert_eq!(contents(&journal), &messages[..first - 1]);
    assert!(!file.exists());
}

#[test]
fn a_full_disk_is_told_to_the_operator_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=40k", "tmpfs"])
        .arg(dir.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: a tmpfs can only be mounted by root");
        return;
    }
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let mounted = Mounted(dir.path());
    let (mut journal, _): (Journal, _) = open(dir.path(), Stream::Frames);
    let mut stamper = Stamper::new();
    let mut messages = Vec::new();
    let refused = loop {
        let message = stamper.next(1);
        match journal.append(&message) {
            Ok(()) => messages.push(message),
            Err(JournalError::NoSpace { bytes, .. }) => {
                assert_eq!(bytes, SEGMENT);
                break message;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(messages.len() < 10_000, "the disk never fills");
    };
    assert_eq!(contents(&journal), messages);
    let status = std::process::Command::new("mount")
        .args(["-o", "remount,size=400k"])
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    journal.append(&refused).unwrap();
    messages.push(refused);
    assert_eq!(contents(&journal), messages);
    drop(journal);
    drop(mounted);
}
