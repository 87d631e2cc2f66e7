//! MoldUDP64 packets, as Nasdaq published them: everything is big endian.
//!
//! ```text
//!  downstream packet                          request packet
//!   0  session          10 ASCII bytes         0  session          10 ASCII bytes
//!  10  sequence number   u64, of block 1      10  sequence number   u64, the first wanted
//!  18  message count     u16                  18  message count     u16, how many
//!  20  blocks: u16 length, then the bytes
//! ```
//!
//! A message count of 0 is a heartbeat and 0xFFFF the end of the session; the sequence number of both is the next one.

use crate::session::SESSION_LEN;
use wire::MAX_FRAME_LEN;

/// The bytes before the first block, and all of a request packet.
pub const HEADER_LEN: usize = 20;
/// The bytes before each block's content.
pub const BLOCK_HEADER_LEN: usize = 2;
/// The largest payload of a UDP datagram over IPv4.
pub const MAX_UDP_PAYLOAD: usize = 65_507;
/// The message count that ends a session.
pub const END_OF_SESSION: u16 = 0xFFFF;
/// The largest message count that still counts messages.
pub const MAX_COUNT: u16 = END_OF_SESSION - 1;

/// Why a datagram is no MoldUDP64 packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoldError {
    /// Shorter than the header.
    #[error("{0} bytes are too few for a MoldUDP64 header of {HEADER_LEN}")]
    TooShort(usize),
    /// Longer than any UDP datagram.
    #[error("{0} bytes are more than a UDP datagram holds")]
    TooLong(usize),
    /// The bytes end within this block (counted from 0), or before it.
    #[error("the packet ends before its block {0} does")]
    Truncated(u16),
    /// A block is empty or longer than [`MAX_FRAME_LEN`].
    #[error("block {block} has {len} bytes; a frame has 1 to {MAX_FRAME_LEN}")]
    BlockLength {
        /// The block, counted from 0.
        block: u16,
        /// Its length in bytes.
        len: usize,
    },
    /// Bytes stand behind the last block.
    #[error("{0} bytes stand behind the last block")]
    Trailing(usize),
    /// The numbers of the blocks would pass the largest u64.
    #[error("the sequence numbers from {0} on overflow")]
    SequenceOverflow(u64),
    /// A request that asks for nothing, or for the end of the session.
    #[error("a request for {0} messages asks for nothing that can be sent")]
    RequestCount(u16),
}

/// What a downstream packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// It carries this many blocks.
    Blocks(u16),
    /// It carries none: the next number is the packet's sequence number.
    Heartbeat,
    /// No more will be published in this session; the next number would be the packet's sequence number.
    EndOfSession,
}

/// A downstream packet, checked as a whole and read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    session: &'a [u8; SESSION_LEN],
    first: u64,
    kind: PacketKind,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Checks every block, so that [`Packet::blocks`] cannot fail.
    ///
    /// # Errors
    /// The first thing found wrong, as a [`MoldError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MoldError> {
        let Header { session, sequence, count, body } = Header::parse(bytes)?;
        let kind = match count {
            0 => PacketKind::Heartbeat,
            END_OF_SESSION => PacketKind::EndOfSession,
            count => {
                sequence.checked_add(u64::from(count)).ok_or(MoldError::SequenceOverflow(sequence))?;
                let rest = check_blocks(body, count)?;
                if rest > 0 {
                    return Err(MoldError::Trailing(rest));
                }
                return Ok(Self { session, first: sequence, kind: PacketKind::Blocks(count), body });
            }
        };
        if body.is_empty() {
            Ok(Self { session, first: sequence, kind, body })
        } else {
            Err(MoldError::Trailing(body.len()))
        }
    }

    /// The session that speaks.
    #[must_use]
    pub const fn session(&self) -> &'a [u8; SESSION_LEN] {
        self.session
    }

    /// The number of the first block; without blocks, the next number of the session.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// What the packet says.
    #[must_use]
    pub const fn kind(&self) -> PacketKind {
        self.kind
    }

    /// The frames, in the order of their numbers.
    #[must_use]
    pub const fn blocks(&self) -> Blocks<'a> {
        Blocks { rest: self.body }
    }
}

/// The frames of a [`Packet`].
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    /// Whole blocks only: checked when the packet was parsed.
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.rest.split_first_chunk::<BLOCK_HEADER_LEN>()?;
        let (block, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.rest = rest;
        Some(block)
    }
}

/// A receiver's request for frames that it misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestPacket {
    /// The session whose frames are wanted.
    pub session: [u8; SESSION_LEN],
    /// The number of the first frame wanted.
    pub first: u64,
    /// How many are wanted, 1 to [`MAX_COUNT`].
    pub count: u16,
}

impl RequestPacket {
    /// Reads a request packet.
    ///
    /// # Errors
    /// [`MoldError`] if the length or the count is not that of a request.
    pub fn parse(bytes: &[u8]) -> Result<Self, MoldError> {
        let Header { session, sequence, count, body } = Header::parse(bytes)?;
        if !body.is_empty() {
            return Err(MoldError::Trailing(body.len()));
        }
        if count == 0 || count == END_OF_SESSION {
            return Err(MoldError::RequestCount(count));
        }
        sequence.checked_add(u64::from(count)).ok_or(MoldError::SequenceOverflow(sequence))?;
        Ok(Self { session: *session, first: sequence, count })
    }

    /// The packet as it is sent.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        header(&self.session, self.first, self.count)
    }
}

/// The header of a packet: all of a heartbeat (count 0), an end of session or a request.
#[must_use]
pub fn header(session: &[u8; SESSION_LEN], sequence: u64, count: u16) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..SESSION_LEN].copy_from_slice(session);
    bytes[10..18].copy_from_slice(&sequence.to_be_bytes());
    bytes[18..].copy_from_slice(&count.to_be_bytes());
    bytes
}

struct Header<'a> {
    session: &'a [u8; SESSION_LEN],
    sequence: u64,
    count: u16,
    body: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, MoldError> {
        if bytes.len() > MAX_UDP_PAYLOAD {
            return Err(MoldError::TooLong(bytes.len()));
        }
        let short = MoldError::TooShort(bytes.len());
        let (session, rest) = bytes.split_first_chunk().ok_or(short)?;
        let (sequence, rest) = rest.split_first_chunk().ok_or(short)?;
        let (count, body) = rest.split_first_chunk().ok_or(short)?;
        Ok(Self { session, sequence: u64::from_be_bytes(*sequence), count: u16::from_be_bytes(*count), body })
    }
}

/// Walks over `count` blocks and tells how many bytes stand behind them.
fn check_blocks(mut body: &[u8], count: u16) -> Result<usize, MoldError> {
    for block in 0..count {
        let (len, rest) = body.split_first_chunk::<BLOCK_HEADER_LEN>().ok_or(MoldError::Truncated(block))?;
        let len = usize::from(u16::from_be_bytes(*len));
        if len == 0 || len > MAX_FRAME_LEN {
            return Err(MoldError::BlockLength { block, len });
        }
        body = rest.get(len..).ok_or(MoldError::Truncated(block))?;
    }
    Ok(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: &[u8; SESSION_LEN] = b"DEMS000001";

    fn packet(first: u64, frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = header(SESSION, first, frames.len() as u16).to_vec();
        for frame in frames {
            bytes.extend_from_slice(&(frame.len() as u16).to_be_bytes());
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn a_packet_has_the_published_layout() {
        let bytes = packet(0x0102, &[b"ab".to_vec()]);
        assert_eq!(bytes, b"DEMS000001\x00\x00\x00\x00\x00\x00\x01\x02\x00\x01\x00\x02ab");
    }

    #[test]
    fn a_heartbeat_and_an_end_of_session_tell_the_next_number() {
        let heartbeat = header(SESSION, 7, 0);
        let parsed = Packet::parse(&heartbeat).unwrap();
        assert_eq!((parsed.first(), parsed.kind()), (7, PacketKind::Heartbeat));
        let end = header(SESSION, 8, END_OF_SESSION);
        let parsed = Packet::parse(&end).unwrap();
        assert_eq!((parsed.first(), parsed.kind()), (8, PacketKind::EndOfSession));
        assert_eq!(parsed.blocks().count(), 0);
    }

    #[test]
    fn what_is_inconsistent_is_refused_with_the_reason() {
        let good = packet(1, &[vec![1; 3], vec![2; 4]]);
        assert_eq!(Packet::parse(&good[..19]), Err(MoldError::TooShort(19)));
        assert_eq!(Packet::parse(&good[..good.len() - 1]), Err(MoldError::Truncated(1)));
        let long = [&good[..], b"x"].concat();
        assert_eq!(Packet::parse(&long), Err(MoldError::Trailing(1)));
        let oversized = packet(1, &[vec![0; MAX_FRAME_LEN + 1]]);
        assert_eq!(
            Packet::parse(&oversized),
            Err(MoldError::BlockLength { block: 0, len: MAX_FRAME_LEN + 1 })
        );
        assert_eq!(Packet::parse(&packet(1, &[vec![]])), Err(MoldError::BlockLength { block: 0, len: 0 }));
        assert_eq!(Packet::parse(&packet(u64::MAX, &[vec![1]])), Err(MoldError::SequenceOverflow(u64::MAX)));
        assert_eq!(Packet::parse(&vec![b'0'; MAX_UDP_PAYLOAD + 1]), Err(MoldError::TooLong(65_508)));
    }

    #[test]
    fn a_request_for_nothing_is_refused() {
        assert_eq!(RequestPacket::parse(&header(SESSION, 5, 0)), Err(MoldError::RequestCount(0)));
        assert_eq!(
            RequestPacket::parse(&header(SESSION, 5, END_OF_SESSION)),
            Err(MoldError::RequestCount(END_OF_SESSION))
        );
    }

    proptest! {
        #[test]
        fn frames_survive_the_round_trip(
            first in 0..u64::MAX / 2,
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=MAX_FRAME_LEN), 1..9),
        ) {
            let bytes = packet(first, &frames);
            let parsed = Packet::parse(&bytes).unwrap();
            prop_assert_eq!(parsed.session(), SESSION);
            prop_assert_eq!(parsed.first(), first);
            prop_assert_eq!(parsed.kind(), PacketKind::Blocks(frames.len() as u16));
            prop_assert!(parsed.blocks().eq(frames.iter().map(Vec::as_slice)));
        }

        #[test]
        fn requests_survive_the_round_trip(first in 0..u64::MAX / 2, count in 1..=MAX_COUNT) {
            let request = RequestPacket { session: *SESSION, first, count };
            prop_assert_eq!(RequestPacket::parse(&request.to_bytes()), Ok(request));
        }

        #[test]
        fn no_bytes_make_the_parser_panic_or_lie_about_the_count(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            count in 0..4_u16,
        ) {
            let forged = [&header(SESSION, 1, count)[..], &bytes].concat();
            for bytes in [&bytes, &forged] {
                let _ = RequestPacket::parse(bytes);
                if let Ok(packet) = Packet::parse(bytes) {
                    let told = match packet.kind() { PacketKind::Blocks(count) => usize::from(count), _ => 0 };
                    prop_assert_eq!(packet.blocks().count(), told);
                }
            }
        }
    }
}
