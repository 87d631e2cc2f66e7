//! `logger verify` and `logger dump`, for people.

use anyhow::Context;
use logger::WrittenDown;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Checks every record; an error says what is wrong, where, and what to do.
pub(crate) fn verify(directory: &Path, expect: Option<&WrittenDown>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let verdict = logger::verify(directory, &mut |progress| {
        tracing::info!(
            segment = progress.segment + 1,
            of = progress.segments,
            records = progress.records,
            "verifying"
        );
    })?;
    writeln!(out, "{}: {verdict}", directory.display())?;
    if let Some(written) = expect {
        verdict.compare(written).with_context(|| directory.display().to_string())?;
        writeln!(
            out,
            "{}: up to {} this is the history that was written down",
            directory.display(),
            written.upto
        )?;
    }
    Ok(())
}

/// Prints a line for each record.
pub(crate) fn dump(directory: &Path, from: u64, to: u64) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    logger::dump(directory, from, to, &mut out)?;
    out.flush().context("cannot write to standard output")
}
