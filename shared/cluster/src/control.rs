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

fn codec() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_CONTROL_LEN>()
}

/// The bytes of a message: CRC-32, then its fields.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let body = bincode::serde::encode_to_vec(message, codec()).map_err(|_| ControlError::Shape)?;
    if body.len() + 4 > MAX_CONTROL_LEN {
        return Err(ControlError::Shape);
    }
    let mut bytes = crc32fast::hash(&body).to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The message in these bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ControlError> {
    let Some((crc, body)) = bytes.split_first_chunk::<4>() else {
        return Err(ControlError::Truncated(bytes.len()));
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(ControlError::Corrupt);
    }
    match bincode::serde::decode_from_slice(body, codec()) {
        Ok((message, read)) if read == body.len() => Ok(message),
        _ => Err(ControlError::Shape),
    }
}
