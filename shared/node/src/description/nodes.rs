//! The rules of the nodes: each alone, each beside the others, and how many of them there may be.

use super::raw::{self, File};
use super::refusals::Refusals;
use super::{DescriptionError, NodeEntry};
use crate::idle::Strategy;
use crate::thread::MAX_PRIORITY;
use cluster::{EngineMode, Role, lane};
use std::net::SocketAddrV4;
use toml::Spanned;
use wire::NodeId;
use wire::command::MAX_LOGGERS;

/// The most supervisors: each further one makes every decision of theirs slower.
const MAX_SUPERVISORS: usize = 5;

/// The nodes of a file.
pub(super) fn nodes(refuse: &Refusals<'_>, file: &File) -> Result<Vec<NodeEntry>, DescriptionError> {
    let mut nodes: Vec<NodeEntry> = Vec::new();
    for entry in &file.node {
        let node = node(refuse, entry, file)?;
        for other in &nodes {
            let clash = if other.name == node.name {
                format!("two nodes are called \"{}\"", node.name)
            } else if other.id == node.id {
                format!("nodes \"{}\" and \"{}\" have the same id {}", other.name, node.name, node.id)
            } else if let Some(address) = shared_address(other, &node) {
                format!("nodes \"{}\" and \"{}\" have the same address {address}", other.name, node.name)
            } else {
                continue;
            };
            return Err(refuse.of(entry, clash));
        }
        nodes.push(node);
    }
    numbers(refuse, file, &nodes)?;
    let hot = nodes.iter().filter(|node| node.role == Role::Engine && node.mode == EngineMode::Hot).count();
    if hot != 1 {
        return Err(refuse.near("mode", format!("exactly one engine must have mode = \"hot\", not {hot}")));
    }
    Ok(nodes)
}

/// An address at which both nodes would listen. UDP and TCP ports are apart.
fn shared_address(one: &NodeEntry, other: &NodeEntry) -> Option<SocketAddrV4> {
    let udp = |node: &NodeEntry| [(node.role != Role::Supervisor).then_some(node.address), node.commands];
    let listens = |node: &NodeEntry| matches!(node.role, Role::Supervisor | Role::Logger);
    let tcp = |node: &NodeEntry| [listens(node).then_some(node.address), node.fix];
    let both = |mine: [Option<_>; 2], theirs: [Option<_>; 2]| {
        mine.into_iter().flatten().find(|address| theirs.contains(&Some(*address)))
    };
    both(udp(one), udp(other)).or_else(|| both(tcp(one), tcp(other)))
}

/// How many nodes of each role there may be.
fn numbers(refuse: &Refusals<'_>, file: &File, nodes: &[NodeEntry]) -> Result<(), DescriptionError> {
    let count = |role| nodes.iter().filter(|node| node.role == role).count();
    for role in [Role::Sequencer, Role::Engine, Role::Logger, Role::Gateway, Role::Supervisor] {
        if count(role) == 0 {
            let reason = format!("there must be at least one node with role = \"{role}\"");
            return Err(refuse.near("[[node]]", reason));
        }
    }
    let at_last = |role, reason| match file.node.iter().rfind(|entry| entry.get_ref().role == role) {
        Some(entry) => refuse.of(entry, reason),
        None => refuse.near("[[node]]", reason),
    };
    for (role, most) in [(Role::Logger, MAX_LOGGERS), (Role::Supervisor, MAX_SUPERVISORS)] {
        let count = count(role);
        if count > most {
            return Err(at_last(role, format!("{count} {role}s are too many: at most {most}")));
        }
        if count.is_multiple_of(2) {
            let reason = format!(
                "an even number of {role}s ({count}) survives no more failures than one less: describe 1, 3 or \
                 another odd number up to {most}"
            );
            return Err(at_last(role, reason));
        }
    }
    Ok(())
}

fn node(
    refuse: &Refusals<'_>,
    entry: &Spanned<raw::Node>,
    file: &File,
) -> Result<NodeEntry, DescriptionError> {
    let raw = entry.get_ref();
    let name_fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if raw.name.is_empty() || raw.name.len() > 32 || !raw.name.bytes().all(name_fits) {
        let reason = format!("\"{}\" is no name for a node: 1 to 32 letters, digits, - or _", raw.name);
        return Err(refuse.of(entry, reason));
    }
    let refused = |reason: &str| Err(refuse.of(entry, format!("node \"{}\": {reason}", raw.name)));
    if raw.id == 0 || raw.id >= lane::NODES {
        return refused(&format!("id must lie between 1 and {}", lane::NODES - 1));
    }
    if raw.address.ip().is_multicast() || raw.address.ip().is_unspecified() || raw.address.port() == 0 {
        return refused("address must be this host's own address and a port, as in \"127.0.0.1:31010\"");
    }
    if raw.mode.is_some() != (raw.role == Role::Engine) {
        return refused("mode = \"hot\" or \"warm\" belongs to every engine, and to engines only");
    }
    if raw.commands.is_some() != (raw.role == Role::Sequencer) {
        return refused("commands = \"address:port\" belongs to every sequencer, and to sequencers only");
    }
    if raw.commands.is_some_and(|commands| commands.port() == 0 || commands == raw.address) {
        return refused("commands needs a port of its own, as in \"127.0.0.1:31021\"");
    }
    if raw.fix.is_some_and(|fix: SocketAddrV4| fix.port() == 0) {
        return refused("fix needs a port, as in \"127.0.0.1:9878\"");
    }
    if raw.fix.is_some() != (raw.role == Role::Gateway) {
        return refused("fix = \"address:port\" belongs to every gateway, and to gateways only");
    }
    let priority = raw.priority.unwrap_or(file.threads.priority);
    if priority > MAX_PRIORITY {
        return refused("priority lies between 0 (an ordinary thread) and 99");
    }
    let idle = raw.idle.unwrap_or(file.threads.idle);
    let never_sleeps = matches!(idle, Strategy::Spin | Strategy::Yield);
    if priority > 0 && never_sleeps && raw.pin.is_empty() {
        return refused(
            "threads that never sleep (idle = \"spin\" or \"yield\") and go before all others (priority above 0) need cores of \
             their own: add pin = [..], or describe idle = \"block\"",
        );
    }
    Ok(NodeEntry {
        name: raw.name.clone(),
        id: NodeId(raw.id),
        role: raw.role,
        address: raw.address,
        mode: raw.mode.unwrap_or(EngineMode::Warm),
        commands: raw.commands,
        fix: raw.fix,
        pin: raw.pin.clone(),
        idle,
        priority,
    })
}
