//! What can be wrong with a snapshot, in words that tell the operator where and what may be done.

use crate::head::{OLDEST_VERSION, VERSION};
use std::io;
use std::path::{Path, PathBuf};
use wire::{Digest, Seq};

/// Why a snapshot could not be written, kept or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system refused something.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk is full.
    #[error(
        "no room to {doing} {}: free space on this disk, or keep fewer snapshots (`snapshot.keep`); nothing was lost, and \
         the next snapshot tries again",
        path.display()
    )]
    NoSpace {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// A file that does not count.
    #[error(
        "{}: {fault}. It does not count and the snapshot before it is taken; it may be deleted, or copied anew from another node",
        file.display()
    )]
    Bad {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A whole file of a layout that this build does not read.
    #[error(
        "{}: {fault}. It is left alone and the snapshot before it is taken; run the build that wrote it to use it",
        file.display()
    )]
    OtherVersion {
        /// The file.
        file: PathBuf,
        /// Which version it has.
        fault: Fault,
    },
}

/// What is wrong with the bytes of a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// They could not be read to their end.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It does not begin with the magic bytes.
    #[error("this is not a snapshot")]
    Magic,
    /// A layout that this build does not read.
    #[error("the file has version {found}, this build reads {OLDEST_VERSION} to {VERSION}")]
    Version {
        /// The version in the head.
        found: u32,
    },
    /// The head's hash does not match.
    #[error("the head is damaged: its hash is wrong")]
    Head,
    /// A file of the first version, of which only an engine can make use.
    #[error(
        "the file has version {OLDEST_VERSION}, which holds no definitions: only an engine can begin with it"
    )]
    NoDefinitions,
    /// The hash of ledger and definitions does not match.
    #[error("it is damaged behind its head, in ledger or definitions: their hash is wrong")]
    Front,
    /// A length that cannot be, or bytes that should be zero.
    #[error("the head holds an impossible length, or bytes where there should be zeros")]
    Field,
    /// The file's name and its head disagree.
    #[error("the head says that it was taken at {found}, the file is named otherwise")]
    Name {
        /// The number in the head.
        found: Seq,
    },
    /// It is not as long as its head says.
    #[error("it has {have} bytes where its head says {need}: it was cut, or copied in part")]
    Length {
        /// Bytes there are.
        have: u64,
        /// Bytes there should be.
        need: u64,
    },
    /// A section is not what a compressor would write.
    #[error("the {section} cannot be unpacked: {reason}")]
    Packed {
        /// Which section.
        section: &'static str,
        /// The decompressor's reason.
        reason: String,
    },
    /// A section is longer or shorter than the head says.
    #[error("the {section} unpacks to {have} bytes where the head says {need}")]
    Unpacked {
        /// Which section.
        section: &'static str,
        /// Bytes there are; one more than needed stands for any number.
        have: u64,
        /// Bytes there should be.
        need: u64,
    },
    /// The hash of everything behind the head does not match.
    #[error("it is damaged behind its head: the hash is wrong")]
    Body,
    /// The state is not the one that was written, though the file is.
    #[error("the digest of its state is {have}, the head says {need}")]
    StateDigest {
        /// What was worked out.
        have: Digest,
        /// What the head says.
        need: Digest,
    },
}

impl Fault {
    /// The fault in this file.
    pub(crate) fn in_file(self, file: &Path) -> SnapshotError {
        match self {
            Self::Unreadable(source) => io_at("read", file)(source),
            Self::Version { .. } | Self::NoDefinitions => {
                SnapshotError::OtherVersion { file: file.into(), fault: self }
            }
            _ => SnapshotError::Bad { file: file.into(), fault: self },
        }
    }

    /// The fault that a reader of the state was told of, if it is one of these and not the system's.
    #[must_use]
    pub fn of_io(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(fault) => fault,
            Err(error) => Self::Unreadable(error),
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unreadable(error) => error,
            fault => Self::new(io::ErrorKind::InvalidData, fault),
        }
    }
}

/// Attaches what was tried, and on what, to the system's reason.
pub(crate) fn io_at<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> SnapshotError + 'a {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            SnapshotError::NoSpace { doing, path: path.into() }
        }
        _ => SnapshotError::Io { doing, path: path.into(), source },
    }
}
