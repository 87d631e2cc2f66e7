//! The queue that carries reports to the judge's thread: one writer, one reader, wait-free while there is room.
//!
//! A power of two of slots, each one report of one cache line. The writer owns the slots from `head` (read) on, the reader
//! those up to `tail` (written); each counts on without end and publishes its counter with release, the other reads it with
//! acquire. The writer publishes every [`BATCH`] reports and when it is asked to flush, so that the reader's look at
//! `tail` takes the line away from the writer once a batch and not once a report.

#![allow(unsafe_code)]

use crate::forms::Report;
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reports between two publications.
const BATCH: usize = 32;
const AHEAD: usize = 32;

/// Keeps what two threads write off each other's cache lines, and off the neighbour that the prefetcher brings along.
#[repr(align(128))]
struct Apart<T>(T);

/// A slot: one cache line.
#[repr(align(64))]
struct Line(UnsafeCell<MaybeUninit<Report>>);

/// What the writer alone touches.
struct Writer {
    tail: Cell<usize>,
    published: Cell<usize>,
    /// The reader's counter as last seen.
    head: Cell<usize>,
}

/// A queue of reports. `push` and `flush` are for one thread, `drain` for one other.
pub(crate) struct Ring {
    writer: Apart<Writer>,
    tail: Apart<AtomicUsize>,
    head: Apart<AtomicUsize>,
    slots: Box<[Line]>,
}

// SAFETY: what is not atomic is used by one thread alone (the writer's cells) or by one at a time (a slot, handed over by
// the release of one counter and the acquire of the other); the unsafe calls say which thread may make them.
unsafe impl Sync for Ring {}

impl Ring {
    /// A ring of at least this many reports, its memory touched.
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = (capacity as usize).max(2 * BATCH).next_power_of_two();
        let empty = || Line(UnsafeCell::new(MaybeUninit::zeroed()));
        Self {
            writer: Apart(Writer { tail: Cell::new(0), published: Cell::new(0), head: Cell::new(0) }),
            tail: Apart(AtomicUsize::new(0)),
            head: Apart(AtomicUsize::new(0)),
            slots: std::iter::repeat_with(empty).take(capacity).collect(),
        }
    }

    /// Takes a report, or says that there is no room.
    ///
    /// # Safety
    ///
    /// Only ever called by the one thread that writes.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, report: Report) -> bool {
        let Writer { tail, published, head } = &self.writer.0;
        let at = tail.get();
        if at - head.get() == self.slots.len() {
            head.set(self.head.0.load(Ordering::Acquire));
            if at - head.get() == self.slots.len() {
                self.publish(at, published);
                return false;
            }
        }
        let slot = &self.slots[at & (self.slots.len() - 1)];
        // SAFETY: this slot is the writer's: the reader reads below the published tail, which is at most `at`, and has
        // passed its previous content, since `head` (read with acquire) is above `at - slots.len()`. There is one writer.
        unsafe { (*slot.0.get()).write(report) };
        tail.set(at + 1);
        let ahead = &self.slots[(at + AHEAD) & (self.slots.len() - 1)];
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint, which reads and writes nothing.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_ET0 }>(ahead.0.get().cast());
        };
        if at + 1 - published.get() == BATCH {
            self.publish(at + 1, published);
        }
        true
    }

    #[inline(always)]
    fn publish(&self, tail: usize, published: &Cell<usize>) {
        self.tail.0.store(tail, Ordering::Release);
        published.set(tail);
    }

    /// Publishes all that was pushed.
    ///
    /// # Safety
    ///
    /// Only ever called by the one thread that writes.
    pub(crate) unsafe fn flush(&self) {
        self.publish(self.writer.0.tail.get(), &self.writer.0.published);
    }

    /// Moves reports to `out`, as many as there are and fit; returns how many.
    ///
    /// # Safety
    ///
    /// Only ever called by the one thread that reads.
    pub(crate) unsafe fn drain(&self, out: &mut [MaybeUninit<Report>]) -> usize {
        let head = self.head.0.load(Ordering::Relaxed);
        let tail = self.tail.0.load(Ordering::Acquire);
        let count = out.len().min(tail - head);
        for (at, to) in (head..).zip(&mut out[..count]) {
            let slot = &self.slots[at & (self.slots.len() - 1)];
            // SAFETY: the slot was written before `tail` was published, and the writer leaves it alone until `head` has
            // passed it. There is one reader, and a `Report` is plain data.
            *to = unsafe { *slot.0.get() };
        }
        self.head.0.store(head + count, Ordering::Release);
        count
    }
}
