//! One record: where it ends, and whether it may stand behind the one before.

use crate::error::RecordFault;
use crate::header::Stream;
use wire::{Event, Frame, Position, Seq};

/// Records begin at multiples of this, so that the first eight bytes of each can be stored at once.
pub(crate) const ALIGN: usize = 8;

/// The bytes that a message takes in a segment.
pub(crate) const fn padded(length: usize) -> usize {
    length.next_multiple_of(ALIGN)
}

/// The length field of the message that begins with these bytes.
///
/// # Panics
/// If there are fewer than six bytes.
pub(crate) fn length_of(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[4], bytes[5]]))
}

/// Checks exactly one message as the next behind `previous`, and gives its place. Of events, only the number counts.
pub(crate) fn judge(stream: Stream, previous: Position, bytes: &[u8]) -> Result<Position, RecordFault> {
    match stream {
        Stream::Frames => {
            let frame = Frame::read(bytes)?;
            if frame.follows(previous) {
                return Ok(frame.position());
            }
            let here = frame.position();
            Err(if here.seq != previous.seq.next() {
                RecordFault::Number { expected: previous.seq.next().0, found: here.seq.0 }
            } else if here.epoch < previous.epoch {
                RecordFault::EpochFalls { before: previous.epoch, found: here.epoch }
            } else {
                RecordFault::ChainBreaks { before: previous.chain }
            })
        }
        Stream::Events => {
            let number = { Event::read(bytes)?.header().outbound };
            if number.0 == previous.seq.next().0 {
                Ok(Position { seq: Seq(number.0), ..Position::GENESIS })
            } else {
                Err(RecordFault::Number { expected: previous.seq.next().0, found: number.0 })
            }
        }
    }
}
