//! The receiving agent: follows the epochs, puts into the ring what the engine may take, and hears which engine speaks.

use super::EngineSettings;
use super::comparison::Comparison;
use super::dissent::Dissent;
use super::intake::{Intake, Step};
use super::past::{Found, Past};
use super::poison::Ward;
use super::ring::RingProducer;
use super::shared::{Attested, Instructions, Report, Shared};
use super::standing::Standing;
use crate::inquiry::Inquirer;
use anyhow::Context;
use archive::Patience;
use bus::{Delivery, Socket, StreamKind, Subscription, Transport};
use cluster::{Astray, Disputes, Leading, Message, Present, Role};
use node::description::Standby;
use node::{ControlGroup, Duty, beacon};
use std::os::fd::RawFd;
use std::sync::Arc;
use wire::{Beat, Epoch, Frame, FrameError, Incarnation, Nanos, NodeId, Position, Seq};

/// How soon a full ring is tried again.
const RETRY_FULL: Nanos = Nanos::from_micros(200);
/// How soon it is looked again whether something of the past has come.
const LOOK_EVERY: Nanos = Nanos::from_micros(500);
/// Frames of the past that are handed over in one cycle.
const FETCHED_A_CYCLE: usize = 4_096;
/// So many committed frames are fetched in bulk rather than asked for in the stream.
const WORTH_FETCHING: u64 = 16_384;
/// How often the operator is told how far an engine has come that is not ready yet.
const PROGRESS_EVERY: Nanos = Nanos::SECOND;
/// A hot engine goes so many times as far ahead of what it knows to be committed as the sequencer may: it learns of a commit
/// later than the sequencer does.
const AHEAD: usize = 2;

/// Where the frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Nobody was heard to lead yet.
    Unborn,
    /// From the past, as far as it is committed.
    Fetching {
        /// When to look again if it is not there yet.
        look_at: Nanos,
        /// Where it began.
        from: Seq,
    },
    /// From the stream.
    Live,
}

/// Why the frames of a cycle ended.
enum Halt {
    /// The ring is full.
    Full,
    /// What was executed is void from this place on.
    Void(Position),
    /// A history that does not go on from the committed one.
    Lost(Astray),
    /// No frame, though it was checked on its way in.
    Unreadable(FrameError),
}

/// What the agent hears, beside the control group.
#[derive(Debug)]
pub(super) struct Ears<T: Transport> {
    pub(super) sequenced: T::Subscription,
    pub(super) beats: T::Socket,
    pub(super) ward: Ward,
    pub(super) past: Box<dyn Past>,
    pub(super) inquirer: Box<dyn Inquirer>,
}

/// The agent.
#[derive(Debug)]
pub struct ReceiverAgent<T: Transport> {
    settings: EngineSettings,
    control: ControlGroup<T::Socket>,
    sequenced: T::Subscription,
    beats: T::Socket,
    ward: Ward,
    past: Box<dyn Past>,
    /// Where it takes its frames from.
    course: Course,
    /// How long it waits for them in the stream.
    patience: Patience,
    ring: RingProducer,
    shared: Arc<Shared>,
    intake: Intake,
    standing: Standing,
    dissent: Dissent,
    /// Messages of the control group, until they are looked at.
    heard: Vec<(NodeId, Message)>,
    /// How often everything has begun again.
    generation: u32,
    /// What the matching agent was told last.
    instructed: Instructions,
    /// When to offer again what the full ring refused.
    retry_at: Option<Nanos>,
    present_at: Nanos,
    /// What was said last.
    said: Option<Present>,
    /// Up to where the matching agent was told last that another engine vouches for it.
    attested: Attested,
    /// While it is not ready: when the operator is told next.
    progress_at: Nanos,
    /// How far it had come when the operator was told last.
    applied_before: Seq,
}

impl<T: Transport> ReceiverAgent<T> {
    pub(super) fn new(
        settings: EngineSettings,
        control: ControlGroup<T::Socket>,
        ears: Ears<T>,
        ring: RingProducer,
        shared: Arc<Shared>,
    ) -> Self {
        let Ears { sequenced, beats, ward, past, inquirer } = ears;
        let standing = Standing::new(settings.node, settings.token, settings.patience);
        let comparison = Comparison::new(settings.node, settings.token, settings.present);
        Self {
            intake: Intake::new(AHEAD * settings.uncommitted),
            settings,
            control,
            sequenced,
            beats,
            ward,
            past,
            course: Course::Unborn,
            patience: Patience::default(),
            ring,
            shared,
            standing,
            dissent: Dissent::new(comparison, inquirer),
            heard: Vec::new(),
            generation: 0,
            instructed: Instructions::default(),
            retry_at: None,
            present_at: Nanos(0),
            said: None,
            attested: Attested::Nowhere,
            progress_at: Nanos(0),
            applied_before: Seq(0),
        }
    }

    /// What it has taken of the followed history.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// What other engines' digests say of its own.
    #[must_use]
    pub fn comparison(&self) -> &Comparison {
        self.dissent.comparison()
    }

    /// Whether it is named to speak, and ready.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The command before which it waits, since it made this engine panic.
    #[must_use]
    pub fn stopped(&self) -> Option<Position> {
        self.ward.stopped()
    }

    /// Hears the control group.
    fn hear(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut heard = std::mem::take(&mut self.heard);
        let work = self
            .control
            .hear(&mut |from, message| heard.push((from, message)))
            .context("cannot hear the control group")?;
        for (from, message) in heard.drain(..) {
            match message {
                Message::Leading(leading) => self.handle_leading(now, from, &leading),
                Message::Hot(hot) => {
                    let was_named = self.standing.is_named();
                    if self.standing.handle_hot(now, hot) {
                        self.tell_who_speaks(was_named);
                    }
                }
                Message::Quarantined(list) if self.ward.handle_list(&list) => self.begin_quarantined(now),
                Message::Present(present) => self.dissent.handle_present(now, from, &present),
                Message::Disputed(disputes) => self.handle_disputed(now, &disputes)?,
                _ => {}
            }
        }
        self.heard = heard;
        Ok(work)
    }

    /// Hears the heartbeats, and then, but not before, judges whether the one that speaks has fallen silent.
    fn watch(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let was_named = self.standing.is_named();
        let (mut work, mut news) = (0, false);
        let Self { beats, standing, settings, .. } = self;
        loop {
            let received = beats
                .recv(&mut |_, bytes| {
                    let beat = Beat::read(bytes).ok();
                    if let Some(beat) =
                        beat.filter(|beat| beat.cluster == settings.cluster && beat.engine != settings.node)
                    {
                        news |= standing.handle_beat(now, beat);
                    }
                })
                .context("cannot hear the heartbeats")?;
            work += received;
            if received == 0 {
                break;
            }
        }
        if news {
            self.tell_who_speaks(was_named);
        }
        if let Some(hot) = self.standing.poll_takeover(now) {
            tracing::warn!(
                term = hot.term.0,
                applied = %self.applied(),
                uncommitted = self.intake.uncommitted(),
                "the hot engine has fallen silent: taking over"
            );
            self.intake.set_hot(true);
            self.control.say(Message::Hot(hot));
            work += 1;
        }
        Ok(work)
    }

    fn handle_leading(&mut self, now: Nanos, from: NodeId, leading: &Leading) {
        if leading.epoch >= self.intake.epoch() {
            self.standing.handle_leader(now);
        }
        let Some(first) = self.intake.handle_leading(leading) else { return };
        tracing::info!(
            epoch = leading.epoch.0,
            sequencer = from.0,
            parent = %leading.parent,
            listening_from = first.0,
            uncommitted = self.intake.uncommitted(),
            "following a new epoch"
        );
        self.standing.handle_epoch(self.intake.known());
        let sequencer = self.settings.sequencers.get(&from).copied();
        let sources = sequencer.into_iter().chain(self.settings.loggers.iter().copied()).collect();
        self.sequenced.set_repair(sources);
        match self.course {
            Course::Unborn => self.fetch(now, None),
            Course::Fetching { .. } => {}
            Course::Live => self.listen(now, first, leading.last.seq),
        }
    }

    /// Has the past looked for, behind this place or from a snapshot on, and hears nothing of the stream meanwhile.
    fn fetch(&mut self, now: Nanos, after: Option<Position>) {
        let deaf = self.settings.names.of(StreamKind::Sequenced, Epoch(0));
        self.sequenced.begin_session(deaf, 1);
        self.past.look(after, self.intake.committed());
        let from = after.map_or(Seq(0), |after| after.seq);
        self.course = Course::Fetching { look_at: now, from };
    }

    /// Moves what was found of the past into the ring.
    fn take_past(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = 0;
        while let Course::Fetching { look_at, from } = &mut self.course
            && work < FETCHED_A_CYCLE
        {
            match self.past.poll() {
                Found::Later => {
                    *look_at = now.saturating_add(LOOK_EVERY);
                    break;
                }
                Found::Snapshot(replica) => {
                    let at = replica.position();
                    *from = at.seq;
                    self.intake.begin_at(at);
                    self.shared.begin_with(replica);
                    self.begin_generation();
                    // The matching agent is told before anything follows.
                    return Ok(work + 1);
                }
                Found::Frame(bytes) => {
                    let frame = Frame::read(bytes).with_context(|| {
                        format!("the frame behind {} cannot be read", self.intake.agreed())
                    })?;
                    let deed = self.ward.judge(frame.position());
                    let Some(deed) = deed.filter(|deed| self.ring.push(self.generation, bytes, *deed)) else {
                        *look_at = now.saturating_add(LOOK_EVERY);
                        break;
                    };
                    self.intake.handle_fetched(frame.position());
                    let late = self.ward.handle_taken(self.generation, &frame, deed);
                    self.past.taken();
                    if late {
                        self.begin_quarantined(now);
                        return Ok(work + 1);
                    }
                }
                Found::End => {
                    let (agreed, committed) = (self.intake.agreed(), self.intake.committed());
                    let behind = committed.seq.0.saturating_sub(agreed.seq.0);
                    self.patience.looked(agreed.seq > *from);
                    if behind > WORTH_FETCHING && agreed.seq > *from {
                        self.fetch(now, Some(agreed));
                    } else {
                        self.course = Course::Live;
                        self.listen(now, self.intake.next(), self.intake.known());
                    }
                }
            }
            work += 1;
        }
        Ok(work)
    }

    /// Listens to the followed epoch's session, which is known to reach up to `last`.
    fn listen(&mut self, now: Nanos, first: Seq, last: Seq) {
        let session = self.settings.names.of(StreamKind::Sequenced, self.intake.epoch());
        self.sequenced.begin_session(session, first.0);
        self.sequenced.expect_below(now, last.next().0);
    }

    /// Whether this engine is to say what it computes.
    fn is_to_speak(&self) -> bool {
        self.standing.is_named() || self.settings.standby == Standby::Echo
    }

    /// Another engine speaks than before, or this one.
    fn tell_who_speaks(&mut self, was_named: bool) {
        let Some(hot) = self.standing.hot() else { return };
        let named = self.standing.is_named();
        self.intake.set_hot(self.is_to_speak());
        match (was_named, named) {
            (_, true) => tracing::info!(
                term = hot.term.0,
                ready = self.standing.is_ready(),
                applied = %self.applied(),
                "promoted: this engine is the hot one"
            ),
            (true, false) => tracing::warn!(
                term = hot.term.0,
                hot = hot.engine.0,
                uncommitted = self.intake.uncommitted(),
                "demoted: another engine speaks, this one is warm"
            ),
            (false, false) => {
                tracing::info!(term = hot.term.0, hot = hot.engine.0, "another engine is the hot one");
            }
        }
    }

    /// Moves what has come into the ring, as far as the engine may take it.
    fn receive(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { sequenced, intake, ring, ward, generation, .. } = self;
        let (mut halt, mut late) = (None, false);
        let work = sequenced
            .poll(now, &mut |_, bytes| {
                if halt.is_some() || late {
                    return Delivery::Refused;
                }
                let frame = match Frame::read(bytes) {
                    Ok(frame) => frame,
                    Err(error) => {
                        halt = Some(Halt::Unreadable(error));
                        return Delivery::Refused;
                    }
                };
                match intake.judge(&frame) {
                    Step::Take => {
                        // Where it has to wait, it stays with the transport.
                        let Some(deed) = ward.judge(frame.position()) else { return Delivery::Refused };
                        if ring.push(*generation, bytes, deed) {
                            late = ward.handle_taken(*generation, &frame, deed);
                            intake.handle_taken(frame.position());
                            return Delivery::Accepted;
                        }
                        halt = Some(Halt::Full);
                    }
                    Step::Skip => {
                        intake.handle_taken(frame.position());
                        return Delivery::Accepted;
                    }
                    Step::Wait => {}
                    Step::Void(place) => halt = Some(Halt::Void(place)),
                    Step::Lost(astray) => halt = Some(Halt::Lost(astray)),
                }
                Delivery::Refused
            })
            .context("cannot receive the sequenced stream")?;
        self.retry_at = None;
        if late {
            self.begin_quarantined(now);
        }
        match halt {
            None => {}
            Some(Halt::Full) => self.retry_at = Some(now.saturating_add(RETRY_FULL)),
            Some(Halt::Void(place)) => self.begin_again(now, place),
            Some(Halt::Lost(astray)) => return Err(astray.into()),
            Some(Halt::Unreadable(error)) => {
                return Err(error)
                    .with_context(|| format!("the frame after {} cannot be read", self.intake.handed()));
            }
        }
        Ok(work)
    }

    /// What does not come in the session, though it is committed, is looked for in the loggers' logs: they answer there with what is
    /// in their archives too.
    fn look_around(&mut self, now: Nanos) {
        let (next, committed) = (self.intake.next(), self.intake.committed());
        let asked = self.sequenced.asked_since();
        if self.course != Course::Live || !self.patience.is_over(now, asked, next.0, committed) {
            return;
        }
        let agreed = self.intake.agreed();
        if self.intake.uncommitted() > 0 {
            tracing::warn!(behind = %agreed, executed = %self.intake.handed(), upto = %committed, "nobody answers in the session with what comes behind this place, and what this engine has executed since may be void: rebuilding from the log");
            self.begin(now);
        } else {
            tracing::warn!(behind = %agreed, upto = %committed, "nobody answers in the session with what comes behind this place: looking for it in the loggers' logs");
            self.fetch(now, Some(agreed).filter(|agreed| *agreed != Position::GENESIS));
        }
    }

    /// What this engine has executed is not the cluster's history: it forgets everything, and executes the log anew.
    fn begin_again(&mut self, now: Nanos, void: Position) {
        tracing::warn!(
            %void,
            epoch = self.intake.epoch().0,
            committed = %self.intake.agreed(),
            executed = %self.intake.handed(),
            "astray: the new epoch's history leaves what this engine has executed, at the void place; rebuilding from the log"
        );
        self.begin(now);
    }

    /// It has executed a command that the others leave out, and did not know.
    fn begin_quarantined(&mut self, now: Nanos) {
        tracing::warn!(executed = %self.intake.handed(), "this engine has executed a command that is quarantined: rebuilding from the log");
        self.begin(now);
    }

    fn begin(&mut self, now: Nanos) {
        self.intake.begin_at(Position::GENESIS);
        self.standing.begin_again(self.intake.known());
        self.begin_generation();
        self.progress_at = now.saturating_add(PROGRESS_EVERY);
        self.fetch(now, None);
    }

    /// This process was found wrong: it falls silent, and begins anew as another one, which nobody has named.
    fn handle_disputed(&mut self, now: Nanos, disputes: &Disputes) -> anyhow::Result<()> {
        if !self.dissent.handle_disputed(disputes)? {
            return Ok(());
        }
        let token = self.standing.token().wrapping_add(1);
        tracing::warn!(executed = %self.intake.handed(), process = token, "rebuilding from a snapshot and the log, as another process");
        self.standing.renew(token);
        self.dissent.renew(token);
        self.intake.set_hot(self.is_to_speak());
        self.begin(now);
        Ok(())
    }

    fn begin_generation(&mut self) {
        self.generation += 1;
        self.dissent.begin_again();
    }

    /// The last place that is executed and known to be committed.
    fn settled(&self) -> Position {
        let (applied, agreed) = (self.applied(), self.intake.agreed());
        if applied.seq < agreed.seq { applied } else { agreed }
    }

    /// Holds what other engines have said against what this one has. True if there is something to say at once.
    fn compare(&mut self, now: Nanos) -> bool {
        let here = self.settled();
        let Self { dissent, ward, shared, generation, .. } = self;
        let news = dissent.compare(now, *generation, here, shared);
        news | dissent.look_into(now, ward.list(), |upto| shared.kept(*generation, upto))
    }

    /// The last place that the matching agent has executed, of the present history.
    fn applied(&self) -> Position {
        let progress = self.shared.progress();
        if progress.generation == self.generation { progress.applied } else { Position::GENESIS }
    }

    /// Judges whether this engine is ready, and tells the operator how far it has come.
    fn weigh(&mut self, now: Nanos) {
        if self.intake.epoch().0 == 0 {
            return;
        }
        let (applied, known) = (self.applied(), self.intake.known());
        self.standing.set_held(self.ward.holds(known));
        self.ward.tell(now);
        if self.standing.handle_progress(applied.seq, known) {
            if self.standing.is_ready() {
                tracing::info!(%applied, known = known.0, epoch = self.intake.epoch().0, "caught up: ready");
            } else {
                tracing::warn!(%applied, known = known.0, "fallen behind: not ready");
            }
        }
        if !self.standing.is_ready() && !self.ward.holds(known) && now >= self.progress_at {
            if self.progress_at != Nanos(0) {
                let rate = applied.seq.0.saturating_sub(self.applied_before.0);
                let left = known.0.saturating_sub(applied.seq.0);
                let seconds = left.checked_div(rate).map_or("?".to_owned(), |seconds| seconds.to_string());
                tracing::info!(
                    applied = applied.seq.0,
                    of = known.0,
                    frames_a_second = rate,
                    seconds_left = seconds,
                    "executing the log"
                );
            }
            self.applied_before = applied.seq;
            self.progress_at = now.saturating_add(PROGRESS_EVERY);
        }
    }

    /// Tells the matching agent what changed. True if anything has.
    fn instruct(&mut self) -> bool {
        let (generation, term) = (self.generation, self.standing.term());
        let speaks = self.instructed.speak_after.filter(|_| self.instructed.generation == generation);
        // What the ring has no room for is not overtaken; and once it speaks, it speaks as long as it is named.
        let may_begin = self.standing.is_ready() && self.retry_at.is_none();
        let speak_after = match speaks {
            _ if !self.is_to_speak() => None,
            None if may_begin => Some(self.ring.pushed()),
            unchanged => unchanged,
        };
        // Only when it begins to speak it is asked where.
        let said = match speaks {
            None => speak_after.and_then(|_| self.standing.said_before(self.intake.epoch())),
            Some(_) => self.instructed.said.map(|(_, next)| next),
        };
        let wanted = Instructions {
            generation,
            token: self.standing.token(),
            term,
            named: self.standing.is_named(),
            speak_after,
            said: said.map(|next| (self.intake.epoch(), next)),
            scribe: self.standing.is_scribe(),
        };
        if wanted == self.instructed {
            return false;
        }
        self.shared.instruct(wanted);
        self.instructed = wanted;
        true
    }

    /// When to look again whether something of the past has come.
    fn look_at(&self) -> Option<Nanos> {
        match self.course {
            Course::Fetching { look_at, .. } => Some(look_at),
            Course::Unborn | Course::Live => None,
        }
    }

    /// Says that this engine is here, if it is time or urgent or something has changed; and what it has to say of other engines.
    fn say_present(&mut self, now: Nanos, urgent: bool) -> usize {
        let epoch = self.intake.epoch();
        let (ready, term) = (self.standing.is_ready(), self.standing.term());
        let token = self.standing.token();
        let changed = self.said.is_none_or(|said| {
            (said.token, said.epoch, said.ready, said.term) != (token, epoch, ready, term)
        });
        if !changed && !urgent && now < self.present_at {
            return 0;
        }
        let (incarnation, position) = (Incarnation(0), self.settled());
        let digest = self.shared.digest_at(self.generation, position.seq);
        let present =
            Present { role: Role::Engine, token, incarnation, epoch, position, ready, term, digest };
        self.control.say(Message::Present(present));
        for word in self.dissent.words(now) {
            self.control.say(word);
        }
        if let Some(stopped) = self.ward.plea(token) {
            self.control.say(Message::Stopped(stopped));
        }
        if let Some(hot) = self.standing.claim() {
            self.control.say(Message::Hot(hot));
        }
        self.said = Some(present);
        self.present_at = now.saturating_add(self.settings.present);
        1
    }
}

impl<T: Transport> Duty for ReceiverAgent<T> {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let heard = self.hear(now)? + self.watch(now)?;
        let pushed = self.ring.pushed();
        let received = self.take_past(now)? + self.receive(now)?;
        self.look_around(now);
        self.weigh(now);
        let urgent = self.compare(now);
        let attested = self.dissent.attested(now);
        let instructed = self.instruct();
        if instructed || self.ring.pushed() > pushed {
            self.ring.ring_bell();
        }
        if heard + received > 0 || instructed || attested != self.attested {
            self.attested = attested;
            self.shared.tell_report(Report {
                generation: self.generation,
                agreed: self.intake.agreed(),
                attested,
                epoch: self.intake.epoch(),
                ready: self.standing.is_ready(),
                stopped: self.ward.stopped(),
                traffic: beacon::received(&self.sequenced.stats()),
                lag: self.sequenced.lag(),
            });
        }
        Ok(heard + received + self.say_present(now, urgent))
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.sequenced
            .next_deadline()
            .into_iter()
            .chain(self.retry_at)
            .chain(self.standing.turn())
            .chain(self.look_at())
            .chain(self.dissent.next_deadline())
            .chain([self.present_at])
            .min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.control.descriptors(out);
        self.sequenced.descriptors(out);
        self.beats.descriptors(out);
    }
}
