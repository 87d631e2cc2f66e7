//! The sequencer's binary: one thread, its sockets, and a farewell to those who still miss something.

#![forbid(unsafe_code)]

use anyhow::Context;
use archive::{Beginnings, Detour, Fetching};
use bus::{Multicast, Publication};
use clap::Parser;
use cluster::Role;
use node::{Beacon, Clock, NodeArgs, Started};
use sequencer::{SequencerNode, SequencerPorts, SequencerSettings};
use std::process::ExitCode;
use std::time::Duration;
use wire::Nanos;

/// A sequencer that stops has been heard to the end when nobody has asked for anything for so long (or for three times
/// what a follower waits before it asks again, if that is longer),
const FAREWELL_QUIET: Nanos = Nanos::from_millis(100);
/// or when this time is over.
const FAREWELL_LONGEST: Nanos = Nanos::from_millis(2_000);

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Sequencer)?;
    let mut sequencer = SequencerNode::new(
        SequencerSettings::of(&started.description, &started.node, started.token()),
        ports(&started)?,
    );
    let Started { node, clock, shutdown, description } = &started;
    node::run(&mut sequencer, *clock, node.thread(0), shutdown)?;
    let quiet = FAREWELL_QUIET.max(Nanos(3 * description.timing.repair_retry.0));
    farewell(&mut sequencer, *clock, quiet)?;
    tracing::info!(position = %sequencer.position(), committed = %sequencer.committed(), "stopped");
    Ok(())
}

fn ports(started: &Started) -> anyhow::Result<SequencerPorts<Multicast>> {
    let Started { description, node, .. } = started;
    let loggers = description.nodes_of(Role::Logger).map(|logger| logger.address.into()).collect();
    let beginnings = Beginnings { cluster: description.cluster_id(), judge: sequencer::judge };
    let past =
        Fetching::start(beginnings, loggers).context("cannot start the thread that fetches the past")?;
    Ok(SequencerPorts {
        control: description.control_group(node)?,
        acks: description.follow_acks(node)?,
        commands: description.take_commands(node)?,
        speaks: description.publish_sequenced(node)?,
        hears: description.follow_sequenced(node)?,
        detour: Detour::new(Box::new(past)),
        beacon: Beacon::open(description, node)?,
    })
}

/// Tells the followers where the stream ends, and answers them until all are content: what one of them misses of the
/// end could be had from nobody else.
fn farewell(sequencer: &mut SequencerNode<Multicast>, clock: Clock, quiet: Nanos) -> anyhow::Result<()> {
    if !sequencer.leads() {
        return Ok(());
    }
    let began = clock.now();
    sequencer.speaks().end_of_session();
    let (mut asked, mut quiet_since) = (sequencer.speaks().stats().publisher.repair.requests, began);
    loop {
        let now = clock.now();
        sequencer.speaks().do_work(now).context("cannot send the end of the sequenced stream")?;
        let requests = sequencer.speaks().stats().publisher.repair.requests;
        if requests > asked {
            (asked, quiet_since) = (requests, now);
        }
        if now.since(quiet_since) >= quiet || now.since(began) >= FAREWELL_LONGEST {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
