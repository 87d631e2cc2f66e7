//! The matching agent: frames out of the ring, through the exchange, events onto their stream.

use super::EngineSettings;
use super::poison::{self, Poison};
use super::ring::{Deed, RingConsumer, Slot};
use super::shared::{Instructions, Progress, Report, Shared};
use crate::trail::UNTOLD;
use crate::{EventSink, Exchange, Limits, LimitsError, MARK_EVERY, Replica, Scribe};
use anyhow::Context;
use bus::{Publication, StreamKind, Transport};
use cluster::EngineMode;
use cluster::status::{Detail, Mark};
use node::beacon::Account;
use node::{Beacon, Duty, Idle, SessionNames};
use std::os::fd::RawFd;
use std::sync::Arc;
use wire::event::{self, Speaker};
use wire::{Beat, CommandKind, Digest, Epoch, Frame, Nanos, Outbound, Position, Seq, Term};

/// Frames that are executed before their events go out: enough to fill datagrams, few enough not to keep a client waiting.
const FRAMES_A_CYCLE: usize = 128;
const _: () = assert!(FRAMES_A_CYCLE as u64 <= UNTOLD);
/// Marks that a status tells beside the present one: so many of the newest,
const NEWEST_TOLD: usize = 4;
/// and so many of those that are far apart, so that engines whose statuses come at different moments under load meet there.
const LANDMARKS_TOLD: usize = 2;
/// How far apart these are.
const LANDMARK_EVERY: u64 = 16 * MARK_EVERY;

/// What the agent speaks through.
#[derive(Debug)]
pub(super) struct Voice<T: Transport> {
    pub(super) events: T::Publication,
    pub(super) pulse: node::Speaker<T::Socket>,
    pub(super) poison: Box<dyn Poison>,
    pub(super) beacon: Beacon<T::Socket>,
    pub(super) scribe: Box<dyn Scribe>,
}

/// The agent.
#[derive(Debug)]
pub struct MatcherAgent<T: Transport> {
    replica: Replica<Exchange>,
    limits: Limits,
    ring: RingConsumer,
    events: T::Publication,
    pulse: node::Speaker<T::Socket>,
    poison: Box<dyn Poison>,
    scribe: Box<dyn Scribe>,
    /// What it says in a heartbeat, but for the moment's numbers.
    beat: Beat,
    beat_every: Nanos,
    beat_at: Nanos,
    names: SessionNames,
    /// Who speaks: the epoch is that of the events' session; 0 before the first.
    speaker: Speaker,
    mute: bool,
    beacon: Beacon<T::Socket>,
    shared: Arc<Shared>,
    instructions: Instructions,
    /// How many instructions were read.
    version: u64,
    /// How often the replica was begun again.
    generation: u32,
    /// The first frame since then behind which the digest is known.
    first: Seq,
    /// Whether it can be led astray, and the process as which it began.
    #[cfg(lockstep_planted)]
    led: (crate::astray::Led, u64),
}

/// A replica before the first frame.
fn fresh(limits: Limits) -> Result<Replica<Exchange>, LimitsError> {
    let sink = EventSink::with_capacity(limits.events_reserved as usize);
    Ok(Replica::new(Exchange::new(limits)?, sink))
}

impl<T: Transport> MatcherAgent<T> {
    pub(super) fn new(
        settings: &EngineSettings,
        ring: RingConsumer,
        voice: Voice<T>,
        shared: Arc<Shared>,
    ) -> Result<Self, LimitsError> {
        let EngineSettings { node, token, names, cluster, limits, beat, .. } = *settings;
        let Voice { mut events, pulse, beacon, scribe, poison } = voice;
        events.set_muted(true);
        let mut matcher = Self {
            replica: fresh(limits)?,
            limits,
            ring,
            events,
            pulse,
            poison,
            scribe,
            beat: Beat { cluster, engine: node, token, term: Term(0), epoch: Epoch(0), next: Outbound(1) },
            beat_every: beat,
            beat_at: Nanos(0),
            names,
            speaker: Speaker { epoch: Epoch(0), term: Term(0), node },
            mute: true,
            beacon,
            shared,
            instructions: Instructions { token, ..Instructions::default() },
            version: 0,
            generation: 0,
            first: Seq(0),
            #[cfg(lockstep_planted)]
            led: (settings.led, token),
        };
        matcher.be_led();
        Ok(matcher)
    }

    /// The machine is led astray from its beginning on, if the settings say so.
    fn be_led(&mut self) {
        #[cfg(lockstep_planted)]
        {
            use crate::astray::{Astray, Led};
            let (led, began_as) = self.led;
            if led == Led::Always || led == Led::Once && self.beat.token == began_as {
                self.lead_astray(Astray::ByName);
            }
        }
    }

    /// Leads the machine astray, until it begins anew.
    #[cfg(lockstep_planted)]
    pub fn lead_astray(&mut self, astray: crate::astray::Astray) {
        self.replica.machine_mut().lead_astray(astray);
    }

    /// The replica, to look at.
    #[must_use]
    pub fn replica(&self) -> &Replica<Exchange> {
        &self.replica
    }

    /// The last place that was executed.
    #[must_use]
    pub fn position(&self) -> Position {
        self.replica.position()
    }

    /// The running digest there.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.replica.digest()
    }

    /// Whether it says the events that it computes.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !self.mute
    }

    /// Reads what the receiving agent wants. True if that is news.
    fn obey(&mut self) -> anyhow::Result<bool> {
        let version = self.shared.version();
        if version == self.version {
            return Ok(false);
        }
        self.version = version;
        self.instructions = self.shared.instructions();
        let Instructions { generation, token, term, speak_after, .. } = self.instructions;
        self.speaker.term = term;
        self.beat.token = token;
        if speak_after.is_none() && !self.mute {
            self.mute = true;
            self.events.set_muted(true);
            tracing::warn!(term = term.0, position = %self.replica.position(), "muted");
        }
        if generation != self.generation {
            self.generation = generation;
            self.begin_again()?;
        }
        Ok(true)
    }

    /// Touches the room that the exchange made in advance; see [`Exchange::prefault`]. To be called before the first frame.
    pub fn prefault(&mut self) {
        self.replica.machine_mut().prefault();
    }

    /// Forgets everything, and begins with what the receiving agent has found, or with nothing.
    fn begin_again(&mut self) -> anyhow::Result<()> {
        if !self.mute {
            self.mute = true;
            self.events.set_muted(true);
        }
        self.scribe.give_up();
        self.replica = match self.shared.beginning() {
            Some(replica) => *replica,
            None => fresh(self.limits)?,
        };
        self.be_led();
        // The events behind it are said as those of the epoch that it stands in, until another one begins.
        self.speaker.epoch = self.replica.position().epoch;
        let session = self.names.of(StreamKind::Events, self.speaker.epoch);
        self.events.begin_session(session, self.replica.outbound().0);
        self.shared.begin_trail(self.replica.position().seq, self.replica.digest());
        self.first = self.replica.position().seq;
        self.tell_progress();
        Ok(())
    }

    /// Executes what waits in the ring, up to a batch.
    fn execute(&mut self) -> anyhow::Result<usize> {
        let mut done = 0;
        while done < FRAMES_A_CYCLE
            && let Some(slot) = self.ring.pop()
        {
            done += 1;
            if slot.generation() != self.generation {
                // Either it is of a void history, or the word that there is a new one came with it.
                self.obey()?;
                if slot.generation() != self.generation {
                    continue;
                }
            }
            self.apply(&slot)?;
        }
        if done > 0 {
            self.tell_progress();
        }
        // Every event has the number that its datagram gives it, or repair would answer with another.
        assert_eq!(
            self.events.next(),
            self.replica.outbound().0,
            "the events stream and the outbound sequence differ"
        );
        Ok(done)
    }

    fn apply(&mut self, slot: &Slot) -> anyhow::Result<()> {
        let frame = Frame::read(slot.bytes())
            .with_context(|| format!("the frame after {} cannot be read", self.replica.position()))?;
        let first_event = self.replica.outbound();
        let replica = &mut self.replica;
        let applied = poison::attempt(|| match slot.deed() {
            Deed::Execute => replica.apply(&frame),
            Deed::Skip => replica.skip(&frame),
        });
        applied.map_err(|words| poison::end(&mut *self.poison, &frame, words))??;
        self.shared.leave_behind(self.replica.position().seq, self.replica.digest());
        if frame.header().kind == CommandKind::EpochStart as u8 {
            // From here on events are said, and repaired, as those of this epoch's history: what lies before is part of it.
            self.speaker.epoch = frame.position().epoch;
            self.events.begin_session(self.names.of(StreamKind::Events, self.speaker.epoch), first_event.0);
        }
        if CommandKind::of(frame.header().kind).is_some_and(CommandKind::takes_snapshot) {
            self.shared.set_landmark(self.replica.position().seq, self.replica.digest());
            self.take_snapshot();
        }
        for bytes in self.replica.events_mut() {
            event::speak(bytes, self.speaker);
            self.events.publish(bytes);
        }
        Ok(())
    }

    /// Has the state behind the present command written down, if that is this engine's to do, and the command is not one of
    /// long ago.
    fn take_snapshot(&mut self) {
        if !self.instructions.scribe || !self.shared.report().ready {
            return;
        }
        let at = self.replica.position();
        match self.scribe.begin(&self.replica) {
            Ok(()) => {
                tracing::info!(%at, resting = self.replica.machine().resting_orders(), "taking a snapshot");
            }
            Err(error) => tracing::warn!(%at, %error, "no snapshot is taken"),
        }
    }

    /// Looks after the snapshot that is being written: it counts once its place is committed, and another engine vouches for it.
    fn tend_scribe(&mut self) {
        let Some(at) = self.scribe.at() else { return };
        let Report { generation, agreed, attested, .. } = self.shared.report();
        if generation == self.generation && agreed.seq >= at.seq && attested.covers(at.seq) {
            self.scribe.show();
        }
        match self.scribe.poll().map(|outcome| outcome.kept) {
            None => {}
            Some(Ok(head)) => {
                let bytes = head.file_len();
                tracing::info!(%at, bytes, "snapshot written");
            }
            Some(Err(reason)) => tracing::warn!(%at, "no snapshot was written: {reason}"),
        }
    }

    fn tell_progress(&self) {
        let (generation, first) = (self.generation, self.first);
        self.shared.tell_progress(Progress { generation, first, applied: self.replica.position() });
    }

    /// Speaks, if it is to and has executed all that it was to execute before.
    fn speak_up(&mut self) {
        let Some(after) = self.instructions.speak_after else { return };
        if !self.mute || self.ring.popped() < after || self.speaker.epoch == Epoch(0) {
            return;
        }
        self.mute = false;
        self.events.set_muted(false);
        // Whoever heard the engine before this one has all up to its last heartbeat, and who did not asks. What it has said after
        // it is said twice.
        let said = self.instructions.said.filter(|(epoch, _)| *epoch == self.speaker.epoch);
        let first = said.map_or(self.replica.outbound(), |(_, next)| next);
        self.events.resend_from(first.0);
        self.beat_at = Nanos(0);
        tracing::info!(
            term = self.speaker.term.0,
            epoch = self.speaker.epoch.0,
            position = %self.replica.position(),
            from_event = first.0,
            next_event = self.replica.outbound().0,
            "speaking"
        );
    }

    /// Says that this engine speaks, and how far it has: after the events, so that it never says more than they do.
    fn say_pulse(&mut self, now: Nanos) -> anyhow::Result<usize> {
        if self.mute || !self.instructions.named || now < self.beat_at {
            return Ok(0);
        }
        self.beat_at = now.saturating_add(self.beat_every);
        let Speaker { epoch, term, .. } = self.speaker;
        let beat = Beat { term, epoch, next: Outbound(self.events.next()), ..self.beat };
        self.pulse.say(&beat.to_bytes()).context("cannot say that this engine is alive")?;
        Ok(1)
    }

    /// The digests that may be told: of committed places only, since what an epoch change voids must not be compared.
    fn marks(&self, committed: Position) -> Vec<Mark> {
        let kept = self.replica.marks().filter(|mark| mark.at.seq <= committed.seq);
        let mut kept: Vec<_> = kept.map(|mark| Mark { position: mark.at, digest: mark.digest }).collect();
        kept.reverse();
        let landmark = |mark: &&Mark| mark.position.seq.0.is_multiple_of(LANDMARK_EVERY);
        let landmarks = kept.iter().skip(NEWEST_TOLD).filter(landmark).take(LANDMARKS_TOLD);
        let present = Mark { position: self.replica.position(), digest: self.replica.digest() };
        let executed = present.position != Position::GENESIS;
        let present = (executed && present.position.seq <= committed.seq).then_some(present);
        present.into_iter().chain(kept.iter().take(NEWEST_TOLD).copied()).chain(landmarks.copied()).collect()
    }

    fn account(&self) -> Account {
        let report = self.shared.report();
        let current = report.generation == self.generation;
        let committed = if current { report.agreed } else { Position::GENESIS };
        Account {
            epoch: report.epoch,
            position: self.replica.position(),
            lag: report.lag + self.ring.used() as u64,
            traffic: report.traffic,
            detail: Detail::Engine {
                mode: if self.mute || !self.instructions.named { EngineMode::Warm } else { EngineMode::Hot },
                ready: current && report.ready,
                stopped: report.stopped.map(|at| at.seq),
                term: self.speaker.term,
                outbound: Outbound(self.replica.outbound().0 - 1),
                ring_used: u32::try_from(self.ring.used()).unwrap_or(u32::MAX),
                ring_len: u32::try_from(self.ring.len()).unwrap_or(u32::MAX),
                resting: self.replica.machine().resting_orders() as u64,
                marks: self.marks(committed),
            },
        }
    }
}

impl<T: Transport> Duty for MatcherAgent<T> {
    fn on_start(&mut self, idle: &Idle) {
        self.ring.set_waker(idle.waker());
    }

    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = usize::from(self.obey()?);
        work += self.execute()?;
        self.speak_up();
        work += self.events.do_work(now).context("cannot publish events")?;
        work += self.say_pulse(now)?;
        self.tend_scribe();
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        if work == 0 && !(self.ring.may_sleep() && self.shared.version() == self.version) {
            work = 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let beacon = self.beacon.next_deadline();
        let pulse = (!self.mute && self.instructions.named).then_some(self.beat_at);
        self.events.next_deadline().into_iter().chain(pulse).chain([beacon]).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.events.descriptors(out);
    }
}
