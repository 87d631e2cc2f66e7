//! Numbers that are kept beside the segments, each in a small file of its own.
//!
//! `SYNCED` is the number up to which the disk once confirmed: what is bad below it is damage, never a torn end. It is written
//! behind each sync and not synced itself, so after a power cut it may be old, but it is never too high. `ARCHIVED` is the number
//! up to which segments may be in the archive: what is missing before it is no damage.

use crate::error::{JournalError, io_at};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Which number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The file's name.
    pub(crate) name: &'static str,
    magic: [u8; 8],
}

pub(crate) const SYNCED: Kind = Kind { name: "SYNCED", magic: *b"LOCKSYNC" };
pub(crate) const ARCHIVED: Kind = Kind { name: "ARCHIVED", magic: *b"LOCKARCH" };
const LEN: usize = 20;

/// The open file.
#[derive(Debug)]
pub(crate) struct Watermark {
    file: File,
    path: PathBuf,
    kind: Kind,
}

impl Watermark {
    pub(crate) fn open(dir: &Path, kind: Kind) -> Result<Self, JournalError> {
        let path = dir.join(kind.name);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_at("open", &path))?;
        Ok(Self { file, path, kind })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Twenty bytes in one sector: the number, or the number before, is what a crash leaves.
    pub(crate) fn write(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&self.kind.magic);
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&crc.to_le_bytes());
        self.file.write_all_at(&bytes, 0)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The number of a journal's directory up to which the disk has confirmed; none if it was never written or is not readable as
/// one.
#[must_use]
pub fn read(dir: &Path) -> Option<u64> {
    read_kind(dir, SYNCED)
}

/// Likewise, of either kind.
pub(crate) fn read_kind(dir: &Path, kind: Kind) -> Option<u64> {
    let bytes = std::fs::read(dir.join(kind.name)).ok()?;
    let bytes: &[u8; LEN] = bytes.as_slice().try_into().ok()?;
    let (number, crc) = (&bytes[8..16], &bytes[16..]);
    if bytes[..8] != kind.magic || crc != crc32fast::hash(&bytes[..16]).to_le_bytes() {
        return None;
    }
    Some(u64::from_le_bytes(number.try_into().ok()?))
}
