//! What was written is what is read.

mod support;

use archive::{About, Beginning, Snapshot};
use proptest::prelude::*;
use std::io::{Read, Write};
use support::{about, file};
use tempfile::tempdir;
use wire::{Digest, Epoch, Seq};

proptest! {
    #[test]
    fn any_ledger_and_state_come_back(
        ledger in prop::collection::vec(any::<u8>(), 0..5_000),
        definitions in prop::collection::vec(any::<u8>(), 0..9_000),
        seed in any::<u64>(),
        length in prop_oneof![Just(0_usize), 1..200_usize, 60_000..70_000_usize, 130_000..300_000_usize],
        spread in 1..=255_u64,
        numbers in any::<(u64, u32, u64, u32)>(),
        pieces in 1..100_000_usize,
    ) {
        let mut random = seed;
        let state: Vec<u8> = (0..length).map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((random >> 33) % spread) as u8
        }).collect();
        let (seq, epoch, digest, machine) = numbers;
        let mut of = About { digest: Digest(digest), machine, ..about(1) };
        (of.position.seq, of.position.epoch) = (Seq(seq), Epoch(epoch));
        let (head, bytes) = file(of, [&ledger, &definitions], &state);
        prop_assert_eq!(head.about, of);
        prop_assert_eq!(head.file_len(), bytes.len() as u64);
        prop_assert_eq!(head.state_digest.0, twox_hash::XxHash3_64::oneshot(&state));
        prop_assert_eq!(head.body, *blake3::hash(&bytes[256..]).as_bytes());
        let read = Snapshot::open(bytes.as_slice()).expect("just written");
        prop_assert_eq!(read.head(), &head);
        prop_assert_eq!(read.ledger(), &ledger);
        prop_assert_eq!(read.definitions(), &definitions);
        let front = Beginning::read(&bytes[..head.front_len() as usize]).expect("no more is needed");
        prop_assert_eq!((front.about(), front.ledger(), front.definitions()), (&of, &ledger[..], &definitions[..]));
        let mut from = read.state().expect("just written");
        let mut back = Vec::new();
        let mut piece = vec![0; pieces];
        loop {
            let read = from.read(&mut piece).expect("just written");
            if read == 0 { break }
            back.extend_from_slice(&piece[..read]);
        }
        prop_assert!(back == state);
        from.finish().expect("read to its end");
        prop_assert_eq!(Snapshot::open(bytes.as_slice()).and_then(Snapshot::verify).expect("just written"), head);
    }
}

#[test]
fn a_store_gives_back_what_was_written_there() {
    let dir = tempdir().expect("a directory");
    let store = archive::Store::open(dir.path()).expect("new");
    let mut to = store.begin(about(9), b"ledger", b"definitions").expect("room");
    to.write_all(b"state").expect("room");
    let head = to.commit().expect("room");
    assert_eq!(store.head(Seq(9)).expect("good"), head);
    assert_eq!(store.verify(Seq(9)).expect("good"), head);
    assert_eq!(archive::verify(&store.path(Seq(9))).expect("good"), head);
    let snapshot = store.read(Seq(9)).expect("good");
    assert_eq!(snapshot.ledger(), b"ledger");
    let front = store.front(Seq(9)).expect("good");
    assert_eq!(front, std::fs::read(store.path(Seq(9))).expect("good")[..head.front_len() as usize]);
    assert_eq!(Beginning::read(&front[..]).expect("good").definitions(), b"definitions");
    let mut state = Vec::new();
    snapshot.state().expect("good").read_to_end(&mut state).expect("good");
    assert_eq!(state, b"state");
}

#[test]
fn whoever_wants_less_than_the_whole_state_is_told_so() {
    let (_, bytes) = file(about(1), [b"", b""], &[7; 200_000]);
    let mut state = Snapshot::open(bytes.as_slice()).expect("good").state().expect("good");
    state.read_exact(&mut [0; 150_000]).expect("good");
    let refused = state.finish().expect_err("the state goes on").to_string();
    assert!(refused.contains("unpacks to 200000 bytes where the head says 150000"), "{refused}");
}
