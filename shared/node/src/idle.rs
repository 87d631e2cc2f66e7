//! What a thread does when there is nothing to do: spin, yield, back off, or sleep in the kernel until a socket speaks.

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use serde::Deserialize;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
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
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Empty cycles that `Backoff` spins, then yields, before it blocks.
const BACKOFF_SPINS: u32 = 50;
const BACKOFF_YIELDS: u32 = 100;

/// All that may wake a sleeper; they need no telling apart, since a duty cycle looks at everything.
const ANY: Token = Token(0);

/// One thread's way of waiting. Descriptors are watched edge-triggered: a duty cycle that returns 0 must have read all
/// of them until they would block.
#[derive(Debug)]
pub struct Idle {
    strategy: Strategy,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    /// Wakes at a deadline to the microsecond, which the poll's own timeout (whole milliseconds) cannot.
    timer: OwnedFd,
    timer_set_for: Option<Nanos>,
    empty_cycles: u32,
}

impl Idle {
    /// A way of waiting that wakes up for these descriptors.
    pub fn new(strategy: Strategy, descriptors: &[RawFd]) -> io::Result<Self> {
        let poll = Poll::new()?;
        for descriptor in descriptors {
            poll.registry().register(&mut SourceFd(descriptor), ANY, Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), ANY)?);
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), ANY, Interest::READABLE)?;
        let events = Events::with_capacity(64);
        Ok(Self { strategy, poll, events, waker, timer, timer_set_for: None, empty_cycles: 0 })
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
        if let Some(at) = deadline {
            if at <= now {
                return Ok(());
            }
            self.set_timer(now, at)?;
        }
        match self.poll.poll(&mut self.events, Some(LONGEST_SLEEP)) {
            // A signal woke us; the caller looks whether it was the wish to stop.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// Sets the timer unless it is set for that moment already, or for an earlier one that is still to come: waking up
    /// once too often costs less than setting it for every deadline that moves.
    fn set_timer(&mut self, now: Nanos, at: Nanos) -> io::Result<()> {
        if self.timer_set_for.is_some_and(|set| set > now && set <= at) {
            return Ok(());
        }
        let sleep = at.since(now).0;
        let (seconds, nanos) = (sleep / 1_000_000_000, sleep % 1_000_000_000);
        let expires = Timespec {
            tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos).expect("below a thousand million"),
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: expires };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        self.timer_set_for = Some(at);
        Ok(())
    }
}
