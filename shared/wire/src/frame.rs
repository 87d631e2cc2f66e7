//! The frame of a command: stamped once by the sequencer, and the same bytes from then on.

use crate::command::{Command, CommandBody, CommandKind};
use crate::position::Position;
use crate::prelude::{self, PRELUDE_LEN, VERSION};
use crate::{Chain, Epoch, FrameError, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, Seq, SourceSeq};
use twox_hash::XxHash3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a [`FrameHeader`].
pub const FRAME_HEADER_LEN: usize = size_of::<FrameHeader>();
/// Where the chain stands in a frame; the hash skips it, since it is its result.
const CHAIN_AT: usize = FRAME_HEADER_LEN - 8;

const _: () = assert!(FRAME_HEADER_LEN == 56 && FRAME_HEADER_LEN < MAX_FRAME_LEN);

/// What stands before the body of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
pub struct FrameHeader {
    /// CRC-32 over all bytes behind this field.
    pub crc: u32,
    /// The whole frame in bytes.
    pub length: u16,
    /// A [`CommandKind`].
    pub kind: u8,
    /// [`prelude::VERSION`].
    pub version: u8,
    /// The stamped number; 0 before.
    pub sequence: Seq,
    /// The sequencer's clock at the stamp, never going back; before the stamp, the gateway's clock on arrival.
    pub timestamp: Nanos,
    /// The epoch of the stamp; 0 before.
    pub epoch: Epoch,
    /// The life of the source that sent it.
    pub incarnation: Incarnation,
    /// The source's own number for it, without gaps from 1 within an incarnation; 0 from the sequencer itself.
    pub source_seq: SourceSeq,
    /// The gateway that sent it, or the sequencer.
    pub source: NodeId,
    /// Zero.
    pub reserved: [u8; 6],
    /// The running hash over the frame before and this one; 0 before the stamp.
    pub chain: Chain,
}

/// A checked view of one frame's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    header: &'a FrameHeader,
}

/// Who sends a command, and as which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The sending node.
    pub source: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Its number for this command.
    pub source_seq: SourceSeq,
    /// Its clock when the command came in.
    pub received: Nanos,
}

impl<'a> Frame<'a> {
    /// Checks one frame's length, version, checksum and kind. The body is checked by [`Frame::command`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let prelude = prelude::check(bytes)?;
        if prelude.kind >= prelude::FIRST_EVENT_KIND {
            return Err(FrameError::UnknownKind { kind: prelude.kind });
        }
        match FrameHeader::ref_from_prefix(bytes) {
            Ok((header, _)) => Ok(Self { bytes, header }),
            Err(_) => Err(FrameError::Truncated { have: bytes.len(), need: FRAME_HEADER_LEN }),
        }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The header, where it lies.
    #[must_use]
    pub fn header(&self) -> &'a FrameHeader {
        self.header
    }

    /// The stamped place of this frame.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { epoch: self.header.epoch, seq: self.header.sequence, chain: self.header.chain }
    }

    /// The command, read in place.
    pub fn command(&self) -> Result<Command<'a>, FrameError> {
        Command::read(self.header.kind, &self.bytes[FRAME_HEADER_LEN..])
    }

    /// True if this frame is the very next one after `previous`: the number follows, the epoch does not fall, and the
    /// chain continues.
    #[must_use]
    pub fn follows(&self, previous: Position) -> bool {
        let here = self.position();
        here.seq == previous.seq.next()
            && here.epoch >= previous.epoch
            && here.chain == chain_of(previous.chain, self.bytes)
    }
}

/// Writes an unstamped command into `to` and gives its length.
pub fn write<B: CommandBody>(to: &mut [u8; MAX_FRAME_LEN], origin: Origin, body: &B) -> usize {
    const { assert!(FRAME_HEADER_LEN + size_of::<B>() <= MAX_FRAME_LEN) };
    let length = FRAME_HEADER_LEN + size_of::<B>();
    let header = FrameHeader {
        crc: 0,
        length: u16::try_from(length).expect("asserted above: at most MAX_FRAME_LEN"),
        kind: B::KIND as u8,
        version: VERSION,
        sequence: Seq(0),
        timestamp: origin.received,
        epoch: Epoch(0),
        incarnation: origin.incarnation,
        source_seq: origin.source_seq,
        source: origin.source,
        reserved: [0; 6],
        chain: Chain(0),
    };
    to[..FRAME_HEADER_LEN].copy_from_slice(header.as_bytes());
    to[FRAME_HEADER_LEN..length].copy_from_slice(body.as_bytes());
    prelude::seal(&mut to[..length]);
    length
}

/// Stamps a checked frame in place as the one after `previous`: number, epoch, time, chain, checksum. Gives its position.
///
/// # Panics
/// If `bytes` is shorter than a header: the caller has read it as a [`Frame`] before.
pub fn stamp(bytes: &mut [u8], previous: Position, epoch: Epoch, now: Nanos) -> Position {
    let (header, _) = FrameHeader::mut_from_prefix(bytes).expect("a checked frame is at least a header long");
    header.sequence = previous.seq.next();
    header.epoch = epoch;
    header.timestamp = now;
    let chain = chain_of(previous.chain, bytes);
    bytes[CHAIN_AT..FRAME_HEADER_LEN].copy_from_slice(&chain.0.to_le_bytes());
    prelude::seal(bytes);
    Position { epoch, seq: previous.seq.next(), chain }
}

/// XXH3-64 of everything but checksum and chain, seeded with the chain before.
fn chain_of(previous: Chain, bytes: &[u8]) -> Chain {
    let head = XxHash3_64::oneshot_with_seed(previous.0, &bytes[4..CHAIN_AT]);
    Chain(XxHash3_64::oneshot_with_seed(head, &bytes[FRAME_HEADER_LEN..]))
}

/// The kind of a frame, if it is a command that this build knows.
#[must_use]
pub fn kind_of(bytes: &[u8]) -> Option<CommandKind> {
    bytes.get(6).and_then(|kind| CommandKind::of(*kind))
}

const _: () = assert!(PRELUDE_LEN == 16);
