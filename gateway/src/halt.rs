//! While two engines differ and it is not known which one is wrong, new orders are halted, unless the description says to follow
//! the hot one.

use cluster::Disputes;
use node::description::Divergence;

/// What a gateway does about engines that differ.
#[derive(Clone, Debug)]
pub(crate) struct Halt {
    policy: Divergence,
    /// What the supervisors said last: their words may come late, and twice.
    heard: Disputes,
}

impl Halt {
    pub(crate) fn new(policy: Divergence) -> Self {
        Self { policy, heard: Disputes::default() }
    }

    /// A supervisor says where the cluster stands.
    pub(crate) fn handle_disputed(&mut self, disputes: Disputes) {
        if disputes.rank() <= self.heard.rank() {
            return;
        }
        let before = self.heard.open.is_some();
        self.heard = disputes;
        let Disputes { number, open, .. } = &self.heard;
        match (open, self.policy) {
            (Some(_), Divergence::Halt) => tracing::warn!(
                dispute = number,
                "engines differ: no new order and no replace is taken until it is decided which one is right; cancels pass"
            ),
            (Some(_), Divergence::Follow) => tracing::warn!(
                dispute = number,
                "engines differ: going on with what the hot one says, which may be wrong (engine.divergence = \"follow\")"
            ),
            (None, _) if before => {
                tracing::info!(dispute = number, "the dispute is decided: trading goes on");
            }
            (None, _) => {}
        }
    }

    /// Whether new orders are refused.
    pub(crate) fn is_on(&self) -> bool {
        self.policy == Divergence::Halt && self.heard.open.is_some()
    }
}
