//! What the disk has confirmed: group sync and the preparation of segments, on a thread that is not the writer's.

use crate::error::{JournalError, io_at};
use crate::files::{Lock, Spare, is_full_disk, segment_path, sync_dir};
use crate::history::{self, HistoryError};
use crate::retention;
use crate::seals::{Seal, SealFile, hash_segment};
use crate::watermark::Watermark;
use crate::writer::Segment;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::Position;

/// What the writer and the syncing thread have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) segment_len: u64,
    /// The last number in the maps.
    pub(crate) appended: AtomicU64,
    /// The last number that the disk has confirmed, never above `appended`.
    synced: AtomicU64,
    /// Mirrors `State::failure`, for a look without a lock on every append.
    failed: AtomicBool,
    state: Mutex<State>,
    spare: Mutex<Option<Spare>>,
    spares_made: AtomicU64,
    watermark: Watermark,
    /// Held while a seal is appended or removed, never while a segment is hashed.
    seals: Mutex<SealFile>,
    /// The last number before those held: what is up to here is in the archive, or was never here.
    archived: AtomicU64,
    /// Maps of archived segments, which the writer has let go: dropped by the disk's thread, since that takes a while.
    let_go: Mutex<Vec<Segment>>,
    /// Here, so that the directory stays locked until the writer and the syncing thread have both let go.
    _lock: Lock,
}

/// Locked for a few instructions, never while a segment is synced.
#[derive(Debug, Default)]
struct State {
    /// Truncations so far: a sync vouches only for the generation in which it began.
    generation: u64,
    /// Segments that may hold more than what is synced, by first number; the last one is being written.
    unsynced: VecDeque<(u64, Arc<File>)>,
    /// How often a name in the directory has changed, and how many of these changes are synced.
    names_changed: u64,
    names_synced: u64,
    failure: Option<String>,
    /// Segments that were full and have no seal yet, by first and last number, ascending.
    ended: VecDeque<(u64, u64)>,
}

/// What opening hands over to the disk's side.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) lock: Lock,
    pub(crate) watermark: Watermark,
    pub(crate) seals: SealFile,
    /// Full segments without a seal, by first and last number, ascending.
    pub(crate) unsealed: Vec<(u64, u64)>,
    /// The number before the first one held.
    pub(crate) archived: u64,
    /// The last number; all up to it is synced.
    pub(crate) last: u64,
    /// The segment that is written, by its first number.
    pub(crate) active: (u64, Arc<File>),
}

impl Shared {
    pub(crate) fn new(dir: PathBuf, segment_len: u64, settled: Settled) -> Self {
        let Settled { lock, watermark, seals, unsealed, archived, last, active } = settled;
        let state = State { unsynced: VecDeque::from([active]), ended: unsealed.into(), ..State::default() };
        Self {
            dir,
            segment_len,
            appended: AtomicU64::new(last),
            synced: AtomicU64::new(last),
            failed: AtomicBool::new(false),
            state: Mutex::new(state),
            spare: Mutex::new(None),
            spares_made: AtomicU64::new(0),
            watermark,
            seals: Mutex::new(seals),
            archived: AtomicU64::new(archived),
            let_go: Mutex::new(Vec::new()),
            _lock: lock,
        }
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// The last number before those held.
    pub(crate) fn archived(&self) -> u64 {
        self.archived.load(Ordering::Acquire)
    }

    /// Hands over segments that are archived.
    pub(crate) fn let_go(&self, segments: impl Iterator<Item = Segment>) {
        self.let_go.lock().unwrap_or_else(PoisonError::into_inner).extend(segments);
    }

    /// Refuses if something failed before.
    pub(crate) fn healthy(&self) -> Result<(), JournalError> {
        if self.failed.load(Ordering::Acquire) { Err(self.failure()) } else { Ok(()) }
    }

    /// Takes note of a failure, for good. The first one is the one that is told.
    pub(crate) fn fail(&self, reason: &dyn std::fmt::Display) -> JournalError {
        self.state().failure.get_or_insert_with(|| reason.to_string());
        self.failed.store(true, Ordering::Release);
        self.failure()
    }

    fn failure(&self) -> JournalError {
        JournalError::Failed {
            dir: self.dir.clone(),
            reason: self.state().failure.clone().unwrap_or_default(),
        }
    }

    /// A segment was begun behind the one that holds the numbers `ended`.
    pub(crate) fn begun(&self, ended: (u64, u64), first: u64, file: Arc<File>) {
        let mut state = self.state();
        state.unsynced.push_back((first, file));
        state.ended.push_back(ended);
        state.names_changed += 1;
    }

    /// Before anything is cut: no sync and no hash that runs now may count any more, the seals of what is cut go, and the
    /// watermark falls, each of them on the disk too.
    pub(crate) fn begin_truncation(&self, number: u64) -> io::Result<()> {
        {
            let mut state = self.state();
            state.generation += 1;
            state.ended.retain(|(_, last)| *last < number);
        }
        self.seals().cut(number)?;
        let _state = self.state();
        if self.synced() > number {
            self.synced.store(number, Ordering::Release);
            self.watermark.write(number)?;
            self.watermark.sync()?;
        }
        self.appended.store(number, Ordering::Release);
        Ok(())
    }

    /// Behind the cut: syncs what is kept, up to the segment `active`, which is written from here on.
    pub(crate) fn end_truncation(&self, number: u64, active: (u64, Arc<File>)) -> io::Result<()> {
        let mut state = self.state();
        for (_, file) in state.unsynced.iter().filter(|(first, _)| *first < active.0) {
            file.sync_data()?;
        }
        active.1.sync_data()?;
        state.unsynced = VecDeque::from([active]);
        self.watermark.write(number)?;
        self.synced.store(number, Ordering::Release);
        Ok(())
    }

    pub(crate) fn sync_watermark(&self) -> Result<(), JournalError> {
        self.watermark.sync().map_err(|source| self.fail(&io_at("sync", self.watermark.path())(source)))
    }

    /// The prepared segment, if there is one.
    pub(crate) fn take_spare(&self) -> Option<Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives back a spare that could not be used.
    pub(crate) fn put_spare(&self, spare: Spare) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(spare);
    }

    fn has_spare(&self) -> bool {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Prepares a segment here and now.
    pub(crate) fn make_spare(&self) -> Result<Spare, JournalError> {
        let serial = self.spares_made.fetch_add(1, Ordering::Relaxed);
        Spare::prepare(&self.dir, self.segment_len, serial)
    }

    /// Whoever has both locks has taken this one first.
    fn seals(&self) -> MutexGuard<'_, SealFile> {
        self.seals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // A panic under this lock leaves no half-made state: every field is valid on its own.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The disk's side of a journal. It belongs on a thread that may wait:
///
/// ```text
/// loop {
///     syncer.sync_once()?;      // an error is final: the journal refuses from here on
///     syncer.prepare_once()?;   // NoSpace is a warning: the segment being written still has room
///     syncer.seal_once()?;      // likewise
///     wait until something was appended, or a while
/// }
/// ```
///
/// The directory stays locked until both the journal and its syncers are dropped.
#[derive(Debug)]
pub struct Syncer {
    shared: Arc<Shared>,
    batch: Vec<(u64, Arc<File>)>,
    /// The place up to which was archived last: the log holds it.
    found: Option<Position>,
}

impl Syncer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, batch: Vec::with_capacity(4), found: None }
    }

    /// True if something was appended that is not synced.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared.appended.load(Ordering::Acquire) > self.shared.synced()
    }

    /// Syncs what was appended before the call began, in one `fdatasync` for each segment that was written since the last
    /// call, and gives the number up to which all is synced.
    ///
    /// A failure is final, since the kernel may have dropped what it could not write: the same error comes from every
    /// later call and every later append.
    pub fn sync_once(&mut self) -> Result<u64, JournalError> {
        let shared = &*self.shared;
        shared.healthy()?;
        let (target, generation, names_changed, names_synced) = {
            let state = shared.state();
            let target = shared.appended.load(Ordering::Acquire);
            if target == shared.synced() && state.names_changed == state.names_synced {
                return Ok(target);
            }
            self.batch.clear();
            self.batch.extend(state.unsynced.iter().cloned());
            (target, state.generation, state.names_changed, state.names_synced)
        };
        for (_, file) in &self.batch {
            file.sync_data().map_err(|source| shared.fail(&source))?;
        }
        if names_changed != names_synced {
            sync_dir(&shared.dir).map_err(|error| shared.fail(&error))?;
        }
        let mut state = shared.state();
        if state.generation == generation {
            // All but the last one of the batch were full when the batch was taken: they are done with.
            let written = self.batch.last().map_or(0, |(first, _)| *first);
            state.unsynced.retain(|(first, _)| *first >= written);
            state.names_synced = state.names_synced.max(names_changed);
            if target > shared.synced() {
                if let Err(source) = shared.watermark.write(target) {
                    drop(state);
                    return Err(shared.fail(&io_at("write", shared.watermark.path())(source)));
                }
                shared.synced.store(target, Ordering::Release);
            }
        }
        self.batch.clear();
        Ok(shared.synced())
    }

    /// Seals the first full segment that has no seal yet, once it is wholly synced and the next one is begun on the disk.
    /// `None` if there is nothing to seal.
    ///
    /// # Errors
    /// [`JournalError::NoSpace`] may be tried again; anything else is final: what was synced cannot be read.
    pub fn seal_once(&mut self) -> Result<Option<Seal>, JournalError> {
        let shared = &*self.shared;
        shared.healthy()?;
        let (generation, first, last) = {
            let state = shared.state();
            match state.ended.front() {
                Some((first, last)) if *last < shared.synced() => (state.generation, *first, *last),
                _ => return Ok(None),
            }
        };
        let hashed = hash_segment(&segment_path(&shared.dir, first), first);
        let mut seals = shared.seals();
        if shared.state().generation != generation {
            return Ok(None);
        }
        let hashed = hashed?;
        if hashed.last != last {
            let file = segment_path(&shared.dir, first);
            return Err(JournalError::Unsealed { file, first, last });
        }
        let sealed = seals.append(first, last, hashed.hash);
        let sealed = sealed.map_err(|source| {
            if is_full_disk(&source) {
                return JournalError::NoSpace { dir: shared.dir.clone(), bytes: shared.segment_len };
            }
            shared.fail(&io_at("write", seals.path())(source))
        })?;
        shared.state().ended.pop_front();
        Ok(Some(sealed))
    }

    /// Moves the first segment into the archive, if it ends before this committed place, is sealed, and is not the one that is
    /// written; gives its new path. The journal's first number moves up. Call it again until there is `None`.
    ///
    /// # Errors
    /// The log does not hold that place, chain included (nothing was moved), or the system refuses something.
    pub fn archive_once(&mut self, upto: Position) -> Result<Option<PathBuf>, HistoryError> {
        let shared = &*self.shared;
        shared.healthy()?;
        drop(std::mem::take(&mut *shared.let_go.lock().unwrap_or_else(PoisonError::into_inner)));
        if self.found != Some(upto) {
            history::holds(&shared.dir, upto)?;
            self.found = Some(upto);
        }
        // Held until the segment is moved: a truncation, which would not reach below a committed place, waits.
        let seals = shared.seals();
        let first = shared.archived() + 1;
        let Some(seal) = seals.of(first).filter(|seal| seal.last < upto.seq.0) else { return Ok(None) };
        let archived = retention::archive(&shared.dir, first, seal.last)?;
        shared.archived.store(seal.last, Ordering::Release);
        Ok(Some(archived))
    }

    /// Prepares the next segment if none is waiting, so that the writer finds it at the end of the present one. True if
    /// one was made.
    pub fn prepare_once(&mut self) -> Result<bool, JournalError> {
        if self.shared.has_spare() {
            return Ok(false);
        }
        self.shared.put_spare(self.shared.make_spare()?);
        Ok(true)
    }
}
