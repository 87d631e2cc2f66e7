//! Who writes snapshots down while the engine goes on.

use crate::{Exchange, Replica};
use archive::Head;
use std::{fmt, io};
use wire::Position;

/// Writes the state of a replica as it is at one moment, and pauses the replica for that moment only.
///
/// 1. `scribe.begin(&replica)?` behind the command that asks for a snapshot.
/// 2. `scribe.show()` as soon as [`Scribe::at`] is known to be committed, which may be at once; or `scribe.give_up()` if an epoch change
///    has voided it. Nothing is shown before.
/// 3. `scribe.poll()` now and then, until it tells what became of it.
pub trait Scribe: fmt::Debug + Send {
    /// Begins to write down what the replica holds now. One at a time: an error while another is at hand, or if the system refuses.
    fn begin(&mut self, replica: &Replica<Exchange>) -> io::Result<()>;

    /// What is being written down; `None` if nothing is.
    fn at(&self) -> Option<Position>;

    /// Lets the snapshot at hand count once it is whole.
    fn show(&mut self);

    /// The snapshot at hand shall never count. [`Scribe::poll`] tells when nothing is left of it.
    fn give_up(&mut self);

    /// What became of the snapshot at hand, once. Never waits.
    fn poll(&mut self) -> Option<Outcome>;

    /// Whether a snapshot is at hand.
    fn is_busy(&self) -> bool {
        self.at().is_some()
    }
}

/// What became of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it was begun.
    pub at: Position,
    /// Its head, once the file is synced and has its name; or why there is no file, in words.
    pub kept: Result<Head, String>,
}

/// Writes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScribe;

impl Scribe for NoScribe {
    fn begin(&mut self, _replica: &Replica<Exchange>) -> io::Result<()> {
        Ok(())
    }

    fn at(&self) -> Option<Position> {
        None
    }

    fn show(&mut self) {}

    fn give_up(&mut self) {}

    fn poll(&mut self) -> Option<Outcome> {
        None
    }
}
