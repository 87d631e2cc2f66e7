//! The order in which everything is read: each log by itself, then the history beside the events, then the clients' records.

use crate::clients::{self, Records};
use crate::engines::{EngineDigest, EnginesError, Places};
use crate::events::{Addressed, Events};
use crate::gateways::Gateways;
use crate::orders::Orders;
use crate::promise::{Loss, Promise, Verdict};
use crate::segments::SegmentsError;
use crate::{history, log};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wire::command::Adopted;
use wire::{Command, Frame, NodeId, SessionId};

/// The CompIDs of the clients, and their sessions' numbers.
pub type Sessions = BTreeMap<String, SessionId>;

/// A logger that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logger {
    /// What it is called in words.
    pub name: String,
    /// Its number in the cluster, so that it is known in which epochs it votes. Without it, it counts as one that does.
    pub node: Option<NodeId>,
    /// Holds `log/` and `events/`.
    pub directory: PathBuf,
}

impl Logger {
    /// A logger of which only the directory is known; it goes by the directory's name.
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self { name: log::name_of(&directory), node: None, directory }
    }
}

/// What a run left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Directories with `requests.csv` and `executions.csv`, one for each run or process that made load.
    pub clients: Vec<PathBuf>,
    /// The loggers.
    pub loggers: Vec<Logger>,
    /// The engines' digests.
    pub engines: Vec<EngineDigest>,
    /// The clients' sessions; without them they are learned from the reports.
    pub sessions: Option<Sessions>,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No logger was named.
    #[error("no logger's directory was named: without a log there is nothing to compare with")]
    NoLogger,
    /// A journal is damaged or not one.
    #[error(transparent)]
    Segments(#[from] SegmentsError),
    /// A directory that should hold clients' records holds none.
    #[error("there is neither requests.csv nor executions.csv in {}", directory.display())]
    NoRecords {
        /// The directory.
        directory: PathBuf,
    },
    /// A record that cannot be read.
    #[error("{}, line {line}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; 0 if it is not known.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The file of digests cannot be read.
    #[error("cannot read the engines' digests: {0}")]
    Engines(#[from] EnginesError),
}

/// How far a long reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Whose.
    pub whose: &'a str,
    /// What is being read.
    pub what: &'a str,
    /// Records read so far.
    pub records: u64,
}

/// Tells progress now and then.
pub(crate) struct Told<'a>(pub(crate) &'a mut dyn FnMut(Progress<'_>));

impl Told<'_> {
    /// Records between two reports of progress: some seconds.
    const EVERY: u64 = 1 << 22;

    pub(crate) fn tell(&mut self, whose: &str, what: &str, records: u64) {
        if records.is_multiple_of(Self::EVERY) {
            (self.0)(Progress { whose, what, records });
        }
    }
}

/// Reads and judges everything.
///
/// # Errors
/// If something cannot be judged: damage in the middle of a journal, records that are none. A broken promise is no error; it
/// stands in the verdict.
pub fn check(inputs: &Inputs, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Verdict, CheckError> {
    if inputs.loggers.is_empty() {
        return Err(CheckError::NoLogger);
    }
    let (mut verdict, mut told) = (Verdict::default(), Told(progress));
    let records = Records::find(&inputs.clients, &mut verdict)?;
    for logger in &inputs.loggers {
        let account = log::judge(logger, &mut verdict, &mut told)?;
        verdict.logs.push(account);
    }
    log::compare_epochs(&mut verdict);
    verdict.history = history::choose(&verdict.logs);

    let mut places = Places::of(&inputs.engines);
    let (mut gateways, mut orders) = (Gateways::default(), Orders::default());
    let mut addressed = Addressed::default();
    let mut events = Events::open(&inputs.loggers, &mut verdict)?;
    let mut counting = |_: Progress<'_>| {};
    if let Some(chosen) = verdict.history {
        let visit = &mut |frame: &Frame<'_>, verdict: &mut Verdict| {
            let here = frame.position();
            if let Ok(Command::EpochStart(start)) = frame.command()
                && start.adopted == Adopted::MayLack
            {
                let stamped = frame.header().timestamp;
                let (frames, events) = (start.parent_seq, addressed.last());
                verdict.losses.push(Loss { epoch: here.epoch, stamped, frames, events });
            }
            gateways.note(frame, verdict);
            orders.note_frame(frame);
            places.note(here);
            while let Some(event) = events.here().filter(|event| event.cause().seq <= here.seq) {
                if addressed.note(&event, Some(frame), verdict) {
                    orders.note_event(frame, &event, verdict);
                }
                // The walk over the history tells the progress.
                events.advance(verdict, &mut Told(&mut counting))?;
            }
            Ok(())
        };
        history::walk(&inputs.loggers, chosen, &mut verdict, &mut told, visit)?;
    }
    while let Some(event) = events.here() {
        addressed.note(&event, None, &mut verdict);
        events.advance(&mut verdict, &mut told)?;
    }
    verdict.journals = events.accounts();
    orders.judge(addressed.last_cause(), &mut verdict);
    let (sessions, loggers) = (inputs.sessions.as_ref(), &inputs.loggers);
    clients::judge(&records, sessions, &addressed, &orders, loggers, &mut verdict, &mut told)?;
    places.judge(&inputs.engines, &mut verdict);
    debug_assert!(Promise::ALL.iter().enumerate().all(|(at, promise)| *promise as usize == at));
    Ok(verdict)
}
