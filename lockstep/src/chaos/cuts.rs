//! The table and the goals of power cuts.

use super::account::{table_head, table_row};
use super::measure::Seen;
use super::rounds::Round;
use crate::goal::{Goals, Weight};
use checker::Verdict;
use node::description::Durability;
use std::fmt::Write as _;
use wire::Nanos;

/// One round.
#[derive(Debug)]
pub struct Cut {
    /// What the loggers had promised.
    pub durability: Durability,
    /// When what happened, and what clients saw of it.
    pub seen: (Round, Seen),
    /// What the checker found in the records of the clients before and after.
    pub verdict: Verdict,
    /// What clients held against the exchange by themselves.
    pub client_violations: u64,
    /// Whether the engines' digests were compared and never differed.
    pub engines_agree: bool,
    /// Whether nothing went on before the operator's word, and then went on. True where no word was needed.
    pub asked_first: bool,
    /// What was done to the disks, and what the operator was told.
    pub told: String,
}

/// All rounds.
#[derive(Debug)]
pub struct CutsAccount {
    /// Those that came to their end.
    pub cuts: Vec<Cut>,
    /// How many there should have been.
    pub planned: u64,
    /// The clusters' failover timeout.
    pub failover: Nanos,
    /// What kept the run from its end.
    pub failure: Option<String>,
}

/// As it stands in a description.
pub(super) const fn word(durability: Durability) -> &'static str {
    match durability {
        Durability::Written => "written",
        Durability::Synced => "synced",
    }
}

impl Cut {
    /// As in `power-cut written`.
    fn name(durability: Durability) -> String {
        format!("power-cut {}", word(durability))
    }

    /// What became of it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let (round, _) = &self.seen;
        let ms = |from: Nanos, to: Nanos| to.since(from).0 / Nanos::MILLI.0;
        let counts = &self.verdict.counts;
        format!(
            "{:<18} carried out again after {:>5} ms, all well after {:>5} ms; of {} acknowledged orders {} lost, of {} reports {}\n{}",
            Self::name(self.durability),
            ms(round.began, round.resumed),
            ms(round.began, round.well),
            counts.acknowledged,
            self.lost(),
            counts.reports,
            counts.reports_given_up,
            self.told
        )
    }

    /// Acknowledged orders that are gone, allowed or not.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.verdict.counts.acknowledged_given_up + self.verdict.count(checker::Promise::NothingLost)
    }
}

impl CutsAccount {
    fn of(&self, durability: Durability) -> impl Iterator<Item = &Cut> + Clone {
        self.cuts.iter().filter(move |cut| cut.durability == durability)
    }

    /// The goals, a line each, over all rounds.
    #[must_use]
    pub fn goals(&self) -> Goals {
        let mut goals = Goals::default();
        let verdicts: Vec<&Verdict> = self.cuts.iter().map(|cut| &cut.verdict).collect();
        goals.tell_promises(&verdicts);
        let sum = |cuts: &mut dyn Iterator<Item = &Cut>, count: fn(&Cut) -> u64| cuts.map(count).sum::<u64>();
        let lost =
            sum(&mut self.of(Durability::Synced), |cut| cut.lost() + cut.verdict.counts.reports_given_up);
        goals.tell(Weight::Safety, "acknowledged_lost_with_synced", lost, 0, lost == 0);
        let given_up = sum(&mut self.of(Durability::Synced), |cut| cut.verdict.losses.len() as u64);
        goals.tell(Weight::Safety, "epochs_that_needed_an_operator_with_synced", given_up, 0, given_up == 0);
        let silent = sum(&mut self.of(Durability::Written), |cut| {
            u64::from(!cut.asked_first || cut.verdict.losses.len() != 1)
        });
        goals.tell(Weight::Safety, "cold_starts_without_an_operator", silent, 0, silent == 0);
        let lost = sum(&mut self.of(Durability::Written), |cut| cut.verdict.counts.acknowledged_given_up);
        goals.tell(Weight::Speed, "acknowledged_lost_with_written", lost, "any", true);
        let violations = sum(&mut self.cuts.iter(), |cut| cut.client_violations);
        goals.tell(Weight::Safety, "client_violations", violations, 0, violations == 0);
        let agree = self.cuts.iter().all(|cut| cut.engines_agree);
        let word = if agree { "yes" } else { "no" };
        goals.tell(Weight::Safety, "engine_digests_agree", word, "yes", agree);
        let judged = self.cuts.iter().all(|cut| cut.verdict.counts.acknowledged > 0);
        let acknowledged = sum(&mut self.cuts.iter(), |cut| cut.verdict.counts.acknowledged);
        goals.tell(Weight::Safety, "acknowledged_orders_judged", acknowledged, ">0", judged);
        let done = self.cuts.len() as u64;
        let complete = done == self.planned && self.failure.is_none();
        goals.tell(Weight::Safety, "rounds_after_which_all_was_well", done, self.planned, complete);
        goals
    }

    /// All of it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = String::new();
        // Writing to a string does not fail.
        for cut in self.cuts.iter().filter(|cut| !cut.verdict.is_clean()) {
            let _ = writeln!(words, "round {}:\n{}\n", cut.seen.0.number, cut.verdict);
        }
        words.push_str(&table_head(self.failover));
        for durability in [Durability::Synced, Durability::Written] {
            let rounds: Vec<_> = self.of(durability).map(|cut| cut.seen.clone()).collect();
            if !rounds.is_empty() {
                words.push_str(&table_row(&Cut::name(durability), rounds.iter()));
            }
        }
        if let Some(failure) = &self.failure {
            let _ = writeln!(words, "THE RUN DID NOT COME TO ITS END: {failure}\n");
        }
        for line in self.goals().lines() {
            let _ = writeln!(words, "{line}");
        }
        words
    }
}
