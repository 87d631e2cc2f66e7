//! A journal in words, one line for each record.

use crate::words;
use journal::{Expected, JournalError, Stream, scan};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Why a dump ended early. What was printed before is good.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The journal cannot be read from here on.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The lines cannot be written.
    #[error("cannot write the dump: {0}")]
    Output(#[from] io::Error),
}

/// What was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// What the journal keeps.
    pub stream: Stream,
    /// Lines, one for each record.
    pub lines: u64,
    /// Bytes of a torn end behind the last line; 0 if the dump ended before it.
    pub torn_bytes: u64,
}

/// Prints the records numbered `from` to `to` (both included; 0 and `u64::MAX` for all), each checked, one line each.
///
/// Segments before the one that holds `from` are not read.
pub fn dump(dir: &Path, from: u64, to: u64, out: &mut impl Write) -> Result<Dumped, DumpError> {
    let synced = journal::read_watermark(dir);
    let (mut lines, mut reached, mut failed) = (0, false, None);
    let mut line = String::new();
    let scanned = scan(dir, Expected::default(), from, &mut |seen| {
        let number = seen.position.seq.0;
        if number >= from && number <= to {
            line.clear();
            words::record(&mut line, seen.header.stream, seen.message);
            line.push('\n');
            if let Err(error) = out.write_all(line.as_bytes()) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            lines += 1;
        }
        reached = number >= to;
        if reached { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    out.flush()?;
    if !reached {
        scanned.judge(synced, false)?;
    }
    Ok(Dumped { stream: scanned.stream, lines, torn_bytes: scanned.torn_bytes() })
}
