//! How it is kept: messages exactly as they came on the wire, in preallocated, memory-mapped segments.
//!
//! Two streams are kept alike: the sequenced *frames* (the write-ahead log, the history itself) and the committed
//! *events* (derived from it). `docs/LOG.md` draws the format byte by byte.
//!
//! The writer is one thread's: [`Journal::open`] verifies everything, [`Journal::append`] copies one message into the
//! map, [`Journal::get`] and [`Journal::iter_from`] read what is there. The disk is another thread's: it owns the
//! [`Syncer`] and calls, again and again, [`Syncer::sync_once`] and [`Syncer::prepare_once`]. The writer never waits for
//! it, except at the end of a segment when the next one has not been prepared in time.
//!
//! Those who only read somebody else's directory take no lock, map nothing and change nothing: verification and dumps use
//! [`scan()`], who hands history on uses [`History`].

#![deny(unsafe_code)]

mod aside;
mod error;
mod files;
mod header;
mod history;
mod index;
#[allow(unsafe_code)]
mod map;
mod opening;
mod record;
mod retention;
mod scan;
mod seals;
mod segment;
mod sync;
mod watermark;
mod writer;

pub use aside::{Damage, SetAside};
pub use error::{HeaderFault, JournalError, RecordFault};
pub use files::archived_segment;
pub use header::{HEADER_LEN, Header, Stream};
pub use history::{History, HistoryError, holds};
pub use opening::{Opened, Options, Progress, begin_behind};
pub use retention::check_front;
pub use scan::{Expected, Scanned, Seen, Stop, scan, scan_with_archive};
pub use seals::{Digest, Hashed, NotADigest, Seal, Seals, SegmentHasher, hash_segment, read as read_seals};
pub use sync::Syncer;
pub use watermark::read as read_watermark;
pub use writer::{Journal, Records, Stats};

/// The smallest segment, in bytes: a page, since segments are mapped.
pub const MIN_SEGMENT_LEN: u64 = 4096;
/// The largest segment, in bytes: offsets within a segment are kept in 32 bits.
pub const MAX_SEGMENT_LEN: u64 = 1 << 31;
/// A length that suits most disks: 64 MiB, half a million frames of 100 bytes and more.
pub const DEFAULT_SEGMENT_LEN: u64 = 64 << 20;

const _: () = assert!(MIN_SEGMENT_LEN as usize > HEADER_LEN + wire::MAX_FRAME_LEN);
