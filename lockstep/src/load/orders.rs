//! What the clients know of their orders: every request and its fate, the orders that rest, and whether the reports make
//! sense, as any broker would check.
//!
//! One [`Row`] for each request. An order goes by the row of the request that made it; cancels and replaces point there.

mod former;

use super::execution::Execution;
use super::plan::Instrument;
use super::report::Tally;
use super::request::{Action, Name, Names, Request, RequestId};
use fix::decimal;
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use twox_hash::XxHash3_64;
use wire::command::Side;
use wire::{AccountId, Nanos};

/// In a place that names a row or an index: none.
const NONE: u32 = u32::MAX;

/// What became of a request, as far as the reports tell. Of a new order: where the order stands, whatever name it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// No report yet: the fate is unknown.
    Unanswered,
    /// New order: taken. Cancel or replace: told to be pending.
    Accepted,
    /// New order: filled in part, and open.
    PartiallyFilled,
    /// New order: filled in whole.
    Filled,
    /// New order: cancelled, by its owner or by its time in force. Cancel: done.
    Cancelled,
    /// New order: expired.
    Expired,
    /// Replace: done.
    Replaced,
    /// Refused by an ExecutionReport, a BusinessMessageReject or a session Reject.
    Rejected,
    /// Cancel or replace: refused by an OrderCancelReject.
    CancelRejected,
}

impl Outcome {
    /// The word in the file of requests.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Accepted => "accepted",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Rejected => "rejected",
            Self::CancelRejected => "cancel_rejected",
        }
    }
}

/// A request and what is known of it. Compact, since a run keeps one for each request.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What was asked.
    pub request: Request,
    /// When it was sent.
    pub sent: Nanos,
    /// When its first report came; 0 as long as none has.
    pub first_report: Nanos,
    /// OrderID(37) if it is a number, else 0.
    pub order_id: u64,
    /// Of a new order: filled so far (FIX 14).
    pub cum: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The row of its order.
    root: u32,
    /// Of an order: the row whose name, price and quantity it has.
    terms: u32,
    /// Of an order: the row whose name the next cancel or replace cites: the last replace sent, if it is not refused.
    cite: u32,
    /// Of an order: its index in the session's list of live ones.
    live_at: u32,
    /// Of an order: cancels and replaces under way.
    changing: u16,
}

impl Row {
    /// Whether it made an order that may still trade.
    fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted | Outcome::PartiallyFilled)
    }
}

/// A resting order without a change under way, as its session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its name here.
    pub order: RequestId,
    /// Index of the instrument.
    pub instrument: u16,
    /// Its side.
    pub side: Side,
    /// Its limit.
    pub price: i64,
    /// Its whole quantity.
    pub qty: u64,
    /// Of which filled.
    pub cum: u64,
}

/// What is known of one session.
#[derive(Clone, Debug, Default)]
struct SessionState {
    live: Vec<u32>,
    unanswered: u32,
    /// Immediate orders whose end is not told yet.
    immediate: u32,
    /// Rows below this were sent over a connection that was lost ([`Orders::interrupted`]).
    former: u32,
}

/// All requests of a run.
#[derive(Debug)]
pub struct Orders {
    names: Names,
    instruments: Vec<Instrument>,
    /// Account(1) of each session's orders.
    accounts: Vec<AccountId>,
    rows: Vec<Row>,
    sessions: Vec<SessionState>,
    /// XXH3-64 of every ExecID(17): two different ones collide with a chance of about 10^-8 in a million.
    exec_ids: HashSet<u64, FxBuildHasher>,
    tally: Tally,
}

impl Orders {
    /// No requests yet, of so many sessions.
    #[must_use]
    pub fn new(names: Names, instruments: Vec<Instrument>, sessions: usize) -> Self {
        Self {
            names,
            instruments,
            accounts: Vec::new(),
            rows: Vec::new(),
            sessions: vec![SessionState::default(); sessions],
            exec_ids: HashSet::default(),
            tally: Tally::default(),
        }
    }

    /// The same, with the accounts of the sessions in their order.
    #[must_use]
    pub fn for_accounts(self, accounts: Vec<AccountId>) -> Self {
        Self { accounts, ..self }
    }

    /// The account of a session's orders; 0 for none.
    #[must_use]
    pub fn account(&self, session: u16) -> AccountId {
        self.accounts.get(usize::from(session)).copied().unwrap_or_default()
    }

    /// Every request, by its [`RequestId`].
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What was traded.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// The ClOrdID(11) of a request.
    #[must_use]
    pub fn name(&self, id: RequestId) -> Name {
        self.names.name(id)
    }

    /// What was counted.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many resting orders of the session can be changed.
    #[must_use]
    pub fn live_count(&self, session: u16) -> usize {
        self.sessions[usize::from(session)].live.len()
    }

    /// One of them, by an index below [`Orders::live_count`].
    #[must_use]
    pub fn live(&self, session: u16, index: usize) -> Live {
        let order = self.sessions[usize::from(session)].live[index];
        let row = &self.rows[order as usize];
        let terms = &self.rows[row.terms as usize].request;
        Live {
            order: RequestId(order),
            instrument: terms.instrument,
            side: terms.side,
            price: terms.price,
            qty: terms.qty,
            cum: row.cum,
        }
    }

    /// An order as the reports tell it: its outcome, and how much is filled.
    #[must_use]
    pub fn standing(&self, order: RequestId) -> (Outcome, u64) {
        let row = &self.rows[order.0 as usize];
        (row.outcome, row.cum)
    }

    /// Requests of the session without any report.
    #[must_use]
    pub fn unanswered(&self, session: u16) -> u32 {
        self.sessions[usize::from(session)].unanswered
    }

    /// Whether everything that the session sent has its answer, and no immediate order waits for its end.
    #[must_use]
    pub fn settled(&self, session: u16) -> bool {
        let state = &self.sessions[usize::from(session)];
        state.unanswered == 0 && state.immediate == 0
    }

    /// Whether another request can be numbered.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.rows.len() < NONE as usize
    }

    /// A request is being sent. Gives its number, and for a cancel or replace the number of the request whose name it cites.
    ///
    /// # Panics
    /// If a cancel or replace names a request that is no new order, or one of another session.
    pub fn send(&mut self, now: Nanos, request: Request) -> (RequestId, Option<RequestId>) {
        let id = u32::try_from(self.rows.len()).expect("the driver stops before numbers run out");
        let mut row = Row {
            request,
            sent: now,
            first_report: Nanos(0),
            order_id: 0,
            cum: 0,
            outcome: Outcome::Unanswered,
            root: id,
            terms: id,
            cite: id,
            live_at: NONE,
            changing: 0,
        };
        let mut cites = None;
        if let Action::Cancel(order) | Action::Replace(order) = request.action {
            self.leave_live(order.0);
            let root = &mut self.rows[order.0 as usize];
            assert!(
                root.root == order.0 && root.request.session == request.session,
                "a session changes its own orders"
            );
            cites = Some(RequestId(root.cite));
            root.changing += 1;
            if matches!(request.action, Action::Replace(_)) {
                root.cite = id;
            }
            row.root = order.0;
        }
        let session = &mut self.sessions[usize::from(request.session)];
        session.unanswered += 1;
        session.immediate += u32::from(request.action.is_immediate());
        self.tally.sent.count(request.action);
        if self.tally.first_sent == Nanos(0) {
            self.tally.first_sent = now;
        }
        self.rows.push(row);
        (RequestId(id), cites)
    }

    /// A request went out so much later than its schedule said.
    pub fn was_late(&mut self, late: Nanos) {
        self.tally.lateness.saturating_record(late.0);
    }

    /// An ExecutionReport(8) has come over this session.
    pub fn handle_execution(&mut self, now: Nanos, session: u16, report: &Execution<'_>) {
        self.tally.executions += 1;
        self.tally.last_report = now;
        let known = !self.exec_ids.insert(XxHash3_64::oneshot(report.exec_id));
        if known && report.poss_resend {
            self.tally.repeated += 1;
            return;
        }
        let id = self.find(session, report.name, "ExecutionReport");
        if known {
            self.tally.duplicates_of_exec_id += 1;
            self.violation(report, format_args!("its ExecID came before"));
        }
        let Some(id) = id else { return };
        if self.is_former(id) {
            return self.told_of_former(now, id, report);
        }
        let answers = self.answer(now, id);
        if known && !answers {
            return;
        }
        let row = &mut self.rows[id as usize];
        if answers && report.exec_type != b'8' {
            self.tally.newest_done = self.tally.newest_done.max(row.sent);
        }
        if row.order_id == 0 {
            row.order_id =
                std::str::from_utf8(report.order_id).ok().and_then(|t| t.parse().ok()).unwrap_or(0);
        }
        let root = row.root;
        match report.exec_type {
            b'0' => self.accepted(id, report),
            b'F' | b'1' | b'2' => self.filled(root, report),
            b'4' => self.ended(id, Outcome::Cancelled, report),
            b'C' | b'3' => self.ended(id, Outcome::Expired, report),
            b'5' => self.replaced(id, report),
            b'8' => self.rejected(id, Outcome::Rejected, report),
            // Pending cancel, new or replace, restated, status, triggered: the row has its answer, nothing has changed.
            b'6' | b'A' | b'E' | b'D' | b'I' | b'L' => {
                if root != id && row.outcome == Outcome::Unanswered {
                    row.outcome = Outcome::Accepted;
                }
            }
            // A trade was put right or undone: that says nothing of its order.
            b'G' | b'H' => return,
            _ => self.violation(report, format_args!("its ExecType is not one of FIX 4.4")),
        }
        self.check_quantities(root, report);
    }

    /// An OrderCancelReject(9) has come.
    pub fn handle_cancel_reject(&mut self, now: Nanos, session: u16, report: &Execution<'_>) {
        self.tally.last_report = now;
        let Some(id) = self.find(session, report.name, "OrderCancelReject") else { return };
        if self.is_former(id) {
            return self.former_refused(now, id, Outcome::CancelRejected, report);
        }
        self.answer(now, id);
        if matches!(self.rows[id as usize].request.action, Action::New { .. }) {
            return self.violation(report, format_args!("an OrderCancelReject answers a new order"));
        }
        self.rejected(id, Outcome::CancelRejected, report);
    }

    /// A BusinessMessageReject(j) or a session Reject(3) has come for this request.
    pub fn handle_refusal(&mut self, now: Nanos, id: RequestId, report: &Execution<'_>) {
        self.tally.last_report = now;
        if self.is_former(id.0) {
            return self.former_refused(now, id.0, Outcome::Rejected, report);
        }
        self.answer(now, id.0);
        self.rejected(id.0, Outcome::Rejected, report);
    }

    /// A reject came that names none of our requests.
    pub fn handle_stray_refusal(&mut self, report: &Execution<'_>) {
        self.violation(report, format_args!("a reject names no request of this session"));
    }

    /// The request of a ClOrdID(11).
    #[must_use]
    pub fn request_of(&self, session: u16, name: &[u8]) -> Option<RequestId> {
        let id = self.names.find(name)?;
        let row = self.rows.get(id.0 as usize)?;
        (row.request.session == session).then_some(id)
    }

    fn find(&mut self, session: u16, name: &[u8], what: &str) -> Option<u32> {
        let found = self.request_of(session, name);
        if found.is_none() {
            self.tally.strangers += 1;
            let name = String::from_utf8_lossy(name);
            self.tally.violation(format_args!(
                "session {session}: {what} for ClOrdID {name}, which this session never sent"
            ));
        }
        found.map(|id| id.0)
    }

    /// True for the first report of a request.
    fn answer(&mut self, now: Nanos, id: u32) -> bool {
        let row = &mut self.rows[id as usize];
        if row.first_report != Nanos(0) {
            return false;
        }
        // A clock that stands still must not make an answer look like none.
        row.first_report = now.max(Nanos(1));
        self.tally.latency.saturating_record(now.since(row.sent).0);
        self.tally.answered += 1;
        self.sessions[usize::from(row.request.session)].unanswered -= 1;
        true
    }

    fn accepted(&mut self, id: u32, report: &Execution<'_>) {
        let row = &mut self.rows[id as usize];
        if !matches!(row.request.action, Action::New { .. }) || row.outcome != Outcome::Unanswered {
            let word = row.outcome.word();
            return self.violation(report, format_args!("a new order is accepted that is {word}"));
        }
        row.outcome = Outcome::Accepted;
        self.enter_live(id);
    }

    fn filled(&mut self, root: u32, report: &Execution<'_>) {
        self.tally.fills += 1;
        let row = self.rows[root as usize];
        let terms = self.rows[row.terms as usize].request;
        if !row.is_open() && row.outcome != Outcome::Unanswered {
            self.violation(report, format_args!("a fill of an order that is {}", row.outcome.word()));
        }
        let last = report.last_qty.unwrap_or(0);
        if last == 0 {
            self.violation(report, format_args!("a fill without a quantity"));
        }
        self.check_price(&terms, report);
        let cum = row.cum.saturating_add(last);
        if cum > terms.qty {
            self.violation(report, format_args!("filled {cum} of {}", terms.qty));
        }
        self.rows[root as usize].cum = cum;
        if cum >= terms.qty {
            self.close(root, Outcome::Filled);
        } else if row.is_open() || row.outcome == Outcome::Unanswered {
            self.rows[root as usize].outcome = Outcome::PartiallyFilled;
            self.enter_live(root);
        }
    }

    /// An order trades at its limit or better.
    fn check_price(&mut self, terms: &Request, report: &Execution<'_>) {
        let decimals = self.instruments[usize::from(terms.instrument)].price_decimals;
        match decimal::parse_scaled(report.last_px, decimals) {
            Ok(price) => {
                let worse = if terms.side == Side::Buy { price > terms.price } else { price < terms.price };
                // A market order has no limit: its price is 0.
                if worse && terms.price != 0 {
                    self.violation(
                        report,
                        format_args!("filled at {price}, beyond its limit {}", terms.price),
                    );
                }
            }
            Err(error) => self.violation(report, format_args!("LastPx: {error}")),
        }
    }

    fn ended(&mut self, id: u32, outcome: Outcome, report: &Execution<'_>) {
        let root = self.rows[id as usize].root;
        let before = self.rows[root as usize].outcome;
        if !self.rows[root as usize].is_open() && before != Outcome::Unanswered {
            self.violation(report, format_args!("an order ends that is {}", before.word()));
        }
        self.change_done(id, outcome);
        self.close(root, outcome);
    }

    fn replaced(&mut self, id: u32, report: &Execution<'_>) {
        let row = self.rows[id as usize];
        if !matches!(row.request.action, Action::Replace(_)) || !self.change_done(id, Outcome::Replaced) {
            let word = row.outcome.word();
            return self
                .violation(report, format_args!("a replace is confirmed that is no replace, or is {word}"));
        }
        let root = &mut self.rows[row.root as usize];
        root.terms = id;
        let (open, outcome, cum) = (root.is_open(), root.outcome, root.cum);
        if !open {
            return self.violation(report, format_args!("an order is replaced that is {}", outcome.word()));
        }
        if row.request.qty <= cum {
            return self.close(row.root, Outcome::Filled);
        }
        self.enter_live(row.root);
    }

    fn rejected(&mut self, id: u32, outcome: Outcome, report: &Execution<'_>) {
        let row = self.rows[id as usize];
        if row.root == id && row.outcome == Outcome::Unanswered {
            self.tally.refused(report.text);
            return self.close(id, outcome);
        }
        if !self.change_done(id, outcome) {
            let word = row.outcome.word();
            return self.violation(report, format_args!("a request is rejected that is {word}"));
        }
        self.tally.refused(report.text);
        let root = &mut self.rows[row.root as usize];
        if root.cite == id {
            root.cite = root.terms;
        }
        // What the exchange calls ended, or does not know, is not asked for again.
        if !matches!(report.ord_status, b'2' | b'4' | b'8' | b'C') {
            self.enter_live(row.root);
        }
    }

    /// A cancel or replace that was under way is so no more. False if it was not.
    fn change_done(&mut self, id: u32, outcome: Outcome) -> bool {
        let row = &mut self.rows[id as usize];
        let root = row.root;
        if root == id || !matches!(row.outcome, Outcome::Unanswered | Outcome::Accepted) {
            return false;
        }
        row.outcome = outcome;
        self.rows[root as usize].changing -= 1;
        true
    }

    /// The order is at its end.
    fn close(&mut self, root: u32, outcome: Outcome) {
        self.leave_live(root);
        let row = &mut self.rows[root as usize];
        let ended = !row.is_open() && row.outcome != Outcome::Unanswered;
        if ended {
            return;
        }
        row.outcome = outcome;
        self.sessions[usize::from(row.request.session)].immediate -=
            u32::from(row.request.action.is_immediate());
    }

    /// An open order that can rest and has no change under way can be changed.
    fn enter_live(&mut self, root: u32) {
        let row = &mut self.rows[root as usize];
        if !row.is_open() || row.live_at != NONE || row.changing > 0 || row.request.action.is_immediate() {
            return;
        }
        let live = &mut self.sessions[usize::from(row.request.session)].live;
        // There are no more orders than rows, and those are below NONE.
        row.live_at = live.len() as u32;
        live.push(root);
    }

    fn leave_live(&mut self, root: u32) {
        let row = &mut self.rows[root as usize];
        let at = std::mem::replace(&mut row.live_at, NONE);
        if at == NONE {
            return;
        }
        let live = &mut self.sessions[usize::from(row.request.session)].live;
        live.swap_remove(at as usize);
        if let Some(moved) = live.get(at as usize) {
            self.rows[*moved as usize].live_at = at;
        }
    }

    /// CumQty(14) is the sum of the fills, LeavesQty(151) the rest, or 0 at the end.
    fn check_quantities(&mut self, root: u32, report: &Execution<'_>) {
        let row = self.rows[root as usize];
        let qty = self.rows[row.terms as usize].request.qty;
        let (Some(cum), Some(leaves)) = (report.cum_qty, report.leaves_qty) else {
            return self.violation(report, format_args!("CumQty or LeavesQty is missing or no whole number"));
        };
        if cum != row.cum {
            self.violation(report, format_args!("CumQty is {cum}, the fills add up to {}", row.cum));
            // Told once; what follows is compared with what the exchange says.
            self.rows[root as usize].cum = cum;
        }
        let rest = if row.is_open() { qty.saturating_sub(cum) } else { 0 };
        if leaves != rest && !matches!(report.exec_type, b'6' | b'A' | b'E' | b'D' | b'I') {
            self.violation(
                report,
                format_args!("LeavesQty is {leaves}, not {rest} (quantity {qty}, filled {cum})"),
            );
        }
    }

    fn violation(&mut self, report: &Execution<'_>, what: std::fmt::Arguments<'_>) {
        let name = String::from_utf8_lossy(report.name);
        let exec = String::from_utf8_lossy(report.exec_id);
        self.tally.violation(format_args!("ClOrdID {name}, ExecID {exec}: {what}"));
    }
}

#[cfg(test)]
mod tests;
