//! How it is carried: numbered frames in MoldUDP64 packets over UDP, delivered in order and without gaps.
//!
//! A frame is opaque here: 1 to [`wire::MAX_FRAME_LEN`] bytes, numbered 1, 2, 3, ... within its stream.
//!
//! ```text
//!   Publication   transport  Subscription      the trait pair that the nodes see
//!        MulticastPublication / MulticastSubscription, Datagrams      sockets (multicast, udp, socket, fault)
//!   Publisher     Receiver = session filter + GapRepair, RepairResponder   pure cores
//!   Ring, batch   mold, slots                                         storage and format
//! ```
//!
//! The pure cores are driven like this, by the sockets here as by a simulator:
//!
//! 1. Sending: `publish` any number of frames; once a cycle `handle_request` for each request that came in, `flush`,
//!    `handle_tick(now)`, then `poll_transmit` until `None`.
//! 2. Receiving: once a cycle `drain`, then `handle_datagram(now, ..)` for each datagram, then `poll_request(now)`
//!    until `None`. Wake at `next_deadline`, or when the consumer that refused has room again.
#![forbid(unsafe_code)]

mod batch;
pub mod fault;
pub mod gap;
pub mod mold;
pub mod multicast;
pub mod publisher;
pub mod receiver;
pub mod repair;
pub mod ring;
pub mod session;
mod slots;
pub mod socket;
pub mod transport;
pub mod udp;

pub use batch::{DEFAULT_MAX_DATAGRAM, Destination, MAX_BATCH_SEGMENTS, Transmit};
pub use fault::Faults;
pub use gap::{Delivery, GapConfig, GapRepair, GapStats, Request};
pub use multicast::{Multicast, MulticastPublication, MulticastSubscription, PublicationConfig};
pub use publisher::{Publisher, PublisherConfig};
pub use receiver::{Heard, Receiver};
pub use repair::RepairResponder;
pub use ring::Ring;
pub use session::{Session, SessionError, StreamKind};
pub use socket::{BusError, SocketOptions};
pub use transport::{Publication, PublicationStats, Socket, Subscription, SubscriptionStats, Transport};
pub use udp::{Datagrams, Sent};
