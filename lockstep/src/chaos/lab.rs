//! A lab as a stage: this program runs on the lab's client host, and `scripts/lab` does the harm.

use super::stage::Stage;
use crate::board::Board;
use anyhow::Context;
use node::{Clock, Description};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The order in which nodes are stopped: see [`crate::local::LocalCluster::stop`].
const STOPPING: [&str; 5] = ["gateway", "supervisor", "sequencer", "engine", "logger"];

/// A cluster in a lab.
pub struct Lab {
    description: Description,
    board: Board,
    clock: Clock,
    script: PathBuf,
    id: String,
}

impl Lab {
    /// The lab of this id, which is up.
    pub fn open(description: Description, script: PathBuf, id: String) -> anyhow::Result<Self> {
        let interface = crate::lab::CLIENT_ADDRESS;
        let board = Board::open(&description, Some(interface))?;
        Ok(Self { description, board, clock: Clock::start(), script, id })
    }

    fn must(&self, command: &[&str]) -> anyhow::Result<()> {
        let output = Command::new(&self.script)
            .args(["--lab", &self.id])
            .args(command)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", self.script.display()))?;
        let words = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "scripts/lab {}: {}", command.join(" "), words.trim());
        Ok(())
    }
}

impl Stage for Lab {
    fn description(&self) -> &Description {
        &self.description
    }

    fn board(&self) -> &Board {
        &self.board
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.board.poll(self.clock.now())?;
        Ok(())
    }

    fn kill(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["kill", node])
    }

    fn start(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["start", node])
    }

    fn freeze(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["freeze", node])
    }

    fn thaw(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["thaw", node])
    }

    fn cut(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["cut", node])
    }

    fn heal(&mut self, node: &str) -> anyhow::Result<()> {
        self.must(&["heal", node])
    }

    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        for role in STOPPING {
            for node in self.description.nodes.iter().filter(|node| node.role.name() == role) {
                self.must(&["kill", &node.name, "TERM"])?;
            }
        }
        Ok(())
    }
}
