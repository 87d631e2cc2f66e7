//! A logger: the acceptor and its disk, as a logger's driver runs them.

use crate::log::{Kept, Log};
use crate::promise::{Broken, Promise as Rule};
use crate::sight::{Sight, Sights};
use cluster::acceptor::{History, Promised, Step};
use cluster::planted::{Fault, planted};
use cluster::{Acceptor, Answer, Promise, Voter};
use wire::{Ack, Epoch, Incarnation, NodeId, Position, Seq};

/// The cluster's number in all that is said.
pub const CLUSTER: u64 = 7;

/// One logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logger {
    /// Who it is, and the life of its log.
    pub voter: Voter,
    /// The core.
    pub acceptor: Acceptor,
    /// On the disk: the promise file.
    pub promise: Promise,
    /// On the disk: the log.
    pub log: Log,
    /// The frame that its receiver delivers next.
    pub cursor: Seq,
    /// All that is in the air of it: the highest acknowledgement of each life in each epoch.
    pub said: Vec<Ack>,
}

/// How far a session's frames bring a logger at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// One more frame is in the log.
    Appended,
    /// The session has nothing new for it.
    Nothing,
}

impl Logger {
    /// A logger with an empty disk.
    #[must_use]
    pub fn new(voter: Voter) -> Self {
        let promise = Promise::default();
        let (acceptor, log) = (Acceptor::new(promise), Log::default());
        Self { voter, acceptor, promise, log, cursor: Seq(0), said: Vec::new() }
    }

    /// A sequencer asks for its promise. The answer is given once the promise is on the disk.
    pub fn prepare(&mut self, epoch: Epoch, nonce: u64) -> Option<Answer> {
        match self.acceptor.handle_prepare(epoch, nonce) {
            Promised::New(promise) => self.promise = promise,
            Promised::Again => {}
            Promised::Refused => return None,
        }
        Some(Answer { epoch, nonce, member: self.voter, last: self.log.last() })
    }

    /// A sequencer says that it leads. True if the logger listens to it from here on.
    pub fn lead(&mut self, epoch: Epoch, nonce: u64, parent: Position) -> bool {
        let Some(listen) = self.acceptor.handle_leading(epoch, nonce, parent, &self.log) else {
            return false;
        };
        if let Some(promise) = listen.promise {
            self.promise = promise;
        }
        self.cursor = listen.from;
        true
    }

    /// What it acknowledges of its log now, if that is more than it has said.
    ///
    /// # Errors
    /// If it is not held as the session said it.
    pub fn acknowledge(&mut self, stream: &Log, parent: Position) -> Result<Option<Ack>, Broken> {
        let Some(position) = self.acceptor.acknowledge(self.log.last()) else { return Ok(None) };
        let ack =
            Ack { cluster: CLUSTER, logger: self.voter.node, incarnation: self.voter.incarnation, position };
        let same = |one: &Ack| one.incarnation == ack.incarnation && one.position.epoch == position.epoch;
        match self.said.iter_mut().find(|said| same(said)) {
            Some(said) if said.position.seq >= position.seq => return Ok(None),
            Some(said) => *said = ack,
            None => {
                self.said.push(ack);
                self.said.sort_unstable_by_key(|said| (said.incarnation, said.position.epoch));
            }
        }
        let start = stream.position_of(parent.seq.next());
        let held = self.log.holds(parent)
            && start.is_some_and(|start| self.log.holds(start))
            && self.log.position_of(position.seq).is_some_and(|own| stream.holds(own));
        // Of this fault the consequence is to be found, not the first sign: one sign alone is harmless.
        if held || planted(Fault::CommitBeforeStart) {
            return Ok(Some(ack));
        }
        let how = format!("{} acknowledges {position}, and its log ends at {}", self.voter, self.log.last());
        Err(Broken::new(Rule::AcknowledgedIsHeld, how))
    }

    /// Hears this session until a frame is appended. With `dies_in_cut` the process dies behind a cut, and the frame is not
    /// appended.
    ///
    /// # Errors
    /// If it refuses the frames, or goes back and forth for ever.
    pub fn hear(&mut self, stream: &Log, sights: &Sights, dies_in_cut: bool) -> Result<Heard, Broken> {
        let epoch = self.acceptor.session();
        if epoch.is_none() {
            return Ok(Heard::Nothing);
        }
        for _ in 0..4 * (stream.frames().len() + 1) {
            let Some(frame) = stream.get(self.cursor) else { return Ok(Heard::Nothing) };
            self.cursor = self.cursor.next();
            match self.acceptor.judge(&frame.frame(), &self.log) {
                Step::Append => {
                    self.log.append(frame.clone());
                    return Ok(Heard::Appended);
                }
                Step::Skip => {}
                Step::Back(from) => {
                    sights.saw(Sight::Back);
                    self.cursor = from;
                }
                Step::CutAfter(seq) => {
                    sights.saw(Sight::Truncation);
                    self.log.cut_after(seq);
                    if dies_in_cut {
                        self.restart();
                    } else {
                        self.log.append(frame.clone());
                    }
                    return Ok(Heard::Appended);
                }
                Step::Refuse => {
                    let how = format!("{} refuses {} of {epoch:?}", self.voter, frame.place);
                    return Err(Broken::new(Rule::FramesBringOn, how));
                }
            }
        }
        let how =
            format!("{} goes back and forth in {epoch:?}, its log ends at {}", self.voter, self.log.last());
        Err(Broken::new(Rule::FramesBringOn, how))
    }

    /// Whether the next frame that would change the log would cut it first.
    #[must_use]
    pub fn would_cut(&self, stream: &Log) -> bool {
        let mut trial = self.clone();
        let before = trial.log.frames().len();
        matches!(trial.hear(stream, &Sights::default(), false), Ok(Heard::Appended))
            && trial.log.frames().len() <= before
    }

    /// The process starts again: what is on the disk stays.
    pub fn restart(&mut self) {
        if planted(Fault::ForgetPromise) {
            self.promise = Promise::default();
        }
        self.acceptor = Acceptor::new(self.promise);
        self.cursor = Seq(0);
    }

    /// The disk is lost: another life begins.
    pub fn lose(&mut self, incarnation: Incarnation) {
        let said = std::mem::take(&mut self.said);
        *self = Self { said, ..Self::new(Voter { incarnation, ..self.voter }) };
    }

    /// Its node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.voter.node
    }

    /// Shows the frame behind `after`, if it may show its log to the sequencer of this epoch.
    #[must_use]
    pub fn show(&self, epoch: Epoch, after: Seq) -> Option<&Kept> {
        self.acceptor.may_show(epoch).then(|| self.log.get(after.next())).flatten()
    }
}
