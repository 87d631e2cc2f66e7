//! What the clients saw of each fault, from their own records: how long nothing came while something was waited for, and how
//! long after a decision the first new answer came.

use super::decisions::{About, Decision, Step};
use super::rounds::Round;
use crate::load::Interruption;
use anyhow::Context;
use cluster::Role;
use std::path::Path;
use wire::Nanos;

/// A request, as its client wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) sent: Nanos,
    /// Its first answer, if that was no refusal.
    pub(super) done: Option<Nanos>,
}

/// All that clients sent and were told.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// In the order in which they were sent.
    pub(super) asked: Vec<Asked>,
    /// When a report came, and to whom; in the order of time.
    pub(super) told: Vec<(Nanos, String)>,
}

/// What clients saw of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The longest silence from the fault until the victims were revived (or, where nobody could work until then, until
    /// requests were carried out again), while requests waited for answers; or the time that a session heard nothing whose
    /// connection was lost, if that is longer.
    pub gap: Option<Nanos>,
    /// The longest such silence while the victims came back.
    pub return_gap: Option<Nanos>,
    /// From the moment at which a supervisor proposed a successor to the first new answer.
    pub after_detection: Option<Nanos>,
    /// From the moment at which the decision stood to the first new answer.
    pub after_decision: Option<Nanos>,
}

impl Records {
    /// What `lockstep load --records` and chaos leave in a directory.
    pub fn read(directory: &Path) -> anyhow::Result<Self> {
        Self::read_all([directory])
    }

    /// What they leave in several, one load after the other.
    pub fn read_all<'a>(directories: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Self> {
        let mut records = Self::default();
        for directory in directories {
            records.add(directory)?;
        }
        records.asked.sort_by_key(|asked| asked.sent);
        records.told.sort();
        Ok(records)
    }

    fn add(&mut self, directory: &Path) -> anyhow::Result<()> {
        let records = self;
        let nanos = |text: &str| text.parse::<u64>().ok().map(Nanos);
        each(&directory.join("requests.csv"), ["sent_ns", "first_report_ns", "outcome"], |row| {
            let [sent, first, outcome] = row;
            let refused = matches!(outcome, "rejected" | "cancel_rejected");
            let done = nanos(first).filter(|_| !refused);
            records.asked.push(Asked { sent: nanos(sent).context("a request without its moment")?, done });
            Ok(())
        })?;
        each(&directory.join("executions.csv"), ["client", "received_ns", "exec_id"], |row| {
            let [client, received, exec_id] = row;
            // Refusals made at the edge have an ExecID that is no number: they say nothing about the exchange.
            if exec_id.parse::<u64>().is_ok() {
                records
                    .told
                    .push((nanos(received).context("a report without its moment")?, client.to_owned()));
            }
            Ok(())
        })
    }

    /// The longest silence of the exchange towards all clients within a time, of that only the part in which a request waited
    /// for its answer. A silence that began before that time, or ends after it, counts as a whole.
    fn silence(&self, from: Nanos, to: Nanos) -> Option<Nanos> {
        let first = self.told.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let mut longest = None;
        for pair in self.told[first..].windows(2) {
            let (before, after) = (pair[0].0, pair[1].0);
            if before > to {
                break;
            }
            if longest.is_some_and(|longest| after.since(before) <= longest) {
                continue;
            }
            let waits = self.first_waiting(before, after);
            longest = longest.max(waits.map(|since| after.since(since)));
        }
        longest
    }

    /// Since when, between two reports, a request waited.
    fn first_waiting(&self, before: Nanos, after: Nanos) -> Option<Nanos> {
        // Requests that wait longer than that are lost ones, or those of a stall that is looked at by itself.
        const LONGEST: Nanos = Nanos(60 * Nanos::SECOND.0);
        let from = self.asked.partition_point(|asked| asked.sent.saturating_add(LONGEST) < before);
        self.asked[from..]
            .iter()
            .take_while(|asked| asked.sent < after)
            .find(|asked| asked.done.is_some_and(|done| done >= after))
            .map(|asked| asked.sent.max(before))
    }

    /// How long a session heard nothing whose connection was lost, whatever others heard meanwhile: it could not even ask.
    fn absence(&self, lost: &Interruption) -> Option<Nanos> {
        let told = |at: &&(Nanos, String)| at.1 == lost.client;
        let turn = self.told.partition_point(|(at, _)| *at <= lost.at);
        let before = self.told[..turn].iter().rfind(told)?.0;
        let after = self.told[turn..].iter().find(told)?.0;
        Some(after.since(before))
    }

    /// The first new answer after a moment.
    pub(super) fn next_done(&self, after: Nanos) -> Option<Nanos> {
        self.asked.iter().filter_map(|asked| asked.done).filter(|done| *done > after).min()
    }

    /// What the clients saw of a round.
    #[must_use]
    pub fn seen(&self, round: &Round, decisions: &[Decision], interruptions: &[Interruption]) -> Seen {
        let silence = |from: Nanos, to: Nanos| {
            let own = interruptions.iter().filter(|lost| (from..to).contains(&lost.at));
            own.filter_map(|lost| self.absence(lost)).chain(self.silence(from, to)).max()
        };
        let turn = match round.fault.stalls() {
            true => round.resumed,
            false => round.revived,
        };
        let about = if round.fault.roles.contains(&Role::Sequencer) {
            Some(About::Sequencer)
        } else {
            round.fault.roles.contains(&Role::Engine).then_some(About::Engine)
        };
        let first = |step| {
            let of_round = |decision: &&Decision| {
                Some(decision.about) == about
                    && decision.step == step
                    && (round.began..=round.well).contains(&decision.at)
            };
            let mut of_round = decisions.iter().filter(of_round).map(|decision| decision.at);
            match round.fault.stalls() {
                // What was decided before nobody was left is of no use.
                true => of_round.rfind(|at| *at <= round.resumed),
                false => of_round.next(),
            }
        };
        let until_new = |step| first(step).and_then(|at| self.next_done(at).map(|done| done.since(at)));
        Seen {
            gap: silence(round.began, turn),
            return_gap: silence(turn, round.well),
            after_detection: until_new(Step::Proposed),
            after_decision: until_new(Step::Decided),
        }
    }
}

fn each<const N: usize>(
    path: &Path,
    columns: [&str; N],
    mut with: impl FnMut([&str; N]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.headers()?.clone();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|name| name == column);
        *place = found.with_context(|| format!("{} has no column {column}", path.display()))?;
    }
    for row in reader.records() {
        let row = row.with_context(|| format!("cannot read {}", path.display()))?;
        with(places.map(|place| row.get(place).unwrap_or_default()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::scenario::{Fault, Harm};

    fn records(asked: &[(u64, Option<u64>)], told: &[u64]) -> Records {
        let client = || "A".to_owned();
        let asked =
            asked.iter().map(|(sent, done)| Asked { sent: Nanos(*sent), done: done.map(Nanos) }).collect();
        Records { asked, told: told.iter().map(|at| (Nanos(*at), client())).collect() }
    }

    fn round(harm: Harm, role: Role) -> Round {
        Round {
            number: 1,
            fault: Fault { harm, roles: vec![role] },
            victims: vec![],
            began: Nanos(100),
            harmed: Nanos(101),
            revived: Nanos(500),
            resumed: Nanos(450),
            well: Nanos(900),
            impossible: false,
        }
    }

    #[test]
    fn a_silence_counts_only_while_something_was_waited_for() {
        let told = [90, 105, 400, 410, 700, 905];
        // Sent at 110 and answered at 400: it waited 290 of the 295 that nothing came.
        let records = records(&[(80, Some(90)), (110, Some(400)), (690, Some(700)), (600, None)], &told);
        let seen = records.seen(&round(Harm::Kill, Role::Logger), &[], &[]);
        assert_eq!(seen.gap, Some(Nanos(290)));
        // From 410 to 700 only the request of 690 waited; the one of 600 has no answer at all.
        assert_eq!(seen.return_gap, Some(Nanos(10)));
        assert_eq!(seen.after_detection, None);
    }

    #[test]
    fn a_session_that_lost_its_connection_has_a_silence_of_its_own() {
        let mut records = records(&[(80, Some(90)), (110, Some(115))], &[90, 105, 110, 115, 120]);
        records.told.extend([(95, "B"), (340, "B"), (910, "A")].map(|(at, who)| (Nanos(at), who.to_owned())));
        records.told.sort();
        let gateway = "127.0.0.1:1".parse().unwrap();
        let lost =
            Interruption { client: "B".to_owned(), gateway, at: Nanos(103), why: String::new(), back: None };
        let round = round(Harm::Kill, Role::Gateway);
        assert_eq!(records.seen(&round, &[], &[lost]).gap, Some(Nanos(340 - 95)));
        assert!(records.seen(&round, &[], &[]).gap < Some(Nanos(20)));
    }

    #[test]
    fn the_time_after_detection_ends_with_the_first_new_answer() {
        let records = records(&[(80, Some(120)), (110, Some(400)), (300, Some(410))], &[120, 400, 410]);
        let decision = |at, step| Decision { at: Nanos(at), about: About::Sequencer, step };
        let decisions =
            [decision(50, Step::Proposed), decision(350, Step::Proposed), decision(360, Step::Decided)];
        let seen = records.seen(&round(Harm::Kill, Role::Sequencer), &decisions, &[]);
        assert_eq!((seen.after_detection, seen.after_decision), (Some(Nanos(50)), Some(Nanos(40))));
        // What was decided about sequencers says nothing about engines.
        assert_eq!(records.seen(&round(Harm::Kill, Role::Engine), &decisions, &[]).after_detection, None);
    }
}
