//! Measures frames a second from one thread to another over multicast on this host: `cargo run --release -p bus --example carry`.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)] // a measurement reads the clock and prints

use bus::{
    Delivery, GapConfig, MulticastPublication, MulticastSubscription, Publication, PublicationConfig,
    PublisherConfig, Session, SocketOptions, StreamKind, Subscription,
};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use wire::Nanos;

const FRAME: [u8; 100] = [7; 100];

/// Publishes `frames` in bursts of `burst`, at most `ahead` frames ahead of the subscriber, who joined late if `late`.
fn run(frames: u64, burst: u64, ahead: u64, segments: usize, late: bool) {
    let start = Instant::now();
    let now = || Nanos(1 + start.elapsed().as_nanos() as u64);
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let port = UdpSocket::bind(any).unwrap().local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, high, low), port);
    let session = Session::new(*b"RUN", StreamKind::Sequenced, 1).unwrap();
    let options = SocketOptions::LOOPBACK;
    let mut publication = MulticastPublication::open(&PublicationConfig {
        destination: group,
        bind: any,
        options,
        publisher: PublisherConfig { ring: 1 << 20, ..PublisherConfig::new(session) },
    })
    .unwrap();
    if segments > 0 {
        publication.publisher_mut().set_max_segments(segments);
    }
    if late {
        for _ in 0..frames {
            publication.publish(&FRAME);
        }
        publication.do_work(now()).unwrap();
    }
    let repair = vec![SocketAddr::V4(publication.local_addr())];
    let mut subscription =
        MulticastSubscription::open(group, &options, session, GapConfig::default(), 1, repair).unwrap();
    let expected = AtomicU64::new(1);
    let begun = Instant::now();
    let stats = std::thread::scope(|scope| {
        let expected = &expected;
        let subscriber = scope.spawn(move || {
            while subscription.expected() <= frames {
                if subscription.poll(now(), &mut |_, _| Delivery::Accepted).unwrap() == 0 {
                    std::thread::yield_now();
                }
                expected.store(subscription.expected(), Ordering::Relaxed);
            }
            subscription.stats()
        });
        while expected.load(Ordering::Relaxed) <= frames {
            let mut left = burst;
            while left > 0
                && publication.next() <= frames
                && publication.next() < expected.load(Ordering::Relaxed) + ahead
            {
                publication.publish(&FRAME);
                left -= 1;
            }
            if publication.do_work(now()).unwrap() == 0 {
                std::thread::yield_now();
            }
        }
        subscriber.join().unwrap()
    });
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} burst {burst:>5} ahead {ahead:>7} segments {segments:>2}: {:.2} million frames/s; requests {}, duplicates {}, datagrams {}",
        if late { "late join" } else { "live     " },
        frames as f64 / seconds / 1e6,
        stats.receiver.gap.requests,
        stats.receiver.gap.duplicates,
        stats.receiver.datagrams,
    );
}

fn main() {
    for segments in [64, 1] {
        run(2_000_000, 512, 8192, segments, false);
        run(2_000_000, 512, 32768, segments, false);
        run(2_000_000, 14, 8192, segments, false);
    }
    run(200_000, 1, 8192, 64, false);
    run(1_000_000, 1, 8192, 64, true);
}
