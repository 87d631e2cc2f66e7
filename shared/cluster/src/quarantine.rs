//! A command that makes engines panic: what an engine says that stops before it, an operator's word to leave it out, and what
//! may stand in the way of that.

use serde::{Deserialize, Serialize};
use wire::{NodeId, OperatorName, Position, Why};

/// So many places can be quarantined, since the whole list travels in one datagram. Nobody should come near.
pub const MAX_QUARANTINED: usize = 16;
/// Bytes of a panic's words that are kept.
pub const MAX_WORDS: usize = 240;

/// An operator's word: no engine executes the command at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quarantine {
    /// The place. Where another history has its number, nothing is left out.
    pub position: Position,
    /// Who did it.
    pub by: OperatorName,
    /// And why.
    pub why: Why,
}

/// What an engine knows of the command before which it stops.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stopped {
    /// The engine's process.
    pub token: u64,
    /// The command's place.
    pub at: Position,
    /// The panic's words, at most [`MAX_WORDS`] bytes.
    pub words: String,
    /// The command's frame.
    pub frame: Vec<u8>,
}

/// Why a place is not quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Obstacle {
    /// An engine has executed it, and clients may have been told what came of it.
    #[error(
        "engine {engine} is here and has executed it (it stands at frame {}): clients may know what came of it, and engines that leave \
         it out would differ. Find out why the other engine cannot execute it: another build, another machine?",
        at.seq
    )]
    Executed {
        /// Which engine.
        engine: NodeId,
        /// How far it has come.
        at: Position,
    },
    /// No engine is here that stops before it.
    #[error(
        "no engine is here that stops before it: start the engine that panicked, and name the frame that it says"
    )]
    NobodyStops,
    /// An engine is here that stops, but before another command.
    #[error("engine {engine} stops before frame {}, not before this one", at.seq)]
    Elsewhere {
        /// Which engine.
        engine: NodeId,
        /// Before which command.
        at: Position,
    },
    /// The list is full.
    #[error(
        "{MAX_QUARANTINED} commands are quarantined, and there is no room for more: run a build that can execute it"
    )]
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{decode, encode};
    use crate::message::{Envelope, Message};
    use wire::{Chain, Epoch, MAX_FRAME_LEN, Seq};

    fn fits(message: Message) {
        let envelope = Envelope { cluster: u64::MAX, from: NodeId(u16::MAX), message };
        let bytes = encode(&envelope).expect("it fits a datagram");
        assert_eq!(decode::<Envelope>(&bytes), Ok(envelope));
    }

    #[test]
    fn the_longest_list_and_the_longest_plea_fit_a_datagram() {
        let position = Position { epoch: Epoch(u32::MAX), seq: Seq(u64::MAX), chain: Chain(u64::MAX) };
        let quarantine = Quarantine {
            position,
            by: OperatorName::new(&[b'n'; OperatorName::MAX]).unwrap(),
            why: Why::new(&[b'w'; Why::MAX]).unwrap(),
        };
        fits(Message::Quarantined(vec![quarantine; MAX_QUARANTINED]));
        fits(Message::Stopped(Stopped {
            token: u64::MAX,
            at: position,
            words: "w".repeat(MAX_WORDS),
            frame: vec![255; MAX_FRAME_LEN],
        }));
    }
}
