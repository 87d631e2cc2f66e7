//! One copy of a state machine that follows the log: continuity of the history, the running digest, the marks.

use crate::machine::UnknownRules;
use crate::{EventSink, Sequenced, StateMachine};
use cluster::{Entry, Ledger};
use twox_hash::XxHash3_64;
use wire::{CommandKind, Digest, Frame, FrameError, Outbound, Position, event};

/// A mark is set at every sequence number that is a multiple of this, and wherever a snapshot is taken.
pub const MARK_EVERY: u64 = 1024;
/// How many marks are kept; the oldest goes first.
pub const MARKS_KEPT: usize = 32;

/// The running digest at one position: two engines that hold the same position (chain included) must hold the same mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Where.
    pub at: Position,
    /// The running digest over everything up to there, its events included.
    pub digest: Digest,
    /// The number of the next event from there on.
    pub outbound: Outbound,
}

/// All that stands beside the state of a machine which has executed the log up to some place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The last position that was applied.
    pub position: Position,
    /// The running digest there.
    pub digest: Digest,
    /// The number of the next event.
    pub outbound: Outbound,
    /// What a sequencer needs to know of the history up to there.
    pub ledger: Ledger,
}

/// The log and this engine have come apart. The engine must not go on from here: nothing was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// The frame is not the one after the last: a gap, a repetition, or another history.
    #[error(
        "the frame at {frame} does not follow the last applied position {last}: fetch what is missing, or rebuild from \
         a snapshot and the log if the histories differ"
    )]
    DoesNotFollow {
        /// The position that was applied last.
        last: Position,
        /// The position of the frame that came.
        frame: Position,
    },
    /// The frame was stamped, but this build cannot read its body.
    #[error(
        "the frame at {at} cannot be read ({reason}): run the engine build that the cluster's rules ask for"
    )]
    Unreadable {
        /// The position of the frame.
        at: Position,
        /// What is wrong with it.
        reason: FrameError,
    },
    /// The frame activates rules that this build does not have.
    #[error("cannot go on at {at}: {reason}. Run a build that has these rules")]
    UnknownRules {
        /// The position of the frame.
        at: Position,
        /// Which rules.
        reason: UnknownRules,
    },
}

/// The core of an engine. Hot or warm makes no difference in here: only the driver knows who speaks.
#[derive(Clone, Debug)]
pub struct Replica<S> {
    machine: S,
    events: EventSink,
    position: Position,
    digest: Digest,
    ledger: Ledger,
    marks: [Mark; MARKS_KEPT],
    /// How many marks were ever set; the newest stands at `(marks_set - 1) % MARKS_KEPT`.
    marks_set: usize,
}

impl<S: StateMachine> Replica<S> {
    /// A replica before the first frame. `machine` is fresh, `events` has room for what one command can cause.
    #[must_use]
    pub fn new(machine: S, events: EventSink) -> Self {
        let nowhere = Mark { at: Position::GENESIS, digest: Digest(0), outbound: Outbound(1) };
        Self {
            machine,
            events,
            position: Position::GENESIS,
            digest: Digest(0),
            ledger: Ledger::default(),
            marks: [nowhere; MARKS_KEPT],
            marks_set: 0,
        }
    }

    /// A replica that goes on behind a place, as the one went on that held `machine` there. It has the mark of that place, and
    /// none from before.
    #[must_use]
    pub fn restore(machine: S, mut events: EventSink, behind: Behind) -> Self {
        let Behind { position, digest, outbound, ledger } = behind;
        events.resume(outbound);
        let mut replica = Self { position, digest, ledger, ..Self::new(machine, events) };
        replica.set_mark();
        replica
    }

    /// Applies the next frame. Its events are then held until the next call.
    ///
    /// # Panics
    /// If the machine does. Nothing in here is what it was then, nor what it should be: it must not be used again.
    pub fn apply(&mut self, frame: &Frame<'_>) -> Result<(), Divergence> {
        let input = self.take(frame)?;
        let at = frame.position();
        self.machine.knows(&input).map_err(|reason| Divergence::UnknownRules { at, reason })?;
        self.events.begin(at, input.timestamp);
        self.machine.apply(&input, &mut self.events);
        self.enter(frame, input.command.kind());
        Ok(())
    }

    /// Leaves out the command of the next frame; else like [`Replica::apply`].
    pub fn skip(&mut self, frame: &Frame<'_>) -> Result<(), Divergence> {
        let input = self.take(frame)?;
        self.events.begin(frame.position(), input.timestamp);
        self.machine.skip(&input, &mut self.events);
        self.enter(frame, input.command.kind());
        Ok(())
    }

    fn take<'a>(&mut self, frame: &Frame<'a>) -> Result<Sequenced<'a>, Divergence> {
        self.events.clear();
        let at = frame.position();
        if !frame.follows(self.position) {
            return Err(Divergence::DoesNotFollow { last: self.position, frame: at });
        }
        Sequenced::of(frame).map_err(|reason| Divergence::Unreadable { at, reason })
    }

    fn enter(&mut self, frame: &Frame<'_>, kind: CommandKind) {
        let at = frame.position();
        self.position = at;
        self.digest = fold(self.digest, at, &self.events);
        self.ledger.enter(Entry::of(frame));
        if at.seq.0.is_multiple_of(MARK_EVERY) || kind.takes_snapshot() {
            self.set_mark();
        }
    }

    fn set_mark(&mut self) {
        let mark = Mark { at: self.position, digest: self.digest, outbound: self.events.outbound() };
        self.marks[self.marks_set % MARKS_KEPT] = mark;
        self.marks_set += 1;
    }

    /// The position that was applied last; [`Position::GENESIS`] before the first.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The running digest over positions (whose chain covers the commands) and events.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What a sequencer needs to know of the history up to here.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number that the next event will have.
    #[must_use]
    pub fn outbound(&self) -> Outbound {
        self.events.outbound()
    }

    /// The events of the last applied frame, each as its bytes, in order, not yet spoken. None after an error.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.events.iter()
    }

    /// The same, so that `wire::event::speak` can make them ready to send. The digest does not cover the speaker.
    pub fn events_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [u8]> {
        self.events.iter_mut()
    }

    /// The last [`MARKS_KEPT`] marks, oldest first.
    pub fn marks(&self) -> impl Iterator<Item = Mark> {
        let kept = self.marks_set.min(MARKS_KEPT);
        (self.marks_set - kept..self.marks_set).map(|at| self.marks[at % MARKS_KEPT])
    }

    /// The state machine, for what does not change its state.
    pub(crate) fn machine_mut(&mut self) -> &mut S {
        &mut self.machine
    }

    /// The state machine, to look at.
    #[must_use]
    pub fn machine(&self) -> &S {
        &self.machine
    }
}

/// XXH3-64 over the position, then over each event's content, each seeded with the hash before.
fn fold(before: Digest, at: Position, events: &EventSink) -> Digest {
    let mut place = [0; 20];
    place[..4].copy_from_slice(&at.epoch.0.to_le_bytes());
    place[4..12].copy_from_slice(&at.seq.0.to_le_bytes());
    place[12..].copy_from_slice(&at.chain.0.to_le_bytes());
    let mut digest = XxHash3_64::oneshot_with_seed(before.0, &place);
    for bytes in events.iter() {
        let (head, body) = event::content(bytes);
        digest = XxHash3_64::oneshot_with_seed(digest, head);
        digest = XxHash3_64::oneshot_with_seed(digest, body);
    }
    Digest(digest)
}
