//! Numbers that must go on without gaps: of the events, and of each session's reports.

use crate::{Fault, Inconsistent};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::EventHeader;
use wire::{Outbound, ReportSeq, SessionId};

/// The number of the next event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    next: Outbound,
}

impl Line {
    /// Event 1 comes next.
    pub(crate) const START: Self = Self { next: Outbound(1) };

    /// The event with this number was the last one.
    pub(crate) fn last(&self) -> Outbound {
        Outbound(self.next.0 - 1)
    }

    /// Whether this is the next event.
    pub(crate) fn expects(&self, outbound: Outbound) -> Result<(), Inconsistent> {
        let fault = Fault::Gap { expected: self.next };
        if outbound == self.next { Ok(()) } else { Err(Inconsistent { outbound, fault }) }
    }

    pub(crate) fn go_on(&mut self) {
        self.next = self.next.next();
    }
}

/// The last report of every session.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    last: HashMap<SessionId, ReportSeq, FxBuildHasher>,
}

impl Reports {
    pub(crate) fn new(sessions: u32) -> Self {
        Self { last: HashMap::with_capacity_and_hasher(sessions as usize, FxBuildHasher) }
    }

    /// The last report of a session; 0 before its first.
    pub(crate) fn last(&self, session: SessionId) -> ReportSeq {
        self.last.get(&session).copied().unwrap_or_default()
    }

    /// Whether this is its session's next report. A session that has no place with the engine has no numbers.
    pub(crate) fn expects(&self, header: &EventHeader) -> Result<(), Fault> {
        let (session, found) = (header.session, header.report);
        let last = self.last(session);
        let next = if found == ReportSeq(0) { last } else { ReportSeq(last.0 + 1) };
        if found == next { Ok(()) } else { Err(Fault::ReportGap { session, last, found }) }
    }

    pub(crate) fn note(&mut self, header: &EventHeader) {
        if { header.report } != ReportSeq(0) {
            self.last.insert(header.session, header.report);
        }
    }
}
