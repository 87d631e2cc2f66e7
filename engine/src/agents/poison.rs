//! A command that makes this engine panic: noted before the engine ends, stopped before when it starts again, left out once an
//! operator has said so.

use super::ring::Deed;
use cluster::quarantine::MAX_WORDS;
use cluster::{Quarantine, Stopped};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use wire::{Command, CommandKind, Frame, Nanos, Position, Seq};

#[cfg(not(panic = "unwind"))]
compile_error!("an engine that aborts where it panics cannot note what made it panic");

/// How often the operator is told why an engine does not go on.
const TELL_EVERY: Nanos = Nanos(3 * Nanos::SECOND.0);

/// What is kept of a command that made an engine panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its place.
    pub at: Position,
    /// The panic's words.
    pub words: String,
    /// Its frame.
    pub frame: Vec<u8>,
}

/// Where an engine keeps that from one of its lives to the next.
pub trait Poison: fmt::Debug + Send {
    /// What was noted last, if anything was and nobody took it away.
    fn load(&self) -> Option<Noted>;

    /// Notes it, in the place of what was noted before. When this returns, it is there for the next process.
    fn note(&mut self, noted: &Noted) -> io::Result<()>;

    /// What an operator removes to have the command tried again.
    fn place(&self) -> String;
}

/// A note that the process takes with it when it goes, unless its owner holds another copy: for tests and simulations.
#[derive(Clone, Debug, Default)]
pub struct PoisonInMemory(Arc<Mutex<Option<Noted>>>);

impl Poison for PoisonInMemory {
    fn load(&self) -> Option<Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&mut self, noted: &Noted) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted.clone());
        Ok(())
    }

    fn place(&self) -> String {
        "the note in memory".to_owned()
    }
}

/// Why an engine ends: a command made it panic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the command at {at} ({kind}) made this engine panic: {words}. It is noted in {place}: started again, this engine stops before it. \
     Then type: lockstep quarantine {seq} --config cluster.toml --by NAME --why TEXT; or run a build that can execute it, and \
     remove {place}",
    seq = at.seq
)]
pub struct Poisoned {
    /// Its place.
    pub at: Position,
    /// Its kind.
    pub kind: String,
    /// The panic's words.
    pub words: String,
    /// Where that is noted.
    pub place: String,
}

/// Executes a frame, or gives the words of the panic that it caused. What `work` has worked on must not be used after that.
pub(crate) fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words =
            words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        let end = (0..=words.len().min(MAX_WORDS)).rev().find(|end| words.is_char_boundary(*end));
        words[..end.unwrap_or_default()].to_owned()
    })
}

/// Notes the command that caused a panic, and says why the engine ends.
pub(super) fn end(poison: &mut dyn Poison, frame: &Frame<'_>, words: String) -> anyhow::Error {
    let at = frame.position();
    let kind = frame.header().kind;
    let kind = CommandKind::of(kind).map_or_else(|| format!("kind {kind:#04x}"), |kind| format!("{kind:?}"));
    let place = poison.place();
    let noted = Noted { at, words: words.clone(), frame: frame.bytes().to_vec() };
    let error = anyhow::Error::new(Poisoned { at, kind, words, place });
    match poison.note(&noted) {
        Ok(()) => error,
        Err(failed) => error.context(format!(
            "what made this engine panic cannot be noted ({failed}): it will panic again when it is started again"
        )),
    }
}

/// What the receiving agent knows of commands that are not to be executed.
#[derive(Debug)]
pub(super) struct Ward {
    noted: Option<Noted>,
    /// Where it is noted.
    place: String,
    /// The places that are quarantined; `None` before the supervisors' list was heard.
    list: Option<Vec<Position>>,
    /// What of this generation was handed over: the first and the last number, and the places that were left out.
    generation: u32,
    span: Option<(Seq, Seq)>,
    skipped: Vec<Position>,
    /// It has seen the noted command, and waits before it.
    stopped: bool,
    tell_at: Nanos,
}

impl Ward {
    /// Of an engine that has heard nothing yet.
    pub(super) fn new(poison: &dyn Poison) -> Self {
        Self {
            noted: poison.load(),
            place: poison.place(),
            list: None,
            generation: 0,
            span: None,
            skipped: Vec::new(),
            stopped: false,
            tell_at: Nanos(0),
        }
    }

    /// What to do with the next frame; `None`: it has to wait.
    pub(super) fn judge(&mut self, at: Position) -> Option<Deed> {
        let list = self.list.as_ref()?;
        if list.contains(&at) {
            self.stopped = false;
            return Some(Deed::Skip);
        }
        self.stopped = self.noted.as_ref().is_some_and(|noted| noted.at == at);
        (!self.stopped).then_some(Deed::Execute)
    }

    /// A frame is handed over. True if it says that one before it, of this generation, should have been left out: everything is to be
    /// executed anew.
    pub(super) fn handle_taken(&mut self, generation: u32, frame: &Frame<'_>, deed: Deed) -> bool {
        if generation != self.generation {
            (self.generation, self.span) = (generation, None);
            self.skipped.clear();
        }
        let at = frame.position();
        let first = self.span.map_or(at.seq, |(first, _)| first);
        self.span = Some((first, at.seq));
        if deed == Deed::Skip {
            tracing::warn!(%at, "left out: this command is quarantined");
            self.skipped.push(at);
        }
        if self.noted.as_ref().is_some_and(|noted| noted.at.seq <= at.seq && noted.at != at) {
            // Either it was left out, or another history has its number.
            self.noted = None;
        }
        match frame.command() {
            Ok(Command::Quarantine(body)) => {
                self.learn(Position { epoch: body.epoch, seq: body.seq, chain: body.chain })
            }
            _ => false,
        }
    }

    /// Hears what is quarantined. True if a command that was handed over should have been left out: everything is to be executed anew.
    pub(super) fn handle_list(&mut self, list: &[Quarantine]) -> bool {
        if self.list.is_none() {
            tracing::info!(quarantined = list.len(), "heard which commands are to be left out");
            self.list = Some(Vec::new());
        }
        list.iter().fold(false, |late, word| self.learn(word.position) | late)
    }

    fn learn(&mut self, place: Position) -> bool {
        let list = self.list.get_or_insert_default();
        if list.contains(&place) {
            return false;
        }
        list.push(place);
        let passed = self.span.is_some_and(|(first, last)| (first..=last).contains(&place.seq));
        passed && !self.skipped.contains(&place)
    }

    /// Whether this engine cannot do its work, of a cluster that is known to have come so far.
    pub(super) fn holds(&self, known: Seq) -> bool {
        let listed = |at: &Position| self.list.as_ref().is_some_and(|list| list.contains(at));
        let noted = self.noted.as_ref().filter(|noted| !listed(&noted.at));
        self.list.is_none() || self.stopped || noted.is_some_and(|noted| noted.at.seq <= known)
    }

    /// The places that are quarantined, as far as it has heard.
    pub(super) fn list(&self) -> &[Position] {
        self.list.as_deref().unwrap_or_default()
    }

    /// What it says beside being here.
    pub(super) fn plea(&self, token: u64) -> Option<Stopped> {
        let Noted { at, words, frame } = self.noted.clone().filter(|_| self.stopped)?;
        Some(Stopped { token, at, words, frame })
    }

    /// The command before which it stops.
    pub(super) fn stopped(&self) -> Option<Position> {
        self.noted.as_ref().filter(|_| self.stopped).map(|noted| noted.at)
    }

    /// Tells the operator, now and then, why this engine does not go on.
    pub(super) fn tell(&mut self, now: Nanos) {
        if now < self.tell_at {
            return;
        }
        if self.list.is_none() {
            if self.tell_at != Nanos(0) {
                tracing::warn!(
                    "waiting for a supervisor to say which commands are quarantined: nothing is executed before"
                );
            }
        } else if let Some(Noted { at, words, .. }) = self.noted.as_ref().filter(|_| self.stopped) {
            let (seq, place) = (at.seq, &self.place);
            tracing::error!(%at, words, "stopped before frame {seq}: it made this engine panic; type: lockstep quarantine {seq} --config cluster.toml --by NAME --why TEXT; or run a build that can execute it, and remove {place}");
        } else {
            return;
        }
        self.tell_at = now.saturating_add(TELL_EVERY);
    }
}
