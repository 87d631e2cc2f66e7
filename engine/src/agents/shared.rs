//! What the two threads tell each other beside the frames: a word each, the newest one counts.

use crate::trail::{Kept, Span, Trail};
use crate::{Exchange, Replica};
use cluster::status::Traffic;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::{Digest, Epoch, Outbound, Position, Seq, Term};

/// What the receiving thread wants of the matching one. It changes seldom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instructions {
    /// How often everything has begun again: what was executed in an earlier generation is void.
    pub generation: u32,
    /// Which process this engine goes for.
    pub token: u64,
    /// The highest term that was heard of.
    pub term: Term,
    /// Whether this engine is the one that speaks in that term; one that only echoes is not.
    pub named: bool,
    /// To speak in that term, once so many frames were taken out of the ring; `None`: to be mute.
    pub speak_after: Option<u64>,
    /// The engine before this one has said its events up to here, in this epoch.
    pub said: Option<(Epoch, Outbound)>,
    /// Whether this engine writes the snapshots.
    pub scribe: bool,
}

/// What the receiving thread tells for the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub generation: u32,
    /// What was executed in this generation up to here is committed.
    pub agreed: Position,
    pub attested: Attested,
    pub epoch: Epoch,
    pub ready: bool,
    /// The command before which it waits, since it made this engine panic.
    pub stopped: Option<Position>,
    pub traffic: Traffic,
    pub lag: u64,
}

/// Up to where another engine vouches for what was executed in this generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Attested {
    /// Nobody is to rely on anything: this engine differs from another one.
    #[default]
    Nowhere,
    /// Up to this place.
    Upto(Position),
    /// There is no other engine that could.
    Alone,
}

impl Attested {
    /// Whether what was executed up to this place is relied on.
    pub(crate) fn covers(self, seq: Seq) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Upto(place) => seq <= place.seq,
            Self::Alone => true,
        }
    }
}

/// What the matching thread has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub generation: u32,
    /// The first frame of this generation behind which its digest is known.
    pub first: Seq,
    /// The last place that it has executed.
    pub applied: Position,
}

/// So many places at which snapshots can be taken are remembered, however far they lie back: more than anybody keeps snapshots.
const LANDMARKS: usize = 64;

/// The cells. Each lock is held for a copy, by one of two threads.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Counts the instructions, so that the matching thread need not lock to see that there are no new ones.
    version: AtomicU64,
    instructions: Mutex<Instructions>,
    report: Mutex<Report>,
    progress: Mutex<Progress>,
    /// What the next generation begins with, if not with nothing.
    beginning: Mutex<Option<Box<Replica<Exchange>>>>,
    /// The digests behind the last frames that were executed; how far, the progress tells.
    trail: Trail,
    /// The digests at which this generation began, and behind the last commands at which snapshots are taken: whoever reads a snapshot
    /// can tell whether it is what this engine had there.
    landmarks: Mutex<VecDeque<(Seq, Digest)>>,
}

fn lock<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    // Plain values, written whole: a thread that panicked has left nothing half done.
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Before anything is told. So many digests are remembered.
    pub(crate) fn new(trail: usize) -> Self {
        Self {
            version: AtomicU64::new(0),
            instructions: Mutex::default(),
            report: Mutex::default(),
            progress: Mutex::default(),
            beginning: Mutex::default(),
            trail: Trail::new(trail),
            landmarks: Mutex::default(),
        }
    }

    pub(crate) fn instruct(&self, instructions: Instructions) {
        *lock(&self.instructions) = instructions;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How many instructions have been given.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn instructions(&self) -> Instructions {
        *lock(&self.instructions)
    }

    pub(crate) fn tell_report(&self, report: Report) {
        *lock(&self.report) = report;
    }

    pub(crate) fn report(&self) -> Report {
        *lock(&self.report)
    }

    /// The next generation begins with this.
    pub(crate) fn begin_with(&self, replica: Box<Replica<Exchange>>) {
        *lock(&self.beginning) = Some(replica);
    }

    /// What this generation begins with; `None`: with nothing.
    pub(crate) fn beginning(&self) -> Option<Box<Replica<Exchange>>> {
        lock(&self.beginning).take()
    }

    pub(crate) fn tell_progress(&self, progress: Progress) {
        *lock(&self.progress) = progress;
    }

    pub(crate) fn progress(&self) -> Progress {
        *lock(&self.progress)
    }

    /// The matching thread begins a generation, behind this frame; it counts with the progress that is told next.
    pub(crate) fn begin_trail(&self, seq: Seq, digest: Digest) {
        lock(&self.landmarks).clear();
        self.set_landmark(seq, digest);
        self.trail.set(seq, digest);
    }

    /// What the matching thread has behind this frame is to be remembered for long.
    pub(crate) fn set_landmark(&self, seq: Seq, digest: Digest) {
        let mut landmarks = lock(&self.landmarks);
        if landmarks.len() == LANDMARKS {
            landmarks.pop_front();
        }
        landmarks.push_back((seq, digest));
    }

    /// The matching thread has executed this frame; it counts with the next progress that is told.
    pub(crate) fn leave_behind(&self, seq: Seq, digest: Digest) {
        self.trail.set(seq, digest);
    }

    /// The running digest behind a frame that was executed in this generation, if it is remembered.
    pub(crate) fn digest_at(&self, generation: u32, seq: Seq) -> Option<Digest> {
        self.trail.get(seq, &|| self.span(generation))
    }

    /// All digests of this generation that are remembered, up to this frame.
    pub(crate) fn kept(&self, generation: u32, upto: Seq) -> Kept {
        let kept = self.trail.copy(upto, &|| self.span(generation));
        if self.progress().generation != generation {
            return kept;
        }
        let landmarks = lock(&self.landmarks);
        let earlier = landmarks.iter().copied().filter(|(seq, _)| *seq <= upto && *seq != Seq(0));
        kept.with_landmarks(earlier)
    }

    /// Who asks is the one who lets a generation begin: while it asks about one, no later one begins.
    fn span(&self, generation: u32) -> Span {
        let progress = self.progress();
        if progress.generation == generation {
            // Before the first frame there is nothing to compare.
            Span { first: progress.first.max(Seq(1)), last: progress.applied.seq }
        } else {
            Span { first: Seq(1), last: Seq(0) }
        }
    }
}
