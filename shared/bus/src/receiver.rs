//! The receiving core for whole datagrams: parses them, lets only one session in, and repairs its gaps.

use crate::gap::{Delivery, GapConfig, GapRepair, GapStats};
use crate::mold::{HEADER_LEN, Packet, PacketKind, RequestPacket};
use crate::session::{SESSION_LEN, Session};
use wire::Nanos;

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Frames of the session.
    Frames,
    /// A sign of life of the session.
    Heartbeat,
    /// The session ends before this number.
    EndOfSession {
        /// The number that would be the next.
        next: u64,
    },
    /// A packet of another session: dropped and counted.
    Foreign,
    /// No packet: dropped and counted.
    Malformed,
}

/// Counters of the receiving side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReceiverStats {
    /// Datagrams of the session.
    pub datagrams: u64,
    /// Datagrams of other sessions.
    pub foreign: u64,
    /// Datagrams that are no packet, or hold a damaged frame.
    pub malformed: u64,
    /// What became of the frames.
    pub gap: GapStats,
}

/// The receiver of one stream.
///
/// Two of them are equal if they will act alike: the counters are no part of that.
#[derive(Clone, Debug)]
pub struct Receiver {
    session: [u8; SESSION_LEN],
    gap: GapRepair,
    ended: Option<u64>,
    last_heard: Option<Nanos>,
    /// The next number by the last packet.
    announced: Option<u64>,
    is_damaged: fn(&[u8]) -> bool,
    stats: ReceiverStats,
}

impl Receiver {
    /// A receiver that has everything of the session below `expected`.
    #[must_use]
    pub fn new(session: Session, expected: u64, config: GapConfig) -> Self {
        Self {
            session: session.to_bytes(),
            gap: GapRepair::new(expected, config),
            ended: None,
            last_heard: None,
            announced: None,
            is_damaged: |_| false,
            stats: ReceiverStats::default(),
        }
    }

    /// Drops every packet that holds a frame of which this says that it is damaged: it counts as malformed, and its
    /// frames are asked for again. Without it, UDP's own checksum is believed.
    pub fn set_check(&mut self, is_damaged: fn(&[u8]) -> bool) {
        self.is_damaged = is_damaged;
    }

    /// Takes a datagram and delivers what is in order now.
    pub fn handle_datagram(
        &mut self,
        now: Nanos,
        bytes: &[u8],
        deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery,
    ) -> Heard {
        let Ok(packet) = Packet::parse(bytes) else {
            self.stats.malformed += 1;
            return Heard::Malformed;
        };
        if packet.session() != &self.session {
            self.stats.foreign += 1;
            return Heard::Foreign;
        }
        if packet.blocks().any(self.is_damaged) {
            self.stats.malformed += 1;
            return Heard::Malformed;
        }
        self.stats.datagrams += 1;
        self.last_heard = Some(now);
        let count = if let PacketKind::Blocks(count) = packet.kind() { u64::from(count) } else { 0 };
        self.announced = Some(packet.first() + count); // a packet whose numbers overflow is not parsed
        match packet.kind() {
            PacketKind::Blocks(_) => {
                self.gap.handle_packet(now, packet.first(), packet.blocks(), deliver);
                Heard::Frames
            }
            PacketKind::Heartbeat => {
                self.gap.handle_heartbeat(now, packet.first());
                Heard::Heartbeat
            }
            PacketKind::EndOfSession => {
                self.gap.handle_heartbeat(now, packet.first());
                self.ended = Some(packet.first());
                Heard::EndOfSession { next: packet.first() }
            }
        }
    }

    /// Offers again what the consumer refused; tells how many frames it took.
    pub fn drain(&mut self, now: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> usize {
        self.gap.drain(now, deliver)
    }

    /// The next request packet, and the attempt that chooses whom to send it to ([`crate::gap::Request::attempt`]).
    pub fn poll_request(&mut self, now: Nanos) -> Option<([u8; HEADER_LEN], u32)> {
        let request = self.gap.poll_request(now)?;
        let packet = RequestPacket { session: self.session, first: request.first, count: request.count };
        Some((packet.to_bytes(), request.attempt))
    }

    /// All numbers below `next` are known to exist: what is missing of them may be asked for.
    pub fn expect_below(&mut self, now: Nanos, next: u64) {
        self.gap.handle_heartbeat(now, next);
    }

    /// Listens to another session from `expected` on.
    pub fn begin_session(&mut self, session: Session, expected: u64) {
        self.session = session.to_bytes();
        self.gap.reset(expected);
        self.ended = None;
        self.last_heard = None;
        self.announced = None;
    }

    /// See [`GapRepair::next_deadline`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.gap.next_deadline()
    }

    /// The next number to deliver.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.gap.expected()
    }

    /// How many numbers are known to exist and not delivered.
    #[must_use]
    pub const fn lag(&self) -> u64 {
        self.gap.lag()
    }

    /// The number before which the session ends, once its publisher has said so.
    #[must_use]
    pub const fn ended(&self) -> Option<u64> {
        self.ended
    }

    /// When the session was last heard, be it a heartbeat or an answer.
    #[must_use]
    pub const fn last_heard(&self) -> Option<Nanos> {
        self.last_heard
    }

    /// The number that comes next by the last packet of the session. Below what the receiver began at, it tells that the
    /// publisher has another history than the receiver, or an older packet was held up on its way.
    #[must_use]
    pub const fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The session as it stands in the packets.
    #[must_use]
    pub const fn session(&self) -> &[u8; SESSION_LEN] {
        &self.session
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> ReceiverStats {
        ReceiverStats { gap: self.gap.stats(), ..self.stats }
    }

    fn identity(&self) -> (&[u8; SESSION_LEN], &GapRepair, Option<u64>, Option<Nanos>) {
        (&self.session, &self.gap, self.ended, self.last_heard)
    }
}

impl PartialEq for Receiver {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Receiver {}

impl std::hash::Hash for Receiver {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mold::{END_OF_SESSION, header};
    use crate::session::StreamKind;

    fn session(number: u32) -> Session {
        Session::new(*b"DEM", StreamKind::Events, number).unwrap()
    }

    #[test]
    fn a_packet_with_a_damaged_frame_counts_as_lost_and_is_asked_for_again() {
        let mut r = Receiver::new(session(1), 1, GapConfig::default());
        r.set_check(|frame| frame == b"bad");
        let mut delivered = Vec::new();
        for (first, frame) in [(1, b"bad"), (2, b"two")] {
            let mut bytes = header(&session(1).to_bytes(), first, 1).to_vec();
            bytes.extend_from_slice(&[0, 3]);
            bytes.extend_from_slice(frame);
            r.handle_datagram(Nanos(0), &bytes, &mut |number, _| {
                delivered.push(number);
                Delivery::Accepted
            });
        }
        assert_eq!((delivered.as_slice(), r.stats().malformed), (&[][..], 1));
        let (request, _) = r.poll_request(Nanos::SECOND).unwrap();
        assert_eq!(RequestPacket::parse(&request).unwrap().first, 1);
    }

    #[test]
    fn only_packets_of_the_session_are_heard() {
        let mut r = Receiver::new(session(1), 1, GapConfig::default());
        let mut none = |_: u64, _: &[u8]| panic!("there is nothing to deliver");
        assert_eq!(
            r.handle_datagram(Nanos(1), &header(&session(2).to_bytes(), 9, 0), &mut none),
            Heard::Foreign
        );
        assert_eq!(r.handle_datagram(Nanos(2), b"noise", &mut none), Heard::Malformed);
        assert_eq!((r.lag(), r.last_heard()), (0, None));
        assert_eq!(
            r.handle_datagram(Nanos(3), &header(&session(1).to_bytes(), 9, 0), &mut none),
            Heard::Heartbeat
        );
        assert_eq!((r.lag(), r.last_heard()), (8, Some(Nanos(3))));
        assert_eq!((r.stats().foreign, r.stats().malformed, r.stats().datagrams), (1, 1, 1));
    }

    #[test]
    fn a_publisher_that_is_behind_its_receiver_is_noticed_though_nothing_is_delivered() {
        let mut r = Receiver::new(session(1), 10, GapConfig::default());
        assert_eq!(r.announced(), None);
        let mut bytes = header(&session(1).to_bytes(), 4, 1).to_vec();
        bytes.extend_from_slice(b"\0\x01x");
        let mut none = |_: u64, _: &[u8]| panic!("there is nothing to deliver");
        r.handle_datagram(Nanos(1), &bytes, &mut none);
        assert_eq!((r.announced(), r.lag()), (Some(5), 0));
        r.handle_datagram(Nanos(2), &header(&session(1).to_bytes(), 7, 0), &mut none);
        assert_eq!(r.announced(), Some(7));
    }

    #[test]
    fn the_end_of_a_session_tells_what_is_still_missing() {
        let mut r = Receiver::new(session(1), 5, GapConfig::default());
        let end = header(&session(1).to_bytes(), 9, END_OF_SESSION);
        let heard = r.handle_datagram(Nanos(1), &end, &mut |_, _| Delivery::Accepted);
        assert_eq!((heard, r.ended(), r.lag()), (Heard::EndOfSession { next: 9 }, Some(9), 4));
        r.begin_session(session(2), 7);
        assert_eq!((r.ended(), r.expected(), r.lag()), (None, 7, 0));
    }
}
