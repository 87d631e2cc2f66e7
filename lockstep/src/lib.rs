//! The one tool for people: starts a cluster, shows how it is, drives load through it, and measures.

#![forbid(unsafe_code)]

pub mod board;
pub mod chaos;
pub mod directory;
pub mod ear;
pub mod evidence;
pub mod floor;
pub mod goal;
pub mod lab;
pub mod load;
pub mod local;
pub mod out;
pub mod plan;
mod ports;
pub mod replay;
pub mod voice;
