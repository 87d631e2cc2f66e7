//! The journal in its writer's hands: append, read back, truncate.

use crate::error::{JournalError, io_at};
use crate::files::sync_dir;
use crate::header::{HEADER_LEN, Header, Stream};
use crate::index::Index;
use crate::map::Map;
use crate::opening::{self, Opened, Options, Progress, begin};
use crate::record::{judge, length_of, padded};
use crate::sync::{Shared, Syncer};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::Position;

/// One stream's journal. It has one writer, which may also read; another thread has the [`Syncer`].
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    stream: Stream,
    cluster: u64,
    /// Ascending, without gaps, never empty; the last one is being written.
    segments: Vec<Segment>,
    last: Position,
    stats: Stats,
}

/// One mapped segment.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The place before its first record.
    pub(crate) before: Position,
    /// Behind its last record.
    pub(crate) end: usize,
    pub(crate) index: Index,
    pub(crate) map: Map,
    pub(crate) path: PathBuf,
}

/// What a journal has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages appended.
    pub records: u64,
    /// Their bytes, padding included.
    pub bytes: u64,
    /// Segments begun.
    pub segments_begun: u64,
    /// Those of them that the writer had to prepare itself, because no spare was waiting.
    pub prepared_inline: u64,
    /// Truncations.
    pub truncations: u64,
}

impl Segment {
    fn first(&self) -> u64 {
        self.before.seq.0 + 1
    }

    fn last(&self) -> u64 {
        self.before.seq.0 + self.index.count()
    }

    fn message(&self, offset: usize) -> &[u8] {
        let bytes = &self.map.bytes()[offset..self.end];
        &bytes[..length_of(bytes)]
    }
}

impl Journal {
    /// Locks the directory, verifies every record in it, cuts a torn end and maps all segments.
    ///
    /// `progress` is called at each segment and now and then within one.
    pub fn open(
        dir: &Path,
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, Opened), JournalError> {
        let (parts, opened) = opening::open(dir, options, progress)?;
        let journal = Self {
            shared: Arc::new(parts.shared),
            stream: options.stream,
            cluster: options.cluster,
            segments: parts.segments,
            last: parts.last,
            stats: Stats::default(),
        };
        Ok((journal, opened))
    }

    /// Appends one message, exactly as it came on the wire: whole, and the next one (for frames: stamped behind the last
    /// one). It is then *written*; [`Journal::synced`] tells when it is *synced*. After an error nothing was written.
    ///
    /// # Errors
    /// [`JournalError::Refused`] for a message that does not belong here, [`JournalError::NoSpace`] if no further segment
    /// can be allocated (it may be tried again), [`JournalError::Failed`] after a failed sync (final).
    pub fn append(&mut self, message: &[u8]) -> Result<(), JournalError> {
        self.shared.healthy()?;
        let position = judge(self.stream, self.last, message)
            .map_err(|fault| JournalError::Refused { number: self.next(), fault })?;
        let need = padded(message.len());
        if self.active().end + need > self.active().map.bytes().len() {
            self.begin_segment()?;
        }
        let active = self.segments.last_mut().expect("there is always one");
        active.map.publish(active.end, message);
        active.index.note(active.end as u64);
        active.end += need;
        self.last = position;
        self.stats.records += 1;
        self.stats.bytes += need as u64;
        self.shared.appended.store(position.seq.0, Ordering::Release);
        Ok(())
    }

    /// The message with this number, where it lies.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&[u8]> {
        let segment = self.segments[..self.behind(number)].last()?;
        if number > segment.last() || number <= self.shared.archived() {
            return None;
        }
        let offset = segment.index.offset(segment.map.bytes(), number - segment.first())?;
        Some(segment.message(offset))
    }

    /// All messages from this number on (from the first one held if that is later), in order.
    #[must_use]
    pub fn iter_from(&self, number: u64) -> Records<'_> {
        let number = number.max(self.first());
        if number > self.last.seq.0 {
            return Records { segments: &[], offset: HEADER_LEN };
        }
        let segments = &self.segments[self.behind(number) - 1..];
        let segment = &segments[0];
        let offset = segment.index.offset(segment.map.bytes(), number - segment.first());
        Records { segments, offset: offset.expect("the number is held") }
    }

    /// The first number held; [`Journal::next`] if nothing is. It moves up when the disk's thread archives.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.held()[0].first()
    }

    /// The number that the next message must have.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.last.seq.0 + 1
    }

    /// The place of the last message; of events only the number.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.last
    }

    /// The place of any message held, or the one before the first; of events only the number.
    #[must_use]
    pub fn position_of(&self, number: u64) -> Option<Position> {
        if number == self.last.seq.0 {
            return Some(self.last);
        }
        let before = self.held()[0].before;
        if number == before.seq.0 {
            return Some(before);
        }
        let message = self.get(number)?;
        Some(match self.stream {
            Stream::Frames => wire::Frame::read(message).expect("verified on its way in").position(),
            Stream::Events => Position { seq: wire::Seq(number), ..Position::GENESIS },
        })
    }

    /// The number up to which the disk has confirmed. Never above the last one appended.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.shared.synced()
    }

    /// Whether the disk has never failed since this journal was opened.
    ///
    /// # Errors
    /// [`JournalError::Failed`]: final.
    pub fn healthy(&self) -> Result<(), JournalError> {
        self.shared.healthy()
    }

    /// What the journal has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Segments held.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.held().len()
    }

    /// Where it lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// The disk's side, for a thread that may wait. One is enough; it keeps the directory locked until it is dropped.
    #[must_use]
    pub fn syncer(&self) -> Syncer {
        Syncer::new(Arc::clone(&self.shared))
    }

    /// Syncs everything appended, here and now, and the watermark with it. For a clean end, or where nothing else runs.
    pub fn sync_now(&mut self) -> Result<u64, JournalError> {
        let synced = self.syncer().sync_once()?;
        self.shared.sync_watermark()?;
        Ok(synced)
    }

    /// Makes `number` the last one: what stands behind it is gone, and that is synced, when this returns. Syncs that were
    /// under way count for nothing.
    ///
    /// # Errors
    /// [`JournalError::Truncation`] if the journal does not reach there (nothing happened); anything else is final.
    pub fn truncate_after(&mut self, number: u64) -> Result<(), JournalError> {
        self.shared.healthy()?;
        let (first, last) = (self.first(), self.last.seq.0);
        let held = self.position_of(number).filter(|_| number == 0 || number >= first);
        let position = held.ok_or(JournalError::Truncation { number, first, last })?;
        if number == last {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        self.cut_to(position).map_err(|error| shared.fail(&error))?;
        self.stats.truncations += 1;
        Ok(())
    }

    /// From the back to the front, so that a process killed meanwhile leaves a journal that is only longer.
    fn cut_to(&mut self, position: Position) -> Result<(), JournalError> {
        let number = position.seq.0;
        self.let_go();
        self.shared.begin_truncation(number).map_err(io_at("lower the watermark in", &self.shared.dir))?;
        let kept = self.behind(number).max(1);
        while self.segments.len() > kept {
            let segment = self.segments.pop().expect("more than one is left");
            std::fs::remove_file(&segment.path).map_err(io_at("remove", &segment.path))?;
        }
        sync_dir(&self.shared.dir)?;

        let active = self.segments.last_mut().expect("the first segment is always kept");
        let file =
            File::options().read(true).write(true).open(&active.path).map_err(io_at("open", &active.path))?;
        if !active.map.is_writable() {
            active.map = Map::write(&file).map_err(io_at("map", &active.path))?;
        }
        let count = number - active.before.seq.0;
        let mut starts = Vec::new();
        let mut offset = active.index.offset(active.map.bytes(), count).expect("no more than there are");
        while offset < active.end {
            starts.push(offset);
            offset += padded(length_of(&active.map.bytes()[offset..]));
        }
        for start in starts.into_iter().rev() {
            active.map.zero(start..active.end);
            active.end = start;
        }
        active.index.keep(count);
        let (first, path) = (active.first(), active.path.clone());
        self.last = position;
        self.shared.end_truncation(number, (first, Arc::new(file))).map_err(io_at("sync", &path))
    }

    /// Goes on in the spare segment, or in one made here if none is waiting.
    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let spare = match self.shared.take_spare() {
            Some(spare) => spare,
            None => {
                self.stats.prepared_inline += 1;
                self.shared.make_spare()?
            }
        };
        let header = Header {
            stream: self.stream,
            cluster: self.cluster,
            segment_len: spare.segment_len,
            before: self.last,
        };
        self.let_go();
        let (segment, file) = begin(&self.shared.dir, spare, &header).map_err(|(spare, error)| {
            self.shared.put_spare(*spare);
            error
        })?;
        let ended = self.active();
        self.shared.begun((ended.first(), ended.last()), segment.first(), file);
        self.segments.push(segment);
        self.stats.segments_begun += 1;
        Ok(())
    }

    /// Those that are not archived: at least the one that is written.
    fn held(&self) -> &[Segment] {
        &self.segments[self.behind(self.shared.archived())..]
    }

    /// Gives away what is archived.
    fn let_go(&mut self) {
        let archived = self.behind(self.shared.archived());
        if archived > 0 {
            self.shared.let_go(self.segments.drain(..archived));
        }
    }

    /// How many segments begin at or before this number.
    fn behind(&self, number: u64) -> usize {
        self.segments.partition_point(|segment| segment.first() <= number)
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("there is always one")
    }
}

/// Messages of a journal in order, where they lie.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    segments: &'a [Segment],
    offset: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (segment, behind) = self.segments.split_first()?;
            if self.offset < segment.end {
                let message = segment.message(self.offset);
                self.offset += padded(message.len());
                return Some(message);
            }
            (self.segments, self.offset) = (behind, HEADER_LEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::command::Tick;
    use wire::frame::{self, Origin};
    use wire::{Epoch, Incarnation, MAX_FRAME_LEN, Nanos, NodeId, SourceSeq};

    #[test]
    fn after_a_failed_sync_nothing_is_appended_any_more_and_the_first_reason_stays() {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { cluster: 1, stream: Stream::Frames, segment_len: 4096, create: true, power_cut: false };
        let (mut journal, _) = Journal::open(dir.path(), &options, &mut |_| {}).unwrap();
        let mut syncer = journal.syncer();
        journal.shared.fail(&"input/output error");
        journal.shared.fail(&"something later");
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(1),
            incarnation: Incarnation(0),
            source_seq: SourceSeq(0),
            received: Nanos(0),
        };
        let length = frame::write(&mut to, origin, &Tick {});
        frame::stamp(&mut to[..length], Position::GENESIS, Epoch(1), Nanos(1));
        for refused in [
            journal.append(&to[..length]).unwrap_err(),
            journal.truncate_after(0).unwrap_err(),
            syncer.sync_once().unwrap_err(),
        ] {
            assert!(
                matches!(&refused, JournalError::Failed { reason, .. } if reason == "input/output error"),
                "{refused}"
            );
        }
        assert_eq!((journal.next(), journal.synced()), (1, 0));
    }
}
