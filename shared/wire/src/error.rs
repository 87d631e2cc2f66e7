//! What can be wrong with bytes that claim to be a frame or an event.

use crate::MAX_FRAME_LEN;

/// Why bytes were refused. Nothing is ever read from refused bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer bytes than the part that was to be read.
    #[error("truncated: {have} bytes where at least {need} are needed")]
    Truncated {
        /// Bytes there are.
        have: usize,
        /// Bytes that were needed.
        need: usize,
    },
    /// The length field names more than any message may have.
    #[error("oversized: the length field says {length} bytes, the limit is {MAX_FRAME_LEN}")]
    Oversized {
        /// What the length field says, or how many bytes came.
        length: usize,
    },
    /// The length field and the bytes that came disagree.
    #[error("the length field says {declared} bytes, {have} came")]
    Length {
        /// What the length field says.
        declared: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The checksum does not match the bytes.
    #[error("corrupt: checksum {found:08x} computed, {declared:08x} declared")]
    Corrupt {
        /// The checksum in the message.
        declared: u32,
        /// The checksum of the bytes that came.
        found: u32,
    },
    /// A wire version that this build does not speak.
    #[error("wire version {found} is spoken there, {} here: upgrade the older node", crate::prelude::VERSION)]
    Version {
        /// The version in the message.
        found: u8,
    },
    /// A kind that is not in the table, or an event where a command was expected.
    #[error("kind 0x{kind:02x} is not known here")]
    UnknownKind {
        /// The kind byte.
        kind: u8,
    },
    /// The body has the wrong length for its kind, or a field holds a value that is not in its table.
    #[error("the body of kind 0x{kind:02x} ({have} bytes) has the wrong length or a value outside its table")]
    Body {
        /// The kind byte.
        kind: u8,
        /// Bytes of body there are.
        have: usize,
    },
}
