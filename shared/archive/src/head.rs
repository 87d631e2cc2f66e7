//! The first 256 bytes of a snapshot: what it is of, and how all that follows is checked.

use crate::error::Fault;
use std::fmt;
use wire::{Chain, Digest, Epoch, Nanos, Outbound, Position, Rules, Seq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the head.
pub const HEAD_LEN: usize = size_of::<Layout>();
/// The version of the file's layout that this build writes.
pub const VERSION: u32 = 2;
/// The oldest one that it reads: its files have no definitions.
pub const OLDEST_VERSION: u32 = 1;
/// The most bytes that a ledger can have, uncompressed: every gateway there can be, and room.
pub const MAX_LEDGER_LEN: u64 = 2 << 20;
/// The most bytes that definitions can have, uncompressed: every instrument, account and session that an engine can be granted
/// places for, and room.
pub const MAX_DEFINITIONS_LEN: u64 = 512 << 20;
const MAGIC: [u8; 8] = *b"LSSNAP\r\n";
const HASH_AT: usize = HEAD_LEN - 32;

const _: () = assert!(HEAD_LEN == 256);

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Whose it is: [`wire::cluster_id`] of the cluster's name.
    pub cluster: u64,
    /// The version of the layout of its state: the state machine's own.
    pub machine: u32,
    /// The last command that is in it.
    pub position: Position,
    /// The rules that are active behind it.
    pub rules: Rules,
    /// The stamp of that command.
    pub timestamp: Nanos,
    /// The number of the next event.
    pub outbound: Outbound,
    /// The running digest at the position.
    pub digest: Digest,
}

/// What a snapshot says about itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The version of its layout.
    pub version: u32,
    /// What it is of.
    pub about: About,
    /// XXH3-64 of the state.
    pub state_digest: Digest,
    /// Bytes of the ledger.
    pub ledger_bytes: u64,
    /// Bytes of the definitions; 0 in version 1.
    pub definitions_bytes: u64,
    /// Bytes of the state.
    pub state_bytes: u64,
    /// Bytes of the ledger in the file, compressed.
    pub ledger_len: u64,
    /// Bytes of the definitions in the file, compressed; 0 in version 1, which has no such section.
    pub definitions_len: u64,
    /// Bytes of the state in the file, compressed.
    pub state_len: u64,
    /// BLAKE3 of everything behind the head.
    pub body: [u8; 32],
    /// BLAKE3 of ledger and definitions, as they stand in the file; zeros in version 1.
    pub front: [u8; 32],
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("about", &self.about)
            .field("state_digest", &self.state_digest)
            .field("file_len", &self.file_len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
struct Layout {
    magic: [u8; 8],
    version: u32,
    machine: u32,
    cluster: u64,
    seq: Seq,
    chain: Chain,
    epoch: Epoch,
    rules: Rules,
    timestamp: Nanos,
    outbound: Outbound,
    digest: Digest,
    state_digest: Digest,
    ledger_bytes: u64,
    state_bytes: u64,
    ledger_len: u64,
    state_len: u64,
    body: [u8; 32],
    definitions_bytes: u64,
    definitions_len: u64,
    front: [u8; 32],
    reserved: [u8; 32],
    hash: [u8; 32],
}

impl Head {
    /// Bytes of the whole file.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.front_len() + self.state_len
    }

    /// Bytes of what stands before the state: head, ledger, definitions.
    #[must_use]
    pub fn front_len(&self) -> u64 {
        HEAD_LEN as u64 + self.ledger_len + self.definitions_len
    }

    /// Whether it has definitions, so that others than engines can begin with what stands before its state.
    #[must_use]
    pub fn has_definitions(&self) -> bool {
        self.version > OLDEST_VERSION
    }

    /// The bytes, hash included.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEAD_LEN] {
        let About { cluster, machine, position, rules, timestamp, outbound, digest } = self.about;
        let layout = Layout {
            magic: MAGIC,
            version: self.version,
            machine,
            cluster,
            seq: position.seq,
            chain: position.chain,
            epoch: position.epoch,
            rules,
            timestamp,
            outbound,
            digest,
            state_digest: self.state_digest,
            ledger_bytes: self.ledger_bytes,
            state_bytes: self.state_bytes,
            ledger_len: self.ledger_len,
            state_len: self.state_len,
            body: self.body,
            definitions_bytes: self.definitions_bytes,
            definitions_len: self.definitions_len,
            front: self.front,
            reserved: [0; 32],
            hash: [0; 32],
        };
        let mut bytes: [u8; HEAD_LEN] = zerocopy::transmute!(layout);
        let hash = blake3::hash(&bytes[..HASH_AT]);
        bytes[HASH_AT..].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads and checks the bytes.
    pub fn of(bytes: &[u8; HEAD_LEN]) -> Result<Self, Fault> {
        let layout: Layout = zerocopy::transmute!(*bytes);
        if layout.magic != MAGIC {
            return Err(Fault::Magic);
        }
        // Before the hash: another version may keep it elsewhere.
        if !(OLDEST_VERSION..=VERSION).contains(&{ layout.version }) {
            return Err(Fault::Version { found: layout.version });
        }
        if layout.hash != *blake3::hash(&bytes[..HASH_AT]).as_bytes() {
            return Err(Fault::Head);
        }
        let lengths = [layout.ledger_len, layout.definitions_len, layout.state_len, layout.state_bytes];
        let possible = lengths.iter().all(|len| *len < 1 << 48)
            && layout.ledger_bytes <= MAX_LEDGER_LEN
            && layout.definitions_bytes <= MAX_DEFINITIONS_LEN;
        let none = (layout.definitions_bytes, layout.definitions_len, layout.front) == (0, 0, [0; 32]);
        let fits = none || layout.version > OLDEST_VERSION;
        if !possible || !fits || layout.reserved != [0; 32] {
            return Err(Fault::Field);
        }
        let position = Position { epoch: layout.epoch, seq: layout.seq, chain: layout.chain };
        Ok(Self {
            version: layout.version,
            about: About {
                cluster: layout.cluster,
                machine: layout.machine,
                position,
                rules: layout.rules,
                timestamp: layout.timestamp,
                outbound: layout.outbound,
                digest: layout.digest,
            },
            state_digest: layout.state_digest,
            ledger_bytes: layout.ledger_bytes,
            definitions_bytes: layout.definitions_bytes,
            state_bytes: layout.state_bytes,
            ledger_len: layout.ledger_len,
            definitions_len: layout.definitions_len,
            state_len: layout.state_len,
            body: layout.body,
            front: layout.front,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            version: VERSION,
            about: About {
                cluster: wire::cluster_id("test"),
                machine: 7,
                position: Position { epoch: Epoch(3), seq: Seq(41), chain: Chain(9) },
                rules: Rules(1),
                timestamp: Nanos(1_000),
                outbound: Outbound(77),
                digest: Digest(5),
            },
            state_digest: Digest(6),
            ledger_bytes: 32,
            definitions_bytes: 640,
            state_bytes: 1000,
            ledger_len: 20,
            definitions_len: 70,
            state_len: 100,
            body: [8; 32],
            front: [9; 32],
        }
    }

    #[test]
    fn a_head_comes_back_as_it_was_written() {
        assert_eq!(Head::of(&head().to_bytes()).expect("just written"), head());
        assert_eq!((head().front_len(), head().file_len()), (256 + 90, 256 + 190));
    }

    #[test]
    fn a_head_of_version_1_is_read_if_it_knows_nothing_of_definitions() {
        let old = Head { version: 1, definitions_bytes: 0, definitions_len: 0, front: [0; 32], ..head() };
        assert_eq!(Head::of(&old.to_bytes()).expect("just written"), old);
        assert!(!old.has_definitions() && head().has_definitions());
        for wrong in [
            Head { definitions_bytes: 1, ..old },
            Head { definitions_len: 1, ..old },
            Head { front: [1; 32], ..old },
        ] {
            assert!(matches!(Head::of(&wrong.to_bytes()), Err(Fault::Field)));
        }
    }

    #[test]
    fn fields_stand_where_the_document_says() {
        let bytes = head().to_bytes();
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        assert_eq!(bytes[..8], *b"LSSNAP\r\n");
        assert_eq!((u32_at(8), u32_at(12), u64_at(16)), (2, 7, wire::cluster_id("test")));
        assert_eq!((u64_at(24), u64_at(32), u32_at(40), u32_at(44)), (41, 9, 3, 1));
        assert_eq!((u64_at(48), u64_at(56), u64_at(64), u64_at(72)), (1_000, 77, 5, 6));
        assert_eq!((u64_at(80), u64_at(88), u64_at(96), u64_at(104)), (32, 1000, 20, 100));
        assert_eq!(bytes[112..144], [8; 32]);
        assert_eq!((u64_at(144), u64_at(152)), (640, 70));
        assert_eq!(bytes[160..192], [9; 32]);
        assert_eq!(bytes[192..224], [0; 32]);
        assert_eq!(bytes[224..], *blake3::hash(&bytes[..224]).as_bytes());
    }

    #[test]
    fn any_flipped_byte_of_a_head_is_noticed() {
        for at in 0..HEAD_LEN {
            let mut bytes = head().to_bytes();
            bytes[at] ^= 0x10;
            assert!(Head::of(&bytes).is_err(), "byte {at}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_though_the_hash_is_right() {
        for wrong in [
            Head { ledger_bytes: MAX_LEDGER_LEN + 1, ..head() },
            Head { ledger_len: u64::MAX, ..head() },
            Head { state_len: u64::MAX, ..head() },
            Head { state_bytes: u64::MAX, ..head() },
            Head { definitions_bytes: MAX_DEFINITIONS_LEN + 1, ..head() },
            Head { definitions_len: u64::MAX, ..head() },
        ] {
            assert!(matches!(Head::of(&wrong.to_bytes()), Err(Fault::Field)));
        }
    }

    #[test]
    fn another_version_is_told_before_anything_else_is_judged() {
        let mut bytes = head().to_bytes();
        for found in [0, VERSION + 1] {
            bytes[8..12].copy_from_slice(&found.to_le_bytes());
            assert!(matches!(Head::of(&bytes), Err(Fault::Version { found: told }) if told == found));
        }
    }
}
