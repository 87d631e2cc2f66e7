//! One logger's log by itself: numbers, chain, time, epochs.

use crate::check::{CheckError, Logger, Told};
use crate::promise::{Promise, Verdict};
use crate::segments::{Segments, Stream};
use std::path::Path;
use wire::command::{EpochStart, MAX_LOGGERS, Opening};
use wire::{Chain, Command, Epoch, Frame, Incarnation, Nanos, NodeId, Position, Seq};

/// An epoch as its first frame tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochAccount {
    /// Where its `EpochStart` stands.
    pub start: Position,
    /// Its sequencer.
    pub sequencer: NodeId,
    /// Which process of it.
    pub nonce: u64,
    /// Who votes in it.
    pub loggers: Vec<(NodeId, Incarnation)>,
    /// From which frame on its frames can be committed; none if its `EpochOpen` never came.
    pub opens: Option<Seq>,
}

/// What a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAccount {
    /// The logger.
    pub name: String,
    /// Its number, if it is known.
    pub node: Option<NodeId>,
    /// Frames.
    pub frames: u64,
    /// The place of the last one.
    pub last: Position,
    /// The epochs that it began, as they stand there.
    pub epochs: Vec<EpochAccount>,
    /// Bytes of a torn end.
    pub torn_bytes: u64,
}

impl LogAccount {
    /// The epoch of this number, if its beginning is in this log.
    #[must_use]
    pub fn epoch(&self, epoch: Epoch) -> Option<&EpochAccount> {
        self.epochs.iter().find(|account| account.start.epoch == epoch)
    }
}

/// What the walk over one log remembers.
struct Judge<'a> {
    name: &'a str,
    cluster: Option<u64>,
    previous: Position,
    stamped: Nanos,
    /// The highest epoch so far; kept apart from `previous`, which may fall.
    epoch: Epoch,
    epochs: Vec<EpochAccount>,
    verdict: &'a mut Verdict,
}

/// Reads a log and judges it by itself.
pub(crate) fn judge(
    logger: &Logger,
    verdict: &mut Verdict,
    told: &mut Told<'_>,
) -> Result<LogAccount, CheckError> {
    let mut segments = Segments::open(&logger.directory.join("log"), Stream::Frames)?;
    let mut judge = Judge {
        name: &logger.name,
        cluster: None,
        previous: Position::GENESIS,
        stamped: Nanos(0),
        epoch: Epoch(0),
        epochs: Vec::new(),
        verdict,
    };
    let mut frames = 0;
    while segments.advance()? {
        frames += 1;
        told.tell(&logger.name, "log", frames);
        judge.cluster = segments.cluster();
        match Frame::read(segments.message()) {
            Ok(frame) => judge.frame(&frame, &segments),
            Err(error) => {
                judge.found(format_args!("{} holds what is no frame: {error}", segments.place()));
            }
        }
    }
    let Judge { previous: last, epochs, verdict, .. } = judge;
    let torn_bytes = segments.torn_bytes();
    if torn_bytes > 0 {
        verdict
            .notes
            .push(format!("{}'s log has a torn end of {torn_bytes} bytes behind {last}", logger.name));
    }
    Ok(LogAccount { name: logger.name.clone(), node: logger.node, frames, last, epochs, torn_bytes })
}

impl Judge<'_> {
    fn found(&mut self, words: std::fmt::Arguments<'_>) {
        let name = self.name;
        self.verdict.add(Promise::LogsSound, || format!("{name}: {words}"));
    }

    fn frame(&mut self, frame: &Frame<'_>, segments: &Segments) {
        let (here, before, place) = (frame.position(), self.previous, segments.place());
        if let Some(claimed) = segments.before()
            && claimed != before
        {
            self.found(format_args!(
                "{place}: the segment's header continues {claimed}, the log stands at {before}"
            ));
        }
        if here.seq != before.seq.next() {
            let expected = before.seq.next();
            self.found(format_args!("gap: frame {expected} should stand in {place}, and {} does", here.seq));
        } else if !continues(frame, before.chain) {
            self.found(format_args!("chain: frame {} in {place} does not continue {before}", here.seq));
        }
        if here.epoch < before.epoch {
            self.found(format_args!(
                "epoch: frame {} in {place} is of epoch {}, the one before it of {}",
                here.seq, here.epoch, before.epoch
            ));
        }
        let stamped = frame.header().timestamp;
        if stamped < self.stamped {
            let last = self.stamped;
            self.found(format_args!(
                "time: frame {} in {place} is stamped {stamped}, one before it {last}",
                here.seq
            ));
        }
        self.stamped = self.stamped.max(stamped);
        let start = match frame.command() {
            Ok(Command::EpochStart(start)) => Some(start),
            Ok(Command::EpochOpen(_)) => {
                if let Some(account) = self.epochs.last_mut().filter(|last| last.start.epoch == here.epoch) {
                    account.opens = account.opens.or(Some(here.seq));
                }
                None
            }
            Ok(_) => None,
            Err(error) => {
                self.found(format_args!("frame {} in {place} cannot be read: {error}", here.seq));
                None
            }
        };
        self.note_epoch(here, start, segments);
        self.previous = here;
    }

    fn note_epoch(&mut self, here: Position, start: Option<&EpochStart>, segments: &Segments) {
        let place = segments.place();
        let Some(start) = start else {
            if here.epoch > self.epoch {
                self.found(format_args!(
                    "epoch {} begins with frame {} in {place}, which is no EpochStart",
                    here.epoch, here.seq
                ));
                self.epoch = here.epoch;
            }
            return;
        };
        let begun = self.epoch;
        if here.epoch <= begun {
            self.found(format_args!(
                "epoch {} is started again by frame {} in {place}, after epoch {begun} had begun",
                here.epoch, here.seq
            ));
        }
        self.epoch = self.epoch.max(here.epoch);
        let parent = Position { epoch: start.parent_epoch, seq: start.parent_seq, chain: start.parent_chain };
        if parent != self.previous {
            let before = self.previous;
            self.found(format_args!(
                "epoch {} names {parent} as its parent, and stands behind {before} in {place}",
                here.epoch
            ));
        }
        let (cluster, count) = (start.cluster, usize::from(start.logger_count));
        if self.cluster.is_some_and(|own| own != cluster) {
            self.found(format_args!("epoch {} in {place} is of another cluster", here.epoch));
        }
        if count == 0 || count > MAX_LOGGERS {
            self.found(format_args!("epoch {} in {place} names {count} loggers", here.epoch));
        }
        let members = start.loggers;
        let loggers = members.iter().take(count).map(|member| (member.node, member.incarnation)).collect();
        let (sequencer, nonce) = (start.sequencer, start.nonce);
        let opens = (start.opening == Opening::AtStart).then_some(here.seq);
        self.epochs.push(EpochAccount { start: here, sequencer, nonce, loggers, opens });
    }
}

/// Whether the frame's chain continues this one, whatever its number and epoch.
fn continues(frame: &Frame<'_>, chain: Chain) -> bool {
    let here = frame.position();
    let before = Position { epoch: here.epoch, seq: Seq(here.seq.0.saturating_sub(1)), chain };
    frame.follows(before)
}

/// An epoch has one beginning, wherever it is written.
pub(crate) fn compare_epochs(verdict: &mut Verdict) {
    let logs = std::mem::take(&mut verdict.logs);
    for (at, log) in logs.iter().enumerate() {
        for here in &log.epochs {
            let other = logs[..at].iter().find_map(|other| {
                other.epoch(here.start.epoch).filter(|there| there.start != here.start).map(|e| (other, e))
            });
            if let Some((other, there)) = other {
                verdict.add(Promise::LogsSound, || {
                    format!(
                        "epoch {} was started twice: as {} with nonce {:x} in {}'s log, as {} with nonce {:x} in {}'s",
                        here.start.epoch, there.start, there.nonce, other.name, here.start, here.nonce, log.name
                    )
                });
            }
        }
    }
    verdict.logs = logs;
}

/// The name that a directory goes by.
pub(crate) fn name_of(directory: &Path) -> String {
    directory
        .file_name()
        .map_or_else(|| directory.display().to_string(), |n| n.to_string_lossy().into_owned())
}
