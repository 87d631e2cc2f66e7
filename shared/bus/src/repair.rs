//! Answering repair requests: from a publisher's ring, or from whatever else can look a frame up by its number.

use crate::batch::{Batch, DEFAULT_MAX_DATAGRAM, Destination, Limits, MAX_BATCH_SEGMENTS, Transmit};
use crate::gap::DEFAULT_MAX_REQUEST;
use crate::mold::{BLOCK_HEADER_LEN, HEADER_LEN, RequestPacket};
use crate::session::SESSION_LEN;
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::MAX_FRAME_LEN;

/// The most datagrams that one request is answered with.
pub const MAX_ANSWER_DATAGRAMS: usize = 64;
/// The most datagrams that are answered in one duty cycle, so that a storm of requests cannot starve live traffic.
pub const MAX_REPAIR_DATAGRAMS_PER_CYCLE: usize = 128;
/// The most requests that wait for their turn; further ones are dropped, and will be asked again.
pub const MAX_QUEUED_REQUESTS: usize = 64;

const LONGEST_FRAMES_PER_DATAGRAM: usize =
    (DEFAULT_MAX_DATAGRAM - HEADER_LEN) / (BLOCK_HEADER_LEN + MAX_FRAME_LEN);
const _: () = assert!(DEFAULT_MAX_REQUEST as usize <= MAX_ANSWER_DATAGRAMS * LONGEST_FRAMES_PER_DATAGRAM);
const _: () = assert!(MAX_ANSWER_DATAGRAMS <= MAX_REPAIR_DATAGRAMS_PER_CYCLE);

/// Counters of the answering side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RepairStats {
    /// Requests taken.
    pub requests: u64,
    /// Requests dropped because too many were waiting.
    pub requests_shed: u64,
    /// Frames sent again.
    pub repaired_frames: u64,
    /// Frames asked for that are no longer (or not yet) there.
    pub repair_missed: u64,
}

/// What is still to be sent to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Answer {
    peer: SocketAddr,
    session: [u8; SESSION_LEN],
    next: u64,
    end: u64,
    datagrams_left: usize,
}

/// The pure answering core. The caller checks that the request's session is one whose frames the lookup serves; the
/// answer is given in the session that was asked for.
///
/// Each cycle: [`RepairResponder::handle_request`] for what came in, [`RepairResponder::begin_cycle`], then
/// [`RepairResponder::poll_transmit`] until `None`. While [`RepairResponder::is_idle`] is false, cycle again.
#[derive(Clone, Debug)]
pub struct RepairResponder {
    limits: Limits,
    queue: VecDeque<Answer>,
    batch: Batch,
    batch_to: Option<SocketAddr>,
    /// How many datagrams may still go out in this cycle.
    budget: usize,
    stats: RepairStats,
}

impl RepairResponder {
    /// An answerer whose datagrams have at most `max_datagram` bytes.
    ///
    /// # Panics
    /// If `max_datagram` is not 278 to 64,000.
    #[must_use]
    pub fn new(max_datagram: usize) -> Self {
        Self {
            limits: Limits::new(max_datagram, MAX_BATCH_SEGMENTS),
            queue: VecDeque::with_capacity(MAX_QUEUED_REQUESTS),
            batch: Batch::new(),
            batch_to: None,
            budget: MAX_REPAIR_DATAGRAMS_PER_CYCLE,
            stats: RepairStats::default(),
        }
    }

    /// Takes a request. One that a waiting answer to the same peer already covers is the same request again.
    pub fn handle_request(&mut self, peer: SocketAddr, request: &RequestPacket) {
        self.stats.requests += 1;
        let end = request.first.saturating_add(u64::from(request.count));
        let covered = |a: &Answer| {
            a.peer == peer && a.session == request.session && a.next <= request.first && end <= a.end
        };
        if self.queue.iter().any(covered) {
            return;
        }
        if self.queue.len() == MAX_QUEUED_REQUESTS {
            self.stats.requests_shed += 1;
            return;
        }
        self.queue.push_back(Answer {
            peer,
            session: request.session,
            next: request.first,
            end,
            datagrams_left: MAX_ANSWER_DATAGRAMS,
        });
    }

    /// Allows the next [`MAX_REPAIR_DATAGRAMS_PER_CYCLE`] datagrams.
    pub fn begin_cycle(&mut self) {
        self.budget = MAX_REPAIR_DATAGRAMS_PER_CYCLE;
    }

    /// Whether nothing waits to be answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.batch.pending
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> RepairStats {
        self.stats
    }

    /// The next datagrams to send, with frames from `lookup`; `None` when all is answered or the cycle's bound reached.
    pub fn poll_transmit<'f>(&mut self, lookup: impl Fn(u64) -> Option<&'f [u8]>) -> Option<Transmit<'_>> {
        if !self.batch.pending && !self.fill(lookup) {
            return None;
        }
        self.batch.pending = false;
        self.batch_to.map(|peer| self.batch.transmit(Destination::Peer(peer)))
    }

    /// The socket had no room for the last batch: the next poll hands it out again.
    pub fn put_back(&mut self) {
        self.batch.pending = true;
    }

    /// Hands over at most this many datagrams at once.
    pub(crate) fn set_max_segments(&mut self, max_segments: usize) {
        self.limits = Limits::new(self.limits.max_datagram, max_segments);
    }

    /// Packs the next batch of the first answer that has any.
    fn fill<'f>(&mut self, lookup: impl Fn(u64) -> Option<&'f [u8]>) -> bool {
        while self.budget > 0
            && let Some(answer) = self.queue.front_mut()
        {
            while answer.next < answer.end && lookup(answer.next).is_none() {
                answer.next += 1;
                self.stats.repair_missed += 1;
            }
            let max_segments = self.limits.max_segments.min(answer.datagrams_left).min(self.budget);
            let limits = Limits { max_segments, ..self.limits };
            let filled = self.batch.fill(&answer.session, answer.next, answer.end, limits, &lookup);
            self.stats.repaired_frames += filled.next - answer.next;
            self.batch_to = Some(answer.peer);
            self.budget -= filled.datagrams;
            answer.next = filled.next;
            answer.datagrams_left -= filled.datagrams;
            if answer.next == answer.end || answer.datagrams_left == 0 {
                self.queue.pop_front();
            }
            if filled.datagrams > 0 {
                return true;
            }
        }
        false
    }
}

impl PartialEq for RepairResponder {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for RepairResponder {}

impl std::hash::Hash for RepairResponder {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl RepairResponder {
    /// What it will do next; the counters are no part of that.
    fn identity(&self) -> (Limits, &VecDeque<Answer>, &Batch, Option<SocketAddr>, usize) {
        (self.limits, &self.queue, &self.batch, self.batch_to.filter(|_| self.batch.pending), self.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mold::Packet;

    const SESSION: [u8; SESSION_LEN] = *b"DEMS000001";

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn ask(first: u64, count: u16) -> RequestPacket {
        RequestPacket { session: SESSION, first, count }
    }

    /// Everything that is answered in one cycle: to whom, and the numbers from and to.
    fn cycle<'f>(
        responder: &mut RepairResponder,
        lookup: impl Fn(u64) -> Option<&'f [u8]>,
    ) -> Vec<(u16, u64, u64)> {
        responder.begin_cycle();
        let mut sent = Vec::new();
        while let Some(transmit) = responder.poll_transmit(&lookup) {
            let Destination::Peer(peer) = transmit.to else { panic!("an answer goes to who asked") };
            for datagram in transmit.datagrams() {
                let packet = Packet::parse(datagram).unwrap();
                sent.push((peer.port(), packet.first(), packet.first() + packet.blocks().count() as u64));
            }
        }
        sent
    }

    #[test]
    fn what_is_no_longer_there_is_counted_and_the_rest_is_sent() {
        let mut responder = RepairResponder::new(DEFAULT_MAX_DATAGRAM);
        responder.handle_request(peer(1), &ask(1, 10));
        let sent = cycle(&mut responder, |n| (n >= 4 && n != 8).then_some(&b"abc"[..]));
        assert_eq!(sent, [(1, 4, 8), (1, 9, 11)]);
        assert_eq!((responder.stats().repair_missed, responder.stats().repaired_frames), (4, 6));
        assert!(responder.is_idle());
    }

    #[test]
    fn a_request_is_answered_with_a_bounded_number_of_datagrams() {
        let mut responder = RepairResponder::new(DEFAULT_MAX_DATAGRAM);
        let frame = [0; MAX_FRAME_LEN];
        responder.handle_request(peer(1), &ask(1, 60_000));
        let sent = cycle(&mut responder, |_| Some(&frame[..]));
        assert_eq!(sent.len(), MAX_ANSWER_DATAGRAMS);
        assert!(responder.is_idle());
    }

    #[test]
    fn a_storm_is_spread_over_cycles_and_shed_beyond_the_queue() {
        let mut responder = RepairResponder::new(DEFAULT_MAX_DATAGRAM);
        let frame = [0; MAX_FRAME_LEN];
        for port in 1..=70 {
            responder.handle_request(peer(port), &ask(1, DEFAULT_MAX_REQUEST));
        }
        assert_eq!(responder.stats().requests_shed, 6);
        let mut cycles = 0;
        while !responder.is_idle() {
            assert!(cycle(&mut responder, |_| Some(&frame[..])).len() <= MAX_REPAIR_DATAGRAMS_PER_CYCLE);
            cycles += 1;
        }
        assert_eq!(cycles, 64 * MAX_ANSWER_DATAGRAMS / MAX_REPAIR_DATAGRAMS_PER_CYCLE);
    }

    #[test]
    fn a_request_that_is_being_answered_is_not_answered_twice() {
        let mut responder = RepairResponder::new(DEFAULT_MAX_DATAGRAM);
        responder.handle_request(peer(1), &ask(1, 10));
        responder.handle_request(peer(1), &ask(3, 4));
        responder.handle_request(peer(2), &ask(3, 4));
        assert_eq!(cycle(&mut responder, |_| Some(&b"x"[..])), [(1, 1, 11), (2, 3, 7)]);
    }

    #[test]
    fn a_batch_that_found_no_room_is_handed_out_again() {
        let mut responder = RepairResponder::new(DEFAULT_MAX_DATAGRAM);
        responder.handle_request(peer(1), &ask(1, 3));
        let once = responder.poll_transmit(|_| Some(&b"x"[..])).map(|t| t.bytes.to_vec());
        responder.put_back();
        assert!(!responder.is_idle());
        let again = responder.poll_transmit(|_| None).map(|t| t.bytes.to_vec());
        assert!(once.is_some() && once == again);
    }
}
