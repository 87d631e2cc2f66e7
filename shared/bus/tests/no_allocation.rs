//! After start-up, publishing and polling allocate nothing.
#![allow(unsafe_code)] // a global allocator can be counted in no other way

use bus::{
    Delivery, GapConfig, MulticastPublication, MulticastSubscription, Publication, PublicationConfig,
    PublisherConfig, Session, SocketOptions, StreamKind, Subscription,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use wire::Nanos;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches only a
// thread-local cell that needs neither allocation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above, hence from `System`, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn publishing_polling_and_repairing_allocate_nothing() {
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let port = UdpSocket::bind(any).unwrap().local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, high, low), port);
    let session = Session::new(*b"TST", StreamKind::Sequenced, 1).unwrap();
    let options = SocketOptions::LOOPBACK;
    let mut publication = MulticastPublication::open(&PublicationConfig {
        destination: group,
        bind: any,
        options,
        publisher: PublisherConfig { ring: 4096, ..PublisherConfig::new(session) },
    })
    .unwrap();
    // Joined when the first frames are gone, so that there is something to repair.
    for _ in 0..1000 {
        publication.publish(b"before");
    }
    publication.do_work(Nanos(1)).unwrap();
    let gap = GapConfig { request_after_ns: 0, ..GapConfig::default() };
    let mut subscription = MulticastSubscription::open(group, &options, session, gap, 1, Vec::new()).unwrap();

    let before = ALLOCATIONS.with(Cell::get);
    let mut delivered = 0_u64;
    for now in 2..2_000_000 {
        if publication.next() <= 3000 {
            publication.publish(&[1; 100]);
        }
        publication.do_work(Nanos(now * 1000)).unwrap();
        subscription
            .poll(Nanos(now * 1000), &mut |_, _| {
                delivered += 1;
                Delivery::Accepted
            })
            .unwrap();
        if delivered == 3000 {
            break;
        }
    }
    let allocated = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(delivered, 3000);
    assert!(subscription.stats().receiver.gap.requests > 0, "repair was part of it");
    assert_eq!(allocated, 0);
}
