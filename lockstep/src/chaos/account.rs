//! The table and the goals of a run.

use super::measure::Seen;
use super::rounds::Round;
use super::scenario::Fault;
use crate::goal::{Goals, Weight};
use crate::load::Report;
use checker::Verdict;
use cluster::Role;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use wire::Nanos;

/// A sequencer's successor is to answer within so many milliseconds of detection (a wish).
const FAILOVER_GOAL_MS: f64 = 10.0;

/// Nanoseconds of a kind, in the order of size.
#[derive(Clone, Debug, Default)]
struct Figures(Vec<Nanos>);

impl Figures {
    fn of(figures: impl Iterator<Item = Option<Nanos>>) -> Self {
        let mut figures: Vec<Nanos> = figures.flatten().collect();
        figures.sort();
        Self(figures)
    }

    /// Milliseconds of the smallest that so many hundredths of all do not exceed.
    fn percentile(&self, hundredths: usize) -> Option<f64> {
        let rank = (self.0.len() * hundredths).div_ceil(100).max(1);
        self.0.get(rank - 1).map(|nanos| nanos.0 as f64 / 1e6)
    }

    fn words(&self) -> String {
        let shown = |hundredths| self.percentile(hundredths).map_or("-".to_owned(), |ms| format!("{ms:.1}"));
        format!("{:>9}{:>9}{:>9}", shown(50), shown(99), shown(100))
    }
}

/// What stands above the rows of a table.
pub(super) fn table_head(failover: Nanos) -> String {
    let ms = failover.0 / Nanos::MILLI.0;
    let mut head = format!("milliseconds; a silent node is missed after {ms} ms (timing.failover)\n");
    let heads = ["gap for clients", "after detection", "after decision", "gap at return", "all well"];
    // Writing to a string does not fail.
    let _ = write!(head, "{:<28}{:>6}", "", "");
    for name in heads {
        let _ = write!(head, "  {name:>27}");
    }
    let _ = write!(head, "\n{:<28}{:>6}", "fault", "rounds");
    for _ in heads {
        let _ = write!(head, "  {:>9}{:>9}{:>9}", "p50", "p99", "max");
    }
    head.push('\n');
    head
}

/// The row of a fault.
pub(super) fn table_row<'a>(fault: &str, rounds: impl Iterator<Item = &'a (Round, Seen)>) -> String {
    let rounds: Vec<_> = rounds.collect();
    let figures = |figure: fn(&Round, &Seen) -> Option<Nanos>| {
        Figures::of(rounds.iter().map(|(round, seen)| figure(round, seen)))
    };
    let all = [
        figures(|_, seen| seen.gap),
        figures(|_, seen| seen.after_detection),
        figures(|_, seen| seen.after_decision),
        figures(|_, seen| seen.return_gap),
        figures(|round, _| Some(round.well.since(round.began))),
    ];
    let mut row = format!("{fault:<28}{:>6}", rounds.len());
    for figures in all {
        let _ = write!(row, "  {}", figures.words());
    }
    row.push('\n');
    row
}

/// What came of a run.
#[derive(Debug)]
pub struct Account {
    /// The rounds that ended well, and what clients saw of each.
    pub rounds: Vec<(Round, Seen)>,
    /// How many there should have been.
    pub planned: u64,
    /// The cluster's failover timeout.
    pub failover: Nanos,
    /// What the clients hold; none if the load failed.
    pub report: Option<Report>,
    /// What the checker found.
    pub verdict: Verdict,
    /// Whether the engines' digests were compared and never differed.
    pub engines_agree: bool,
    /// What kept the run from its end.
    pub failure: Option<String>,
}

impl Account {
    /// A line for each kind of fault.
    #[must_use]
    pub fn table(&self) -> String {
        let rounds: BTreeSet<&Fault> = self.rounds.iter().map(|(round, _)| &round.fault).collect();
        let mut table = table_head(self.failover);
        for fault in rounds {
            let of_fault = self.rounds.iter().filter(|(round, _)| round.fault == *fault);
            table.push_str(&table_row(&fault.words(), of_fault));
        }
        table
    }

    /// Sessions that were dropped though no gateway was harmed at that time.
    fn dropped(&self) -> Vec<String> {
        let Some(report) = &self.report else { return Vec::new() };
        let gateway_was_harmed = |at: Nanos| {
            let of_gateway = |round: &&(Round, Seen)| round.0.fault.interrupts();
            self.rounds.iter().filter(of_gateway).any(|(round, _)| (round.began..=round.well).contains(&at))
        };
        let mut dropped: Vec<String> = report
            .interruptions
            .iter()
            .filter(|interruption| !gateway_was_harmed(interruption.at))
            .map(|interruption| format!("{}: {}", interruption.client, interruption.why))
            .collect();
        dropped.extend(report.lost.iter().map(ToString::to_string));
        dropped
    }

    /// The goals, a line each. What a gateway's end takes along counts against nobody.
    #[must_use]
    pub fn goals(&self) -> Goals {
        let mut goals = Goals::default();
        goals.tell_promises(&[&self.verdict]);
        let none = |goals: &mut Goals, name: &str, count: u64| {
            goals.tell(Weight::Safety, name, count, 0, count == 0);
        };
        let agree = if self.engines_agree { "yes" } else { "no" };
        goals.tell(Weight::Safety, "engine_digests_agree", agree, "yes", self.engines_agree);
        let violations =
            self.report.as_ref().map_or(0, |report| report.violation_count + report.duplicates_of_exec_id);
        none(&mut goals, "client_violations", violations);
        none(&mut goals, "sessions_dropped", self.dropped().len() as u64);
        let impossible = self.rounds.iter().filter(|(round, _)| round.impossible).count() as u64;
        none(&mut goals, "rounds_with_answers_that_nobody_could_give", impossible);
        let done = self.rounds.len() as u64;
        let complete = done == self.planned && self.failure.is_none();
        goals.tell(Weight::Safety, "rounds_after_which_all_was_well", done, self.planned, complete);
        let judged = self.report.is_some() && self.verdict.counts.acknowledged > 0;
        goals.tell(
            Weight::Safety,
            "acknowledged_orders_judged",
            self.verdict.counts.acknowledged,
            ">0",
            judged,
        );
        let sequencer_alone = |(round, _): &&(Round, Seen)| round.fault.roles == [Role::Sequencer];
        let after = self.rounds.iter().filter(sequencer_alone).map(|(_, seen)| seen.after_detection);
        if let Some(ms) = Figures::of(after).percentile(99) {
            goals.tell(
                Weight::Speed,
                "failover_ms_p99_after_detection",
                format!("{ms:.1}"),
                format!("<{FAILOVER_GOAL_MS}"),
                ms < FAILOVER_GOAL_MS,
            );
        }
        goals
    }

    /// All of it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = String::new();
        if let Some(report) = &self.report {
            let _ = writeln!(words, "{report}");
            for dropped in self.dropped() {
                let _ = writeln!(words, "dropped: {dropped}");
            }
        }
        let _ = writeln!(words, "{}\n\n{}", self.verdict, self.table());
        if let Some(failure) = &self.failure {
            let _ = writeln!(words, "THE RUN DID NOT COME TO ITS END: {failure}\n");
        }
        for line in self.goals().lines() {
            let _ = writeln!(words, "{line}");
        }
        words
    }

    /// Every round as a row.
    #[must_use]
    pub fn rows(&self) -> String {
        let mut rows = String::from(
            "round,fault,victims,began_ns,harmed_ns,revived_ns,resumed_ns,well_ns,gap_ns,after_detection_ns,after_decision_ns,return_gap_ns\n",
        );
        for (round, seen) in &self.rounds {
            let Round { number, victims, began, harmed, revived, resumed, well, .. } = round;
            let _ = write!(
                rows,
                "{number},{},{},{},{},{},{},{}",
                round.fault.words(),
                victims.join("+"),
                began.0,
                harmed.0,
                revived.0,
                resumed.0,
                well.0
            );
            for figure in [seen.gap, seen.after_detection, seen.after_decision, seen.return_gap] {
                let _ = write!(rows, ",{}", figure.map_or(String::new(), |nanos| nanos.0.to_string()));
            }
            rows.push('\n');
        }
        rows
    }
}
