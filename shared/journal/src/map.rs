//! The only unsafe room: a segment's file in memory.
//!
//! What the safety of every block here stands on:
//! - The file is allocated in full before it is mapped, and no code of this crate ever makes it shorter. A mapped page
//!   therefore always has its place on the disk: a full disk cannot raise SIGBUS.
//! - One process at a time writes here: it holds the directory's lock. Within it the map has one owner, the journal, and
//!   Rust's borrows order its writes (`&mut`) and reads (`&`). The syncing thread has the file, never the map.
//! - Other processes that follow a live directory read with `pread`, they do not map.

use crate::record::padded;
use memmap2::{Mmap, MmapMut};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// One whole segment.
#[derive(Debug)]
pub(crate) enum Map {
    /// A finished segment of an earlier run.
    Read(Mmap),
    /// A segment written in this run. It stays so when it is full: unmapping costs more than an append may.
    Write(MmapMut),
}

impl Map {
    /// Maps a segment that is only read.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        // SAFETY: allocated in full, never made shorter, and nobody else writes (see above).
        unsafe { Mmap::map(file) }.map(Self::Read)
    }

    /// Maps a segment that is written.
    pub(crate) fn write(file: &File) -> io::Result<Self> {
        // SAFETY: allocated in full, never made shorter, and we are the only writer (see above).
        unsafe { MmapMut::map_mut(file) }.map(Self::Write)
    }

    /// True if [`Map::publish`] and [`Map::zero`] are allowed.
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    /// The segment's bytes, header included.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Read(map) => map,
            Self::Write(map) => map,
        }
    }

    /// Writes the header.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.writable()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Sets a range to zero.
    pub(crate) fn zero(&mut self, range: Range<usize>) {
        self.writable()[range].fill(0);
    }

    /// Writes a record so that it is either there or not: first what follows its first eight bytes, then those (checksum,
    /// length, kind, version) in one store. A process killed in between leaves a length of zero.
    pub(crate) fn publish(&mut self, offset: usize, message: &[u8]) {
        let map = self.writable();
        let (first, behind) =
            message.split_first_chunk::<8>().expect("a checked message is at least a prelude");
        assert!(
            offset.is_multiple_of(8) && offset + padded(message.len()) <= map.len(),
            "the caller made room"
        );
        map[offset + 8..offset + message.len()].copy_from_slice(behind);
        // SAFETY: in bounds and aligned to eight by the assertion (a map begins at a page); the bytes live as long as
        // the borrow of the map, which is exclusive, so that no other access in this process can race with this one.
        let word = unsafe { AtomicU64::from_ptr(map.as_mut_ptr().add(offset).cast::<u64>()) };
        word.store(u64::from_ne_bytes(*first), Ordering::Release);
    }

    fn writable(&mut self) -> &mut MmapMut {
        match self {
            Self::Write(map) => map,
            Self::Read(_) => panic!("a finished segment was about to be written"),
        }
    }
}
