//! Between clients and the exchange: FIX in, commands out; events in, reports out. No I/O but through ports.
//!
//! ```text
//!   GatewayNode (node)      both sides, driven together; generic over the transport
//!   GatewayLink (link)      the exchange's side: who leads, what is committed, which commands are kept
//!   Releases (release)      which events may be told
//!   Gateway (clients)       the clients' side: connections, FIX sessions, requests and reports
//! ```
//!
//! A driver, `main.rs` or a simulator, hands in what clients do ([`GatewayNode::handle_connected`],
//! [`GatewayNode::handle_bytes`], [`GatewayNode::handle_disconnected`]), then calls [`GatewayNode::do_work`], once a cycle.
//! What is to be done with a client's connection goes at once to the `out` of the call, as a [`ClientOutput`]. Wake at
//! [`GatewayNode::next_deadline`].

#![forbid(unsafe_code)]

mod admission;
mod beginning;
mod clients;
mod halt;
mod identity;
mod link;
mod listings;
mod node;
mod outflow;
mod parties;
mod release;
mod reports;
mod requests;
mod settings;

pub use crate::node::{ClientOutput, GatewayNode};
pub use admission::{Admission, Overtaken, Pressure};
pub use beginning::judge;
pub use clients::{ClientEntry, ConnectionId, Gateway, GatewayConfig, HALTED, Numbered, Output};
pub use link::GatewayPorts;
pub use settings::{GatewaySettings, SequencerAt};
