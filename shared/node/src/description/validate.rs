//! From what is written to what holds: every rule of the configuration, each with its refusal; those of nodes, of who trades
//! and of what is traded lie apart.

use super::instruments::instruments;
use super::nodes::nodes;
use super::parties;
use super::raw::{self, File};
use super::refusals::Refusals;
use super::{
    Description, DescriptionError, EngineLimits, Faults, Fix, Log, Network, Rings, Snapshot, Streams, Timing,
};
use std::collections::BTreeSet;
use std::path::Path;
use toml::Spanned;
use wire::Nanos;

/// The longest datagram that Ethernet carries whole (1,500 less IP and UDP headers) and the longest that UDP can.
const DATAGRAMS: std::ops::RangeInclusive<u64> = 512..=65_507;
/// So many words of a sequencer must fail to come before it is held to be gone.
const WORDS_BEFORE_FAILOVER: u64 = 4;
/// The successor of the hot engine waits for so many of its heartbeats at least.
const BEATS_BEFORE_TAKEOVER: u64 = 2;

/// Snapshots are never taken more often than after so many commands: each of them is a command itself.
const FEWEST_COMMANDS: u64 = 100;
/// A list of all snapshots fits one message.
const MOST_SNAPSHOTS: usize = 64;

/// Frames that an epoch begins with beside the founding of the exchange: its start, the rules, its opening.
const BEGINNINGS: usize = 3;

pub(super) fn description(path: &Path, text: &str) -> Result<Description, DescriptionError> {
    let file: File = toml::from_str(text).map_err(|error| DescriptionError::Malformed {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let refuse = Refusals { path, text };
    let tag = tag(&refuse, &file.cluster.tag)?;
    let name = name(&refuse, &file.cluster.name)?;
    let streams = streams(&refuse, &file.streams)?;
    let rings = rings(&refuse, &file.rings)?;
    let timing = timing(&refuse, &file.timing)?;
    let nodes = nodes(&refuse, &file)?;
    if !DATAGRAMS.contains(&file.network.max_datagram.0) {
        let reason = format!("max_datagram must lie between {} and {}", DATAGRAMS.start(), DATAGRAMS.end());
        return Err(refuse.near("max_datagram", reason));
    }
    if file.log.segment.0 < 1 << 16 || !file.log.segment.0.is_multiple_of(4_096) {
        return Err(refuse.near("segment", "a log segment must be a multiple of 4 KiB and at least 64KiB"));
    }
    let data = path.parent().unwrap_or(Path::new("")).join(&file.cluster.data);
    let faults = Faults {
        drop: file.faults.drop.0,
        duplicate: file.faults.duplicate.0,
        reorder: file.faults.reorder.0,
        seed: file.faults.seed,
    };
    if faults.drop > 500 {
        return Err(refuse.near("drop", "more than 50% of dropped datagrams leaves no network to repair"));
    }
    let currencies = parties::currencies(&refuse, &file)?;
    let participants = parties::participants(&refuse, &file)?;
    let sessions = parties::sessions(&refuse, &file, &participants)?;
    let instruments = instruments(&refuse, &file, &currencies, &participants)?;
    let accounts = parties::accounts(&refuse, &file, &currencies, &participants, &instruments)?;
    let description = Description {
        path: path.to_owned(),
        name,
        tag,
        data,
        network: Network {
            interface: file.network.interface,
            ttl: file.network.ttl,
            loopback: file.network.loopback,
            receive_buffer: bytes(file.network.receive_buffer.0),
            send_buffer: bytes(file.network.send_buffer.0),
            max_datagram: bytes(file.network.max_datagram.0),
        },
        streams,
        timing,
        rings,
        log: Log {
            durability: file.log.durability,
            segment: file.log.segment.0,
            sync_every: file.log.sync_every.0,
            retain: file.log.retain,
        },
        snapshot: snapshot(&refuse, &file.snapshot)?,
        standby: file.engine.standby,
        divergence: file.engine.divergence,
        engine: EngineLimits {
            instruments: file.engine.instruments,
            sessions: file.engine.sessions,
            resting_orders: file.engine.resting_orders,
            levels: file.engine.levels,
            names: file.engine.names,
            participants: file.engine.participants,
            accounts: file.engine.accounts,
            currencies: file.engine.currencies,
            holdings: file.engine.holdings,
            trades: file.engine.trades,
        },
        fix: fix(&refuse, &file.fix)?,
        faults,
        nodes,
        currencies,
        participants,
        accounts,
        sessions,
        instruments,
    };
    let founding = description.founding().len();
    // All of it is stamped at once, in the first epoch, beside the epoch's own beginnings.
    if founding + BEGINNINGS > description.rings.uncommitted {
        let reason = format!(
            "founding this exchange takes {founding} commands at once: uncommitted must be at least {}",
            founding + BEGINNINGS
        );
        return Err(refuse.within("rings", "uncommitted", reason));
    }
    Ok(description)
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn tag(refuse: &Refusals<'_>, tag: &Spanned<String>) -> Result<[u8; 3], DescriptionError> {
    let text = tag.get_ref().as_bytes();
    match <[u8; 3]>::try_from(text) {
        Ok(tag) if tag.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) => Ok(tag),
        _ => Err(refuse.of(tag, "the tag must be three upper-case letters or digits, as in \"DEM\"")),
    }
}

fn name(refuse: &Refusals<'_>, name: &Spanned<String>) -> Result<String, DescriptionError> {
    if name.get_ref().is_empty() || name.get_ref().len() > 64 {
        return Err(refuse.of(name, "the cluster's name must have 1 to 64 characters"));
    }
    Ok(name.get_ref().clone())
}

fn streams(refuse: &Refusals<'_>, streams: &raw::Streams) -> Result<Streams, DescriptionError> {
    let mut taken = BTreeSet::new();
    let raw::Streams { sequenced, events, acks, control, engines, status } = streams;
    for group in [sequenced, events, acks, control, engines, status] {
        let address = *group.get_ref();
        if !address.ip().is_multicast() || address.port() == 0 {
            let reason =
                format!("{address} is no multicast group: use 224.0.0.0 to 239.255.255.255 and a port");
            return Err(refuse.of(group, reason));
        }
        if !taken.insert(address) {
            return Err(
                refuse.of(group, format!("{address} carries another stream already: each needs its own"))
            );
        }
    }
    Ok(Streams {
        sequenced: *sequenced.get_ref(),
        events: *events.get_ref(),
        acks: *acks.get_ref(),
        control: *control.get_ref(),
        engines: *engines.get_ref(),
        status: *status.get_ref(),
    })
}

fn rings(refuse: &Refusals<'_>, rings: &raw::Rings) -> Result<Rings, DescriptionError> {
    let named = [
        ("sequenced", rings.sequenced),
        ("events", rings.events),
        ("commands", rings.commands),
        ("engine", rings.engine),
        ("reorder", rings.reorder),
    ];
    for (name, len) in named {
        if !len.is_power_of_two() || !(64..=1 << 24).contains(&len) {
            let reason = format!("ring \"{name}\" must be a power of two between 64 and 16777216, not {len}");
            return Err(refuse.within("rings", name, reason));
        }
    }
    if !(1..=1 << 20).contains(&rings.uncommitted) {
        let reason = format!("uncommitted must lie between 1 and 1048576, not {}", rings.uncommitted);
        return Err(refuse.within("rings", "uncommitted", reason));
    }
    // A receiver that missed all that an epoch change may take back must still be able to ask for it.
    for (name, len) in named.into_iter().filter(|(name, _)| *name != "commands") {
        if len <= rings.uncommitted {
            let reason = format!(
                "ring \"{name}\" ({len}) must be longer than the {} frames that may be uncommitted",
                rings.uncommitted
            );
            return Err(refuse.within("rings", name, reason));
        }
    }
    if rings.reorder > rings.sequenced || rings.reorder > rings.events {
        return Err(refuse.within(
            "rings",
            "reorder",
            "the reorder window must not be longer than the rings that fill it",
        ));
    }
    Ok(Rings {
        sequenced: rings.sequenced,
        events: rings.events,
        commands: rings.commands,
        engine: rings.engine,
        reorder: rings.reorder,
        uncommitted: rings.uncommitted,
    })
}

fn timing(refuse: &Refusals<'_>, timing: &raw::Timing) -> Result<Timing, DescriptionError> {
    let named = [
        ("heartbeat", timing.heartbeat.0, Nanos::from_micros(50)),
        ("tick", timing.tick.0, Nanos::MILLI),
        ("status", timing.status.0, Nanos::from_millis(10)),
        ("repair_after", timing.repair_after.0, Nanos(0)),
        ("repair_retry", timing.repair_retry.0, Nanos::from_micros(50)),
        ("lead", timing.lead.0, Nanos::from_micros(50)),
        ("beat", timing.beat.0, Nanos::from_micros(20)),
        ("takeover", timing.takeover.0, Nanos::from_micros(50)),
        ("failover", timing.failover.0, Nanos::MILLI),
        ("grant", timing.grant.0, Nanos::MILLI),
        ("election", timing.election.0, Nanos::from_millis(10)),
    ];
    for (name, value, least) in named {
        if value < least || value > Nanos(60_000_000_000) {
            let reason = format!("timing \"{name}\" must lie between {}us and 60s", least.0 / 1_000);
            return Err(refuse.within("timing", name, reason));
        }
    }
    for (name, value) in [("lead", timing.lead.0), ("heartbeat", timing.heartbeat.0)] {
        if timing.failover.0.0 < value.0.saturating_mul(WORDS_BEFORE_FAILOVER) {
            let reason = format!(
                "failover must be at least {WORDS_BEFORE_FAILOVER} times {name}, or a few lost datagrams depose \
                 a sequencer that is well"
            );
            return Err(refuse.within("timing", "failover", reason));
        }
    }
    if timing.takeover.0.0 < timing.beat.0.0.saturating_mul(BEATS_BEFORE_TAKEOVER) {
        let reason = format!(
            "takeover must be at least {BEATS_BEFORE_TAKEOVER} times beat, or the engine that stands by takes over between two \
             heartbeats of one that is well"
        );
        return Err(refuse.within("timing", "takeover", reason));
    }
    Ok(Timing {
        heartbeat: timing.heartbeat.0,
        tick: timing.tick.0,
        status: timing.status.0,
        repair_after: timing.repair_after.0,
        repair_retry: timing.repair_retry.0,
        lead: timing.lead.0,
        beat: timing.beat.0,
        takeover: timing.takeover.0,
        failover: timing.failover.0,
        grant: timing.grant.0,
        election: timing.election.0,
    })
}

fn snapshot(refuse: &Refusals<'_>, snapshot: &raw::Snapshot) -> Result<Snapshot, DescriptionError> {
    let raw::Snapshot { commands, every, keep } = *snapshot;
    if commands != 0 && commands < FEWEST_COMMANDS {
        let reason = format!("commands must be 0 (never for their number) or at least {FEWEST_COMMANDS}");
        return Err(refuse.within("snapshot", "commands", reason));
    }
    if every.0 != Nanos(0) && every.0 < Nanos::SECOND {
        return Err(refuse.within(
            "snapshot",
            "every",
            "every must be 0s (never for the time) or at least 1s",
        ));
    }
    if !(1..=MOST_SNAPSHOTS).contains(&keep) {
        let reason = format!("keep must lie between 1 and {MOST_SNAPSHOTS}, not {keep}");
        return Err(refuse.within("snapshot", "keep", reason));
    }
    Ok(Snapshot { commands, every: every.0, keep })
}

fn fix(refuse: &Refusals<'_>, fix: &raw::Fix) -> Result<Fix, DescriptionError> {
    if !is_comp_id(&fix.comp_id) {
        return Err(refuse.near("comp_id", COMP_ID_RULE));
    }
    if fix.heartbeat_min.0 < Nanos::SECOND || fix.heartbeat_max.0 < fix.heartbeat_min.0 {
        return Err(
            refuse.near("heartbeat_m", "heartbeat_min must be at least 1s and not above heartbeat_max")
        );
    }
    Ok(Fix {
        comp_id: fix.comp_id.clone(),
        heartbeat_min: fix.heartbeat_min.0,
        heartbeat_max: fix.heartbeat_max.0,
        logon_timeout: fix.logon_timeout.0,
        reset_on_logon: fix.reset_on_logon,
        resend_messages: fix.resend_messages.max(1),
        resend_bytes: bytes(fix.resend_bytes.0).max(4_096),
        max_connections: fix.max_connections.max(1),
    })
}

pub(super) const COMP_ID_RULE: &str =
    "a CompID must have 1 to 32 printable characters and no blank, \"=\" or \"|\"";

pub(super) fn is_comp_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'=' && b != b'|')
}
