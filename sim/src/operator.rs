//! The operator: looks now and then, and where votes are lost for good says to go on with what is there.
//!
//! It draws nothing by lot, so that runs in which it never has to speak are what they would be without it.

use crate::process::Process;
use crate::story;
use crate::world::{Due, THREADS, World};
use cluster::{Envelope, Message, Shortage, control};
use std::net::{SocketAddr, SocketAddrV4};
use wire::{Nanos, NodeId};

/// Between two looks.
const LOOK_EVERY: Nanos = Nanos::from_millis(40);
/// It speaks when so many looks in a row have shown the same.
const HESITATES: u32 = 3;

/// What the operator remembers.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    saw: Option<Shortage>,
    times: u32,
}

impl World {
    /// The operator looks, and speaks if it has seen enough.
    pub(crate) fn look_as_operator(&mut self) {
        self.schedule(self.now.saturating_add(LOOK_EVERY), Due::Operator);
        // Loggers that are away may come back with what they hold: whoever gives them up makes two histories of one.
        let short = self.shortage().filter(|(_, short)| short.missing.is_empty() && !short.may_pass());
        let Some((at, short)) = short else {
            self.operator = Operator::default();
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
