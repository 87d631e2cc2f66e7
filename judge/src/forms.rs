//! The structures of the judge's interface, as its header draws them.

#![forbid(unsafe_code)]

use std::ffi::{c_int, c_void};

/// A side: 0 buys, 1 sells.
pub(crate) const BUY: u8 = 0;

/// A new order.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct NewOrder {
    pub(crate) order: u64,
    pub(crate) sequence: u64,
    pub(crate) price: i64,
    pub(crate) quantity: u32,
    pub(crate) side: u8,
    pub(crate) immediate_or_cancel: u8,
    pub(crate) reserved: [u8; 2],
}

/// A request to cancel an order.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Cancel {
    pub(crate) order: u64,
    pub(crate) sequence: u64,
}

/// A request to cancel an order and put it in anew.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Modify {
    pub(crate) order: u64,
    pub(crate) sequence: u64,
    pub(crate) price: i64,
    pub(crate) quantity: u32,
    pub(crate) side: u8,
    pub(crate) reserved: [u8; 3],
}

/// What a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    OrderAck = 0,
    Trade = 1,
    CancelAck = 2,
    ModifyAck = 3,
    CancelReject = 4,
    ModifyReject = 5,
}

/// A report, as long as a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Report {
    pub(crate) kind: Kind,
    pub(crate) side: u8,
    pub(crate) reserved: [u8; 6],
    /// Of the message that caused it.
    pub(crate) sequence: u64,
    pub(crate) order: u64,
    pub(crate) price: i64,
    pub(crate) quantity: u32,
    pub(crate) reserved2: u32,
    /// Of a trade alone.
    pub(crate) maker: u64,
    /// Of a trade alone.
    pub(crate) taker: u64,
    pub(crate) reserved3: u64,
}

const _: () = assert!(size_of::<NewOrder>() == 32 && size_of::<Cancel>() == 16);
const _: () = assert!(size_of::<Modify>() == 32 && size_of::<Report>() == 64);

impl Report {
    /// A report about one order.
    #[inline(always)]
    pub(crate) fn of(kind: Kind, sequence: u64, order: u64, side: u8, price: i64, quantity: u32) -> Self {
        let (maker, taker) = (0, 0);
        Self {
            kind,
            side,
            reserved: [0; 6],
            sequence,
            order,
            price,
            quantity,
            reserved2: 0,
            maker,
            taker,
            reserved3: 0,
        }
    }

    /// A report of a trade.
    #[inline(always)]
    pub(crate) fn trade(sequence: u64, price: i64, quantity: u32, maker: u64, taker: u64) -> Self {
        Self { maker, taker, ..Self::of(Kind::Trade, sequence, 0, 0, price, quantity) }
    }
}

/// A queue of reports between two threads, as a table of calls.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Transport {
    pub(crate) create: extern "C" fn(capacity: u32) -> *mut c_void,
    pub(crate) push: unsafe extern "C" fn(queue: *mut c_void, report: *const Report) -> c_int,
    pub(crate) drain: unsafe extern "C" fn(queue: *mut c_void, out: *mut Report, max: u32) -> u32,
    pub(crate) flush: unsafe extern "C" fn(queue: *mut c_void),
    pub(crate) destroy: unsafe extern "C" fn(queue: *mut c_void),
}
