//! Orders and books as the events stream tells them, for whoever listens to it: drop copies, market data, reports, risk
//! monitors, screens. No I/O, no clock.
//!
//! Two views stand side by side, each driven by the same events and by nothing else:
//!
//! - [`OrderManager`]: every open order with its fills, names and state, the orders of the day that are done, executions
//!   with their busts and corrections, instruments, and the last report number of every session.
//! - [`Books`]: the books, the stops and the orders that wait for the closing auction, order by order, in the queue in which
//!   the engine has them.
//!
//! Both take the events of the present history, in their order, each once, from event 1 on. What contradicts what was told
//! before is refused ([`Inconsistent`]) and changes nothing: then either an event is missing, or the engine is at fault.
//!
//! # What the books deduce
//!
//! No event says that an order comes to rest. `Books` applies the rulebook (docs/MATCHING.md) to what is told:
//!
//! - An order that could rest joins its level as soon as it is told, and what it takes is taken off it there. While a command
//!   is being told, a book can therefore be crossed in continuous trading; [`Books::is_settled`] says so.
//! - A market order's price in the book is its protection price, which no event tells: [`wire::terms::Bands::protection`] has it from the bands and
//!   the reference price at its entry.
//! - An iceberg that a match left nothing to show goes to the back of its level; in an auction it keeps its place.
//! - A replaced order keeps its place by the rulebook's rule.

#![forbid(unsafe_code)]

mod books;
mod course;
mod executions;
mod inconsistent;
mod instruments;
mod known;
mod limits;
mod manager;
mod numbers;
mod outcome;
mod standing;
mod sums;

pub use books::Books;
pub use course::Place;
pub use executions::{Execution, ExecutionState, Party};
pub use inconsistent::{Fault, Inconsistent, Part};
pub use instruments::Instrument;
pub use known::{Known, State};
pub use limits::Limits;
pub use manager::OrderManager;
pub use outcome::{Outcome, Touched};
pub use standing::{LevelView, Resting};
