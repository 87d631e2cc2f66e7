//! When the next snapshot is due: by the commands since the last one, by the time, or since an operator asked.

use wire::command::SnapshotReason;
use wire::{Nanos, Seq};

/// Whoever asks more often than this is answered with the snapshot before.
const ASKED_AT_MOST_EVERY: Nanos = Nanos::SECOND;

/// How often snapshots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// After so many frames; 0: not for their number.
    pub commands: u64,
    /// After this time, if anything has happened since; 0: not for the time.
    pub every: Nanos,
}

/// The schedule of one epoch's sequencer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    interval: Interval,
    /// Behind which frame the last one was taken, and when; before the first of this epoch, when it began.
    last: (Seq, Nanos),
    asked: bool,
}

impl Schedule {
    /// The schedule of an epoch that begins now; the history's last snapshot was taken behind `last`.
    #[must_use]
    pub fn new(interval: Interval, last: Seq, now: Nanos) -> Self {
        Self { interval, last: (last, now), asked: false }
    }

    /// An operator asks for one.
    pub fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether a snapshot is to be taken behind the frame `at`, and why.
    #[must_use]
    pub fn due(&self, now: Nanos, at: Seq) -> Option<SnapshotReason> {
        let Interval { commands, every } = self.interval;
        let (last, taken) = self.last;
        let (frames, time) = (at.0.saturating_sub(last.0), now.since(taken));
        if frames == 0 {
            return None;
        }
        if self.asked && time >= ASKED_AT_MOST_EVERY {
            return Some(SnapshotReason::Asked);
        }
        let enough = commands > 0 && frames >= commands || every > Nanos(0) && time >= every;
        enough.then_some(SnapshotReason::Schedule)
    }

    /// One is taken behind this frame, which is its own.
    pub fn taken(&mut self, now: Nanos, at: Seq) {
        self.last = (at, now);
        self.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Interval = Interval { commands: 100, every: Nanos(60 * Nanos::SECOND.0) };
    const BEGAN: Nanos = Nanos(5 * Nanos::SECOND.0);

    fn schedule(interval: Interval) -> Schedule {
        Schedule::new(interval, Seq(1_000), BEGAN)
    }

    fn after(seconds: u64) -> Nanos {
        Nanos(BEGAN.0 + seconds * Nanos::SECOND.0)
    }

    #[test]
    fn one_is_due_after_so_many_frames_and_then_after_as_many_more() {
        let mut schedule = schedule(INTERVAL);
        assert_eq!(schedule.due(BEGAN, Seq(1_099)), None);
        assert_eq!(schedule.due(BEGAN, Seq(1_100)), Some(SnapshotReason::Schedule));
        schedule.taken(BEGAN, Seq(1_101));
        assert_eq!(schedule.due(BEGAN, Seq(1_200)), None);
        assert_eq!(schedule.due(BEGAN, Seq(1_201)), Some(SnapshotReason::Schedule));
    }

    #[test]
    fn one_is_due_after_the_time_if_anything_has_happened() {
        let schedule = schedule(INTERVAL);
        assert_eq!(schedule.due(after(59), Seq(1_001)), None);
        assert_eq!(schedule.due(after(60), Seq(1_000)), None);
        assert_eq!(schedule.due(after(60), Seq(1_001)), Some(SnapshotReason::Schedule));
    }

    #[test]
    fn an_operator_gets_one_at_once_but_not_one_after_the_other() {
        let mut schedule = schedule(INTERVAL);
        schedule.ask();
        assert_eq!(schedule.due(after(2), Seq(1_001)), Some(SnapshotReason::Asked));
        schedule.taken(after(2), Seq(1_002));
        assert_eq!(schedule.due(after(3), Seq(1_003)), None, "it was answered");
        schedule.ask();
        assert_eq!(schedule.due(Nanos(after(2).0 + 5), Seq(1_003)), None);
        assert_eq!(schedule.due(after(3), Seq(1_003)), Some(SnapshotReason::Asked));
    }

    #[test]
    fn where_nothing_is_scheduled_none_is_due_unless_it_is_asked_for() {
        let mut schedule = schedule(Interval { commands: 0, every: Nanos(0) });
        assert_eq!(schedule.due(after(100_000), Seq(1 << 40)), None);
        schedule.ask();
        assert_eq!(schedule.due(after(100_000), Seq(1 << 40)), Some(SnapshotReason::Asked));
    }
}
