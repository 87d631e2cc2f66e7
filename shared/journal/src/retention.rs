//! Segments that are no longer at hand: moved, whole and sealed, into `archive/` within the journal's directory. Nothing is
//! deleted.

use crate::error::{JournalError, io_at};
use crate::files::{ARCHIVE, list, segment_path, sync_dir};
use crate::watermark::{ARCHIVED, Watermark, read_kind};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Refuses a journal whose first record is not the first one of all, unless those before it were archived.
///
/// `before` is the number before the first record held.
///
/// # Errors
/// [`JournalError::MissingSegment`].
pub fn check_front(dir: &Path, before: u64) -> Result<(), JournalError> {
    let archived = archived(dir);
    if before <= archived {
        return Ok(());
    }
    let (expected, found) = (archived + 1, before + 1);
    Err(JournalError::MissingSegment { file: segment_path(dir, found), expected, found })
}

/// The number up to which segments may be in the archive.
pub(crate) fn archived(dir: &Path) -> u64 {
    read_kind(dir, ARCHIVED).unwrap_or(0)
}

/// Moves the segment that begins with `first` and ends with `last`. Before, it is noted that it may be gone: whoever dies in
/// between leaves it where it is, which is as good.
pub(crate) fn archive(dir: &Path, first: u64, last: u64) -> Result<PathBuf, JournalError> {
    let archive = dir.join(ARCHIVE);
    if !archive.is_dir() {
        std::fs::create_dir(&archive).map_err(io_at("create", &archive))?;
    }
    note(dir, last)?;
    let (from, to) = (segment_path(dir, first), segment_path(&archive, first));
    if to.exists() {
        return Err(io_at("archive, since it is there,", &to)(ErrorKind::AlreadyExists.into()));
    }
    std::fs::rename(&from, &to).map_err(io_at("move into the archive", &from))?;
    sync_dir(&archive)?;
    sync_dir(dir)?;
    Ok(to)
}

/// Notes up to which number segments may be in the archive.
pub(crate) fn note(dir: &Path, last: u64) -> Result<(), JournalError> {
    let mark = Watermark::open(dir, ARCHIVED)?;
    mark.write(last).and_then(|()| mark.sync()).map_err(io_at("write", mark.path()))?;
    sync_dir(dir)
}

/// The segments in the archive by first number, ascending.
pub(crate) fn list_archived(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let archive = dir.join(ARCHIVE);
    if archive.is_dir() { list(&archive) } else { Ok(Vec::new()) }
}
