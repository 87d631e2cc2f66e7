//! The sequencer's binary: one thread, one socket for commands, one stream out.

#![forbid(unsafe_code)]

use anyhow::Context;
use bus::mold::{Packet, RequestPacket};
use bus::{Datagrams, MulticastPublication, Publication, Session, StreamKind};
use clap::Parser;
use cluster::status::{Detail, Traffic};
use cluster::{Lane, Role};
use node::beacon::Account;
use node::streams::FIRST_EPOCH;
use node::{Beacon, Clock, Duty, NodeArgs, Started};
use sequencer::{Genesis, Sequencer, Stamper};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;
use wire::command::DefineInstrument;
use wire::{Nanos, NodeId, Position};

/// Batches of datagrams taken in one cycle before what was stamped goes out.
const BATCHES_A_CYCLE: usize = 4;
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
    let mut agent = SequencerAgent::open(&started)?;
    let Started { node, clock, shutdown, .. } = &started;
    node::run(&mut agent, *clock, node.idle, node.pin.first().copied(), shutdown)?;
    agent.farewell(*clock)?;
    tracing::info!(position = %agent.core.position(), "stopped");
    Ok(())
}

struct SequencerAgent {
    core: Sequencer,
    tag: [u8; 3],
    commands: Datagrams,
    /// Where each gateway is asked to send again.
    gateways: BTreeMap<NodeId, SocketAddr>,
    stream: MulticastPublication,
    beacon: Beacon,
    /// Datagrams that are no packet of this cluster's gateways.
    unusable: u64,
    datagrams: u64,
    requested: u64,
    farewell_quiet: Nanos,
}

impl SequencerAgent {
    fn open(started: &Started) -> anyhow::Result<Self> {
        let Started { description, node, clock, .. } = started;
        let data = description.data_of(node);
        let stamper = Stamper::new(node.id, FIRST_EPOCH, Position::GENESIS, Nanos(0));
        let gateways: BTreeMap<_, _> =
            description.nodes_of(Role::Gateway).map(|g| (g.id, SocketAddr::V4(g.address))).collect();
        let mut core =
            Sequencer::new(stamper, gateways.keys().copied(), description.gap(), description.timing.tick);
        let mut stream = description.publish_sequenced(node, FIRST_EPOCH, 1)?;
        let commands = description.take_commands(node)?;
        let beacon = Beacon::open(description, node)?;
        // Last of all that can fail: who could not even bind a port has not begun the epoch.
        refuse_second_life(&data)?;
        let now = clock.now();
        let genesis = Genesis {
            cluster: description.cluster_id(),
            nonce: now.0,
            loggers: description.nodes_of(Role::Logger).map(|logger| logger.id).collect(),
            instruments: description
                .instruments
                .iter()
                .map(|i| DefineInstrument {
                    instrument: i.id,
                    price_decimals: i.price_decimals,
                    reserved: [0; 3],
                    tick: i.tick,
                    lot: i.lot,
                    symbol: i.symbol,
                })
                .collect(),
        };
        core.begin(now, &genesis, &mut |frame| {
            stream.publish(frame);
        });
        tracing::info!(epoch = %FIRST_EPOCH, position = %core.position(), instruments = genesis.instruments.len(), "epoch begun");
        Ok(Self {
            core,
            tag: description.tag,
            commands,
            gateways,
            stream,
            beacon,
            unusable: 0,
            datagrams: 0,
            requested: 0,
            farewell_quiet: FAREWELL_QUIET.max(Nanos(3 * description.timing.repair_retry.0)),
        })
    }

    /// Tells the followers where the stream ends, and answers them until all are content: what one of them misses of the
    /// end could be had from nobody else.
    fn farewell(&mut self, clock: Clock) -> anyhow::Result<()> {
        let began = clock.now();
        self.stream.publisher_mut().end_of_session();
        let (mut asked, mut quiet_since) = (self.stream.stats().publisher.repair.requests, began);
        loop {
            let now = clock.now();
            self.stream.do_work(now).context("cannot send the end of the sequenced stream")?;
            let requests = self.stream.stats().publisher.repair.requests;
            if requests > asked {
                (asked, quiet_since) = (requests, now);
            }
            if now.since(quiet_since) >= self.farewell_quiet || now.since(began) >= FAREWELL_LONGEST {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn take_commands(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { core, stream, commands, unusable, datagrams, tag, .. } = self;
        let mut work = 0;
        for _ in 0..BATCHES_A_CYCLE {
            let received = commands
                .recv(|_, bytes| {
                    *datagrams += 1;
                    let Some((lane, packet)) = of_gateway(*tag, bytes) else {
                        *unusable += 1;
                        return;
                    };
                    let stamped = core.handle_packet(now, lane, &packet, &mut |frame| {
                        stream.publish(frame);
                    });
                    if let Err(refusal) = stamped {
                        tracing::error!(%refusal, "a gateway broke the protocol: nothing more is taken of this incarnation; restart it");
                    }
                })
                .context("cannot receive commands")?;
            work += received;
            if received == 0 {
                break;
            }
        }
        Ok(work)
    }

    fn ask_again(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = 0;
        while let Some((lane, request)) = self.core.poll_request(now) {
            work += 1;
            self.requested += u64::from(request.count);
            let number = lane.session_number().expect("a lane is made from its session number");
            let session = Session::new(self.tag, StreamKind::Commands, number)?.to_bytes();
            let packet = RequestPacket { session, first: request.first, count: request.count }.to_bytes();
            if let Some(gateway) = self.gateways.get(&lane.gateway) {
                self.commands.send_to(&packet, *gateway).context("cannot ask a gateway for commands")?;
            }
        }
        Ok(work)
    }

    fn account(&self) -> Account {
        let counters = self.core.counters();
        Account {
            epoch: self.core.epoch(),
            position: self.core.position(),
            lag: 0,
            traffic: Traffic {
                datagrams: self.datagrams,
                delivered: counters.stamped,
                duplicates: self.core.duplicates(),
                repaired: self.requested,
                unusable: self.unusable,
            },
            detail: Detail::Sequencer {
                lanes: u32::try_from(self.core.open_lanes()).unwrap_or(u32::MAX),
                refused: counters.refused_packets,
                closed_lanes: counters.closed_lanes,
            },
        }
    }
}

impl Duty for SequencerAgent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = self.take_commands(now)?;
        let stream = &mut self.stream;
        work += self.core.handle_time(now, &mut |frame| {
            stream.publish(frame);
        });
        work += self.stream.do_work(now).context("cannot publish the sequenced stream")?;
        work += self.ask_again(now)?;
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let own = self.core.next_deadline().min(self.beacon.next_deadline());
        Some(self.stream.next_deadline().map_or(own, |at| at.min(own)))
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        out.push(self.commands.as_raw_fd());
        self.stream.descriptors(out);
    }
}

/// The packet and its lane, if it is one of this cluster's command streams.
fn of_gateway(tag: [u8; 3], bytes: &[u8]) -> Option<(Lane, Packet<'_>)> {
    let packet = Packet::parse(bytes).ok()?;
    let session = Session::parse(packet.session()).ok()?;
    if session.tag() != tag || session.stream() != StreamKind::Commands {
        return None;
    }
    Some((Lane::from_session_number(session.number())?, packet))
}

/// A sequencer process that starts again must not go on in the epoch of its former life: it does not know what it stamped
/// last. Until a supervisor can grant it a new epoch, it does not start at all.
fn refuse_second_life(data: &std::path::Path) -> anyhow::Result<()> {
    let marker = data.join(format!("epoch-{FIRST_EPOCH}"));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&marker);
    match file {
        // Its name must survive a power cut as well.
        Ok(file) => file
            .sync_all()
            .and_then(|()| std::fs::File::open(data)?.sync_all())
            .with_context(|| format!("cannot write {}", marker.display())),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => anyhow::bail!(
            "this sequencer has begun epoch {FIRST_EPOCH} before (there is {}), and a restarted sequencer must not go on in the \
             same epoch. A new epoch needs a supervisor, which this release does not have yet: start a cluster with an empty \
             data directory; the old log stays readable with `logger dump`",
            marker.display()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", marker.display())),
    }
}
