//! The traits behind which transports are exchanged: publish frames in order; deliver them in order, without gaps; and
//! datagrams for what needs no order. The simulator has a transport of its own behind the same traits.

use crate::batch::Transmit;
use crate::gap::Delivery;
use crate::publisher::PublisherStats;
use crate::receiver::ReceiverStats;
use crate::session::Session;
use crate::udp::Sent;
use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;
use wire::Nanos;

/// One way to carry streams and datagrams.
pub trait Transport {
    /// The publishing end of a stream.
    type Publication: Publication + Debug;
    /// The receiving end of a stream.
    type Subscription: Subscription + Debug;
    /// Datagrams, without order or repair.
    type Socket: Socket + Debug;
}

/// Counters of a publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublicationStats {
    /// The publishing core.
    pub publisher: PublisherStats,
    /// Requests for another session.
    pub foreign: u64,
    /// Datagrams that are no request.
    pub malformed: u64,
    /// Sends that the kernel refused; to the receivers they are lost datagrams.
    pub send_errors: u64,
}

/// Counters of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// The receiving core.
    pub receiver: ReceiverStats,
    /// Requests that the kernel refused to send.
    pub send_errors: u64,
}

/// The publishing end of a stream.
///
/// One duty cycle: any number of [`Publication::publish`], then [`Publication::do_work`].
pub trait Publication {
    /// Appends a frame (1 to [`wire::MAX_FRAME_LEN`] bytes) and tells its number. It goes out with the next `do_work`,
    /// or earlier.
    fn publish(&mut self, frame: &[u8]) -> u64;

    /// The number that the next frame will get.
    fn next(&self) -> u64;

    /// Begins another session, with `next` as the number of its next frame. Frames below it stay, and are repaired in the
    /// new session; those from it on are forgotten.
    fn begin_session(&mut self, session: Session, next: u64);

    /// Says no more, and answers no more than repair requests; or speaks (again).
    fn set_muted(&mut self, muted: bool);

    /// Says everything from this number on once more, as far as it is kept.
    fn resend_from(&mut self, number: u64);

    /// Forgets the frames below this number: nobody will ask for them.
    fn release_below(&mut self, number: u64);

    /// The session ends here: its end is told again and again, and requests are still answered.
    fn end_of_session(&mut self);

    /// Sends to another group or peer from now on.
    fn set_destination(&mut self, destination: SocketAddrV4);

    /// Sends what is published, heartbeats and answers to requests. Tells how much it did: while that is not 0 there may
    /// be more, even if no descriptor says so again.
    ///
    /// # Errors
    /// What no later call will heal, such as datagrams longer than the interface takes. A lost datagram is no error.
    fn do_work(&mut self, now: Nanos) -> io::Result<usize>;

    /// When `do_work` has to be called even if nothing happens.
    fn next_deadline(&self) -> Option<Nanos>;

    /// Adds the descriptors that become readable when there is work; they may be watched edge triggered.
    fn descriptors(&self, out: &mut Vec<RawFd>);

    /// The counters.
    fn stats(&self) -> PublicationStats;
}

/// The receiving end of a stream.
pub trait Subscription {
    /// Receives, delivers frames in order, asks for what is missing. Tells how much it did: while that is not 0 there
    /// may be more, even if no descriptor says so again. After a refusal it is to be called again when there is room.
    ///
    /// # Errors
    /// What no later call will heal.
    fn poll(&mut self, now: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> io::Result<usize>;

    /// Listens to another session from `expected` on, and forgets what was held of the former.
    fn begin_session(&mut self, session: Session, expected: u64);

    /// All numbers below `next` are known to exist in this session, though nobody multicasts them: what is missing is asked
    /// for.
    fn expect_below(&mut self, now: Nanos, next: u64);

    /// Asks these for repair from now on, in turn.
    fn set_repair(&mut self, sources: Vec<SocketAddr>);

    /// The number after the highest that was announced in this session, if anything was heard in it.
    fn announced(&self) -> Option<u64>;

    /// The next number to deliver.
    fn expected(&self) -> u64;

    /// How many numbers are known to exist and not delivered.
    fn lag(&self) -> u64;

    /// Since when the next message is asked for and has not come; `None` while nothing is missing, or where nothing is ever
    /// asked for.
    fn asked_since(&self) -> Option<Nanos> {
        None
    }

    /// When the publisher was last heard, if ever.
    fn last_heard(&self) -> Option<Nanos>;

    /// When `poll` has to be called even if nothing arrives.
    fn next_deadline(&self) -> Option<Nanos>;

    /// Adds the descriptors that become readable when there is work; they may be watched edge triggered.
    fn descriptors(&self, out: &mut Vec<RawFd>);

    /// The counters.
    fn stats(&self) -> SubscriptionStats;
}

/// Datagrams: to a peer or a group, without order or repair. Nonblocking.
pub trait Socket {
    /// Receives one batch and shows each datagram with its sender. Tells how many came; 0 means that nothing waits.
    ///
    /// # Errors
    /// What no later call will heal.
    fn recv(&mut self, show: &mut dyn FnMut(SocketAddr, &[u8])) -> io::Result<usize>;

    /// Sends one datagram.
    ///
    /// # Errors
    /// What no later call will heal, such as a datagram that is longer than the interface takes.
    fn send_to(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<Sent>;

    /// Sends what a core handed out; `group` is where its group is.
    ///
    /// # Errors
    /// See [`Socket::send_to`].
    fn send(&mut self, transmit: &Transmit<'_>, group: SocketAddr) -> io::Result<Sent>;

    /// Adds the descriptor that becomes readable when there is work; it may be watched edge triggered.
    fn descriptors(&self, out: &mut Vec<RawFd>);
}
