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
        Self { journal, stream, names, epoch: Epoch(0), void: 0, complaint: Complaint::default() }
    }

    /// Listens to the events of another epoch. Everything kept is committed, so it is part of that epoch's too.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.stream.begin_session(self.names.of(StreamKind::Events, epoch), self.journal.next());
    }

    /// Keeps what has come and is committed; the rest waits in the stream.
    pub(crate) fn poll(&mut self, now: Nanos, judge: &dyn Fn(Position) -> Cause) -> anyhow::Result<usize> {
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
