//! The duty cycle: every thread of every node is one agent that is driven like this.

use crate::{Clock, Idle, Shutdown, Thread};
use anyhow::Context;
use std::os::fd::RawFd;
use wire::Nanos;

/// Work that is done a little at a time.
pub trait Duty {
    /// Does what there is to do and returns how much it was. 0 only when every descriptor has been read empty.
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize>;

    /// The next moment at which there will be work even if no descriptor speaks.
    fn next_deadline(&self) -> Option<Nanos>;

    /// The descriptors to wait for.
    fn descriptors(&self, out: &mut Vec<RawFd>);

    /// Told once, before the first cycle, by the thread that will do the work.
    fn on_start(&mut self, _idle: &Idle) {}
}

/// Drives an agent until someone wishes to stop. One clock reading a cycle.
pub fn run(agent: &mut impl Duty, clock: Clock, thread: Thread, shutdown: &Shutdown) -> anyhow::Result<()> {
    thread.take_place();
    let mut descriptors = Vec::new();
    agent.descriptors(&mut descriptors);
    let mut idle = Idle::new(thread.idle, &descriptors).context("cannot set up waiting for sockets")?;
    agent.on_start(&idle);
    while !shutdown.requested() {
        let now = clock.now();
        let work = agent.do_work(now)?;
        idle.idle(work, now, agent.next_deadline()).context("cannot wait for sockets")?;
    }
    Ok(())
}
