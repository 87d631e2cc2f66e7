//! The deterministic exchange: a pure function of the sequenced log. Integers only, no I/O, no clock but the stamp of the
//! frame, no order that depends on a hash, no allocation in the steady state.
//!
//! [`Replica`] is what a binary drives: it takes frames one after the other, lets its [`StateMachine`] apply them, folds
//! the running digest and holds the events of the last frame until the driver has published them:
//!
//! 1. `replica.apply(&frame)?`: an error means that this engine must not go on (see [`Divergence`]).
//! 2. `for event in replica.events_mut()`: put the speaker in (`wire::event::speak`) and publish it.
//! 3. Now and then: compare `replica.marks()` with the other engines' at equal positions.
//!
//! [`keeping`] makes a snapshot file of a replica, and a replica of a snapshot file; a [`Scribe`] does the former while the replica
//! goes on.
//!
//! [`Inquiry`] executes the log anew beside a replica that another engine differs from; an [`Inquirer`] does so while the replica goes on.
//!
//! [`Exchange`] is the state machine of this project: sessions, instruments, orders, books, matching. Hot and warm
//! engines run the very same code.
//!
//! [`agents`] is that driver: the engine as a node of the cluster, over any transport. Everything else here does no I/O.

#![deny(unsafe_code)]

pub mod agents;
pub mod exchange;
pub mod inquiry;
pub mod instruments;
pub mod keeping;
pub mod limits;
pub mod machine;
pub mod replica;
pub mod scribe;
pub mod sessions;
pub mod sink;
pub mod snapshot;

#[cfg(lockstep_planted)]
pub mod astray;

mod accounts;
mod administration;
mod auction;
mod audit;
mod change;
mod checks;
mod continuous;
mod courier;
mod definitions;
mod entry;
mod expiry;
mod fetching;
#[allow(unsafe_code)]
mod fork;
mod index;
mod inquirer;
mod many;
mod names;
mod orders;
mod phases;
mod poison_file;
mod quarantine;
mod risk;
mod sharing;
mod supervision;
mod trades;
mod trail;
mod view;

pub use accounts::{Cash, Holding};
pub use agents::{
    Comparison, EngineNode, EnginePorts, EngineSettings, Found, MatcherAgent, NoPast, Noted, Past, Patience,
    Poison, PoisonInMemory, Poisoned, ReceiverAgent, WrongTwice, engine, limits_of,
};
pub use audit::Violation;
pub use courier::Courier;
pub use exchange::{Exchange, RULES};
pub use fetching::{Fetching, Purpose};
pub use fork::ForkScribe;
pub use inquirer::{InquiryInline, InquiryThread};
pub use inquiry::{Inquirer, Inquiry, InquiryError, Question};
pub use instruments::Instrument;
pub use limits::{Limits, LimitsError};
pub use machine::{Sequenced, StateMachine, UnknownRules};
pub use poison_file::{PoisonFile, PoisonFileError};
pub use replica::{Behind, Divergence, MARK_EVERY, MARKS_KEPT, Mark, Replica};
pub use scribe::{NoScribe, Outcome, Scribe};
pub use sessions::{Owner, Session};
pub use sink::EventSink;
pub use snapshot::SnapshotError;
pub use trail::Kept;
pub use view::{BookView, LevelView};
