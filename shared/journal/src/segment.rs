//! One segment, read from its file record by record and never mapped: what lies there may be damaged, or somebody else's.

use crate::error::{HeaderFault, JournalError, RecordFault, io_at};
use crate::header::{HEADER_LEN, Header};
use crate::record::{ALIGN, judge, length_of, padded};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use wire::{MAX_FRAME_LEN, Position, prelude};

/// Bytes read at once.
const BUFFER: usize = 1 << 20;
/// Zeros are skipped in steps of this many bytes.
const STRIDE: usize = 4096;

/// A segment being read from front to back.
pub(crate) struct SegmentReader {
    file: File,
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    /// Where the next record begins.
    pub(crate) offset: u64,
    buffer: Vec<u8>,
    /// The file's offset of the buffer's first byte.
    begins: u64,
    filled: usize,
}

/// What stands at the reader's offset.
pub(crate) enum Step {
    /// A record; the reader is behind it now.
    Good(Position),
    /// A length of zero, or no room for more.
    End,
    /// Not a record that may stand here.
    Bad(RecordFault),
}

/// What lies behind the last good record.
pub(crate) struct Rest {
    /// Behind the last byte that is not zero; the reader's offset if all are.
    pub(crate) nonzero_end: u64,
    /// Whole messages with the expected number or a later one.
    pub(crate) records: u64,
}

impl SegmentReader {
    /// Opens a segment and checks its header. `None` if the header was never written.
    pub(crate) fn open(path: &Path, first: u64) -> Result<Option<Self>, JournalError> {
        let file = File::open(path).map_err(io_at("open", path))?;
        let have = file.metadata().map_err(io_at("look at", path))?.len();
        let mut bytes = [0; HEADER_LEN];
        if have < HEADER_LEN as u64 {
            return Err(JournalError::Short { file: path.into(), have, need: HEADER_LEN as u64 });
        }
        file.read_exact_at(&mut bytes, 0).map_err(io_at("read", path))?;
        let refuse = |fault| JournalError::Header { file: path.into(), fault };
        let header = match Header::of(&bytes) {
            Ok(header) => header,
            Err(HeaderFault::Empty) => return Ok(None),
            Err(fault) => return Err(refuse(fault)),
        };
        if header.first() != first {
            return Err(refuse(HeaderFault::Name { found: header.first() }));
        }
        if have != header.segment_len {
            return Err(JournalError::Short { file: path.into(), have, need: header.segment_len });
        }
        Ok(Some(Self {
            file,
            path: path.into(),
            header,
            offset: HEADER_LEN as u64,
            buffer: vec![0; BUFFER.min(usize::try_from(have).unwrap_or(BUFFER))],
            begins: 0,
            filled: 0,
        }))
    }

    /// Checks the record at the offset as the next behind `previous`.
    pub(crate) fn step(&mut self, previous: Position) -> Result<Step, JournalError> {
        let room = self.header.segment_len - self.offset;
        if room < prelude::PRELUDE_LEN as u64 {
            return Ok(Step::End);
        }
        let stream = self.header.stream;
        let window = self.window(self.offset, MAX_FRAME_LEN)?;
        let length = length_of(window);
        if length == 0 {
            return Ok(Step::End);
        }
        if let Err(fault) = prelude::peek(window) {
            return Ok(Step::Bad(fault.into()));
        }
        let Some(record) = window.get(..padded(length)) else {
            return Ok(Step::Bad(RecordFault::Overrun));
        };
        let (message, padding) = record.split_at(length);
        Ok(match judge(stream, previous, message) {
            Err(fault) => Step::Bad(fault),
            Ok(_) if padding.iter().any(|byte| *byte != 0) => Step::Bad(RecordFault::Padding),
            Ok(position) => {
                self.offset += padded(length) as u64;
                Step::Good(position)
            }
        })
    }

    /// The message that ends at the reader's offset, which began at `offset`.
    pub(crate) fn message(&mut self, offset: u64) -> Result<&[u8], JournalError> {
        let window = self.window(offset, MAX_FRAME_LEN)?;
        Ok(&window[..length_of(window)])
    }

    /// Looks at everything from the offset to the end of the file, for messages numbered `number` or later.
    pub(crate) fn rest(&mut self, number: u64) -> Result<Rest, JournalError> {
        let len = self.header.segment_len;
        let mut rest = Rest { nonzero_end: self.offset, records: 0 };
        let mut at = self.offset;
        while at < len {
            let window = self.window(at, STRIDE + MAX_FRAME_LEN)?;
            let stride = &window[..STRIDE.min(window.len())];
            let Some(nonzero) = stride.iter().position(|byte| *byte != 0) else {
                at += stride.len() as u64;
                continue;
            };
            // A record's first byte may be zero: go back to where a record could begin.
            let here = nonzero - nonzero % ALIGN;
            let candidate = &window[here..];
            let length = if candidate.len() < prelude::PRELUDE_LEN { 0 } else { length_of(candidate) };
            let message = candidate.get(..length).and_then(|bytes| prelude::check(bytes).ok());
            let step = match message {
                Some(prelude) if { prelude.number } >= number => {
                    rest.records += 1;
                    padded(length)
                }
                _ => ALIGN,
            };
            let seen = &candidate[..step.min(candidate.len())];
            if let Some(last) = seen.iter().rposition(|byte| *byte != 0) {
                rest.nonzero_end = at + (here + last + 1) as u64;
            }
            at += (here + step) as u64;
        }
        Ok(rest)
    }

    /// Where the last byte that is not zero ends in a file without a header; 0 if there is none.
    pub(crate) fn nonzero_end(path: &Path) -> Result<u64, JournalError> {
        let file = File::open(path).map_err(io_at("open", path))?;
        let (mut buffer, mut at, mut end) = (vec![0; BUFFER], 0, 0);
        loop {
            let read = file.read_at(&mut buffer, at).map_err(io_at("read", path))?;
            if read == 0 {
                return Ok(end);
            }
            if let Some(last) = buffer[..read].iter().rposition(|byte| *byte != 0) {
                end = at + last as u64 + 1;
            }
            at += read as u64;
        }
    }

    /// Forgets what was read, so that the next look sees what a writer has done meanwhile.
    pub(crate) fn refresh(&mut self) {
        self.filled = 0;
    }

    /// At least `need` bytes from `at`, or all that are left.
    fn window(&mut self, at: u64, need: usize) -> Result<&[u8], JournalError> {
        let left = usize::try_from(self.header.segment_len - at).unwrap_or(usize::MAX);
        let need = need.min(left);
        if at < self.begins || at + need as u64 > self.begins + self.filled as u64 {
            let fill = self.buffer.len().min(left);
            self.filled = 0;
            let read: io::Result<()> = self.file.read_exact_at(&mut self.buffer[..fill], at);
            read.map_err(io_at("read", &self.path))?;
            (self.begins, self.filled) = (at, fill);
        }
        let from = usize::try_from(at - self.begins).expect("within the buffer");
        Ok(&self.buffer[from..self.filled])
    }
}
