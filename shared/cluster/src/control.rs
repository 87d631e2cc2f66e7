//! Control messages as bytes: bincode behind a checksum and a size limit. The only place that knows of bincode.

use serde::{Serialize, de::DeserializeOwned};

/// The longest control message, in bytes: it fits a datagram.
pub const MAX_CONTROL_LEN: usize = 1_400;

/// Why a control message could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Too short for its checksum.
    #[error("a control message of {0} bytes is too short")]
    Truncated(usize),
    /// The checksum does not match.
    #[error("a control message's checksum does not match its bytes")]
    Corrupt,
    /// Above the size limit, or no message of the expected type.
    #[error("a control message is not of the expected shape (another version of this program?)")]
    Shape,
}

fn codec<const LIMIT: usize>() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// The bytes of a message that fits a datagram: CRC-32, then its fields.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    encode_within::<MAX_CONTROL_LEN, T>(message)
}

/// The message in these bytes of a datagram.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ControlError> {
    decode_within::<MAX_CONTROL_LEN, T>(bytes)
}

/// Like [`encode`], for what travels over TCP or lies on disk: `LIMIT` bytes at most, the checksum among them.
pub fn encode_within<const LIMIT: usize, T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let body = bincode::serde::encode_to_vec(message, codec::<LIMIT>()).map_err(|_| ControlError::Shape)?;
    if body.len() + 4 > LIMIT {
        return Err(ControlError::Shape);
    }
    let mut bytes = crc32fast::hash(&body).to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Like [`decode`], for what was written by [`encode_within`] with the same `LIMIT`.
pub fn decode_within<const LIMIT: usize, T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ControlError> {
    let Some((crc, body)) = bytes.split_first_chunk::<4>() else {
        return Err(ControlError::Truncated(bytes.len()));
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(ControlError::Corrupt);
    }
    match bincode::serde::decode_from_slice(body, codec::<LIMIT>()) {
        Ok((message, read)) if read == body.len() => Ok(message),
        _ => Err(ControlError::Shape),
    }
}
