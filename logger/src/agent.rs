//! The writing thread: streams into journals as they came, and answers for repair.

use crate::boot::Boot;
use anyhow::Context;
use bus::mold::RequestPacket;
use bus::{Datagrams, Delivery, MulticastSubscription, RepairResponder, StreamKind, Subscription, udp::Sent};
use cluster::status::Detail;
use journal::{Journal, JournalError, Options, Stream, Syncer};
use node::beacon::{Account, received};
use node::streams::FIRST_EPOCH;
use node::{Beacon, Clock, Duty, Started};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use wire::{Nanos, Outbound, Seq};

/// A logger that stops takes what is still on its way to it, for so long at the most.
const LAST_WORDS: Nanos = Nanos::SECOND;
/// A journal without room says so again only after this.
const COMPLAIN_EVERY: Nanos = Nanos::SECOND;

/// One stream and the journal that keeps it.
struct Kept {
    journal: Journal,
    stream: MulticastSubscription,
    responder: RepairResponder,
    /// The session in which its messages may be asked for.
    session: [u8; bus::session::SESSION_LEN],
    /// The number with which this process began; 0 where a publisher may rightly be behind it: an engine that has
    /// restarted says its events again from the first one on.
    began_at: u64,
    /// When it may say again that there is no room.
    complain_at: Nanos,
}

impl Kept {
    fn open(started: &Started, kind: StreamKind, power_cut: bool) -> anyhow::Result<Self> {
        let Started { description, node, .. } = started;
        let (name, what) = match kind {
            StreamKind::Events => ("events", Stream::Events),
            _ => ("log", Stream::Frames),
        };
        let directory = description.data_of(node).join(name);
        let options = Options {
            cluster: description.cluster_id(),
            stream: what,
            segment_len: description.log.segment,
            create: true,
            power_cut,
        };
        let (journal, opened) = Journal::open(&directory, &options, &mut |progress| {
            tracing::info!(
                journal = name,
                segment = progress.segment + 1,
                of = progress.segments,
                records = progress.records,
                "verifying"
            );
        })?;
        tracing::info!(
            journal = name,
            next = opened.next,
            records = opened.records,
            segments = opened.segments,
            cut_bytes = opened.cut_bytes,
            "journal open"
        );
        let next = journal.next();
        let stream = match kind {
            StreamKind::Events => description.follow_events(node, FIRST_EPOCH, next)?,
            _ => description.follow_sequenced(node, FIRST_EPOCH, next)?,
        };
        let session = description.session(kind, FIRST_EPOCH.0).to_bytes();
        Ok(Self {
            journal,
            stream,
            responder: RepairResponder::new(description.network.max_datagram),
            session,
            began_at: if kind == StreamKind::Events { 0 } else { next },
            complain_at: Nanos(0),
        })
    }

    /// Writes what has come.
    fn append(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let (journal, mut failed) = (&mut self.journal, None);
        let work = self.stream.poll(now, &mut |_, message| match journal.append(message) {
            Ok(()) => Delivery::Accepted,
            Err(error) => {
                failed.get_or_insert(error);
                Delivery::Refused
            }
        })?;
        // Everything of another history would count as a repetition of what is kept, and be dropped without a word.
        if let Some(announced) = self.stream.receiver().announced()
            && announced < self.began_at
        {
            anyhow::bail!(
                "the sequencer's next number is {announced}, but this journal was kept up to {} before: it is of another \
                 history. Set this logger's data directory aside, and start it with an empty one",
                self.began_at - 1
            );
        }
        match failed {
            None => Ok(work),
            Some(error @ JournalError::NoSpace { .. }) => {
                if now >= self.complain_at {
                    self.complain_at = now.saturating_add(COMPLAIN_EVERY);
                    tracing::error!(%error, "nothing can be written; trying again");
                }
                Ok(work)
            }
            Some(error) => Err(error.into()),
        }
    }

    /// Answers what was asked; what the socket does not take now is tried again in the next cycle.
    fn answer(&mut self, socket: &mut Datagrams) -> anyhow::Result<usize> {
        self.responder.begin_cycle();
        let (journal, mut work) = (&self.journal, 0);
        while let Some(transmit) = self.responder.poll_transmit(|number| journal.get(number)) {
            work += 1;
            // An answer has its peer's address: the group is never used.
            let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
            if socket.send(&transmit, nobody).context("cannot answer a request for repair")? == Sent::Full {
                self.responder.put_back();
                break;
            }
        }
        Ok(work)
    }
}

/// The logger.
pub(crate) struct LoggerAgent {
    frames: Kept,
    events: Kept,
    requests: Datagrams,
    beacon: Beacon,
    /// Requests that are none, or for another session.
    unusable: u64,
}

impl LoggerAgent {
    pub(crate) fn open(started: &Started) -> anyhow::Result<Self> {
        let boot = Boot::look(&started.description.data_of(&started.node))?;
        if boot.is_another() {
            tracing::warn!(
                "the host has restarted since this logger ran last: what the disk had not confirmed may be gone"
            );
        }
        let frames = Kept::open(started, StreamKind::Sequenced, boot.is_another())?;
        let events = Kept::open(started, StreamKind::Events, boot.is_another())?;
        boot.note()?;
        Ok(Self {
            frames,
            events,
            requests: started.description.take_requests(&started.node)?,
            beacon: Beacon::open(&started.description, &started.node)?,
            unusable: 0,
        })
    }

    /// The disk's side of both journals.
    pub(crate) fn syncers(&self) -> Vec<Syncer> {
        vec![self.frames.journal.syncer(), self.events.journal.syncer()]
    }

    /// Takes what has been sent and not been read yet, and what is known to be missing: who stops a cluster stops the
    /// sequencer first, and nobody would send it again to the next life of this logger.
    pub(crate) fn take_last(&mut self, clock: Clock) -> anyhow::Result<()> {
        let until = clock.now().saturating_add(LAST_WORDS);
        loop {
            let now = clock.now();
            let work = self.do_work(now)?;
            if work == 0 && self.frames.stream.lag() == 0 && self.events.stream.lag() == 0 {
                return Ok(());
            }
            if now >= until {
                let (frames, events) = (self.frames.stream.lag(), self.events.stream.lag());
                if frames > 0 || events > 0 {
                    tracing::warn!(frames, events, "stopping without what is known to be missing");
                }
                return Ok(());
            }
            if work == 0 {
                std::thread::park_timeout(std::time::Duration::from_millis(1));
            }
        }
    }

    /// Syncs what came last.
    pub(crate) fn close(mut self) -> anyhow::Result<()> {
        let synced = self.frames.journal.sync_now()?;
        let events = self.events.journal.sync_now()?;
        tracing::info!(position = %self.frames.journal.last_position(), synced, events, "stopped; everything is on the disk");
        Ok(())
    }

    fn take_requests(&mut self) -> anyhow::Result<usize> {
        let Self { frames, events, requests, unusable, .. } = self;
        requests
            .recv(|from, bytes| match RequestPacket::parse(bytes) {
                Ok(request) if request.session == frames.session => {
                    frames.responder.handle_request(from, &request);
                }
                Ok(request) if request.session == events.session => {
                    events.responder.handle_request(from, &request);
                }
                Ok(_) | Err(_) => *unusable += 1,
            })
            .context("cannot receive requests for repair")
    }

    fn account(&self) -> Account {
        let mut traffic = received(&self.frames.stream.stats()).plus(received(&self.events.stream.stats()));
        traffic.unusable += self.unusable;
        let stats = self.frames.journal.stats();
        Account {
            epoch: self.frames.journal.last_position().epoch,
            position: self.frames.journal.last_position(),
            lag: self.frames.stream.lag() + self.events.stream.lag(),
            traffic,
            detail: Detail::Logger {
                synced: Seq(self.frames.journal.synced()),
                events: Outbound(self.events.journal.next() - 1),
                segments: u32::try_from(self.frames.journal.segments()).unwrap_or(u32::MAX),
                bytes: stats.bytes,
            },
        }
    }
}

impl Duty for LoggerAgent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = self.frames.append(now).context("the log")?;
        work += self.events.append(now).context("the journal of events")?;
        work += self.take_requests()?;
        work += self.frames.answer(&mut self.requests)?;
        work += self.events.answer(&mut self.requests)?;
        if self.beacon.is_due(now) {
            self.beacon.tell(now, self.account());
            work += 1;
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let streams =
            self.frames.stream.next_deadline().into_iter().chain(self.events.stream.next_deadline());
        streams.chain([self.beacon.next_deadline()]).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.frames.stream.descriptors(out);
        self.events.stream.descriptors(out);
        out.push(self.requests.as_raw_fd());
    }
}
