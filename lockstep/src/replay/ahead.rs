//! Reading ahead: one thread reads frames and checks them, another executes them; between them batches go round.
//!
//! Nothing here knows where frames come from: whoever has a slow source and a busy consumer can put this between them.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// A batch is handed over when it has so many bytes: enough that handing over costs nothing, little enough to stay in a
/// core's cache.
const BATCH_BYTES: usize = 128 << 10;
/// Batches that are read and not executed yet, at the most.
const BATCHES: usize = 16;

/// Frames one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// Adds one frame's bytes.
    pub fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    /// The frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets them, and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The reading side.
#[derive(Debug)]
pub struct Reading {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl Reading {
    /// Takes one frame. Waits while enough is read; breaks when nobody executes any more.
    pub fn push(&mut self, frame: &[u8]) -> ControlFlow<()> {
        self.batch.push(frame);
        if self.batch.bytes.len() < BATCH_BYTES { ControlFlow::Continue(()) } else { self.hand_over() }
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        let next = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        match self.full.send(full) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// The executing side.
#[derive(Debug)]
pub struct Ahead<T> {
    full: Receiver<Batch>,
    empty: SyncSender<Batch>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Ahead<T> {
    /// Starts a thread that reads until it has no more, or [`Reading::push`] breaks.
    pub fn start(read: impl FnOnce(&mut Reading) -> T + Send + 'static) -> std::io::Result<Self> {
        let (give_full, full) = sync_channel(BATCHES);
        let (empty, take_empty) = sync_channel(BATCHES);
        let mut reading = Reading { batch: Batch::default(), full: give_full, empty: take_empty };
        let work = move || {
            let outcome = read(&mut reading);
            if !reading.batch.is_empty() {
                // If nobody executes any more, nobody misses it.
                let _ = reading.hand_over();
            }
            outcome
        };
        let thread = std::thread::Builder::new().name("read ahead".to_owned()).spawn(work)?;
        Ok(Self { full, empty, thread })
    }

    /// The next batch; none at the end.
    pub fn take(&mut self) -> Option<Batch> {
        self.full.recv().ok()
    }

    /// Gives a batch's room back for what is read next.
    pub fn give_back(&mut self, mut batch: Batch) {
        batch.clear();
        // There are never more of them than room here, but for the last ones, of which nobody makes use.
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = self.empty.try_send(batch)
        {
            drop(batch);
        }
    }

    /// Reads no further, and gives what the reading thread gave at its end.
    ///
    /// # Panics
    /// If the reading thread did.
    pub fn finish(self) -> T {
        drop(self.full);
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_once_and_in_order_and_the_reader_tells_its_end() {
        let mut ahead = Ahead::start(|to| {
            for number in 0..100_000_u32 {
                // Frames of different lengths.
                let frame = [number.to_le_bytes(); 40];
                assert!(to.push(&frame.as_flattened()[..4 + number as usize % 150]).is_continue());
            }
            "the end"
        })
        .unwrap();
        let mut next = 0;
        while let Some(batch) = ahead.take() {
            for frame in batch.frames() {
                assert_eq!(frame.len(), 4 + next as usize % 150);
                assert_eq!(frame[..4], u32::to_le_bytes(next));
                next += 1;
            }
            ahead.give_back(batch);
        }
        assert_eq!((next, ahead.finish()), (100_000, "the end"));
    }

    #[test]
    fn a_reader_stops_when_nobody_executes_any_more() {
        let ahead = Ahead::start(|to| {
            let mut pushed = 0_u64;
            while to.push(&[0; 1024]).is_continue() {
                pushed += 1;
            }
            pushed
        })
        .unwrap();
        // It would go on for ever.
        assert!(ahead.finish() < 1_000_000);
    }
}
