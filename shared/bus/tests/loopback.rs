//! Publications and subscriptions over real sockets on this host: loss, late joiners, consumers without room.
#![allow(clippy::unwrap_used)] // helpers of tests may fail like tests

use bus::mold::{self, Packet, RequestPacket};
use bus::{
    Datagrams, Delivery, Faults, GapConfig, MulticastPublication, MulticastSubscription, Publication,
    PublicationConfig, PublisherConfig, RepairResponder, Session, SocketOptions, StreamKind, Subscription,
};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Instant;
use wire::Nanos;

const ANY_PORT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
/// Far more than any of these tests takes; they end when the work is done.
const GIVE_UP: Nanos = Nanos(20_000_000_000);

struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "real sockets need a real clock, and a bound on waiting")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn now(&self) -> Nanos {
        let now = Nanos(1 + self.0.elapsed().as_nanos() as u64);
        assert!(now < GIVE_UP, "the test does not come to an end");
        now
    }
}

/// A group of its own for each test: the system chooses a free port, and the port chooses the group.
fn group() -> SocketAddrV4 {
    let port = UdpSocket::bind(ANY_PORT).unwrap().local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(239, 255, high, low), port)
}

fn session(number: u32) -> Session {
    Session::new(*b"TST", StreamKind::Sequenced, number).unwrap()
}

fn publication(destination: SocketAddrV4, ring: usize) -> MulticastPublication {
    MulticastPublication::open(&PublicationConfig {
        destination,
        bind: ANY_PORT,
        options: SocketOptions::LOOPBACK,
        publisher: PublisherConfig { ring, heartbeat_ns: 1_000_000, ..PublisherConfig::new(session(1)) },
    })
    .unwrap()
}

fn subscription(group: SocketAddrV4, window: usize, repair: Vec<SocketAddr>) -> MulticastSubscription {
    let gap = GapConfig { window, ..GapConfig::default() };
    MulticastSubscription::open(group, &SocketOptions::LOOPBACK, session(1), gap, 1, repair).unwrap()
}

fn content(number: u64) -> Vec<u8> {
    (0..1 + number * 7 % 256).map(|i| (number ^ i) as u8).collect()
}

/// Asserts order and content of everything that it accepts.
struct Consumer {
    delivered: u64,
    room: u64,
}

impl Consumer {
    fn with_room(room: u64) -> Self {
        Self { delivered: 0, room }
    }

    fn take(&mut self, number: u64, frame: &[u8]) -> Delivery {
        assert_eq!((number, frame), (self.delivered + 1, &content(number)[..]));
        if self.room == 0 {
            return Delivery::Refused;
        }
        self.room -= 1;
        self.delivered = number;
        Delivery::Accepted
    }
}

#[test]
fn three_subscribers_with_loss_a_late_one_and_one_without_room_get_every_frame() {
    const FRAMES: u64 = 20_000;
    let (clock, group) = (Clock::start(), group());
    let mut publication = publication(group, 1 << 16);
    let repair = vec![SocketAddr::V4(publication.local_addr())];
    let faults = |seed| Faults { drop_per_mille: 50, duplicate_per_mille: 20, reorder_per_mille: 50, seed };
    let mut subscribers = Vec::new();
    for (seed, window) in [(1, 0), (2, 64), (3, 4096)] {
        let mut subscription = subscription(group, window, repair.clone());
        subscription.set_faults(faults(seed));
        subscribers.push((subscription, Consumer::with_room(u64::MAX)));
    }
    // The one without room gets ten frames' room now and then.
    subscribers.push((subscription(group, 64, repair.clone()), Consumer::with_room(0)));

    while subscribers.iter().any(|(_, consumer)| consumer.delivered < FRAMES) {
        let now = clock.now();
        for _ in 0..20 {
            if publication.next() <= FRAMES {
                publication.publish(&content(publication.next()));
            }
        }
        publication.do_work(now).unwrap();
        if publication.next() > FRAMES / 2 && subscribers.len() == 4 {
            subscribers.push((subscription(group, 4096, repair.clone()), Consumer::with_room(u64::MAX)));
        }
        subscribers[3].1.room = subscribers[3].1.room.max(10);
        for (subscription, consumer) in &mut subscribers {
            subscription.poll(now, &mut |number, frame| consumer.take(number, frame)).unwrap();
        }
        std::thread::yield_now();
    }
    for (subscription, _) in &subscribers[..3] {
        let stats = subscription.stats().receiver;
        assert!(stats.gap.requests > 0 && stats.gap.duplicates > 0, "{stats:?}");
        assert_eq!(stats.malformed, 0);
    }
    assert!(subscribers[3].0.stats().receiver.gap.refused > 0);
    assert_eq!(publication.stats().publisher.repair.repair_missed, 0);
}

#[test]
fn a_session_that_is_not_listened_to_is_counted_and_not_delivered() {
    let (clock, group) = (Clock::start(), group());
    let mut publication = publication(group, 64);
    publication.publisher_mut().begin_session(session(2), 1);
    let mut subscription = subscription(group, 16, Vec::new());
    publication.publish(b"frame");
    while subscription.stats().receiver.foreign == 0 {
        publication.do_work(clock.now()).unwrap();
        subscription.poll(clock.now(), &mut |_, _| panic!("it is another session")).unwrap();
    }
    subscription.begin_session(session(2), 1);
    let mut got = Vec::new();
    while got.is_empty() {
        publication.do_work(clock.now()).unwrap();
        // The heartbeats tell of the frame, and whoever sent them is asked for it.
        subscription
            .poll(clock.now(), &mut |_, frame| {
                got.extend_from_slice(frame);
                Delivery::Accepted
            })
            .unwrap();
        std::thread::yield_now();
    }
    assert_eq!(got, b"frame");
}

#[test]
fn what_the_publisher_forgot_comes_from_a_logger() {
    const FRAMES: u64 = 5_000;
    let (clock, group) = (Clock::start(), group());
    let mut publication = publication(group, 256);
    while publication.next() <= FRAMES {
        publication.publish(&content(publication.next()));
    }
    let log: Vec<Vec<u8>> = (0..=FRAMES).map(content).collect();
    let lookup = |number: u64| log.get(number as usize).map(Vec::as_slice);
    let mut logger = Datagrams::bind(ANY_PORT, &SocketOptions::LOOPBACK).unwrap();
    let mut responder = RepairResponder::new(bus::DEFAULT_MAX_DATAGRAM);
    let repair = vec![SocketAddr::V4(publication.local_addr()), SocketAddr::V4(logger.local_addr())];
    // A patient one, so that a slow machine is not taken for a silent source.
    let gap = GapConfig { window: 512, retry_after_ns: 100_000_000, ..GapConfig::default() };
    let mut late =
        MulticastSubscription::open(group, &SocketOptions::LOOPBACK, session(1), gap, 1, repair).unwrap();
    let mut consumer = Consumer::with_room(u64::MAX);
    while consumer.delivered < FRAMES {
        publication.do_work(clock.now()).unwrap();
        logger
            .recv(|from, bytes| {
                let request = RequestPacket::parse(bytes).unwrap();
                assert_eq!(request.session, session(1).to_bytes());
                responder.handle_request(from, &request);
            })
            .unwrap();
        responder.begin_cycle();
        while let Some(transmit) = responder.poll_transmit(lookup) {
            logger.send(&transmit, SocketAddr::V4(group)).unwrap();
        }
        late.poll(clock.now(), &mut |number, frame| consumer.take(number, frame)).unwrap();
        std::thread::yield_now();
    }
    assert!(publication.stats().publisher.repair.repair_missed > 0);
    assert!(responder.stats().repaired_frames >= FRAMES - 256);
    assert!(late.stats().receiver.gap.requests < 60, "it stays with the source that answers");
}

#[test]
fn commands_go_to_one_peer_and_are_asked_for_again_by_it() {
    const FRAMES: u64 = 500;
    let clock = Clock::start();
    let mut intake = Datagrams::bind(ANY_PORT, &SocketOptions::LOOPBACK).unwrap();
    intake.set_faults(Faults { drop_per_mille: 100, seed: 5, ..Faults::default() });
    let mut gateway = publication(intake.local_addr(), 1024);
    let mut gap = bus::GapRepair::new(1, GapConfig::default());
    let mut consumer = Consumer::with_room(u64::MAX);
    let (mut work, mut from) = (1, None);
    while consumer.delivered < FRAMES {
        let now = clock.now();
        if gateway.next() <= FRAMES {
            gateway.publish(&content(gateway.next()));
        }
        gateway.do_work(now).unwrap();
        while work > 0 {
            work = intake
                .recv(|peer, bytes| {
                    let packet = Packet::parse(bytes).unwrap();
                    from = Some(peer);
                    match packet.kind() {
                        mold::PacketKind::Blocks(_) => {
                            let mut deliver = |number: u64, frame: &[u8]| consumer.take(number, frame);
                            gap.handle_packet(now, packet.first(), packet.blocks(), &mut deliver);
                        }
                        _ => gap.handle_heartbeat(now, packet.first()),
                    }
                })
                .unwrap();
        }
        work = 1;
        while let Some(request) = gap.poll_request(now) {
            let packet =
                RequestPacket { session: session(1).to_bytes(), first: request.first, count: request.count };
            intake.send_to(&packet.to_bytes(), from.unwrap()).unwrap();
        }
        std::thread::yield_now();
    }
    assert!(gap.stats().requests > 0);
    assert_eq!(from, Some(SocketAddr::V4(gateway.local_addr())));
}

#[test]
fn equal_datagrams_are_handed_over_as_one_and_arrive_as_many() {
    let (clock, group) = (Clock::start(), group());
    let mut publication = publication(group, 4096);
    let mut subscription = subscription(group, 64, Vec::new());
    for _ in 0..1400 {
        publication.publish(&[7; 100]);
    }
    publication.do_work(clock.now()).unwrap();
    let mut frames = 0;
    while frames < 1400 {
        subscription
            .poll(clock.now(), &mut |_, frame| {
                assert_eq!(frame, [7; 100]);
                frames += 1;
                Delivery::Accepted
            })
            .unwrap();
    }
    assert_eq!(publication.stats().publisher.datagrams, 100);
    assert_eq!(subscription.stats().receiver.gap.requests, 0);
}

#[test]
fn a_datagram_longer_than_the_interface_takes_is_an_error_that_says_so() {
    // The loopback interface takes 65,536 bytes, so the longest UDP datagram must be exceeded here.
    let mut socket = Datagrams::bind(ANY_PORT, &SocketOptions::LOOPBACK).unwrap();
    let to = SocketAddr::V4(socket.local_addr());
    let error = socket.send_to(&[0; 65_508], to).unwrap_err();
    assert!(error.to_string().contains("65508 bytes to"), "{error}");
}

#[test]
fn settings_out_of_their_range_are_refused_by_name() {
    let mut config = PublicationConfig {
        destination: group(),
        bind: ANY_PORT,
        options: SocketOptions::LOOPBACK,
        publisher: PublisherConfig { max_datagram: 100, ..PublisherConfig::new(session(1)) },
    };
    let error = MulticastPublication::open(&config).unwrap_err();
    assert!(error.to_string().contains("the longest datagram is 100"), "{error}");
    config.publisher = PublisherConfig { ring: 0, ..PublisherConfig::new(session(1)) };
    assert!(MulticastPublication::open(&config).unwrap_err().to_string().contains("ring"));
}
