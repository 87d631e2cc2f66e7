//! A supervisor: it hears who is there, decides through the control log, and tells what stands decided.

use anyhow::Context;
use bus::Transport;
use cluster::status::{Detail, Traffic};
use cluster::supervision::{Roster, Timeouts, Undecided};
use cluster::{ControlLog, Dispute, Fenced, Message, Quarantine, Record, Shortage, Supervisor};
use node::beacon::Account;
use node::{Beacon, ControlGroup, Duty};
use std::os::fd::RawFd;
use wire::{Digest, Nanos, NodeId, Position};

/// What a supervisor hears and speaks through.
#[derive(Debug)]
pub struct SupervisorPorts<T: Transport, L> {
    /// Who is there, who leads; grants.
    pub control: ControlGroup<T::Socket>,
    /// What the supervisors have decided.
    pub log: L,
    /// Its account of itself.
    pub beacon: Beacon<T::Socket>,
}

/// A supervisor.
#[derive(Debug)]
pub struct SupervisorNode<T: Transport, L> {
    ports: SupervisorPorts<T, L>,
    core: Supervisor,
    heard: u64,
    applied: u64,
}

impl<T: Transport, L: ControlLog> SupervisorNode<T, L> {
    /// A supervisor that has decided nothing yet, or will hear from its log what it has.
    pub fn new(roster: Roster, timeouts: Timeouts, ports: SupervisorPorts<T, L>) -> Self {
        Self { ports, core: Supervisor::new(roster, timeouts), heard: 0, applied: 0 }
    }

    /// What it judges by.
    #[must_use]
    pub fn core(&self) -> &Supervisor {
        &self.core
    }

    /// The control log.
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.ports.log
    }

    fn apply(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while let Some(record) = self.ports.log.poll_applied() {
            work += 1;
            self.applied += 1;
            if self.core.handle_applied(now, &record) {
                tell(&record, &self.core);
            } else {
                tracing::debug!(?record, "decided too late: something else stands by now");
            }
        }
        work
    }

    fn decide(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        while self.ports.log.may_propose()
            && let Some(record) = self.core.poll_proposal(now)
        {
            tracing::info!(?record, "proposing");
            self.ports.log.propose(record);
            work += 1;
        }
        if self.ports.log.may_propose()
            && let Some(short) = self.core.poll_plea(now)
        {
            plead(&short);
        }
        if self.ports.log.may_propose()
            && let Some(why) = self.core.poll_reminder(now)
        {
            remind(&why, &self.core);
        }
        while let Some(message) = self.core.poll_announcement(now) {
            if let Message::NotQuarantined { position, why } = &message {
                tracing::warn!(%position, "an operator asked to leave this command out, and it is not done: {why}");
            }
            self.ports.control.say(message);
            work += 1;
        }
        work
    }

    fn account(&self) -> Account {
        let control = self.core.control();
        let leading = self.core.leading();
        Account {
            epoch: control.epoch(),
            position: leading.map_or(Position::GENESIS, |leading| leading.committed),
            lag: 0,
            traffic: Traffic {
                datagrams: self.heard,
                delivered: self.applied,
                unusable: self.ports.control.unusable(),
                ..Traffic::default()
            },
            detail: Detail::Supervisor {
                leads: self.ports.log.may_propose(),
                sequencer: control.highest_grant().map(|grant| grant.sequencer),
                hot: control.hot().map(|hot| hot.engine),
                successor: control.hot().and_then(|hot| hot.successor),
                waits: self.ports.log.may_propose() && self.core.shortage().is_some(),
                disputes: control.disputes().clone(),
            },
        }
    }
}

impl<T: Transport, L: ControlLog> Duty for SupervisorNode<T, L> {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { ports, core, heard, .. } = self;
        let mut work = ports
            .control
            .hear(&mut |from, message: Message| {
                *heard += 1;
                core.handle_message(now, from, &message);
            })
            .context("cannot hear the control group")?;
        work += self.apply(now);
        work += self.decide(now);
        if self.ports.beacon.is_due(now) {
            let account = self.account();
            self.ports.beacon.tell(now, account);
            work += 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        Some(self.core.next_deadline(self.ports.log.may_propose()).min(self.ports.beacon.next_deadline()))
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.ports.control.descriptors(out);
    }
}

/// Says what is waited for, and what the operator can do.
fn plead(short: &Shortage) {
    let list = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<_>>().join(" ");
    let here =
        list(&mut short.here.iter().map(|survivor| format!("{}@{}", survivor.voter, survivor.last.seq)));
    let missing = list(&mut short.missing.iter().map(ToString::to_string));
    let over = list(&mut short.over.iter().map(ToString::to_string));
    let voting = &short.in_effect;
    if short.may_pass() {
        tracing::warn!(%voting, %over, %here, %missing, "no majority of the loggers that vote is here: waiting for them; if they are gone for good, type: lockstep recover --config cluster.toml");
    } else {
        tracing::warn!(%voting, %over, %here, %missing, "a majority of the loggers that voted has lost what was not synced: acknowledged orders may be gone, so nothing goes on without an operator; type: lockstep recover --config cluster.toml");
    }
}

/// Says why a dispute is still open, and what the operator can do.
fn remind(why: &Undecided, core: &Supervisor) {
    let number = core.control().disputes().number;
    match why {
        Undecided::Unheard(engines) => {
            let engines = engines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            tracing::warn!(
                dispute = number,
                waits_for = engines,
                "the dispute is open until these engines have executed the log anew and said what they found: see their logs; one that cannot can be stopped, and is not waited for then"
            );
        }
        Undecided::Contradiction([(one, found), (other, also_found)]) => {
            let (found, also_found) = (in_hex(found.truth), in_hex(also_found.truth));
            tracing::error!(
                dispute = number, %one, found, %other, also_found,
                "TWO EXECUTIONS OF THE SAME LOG DIFFER: another build, other [engine] limits, or a machine that is broken. It cannot be known from here which engine is right. Stop the one that you trust less: the other one's finding decides then"
            );
        }
    }
}

/// A digest as it is written everywhere.
fn in_hex(digest: Digest) -> String {
    format!("{:016x}", digest.0)
}

/// Says what came of a dispute.
fn tell_settled(number: u64, wrong: &[Fenced]) {
    for Fenced { engine, differs, .. } in wrong {
        tracing::error!(dispute = number, %engine, "this engine has computed something else than the log says, {differs}: this process of it never speaks again, and begins anew. Find out why: another build, other [engine] limits, memory?");
    }
    if wrong.is_empty() {
        tracing::info!(
            dispute = number,
            "the dispute is over: the processes that differed are gone, and it is not known which was wrong"
        );
    }
}

/// Says what was decided, for the operator.
fn tell(record: &Record, core: &Supervisor) {
    match record {
        Record::Grant { epoch, sequencer, why, cold, .. } => {
            let loggers = core.control().voters();
            let cold = !cold.is_empty();
            tracing::warn!(%epoch, %sequencer, %loggers, cold, "epoch granted: {why}");
        }
        Record::Started { epoch, .. } => {
            tracing::info!(%epoch, loggers = %core.control().in_effect(), "epoch started: its loggers are the voters from here on");
        }
        Record::Admit { node, logger, .. } => {
            let life = core.control().life_of(*node).map_or(0, |life| life.incarnation.0);
            tracing::info!(%node, logger, life, "a process was admitted");
        }
        Record::Promote { voter, epoch } => {
            tracing::warn!(%voter, %epoch, "a logger has caught up: it votes from the next epoch on");
        }
        Record::Recover { after, loggers } => {
            let loggers = loggers.iter().map(|logger| format!("{}@{}", logger.voter, logger.last.seq));
            let loggers = loggers.collect::<Vec<_>>().join(" ");
            tracing::warn!(%after, %loggers, "an operator accepts the loss: the next epoch goes on with these logs");
        }
        Record::Quarantine(Quarantine { position, by, why }) => {
            tracing::warn!(%position, %by, %why, "quarantined: no engine executes this command");
        }
        Record::Dispute { number, dispute: Dispute { at, between: [one, other] } } => {
            tracing::warn!(
                dispute = number, %at, one = %one.engine, other = %other.engine,
                "two engines differ: both execute the log anew to find out which one is wrong; until then gateways take no new orders (engine.divergence = \"halt\") or go on (\"follow\")"
            );
        }
        Record::Settle { number, wrong } => tell_settled(*number, wrong),
        Record::Hot { hot, why, .. } => {
            tracing::warn!(engine = %hot.engine, term = %hot.term, "hot engine named: {why}");
        }
        Record::Seconds { term, successor, scribe, .. } => {
            let name =
                |node: &Option<NodeId>| node.map_or_else(|| "nobody".to_owned(), |node| node.to_string());
            let (successor, scribe) = (name(successor), name(scribe));
            tracing::info!(%term, successor, scribe, "who stands behind the hot engine");
        }
    }
}
