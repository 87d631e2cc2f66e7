//! What is promised, what was found, and how it is told: a short table, then the first findings in words.

use crate::log::LogAccount;
use serde::Serialize;
use std::fmt;
use wire::{Chain, Epoch, Nanos, Outbound, Position, Seq};

/// The most findings of a promise that are kept with their words; all are counted.
pub const MAX_WORDS: usize = 20;

/// What the cluster promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Promise {
    /// Each log by itself: numbers, chain, time, epochs.
    LogsSound,
    /// The logs are one history; what was committed is in it.
    OneHistory,
    /// The commands of each gateway's life, once and in its order.
    GatewayOrder,
    /// No acknowledged order is lost.
    NothingLost,
    /// No order is executed twice.
    NothingTwice,
    /// No client was told what never was.
    NothingFalse,
    /// The event journals: numbers, causes, the same on all loggers.
    EventsSound,
    /// Engines that have executed the same have the same digest.
    EnginesAgree,
}

impl Promise {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::LogsSound,
        Self::OneHistory,
        Self::GatewayOrder,
        Self::NothingLost,
        Self::NothingTwice,
        Self::NothingFalse,
        Self::EventsSound,
        Self::EnginesAgree,
    ];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::LogsSound => "each log: no gap, one chain, time and epochs never fall",
            Self::OneHistory => "the logs are one history, nothing committed overruled",
            Self::GatewayOrder => "each gateway life's commands once and in its order",
            Self::NothingLost => "no acknowledged order is lost",
            Self::NothingTwice => "no order is executed twice",
            Self::NothingFalse => "no client holds a false report",
            Self::EventsSound => "events: no gap, caused by the history, the same everywhere",
            Self::EnginesAgree => "engines at the same position have the same digest",
        }
    }
}

/// Findings against one promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many.
    pub count: u64,
    /// The first of them in words, at most [`MAX_WORDS`].
    pub words: Vec<String>,
}

/// What was read and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Frames in the history.
    pub frames: u64,
    /// Epochs in the history.
    pub epochs: u64,
    /// Logs that leave the history with frames that were not committed.
    pub forks: u64,
    /// Frames of those forks, each log counted.
    pub forked_frames: u64,
    /// Lives of gateways in the history.
    pub lives: u64,
    /// Commands of gateways in the history.
    pub commands: u64,
    /// Events, by number.
    pub events: u64,
    /// Orders that the events accepted.
    pub accepted: u64,
    /// Orders whose acknowledgement a client holds.
    pub acknowledged: u64,
    /// Of them, those that are lost and that an operator gave up: see [`Verdict::losses`].
    pub acknowledged_given_up: u64,
    /// Requests without an answer that are in the history.
    pub unknown_in_history: u64,
    /// Requests without an answer that are not in the history.
    pub unknown_not_in_history: u64,
    /// Requests without an answer of clients of whom no session is known.
    pub unknown_client: u64,
    /// Reports that clients hold and that name an event.
    pub reports: u64,
    /// Of them, those whose event is lost and that an operator gave up.
    pub reports_given_up: u64,
    /// Of them, those that a client holds once more, word for word.
    pub repeated: u64,
    /// Reports that a gateway made at its edge: they are in no log.
    pub edge_reports: u64,
    /// Digests of engines.
    pub digests: u64,
    /// Positions at which at least two engines' digests were compared.
    pub digest_positions: u64,
}

/// How many events one logger's journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalAccount {
    /// The logger.
    pub name: String,
    /// How many.
    pub events: u64,
    /// The last one's number; 0 if there is none.
    pub last: Outbound,
}

/// A cold start that an operator allowed: what was acknowledged before it may be missing behind its parent, and is counted
/// instead of found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The epoch that says so in its `EpochStart`.
    pub epoch: Epoch,
    /// When that was stamped: what clients were told before may be lost.
    pub stamped: Nanos,
    /// The parent's number: no frame up to here may be missing.
    pub frames: Seq,
    /// The last event that is caused up to there: none up to here may be missing.
    pub events: Outbound,
}

impl Loss {
    /// Whether an order of this number that was told at this time may be lost.
    pub(crate) fn covers_frame(&self, told: Nanos, number: u64) -> bool {
        told < self.stamped && number > self.frames.0
    }

    /// Whether a report of this number that was told at this time may be lost.
    pub(crate) fn covers_event(&self, told: Nanos, number: u64) -> bool {
        told < self.stamped && number > self.events.0
    }
}

/// What was judged, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was read and compared.
    pub counts: Counts,
    /// The end of the history.
    pub last: Position,
    /// Which of `logs` the history was read from.
    pub history: Option<usize>,
    /// Every log by itself.
    pub logs: Vec<LogAccount>,
    /// Every event journal by itself.
    pub journals: Vec<JournalAccount>,
    /// What operators gave up.
    pub losses: Vec<Loss>,
    /// What is allowed and yet worth knowing: forks, torn ends, records without a file.
    pub notes: Vec<String>,
    findings: [Findings; Promise::ALL.len()],
}

impl Verdict {
    /// Something was found against a promise.
    pub(crate) fn add(&mut self, promise: Promise, words: impl FnOnce() -> String) {
        let findings = &mut self.findings[promise as usize];
        findings.count += 1;
        if findings.words.len() < MAX_WORDS {
            findings.words.push(words());
        }
    }

    /// What was found against a promise.
    #[must_use]
    pub fn against(&self, promise: Promise) -> &Findings {
        &self.findings[promise as usize]
    }

    /// How much was found against a promise; 0 if it was kept.
    #[must_use]
    pub fn count(&self, promise: Promise) -> u64 {
        self.against(promise).count
    }

    /// Whether nothing was found against any promise.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|findings| findings.count == 0)
    }

    /// What was looked at for a promise, in words; none if there was nothing to look at.
    fn looked_at(&self, promise: Promise) -> Option<String> {
        let counts = &self.counts;
        Some(match promise {
            Promise::LogsSound => {
                let frames: u64 = self.logs.iter().map(|log| log.frames).sum();
                format!("{} logs, {frames} frames", self.logs.len())
            }
            Promise::OneHistory if counts.frames == 0 => return None,
            Promise::OneHistory => {
                let forks = match counts.forks {
                    0 => String::new(),
                    forks => format!(", {forks} forks ({} frames)", counts.forked_frames),
                };
                format!("{} frames, {} epochs{forks}", counts.frames, counts.epochs)
            }
            Promise::GatewayOrder if counts.lives == 0 => return None,
            Promise::GatewayOrder => format!("{} lives, {} commands", counts.lives, counts.commands),
            Promise::NothingLost => {
                let unknown =
                    counts.unknown_in_history + counts.unknown_not_in_history + counts.unknown_client;
                if counts.acknowledged + unknown + counts.reports == 0 {
                    return None;
                }
                let (acknowledged, inside) = (counts.acknowledged, counts.unknown_in_history);
                let given_up = match counts.acknowledged_given_up {
                    0 => String::new(),
                    lost => format!(", {lost} given up"),
                };
                format!(
                    "{acknowledged} acknowledged{given_up}; unknown: {inside} in the history of {unknown}"
                )
            }
            Promise::NothingTwice if counts.accepted == 0 => return None,
            Promise::NothingTwice => format!("{} accepted", counts.accepted),
            Promise::NothingFalse if counts.reports + counts.edge_reports == 0 => return None,
            Promise::NothingFalse => {
                let Counts { reports, repeated, edge_reports, .. } = counts;
                format!("{reports} reports, {repeated} repeated, {edge_reports} more from the edge")
            }
            Promise::EventsSound if counts.events == 0 => return None,
            Promise::EventsSound => format!("{} journals, {} events", self.journals.len(), counts.events),
            Promise::EnginesAgree if counts.digests == 0 => return None,
            Promise::EnginesAgree => {
                format!("{} digests, {} positions compared", counts.digests, counts.digest_positions)
            }
        })
    }

    fn word(&self, promise: Promise) -> &'static str {
        match (self.count(promise), self.looked_at(promise)) {
            (0, Some(_)) => "kept",
            (0, None) => "not shown",
            _ => "BROKEN",
        }
    }

    /// The verdict for a program: one object, numbers as numbers, positions as (epoch, seq, chain in hex).
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let promises: Vec<_> = Promise::ALL
            .iter()
            .map(|promise| {
                serde_json::json!({
                    "name": promise,
                    "promised": promise.words(),
                    "found": self.looked_at(*promise),
                    "verdict": self.word(*promise).to_lowercase(),
                    "findings": self.count(*promise),
                    "words": self.against(*promise).words,
                })
            })
            .collect();
        let Position { epoch: Epoch(epoch), seq: Seq(seq), chain: Chain(chain) } = self.last;
        serde_json::json!({
            "clean": self.is_clean(),
            "last": { "epoch": epoch, "seq": seq, "chain": format!("{chain:016x}") },
            "history": self.history.map(|at| self.logs[at].name.as_str()),
            "counts": self.counts,
            "losses": self.losses,
            "promises": promises,
            "notes": self.notes,
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.history {
            writeln!(f, "the history is {}'s log, up to {}", self.logs[at].name, self.last)?;
        }
        write!(f, "{:<60}{:<52}verdict", "promised", "found")?;
        for promise in Promise::ALL {
            let found = self.looked_at(promise).unwrap_or_else(|| "nothing to look at".to_owned());
            write!(f, "\n{:<60}{found:<52}{}", promise.words(), self.word(promise))?;
            if self.count(promise) > 0 {
                write!(f, " ({})", self.count(promise))?;
            }
        }
        for loss in &self.losses {
            write!(
                f,
                "\nGIVEN UP by an operator: epoch {} went on behind frame {} and event {}, too few votes were left",
                loss.epoch, loss.frames, loss.events
            )?;
        }
        if !self.losses.is_empty() {
            let Counts { acknowledged_given_up, reports_given_up, .. } = self.counts;
            write!(
                f,
                "\nGIVEN UP: {acknowledged_given_up} acknowledged orders and {reports_given_up} reports that clients hold"
            )?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        for promise in Promise::ALL {
            let findings = self.against(promise);
            for words in &findings.words {
                write!(f, "\nBROKEN, {}: {words}", promise.words())?;
            }
            let more = findings.count - findings.words.len() as u64;
            if more > 0 {
                write!(f, "\nBROKEN, {}: and {more} more", promise.words())?;
            }
        }
        Ok(())
    }
}
