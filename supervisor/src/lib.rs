//! The supervisors: they hear who is silent, agree in a replicated log on what to do about it, and tell it.
//!
//! The judgement is [`cluster::Supervisor`], the log [`raft`]; [`SupervisorNode`] joins the two, over any transport and any
//! [`cluster::ControlLog`].

#![forbid(unsafe_code)]

mod node;
pub mod raft;
mod settings;

pub use crate::node::{SupervisorNode, SupervisorPorts};
pub use settings::{roster, timeouts};
