//! What came of a run, for people and for programs.

use super::comeback::Interruption;
use super::link::Lost;
use super::orders::{Orders, Outcome};
use super::replay::Skips;
use super::request::Action;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::fmt;
use wire::Nanos;

/// The most violations that are kept with their words; all are counted.
pub const MAX_VIOLATIONS: usize = 50;
/// The most different texts of rejects that are counted one by one.
const MAX_TEXTS: usize = 200;
/// Texts of rejects that are shown to people.
const TEXTS_SHOWN: usize = 5;
/// What the histograms can tell: from a nanosecond to a minute with three digits; more counts as a minute.
const LONGEST: Nanos = Nanos(60 * Nanos::SECOND.0);

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST.0, 3).expect("the bounds are in order and three digits are allowed")
}

/// Numbers of requests by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// NewOrderSingle(D).
    pub new: u64,
    /// OrderCancelRequest(F).
    pub cancel: u64,
    /// OrderCancelReplaceRequest(G).
    pub replace: u64,
}

impl Kinds {
    pub(super) fn count(&mut self, action: Action) {
        match action {
            Action::New { .. } => self.new += 1,
            Action::Cancel(_) => self.cancel += 1,
            Action::Replace(_) => self.replace += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.new + self.cancel + self.replace
    }
}

/// What is counted while a run goes on.
#[derive(Debug)]
pub struct Tally {
    pub(super) sent: Kinds,
    pub(super) answered: u64,
    pub(super) executions: u64,
    pub(super) fills: u64,
    pub(super) repeated: u64,
    pub(super) strangers: u64,
    pub(super) duplicates_of_exec_id: u64,
    pub(super) first_sent: Nanos,
    pub(super) last_report: Nanos,
    /// When the newest of the requests was sent that were answered otherwise than by a refusal.
    pub(super) newest_done: Nanos,
    pub(super) latency: Histogram<u64>,
    pub(super) lateness: Histogram<u64>,
    texts: BTreeMap<String, u64>,
    pub(super) violations: Vec<String>,
    violation_count: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: Kinds::default(),
            answered: 0,
            executions: 0,
            fills: 0,
            repeated: 0,
            strangers: 0,
            duplicates_of_exec_id: 0,
            first_sent: Nanos(0),
            last_report: Nanos(0),
            newest_done: Nanos(0),
            latency: histogram(),
            lateness: histogram(),
            texts: BTreeMap::new(),
            violations: Vec::new(),
            violation_count: 0,
        }
    }
}

impl Tally {
    pub(super) fn refused(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if let Some(count) = self.texts.get_mut(text.as_ref()) {
            *count += 1;
        } else if self.texts.len() < MAX_TEXTS {
            self.texts.insert(text.into_owned(), 1);
        } else {
            *self.texts.entry("(other texts)".into()).or_default() += 1;
        }
    }

    pub(super) fn violation(&mut self, what: fmt::Arguments<'_>) {
        self.violation_count += 1;
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(what.to_string());
        }
    }
}

/// What came of a run. The counts' meaning is told in the [module](super) of the load generator.
#[derive(Clone, Debug)]
pub struct Report {
    /// Requests sent.
    pub sent: Kinds,
    /// Requests that were carried out: orders taken, cancels and replaces done.
    pub acknowledged: Kinds,
    /// Requests refused by an ExecutionReport, a BusinessMessageReject or a session Reject.
    pub rejected: u64,
    /// Cancels and replaces refused by an OrderCancelReject.
    pub cancel_rejected: u64,
    /// Requests without any report: their fate is unknown.
    pub unanswered: u64,
    /// Orders with any fill.
    pub filled: u64,
    /// ExecutionReports of fills; a match between two orders of the run counts twice.
    pub fills: u64,
    /// Orders that ended cancelled or expired, at their owner's wish or by their time in force.
    pub cancelled: u64,
    /// Replaces done.
    pub replaced: u64,
    /// Orders that were open at the end.
    pub open: u64,
    /// ExecutionReports received.
    pub executions: u64,
    /// ExecutionReports that the exchange marked as possibly said before (PossResend(97)), and that were.
    pub repeated: u64,
    /// Texts of all kinds of rejects with their numbers, the most frequent first.
    pub reject_texts: Vec<(String, u64)>,
    /// ExecIDs that came more than once without a mark; must be 0.
    pub duplicates_of_exec_id: u64,
    /// Gaps in the exchange's MsgSeqNum(34) that the sessions asked to be filled.
    pub sequence_gaps: u64,
    /// Sessions whose connection was lost after logon, and why.
    pub lost: Vec<Lost>,
    /// Connections that were lost in a run whose sessions come back, and when they came back.
    pub interruptions: Vec<Interruption>,
    /// What no broker would accept, in words; at most [`MAX_VIOLATIONS`] of them.
    pub violations: Vec<String>,
    /// All violations.
    pub violation_count: u64,
    /// From the first request to the last report.
    pub duration: Nanos,
    /// Nanoseconds from sending a request to its first report.
    pub latency: Histogram<u64>,
    /// With a schedule: nanoseconds by which requests were sent later than it said.
    pub lateness: Histogram<u64>,
    /// Of a replay: what was not sent, and why.
    pub skips: Option<Skips>,
}

impl Report {
    /// The account of a run that has ended.
    #[must_use]
    pub fn new(orders: &Orders, sequence_gaps: u64, lost: Vec<Lost>, skips: Option<Skips>) -> Self {
        let tally = orders.tally();
        let mut report = Self {
            sent: tally.sent,
            acknowledged: Kinds::default(),
            rejected: 0,
            cancel_rejected: 0,
            unanswered: 0,
            filled: 0,
            fills: tally.fills,
            cancelled: 0,
            replaced: 0,
            open: 0,
            executions: tally.executions,
            repeated: tally.repeated,
            reject_texts: tally.texts.iter().map(|(text, count)| (text.clone(), *count)).collect(),
            duplicates_of_exec_id: tally.duplicates_of_exec_id,
            sequence_gaps,
            lost,
            interruptions: Vec::new(),
            violations: tally.violations.clone(),
            violation_count: tally.violation_count,
            duration: tally.last_report.since(tally.first_sent),
            latency: tally.latency.clone(),
            lateness: tally.lateness.clone(),
            skips,
        };
        report.reject_texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for row in orders.rows() {
            let is_order = matches!(row.request.action, Action::New { .. });
            report.filled += u64::from(is_order && row.cum > 0);
            match row.outcome {
                Outcome::Unanswered => report.unanswered += 1,
                Outcome::Rejected => report.rejected += 1,
                Outcome::CancelRejected => report.cancel_rejected += 1,
                Outcome::Accepted
                | Outcome::PartiallyFilled
                | Outcome::Filled
                | Outcome::Cancelled
                | Outcome::Expired
                | Outcome::Replaced => {
                    // An order can be told to have ended by the answer to its cancel alone, its own answer lost.
                    report.acknowledged.count(row.request.action);
                }
            }
            match row.outcome {
                Outcome::Cancelled | Outcome::Expired => report.cancelled += u64::from(is_order),
                Outcome::Accepted | Outcome::PartiallyFilled => report.open += u64::from(is_order),
                Outcome::Replaced => report.replaced += 1,
                _ => {}
            }
        }
        report
    }

    /// Whether every request has exactly one fate.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.acknowledged.total() + self.rejected + self.cancel_rejected + self.unanswered
            == self.sent.total()
    }

    /// Answered requests per second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        if self.duration == Nanos(0) {
            return 0.0;
        }
        self.latency.len() as f64 * 1e9 / self.duration.0 as f64
    }

    /// Whether nothing went wrong that a broker would complain about: no violation, nothing unanswered, nobody lost.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violation_count == 0
            && self.duplicates_of_exec_id == 0
            && self.unanswered == 0
            && self.lost.is_empty()
            && self.interruptions.is_empty()
            && self.adds_up()
    }
}

fn micros(nanos: u64) -> String {
    format!("{}.{}", nanos / 1_000, nanos % 1_000 / 100)
}

fn percentiles(f: &mut fmt::Formatter<'_>, name: &str, histogram: &Histogram<u64>) -> fmt::Result {
    writeln!(
        f,
        "{name:<22}{:>12}{:>12}{:>12}{:>12}",
        micros(histogram.value_at_quantile(0.5)),
        micros(histogram.value_at_quantile(0.99)),
        micros(histogram.value_at_quantile(0.999)),
        micros(histogram.max())
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22}{:>12}{:>12}{:>12}{:>12}", "", "new", "cancel", "replace", "all")?;
        for (name, kinds) in [("sent", &self.sent), ("acknowledged", &self.acknowledged)] {
            let Kinds { new, cancel, replace } = kinds;
            writeln!(f, "{name:<22}{new:>12}{cancel:>12}{replace:>12}{:>12}", kinds.total())?;
        }
        for (name, count) in [
            ("rejected", self.rejected),
            ("cancel-rejected", self.cancel_rejected),
            ("unanswered", self.unanswered),
        ] {
            writeln!(f, "{name:<22}{count:>48}")?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "orders: {} with a fill ({} fills), {} cancelled, {} replaced, {} open",
            self.filled, self.fills, self.cancelled, self.replaced, self.open
        )?;
        writeln!(
            f,
            "{}.{:03} s, {:.0} answers per second, {} ExecutionReports",
            self.duration.0 / Nanos::SECOND.0,
            self.duration.0 % Nanos::SECOND.0 / Nanos::MILLI.0,
            self.throughput(),
            self.executions
        )?;
        writeln!(f)?;
        writeln!(f, "{:<22}{:>12}{:>12}{:>12}{:>12}", "microseconds", "p50", "p99", "p99.9", "max")?;
        percentiles(f, "sent to first report", &self.latency)?;
        if !self.lateness.is_empty() {
            percentiles(f, "late on schedule", &self.lateness)?;
        }
        if let Some(skips) = &self.skips {
            writeln!(f, "\nof the recording: {skips}")?;
        }
        if !self.reject_texts.is_empty() {
            writeln!(f, "\nrejects by text:")?;
            for (text, count) in self.reject_texts.iter().take(TEXTS_SHOWN) {
                writeln!(f, "{count:>12}  {text}")?;
            }
            if self.reject_texts.len() > TEXTS_SHOWN {
                writeln!(f, "{:>12}  (and {} more)", "", self.reject_texts.len() - TEXTS_SHOWN)?;
            }
        }
        for lost in &self.lost {
            writeln!(f, "\nlost: {lost}")?;
        }
        if !self.interruptions.is_empty() {
            writeln!(f, "\nconnections lost, sessions that came back: {}", self.interruptions.len())?;
        }
        writeln!(
            f,
            "\nviolations: {}, duplicate ExecIDs: {}, sequence gaps: {}",
            self.violation_count, self.duplicates_of_exec_id, self.sequence_gaps
        )?;
        for violation in self.violations.iter().take(10) {
            writeln!(f, "    {violation}")?;
        }
        if self.violation_count > 10 {
            writeln!(f, "    (and {} more)", self.violation_count - 10)?;
        }
        if !self.adds_up() {
            writeln!(f, "THE COUNTS DO NOT ADD UP: this account is wrong, do not rely on it")?;
        }
        Ok(())
    }
}
