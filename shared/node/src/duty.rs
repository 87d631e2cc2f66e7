//! The duty cycle: every thread of every node is one agent that is driven like this.

use crate::{Clock, Idle, Shutdown, Strategy};
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
pub fn run(
    agent: &mut impl Duty,
    clock: Clock,
    strategy: Strategy,
    core: Option<usize>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    if let Some(core) = core {
        pin(core);
    }
    let mut descriptors = Vec::new();
    agent.descriptors(&mut descriptors);
    let mut idle = Idle::new(strategy, &descriptors).context("cannot set up waiting for sockets")?;
    agent.on_start(&idle);
    while !shutdown.requested() {
        let now = clock.now();
        let work = agent.do_work(now)?;
        idle.idle(work, now, agent.next_deadline()).context("cannot wait for sockets")?;
    }
    Ok(())
}

/// Pins the thread to a core; without that core it runs on, unpinned, and says so.
fn pin(core: usize) {
    if !core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        tracing::warn!(
            core,
            "cannot pin a thread to this core (does the machine have it?); it runs unpinned"
        );
    }
}
