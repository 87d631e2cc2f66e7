//! The journal of events: what a follower may be told again. It holds events of committed frames only.

use crate::complaint::Complaint;
use crate::frames::Cause;
use crate::log::Log;
use bus::{Delivery, StreamKind, Subscription};
use journal::JournalError;
use node::SessionNames;
use wire::{Epoch, Event, Nanos, Position};

/// The journal, and the stream that it is written from.
#[derive(Debug)]
pub(crate) struct Events<S, L> {
    journal: L,
    stream: S,
    names: SessionNames,
    epoch: Epoch,
    /// Whether the last event kept is known to be of the epoch's history.
    proven: bool,
    /// Events that were not kept because the history does not hold what caused them, or because they are none.
    void: u64,
    complaint: Complaint,
}

/// Why the stream was stopped within a cycle.
enum Stop {
    /// The frame that caused the event is not here, or not committed: the event waits.
    Awaited,
    /// This will never be the event with that number.
    Void(String),
    NoRoom(JournalError),
    Failed(JournalError),
}

impl<S: Subscription, L: Log> Events<S, L> {
    pub(crate) fn new(journal: L, stream: S, names: SessionNames) -> Self {
        Self {
            journal,
            stream,
            names,
            epoch: Epoch(0),
            proven: false,
            void: 0,
            complaint: Complaint::default(),
        }
    }

    /// Listens to the events of another epoch. Everything kept was committed, so it is part of that epoch's too, unless a
    /// power cut took frames that were committed by what was written alone; so that is looked at first.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.proven = false;
        self.stream.begin_session(self.names.of(StreamKind::Events, epoch), self.journal.next());
    }

    /// Whether what is kept is known to be of the followed epoch's history, so that it may be served.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Drops the last events kept, as far as the history does not hold what caused them. They are proven once one is left
    /// whose cause is committed, or none.
    fn prove(&mut self, judge: &dyn Fn(Position) -> Cause) -> anyhow::Result<usize> {
        let kept = self.journal.next() - 1;
        let mut last = kept;
        while let Some(bytes) = self.journal.get(last) {
            match judge(Event::read(bytes)?.cause()) {
                Cause::Committed => break,
                Cause::Awaited => return Ok(0),
                Cause::Void => last -= 1,
            }
        }
        self.proven = true;
        if last == kept {
            return Ok(1);
        }
        tracing::warn!(
            epoch = %self.epoch,
            from = last + 1,
            to = kept,
            "events dropped: a power cut has taken the frames that caused them"
        );
        self.journal.truncate_after(last)?;
        self.stream.begin_session(self.names.of(StreamKind::Events, self.epoch), self.journal.next());
        Ok(1)
    }

    /// Keeps what has come and is committed; the rest waits in the stream.
    pub(crate) fn poll(&mut self, now: Nanos, judge: &dyn Fn(Position) -> Cause) -> anyhow::Result<usize> {
        if !self.proven && self.epoch != Epoch(0) && self.prove(judge)? == 0 {
            return Ok(0);
        }
        let Self { journal, stream, .. } = self;
        let mut stopped = None;
        let work = stream.poll(now, &mut |_, message| {
            if stopped.is_some() {
                return Delivery::Refused;
            }
            match take(journal, message, judge) {
                Ok(()) => Delivery::Accepted,
                Err(stop) => {
                    stopped = Some(stop);
                    Delivery::Refused
                }
            }
        })?;
        match stopped {
            Some(Stop::Failed(error)) => return Err(error.into()),
            Some(Stop::NoRoom(error)) if self.complaint.is_due(now) => {
                tracing::error!(%error, "no event can be written; trying again");
            }
            Some(Stop::Void(what)) => {
                self.void += 1;
                // In the right session the number comes with its right content: what was heard of it is forgotten, now and
                // then, and asked for again.
                if self.complaint.is_due(now) {
                    tracing::error!(epoch = %self.epoch, void = self.void, "{what}; an engine speaks that is not on the history");
                    self.begin_epoch(self.epoch);
                }
            }
            None | Some(Stop::Awaited | Stop::NoRoom(_)) => {}
        }
        Ok(work)
    }

    pub(crate) fn journal(&self) -> &L {
        &self.journal
    }

    pub(crate) fn journal_mut(&mut self) -> &mut L {
        &mut self.journal
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Events that were refused for good.
    pub(crate) fn void(&self) -> u64 {
        self.void
    }
}

fn take<L: Log>(journal: &mut L, message: &[u8], judge: &dyn Fn(Position) -> Cause) -> Result<(), Stop> {
    let event = Event::read(message).map_err(|error| Stop::Void(format!("an event is no event: {error}")))?;
    match judge(event.cause()) {
        Cause::Committed => {}
        Cause::Awaited => return Err(Stop::Awaited),
        Cause::Void => {
            let (number, cause) = ({ event.header().outbound }, event.cause());
            return Err(Stop::Void(format!(
                "event {number} says that frame {cause} caused it, which the log does not hold"
            )));
        }
    }
    journal.append(message).map_err(|error| match error {
        JournalError::NoSpace { .. } => Stop::NoRoom(error),
        JournalError::Refused { .. } => Stop::Void(error.to_string()),
        other => Stop::Failed(other),
    })
}
