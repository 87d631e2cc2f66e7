//! Where and how urgently a thread runs: its core, its place among the system's threads, how it waits.

use crate::Strategy;
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// The highest priority that the system has.
pub const MAX_PRIORITY: u8 = 99;

/// What a node's description says of one of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// How it waits.
    pub idle: Strategy,
    /// The core that it stays on.
    pub core: Option<usize>,
    /// 1 to [`MAX_PRIORITY`]: it runs before every thread of a lower one, and before all ordinary ones (`SCHED_FIFO`). 0: it is an
    /// ordinary one.
    pub priority: u8,
}

impl Thread {
    /// Makes the calling thread such a one. What the system refuses is said, and done without.
    pub fn take_place(self) {
        if let Some(core) = self.core
            && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
        {
            tracing::warn!(
                core,
                "cannot pin a thread to this core (does the machine have it?); it runs unpinned"
            );
        }
        if self.priority > 0
            && let Err(reason) = set_priority(self.priority)
        {
            tracing::warn!(
                priority = self.priority,
                "a thread runs as an ordinary one, since the system refuses it this priority ({reason}): give the process CAP_SYS_NICE \
                 or a limit of real-time priority (LimitRTPRIO, ulimit -r), or describe priority = 0"
            );
        }
    }
}

fn set_priority(priority: u8) -> Result<(), String> {
    let priority = ThreadPriorityValue::try_from(priority)?;
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), fifo)
        .map_err(|error| format!("{error:?}"))
}
