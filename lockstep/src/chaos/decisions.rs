//! When the supervisors decided, from the stamps of their log lines: they are made by the clock that the clients' records have.
//!
//! Detection is the line `proposing record=Grant` (or `Hot`) of the supervisor that leads: it has just noticed the silence, and
//! nothing is written yet. `epoch granted` (or `hot engine named`) is the same decision once a majority of them holds it.

use anyhow::Context;
use cluster::Role;
use node::Description;
use wire::Nanos;

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Which sequencer leads.
    Sequencer,
    /// Which engine speaks.
    Engine,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A supervisor has noticed, and proposes.
    Proposed,
    /// It stands.
    Decided,
}

/// A line of a supervisor's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When it was written.
    pub at: Nanos,
    /// What about.
    pub about: About,
    /// How far.
    pub step: Step,
}

/// The words that tell a decision.
const WORDS: [(&str, About, Step); 4] = [
    ("proposing record=Grant", About::Sequencer, Step::Proposed),
    ("proposing record=Hot", About::Engine, Step::Proposed),
    ("epoch granted", About::Sequencer, Step::Decided),
    ("hot engine named", About::Engine, Step::Decided),
];

/// All decisions of all supervisors, in the order of time.
pub fn read(description: &Description) -> anyhow::Result<Vec<Decision>> {
    let mut decisions = Vec::new();
    for supervisor in description.nodes_of(Role::Supervisor) {
        let path = description.data_of(supervisor).join("node.log");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        decisions.extend(text.lines().filter_map(decision));
    }
    decisions.sort_by_key(|decision| decision.at);
    Ok(decisions)
}

fn decision(line: &str) -> Option<Decision> {
    let (_, about, step) = *WORDS.iter().find(|(words, ..)| line.contains(words))?;
    Some(Decision { at: stamp(line.split(' ').next()?)?, about, step })
}

/// Nanoseconds since the Unix epoch of `2026-11-21T12:45:58.123456Z`; `None`: it is not of that form.
#[must_use]
pub fn stamp(text: &str) -> Option<Nanos> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: Option<&str>| text?.parse::<u64>().ok();
    let mut date = date.split('-');
    let (year, month, day) = (number(date.next())?, number(date.next())?, number(date.next())?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':');
    let (hour, minute, second) = (number(time.next())?, number(time.next())?, number(time.next())?);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || day == 0 || fraction.len() > 9 {
        return None;
    }
    // Days from 0000-03-01: a year that begins in March has its leap day at its end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // From there to 1970-01-01.
    let seconds = ((days - 719_468) * 24 + hour) * 3_600 + minute * 60 + second;
    let nanos = fraction.parse::<u64>().ok()? * 10_u64.pow(9 - u32::try_from(fraction.len()).ok()?);
    Some(Nanos(seconds * Nanos::SECOND.0 + nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_read_with_its_moment() {
        let line =
            "2026-11-21T12:45:58.123456Z  WARN supervisor::node: epoch granted: silent epoch=2 sequencer=6";
        let at = Nanos(1_795_265_158_123_456_000);
        let expected = Decision { at, about: About::Sequencer, step: Step::Decided };
        assert_eq!(decision(line), Some(expected));
        assert_eq!(
            decision("2026-11-21T12:45:58.123456Z  INFO supervisor::node: a process was admitted"),
            None
        );
        assert_eq!(decision("no stamp: epoch granted"), None);
    }

    #[test]
    fn leap_days_are_counted() {
        assert_eq!(stamp("1970-01-01T00:00:00Z"), Some(Nanos(0)));
        assert_eq!(stamp("2000-02-29T00:00:00.5Z"), Some(Nanos(951_782_400_500_000_000)));
        assert_eq!(stamp("2024-03-01T00:00:00Z"), Some(Nanos(1_709_251_200_000_000_000)));
    }
}
