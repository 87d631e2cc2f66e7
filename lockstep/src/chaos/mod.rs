//! Chaos: a real cluster under load, faults at random moments, and the checker's verdict over what is left.
//!
//! | room | its one reason |
//! |---|---|
//! | [`scenario`] | which faults a run consists of, one round each |
//! | [`stage`] | where the cluster plays: as processes of this machine, or in a lab |
//! | [`lab`] | the lab as a stage |
//! | [`health`] | who is active, and what is missing until all is well again |
//! | [`rounds`] | one fault after the other, each until all is well again |
//! | [`traffic`] | the load in a thread of its own, and how it goes |
//! | [`decisions`] | when the supervisors decided, from what they log |
//! | [`measure`] | what the clients saw of each fault, from their own records |
//! | [`gaps`] | how long the exchange fell silent about a moment, to the nanosecond |
//! | [`tear`] | what a power cut may do to a journal |
//! | [`power_cut`] | everything loses its power, one cluster a round |
//! | [`cuts`] | the table and the goals of power cuts |
//! | [`account`] | the table and the goals |
//! | [`command`] | `lockstep chaos`, from the description to the verdict |
//!
//! Nothing here knows a promise of its own but one: while fewer loggers live than a majority, or no sequencer or no engine,
//! no request is carried out. All others are the checker's.

pub mod account;
pub mod command;
pub mod cuts;
pub mod decisions;
pub mod gaps;
pub mod health;
pub mod lab;
pub mod measure;
pub mod power_cut;
pub mod rounds;
pub mod scenario;
pub mod stage;
pub mod tear;
pub mod traffic;

pub use account::Account;
pub use command::ChaosArgs;
pub use scenario::Scenario;
