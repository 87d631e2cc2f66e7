//! Everything between the exchange and the gateway's core: who leads, what is committed, which events may be told, which
//! commands are kept.

use crate::admission::Overtaken;
use crate::beginning::Known;
use crate::clients::Numbered;
use crate::halt::Halt;
use crate::release::{Releases, Verdict};
use crate::settings::GatewaySettings;
use anyhow::Context;
use archive::{Detour, Piece, Since, Taken, WORTH_FETCHING, Wanted, Way};
use bus::{Delivery, Publication, Socket, StreamKind, Subscription, Transport};
use cluster::planted::{Fault, planted};
use cluster::status::{Detail, Traffic};
use cluster::{Following, Lane, Leading, Message, Present, Role};
use node::beacon::{Account, received};
use node::{Beacon, ControlGroup};
use std::os::fd::RawFd;
use wire::{Ack, Epoch, Event, Frame, FrameError, Incarnation, Nanos, NodeId, Position, Term};

/// Batches of acknowledgements taken in one cycle.
const BATCHES_A_CYCLE: usize = 4;

/// What a gateway hears and speaks through, beside its clients.
#[derive(Debug)]
pub struct GatewayPorts<T: Transport> {
    /// Who leads, and which life this process has.
    pub control: ControlGroup<T::Socket>,
    /// The loggers' acknowledgements.
    pub acks: T::Socket,
    /// The sequenced stream.
    pub sequenced: T::Subscription,
    /// The events stream.
    pub events: T::Subscription,
    /// The way around both to what lies far behind.
    pub detour: Detour,
    /// The commands, out.
    pub commands: T::Publication,
    /// Its account of itself.
    pub beacon: Beacon<T::Socket>,
}

/// What the core must be told of the committed history.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(Numbered);

/// What the core must be told of what lies far behind.
pub(crate) enum Told {
    /// All that it has to know of what lies before.
    Known(Box<Known>),
    /// A committed command of this gateway.
    Committed(Numbered),
}

/// What the last word that this gateway is here said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    incarnation: Incarnation,
    ready: bool,
    at: Nanos,
}

/// A gateway's way to the exchange and back.
#[derive(Debug)]
pub(crate) struct GatewayLink<T: Transport> {
    settings: GatewaySettings,
    ports: GatewayPorts<T>,
    /// What is received; held back with it, whether it is a command of this gateway.
    following: Following<Option<Numbered>>,
    releases: Releases,
    /// What whoever leads said last.
    told: Option<Leading>,
    /// The epoch whose events are listened to.
    events_of: Epoch,
    /// The life of this process, once the supervisors have given it one.
    life: Option<Incarnation>,
    said: Option<Said>,
    /// The latest epoch whose sequencer is not described.
    strange: Epoch,
    halt: Halt,
}

impl<T: Transport> GatewayLink<T> {
    pub(crate) fn new(settings: GatewaySettings, ports: GatewayPorts<T>) -> Self {
        Self {
            following: Following::new(Position::GENESIS, settings.remembered),
            releases: Releases::new(settings.commit_gate),
            halt: Halt::new(settings.divergence),
            settings,
            ports,
            told: None,
            events_of: Epoch(0),
            life: None,
            said: None,
            strange: Epoch(0),
        }
    }

    /// Hears who leads. Gives the life of this process when it is issued.
    pub(crate) fn hear_control(&mut self, now: Nanos) -> anyhow::Result<(usize, Option<Incarnation>)> {
        let mut heard = Vec::new();
        let work = self
            .ports
            .control
            .hear(&mut |from, message| heard.push((from, message)))
            .context("cannot hear the control group")?;
        let mut begun = None;
        for (from, message) in heard {
            match message {
                Message::Leading(leading) => self.handle_leading(now, from, &leading),
                Message::Admitted(life)
                    if (life.node, life.token) == (self.settings.node, self.settings.token)
                        && self.life.is_none() =>
                {
                    self.life = Some(life.incarnation);
                    begun = self.life;
                }
                Message::Disputed(disputes) => self.halt.handle_disputed(disputes),
                _ => {}
            }
        }
        self.follow_events();
        Ok((work, begun))
    }

    /// Somebody leads. In a later epoch than the followed one, everything that is not committed is void.
    fn handle_leading(&mut self, now: Nanos, from: NodeId, leading: &Leading) {
        let &Leading { epoch, parent, committed, .. } = leading;
        let Some(leader) = self.settings.sequencers.get(&from) else {
            if epoch > self.strange {
                self.strange = epoch;
                tracing::error!(%epoch, node = %from, "a node that this gateway's description does not call a sequencer says that it leads; it is not followed. Give all nodes the same description");
            }
            return;
        };
        let held = self.following.uncommitted();
        let news = self.following.handle_epoch(epoch, parent);
        if self.following.epoch() == epoch {
            self.told = Some(*leading);
        }
        let void = held - self.following.uncommitted();
        self.following.handle_word(epoch, committed);
        if let Some(first) = news {
            tracing::info!(%epoch, sequencer = %from, from = %first, void, "following a sequencer");
            let GatewayPorts { sequenced, commands, .. } = &mut self.ports;
            sequenced.set_repair(
                [leader.repair].into_iter().chain(self.settings.loggers.iter().copied()).collect(),
            );
            commands.set_destination(leader.commands);
            if self.life.is_some() {
                // It says at once how far it has numbered, so that the sequencer asks at once for what it has not got.
                commands.set_muted(false);
            }
            self.follow(now, leading);
        }
    }

    /// Takes up the session of whoever leads, or first what lies far before it.
    fn follow(&mut self, now: Nanos, leading: &Leading) {
        let (last, upto) = (self.following.last(), leading.committed);
        let behind = upto.seq.0.saturating_sub(last.seq.0);
        if behind > WORTH_FETCHING || behind > 0 && last == Position::GENESIS {
            self.go_deaf();
            self.set_out(now, last, upto);
        } else {
            self.listen(now, leading);
        }
    }

    fn listen(&mut self, now: Nanos, leading: &Leading) {
        self.ports.detour.turn_back();
        let session = self.settings.names.of(StreamKind::Sequenced, leading.epoch);
        self.ports.sequenced.begin_session(session, self.following.last().seq.next().0);
        self.ports.sequenced.expect_below(now, leading.last.seq.next().0);
    }

    fn go_deaf(&mut self) {
        self.ports.sequenced.begin_session(self.settings.names.of(StreamKind::Sequenced, Epoch(0)), 1);
    }

    /// Sets out for what lies behind one place up to another: who knows nothing begins with a snapshot.
    fn set_out(&mut self, now: Nanos, after: Position, upto: Position) {
        let since = match after {
            Position::GENESIS => Since::Snapshot,
            after => Since::OneOf(vec![after]),
        };
        self.ports.detour.set_out(now, Wanted { since, upto });
    }

    /// Takes what was found of the past.
    pub(crate) fn take_past(
        &mut self,
        now: Nanos,
        tell: &mut dyn FnMut(Told) -> Result<(), Overtaken>,
    ) -> anyhow::Result<usize> {
        let Some(leading) = self.told.filter(|_| self.ports.detour.is_on()) else { return Ok(0) };
        let Self { ports, following, releases, settings, .. } = self;
        let (from, mut trouble) = (following.last(), None);
        let (work, way) = ports.detour.go(now, &mut |piece| {
            if following.uncommitted() >= settings.remembered || trouble.is_some() {
                return Taken::Later;
            }
            let taken = match piece {
                Piece::Beginning(beginning) => Known::of(&beginning, settings.node).and_then(|known| {
                    *following = Following::begin(known.at, settings.remembered, known.started.clone());
                    following.handle_epoch(leading.epoch, leading.parent);
                    following.handle_word(leading.epoch, leading.committed);
                    releases.begin_at(known.outbound);
                    Ok(tell(Told::Known(Box::new(known)))?)
                }),
                Piece::Frame(bytes) => Frame::read(bytes)
                    .map_err(anyhow::Error::from)
                    .and_then(|frame| Ok(following.handle_frame(&frame, numbered(&frame, settings.node))?)),
            };
            trouble = taken.err();
            if trouble.is_none() { Taken::Yes } else { Taken::Later }
        });
        if let Some(error) = trouble {
            return Err(error.context("the loggers' logs hold what this gateway cannot follow"));
        }
        while let Some((_, own)) = self.following.poll_committed() {
            own.into_iter().try_for_each(|own| tell(Told::Committed(own)))?;
        }
        if from != self.following.last() {
            // What is heard of the stream meanwhile would not follow.
            self.go_deaf();
        }
        match way {
            Way::Off | Way::On => {}
            Way::Ended { gained: true } => self.follow(now, &leading),
            Way::Nowhere if from != Position::GENESIS => anyhow::bail!(
                "no logger has what comes behind {from} any more, archives included: this gateway was away for too long.                  Start it again: it begins with a snapshot"
            ),
            Way::Ended { gained: false } | Way::Nowhere => self.listen(now, &leading),
        }
        Ok(work)
    }

    /// Judges whether to look elsewhere for what does not come in the stream.
    fn look_around(&mut self, now: Nanos, from: Position) {
        let (last, ports) = (self.following.last(), &mut self.ports);
        if last != from {
            // It goes on by itself.
            ports.detour.turn_back();
        }
        let asked = ports.sequenced.asked_since();
        if let Some(Leading { committed, .. }) = self.told
            && ports.detour.is_needed(now, asked, last.seq.next().0, committed)
        {
            tracing::warn!(behind = %last, upto = %committed, "nobody answers in the stream with what comes behind this place: looking for it in the loggers' logs");
            self.set_out(now, last, committed);
        }
    }

    /// The commands of this life go out from here on.
    pub(crate) fn begin_commands(&mut self, incarnation: Incarnation) {
        let lane = Lane { gateway: self.settings.node, incarnation };
        self.ports.commands.begin_session(self.settings.names.of_lane(lane), 1);
        self.ports.commands.set_muted(false);
    }

    pub(crate) fn hear_acks(&mut self) -> anyhow::Result<usize> {
        let Self { following, ports, settings, .. } = self;
        let mut work = 0;
        for _ in 0..BATCHES_A_CYCLE {
            let received = ports
                .acks
                .recv(&mut |_, bytes| {
                    if let Ok(ack) = Ack::read(bytes)
                        && ack.cluster == settings.cluster
                    {
                        following.handle_ack(&ack);
                    }
                })
                .context("cannot hear the acknowledgements")?;
            work += received;
            if received == 0 {
                break;
            }
        }
        Ok(work)
    }

    /// Hears the sequenced stream, and tells of this gateway's commands that have come to be committed.
    pub(crate) fn hear_sequenced(&mut self, now: Nanos, tell: Tell<'_>) -> anyhow::Result<usize> {
        let Self { following, ports, settings, .. } = self;
        let (from, mut trouble) = (following.last(), None);
        let work = ports
            .sequenced
            .poll(now, &mut |_, bytes| {
                // The sequencer bounds what is uncommitted. More of it is history on the way to the epoch's first frame,
                // and what is committed of that the sequencer says.
                if following.uncommitted() >= settings.remembered {
                    return Delivery::Refused;
                }
                let taken = Frame::read(bytes).map_err(anyhow::Error::from).and_then(|frame| {
                    let own = numbered(&frame, settings.node);
                    if planted(Fault::ReleaseWhenSequenced) {
                        own.into_iter().for_each(&mut *tell);
                    }
                    following.handle_frame(&frame, own).map_err(anyhow::Error::from)
                });
                match taken {
                    Ok(()) => Delivery::Accepted,
                    Err(error) => {
                        trouble = Some(error);
                        Delivery::Refused
                    }
                }
            })
            .context("cannot receive the sequenced stream")?;
        if let Some(error) = trouble {
            return Err(error.context("the sequenced stream holds what this gateway cannot follow"));
        }
        while let Some((_, own)) = following.poll_committed() {
            own.into_iter().for_each(&mut *tell);
        }
        self.look_around(now, from);
        Ok(work)
    }

    /// Hears the events, and hands on those that may be told.
    pub(crate) fn hear_events(
        &mut self,
        now: Nanos,
        tell: &mut dyn FnMut(&Event<'_>) -> Result<(), FrameError>,
    ) -> anyhow::Result<usize> {
        let Self { following, ports, releases, .. } = self;
        let (mut unreadable, mut void) = (None, false);
        let mut deliver = |_: u64, bytes: &[u8]| {
            let event = match Event::read(bytes) {
                Ok(event) => event,
                Err(error) => {
                    unreadable = Some(error);
                    return Delivery::Refused;
                }
            };
            match releases.judge(&event, following) {
                Verdict::Tell => {}
                Verdict::Wait => return Delivery::Refused,
                Verdict::Void => {
                    void = true;
                    return Delivery::Refused;
                }
            }
            match tell(&event) {
                Ok(()) => Delivery::Accepted,
                Err(error) => {
                    unreadable = Some(error);
                    Delivery::Refused
                }
            }
        };
        let work = ports.events.poll(now, &mut deliver).context("cannot receive events")?;
        if let Some(error) = unreadable {
            return Err(error).context("the events stream holds what this gateway cannot read");
        }
        if void {
            // It was kept until its turn comes, and would stand in the way of the right one.
            self.begin_events();
        }
        Ok(work)
    }

    /// The events of the followed epoch are numbered behind the last one that was told.
    fn follow_events(&mut self) {
        let stale = self.events_of < self.following.epoch();
        // The fault: what waits of the former history is told when the new one reaches the same number.
        let by_number = planted(Fault::JudgeEventByNumber) && !self.following.commit().is_open();
        // Who is about to begin does not know yet from which one on.
        let unborn = self.ports.detour.is_on() && self.following.last() == Position::GENESIS;
        if stale && !by_number && !unborn {
            self.events_of = self.following.epoch();
            self.begin_events();
        }
    }

    fn begin_events(&mut self) {
        let session = self.settings.names.of(StreamKind::Events, self.events_of);
        self.ports.events.begin_session(session, self.releases.told().next().0);
    }

    /// Numbers a command, keeps it until it is committed, and sends it with the next [`GatewayLink::send_commands`].
    pub(crate) fn publish(&mut self, frame: &[u8]) {
        self.ports.commands.publish(frame);
    }

    /// Nobody will ask for the commands up to here again.
    pub(crate) fn forget_commands(&mut self, committed: u64) {
        self.ports.commands.release_below(committed + 1);
    }

    pub(crate) fn send_commands(&mut self, now: Nanos) -> anyhow::Result<usize> {
        self.ports.commands.do_work(now).context("cannot send commands")
    }

    /// Says that this gateway is here: at its interval, and at once when others wait for what changed.
    pub(crate) fn say_present(&mut self, now: Nanos, incarnation: Incarnation, ready: bool) -> usize {
        let due = |said: Said| now >= said.at.saturating_add(self.settings.present);
        let news = |said: Said| (said.incarnation, said.ready) != (incarnation, ready);
        if self.said.is_some_and(|said| !due(said) && !news(said)) {
            return 0;
        }
        self.said = Some(Said { incarnation, ready, at: now });
        self.ports.control.say(Message::Present(Present {
            role: Role::Gateway,
            token: self.settings.token,
            incarnation,
            epoch: self.following.epoch(),
            position: self.following.committed(),
            ready,
            term: Term(0),
            digest: None,
        }));
        1
    }

    /// Tells the status if it is time; `detail` is asked only then.
    pub(crate) fn tell_status(&mut self, now: Nanos, detail: impl FnOnce(&Self) -> Detail) -> usize {
        if !self.ports.beacon.is_due(now) {
            return 0;
        }
        let account = Account {
            epoch: self.following.epoch(),
            position: self.following.last(),
            lag: self.ports.sequenced.lag() + self.ports.events.lag(),
            traffic: self.traffic(),
            detail: detail(self),
        };
        self.ports.beacon.tell(now, account);
        1
    }

    fn traffic(&self) -> Traffic {
        received(&self.ports.sequenced.stats()).plus(received(&self.ports.events.stats()))
    }

    /// The last place that is known to be committed.
    pub(crate) fn committed(&self) -> Position {
        self.following.committed()
    }

    pub(crate) fn following(&self) -> &Following<Option<Numbered>> {
        &self.following
    }

    /// Whether new orders are refused since engines differ.
    pub(crate) fn is_halted(&self) -> bool {
        self.halt.is_on()
    }

    pub(crate) fn releases(&self) -> &Releases {
        &self.releases
    }

    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        let GatewayPorts { sequenced, events, detour, commands, beacon, .. } = &self.ports;
        let streams = [
            sequenced.next_deadline(),
            events.next_deadline(),
            commands.next_deadline(),
            detour.next_deadline(),
        ];
        let present = self.said.map_or(Nanos(0), |said| said.at.saturating_add(self.settings.present));
        streams.into_iter().flatten().chain([beacon.next_deadline(), present]).min()
    }

    pub(crate) fn descriptors(&self, out: &mut Vec<RawFd>) {
        let GatewayPorts { control, acks, sequenced, events, commands, .. } = &self.ports;
        control.descriptors(out);
        acks.descriptors(out);
        sequenced.descriptors(out);
        events.descriptors(out);
        commands.descriptors(out);
    }
}

/// The command's number, if it is one of this gateway's.
fn numbered(frame: &Frame<'_>, gateway: NodeId) -> Option<Numbered> {
    let header = frame.header();
    let own = { header.source } == gateway;
    own.then_some(Numbered { incarnation: header.incarnation, number: { header.source_seq }.0 })
}
