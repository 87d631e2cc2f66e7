//! The engine's binary: a thread that receives, a ring, a thread that matches and speaks.

#![forbid(unsafe_code)]

use anyhow::Context;
use archive::Store;
use bus::Multicast;
use clap::Parser;
use cluster::Role;
use engine::{
    Courier, EnginePorts, EngineSettings, Fetching, ForkScribe, InquiryThread, PoisonFile, Purpose, limits_of,
};
use node::shutdown::StopOnDrop;
use node::{Beacon, NodeArgs, Started};
use std::process::ExitCode;

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Engine)?;
    let (mut receiver, mut matcher) = engine::engine(settings(&started), ports(&started)?)?;
    matcher.prefault();
    let Started { description, node, clock, shutdown } = started;
    tracing::info!(ring = description.rings.engine, "engine up: mute until it is named to speak");

    // The matching thread has the first core, the receiving one the second.
    let (matching, receives) = (node.thread(0), node.thread(1));
    let receiving = std::thread::Builder::new()
        .name("receive".to_owned())
        .spawn({
            let shutdown = shutdown.clone();
            move || {
                let _stop = StopOnDrop(shutdown.clone());
                node::run(&mut receiver, clock, receives, &shutdown)
            }
        })
        .context("cannot start the receiving thread")?;
    let matched = {
        let _stop = StopOnDrop(shutdown.clone());
        node::run(&mut matcher, clock, matching, &shutdown)
    };
    let received = receiving.join().map_err(|_| anyhow::anyhow!("the receiving thread panicked"))?;
    // After an error its state may be anything.
    if matched.is_ok() {
        tracing::info!(position = %matcher.position(), digest = format!("{:016x}", matcher.digest().0), "stopped");
    }
    matched.and(received)
}

#[cfg(not(lockstep_planted))]
fn settings(started: &Started) -> EngineSettings {
    EngineSettings::of(&started.description, &started.node, started.token())
}

/// Whoever starts the process says whether it can be led astray: `once` or `always`.
#[cfg(lockstep_planted)]
fn settings(started: &Started) -> EngineSettings {
    let word = std::env::var("LOCKSTEP_ASTRAY").unwrap_or_default();
    let led = engine::astray::Led::of(&word);
    EngineSettings { led, ..EngineSettings::of(&started.description, &started.node, started.token()) }
}

fn ports(started: &Started) -> anyhow::Result<EnginePorts<Multicast>> {
    let Started { description, node, .. } = started;
    let (cluster, keep) = (description.cluster_id(), description.snapshot.keep);
    let loggers: Vec<_> = description.nodes_of(Role::Logger).map(|logger| logger.address.into()).collect();
    let store = Store::open(&description.data_of(node).join("snapshots"))?;
    let limits = limits_of(description);
    let fetching = {
        let (store, loggers) = (store.clone(), loggers.clone());
        move |purpose| Fetching::start(store.clone(), cluster, limits, loggers.clone(), keep, purpose)
    };
    let past = fetching(Purpose::Begin).context("cannot start the thread that fetches the past")?;
    let inquirer = InquiryThread::start(move || fetching(Purpose::Inquire), limits)
        .context("cannot start the thread that executes the log anew")?;
    let scribe = Courier::start(ForkScribe::new(store.clone(), cluster), store, loggers, keep)
        .context("cannot start the thread that carries snapshots")?;
    Ok(EnginePorts {
        control: description.control_group(node)?,
        sequenced: description.follow_sequenced(node)?,
        beats: description.follow_beats(node)?,
        pulse: description.publish_beats(node)?,
        events: description.publish_events(node)?,
        beacon: Beacon::open(description, node)?,
        poison: Box::new(PoisonFile::open(&description.data_of(node))?),
        past: Box::new(past),
        scribe: Box::new(scribe),
        inquirer: Box::new(inquirer),
    })
}
