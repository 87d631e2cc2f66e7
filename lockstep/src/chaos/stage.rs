//! Where a cluster plays: what can be done to its nodes, and how it is heard.

use crate::board::Board;
use crate::local::LocalCluster;
use anyhow::Context;
use node::Description;
use rustix::process::Signal;

/// A running cluster whose nodes can be harmed.
pub trait Stage {
    /// The cluster's description.
    fn description(&self) -> &Description;

    /// What the nodes tell.
    fn board(&self) -> &Board;

    /// Hears what the nodes tell. An error if one ended that nobody killed.
    fn look(&mut self) -> anyhow::Result<()>;

    /// Ends a node's process at once.
    fn kill(&mut self, node: &str) -> anyhow::Result<()>;

    /// Starts a node again.
    fn start(&mut self, node: &str) -> anyhow::Result<()>;

    /// Stops a node's process where it stands.
    fn freeze(&mut self, node: &str) -> anyhow::Result<()>;

    /// Lets it go on.
    fn thaw(&mut self, node: &str) -> anyhow::Result<()>;

    /// Cuts a node's host off.
    fn cut(&mut self, node: &str) -> anyhow::Result<()>;

    /// Connects it again.
    fn heal(&mut self, node: &str) -> anyhow::Result<()>;

    /// Stops every node in order.
    fn stop(self: Box<Self>) -> anyhow::Result<()>;
}

impl Stage for LocalCluster {
    fn description(&self) -> &Description {
        self.description()
    }

    fn board(&self) -> &Board {
        self.board()
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.look()
    }

    fn kill(&mut self, node: &str) -> anyhow::Result<()> {
        self.kill(node)
    }

    fn start(&mut self, node: &str) -> anyhow::Result<()> {
        let entry = self.description().node(node)?.clone();
        self.start_node(&entry)
    }

    fn freeze(&mut self, node: &str) -> anyhow::Result<()> {
        self.signal(node, Signal::STOP).context("cannot freeze it")
    }

    fn thaw(&mut self, node: &str) -> anyhow::Result<()> {
        self.signal(node, Signal::CONT).context("cannot thaw it")
    }

    fn cut(&mut self, _: &str) -> anyhow::Result<()> {
        anyhow::bail!("processes of one machine cannot be cut off: that needs a lab (--lab)")
    }

    fn heal(&mut self, _: &str) -> anyhow::Result<()> {
        anyhow::bail!("nothing can be cut off here: that needs a lab (--lab)")
    }

    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        (*self).stop()
    }
}
