//! The logger's part: what it has promised, whose history it takes, and where its own log leaves that history.

use crate::planted::{Fault, planted};
use serde::{Deserialize, Serialize};
use wire::{Epoch, Position, Seq};

/// What a logger has promised: to take nothing of a session below this epoch, and in this epoch only from the one process
/// with this nonce. On the disk before anybody hears of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// The epoch.
    pub epoch: Epoch,
    /// The process that speaks in it.
    pub nonce: u64,
}

/// A log, as far as the protocol looks at it.
pub trait History {
    /// The place of its last frame; [`Position::GENESIS`] if it has none.
    fn last(&self) -> Position;
    /// The place of a frame that it holds, or [`Position::GENESIS`] for 0.
    fn position_of(&self, seq: Seq) -> Option<Position>;
}

/// A frame, as far as the protocol looks at it.
pub trait Stamped {
    /// Its place.
    fn position(&self) -> Position;
    /// Whether it is the very next one after this place: the number follows and the chain goes on.
    fn follows(&self, previous: Position) -> bool;
}

impl Stamped for wire::Frame<'_> {
    fn position(&self) -> Position {
        wire::Frame::position(self)
    }

    fn follows(&self, previous: Position) -> bool {
        wire::Frame::follows(self, previous)
    }
}

/// What became of a request to promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promised {
    /// It is new: put it on the disk, then answer.
    New(Promise),
    /// It was given before: answer again.
    Again,
    /// A later epoch, or another process of this one, has the promise.
    Refused,
}

/// The session to listen to, and from which frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The epoch that names the session.
    pub epoch: Epoch,
    /// The first frame to have delivered.
    pub from: Seq,
    /// A promise that has to be on the disk before anything of the session is taken.
    pub promise: Option<Promise>,
}

/// What to do with a frame of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the next one: append it.
    Append,
    /// The log holds it already.
    Skip,
    /// The log leaves the history here: cut it behind this frame, then append.
    CutAfter(Seq),
    /// The log left the history further back: listen from this frame on.
    Back(Seq),
    /// It belongs to no history that this logger may take.
    Refuse,
}

/// A session that is being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Session {
    epoch: Epoch,
    /// The next frame that is expected of it.
    next: Seq,
    /// How far to go back if the log turns out to have left this history before.
    step: u64,
}

/// One logger's side of the protocol.
///
/// One thread orders everything here: promises, truncations and appends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acceptor {
    promise: Promise,
    session: Option<Session>,
}

impl Acceptor {
    /// A logger that finds this promise on its disk.
    #[must_use]
    pub fn new(promise: Promise) -> Self {
        Self { promise, session: None }
    }

    /// What is promised.
    #[must_use]
    pub fn promise(&self) -> Promise {
        self.promise
    }

    /// The session that is followed, if any.
    #[must_use]
    pub fn session(&self) -> Option<Epoch> {
        self.session.map(|session| session.epoch)
    }

    /// A sequencer asks for the promise, and for the log's last place, which the driver tells it once the promise is on the
    /// disk. From here on nothing of an older session is taken.
    pub fn handle_prepare(&mut self, epoch: Epoch, nonce: u64) -> Promised {
        let asked = Promise { epoch, nonce };
        if epoch > self.promise.epoch {
            self.promise = asked;
            if !planted(Fault::FollowTheDeposed) {
                self.session = None;
            }
            Promised::New(asked)
        } else if asked == self.promise {
            Promised::Again
        } else {
            Promised::Refused
        }
    }

    /// The sequencer of an epoch says that it leads, and on which place its epoch stands. Tells what to listen to if this is
    /// news.
    pub fn handle_leading(
        &mut self,
        epoch: Epoch,
        nonce: u64,
        parent: Position,
        log: &impl History,
    ) -> Option<Listen> {
        let asked = Promise { epoch, nonce };
        if epoch < self.promise.epoch || epoch == self.promise.epoch && asked != self.promise {
            return None;
        }
        if self.session.is_some_and(|session| session.epoch == epoch) {
            return None;
        }
        let promise = (asked != self.promise).then_some(asked);
        self.promise = asked;
        let from = first_to_hear(epoch, parent, log);
        self.session = Some(Session { epoch, next: from, step: 1 });
        Some(Listen { epoch, from, promise })
    }

    /// Judges the frame that came next in the session.
    pub fn judge(&mut self, frame: &impl Stamped, log: &impl History) -> Step {
        let Some(session) = &mut self.session else { return Step::Refuse };
        let at = frame.position();
        if at.seq != session.next || at.epoch > session.epoch {
            return Step::Refuse;
        }
        let before = Seq(at.seq.0 - 1); // the first frame is number 1, and `next` never falls below
        let Some(previous) = log.position_of(before) else { return Step::Refuse };
        if !frame.follows(previous) {
            if before.0 == 0 {
                return Step::Refuse;
            }
            session.next = Seq(at.seq.0.saturating_sub(session.step).max(1));
            session.step = session.step.saturating_mul(2);
            return Step::Back(session.next);
        }
        // The chain covers everything before: the log is this history's up to `before`, and no step back is needed again.
        session.next = at.seq.next();
        session.step = 1;
        match log.position_of(at.seq) {
            None => Step::Append,
            Some(own) if own == at => Step::Skip,
            Some(_) if planted(Fault::SkipTruncation) => Step::Skip,
            Some(_) => Step::CutAfter(before),
        }
    }

    /// The next frame that is expected of the followed session.
    #[must_use]
    pub fn next(&self) -> Option<Seq> {
        self.session.map(|session| session.next)
    }

    /// The frame was not appended after all (no room, most likely): it is expected again.
    pub fn put_back(&mut self, seq: Seq) {
        if let Some(session) = &mut self.session {
            session.next = seq;
        }
    }

    /// What may be acknowledged of a log that is held up to this place: the place, if it belongs to the epoch of the session,
    /// so that the epoch's `EpochStart`, and with it the whole prefix, has been matched.
    #[must_use]
    pub fn acknowledge(&self, place: Position) -> Option<Position> {
        let session = self.session?;
        if planted(Fault::LabelWithPromisedEpoch) && place.seq.0 > 0 {
            return Some(Position { epoch: self.promise.epoch, ..place });
        }
        if planted(Fault::CommitBeforeStart) && place.seq < session.next {
            return Some(Position { epoch: session.epoch, ..place });
        }
        let bound = session.epoch == self.promise.epoch || planted(Fault::FollowTheDeposed);
        (bound && place.epoch == session.epoch).then_some(place)
    }

    /// Whether the log may be served to those who ask in this epoch's session.
    #[must_use]
    pub fn may_serve(&self, epoch: Epoch, last: Position) -> bool {
        self.session() == Some(epoch) && last.epoch == epoch
    }

    /// Whether the log, as it was when the promise was given, may be shown to the sequencer that asked for it.
    #[must_use]
    pub fn may_show(&self, epoch: Epoch) -> bool {
        self.promise.epoch == epoch && self.session() != Some(epoch)
    }
}

/// The first frame to hear of a session: the earliest that can show where the log leaves its history.
fn first_to_hear(epoch: Epoch, parent: Position, log: &impl History) -> Seq {
    let last = log.last();
    if last.epoch == epoch {
        // Only one process ever speaks in an epoch: the log is a prefix of what it says.
        return last.seq.next();
    }
    if planted(Fault::JudgeByNumber) {
        return last.seq.next();
    }
    last.seq.min(parent.seq).next()
}
