//! In the steady state nothing is allocated: scan, parse, check, answer, keep.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(unsafe_code, reason = "a counting allocator is the only way to see allocations")]

use fix::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wire::Nanos;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator; the counter is a plain thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Carries all bytes across and answers each order, as a driver would.
fn pump(now: Nanos, from: &mut Session<MemoryOutbox>, to: &mut Session<MemoryOutbox>, answer: bool) -> u64 {
    let mut orders = 0;
    while let Some(output) = from.poll_output() {
        match output {
            Output::Transmit(bytes) => to.handle_bytes(now, bytes),
            Output::LogonRequested(_) => from.accept_logon(now).unwrap(),
            Output::Application(message) => {
                orders += 1;
                let price = message.decimal(tags::PRICE, 2).unwrap();
                if answer {
                    from.send(now, "8", |b| b.decimal(tags::PRICE, price, 2));
                }
            }
            _ => {}
        }
    }
    orders
}

#[test]
fn orders_and_their_answers_allocate_nothing_once_warm() {
    let mut now = Nanos(1_800_000_000_000_000_000);
    let outbox = || MemoryOutbox::new(1 << 14, 64);
    let mut client = Session::new(Config::initiator("C", "X"), outbox());
    let mut exchange = Session::new(Config::acceptor("X", "C"), outbox());
    // Numbers of one width throughout: a buffer that grows since a message grew is not what this looks for.
    client.resume(10_000, 10_000);
    exchange.resume(10_000, 10_000);
    client.connected(now);
    exchange.connected(now);
    let mut allocated = [0u64; 2];
    let mut answered = 0;
    for (phase, count) in allocated.iter_mut().enumerate() {
        let before = COUNT.with(Cell::get);
        for i in 0..500 {
            now.0 += 1_000_000;
            client.send(now, "D", |b| {
                b.text(tags::CL_ORD_ID, format_args!("{phase}-{:04}", i));
                b.str(tags::SYMBOL, "ACME");
                b.char(tags::SIDE, '1');
                b.timestamp(tags::TRANSACT_TIME, now);
                b.u64(tags::ORDER_QTY, 100);
                b.char(tags::ORD_TYPE, '2');
                b.decimal(tags::PRICE, 12_345, 2);
            });
            for _ in 0..3 {
                pump(now, &mut client, &mut exchange, false);
                answered += pump(now, &mut exchange, &mut client, true);
            }
        }
        *count = COUNT.with(Cell::get) - before;
    }
    assert_eq!(answered, 1000);
    assert_eq!(allocated[1], 0, "while warming up: {}", allocated[0]);
}
