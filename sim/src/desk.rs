//! An engine's ports to what lies behind it: it asks and writes here, the world brings and carries away.

use crate::detours::Errand;
use engine::{Exchange, Found, Outcome, Past, Replica, Scribe, keeping};
use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{Position, Seq};

/// What an engine looks for something for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To go on behind it.
    Begin = 0,
    /// To execute it beside its own state.
    Inquire = 1,
}

impl Purpose {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Begin, Self::Inquire];
}

/// What an engine looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Behind this place; `None`: from a snapshot on.
    pub after: Option<Position>,
    /// Up to this one, which is committed.
    pub upto: Position,
    /// This process has begun before, and begins again.
    pub again: bool,
}

/// What the world has found for it.
#[derive(Debug)]
pub enum Piece {
    /// The state to begin with.
    Snapshot(Box<Replica<Exchange>>),
    /// The next frame.
    Frame(Vec<u8>),
    /// There is no more.
    End,
}

/// What is looked for, until the world has heard of it, and what was found, until the engine takes it.
#[derive(Debug, Default)]
struct Search {
    wanted: Option<Wanted>,
    found: VecDeque<Piece>,
}

/// A snapshot that is being written.
#[derive(Debug)]
struct Draft {
    at: Position,
    head: archive::Head,
    bytes: Vec<u8>,
    /// The world knows of it.
    seen: bool,
    whole: bool,
    shown: bool,
    given_up: bool,
}

/// The snapshots of a process that are under way.
#[derive(Debug, Default)]
struct Drafts {
    at_hand: Option<Draft>,
    finished: Vec<(Seq, Vec<u8>)>,
}

/// What an engine's process and the world share. It is gone with the process.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// One for each purpose.
    searches: [Arc<Mutex<Search>>; 2],
    drafts: Arc<Mutex<Drafts>>,
    /// What any other node looks for.
    pub(crate) errand: Errand,
}

fn lock<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    // One thread makes a run; after a panic nobody works with this any more.
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// The engine's end of a search.
    #[must_use]
    pub fn past(&self, purpose: Purpose) -> SimPast {
        let search = Arc::clone(&self.searches[purpose as usize]);
        SimPast { search, next: None, ended: true, began: false }
    }

    /// The engine's end of the writing.
    #[must_use]
    pub fn scribe(&self, cluster: u64) -> SimScribe {
        SimScribe { cluster, drafts: Arc::clone(&self.drafts) }
    }

    /// What the engine has begun to look for since this was asked last.
    #[must_use]
    pub fn take_wanted(&self, purpose: Purpose) -> Option<Wanted> {
        lock(&self.searches[purpose as usize]).wanted.take()
    }

    /// Brings what was found.
    pub fn bring(&self, purpose: Purpose, piece: Piece) {
        lock(&self.searches[purpose as usize]).found.push_back(piece);
    }

    /// Whether a snapshot was begun since this was asked last.
    #[must_use]
    pub fn take_begun(&self) -> bool {
        let mut drafts = lock(&self.drafts);
        drafts.at_hand.as_mut().is_some_and(|draft| !std::mem::replace(&mut draft.seen, true))
    }

    /// The snapshot at hand is on the disk, whole.
    pub fn finish(&self) {
        if let Some(draft) = &mut lock(&self.drafts).at_hand {
            draft.whole = true;
        }
    }

    /// The snapshots that count since this was asked last.
    #[must_use]
    pub fn take_finished(&self) -> Vec<(Seq, Vec<u8>)> {
        std::mem::take(&mut lock(&self.drafts).finished)
    }
}

/// Finds what the world brings.
#[derive(Debug)]
pub struct SimPast {
    search: Arc<Mutex<Search>>,
    next: Option<Vec<u8>>,
    ended: bool,
    began: bool,
}

impl Past for SimPast {
    fn look(&mut self, after: Option<Position>, upto: Position) {
        let again = after.is_none() && std::mem::replace(&mut self.began, true);
        (self.next, self.ended) = (None, false);
        *lock(&self.search) = Search { wanted: Some(Wanted { after, upto, again }), found: VecDeque::new() };
    }

    fn poll(&mut self) -> Found<'_> {
        if self.next.is_none() && !self.ended {
            match lock(&self.search).found.pop_front() {
                None => return Found::Later,
                Some(Piece::Snapshot(replica)) => return Found::Snapshot(replica),
                Some(Piece::Frame(frame)) => self.next = Some(frame),
                Some(Piece::End) => self.ended = true,
            }
        }
        self.next.as_deref().map_or(Found::End, Found::Frame)
    }

    fn taken(&mut self) {
        self.next = None;
    }
}

/// Writes the real bytes at once, and has them when the world says so.
#[derive(Debug)]
pub struct SimScribe {
    cluster: u64,
    drafts: Arc<Mutex<Drafts>>,
}

impl Scribe for SimScribe {
    fn begin(&mut self, replica: &Replica<Exchange>) -> io::Result<()> {
        let mut drafts = lock(&self.drafts);
        if drafts.at_hand.is_some() {
            return Err(io::Error::other("another snapshot is at hand"));
        }
        let (head, to) = keeping::write_to(replica, self.cluster, Cursor::new(Vec::new()))?;
        drafts.at_hand = Some(Draft {
            at: replica.position(),
            head,
            bytes: to.into_inner(),
            seen: false,
            whole: false,
            shown: false,
            given_up: false,
        });
        Ok(())
    }

    fn at(&self) -> Option<Position> {
        lock(&self.drafts).at_hand.as_ref().map(|draft| draft.at)
    }

    fn show(&mut self) {
        if let Some(draft) = &mut lock(&self.drafts).at_hand {
            draft.shown = true;
        }
    }

    fn give_up(&mut self) {
        if let Some(draft) = &mut lock(&self.drafts).at_hand {
            draft.given_up = true;
        }
    }

    fn poll(&mut self) -> Option<Outcome> {
        let mut drafts = lock(&self.drafts);
        let Draft { at, head, bytes, .. } = drafts
            .at_hand
            .take_if(|draft| draft.given_up || draft.whole && draft.shown)
            .map(|draft| if draft.given_up { Draft { bytes: Vec::new(), ..draft } } else { draft })?;
        if bytes.is_empty() {
            return Some(Outcome { at, kept: Err("it was given up".to_owned()) });
        }
        drafts.finished.push((at.seq, bytes));
        Some(Outcome { at, kept: Ok(head) })
    }
}
