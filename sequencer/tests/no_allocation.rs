//! Taking, stamping and handing on a command allocates nothing.

#![allow(unsafe_code, reason = "a global allocator can be counted in no other way")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use bus::mold::{self, Packet};
use bus::{GapConfig, Publisher, PublisherConfig, Session, StreamKind};
use cluster::{Lane, Ledger};
use sequencer::{Intake, Stamper};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wire::command::{GatewayOpen, LogoutReason, SessionLogout};
use wire::frame::{self, Origin};
use wire::*;

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

const LANE: Lane = Lane { gateway: NodeId(5), incarnation: Incarnation(1) };

/// The packet of the lane's command with this number.
fn packet(number: u64) -> Vec<u8> {
    let Lane { gateway: source, incarnation } = LANE;
    let origin = Origin { source, incarnation, source_seq: SourceSeq(number), received: Nanos(1) };
    let mut buffer = [0; MAX_FRAME_LEN];
    let length = match number {
        1 => frame::write(&mut buffer, origin, &GatewayOpen { version: 1, reserved: [0; 4] }),
        _ => {
            let reason = LogoutReason::Requested;
            let logout = SessionLogout { session: SessionId(1), client_seq: 1, reason, reserved: [0; 7] };
            frame::write(&mut buffer, origin, &logout)
        }
    };
    let session = Session::new(*b"TST", StreamKind::Commands, LANE.session_number().unwrap()).unwrap();
    let mut bytes = mold::header(&session.to_bytes(), number, 1).to_vec();
    bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    bytes.extend_from_slice(&buffer[..length]);
    bytes
}

#[test]
fn a_command_is_taken_stamped_and_published_without_an_allocation() {
    let packets: Vec<_> = (1..=10_000).map(packet).collect();
    let stamper = Stamper::new(NodeId(1), Epoch(1), Position::GENESIS, Nanos(0));
    let mut core = Intake::new(stamper, [LANE.gateway], &Ledger::default(), GapConfig::default());
    let session = Session::new(*b"TST", StreamKind::Sequenced, 1).unwrap();
    let mut stream = Publisher::new(&PublisherConfig { ring: 1_024, ..PublisherConfig::new(session) });
    let mut before = 0;
    for (at, bytes) in packets.iter().enumerate() {
        if at == 1 {
            // The first command opened the lane, which has room for its gaps set aside.
            before = ALLOCATIONS.with(Cell::get);
        }
        let packet = Packet::parse(bytes).unwrap();
        core.handle_packet(Nanos(7), LANE, &packet, usize::MAX, &mut |frame| {
            stream.publish(frame);
        })
        .unwrap();
        stream.flush();
        while stream.poll_transmit().is_some() {}
    }
    assert_eq!(ALLOCATIONS.with(Cell::get), before, "something was allocated on the way");
    assert_eq!(core.position().seq, Seq(10_000));
}
