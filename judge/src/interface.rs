//! The C interface: what the judge's harness looks up in this library and calls.
//!
//! The harness calls everything here from one thread, but for `drain` of the transport, which one other thread calls.
//!
//! SAFETY of every `no_mangle` below: the names are those of the judge's interface, all begin with `engine_`, and nothing else in
//! this library, which is loaded by the harness alone, has one of them.

#![allow(unsafe_code)]

use crate::forms::{Cancel, Modify, NewOrder, Report, Transport};
use crate::matcher::{Matcher, Tell};
use crate::ring::Ring;
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// What lives between two calls.
struct Engine {
    matcher: Matcher,
    outlet: Outlet,
}

/// Where reports go.
struct Outlet {
    transport: *const Transport,
    queue: *mut c_void,
    /// The queue again, where it is one of ours.
    ring: Option<&'static Ring>,
}

struct OneThread(UnsafeCell<Option<Engine>>);

// SAFETY: the harness calls `engine_*` from one thread alone, by the contract of its header; `Sync` is said only because a
// static must be.
unsafe impl Sync for OneThread {}

static ENGINE: OneThread = OneThread(UnsafeCell::new(None));

static TRANSPORT: Transport = Transport { create, push, drain, flush, destroy };

impl Engine {
    /// The engine, from `engine_init` to `engine_shutdown`.
    ///
    /// # Safety
    ///
    /// Called on the harness's one thread, once per call of the interface, and not kept beyond that call.
    #[inline]
    unsafe fn get() -> &'static mut Self {
        // SAFETY: one thread, and one borrow at a time, as the caller promises.
        unsafe { (*ENGINE.0.get()).as_mut() }.expect("the harness initialises the engine before it uses it")
    }
}

impl Tell for Outlet {
    #[inline(always)]
    fn tell(&mut self, report: Report) {
        match self.ring {
            // SAFETY: this is the one thread that writes.
            Some(ring) => {
                while !unsafe { ring.push(report) } {
                    std::hint::spin_loop();
                }
            }
            None => tell_foreign(self.transport, self.queue, &report),
        }
    }
}

#[cold]
fn tell_foreign(transport: *const Transport, queue: *mut c_void, report: &Report) {
    // SAFETY: the harness gave this table and this queue to `engine_init`, and keeps both until after `engine_shutdown`.
    while unsafe { ((*transport).push)(queue, report) } == 0 {
        std::hint::spin_loop();
    }
}

/// Sets the engine up. The harness calls it once, before anything else of the engine's.
///
/// # Safety
///
/// `transport` and `queue` are valid until after [`engine_shutdown`], and belong together.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn engine_init(_nonce: u64, transport: *const Transport, queue: *mut c_void) {
    let ours = ptr::eq(transport, &raw const TRANSPORT);
    // SAFETY: a queue of our transport was made by `create`, and the harness keeps it as the contract says.
    let ring = ours.then(|| unsafe { &*queue.cast::<Ring>() });
    // SAFETY: one thread, and no other borrow.
    unsafe {
        *ENGINE.0.get() = Some(Engine { matcher: Matcher::new(), outlet: Outlet { transport, queue, ring } });
    };
}

/// Tears the engine down.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_shutdown() {
    // SAFETY: one thread, and no other borrow.
    unsafe { *ENGINE.0.get() = None };
}

/// A new order.
///
/// # Safety
///
/// `order` is valid for this call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn engine_on_new_order(order: *const NewOrder) {
    // SAFETY: the engine is borrowed for this call, and the message is the harness's for as long.
    let (engine, order) = unsafe { (Engine::get(), &*order) };
    engine.matcher.new_order(order, &mut engine.outlet);
}

/// A cancel.
///
/// # Safety
///
/// `cancel` is valid for this call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn engine_on_cancel(cancel: *const Cancel) {
    // SAFETY: as for a new order.
    let (engine, cancel) = unsafe { (Engine::get(), &*cancel) };
    engine.matcher.cancel(cancel, &mut engine.outlet);
}

/// A modify: cancel and insert anew.
///
/// # Safety
///
/// `modify` is valid for this call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn engine_on_modify(modify: *const Modify) {
    // SAFETY: as for a new order.
    let (engine, modify) = unsafe { (Engine::get(), &*modify) };
    engine.matcher.modify(modify, &mut engine.outlet);
}

/// Every message is matched and reported before its call returns; what the ring holds back, its own flush publishes.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_flush() {}

/// The highest bid, or the least number there is.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_query_best_bid() -> i64 {
    // SAFETY: borrowed for this call.
    unsafe { Engine::get() }.matcher.best_bid().unwrap_or(i64::MIN)
}

/// The lowest ask, or the greatest number there is.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_query_best_ask() -> i64 {
    // SAFETY: borrowed for this call.
    unsafe { Engine::get() }.matcher.best_ask().unwrap_or(i64::MAX)
}

/// What rests at one price of one side.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_query_depth_at(price: i64, side: u8) -> u64 {
    // SAFETY: borrowed for this call.
    unsafe { Engine::get() }.matcher.depth(price, side)
}

/// Our own queue for reports.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn engine_get_transport() -> *const Transport {
    &raw const TRANSPORT
}

extern "C" fn create(capacity: u32) -> *mut c_void {
    Box::into_raw(Box::new(Ring::new(capacity))).cast()
}

unsafe extern "C" fn push(queue: *mut c_void, report: *const Report) -> c_int {
    // SAFETY: the queue is one that `create` made, the report is valid for this call, and the caller is the one writer.
    c_int::from(unsafe { (*queue.cast::<Ring>()).push(report.read()) })
}

unsafe extern "C" fn drain(queue: *mut c_void, out: *mut Report, max: u32) -> u32 {
    // SAFETY: there is room for `max` reports at `out`, which is the reader's alone; what is there is not read.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<MaybeUninit<Report>>(), max as usize) };
    // SAFETY: the queue is one that `create` made, and the caller is the one reader. No more than `max` are moved.
    (unsafe { (*queue.cast::<Ring>()).drain(out) }) as u32
}

unsafe extern "C" fn flush(queue: *mut c_void) {
    // SAFETY: the queue is one that `create` made, and the caller is the one writer.
    unsafe { (*queue.cast::<Ring>()).flush() };
}

unsafe extern "C" fn destroy(queue: *mut c_void) {
    // SAFETY: the queue is one that `create` made, and nobody uses it any more.
    drop(unsafe { Box::from_raw(queue.cast::<Ring>()) });
}
