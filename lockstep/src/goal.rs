//! One line a goal: `GOAL name value target met|missed`.

use checker::{Promise, Verdict};
use std::fmt::Display;

/// What counts when goals are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// A promise: missed, it fails the run.
    Safety,
    /// A wish: told and never a reason to fail.
    Speed,
}

/// The goals of a run.
#[derive(Clone, Debug, Default)]
pub struct Goals {
    lines: Vec<String>,
    broken: Vec<String>,
}

impl Goals {
    /// Tells a goal.
    pub fn tell(&mut self, weight: Weight, name: &str, value: impl Display, target: impl Display, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        self.lines.push(format!("GOAL {name} {value} {target} {verdict}"));
        if !met && weight == Weight::Safety {
            self.broken.push(name.to_owned());
        }
    }

    /// Tells the promises that the checker judges, over these verdicts, but for the engines' digests, which the board compares.
    pub fn tell_promises(&mut self, verdicts: &[&Verdict]) {
        for (name, promise) in [
            ("acknowledged_orders_lost", Promise::NothingLost),
            ("orders_executed_twice", Promise::NothingTwice),
            ("false_reports", Promise::NothingFalse),
            ("histories_that_differ", Promise::OneHistory),
            ("gateway_numbers_out_of_order", Promise::GatewayOrder),
            ("events_without_cause_or_not_alike", Promise::EventsSound),
        ] {
            let count = verdicts.iter().map(|verdict| verdict.count(promise)).sum::<u64>();
            self.tell(Weight::Safety, name, count, 0, count == 0);
        }
        let verifies = verdicts.iter().all(|verdict| verdict.count(Promise::LogsSound) == 0);
        self.tell(Weight::Safety, "log_verifies", if verifies { "yes" } else { "no" }, "yes", verifies);
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// An error that names the promises that were broken, if any were.
    pub fn judge(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.broken.is_empty(), "promises broken: {}", self.broken.join(", "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_promise_fails_the_run_and_a_missed_wish_does_not() {
        let mut goals = Goals::default();
        goals.tell(Weight::Speed, "p99_us", 900, "<500", false);
        assert!(goals.judge().is_ok());
        goals.tell(Weight::Safety, "orders_lost", 1, 0, false);
        assert_eq!(goals.judge().unwrap_err().to_string(), "promises broken: orders_lost");
        assert_eq!(goals.lines(), ["GOAL p99_us 900 <500 missed", "GOAL orders_lost 1 0 missed"]);
    }
}
