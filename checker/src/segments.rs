//! Reads a journal's directory front to back, from `docs/LOG.md` alone: no lock, no map, no change.
//!
//! What a record says (numbers, chain, epochs) is for others to judge. Here it is only told a good record from a torn end,
//! which is tolerated, and from damage, which is refused with file and offset.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use wire::{Chain, Epoch, FrameError, MAX_FRAME_LEN, Position, Seq, prelude};

const HEADER_LEN: usize = 64;
const MAGIC: [u8; 8] = *b"LOCKSTEP";
const FORMAT: u16 = 1;
const MIN_SEGMENT_LEN: u64 = 4096;
const MAX_SEGMENT_LEN: u64 = 1 << 31;
const WATERMARK: &str = "SYNCED";
const WATERMARK_LEN: usize = 20;
const WATERMARK_MAGIC: [u8; 8] = *b"LOCKSYNC";
/// Records begin at multiples of this.
const ALIGN: usize = 8;
/// Bytes read at once.
const BUFFER: usize = 1 << 20;

/// Which stream a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stream {
    /// The sequenced commands.
    Frames = 1,
    /// The committed events.
    Events = 2,
}

/// Why a journal cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// The operating system refused something.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that is no segment, or not of this journal.
    #[error("{} is refused: {why}", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something bad in the middle, or where the disk had confirmed a record.
    #[error(
        "{} is damaged at offset {offset}, where number {number} should stand: {fault}. {why}. Heal it from another logger \
         before the run is judged",
        file.display()
    )]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The number that should stand there.
        number: u64,
        /// What stands there.
        fault: Fault,
        /// Why it is no torn end.
        why: &'static str,
    },
}

/// What stands where a record should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A length of zero, and bytes behind it.
    #[error("no record begins here, and what follows is not zero")]
    Hole,
    /// Zeros to the end.
    #[error("the records end here")]
    End,
    /// A record longer than what is left of the segment.
    #[error("a record that is longer than its segment")]
    Overrun,
    /// Bytes behind a message that are not zero.
    #[error("padding that is not zero")]
    Padding,
    /// A header that was never written.
    #[error("no header")]
    NoHeader,
    /// Not a message of this stream.
    #[error(transparent)]
    Message(#[from] FrameError),
}

/// Reads one journal, record by record.
#[derive(Debug)]
pub struct Segments {
    stream: Stream,
    /// First numbers and paths, ascending.
    files: Vec<(u64, PathBuf)>,
    /// How many of `files` were opened.
    opened: usize,
    open: Option<Open>,
    cluster: Option<u64>,
    watermark: Option<u64>,
    message: [u8; MAX_FRAME_LEN + ALIGN],
    length: usize,
    /// Where the present record begins.
    began: u64,
    /// The number of the last record that was read.
    last: Option<u64>,
    /// What the segment says about the place before the present record, if that is its first.
    before: Option<Position>,
    torn: u64,
}

#[derive(Debug)]
struct Open {
    file: BufReader<File>,
    len: u64,
    offset: u64,
    before: Position,
    fresh: bool,
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> SegmentsError + '_ {
    move |source| SegmentsError::Io { path: path.into(), source }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn length_of(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[4], bytes[5]]))
}

/// The segments of a directory, by first number.
fn segments_in(dir: &Path) -> Result<Vec<(u64, PathBuf)>, SegmentsError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_at(dir))? {
        let path = entry.map_err(io_at(dir))?.path();
        let first = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".seg"))
            .filter(|digits| digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        files.extend(first.map(|first| (first, path)));
    }
    Ok(files)
}

impl Segments {
    /// Looks at the directory, and at the archive in it. One without segments is an empty journal.
    pub fn open(dir: &Path, stream: Stream) -> Result<Self, SegmentsError> {
        let mut files = segments_in(dir)?;
        let archive = dir.join("archive");
        if archive.is_dir() {
            files.extend(segments_in(&archive)?);
        }
        files.sort();
        // Before the records, so that a writer that goes on meanwhile does not look like a lost tail.
        let watermark = read_watermark(dir);
        Ok(Self {
            stream,
            files,
            opened: 0,
            open: None,
            cluster: None,
            watermark,
            message: [0; MAX_FRAME_LEN + ALIGN],
            length: 0,
            began: 0,
            last: None,
            before: None,
            torn: 0,
        })
    }

    /// Goes to the next record; false at the end.
    pub fn advance(&mut self) -> Result<bool, SegmentsError> {
        loop {
            if self.open.is_none() && !self.open_next()? {
                return Ok(false);
            }
            match self.step()? {
                Step::Record => return Ok(true),
                Step::SegmentEnd => self.open = None,
                Step::Bad(fault) => {
                    self.judge(fault)?;
                    return Ok(false);
                }
            }
        }
    }

    /// The present record's message, as it came on the wire.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message[..self.length]
    }

    /// What the segment's header says about the place before the present record, if that is the segment's first.
    #[must_use]
    pub fn before(&self) -> Option<Position> {
        self.before
    }

    /// Where the present record stands.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { file: self.file(), offset: self.began }
    }

    /// Whose journal it is, as far as a segment was opened.
    #[must_use]
    pub fn cluster(&self) -> Option<u64> {
        self.cluster
    }

    /// Bytes of a torn end, once the end was reached.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn
    }

    fn file(&self) -> &Path {
        self.opened.checked_sub(1).map_or(Path::new(""), |at| &self.files[at].1)
    }

    fn next_number(&self) -> u64 {
        let first = self.open.as_ref().map_or(1, |open| open.before.seq.0 + 1);
        self.last.map_or(first, |last| last.saturating_add(1))
    }

    /// Opens the next segment; false if there is none, or only one that was never begun.
    fn open_next(&mut self) -> Result<bool, SegmentsError> {
        let Some((first, path)) = self.files.get(self.opened).cloned() else {
            return self.end();
        };
        let file = File::open(&path).map_err(io_at(&path))?;
        let len = file.metadata().map_err(io_at(&path))?.len();
        let refused = |why| SegmentsError::Refused { file: path.clone(), why };
        let mut file = BufReader::with_capacity(BUFFER, file);
        let mut header = [0; HEADER_LEN];
        file.read_exact(&mut header).map_err(io_at(&path))?;
        if header == [0; HEADER_LEN] {
            let empty = rest_is_zero(&mut file).map_err(io_at(&path))?;
            if empty && self.opened + 1 == self.files.len() {
                return self.end();
            }
            let (offset, number, fault) = (0, self.next_number(), Fault::NoHeader);
            let why = "It holds records, or segments follow";
            return Err(SegmentsError::Damaged { file: path, offset, number, fault, why });
        }
        if header[..8] != MAGIC {
            return Err(refused("it does not begin as a segment does"));
        }
        if u32_at(&header, HEADER_LEN - 4) != crc32fast::hash(&header[..HEADER_LEN - 4]) {
            return Err(refused("its header does not match its checksum"));
        }
        if u16::from_le_bytes([header[8], header[9]]) != FORMAT {
            return Err(refused("its format has another version than docs/LOG.md"));
        }
        if header[10] != self.stream as u8 {
            return Err(refused("it keeps the other stream"));
        }
        let cluster = u64_at(&header, 16);
        if *self.cluster.get_or_insert(cluster) != cluster {
            return Err(refused("it belongs to another cluster than the segments before it"));
        }
        let declared = u64_at(&header, 24);
        if declared != len || !(MIN_SEGMENT_LEN..=MAX_SEGMENT_LEN).contains(&len) {
            return Err(refused("it is not as long as its header says"));
        }
        if u64_at(&header, 32) != first || first == 0 {
            return Err(refused("its name is not the first number that its header tells"));
        }
        let before = Position {
            epoch: Epoch(u32_at(&header, 12)),
            seq: Seq(first - 1),
            chain: Chain(u64_at(&header, 40)),
        };
        self.opened += 1;
        self.open = Some(Open { file, len, offset: HEADER_LEN as u64, before, fresh: true });
        Ok(true)
    }

    /// The end without a fault.
    fn end(&mut self) -> Result<bool, SegmentsError> {
        self.open = None;
        let last = self.last.unwrap_or(0);
        match self.watermark {
            Some(synced) if synced > last => Err(SegmentsError::Damaged {
                file: self.file().into(),
                offset: self.began,
                number: self.next_number(),
                fault: Fault::End,
                why: "The disk had confirmed later numbers",
            }),
            _ => Ok(false),
        }
    }

    fn step(&mut self) -> Result<Step, SegmentsError> {
        let open = self.open.as_mut().expect("advance has opened a segment");
        let path = &self.files[self.opened - 1].1;
        self.began = open.offset;
        let room = open.len - open.offset;
        if room < prelude::PRELUDE_LEN as u64 {
            let zero = rest_is_zero(&mut open.file).map_err(io_at(path))?;
            return Ok(if zero { Step::SegmentEnd } else { Step::Bad(Fault::Hole) });
        }
        let (head, tail) = self.message.split_at_mut(ALIGN);
        open.file.read_exact(head).map_err(io_at(path))?;
        let length = length_of(head);
        if length == 0 {
            let zero =
                head.iter().all(|byte| *byte == 0) && rest_is_zero(&mut open.file).map_err(io_at(path))?;
            return Ok(if zero { Step::SegmentEnd } else { Step::Bad(Fault::Hole) });
        }
        if length > MAX_FRAME_LEN {
            return Ok(Step::Bad(FrameError::Oversized { length }.into()));
        }
        if length < prelude::PRELUDE_LEN {
            return Ok(Step::Bad(FrameError::Length { declared: length, have: length }.into()));
        }
        let padded = length.next_multiple_of(ALIGN);
        if padded as u64 > room {
            return Ok(Step::Bad(Fault::Overrun));
        }
        open.file.read_exact(&mut tail[..padded - ALIGN]).map_err(io_at(path))?;
        let number = match prelude::check(&self.message[..length]) {
            Ok(prelude) => prelude.number,
            Err(error) => return Ok(Step::Bad(error.into())),
        };
        if self.message[length..padded].iter().any(|byte| *byte != 0) {
            return Ok(Step::Bad(Fault::Padding));
        }
        open.offset += padded as u64;
        self.before = std::mem::take(&mut open.fresh).then_some(open.before);
        (self.length, self.last) = (length, Some(number));
        Ok(Step::Record)
    }

    /// Tells a torn end from damage.
    fn judge(&mut self, fault: Fault) -> Result<(), SegmentsError> {
        let number = self.next_number();
        let file = self.file().to_owned();
        let open = self.open.as_mut().expect("a fault is met in an open segment");
        let mut rest = Vec::new();
        open.file.seek(SeekFrom::Start(self.began)).map_err(io_at(&file))?;
        open.file.read_to_end(&mut rest).map_err(io_at(&file))?;
        // The last record may well end in zeros: they are looked at, but are no place for one to begin.
        let torn = rest.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        let good = |at: usize| {
            let bytes = &rest[at..];
            let message = (bytes.len() >= prelude::PRELUDE_LEN).then(|| bytes.get(..length_of(bytes)));
            message.flatten().and_then(|bytes| prelude::check(bytes).ok()).is_some_and(|p| p.number > number)
        };
        let why = if self.watermark.is_some_and(|synced| number <= synced) {
            "The disk had confirmed this number"
        } else if self.opened < self.files.len() {
            "Segments follow, so it is no torn end"
        } else if (ALIGN..torn).step_by(ALIGN).any(good) {
            "Good records follow, so it is no torn end"
        } else {
            self.torn = torn as u64;
            self.open = None;
            return Ok(());
        };
        Err(SegmentsError::Damaged { file, offset: self.began, number, fault, why })
    }
}

enum Step {
    Record,
    SegmentEnd,
    Bad(Fault),
}

/// Where a record stands, for words.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    file: &'a Path,
    offset: u64,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", self.file.display(), self.offset)
    }
}

fn rest_is_zero(file: &mut BufReader<File>) -> io::Result<bool> {
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(true);
        }
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        let read = bytes.len();
        file.consume(read);
    }
}

/// Up to which number the disk has confirmed; none if the file is not there or not readable as one.
fn read_watermark(dir: &Path) -> Option<u64> {
    let bytes = std::fs::read(dir.join(WATERMARK)).ok()?;
    let sound = bytes.len() == WATERMARK_LEN
        && bytes[..8] == WATERMARK_MAGIC
        && u32_at(&bytes, 16) == crc32fast::hash(&bytes[..16]);
    sound.then(|| u64_at(&bytes, 8))
}
