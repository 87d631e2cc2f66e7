//! The running digest behind each of the last frames, so that another engine's word about a place can be held against it.

use std::sync::atomic::{AtomicU64, Ordering};
use wire::{Digest, Seq};

/// A ring of digests, by the number of the frame behind which each stands. One thread writes, another one reads what the first has
/// told it of: the ring itself does not know what it holds.
#[derive(Debug)]
pub(crate) struct Trail {
    slots: Box<[AtomicU64]>,
}

/// The frames behind which a trail holds digests. Later ones may be on their way into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first one of the present generation.
    pub first: Seq,
    /// The last one that was told.
    pub last: Seq,
}

/// So many frames are executed at most between two tellings of where the trail ends.
pub(crate) const UNTOLD: u64 = 128;

impl Trail {
    /// Of so many digests, or the next power of two.
    pub(crate) fn new(len: usize) -> Self {
        let len = len.next_power_of_two().max(UNTOLD as usize * 2); // 128 fits
        // Each is written, so that the kernel has found the memory by then.
        Self { slots: (0..len).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The writer has executed this frame, and has this digest.
    pub(crate) fn set(&self, seq: Seq, digest: Digest) {
        self.slots[self.slot(seq)].store(digest.0, Ordering::Relaxed);
    }

    /// The digest behind a frame, if it is held. `told` is what the writer has told last, each time that it is asked; in between, a lock is
    /// taken that the writer takes to tell. While this reads, the writer does not begin anew.
    pub(crate) fn get(&self, seq: Seq, told: &dyn Fn() -> Span) -> Option<Digest> {
        let Span { first, last } = told();
        if seq < first || seq > last {
            return None;
        }
        let digest = Digest(self.slots[self.slot(seq)].load(Ordering::Relaxed));
        // What the writer had not told by the second asking it may have written by then; but nothing that came behind that.
        self.outlives(seq, told().last).then_some(digest)
    }

    /// A copy of all that is held, up to a frame.
    pub(crate) fn copy(&self, upto: Seq, told: &dyn Fn() -> Span) -> Kept {
        let Span { first, last } = told();
        let end = last.min(upto);
        let oldest = Seq(last.0.saturating_sub(self.slots.len() as u64 - 1)).max(first);
        let digest = |seq| Digest(self.slots[self.slot(Seq(seq))].load(Ordering::Relaxed));
        let mut digests: Vec<_> = (oldest.0..=end.0).map(digest).collect();
        let last = told().last;
        let lost = (oldest.0..=end.0).take_while(|seq| !self.outlives(Seq(*seq), last)).count();
        digests.drain(..lost);
        Kept { first: Seq(oldest.0 + lost as u64), digests, landmarks: Vec::new() }
    }

    /// Whether the digest behind this frame cannot have been written over yet.
    fn outlives(&self, seq: Seq, told: Seq) -> bool {
        seq.0 + self.slots.len() as u64 > told.0 + UNTOLD
    }

    fn slot(&self, seq: Seq) -> usize {
        // The length is a power of two: what is cut off makes no difference.
        seq.0 as usize & (self.slots.len() - 1)
    }
}

/// The digests that an engine had behind frames that follow each other, and behind some that lie further back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    first: Seq,
    digests: Vec<Digest>,
    landmarks: Vec<(Seq, Digest)>,
}

impl Kept {
    /// The digest behind a frame.
    #[must_use]
    pub fn at(&self, seq: Seq) -> Option<Digest> {
        let at = seq.0.checked_sub(self.first.0).and_then(|at| usize::try_from(at).ok());
        let landmark =
            || self.landmarks.iter().find(|(landmark, _)| *landmark == seq).map(|(_, digest)| *digest);
        at.and_then(|at| self.digests.get(at).copied()).or_else(landmark)
    }

    /// The same, and these.
    #[must_use]
    pub fn with_landmarks(self, landmarks: impl IntoIterator<Item = (Seq, Digest)>) -> Self {
        Self { landmarks: landmarks.into_iter().collect(), ..self }
    }

    /// How many follow each other.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }
}

impl FromIterator<(Seq, Digest)> for Kept {
    /// Of frames that follow each other.
    fn from_iter<I: IntoIterator<Item = (Seq, Digest)>>(digests: I) -> Self {
        let mut digests = digests.into_iter().peekable();
        let first = digests.peek().map_or(Seq(0), |(seq, _)| *seq);
        Self { first, digests: digests.map(|(_, digest)| digest).collect(), landmarks: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    const LEN: u64 = 1_024;

    fn digest(seq: u64) -> Digest {
        Digest(seq.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn written(first: u64, last: u64) -> (Trail, Span) {
        let trail = Trail::new(LEN as usize);
        (first..=last).for_each(|seq| trail.set(Seq(seq), digest(seq)));
        (trail, Span { first: Seq(first), last: Seq(last) })
    }

    #[test]
    fn what_is_held_is_what_was_written_and_the_rest_is_not_there() {
        for (first, last) in [(1, 10), (1, LEN), (700, 700), (5, 3 * LEN + 17)] {
            let (trail, span) = written(first, last);
            let kept = trail.copy(Seq(last), &|| span);
            for seq in 0..last + 10 {
                let held = seq >= first && seq <= last && seq + LEN > last + UNTOLD;
                let expected = held.then(|| digest(seq));
                assert_eq!(trail.get(Seq(seq), &|| span), expected, "{seq} of {first} to {last}");
                assert_eq!(kept.at(Seq(seq)), expected, "{seq} of {first} to {last}");
            }
        }
    }

    #[test]
    fn a_copy_ends_where_it_is_told_to_and_is_empty_where_nothing_is_held() {
        let (trail, span) = written(10, 100);
        let kept = trail.copy(Seq(50), &|| span);
        assert_eq!((kept.len(), kept.at(Seq(50)), kept.at(Seq(51))), (41, Some(digest(50)), None));
        assert!(trail.copy(Seq(9), &|| span).is_empty());
        assert_eq!(kept, (10..=50).map(|seq| (Seq(seq), digest(seq))).collect());
    }

    #[test]
    fn landmarks_are_held_however_far_they_lie_back() {
        let (trail, span) = written(1, 3 * LEN);
        let kept = trail.copy(span.last, &|| span).with_landmarks([(Seq(7), digest(7))]);
        assert_eq!((kept.at(Seq(6)), kept.at(Seq(7)), kept.at(Seq(8))), (None, Some(digest(7)), None));
        assert_eq!(kept.at(span.last), Some(digest(3 * LEN)));
    }

    #[test]
    fn a_reader_never_takes_one_place_for_another_while_the_writer_goes_on() {
        let trail = Trail::new(LEN as usize);
        let (span, done) = (Mutex::new(Span { first: Seq(1), last: Seq(0) }), AtomicBool::new(false));
        let told = || *span.lock().expect("nobody panics");
        let mut read = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for batch in 0..4_000 {
                    let before = batch * UNTOLD;
                    (before + 1..=before + UNTOLD).for_each(|seq| trail.set(Seq(seq), digest(seq)));
                    span.lock().expect("nobody panics").last = Seq(before + UNTOLD);
                }
                done.store(true, Ordering::Release);
            });
            loop {
                let is_over = done.load(Ordering::Acquire);
                let oldest = told().last.0.saturating_sub(LEN).max(1);
                for seq in oldest..oldest + LEN {
                    if let Some(held) = trail.get(Seq(seq), &told) {
                        assert_eq!(held, digest(seq));
                        read += 1;
                    }
                }
                let kept = trail.copy(told().last, &told);
                (oldest..oldest + LEN)
                    .filter_map(|seq| Some((seq, kept.at(Seq(seq))?)))
                    .for_each(|(seq, held)| assert_eq!(held, digest(seq)));
                if is_over {
                    break;
                }
            }
        });
        assert!(read > 0, "nothing was read");
    }
}
