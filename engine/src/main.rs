//! The engine's binary: a thread that receives, a ring, a thread that matches and speaks.

#![forbid(unsafe_code)]

mod matcher;
mod receiver;
mod ring;

use anyhow::Context;
use clap::Parser;
use cluster::Role;
use node::shutdown::StopOnDrop;
use node::{NodeArgs, Started};
use std::process::ExitCode;

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Engine)?;
    let Started { description, node, clock, shutdown } = started.clone();
    let (producer, consumer) = ring::ring(description.rings.engine);
    let mut receiver = receiver::ReceiverAgent::open(&started, producer)?;
    let mut matcher = matcher::MatcherAgent::open(&started, consumer, receiver.received())?;
    tracing::info!(mode = %node.mode, ring = description.rings.engine, "engine ready");

    // The matching thread has the first core, the receiving one the second.
    let (first, second) = (node.pin.first().copied(), node.pin.get(1).copied());
    let receiving = std::thread::Builder::new()
        .name("receive".to_owned())
        .spawn({
            let shutdown = shutdown.clone();
            move || {
                let _stop = StopOnDrop(shutdown.clone());
                node::run(&mut receiver, clock, node.idle, second, &shutdown)
            }
        })
        .context("cannot start the receiving thread")?;
    let matched = {
        let _stop = StopOnDrop(shutdown.clone());
        node::run(&mut matcher, clock, node.idle, first, &shutdown)
    };
    let received = receiving.join().map_err(|_| anyhow::anyhow!("the receiving thread panicked"))?;
    tracing::info!(position = %matcher.position(), digest = format!("{:016x}", matcher.digest().0), "stopped");
    matched.and(received)
}
