//! What a deterministic service must be to ride the cluster.

use crate::{EventSink, SnapshotError};
use std::hash::Hasher;
use std::io::{self, BufWriter, Read, Write};
use twox_hash::XxHash3_64;
use wire::{Command, Digest, Frame, FrameError, Incarnation, Nanos, NodeId, Position, Rules};

/// Bytes that are gathered before they are hashed.
const BLOCK: usize = 1 << 14;

/// One sequenced command with all that a state machine may know of it. Whatever is not in here (a clock, an address,
/// the epoch in which it is applied again) must not change the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced<'a> {
    /// Its place in the history.
    pub at: Position,
    /// The sequencer's stamp, in nanoseconds: the only clock there is, and it never goes back.
    pub timestamp: Nanos,
    /// The gateway that sent it, or the sequencer.
    pub source: NodeId,
    /// The life of that gateway.
    pub incarnation: Incarnation,
    /// What is asked.
    pub command: Command<'a>,
}

impl<'a> Sequenced<'a> {
    /// The command of a frame; an error if its body is not of its kind.
    pub fn of(frame: &Frame<'a>) -> Result<Self, FrameError> {
        let header = frame.header();
        Ok(Self {
            at: frame.position(),
            timestamp: header.timestamp,
            source: header.source,
            incarnation: header.incarnation,
            command: frame.command()?,
        })
    }
}

/// Rules that came after this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rules {asked} are asked for, but this build knows them up to {known} only")]
pub struct UnknownRules {
    /// What the log asks for.
    pub asked: Rules,
    /// The latest that this build knows.
    pub known: Rules,
}

/// A deterministic service that rides the cluster: the same commands in the same order give the same events, in every
/// process and at every time. It reads no clock, draws no random number and does no I/O.
///
/// [`crate::Replica`] drives it and keeps the running digest.
pub trait StateMachine: Sized {
    /// The layout of what [`StateMachine::snapshot`] writes. Another number for every change of it.
    const SNAPSHOT_VERSION: u32;

    /// Whether this build can apply the command as it was meant. One that activates rules which came later cannot be, and
    /// guessing would make this engine differ from the others: the replica stops in front of it.
    fn knows(&self, input: &Sequenced<'_>) -> Result<(), UnknownRules> {
        let _ = input;
        Ok(())
    }

    /// Applies one command. Everything that comes of it goes into `events`, in an order that is part of the outcome.
    fn apply(&mut self, input: &Sequenced<'_>, events: &mut EventSink);

    /// Leaves out a command that made an engine panic, and answers whoever waits for an answer. What the command asks for is
    /// not looked into: nothing that stands in the state may change because of it.
    fn skip(&mut self, input: &Sequenced<'_>, events: &mut EventSink);

    /// Writes the whole state, in an order that is a function of the state.
    fn snapshot(&self, to: &mut impl Write) -> io::Result<()>;

    /// The machine that wrote these bytes. `self` is a fresh one: what it was made with (its room, its limits) it keeps, and bytes
    /// that cannot be had with it are refused.
    fn restore(self, from: &mut impl Read) -> Result<Self, SnapshotError>;

    /// A number that stands for the whole state: XXH3-64 of its snapshot.
    fn digest(&self) -> Digest {
        let mut to = BufWriter::with_capacity(BLOCK, Hashing(XxHash3_64::new()));
        let Ok(()) = self.snapshot(&mut to).and_then(|()| to.flush()) else {
            unreachable!("hashing does not fail")
        };
        Digest(to.get_ref().0.finish())
    }
}

/// Takes bytes for their hash alone.
struct Hashing(XxHash3_64);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
