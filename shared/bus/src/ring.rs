//! The frames that a publisher still has, by number: what repair is answered from.

use crate::slots::Slots;

/// The newest frames of a stream, in a fixed number of slots; the oldest makes room for the next.
///
/// An owner that must not lose a frame before it is done with (a gateway and its commands) moves the floor up with
/// [`Ring::release_below`] and does not push while [`Ring::is_full`]. Others never look at the floor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    slots: Slots,
    /// `oldest <= next`, and `next - oldest` is at most the number of slots: those numbers are held.
    oldest: u64,
    next: u64,
    /// Numbers below it are released; never above `next`.
    floor: u64,
}

impl Ring {
    /// An empty ring whose first frame gets the number `first`.
    ///
    /// # Panics
    /// If `slots` or `first` is 0: frames are numbered from 1.
    #[must_use]
    pub fn new(slots: usize, first: u64) -> Self {
        assert!(slots > 0, "a ring needs at least one slot");
        assert!(first > 0, "frames are numbered from 1");
        Self { slots: Slots::new(slots), oldest: first, next: first, floor: first }
    }

    /// Keeps a copy of the frame and tells its number. If every slot is taken, the oldest frame is forgotten.
    ///
    /// # Panics
    /// If the frame is empty or longer than [`wire::MAX_FRAME_LEN`].
    pub fn push(&mut self, frame: &[u8]) -> u64 {
        let number = self.next;
        if self.next - self.oldest == self.slots.len() as u64 {
            self.oldest += 1;
        }
        self.slots.put(number, frame);
        self.next += 1;
        number
    }

    /// The frame with this number, if the ring still (or already) has it.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&[u8]> {
        if number >= self.oldest && number < self.next { self.slots.get(number) } else { None }
    }

    /// The lowest number held; equal to [`Ring::next`] when nothing is.
    #[must_use]
    pub const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// The number that the next frame will get.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The number of slots.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Says that the frames below `number` are no longer needed. The floor never moves down, nor above the next number.
    pub fn release_below(&mut self, number: u64) {
        self.floor = self.floor.max(number.min(self.next));
    }

    /// How many frames have been pushed and not released.
    #[must_use]
    pub const fn unreleased(&self) -> u64 {
        self.next - self.floor
    }

    /// Whether the next push would forget a frame that is not released.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.unreleased() >= self.slots.len() as u64
    }

    /// Forgets the frames from `next` on, so that the next frame gets that number: numbers may be used again with other
    /// content. A `next` that the ring does not reach, on either side, leaves it empty there.
    ///
    /// # Panics
    /// If `next` is 0.
    pub fn restart_at(&mut self, next: u64) {
        assert!(next > 0, "frames are numbered from 1");
        if next >= self.oldest && next <= self.next {
            (next..self.next).for_each(|number| self.slots.clear(number));
        } else {
            self.slots.clear_all();
            self.oldest = next;
        }
        self.next = next;
        self.floor = self.floor.clamp(self.oldest, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_full_ring_says_so_until_frames_are_released() {
        let mut ring = Ring::new(2, 1);
        ring.push(b"a");
        assert!(!ring.is_full());
        ring.push(b"b");
        assert!(ring.is_full());
        ring.release_below(2);
        assert_eq!((ring.unreleased(), ring.is_full()), (1, false));
        ring.release_below(99);
        assert_eq!(ring.unreleased(), 0);
    }

    #[test]
    fn a_restart_ahead_or_behind_what_is_held_leaves_the_ring_empty() {
        for next in [1, 20] {
            let mut ring = Ring::new(4, 5);
            ring.push(b"a");
            ring.restart_at(next);
            assert_eq!((ring.oldest(), ring.next(), ring.get(5)), (next, next, None));
            assert_eq!((ring.push(b"b"), ring.get(next)), (next, Some(&b"b"[..])));
        }
    }

    proptest! {
        #[test]
        fn a_ring_holds_the_newest_frames_like_a_map_that_forgets_its_first(
            slots in 1..9_usize,
            first in 1..100_u64,
            steps in prop::collection::vec(prop_oneof![
                8 => (1..=255_u8).prop_map(Some),
                1 => Just(None),
            ], 0..60),
        ) {
            let mut ring = Ring::new(slots, first);
            let mut model = BTreeMap::new();
            let mut next = first;
            for step in steps {
                if let Some(len) = step {
                    let frame = vec![next as u8; usize::from(len)];
                    prop_assert_eq!(ring.push(&frame), next);
                    model.insert(next, frame);
                    next += 1;
                    if model.len() > slots {
                        model.pop_first();
                    }
                } else {
                    next = next.saturating_sub(2).max(ring.oldest());
                    ring.restart_at(next);
                    model.retain(|&number, _| number < next);
                }
                prop_assert_eq!(ring.next(), next);
                prop_assert_eq!(ring.oldest(), model.keys().next().copied().unwrap_or(next));
                for number in first.saturating_sub(1)..next + 3 {
                    prop_assert_eq!(ring.get(number), model.get(&number).map(Vec::as_slice));
                }
            }
        }
    }
}
