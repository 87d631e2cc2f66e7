//! The heartbeat of the hot engine, for the engines that stand by: I speak, in this term, and have said so much.

use crate::prelude::{self, VERSION};
use crate::{Epoch, FrameError, NodeId, Outbound, Term};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The kind byte of a heartbeat.
pub const BEAT_KIND: u8 = 0x61;
/// Bytes of a heartbeat: one is one datagram.
pub const BEAT_LEN: usize = size_of::<Layout>();

const _: () = assert!(BEAT_LEN == 48);

/// What the hot engine says to those that stand by. In a term above theirs it is also the word that it speaks from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Beat {
    /// The cluster, by [`crate::cluster_id`].
    pub cluster: u64,
    /// Who speaks.
    pub engine: NodeId,
    /// Which process of it.
    pub token: u64,
    /// In which term.
    pub term: Term,
    /// In which epoch.
    pub epoch: Epoch,
    /// The number of the next event: those below it were said.
    pub next: Outbound,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
struct Layout {
    crc: u32,
    length: u16,
    kind: u8,
    version: u8,
    next: Outbound,
    cluster: u64,
    token: u64,
    epoch: Epoch,
    term: Term,
    engine: NodeId,
    reserved: [u8; 6],
}

impl Beat {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BEAT_LEN] {
        let layout = Layout {
            crc: 0,
            length: BEAT_LEN as u16, // asserted above: 48
            kind: BEAT_KIND,
            version: VERSION,
            next: self.next,
            cluster: self.cluster,
            token: self.token,
            epoch: self.epoch,
            term: self.term,
            engine: self.engine,
            reserved: [0; 6],
        };
        let mut bytes = [0; BEAT_LEN];
        bytes.copy_from_slice(layout.as_bytes());
        prelude::seal(&mut bytes);
        bytes
    }

    /// Reads exactly one heartbeat.
    ///
    /// # Errors
    /// What is wrong with the bytes, as for any message.
    pub fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let prelude = prelude::check(bytes)?;
        if prelude.kind != BEAT_KIND {
            return Err(FrameError::UnknownKind { kind: prelude.kind });
        }
        let Ok(layout) = Layout::ref_from_bytes(bytes) else {
            return Err(FrameError::Truncated { have: bytes.len(), need: BEAT_LEN });
        };
        let &Layout { next, cluster, token, epoch, term, engine, .. } = layout;
        Ok(Self { cluster, engine, token, term, epoch, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Beat {
        Beat {
            cluster: 77,
            engine: NodeId(2),
            token: u64::MAX,
            term: Term(9),
            epoch: Epoch(3),
            next: Outbound(1 << 40),
        }
    }

    #[test]
    fn a_heartbeat_is_read_as_it_was_said() {
        assert_eq!(Beat::read(&beat().to_bytes()), Ok(beat()));
    }

    #[test]
    fn a_damaged_or_cut_heartbeat_is_refused() {
        let bytes = beat().to_bytes();
        for at in 0..bytes.len() {
            assert!(Beat::read(&bytes[..at]).is_err(), "cut at {at}");
            let mut flipped = bytes;
            flipped[at] ^= 1;
            assert!(Beat::read(&flipped).is_err(), "flipped at {at}");
        }
    }
}
