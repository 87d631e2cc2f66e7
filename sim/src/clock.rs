//! A node's clock: off, drifting, jumping ahead at times, never going back.

use wire::Nanos;

/// Where every clock of a run stands about at its beginning: a stamp is recognised in a story.
pub const START: Nanos = Nanos(1_800_000_000_000_000_000);

/// The clock of one node. It never goes back while its process lives, as `node::Clock` does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    /// Ahead of, or behind, the true time.
    offset: i64,
    /// Gains so many microseconds a second.
    drift_ppm: i64,
    last: Nanos,
}

impl Clock {
    /// A clock that is so much off and gains so much.
    #[must_use]
    pub const fn new(offset: i64, drift_ppm: i64) -> Self {
        Self { offset, drift_ppm, last: Nanos(0) }
    }

    /// What it shows at this true time.
    pub fn read(&mut self, now: Nanos) -> Nanos {
        let shown = START.0.saturating_add_signed(self.offset + self.gained(now) + signed(now));
        self.last = self.last.max(Nanos(shown));
        self.last
    }

    /// From now on it is so much more ahead; a negative number lets it stand still for as long.
    pub const fn jump(&mut self, by: i64) {
        self.offset += by;
    }

    /// The process ends; the next one may find the clock set back.
    pub const fn restart(&mut self) {
        self.last = Nanos(0);
    }

    /// The true time at which it will show this, to within a microsecond.
    #[must_use]
    pub fn when(&self, shown: Nanos) -> Nanos {
        if shown == Nanos(u64::MAX) {
            return shown;
        }
        let elapsed = i128::from(shown.0) - i128::from(START.0) - i128::from(self.offset);
        let truth = elapsed * 1_000_000 / i128::from(1_000_000 + self.drift_ppm) + 1;
        Nanos(u64::try_from(truth.max(0)).unwrap_or(u64::MAX))
    }

    fn gained(&self, now: Nanos) -> i64 {
        signed(now) / 1_000_000 * self.drift_ppm
    }
}

/// A run lasts minutes, not centuries.
fn signed(time: Nanos) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_deadline_when_it_says_it_will() {
        for (offset, drift) in [(0, 0), (40_000_000, 200), (-70_000_000, -200)] {
            let mut clock = Clock::new(offset, drift);
            let shown = Nanos(clock.read(Nanos::SECOND).0 + 5_000_000);
            let due = clock.when(shown);
            assert!(clock.read(due).0.abs_diff(shown.0) < 1_000);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_stands_still_until_the_time_has_caught_up() {
        let mut clock = Clock::new(0, 0);
        let before = clock.read(Nanos(100));
        clock.jump(-50);
        assert_eq!(clock.read(Nanos(120)), before);
        assert_eq!(clock.read(Nanos(160)).0, before.0 + 10);
    }
}
