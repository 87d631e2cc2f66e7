//! What the nodes tell of themselves, gathered: the live table, readiness, and whether the engines agree.

mod disputes;

use anyhow::Context;
use bus::Datagrams;
use cluster::agreement::{Agreement, Disagreement};
use cluster::status::{Detail, Status};
use cluster::{Disputes, Role, control};
use node::Description;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, RawFd};
use wire::{Nanos, NodeId, Position, Seq};

/// After so long without a word a node is shown as silent.
const SILENT_AFTER: Nanos = Nanos(1_000_000_000);

struct Known {
    status: Status,
    heard: Nanos,
    /// Position's number and time of a status about a second earlier, for the rate.
    before: (u64, Nanos),
    rate: u64,
}

/// Listens to the status stream.
pub struct Board {
    description: Description,
    socket: Datagrams,
    known: BTreeMap<NodeId, Known>,
    agreement: Agreement,
    disagreement: Option<Disagreement>,
}

impl Board {
    /// Joins the status stream of a cluster, on the interface of this address or on the one that the description suggests.
    pub fn open(description: &Description, interface: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        let socket = Datagrams::join(description.streams.status, &description.console_options(interface))
            .context("cannot listen to the status stream")?;
        Ok(Self {
            description: description.clone(),
            socket,
            known: BTreeMap::new(),
            agreement: Agreement::default(),
            disagreement: None,
        })
    }

    /// Becomes readable when a status has come.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Takes what has come. True if anything has.
    pub fn poll(&mut self, now: Nanos) -> anyhow::Result<bool> {
        let cluster = self.description.cluster_id();
        let mut any = false;
        loop {
            let (known, agreement, disagreement) =
                (&mut self.known, &mut self.agreement, &mut self.disagreement);
            let received = self.socket.recv(|_, bytes| {
                let Ok(status) = control::decode::<Status>(bytes) else { return };
                if status.cluster != cluster {
                    return;
                }
                if let Detail::Engine { marks, .. } = &status.detail {
                    for mark in marks {
                        if let Err(found) = agreement.handle_mark(status.node, *mark) {
                            disagreement.get_or_insert(found);
                        }
                    }
                }
                note(known, status, now);
            })?;
            if received == 0 {
                return Ok(any);
            }
            any = true;
        }
    }

    /// The last word of a node.
    #[must_use]
    pub fn status(&self, node: NodeId) -> Option<&Status> {
        self.known.get(&node).map(|known| &known.status)
    }

    /// The names of the nodes that have not said yet that they are up.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let ready = |node: &node::NodeEntry| match self.status(node.id).map(|status| &status.detail) {
            None => false,
            Some(Detail::Gateway { open, .. }) => *open,
            Some(_) => true,
        };
        self.description.nodes.iter().filter(|node| !ready(node)).map(|node| node.name.clone()).collect()
    }

    /// What the sequencer that leads said last.
    #[must_use]
    pub fn leader(&self) -> Option<&Status> {
        let leads = |status: &&Status| matches!(status.detail, Detail::Sequencer { leads: true, .. });
        self.known.values().map(|known| &known.status).filter(leads).max_by_key(|status| status.epoch)
    }

    /// The highest position at which the engines had the same digest.
    #[must_use]
    pub fn agreed(&self) -> Option<Position> {
        self.agreement.agreed()
    }

    /// Where the cluster stands with engines that differ, as the supervisors have it.
    #[must_use]
    pub fn disputes(&self) -> Option<&Disputes> {
        let said = self.known.values().filter_map(|known| match &known.status.detail {
            Detail::Supervisor { disputes, .. } => Some(disputes),
            _ => None,
        });
        said.max_by_key(|disputes| disputes.rank())
    }

    /// How many digests were compared and found equal.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.agreement.compared()
    }

    /// The first difference between engines, if there was one.
    #[must_use]
    pub fn disagreement(&self) -> Option<Disagreement> {
        self.disagreement
    }

    /// What is still behind this number, by name; empty when everyone has it, the engines agree there or later, and no
    /// command is on its way.
    #[must_use]
    pub fn unsettled(&self, upto: Seq) -> Vec<String> {
        let mut behind = Vec::new();
        let highest_event = self.engine_outbound();
        for node in &self.description.nodes {
            let Some(status) = self.status(node.id) else {
                behind.push(format!("{} is silent", node.name));
                continue;
            };
            if node.role != Role::Supervisor && status.position.seq < upto {
                behind.push(format!("{} is at {} of {upto}", node.name, status.position.seq));
            }
            match status.detail {
                Detail::Gateway { in_flight, .. } if in_flight > 0 => {
                    behind.push(format!("{} has {in_flight} commands on their way", node.name));
                }
                Detail::Logger { events, .. } | Detail::Gateway { outbound: events, .. }
                    if events.0 < highest_event =>
                {
                    behind.push(format!("{} is at event {events} of {highest_event}", node.name));
                }
                _ => {}
            }
        }
        if let Some(Disputes { number, open: Some(_), .. }) = self.disputes() {
            behind.push(format!("the engines differ, and dispute {number} is not decided"));
        }
        if self.agreed().is_none_or(|agreed| agreed.seq < upto) {
            behind.push(format!("the engines' digests are not compared at {upto} yet"));
        }
        behind
    }

    /// The last event that any engine has computed.
    #[must_use]
    pub fn engine_outbound(&self) -> u64 {
        let outbound = |known: &Known| match known.status.detail {
            Detail::Engine { outbound, .. } => Some(outbound.0),
            _ => None,
        };
        self.known.values().filter_map(outbound).max().unwrap_or(0)
    }

    /// How a node is called.
    #[must_use]
    pub fn name(&self, id: NodeId) -> String {
        let node = self.description.nodes.iter().find(|node| node.id == id);
        node.map_or_else(|| format!("node {id}"), |node| node.name.clone())
    }

    /// The table for people, a line for each node.
    #[must_use]
    pub fn table(&self, now: Nanos) -> String {
        let mut table = format!(
            "{:<14} {:<10} {:>5} {:>12} {:>8} {:>9}  {}\n",
            "NODE", "ROLE", "EPOCH", "POSITION", "LAG", "PER S", "DETAIL"
        );
        for node in &self.description.nodes {
            let _ = match self.known.get(&node.id) {
                None => writeln!(table, "{:<14} {:<10} not heard of yet", node.name, node.role),
                Some(known) if now.since(known.heard) > SILENT_AFTER => {
                    let silent = now.since(known.heard).0 / 1_000_000_000;
                    writeln!(
                        table,
                        "{:<14} {:<10} SILENT for {silent} s, last at {}",
                        node.name, node.role, known.status.position.seq
                    )
                }
                Some(Known { status, rate, .. }) => writeln!(
                    table,
                    "{:<14} {:<10} {:>5} {:>12} {:>8} {:>9}  {}",
                    node.name,
                    node.role,
                    status.epoch,
                    status.position.seq,
                    status.lag,
                    rate,
                    detail(status)
                ),
            };
        }
        if let Some(said) = self.disputes() {
            table.push_str(&disputes::in_words(said, |id| self.name(id)));
        }
        match (self.disagreement, self.agreed()) {
            (Some(found), _) => {
                let _ = writeln!(table, "ENGINES DIFFER: {found}");
            }
            (None, Some(agreed)) => {
                let _ = writeln!(
                    table,
                    "engines agree up to position {} ({} comparisons)",
                    agreed.seq,
                    self.compared()
                );
            }
            (None, None) => table.push_str("engines not compared yet\n"),
        }
        table
    }
}

/// The way to the moment at which everyone has everything that was stamped before it began.
#[derive(Clone, Copy, Debug)]
pub struct Settling {
    since: Nanos,
    upto: Option<Seq>,
}

impl Settling {
    /// Begins now.
    #[must_use]
    pub fn since(now: Nanos) -> Self {
        Self { since: now, upto: None }
    }

    /// What is still missing, in words; empty when there is nothing.
    pub fn missing(&mut self, board: &Board) -> Vec<String> {
        // The leading sequencer's next word comes after everything that clients have seen; ticks make the engines meet
        // again.
        let fresh = board.leader().filter(|status| status.at > self.since);
        self.upto = self.upto.or(fresh.map(|status| status.position.seq));
        match self.upto {
            None => vec!["no sequencer that leads has spoken yet".to_owned()],
            Some(upto) => board.unsettled(upto),
        }
    }
}

fn note(known: &mut BTreeMap<NodeId, Known>, status: Status, now: Nanos) {
    let number = status.position.seq.0;
    match known.get_mut(&status.node) {
        Some(entry) if entry.status.process == status.process => {
            let passed = now.since(entry.before.1);
            if passed >= Nanos::SECOND {
                let stamped = u128::from(number.saturating_sub(entry.before.0));
                entry.rate =
                    u64::try_from(stamped * 1_000_000_000 / u128::from(passed.0)).unwrap_or(u64::MAX);
                entry.before = (number, now);
            }
            entry.heard = now;
            entry.status = status;
        }
        _ => {
            known.insert(status.node, Known { status, heard: now, before: (number, now), rate: 0 });
        }
    }
}

/// What only its role can tell, in words.
fn detail(status: &Status) -> String {
    let repaired = match status.traffic.repaired {
        0 => String::new(),
        repaired => format!(", {repaired} asked again"),
    };
    match &status.detail {
        Detail::Sequencer { leads: true, committed, lanes, refused, closed_lanes } => format!(
            "leads, committed {committed}, {lanes} gateways, {refused} packets refused, {closed_lanes} lanes closed{repaired}"
        ),
        Detail::Sequencer { committed, .. } => format!("stands by, committed {committed}{repaired}"),
        Detail::Supervisor { leads, sequencer, hot, successor, waits, disputes } => {
            let name = |node: &Option<NodeId>| node.map_or("nobody".to_owned(), |node| node.to_string());
            let leads = if *leads { "leads" } else { "follows" };
            let waits = if *waits { "TOO FEW VOTES ARE LEFT, see `lockstep recover`; " } else { "" };
            let differ = if disputes.open.is_some() { "ENGINES DIFFER, see below; " } else { "" };
            format!(
                "{waits}{differ}{leads}, epoch granted to node {}, hot engine is node {}, behind it node {}",
                name(sequencer),
                name(hot),
                name(successor)
            )
        }
        Detail::Engine { stopped: Some(seq), .. } => {
            format!("STOPPED BEFORE FRAME {seq}, which made it panic; see `lockstep quarantine`{repaired}")
        }
        Detail::Engine { mode, ready, ring_used, ring_len, resting, marks, .. } => {
            let ready = if *ready { "ready" } else { "NOT READY" };
            let digest = marks.first().map_or(0, |mark| mark.digest.0);
            let used = 100 * u64::from(*ring_used) / u64::from((*ring_len).max(1));
            format!("{mode}, {ready}, ring {used}%, {resting} resting, digest {digest:016x}{repaired}")
        }
        Detail::Logger { synced, events, segments, bytes, .. } => {
            format!("synced {synced}, {events} events, {segments} segments, {} MiB{repaired}", bytes >> 20)
        }
        Detail::Gateway { open, connections, sessions, in_flight, in_flight_limit, halted, shed, .. } => {
            let open = if *open { "open" } else { "not open yet" };
            let halted = if *halted { "HALTED: engines differ; " } else { "" };
            format!(
                "{halted}{open}, {sessions} of {connections} logged on, {in_flight}/{in_flight_limit} on their way, {shed} shed{repaired}"
            )
        }
    }
}
