//! Seals: which segments have one, what they say, and what becomes of them when the log is cut or they are lost.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{Digest, Journal, JournalError, Seal, Stream, Syncer, read_seals};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use support::*;

fn seal_all(syncer: &mut Syncer) -> Vec<Seal> {
    std::iter::from_fn(|| syncer.seal_once().unwrap()).collect()
}

/// The seals that these messages must have, cut into segments as the directory shows.
fn by_hand(dir: &Path, messages: &[Vec<u8>]) -> Vec<Seal> {
    let firsts: Vec<u64> = segments(dir)
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        .collect();
    let mut chain = [0; 32];
    let mut seals = Vec::new();
    for ends in firsts.windows(2) {
        let (first, last) = (ends[0], ends[1] - 1);
        let hash = *blake3::hash(&messages[first as usize - 1..last as usize].concat()).as_bytes();
        let mut all = chain.to_vec();
        all.extend(first.to_le_bytes());
        all.extend(last.to_le_bytes());
        all.extend(hash);
        chain = *blake3::hash(&all).as_bytes();
        seals.push(Seal { first, last, hash: Digest(hash), chain: Digest(chain) });
    }
    seals
}

fn sealed(dir: &Path, messages: &[Vec<u8>]) -> (Journal, Syncer) {
    let (mut journal, _) = open(dir, Stream::Frames);
    append_all(&mut journal, messages);
    let mut syncer = journal.syncer();
    syncer.sync_once().unwrap();
    seal_all(&mut syncer);
    (journal, syncer)
}

#[test]
fn full_segments_are_sealed_once_the_next_one_is_begun_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let messages = Stamper::new().many(150);
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    append_all(&mut journal, &messages[..100]);
    assert_eq!(syncer.seal_once().unwrap(), None, "nothing is synced");
    syncer.sync_once().unwrap();
    let mut seals = seal_all(&mut syncer);
    assert_eq!(seals, by_hand(dir.path(), &messages));
    append_all(&mut journal, &messages[100..]);
    syncer.sync_once().unwrap();
    seals.extend(seal_all(&mut syncer));
    assert_eq!(seals, by_hand(dir.path(), &messages));
    assert_eq!(read_seals(dir.path()).unwrap().seals, seals);
    assert_eq!(seals.len(), segments(dir.path()).len() - 1, "the last one is not full");
    let before = fs::read(dir.path().join("seals")).unwrap();
    drop((journal, syncer));
    let (journal, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((opened.unsealed, opened.seals_lost), (0, false));
    assert!(seal_all(&mut journal.syncer()).is_empty());
    assert_eq!(fs::read(dir.path().join("seals")).unwrap(), before);
}

#[test]
fn a_cut_removes_the_seals_of_what_may_be_written_again() {
    let messages = Stamper::new().many(150);
    for keep in [149, 100, 60, 3, 0] {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, mut syncer) = sealed(dir.path(), &messages);
        journal.truncate_after(keep).unwrap();
        let seals = read_seals(dir.path()).unwrap().seals;
        assert!(seals.iter().all(|seal| seal.last < keep), "{keep}: {seals:?}");
        assert_eq!(seals, by_hand(dir.path(), &messages));
        // Another history goes on from there.
        let mut stamper = Stamper { last: journal.last_position(), epoch: wire::Epoch(2) };
        let other = [messages[..keep as usize].to_vec(), stamper.many(120)].concat();
        append_all(&mut journal, &other[keep as usize..]);
        syncer.sync_once().unwrap();
        seal_all(&mut syncer);
        assert_eq!(read_seals(dir.path()).unwrap().seals, by_hand(dir.path(), &other), "{keep}");
        drop((journal, syncer));
        assert_eq!(open(dir.path(), Stream::Frames).1.unsealed, 0);
    }
}

#[test]
fn a_cut_at_the_end_of_a_full_segment_takes_its_seal_since_a_shorter_message_may_still_fit() {
    let messages = Stamper::new().many(150);
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _syncer) = sealed(dir.path(), &messages);
    let seal = read_seals(dir.path()).unwrap().seals[1];
    journal.truncate_after(seal.last).unwrap();
    assert_eq!(read_seals(dir.path()).unwrap().seals.len(), 1);
}

#[test]
fn seals_that_are_missing_or_damaged_are_made_again_as_they_were_and_that_is_told() {
    let messages = Stamper::new().many(150);
    let dir = tempfile::tempdir().unwrap();
    drop(sealed(dir.path(), &messages));
    let path = dir.path().join("seals");
    let whole = fs::read(&path).unwrap();
    let all = whole.len() / 96;
    assert!(all >= 3);
    let cases: [(&dyn Fn(), usize, bool); 4] = [
        (&|| fs::remove_file(&path).unwrap(), all, true),
        (&|| edit(&path, |bytes| bytes[96 + 40] ^= 1), all - 1, true),
        (&|| edit(&path, |bytes| bytes.truncate(whole.len() - 50)), 1, false),
        (&|| edit(&path, |bytes| bytes.truncate(whole.len() - 96)), 1, false),
    ];
    for (nth, (harm, unsealed, lost)) in cases.into_iter().enumerate() {
        harm();
        let (journal, opened) = open(dir.path(), Stream::Frames);
        assert_eq!((opened.unsealed, opened.seals_lost), (unsealed, lost), "case {nth}");
        assert_eq!(seal_all(&mut journal.syncer()).len(), unsealed);
        assert_eq!(fs::read(&path).unwrap(), whole, "case {nth}");
    }
}

#[test]
fn a_new_journal_has_lost_no_seals() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!open(dir.path(), Stream::Frames).1.seals_lost);
    let (mut journal, opened) = open(dir.path(), Stream::Frames);
    assert!(!opened.seals_lost);
    append_all(&mut journal, &Stamper::new().many(100));
    drop(journal);
    let (_, opened) = open(dir.path(), Stream::Frames);
    assert_eq!((opened.unsealed > 0, opened.seals_lost), (true, false), "it ended before it sealed");
}

#[test]
fn segments_that_were_sealed_and_are_gone_are_missed_even_if_the_watermark_is_gone_too() {
    let dir = tempfile::tempdir().unwrap();
    drop(sealed(dir.path(), &Stamper::new().many(150)));
    fs::remove_file(dir.path().join("SYNCED")).unwrap();
    let files = segments(dir.path());
    files[2..].iter().for_each(|file| fs::remove_file(file).unwrap());
    let error = try_open(dir.path(), options(Stream::Frames)).map(|_| ()).unwrap_err();
    assert!(matches!(error, JournalError::LostTail { .. }), "{error}");
}

#[test]
fn a_segment_that_ends_elsewhere_than_its_seal_says_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    drop(sealed(dir.path(), &Stamper::new().many(150)));
    // The same frames in segments of another length, each whole in itself.
    let other = tempfile::tempdir().unwrap();
    let longer = journal::Options { segment_len: 8192, ..options(Stream::Frames) };
    append_all(&mut try_open(other.path(), longer).unwrap().0, &Stamper::new().many(150));
    fs::copy(dir.path().join("seals"), other.path().join("seals")).unwrap();
    match try_open(other.path(), options(Stream::Frames)).map(|_| ()).unwrap_err() {
        JournalError::Unsealed { file, first, .. } => {
            assert_eq!((file, first), (segments(other.path())[0].clone(), 1));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn damage_in_a_full_segment_is_noticed_by_who_seals_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    append_all(&mut journal, &Stamper::new().many(100));
    let mut syncer = journal.syncer();
    syncer.sync_once().unwrap();
    edit(&segments(dir.path())[0], |bytes| bytes[200] ^= 1);
    assert!(matches!(syncer.seal_once(), Err(JournalError::Damaged { .. })));
    assert!(read_seals(dir.path()).unwrap().seals.is_empty());
}

#[test]
fn cuts_and_seals_at_the_same_time_leave_only_seals_of_what_is_there() {
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                syncer.sync_once().unwrap();
                syncer.seal_once().unwrap();
            }
        });
        let _end = Done(&done);
        let mut stamper = Stamper::new();
        for _ in 0..30 {
            append_all(&mut journal, &stamper.many(200));
            journal.truncate_after(journal.next() - 1 - 150).unwrap();
            stamper = Stamper { last: journal.last_position(), epoch: wire::Epoch(stamper.epoch.0 + 1) };
        }
    });
    syncer.sync_once().unwrap();
    seal_all(&mut syncer);
    assert_eq!(read_seals(dir.path()).unwrap().seals, by_hand(dir.path(), &contents(&journal)));
}
