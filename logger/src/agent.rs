//! The writing thread: the logger, and the bells between it and the disk's thread.

use crate::open::Node;
use mio::Waker;
use node::{Clock, Duty, Idle};
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use wire::{Nanos, Position};

/// A logger that stops takes what is still on its way to it, for so long at the most.
const LAST_WORDS: Nanos = Nanos::SECOND;

/// The logger in its thread.
pub(crate) struct Agent {
    pub(crate) node: Node,
    /// Who waits for appends, if anyone.
    committer: Option<Thread>,
    /// How this thread is woken.
    waker: Arc<OnceLock<Arc<Waker>>>,
    /// Where the log ended when the committer was woken last.
    told: Position,
}

impl Agent {
    pub(crate) fn new(node: Node, waker: Arc<OnceLock<Arc<Waker>>>) -> Self {
        Self { node, committer: None, waker, told: Position::GENESIS }
    }

    /// Wakes this thread after each append.
    pub(crate) fn ring(&mut self, committer: Thread) {
        self.committer = Some(committer);
    }

    /// Takes what has been sent and not been read yet, and what is known to be missing: who stops a cluster stops the
    /// sequencer first, and nobody would send it again to the next process of this logger.
    pub(crate) fn take_last(&mut self, clock: Clock) -> anyhow::Result<()> {
        let until = clock.now().saturating_add(LAST_WORDS);
        loop {
            let now = clock.now();
            let work = self.do_work(now)?;
            let missing = self.node.lag();
            if work == 0 && missing == 0 {
                return Ok(());
            }
            if now >= until {
                if missing > 0 {
                    tracing::warn!(missing, "stopping without what is known to be missing");
                }
                return Ok(());
            }
            if work == 0 {
                std::thread::park_timeout(std::time::Duration::from_millis(1));
            }
        }
    }
}

impl Duty for Agent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let work = self.node.do_work(now)?;
        if let Some(committer) = &self.committer {
            let last = self.node.log().last_position();
            if last != self.told {
                self.told = last;
                committer.unpark();
            }
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.node.next_deadline()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.node.descriptors(out);
    }

    fn on_start(&mut self, idle: &Idle) {
        // Set once: an agent is started once.
        let _ = self.waker.set(idle.waker());
    }
}
