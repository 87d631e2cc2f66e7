//! Setting damage aside: the damaged segment and all behind it are moved into `damaged/`, so that the rest can be opened, and
//! what is missing be fetched from another logger. Nothing is deleted.

use crate::error::{HeaderFault, JournalError, io_at};
use crate::files::{self, Lock, sync_dir};
use crate::header::{HEADER_LEN, Header};
use crate::opening::Options;
use crate::seals::{self, SealFile};
use crate::{retention, watermark};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The directory within a journal's own.
const DAMAGED: &str = "damaged";
/// What the disk says of a place that it cannot read.
const EIO: i32 = 5;

/// What was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The directory into which it was moved.
    pub into: PathBuf,
    /// The segments that were moved, by their names, ascending.
    pub files: Vec<String>,
    /// The last number that is kept.
    pub kept: u64,
}

/// Damage: something that was there is not there any more as it was, so that another holder of the same history can heal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Segments that begin with this number or a later one are not to be trusted.
    first: u64,
    /// The last number before.
    kept: u64,
}

impl Damage {
    /// What an opening with these options has refused with this error. `None` if it is no damage: the directory is another
    /// cluster's or another process's, or was written by another build, or the system refuses something.
    pub fn of(dir: &Path, options: &Options, error: &JournalError) -> Result<Option<Self>, JournalError> {
        let at = |file: &Path| {
            let first = files::first_of(file)?;
            Some(Self { first, kept: first.saturating_sub(1) })
        };
        Ok(match error {
            JournalError::Header { fault: HeaderFault::Version { .. }, .. } => None,
            JournalError::Header { file, .. } | JournalError::Short { file, .. } => at(file),
            JournalError::Damaged { file, fault, .. } if !fault.is_of_another_version() => at(file),
            JournalError::MissingSegment { expected, found, .. } => {
                Some(Self { first: *found, kept: expected - 1 })
            }
            JournalError::Unsealed { first, .. } => Some(Self { first: *first, kept: first - 1 }),
            // A whole directory of somebody else's is a mistake; among segments of ours it is damage.
            JournalError::OtherCluster { file, .. } | JournalError::OtherStream { file, .. } => {
                if holds_ours(dir, options)? { at(file) } else { None }
            }
            // The last segment has lost its end, or those behind it are gone; all of them, if none is there.
            JournalError::LostTail { file, .. } => at(file).or(Some(Self { first: 0, kept: 0 })),
            JournalError::Io { doing: "read", path, source } if source.raw_os_error() == Some(EIO) => {
                at(path)
            }
            _ => None,
        })
    }

    /// Moves what is not to be trusted into a directory of its own within `damaged/`.
    ///
    /// # Errors
    /// Something cannot be moved. What was moved by then stays so; the next opening finds the rest.
    pub fn set_aside(self, dir: &Path) -> Result<SetAside, JournalError> {
        set_aside(dir, self)
    }
}

fn set_aside(dir: &Path, Damage { first, mut kept }: Damage) -> Result<SetAside, JournalError> {
    let _lock = Lock::take(dir)?;
    let into = make_room(dir)?;
    let seals = dir.join(seals::NAME);
    if seals.is_file() {
        std::fs::copy(&seals, into.join(seals::NAME)).map_err(io_at("copy", &seals))?;
    }
    let segments = files::list(dir)?;
    let mut moved: Vec<_> = segments.iter().filter(|(number, _)| *number >= first).collect();
    let mut archived = Vec::new();
    if moved.len() == segments.len() {
        // Nothing is left that could go on behind the archive: the whole history is fetched.
        archived = retention::list_archived(dir)?;
        kept = 0;
    }
    moved.extend(&archived);
    // From the back to the front: whoever dies in between leaves the damage to be found again.
    moved.sort_unstable();
    for (_, path) in moved.iter().rev() {
        let to = into.join(path.file_name().unwrap_or_default());
        std::fs::rename(path, &to).map_err(io_at("set aside", path))?;
    }
    sync_dir(&into)?;
    if !archived.is_empty() {
        sync_dir(&dir.join(files::ARCHIVE))?;
    }
    if kept == 0 {
        retention::note(dir, 0)?;
    }
    sync_dir(dir)?;
    let mut sealed = SealFile::open(dir, seals::read(dir)?.seals)?;
    sealed.cut(kept).map_err(io_at("cut", sealed.path()))?;
    let synced = watermark::read(dir).unwrap_or(0).min(kept);
    let mark = watermark::Watermark::open(dir, watermark::SYNCED)?;
    mark.write(synced).and_then(|()| mark.sync()).map_err(io_at("write", mark.path()))?;
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(SetAside { into, files: moved.into_iter().map(|(_, path)| name(path)).collect(), kept })
}

/// A directory that is not there yet.
fn make_room(dir: &Path) -> Result<PathBuf, JournalError> {
    let damaged = dir.join(DAMAGED);
    std::fs::create_dir_all(&damaged).map_err(io_at("create", &damaged))?;
    let into = (1..).map(|nth: u64| damaged.join(nth.to_string())).find(|path| !path.exists());
    let into = into.expect("there are more numbers than directories");
    std::fs::create_dir(&into).map_err(io_at("create", &into))?;
    sync_dir(&damaged)?;
    sync_dir(dir)?;
    Ok(into)
}

/// Whether any segment says that it belongs to this journal.
fn holds_ours(dir: &Path, options: &Options) -> Result<bool, JournalError> {
    let is_ours = |path: &Path| {
        let mut bytes = [0; HEADER_LEN];
        File::open(path).and_then(|file| file.read_exact_at(&mut bytes, 0)).is_ok()
            && Header::of(&bytes)
                .is_ok_and(|header| header.cluster == options.cluster && header.stream == options.stream)
    };
    Ok(files::list(dir)?.iter().any(|(_, path)| is_ours(path)))
}
