//! Opens what a logger stands on: journals, the vault, ports.

use crate::boot::Boot;
use anyhow::Context;
use archive::{Beginnings, Detour, Fetching, Store};
use bus::Multicast;
use cluster::Role;
use journal::{Journal, Options, Stream, Syncer};
use logger::Vault;
use logger::{FileVault, LoggerDisk, LoggerNode, LoggerPorts, LoggerSettings};
use node::{Beacon, Started};
use std::net::SocketAddr;
use std::path::Path;
use wire::Incarnation;

/// A logger over UDP, on a real disk.
pub(crate) type Node = LoggerNode<Multicast, Journal, FileVault>;

/// The disk's side of both journals.
pub(crate) struct Syncers {
    pub(crate) frames: Syncer,
    pub(crate) events: Syncer,
}

/// Opens everything of this node.
pub(crate) fn open(started: &Started) -> anyhow::Result<(Node, Syncers)> {
    let Started { description, node, clock, .. } = started;
    let data = description.data_of(node);
    let boot = Boot::look(&data)?;
    let host_restarted = boot.is_another();
    let others = description.nodes_of(Role::Logger).count() - 1;
    let mut vault = FileVault::new(&data);
    let options = |stream| Options {
        cluster: description.cluster_id(),
        stream,
        segment_len: description.log.segment,
        create: true,
        power_cut: host_restarted,
    };
    let mut journal =
        |name: &str, stream| open_journal(&data.join(name), name, &options(stream), others, &mut vault);
    let (mut frames, events) = (journal("log", Stream::Frames)?, journal("events", Stream::Events)?);
    let loggers = description.nodes_of(Role::Logger).filter(|other| other.id != node.id);
    let loggers: Vec<SocketAddr> = loggers.map(|other| other.address.into()).collect();
    if vault.load().context("cannot read the promise")?.incarnation == Incarnation(0) {
        let stop = || started.shutdown.requested();
        logger::catch_up(&mut frames, &loggers, &stop)?;
        let store = Store::look(&data.join("snapshots"));
        if frames.next() == 1
            && let Some(place) = logger::foothold(&loggers, &store)
        {
            tracing::warn!(behind = %place, "no logger has the first frames any more: this log begins behind a snapshot");
            let dir = frames.dir().to_owned();
            drop(frames);
            journal::begin_behind(&dir, &options(Stream::Frames), place)?;
            frames = open_journal(&dir, "log", &options(Stream::Frames), others, &mut vault)?;
            logger::catch_up(&mut frames, &loggers, &stop)?;
        }
    }
    let disk = LoggerDisk { frames, events, vault, host_restarted };
    let syncers = Syncers { frames: disk.frames.syncer(), events: disk.events.syncer() };
    // It never begins with a snapshot there: it keeps the history itself.
    let beginnings = Beginnings { cluster: description.cluster_id(), judge: |_| Ok(()) };
    let past =
        Fetching::start(beginnings, loggers).context("cannot start the thread that fetches the past")?;
    let ports = LoggerPorts {
        control: description.control_group(node)?,
        acks: description.publish_acks(node)?,
        sequenced: description.follow_sequenced(node)?,
        detour: Detour::new(Box::new(past)),
        events: description.follow_events(node)?,
        requests: description.take_requests(node)?,
        beacon: Beacon::open(description, node)?,
    };
    let token = clock.now().0 ^ (u64::from(std::process::id()) << 40);
    let node = LoggerNode::open(LoggerSettings::of(description, node, token), ports, disk)?;
    boot.note()?;
    Ok((node, syncers))
}

fn open_journal(
    directory: &Path,
    name: &str,
    options: &Options,
    others: usize,
    vault: &mut FileVault,
) -> anyhow::Result<Journal> {
    let (journal, opened) = logger::open_journal(directory, options, others, vault, &mut |progress| {
        tracing::info!(
            journal = name,
            segment = progress.segment + 1,
            of = progress.segments,
            records = progress.records,
            "verifying"
        );
    })?;
    tracing::info!(
        journal = name,
        next = opened.next,
        records = opened.records,
        segments = opened.segments,
        cut_bytes = opened.cut_bytes,
        "journal open"
    );
    if opened.seals_lost {
        tracing::warn!(
            journal = name,
            segments = opened.unsealed,
            "the file of seals is missing or damaged (a log of an older release has none): these segments are sealed again, as \
             they are now; compare with a chain that was written down (`logger verify --expect`)"
        );
    }
    if opened.cut_records > 0 {
        tracing::warn!(
            journal = name,
            records = opened.cut_records,
            "the host has restarted and lost what the disk had not confirmed"
        );
    }
    Ok(journal)
}
