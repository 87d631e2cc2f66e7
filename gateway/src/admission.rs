//! How much may be on its way: overload is refused here, at the edge, before a command has a number.

use std::fmt;
use wire::Incarnation;

/// Of the limit, in hundredths: from here on new orders are refused.
const SHED_FROM: u64 = 90;
/// Of the limit, in hundredths: below, they are taken again.
const SHED_UNTIL: u64 = 70;

/// How the way to the sequencer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// Everything is taken.
    Normal,
    /// New orders are refused; what makes the market safer (cancels, logouts) is taken.
    Shedding,
    /// Nothing can be taken.
    Full,
}

/// The log shows a later life of this gateway, or another process in the same: the sequencer takes nothing of this one any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken {
    /// This life.
    pub own: Incarnation,
    /// The one that the log shows.
    pub later: Incarnation,
}

impl fmt::Display for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own, later } = self;
        write!(
            f,
            "this is incarnation {own} of the gateway, but another process has begun incarnation {later}: if another process is \
             this gateway now, leave it to that; if not, the supervisors have lost what they had decided, and issue lives \
             again that were lived before (see `logger dump`)"
        )
    }
}

impl std::error::Error for Overtaken {}

/// Counts the commands that are numbered and not yet committed: what is only sequenced can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Admission {
    limit: u64,
    /// The last number given.
    numbered: u64,
    /// The last number that is committed.
    committed: u64,
    shedding: bool,
}

impl Admission {
    /// At most `limit` commands on their way.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { limit, numbered: 0, committed: 0, shedding: false }
    }

    /// How things stand; decides when shedding begins and ends.
    pub fn pressure(&mut self) -> Pressure {
        let load = self.in_flight() * 100;
        if load >= self.limit * SHED_FROM {
            self.shedding = true;
        } else if load < self.limit * SHED_UNTIL {
            self.shedding = false;
        }
        match self.shedding {
            _ if self.in_flight() >= self.limit => Pressure::Full,
            true => Pressure::Shedding,
            false => Pressure::Normal,
        }
    }

    /// Gives the next number.
    pub fn number(&mut self) -> u64 {
        assert!(self.in_flight() < self.limit, "a command was numbered though nothing could be taken");
        self.numbered += 1;
        self.numbered
    }

    /// The command of this number is committed.
    pub fn handle_committed(&mut self, number: u64) {
        assert!(
            number <= self.numbered,
            "command {number} was committed, but {} was the last one given",
            self.numbered
        );
        self.committed = self.committed.max(number);
    }

    /// The last number given.
    #[must_use]
    pub fn numbered(&self) -> u64 {
        self.numbered
    }

    /// Commands on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.numbered - self.committed
    }

    /// All numbers up to here need not be sent again.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// How many may be on their way.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_orders_are_refused_at_ninety_and_taken_again_below_seventy_per_cent() {
        let mut admission = Admission::new(100);
        let mut seen = Vec::new();
        for _ in 0..100 {
            seen.push(admission.pressure());
            admission.number();
        }
        assert_eq!(seen.iter().position(|p| *p == Pressure::Shedding), Some(90));
        assert_eq!(admission.pressure(), Pressure::Full);
        admission.handle_committed(30);
        assert_eq!((admission.in_flight(), admission.pressure()), (70, Pressure::Shedding));
        admission.handle_committed(31);
        assert_eq!(admission.pressure(), Pressure::Normal);
    }

    #[test]
    #[should_panic(expected = "was the last one given")]
    fn a_command_that_was_never_given_cannot_be_committed() {
        Admission::new(10).handle_committed(1);
    }
}
