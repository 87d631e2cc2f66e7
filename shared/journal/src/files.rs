//! The directory: names, the lock, and files that own all of their blocks before they are used.

use crate::error::{JournalError, io_at};
use crate::index::Index;
use crate::map::Map;
use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LOCK: &str = "LOCK";
const SUFFIX: &str = ".seg";
const SPARE_SUFFIX: &str = ".spare";

/// Where the segment that begins with this number lies.
pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// The directory within a journal's own into which segments go that are no longer at hand.
pub(crate) const ARCHIVE: &str = "archive";

/// Where the archived segment that begins with this number lies, if it is there.
#[must_use]
pub fn archived_segment(dir: &Path, first: u64) -> Option<PathBuf> {
    let path = segment_path(&dir.join(ARCHIVE), first);
    path.is_file().then_some(path)
}

/// The first number of the segment that a file of this name holds; `None` if it is no segment's name.
pub(crate) fn first_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}

/// The segments of a directory by first number, ascending. Other files are left alone.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_at("list", dir))? {
        let path = entry.map_err(io_at("list", dir))?.path();
        found.extend(first_of(&path).map(|first| (first, path)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes spares that an earlier run prepared and did not use.
pub(crate) fn remove_spares(dir: &Path) -> Result<(), JournalError> {
    for entry in std::fs::read_dir(dir).map_err(io_at("list", dir))? {
        let path = entry.map_err(io_at("list", dir))?.path();
        if path.to_str().is_some_and(|name| name.ends_with(SPARE_SUFFIX)) {
            std::fs::remove_file(&path).map_err(io_at("remove", &path))?;
        }
    }
    Ok(())
}

/// Makes created, renamed and removed names survive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_at("sync the directory", dir))
}

/// The right to write in a directory, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Said, rather than left to the closing of the file: a child that is being spawned has a copy of it until its `exec`.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(LOCK);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_at("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(JournalError::Locked { path, holder: holder.trim().to_owned() });
            }
            Err(errno) => return Err(io_at("lock", &path)(errno.into())),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "process {}", std::process::id()))
            .map_err(io_at("write", &path))?;
        Ok(Self { file })
    }
}

/// A segment that is allocated and mapped, but has no header and no name among the segments yet.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<File>,
    pub(crate) map: Map,
    pub(crate) index: Index,
    pub(crate) segment_len: u64,
}

impl Spare {
    /// Allocates all blocks, so that no later write to the map can find the disk full.
    pub(crate) fn prepare(dir: &Path, segment_len: u64, serial: u64) -> Result<Self, JournalError> {
        let path = dir.join(format!("{serial}{SPARE_SUFFIX}"));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| refused(dir, segment_len, "create", &path, source))?;
        let prepared = allocate(&file, segment_len).and_then(|()| Map::write(&file));
        match prepared {
            Ok(map) => Ok(Self {
                path,
                file: Arc::new(file),
                map,
                index: Index::for_segment(segment_len),
                segment_len,
            }),
            Err(source) => {
                let _ = std::fs::remove_file(&path);
                Err(refused(dir, segment_len, "allocate", &path, source))
            }
        }
    }
}

/// Tells a full disk from everything else that can go wrong.
fn refused(dir: &Path, bytes: u64, doing: &'static str, path: &Path, source: std::io::Error) -> JournalError {
    if is_full_disk(&source) {
        return JournalError::NoSpace { dir: dir.into(), bytes };
    }
    io_at(doing, path)(source)
}

/// Whether the disk, or what this user may have of it, is full.
pub(crate) fn is_full_disk(error: &std::io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}

fn allocate(file: &File, len: u64) -> std::io::Result<()> {
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // A file system without it: writing zeros allocates as well.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut at = 0;
    while at < len {
        let part = (len - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..usize::try_from(part).expect("at most 64 KiB")], at)?;
        at += part;
    }
    Ok(())
}
