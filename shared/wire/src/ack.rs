//! The acknowledgement of a logger: up to here I hold the history of this epoch.

use crate::prelude::{self, VERSION};
use crate::{Chain, Epoch, FrameError, Incarnation, NodeId, Position, Seq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The kind byte of an acknowledgement.
pub const ACK_KIND: u8 = 0x60;
/// Bytes of an acknowledgement: one is one datagram.
pub const ACK_LEN: usize = size_of::<Layout>();

const _: () = assert!(ACK_LEN == 48);

/// What a logger acknowledges. It exists only once the `EpochStart` of the epoch, its whole prefix, and the frame itself are
/// in the log (and, where the cluster asks for it, on the disk). The epoch of the position is the epoch of the session in
/// which it is said: nobody acknowledges an epoch in which it holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ack {
    /// The cluster, by [`crate::cluster_id`].
    pub cluster: u64,
    /// Who acknowledges.
    pub logger: NodeId,
    /// The life of its log.
    pub incarnation: Incarnation,
    /// Up to where.
    pub position: Position,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C, packed)]
struct Layout {
    crc: u32,
    length: u16,
    kind: u8,
    version: u8,
    seq: Seq,
    cluster: u64,
    chain: Chain,
    epoch: Epoch,
    incarnation: Incarnation,
    logger: NodeId,
    reserved: [u8; 6],
}

impl Ack {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ACK_LEN] {
        let layout = Layout {
            crc: 0,
            length: ACK_LEN as u16, // asserted above: 48
            kind: ACK_KIND,
            version: VERSION,
            seq: self.position.seq,
            cluster: self.cluster,
            chain: self.position.chain,
            epoch: self.position.epoch,
            incarnation: self.incarnation,
            logger: self.logger,
            reserved: [0; 6],
        };
        let mut bytes = [0; ACK_LEN];
        bytes.copy_from_slice(layout.as_bytes());
        prelude::seal(&mut bytes);
        bytes
    }

    /// Reads exactly one acknowledgement.
    ///
    /// # Errors
    /// What is wrong with the bytes, as for any message.
    pub fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let prelude = prelude::check(bytes)?;
        if prelude.kind != ACK_KIND {
            return Err(FrameError::UnknownKind { kind: prelude.kind });
        }
        let Ok(layout) = Layout::ref_from_bytes(bytes) else {
            return Err(FrameError::Truncated { have: bytes.len(), need: ACK_LEN });
        };
        let position = Position { epoch: layout.epoch, seq: layout.seq, chain: layout.chain };
        Ok(Self { cluster: layout.cluster, logger: layout.logger, incarnation: layout.incarnation, position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack() -> Ack {
        Ack {
            cluster: 77,
            logger: NodeId(4),
            incarnation: Incarnation(2),
            position: Position { epoch: Epoch(3), seq: Seq(1 << 40), chain: Chain(u64::MAX) },
        }
    }

    #[test]
    fn an_acknowledgement_is_read_as_it_was_said() {
        assert_eq!(Ack::read(&ack().to_bytes()), Ok(ack()));
    }

    #[test]
    fn a_damaged_or_cut_acknowledgement_is_refused() {
        let bytes = ack().to_bytes();
        for at in 0..bytes.len() {
            assert!(Ack::read(&bytes[..at]).is_err(), "cut at {at}");
            let mut flipped = bytes;
            flipped[at] ^= 1;
            assert!(Ack::read(&flipped).is_err(), "flipped at {at}");
        }
    }
}
