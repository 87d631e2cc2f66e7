//! Verification of a whole journal, beside its writer or after it.

use crate::chain::Chain;
use journal::{Expected, JournalError, Progress, Seal, Stream, scan};
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use wire::Position;

/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// A journal that is whole, but for a torn end perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it keeps.
    pub stream: Stream,
    /// Whose it is: [`wire::cluster_id`] of the cluster's name.
    pub cluster: u64,
    /// Segments.
    pub segments: usize,
    /// Records, each with good checksum, number and (of frames) epoch and chain.
    pub records: u64,
    /// The place before the first record; of events only the number.
    pub before: Position,
    /// The place of the last record; `before` if there is none.
    pub last: Position,
    /// Bytes of a torn end. Beside a writer this can be the record that it is writing at the moment.
    pub torn_bytes: u64,
    /// The number that the disk had confirmed when the verification began.
    pub synced: Option<u64>,
    /// The chain of seals, made again from the segments, each of which holds what was sealed. Of segments that are archived
    /// and not at hand, what their seals say is taken.
    pub seals: Vec<Seal>,
    /// How many segments these are.
    pub unseen: usize,
}

/// Reads every record of a journal and checks it, and compares each full segment with its seal. Damage is an error that names
/// file, offset and number; a torn end, which the next opening for writing would cut, is told in the verdict.
pub fn verify(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Verdict, JournalError> {
    // Before the scan: what the disk confirms meanwhile may lie behind the end that the scan finds.
    let synced = journal::read_watermark(dir);
    let mut chain = Chain::begin(dir)?;
    let (mut records, mut segment) = (0, usize::MAX);
    let scanned = scan(dir, Expected::default(), 0, &mut |seen| {
        if records % PROGRESS_EVERY == 0 || segment != seen.segment {
            segment = seen.segment;
            progress(Progress { segment, segments: seen.segments, records });
        }
        records += 1;
        chain.add(&seen);
        ControlFlow::Continue(())
    })?;
    journal::check_front(dir, scanned.before.seq.0)?;
    scanned.judge(synced, false)?;
    let (seals, unseen) = chain.end(scanned.before.seq.0)?;
    Ok(Verdict {
        stream: scanned.stream,
        cluster: scanned.cluster,
        segments: scanned.segments(),
        records: scanned.records,
        before: scanned.before,
        last: scanned.last,
        torn_bytes: scanned.torn_bytes(),
        synced,
        seals,
        unseen,
    })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, cluster, segments, records, .. } = self;
        write!(f, "{stream} of cluster {cluster:016x}: {records} records in {segments} segments")?;
        if self.records > 0 {
            write!(f, ", numbers {} to {}", self.before.seq.0 + 1, self.last.seq)?;
            if self.stream == Stream::Frames {
                write!(f, ", last position {}", self.last)?;
            }
        }
        if let Some(synced) = self.synced {
            write!(f, ", synced to {synced}")?;
        }
        match self.torn_bytes {
            0 => write!(f, "; whole")?,
            bytes => write!(f, "; a torn end of {bytes} bytes, which the next start cuts")?,
        }
        if let Some(Seal { last, chain, .. }) = self.seals.last() {
            write!(f, "; sealed up to {last}: chain {chain}")?;
        }
        if self.unseen > 0 {
            write!(
                f,
                " ({} archived segments are not at hand: their seals are taken at their word)",
                self.unseen
            )?;
        }
        Ok(())
    }
}
