//! The one clock of a process: nanoseconds since the Unix epoch, never going back within it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wire::Nanos;

/// Read once a duty cycle, at the edge; cores get the reading as an argument.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    offset: u64,
}

impl Clock {
    /// A clock set by the system's at this moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
    pub fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset =
            u64::try_from(since.as_nanos()).expect("64 bits of nanoseconds last until the year 2554");
        Self { started: Instant::now(), offset }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Nanos {
        let elapsed =
            u64::try_from(self.started.elapsed().as_nanos()).expect("a process does not live for centuries");
        Nanos(self.offset + elapsed)
    }
}
