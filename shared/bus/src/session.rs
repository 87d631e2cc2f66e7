//! The name of a MoldUDP64 session: which cluster, which stream, and which life of it, in ten ASCII bytes.

use std::fmt;
use std::str::FromStr;

/// The length of a session name on the wire (MoldUDP64, "Session").
pub const SESSION_LEN: usize = 10;

const NUMBER_DIGITS: u32 = 6;
const BASE: u32 = 36;

/// The largest number that six base-36 digits can write.
pub const MAX_SESSION_NUMBER: u32 = BASE.pow(NUMBER_DIGITS) - 1;

const _: () = assert!(3 + 1 + NUMBER_DIGITS as usize == SESSION_LEN);
const _: () = assert!((BASE as u64).pow(NUMBER_DIGITS) - 1 <= u32::MAX as u64);

/// Why ten bytes are no session name, or a tag or number cannot stand in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The cluster tag has something other than `A-Z` and `0-9` in it.
    #[error("the cluster tag {0:?} must be three of A-Z and 0-9")]
    Tag([u8; 3]),
    /// The fourth byte names no stream.
    #[error("byte {0:#04x} names no stream: expected one of S, E, C, T, H")]
    Stream(u8),
    /// A byte of the number is not a base-36 digit.
    #[error("byte {0:#04x} is no digit of a session number: expected 0-9 or A-Z")]
    Digit(u8),
    /// The number does not fit six base-36 digits.
    #[error(
        "session number {0} is above {MAX_SESSION_NUMBER}, the largest that six base-36 digits can write"
    )]
    Number(u32),
    /// The text has not the length of a session name.
    #[error("a session name has {SESSION_LEN} characters, not {0}")]
    Length(usize),
}

/// What a stream carries; its letter is the fourth byte of the session name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StreamKind {
    /// The sequencer's numbered commands; the session number is the epoch.
    Sequenced = b'S',
    /// The engines' events.
    Events = b'E',
    /// One gateway's commands to the sequencer; the session number is the caller's to choose.
    Commands = b'C',
    /// The nodes' status.
    Status = b'T',
    /// A logger's log as it was when it promised an epoch, for that epoch's sequencer; the session number is the epoch.
    History = b'H',
}

impl StreamKind {
    /// The letter that stands for this stream in a session name.
    #[must_use]
    pub const fn letter(self) -> u8 {
        self as u8
    }

    /// The stream that a letter stands for.
    ///
    /// # Errors
    /// [`SessionError::Stream`] for any other byte.
    pub const fn from_letter(letter: u8) -> Result<Self, SessionError> {
        match letter {
            b'S' => Ok(Self::Sequenced),
            b'E' => Ok(Self::Events),
            b'C' => Ok(Self::Commands),
            b'T' => Ok(Self::Status),
            b'H' => Ok(Self::History),
            other => Err(SessionError::Stream(other)),
        }
    }
}

/// A session name, such as `DEMS000001`: cluster DEM, sequenced stream, number (here: epoch) 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    tag: [u8; 3],
    stream: StreamKind,
    /// At most [`MAX_SESSION_NUMBER`].
    number: u32,
}

impl Session {
    /// The name for this cluster, stream and number.
    ///
    /// # Errors
    /// [`SessionError::Tag`] or [`SessionError::Number`] for what ten bytes cannot say.
    pub fn new(tag: [u8; 3], stream: StreamKind, number: u32) -> Result<Self, SessionError> {
        if !tag.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return Err(SessionError::Tag(tag));
        }
        if number > MAX_SESSION_NUMBER {
            return Err(SessionError::Number(number));
        }
        Ok(Self { tag, stream, number })
    }

    /// The cluster's tag.
    #[must_use]
    pub const fn tag(&self) -> [u8; 3] {
        self.tag
    }

    /// What the stream carries.
    #[must_use]
    pub const fn stream(&self) -> StreamKind {
        self.stream
    }

    /// The number: an epoch, or what the stream's owner chose.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The ten bytes as they stand in every packet.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SESSION_LEN] {
        let mut bytes = [b'0'; SESSION_LEN];
        bytes[..3].copy_from_slice(&self.tag);
        bytes[3] = self.stream.letter();
        let mut rest = self.number;
        for byte in bytes[4..].iter_mut().rev() {
            let digit = (rest % BASE) as u8;
            *byte = if digit < 10 { b'0' + digit } else { b'A' + digit - 10 };
            rest /= BASE;
        }
        bytes
    }

    /// Reads a session name.
    ///
    /// # Errors
    /// The first part that does not fit, as a [`SessionError`].
    pub fn parse(bytes: &[u8; SESSION_LEN]) -> Result<Self, SessionError> {
        let tag = [bytes[0], bytes[1], bytes[2]];
        let stream = StreamKind::from_letter(bytes[3])?;
        let mut number = 0;
        for &byte in &bytes[4..] {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                other => return Err(SessionError::Digit(other)),
            };
            // Six digits stay within MAX_SESSION_NUMBER, which fits a u32 (asserted above).
            number = number * BASE + u32::from(digit);
        }
        Self::new(tag, stream, number)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|&b| fmt::Write::write_char(f, char::from(b)))
    }
}

impl FromStr for Session {
    type Err = SessionError;

    fn from_str(text: &str) -> Result<Self, SessionError> {
        let bytes = text.as_bytes().try_into().map_err(|_| SessionError::Length(text.len()))?;
        Self::parse(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_session_reads_as_cluster_stream_and_number() {
        let session = Session::new(*b"DEM", StreamKind::Sequenced, 1).unwrap();
        assert_eq!(session.to_string(), "DEMS000001");
        assert_eq!(
            Session::new(*b"X9Z", StreamKind::History, MAX_SESSION_NUMBER).unwrap().to_string(),
            "X9ZHZZZZZZ"
        );
    }

    #[test]
    fn what_is_no_session_is_refused_with_the_reason() {
        assert_eq!("DEMS00001".parse::<Session>(), Err(SessionError::Length(9)));
        assert_eq!("DEMX000001".parse::<Session>(), Err(SessionError::Stream(b'X')));
        assert_eq!("DEMS00000a".parse::<Session>(), Err(SessionError::Digit(b'a')));
        assert_eq!("dEMS000001".parse::<Session>(), Err(SessionError::Tag(*b"dEM")));
        assert_eq!(
            Session::new(*b"DEM", StreamKind::Events, MAX_SESSION_NUMBER + 1),
            Err(SessionError::Number(MAX_SESSION_NUMBER + 1))
        );
    }

    proptest! {
        #[test]
        fn every_session_survives_a_round_trip(
            tag in "[A-Z0-9]{3}",
            letter in prop::sample::select(b"SECTH".to_vec()),
            number in 0..=MAX_SESSION_NUMBER,
        ) {
            let tag: [u8; 3] = tag.as_bytes().try_into().unwrap();
            let session = Session::new(tag, StreamKind::from_letter(letter).unwrap(), number).unwrap();
            prop_assert_eq!(Session::parse(&session.to_bytes()), Ok(session));
            prop_assert_eq!(session.to_string().parse(), Ok(session));
        }

        #[test]
        fn any_ten_bytes_that_parse_are_written_back_alike(bytes: [u8; 10]) {
            if let Ok(session) = Session::parse(&bytes) {
                prop_assert_eq!(session.to_bytes(), bytes);
            }
        }
    }
}
