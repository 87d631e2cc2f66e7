//! How long the exchange fell silent about a moment, from what clients wrote down as it came.

use super::measure::Records;
use wire::Nanos;

/// What is usual is looked for in so much time before a moment.
const BEFORE: Nanos = Nanos::SECOND;

impl Records {
    /// The longest time between two reports that follow each other, to whomever: from the last one before `began` to the
    /// first answer to a request that was sent after `harmed`. From then on the exchange speaks of what it was asked since.
    /// None if one of these two never came.
    #[must_use]
    pub fn gap(&self, began: Nanos, harmed: Nanos) -> Option<Nanos> {
        let turn = self.told.partition_point(|(at, _)| *at <= began);
        let first = turn.checked_sub(1)?;
        let end = self.first_answer(harmed)?;
        let between = self.told[first..].windows(2).take_while(|pair| pair[0].0 < end);
        between.map(|pair| pair[1].0.since(pair[0].0)).max()
    }

    /// The median time between two reports that follow each other, in the second before a moment. None if fewer than two came.
    #[must_use]
    pub fn usual_gap(&self, before: Nanos) -> Option<Nanos> {
        let from = self.told.partition_point(|(at, _)| at.saturating_add(BEFORE) < before);
        let to = self.told.partition_point(|(at, _)| *at < before);
        let mut gaps: Vec<Nanos> =
            self.told[from..to].windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
        gaps.sort();
        gaps.get(gaps.len() / 2).copied()
    }

    /// The first answer, other than a refusal, to a request that was sent after a moment.
    fn first_answer(&self, after: Nanos) -> Option<Nanos> {
        let from = self.asked.partition_point(|asked| asked.sent <= after);
        let mut first: Option<Nanos> = None;
        for asked in &self.asked[from..] {
            // What is sent later is answered later yet.
            if first.is_some_and(|first| asked.sent >= first) {
                break;
            }
            first = [first, asked.done].into_iter().flatten().min();
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Asked;
    use super::*;

    fn records() -> Records {
        let asked = |sent, done| Asked { sent: Nanos(sent), done: Some(Nanos(done)) };
        let told = [100, 110, 121, 130, 190, 200, 300, 310];
        Records {
            // Asked at 135, while nobody answered; at 150 too, and that one was answered first.
            asked: vec![asked(95, 100), asked(112, 130), asked(135, 200), asked(150, 190), asked(290, 300)],
            told: told.map(|at| (Nanos(at), "A".to_owned())).to_vec(),
        }
    }

    #[test]
    fn a_gap_goes_from_the_last_word_before_the_harm_to_the_first_answer_to_what_was_asked_since() {
        // What was on its way still comes, at 121 and 130; the silence is the longest time between two reports.
        assert_eq!(records().gap(Nanos(120), Nanos(132)), Some(Nanos(60)));
        // It lasts until something was asked and is answered.
        assert_eq!(records().gap(Nanos(195), Nanos(196)), Some(Nanos(100)));
        assert_eq!(records().gap(Nanos(105), Nanos(111)), Some(Nanos(11)));
    }

    #[test]
    fn without_a_word_before_or_an_answer_after_there_is_no_gap() {
        assert_eq!(records().gap(Nanos(50), Nanos(51)), None);
        assert_eq!(records().gap(Nanos(300), Nanos(301)), None);
    }

    #[test]
    fn what_is_usual_is_the_median_of_the_time_before() {
        assert_eq!(records().usual_gap(Nanos(200)), Some(Nanos(11)));
        assert_eq!(records().usual_gap(Nanos(105)), None);
    }
}
