//! One thread drives all sessions of a run: log on, send at the pace, wait for the answers, log out, give account.

use super::comeback::Comebacks;
use super::link::{Desk, Link, Lost};
use super::lobster::Reader;
use super::orders::Orders;
use super::plan::{Plan, Recording};
use super::record::{self, ExecutionLog};
use super::report::Report;
use super::request::Names;
use super::source::{FlowSource, Gate, Next, ReplaySource, Source};
use anyhow::{Context, bail};
use node::{Clock, Duty, Idle, Shutdown};
use std::os::fd::RawFd;
use wire::Nanos;

/// After so many requests their bytes are written: a request must not wait long behind the stamp of its sending.
const REQUESTS_PER_WRITE: u32 = 16;
/// After so many requests the sockets are read again.
const REQUESTS_PER_CYCLE: u32 = 128;
/// When all is answered, so long must be silence before the sessions log out: fills of resting orders may be on the way.
const SILENCE: Nanos = Nanos::from_millis(50);
/// How long logging out may take over all.
const LOGOUT_LIMIT: Nanos = Nanos(3 * Nanos::SECOND.0);
const READ_BUFFER: usize = 64 << 10;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The sessions log on.
    LoggingOn,
    /// Requests go out.
    Sending,
    /// The last answers are waited for.
    Draining,
    /// The sessions log out.
    LoggingOut,
    /// Done.
    Over,
}

/// How far a run has come; told at each change of phase, and as often as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Since the run began.
    pub elapsed: Nanos,
    /// Requests sent.
    pub sent: u64,
    /// Of which answered.
    pub answered: u64,
    /// Fills reported.
    pub fills: u64,
    /// Sessions that are up.
    pub sessions: usize,
    /// When the newest of the requests was sent that were answered otherwise than by a refusal; 0 if none was.
    pub newest_done: Nanos,
}

/// Sends invented flow as planned, and gives account. An account with lost sessions or unanswered requests is no error; a
/// session that cannot log on is.
pub fn run(plan: &Plan, shutdown: &Shutdown, progress: &mut dyn FnMut(Progress)) -> anyhow::Result<Report> {
    plan.check_flow()?;
    drive(plan, FlowSource::new(plan), shutdown, progress)
}

/// Replays recorded flow as planned, and gives account. A line that cannot be read ends the replay with an error.
pub fn replay(
    plan: &Plan,
    recording: &Recording,
    shutdown: &Shutdown,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Report> {
    plan.check_replay()?;
    let reader = Reader::open(&recording.path)?;
    drive(plan, ReplaySource::new(plan, reader), shutdown, progress)
}

fn drive(
    plan: &Plan,
    source: impl Source,
    shutdown: &Shutdown,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Report> {
    let clock = Clock::start();
    let mut driver = Driver::start(plan, source, clock)?;
    let mut descriptors = Vec::new();
    driver.descriptors(&mut descriptors);
    let mut idle = Idle::new(plan.thread.idle, &descriptors).context("cannot set up waiting for sockets")?;
    plan.thread.take_place();
    let started = clock.now();
    let (mut told, mut phase) = (started, driver.phase);
    progress(driver.progress(started, started));
    while driver.phase != Phase::Over {
        let now = clock.now();
        if shutdown.requested() {
            driver.stop(now);
        }
        let work = driver.do_work(now)?;
        if driver.phase != phase || now.since(told) >= plan.progress_every {
            (told, phase) = (now, driver.phase);
            progress(driver.progress(started, now));
        }
        if driver.comebacks.take_reconnected() {
            descriptors.clear();
            driver.descriptors(&mut descriptors);
            idle = Idle::new(plan.thread.idle, &descriptors).context("cannot set up waiting for sockets")?;
            continue;
        }
        idle.idle(work, now, driver.next_deadline()).context("cannot wait for sockets")?;
    }
    driver.finish()
}

struct Driver<'a, S> {
    plan: &'a Plan,
    clock: Clock,
    source: S,
    links: Vec<Link>,
    gates: Vec<Gate>,
    comebacks: Comebacks,
    desk: Desk,
    phase: Phase,
    /// When the phase began.
    since: Nanos,
    /// When the last request went out.
    last_sent: Nanos,
    /// When the source has something again.
    due: Option<Nanos>,
    /// What keeps the run from giving account.
    failure: Option<anyhow::Error>,
    buffer: Vec<u8>,
}

fn could_not_log_on(lost: &Lost) -> anyhow::Error {
    anyhow::anyhow!("session {} could not log on at {}: {}", lost.client, lost.gateway, lost.why)
}

impl<'a, S: Source> Driver<'a, S> {
    fn start(plan: &'a Plan, source: S, clock: Clock) -> anyhow::Result<Self> {
        let names = Names::new(clock.now());
        let orders = Orders::new(names, plan.instruments.clone(), plan.clients.len())
            .for_accounts(plan.accounts.clone());
        let log = plan.files.executions.as_deref().map(ExecutionLog::create).transpose()?;
        let mut links = Vec::with_capacity(plan.clients.len());
        for (index, client) in plan.clients.iter().enumerate() {
            let gateway = plan.gateways[index % plan.gateways.len()];
            // The plan has at most MAX_SESSIONS clients.
            let index = index as u16;
            let patience = plan.logon_timeout;
            let link = Link::connect(clock.now(), index, client, &plan.exchange, gateway, patience, patience);
            links.push(link.map_err(|lost| could_not_log_on(&lost))?);
        }
        Ok(Self {
            plan,
            clock,
            source,
            gates: vec![Gate::Open; links.len()],
            comebacks: Comebacks::new(links.len()),
            links,
            desk: Desk { orders, log },
            phase: Phase::LoggingOn,
            since: clock.now(),
            last_sent: Nanos(0),
            due: None,
            failure: None,
            buffer: vec![0; READ_BUFFER],
        })
    }

    fn progress(&self, started: Nanos, now: Nanos) -> Progress {
        let tally = self.desk.orders.tally();
        Progress {
            phase: self.phase,
            elapsed: now.since(started),
            sent: tally.sent.total(),
            answered: tally.answered,
            fills: tally.fills,
            sessions: self.links.iter().filter(|link| link.is_up()).count(),
            newest_done: tally.newest_done,
        }
    }

    fn enter(&mut self, now: Nanos, phase: Phase) {
        self.phase = phase;
        self.since = now;
        self.due = None;
    }

    /// Somebody wishes the run to end: what was sent is still waited for.
    fn stop(&mut self, now: Nanos) {
        match self.phase {
            Phase::LoggingOn => {
                self.failure
                    .get_or_insert_with(|| anyhow::anyhow!("stopped before all sessions were logged on"));
                self.log_out(now);
            }
            Phase::Sending => self.enter(now, Phase::Draining),
            Phase::Draining | Phase::LoggingOut | Phase::Over => {}
        }
    }

    fn log_out(&mut self, now: Nanos) {
        for link in &mut self.links {
            link.logout(now, &mut self.desk);
        }
        self.enter(now, Phase::LoggingOut);
    }

    fn wait_for_logons(&mut self, now: Nanos) {
        if let Some(lost) = self.links.iter().find_map(Link::lost) {
            self.failure = Some(could_not_log_on(&lost));
            return self.log_out(now);
        }
        if self.links.iter().all(Link::is_up) {
            self.enter(now, Phase::Sending);
            self.last_sent = now;
            self.source.start(now);
        }
    }

    /// Sends what is due; 0 if nothing more is.
    fn send(&mut self, now: Nanos) -> usize {
        let mut sent = 0;
        let mut unflushed = 0;
        for (gate, link) in self.gates.iter_mut().zip(&self.links) {
            *gate = match link.gate() {
                Gate::Lost if self.plan.reconnect => Gate::Busy,
                gate => gate,
            };
        }
        self.due = None;
        while sent < REQUESTS_PER_CYCLE {
            // The stamp of sending is its own reading: the cycle's is older than the answers that were just read.
            let now = self.clock.now();
            match self.source.next(now, &self.desk.orders, &self.gates) {
                Ok(Next::Send(request, due)) if self.desk.orders.has_room() => {
                    let session = usize::from(request.session);
                    let id = self.links[session].send(now, &request, &mut self.desk.orders);
                    self.source.was_sent(id);
                    if let Some(due) = due {
                        self.desk.orders.was_late(now.since(due));
                    }
                    self.last_sent = now;
                    sent += 1;
                    unflushed += 1;
                    if unflushed == REQUESTS_PER_WRITE {
                        self.flush(now);
                        unflushed = 0;
                        self.gates[session] = self.links[session].gate();
                    }
                }
                Ok(Next::Wait(due)) => {
                    self.due = due;
                    break;
                }
                Ok(Next::Finished | Next::Send(..)) => {
                    self.enter(now, Phase::Draining);
                    break;
                }
                Err(error) => {
                    self.failure = Some(error.into());
                    self.enter(now, Phase::Draining);
                    break;
                }
            }
        }
        if unflushed > 0 {
            self.flush(now);
        }
        if self.phase == Phase::Sending && self.has_stalled(now) {
            self.enter(now, Phase::Draining);
        }
        usize::from(sent == REQUESTS_PER_CYCLE)
    }

    fn flush(&mut self, now: Nanos) {
        for link in &mut self.links {
            link.flush(now, &mut self.desk);
        }
    }

    /// Nothing goes out since answers are missing, and none has come for so long that none is expected.
    fn has_stalled(&self, now: Nanos) -> bool {
        let last = self.last_sent.max(self.desk.orders.tally().last_report);
        self.desk.orders.tally().answered < self.desk.orders.tally().sent.total()
            && now.since(last) >= self.plan.answer_timeout
    }

    fn is_drained(&self, now: Nanos) -> bool {
        let settled = |link: (usize, &Link)| !link.1.is_up() || self.desk.orders.settled(link.0 as u16);
        if now.since(self.since) >= self.plan.answer_timeout {
            return true;
        }
        let quiet = now.since(self.desk.orders.tally().last_report.max(self.since)) >= SILENCE;
        (quiet || !self.links.iter().any(Link::is_up)) && self.links.iter().enumerate().all(settled)
    }

    fn finish(self) -> anyhow::Result<Report> {
        let Desk { orders, log } = self.desk;
        if let Some(path) = &self.plan.files.requests {
            record::write_requests(path, &orders, &self.plan.clients)?;
        }
        if let Some(log) = log {
            log.finish()?;
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let (interruptions, former_gaps) = self.comebacks.finish();
        let gaps = self.links.iter().map(Link::sequence_gaps).sum::<u64>() + former_gaps;
        let lost = self.links.iter().filter_map(Link::lost).collect();
        let mut report = Report::new(&orders, gaps, lost, self.source.skips());
        report.interruptions = interruptions;
        if !report.adds_up() {
            bail!("the counts of this run do not add up, a defect of the load generator: {report:?}");
        }
        Ok(report)
    }
}

impl<S: Source> Duty for Driver<'_, S> {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = 0;
        let phase = self.phase;
        for link in &mut self.links {
            work += link.work(self.clock, &mut self.desk, &mut self.buffer);
        }
        match self.phase {
            Phase::LoggingOn => self.wait_for_logons(now),
            Phase::Sending => {
                if self.plan.reconnect {
                    self.comebacks.work(self.clock, self.plan, &mut self.links, &mut self.desk.orders);
                }
                work += self.send(now);
            }
            Phase::Draining => {
                if self.is_drained(now) {
                    self.log_out(now);
                }
            }
            Phase::LoggingOut => {
                if now.since(self.since) >= LOGOUT_LIMIT {
                    self.links.iter_mut().for_each(|link| link.leave(now));
                }
                if self.links.iter().all(Link::is_closed) {
                    self.enter(now, Phase::Over);
                }
            }
            Phase::Over => {}
        }
        // A new phase has something to do at once.
        Ok(work + usize::from(self.phase != phase))
    }

    fn next_deadline(&self) -> Option<Nanos> {
        let now = self.clock.now();
        let phase = match self.phase {
            Phase::LoggingOn | Phase::Over => None,
            Phase::Sending => [self.due, self.comebacks.next_deadline()].into_iter().flatten().min(),
            Phase::Draining => Some(now.saturating_add(SILENCE)),
            Phase::LoggingOut => Some(self.since.saturating_add(LOGOUT_LIMIT)),
        };
        self.links.iter().filter_map(|link| link.next_deadline(now)).chain(phase).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        out.extend(self.links.iter().map(Link::descriptor));
    }
}
