//! The sixteen bytes that every message begins with: checksum, length, kind, version, number.

use crate::{FrameError, MAX_FRAME_LEN};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version of the layouts in this crate.
pub const VERSION: u8 = 2;
/// Bytes of a [`Prelude`].
pub const PRELUDE_LEN: usize = size_of::<Prelude>();
/// Kinds from here on are events; below are commands.
pub const FIRST_EVENT_KIND: u8 = 0x80;

/// What the bus and the journal need to know of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
pub struct Prelude {
    /// CRC-32 (IEEE) over all bytes behind this field.
    pub crc: u32,
    /// The whole message in bytes, this prelude included.
    pub length: u16,
    /// What follows: a [`crate::CommandKind`] or a [`crate::EventKind`].
    pub kind: u8,
    /// [`VERSION`].
    pub version: u8,
    /// The number in its stream: a [`crate::Seq`] or an [`crate::Outbound`]; 0 for a command not yet stamped.
    pub number: u64,
}

/// Checks length, version and checksum of exactly one message, and gives its prelude.
pub fn check(bytes: &[u8]) -> Result<&Prelude, FrameError> {
    let prelude = peek(bytes)?;
    let declared = usize::from(prelude.length);
    if declared != bytes.len() {
        return Err(FrameError::Length { declared, have: bytes.len() });
    }
    if prelude.version != VERSION {
        return Err(FrameError::Version { found: prelude.version });
    }
    let found = checksum(bytes);
    if found != prelude.crc {
        return Err(FrameError::Corrupt { declared: prelude.crc, found });
    }
    Ok(prelude)
}

/// The prelude of a message that may have more bytes behind it; only the length field is judged.
pub fn peek(bytes: &[u8]) -> Result<&Prelude, FrameError> {
    let Ok((prelude, _)) = Prelude::ref_from_prefix(bytes) else {
        return Err(FrameError::Truncated { have: bytes.len(), need: PRELUDE_LEN });
    };
    let declared = usize::from(prelude.length);
    if declared > MAX_FRAME_LEN {
        return Err(FrameError::Oversized { length: declared });
    }
    if declared < PRELUDE_LEN {
        return Err(FrameError::Length { declared, have: bytes.len() });
    }
    Ok(prelude)
}

/// True if a message's bytes were damaged on their way: what a receiver drops and asks for again. Any other fault was there
/// when it was sent, and asking again would bring the same.
#[must_use]
pub fn is_damaged(bytes: &[u8]) -> bool {
    matches!(
        check(bytes),
        Err(FrameError::Corrupt { .. } | FrameError::Truncated { .. } | FrameError::Length { .. })
    )
}

/// The checksum that belongs into a message of at least a prelude's length.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(&bytes[4..])
}

/// Writes the checksum into a message whose other bytes are final.
pub(crate) fn seal(bytes: &mut [u8]) {
    let crc = checksum(bytes);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
}
