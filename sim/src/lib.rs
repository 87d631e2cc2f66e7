//! The simulator: the very node cores of the binaries under one seed that makes the cluster, the network, the disks, the
//! clocks, crashes, restarts and the clients.
//!
//! ```text
//!   Plan (plan)            what a seed decides: cluster, network, disks, load          Random (random)
//!   World (world)          places with processes, and one agenda
//!     lines, backstage     connections of clients; disks' threads and the supervisors' log
//!     trouble              faults and healing                                           nemesis
//!     astray               engines that compute something else, and who may say so
//!     Process (process)    the node cores, opened by a Host (host)
//!     Network (net)        datagrams, through Simulated: bus::Transport (transport)
//!     Disk (disk)          logger::Log and logger::Vault: what was written, what was synced
//!     Shelf (shelf)        snapshot files at rest; archives and Desk (desk): on their way from and to engines
//!     Council (council)    cluster::ControlLog: what Raft promises
//!     Clock (clock)        off, drifting, jumping
//!     Clients (clients)    FIX sessions that trade, and keep account
//!   Oracle (oracle, votes) the one history, and everything held against it, all the time
//!   run                    a seed: trouble, healing, quiet, verdict                    story
//! ```
//!
//! The same seed makes the same run: nothing here reads a clock, a random device, an address or a map in the order of hashes.

#![forbid(unsafe_code)]

mod archives;
mod astray;
mod backstage;
pub mod clients;
pub mod clock;
pub mod council;
pub mod desk;
pub mod detours;
pub mod disk;
pub mod host;
mod lines;
pub mod nemesis;
pub mod net;
mod operator;
pub mod oracle;
pub mod plan;
pub mod process;
pub mod random;
pub mod run;
pub mod shelf;
pub mod story;
pub mod transport;
mod trouble;
pub mod votes;
pub mod world;

pub use oracle::Violation;
pub use run::{Outcome, run, run_plan};
pub use world::World;

#[expect(clippy::print_stdout, reason = "the story is told to whoever asked for it")]
fn print(text: std::fmt::Arguments<'_>) {
    println!("{text}");
}
