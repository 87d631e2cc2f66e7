//! What can go wrong with a journal, in words that tell the operator where and what to do.

use crate::header::Stream;
use crate::seals::Digest;
use std::io;
use std::path::{Path, PathBuf};
use wire::prelude::VERSION;
use wire::{Chain, Epoch, FrameError};

/// Why a journal could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
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
    /// The disk has no room for a whole segment. Nothing was written; the same call may be tried again.
    #[error(
        "no room for the next segment of {bytes} bytes in {}: free space on this disk (or raise the quota), then try \
         again; nothing was lost and nothing was half written",
        dir.display()
    )]
    NoSpace {
        /// The journal's directory.
        dir: PathBuf,
        /// Bytes of a segment.
        bytes: u64,
    },
    /// Another process writes here.
    #[error(
        "{} is held by another writer ({holder}): stop that process, or give this node a directory of its own",
        path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote about itself.
        holder: String,
    },
    /// There is no journal, and none may be made.
    #[error("there is no journal in {}: check the path, or allow a new one to be created", dir.display())]
    NotFound {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// There is a journal, and it holds something.
    #[error("the journal in {} is not empty: it goes on from where it ends, and cannot begin elsewhere", dir.display())]
    NotEmpty {
        /// Where it is.
        dir: PathBuf,
    },
    /// The options contradict themselves.
    #[error(
        "a segment length of {segment_len} bytes is not allowed: take a multiple of 4096 from 4096 to 2147483648"
    )]
    SegmentLen {
        /// What was asked for.
        segment_len: u64,
    },
    /// A segment's header is not one.
    #[error("{}: {fault}; restore this directory from another logger", file.display())]
    Header {
        /// The segment.
        file: PathBuf,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// A segment of another cluster.
    #[error(
        "{} belongs to cluster {found:016x}, not to {expected:016x}: the directory or the cluster's name is the wrong one",
        file.display()
    )]
    OtherCluster {
        /// The segment.
        file: PathBuf,
        /// The cluster in its header.
        found: u64,
        /// The cluster that was asked for.
        expected: u64,
    },
    /// A segment of the other stream.
    #[error("{} holds {found}, not {expected}: the directory is the wrong one", file.display())]
    OtherStream {
        /// The segment.
        file: PathBuf,
        /// The stream in its header.
        found: Stream,
        /// The stream that was asked for.
        expected: Stream,
    },
    /// A segment whose file is not as long as its header says.
    #[error(
        "{} has {have} bytes where its header says {need}: it was cut or copied in part; restore it from another logger",
        file.display()
    )]
    Short {
        /// The segment.
        file: PathBuf,
        /// Bytes there are.
        have: u64,
        /// Bytes there should be.
        need: u64,
    },
    /// Numbers are missing between two whole segments.
    #[error(
        "the segment that begins with number {expected} is missing before {} (which begins with {found}): put it back, \
         or restore this directory from another logger",
        file.display()
    )]
    MissingSegment {
        /// The segment behind the hole.
        file: PathBuf,
        /// The number that should come.
        expected: u64,
        /// The number that comes.
        found: u64,
    },
    /// A bad record that is not the torn end of the journal.
    #[error(
        "{}: damage at offset {offset}, number {number}: {fault}. {why}. Set this directory aside and restore it from \
         another logger; deleting segments by hand would lose history",
        file.display()
    )]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The number that should stand there.
        number: u64,
        /// What is wrong.
        fault: RecordFault,
        /// Why it cannot be a torn end.
        why: &'static str,
    },
    /// The journal ends below what was once synced.
    #[error(
        "{} ends with number {last}, but {synced} was synced: the disk lost what it had confirmed. Replace the disk and \
         restore this directory from another logger",
        file.display()
    )]
    LostTail {
        /// The last segment.
        file: PathBuf,
        /// The last good number.
        last: u64,
        /// The number up to which the disk had confirmed.
        synced: u64,
    },
    /// A segment does not end where its seal says.
    #[error(
        "{} was sealed with the numbers {first} to {last}, and these do not stand in one segment any more: it was changed or \
         taken away. Set this directory aside and restore it from another logger",
        file.display()
    )]
    Unsealed {
        /// The segment, or where it should be.
        file: PathBuf,
        /// The first number that was sealed.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// A segment whose records are good, and not those that were sealed.
    #[error(
        "{}: numbers {first} to {last} are whole, and not what was sealed: the hash of them is {found} and was {sealed}. \
         Somebody has written this segment anew: compare this directory with another logger's",
        file.display()
    )]
    Rewritten {
        /// The segment.
        file: PathBuf,
        /// Its first number.
        first: u64,
        /// Its last number.
        last: u64,
        /// The hash in the seal.
        sealed: Digest,
        /// The hash of what stands there.
        found: Digest,
    },
    /// A message that may not be appended here. Nothing was written.
    #[error("number {number} was not appended: {fault}")]
    Refused {
        /// The number that was expected.
        number: u64,
        /// What is wrong with the message.
        fault: RecordFault,
    },
    /// A sync or a truncation failed. What the disk holds is unknown, so nothing is written any more.
    #[error(
        "writing {} failed ({reason}) and the journal takes nothing more: check the disk, restart this node, and let it \
         verify what is there",
        dir.display()
    )]
    Failed {
        /// The journal's directory.
        dir: PathBuf,
        /// The system's reason, at the first failure.
        reason: String,
    },
    /// A truncation to a number that the journal does not reach.
    #[error("cannot truncate after number {number}: the journal holds {first} to {last}")]
    Truncation {
        /// The number to keep as the last one.
        number: u64,
        /// The first number held.
        first: u64,
        /// The last number held.
        last: u64,
    },
}

/// What can be wrong with a segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Only zeros: it was never written.
    #[error("the header is empty")]
    Empty,
    /// It does not begin with the magic bytes.
    #[error("this is not a journal segment")]
    Magic,
    /// The checksum does not match.
    #[error("the header's checksum is wrong")]
    Corrupt,
    /// A format that this build does not read.
    #[error("the format version is {found}, this build reads 1: use the build that wrote it")]
    Version {
        /// The version in the header.
        found: u16,
    },
    /// No such stream, a length out of range, or a first number of zero.
    #[error("the header names an unknown stream, an impossible length or an impossible first number")]
    Field,
    /// The file's name and the header disagree.
    #[error("the header says that it begins with number {found}, the file is named otherwise")]
    Name {
        /// The first number in the header.
        found: u64,
    },
    /// The position before the first record is not where the segment before ends.
    #[error("it does not continue the segment before: epoch or chain differ")]
    NotContinued,
}

/// What can be wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The message itself is not whole.
    #[error("{0}")]
    Message(#[from] FrameError),
    /// Another number than the next.
    #[error("number {expected} should come, {found} came")]
    Number {
        /// The next number.
        expected: u64,
        /// The number in the message.
        found: u64,
    },
    /// The epoch is below the one before.
    #[error("the epoch falls from {before} to {found}")]
    EpochFalls {
        /// The epoch before.
        before: Epoch,
        /// The epoch in the frame.
        found: Epoch,
    },
    /// The frame was not stamped behind the one before.
    #[error("the chain breaks: the frame does not continue {before:?}, another history was stamped here")]
    ChainBreaks {
        /// The chain before.
        before: Chain,
    },
    /// The record would end behind its segment.
    #[error("its length runs past the end of the segment")]
    Overrun,
    /// The bytes between the message and the next multiple of eight are not zero.
    #[error("its padding is not zero")]
    Padding,
    /// No length, but bytes behind it.
    #[error("there is no record here, but bytes behind it")]
    Hole,
    /// The segment ends early and another one follows.
    #[error("the segment ends here, and the next one begins with number {next_first}")]
    EndsEarly {
        /// The first number of the segment behind.
        next_first: u64,
    },
    /// The segment's header was never written.
    #[error("the segment's header is empty")]
    EmptyHeader,
}

impl RecordFault {
    /// True for a whole message of a wire version that this build does not read. A torn write leaves zeros there.
    pub(crate) fn is_of_another_version(&self) -> bool {
        matches!(self, Self::Message(FrameError::Version { found }) if (1..VERSION).contains(found))
    }
}

/// Attaches what was tried, and on what, to the system's reason.
pub(crate) fn io_at<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> JournalError + 'a {
    move |source| JournalError::Io { doing, path: path.to_path_buf(), source }
}
