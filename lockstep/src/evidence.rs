//! What a run leaves behind, as the checker wants it: the clients' records, the loggers' directories, the sessions' numbers.

use checker::{Inputs, Logger, Sessions};
use cluster::Role;
use node::Description;
use std::path::PathBuf;

/// What a cluster that has stopped, and the clients who wrote into these directories, have left behind.
#[must_use]
pub fn of(description: &Description, clients: Vec<PathBuf>) -> Inputs {
    let logger = |node| Logger::at(description.data_of(node));
    let loggers = description
        .nodes_of(Role::Logger)
        .map(|node| Logger { name: node.name.clone(), node: Some(node.id), ..logger(node) })
        .collect();
    let sessions: Sessions =
        description.sessions.iter().map(|session| (session.comp_id.clone(), session.id)).collect();
    Inputs { clients, loggers, engines: Vec::new(), sessions: Some(sessions) }
}
