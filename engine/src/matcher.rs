//! The matching thread: frames out of the ring, through the exchange, events onto their stream.

use crate::receiver::Received;
use crate::ring::RingConsumer;
use anyhow::Context;
use bus::{MulticastPublication, Publication};
use cluster::EngineMode;
use cluster::status::{Detail, Mark};
use engine::{EventSink, Exchange, Limits, Replica};
use node::beacon::Account;
use node::streams::FIRST_EPOCH;
use node::{Beacon, Duty, Idle, Started};
use std::os::fd::RawFd;
use std::sync::Arc;
use wire::event::{self, Speaker};
use wire::{Digest, Frame, Nanos, Outbound, Position, Term};

/// Frames that are executed before their events go out: enough to fill datagrams, few enough not to keep a client waiting.
const FRAMES_A_CYCLE: usize = 128;
/// Marks that a status tells beside the present one.
const MARKS_TOLD: usize = 6;
/// The term of the first hot engine.
const FIRST_TERM: Term = Term(1);

pub(crate) struct MatcherAgent {
    replica: Replica<Exchange>,
    ring: RingConsumer,
    events: MulticastPublication,
    speaker: Speaker,
    mode: EngineMode,
    received: Arc<Received>,
    beacon: Beacon,
}

impl MatcherAgent {
    pub(crate) fn open(
        started: &Started,
        ring: RingConsumer,
        received: Arc<Received>,
    ) -> anyhow::Result<Self> {
        let Started { description, node, .. } = started;
        let limits = Limits {
            instruments: description.engine.instruments,
            sessions: description.engine.sessions,
            resting_orders: description.engine.resting_orders,
            names: description.engine.names,
            ..Limits::default()
        };
        let exchange = Exchange::new(limits)?;
        let sink = EventSink::with_capacity(limits.events_reserved as usize);
        let mut events = description.publish_events(node, FIRST_EPOCH, 1)?;
        events.publisher_mut().set_muted(node.mode == EngineMode::Warm);
        Ok(Self {
            replica: Replica::new(exchange, sink),
            ring,
            events,
            speaker: Speaker { epoch: FIRST_EPOCH, term: FIRST_TERM, node: node.id },
            mode: node.mode,
            received,
            beacon: Beacon::open(description, node)?,
        })
    }

    pub(crate) fn position(&self) -> Position {
        self.replica.position()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.replica.digest()
    }

    /// Executes what waits in the ring, up to a batch.
    fn execute(&mut self) -> anyhow::Result<usize> {
        let mut done = 0;
        while done < FRAMES_A_CYCLE
            && let Some(slot) = self.ring.pop()
        {
            done += 1;
            let frame = Frame::read(slot.bytes())
                .with_context(|| format!("the frame after {} cannot be read", self.replica.position()))?;
            self.replica.apply(&frame)?;
            for bytes in self.replica.events_mut() {
                event::speak(bytes, self.speaker);
                self.events.publish(bytes);
            }
        }
        // Every event has the number that its datagram gives it, or repair would answer with another.
        assert_eq!(
            self.events.next(),
            self.replica.outbound().0,
            "the events stream and the outbound sequence differ"
        );
        Ok(done)
    }

    fn account(&self) -> Account {
        let present = Mark { position: self.replica.position(), digest: self.replica.digest() };
        let mut marks: Vec<Mark> =
            self.replica.marks().map(|mark| Mark { position: mark.at, digest: mark.digest }).collect();
        marks.push(present);
        marks.reverse();
        marks.truncate(1 + MARKS_TOLD);
        Account {
            epoch: self.replica.position().epoch,
            position: self.replica.position(),
            lag: self.received.lag() + self.ring.used() as u64,
            traffic: self.received.traffic(),
            detail: Detail::Engine {
                mode: self.mode,
                term: self.speaker.term,
                outbound: Outbound(self.replica.outbound().0 - 1),
                ring_used: u32::try_from(self.ring.used()).unwrap_or(u32::MAX),
                ring_len: u32::try_from(self.ring.len()).unwrap_or(u32::MAX),
                resting: self.replica.machine().resting_orders() as u64,
                marks,
            },
        }
    }
}

impl Duty for MatcherAgent {
    fn on_start(&mut self, idle: &Idle) {
        self.ring.set_waker(idle.waker());
    }

    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = self.execute()?;
        work += self.events.do_work(now).context("cannot publish events")?;
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        if work == 0 && !self.ring.may_sleep() {
            work = 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let beacon = self.beacon.next_deadline();
        Some(self.events.next_deadline().map_or(beacon, |at| at.min(beacon)))
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.events.descriptors(out);
    }
}
