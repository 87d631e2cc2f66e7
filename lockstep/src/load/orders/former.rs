//! Orders of a connection that was lost: what was said of them meanwhile is unknown, so later reports on them are taken as
//! they are.

use super::{Execution, NONE, Orders, Outcome};
use crate::load::request::Action;
use wire::Nanos;

impl Orders {
    /// The session's connection is lost, and its numbers begin anew with the next one. What it had sent without an answer is
    /// unknown from here on and no longer waited for; what rests in the book is left there, since it may change unseen.
    pub fn interrupted(&mut self, session: u16) {
        let state = &mut self.sessions[usize::from(session)];
        state.unanswered = 0;
        state.immediate = 0;
        // There are no more rows than RequestIds.
        state.former = self.rows.len() as u32;
        for order in std::mem::take(&mut state.live) {
            self.rows[order as usize].live_at = NONE;
        }
    }

    /// Whether a request was sent over a connection that was lost since. A session changes none of its former orders, so
    /// an order is former if and only if all requests about it are.
    pub(super) fn is_former(&self, id: u32) -> bool {
        id < self.sessions[usize::from(self.rows[id as usize].request.session)].former
    }

    /// An ExecutionReport on such an order: fills may be missing between this and the last one.
    pub(super) fn told_of_former(&mut self, now: Nanos, id: u32, report: &Execution<'_>) {
        self.former_answered(now, id);
        let number = std::str::from_utf8(report.order_id).ok().and_then(|text| text.parse().ok());
        let row = &mut self.rows[id as usize];
        if row.order_id == 0 {
            row.order_id = number.unwrap_or(0);
        }
        let root = row.root;
        if root != id {
            match report.exec_type {
                b'4' => row.outcome = Outcome::Cancelled,
                b'5' => row.outcome = Outcome::Replaced,
                b'8' => row.outcome = Outcome::Rejected,
                _ => {}
            }
        }
        let order = &mut self.rows[root as usize];
        order.cum = report.cum_qty.unwrap_or(order.cum);
        match report.exec_type {
            b'0' | b'5' => {
                order.outcome = if order.cum > 0 { Outcome::PartiallyFilled } else { Outcome::Accepted }
            }
            b'F' | b'1' | b'2' => {
                self.tally.fills += 1;
                order.outcome =
                    if report.ord_status == b'2' { Outcome::Filled } else { Outcome::PartiallyFilled };
            }
            b'4' => order.outcome = Outcome::Cancelled,
            b'C' | b'3' => order.outcome = Outcome::Expired,
            b'8' if root == id => {
                order.outcome = Outcome::Rejected;
                self.tally.refused(report.text);
            }
            _ => {}
        }
    }

    /// Such a request is refused after all.
    pub(super) fn former_refused(&mut self, now: Nanos, id: u32, outcome: Outcome, report: &Execution<'_>) {
        self.former_answered(now, id);
        self.tally.refused(report.text);
        let row = &mut self.rows[id as usize];
        let of_order = matches!(row.request.action, Action::New { .. });
        if of_order && outcome == Outcome::CancelRejected {
            return self.violation(report, format_args!("an OrderCancelReject answers a new order"));
        }
        row.outcome = outcome;
    }

    /// Its latency says nothing about the exchange and is not counted.
    fn former_answered(&mut self, now: Nanos, id: u32) {
        let row = &mut self.rows[id as usize];
        if row.first_report == Nanos(0) {
            row.first_report = now.max(Nanos(1));
            self.tally.answered += 1;
        }
    }
}
