//! Preallocated room for a fixed number of frames, found by their number.

use std::fmt;
use std::hash::{Hash, Hasher};
use wire::MAX_FRAME_LEN;

const _: () = assert!(MAX_FRAME_LEN <= u16::MAX as usize);

/// Number `n` lives in slot `n % slots`; the owner sees to it that no two live numbers share one.
#[derive(Clone)]
pub(crate) struct Slots {
    /// The length of each slot's frame; 0 means empty, since no frame is.
    lens: Box<[u16]>,
    /// `MAX_FRAME_LEN` bytes for each slot.
    bytes: Box<[u8]>,
}

impl Slots {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            lens: vec![0; slots].into_boxed_slice(),
            bytes: vec![0; slots * MAX_FRAME_LEN].into_boxed_slice(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.lens.len()
    }

    /// Keeps a copy of `frame` under `number`, over whatever stood in its slot.
    pub(crate) fn put(&mut self, number: u64, frame: &[u8]) {
        assert_frame(number, frame);
        let slot = self.slot(number);
        self.lens[slot] = frame.len() as u16;
        self.bytes[slot * MAX_FRAME_LEN..][..frame.len()].copy_from_slice(frame);
    }

    pub(crate) fn get(&self, number: u64) -> Option<&[u8]> {
        let slot = self.slot(number);
        let len = usize::from(self.lens[slot]);
        (len > 0).then(|| &self.bytes[slot * MAX_FRAME_LEN..][..len])
    }

    pub(crate) fn holds(&self, number: u64) -> bool {
        self.lens[self.slot(number)] > 0
    }

    pub(crate) fn clear(&mut self, number: u64) {
        self.lens[self.slot(number)] = 0;
    }

    pub(crate) fn clear_all(&mut self) {
        self.lens.fill(0);
    }

    fn slot(&self, number: u64) -> usize {
        // The remainder is below a usize.
        (number % self.lens.len() as u64) as usize
    }

    fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.lens.iter().zip(self.bytes.chunks_exact(MAX_FRAME_LEN)).map(|(&len, b)| &b[..usize::from(len)])
    }
}

/// A frame has 1 to `MAX_FRAME_LEN` bytes; anything else is a fault of the caller and stops it here.
pub(crate) fn assert_frame(number: u64, frame: &[u8]) {
    assert!(
        !frame.is_empty() && frame.len() <= MAX_FRAME_LEN,
        "frame {number} has {} bytes; a frame has 1 to {MAX_FRAME_LEN}",
        frame.len()
    );
}

// What a slot held before is no part of what it is.
impl PartialEq for Slots {
    fn eq(&self, other: &Self) -> bool {
        self.lens == other.lens && self.frames().eq(other.frames())
    }
}

impl Eq for Slots {}

impl Hash for Slots {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lens.len().hash(state);
        self.frames().for_each(|frame| frame.hash(state));
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.lens.iter().filter(|&&len| len > 0).count();
        f.debug_struct("Slots").field("slots", &self.lens.len()).field("held", &held).finish()
    }
}
