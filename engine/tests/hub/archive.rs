//! What lies behind an engine, in memory: snapshots and the log, and whoever writes snapshots.

use super::position;
use archive::Snapshot;
use engine::{Exchange, Found, Limits, Outcome, Past, Replica, Scribe, keeping};
use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{Position, Seq};

const CLUSTER: u64 = 5;

fn lock<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the loggers keep.
#[derive(Debug, Default)]
pub struct Kept {
    pub frames: Vec<Vec<u8>>,
    pub snapshots: Vec<(Position, Vec<u8>)>,
    /// Every search so far.
    pub looks: Vec<(Option<Position>, Position)>,
}

/// The loggers' archive; a clone is the same one.
#[derive(Clone, Debug)]
pub struct Archive {
    limits: Limits,
    kept: Arc<Mutex<Kept>>,
}

impl Archive {
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: Arc::default() }
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    /// Keeps what this replica holds.
    pub fn keep(&self, replica: &Replica<Exchange>) {
        let (_, bytes) = keeping::write_to(replica, CLUSTER, Cursor::new(Vec::new())).expect("in memory");
        self.kept().snapshots.push((replica.position(), bytes.into_inner()));
    }

    /// An engine's way to it.
    pub fn past(&self) -> Box<dyn Past> {
        Box::new(self.shelf())
    }

    /// The same.
    pub fn shelf(&self) -> Shelf {
        Shelf { archive: self.clone(), snapshot: None, frames: VecDeque::new() }
    }
}

#[derive(Debug)]
pub struct Shelf {
    archive: Archive,
    snapshot: Option<Box<Replica<Exchange>>>,
    frames: VecDeque<Vec<u8>>,
}

impl Past for Shelf {
    fn look(&mut self, after: Option<Position>, upto: Position) {
        let mut kept = lock(&self.archive.kept);
        kept.looks.push((after, upto));
        let newest = kept.snapshots.iter().filter(|(at, _)| after.is_none() && at.seq <= upto.seq);
        self.snapshot = newest.max_by_key(|(at, _)| at.seq).map(|(_, bytes)| {
            let snapshot = Snapshot::open(&bytes[..]).expect("whole");
            Box::new(keeping::read(snapshot, self.archive.limits, CLUSTER).expect("good"))
        });
        let begin = after.or(self.snapshot.as_ref().map(|replica| replica.position()));
        let begin = begin.map_or(Seq(0), |place| place.seq);
        let wanted = |bytes: &&Vec<u8>| (begin.next()..=upto.seq).contains(&position(bytes).seq);
        self.frames = kept.frames.iter().filter(wanted).cloned().collect();
    }

    fn poll(&mut self) -> Found<'_> {
        match self.snapshot.take() {
            Some(replica) => Found::Snapshot(replica),
            None => self.frames.front().map_or(Found::End, |bytes| Found::Frame(bytes)),
        }
    }

    fn taken(&mut self) {
        self.frames.pop_front();
    }
}

/// What became of snapshots.
#[derive(Debug, Default)]
pub struct Drafts {
    pub at_hand: Option<Position>,
    pub shown: Vec<Position>,
    pub given_up: Vec<Position>,
}

/// Notes what it is told, and writes nothing; a clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Notary(Arc<Mutex<Drafts>>);

impl Notary {
    pub fn drafts(&self) -> MutexGuard<'_, Drafts> {
        lock(&self.0)
    }
}

impl Scribe for Notary {
    fn begin(&mut self, replica: &Replica<Exchange>) -> io::Result<()> {
        self.drafts().at_hand = Some(replica.position());
        Ok(())
    }

    fn at(&self) -> Option<Position> {
        self.drafts().at_hand
    }

    fn show(&mut self) {
        let mut drafts = self.drafts();
        let at = drafts.at_hand.take();
        drafts.shown.extend(at);
    }

    fn give_up(&mut self) {
        let mut drafts = self.drafts();
        let at = drafts.at_hand.take();
        drafts.given_up.extend(at);
    }

    fn poll(&mut self) -> Option<Outcome> {
        None
    }
}
