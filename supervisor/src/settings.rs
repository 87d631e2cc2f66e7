//! Whom a supervisor watches, and how patiently.

use cluster::supervision::{Roster, Timeouts};
use cluster::{EngineMode, Role};
use node::Description;
use wire::NodeId;

/// The described nodes; the engine that is to be hot first stands first.
#[must_use]
pub fn roster(description: &Description) -> Roster {
    let ids = |role| -> Vec<NodeId> { description.nodes_of(role).map(|node| node.id).collect() };
    let mut engines: Vec<_> = description.nodes_of(Role::Engine).collect();
    engines.sort_by_key(|engine| engine.mode != EngineMode::Hot);
    Roster {
        loggers: ids(Role::Logger),
        engines: engines.into_iter().map(|engine| engine.id).collect(),
        sequencers: ids(Role::Sequencer),
        gateways: ids(Role::Gateway),
    }
}

/// The described patience.
#[must_use]
pub fn timeouts(description: &Description) -> Timeouts {
    let timing = description.timing;
    Timeouts { failover: timing.failover, announce: timing.grant, propose_again: timing.election }
}
