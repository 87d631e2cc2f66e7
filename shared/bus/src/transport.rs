//! The trait pair behind which transports are exchanged: publish frames in order; deliver them in order, without gaps.

use crate::gap::Delivery;
use crate::publisher::PublisherStats;
use crate::receiver::ReceiverStats;
use std::io;
use std::os::fd::RawFd;
use wire::Nanos;

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

    /// The next number to deliver.
    fn expected(&self) -> u64;

    /// How many numbers are known to exist and not delivered.
    fn lag(&self) -> u64;

    /// When the publisher was last heard, if ever.
    fn last_heard(&self) -> Option<Nanos>;

    /// When `poll` has to be called even if nothing arrives.
    fn next_deadline(&self) -> Option<Nanos>;

    /// Adds the descriptors that become readable when there is work; they may be watched edge triggered.
    fn descriptors(&self, out: &mut Vec<RawFd>);

    /// The counters.
    fn stats(&self) -> SubscriptionStats;
}
