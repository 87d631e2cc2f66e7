//! Who may speak: epochs, promises, the commit rule, roles. No I/O.
//!
//! ```text
//!   Supervisor (supervision)   judges who is silent, stuck, caught up      → Record
//!   Control (record)           what stands decided: a fold of the records  → Grant, Hot, Life
//!   Candidacy (candidacy)      a sequencer's way into a granted epoch      → Ask, Fetch, Begin
//!   Acceptor (acceptor)        a logger's promise, and where its log leaves a history
//!   Commit, Following          what a majority holds; what a follower holds back until then
//!   Ledger (ledger)            what the history says that a sequencer must know to go on with it
//! ```
//!
//! All of these are plain state driven by inputs, `Clone + Eq + Hash`, and are run alike by the binaries, the simulator and
//! the model checker. `docs/PROTOCOL.md` argues why they are safe.

#![forbid(unsafe_code)]

pub mod acceptor;
pub mod agreement;
pub mod candidacy;
pub mod commit;
pub mod control;
pub mod divergence;
pub mod electorate;
pub mod following;
pub mod lane;
pub mod ledger;
pub mod message;
pub mod planted;
pub mod quarantine;
pub mod record;
pub mod recovery;
pub mod role;
pub mod status;
pub mod supervision;

pub use acceptor::{Acceptor, Promise};
pub use candidacy::{Answer, Candidacy, Grant, Quorum, Wish};
pub use commit::{Commit, Started};
pub use divergence::{Differs, Dispute, Disputes, Fenced, Finding, Testimony};
pub use electorate::{Electorate, Voter};
pub use following::{Astray, Following};
pub use lane::Lane;
pub use ledger::{Entry, Fifo, Ledger, LedgerError};
pub use message::{Envelope, Hot, Leading, Life, Message, Present};
pub use quarantine::{Obstacle, Quarantine, Stopped};
pub use record::{Control, ControlLog, Reason, Record};
pub use recovery::{Recovery, Shortage, Survivor};
pub use role::{EngineMode, Role};
pub use status::Status;
pub use supervision::Supervisor;
