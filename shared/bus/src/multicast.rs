//! The default transport: MoldUDP64 over UDP multicast, with repair by unicast requests. Whatever else carries datagrams can
//! stand in the place of UDP ([`Socket`]).

use crate::batch::{MAX_BATCH_BYTES, MIN_MAX_DATAGRAM};
use crate::fault::Faults;
use crate::gap::{Delivery, GapConfig};
use crate::mold::{MAX_COUNT, RequestPacket};
use crate::publisher::{Publisher, PublisherConfig};
use crate::receiver::{Heard, Receiver};
use crate::session::Session;
use crate::socket::{BusError, SocketOptions};
use crate::transport::{Publication, PublicationStats, Socket, Subscription, SubscriptionStats, Transport};
use crate::udp::{Datagrams, Sent};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use wire::Nanos;

/// How many batches one call reads from a socket before it lets others work.
const MAX_BATCHES_PER_POLL: usize = 8;

/// How long the next frame may be missing before the operator is told that nobody seems to have it.
const NOBODY_HAS_IT: Nanos = Nanos::SECOND;

/// The default transport.
#[derive(Clone, Copy, Debug)]
pub struct Multicast;

impl Transport for Multicast {
    type Publication = MulticastPublication;
    type Subscription = MulticastSubscription;
    type Socket = Datagrams;
}

/// How a publication is opened.
#[derive(Clone, Debug)]
pub struct PublicationConfig {
    /// Where frames go: a multicast group, or a single peer.
    pub destination: SocketAddrV4,
    /// The address to send from and to be asked for repair at; port 0 lets the system choose.
    pub bind: SocketAddrV4,
    /// How the socket is opened.
    pub options: SocketOptions,
    /// Session, first number, ring, datagrams and heartbeats.
    pub publisher: PublisherConfig,
}

/// The publishing end of a stream over datagrams: UDP, or whatever a simulation carries.
#[derive(Debug)]
pub struct MulticastPublication<S = Datagrams> {
    destination: SocketAddr,
    socket: S,
    publisher: Publisher,
    stats: PublicationStats,
    /// Of the frames that were never sent, so many have been told of.
    overrun_told: u64,
}

impl MulticastPublication {
    /// Opens the socket; nothing is sent before the first [`Publication::do_work`].
    ///
    /// # Errors
    /// [`BusError`]: a setting out of its range, or the address that could not be had.
    pub fn open(config: &PublicationConfig) -> Result<Self, BusError> {
        let PublisherConfig { first, ring, max_datagram, .. } = config.publisher;
        let address = config.destination;
        let setting = |setting, value, expected| BusError::Setting { address, setting, value, expected };
        if first == 0 {
            return Err(setting("the first number", 0, "frames are numbered from 1"));
        }
        if ring == 0 {
            return Err(setting("the ring's length", 0, "it must hold at least one frame"));
        }
        if !(MIN_MAX_DATAGRAM..=MAX_BATCH_BYTES).contains(&max_datagram) {
            return Err(setting(
                "the longest datagram",
                max_datagram as u64,
                "it must have 278 to 64000 bytes",
            ));
        }
        let socket = Datagrams::bind(config.bind, &config.options)?;
        let mut publisher = Publisher::new(&config.publisher);
        publisher.set_max_segments(socket.max_segments());
        Ok(Self::over(socket, config.destination, publisher))
    }

    /// Where requests for repair reach it.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddrV4 {
        self.socket.local_addr()
    }

    /// Sets what goes wrong with received requests.
    pub fn set_faults(&mut self, faults: Faults) {
        self.socket.set_faults(faults);
    }
}

impl<S: Socket> MulticastPublication<S> {
    /// A publication over an open socket, which is also where it is asked for repair.
    pub fn over(socket: S, destination: SocketAddrV4, publisher: Publisher) -> Self {
        let destination = SocketAddr::V4(destination);
        Self { destination, socket, publisher, stats: PublicationStats::default(), overrun_told: 0 }
    }

    /// The publishing core: ring, position, counters.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The publishing core: sessions, muting, sending again, releasing.
    pub const fn publisher_mut(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// Takes requests. Tells how many datagrams came.
    fn take_requests(&mut self) -> io::Result<usize> {
        let (publisher, stats) = (&mut self.publisher, &mut self.stats);
        let mut work = 0;
        for _ in 0..MAX_BATCHES_PER_POLL {
            let received = self.socket.recv(&mut |from, bytes| match RequestPacket::parse(bytes) {
                Err(_) => stats.malformed += 1,
                Ok(request) if &request.session != publisher.session() => stats.foreign += 1,
                Ok(request) => publisher.handle_request(from, request.first, request.count),
            })?;
            work += received;
            if received == 0 {
                break;
            }
        }
        Ok(work)
    }

    /// Sends until the core has nothing more or the socket no more room. Tells how many hand-overs were made.
    fn transmit(&mut self) -> io::Result<usize> {
        let mut work = 0;
        while let Some(transmit) = self.publisher.poll_transmit() {
            match self.socket.send(&transmit, self.destination)? {
                Sent::Done => {}
                Sent::Lost => self.stats.send_errors += 1,
                Sent::Full => {
                    self.publisher.put_back();
                    break;
                }
            }
            work += 1;
        }
        Ok(work)
    }
}

impl<S: Socket> Publication for MulticastPublication<S> {
    fn publish(&mut self, frame: &[u8]) -> u64 {
        let number = self.publisher.publish(frame);
        // A burst must not run around the ring before it was sent once.
        if self.publisher.unsent() * 2 > self.publisher.ring().slots() as u64 {
            self.publisher.flush();
            // What cannot be sent now is tried, and what is wrong is told, by the next do_work.
            if self.transmit().is_err() {
                self.stats.send_errors += 1;
            }
        }
        number
    }

    fn next(&self) -> u64 {
        self.publisher.next()
    }

    fn begin_session(&mut self, session: Session, next: u64) {
        self.publisher.begin_session(session, next);
    }

    fn set_muted(&mut self, muted: bool) {
        self.publisher.set_muted(muted);
    }

    fn resend_from(&mut self, number: u64) {
        self.publisher.resend_from(number);
    }

    fn release_below(&mut self, number: u64) {
        self.publisher.release_below(number);
    }

    fn end_of_session(&mut self) {
        self.publisher.end_of_session();
    }

    fn set_destination(&mut self, destination: SocketAddrV4) {
        self.destination = SocketAddr::V4(destination);
    }

    fn do_work(&mut self, now: Nanos) -> io::Result<usize> {
        let requests = self.take_requests()?;
        self.publisher.flush();
        self.publisher.handle_tick(now);
        let sent = self.transmit()?;
        let overrun = self.publisher.stats().overrun;
        if overrun > self.overrun_told {
            tracing::error!(
                frames = overrun - self.overrun_told,
                destination = %self.destination,
                "the network took nothing for so long that frames were forgotten before they were sent; raise the ring"
            );
            self.overrun_told = overrun;
        }
        Ok(requests + sent)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.publisher.next_deadline()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.socket.descriptors(out);
    }

    fn stats(&self) -> PublicationStats {
        PublicationStats { publisher: self.publisher.stats(), ..self.stats }
    }
}

/// The receiving end of a stream over datagrams: UDP, or whatever a simulation carries.
#[derive(Debug)]
pub struct MulticastSubscription<S = Datagrams> {
    group: S,
    /// Requests go out from here, and the answers come back to it.
    unicast: S,
    receiver: Receiver,
    repair: Vec<SocketAddr>,
    /// Who spoke to the group in the session last.
    source: Option<SocketAddr>,
    missing: Missing,
    send_errors: u64,
}

/// The frame that was asked for last though everything before it had come, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    number: u64,
    since: Nanos,
    told: bool,
}

impl Missing {
    /// Notes that the next frame is asked for. True once for each that has been missing for too long.
    fn asked(&mut self, now: Nanos, number: u64) -> bool {
        if number != self.number {
            *self = Self { number, since: now, told: false };
        }
        let tell = !self.told && now.since(self.since) >= NOBODY_HAS_IT;
        self.told |= tell;
        tell
    }
}

impl MulticastSubscription {
    /// Joins the group and listens to the session from frame `start_at` on.
    ///
    /// Requests go to whoever spoke to the group last, since it lives, and then to the `repair` addresses in turn.
    ///
    /// # Errors
    /// [`BusError`]: a setting out of its range, or the address that could not be had.
    pub fn open(
        group: SocketAddrV4,
        options: &SocketOptions,
        session: Session,
        gap: GapConfig,
        start_at: u64,
        repair: Vec<SocketAddr>,
    ) -> Result<Self, BusError> {
        if gap.max_request == 0 || gap.max_request > MAX_COUNT {
            return Err(BusError::Setting {
                address: group,
                setting: "the most frames of a request",
                value: gap.max_request.into(),
                expected: "it must be 1 to 65534",
            });
        }
        let unicast = SocketAddrV4::new(options.interface, 0);
        let (group, unicast) = (Datagrams::join(group, options)?, Datagrams::bind(unicast, options)?);
        Ok(Self::over(group, unicast, Receiver::new(session, start_at, gap), repair))
    }

    /// Sets what goes wrong with received datagrams, live and repair alike.
    pub fn set_faults(&mut self, faults: Faults) {
        self.group.set_faults(faults);
        self.unicast.set_faults(Faults { seed: faults.seed.wrapping_add(1), ..faults });
    }
}

impl<S: Socket> MulticastSubscription<S> {
    /// A subscription over open sockets: one that hears the group, and one to ask for repair from and to be answered at.
    pub fn over(group: S, unicast: S, receiver: Receiver, repair: Vec<SocketAddr>) -> Self {
        let missing = Missing::default();
        Self { group, unicast, receiver, repair, source: None, missing, send_errors: 0 }
    }

    /// See [`Receiver::set_check`].
    pub fn set_check(&mut self, is_damaged: fn(&[u8]) -> bool) {
        self.receiver.set_check(is_damaged);
    }

    /// The receiving core: position, end of session, counters.
    #[must_use]
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Whom to ask at this attempt: one after the other, each once a turn.
    fn answerer(&self, attempt: u32) -> Option<SocketAddr> {
        let others = self.repair.iter().copied().filter(|other| Some(*other) != self.source);
        let count = others.clone().count() + usize::from(self.source.is_some());
        self.source.into_iter().chain(others).nth(attempt as usize % count.max(1))
    }

    fn send_requests(&mut self, now: Nanos) -> io::Result<usize> {
        let mut work = 0;
        while let Some((request, attempt)) = self.receiver.poll_request(now) {
            let expected = self.receiver.expected();
            let next_is_asked = RequestPacket::parse(&request).is_ok_and(|asked| asked.first == expected);
            if next_is_asked && self.missing.asked(now, expected) {
                tracing::error!(
                    session = %self.receiver.session().escape_ascii(),
                    missing = expected,
                    behind = self.receiver.lag(),
                    sources = ?self.repair,
                    "a message is missing and no source has answered with it; nothing goes on here until one does. Is a \
                     logger that has it down? Compare `logger verify` of all loggers"
                );
            }
            if let Some(to) = self.answerer(attempt)
                && self.unicast.send_to(&request, to)? != Sent::Done
            {
                self.send_errors += 1; // the retry will ask again
            }
            work += 1;
        }
        Ok(work)
    }
}

impl<S: Socket> Subscription for MulticastSubscription<S> {
    fn poll(&mut self, now: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> io::Result<usize> {
        let (receiver, source) = (&mut self.receiver, &mut self.source);
        let mut work = receiver.drain(now, deliver);
        for (socket, is_group) in [(&mut self.group, true), (&mut self.unicast, false)] {
            for _ in 0..MAX_BATCHES_PER_POLL {
                let received = socket.recv(&mut |from, bytes| {
                    let heard = receiver.handle_datagram(now, bytes, deliver);
                    if is_group && !matches!(heard, Heard::Foreign | Heard::Malformed) {
                        *source = Some(from);
                    }
                })?;
                work += received;
                if received == 0 {
                    break;
                }
            }
        }
        Ok(work + self.send_requests(now)?)
    }

    fn begin_session(&mut self, session: Session, expected: u64) {
        self.receiver.begin_session(session, expected);
        self.source = None;
        self.missing = Missing::default();
    }

    fn expect_below(&mut self, now: Nanos, next: u64) {
        self.receiver.expect_below(now, next);
    }

    fn set_repair(&mut self, sources: Vec<SocketAddr>) {
        self.repair = sources;
    }

    fn announced(&self) -> Option<u64> {
        self.receiver.announced()
    }

    fn expected(&self) -> u64 {
        self.receiver.expected()
    }

    fn lag(&self) -> u64 {
        self.receiver.lag()
    }

    fn asked_since(&self) -> Option<Nanos> {
        let missing = self.missing.number == self.receiver.expected() && self.receiver.lag() > 0;
        missing.then_some(self.missing.since)
    }

    fn last_heard(&self) -> Option<Nanos> {
        self.receiver.last_heard()
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.receiver.next_deadline()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.group.descriptors(out);
        self.unicast.descriptors(out);
    }

    fn stats(&self) -> SubscriptionStats {
        SubscriptionStats { receiver: self.receiver.stats(), send_errors: self.send_errors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Transmit;

    /// A socket on which nothing comes and everything goes.
    #[derive(Debug)]
    struct Deaf;

    impl Socket for Deaf {
        fn recv(&mut self, _show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize> {
            Ok(0)
        }

        fn send_to(&mut self, _bytes: &[u8], _to: SocketAddr) -> io::Result<Sent> {
            Ok(Sent::Done)
        }

        fn send(&mut self, _transmit: &Transmit<'_>, _group: SocketAddr) -> io::Result<Sent> {
            Ok(Sent::Done)
        }

        fn descriptors(&self, _out: &mut Vec<RawFd>) {}
    }

    #[test]
    fn since_when_a_message_is_asked_for_is_known_until_it_comes_or_another_session_begins() {
        let session = |number| Session::new(*b"DEM", crate::StreamKind::Events, number).expect("a tag");
        let receiver = Receiver::new(session(1), 7, GapConfig::default());
        let mut stream = MulticastSubscription::over(Deaf, Deaf, receiver, Vec::new());
        let mut none = |_: u64, _: &[u8]| panic!("nothing comes");
        stream.poll(Nanos(1), &mut none).expect("nothing fails");
        assert_eq!(stream.asked_since(), None, "nothing is missing");
        stream.expect_below(Nanos(1), 9);
        for now in [Nanos::from_millis(1), Nanos::from_millis(50)] {
            stream.poll(now, &mut none).expect("nothing fails");
            assert_eq!(stream.asked_since(), Some(Nanos::from_millis(1)));
        }
        stream.begin_session(session(2), 7);
        assert_eq!(stream.asked_since(), None);
    }

    #[test]
    fn a_frame_that_nobody_has_is_told_once_and_one_that_comes_late_is_not() {
        let mut missing = Missing::default();
        let second = NOBODY_HAS_IT.0;
        assert!(!missing.asked(Nanos(5), 7));
        assert!(!missing.asked(Nanos(4 + second), 7));
        assert!(!missing.asked(Nanos(5 + second), 8), "7 has come");
        assert!(missing.asked(Nanos(5 + 2 * second), 8));
        assert!(!missing.asked(Nanos(5 + 9 * second), 8));
    }
}
