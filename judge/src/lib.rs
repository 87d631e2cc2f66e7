//! Our book behind the C interface of an outside judge, the benchmark of flash1-dev/matching-engine-benchmark.
//!
//! `scripts/bench judge` builds this library and hands it to the judge's harness, which feeds it a workload, compares every
//! report with a reference, and measures. The judge names the symbols, the structures and the meaning of each call
//! (`api/matching_engine_api.h` there); none of its code is here.
//!
//! - [`matcher`] is the exchange that the judge asks for: price and time, nothing else, on a [`book::Shelf`]. Safe code.
//! - [`ring`] carries reports to the judge's thread. Unsafe: two threads share its slots.
//! - [`interface`] is the C interface. Unsafe: foreign pointers, and state between calls.
//! - [`forms`] are the structures of the interface.
//!
//! Messages are taken one at a time: neither the batch call nor the call ahead of the clock is offered.

mod forms;
mod interface;
mod matcher;
mod ring;
