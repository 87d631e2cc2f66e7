//! A sequencer: it stands by, is granted an epoch, adopts the best log, and stamps until another one is granted the next.

mod campaign;
mod standby;

use crate::adoption::Adoption;
use crate::intake::Intake;
use crate::schedule::Schedule;
use crate::settings::SequencerSettings;
use crate::stamp::Stamper;
use anyhow::Context;
use archive::Detour;
use bus::mold::{Packet, RequestPacket};
use bus::{Delivery, Publication, Session, Socket, StreamKind, Subscription, Transport};
use campaign::Campaign;
use cluster::planted::{Fault, planted};
use cluster::status::{Detail, Traffic};
use cluster::{
    Answer, Candidacy, Entry, Following, Grant, Lane, Leading, Ledger, Message, Present, Quarantine, Role,
};
use node::beacon::{Account, received};
use node::{Beacon, ControlGroup, Duty};
pub use standby::judge;
use std::os::fd::RawFd;
use wire::command::{self, Act, Adopted, EpochOpen, EpochStart, Opening, RulesVersion, Snapshot, Tick};
use wire::{Ack, Epoch, Frame, Incarnation, Nanos, Position, Rules, Term};

/// The rules that a new history begins with.
const FIRST_RULES: Rules = Rules(1);
/// Batches of datagrams taken in one cycle before what was stamped goes out.
const BATCHES_A_CYCLE: usize = 4;
/// Chains of places that are remembered: a sequencer asks for none.
const REMEMBERED: usize = 1;

/// What a sequencer hears and speaks through.
#[derive(Debug)]
pub struct SequencerPorts<T: Transport> {
    /// Grants, promises, who leads.
    pub control: ControlGroup<T::Socket>,
    /// The loggers' acknowledgements.
    pub acks: T::Socket,
    /// The gateways' commands.
    pub commands: T::Socket,
    /// The sequenced stream, out.
    pub speaks: T::Publication,
    /// The sequenced stream of others, and a logger's log, in.
    pub hears: T::Subscription,
    /// The way around it to what lies far behind.
    pub detour: Detour,
    /// Its account of itself.
    pub beacon: Beacon<T::Socket>,
}

/// What it is at the moment.
#[derive(Debug)]
enum Seat {
    /// It follows whoever leads.
    Standby,
    /// It was granted an epoch, and gathers promises and the best log.
    Candidate(Box<Campaign>),
    /// It stamps.
    Leader(Box<Reign>),
}

/// An epoch of one's own.
#[derive(Debug)]
struct Reign {
    grant: Grant,
    parent: Position,
    intake: Intake,
    snapshots: Schedule,
    /// `EpochOpen` is stamped, or not needed.
    opened: bool,
    /// What the stream says is quarantined.
    quarantined: Vec<Position>,
}

/// A sequencer.
#[derive(Debug)]
pub struct SequencerNode<T: Transport> {
    settings: SequencerSettings,
    ports: SequencerPorts<T>,
    seat: Seat,
    /// What the leader that is followed said last.
    told: Option<Leading>,
    /// What is received or stamped and not committed.
    following: Following<Entry>,
    /// The ledger of what is committed.
    ledger: Ledger,
    /// What is called committed there was so once, and may have been lost since: it counts for nothing before the epoch that
    /// adopts it is open.
    unproven: bool,
    /// What the supervisors say is quarantined.
    quarantined: Vec<Quarantine>,
    /// The highest epoch heard of: nothing below it is taken up any more.
    highest: Epoch,
    lead_at: Nanos,
    present_at: Nanos,
    traffic: Traffic,
}

impl<T: Transport> SequencerNode<T> {
    /// A sequencer that knows nothing yet.
    pub fn new(settings: SequencerSettings, ports: SequencerPorts<T>) -> Self {
        Self {
            settings,
            ports,
            seat: Seat::Standby,
            told: None,
            following: Following::new(Position::GENESIS, REMEMBERED),
            ledger: Ledger::default(),
            unproven: false,
            quarantined: Vec::new(),
            highest: Epoch(0),
            lead_at: Nanos(0),
            present_at: Nanos(0),
            traffic: Traffic::default(),
        }
    }

    /// Whether it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        matches!(self.seat, Seat::Leader(_))
    }

    /// The place on which its own epoch stands, if it leads.
    #[must_use]
    pub fn parent(&self) -> Option<Position> {
        match &self.seat {
            Seat::Leader(reign) => Some(reign.parent),
            _ => None,
        }
    }

    /// The last place that it stamped or received.
    #[must_use]
    pub fn position(&self) -> Position {
        self.following.last()
    }

    /// The last place that it knows to be committed.
    #[must_use]
    pub fn committed(&self) -> Position {
        if self.unproven { Position::GENESIS } else { self.following.committed() }
    }

    /// The epoch that it leads or follows.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.following.epoch()
    }

    /// The publication, for a farewell.
    pub fn speaks(&mut self) -> &mut T::Publication {
        &mut self.ports.speaks
    }

    fn hear_control(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut heard = Vec::new();
        let work = self
            .ports
            .control
            .hear(&mut |from, message| heard.push((from, message)))
            .context("cannot hear the control group")?;
        for (from, message) in heard {
            match message {
                Message::Granted(grant) => self.handle_grant(now, grant),
                Message::Answer(answer) => self.handle_answer(now, &answer),
                Message::Leading(leading) => self.handle_leading(now, from, leading),
                // It only ever becomes longer.
                Message::Quarantined(list) if list.len() > self.quarantined.len() => self.quarantined = list,
                Message::SnapshotWanted => {
                    if let Seat::Leader(reign) = &mut self.seat {
                        reign.snapshots.ask();
                    }
                }
                _ => {}
            }
        }
        Ok(work)
    }

    /// An epoch was granted: to this process, or to another one, which ends this one's.
    fn handle_grant(&mut self, now: Nanos, grant: Grant) {
        if let Seat::Leader(reign) = &mut self.seat
            && (reign.grant.epoch, reign.grant.nonce) == (grant.epoch, grant.nonce)
        {
            reign.grant.started |= grant.started;
            return;
        }
        if grant.epoch <= self.highest {
            return;
        }
        self.step_down(grant.epoch);
        let mine = grant.sequencer == self.settings.node
            && (grant.nonce == self.settings.token || planted(Fault::ContinueEpoch));
        if mine {
            // All that is known to be committed by now; from here on that place does not move.
            self.settle();
            if grant.adopted == Adopted::MayLack && self.following.last() != Position::GENESIS {
                tracing::warn!(epoch = %grant.epoch, "what this process knows may be lost: it begins with the loggers' logs alone");
                self.forget();
            }
            let committed = self.committed();
            tracing::info!(epoch = %grant.epoch, loggers = %grant.loggers, quorum = %grant.quorum.voters(), %committed, "granted an epoch; asking the loggers for their promises");
            self.hear_history(grant.epoch);
            let adoption = Adoption::new(committed, self.settings.uncommitted);
            let candidacy = Candidacy::new(grant, committed, self.settings.patience, now);
            self.seat = Seat::Candidate(Box::new(Campaign { candidacy, adoption, fetch: None, fetches: 0 }));
        }
    }

    /// Knows nothing of any history.
    fn forget(&mut self) {
        self.following = Following::new(Position::GENESIS, REMEMBERED);
        self.ledger = Ledger::default();
        self.unproven = false;
    }

    /// Nothing of an epoch below this is taken up, or gone on with.
    fn step_down(&mut self, epoch: Epoch) {
        self.highest = epoch;
        self.told = None;
        self.ports.detour.turn_back();
        match std::mem::replace(&mut self.seat, Seat::Standby) {
            Seat::Standby => {}
            Seat::Candidate(campaign) => {
                let own = campaign.candidacy.grant().epoch;
                tracing::warn!(%own, later = %epoch, "another epoch was granted before this one began");
                self.hear_history(epoch);
            }
            Seat::Leader(reign) => {
                tracing::warn!(own = %reign.grant.epoch, later = %epoch, uncommitted = self.following.uncommitted(), "another epoch was granted: stamping ends here");
                // The tail may become void. Nobody must have that repaired out of this ring, now or in a later epoch of its own.
                let session = self.settings.names.of(StreamKind::Sequenced, reign.grant.epoch);
                self.ports.speaks.begin_session(session, self.committed().seq.next().0);
                self.ports.speaks.set_muted(true);
            }
        }
        if self.unproven {
            self.forget();
        }
    }

    /// Hears nothing but answers that were asked for in this epoch: what is on its way of another session is void here.
    fn hear_history(&mut self, epoch: Epoch) {
        let next = self.following.committed().seq.next();
        self.ports.hears.begin_session(self.settings.names.of(StreamKind::History, epoch), next.0);
    }

    fn handle_answer(&mut self, now: Nanos, answer: &Answer) {
        if let Seat::Candidate(campaign) = &mut self.seat {
            campaign.candidacy.handle_answer(now, answer);
        }
    }

    fn hear_acks(&mut self) -> anyhow::Result<usize> {
        let Self { seat, following, ports, settings, .. } = self;
        // A candidate adopts behind the place that was committed when it was granted its epoch.
        let counts = !matches!(seat, Seat::Candidate(_));
        let mut work = 0;
        for _ in 0..BATCHES_A_CYCLE {
            let received = ports
                .acks
                .recv(&mut |_, bytes| {
                    if let Ok(ack) = Ack::read(bytes)
                        && ack.cluster == settings.cluster
                        && counts
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
        self.settle();
        Ok(work)
    }

    /// Enters what has come to be committed.
    fn settle(&mut self) {
        while let Some((_, entry)) = self.following.poll_committed() {
            self.ledger.enter(entry);
        }
        self.unproven &= !(self.leads() && self.following.commit().is_open());
    }

    /// The stream of whoever leads, or the log of whoever holds the best one.
    fn hear_stream(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = match &mut self.seat {
            Seat::Standby => self.take_past(now)? + self.hear_leader(now)?,
            Seat::Candidate(_) => self.take_adopted(now)? + self.hear_holder(now)?,
            // Its own words come back to it: they are read and dropped.
            Seat::Leader(_) => self
                .ports
                .hears
                .poll(now, &mut |_, _| Delivery::Refused)
                .context("cannot receive the sequenced stream")?,
        };
        work += self.seek_election(now)?;
        Ok(work)
    }

    /// Begins the epoch: what was adopted, its first frame, and what a new history begins with.
    fn begin(&mut self, now: Nanos, parent: Position) -> anyhow::Result<()> {
        let Seat::Candidate(campaign) = std::mem::replace(&mut self.seat, Seat::Standby) else {
            unreachable!("only a candidate begins an epoch")
        };
        let Campaign { candidacy, adoption, .. } = *campaign;
        self.ports.detour.turn_back();
        let grant = candidacy.grant().clone();
        let Self { following, ports, settings, ledger, .. } = self;
        // Everything behind the committed place comes from the adopted log.
        following.handle_epoch(grant.epoch, Position::GENESIS);
        let mut present = ledger.clone();
        for (place, entry) in adoption.entries() {
            following.adopt(place, entry.clone());
            present.enter(entry);
        }
        let session = settings.names.of(StreamKind::Sequenced, grant.epoch);
        ports.hears.begin_session(settings.names.of(StreamKind::History, grant.epoch), parent.seq.0 + 1);
        ports.speaks.begin_session(session, adoption.tail_begins_at());
        ports.speaks.set_muted(false);
        // What not everyone may have is said again, so that nobody needs to ask for it.
        for frame in adoption.tail() {
            ports.speaks.publish(frame);
        }
        let stamper = Stamper::new(settings.node, grant.epoch, parent, present.timestamp());
        let gateways = settings.gateways.keys().copied();
        let intake = Intake::new(stamper, gateways, &present, settings.gap);
        let opened = grant.opening == Opening::AtStart;
        tracing::info!(epoch = %grant.epoch, %parent, adopted = adoption.len(), "epoch begun");
        let quarantined = present.quarantined().to_vec();
        let snapshots = Schedule::new(settings.snapshots, present.last_snapshot().seq, now);
        self.seat = Seat::Leader(Box::new(Reign { grant, parent, intake, snapshots, opened, quarantined }));
        self.say_beginnings(now, &present)?;
        self.lead_at = now;
        Ok(())
    }

    fn say_beginnings(&mut self, now: Nanos, present: &Ledger) -> anyhow::Result<()> {
        let Seat::Leader(reign) = &self.seat else { return Ok(()) };
        let (loggers, logger_count) = reign.grant.loggers.seats();
        let start = EpochStart {
            parent_epoch: reign.parent.epoch,
            sequencer: self.settings.node,
            logger_count,
            parent_seq: reign.parent.seq,
            parent_chain: reign.parent.chain,
            nonce: reign.grant.nonce,
            cluster: self.settings.cluster,
            loggers,
            opening: reign.grant.opening,
            adopted: reign.grant.adopted,
            reserved: [0; 6],
        };
        self.stamp_own(|intake, out| intake.say(now, &start, out))?;
        if !present.has_rules() {
            let rules = RulesVersion { rules: FIRST_RULES, reserved: [0; 4] };
            self.stamp_own(|intake, out| intake.say(now, &rules, out))?;
        }
        for founding in self.settings.founding.clone().iter().skip(present.founded()) {
            self.stamp_own(|intake, out| intake.found(now, founding, out))?;
        }
        Ok(())
    }

    /// Stamps through the intake, publishes and follows what was stamped.
    fn stamp_own<R>(
        &mut self,
        stamp: impl FnOnce(&mut Intake, &mut dyn FnMut(&[u8])) -> R,
    ) -> anyhow::Result<R> {
        let Self { seat, following, ports, .. } = self;
        let Seat::Leader(reign) = seat else { unreachable!("only a leader stamps") };
        let mut astray = None;
        let result = stamp(&mut reign.intake, &mut |bytes| {
            ports.speaks.publish(bytes);
            astray = astray.or(follow_own(following, bytes));
        });
        match astray {
            Some(error) => Err(error.into()),
            None => Ok(result),
        }
    }

    fn take_commands(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { seat, following, ports, settings, traffic, .. } = self;
        let mut work = 0;
        let mut astray = None;
        for _ in 0..BATCHES_A_CYCLE {
            let SequencerPorts { commands, speaks, .. } = ports;
            let received = commands
                .recv(&mut |_, bytes| {
                    traffic.datagrams += 1;
                    let Some((lane, packet)) = of_gateway(settings.names.tag, bytes) else {
                        traffic.unusable += 1;
                        return;
                    };
                    let Seat::Leader(reign) = seat else { return };
                    let room = settings.uncommitted.saturating_sub(following.uncommitted());
                    let taken = reign.intake.handle_packet(now, lane, &packet, room, &mut |frame| {
                        speaks.publish(frame);
                        astray = astray.or(follow_own(following, frame));
                    });
                    if let Err(refusal) = taken {
                        tracing::error!(%refusal, "a gateway broke the protocol: nothing more is taken of this incarnation; restart it");
                    }
                })
                .context("cannot receive commands")?;
            work += received;
            if received == 0 {
                break;
            }
        }
        match astray {
            Some(error) => Err(error.into()),
            None => Ok(work),
        }
    }

    /// What an epoch needs besides commands: what waited for room, its opening, the time, questions to gateways.
    fn reign(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Seat::Leader(reign) = &mut self.seat else { return Ok(0) };
        let room = self.settings.uncommitted.saturating_sub(self.following.uncommitted());
        let open_now = !reign.opened && reign.grant.started;
        reign.opened |= open_now;
        let idle = now.since(reign.intake.last_time()) >= self.settings.tick && room > 0;
        let mut work = match self.stamp_own(|intake, out| intake.drain(now, room, out))? {
            Ok(stamped) => stamped,
            Err(refusal) => {
                tracing::error!(%refusal, "a gateway broke the protocol: nothing more is taken of this incarnation; restart it");
                1
            }
        };
        if open_now {
            self.stamp_own(|intake, out| intake.say(now, &EpochOpen {}, out))?;
            work += 1;
        }
        if idle {
            self.stamp_own(|intake, out| intake.say(now, &Tick {}, out))?;
            work += 1;
        }
        work += self.say_quarantined(now)?;
        work += self.take_snapshot(now, room)? + self.ask_again(now)?;
        Ok(work)
    }

    /// Has the stream say what is not executed of it, so that the log is complete in itself.
    fn say_quarantined(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Seat::Leader(reign) = &mut self.seat else { return Ok(0) };
        let room = self.settings.uncommitted.saturating_sub(self.following.uncommitted());
        let news = self.quarantined.iter().find(|word| !reign.quarantined.contains(&word.position));
        let Some(&Quarantine { position, by, why }) = news.filter(|_| room > 0) else { return Ok(0) };
        reign.quarantined.push(position);
        let Position { epoch, seq, chain } = position;
        let body = command::Quarantine { seq, chain, epoch, reserved: [0; 4], act: Act { by, why } };
        self.stamp_own(|intake, out| intake.say(now, &body, out))?;
        tracing::warn!(%position, %by, %why, "the stream says that this command is quarantined");
        Ok(1)
    }

    /// Stamps the command behind which a snapshot is taken, if one is due.
    fn take_snapshot(&mut self, now: Nanos, room: usize) -> anyhow::Result<usize> {
        let Seat::Leader(reign) = &self.seat else { return Ok(0) };
        let at = reign.intake.position().seq;
        let Some(why) = reign.snapshots.due(now, at).filter(|_| reign.opened && room > 0) else {
            return Ok(0);
        };
        let body = Snapshot { why, reserved: [0; 7] };
        let at = self.stamp_own(|intake, out| intake.say(now, &body, out))?;
        tracing::info!(%at, ?why, "a snapshot is due: its place is stamped");
        if let Seat::Leader(reign) = &mut self.seat {
            reign.snapshots.taken(now, at.seq);
        }
        Ok(1)
    }

    fn ask_again(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Seat::Leader(reign) = &mut self.seat else { return Ok(0) };
        let mut work = 0;
        while let Some((lane, request)) = reign.intake.poll_request(now) {
            work += 1;
            self.traffic.repaired += u64::from(request.count);
            let session = self.settings.names.of_lane(lane).to_bytes();
            let packet = RequestPacket { session, first: request.first, count: request.count }.to_bytes();
            if let Some(gateway) = self.settings.gateways.get(&lane.gateway) {
                self.ports
                    .commands
                    .send_to(&packet, *gateway)
                    .context("cannot ask a gateway for commands")?;
            }
        }
        Ok(work)
    }

    /// Tells who it is, what it leads, how it is.
    fn speak(&mut self, now: Nanos) -> usize {
        let mut work = 0;
        if let Seat::Leader(reign) = &self.seat
            && now >= self.lead_at
        {
            self.lead_at = now.saturating_add(self.settings.lead);
            let commit = self.following.commit();
            let leading = Leading {
                epoch: reign.grant.epoch,
                nonce: reign.grant.nonce,
                parent: reign.parent,
                last: self.following.last(),
                committed: self.committed(),
                held: commit.start_is_held(),
                open: commit.is_open(),
            };
            self.ports.control.say(Message::Leading(leading));
            work += 1;
        }
        if now >= self.present_at {
            self.present_at = now.saturating_add(self.settings.present);
            self.ports.control.say(Message::Present(Present {
                role: Role::Sequencer,
                token: self.settings.token,
                incarnation: Incarnation(0),
                epoch: self.following.epoch(),
                position: self.committed(),
                ready: true,
                term: Term(0),
                digest: None,
            }));
            work += 1;
        }
        if self.ports.beacon.is_due(now) {
            let account = self.account();
            self.ports.beacon.tell(now, account);
            work += 1;
        }
        work
    }

    fn account(&self) -> Account {
        let heard = received(&self.ports.hears.stats());
        let (counters, lanes, duplicates) = match &self.seat {
            Seat::Leader(reign) => {
                (reign.intake.counters(), reign.intake.open_lanes(), reign.intake.duplicates())
            }
            _ => Default::default(),
        };
        let own = Traffic { delivered: counters.stamped, duplicates, ..self.traffic };
        Account {
            epoch: self.following.epoch(),
            position: self.following.last(),
            lag: if self.leads() { 0 } else { self.ports.hears.lag() },
            traffic: own.plus(if self.leads() { Traffic::default() } else { heard }),
            detail: Detail::Sequencer {
                leads: self.leads(),
                committed: self.committed().seq,
                lanes: u32::try_from(lanes).unwrap_or(u32::MAX),
                refused: counters.refused_packets,
                closed_lanes: counters.closed_lanes,
            },
        }
    }
}

impl<T: Transport> Duty for SequencerNode<T> {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = self.hear_control(now)?;
        work += self.hear_acks()?;
        work += self.hear_stream(now)?;
        work += self.take_commands(now)?;
        work += self.reign(now)?;
        work += self.ports.speaks.do_work(now).context("cannot publish the sequenced stream")?;
        work += self.speak(now);
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let seat = match &self.seat {
            Seat::Standby => None,
            Seat::Candidate(campaign) => campaign.candidacy.next_deadline(),
            Seat::Leader(reign) => {
                let tick = reign.intake.last_time().saturating_add(self.settings.tick);
                let asks = reign.intake.next_deadline();
                Some(asks.into_iter().chain([tick, self.lead_at]).min().unwrap_or(tick))
            }
        };
        let ports = self.ports.speaks.next_deadline().into_iter().chain(self.ports.hears.next_deadline());
        ports
            .chain(seat)
            .chain(self.ports.detour.next_deadline())
            .chain([self.present_at, self.ports.beacon.next_deadline()])
            .min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.ports.control.descriptors(out);
        self.ports.acks.descriptors(out);
        self.ports.commands.descriptors(out);
        self.ports.speaks.descriptors(out);
        self.ports.hears.descriptors(out);
    }
}

/// A frame that this sequencer has just stamped, on its way to being committed.
fn follow_own(following: &mut Following<Entry>, bytes: &[u8]) -> Option<cluster::Astray> {
    let frame = Frame::read(bytes).expect("it was stamped a moment ago");
    following.handle_frame(&frame, Entry::of(&frame)).err()
}

/// The packet and its lane, if it is one of this cluster's command streams.
fn of_gateway(tag: [u8; 3], bytes: &[u8]) -> Option<(Lane, Packet<'_>)> {
    let packet = Packet::parse(bytes).ok()?;
    let session = Session::parse(packet.session()).ok()?;
    if session.tag() != tag || session.stream() != StreamKind::Commands {
        return None;
    }
    Some((Lane::from_session_number(session.number())?, packet))
}
