//! The judge: it builds the one history from what nodes claim to be committed, executes it by itself, and holds every claim,
//! every acknowledgement, every kept event and every report to a client against it, at the moment at which it is made.

use crate::disk::{Disk, Platter};
use crate::process::limits;
use crate::votes::Votes;
use cluster::planted::is_poison;
use engine::{Divergence, EventSink, Exchange, Replica, StateMachine};
use node::Description;
use node::description::Durability;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use wire::event::{self, CancelReason, Happening};
use wire::{
    Ack, ClOrdId, Command, Digest, Event, Frame, Incarnation, NodeId, Outbound, Position, Seq, SessionId,
};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What it found.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.check, self.text)
    }
}

/// Whether all is well.
pub type Verdict = Result<(), Violation>;

/// A violation of this check.
pub fn broken(check: &'static str, text: fmt::Arguments<'_>) -> Violation {
    Violation { check, text: text.to_string() }
}

/// An ExecutionReport or OrderCancelReject, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose it is.
    pub session: SessionId,
    /// ExecID (17); empty for a cancel reject.
    pub exec_id: String,
    /// ExecType (150), or `9` for a cancel reject.
    pub exec_type: char,
    /// ClOrdID (11).
    pub cl_ord_id: String,
    /// CumQty (14).
    pub cum: u64,
    /// LeavesQty (151).
    pub leaves: u64,
}

/// The judge.
#[derive(Debug)]
pub struct Oracle {
    description: Rc<Description>,
    /// The history, as far as any node has claimed it to be committed.
    frames: Vec<Rc<[u8]>>,
    places: Vec<Position>,
    /// An engine of its own, and what it made of the history.
    reference: Replica<Exchange>,
    digests: Vec<Digest>,
    events: Vec<Box<[u8]>>,
    /// The cancel rejects among them.
    cancel_rejects: BTreeMap<(SessionId, ClOrdId), u64>,
    /// Mass cancels that were done, with how many orders they cancelled.
    mass_cancels: BTreeSet<(SessionId, ClOrdId, u64)>,
    /// The highest number of each gateway in its present life.
    fifos: BTreeMap<NodeId, (Incarnation, u64)>,
    /// New orders that were accepted, and how often.
    accepted: BTreeMap<(SessionId, ClOrdId), u64>,
    /// Every request that stands in the history.
    asked: BTreeMap<(SessionId, ClOrdId), u64>,
    /// Who has acknowledged what.
    votes: Votes,
    /// What each node claimed last.
    claims: Vec<Position>,
    /// How many events of each node's journal were compared.
    compared: Vec<usize>,
    /// What hot engines said while they were astray: the first number of it, and the first one behind it. It has been said, and nobody
    /// takes a number twice, so what was said under these numbers is not held against the history; nothing else is excused.
    astray: Vec<(u64, u64)>,
}

impl Oracle {
    /// A judge of a cluster with so many nodes, before anything was committed.
    #[must_use]
    pub fn new(description: Rc<Description>, nodes: usize) -> Self {
        let limits = limits(&description);
        let exchange = Exchange::new(limits).expect("the description's limits are small");
        Self {
            description,
            frames: Vec::new(),
            places: Vec::new(),
            reference: Replica::new(exchange, EventSink::with_capacity(limits.events_reserved as usize)),
            digests: Vec::new(),
            events: Vec::new(),
            cancel_rejects: BTreeMap::new(),
            mass_cancels: BTreeSet::new(),
            fifos: BTreeMap::new(),
            accepted: BTreeMap::new(),
            asked: BTreeMap::new(),
            votes: Votes::default(),
            claims: vec![Position::GENESIS; nodes],
            compared: vec![0; nodes],
            astray: Vec::new(),
        }
    }

    /// A hot engine that is astray has said what it has computed: the events from the one number to below the other.
    pub fn excuse(&mut self, first: Outbound, next: Outbound) {
        match self.astray.last_mut().filter(|(known, _)| *known == first.0) {
            Some((_, end)) => *end = (*end).max(next.0),
            None => self.astray.push((first.0, next.0)),
        }
    }

    fn is_excused(&self, number: u64) -> bool {
        self.astray.iter().any(|(first, next)| (*first..*next).contains(&number))
    }

    /// Whether somebody who has so many events has all of them. An engine that was astray may have said more than there are.
    #[must_use]
    pub fn has_all(&self, events: u64) -> bool {
        let all = self.events.len() as u64;
        events == all || events > all && (all + 1..=events).all(|number| self.is_excused(number))
    }

    /// A judge of what comes after a loss that was not promised against. What loggers keep of events by then may be of the
    /// lost history: it is judged at the end alone, when they have found that out.
    #[must_use]
    pub fn after_loss(description: Rc<Description>, disks: &[Option<Disk>]) -> Self {
        let kept = |disk: &Option<Disk>| disk.as_ref().map_or(0, |disk| disk.events.borrow().written().len());
        Self { compared: disks.iter().map(kept).collect(), ..Self::new(description, disks.len()) }
    }

    /// The last committed place.
    #[must_use]
    pub fn last(&self) -> Position {
        self.places.last().copied().unwrap_or(Position::GENESIS)
    }

    /// How many events the history has caused.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// How often a request stands in the history.
    #[must_use]
    pub fn asked(&self, session: SessionId, name: ClOrdId) -> u64 {
        self.asked.get(&(session, name)).copied().unwrap_or_default()
    }

    /// The place of a committed frame.
    fn place(&self, seq: Seq) -> Option<Position> {
        match seq.0 {
            0 => Some(Position::GENESIS),
            number => self.places.get(usize::try_from(number).ok()? - 1).copied(),
        }
    }

    /// A node says that everything up to this place is committed.
    pub fn claim(&mut self, node: usize, who: &str, claim: Position, disks: &[Option<Disk>]) -> Verdict {
        if self.claims[node] == claim {
            return Ok(());
        }
        self.claims[node] = claim;
        if claim.seq > self.last().seq {
            let counted = self.votes.committed();
            if claim.seq > counted {
                let text =
                    format_args!("{who} holds {claim} for committed, a majority has acknowledged {counted}");
                return Err(broken("commit rule", text));
            }
            self.extend(who, claim, disks)?;
        }
        match self.place(claim.seq) {
            Some(place) if place == claim => Ok(()),
            place => {
                let place = place.unwrap_or(Position::GENESIS);
                Err(broken(
                    "one history",
                    format_args!("{who} holds {claim} for committed, the history has {place}"),
                ))
            }
        }
    }

    /// A process is gone, and with it what it had claimed.
    pub fn forget(&mut self, node: usize) {
        self.claims[node] = Position::GENESIS;
    }

    /// Takes the frames up to a place from a logger that holds it.
    fn extend(&mut self, who: &str, claim: Position, disks: &[Option<Disk>]) -> Verdict {
        let holder =
            disks.iter().flatten().find(|disk| disk.frames.borrow().position_of(claim.seq) == Some(claim));
        let Some(holder) = holder else {
            return Err(broken(
                "durable",
                format_args!("{who} holds {claim} for committed, and it is in no logger's log"),
            ));
        };
        let frames: Vec<_> =
            holder.frames.borrow().written()[self.frames.len()..claim.seq.0 as usize].to_vec();
        frames.iter().try_for_each(|frame| self.append(frame))
    }

    fn append(&mut self, bytes: &Rc<[u8]>) -> Verdict {
        let frame = Frame::read(bytes).map_err(|error| broken("frame", format_args!("{error}")))?;
        let (here, last) = (frame.position(), self.last());
        if !frame.follows(last) {
            return Err(broken(
                "one history",
                format_args!("{here} was committed behind {last} and does not follow it"),
            ));
        }
        self.check_fifo(&frame)?;
        execute(&mut self.reference, &frame).map_err(|error| broken("execution", format_args!("{error}")))?;
        let Self { reference, events, cancel_rejects, mass_cancels, accepted, .. } = self;
        for bytes in reference.events_mut() {
            event::speak(bytes, event::Speaker::default());
            let event = Event::read(bytes).map_err(|error| broken("event", format_args!("{error}")))?;
            let header = event.header();
            let session = header.session;
            match event.happening() {
                Ok(Happening::Accepted(taken)) => {
                    let times = accepted.entry((session, taken.order.cl_ord_id)).or_default();
                    *times += 1;
                    if *times > 1 {
                        let name = { taken.order.cl_ord_id };
                        return Err(broken(
                            "exactly once",
                            format_args!("session {session}'s order {name:?} was taken twice, at {here}"),
                        ));
                    }
                }
                Ok(Happening::CancelRejected(rejected)) => {
                    *cancel_rejects.entry((session, rejected.request)).or_default() += 1;
                }
                Ok(Happening::MassCancelled(done)) => {
                    mass_cancels.insert((session, done.request, u64::from(done.count)));
                }
                // Told like one that found nothing: who was logged on elsewhere by then had it refused.
                Ok(Happening::MassCancelRejected(rejected)) => {
                    mass_cancels.insert((session, rejected.request, 0));
                }
                _ => {}
            }
            if { header.outbound }.0 != events.len() as u64 + 1 {
                return Err(broken(
                    "outbound",
                    format_args!("event {} is number {}", { header.outbound }, events.len() + 1),
                ));
            }
            events.push(bytes.to_vec().into_boxed_slice());
        }
        self.digests.push(self.reference.digest());
        self.frames.push(Rc::clone(bytes));
        self.places.push(here);
        Ok(())
    }

    /// Each gateway's numbers are there once, in their order, without gaps, and no earlier life speaks after a later one.
    fn check_fifo(&mut self, frame: &Frame<'_>) -> Verdict {
        use wire::Command;
        let header = frame.header();
        let (gateway, life, number) = ({ header.source }, { header.incarnation }, { header.source_seq }.0);
        if number == 0 {
            return Ok(());
        }
        let request = match frame.command() {
            Ok(Command::NewOrder(order)) => Some((order.session, order.cl_ord_id)),
            Ok(Command::CancelOrder(cancel)) => Some((cancel.session, cancel.cl_ord_id)),
            Ok(Command::ReplaceOrder(replace)) => Some((replace.session, replace.cl_ord_id)),
            Ok(Command::MassCancel(cancel)) => Some((cancel.session, cancel.cl_ord_id)),
            _ => None,
        };
        if let Some(request) = request {
            *self.asked.entry(request).or_default() += 1;
        }
        let fifo = self.fifos.entry(gateway).or_default();
        let next = if life > fifo.0 { 1 } else { fifo.1 + 1 };
        if life < fifo.0 || number != next {
            let text = format_args!(
                "frame {} is gateway {gateway}'s command {number} of life {life}, expected was {next} of life {}",
                frame.position(),
                fifo.0
            );
            return Err(broken("fifo", text));
        }
        *fifo = (life, number);
        Ok(())
    }

    /// An engine has executed everything up to this place, and came to this digest.
    pub fn executed(&self, who: &str, at: Position, digest: Digest) -> Verdict {
        if at.seq.0 == 0 || self.place(at.seq) != Some(at) {
            return Ok(()); // not committed, or not yet
        }
        let own = self.digests[at.seq.0 as usize - 1]; // its place is known, and so is its digest
        if own == digest {
            return Ok(());
        }
        let text = format_args!("{who} has {:016x} at {at}, the history gives {:016x}", digest.0, own.0);
        Err(broken("digest", text))
    }

    /// An engine goes on with a state that it has not computed: it is, byte for byte, what the history gives there.
    pub fn restored(&self, who: &str, replica: &Replica<Exchange>) -> Verdict {
        let (at, digest) = (replica.position(), replica.digest());
        if self.place(at.seq) != Some(at) {
            return Err(broken("snapshot", format_args!("{who} begins at {at}, which is not committed")));
        }
        self.executed(who, at, digest)?;
        let replayed = if at == self.last() { None } else { Some(self.replay(at)?) };
        let own = replayed.as_ref().unwrap_or(&self.reference);
        let state = |of: &Replica<Exchange>| {
            let mut bytes = Vec::new();
            of.machine().snapshot(&mut bytes).map(|()| bytes)
        };
        let ledger = |of: &Replica<Exchange>| {
            let mut bytes = Vec::new();
            of.ledger().write(&mut bytes);
            bytes
        };
        let same = match (state(own), state(replica)) {
            (Ok(own), Ok(other)) => own == other,
            _ => false,
        };
        if same && ledger(own) == ledger(replica) && own.outbound() == replica.outbound() {
            return Ok(());
        }
        Err(broken("snapshot", format_args!("{who} holds another state at {at} than the history gives")))
    }

    /// The history executed once more, up to this place.
    fn replay(&self, upto: Position) -> Result<Replica<Exchange>, Violation> {
        let limits = limits(&self.description);
        let exchange = Exchange::new(limits).expect("the description's limits are small");
        let mut replica = Replica::new(exchange, EventSink::with_capacity(limits.events_reserved as usize));
        for bytes in &self.frames[..upto.seq.0 as usize] {
            let frame = Frame::read(bytes).map_err(|error| broken("frame", format_args!("{error}")))?;
            execute(&mut replica, &frame).map_err(|error| broken("execution", format_args!("{error}")))?;
        }
        Ok(replica)
    }

    /// A logger has acknowledged: it holds what it says, as durably as it says, and has not promised a later epoch.
    pub fn acknowledged(&mut self, who: &str, ack: &Ack, disk: &Disk) -> Verdict {
        let platter = disk.frames.borrow();
        let place = ack.position;
        if platter.position_of(place.seq) != Some(place) {
            return Err(broken(
                "acknowledgement",
                format_args!("{who} acknowledges {place} and does not hold it"),
            ));
        }
        if self.description.log.durability == Durability::Synced && (platter.synced() as u64) < place.seq.0 {
            return Err(broken(
                "acknowledgement",
                format_args!("{who} acknowledges {place}, synced is {}", platter.synced()),
            ));
        }
        let kept = disk.kept();
        if kept.promise.epoch > place.epoch {
            let promised = kept.promise.epoch;
            return Err(broken(
                "promise",
                format_args!("{who} acknowledges {place} though it has promised epoch {promised}"),
            ));
        }
        if kept.incarnation != ack.incarnation {
            return Err(broken(
                "life",
                format_args!(
                    "{who} acknowledges in life {}, its own is {}",
                    ack.incarnation, kept.incarnation
                ),
            ));
        }
        self.votes.handle_ack(ack, &platter);
        Ok(())
    }

    /// What a logger keeps of the events is what the history causes.
    pub fn journal(&mut self, node: usize, who: &str, platter: &Platter) -> Verdict {
        let kept = platter.written();
        let from = self.compared[node].min(kept.len());
        for (at, bytes) in kept.iter().enumerate().skip(from) {
            let same = self.events.get(at).map(|own| event::content(own) == event::content(bytes));
            if same != Some(true) && !self.is_excused(at as u64 + 1) {
                let why = if same.is_none() { "was not committed" } else { "is not what the history causes" };
                return Err(broken(
                    "event journal",
                    format_args!("{who} keeps event {}, which {why}", at + 1),
                ));
            }
        }
        self.compared[node] = kept.len();
        Ok(())
    }

    /// A client was told something: it is what the committed history has caused for it.
    pub fn reported(&self, report: &Report) -> Verdict {
        let told = || format!("session {} was told {report:?}", report.session);
        let name = ClOrdId::new(report.cl_ord_id.as_bytes());
        let name = name.map_err(|error| broken("report", format_args!("{}: {error}", told())))?;
        let number = report.exec_id.parse::<u64>().ok();
        // A reject of a cancel does not say which event it is: it is excused for whoever has asked.
        let excused = match number {
            Some(number) => self.is_excused(number),
            None => !self.astray.is_empty() && self.asked(report.session, name) > 0,
        };
        if excused {
            return Ok(());
        }
        if report.exec_type == '9' {
            if self.cancel_rejects.contains_key(&(report.session, name)) {
                return Ok(());
            }
            return Err(broken(
                "report",
                format_args!("{}, the committed history has no such reject", told()),
            ));
        }
        if report.exec_type == 'r' {
            if self.mass_cancels.contains(&(report.session, name, report.cum)) {
                return Ok(());
            }
            return Err(broken(
                "report",
                format_args!("{}, the committed history has no such mass cancel", told()),
            ));
        }
        let event = number.and_then(|number| self.events.get(usize::try_from(number.checked_sub(1)?).ok()?));
        let Some(bytes) = event else {
            let have = self.events.len();
            return Err(broken(
                "report",
                format_args!("{}, the committed history has {have} events", told()),
            ));
        };
        let event = Event::read(bytes).map_err(|error| broken("event", format_args!("{error}")))?;
        let (kind, order, name_told) = match event.happening() {
            Ok(Happening::Accepted(e)) => ('0', e.order, e.order.cl_ord_id),
            Ok(Happening::Rejected(e)) => ('8', e.order, e.order.cl_ord_id),
            Ok(Happening::Filled(e)) => ('F', e.order, e.order.cl_ord_id),
            Ok(Happening::Replaced(e)) => ('5', e.order, e.order.cl_ord_id),
            Ok(Happening::Triggered(e)) => ('L', e.order, e.order.cl_ord_id),
            Ok(Happening::Restated(e)) => ('D', e.order, e.order.cl_ord_id),
            Ok(Happening::Cancelled(e)) => {
                let request = e.request;
                let ran_out = matches!(e.reason, CancelReason::Expired | CancelReason::AuctionRemainder);
                (
                    if ran_out { 'C' } else { '4' },
                    e.order,
                    if request.is_empty() { e.order.cl_ord_id } else { request },
                )
            }
            other => {
                return Err(broken("report", format_args!("{}, which the history has as {other:?}", told())));
            }
        };
        let same = kind == report.exec_type
            && { event.header().session } == report.session
            && name_told == name
            && { order.cum }.0 == report.cum
            && { order.leaves }.0 == report.leaves;
        if same {
            Ok(())
        } else {
            Err(broken("report", format_args!("{}, the history has {event:?}", told())))
        }
    }

    /// At the end, when everything is healed and quiet: every log is the history, every journal has all its events.
    pub fn settled(&mut self, node: usize, who: &str, disk: &Disk) -> Verdict {
        let frames = disk.frames.borrow();
        if frames.written().len() < self.frames.len() {
            return Err(broken(
                "converged",
                format_args!("{who} ends at {}, the history at {}", frames.last(), self.last()),
            ));
        }
        for (own, other) in self.frames.iter().zip(frames.written()) {
            if own != other {
                let place = Frame::read(other).map(|frame| frame.position());
                return Err(broken(
                    "one history",
                    format_args!("{who}'s log has {place:?}, which is not the history"),
                ));
            }
        }
        self.compared[node] = 0;
        self.journal(node, who, &disk.events.borrow())
    }
}

/// What makes an engine panic is left out in the end.
fn execute(replica: &mut Replica<Exchange>, frame: &Frame<'_>) -> Result<(), Divergence> {
    let poisonous =
        matches!(frame.command(), Ok(Command::NewOrder(order)) if is_poison({ order.cl_ord_id }.as_bytes()));
    if poisonous {
        let mut try_out = replica.clone();
        let panics = catch_unwind(AssertUnwindSafe(|| try_out.apply(frame))).is_err();
        if panics {
            return replica.skip(frame);
        }
    }
    replica.apply(frame)
}
