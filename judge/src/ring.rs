//! The queue that carries reports to the judge's thread: one writer, one reader, wait-free while there is room.
//!
//! A power of two of cells of half a cache line. A report about one order takes one, a trade, which names two, takes two;
//! the reader spells them out again. The writer owns the cells from `head` (read) on, the reader those up to `tail`
//! (written); each counts on without end and publishes its counter with release, the other reads it with acquire. The writer
//! publishes when [`BATCH`] cells have come together and when it is asked to flush, so that the reader's look at `tail`
//! takes the line away from the writer once a batch and not once a report.

#![allow(unsafe_code)]

use crate::forms::{Kind, Report};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cells between two publications.
const BATCH: usize = 128;

/// How many cells ahead of the writer a line is fetched: it was last the reader's, or nobody's for long.
const AHEAD: usize = 64;

/// Half a cache line. Of a trade, the second one holds the taker in `order`.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
struct Packed {
    kind: Kind,
    side: u8,
    quantity: u32,
    sequence: u64,
    /// Of a trade, the maker.
    order: u64,
    price: i64,
}

const _: () = assert!(size_of::<Packed>() == 32);

struct Place(UnsafeCell<Packed>);

/// Keeps what two threads write off each other's cache lines, and off the neighbour that the prefetcher brings along.
#[repr(align(128))]
struct Apart<T>(T);

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
    places: Box<[Place]>,
}

// SAFETY: what is not atomic is used by one thread alone (the writer's counters) or by one at a time (a cell, handed over
// by the release of one counter and the acquire of the other); the unsafe calls say which thread may make them.
unsafe impl Sync for Ring {}

impl Ring {
    /// A ring with room for at least this many reports of any kind, its memory touched.
    pub(crate) fn new(capacity: u32) -> Self {
        let cells = (2 * capacity as usize).max(4 * BATCH).next_power_of_two();
        let empty = Packed { kind: Kind::OrderAck, side: 0, quantity: 0, sequence: 0, order: 0, price: 0 };
        Self {
            writer: Apart(Writer { tail: Cell::new(0), published: Cell::new(0), head: Cell::new(0) }),
            tail: Apart(AtomicUsize::new(0)),
            head: Apart(AtomicUsize::new(0)),
            places: std::iter::repeat_with(|| Place(UnsafeCell::new(empty))).take(cells).collect(),
        }
    }

    #[inline(always)]
    fn place(&self, at: usize) -> *mut Packed {
        self.places[at & (self.places.len() - 1)].0.get()
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
        if at + 2 - head.get() > self.places.len() {
            head.set(self.head.0.load(Ordering::Acquire));
            if at + 2 - head.get() > self.places.len() {
                self.publish(at, published);
                return false;
            }
        }
        let Report { kind, side, sequence, order, price, quantity, maker, taker, .. } = report;
        let mut next = at + 1;
        let first = if kind == Kind::Trade { maker } else { order };
        let packed = Packed { kind, side, quantity, sequence, order: first, price };
        // SAFETY: these cells are the writer's: the reader reads below the published tail, which is at most `at`, and has
        // passed their previous content, since `head` (read with acquire) leaves room for both. There is one writer.
        unsafe { self.place(at).write(packed) };
        if kind == Kind::Trade {
            // SAFETY: as above.
            unsafe { (&raw mut (*self.place(next)).order).write(taker) };
            next += 1;
        }
        tail.set(next);
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            // SAFETY: a hint, which reads and writes nothing.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(self.place(next + AHEAD).cast()) };
        }
        if next - published.get() >= BATCH {
            self.publish(next, published);
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
        let mut head = self.head.0.load(Ordering::Relaxed);
        let tail = self.tail.0.load(Ordering::Acquire);
        let mut count = 0;
        for to in out {
            if head == tail {
                break;
            }
            // SAFETY: the cell was written before `tail` was published, and the writer leaves it alone until `head` has
            // passed it. There is one reader.
            let Packed { kind, side, quantity, sequence, order, price } = unsafe { *self.place(head) };
            head += 1;
            if kind == Kind::Trade {
                // SAFETY: as above: both cells of a trade are published at once.
                let taker = unsafe { (&raw const (*self.place(head)).order).read() };
                head += 1;
                to.write(Report::trade(sequence, price, quantity, order, taker));
            } else {
                to.write(Report::of(kind, sequence, order, side, price, quantity));
            }
            count += 1;
        }
        self.head.0.store(head, Ordering::Release);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `n`th report: every third one is a trade.
    fn report(n: u64) -> Report {
        let price = -n.cast_signed();
        match n % 3 {
            0 => Report::trade(n, price, n as u32, n + 1, n + 2),
            1 => Report::of(Kind::OrderAck, n, n + 1, 1, price, u32::MAX),
            _ => Report::of(Kind::CancelReject, n, u64::MAX, 0, 0, 0),
        }
    }

    /// Drains what there is, as one reader; returns how many there were, each checked against its number.
    fn drain(ring: &Ring, from: u64, most: usize) -> u64 {
        let mut out = vec![MaybeUninit::uninit(); most];
        // SAFETY: each test has one reader.
        let count = unsafe { ring.drain(&mut out) };
        for (n, drained) in (from..).zip(&out[..count]) {
            // SAFETY: `drain` wrote this many.
            assert_eq!(unsafe { drained.assume_init() }, report(n));
        }
        count as u64
    }

    #[test]
    fn reports_arrive_in_order_at_another_thread_over_many_laps() {
        const REPORTS: u64 = 200_000;
        let ring = Ring::new(300);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..REPORTS {
                    // SAFETY: the one writer.
                    while !unsafe { ring.push(report(n)) } {
                        std::hint::spin_loop();
                    }
                }
                // SAFETY: the one writer.
                unsafe { ring.flush() };
            });
            let mut drained = 0;
            while drained < REPORTS {
                drained += drain(&ring, drained, 1 + (drained % 256) as usize);
            }
            assert_eq!(drain(&ring, REPORTS, 1), 0);
        });
    }

    #[test]
    fn what_is_pushed_is_seen_once_a_batch_has_come_together_or_a_flush_was_asked_for() {
        let ring = Ring::new(1000);
        // SAFETY: this test is writer and reader on one thread.
        assert!(unsafe { ring.push(report(0)) });
        assert_eq!(drain(&ring, 0, 10), 0);
        // SAFETY: as above.
        unsafe { ring.flush() };
        assert_eq!(drain(&ring, 0, 10), 1);
        for n in 1..=BATCH as u64 {
            // SAFETY: as above.
            assert!(unsafe { ring.push(report(n)) });
        }
        assert!(drain(&ring, 1, 1000) >= 3 * BATCH as u64 / 4);
    }

    #[test]
    fn a_full_ring_takes_nothing_loses_nothing_and_shows_all_it_holds() {
        let ring = Ring::new(500);
        let mut held = 0;
        // SAFETY: this test is writer and reader on one thread.
        while unsafe { ring.push(report(held)) } {
            held += 1;
        }
        assert!(held >= 500, "room for as many as were asked for: {held}");
        assert_eq!(drain(&ring, 0, 1), 1);
        assert_eq!(drain(&ring, 1, 10_000), held - 1);
    }
}
