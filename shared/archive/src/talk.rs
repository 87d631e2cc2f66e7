//! What is said over TCP: requests, and the heads of replies, each a length and a control message. Bytes follow as told.

use cluster::control::{ControlError, decode_within, encode_within};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use wire::{Outbound, Position, Seq};

/// The longest request, and the longest head of a reply, in bytes.
const MAX_LEN: usize = 4_096;
/// How long either side may be silent.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);
/// How long whoever takes in a snapshot may be silent, while it checks and syncs what came.
pub(crate) const CHECKING: Duration = Duration::from_secs(300);

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Which snapshots are there?
    List,
    /// That snapshot's file.
    Snapshot(Seq),
    /// Keep this snapshot: a file of that length follows.
    Keep { seq: Seq, length: u64 },
    /// The frames behind one place up to another.
    Log { after: Position, upto: Position },
    /// Up to which event is the journal of events kept for good?
    Events,
    /// What stands in that snapshot before its state, if the log holds its place and this later one.
    Beginning { seq: Seq, upto: Position },
}

/// What may be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// These are there, the newest last.
    Snapshots(Vec<Listed>),
    /// A file of so many bytes follows.
    Bytes(u64),
    /// It is whole, on the disk, and counts.
    Kept,
    /// So many frames follow, as they stand in the log.
    Frames(u64),
    /// Up to this event.
    Events(Outbound),
    /// No, and why.
    Refused(String),
    /// No: the log does not hold this place, and what it holds instead.
    NotHeld(Position, String),
}

/// A snapshot that somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The number under which it is kept.
    pub seq: Seq,
    /// The place of the last command that is in it.
    pub position: Position,
    /// Bytes of its file.
    pub length: u64,
}

/// Why a message could not be exchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("a message of {0} bytes is longer than any")]
    Long(u32),
}

/// Says one message.
pub(crate) fn say<T: Serialize>(to: &mut impl Write, message: &T) -> Result<(), TalkError> {
    let body = encode_within::<MAX_LEN, T>(message)?;
    let length = u32::try_from(body.len()).expect("at most 4 KiB");
    to.write_all(&[&length.to_le_bytes()[..], &body].concat())?;
    Ok(())
}

/// Hears one message; `None` if the other side has hung up before it.
pub(crate) fn hear<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, TalkError> {
    let mut length = [0; 4];
    match from.read(&mut length)? {
        0 => return Ok(None),
        had => from.read_exact(&mut length[had..])?,
    }
    let length = u32::from_le_bytes(length);
    let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(MAX_LEN + 1)];
    if body.len() > MAX_LEN {
        return Err(TalkError::Long(length));
    }
    from.read_exact(&mut body)?;
    Ok(Some(decode_within::<MAX_LEN, T>(&body)?))
}

/// Nobody waits for ever.
pub(crate) fn bound(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_as_they_were_said_and_nothing_longer_is_read() {
        let (mut wire, mut some) = (Vec::new(), Vec::new());
        say(&mut wire, &Request::Snapshot(Seq(7))).unwrap();
        say(&mut wire, &Request::List).unwrap();
        let mut from = &wire[..];
        while let Some(request) = hear::<Request>(&mut from).unwrap() {
            some.push(request);
        }
        assert_eq!(some, [Request::Snapshot(Seq(7)), Request::List]);
        for cut in 1..wire.len() - 1 {
            let mut from = &wire[..cut];
            while let Ok(Some(request)) = hear::<Request>(&mut from) {
                assert_eq!(request, some[0], "cut at {cut}");
            }
        }
        for length in [4_097_u32, u32::MAX] {
            assert!(matches!(hear::<Request>(&mut &length.to_le_bytes()[..]), Err(TalkError::Long(_))));
        }
        let mut flipped = wire.clone();
        flipped[9] ^= 1;
        assert!(matches!(hear::<Request>(&mut &flipped[..]), Err(TalkError::Control(_))));
    }

    #[test]
    fn a_list_of_as_many_snapshots_as_can_be_kept_fits() {
        let position = Position { seq: Seq(u64::MAX), ..Position::GENESIS };
        let listed = Listed { seq: Seq(u64::MAX), position, length: u64::MAX };
        say(&mut Vec::new(), &Reply::Snapshots(vec![listed; 64])).unwrap();
    }
}
