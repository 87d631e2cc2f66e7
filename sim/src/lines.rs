//! The connections between clients and gateways: bytes in their order, each with its time on the way.

use crate::clients::{Act, Connection};
use crate::oracle::Verdict;
use crate::story;
use crate::world::{Due, PAUSE, RETRY, World};
use cluster::Role;
use std::collections::VecDeque;
use wire::Nanos;

/// What reaches a gateway.
pub(crate) enum Happened {
    Connected,
    Sent(Vec<u8>),
    Gone,
}

/// A connection.
pub(crate) struct Line {
    pub(crate) gateway: usize,
    pub(crate) token: u64,
    to_gateway: VecDeque<Happened>,
    to_client: VecDeque<Option<Vec<u8>>>,
    /// When what was sent last arrives, either way: nothing overtakes.
    last: [Nanos; 2],
}

impl World {
    /// A client is to look up then, unless it does so earlier anyway.
    pub(crate) fn rouse(&mut self, at: usize, when: Nanos) {
        if when < self.client_next[at] {
            self.client_next[at] = when;
            self.schedule(when, Due::Client(at));
        }
    }

    pub(crate) fn wake_client(&mut self, at: usize) -> Verdict {
        if self.client_next[at] != self.now {
            return Ok(());
        }
        self.client_next[at] = Nanos(u64::MAX);
        story::at(self.now, "client");
        let gateways: Vec<_> = self
            .places
            .iter()
            .filter(|place| place.role == Role::Gateway)
            .map(|place| place.process.as_ref().map(|_| place.token))
            .collect();
        let mut acts = Vec::new();
        self.clients.wake(at, self.now, &gateways, &self.oracle, &mut acts)?;
        for act in acts {
            match act {
                Act::Connect(connection, nth) => {
                    let Some(gateway) = self.nth(Role::Gateway, nth) else { continue };
                    let token = self.places[gateway].token;
                    let line = Line {
                        gateway,
                        token,
                        to_gateway: VecDeque::new(),
                        to_client: VecDeque::new(),
                        last: [Nanos(0); 2],
                    };
                    self.lines.insert(connection, line);
                    self.say_to_gateway(connection, Happened::Connected);
                }
                Act::Send(connection, bytes) => self.say_to_gateway(connection, Happened::Sent(bytes)),
                Act::HangUp(connection) => self.say_to_gateway(connection, Happened::Gone),
            }
        }
        let next = self.clients.next_deadline(at, self.now).max(self.now.saturating_add(RETRY));
        self.rouse(at, next);
        Ok(())
    }

    pub(crate) fn travels(&mut self, connection: Connection, direction: usize) -> Option<Nanos> {
        let takes = Nanos(20_000 + self.random.tailed(Nanos::from_micros(20)).0);
        let line = self.lines.get_mut(&connection)?;
        line.last[direction] = Nanos(line.last[direction].0.max(self.now.0 + takes.0) + 1);
        Some(line.last[direction])
    }

    pub(crate) fn say_to_gateway(&mut self, connection: Connection, what: Happened) {
        let Some(when) = self.travels(connection, 0) else { return };
        if let Some(line) = self.lines.get_mut(&connection) {
            line.to_gateway.push_back(what);
            self.schedule(when, Due::ToGateway(connection));
        }
    }

    /// `None` closes the connection.
    pub(crate) fn say_to_client(&mut self, connection: Connection, bytes: Option<Vec<u8>>) {
        let Some(when) = self.travels(connection, 1) else { return };
        if let Some(line) = self.lines.get_mut(&connection) {
            line.to_client.push_back(bytes);
            self.schedule(when, Due::ToClient(connection));
        }
    }

    /// Every connection ends, and what was on its way is gone.
    pub(crate) fn hang_up_all(&mut self) {
        for connection in std::mem::take(&mut self.lines).into_keys() {
            self.clients.handle_closed(connection, self.now);
        }
    }

    pub(crate) fn reach_gateway(&mut self, connection: Connection) {
        let Some(line) = self.lines.get_mut(&connection) else { return };
        let Some(what) = line.to_gateway.pop_front() else { return };
        let (at, token) = (line.gateway, line.token);
        if matches!(what, Happened::Gone) {
            self.lines.remove(&connection);
        }
        if self.places[at].process.is_some() && self.places[at].token == token {
            self.places[at].inbox.push_back((connection, what));
            self.wake(at, 0, PAUSE);
        }
    }

    pub(crate) fn reach_client(&mut self, connection: Connection) -> Verdict {
        let Some(bytes) = self.lines.get_mut(&connection).and_then(|line| line.to_client.pop_front()) else {
            return Ok(());
        };
        let Some(client) = self.clients.of(connection) else { return Ok(()) };
        match bytes {
            Some(bytes) => self.clients.handle_bytes(connection, self.now, &bytes),
            None => {
                self.clients.handle_closed(connection, self.now);
                self.lines.remove(&connection);
            }
        }
        self.rouse(client, Nanos(self.now.0 + 1));
        Ok(())
    }
}
