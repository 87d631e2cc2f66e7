//! A real publisher core and real receiver cores around a network that loses, doubles and reorders, in virtual time.

use bus::mold::RequestPacket;
use bus::{Delivery, Destination, GapConfig, Publisher, PublisherConfig, Receiver, Session, StreamKind};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wire::Nanos;

const RING: usize = 256;
const CYCLE_NS: u64 = 10_000;
const RESIDENTS: usize = 4;
const WINDOWS: [usize; RESIDENTS] = [0, 1, 32, 512];

struct Faults {
    drop: u32,
    duplicate: u32,
    max_delay_ns: u64,
    refuse: u32,
}

enum Envelope {
    ToReceiver(usize, Vec<u8>),
    ToPublisher(usize, Vec<u8>),
}

struct Network {
    random: SmallRng,
    faults: Faults,
    under_way: BTreeMap<(u64, u64), Envelope>,
    posted: u64,
}

impl Network {
    fn happens(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn post(&mut self, now: u64, make: impl Fn() -> Envelope) {
        let copies = 1 + usize::from(self.happens(self.faults.duplicate));
        for _ in 0..copies {
            if !self.happens(self.faults.drop) {
                let at = now + self.random.random_range(1..=self.faults.max_delay_ns);
                self.posted += 1;
                self.under_way.insert((at, self.posted), make());
            }
        }
    }

    fn arrived(&mut self, now: u64) -> Option<Envelope> {
        let entry = self.under_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

fn content(number: u64) -> Vec<u8> {
    (0..1 + number % 256).map(|i| (number ^ i) as u8).collect()
}

fn address(receiver: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1000 + receiver as u16))
}

/// Publishes `frames` frames and runs until every receiver has them all. The consumers assert order and content.
fn run(frames: u64, seed: u64, faults: Faults) -> Result<Vec<bus::receiver::ReceiverStats>, TestCaseError> {
    let session = Session::new(*b"SIM", StreamKind::Sequenced, 1).expect("a valid name");
    let config = PublisherConfig {
        ring: RING,
        heartbeat_ns: 20 * CYCLE_NS,
        max_datagram: 600,
        ..PublisherConfig::new(session)
    };
    let mut publisher = Publisher::new(&config);
    let mut receivers: Vec<Receiver> = WINDOWS
        .iter()
        .map(|&window| {
            let gap = GapConfig {
                window,
                request_after_ns: 2 * CYCLE_NS,
                retry_after_ns: 10 * CYCLE_NS,
                ..GapConfig::default()
            };
            Receiver::new(session, 1, gap)
        })
        .collect();
    let mut network =
        Network { random: SmallRng::seed_from_u64(seed), faults, under_way: BTreeMap::new(), posted: 0 };
    let mut consumers = SmallRng::seed_from_u64(!seed);
    let mut delivered = [0_u64; RESIDENTS];
    let refuse = network.faults.refuse;
    let mut consume = |delivered: &mut u64, number: u64, frame: &[u8]| {
        assert_eq!((number, frame), (*delivered + 1, &content(number)[..]));
        if consumers.random_range(0..100) < refuse {
            return Delivery::Refused;
        }
        *delivered += 1;
        Delivery::Accepted
    };

    for cycle in 0.. {
        let now = cycle * CYCLE_NS;
        prop_assert!(cycle < 200_000, "no end in sight: delivered {delivered:?} of {frames}");
        while let Some(envelope) = network.arrived(now) {
            match envelope {
                Envelope::ToPublisher(from, bytes) => {
                    let request = RequestPacket::parse(&bytes).expect("receivers write requests");
                    prop_assert_eq!(&request.session, publisher.session());
                    publisher.handle_request(address(from), request.first, request.count);
                }
                Envelope::ToReceiver(to, bytes) => {
                    let taken = &mut delivered[to];
                    receivers[to]
                        .handle_datagram(Nanos(now), &bytes, &mut |n, frame| consume(taken, n, frame));
                }
            }
        }
        // Loss short of the ring's length: the slowest receiver can still be helped.
        let slowest = delivered.iter().min().copied().unwrap_or(0);
        for _ in 0..network.random.random_range(0..8) {
            if publisher.next() <= frames && publisher.next() < slowest + RING as u64 {
                publisher.publish(&content(publisher.next()));
            }
        }
        publisher.flush();
        publisher.handle_tick(Nanos(now));
        while let Some(transmit) = publisher.poll_transmit() {
            for datagram in transmit.datagrams() {
                for to in 0..RESIDENTS {
                    if transmit.to == Destination::Group || transmit.to == Destination::Peer(address(to)) {
                        network.post(now, || Envelope::ToReceiver(to, datagram.to_vec()));
                    }
                }
            }
        }
        for (from, receiver) in receivers.iter_mut().enumerate() {
            let taken = &mut delivered[from];
            receiver.drain(Nanos(now), &mut |n, frame| consume(taken, n, frame));
            while let Some((request, _)) = receiver.poll_request(Nanos(now)) {
                network.post(now, || Envelope::ToPublisher(from, request.to_vec()));
            }
        }
        if delivered.iter().all(|&count| count == frames) {
            break;
        }
    }
    prop_assert!(receivers.iter().all(|receiver| receiver.lag() == 0));
    Ok(receivers.iter().map(Receiver::stats).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_loss_doubling_and_reordering_delivers_the_same_frames_in_the_same_order(
        seed: u64,
        frames in 1..1200_u64,
        drop in 0..40_u32,
        duplicate in 0..30_u32,
        max_delay_ns in 1..8 * CYCLE_NS,
    ) {
        run(frames, seed, Faults { drop, duplicate, max_delay_ns, refuse: 0 })?;
    }

    #[test]
    fn consumers_that_refuse_at_random_get_everything_too(
        seed: u64,
        frames in 1..400_u64,
        drop in 0..20_u32,
        max_delay_ns in 1..4 * CYCLE_NS,
        refuse in 1..50_u32,
    ) {
        run(frames, seed, Faults { drop, duplicate: 10, max_delay_ns, refuse })?;
    }
}

#[test]
fn a_network_that_keeps_order_and_loses_nothing_needs_no_repair() {
    let stats = run(2000, 1, Faults { drop: 0, duplicate: 0, max_delay_ns: 1, refuse: 0 }).unwrap();
    for stats in stats {
        assert_eq!((stats.gap.requests, stats.gap.duplicates, stats.gap.out_of_order), (0, 0, 0));
    }
}
