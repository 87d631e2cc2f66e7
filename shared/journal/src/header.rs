//! The sixty-four bytes at the beginning of every segment.

use crate::error::HeaderFault;
use crate::{MAX_SEGMENT_LEN, MIN_SEGMENT_LEN};
use std::fmt;
use wire::{Chain, Epoch, Position, Seq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a segment's header.
pub const HEADER_LEN: usize = size_of::<Layout>();
const MAGIC: [u8; 8] = *b"LOCKSTEP";
const FORMAT: u16 = 1;
const CRC_AT: usize = HEADER_LEN - 4;

const _: () = assert!(HEADER_LEN == 64);

/// Which stream a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stream {
    /// The sequenced commands: the history.
    Frames = 1,
    /// The committed events: derived from the history.
    Events = 2,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frames => "frames",
            Self::Events => "events",
        })
    }
}

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it keeps.
    pub stream: Stream,
    /// Whose it is: [`wire::cluster_id`] of the cluster's name.
    pub cluster: u64,
    /// Bytes of the whole file.
    pub segment_len: u64,
    /// The place before its first record: its first number is the next one. Epoch and chain are zero for events.
    pub before: Position,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
struct Layout {
    magic: [u8; 8],
    format: u16,
    stream: u8,
    reserved: u8,
    before_epoch: u32,
    cluster: u64,
    segment_len: u64,
    first: u64,
    before_chain: u64,
    reserved2: [u8; 12],
    crc: u32,
}

impl Header {
    /// The number of its first record.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.before.seq.0 + 1
    }

    /// The bytes, checksum included.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let layout = Layout {
            magic: MAGIC,
            format: FORMAT,
            stream: self.stream as u8,
            reserved: 0,
            before_epoch: self.before.epoch.0,
            cluster: self.cluster,
            segment_len: self.segment_len,
            first: self.first(),
            before_chain: self.before.chain.0,
            reserved2: [0; 12],
            crc: 0,
        };
        let mut bytes = [0; HEADER_LEN];
        bytes.copy_from_slice(layout.as_bytes());
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads and checks the bytes.
    pub fn of(bytes: &[u8; HEADER_LEN]) -> Result<Self, HeaderFault> {
        if bytes.iter().all(|b| *b == 0) {
            return Err(HeaderFault::Empty);
        }
        let layout: Layout = zerocopy::transmute!(*bytes);
        if layout.magic != MAGIC {
            return Err(HeaderFault::Magic);
        }
        if layout.crc != crc32fast::hash(&bytes[..CRC_AT]) {
            return Err(HeaderFault::Corrupt);
        }
        if layout.format != FORMAT {
            return Err(HeaderFault::Version { found: layout.format });
        }
        let stream = match layout.stream {
            1 => Stream::Frames,
            2 => Stream::Events,
            _ => return Err(HeaderFault::Field),
        };
        if !is_segment_len(layout.segment_len) || layout.first == 0 {
            return Err(HeaderFault::Field);
        }
        Ok(Self {
            stream,
            cluster: layout.cluster,
            segment_len: layout.segment_len,
            before: Position {
                epoch: Epoch(layout.before_epoch),
                seq: Seq(layout.first - 1),
                chain: Chain(layout.before_chain),
            },
        })
    }
}

/// True for a length that a segment may have: whole pages, offsets in 32 bits.
pub(crate) fn is_segment_len(len: u64) -> bool {
    (MIN_SEGMENT_LEN..=MAX_SEGMENT_LEN).contains(&len) && len.is_multiple_of(MIN_SEGMENT_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            stream: Stream::Frames,
            cluster: wire::cluster_id("test"),
            segment_len: 8192,
            before: Position { epoch: Epoch(3), seq: Seq(41), chain: Chain(7) },
        }
    }

    #[test]
    fn a_header_comes_back_as_it_was_written() {
        assert_eq!(Header::of(&header().to_bytes()), Ok(header()));
        assert_eq!(header().first(), 42);
    }

    #[test]
    fn any_flipped_byte_of_a_header_is_noticed() {
        for at in 0..HEADER_LEN {
            let mut bytes = header().to_bytes();
            bytes[at] ^= 0x10;
            assert!(Header::of(&bytes).is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_unwritten_header_is_told_from_a_damaged_one() {
        assert_eq!(Header::of(&[0; HEADER_LEN]), Err(HeaderFault::Empty));
    }
}
