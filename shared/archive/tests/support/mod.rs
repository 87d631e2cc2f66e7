//! Small snapshots and their bytes.

#![allow(dead_code)]

use archive::{About, Head, SnapshotError, Store, Writing};
use std::io::{Cursor, Write};
use wire::{Chain, Digest, Epoch, Nanos, Outbound, Position, Rules, Seq};

pub(crate) fn about(seq: u64) -> About {
    About {
        cluster: wire::cluster_id("test"),
        machine: 1,
        position: Position { epoch: Epoch(2), seq: Seq(seq), chain: Chain(seq * 31) },
        rules: Rules(1),
        timestamp: Nanos(seq * 1_000),
        outbound: Outbound(seq * 2),
        digest: Digest(seq * 7),
    }
}

/// The bytes of a file.
pub(crate) fn file(about: About, [ledger, definitions]: [&[u8]; 2], state: &[u8]) -> (Head, Vec<u8>) {
    let mut to = Writing::begin(Cursor::new(Vec::new()), about, ledger, definitions).expect("memory");
    // In uneven pieces, as a state machine writes.
    for piece in state.chunks(77) {
        to.write_all(piece).expect("memory");
    }
    let (head, bytes) = to.finish().expect("memory");
    (head, bytes.into_inner())
}

/// A small one: every byte of it can be tried.
pub(crate) fn small(seq: u64) -> (Head, Vec<u8>) {
    let state: Vec<u8> = (0..900_u32).flat_map(|n| (n * n % 97).to_le_bytes()).collect();
    file(about(seq), [&[5; 48], &[6; 100]], &state)
}

/// Writes a small snapshot into a store.
pub(crate) fn put(store: &Store, seq: u64) -> Result<Head, SnapshotError> {
    let mut to = store.begin(about(seq), b"ledger", b"definitions")?;
    to.write_all(format!("the state behind {seq}").as_bytes()).map_err(|error| to.failed(error))?;
    to.commit()
}
