//! A cluster on this machine: one process a node, started together and stopped together.

use crate::board::{Board, Settling};
use anyhow::Context;
use node::{Clock, Description, NodeEntry, Shutdown};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use wire::Nanos;

/// How long the cluster may take to be up.
const START_PATIENCE: Nanos = Nanos(20_000_000_000);
/// How long a node may take to stop by itself before it is killed.
const STOP_PATIENCE: Nanos = Nanos(10_000_000_000);
/// Time between two looks at what is going on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One node's process.
struct Process {
    node: NodeEntry,
    child: Child,
    log: PathBuf,
}

/// A running cluster. Dropped, it is killed.
pub struct LocalCluster {
    description: Description,
    binaries: PathBuf,
    /// What is added to the environment of a node, by its name.
    environment: BTreeMap<String, Vec<(&'static str, &'static str)>>,
    clock: Clock,
    board: Board,
    processes: Vec<Process>,
    /// Killed, and their end not waited for yet.
    dying: Vec<Process>,
}

impl LocalCluster {
    /// Starts every node of the description, with the binaries of a directory.
    pub fn start(description: Description, binaries: &Path) -> anyhow::Result<Self> {
        Self::start_with(description, binaries, |_| Vec::new())
    }

    /// The same, with more in the environment of some nodes, which are given by name.
    pub fn start_with(
        description: Description,
        binaries: &Path,
        environment: impl Fn(&str) -> Vec<(&'static str, &'static str)>,
    ) -> anyhow::Result<Self> {
        let board = Board::open(&description, None)?;
        let of = |node: &NodeEntry| (node.name.clone(), environment(&node.name));
        let mut cluster = Self {
            environment: description.nodes.iter().map(of).collect(),
            description,
            binaries: binaries.to_owned(),
            clock: Clock::start(),
            board,
            processes: Vec::new(),
            dying: Vec::new(),
        };
        for node in cluster.description.nodes.clone() {
            cluster.start_node(&node)?;
        }
        Ok(cluster)
    }

    /// Starts one node: at the beginning, or again after it was stopped.
    pub fn start_node(&mut self, node: &NodeEntry) -> anyhow::Result<()> {
        // What it holds (ports, a lock on its log) is free only when the kernel has cleared it away.
        for process in self.dying.iter_mut().filter(|process| process.node.name == node.name) {
            process.child.wait()?;
        }
        self.dying.retain(|process| process.node.name != node.name);
        let binary = self.binaries.join(node.role.name());
        anyhow::ensure!(
            binary.exists(),
            "there is no {}: build all binaries first, with `cargo build --workspace --bins`",
            binary.display()
        );
        let directory = self.description.data_of(node);
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let log = directory.join("node.log");
        let to = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(&binary)
            .arg("--config")
            .arg(&self.description.path)
            .arg("--node")
            .arg(&node.name)
            .arg("--with-parent")
            .envs(self.environment.get(&node.name).into_iter().flatten().copied())
            // Ctrl-C in a terminal is for this program alone, which then stops the nodes in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(to)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        self.processes.push(Process { node: node.clone(), child, log });
        Ok(())
    }

    /// Waits until every node is up and the gateways take clients.
    pub fn wait_until_ready(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let missing = |cluster: &Self| cluster.board.missing();
        self.wait_until(START_PATIENCE, shutdown, "the cluster to be up", missing)
    }

    /// Waits until every node has everything that was stamped until now, and the engines agree on it.
    pub fn wait_until_settled(&mut self, patience: Nanos, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut settling = Settling::since(self.clock.now());
        let missing = move |cluster: &Self| settling.missing(&cluster.board);
        self.wait_until(patience, shutdown, "everyone to have everything", missing)
    }

    fn wait_until(
        &mut self,
        patience: Nanos,
        shutdown: &Shutdown,
        what: &str,
        mut missing: impl FnMut(&Self) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let until = self.clock.now().saturating_add(patience);
        loop {
            self.look()?;
            let missing = missing(self);
            if missing.is_empty() {
                return Ok(());
            }
            anyhow::ensure!(!shutdown.requested(), "stopped while waiting for {what}");
            anyhow::ensure!(
                self.clock.now() < until,
                "waited {} s for {what}; still missing: {}",
                patience.0 / 1_000_000_000,
                missing.join("; ")
            );
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Hears what nodes tell, and looks whether all are alive.
    pub fn look(&mut self) -> anyhow::Result<()> {
        self.board.poll(self.clock.now())?;
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait()? {
                anyhow::bail!("{}", obituary(&process.node, status, &process.log));
            }
        }
        Ok(())
    }

    /// Stops every node in order, gateways first, and waits for them. An error if one did not stop well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let mut troubles = Vec::new();
        // Clients are told first; supervisors must not name another sequencer, which goes before those who keep what it said.
        for role in ["gateway", "supervisor", "sequencer", "engine", "logger"] {
            let (going, staying): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.processes).into_iter().partition(|p| p.node.role.name() == role);
            self.processes = staying;
            for process in &going {
                signal(&process.child, Signal::TERM);
            }
            for mut process in going {
                match self.wait_for_end(&mut process)? {
                    status if status.success() => {}
                    status => troubles.push(obituary(&process.node, status, &process.log)),
                }
            }
        }
        anyhow::ensure!(troubles.is_empty(), "{}", troubles.join("\n"));
        Ok(())
    }

    /// Ends one node's process at once, as a crash would. It does nothing more when this returns; clearing it away takes the
    /// kernel some time yet, which the next start of the node waits for.
    pub fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let at = self.processes.iter().position(|p| p.node.name == name);
        let mut process =
            self.processes.remove(at.with_context(|| format!("no node \"{name}\" is running"))?);
        process.child.kill()?;
        self.dying.push(process);
        Ok(())
    }

    /// Ends every process at once, as a power cut would, and waits until the kernel has cleared them away.
    pub fn kill_all(mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            process.child.kill()?;
        }
        Ok(())
    }

    /// Sends a signal to one node's process.
    pub fn signal(&self, name: &str, which: Signal) -> anyhow::Result<()> {
        let process = self.processes.iter().find(|process| process.node.name == name);
        signal(&process.with_context(|| format!("no node \"{name}\" is running"))?.child, which);
        Ok(())
    }

    fn wait_for_end(&self, process: &mut Process) -> anyhow::Result<ExitStatus> {
        let until = self.clock.now().saturating_add(STOP_PATIENCE);
        loop {
            if let Some(status) = process.child.try_wait()? {
                return Ok(status);
            }
            if self.clock.now() >= until {
                tracing::warn!(node = process.node.name, "did not stop in time; killing it");
                process.child.kill()?;
                return Ok(process.child.wait()?);
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// The cluster's description.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What the nodes tell.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The clock by which the board's times are.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().chain(&mut self.dying) {
            // It may be gone already; then there is nothing to do.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    // A process that is gone already needs no signal.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// What is known of the end of a process: how it ended and its last log lines.
fn obituary(node: &NodeEntry, status: ExitStatus, log: &Path) -> String {
    const LAST_LINES: usize = 5;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n    ");
    format!("node \"{}\" ended ({status}); its log {} ends with:\n    {last}", node.name, log.display())
}

/// The directory of the binaries: where this program lies.
pub fn binaries_beside_this_one() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find out where this program lies")?;
    Ok(this.parent().context("this program lies nowhere")?.to_owned())
}
