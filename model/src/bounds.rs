//! How large a world is explored.

/// The bounds of an exploration. Everything within them is explored; nothing is said about what lies beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Loggers of the cluster.
    pub loggers: u16,
    /// Hosts of sequencers. Each epoch has a process of its own, and a deposed one speaks on for good, so this gives names
    /// only.
    pub sequencers: u16,
    /// Epochs that may be granted, the first one included.
    pub epochs: u32,
    /// Clients' commands that may be stamped.
    pub commands: u8,
    /// Restarts of loggers' processes; log and promise stay.
    pub crashes: u8,
    /// Loggers that lose their disk and come back with an empty log and a new life.
    pub losses: u8,
    /// Times that the holder of the best log falls silent while it is fetched.
    pub silences: u8,
    /// Whether a log is fetched frame by frame, so that its holder can fall silent in between.
    pub piecemeal: bool,
    /// Whether a new candidate may also be a process that holds nothing; otherwise it holds all that was released.
    pub fresh: bool,
    /// Whether an observer moves from epoch to epoch and hears frames and acknowledgements late.
    pub observer: bool,
    /// Whether the exploration begins before the first epoch; otherwise when epoch 1 is open on all loggers.
    pub from_nothing: bool,
    /// Whether any epoch may be granted as a cold start: without counting on a majority, all loggers must answer.
    pub recold: bool,
    /// Whether states that differ only in the names of loggers count as different. They do if a holder may fall silent.
    pub named: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            loggers: 3,
            sequencers: 2,
            epochs: 3,
            commands: 1,
            crashes: 0,
            losses: 0,
            silences: 0,
            piecemeal: false,
            fresh: false,
            observer: false,
            from_nothing: false,
            recold: false,
            named: false,
        }
    }
}

impl Bounds {
    /// What is wrong with them, if something is.
    ///
    /// # Errors
    /// The bound that leaves what the protocol promises anything about.
    pub fn validated(self) -> Result<Self, &'static str> {
        if !(1..=7).contains(&self.loggers) {
            return Err("loggers: 1 to 7");
        }
        if self.sequencers == 0 || self.epochs == 0 {
            return Err("at least one sequencer and one epoch");
        }
        if u16::from(self.losses) > (self.loggers - 1) / 2 {
            return Err(
                "losses: a minority of the loggers; beyond it acknowledged frames may be lost, as documented",
            );
        }
        Ok(self)
    }
}
