//! The load generator: FIX clients that send seeded order flow, or replay recorded flow, and keep account of every order.
//!
//! | room | its one reason |
//! |---|---|
//! | [`plan`] | what a run is: gateways, clients, instruments, pace, amount |
//! | [`request`] | what a client asks of the exchange, and its ClOrdID |
//! | [`orders`] | what the clients know of their orders, and whether the reports make sense |
//! | [`execution`] | an ExecutionReport or a refusal, read once |
//! | [`flow`] | invented order flow: which request comes next |
//! | [`lobster`] | recorded order flow: LOBSTER message files |
//! | [`replay`] | a recorded message as a request |
//! | [`source`] | when the next request is due, and over which session |
//! | [`link`] | one session and its socket |
//! | [`comeback`] | sessions whose connection was lost, and their way back |
//! | [`driver`] | one thread that drives all sessions from logon to logout |
//! | [`record`] | every request and every report as rows of a file |
//! | [`report`] | what came of it, for people and for programs |
//!
//! Architecture invariant: [`flow`], [`replay`] and [`orders`] do no I/O and read no clock. One thread drives all sessions,
//! since the cores belong to the system under test.
//!
//! **Counts.** Every request has one fate: it is acknowledged, rejected, cancel-rejected or unanswered, and these four add
//! up to what was sent. "Answered" means that the first ExecutionReport, OrderCancelReject, BusinessMessageReject or
//! session Reject for its ClOrdID (or MsgSeqNum) has come; the latency ends there. An unanswered request has an unknown
//! fate: it may well have been executed.

pub mod comeback;
pub mod driver;
pub mod execution;
pub mod flow;
pub mod link;
pub mod lobster;
pub mod orders;
pub mod plan;
pub mod record;
pub mod replay;
pub mod report;
pub mod request;
pub mod source;

pub use comeback::Interruption;
pub use driver::{Phase, Progress, replay, run};
pub use plan::{Amount, Files, Instrument, Pace, Plan, PlanError, Recording, Shape};
pub use report::{Kinds, Report};
