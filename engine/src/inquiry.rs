//! Who is right if two engines differ: the log executed anew, beside the state that is doubted. No I/O.

use crate::agents::{Found, Past, attempt};
use crate::trail::Kept;
use crate::{Divergence, EventSink, Exchange, Limits, LimitsError, Replica};
use cluster::{Differs, Finding, Testimony};
use std::fmt::Debug;
use wire::{Digest, Frame, FrameError, Nanos, Position, Seq};

/// What an engine of a dispute has to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which dispute.
    pub number: u64,
    /// What this engine holds at its place.
    pub testimony: Testimony,
    /// The place.
    pub at: Position,
    /// The last place at which both engines were equal, if they ever were.
    pub equal: Option<Position>,
    /// What this engine had behind the frames before.
    pub kept: Kept,
    /// The commands that no engine executes.
    pub quarantined: Vec<Position>,
}

/// Whoever finds that out for an engine. Nothing here waits.
pub trait Inquirer: Debug + Send {
    /// Looks into this, and into nothing that it was asked before.
    fn begin(&mut self, question: Question);

    /// What was found, once. Where the log cannot be had this takes as long as that lasts.
    fn poll(&mut self, now: Nanos) -> Option<Finding>;

    /// Nobody wants to know any more.
    fn give_up(&mut self);
}

/// Why an execution of the log has not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    /// What came is no frame.
    #[error("the frame behind {behind} cannot be read ({reason})")]
    Unreadable {
        /// The last place that was executed.
        behind: Position,
        /// What is wrong with it.
        reason: FrameError,
    },
    /// It cannot be executed.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// It made this execution panic, and is not quarantined.
    #[error("the command at {at} made the new execution panic: {words}")]
    Panicked {
        /// Its place.
        at: Position,
        /// The panic's words.
        words: String,
    },
    /// The log has another place where the dispute's was expected.
    #[error("the log has {found} where two engines differ at {expected}")]
    OtherHistory {
        /// The dispute's place.
        expected: Position,
        /// The log's.
        found: Position,
    },
    /// There cannot be a second exchange.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

/// How far an inquiry has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What comes next is being looked for.
    Waits,
    /// There is more to do at once.
    Works,
    /// There is no more of the log: it has to be looked for again, after a pause.
    Ended,
    /// This is what the log gives.
    Found(Finding),
}

/// One execution of the log, up to the place of a dispute.
#[derive(Debug)]
pub struct Inquiry {
    question: Question,
    limits: Limits,
    /// `None` before the first frame.
    replica: Option<Box<Replica<Exchange>>>,
    /// The snapshot behind which it began.
    from: Seq,
    /// What is being looked for reaches up to here; `None`: nothing is.
    upto: Option<Position>,
    /// No snapshot is begun with: the one that was found holds something else than the engine did at its place, so it is a party to the
    /// dispute.
    without_snapshot: bool,
    /// The last frame behind which the engine had the same digest.
    equal: Seq,
    differs: Option<Differs>,
}

impl Inquiry {
    /// Before the first frame. An exchange is made of these limits when there is one.
    #[must_use]
    pub fn new(question: Question, limits: Limits) -> Self {
        Self {
            question,
            limits,
            replica: None,
            from: Seq(0),
            upto: None,
            without_snapshot: false,
            equal: Seq(0),
            differs: None,
        }
    }

    /// What it is about.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The last place that was executed.
    #[must_use]
    pub fn position(&self) -> Position {
        self.replica.as_ref().map_or(Position::GENESIS, |replica| replica.position())
    }

    /// Executes at most so many frames of what `past` finds. Nobody else may look for anything there meanwhile. After
    /// [`Step::Ended`] it goes on where it was; after an error it begins anew.
    pub fn advance(&mut self, past: &mut dyn Past, frames: usize) -> Result<Step, InquiryError> {
        let step = self.execute(past, frames);
        if step.is_err() {
            *self = Self {
                without_snapshot: self.without_snapshot,
                ..Self::new(self.question.clone(), self.limits)
            };
        }
        step
    }

    fn execute(&mut self, past: &mut dyn Past, frames: usize) -> Result<Step, InquiryError> {
        let mut upto = match self.upto {
            Some(upto) => upto,
            None => self.look(past),
        };
        for _ in 0..frames {
            let here = self.position();
            if here == self.question.at {
                return Ok(Step::Found(self.finding()));
            }
            match past.poll() {
                Found::Later => return Ok(Step::Waits),
                Found::Snapshot(replica) => {
                    let own = self.question.kept.at(replica.position().seq);
                    if own.is_some_and(|own| own != replica.digest()) {
                        tracing::warn!(
                            snapshot = %replica.position(),
                            "this snapshot does not hold what this engine did: executing the log from its first frame on"
                        );
                        self.without_snapshot = true;
                        upto = self.look(past);
                    } else {
                        self.from = replica.position().seq;
                        self.replica = Some(replica);
                        self.compare();
                    }
                }
                Found::Frame(bytes) => {
                    let frame = Frame::read(bytes)
                        .map_err(|reason| InquiryError::Unreadable { behind: here, reason })?;
                    self.apply(&frame)?;
                    past.taken();
                }
                Found::End if here == upto => upto = self.look(past),
                Found::End => {
                    self.upto = None;
                    return Ok(Step::Ended);
                }
            }
        }
        Ok(Step::Works)
    }

    /// Has looked for what comes next. The newest snapshot that was taken before the engines differed; if they were never equal, the newest.
    fn look(&mut self, past: &mut dyn Past) -> Position {
        let Question { at, equal, .. } = self.question;
        let here = self.position();
        let (after, upto) = if here != Position::GENESIS || self.without_snapshot {
            (Some(here), at)
        } else {
            (None, equal.filter(|equal| *equal != Position::GENESIS).unwrap_or(at))
        };
        past.look(after, upto);
        self.upto = Some(upto);
        upto
    }

    fn apply(&mut self, frame: &Frame<'_>) -> Result<(), InquiryError> {
        let (at, expected) = (frame.position(), self.question.at);
        if at.seq == expected.seq && at != expected {
            return Err(InquiryError::OtherHistory { expected, found: at });
        }
        let replica = match &mut self.replica {
            Some(replica) => replica,
            none => {
                let sink = EventSink::with_capacity(self.limits.events_reserved as usize);
                none.insert(Box::new(Replica::new(Exchange::new(self.limits)?, sink)))
            }
        };
        let skipped = self.question.quarantined.contains(&at);
        let applied = attempt(|| if skipped { replica.skip(frame) } else { replica.apply(frame) });
        applied.map_err(|words| InquiryError::Panicked { at, words })??;
        self.compare();
        Ok(())
    }

    /// Holds what this execution has against what the engine had.
    fn compare(&mut self) {
        let Some(replica) = self.replica.as_ref().filter(|_| self.differs.is_none()) else { return };
        let (at, digest) = (replica.position(), replica.digest());
        match self.question.kept.at(at.seq) {
            None => {}
            Some(own) if own == digest => self.equal = at.seq,
            // Before the first frame everybody is equal.
            Some(_) if self.equal.next() == at.seq => self.differs = Some(Differs::From(at)),
            Some(_) => self.differs = Some(Differs::Before(at)),
        }
    }

    fn finding(&self) -> Finding {
        let Question { number, testimony, at, .. } = &self.question;
        let truth = self.replica.as_ref().map_or(Digest(0), |replica| replica.digest());
        let differs = if truth == testimony.digest {
            Differs::Nowhere
        } else {
            // What it remembers may be of a later execution than what it said.
            self.differs.unwrap_or(Differs::Before(*at))
        };
        Finding { number: *number, token: testimony.token, from: self.from, truth, differs }
    }
}
