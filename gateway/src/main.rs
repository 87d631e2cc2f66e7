//! The gateway's binary: one thread, clients over TCP, commands out, sequenced stream and events in.

#![forbid(unsafe_code)]

mod life;
mod net;

use anyhow::Context;
use bus::{Delivery, MulticastPublication, MulticastSubscription, Publication, Subscription};
use clap::Parser;
use cluster::status::Detail;
use cluster::{Lane, Role};
use gateway::{ClientEntry, Gateway, GatewayConfig, Output};
use net::{ClientNet, Happened};
use node::beacon::{Account, received};
use node::streams::FIRST_EPOCH;
use node::{Beacon, Duty, NodeArgs, Started};
use std::os::fd::RawFd;
use std::process::ExitCode;
use wire::{Event, Frame, Nanos, Position};

/// Bytes that may wait for a slow reader beside a whole resend.
const LIVE_BACKLOG: usize = 16 << 20;
/// What a resend adds to a kept message at the most: header and trailer.
const RESEND_OVERHEAD: usize = 512;

fn main() -> ExitCode {
    node::exit(run(&NodeArgs::parse()))
}

fn run(arguments: &NodeArgs) -> anyhow::Result<()> {
    let started = node::start(arguments, Role::Gateway)?;
    let mut agent = GatewayAgent::open(&started)?;
    let Started { node, clock, shutdown, .. } = &started;
    node::run(&mut agent, *clock, node.idle, node.pin.first().copied(), shutdown)?;
    agent.farewell(clock.now())?;
    tracing::info!(position = %agent.position, "stopped");
    Ok(())
}

struct GatewayAgent {
    core: Gateway,
    lane: Lane,
    clients: ClientNet,
    commands: MulticastPublication,
    sequenced: MulticastSubscription,
    events: MulticastSubscription,
    beacon: Beacon,
    /// The last position seen in the sequenced stream.
    position: Position,
}

impl GatewayAgent {
    fn open(started: &Started) -> anyhow::Result<Self> {
        let Started { description, node, clock, .. } = started;
        let fix = &description.fix;
        let address = node.fix.expect("validated: every gateway has an address for FIX");
        let longest_resend = fix.resend_bytes + fix.resend_messages * RESEND_OVERHEAD;
        let clients = ClientNet::listen(address, fix.max_connections, LIVE_BACKLOG + longest_resend)?;
        let incarnation = life::next_incarnation(&description.data_of(node))?;
        let lane = Lane { gateway: node.id, incarnation };
        let mut commands = description.publish_commands(node, lane)?;
        let seconds = |nanos: Nanos| nanos.0 / Nanos::SECOND.0;
        let mut core = Gateway::new(&GatewayConfig {
            lane,
            comp_id: fix.comp_id.clone(),
            clients: description
                .sessions
                .iter()
                .map(|session| ClientEntry { session: session.id, comp_id: session.comp_id.clone() })
                .collect(),
            heartbeat_limits_secs: (seconds(fix.heartbeat_min), seconds(fix.heartbeat_max)),
            logon_timeout: fix.logon_timeout,
            reset_on_logon: fix.reset_on_logon,
            resend_messages: fix.resend_messages,
            resend_bytes: fix.resend_bytes,
            in_flight_limit: description.rings.commands as u64,
        });
        core.begin(clock.now(), &mut |output| {
            if let Output::Command(frame) = output {
                commands.publish(frame);
            }
        });
        tracing::info!(%address, comp_id = fix.comp_id, %incarnation, sessions = description.sessions.len(), "listening for FIX clients");
        Ok(Self {
            core,
            lane,
            clients,
            commands,
            sequenced: description.follow_sequenced(node, FIRST_EPOCH, 1)?,
            events: description.follow_events(node, FIRST_EPOCH, 1)?,
            beacon: Beacon::open(description, node)?,
            position: Position::GENESIS,
        })
    }

    /// Says goodbye to the clients, and sends what the exchange must know of it.
    fn farewell(&mut self, now: Nanos) -> anyhow::Result<()> {
        let Self { core, clients, commands, .. } = self;
        core.handle_shutdown(now, &mut |output| carry_out(output, clients, commands));
        commands.do_work(now).context("cannot send commands")?;
        Ok(())
    }

    fn follow(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { core, sequenced, events, commands, position, .. } = self;
        let (mut unreadable, mut overtaken) = (None, None);
        let mut work = sequenced
            .poll(now, &mut |_, bytes| match Frame::read(bytes) {
                Ok(frame) => {
                    if let Err(error) = core.handle_sequenced(&frame) {
                        overtaken = Some(error);
                        return Delivery::Refused;
                    }
                    *position = frame.position();
                    Delivery::Accepted
                }
                Err(error) => {
                    unreadable = Some(error);
                    Delivery::Refused
                }
            })
            .context("cannot receive the sequenced stream")?;
        if let Some(error) = overtaken {
            return Err(error.into());
        }
        commands.publisher_mut().release_below(core.admission().sequenced() + 1);
        work += events
            .poll(now, &mut |_, bytes| match Event::read(bytes)
                .and_then(|event| core.handle_event(now, &event))
            {
                Ok(()) => Delivery::Accepted,
                Err(error) => {
                    unreadable = Some(error);
                    Delivery::Refused
                }
            })
            .context("cannot receive events")?;
        match unreadable {
            Some(error) => Err(error).context("a stream holds what this gateway cannot read"),
            None => Ok(work),
        }
    }

    fn serve(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { core, clients, commands, .. } = self;
        let mut work = clients.poll(now, |clients, connection, happened| match happened {
            Happened::Connected => core.handle_connected(now, connection),
            Happened::Sent(bytes) => {
                core.handle_bytes(now, connection, bytes, &mut |output| carry_out(output, clients, commands));
            }
            Happened::Disconnected => {
                core.handle_disconnected(now, connection, &mut |output| carry_out(output, clients, commands));
            }
        })?;
        work += core.handle_time(now, &mut |output| carry_out(output, clients, commands));
        Ok(work)
    }

    fn account(&self) -> Account {
        let admission = self.core.admission();
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Account {
            epoch: FIRST_EPOCH,
            position: self.position,
            lag: self.sequenced.lag() + self.events.lag(),
            traffic: received(&self.sequenced.stats()).plus(received(&self.events.stats())),
            detail: Detail::Gateway {
                incarnation: self.lane.incarnation,
                open: self.core.is_open(),
                connections: count(self.clients.len() as u64),
                sessions: count(self.core.logged_on() as u64),
                in_flight: count(admission.in_flight()),
                in_flight_limit: count(admission.limit()),
                shed: self.core.shed(),
                outbound: self.core.outbound(),
            },
        }
    }
}

/// Does what the core wants done.
fn carry_out(output: Output<'_>, clients: &mut ClientNet, commands: &mut MulticastPublication) {
    match output {
        Output::Command(frame) => {
            commands.publish(frame);
        }
        Output::Transmit(connection, bytes) => clients.transmit(connection, bytes),
        Output::Close(connection) => clients.close(connection),
    }
}

impl Duty for GatewayAgent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = self.follow(now)?;
        work += self.serve(now)?;
        work += self.commands.do_work(now).context("cannot send commands")?;
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let streams = self.sequenced.next_deadline().into_iter().chain(self.events.next_deadline());
        let own = self.core.next_deadline().into_iter().chain(self.commands.next_deadline());
        streams.chain(own).chain([self.beacon.next_deadline()]).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        out.push(self.clients.descriptor());
        self.commands.descriptors(out);
        self.sequenced.descriptors(out);
        self.events.descriptors(out);
    }
}
