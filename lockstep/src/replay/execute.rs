//! A log directory through a replica.

use super::ahead::Ahead;
use super::quarantined::quarantined;
use anyhow::Context;
use engine::{EventSink, Exchange, Limits, Replica};
use journal::{Expected, JournalError, Stream, scan_with_archive};
use node::Clock;
use std::ops::ControlFlow;
use std::path::Path;
use wire::{Frame, Nanos, Seq};

/// What was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Frames.
    pub frames: u64,
    /// From the first byte read to the last frame executed.
    pub took: Nanos,
    /// Bytes of a torn end behind the last frame.
    pub torn_bytes: u64,
}

impl Executed {
    /// Frames a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.frames as f64 / (self.took.0.max(1) as f64 / 1e9)
    }
}

/// Which frames of a log.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The directory with its segments.
    pub log: &'a Path,
    /// The last one, if the log goes on behind it.
    pub until: Seq,
}

/// A replica before the first frame, with all its room made and touched.
pub fn fresh(limits: Limits) -> anyhow::Result<Replica<Exchange>> {
    let mut exchange = Exchange::new(limits)?;
    exchange.prefault();
    Ok(Replica::new(exchange, EventSink::with_capacity(limits.events_reserved as usize)))
}

/// The number of the first frame that a log has, in its archive or at hand.
fn first_of(log: &Path) -> Result<Seq, JournalError> {
    let expected = Expected { stream: Some(Stream::Frames), ..Expected::default() };
    let scanned = scan_with_archive(log, expected, 0, &mut |_| ControlFlow::Break(()))?;
    Ok(scanned.before.seq.next())
}

/// Executes what the log holds behind the replica's position. After each frame `each` looks at the replica, and may break off.
///
/// Another thread reads the segments and checks every frame (checksum, number, epoch, chain) while this one executes; the
/// replica checks them once more, as it does in an engine. What the log says is quarantined, be it behind the span's end, is
/// left out; finding that out is not counted in the time that it took.
pub fn execute(
    replica: &mut Replica<Exchange>,
    span: Span<'_>,
    mut each: impl FnMut(&Replica<Exchange>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<Executed> {
    let (log, until) = (span.log.to_owned(), span.until);
    let from = replica.position().seq.next();
    let begins = first_of(&log).with_context(|| log.display().to_string())?;
    anyhow::ensure!(
        begins <= from,
        "{} begins with frame {begins}, archive included, and frame {from} is needed: put the segments that were moved away \
         back into `archive/`",
        log.display()
    );
    let left_out = quarantined(&log, from).with_context(|| log.display().to_string())?;
    let clock = Clock::start();
    let began = clock.now();
    let mut ahead = Ahead::start(move |to| -> Result<u64, JournalError> {
        // Before the scan: what the disk confirms meanwhile may lie behind the end that the scan finds.
        let synced = journal::read_watermark(&log);
        let mut broke_off = until < from;
        let expected = Expected { stream: Some(Stream::Frames), ..Expected::default() };
        let scanned = scan_with_archive(&log, expected, from.0, &mut |seen| {
            let number = seen.position.seq;
            if number >= from && number <= until && to.push(seen.message).is_break() {
                broke_off = true;
            }
            broke_off |= number >= until;
            if broke_off { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if broke_off {
            return Ok(0);
        }
        scanned.judge(synced, false)?;
        Ok(scanned.torn_bytes())
    })
    .context("cannot start a thread")?;
    let (mut frames, mut flow) = (0, ControlFlow::Continue(()));
    'all: while let Some(batch) = ahead.take() {
        for bytes in batch.frames() {
            let frame = Frame::read(bytes).context("a frame that was read as a good one")?;
            if left_out.contains(&frame.position()) { replica.skip(&frame) } else { replica.apply(&frame) }?;
            frames += 1;
            flow = each(replica)?;
            if flow.is_break() {
                break 'all;
            }
        }
        ahead.give_back(batch);
    }
    let took = clock.now().since(began);
    let torn_bytes = ahead.finish().with_context(|| span.log.display().to_string())?;
    Ok(Executed { frames, took, torn_bytes: if flow.is_break() { 0 } else { torn_bytes } })
}
