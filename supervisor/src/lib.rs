//! The supervisors: what they agree on, kept in a replicated log.

#![forbid(unsafe_code)]

pub mod raft;
