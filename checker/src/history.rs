//! Which log is the history, and where others leave it.
//!
//! The history is the log whose last frame has the highest epoch, and among those the longest. A log that is not a prefix
//! of it has a *fork*: legitimate as long as what stands in it was not committed, that is, as long as no majority of the
//! loggers of a frame's own epoch hold that frame.

use crate::check::{CheckError, Logger, Told};
use crate::log::LogAccount;
use crate::promise::{Promise, Verdict};
use crate::segments::{Segments, Stream};
use wire::{Frame, NodeId, Position, Seq};

/// The log that is the history, by its index; none if there are no frames.
#[must_use]
pub fn choose(logs: &[LogAccount]) -> Option<usize> {
    let filled = logs.iter().enumerate().filter(|(_, log)| log.frames > 0);
    let best = filled.max_by_key(|(at, log)| (log.last.epoch, log.last.seq, std::cmp::Reverse(*at)));
    best.map(|(at, _)| at)
}

/// One log, at its present frame.
struct Cursor {
    segments: Segments,
    here: Option<Position>,
    fork: Option<Fork>,
}

/// Where a log left the history.
struct Fork {
    from: Position,
    to: Position,
    frames: u64,
    overruled: u64,
}

impl Cursor {
    fn advance(&mut self) -> Result<(), CheckError> {
        self.here = None;
        while self.here.is_none() && self.segments.advance()? {
            // What is no frame was found when the log was judged by itself.
            self.here = Frame::read(self.segments.message()).ok().map(|frame| frame.position());
        }
        Ok(())
    }
}

/// Walks over all logs side by side, compares them, and shows every frame of the history.
pub(crate) fn walk(
    loggers: &[Logger],
    chosen: usize,
    verdict: &mut Verdict,
    told: &mut Told<'_>,
    visit: &mut dyn FnMut(&Frame<'_>, &mut Verdict) -> Result<(), CheckError>,
) -> Result<(), CheckError> {
    let logs = std::mem::take(&mut verdict.logs);
    let mut cursors = Vec::new();
    for logger in loggers {
        let segments = Segments::open(&logger.directory.join("log"), Stream::Frames)?;
        let mut cursor = Cursor { segments, here: None, fork: None };
        cursor.advance()?;
        cursors.push(cursor);
    }
    while let Some(seq) = cursors.iter().filter_map(|cursor| cursor.here).map(|here| here.seq).min() {
        let at = |cursor: &Cursor| cursor.here.filter(|here| here.seq == seq);
        let history = at(&cursors[chosen]);
        if history.is_some() {
            verdict.counts.frames += 1;
            told.tell(&logs[chosen].name, "history", verdict.counts.frames);
            if let Ok(frame) = Frame::read(cursors[chosen].segments.message()) {
                visit(&frame, verdict)?;
            }
        }
        let apart = |cursor: &Cursor| at(cursor).filter(|here| history != Some(*here));
        if cursors.iter().any(|cursor| apart(cursor).is_some()) {
            let here: Vec<Option<Position>> = cursors.iter().map(apart).collect();
            leave(&logs, &here, history, &mut cursors, verdict);
        }
        for cursor in cursors.iter_mut().filter(|cursor| at(cursor).is_some()) {
            cursor.advance()?;
        }
    }
    for (log, cursor) in logs.iter().zip(&cursors) {
        if let Some(fork) = &cursor.fork {
            verdict.counts.forks += 1;
            verdict.counts.forked_frames += fork.frames;
            verdict.notes.push(format!(
                "{}'s log leaves the history with {} and holds {} frames beyond, to {}; {}",
                log.name,
                fork.from,
                fork.frames,
                fork.to,
                if fork.overruled == 0 {
                    "none of them was committed"
                } else {
                    "COMMITTED frames are among them"
                }
            ));
        }
    }
    verdict.counts.epochs = logs[chosen].epochs.len() as u64;
    verdict.last = logs[chosen].last;
    verdict.logs = logs;
    Ok(())
}

/// Some logs hold a frame here that is not the history's.
fn leave(
    logs: &[LogAccount],
    here: &[Option<Position>],
    history: Option<Position>,
    cursors: &mut [Cursor],
    verdict: &mut Verdict,
) {
    for (at, position) in here.iter().enumerate() {
        let Some(position) = *position else { continue };
        let (log, fork) = (&logs[at], &mut cursors[at].fork);
        if let (None, Some(history)) = (&fork, history)
            && history.epoch == position.epoch
        {
            verdict.add(Promise::OneHistory, || {
                format!(
                    "epoch {} says two things as number {}: {}'s log has {position}, the history {history}",
                    position.epoch, position.seq, log.name
                )
            });
        }
        let fork = fork.get_or_insert(Fork { from: position, to: position, frames: 0, overruled: 0 });
        (fork.to, fork.frames) = (position, fork.frames + 1);
        let holders: Vec<usize> = (0..here.len()).filter(|other| here[*other] == Some(position)).collect();
        let Some(majority) = majority_of(logs, &holders, position) else { continue };
        if votes(logs, &holders, &majority.loggers) >= majority.need {
            fork.overruled += 1;
            // Told once for each frame, by the first who holds it.
            if holders.first() == Some(&at) {
                tell_overruled(logs, &holders, position, history, majority.need, verdict);
            }
        }
    }
}

fn tell_overruled(
    logs: &[LogAccount],
    holders: &[usize],
    position: Position,
    history: Option<Position>,
    need: usize,
    verdict: &mut Verdict,
) {
    verdict.add(Promise::OneHistory, || {
        let names: Vec<_> = holders.iter().map(|at| logs[*at].name.as_str()).collect();
        let instead = match history {
            Some(history) => format!("the history has {history} instead"),
            None => format!("the history ends before {}", Seq(position.seq.0)),
        };
        format!(
            "committed frame {position} was overruled: {} hold it, {need} loggers of epoch {} are a majority; {instead}",
            names.join(", "),
            position.epoch
        )
    });
}

struct Majority {
    loggers: Vec<NodeId>,
    need: usize,
}

/// Who can commit the frame, as a log that holds it tells; none if nobody could: its epoch was not open yet.
fn majority_of(logs: &[LogAccount], holders: &[usize], position: Position) -> Option<Majority> {
    let account = holders.iter().find_map(|at| logs[*at].epoch(position.epoch))?;
    account.opens.filter(|opens| *opens <= position.seq)?;
    let loggers: Vec<NodeId> = account.loggers.iter().map(|(node, _)| *node).collect();
    let need = loggers.len() / 2 + 1;
    Some(Majority { loggers, need })
}

/// How many of the holders vote. A directory whose logger's number is not known counts as one that does.
fn votes(logs: &[LogAccount], holders: &[usize], loggers: &[NodeId]) -> usize {
    holders.iter().filter(|at| logs[**at].node.is_none_or(|node| loggers.contains(&node))).count()
}
