//! The directory: what is aside never counts, what comes from elsewhere is checked first, what is old goes.

mod support;

use archive::Store;
use std::io::Write;
use support::{about, put, small};
use tempfile::tempdir;
use wire::Seq;

fn files(store: &Store) -> usize {
    std::fs::read_dir(store.dir()).expect("there").count()
}

#[test]
fn a_partial_file_never_counts_and_is_gone_when_the_store_is_opened_again() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(&dir.path().join("snapshots")).expect("new");
    put(&store, 10).expect("room");
    let mut to = store.begin(about(20), b"ledger", b"definitions").expect("room");
    to.write_all(&[1; 500_000]).expect("room");
    let (_, aside) = to.finish().expect("room");
    assert_eq!(store.list().expect("readable"), [Seq(10)], "written, synced, and not shown");
    // As if the power went: nothing of this process is there to tidy up.
    std::mem::forget(aside);
    assert_eq!(files(&store), 2);
    let again = Store::open(store.dir()).expect("there");
    assert_eq!(files(&again), 1);
    assert_eq!(again.list().expect("readable"), [Seq(10)]);
}

#[test]
fn what_is_dropped_before_it_is_shown_leaves_nothing_behind() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    drop(store.begin(about(1), b"", b"").expect("room"));
    drop(store.begin(about(1), b"", b"").expect("room").finish().expect("room"));
    drop(store.receive(Seq(1), 1_000).expect("room"));
    assert_eq!(files(&store), 0);
}

#[test]
fn two_may_be_written_at_once_even_of_one_position() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let (one, two) =
        (store.begin(about(1), b"", b"").expect("room"), store.begin(about(1), b"", b"").expect("room"));
    let head = one.commit().expect("room");
    assert_eq!(two.commit().expect("room"), head);
    assert_eq!(store.verify(Seq(1)).expect("good"), head);
    assert_eq!(files(&store), 1);
}

#[test]
fn retirement_keeps_the_newest_and_tells_the_others() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    for seq in [30, 10, 50, 20, 40] {
        put(&store, seq).expect("room");
    }
    assert_eq!(store.list().expect("readable"), [10, 20, 30, 40, 50].map(Seq));
    assert_eq!(store.retire(3).expect("allowed"), [20, 10].map(Seq));
    assert_eq!(store.retire(3).expect("allowed"), []);
    assert_eq!(store.retire(0).expect("allowed"), [40, 30].map(Seq), "the newest always stays");
    assert_eq!(store.list().expect("readable"), [Seq(50)]);
}

#[test]
fn a_bad_newest_one_does_not_drive_out_a_good_one() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    for seq in [10, 20, 30] {
        put(&store, seq).expect("room");
    }
    std::fs::write(store.path(Seq(30)), b"LSSNAP").expect("room");
    assert_eq!(store.retire(1).expect("allowed"), [Seq(10)]);
    assert_eq!(store.list().expect("readable"), [20, 30].map(Seq));
}

#[test]
fn a_file_from_elsewhere_counts_once_every_byte_of_it_was_checked() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let (head, good) = small(7);
    let mut coming = store.receive(Seq(7), good.len() as u64).expect("room");
    for piece in good.chunks(100) {
        assert!(store.list().expect("readable").is_empty());
        coming.write_all(piece).expect("room");
    }
    assert_eq!(coming.missing(), 0);
    assert!(coming.write_all(b"x").is_err(), "no more than was announced");
    assert_eq!(coming.keep().expect("good"), head);
    assert_eq!(std::fs::read(store.path(Seq(7))).expect("there"), good);
}

#[test]
fn a_file_from_elsewhere_that_is_short_or_damaged_or_another_one_is_not_kept() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let (_, good) = small(7);
    let mut damaged = good.clone();
    damaged[300] ^= 1;
    for (seq, length, bytes) in [
        (7, good.len(), &good[..good.len() - 1]),
        (7, good.len(), &damaged),
        (8, good.len(), &good),
        (7, good.len() - 1, &good[..good.len() - 1]),
    ] {
        let mut coming = store.receive(Seq(seq), length as u64).expect("room");
        coming.write_all(bytes).expect("room");
        let told = coming.keep().expect_err("not the file that was meant").to_string();
        assert!(told.contains(&format!("{seq:020}.0.partial")), "{told}");
        assert_eq!(files(&store), 0);
    }
}

#[test]
fn a_directory_that_is_not_there_holds_nothing_and_cannot_be_written_in() {
    let dir = tempdir().expect("a directory");
    let nowhere = Store::look(&dir.path().join("snapshots"));
    assert!(nowhere.list().expect("empty").is_empty());
    assert!(nowhere.newest_good(&mut |_, _| {}).expect("empty").is_none());
    let told = nowhere.begin(about(1), b"", b"").err().expect("no directory").to_string();
    assert!(told.contains("snapshots"), "{told}");
    assert!(!nowhere.dir().exists(), "looking changes nothing");
}

#[test]
fn a_full_disk_is_told_with_what_may_be_done() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let to = store.begin(about(1), b"", b"").expect("room");
    // What a write says there (ENOSPC).
    let full =
        std::fs::OpenOptions::new().write(true).open("/dev/full").and_then(|mut full| full.write_all(b"x"));
    let told = to.failed(full.expect_err("always full")).to_string();
    assert!(told.contains("no room to write") && told.contains("free space on this disk"), "{told}");
}
