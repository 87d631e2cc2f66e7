//! The verifying walk over a directory: every checksum, number, epoch and chain, without a lock and without a change.

use crate::error::{HeaderFault, JournalError, RecordFault};
use crate::files;
use crate::header::{Header, Stream};
use crate::index::Index;
use crate::retention;
use crate::segment::{SegmentReader, Step};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use wire::{MAX_FRAME_LEN, Position};

/// What the segments must say about themselves; `None` takes what the first one says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Whose journal it is.
    pub cluster: Option<u64>,
    /// What it keeps.
    pub stream: Option<Stream>,
}

/// One good record, shown to the visitor of a [`scan()`].
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its segment.
    pub file: &'a Path,
    /// Where in it, in bytes.
    pub offset: u64,
    /// Its place in the stream; of events only the number.
    pub position: Position,
    /// The message as it came on the wire.
    pub message: &'a [u8],
    /// What the segment says about itself.
    pub header: &'a Header,
    /// Which segment of the walk, from 0.
    pub segment: usize,
    /// Segments in the walk.
    pub segments: usize,
}

/// What a [`scan()`] found.
#[derive(Debug)]
pub struct Scanned {
    /// What is kept.
    pub stream: Stream,
    /// Whose it is.
    pub cluster: u64,
    /// The place before the first record that was read.
    pub before: Position,
    /// The place of the last good record; `before` if there is none.
    pub last: Position,
    /// Good records.
    pub records: u64,
    /// Where the walk ended for another reason than the end of what was written.
    pub stop: Option<Stop>,
    pub(crate) found: Vec<Found>,
}

/// Where and why a walk ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The segment.
    pub file: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The number that should stand there.
    pub number: u64,
    /// What is wrong.
    pub fault: RecordFault,
    /// Bytes from there to the last one in this segment that is not zero.
    pub bytes: u64,
    /// Whole messages behind it in this segment.
    pub records_behind: u64,
    /// Segments behind this one.
    pub segments_behind: usize,
    /// Bytes from there to the end of the segment.
    pub room: u64,
}

/// A segment with a good header.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    /// Behind its last good record.
    pub(crate) end: u64,
    pub(crate) index: Index,
}

impl Scanned {
    /// Segments with a good header.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.found.len()
    }

    /// The number that comes next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.last.seq.0 + 1
    }

    /// Bytes of a torn end; 0 if there is none.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.stop.as_ref().map_or(0, |stop| stop.bytes)
    }

    /// Tells a torn end, which may be cut, from damage, which may not.
    ///
    /// `synced` is the number that the disk had confirmed *before* the walk began, if it is known: what is bad or missing
    /// up to there is damage. Beyond it, good records behind a bad one mean damage, unless the power was cut since
    /// (`power_cut`): then pages may have reached the disk in any order.
    pub fn judge(&self, synced: Option<u64>, power_cut: bool) -> Result<(), JournalError> {
        let Some(stop) = &self.stop else {
            return match (synced, self.found.last()) {
                (Some(synced), Some(found)) if synced > self.last.seq.0 => {
                    Err(JournalError::LostTail { file: found.path.clone(), last: self.last.seq.0, synced })
                }
                _ => Ok(()),
            };
        };
        let confirmed = synced.is_some_and(|synced| stop.number <= synced);
        let headless = stop.fault == RecordFault::EmptyHeader && stop.bytes > 0;
        let followed = stop.records_behind > 0 || stop.segments_behind > 0 || headless;
        let cut = power_cut && synced.is_some();
        let foreign = stop.fault.is_of_another_version();
        if !confirmed && !foreign && (cut || !followed) {
            return Ok(());
        }
        if let RecordFault::EndsEarly { next_first } = stop.fault
            && stop.room < MAX_FRAME_LEN as u64
        {
            return Err(JournalError::MissingSegment {
                file: files::segment_path(stop.file.parent().unwrap_or(Path::new("")), next_first),
                expected: stop.number,
                found: next_first,
            });
        }
        Err(JournalError::Damaged {
            file: stop.file.clone(),
            offset: stop.offset,
            number: stop.number,
            fault: stop.fault,
            why: if foreign {
                "Another build wrote this journal: use that one, or begin with an empty directory"
            } else if confirmed {
                "The disk had confirmed this number"
            } else {
                "Good records or segments follow, so it is not a torn end"
            },
        })
    }
}

/// Walks over all segments from the one that holds number `from` (the first one if it is 0), showing every good record
/// to `visit`, until that breaks off or something bad comes.
///
/// Headers that do not fit are errors; a bad record is a [`Stop`], which [`Scanned::judge`] judges. A directory whose owner
/// is writing meanwhile can be walked over: the end is then somewhere near the writer's, and what it is writing at the
/// moment looks like a torn end. Only a truncation at the same time may look like damage: look again.
pub fn scan(
    dir: &Path,
    expected: Expected,
    from: u64,
    visit: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Scanned, JournalError> {
    let list = if dir.is_dir() { files::list(dir)? } else { Vec::new() };
    walk_over(dir, &list, expected, from, visit)
}

/// The same, over what lies in the archive too.
///
/// # Errors
/// As of [`scan()`].
pub fn scan_with_archive(
    dir: &Path,
    expected: Expected,
    from: u64,
    visit: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Scanned, JournalError> {
    let mut list = if dir.is_dir() { files::list(dir)? } else { Vec::new() };
    // Archived while this looks: the second look finds it again.
    list.extend(retention::list_archived(dir)?);
    list.sort_unstable_by_key(|(first, _)| *first);
    list.dedup_by_key(|(first, _)| *first);
    walk_over(dir, &list, expected, from, visit)
}

fn walk_over(
    dir: &Path,
    list: &[(u64, PathBuf)],
    expected: Expected,
    from: u64,
    visit: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Scanned, JournalError> {
    let not_found = || JournalError::NotFound { dir: dir.into() };
    let list = &list[list.partition_point(|(first, _)| *first <= from).saturating_sub(1)..];
    let (_, first_path) = list.first().ok_or_else(not_found)?;
    let mut scanned: Option<Scanned> = None;
    for (nth, (first, path)) in list.iter().enumerate() {
        let segments_behind = list.len() - nth - 1;
        let Some(mut reader) = SegmentReader::open(path, *first)? else {
            let Some(so_far) = scanned.as_mut() else {
                return Err(JournalError::Header { file: first_path.clone(), fault: HeaderFault::Empty });
            };
            so_far.stop = Some(Stop {
                file: path.clone(),
                offset: 0,
                number: so_far.next(),
                fault: RecordFault::EmptyHeader,
                bytes: SegmentReader::nonzero_end(path)?,
                records_behind: 0,
                segments_behind,
                room: 0,
            });
            break;
        };
        check_header(&reader, expected)?;
        let so_far = match scanned.as_mut() {
            None => scanned.insert(Scanned {
                stream: reader.header.stream,
                cluster: reader.header.cluster,
                before: reader.header.before,
                last: reader.header.before,
                records: 0,
                stop: None,
                found: Vec::new(),
            }),
            Some(so_far) => {
                let same = Expected { cluster: Some(so_far.cluster), stream: Some(so_far.stream) };
                check_header(&reader, same)?;
                if *first > so_far.next() {
                    so_far.stop = Some(ends_early(so_far, *first, segments_behind + 1));
                    break;
                }
                if reader.header.before != so_far.last {
                    return Err(JournalError::Header {
                        file: path.clone(),
                        fault: HeaderFault::NotContinued,
                    });
                }
                so_far
            }
        };
        let place = Place { segment: nth, segments: list.len(), segments_behind };
        if walk(&mut reader, so_far, place, visit)?.is_break() || so_far.stop.is_some() {
            break;
        }
    }
    scanned.ok_or_else(not_found)
}

#[derive(Clone, Copy)]
struct Place {
    segment: usize,
    segments: usize,
    segments_behind: usize,
}

/// Walks over one segment. A stop is left in `so_far`.
fn walk(
    reader: &mut SegmentReader,
    so_far: &mut Scanned,
    place: Place,
    visit: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, JournalError> {
    let header = reader.header;
    let file = reader.path.clone();
    let mut index = Index::for_segment(header.segment_len);
    let mut flow = ControlFlow::Continue(());
    // Where a second look was taken: a live writer may have filled the place since it was read.
    let mut looked_again_at = 0;
    while flow.is_continue() {
        let offset = reader.offset;
        let fault = match reader.step(so_far.last)? {
            Step::Good(position) => {
                index.note(offset);
                so_far.last = position;
                so_far.records += 1;
                let message = reader.message(offset)?;
                let Place { segment, segments, .. } = place;
                flow = visit(Seen {
                    file: &file,
                    offset,
                    position,
                    message,
                    header: &header,
                    segment,
                    segments,
                });
                continue;
            }
            Step::End => RecordFault::Hole,
            Step::Bad(fault) => fault,
        };
        let rest = reader.rest(so_far.next())?;
        if fault == RecordFault::Hole && rest.nonzero_end == offset {
            break;
        }
        if looked_again_at != offset {
            looked_again_at = offset;
            reader.refresh();
            continue;
        }
        so_far.stop = Some(Stop {
            file: file.clone(),
            offset,
            number: so_far.next(),
            fault,
            bytes: rest.nonzero_end - offset,
            records_behind: rest.records,
            segments_behind: place.segments_behind,
            room: header.segment_len - offset,
        });
        break;
    }
    so_far.found.push(Found { path: file, header, end: reader.offset, index });
    Ok(flow)
}

fn ends_early(so_far: &Scanned, next_first: u64, segments_behind: usize) -> Stop {
    let found = so_far.found.last().expect("a segment was walked over before this one");
    Stop {
        file: found.path.clone(),
        offset: found.end,
        number: so_far.next(),
        fault: RecordFault::EndsEarly { next_first },
        bytes: 0,
        records_behind: 0,
        segments_behind,
        room: found.header.segment_len - found.end,
    }
}

fn check_header(reader: &SegmentReader, expected: Expected) -> Result<(), JournalError> {
    let (file, header) = (&reader.path, &reader.header);
    match expected.cluster {
        Some(cluster) if cluster != header.cluster => {
            let (file, found) = (file.clone(), header.cluster);
            return Err(JournalError::OtherCluster { file, found, expected: cluster });
        }
        _ => {}
    }
    match expected.stream {
        Some(stream) if stream != header.stream => {
            let (file, found) = (file.clone(), header.stream);
            Err(JournalError::OtherStream { file, found, expected: stream })
        }
        _ => Ok(()),
    }
}
