//! What a logger's operator asks of a journal without stopping it: is it whole ([`verify`]), and what stands in it ([`dump`]).
//!
//! Both read only: they take no lock and change nothing, so they may run beside the logger that writes.

#![forbid(unsafe_code)]

mod dump;
mod utc;
mod verify;
mod words;

pub use dump::{DumpError, Dumped, dump};
pub use verify::{Verdict, verify};
