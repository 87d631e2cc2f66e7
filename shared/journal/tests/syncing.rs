//! The disk's side: what is called synced was appended before, in this history, and never falls but by a truncation.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use journal::{Stream, read_watermark};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use support::*;

/// Tells the other thread to end, even if this one fails: else a failed test would hang.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn under_concurrent_appends_synced_never_passes_appended_and_never_falls() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    let (appended, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let disk = scope.spawn(|| {
            let mut before = 0;
            while !done.load(Ordering::Acquire) {
                syncer.prepare_once().unwrap();
                let synced = syncer.sync_once().unwrap();
                assert!(synced >= before, "{synced} after {before}");
                assert!(synced <= appended.load(Ordering::Acquire));
                before = synced;
            }
            syncer.sync_once().unwrap()
        });
        let end = Done(&done);
        let mut stamper = Stamper::new();
        let mut before = 0;
        for number in 1..=3000 {
            // Raised first: the test's own counter must not be behind what the syncer may already see.
            appended.store(number, Ordering::Release);
            journal.append(&stamper.next(number)).unwrap();
            let synced = journal.synced();
            assert!(synced >= before && synced <= number);
            before = synced;
        }
        drop(end);
        assert_eq!(disk.join().unwrap(), 3000);
    });
    assert_eq!(journal.synced(), 3000);
    assert_eq!(read_watermark(dir.path()), Some(3000));
}

#[test]
fn truncations_and_syncs_at_the_same_time_never_vouch_for_what_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                syncer.sync_once().unwrap();
            }
        });
        let _end = Done(&done);
        let mut stamper = Stamper::new();
        for round in 0..30 {
            append_all(&mut journal, &stamper.many(100));
            let keep = journal.next() - 1 - 60;
            journal.truncate_after(keep).unwrap();
            assert_eq!(journal.synced(), keep, "round {round}");
            stamper.last = journal.last_position();
            stamper.epoch.0 += 1;
            append_all(&mut journal, &stamper.many(5));
            assert!(journal.synced() < journal.next());
        }
    });
    let records = journal.next() - 1;
    assert_eq!(syncer.sync_once().unwrap(), records);
    drop((journal, syncer));
    assert_eq!(open(dir.path(), Stream::Frames).1.records, records);
}

#[test]
fn a_sync_with_nothing_new_gives_the_same_number() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Stream::Frames);
    let mut syncer = journal.syncer();
    assert!(!syncer.is_behind());
    append_all(&mut journal, &Stamper::new().many(7));
    assert!(syncer.is_behind());
    assert_eq!(journal.synced(), 0);
    assert_eq!(syncer.sync_once().unwrap(), 7);
    assert_eq!(syncer.sync_once().unwrap(), 7);
    assert_eq!(journal.synced(), 7);
}
