//! When engines were writing snapshots, from the stamps of their log lines.

use anyhow::Context;
use cluster::Role;
use lockstep::chaos::decisions::stamp;
use node::Description;
use wire::Nanos;

/// The words of an engine that begins one, and those after which it writes none.
const BEGUN: &str = "taking a snapshot";
const ENDED: [&str; 3] = ["snapshot written", "no snapshot was written", "starting node="];

/// The times in which some engine was writing one.
pub(super) fn written(description: &Description) -> anyhow::Result<Vec<(Nanos, Nanos)>> {
    let mut times = Vec::new();
    for engine in description.nodes_of(Role::Engine) {
        let path = description.data_of(engine).join("node.log");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        times.extend(times_of(&text));
    }
    Ok(times)
}

fn times_of(log: &str) -> Vec<(Nanos, Nanos)> {
    let (mut times, mut begun) = (Vec::new(), None);
    for line in log.lines() {
        let Some(at) = line.split(' ').next().and_then(stamp) else { continue };
        if line.contains(BEGUN) {
            begun = Some(at);
        } else if ENDED.iter().any(|words| line.contains(words)) {
            times.extend(begun.take().map(|begun| (begun, at)));
        }
    }
    times.extend(begun.map(|begun| (begun, Nanos(u64::MAX))));
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_ends_when_it_is_written_or_when_its_engine_is_started_again() {
        let line = |second: u32, words: &str| format!("2026-11-21T12:00:{second:02}.000000Z  INFO {words}\n");
        let log = [
            line(1, "engine::agents::matcher: taking a snapshot at=1:2:3 resting=4"),
            line(2, "engine::agents::matcher: speaking"),
            line(3, "engine::agents::matcher: snapshot written at=1:2:3"),
            line(4, "engine::agents::matcher: taking a snapshot at=1:9:3 resting=4"),
            line(6, "node::args: starting node=engine-1"),
            line(7, "engine::agents::matcher: taking a snapshot at=1:12:3 resting=4"),
        ];
        let times = times_of(&log.concat());
        let seconds: Vec<_> = times
            .iter()
            .map(|(from, to)| (from.0 / Nanos::SECOND.0 % 60, to.since(*from).0 / Nanos::SECOND.0))
            .collect();
        assert_eq!(seconds[..2], [(1, 2), (4, 2)]);
        assert_eq!((seconds[2].0, times[2].1), (7, Nanos(u64::MAX)));
    }
}
