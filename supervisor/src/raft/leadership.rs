//! Who leads, as openraft tells it, kept for readers who must not wait.

use super::handle::Wake;
use super::types::Raft;
use node::Clock;
use openraft::ServerState;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wire::NodeId;

/// What the duty cycle asks. Written by the tasks of the runtime.
pub(super) struct View {
    clock: Clock,
    term: AtomicU64,
    /// 0 is nobody.
    leader: AtomicU64,
    /// Until when this supervisor may take itself for the leader, in the clock's nanoseconds; 0 if it does not lead.
    lease_until: AtomicU64,
    /// The index through which applied records must have been handed out before a new leader says so.
    barrier: AtomicU64,
    /// The index through which applied records have been handed out.
    fed: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::start(),
            term: AtomicU64::new(0),
            leader: AtomicU64::new(0),
            lease_until: AtomicU64::new(0),
            barrier: AtomicU64::new(0),
            fed: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    pub(super) fn term(&self) -> u64 {
        self.term.load(Ordering::Acquire)
    }

    pub(super) fn leader(&self) -> Option<NodeId> {
        match u16::try_from(self.leader.load(Ordering::Acquire)) {
            Ok(node) if node != 0 => Some(NodeId(node)),
            _ => None,
        }
    }

    pub(super) fn is_leader(&self) -> bool {
        let lease = self.lease_until.load(Ordering::Acquire);
        lease > self.clock.now().0
            && self.fed.load(Ordering::Acquire) >= self.barrier.load(Ordering::Acquire)
            && !self.failed.load(Ordering::Acquire)
    }

    pub(super) fn failure(&self) -> Option<String> {
        if !self.failed.load(Ordering::Acquire) {
            return None;
        }
        self.failure.lock().ok().and_then(|failure| failure.clone())
    }

    /// The first failure stays: later ones follow from it.
    pub(super) fn fail(&self, reason: String) {
        if let Ok(mut failure) = self.failure.lock()
            && failure.is_none()
        {
            tracing::error!("the supervisors' log has stopped: {reason}");
            *failure = Some(reason);
        }
        self.failed.store(true, Ordering::Release);
    }

    pub(super) fn fed_through(&self, index: u64) {
        self.fed.store(index, Ordering::Release);
    }
}

/// Keeps the view like openraft's metrics, and wakes the duty cycle when it changes. Ends when Raft does.
pub(super) async fn watch(raft: Raft, view: Arc<View>, lease: Duration, wake: Wake) {
    let mut metrics = raft.metrics();
    // The term for which the barrier stands.
    let mut barrier_of = 0;
    loop {
        let before = (view.leader(), view.term(), view.is_leader());
        {
            let metrics = metrics.borrow_and_update();
            if let Err(fatal) = &metrics.running_state {
                view.lease_until.store(0, Ordering::Release);
                if !matches!(fatal, openraft::error::Fatal::Stopped) {
                    view.fail(fatal.to_string());
                }
                wake();
                return;
            }
            let leads = metrics.state == ServerState::Leader && metrics.current_leader == Some(metrics.id);
            // Once its own first entry is applied, a leader has applied all that its predecessors committed.
            let own = metrics.last_applied.filter(|last| last.leader_id.term == metrics.current_term);
            let until = match (leads, metrics.millis_since_quorum_ack, own) {
                (true, Some(millis), Some(last)) => {
                    if barrier_of != metrics.current_term {
                        barrier_of = metrics.current_term;
                        view.barrier.store(last.index, Ordering::Release);
                    }
                    // The age is cut to whole milliseconds.
                    let left = lease.saturating_sub(Duration::from_millis(millis.saturating_add(1)));
                    let left = u64::try_from(left.as_nanos()).unwrap_or(0);
                    view.clock.now().0 + left
                }
                _ => 0,
            };
            view.term.store(metrics.current_term, Ordering::Release);
            view.leader.store(metrics.current_leader.unwrap_or(0), Ordering::Release);
            view.lease_until.store(until, Ordering::Release);
        }
        if (view.leader(), view.term(), view.is_leader()) != before {
            wake();
        }
        let lease_left = view.lease_until.load(Ordering::Acquire).saturating_sub(view.clock.now().0);
        let changed = tokio::select! {
            changed = metrics.changed() => changed,
            // A lease that ends is a change, too, though nothing was heard.
            () = tokio::time::sleep(Duration::from_nanos(lease_left)), if lease_left > 0 => {
                wake();
                metrics.changed().await
            }
        };
        if changed.is_err() {
            // An orderly end is told as a last state.
            view.lease_until.store(0, Ordering::Release);
            view.fail("Raft ended without a word; its panic stands further up in this log".into());
            wake();
            return;
        }
    }
}
