//! Packing frames into datagrams, and equal datagrams into one hand-over to the kernel.

use crate::mold::{BLOCK_HEADER_LEN, HEADER_LEN, MAX_COUNT, MAX_UDP_PAYLOAD, header};
use crate::session::SESSION_LEN;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use wire::MAX_FRAME_LEN;

/// The payload of an Ethernet frame of 1,500 bytes behind the IPv4 and UDP headers.
pub const DEFAULT_MAX_DATAGRAM: usize = 1_472;
/// The shortest bound on datagrams that still lets every frame through.
pub(crate) const MIN_MAX_DATAGRAM: usize = HEADER_LEN + BLOCK_HEADER_LEN + MAX_FRAME_LEN;
/// The most datagrams that the kernel takes as one (Linux `UDP_MAX_SEGMENTS`).
pub const MAX_BATCH_SEGMENTS: usize = 64;
/// The most bytes that are handed over as one; the kernel's limit is that of one UDP datagram.
pub(crate) const MAX_BATCH_BYTES: usize = 64_000;

const _: () = assert!(MAX_BATCH_BYTES <= MAX_UDP_PAYLOAD);
const _: () = assert!(MIN_MAX_DATAGRAM <= DEFAULT_MAX_DATAGRAM && DEFAULT_MAX_DATAGRAM <= MAX_BATCH_BYTES);

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// To all who listen: the address that the driver was given, a multicast group or a single peer.
    Group,
    /// To this peer alone, which asked.
    Peer(SocketAddr),
}

/// One or more datagrams to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// Where they go.
    pub to: Destination,
    /// Their bytes, end to end.
    pub bytes: &'a [u8],
    /// The length of each but the last, which may be shorter. A single datagram has the length of all bytes.
    pub segment: usize,
}

impl<'a> Transmit<'a> {
    /// The datagrams one by one, for drivers that cannot hand over many at once.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks(self.segment.max(1))
    }
}

/// How much goes into a datagram, and how many of these into a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    /// In bytes, [`MIN_MAX_DATAGRAM`] to [`MAX_BATCH_BYTES`].
    pub(crate) max_datagram: usize,
    /// 1 to [`MAX_BATCH_SEGMENTS`].
    pub(crate) max_segments: usize,
}

impl Limits {
    /// # Panics
    /// If no frame would fit, or no kernel would take it.
    pub(crate) fn new(max_datagram: usize, max_segments: usize) -> Self {
        assert!(
            (MIN_MAX_DATAGRAM..=MAX_BATCH_BYTES).contains(&max_datagram),
            "max_datagram is {max_datagram}; it must be {MIN_MAX_DATAGRAM} to {MAX_BATCH_BYTES} bytes"
        );
        Self { max_datagram, max_segments: max_segments.clamp(1, MAX_BATCH_SEGMENTS) }
    }
}

/// A preallocated batch: datagrams of equal length (the last may be shorter), end to end.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    segment: usize,
    /// Set while the bytes still have to be handed out (again).
    pub(crate) pending: bool,
}

/// What [`Batch::fill`] put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The first number that is not in the batch.
    pub(crate) next: u64,
    pub(crate) datagrams: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(MAX_BATCH_BYTES), segment: 0, pending: false }
    }

    pub(crate) fn transmit(&self, to: Destination) -> Transmit<'_> {
        Transmit { to, bytes: &self.bytes, segment: self.segment }
    }

    /// Packs the frames numbered `from..until`, as many as `lookup` has without a gap and the limits allow.
    pub(crate) fn fill<'f>(
        &mut self,
        session: &[u8; SESSION_LEN],
        from: u64,
        until: u64,
        limits: Limits,
        lookup: impl Fn(u64) -> Option<&'f [u8]>,
    ) -> Filled {
        self.bytes.clear();
        self.segment = 0;
        let mut filled = Filled { next: from, datagrams: 0 };
        while filled.datagrams < limits.max_segments {
            let (count, len) = fit(filled.next, until, limits.max_datagram, &lookup);
            let room = self.bytes.len() + len <= MAX_BATCH_BYTES;
            // Segments have equal length; a shorter one can only be the last, a longer one begins the next batch.
            if count == 0 || !room || (filled.datagrams > 0 && len > self.segment) {
                break;
            }
            self.bytes.extend_from_slice(&header(session, filled.next, count));
            let end = filled.next + u64::from(count);
            for frame in (filled.next..end).filter_map(&lookup) {
                self.bytes.extend_from_slice(&(frame.len() as u16).to_be_bytes());
                self.bytes.extend_from_slice(frame);
            }
            filled.next = end;
            filled.datagrams += 1;
            if filled.datagrams == 1 {
                self.segment = len;
            } else if len < self.segment {
                break;
            }
        }
        filled
    }

    /// A packet without blocks: a heartbeat or the end of the session.
    pub(crate) fn fill_empty(&mut self, session: &[u8; SESSION_LEN], next: u64, count: u16) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&header(session, next, count));
        self.segment = HEADER_LEN;
    }
}

/// How many frames from `from` on go into one datagram, and how long it gets.
fn fit<'f>(
    from: u64,
    until: u64,
    max_datagram: usize,
    lookup: &impl Fn(u64) -> Option<&'f [u8]>,
) -> (u16, usize) {
    let (mut count, mut len) = (0, HEADER_LEN);
    for frame in (from..until).map_while(lookup) {
        let longer = len + BLOCK_HEADER_LEN + frame.len();
        if longer > max_datagram || count == MAX_COUNT {
            break;
        }
        (count, len) = (count + 1, longer);
    }
    (count, len)
}

// Bytes that have been handed out are no part of what the batch is.
impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        match (self.pending, other.pending) {
            (true, true) => self.bytes == other.bytes && self.segment == other.segment,
            (a, b) => a == b,
        }
    }
}

impl Eq for Batch {}

impl Hash for Batch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pending.then_some((&self.bytes, self.segment)).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mold::Packet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_holds_the_frames_in_order_in_datagrams_as_full_as_they_can_be(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=MAX_FRAME_LEN), 1..200),
            max_datagram in MIN_MAX_DATAGRAM..3000_usize,
            max_segments in 1..70_usize,
        ) {
            let limits = Limits::new(max_datagram, max_segments);
            let lookup = |n: u64| frames.get(n.checked_sub(5)? as usize).map(Vec::as_slice);
            let until = 5 + frames.len() as u64;
            let mut batch = Batch::new();
            let mut next = 5;
            let mut previous = usize::MAX;
            while next < until {
                let filled = batch.fill(b"DEMS000001", next, until, limits, lookup);
                let transmit = batch.transmit(Destination::Group);
                prop_assert!(filled.datagrams >= 1 && filled.datagrams <= limits.max_segments);
                prop_assert_eq!(transmit.datagrams().count(), filled.datagrams);
                for (index, datagram) in transmit.datagrams().enumerate() {
                    prop_assert!(datagram.len() <= max_datagram);
                    if index + 1 < filled.datagrams {
                        prop_assert_eq!(datagram.len(), transmit.segment);
                    }
                    let packet = Packet::parse(datagram).unwrap();
                    prop_assert_eq!(packet.first(), next);
                    let mut blocks = packet.blocks().peekable();
                    let first_len = blocks.peek().unwrap().len();
                    prop_assert!(previous.saturating_add(BLOCK_HEADER_LEN + first_len) > max_datagram);
                    for block in blocks {
                        prop_assert_eq!(Some(block), lookup(next));
                        next += 1;
                    }
                    previous = datagram.len();
                }
                prop_assert_eq!(filled.next, next);
            }
        }
    }

    #[test]
    fn equal_frames_share_one_batch() {
        let frame = [7; 100];
        let mut batch = Batch::new();
        let limits = Limits::new(DEFAULT_MAX_DATAGRAM, MAX_BATCH_SEGMENTS);
        // 14 frames of 102 bytes fit 1,452 bytes; 140 fill ten datagrams, and 3 remain.
        let filled = batch.fill(b"DEMS000001", 1, 144, limits, |_| Some(&frame[..]));
        assert_eq!(filled, Filled { next: 144, datagrams: 11 });
    }
}
