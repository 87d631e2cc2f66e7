//! The gateway's binary: one thread, clients over TCP beside the gateway's node.

#![forbid(unsafe_code)]

mod net;

use anyhow::Context;
use archive::{Beginnings, Detour, Fetching};
use bus::Multicast;
use clap::Parser;
use cluster::Role;
use gateway::{ClientOutput, GatewayConfig, GatewayNode, GatewayPorts, GatewaySettings};
use net::{ClientNet, Happened};
use node::{Beacon, Description, Duty, NodeArgs, NodeEntry, Started};
use std::os::fd::RawFd;
use std::process::ExitCode;
use wire::Nanos;

/// Bytes that may wait for a slow reader beside a whole resend.
const LIVE_BACKLOG: usize = 16 << 20;
/// What a resend adds to a kept message at the most: header and trailer.
const RESEND_OVERHEAD: usize = 512;
/// For measurements alone: reports do not wait for the commit.
const UNSAFE_NO_COMMIT_GATE: &str = "LOCKSTEP_UNSAFE_NO_COMMIT_GATE";

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Gateway)?;
    let mut agent = GatewayAgent::open(&started)?;
    let Started { node, clock, shutdown, .. } = &started;
    node::run(&mut agent, *clock, node.thread(0), shutdown)?;
    let GatewayAgent { mut node, mut clients } = agent;
    node.handle_shutdown(clock.now(), &mut |output| carry_out(output, &mut clients))?;
    tracing::info!(position = %node.position(), committed = %node.committed(), "stopped");
    Ok(())
}

struct GatewayAgent {
    node: GatewayNode<Multicast>,
    clients: ClientNet,
}

impl GatewayAgent {
    fn open(started: &Started) -> anyhow::Result<Self> {
        let Started { description, node, .. } = started;
        let fix = &description.fix;
        let address = node.fix.expect("validated: every gateway has an address for FIX");
        let longest_resend = fix.resend_bytes + fix.resend_messages * RESEND_OVERHEAD;
        let clients = ClientNet::listen(address, fix.max_connections, LIVE_BACKLOG + longest_resend)?;
        let commit_gate = std::env::var_os(UNSAFE_NO_COMMIT_GATE).is_none_or(|value| value != "1");
        if !commit_gate {
            tracing::warn!(
                "{UNSAFE_NO_COMMIT_GATE}=1: reports do not wait until their orders are committed, and ORDERS THAT WERE \
                 ACKNOWLEDGED CAN BE LOST. For measurements only; unset it and start again"
            );
        }
        let settings =
            GatewaySettings { commit_gate, ..GatewaySettings::of(description, node, started.token()) };
        let config = GatewayConfig::of(description, node);
        let gateway = GatewayNode::new(&config, settings, open_ports(description, node)?);
        tracing::info!(%address, comp_id = fix.comp_id, sessions = description.sessions.len(), "listening for FIX clients");
        Ok(Self { node: gateway, clients })
    }
}

fn open_ports(description: &Description, node: &NodeEntry) -> anyhow::Result<GatewayPorts<Multicast>> {
    let loggers = description.nodes_of(Role::Logger).map(|logger| logger.address.into()).collect();
    let beginnings = Beginnings { cluster: description.cluster_id(), judge: gateway::judge };
    let past =
        Fetching::start(beginnings, loggers).context("cannot start the thread that fetches the past")?;
    Ok(GatewayPorts {
        control: description.control_group(node)?,
        acks: description.follow_acks(node)?,
        sequenced: description.follow_sequenced(node)?,
        events: description.follow_events(node)?,
        detour: Detour::new(Box::new(past)),
        commands: description.publish_commands(node)?,
        beacon: Beacon::open(description, node)?,
    })
}

/// Does to a client's connection what the gateway wants done.
fn carry_out(output: ClientOutput<'_>, clients: &mut ClientNet) {
    match output {
        ClientOutput::Transmit(connection, bytes) => clients.transmit(connection, bytes),
        ClientOutput::Close(connection) => clients.close(connection),
    }
}

impl Duty for GatewayAgent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { node, clients } = self;
        let mut work = clients.poll(now, |clients, connection, happened| {
            let out = &mut |output: ClientOutput<'_>| carry_out(output, clients);
            match happened {
                Happened::Connected => node.handle_connected(now, connection),
                Happened::Sent(bytes) => node.handle_bytes(now, connection, bytes, out),
                Happened::Disconnected => node.handle_disconnected(now, connection, out),
            }
        })?;
        node.set_connections(u32::try_from(clients.len()).unwrap_or(u32::MAX));
        work += node.do_work(now, &mut |output| carry_out(output, clients))?;
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.node.next_deadline()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        out.push(self.clients.descriptor());
        self.node.descriptors(out);
    }
}
