//! The write-ahead log beside the sequenced stream: follows one epoch's session, and brings the log onto its history.

use crate::complaint::Complaint;
use crate::log::{AsHistory, Log};
use anyhow::Context;
use archive::{Detour, Piece, Since, Taken, WORTH_FETCHING, Wanted, Way};
use bus::{Delivery, StreamKind, Subscription};
use cluster::acceptor::{Listen, Promised, Step};
use cluster::planted::{Fault, planted};
use cluster::{Acceptor, Leading, Promise};
use journal::JournalError;
use node::SessionNames;
use node::description::Durability;
use std::io;
use std::net::SocketAddr;
use wire::{Epoch, Frame, Nanos, Position, Seq};

/// The log, the stream that it is written from, and what this logger has promised.
#[derive(Debug)]
pub(crate) struct Frames<S, L> {
    log: L,
    stream: S,
    /// The way around the stream, to what the other loggers have in their archives.
    detour: Detour,
    acceptor: Acceptor,
    names: SessionNames,
    /// The last place that the followed sequencer said it had stamped.
    stamped: Position,
    /// The highest place that is known to be committed; that it is held is not said.
    committed: Position,
    complaint: Complaint,
}

/// What is known of the frame that caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The log holds it, and it is committed.
    Committed,
    /// It may still come, or be committed.
    Awaited,
    /// The history has another frame there.
    Void,
}

/// Why the stream was stopped within a cycle.
enum Stop {
    /// The log left the session's history before this frame: listen from `from` on.
    Back { from: Seq, at: Seq },
    /// Nothing can be written for the moment.
    NoRoom(JournalError),
    /// The frame belongs to no history that this logger may take.
    Refused(String),
    /// For good.
    Failed(anyhow::Error),
}

impl<S: Subscription, L: Log> Frames<S, L> {
    pub(crate) fn new(log: L, stream: S, detour: Detour, promise: Promise, names: SessionNames) -> Self {
        Self {
            log,
            stream,
            detour,
            acceptor: Acceptor::new(promise),
            names,
            stamped: Position::GENESIS,
            committed: Position::GENESIS,
            complaint: Complaint::default(),
        }
    }

    /// A sequencer asks for the promise. Once it is given, nothing of an older session is heard.
    pub(crate) fn handle_prepare(&mut self, epoch: Epoch, nonce: u64) -> Promised {
        let promised = self.acceptor.handle_prepare(epoch, nonce);
        if self.acceptor.session().is_none() {
            self.go_deaf();
            self.detour.turn_back();
        }
        promised
    }

    fn go_deaf(&mut self) {
        self.stream.begin_session(self.names.of(StreamKind::Sequenced, Epoch(0)), 1);
    }

    /// A sequencer says that it leads. Tells what to listen to if this is news; the promise that comes with it must be on the
    /// disk before [`Frames::listen`].
    pub(crate) fn handle_leading(&mut self, leading: &Leading) -> Option<Listen> {
        let Leading { epoch, nonce, parent, .. } = *leading;
        let listen = self.acceptor.handle_leading(epoch, nonce, parent, &AsHistory(&self.log));
        let promise = Promise { epoch, nonce };
        if self.acceptor.session() == Some(epoch) && self.acceptor.promise() == promise {
            self.stamped = leading.last;
            if leading.committed.seq > self.committed.seq {
                self.committed = leading.committed;
            }
        }
        listen
    }

    /// Listens to a session; what is missing of it is asked for at once.
    pub(crate) fn listen(&mut self, now: Nanos, listen: &Listen, repair: Vec<SocketAddr>) {
        self.stream.begin_session(self.names.of(StreamKind::Sequenced, listen.epoch), listen.from.0);
        self.stream.set_repair(repair);
        self.stream.expect_below(now, self.stamped.seq.next().0);
        self.detour.turn_back();
        self.set_out_if_far(now, listen.from);
    }

    /// What is committed far ahead is fetched in bulk.
    fn set_out_if_far(&mut self, now: Nanos, next: Seq) {
        if self.committed.seq.0.saturating_sub(next.0) > WORTH_FETCHING {
            self.set_out(now, next);
        }
    }

    /// Sets out for what is committed from this frame on, or from where this log and the committed history part.
    fn set_out(&mut self, now: Nanos, next: Seq) {
        let upto = self.committed;
        let since = Since::OneOf(places(&self.log, next, upto));
        self.detour.set_out(now, Wanted { since, upto });
    }

    /// Takes what was found of the committed history, as if it had come in the session: whoever leads it has said that it is
    /// committed up to there.
    fn take_past(&mut self, now: Nanos, begin: &mut dyn FnMut() -> io::Result<()>) -> anyhow::Result<usize> {
        let Some(epoch) = self.acceptor.session().filter(|_| self.detour.is_on()) else { return Ok(0) };
        let Self { log, acceptor, detour, .. } = self;
        let (mut stopped, mut moved) = (None, false);
        let (work, way) = detour.go(now, &mut |piece| {
            // Nobody looks for anything else here.
            let Piece::Frame(bytes) = piece else { return Taken::Yes };
            if stopped.is_some() {
                return Taken::Later;
            }
            if let Ok(frame) = Frame::read(bytes)
                && acceptor.next() != Some(frame.position().seq)
            {
                // The first one: this log may have left the history before what it waited for.
                acceptor.put_back(frame.position().seq);
            }
            match take(acceptor, log, bytes, begin) {
                Ok(()) => {
                    moved = true;
                    Taken::Yes
                }
                Err(stop) => {
                    stopped = Some(stop);
                    Taken::Later
                }
            }
        });
        if moved {
            // What is heard of the session meanwhile would not follow.
            self.go_deaf();
        }
        match stopped {
            Some(Stop::Failed(error)) => return Err(error),
            Some(Stop::Back { from, at }) => {
                self.detour.turn_back();
                self.go_back(now, from, at);
                return Ok(work + 1);
            }
            Some(Stop::Refused(what)) => {
                self.detour.turn_back();
                self.complain(now, &what);
            }
            Some(Stop::NoRoom(error)) if self.complaint.is_due(now) => {
                tracing::error!(%error, "nothing can be written; trying again");
            }
            None | Some(Stop::NoRoom(_)) => {}
        }
        if way == Way::Nowhere {
            let last = self.log.last_position();
            tracing::error!(%last, "no logger has what comes behind this log any more, archives included: put what was moved away back into `log/archive` of one of them; or set this logger's whole directory aside and start it with an empty one");
        }
        if matches!(way, Way::Ended { .. } | Way::Nowhere) {
            let next = self.acceptor.next().unwrap_or_default();
            self.stream.begin_session(self.names.of(StreamKind::Sequenced, epoch), next.0);
            self.stream.expect_below(now, self.stamped.seq.next().0);
            if matches!(way, Way::Ended { gained: true }) {
                self.set_out_if_far(now, next);
            }
        }
        Ok(work)
    }

    /// Judges whether to look elsewhere for what does not come in the session.
    fn look_around(&mut self, now: Nanos, before: Option<Seq>) {
        let next = self.acceptor.next();
        if next != before {
            // It goes on by itself.
            self.detour.turn_back();
        }
        let asked = self.stream.asked_since();
        if let Some(next) = next
            && self.detour.is_needed(now, asked, next.0, self.committed)
        {
            let upto = self.committed;
            tracing::warn!(from = %next, %upto, "nobody answers in the session with this frame: looking for it in the other loggers' logs");
            self.set_out(now, next);
        }
    }

    fn complain(&mut self, now: Nanos, what: &str) {
        if self.complaint.is_due(now) {
            let epoch = self.session().unwrap_or_default();
            let last = self.log.last_position();
            tracing::error!(%epoch, %last, "{what}; nothing more is taken in this epoch");
        }
    }

    /// Takes what has come of the session. `begin` is called before the first frame that an empty log takes.
    pub(crate) fn poll(
        &mut self,
        now: Nanos,
        begin: &mut dyn FnMut() -> io::Result<()>,
    ) -> anyhow::Result<usize> {
        let taken = self.take_past(now, begin)?;
        let before = self.acceptor.next();
        let Self { log, stream, acceptor, complaint, .. } = self;
        let mut stopped = None;
        let work = taken
            + stream.poll(now, &mut |_, message| {
                if stopped.is_some() {
                    return Delivery::Refused;
                }
                match take(acceptor, log, message, begin) {
                    Ok(()) => Delivery::Accepted,
                    Err(stop) => {
                        stopped = Some(stop);
                        Delivery::Refused
                    }
                }
            })?;
        match stopped {
            Some(Stop::Failed(error)) => return Err(error),
            Some(Stop::Back { from, at }) => {
                self.go_back(now, from, at);
                return Ok(work + 1);
            }
            Some(Stop::NoRoom(error)) if complaint.is_due(now) => {
                tracing::error!(%error, "nothing can be written; trying again");
            }
            Some(Stop::Refused(what)) => self.complain(now, &what),
            None | Some(Stop::NoRoom(_)) => {}
        }
        self.look_around(now, before);
        Ok(work)
    }

    /// Listens to the session from further back: to where the log may still be on its history. What is committed is part of
    /// every later history, and may be all that the sequencer has: nothing before it has to be heard.
    fn go_back(&mut self, now: Nanos, from: Seq, at: Seq) {
        let Some(epoch) = self.acceptor.session() else { return };
        let holds_committed = self.log.position_of(self.committed.seq.0) == Some(self.committed);
        let from = if holds_committed { from.max(self.committed.seq.next()) } else { from };
        self.acceptor.put_back(from);
        tracing::info!(%epoch, frame = %at, from = %from, "the log left this epoch's history before this frame; looking further back");
        self.stream.begin_session(self.names.of(StreamKind::Sequenced, epoch), from.0);
        self.stream.expect_below(now, self.stamped.seq.max(at).next().0);
    }

    /// What may be acknowledged now.
    pub(crate) fn acknowledgement(&self, durability: Durability) -> Option<Position> {
        let last = self.log.last_position();
        let place = if planted(Fault::AcknowledgeBeforeWriting) {
            self.stamped
        } else {
            match durability {
                Durability::Written => last,
                Durability::Synced => self.log.position_of(self.log.synced().min(last.seq.0))?,
            }
        };
        self.acceptor.acknowledge(place)
    }

    /// What is known of the frame that caused an event. Only a log that holds its epoch's start is known to be on the epoch's
    /// history, and only such a one judges.
    pub(crate) fn judge_cause(&self, cause: Position) -> Cause {
        if !self.is_ready() {
            return Cause::Awaited;
        }
        match self.log.position_of(cause.seq.0) {
            // What is archived is committed, and whoever speaks in this session is on the history that leads up to it.
            None if cause.seq.0 < self.log.first() => Cause::Committed,
            None => Cause::Awaited,
            Some(own) if own != cause => Cause::Void,
            Some(_) if cause.seq <= self.committed.seq => Cause::Committed,
            Some(_) => Cause::Awaited,
        }
    }

    /// Whether the log holds its epoch's start.
    pub(crate) fn is_ready(&self) -> bool {
        self.session().is_some_and(|epoch| self.may_serve(epoch))
    }

    /// Whether the log may be served to those who ask in this epoch's session.
    pub(crate) fn may_serve(&self, epoch: Epoch) -> bool {
        self.acceptor.may_serve(epoch, self.last())
    }

    /// Whether the log may be shown, as it was when this epoch was promised.
    pub(crate) fn may_show(&self, epoch: Epoch) -> bool {
        self.acceptor.may_show(epoch)
    }

    /// The epoch that is followed.
    pub(crate) fn session(&self) -> Option<Epoch> {
        self.acceptor.session()
    }

    /// What is promised.
    pub(crate) fn promise(&self) -> Promise {
        self.acceptor.promise()
    }

    /// Where the log ends.
    pub(crate) fn last(&self) -> Position {
        self.log.last_position()
    }

    pub(crate) fn log(&self) -> &L {
        &self.log
    }

    pub(crate) fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// When to poll again if nothing is heard.
    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.stream.next_deadline().into_iter().chain(self.detour.next_deadline()).min()
    }
}

/// Places of this log before a frame, the last first and then ever further apart: one that leads up to a committed place holds one
/// of them, or has nothing in common with this log.
fn places(log: &impl Log, next: Seq, upto: Position) -> Vec<Position> {
    let lowest = log.first() - 1;
    let mut number = next.0.saturating_sub(1).min(log.last_position().seq.0).min(upto.seq.0).max(lowest);
    let mut places = Vec::new();
    let mut step = 1;
    loop {
        places.extend(log.position_of(number));
        if number == lowest {
            return places;
        }
        number = number.saturating_sub(step).max(lowest);
        step *= 2;
    }
}

/// Judges the next frame of the session and does with the log what is to be done.
fn take<L: Log>(
    acceptor: &mut Acceptor,
    log: &mut L,
    message: &[u8],
    begin: &mut dyn FnMut() -> io::Result<()>,
) -> Result<(), Stop> {
    let frame =
        Frame::read(message).map_err(|error| Stop::Refused(format!("a frame is no frame: {error}")))?;
    let at = frame.position();
    match acceptor.judge(&frame, &AsHistory(&*log)) {
        Step::Append => {}
        Step::Skip => return Ok(()),
        Step::CutAfter(kept) => cut(log, kept, at).map_err(Stop::Failed)?,
        Step::Back(from) => return Err(Stop::Back { from, at: at.seq }),
        Step::Refuse => {
            return Err(Stop::Refused(format!("frame {at} belongs to no history that this logger may take")));
        }
    }
    if log.next() == 1 {
        begin().map_err(|error| Stop::Failed(error.into()))?;
    }
    log.append(message).map_err(|error| match error {
        JournalError::NoSpace { .. } => {
            acceptor.put_back(at.seq);
            Stop::NoRoom(error)
        }
        other => Stop::Failed(other.into()),
    })
}

/// Cuts off what the new history does not hold.
fn cut<L: Log>(log: &mut L, kept: Seq, by: Position) -> anyhow::Result<()> {
    let own = log.position_of(by.seq.0).map_or_else(String::new, |own| own.to_string());
    let (from, to) = (kept.next().0, log.next() - 1);
    log.truncate_after(kept.0).with_context(|| format!("cannot cut the log behind frame {kept}"))?;
    tracing::warn!(from, to, %own, overruled_by = %by, "log cut: these frames were stamped in an epoch that was given up before a majority held them");
    Ok(())
}
