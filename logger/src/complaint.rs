//! Complaints that would otherwise be repeated in every cycle.

use wire::Nanos;

/// The same complaint comes again only after this.
const COMPLAIN_EVERY: Nanos = Nanos::SECOND;

/// When to complain again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Complaint {
    again_at: Nanos,
}

impl Complaint {
    /// Whether to complain now.
    pub(crate) fn is_due(&mut self, now: Nanos) -> bool {
        let due = now >= self.again_at;
        if due {
            self.again_at = now.saturating_add(COMPLAIN_EVERY);
        }
        due
    }
}
