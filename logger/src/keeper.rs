//! The logger: keeps the history, promises and acknowledges, answers for repair, and tells how it is.
//!
//! Driven like every node: `do_work(now)` again and again. It reads no clock, starts no thread and opens nothing; streams,
//! logs and the vault are handed to it. One thread orders promises, truncations and appends.

use crate::answers::Answers;
use crate::events::Events;
use crate::frames::Frames;
use crate::log::{Extent, Log};
use crate::vault::{Kept, Vault};
use anyhow::Context;
use archive::Detour;
use bus::{Subscription, Transport};
use cluster::acceptor::{Listen, Promised};
use cluster::planted::{Fault, planted};
use cluster::status::Detail;
use cluster::{Answer, Leading, Life, Message, Present, Promise, Role, Voter};
use node::beacon::{Account, received};
use node::description::Durability;
use node::{Beacon, ControlGroup, Description, Duty, NodeEntry, SessionNames, Speaker};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use wire::{Ack, Epoch, Incarnation, Nanos, NodeId, Outbound, Position, Seq, Term};

/// The numbers of one logger.
#[derive(Clone, Debug)]
pub struct LoggerSettings {
    /// The cluster, by [`wire::cluster_id`].
    pub cluster: u64,
    /// This node.
    pub node: NodeId,
    /// Tells this process from its other lives.
    pub token: u64,
    /// How the cluster's sessions are called.
    pub names: SessionNames,
    /// When it acknowledges.
    pub durability: Durability,
    /// The longest datagram, in bytes.
    pub max_datagram: usize,
    /// Time between two tellings of the same acknowledgement.
    pub heartbeat: Nanos,
    /// Time between two words that it is here.
    pub present: Nanos,
    /// Where each sequencer is asked for repair.
    pub sequencers: BTreeMap<NodeId, SocketAddr>,
    /// Where the other loggers are.
    pub loggers: Vec<SocketAddr>,
}

impl LoggerSettings {
    /// As the cluster's description says.
    #[must_use]
    pub fn of(description: &Description, node: &NodeEntry, token: u64) -> Self {
        let address = |node: &NodeEntry| SocketAddr::V4(node.address);
        let sequencers = description.nodes_of(Role::Sequencer).map(|other| (other.id, address(other)));
        let others = description.nodes_of(Role::Logger).filter(|other| other.id != node.id);
        Self {
            cluster: description.cluster_id(),
            node: node.id,
            token,
            names: description.session_names(),
            durability: description.log.durability,
            max_datagram: description.network.max_datagram,
            heartbeat: description.timing.heartbeat,
            present: description.timing.present(),
            sequencers: sequencers.collect(),
            loggers: others.map(address).collect(),
        }
    }
}

/// What a logger hears and says, opened: streams deaf.
#[derive(Debug)]
pub struct LoggerPorts<T: Transport> {
    /// Its place in the control group.
    pub control: ControlGroup<T::Socket>,
    /// Its voice in the group of acknowledgements.
    pub acks: Speaker<T::Socket>,
    /// The sequenced stream.
    pub sequenced: T::Subscription,
    /// The way around it, to what the other loggers have.
    pub detour: Detour,
    /// The events.
    pub events: T::Subscription,
    /// Where it is asked for repair.
    pub requests: T::Socket,
    /// Its account of itself.
    pub beacon: Beacon<T::Socket>,
}

/// What it writes, opened.
#[derive(Debug)]
pub struct LoggerDisk<L, V> {
    /// The write-ahead log.
    pub frames: L,
    /// The journal of events.
    pub events: L,
    /// The promise and the life.
    pub vault: V,
    /// Whether this host may have lost its page cache since this logger ran last.
    pub host_restarted: bool,
}

/// The logger.
#[derive(Debug)]
pub struct LoggerNode<T: Transport, L, V> {
    settings: LoggerSettings,
    control: ControlGroup<T::Socket>,
    acks: Speaker<T::Socket>,
    beacon: Beacon<T::Socket>,
    frames: Frames<T::Subscription, L>,
    events: Events<T::Subscription, L>,
    answers: Answers<T::Socket>,
    vault: V,
    kept: Kept,
    inbox: Vec<(NodeId, Message)>,
    /// What was acknowledged last.
    acked: Position,
    ack_at: Nanos,
    /// What was said of itself last.
    said: Option<Present>,
    present_at: Nanos,
}

impl<T: Transport, L: Log, V: Vault> LoggerNode<T, L, V> {
    /// Finds out what it has promised and whether it may go on in its former life; both stand on the disk when this returns.
    ///
    /// # Errors
    /// The vault cannot be read or written.
    pub fn open(
        settings: LoggerSettings,
        ports: LoggerPorts<T>,
        disk: LoggerDisk<L, V>,
    ) -> anyhow::Result<Self> {
        let LoggerDisk { frames, events, mut vault, host_restarted } = disk;
        let mut kept = vault.load().context("cannot read the promise")?;
        let is_empty = frames.next() == 1;
        if let Some(lost) = kept.lost(settings.durability, host_restarted, is_empty) {
            let life = std::mem::take(&mut kept.incarnation);
            tracing::warn!(%life, last = %frames.last_position(), "this logger's life is over and it asks for another: {lost}");
        }
        kept.began = !is_empty;
        kept.clean = false;
        vault.keep(&kept).context("cannot keep the promise")?;
        let promise = if planted(Fault::ForgetPromise) { Promise::default() } else { kept.promise };
        tracing::info!(
            life = %kept.incarnation,
            promised = %promise.epoch,
            last = %frames.last_position(),
            events = events.next() - 1,
            "logger open"
        );
        let LoggerPorts { control, acks, sequenced, detour, events: heard, requests, beacon } = ports;
        let names = settings.names;
        Ok(Self {
            answers: Answers::new(requests, names, settings.max_datagram),
            frames: Frames::new(frames, sequenced, detour, promise, names),
            events: Events::new(events, heard, names),
            settings,
            control,
            acks,
            beacon,
            vault,
            kept,
            inbox: Vec::new(),
            acked: Position::GENESIS,
            ack_at: Nanos(0),
            said: None,
            present_at: Nanos(0),
        })
    }

    /// The write-ahead log.
    pub fn log(&self) -> &L {
        self.frames.log()
    }

    /// The journal of events.
    pub fn event_journal(&self) -> &L {
        self.events.journal()
    }

    /// What stands in the vault.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// What it acknowledged last; [`Position::GENESIS`] if nothing in the epoch that it follows.
    pub fn acknowledged(&self) -> Position {
        self.acked
    }

    /// How many messages are known to exist and have not come.
    pub fn lag(&self) -> u64 {
        self.frames.stream().lag() + self.events.stream().lag()
    }

    /// Requests for repair that were not answered: they are none, or for what is not served here.
    pub fn refused(&self) -> u64 {
        self.answers.refused()
    }

    /// Syncs everything, and notes that it did: the next process goes on in this life, even after a restart of the host.
    ///
    /// # Errors
    /// A sync failed: the next process must find out what is there.
    pub fn close(mut self) -> anyhow::Result<()> {
        let synced = self.frames.log_mut().sync_now()?;
        let events = self.events.journal_mut().sync_now()?;
        self.keep(|kept| kept.clean = true)?;
        tracing::info!(last = %self.frames.last(), synced, events, "stopped; everything is on the disk");
        Ok(())
    }

    fn keep(&mut self, change: impl FnOnce(&mut Kept)) -> anyhow::Result<()> {
        change(&mut self.kept);
        self.vault.keep(&self.kept).context("cannot keep the promise")
    }

    fn hear(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let work = self.control.hear(&mut |from, message| match message {
            Message::Prepare { .. } | Message::Leading(_) | Message::Admitted(_) => {
                inbox.push((from, message));
            }
            _ => {}
        })?;
        for (from, message) in inbox.drain(..) {
            match message {
                Message::Prepare { epoch, nonce } => self.handle_prepare(from, epoch, nonce)?,
                Message::Leading(leading) => self.handle_leading(now, from, &leading)?,
                Message::Admitted(life) => self.handle_life(life)?,
                _ => {}
            }
        }
        self.inbox = inbox;
        Ok(work)
    }

    /// A candidate asks. Who has no life has no promise to give: nobody would count it.
    fn handle_prepare(&mut self, from: NodeId, epoch: Epoch, nonce: u64) -> anyhow::Result<()> {
        let incarnation = self.kept.incarnation;
        if incarnation == Incarnation(0) {
            return Ok(());
        }
        let last = match self.frames.handle_prepare(epoch, nonce) {
            Promised::New(promise) => {
                self.keep(|kept| kept.promise = promise)?;
                self.answers.forget();
                self.acked = Position::GENESIS;
                let last = self.frames.last();
                tracing::info!(%epoch, sequencer = %from, %last, "promised: nothing of an earlier epoch is taken any more");
                last
            }
            Promised::Again => self.frames.last(),
            Promised::Refused => return Ok(()),
        };
        let member = Voter { node: self.settings.node, incarnation };
        self.control.say(Message::Answer(Answer { epoch, nonce, member, last }));
        Ok(())
    }

    fn handle_leading(&mut self, now: Nanos, from: NodeId, leading: &Leading) -> anyhow::Result<()> {
        let Some(listen) = self.frames.handle_leading(leading) else { return Ok(()) };
        let Listen { epoch, from: first, promise } = listen;
        if let Some(promise) = promise {
            self.keep(|kept| kept.promise = promise)?;
        }
        tracing::info!(
            %epoch,
            sequencer = %from,
            parent = %leading.parent,
            last = %self.frames.last(),
            from = %first,
            "epoch entered: listening to its session"
        );
        let sequencer = self.settings.sequencers.get(&from).copied();
        let repair = sequencer.into_iter().chain(self.settings.loggers.iter().copied()).collect();
        self.frames.listen(now, &listen, repair);
        self.events.begin_epoch(epoch);
        self.answers.forget();
        self.acked = Position::GENESIS;
        Ok(())
    }

    /// A life for this process, if it has none.
    fn handle_life(&mut self, life: Life) -> anyhow::Result<()> {
        let mine = life.node == self.settings.node && life.token == self.settings.token;
        if !mine || self.kept.incarnation != Incarnation(0) || life.incarnation == Incarnation(0) {
            return Ok(());
        }
        self.keep(|kept| kept.incarnation = life.incarnation)?;
        tracing::info!(life = %life.incarnation, last = %self.frames.last(), "a new life was issued to this logger");
        Ok(())
    }

    /// Says how far the log is held, when that is news and now and then again.
    fn acknowledge(&mut self, now: Nanos) -> anyhow::Result<usize> {
        if self.kept.incarnation == Incarnation(0) {
            return Ok(0);
        }
        let Some(position) = self.frames.acknowledgement(self.settings.durability) else { return Ok(0) };
        if position == self.acked && now < self.ack_at {
            return Ok(0);
        }
        if position.epoch != self.acked.epoch {
            tracing::info!(epoch = %position.epoch, %position, life = %self.kept.incarnation, "the epoch's start is held: acknowledging");
        }
        self.acked = position;
        self.ack_at = now.saturating_add(self.settings.heartbeat);
        let LoggerSettings { cluster, node: logger, .. } = self.settings;
        let ack = Ack { cluster, logger, incarnation: self.kept.incarnation, position };
        self.acks.say(&ack.to_bytes()).context("cannot acknowledge")?;
        Ok(1)
    }

    /// Says that it is here, at once if something changed that others wait for.
    fn say_present(&mut self, now: Nanos) -> usize {
        let present = Present {
            role: Role::Logger,
            token: self.settings.token,
            incarnation: self.kept.incarnation,
            epoch: self.frames.promise().epoch,
            position: self.frames.last(),
            ready: self.kept.incarnation != Incarnation(0) && self.frames.is_ready(),
            term: Term(0),
            digest: None,
        };
        let awaited = |present: Present| (present.incarnation, present.epoch, present.ready);
        if self.said.map(awaited) == Some(awaited(present)) && now < self.present_at {
            return 0;
        }
        self.said = Some(present);
        self.present_at = now.saturating_add(self.settings.present);
        self.control.say(Message::Present(present));
        1
    }

    fn account(&self) -> Account {
        let (frames, events) = (&self.frames, &self.events);
        let mut traffic = received(&frames.stream().stats()).plus(received(&events.stream().stats()));
        traffic.unusable += self.answers.refused() + self.control.unusable() + events.void();
        let position = frames.last();
        let Extent { segments, bytes } = frames.log().extent();
        Account {
            epoch: frames.session().unwrap_or(position.epoch),
            position,
            lag: self.lag(),
            traffic,
            detail: Detail::Logger {
                incarnation: self.kept.incarnation,
                promised: frames.promise().epoch,
                acknowledged: self.acked,
                synced: Seq(frames.log().synced()),
                events: Outbound(events.journal().next() - 1),
                segments: u32::try_from(segments).unwrap_or(u32::MAX),
                bytes,
            },
        }
    }
}

impl<T: Transport, L: Log, V: Vault> Duty for LoggerNode<T, L, V> {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        // A sync that failed is final: nothing is promised or acknowledged behind it.
        self.frames.log().healthy().context("the log")?;
        let mut work = self.hear(now).context("the control group")?;
        let Self { frames, events, vault, kept, answers, .. } = self;
        let begin = &mut || {
            if !kept.began {
                kept.began = true;
                vault.keep(kept)?;
            }
            Ok(())
        };
        work += frames.poll(now, begin).context("the log")?;
        work += events.poll(now, &|cause| frames.judge_cause(cause)).context("the journal of events")?;
        work += answers.poll(frames, events)?;
        self.frames.log().healthy().context("the log")?;
        work += self.acknowledge(now)?;
        work += self.say_present(now);
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let streams = [self.frames.next_deadline(), self.events.stream().next_deadline()];
        let ack = (self.acked != Position::GENESIS).then_some(self.ack_at);
        let own = [Some(self.beacon.next_deadline()), Some(self.present_at), ack];
        streams.into_iter().chain(own).flatten().min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.control.descriptors(out);
        self.frames.stream().descriptors(out);
        self.events.stream().descriptors(out);
        self.answers.descriptors(out);
    }
}
