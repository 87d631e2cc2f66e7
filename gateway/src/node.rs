//! A gateway: the clients' sessions and the way to the exchange, driven together.

use crate::clients::{ConnectionId, Gateway, GatewayConfig, Output};
use crate::link::{GatewayLink, GatewayPorts, Told};
use crate::settings::GatewaySettings;
use bus::Transport;
use cluster::status::Detail;
use std::os::fd::RawFd;
use wire::{Epoch, Nanos, Position};

/// What is to be done with a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOutput<'a> {
    /// Send these bytes.
    Transmit(ConnectionId, &'a [u8]),
    /// Send what is still waiting, then close it. It will not be heard of again.
    Close(ConnectionId),
}

/// Where they go.
type Out<'o> = &'o mut dyn FnMut(ClientOutput<'_>);

/// A gateway without its clients' sockets.
pub struct GatewayNode<T: Transport> {
    core: Gateway,
    link: GatewayLink<T>,
    /// Connections of clients.
    connections: u32,
}

impl<T: Transport> GatewayNode<T> {
    /// A gateway that knows nothing yet.
    #[must_use]
    pub fn new(config: &GatewayConfig, settings: GatewaySettings, ports: GatewayPorts<T>) -> Self {
        Self { core: Gateway::new(config), link: GatewayLink::new(settings, ports), connections: 0 }
    }

    /// Hears the exchange, tells clients what may be told, sends commands. Tells how much it did; 0 only when nothing is
    /// left to be done. What clients did is handed in before it.
    ///
    /// # Errors
    /// What ends this process: a stream that cannot be read or followed, or a later life of this gateway.
    pub fn do_work(&mut self, now: Nanos, out: Out<'_>) -> anyhow::Result<usize> {
        let Self { core, link, .. } = self;
        let (mut work, begun) = link.hear_control(now)?;
        core.set_halted(link.is_halted());
        if let Some(incarnation) = begun {
            tracing::info!(%incarnation, "this process was given a life; opening it at the exchange");
            link.begin_commands(incarnation);
            core.begin(now, incarnation, &mut |output| carry(output, link, out))?;
        }
        work += link.hear_acks()?;
        work += link.take_past(now, &mut |past| match past {
            Told::Known(known) => core.begin_with(*known),
            Told::Committed(command) => core.handle_committed(command),
        })?;
        let mut overtaken = Ok(());
        work += link.hear_sequenced(now, &mut |command| {
            if let Err(error) = core.handle_committed(command) {
                overtaken = Err(error);
            }
        })?;
        overtaken?;
        link.forget_commands(core.admission().committed());
        work += link.hear_events(now, &mut |event| core.handle_event(now, event))?;
        work += core.handle_time(now, &mut |output| carry(output, link, out));
        work += link.send_commands(now)?;
        work += link.say_present(now, core.incarnation(), core.is_open());
        work += link.tell_status(now, |link| detail(core, link, self.connections));
        Ok(work)
    }

    /// A client has connected.
    pub fn handle_connected(&mut self, now: Nanos, connection: ConnectionId) {
        self.core.handle_connected(now, connection);
    }

    /// A client has sent bytes.
    pub fn handle_bytes(&mut self, now: Nanos, connection: ConnectionId, bytes: &[u8], out: Out<'_>) {
        let Self { core, link, .. } = self;
        core.handle_bytes(now, connection, bytes, &mut |output| carry(output, link, out));
    }

    /// A client's connection is lost.
    pub fn handle_disconnected(&mut self, now: Nanos, connection: ConnectionId, out: Out<'_>) {
        let Self { core, link, .. } = self;
        core.handle_disconnected(now, connection, &mut |output| carry(output, link, out));
    }

    /// Says goodbye to the clients, and sends what the exchange must know of it. What does not arrive is not sent again:
    /// the next life of this gateway ends the sessions of this one.
    ///
    /// # Errors
    /// As [`GatewayNode::do_work`].
    pub fn handle_shutdown(&mut self, now: Nanos, out: Out<'_>) -> anyhow::Result<()> {
        let Self { core, link, .. } = self;
        core.handle_shutdown(now, &mut |output| carry(output, link, out));
        link.send_commands(now)?;
        Ok(())
    }

    /// How many connections its status tells.
    pub fn set_connections(&mut self, connections: u32) {
        self.connections = connections;
    }

    /// The clients' side, to look at.
    #[must_use]
    pub fn core(&self) -> &Gateway {
        &self.core
    }

    /// The epoch that it follows.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.link.following().epoch()
    }

    /// The last place that it has received.
    #[must_use]
    pub fn position(&self) -> Position {
        self.link.following().last()
    }

    /// The last place that it knows to be committed.
    #[must_use]
    pub fn committed(&self) -> Position {
        self.link.committed()
    }

    /// Events that it has dropped since the history does not hold their cause.
    #[must_use]
    pub fn void_events(&self) -> u64 {
        self.link.releases().void()
    }

    /// The next moment at which there will be work even if no descriptor speaks.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.core.next_deadline().into_iter().chain(self.link.next_deadline()).min()
    }

    /// The descriptors to wait for.
    pub fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.link.descriptors(out);
    }
}

/// Does what the core wants done: commands through the link, the rest is the clients'.
fn carry<T: Transport>(output: Output<'_>, link: &mut GatewayLink<T>, out: Out<'_>) {
    match output {
        Output::Command(frame) => link.publish(frame),
        Output::Transmit(connection, bytes) => out(ClientOutput::Transmit(connection, bytes)),
        Output::Close(connection) => out(ClientOutput::Close(connection)),
    }
}

fn detail<T: Transport>(core: &Gateway, link: &GatewayLink<T>, connections: u32) -> Detail {
    let admission = core.admission();
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Detail::Gateway {
        incarnation: core.incarnation(),
        open: core.is_open(),
        connections,
        sessions: count(core.logged_on() as u64),
        in_flight: count(admission.in_flight()),
        in_flight_limit: count(admission.limit()),
        halted: core.is_halted(),
        shed: core.shed(),
        outbound: core.outbound(),
        committed: link.committed().seq,
        void: link.releases().void(),
    }
}
