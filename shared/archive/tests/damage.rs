//! A file counts only whole: whatever is wrong with one is found, and told by name.

mod support;

use archive::{Beginning, Fault, HEAD_LEN, Head, Snapshot, SnapshotError, Store};
use std::io::{Cursor, Read};
use support::{about, file, put, small};
use tempfile::tempdir;
use wire::Seq;

/// Reads it as an engine does: the ledger, then the state in small pieces, no further than its last byte.
fn restore(bytes: &[u8]) -> Result<(), Fault> {
    let snapshot = Snapshot::open(bytes)?;
    let mut left = snapshot.head().state_bytes;
    let mut state = snapshot.state()?;
    let mut piece = [0; 50];
    while left > 0 {
        let some = left.min(50);
        state.read_exact(&mut piece[..some as usize]).map_err(Fault::from)?;
        left -= some;
    }
    Ok(())
}

#[test]
fn every_flipped_byte_is_noticed_before_the_last_byte_of_the_state_is_handed_out() {
    let (_, good) = small(7);
    restore(&good).expect("nothing is wrong with it");
    for at in 0..good.len() {
        for flip in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            assert!(restore(&bytes).is_err(), "byte {at}");
            assert!(Snapshot::open(bytes.as_slice()).and_then(Snapshot::verify).is_err(), "byte {at}");
        }
    }
}

#[test]
fn every_flipped_byte_and_every_cut_before_the_state_is_noticed_by_who_needs_nothing_else() {
    let (head, good) = small(7);
    let good = &good[..head.front_len() as usize];
    assert_eq!(Beginning::read(good).expect("nothing is wrong with it").definitions(), [6; 100]);
    for at in 0..good.len() {
        for flip in [0x01, 0x80] {
            let mut bytes = good.to_vec();
            bytes[at] ^= flip;
            assert!(Beginning::read(&bytes[..]).is_err(), "byte {at}");
        }
        assert!(Beginning::read(&good[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn nobody_but_an_engine_begins_with_a_file_of_version_1_and_that_is_said() {
    let file = include_bytes!("samples/version-1.snapshot");
    Snapshot::open(&file[..]).and_then(Snapshot::verify).expect("an engine does");
    let told = Beginning::read(&file[..]).expect_err("it has no definitions");
    assert!(matches!(told, Fault::NoDefinitions), "{told}");
    assert!(told.to_string().contains("only an engine can begin with it"), "{told}");
}

#[test]
fn every_cut_is_noticed_and_so_is_every_byte_too_many() {
    let (_, good) = small(7);
    for length in 0..good.len() {
        assert!(restore(&good[..length]).is_err(), "{length} bytes");
    }
    let mut more = good;
    more.push(0);
    assert!(matches!(restore(&more), Err(Fault::Unreadable(_))), "told through the reader of the state");
    let told = Snapshot::open(more.as_slice()).and_then(Snapshot::verify).expect_err("too long");
    assert!(matches!(told, Fault::Length { have, need } if have == need + 1), "{told}");
}

#[test]
fn each_file_in_a_store_that_is_flipped_or_cut_is_refused_by_its_name() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let (_, good) = small(7);
    let path = store.path(Seq(7));
    let name = path.to_str().expect("plain").to_owned();
    for at in (0..good.len()).step_by(13) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x20;
        for bytes in [&bytes, &good[..at]] {
            std::fs::write(&path, bytes).expect("room");
            let told = store.verify(Seq(7)).expect_err("bad");
            assert!(
                matches!(told, SnapshotError::Bad { .. } | SnapshotError::OtherVersion { .. }),
                "{told:?}"
            );
            assert!(told.to_string().contains(&name), "{told}");
        }
    }
}

#[test]
fn a_state_that_is_not_what_the_head_says_is_refused_though_both_hashes_are_right() {
    let (head, bytes) = small(7);
    let of = |changed: &Head| [changed.to_bytes().as_slice(), &bytes[HEAD_LEN..]].concat();
    let digest = Head { state_digest: wire::Digest(1), ..head };
    let told = Snapshot::open(of(&digest).as_slice()).and_then(Snapshot::verify).expect_err("another digest");
    assert!(matches!(told, Fault::StateDigest { .. }), "{told}");
    for wrong in [head.state_bytes - 1, head.state_bytes + 1] {
        let length = Head { state_bytes: wrong, ..head };
        let told =
            Snapshot::open(of(&length).as_slice()).and_then(Snapshot::verify).expect_err("another length");
        assert!(matches!(told, Fault::Unpacked { section: "state", need, .. } if need == wrong), "{told}");
    }
    let told =
        Snapshot::open(of(&Head { ledger_bytes: 47, ..head }).as_slice()).err().expect("another length");
    assert!(matches!(told, Fault::Packed { section: "ledger", .. }), "{told}");
}

#[test]
fn bytes_behind_the_compressed_state_are_refused_though_the_hash_covers_them() {
    let (head, mut bytes) = small(7);
    bytes.push(0);
    let body = *blake3::hash(&bytes[HEAD_LEN..]).as_bytes();
    let longer = Head { state_len: head.state_len + 1, body, ..head };
    bytes[..HEAD_LEN].copy_from_slice(&longer.to_bytes());
    let told = Snapshot::open(bytes.as_slice()).and_then(Snapshot::verify).expect_err("more than a frame");
    assert!(matches!(told, Fault::Packed { section: "state", .. }), "{told}");
}

#[test]
fn a_reader_that_was_told_of_damage_is_told_again() {
    let (_, mut bytes) = small(7);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let mut state = Snapshot::open(Cursor::new(bytes)).expect("the head is good").state().expect("opens");
    assert!(std::io::copy(&mut state, &mut std::io::sink()).is_err());
    assert!(state.read(&mut [0; 8]).is_err());
    assert!(state.finish().is_err());
}

#[test]
fn a_damaged_newest_one_is_told_and_the_one_before_it_is_taken() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    for seq in [10, 20, 30, 40] {
        put(&store, seq).expect("room");
    }
    let spoil = |seq: u64, at: usize| {
        let path = store.path(Seq(seq));
        let mut bytes = std::fs::read(&path).expect("there");
        bytes[at] ^= 4;
        std::fs::write(&path, bytes).expect("room");
    };
    spoil(40, 3);
    spoil(30, HEAD_LEN + 20);
    let mut told = Vec::new();
    let taken = store.newest_good(&mut |seq, why| told.push((seq, why.to_string()))).expect("readable");
    assert_eq!(taken.expect("two are good").head().about, about(20));
    assert_eq!(told.iter().map(|(seq, _)| seq.0).collect::<Vec<_>>(), [40, 30]);
    assert!(told[0].1.contains("00000000000000000040.snapshot: this is not a snapshot"), "{}", told[0].1);
    assert!(told[1].1.contains("00000000000000000030.snapshot"), "{}", told[1].1);
    spoil(20, 100);
    spoil(10, 100);
    let mut told = 0;
    assert!(store.newest_good(&mut |_, _| told += 1).expect("readable").is_none());
    assert_eq!(told, 4);
}

#[test]
fn a_good_file_under_another_name_is_refused() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    put(&store, 10).expect("room");
    std::fs::rename(store.path(Seq(10)), store.path(Seq(11))).expect("a rename");
    for told in [store.head(Seq(11)).err(), store.verify(Seq(11)).err(), store.read(Seq(11)).err()] {
        assert!(told.expect("another name").to_string().contains("taken at 10, the file is named otherwise"));
    }
}

#[test]
fn a_file_of_another_version_is_refused_in_words_and_left_alone() {
    let dir = tempdir().expect("a directory");
    let store = Store::open(dir.path()).expect("new");
    let (_, mut bytes) = file(about(5), [b"", b""], b"");
    bytes[8] = 9;
    std::fs::write(store.path(Seq(5)), &bytes).expect("room");
    let told = store.verify(Seq(5)).expect_err("another version");
    assert!(matches!(told, SnapshotError::OtherVersion { .. }));
    assert!(told.to_string().contains("version 9, this build reads 1 to 2"), "{told}");
    assert_eq!(store.list().expect("readable"), [Seq(5)]);
}
