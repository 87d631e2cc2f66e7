//! What a thread does when there is nothing to do: spin, yield, back off, or sleep in the kernel until a socket speaks.

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Deserialize;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;
use wire::Nanos;

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Never wait: for a core of its own.
    Spin,
    /// Offer the core to others after each empty cycle.
    Yield,
    /// Spin a little, yield a little, then block.
    Backoff,
    /// Sleep in the kernel until a socket has something or a deadline comes: the default, right where threads outnumber cores.
    Block,
}

/// The longest sleep, so that a wish to stop is seen even when nothing else happens.
const LONGEST_SLEEP: Nanos = Nanos::from_millis(50);
/// Empty cycles that `Backoff` spins, then yields, before it blocks.
const BACKOFF_SPINS: u32 = 50;
const BACKOFF_YIELDS: u32 = 100;

/// Token of the waker; descriptors have others.
const WAKER: Token = Token(0);
/// Token of descriptors whose readiness needs no telling apart.
const DESCRIPTOR: Token = Token(1);

/// One thread's way of waiting. Descriptors are watched edge-triggered: a duty cycle that returns 0 must have read all
/// of them until they would block.
#[derive(Debug)]
pub struct Idle {
    strategy: Strategy,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    empty_cycles: u32,
}

impl Idle {
    /// A way of waiting that wakes up for these descriptors.
    pub fn new(strategy: Strategy, descriptors: &[RawFd]) -> io::Result<Self> {
        let poll = Poll::new()?;
        for descriptor in descriptors {
            poll.registry().register(&mut SourceFd(descriptor), DESCRIPTOR, Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self { strategy, poll, events: Events::with_capacity(64), waker, empty_cycles: 0 })
    }

    /// Wakes the thread from elsewhere.
    #[must_use]
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Called after each cycle with the work it did, and the next moment at which there will be some.
    pub fn idle(&mut self, work: usize, now: Nanos, deadline: Option<Nanos>) -> io::Result<()> {
        if work > 0 {
            self.empty_cycles = 0;
            return Ok(());
        }
        self.empty_cycles = self.empty_cycles.saturating_add(1);
        match self.strategy {
            Strategy::Spin => std::hint::spin_loop(),
            Strategy::Yield => std::thread::yield_now(),
            Strategy::Backoff if self.empty_cycles < BACKOFF_SPINS => std::hint::spin_loop(),
            Strategy::Backoff if self.empty_cycles < BACKOFF_SPINS + BACKOFF_YIELDS => {
                std::thread::yield_now();
            }
            Strategy::Backoff | Strategy::Block => return self.block(now, deadline),
        }
        Ok(())
    }

    fn block(&mut self, now: Nanos, deadline: Option<Nanos>) -> io::Result<()> {
        let sleep = deadline.map_or(LONGEST_SLEEP, |at| at.since(now).min(LONGEST_SLEEP));
        match self.poll.poll(&mut self.events, Some(Duration::from_nanos(sleep.0))) {
            // A signal woke us; the caller looks whether it was the wish to stop.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }
}
