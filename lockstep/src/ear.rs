//! What an operator's console hears of a cluster: its control group and its nodes' accounts of themselves, together.

use crate::board::Board;
use crate::voice;
use cluster::Message;
use node::{Clock, ControlGroup, Description};
use std::net::Ipv4Addr;
use std::time::Duration;
use wire::{Nanos, NodeId};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Listens to a cluster, and may speak to it.
pub struct Ear {
    /// The cluster, as it is described.
    pub description: Description,
    /// What the nodes tell of themselves.
    pub board: Board,
    control: ControlGroup,
    clock: Clock,
}

impl Ear {
    /// Joins the cluster's groups, on the interface of this address or on the one that the description suggests.
    pub fn open(description: Description, interface: Option<Ipv4Addr>) -> anyhow::Result<Self> {
        let control = voice::open(&description, interface)?;
        let board = Board::open(&description, interface)?;
        Ok(Self { description, board, control, clock: Clock::start() })
    }

    /// Takes what has come, then rests for a moment. What was said in the control group is handed on, with who said it.
    pub fn listen(&mut self, on_message: &mut dyn FnMut(NodeId, Message)) -> anyhow::Result<()> {
        let now = self.now();
        self.control.hear(on_message)?;
        self.board.poll(now)?;
        std::thread::park_timeout(LOOK_EVERY);
        Ok(())
    }

    /// Says this in the control group. It may be lost.
    pub fn say(&mut self, message: Message) {
        self.control.say(message);
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// How a node is called.
    #[must_use]
    pub fn name(&self, node: NodeId) -> String {
        self.board.name(node)
    }
}
