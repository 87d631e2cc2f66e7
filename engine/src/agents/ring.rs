//! The ring between the receiving and the matching thread: frames in slots, and a bell for a sleeping matcher.

use mio::Waker;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use wire::MAX_FRAME_LEN;

/// What the matching thread is to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Execute it.
    Execute,
    /// Leave its command out: it is quarantined.
    Skip,
}

/// One frame on its way to the matching thread.
#[derive(Debug)]
pub(crate) struct Slot {
    generation: u32,
    deed: Deed,
    len: u16,
    bytes: [u8; MAX_FRAME_LEN],
}

impl Slot {
    /// How often the engine had begun again when the frame came.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn deed(&self) -> Deed {
        self.deed
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Wakes the matching thread if it sleeps; costs nothing while it is awake.
#[derive(Debug, Default)]
struct Bell {
    asleep: AtomicBool,
    waker: OnceLock<Arc<Waker>>,
}

/// The receiving thread's end.
#[derive(Debug)]
pub(crate) struct RingProducer {
    slots: rtrb::Producer<Slot>,
    bell: Arc<Bell>,
    pushed: u64,
}

/// The matching thread's end.
#[derive(Debug)]
pub(crate) struct RingConsumer {
    slots: rtrb::Consumer<Slot>,
    bell: Arc<Bell>,
    len: usize,
    popped: u64,
}

/// A ring of so many frames.
pub(crate) fn ring(len: usize) -> (RingProducer, RingConsumer) {
    let (producer, consumer) = rtrb::RingBuffer::new(len);
    let bell = Arc::new(Bell::default());
    (
        RingProducer { slots: producer, bell: Arc::clone(&bell), pushed: 0 },
        RingConsumer { slots: consumer, bell, len, popped: 0 },
    )
}

impl RingProducer {
    /// Copies a frame into the ring; false if it is full.
    pub(crate) fn push(&mut self, generation: u32, frame: &[u8], deed: Deed) -> bool {
        if self.slots.is_full() {
            return false;
        }
        let mut slot = Slot { generation, deed, len: 0, bytes: [0; MAX_FRAME_LEN] };
        slot.bytes[..frame.len()].copy_from_slice(frame);
        slot.len = u16::try_from(frame.len()).expect("copied above: at most MAX_FRAME_LEN");
        let pushed = self.slots.push(slot).is_ok();
        self.pushed += u64::from(pushed);
        pushed
    }

    /// How many frames were ever pushed.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Called once after a batch of pushes, or after anything else that the matching thread should look at.
    pub(crate) fn ring_bell(&self) {
        // Either the matcher sees what was pushed, or this sees that it went to sleep: both put a fence between.
        fence(Ordering::SeqCst);
        if self.bell.asleep.load(Ordering::Relaxed)
            && self.bell.asleep.swap(false, Ordering::Relaxed)
            && let Some(waker) = self.bell.waker.get()
            && let Err(error) = waker.wake()
        {
            tracing::warn!(%error, "cannot wake the matching thread; it wakes by itself at its next deadline");
        }
    }
}

impl RingConsumer {
    /// The next frame.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        let slot = self.slots.pop().ok()?;
        self.popped += 1;
        Some(slot)
    }

    /// How many frames were ever popped.
    pub(crate) fn popped(&self) -> u64 {
        self.popped
    }

    /// How this thread is woken.
    pub(crate) fn set_waker(&mut self, waker: Arc<Waker>) {
        let _ = self.bell.waker.set(waker);
    }

    /// Announces that this thread will sleep unless something is there already. True if it may. What else the bell is rung
    /// for has to be looked at after this.
    pub(crate) fn may_sleep(&mut self) -> bool {
        self.bell.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.slots.is_empty() {
            return true;
        }
        self.bell.asleep.store(false, Ordering::Relaxed);
        false
    }

    /// Frames that wait.
    pub(crate) fn used(&self) -> usize {
        self.slots.slots()
    }

    /// How many fit.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
