//! Where a message begins and ends in a byte stream: BeginString(8), BodyLength(9) and CheckSum(10) are checked here.

use crate::SOH;

/// What every message begins with, whatever its version (`8=FIX.4.4`, `8=FIXT.1.1`).
const START: &[u8] = b"8=FIX";
/// BeginString(8) with its tag ends within this many bytes.
const BEGIN_STRING_LIMIT: usize = 20;
/// BodyLength(9) has at most this many digits, leading zeros included.
const LENGTH_DIGITS: usize = 9;
/// `10=nnn` and its SOH.
const TRAILER_LEN: usize = 7;

/// What stands at the start of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Not enough bytes to tell; nothing may be dropped.
    Incomplete,
    /// A whole message, its length and checksum right, in the first `len` bytes.
    Message {
        /// Bytes from `8=` to the SOH behind CheckSum(10).
        len: usize,
    },
    /// Not a message: drop `skip` (at least 1) bytes and scan again.
    Garbled {
        /// Bytes up to the next possible start.
        skip: usize,
        /// Why it is not one.
        reason: Garbled,
    },
}

/// Why bytes are not a message. FIX 4.4 volume 2: a garbled message is ignored, and its number is found missing later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Garbled {
    /// The bytes do not begin with `8=FIX`.
    #[error("bytes that do not begin with 8=FIX")]
    NoStart,
    /// BodyLength(9) is not the second field, or not a number.
    #[error("BodyLength(9) is not the second field, or not a number")]
    BodyLength,
    /// The message would be longer than the limit.
    #[error("BodyLength(9) says more than the limit on a message")]
    TooLong,
    /// MsgType(35) is not the third field.
    #[error("MsgType(35) is not the third field")]
    MsgType,
    /// CheckSum(10) does not stand where BodyLength(9) says.
    #[error("BodyLength(9) does not lead to CheckSum(10)")]
    Trailer,
    /// CheckSum(10) is not the sum of the bytes.
    #[error("CheckSum(10) is wrong")]
    CheckSum,
}

/// Looks at the start of `bytes`. `max_len` bounds a whole message.
///
/// Calling it again and again on what is left takes time linear in the bytes, and finds the same messages however the
/// stream was split. Behind a garbled message with a plausible BodyLength(9) the search goes on where that length
/// ends: what overlaps it is part of the garbled message (acceptance definition 2m), what stands behind is kept.
pub fn scan(bytes: &[u8], max_len: usize) -> Scan {
    let head = &bytes[..bytes.len().min(START.len())];
    if !START.starts_with(head) {
        return garbled(bytes, 1, Garbled::NoStart);
    }
    if head.len() < START.len() {
        return Scan::Incomplete;
    }
    let window = &bytes[..bytes.len().min(BEGIN_STRING_LIMIT)];
    let Some(begin_end) = window.iter().position(|b| *b == SOH) else {
        return if window.len() < BEGIN_STRING_LIMIT {
            Scan::Incomplete
        } else {
            garbled(bytes, 1, Garbled::NoStart)
        };
    };
    let (body_at, body_len) = match body_length(bytes, begin_end + 1) {
        Ok(Some(found)) => found,
        Ok(None) => return Scan::Incomplete,
        Err(()) => return garbled(bytes, 1, Garbled::BodyLength),
    };
    let body_end = body_at + body_len;
    let len = body_end + TRAILER_LEN;
    if len > max_len {
        return garbled(bytes, 1, Garbled::TooLong);
    }
    let third = &bytes[body_at..bytes.len().min(body_at + 3)];
    if !b"35=".starts_with(third) {
        return garbled(bytes, 1, Garbled::MsgType);
    }
    if bytes.len() < len {
        return Scan::Incomplete;
    }
    let trailer = &bytes[body_end..len];
    let digits = &trailer[3..6];
    let well_formed = bytes[body_end - 1] == SOH
        && trailer.starts_with(b"10=")
        && digits.iter().all(u8::is_ascii_digit)
        && trailer[6] == SOH;
    if !well_formed {
        return garbled(bytes, body_end, Garbled::Trailer);
    }
    let said = digits.iter().fold(0u32, |n, d| n * 10 + u32::from(d - b'0'));
    if said != u32::from(check_sum(&bytes[..body_end])) {
        return garbled(bytes, len, Garbled::CheckSum);
    }
    Scan::Message { len }
}

/// The sum of the bytes modulo 256, CheckSum(10).
pub fn check_sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b))
}

/// Reads `9=digits SOH` at `at`: where the body begins and how long it is said to be. `None`: more bytes are needed.
fn body_length(bytes: &[u8], at: usize) -> Result<Option<(usize, usize)>, ()> {
    let rest = &bytes[at..];
    if !b"9=".starts_with(&rest[..rest.len().min(2)]) {
        return Err(());
    }
    let mut value = 0usize;
    for (i, b) in rest.iter().skip(2).enumerate() {
        match b {
            b'0'..=b'9' if i < LENGTH_DIGITS => value = value * 10 + usize::from(b - b'0'),
            // The shortest body is `35=X` and its SOH.
            &SOH if i > 0 && value >= 5 => return Ok(Some((at + 2 + i + 1, value))),
            _ => return Err(()),
        }
    }
    Ok(None)
}

/// Garbled, with the distance to the next possible start at or behind `from`.
fn garbled(bytes: &[u8], from: usize, reason: Garbled) -> Scan {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at..].iter().position(|b| *b == START[0]) {
            None => break,
            Some(offset) => {
                at += offset;
                let seen = &bytes[at..bytes.len().min(at + START.len())];
                if START.starts_with(seen) {
                    return Scan::Garbled { skip: at, reason };
                }
                at += 1;
            }
        }
    }
    Scan::Garbled { skip: bytes.len().max(from), reason }
}
