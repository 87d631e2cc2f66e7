//! Where records lie in a segment, sparsely: every sixty-fourth is noted, the rest is found by walking lengths.

use crate::header::HEADER_LEN;
use crate::record::{length_of, padded};

/// One record in this many is noted.
const EVERY: u64 = 64;
/// No record is shorter: the shortest header of the two streams.
const SHORTEST: u64 = wire::frame::FRAME_HEADER_LEN as u64;

/// The noted offsets of one segment.
#[derive(Debug)]
pub(crate) struct Index {
    offsets: Vec<u32>,
    count: u64,
}

impl Index {
    /// An index with room for the most records that a segment can hold: noting never allocates.
    pub(crate) fn for_segment(segment_len: u64) -> Self {
        let most = segment_len / SHORTEST / EVERY + 1;
        Self {
            offsets: Vec::with_capacity(usize::try_from(most).expect("a segment is at most 2 GiB")),
            count: 0,
        }
    }

    /// Notes the next record.
    pub(crate) fn note(&mut self, offset: u64) {
        if self.count.is_multiple_of(EVERY) {
            self.offsets.push(u32::try_from(offset).expect("a segment is at most 2 GiB"));
        }
        self.count += 1;
    }

    /// Forgets all but the first `count` records.
    pub(crate) fn keep(&mut self, count: u64) {
        assert!(count <= self.count, "an index can only be cut");
        let noted = count.div_ceil(EVERY);
        self.offsets.truncate(usize::try_from(noted).expect("no more than there are"));
        self.count = count;
    }

    /// Records noted or walked over.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Where the `nth` record (from 0) begins; where the first free byte is if there are only `nth`.
    pub(crate) fn offset(&self, segment: &[u8], nth: u64) -> Option<usize> {
        if nth > self.count {
            return None;
        }
        if self.count == 0 {
            return Some(HEADER_LEN);
        }
        let noted = (nth / EVERY).min(self.offsets.len() as u64 - 1);
        let mut offset = self.offsets[usize::try_from(noted).ok()?] as usize;
        for _ in noted * EVERY..nth {
            offset += padded(length_of(&segment[offset..]));
        }
        Some(offset)
    }
}
