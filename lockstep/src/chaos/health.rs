//! Who is active, and what is missing until all is well again: from what the nodes tell of themselves.

use crate::board::Board;
use cluster::status::{Detail, Status};
use cluster::{Disputes, EngineMode, Role};
use node::{Description, NodeEntry};
use std::collections::BTreeMap;
use wire::{Incarnation, Nanos, NodeId, Seq};

/// An account older than this says nothing about now.
const FRESH: Nanos = Nanos(2 * Nanos::SECOND.0);
/// Loggers may be so many frames behind what is committed: under load they are never at the very end.
const BEHIND: u64 = 2_000;

/// Processes that were killed, by node: their accounts are worth nothing any more.
pub type Dead = BTreeMap<NodeId, u32>;

/// What a node that lives told last, if that is not too long ago.
fn fresh<'a>(board: &'a Board, node: &NodeEntry, dead: &Dead, now: Nanos) -> Option<&'a Status> {
    let status = board.status(node.id)?;
    let gone = dead.get(&node.id) == Some(&status.process);
    (!gone && now.since(status.at) < FRESH).then_some(status)
}

/// Whether an account is that of a role's active node: the sequencer that leads, the engine that is hot, the supervisor that
/// leads, the gateway that has sessions.
fn activity(status: &Status) -> u64 {
    match &status.detail {
        Detail::Sequencer { leads, .. } => u64::from(*leads) * u64::from(status.epoch.0),
        Detail::Engine { mode, term, .. } => u64::from(*mode == EngineMode::Hot) * u64::from(term.0),
        Detail::Supervisor { leads, .. } => u64::from(*leads),
        Detail::Gateway { sessions, .. } => u64::from(*sessions),
        Detail::Logger { .. } => 0,
    }
}

/// The living nodes of a role, the active one first.
#[must_use]
pub fn by_activity<'a>(
    description: &'a Description,
    board: &Board,
    role: Role,
    dead: &Dead,
    now: Nanos,
) -> Vec<&'a NodeEntry> {
    let mut nodes: Vec<(u64, &NodeEntry)> = description
        .nodes_of(role)
        .filter_map(|node| Some((activity(fresh(board, node, dead, now)?), node)))
        .collect();
    nodes.sort_by_key(|(activity, _)| std::cmp::Reverse(*activity));
    nodes.into_iter().map(|(_, node)| node).collect()
}

/// Which process is active in its role, if one is and lives: node and process.
#[must_use]
pub fn active(
    description: &Description,
    board: &Board,
    role: Role,
    dead: &Dead,
    now: Nanos,
) -> Option<(NodeId, u32)> {
    let first = *by_activity(description, board, role, dead, now).first()?;
    let status = board.status(first.id)?;
    (activity(status) > 0).then_some((first.id, status.process))
}

/// What is missing until every node is up, follows the same epoch and can do its part; empty when all is well.
#[must_use]
pub fn missing(
    description: &Description,
    board: &Board,
    dead: &Dead,
    sessions: usize,
    now: Nanos,
) -> Vec<String> {
    let mut missing = Vec::new();
    let accounts: Vec<_> =
        description.nodes.iter().map(|node| (node, fresh(board, node, dead, now))).collect();
    let leads = |status: &&Status| matches!(status.detail, Detail::Sequencer { leads: true, .. });
    let heard = accounts.iter().filter_map(|(_, status)| *status);
    let leaders: Vec<&Status> = heard.clone().filter(leads).collect();
    let epoch = leaders.iter().map(|status| status.epoch).max();
    let committed = leaders.iter().map(|status| committed(status)).max().unwrap_or(Seq(0));
    if leaders.len() != 1 {
        missing.push(format!("{} sequencers say that they lead", leaders.len()));
    }
    let hot = |status: &&Status| matches!(status.detail, Detail::Engine { mode: EngineMode::Hot, .. });
    if heard.clone().filter(hot).count() != 1 {
        missing.push(format!("{} engines say that they are hot", heard.clone().filter(hot).count()));
    }
    if !heard.clone().any(|status| matches!(status.detail, Detail::Supervisor { leads: true, .. })) {
        missing.push("no supervisor leads".to_owned());
    }
    if let Some(Disputes { number, open: Some(_), .. }) = board.disputes() {
        missing.push(format!("engines differ, and dispute {number} is not decided"));
    }
    let mut logged_on = 0;
    for (node, status) in &accounts {
        let name = &node.name;
        let Some(status) = status else {
            missing.push(format!("{name} is silent"));
            continue;
        };
        if epoch.is_some_and(|epoch| status.epoch != epoch) {
            missing.push(format!("{name} is in epoch {}, not {}", status.epoch, epoch.unwrap_or_default()));
        }
        match &status.detail {
            Detail::Engine { ready: false, .. } => missing.push(format!("{name} has not caught up")),
            Detail::Logger { incarnation, .. } if *incarnation == Incarnation(0) => {
                missing.push(format!("{name} has no life"));
            }
            Detail::Logger { acknowledged, .. }
                if acknowledged.seq.0.saturating_add(BEHIND) < committed.0 =>
            {
                missing.push(format!("{name} has acknowledged {} of {committed}", acknowledged.seq));
            }
            Detail::Gateway { open, sessions, .. } => {
                logged_on += *sessions as usize;
                if !open {
                    missing.push(format!("{name} is not open"));
                }
            }
            _ => {}
        }
    }
    if logged_on < sessions {
        missing.push(format!("{logged_on} of {sessions} sessions are logged on"));
    }
    missing
}

fn committed(status: &Status) -> Seq {
    match status.detail {
        Detail::Sequencer { committed, .. } => committed,
        _ => Seq(0),
    }
}
