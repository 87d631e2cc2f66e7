//! Frames behind one place up to another, as they stand in the files: for who hands history on beside the writer. It takes no
//! lock and maps nothing; archived segments are read like the others.

use crate::error::{JournalError, RecordFault, io_at};
use crate::files;
use crate::header::{HEADER_LEN, Header, Stream};
use crate::record::{length_of, padded};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use wire::{Frame, MAX_FRAME_LEN, Position, prelude};

/// Bytes read, and handed out, at once.
const PIECE: usize = 1 << 20;

/// Why frames cannot be handed out.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log does not hold this place.
    #[error("this log does not hold {position}: {why}")]
    NotHeld {
        /// The place that was asked for.
        position: Position,
        /// What it holds instead.
        why: String,
    },
    /// The places are not in this order.
    #[error("{upto} does not come behind {after}")]
    Order {
        /// Where the frames should begin.
        after: Position,
        /// Where they should end.
        upto: Position,
    },
    /// The files cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The records behind one place up to and with another, of a log that holds both.
///
/// That they are whole was verified when they were written or when the log was opened; here only the ends are checked, and that
/// each number follows the one before. Who takes them checks checksums and chain.
#[derive(Debug)]
pub struct History {
    dir: PathBuf,
    cursor: Cursor,
    /// The last number that is wanted.
    upto: u64,
    buffer: Vec<u8>,
}

impl History {
    /// Finds both places. `after` may be [`Position::GENESIS`].
    ///
    /// # Errors
    /// The log does not hold one of them, chain included, or cannot be read.
    pub fn open(dir: &Path, after: Position, upto: Position) -> Result<Self, HistoryError> {
        let mut buffer = vec![0; PIECE];
        find(dir, upto, &mut buffer)?;
        let cursor = find(dir, after, &mut buffer)?;
        if after.seq > upto.seq {
            return Err(HistoryError::Order { after, upto });
        }
        Ok(Self { dir: dir.into(), cursor, upto: upto.seq.0, buffer })
    }

    /// How many records are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.upto + 1 - self.cursor.next
    }

    /// The next whole records, back to back as they lie (each padded with zeros to a multiple of eight bytes): 1 MiB at the
    /// most. `None` behind the last one.
    ///
    /// # Errors
    /// A file cannot be read, or holds something else than what follows.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, JournalError> {
        while self.left() > 0 {
            let bytes = self.cursor.read(&mut self.buffer, self.upto)?;
            if bytes > 0 {
                return Ok(Some(&self.buffer[..bytes]));
            }
            // No more stands here: the next segment goes on, or should.
            let next = self.cursor.next;
            let ended = self.cursor.segment.header.first() == next;
            let following = if ended { None } else { Segment::open(&self.dir, next)? };
            self.cursor = following.map(Cursor::new).ok_or_else(|| JournalError::MissingSegment {
                file: self.cursor.segment.path.clone(),
                expected: next,
                found: self.cursor.segment.header.first(),
            })?;
        }
        Ok(None)
    }
}

/// Whether a log holds this place, chain included.
///
/// # Errors
/// It does not, or cannot be read.
pub fn holds(dir: &Path, position: Position) -> Result<(), HistoryError> {
    find(dir, position, &mut vec![0; PIECE]).map(|_| ())
}

/// A segment that is read.
#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    header: Header,
}

impl Segment {
    /// The segment that begins with this number, archived or not; `None` if there is none.
    fn open(dir: &Path, first: u64) -> Result<Option<Self>, JournalError> {
        // It may be archived at this moment, which moves it once and never back.
        for dir in [dir, &dir.join(files::ARCHIVE)] {
            let path = files::segment_path(dir, first);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io_at("open", &path)(error)),
            };
            let mut bytes = [0; HEADER_LEN];
            file.read_exact_at(&mut bytes, 0).map_err(io_at("read", &path))?;
            let header =
                Header::of(&bytes).map_err(|fault| JournalError::Header { file: path.clone(), fault })?;
            if header.stream != Stream::Frames {
                let (found, expected) = (header.stream, Stream::Frames);
                return Err(JournalError::OtherStream { file: path, found, expected });
            }
            return Ok(Some(Self { file, path, header }));
        }
        Ok(None)
    }
}

/// A place within a segment.
#[derive(Debug)]
struct Cursor {
    segment: Segment,
    /// Where the next record begins.
    offset: u64,
    /// Its number.
    next: u64,
}

impl Cursor {
    fn new(segment: Segment) -> Self {
        Self { offset: HEADER_LEN as u64, next: segment.header.first(), segment }
    }

    /// Reads whole records up to this number, as far as there are in the segment and as fit into the buffer, and gives their
    /// bytes.
    fn read(&mut self, buffer: &mut [u8], upto: u64) -> Result<usize, JournalError> {
        let filled = self.fill(buffer)?;
        let mut end = 0;
        while self.next <= upto {
            let bytes = &buffer[end..filled];
            let length = if bytes.len() < prelude::PRELUDE_LEN { 0 } else { length_of(bytes) };
            if length == 0 || padded(length) > bytes.len() {
                break;
            }
            let fault = match prelude::peek(bytes) {
                Ok(prelude) if { prelude.number } == self.next => {
                    end += padded(length);
                    self.next += 1;
                    continue;
                }
                Ok(prelude) => RecordFault::Number { expected: self.next, found: prelude.number },
                Err(fault) => fault.into(),
            };
            return Err(JournalError::Damaged {
                file: self.segment.path.clone(),
                offset: self.offset + end as u64,
                number: self.next,
                fault,
                why: "It was good when it was written",
            });
        }
        self.offset += end as u64;
        Ok(end)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<usize, JournalError> {
        let room = self.segment.header.segment_len.saturating_sub(self.offset);
        let fill = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.segment.file.read_exact_at(&mut buffer[..fill], self.offset);
        read.map_err(io_at("read", &self.segment.path))?;
        Ok(fill)
    }
}

/// Behind this place.
fn find(dir: &Path, position: Position, buffer: &mut [u8]) -> Result<Cursor, HistoryError> {
    let not_held = |why: String| HistoryError::NotHeld { position, why };
    let number = position.seq.0;
    let mut firsts = BTreeSet::new();
    // Archived while this looks: the second look then finds it.
    for dir in [dir, &dir.join(files::ARCHIVE)] {
        if dir.is_dir() {
            firsts.extend(files::list(dir)?.into_iter().map(|(first, _)| first));
        }
    }
    let Some(first) = firsts.range(..=number.saturating_add(1)).next_back() else {
        let begins =
            firsts.first().map_or_else(|| "it is empty".into(), |first| format!("it begins with {first}"));
        return Err(not_held(begins));
    };
    let gone = || not_held(format!("the segment that begins with {first} is gone"));
    let mut cursor = Cursor::new(Segment::open(dir, *first)?.ok_or_else(gone)?);
    let before = cursor.segment.header.before;
    if before.seq.0 == number {
        return if before == position { Ok(cursor) } else { Err(not_held(format!("it holds {before}"))) };
    }
    while cursor.next < number {
        if cursor.read(buffer, number - 1)? == 0 {
            return Err(not_held(format!("it ends, or has a gap, behind {}", cursor.next - 1)));
        }
    }
    let message = &mut [0; MAX_FRAME_LEN][..];
    let filled = cursor.fill(message)?;
    let length = if filled < prelude::PRELUDE_LEN { 0 } else { length_of(message) };
    if length == 0 {
        return Err(not_held(format!("it ends, or has a gap, behind {}", number - 1)));
    }
    let frame =
        message[..filled].get(..length).ok_or_else(|| not_held("what stands there is not whole".into()))?;
    match Frame::read(frame) {
        Ok(frame) if frame.position() == position => {}
        Ok(frame) => return Err(not_held(format!("it holds {}", frame.position()))),
        Err(fault) => return Err(not_held(format!("what stands there is not whole: {fault}"))),
    }
    cursor.offset += padded(length) as u64;
    cursor.next += 1;
    Ok(cursor)
}
