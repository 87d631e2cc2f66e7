//! Engines that differ: what each says of itself, what a third execution of the log finds, and what is decided about it.

use serde::{Deserialize, Serialize};
use std::fmt;
use wire::{Digest, NodeId, Position, Seq};

/// A process of an engine, and its running digest at a place that the whole cluster shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Testimony {
    /// The engine.
    pub engine: NodeId,
    /// Which process of it.
    pub token: u64,
    /// Its running digest there.
    pub digest: Digest,
}

/// Two engines have executed the same commands and do not hold the same: one of them is wrong, or both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dispute {
    /// A committed place at which they differ. Not the first one, which only another execution can tell.
    pub at: Position,
    /// Who says what, the lower engine first.
    pub between: [Testimony; 2],
}

impl Dispute {
    /// Whether it is a dispute at all: two engines, the lower one first, that hold different things.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let [one, other] = &self.between;
        one.engine < other.engine && one.digest != other.digest
    }

    /// What this process holds, if the dispute is about it.
    #[must_use]
    pub fn testimony_of(&self, engine: NodeId, token: u64) -> Option<Testimony> {
        self.between.into_iter().find(|said| (said.engine, said.token) == (engine, token))
    }
}

/// What an engine of a dispute has found by executing the log anew, beside its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Which dispute.
    pub number: u64,
    /// The engine's process.
    pub token: u64,
    /// The snapshot behind which it began; 0: with the first frame.
    pub from: Seq,
    /// The digest that the new execution has at the dispute's place.
    pub truth: Digest,
    /// From where on the engine itself differs from it.
    pub differs: Differs,
}

/// From where on an engine differs from a new execution of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Differs {
    /// It does not, up to the dispute's place.
    Nowhere,
    /// This is the first place that differs.
    From(Position),
    /// It differs at this place already, and does not remember what it had before.
    Before(Position),
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("nowhere"),
            Self::From(first) => write!(f, "from {first} on"),
            Self::Before(place) => write!(f, "at {place} already"),
        }
    }
}

/// An engine's process that was found wrong: it never speaks again, and nobody counts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fenced {
    /// The engine.
    pub engine: NodeId,
    /// Which process of it.
    pub token: u64,
    /// In which dispute.
    pub number: u64,
    /// From where on it was wrong.
    pub differs: Differs,
}

/// Where the cluster stands with its disputes. They are numbered from 1 on; there is one at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Disputes {
    /// The last one; 0 before the first.
    pub number: u64,
    /// The same, while it is not decided.
    pub open: Option<Dispute>,
    /// The last process of each engine that was found wrong, by engine.
    pub fenced: Vec<Fenced>,
}

impl Disputes {
    /// How far the disputes have come: what has the greater rank was said later.
    #[must_use]
    pub fn rank(&self) -> (u64, bool) {
        (self.number, self.open.is_none())
    }

    /// The word by which this process was found wrong.
    #[must_use]
    pub fn fence_of(&self, engine: NodeId, token: u64) -> Option<Fenced> {
        self.fenced.iter().copied().find(|fenced| (fenced.engine, fenced.token) == (engine, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{decode, encode};
    use crate::message::{Envelope, Message};
    use wire::{Chain, Epoch};

    /// More engines than anybody describes.
    const ENGINES: u16 = 16;

    #[test]
    fn the_longest_word_on_disputes_fits_a_datagram() {
        let at = Position { epoch: Epoch(u32::MAX), seq: Seq(u64::MAX), chain: Chain(u64::MAX) };
        let testimony =
            |engine| Testimony { engine: NodeId(engine), token: u64::MAX, digest: Digest(u64::MAX) };
        let fenced = |n| Fenced {
            engine: NodeId(u16::MAX - n),
            token: u64::MAX,
            number: u64::MAX,
            differs: Differs::Before(at),
        };
        let disputes = Disputes {
            number: u64::MAX,
            open: Some(Dispute { at, between: [testimony(u16::MAX - 1), testimony(u16::MAX)] }),
            fenced: (0..ENGINES).map(fenced).collect(),
        };
        let message = Message::Disputed(disputes);
        let envelope = Envelope { cluster: u64::MAX, from: NodeId(u16::MAX), message };
        let bytes = encode(&envelope).expect("it fits a datagram");
        assert_eq!(decode::<Envelope>(&bytes), Ok(envelope));
    }

    #[test]
    fn what_was_said_later_has_the_greater_rank() {
        let at = Position::GENESIS;
        let testimony =
            |engine| Testimony { engine: NodeId(engine), token: 1, digest: Digest(u64::from(engine)) };
        let dispute = Dispute { at, between: [testimony(2), testimony(3)] };
        let disputes = |number, open| Disputes { number, open, fenced: Vec::new() };
        let story =
            [disputes(0, None), disputes(1, Some(dispute)), disputes(1, None), disputes(2, Some(dispute))];
        assert!(story.is_sorted_by(|one, next| one.rank() < next.rank()));
    }
}
