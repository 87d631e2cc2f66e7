//! The operator: looks now and then. Where votes are lost for good it says to go on with what is there; where an engine stops
//! before a command that made it panic, to leave that out.
//!
//! It draws nothing by lot, so that runs in which it never has to speak are what they would be without it.

use crate::process::Process;
use crate::story;
use crate::world::{Due, THREADS, World};
use cluster::{Envelope, Message, Quarantine, Shortage, control};
use std::net::{SocketAddr, SocketAddrV4};
use wire::{Nanos, NodeId, OperatorName, Position, Why};

/// Between two looks.
const LOOK_EVERY: Nanos = Nanos::from_millis(40);
/// It speaks when so many looks in a row have shown the same.
const HESITATES: u32 = 3;

/// What the operator remembers.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    saw: Option<Shortage>,
    times: u32,
    /// Before which command an engine stops, and for how many looks it has.
    stops: Option<Position>,
    stopped_for: u32,
}

impl World {
    /// The operator looks, and speaks if it has seen enough.
    pub(crate) fn look_as_operator(&mut self) {
        self.schedule(self.now.saturating_add(LOOK_EVERY), Due::Operator);
        self.look_at_engines();
        // Loggers that are away may come back with what they hold: whoever gives them up makes two histories of one.
        let short = self.shortage().filter(|(_, short)| short.missing.is_empty() && !short.may_pass());
        let Some((at, short)) = short else {
            (self.operator.saw, self.operator.times) = (None, 0);
            return;
        };
        let same = self.operator.saw.as_ref() == Some(&short);
        self.operator.times = if same { self.operator.times + 1 } else { 1 };
        if self.operator.times >= HESITATES {
            story::at(self.now, "operator");
            story::tell(format_args!("accepts the loss: {short:?}"));
            story::count("operator accepted a loss");
            self.say_as_operator(at, Message::Recover(short.accepted()));
        }
        self.operator.saw = Some(short);
    }

    /// The operator looks whether an engine stops before a command.
    fn look_at_engines(&mut self) {
        let stops = self.places.iter().enumerate().find_map(|(at, place)| match &place.process {
            Some(Process::Engine(node)) => Some((at, node.receiver.stopped()?)),
            _ => None,
        });
        let same = stops.is_some() && self.operator.stops == stops.map(|(_, place)| place);
        self.operator.stopped_for = if same { self.operator.stopped_for + 1 } else { 0 };
        self.operator.stops = stops.map(|(_, place)| place);
        if let Some((at, position)) = stops.filter(|_| self.operator.stopped_for >= HESITATES) {
            story::at(self.now, "operator");
            story::tell(format_args!("quarantines {position}"));
            story::count("operator quarantined");
            let by = OperatorName::new(b"operator").expect("short");
            let why = Why::new(b"it panics").expect("short");
            self.say_as_operator(at, Message::Quarantine(Quarantine { position, by, why }));
        }
    }

    /// What the supervisor that leads is short of, and where it is.
    fn shortage(&self) -> Option<(usize, Shortage)> {
        let leader = self.nth(cluster::Role::Supervisor, self.council.borrow().leader()?)?;
        match &self.places[leader].process {
            Some(Process::Supervisor(node)) => Some((leader, node.core().shortage()?.clone())),
            _ => None,
        }
    }

    /// Says something in the control group, at the host of this node.
    fn say_as_operator(&mut self, at: usize, message: Message) {
        let envelope = Envelope { cluster: self.description.cluster_id(), from: NodeId(0), message };
        let Ok(bytes) = control::encode(&envelope) else { return };
        let from = SocketAddrV4::new(*self.description.nodes[at].address.ip(), 0);
        let group = SocketAddr::V4(self.description.streams.control);
        let mut network = self.network.borrow_mut();
        let socket = network.open(at, at * THREADS, from);
        // What is lost is said again at the next look.
        let _ = network.send(socket, group, &bytes);
        network.close(socket);
    }
}
