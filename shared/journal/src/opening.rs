//! Opening for writing: verify everything, cut a torn end, refuse damage, map.

use crate::error::{JournalError, io_at};
use crate::files::{self, Lock, Spare, segment_path, sync_dir};
use crate::header::{HEADER_LEN, Header, Stream, is_segment_len};
use crate::map::Map;
use crate::retention;
use crate::scan::{Expected, Scanned, scan};
use crate::seals::{self, Seal, SealFile};
use crate::sync::{Settled, Shared};
use crate::watermark::{self, SYNCED, Watermark};
use crate::writer::Segment;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use wire::Position;

/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// How a journal is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whose it must be: [`wire::cluster_id`] of the cluster's name.
    pub cluster: u64,
    /// What it must keep.
    pub stream: Stream,
    /// Bytes of every new segment; those that exist keep their length.
    pub segment_len: u64,
    /// Whether an empty or missing directory becomes a new journal, or is refused.
    pub create: bool,
    /// Whether this host has lost its page cache since the journal was written (another boot id): pages above the synced
    /// number may then have reached the disk in any order, and all from the first bad record on is a torn end. Else good
    /// records behind a bad one are always damage.
    pub power_cut: bool,
}

/// What was found on opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The number that the next message must have.
    pub next: u64,
    /// The last record's place; of events only the number. All up to here is synced.
    pub last_position: Position,
    /// Segments.
    pub segments: usize,
    /// Records.
    pub records: u64,
    /// Bytes of a torn end that were cut.
    pub cut_bytes: u64,
    /// Whole records among them, lost with a page before them; only after a power cut.
    pub cut_records: u64,
    /// Whole segments that were cut; only after a power cut.
    pub cut_segments: usize,
    /// The number that the disk had confirmed before, if that is known.
    pub synced_before: Option<u64>,
    /// Full segments that have no seal: the disk's thread seals them.
    pub unsealed: usize,
    /// Whether there should be seals and are not: no file (a journal of an older release has none), or damage in it. They are
    /// made again from what the segments hold now.
    pub seals_lost: bool,
}

/// How far a long opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which segment is being read, from 0.
    pub segment: usize,
    /// Segments there are.
    pub segments: usize,
    /// Records verified so far.
    pub records: u64,
}

/// What the journal is made of.
pub(crate) struct Parts {
    pub(crate) shared: Shared,
    pub(crate) segments: Vec<Segment>,
    pub(crate) last: Position,
}

pub(crate) fn open(
    dir: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Parts, Opened), JournalError> {
    if !is_segment_len(options.segment_len) {
        return Err(JournalError::SegmentLen { segment_len: options.segment_len });
    }
    if !dir.is_dir() {
        if !options.create {
            return Err(JournalError::NotFound { dir: dir.into() });
        }
        std::fs::create_dir_all(dir).map_err(io_at("create", dir))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
    }
    if !options.create && files::list(dir)?.is_empty() {
        return Err(JournalError::NotFound { dir: dir.into() });
    }
    let lock = Lock::take(dir)?;
    files::remove_spares(dir)?;
    let sealed = seals::read(dir)?;
    // A segment is sealed once something behind it is synced; seals are synced themselves, the watermark may be old.
    let proven = sealed.head().map(|seal| seal.last + 1);
    let synced_before = watermark::read(dir).max(proven);
    if files::list(dir)?.is_empty() {
        if let Some(synced) = synced_before.filter(|synced| *synced > 0) {
            return Err(JournalError::LostTail { file: dir.into(), last: 0, synced });
        }
        create(dir, options, Position::GENESIS)?;
    }

    let expected = Expected { cluster: Some(options.cluster), stream: Some(options.stream) };
    let (mut records, mut segment) = (0, usize::MAX);
    let mut scanned = scan(dir, expected, 0, &mut |seen| {
        if records % PROGRESS_EVERY == 0 || seen.segment != segment {
            segment = seen.segment;
            progress(Progress { segment, segments: seen.segments, records });
        }
        records += 1;
        ControlFlow::Continue(())
    })?;
    retention::check_front(dir, scanned.before.seq.0)?;
    scanned.judge(synced_before, options.power_cut)?;
    let cut_segments = cut(dir, &scanned)?;
    let unsealed = unsealed(dir, &scanned, &sealed.seals)?;

    let opened = Opened {
        next: scanned.next(),
        last_position: scanned.last,
        segments: scanned.segments(),
        records: scanned.records,
        cut_bytes: scanned.torn_bytes(),
        cut_records: scanned.stop.as_ref().map_or(0, |stop| stop.records_behind),
        cut_segments,
        synced_before,
        unsealed: unsealed.len(),
        seals_lost: sealed.is_damaged() && !unsealed.is_empty(),
    };
    let watermark = Watermark::open(dir, SYNCED)?;
    let seals = SealFile::open(dir, sealed.seals)?;
    settle(dir, &scanned, synced_before.unwrap_or(0), &watermark)?;

    let mut segments = Vec::with_capacity(scanned.found.len().next_power_of_two());
    let mut active = None;
    let count = scanned.found.len();
    for (nth, found) in scanned.found.drain(..).enumerate() {
        let last = nth + 1 == count;
        let file =
            File::options().read(true).write(last).open(&found.path).map_err(io_at("open", &found.path))?;
        let map = if last { Map::write(&file) } else { Map::read(&file) };
        let map = map.map_err(io_at("map", &found.path))?;
        let (before, end) = (found.header.before, usize_of(found.end));
        segments.push(Segment { before, end, index: found.index, map, path: found.path });
        active = Some((found.header.first(), Arc::new(file)));
    }
    let active = active.expect("a scan without an error has found at least one segment");
    let last = scanned.last;
    let archived = scanned.before.seq.0;
    let settled = Settled { lock, watermark, seals, unsealed, archived, last: last.seq.0, active };
    let shared = Shared::new(dir.into(), options.segment_len, settled);
    Ok((Parts { shared, segments, last }, opened))
}

/// Has a journal of frames that holds nothing yet begin behind this place: what lies before it will never be here, as if it had
/// been archived and moved elsewhere.
///
/// # Errors
/// [`JournalError::NotEmpty`] if it holds something; else as of [`crate::Journal::open`]. Whoever dies in between leaves a journal
/// that is empty.
pub fn begin_behind(dir: &Path, options: &Options, place: Position) -> Result<(), JournalError> {
    let _lock = Lock::take(dir)?;
    let expected = Expected { cluster: Some(options.cluster), stream: Some(Stream::Frames) };
    let scanned = scan(dir, expected, 0, &mut |_| ControlFlow::Break(()))?;
    if scanned.records > 0 || scanned.stop.is_some() {
        return Err(JournalError::NotEmpty { dir: dir.into() });
    }
    files::remove_spares(dir)?;
    retention::note(dir, place.seq.0)?;
    for (_, path) in files::list(dir)? {
        std::fs::remove_file(&path).map_err(io_at("remove", &path))?;
    }
    sync_dir(dir)?;
    create(dir, options, place)
}

/// The first segment of a new journal, on the disk with its name.
fn create(dir: &Path, options: &Options, before: Position) -> Result<(), JournalError> {
    let spare = Spare::prepare(dir, options.segment_len, 0)?;
    let header =
        Header { stream: options.stream, cluster: options.cluster, segment_len: options.segment_len, before };
    let begun = begin(dir, spare, &header).map_err(|(_, error)| error)?;
    begun.1.sync_all().map_err(io_at("sync", &begun.0.path))?;
    sync_dir(dir)
}

/// The full segments that have no seal, by first and last number. Those that have one must end where it says.
fn unsealed(dir: &Path, scanned: &Scanned, seals: &[Seal]) -> Result<Vec<(u64, u64)>, JournalError> {
    let ended = scanned.found.split_last().map_or(&[][..], |(_, ended)| ended);
    let ended = ended.iter().map(|found| {
        let before = found.header.before.seq.0;
        (before + 1, before + found.index.count())
    });
    let held = scanned.before.seq.0;
    let mut sealed = seals.iter().skip_while(|seal| seal.last <= held);
    let mut unsealed = Vec::new();
    for (first, last) in ended {
        match sealed.next() {
            None => unsealed.push((first, last)),
            Some(seal) if (seal.first, seal.last) == (first, last) => {}
            Some(seal) => return Err(broken(dir, seal)),
        }
    }
    match sealed.next() {
        None => Ok(unsealed),
        Some(seal) => Err(broken(dir, seal)),
    }
}

fn broken(dir: &Path, seal: &Seal) -> JournalError {
    let Seal { first, last, .. } = *seal;
    JournalError::Unsealed { file: segment_path(dir, first), first, last }
}

/// Turns a spare into a segment: header, then name. A spare that could not be renamed comes back with the reason.
pub(crate) fn begin(
    dir: &Path,
    mut spare: Spare,
    header: &Header,
) -> Result<(Segment, Arc<File>), (Box<Spare>, JournalError)> {
    assert_eq!(spare.segment_len, header.segment_len, "a spare is made for this journal");
    spare.map.put(0, &header.to_bytes());
    let path = segment_path(dir, header.first());
    if let Err(source) = std::fs::rename(&spare.path, &path) {
        return Err((Box::new(spare), io_at("rename a prepared segment to", &path)(source)));
    }
    let Spare { file, map, index, .. } = spare;
    Ok((Segment { before: header.before, end: HEADER_LEN, index, map, path }, file))
}

/// Cuts what stands behind the last good record, from the back to the front: whoever is killed meanwhile leaves a
/// shorter torn end, never a hole. Gives how many segments were removed.
fn cut(dir: &Path, scanned: &Scanned) -> Result<usize, JournalError> {
    let (Some(stop), Some(found)) = (&scanned.stop, scanned.found.last()) else {
        return Ok(0);
    };
    let mut removed = 0;
    for (first, path) in files::list(dir)?.iter().rev() {
        if *first <= found.header.first() {
            break;
        }
        std::fs::remove_file(path).map_err(io_at("remove", path))?;
        removed += 1;
    }
    if removed > 0 {
        sync_dir(dir)?;
    }
    if stop.file == found.path && stop.bytes > 0 {
        let file =
            File::options().read(true).write(true).open(&found.path).map_err(io_at("open", &found.path))?;
        let mut map = Map::write(&file).map_err(io_at("map", &found.path))?;
        let mut end = usize_of(stop.offset + stop.bytes);
        while end > usize_of(stop.offset) {
            let start = (end - 1).next_multiple_of(8).saturating_sub(8).max(usize_of(stop.offset));
            map.zero(start..end);
            end = start;
        }
        file.sync_data().map_err(io_at("sync", &found.path))?;
    }
    Ok(removed)
}

/// Syncs what an earlier run left unsynced, so that all that is found counts as synced.
fn settle(dir: &Path, scanned: &Scanned, synced: u64, watermark: &Watermark) -> Result<(), JournalError> {
    for found in &scanned.found {
        if found.header.before.seq.0 + found.index.count() > synced {
            File::open(&found.path).and_then(|file| file.sync_data()).map_err(io_at("sync", &found.path))?;
        }
    }
    watermark
        .write(scanned.last.seq.0)
        .and_then(|()| watermark.sync())
        .map_err(io_at("write", watermark.path()))?;
    sync_dir(dir)
}

fn usize_of(offset: u64) -> usize {
    usize::try_from(offset).expect("a segment is at most 2 GiB")
}
