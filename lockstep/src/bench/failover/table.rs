//! The gaps of one pair of timeouts, and the table of all.

use lockstep::goal::{Goals, Weight};
use std::io::{self, Write};
use wire::Nanos;

/// The gap of a kill beyond what is usual is to stay under this at the 99th percentile (a wish).
const GOAL: Nanos = Nanos::MILLI;

/// What clients saw of a kill, and of a moment before it at which nothing was killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) began: Nanos,
    /// The longest time without a report about the kill.
    pub(super) gap: Nanos,
    /// The median time between two reports in the second before.
    pub(super) usual: Nanos,
    /// The same two about the other moment.
    pub(super) control: Nanos,
    pub(super) control_usual: Nanos,
    /// An engine was writing a snapshot.
    pub(super) during_snapshot: bool,
}

/// What was judged of a cluster, and found in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    /// Orders that clients were told of.
    pub(super) acknowledged: u64,
}

/// One pair of timeouts.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Lines of `[timing]`, and sections behind it.
    pub(super) timing: String,
    pub(super) gaps: Vec<Gap>,
    acknowledged: u64,
}

/// Microseconds of a kind.
#[derive(Clone, Debug)]
struct Figures(Vec<Nanos>);

impl Figures {
    fn of(gaps: impl Iterator<Item = Nanos>) -> Self {
        let mut sorted: Vec<Nanos> = gaps.collect();
        sorted.sort();
        Self(sorted)
    }

    /// The smallest that so many hundredths of all do not exceed.
    fn percentile(&self, hundredths: usize) -> Option<Nanos> {
        let rank = (self.0.len() * hundredths).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    fn above(&self, limit: Nanos) -> usize {
        self.0.len() - self.0.partition_point(|gap| *gap <= limit)
    }

    fn words(&self) -> String {
        let micros = |hundredths| {
            self.percentile(hundredths).map_or("-".to_owned(), |gap| format!("{:.0}", gap.0 as f64 / 1e3))
        };
        format!("{:>9}{:>9}{:>10}{:>8}", micros(50), micros(99), micros(100), self.above(Nanos::MILLI))
    }
}

impl Row {
    pub(super) fn new(name: &str, timing: String) -> Self {
        Self { name: name.to_owned(), timing, gaps: Vec::new(), acknowledged: 0 }
    }

    pub(super) fn add(&mut self, gaps: Vec<Gap>, judged: &Judged) {
        self.gaps.extend(gaps);
        self.acknowledged += judged.acknowledged;
    }

    /// What the kills cost beyond what is usual.
    fn kills(&self) -> Figures {
        Figures::of(self.gaps.iter().map(|gap| gap.gap.since(gap.usual)))
    }

    /// The same of those kills that fell into the writing of a snapshot.
    fn kills_during_snapshots(&self) -> Figures {
        Figures::of(self.gaps.iter().filter(|gap| gap.during_snapshot).map(|gap| gap.gap.since(gap.usual)))
    }

    /// The same of the moments at which nothing was killed.
    fn controls(&self) -> Figures {
        Figures::of(self.gaps.iter().map(|gap| gap.control.since(gap.control_usual)))
    }

    /// What there is so far.
    pub(super) fn words(&self) -> String {
        let shown = |figures: &Figures, hundredths| {
            figures.percentile(hundredths).map_or(f64::NAN, |gap| gap.0 as f64 / 1e3)
        };
        let (kills, controls) = (self.kills(), self.controls());
        format!(
            "gap p50 {:.0} us, p99 {:.0} us; nothing killed: p50 {:.0} us, p99 {:.0} us",
            shown(&kills, 50),
            shown(&kills, 99),
            shown(&controls, 50),
            shown(&controls, 99)
        )
    }
}

/// The table and the goals.
pub(super) fn tell(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nmicroseconds without a report, over all sessions, less the median time between two reports in the second before"
    )?;
    let heads = ["hot engine killed", "nothing killed"];
    writeln!(out, "{:<34}{:>6}{:>36}{:>36}", "", "", heads[0], heads[1])?;
    write!(out, "{:<34}{:>6}", "timeouts", "kills")?;
    for _ in heads {
        write!(out, "{:>9}{:>9}{:>10}{:>8}", "p50", "p99", "max", "> 1 ms")?;
    }
    writeln!(out)?;
    let mut goals = Goals::default();
    for row in rows {
        let (kills, controls) = (row.kills(), row.controls());
        writeln!(out, "{:<34}{:>6}{}{}", row.name, row.gaps.len(), kills.words(), controls.words())?;
        let during = row.kills_during_snapshots();
        if !during.0.is_empty() {
            writeln!(out, "{:<34}{:>6}{}", "  of these, during a snapshot", during.0.len(), during.words())?;
        }
        if let Some(p99) = kills.percentile(99) {
            let name = format!("engine_failover_us_p99({})", row.name.replace(", ", ",").replace(' ', "_"));
            let (value, target) = (p99.0 / 1_000, format!("<{}", GOAL.0 / 1_000));
            goals.tell(Weight::Speed, &name, value, target, p99 < GOAL);
        }
    }
    let acknowledged: u64 = rows.iter().map(|row| row.acknowledged).sum();
    writeln!(
        out,
        "\n{acknowledged} acknowledged orders judged: none lost, none executed twice, no false report"
    )?;
    for line in goals.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_beyond_what_is_usual() {
        let mut row = Row::new("x", String::new());
        let gap = |gap, control| Gap {
            began: Nanos(0),
            gap: Nanos(gap),
            usual: Nanos(500_000),
            control: Nanos(control),
            control_usual: Nanos(400_000),
            during_snapshot: false,
        };
        row.add(vec![gap(1_500_001, 300_000), gap(900_000, 500_000)], &Judged { acknowledged: 3 });
        assert_eq!(
            (row.kills().percentile(50), row.kills().percentile(99)),
            (Some(Nanos(400_000)), Some(Nanos(1_000_001)))
        );
        assert_eq!(row.kills().above(Nanos::MILLI), 1, "one is above a millisecond by a nanosecond");
        assert_eq!(row.controls().percentile(50), Some(Nanos(0)), "shorter than usual is no gap");
        assert_eq!(row.controls().percentile(100), Some(Nanos(100_000)));
    }
}
