//! The publishing core: numbers frames, keeps the newest, and packs them into datagrams.

use crate::batch::{Batch, DEFAULT_MAX_DATAGRAM, Destination, Limits, MAX_BATCH_SEGMENTS, Transmit};
use crate::mold::{END_OF_SESSION, MAX_COUNT, RequestPacket};
use crate::repair::{RepairResponder, RepairStats};
use crate::ring::Ring;
use crate::session::{SESSION_LEN, Session};
use std::net::SocketAddr;
use wire::Nanos;

/// How a stream is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublisherConfig {
    /// The session that speaks.
    pub session: Session,
    /// The number of the first frame, 1 or more.
    pub first: u64,
    /// How many frames are kept for repair; 256 bytes each.
    pub ring: usize,
    /// The longest datagram in bytes, 278 to 64,000.
    pub max_datagram: usize,
    /// An empty packet is sent after so long a silence, in ns.
    pub heartbeat_ns: u64,
}

impl PublisherConfig {
    /// 65,536 frames (16 MiB) kept from number 1 on, datagrams of 1,472 bytes, a heartbeat after 10 ms of silence.
    #[must_use]
    pub const fn new(session: Session) -> Self {
        Self { session, first: 1, ring: 65_536, max_datagram: DEFAULT_MAX_DATAGRAM, heartbeat_ns: 10_000_000 }
    }
}

/// Counters of the publishing side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PublisherStats {
    /// Frames published.
    pub published: u64,
    /// Datagrams handed out for everyone, without heartbeats.
    pub datagrams: u64,
    /// Heartbeats handed out.
    pub heartbeats: u64,
    /// Frames that the ring forgot before they were sent even once: the owner published more than the ring holds
    /// without polling.
    pub overrun: u64,
    /// The answering side.
    pub repair: RepairStats,
}

/// Which of the two batches was handed out last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Last {
    Live,
    Repair,
}

/// The publisher of one stream. What goes out is cut from the ring, live traffic as well as repair.
///
/// Two of them are equal if they will act alike: the counters are no part of that.
#[derive(Clone, Debug)]
pub struct Publisher {
    session: [u8; SESSION_LEN],
    ring: Ring,
    /// Numbers below it have gone out; `sent <= flushed <= ring.next()`.
    sent: u64,
    /// Numbers below it may go out.
    flushed: u64,
    muted: bool,
    ended: bool,
    limits: Limits,
    heartbeat_ns: u64,
    /// When the next heartbeat is due unless something is said before.
    heartbeat_at: Nanos,
    heartbeat_due: bool,
    /// The time of the last tick.
    now: Nanos,
    live: Batch,
    repairs: RepairResponder,
    last: Last,
    stats: PublisherStats,
}

impl Publisher {
    /// A publisher with an empty ring.
    ///
    /// # Panics
    /// If `first` or `ring` is 0, or `max_datagram` out of its range.
    #[must_use]
    pub fn new(config: &PublisherConfig) -> Self {
        Self {
            session: config.session.to_bytes(),
            ring: Ring::new(config.ring, config.first),
            sent: config.first,
            flushed: config.first,
            muted: false,
            ended: false,
            limits: Limits::new(config.max_datagram, MAX_BATCH_SEGMENTS),
            heartbeat_ns: config.heartbeat_ns,
            heartbeat_at: Nanos(0),
            heartbeat_due: false,
            now: Nanos(0),
            live: Batch::new(),
            repairs: RepairResponder::new(config.max_datagram),
            last: Last::Live,
            stats: PublisherStats::default(),
        }
    }

    /// Appends a frame and tells its number. It goes out after the next [`Publisher::flush`], so that a datagram gets as
    /// full as it can.
    ///
    /// # Panics
    /// If the frame is empty or longer than [`wire::MAX_FRAME_LEN`], or the session has ended.
    pub fn publish(&mut self, frame: &[u8]) -> u64 {
        assert!(!self.ended, "nothing is published after the end of a session");
        self.stats.published += 1;
        let number = self.ring.push(frame);
        if self.muted {
            self.sent = self.ring.next();
            self.flushed = self.sent;
        }
        number
    }

    /// Closes the open datagram: all that is published may go out.
    pub fn flush(&mut self) {
        self.flushed = self.ring.next();
    }

    /// Takes the time, once a cycle: heartbeats fall due, and a bounded amount of repair is allowed again.
    pub fn handle_tick(&mut self, now: Nanos) {
        self.now = now;
        self.repairs.begin_cycle();
        self.heartbeat_due = !self.muted && self.sent == self.ring.next() && now >= self.heartbeat_at;
    }

    /// Takes a peer's request for frames. The caller has checked the session.
    pub fn handle_request(&mut self, peer: SocketAddr, first: u64, count: u16) {
        if count > 0 && count <= MAX_COUNT {
            self.repairs.handle_request(peer, &RequestPacket { session: self.session, first, count });
        }
    }

    /// The next datagrams to send: live ones first, then a heartbeat if it is due, then repair.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        if self.live.pending || self.fill_live() {
            self.live.pending = false;
            self.last = Last::Live;
            return Some(self.live.transmit(Destination::Group));
        }
        self.last = Last::Repair;
        let ring = &self.ring;
        self.repairs.poll_transmit(|number| ring.get(number))
    }

    /// The socket had no room for the last batch: the next poll hands it out again.
    pub fn put_back(&mut self) {
        match self.last {
            Last::Live => self.live.pending = true,
            Last::Repair => self.repairs.put_back(),
        }
    }

    /// Whether something waits to be handed out, now or in the next cycle.
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        self.live.pending || self.sent < self.flushed || self.heartbeat_due || !self.repairs.is_idle()
    }

    /// How many frames have been published and not handed out.
    #[must_use]
    pub const fn unsent(&self) -> u64 {
        self.ring.next() - self.sent
    }

    /// When [`Publisher::handle_tick`] has something to do even if nothing is published or asked for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        if self.has_transmit() {
            Some(self.now)
        } else if self.muted {
            None
        } else {
            Some(self.heartbeat_at)
        }
    }

    /// Says that nothing more will be published. After what is still to be sent, the end of the session takes the place
    /// of the heartbeats; requests are answered as before.
    pub fn end_of_session(&mut self) {
        self.ended = true;
        self.flush();
        self.heartbeat_at = self.now;
    }

    /// Goes on in another session with the number `next`. What the ring has below `next` stays, and is answered in the new
    /// session; numbers from `next` on are used again. A batch that waits to go out in the old session is dropped.
    pub fn begin_session(&mut self, session: Session, next: u64) {
        self.ring.restart_at(next);
        self.session = session.to_bytes();
        (self.sent, self.flushed) = (next, next);
        (self.ended, self.live.pending) = (false, false);
        self.heartbeat_at = self.now;
    }

    /// Sends everything again from `number` on, as far as the ring has it.
    pub fn resend_from(&mut self, number: u64) {
        self.sent = number.clamp(self.ring.oldest(), self.ring.next());
        self.flush();
        self.live.pending = false;
    }

    /// A muted publisher numbers and keeps frames and answers requests, but says nothing by itself. Unmuted, it goes on
    /// with the next frame; [`Publisher::resend_from`] reaches back.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        if muted {
            self.sent = self.ring.next();
            self.flush();
            (self.live.pending, self.heartbeat_due) = (false, false);
        } else {
            self.heartbeat_at = self.now;
        }
    }

    /// Whether it says nothing by itself.
    #[must_use]
    pub const fn is_muted(&self) -> bool {
        self.muted
    }

    /// Hands over at most this many datagrams at once: 1 where the kernel cannot split them.
    pub fn set_max_segments(&mut self, max_segments: usize) {
        self.limits = Limits::new(self.limits.max_datagram, max_segments);
        self.repairs.set_max_segments(max_segments);
    }

    /// The session as it stands in the packets.
    #[must_use]
    pub const fn session(&self) -> &[u8; SESSION_LEN] {
        &self.session
    }

    /// The frames that it still has.
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// See [`Ring::release_below`].
    pub fn release_below(&mut self, number: u64) {
        self.ring.release_below(number);
    }

    /// The number that the next frame will get.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.ring.next()
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> PublisherStats {
        PublisherStats { repair: self.repairs.stats(), ..self.stats }
    }

    /// Packs what comes next for everyone, if anything does.
    fn fill_live(&mut self) -> bool {
        if self.sent < self.ring.oldest() {
            self.stats.overrun += self.ring.oldest() - self.sent;
            self.sent = self.ring.oldest();
            self.flushed = self.flushed.max(self.sent);
        }
        if self.sent < self.flushed {
            let ring = &self.ring;
            let filled = self.live.fill(&self.session, self.sent, self.flushed, self.limits, |n| ring.get(n));
            assert!(filled.next > self.sent, "frame {} is not in the ring", self.sent);
            self.sent = filled.next;
            self.stats.datagrams += filled.datagrams as u64;
        } else if self.heartbeat_due {
            let count = if self.ended { END_OF_SESSION } else { 0 };
            self.live.fill_empty(&self.session, self.sent, count);
            self.stats.heartbeats += 1;
        } else {
            return false;
        }
        self.heartbeat_due = false;
        self.heartbeat_at = self.now.saturating_add(Nanos(self.heartbeat_ns));
        true
    }

    /// What it will do next.
    fn identity(&self) -> impl Eq + std::hash::Hash + '_ {
        let position = (self.session, &self.ring, self.sent, self.flushed);
        let flags = (self.muted, self.ended, self.heartbeat_due, self.last);
        let time = (self.heartbeat_ns, self.heartbeat_at, self.now);
        (position, flags, time, self.limits, &self.live, &self.repairs)
    }
}

impl PartialEq for Publisher {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Publisher {}

impl std::hash::Hash for Publisher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mold::{Packet, PacketKind};
    use crate::session::StreamKind;

    fn session(number: u32) -> Session {
        Session::new(*b"DEM", StreamKind::Sequenced, number).unwrap()
    }

    fn publisher(ring: usize) -> Publisher {
        Publisher::new(&PublisherConfig { ring, heartbeat_ns: 100, ..PublisherConfig::new(session(1)) })
    }

    /// Everything said in one cycle: destination, first number, kind.
    fn cycle(publisher: &mut Publisher, now: u64) -> Vec<(Destination, u64, PacketKind)> {
        publisher.flush();
        publisher.handle_tick(Nanos(now));
        let mut said = Vec::new();
        while let Some(transmit) = publisher.poll_transmit() {
            for datagram in transmit.datagrams() {
                let packet = Packet::parse(datagram).unwrap();
                said.push((transmit.to, packet.first(), packet.kind()));
            }
        }
        said
    }

    fn publish_all(publisher: &mut Publisher, frames: usize, frame: &[u8]) {
        for _ in 0..frames {
            publisher.publish(frame);
        }
    }

    use Destination::{Group, Peer};
    use PacketKind::{Blocks, EndOfSession, Heartbeat};

    #[test]
    fn many_frames_share_a_datagram_and_only_flushed_ones_go_out() {
        let mut p = publisher(64);
        assert_eq!((p.publish(b"a"), p.publish(b"b")), (1, 2));
        assert!(p.poll_transmit().is_none());
        assert_eq!(cycle(&mut p, 0), [(Group, 1, Blocks(2))]);
    }

    #[test]
    fn silence_is_broken_by_a_heartbeat_that_tells_the_next_number() {
        let mut p = publisher(64);
        assert_eq!(cycle(&mut p, 5), [(Group, 1, Heartbeat)], "the first tells that the stream exists");
        p.publish(b"a");
        assert_eq!(cycle(&mut p, 50), [(Group, 1, Blocks(1))]);
        assert_eq!(p.next_deadline(), Some(Nanos(150)));
        assert_eq!(cycle(&mut p, 149), []);
        assert_eq!(cycle(&mut p, 150), [(Group, 2, Heartbeat)]);
        assert_eq!(p.next_deadline(), Some(Nanos(250)));
    }

    #[test]
    fn after_the_end_of_the_session_its_end_is_repeated_and_requests_are_still_answered() {
        let mut p = publisher(64);
        p.publish(b"a");
        p.end_of_session();
        assert_eq!(cycle(&mut p, 0), [(Group, 1, Blocks(1))]);
        assert_eq!(cycle(&mut p, 100), [(Group, 2, EndOfSession)]);
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        p.handle_request(peer, 1, 1);
        assert_eq!(cycle(&mut p, 110), [(Peer(peer), 1, Blocks(1))]);
        assert_eq!(cycle(&mut p, 200), [(Group, 2, EndOfSession)]);
    }

    #[test]
    fn live_frames_go_before_repair() {
        let mut p = publisher(64);
        p.publish(b"a");
        cycle(&mut p, 0);
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        p.handle_request(peer, 1, 1);
        p.publish(b"b");
        assert_eq!(cycle(&mut p, 1), [(Group, 2, Blocks(1)), (Peer(peer), 1, Blocks(1))]);
    }

    #[test]
    fn frames_that_the_ring_forgot_unsent_are_counted_and_skipped() {
        let mut p = publisher(4);
        publish_all(&mut p, 10, b"x");
        assert_eq!(cycle(&mut p, 0), [(Group, 7, Blocks(4))]);
        assert_eq!(p.stats().overrun, 6);
    }

    #[test]
    fn a_batch_that_found_no_room_is_handed_out_again_and_once() {
        let mut p = publisher(64);
        p.publish(b"a");
        p.flush();
        let once = p.poll_transmit().map(|t| t.bytes.to_vec());
        p.put_back();
        assert!(p.has_transmit());
        assert_eq!(p.poll_transmit().map(|t| t.bytes.to_vec()), once);
        assert!(p.poll_transmit().is_none());
    }

    #[test]
    fn a_new_session_uses_numbers_again_and_keeps_what_lies_before() {
        let mut p = publisher(64);
        publish_all(&mut p, 5, b"old");
        cycle(&mut p, 0);
        p.begin_session(session(2), 4);
        assert_eq!(p.publish(b"new"), 4);
        p.flush();
        let said = p.poll_transmit().unwrap().bytes;
        let packet = Packet::parse(said).unwrap();
        assert_eq!((packet.session(), packet.first()), (&session(2).to_bytes(), 4));
        assert_eq!(packet.blocks().collect::<Vec<_>>(), [b"new"]);
        assert_eq!((p.ring().get(3), p.ring().get(5)), (Some(&b"old"[..]), None));
    }

    #[test]
    fn a_muted_publisher_keeps_quiet_until_it_is_told_to_resend() {
        let mut p = publisher(64);
        p.set_muted(true);
        publish_all(&mut p, 5, b"x");
        assert_eq!((cycle(&mut p, 1000), p.next_deadline()), (vec![], None));
        p.set_muted(false);
        p.resend_from(3);
        assert_eq!(cycle(&mut p, 2000), [(Group, 3, Blocks(3))]);
    }
}
