//! The world of one seed: hosts, processes, network, disks, clocks, clients, and one agenda that moves them all.

use crate::archives::Fetching;
use crate::astray;
use crate::clients::{Clients, Connection};
use crate::clock::Clock;
use crate::council::{self, Council};
use crate::desk::{Desk, Purpose};
use crate::detours::Trip;
use crate::disk::{Disk, Syncing};
use crate::host::Host;
use crate::lines::{Happened, Line};
use crate::nemesis::{self, Planned};
use crate::net::{self, Network};
use crate::operator::Operator;
use crate::oracle::{Oracle, Verdict, broken};
use crate::plan::Plan;
use crate::process::Process;
use crate::random::Random;
use crate::shelf::Shelf;
use crate::story;
use cluster::{Control, Role};
use engine::{PoisonInMemory, Poisoned, WrongTwice};
use gateway::{ClientOutput, ConnectionId};
use node::Description;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use wire::{Ack, Epoch, Nanos, Outbound, Position, Seq};

/// Threads of a process, at the most.
pub(crate) const THREADS: usize = 2;
/// A thread that always finds more to do lets others work after so many cycles.
const CYCLES: usize = 4;
/// How long a thread takes at least until it looks again.
pub(crate) const PAUSE: Nanos = Nanos::from_micros(2);
/// How soon a deadline that has passed is looked at again.
pub(crate) const RETRY: Nanos = Nanos::from_micros(50);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A thread does a cycle.
    Cycle(usize, usize),
    /// A process starts.
    Start(usize, u64),
    /// A disk begins to sync what was written.
    Sync(usize, u64),
    /// A sync is done.
    Synced(usize, u64, usize),
    /// A client looks up.
    Client(usize),
    /// What an engine looks for is brought, a piece at a time.
    Bring(usize, Purpose, u64),
    /// What another node looks for is brought, a piece at a time.
    Detour(usize, u64),
    /// An engine's snapshot is on its disk, or at a logger.
    Wrote(usize, u64),
    Carry(usize, u64, usize, Seq),
    /// Bytes, or the end of a connection, reach a gateway or a client.
    ToGateway(Connection),
    ToClient(Connection),
    /// The supervisors agree, or elect.
    Council,
    /// The operator looks.
    Operator,
    /// A fault begins, or ends.
    Blow(usize),
    Relief(usize),
}

/// A host with its node.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) process: Option<Process>,
    pub(crate) clock: Clock,
    /// Counts its processes.
    pub(crate) life: u64,
    pub(crate) token: u64,
    /// When each thread works next; later entries of the agenda do not count.
    next: [Nanos; THREADS],
    pub(crate) frozen_until: Nanos,
    /// What clients did, for a gateway.
    pub(crate) inbox: VecDeque<(Connection, Happened)>,
    pub(crate) syncing: [Option<Syncing>; 2],
    /// Its disk takes so many times as long.
    pub(crate) disk_slowness: u64,
    /// Its process may be started again from this time on.
    pub(crate) down_until: Nanos,
    truncations: u64,
    leads: Option<Epoch>,
    incarnation: u32,
    /// What an engine keeps of the command that made it panic.
    poison: PoisonInMemory,
    /// Its snapshot files.
    pub(crate) shelf: Shelf,
    /// What an engine's process asks for and writes, and what is looked for on its behalf.
    pub(crate) desk: Desk,
    pub(crate) fetching: [Option<Fetching>; 2],
    /// What any other node's process looks for.
    pub(crate) trip: Option<Trip>,
    /// The next event of an engine when it went astray, while it is.
    pub(crate) astray: Option<Outbound>,
}

/// The world.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) description: Rc<Description>,
    pub(crate) network: net::Shared,
    pub(crate) council: council::Shared,
    pub(crate) places: Vec<Place>,
    pub(crate) disks: Vec<Option<Disk>>,
    pub(crate) oracle: Oracle,
    pub(crate) clients: Clients,
    pub(crate) lines: BTreeMap<Connection, Line>,
    pub(crate) random: Random,
    /// For all that has to do with snapshots.
    pub(crate) lots: Random,
    /// Searches of engines so far.
    pub(crate) searches: u64,
    pub(crate) now: Nanos,
    agenda: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    entries: u64,
    pub(crate) blows: Vec<Planned>,
    /// What stands decided, folded from the council's records.
    pub(crate) control: Control,
    pub(crate) folded: usize,
    pub(crate) elections: u64,
    tokens: u64,
    pub(crate) healed: bool,
    /// Engines that went astray so far.
    pub(crate) led_astray: u32,
    pub(crate) operator: Operator,
    /// When each client looks up next, and the supervisors' log goes on; later entries of the agenda do not count.
    pub(crate) client_next: Vec<Nanos>,
    pub(crate) council_next: Nanos,
    /// The place where each epoch's sequencer stood last.
    stamped: BTreeMap<Epoch, Position>,
    cycles: u64,
}

impl World {
    /// The world of a plan, before its first moment.
    #[must_use]
    pub fn new(mut plan: Plan) -> Self {
        let mut random = plan.random.fork();
        let description = Rc::new(plan.description.clone());
        let nodes = description.nodes.len();
        let mut network = Network::new(nodes, plan.quality, random.fork());
        network.watch(SocketAddr::V4(description.streams.acks));
        network.hushed = Some(SocketAddr::V4(description.streams.engines));
        let supervisors = description.nodes_of(Role::Supervisor).count();
        let gateways = description.nodes_of(Role::Gateway).count();
        let places = description.nodes.iter().map(|entry| {
            let offset = random.below(60_000_000).cast_signed() - 30_000_000;
            let drift = random.below(400).cast_signed() - 200;
            Place {
                name: entry.name.clone(),
                role: entry.role,
                process: None,
                clock: Clock::new(offset, drift),
                life: 0,
                token: 0,
                next: [Nanos(u64::MAX); THREADS],
                frozen_until: Nanos(0),
                inbox: VecDeque::new(),
                syncing: [None; 2],
                disk_slowness: 1,
                down_until: Nanos(0),
                truncations: 0,
                leads: None,
                incarnation: 0,
                poison: PoisonInMemory::default(),
                shelf: Shelf::default(),
                desk: Desk::default(),
                fetching: [None; 2],
                trip: None,
                astray: None,
            }
        });
        let places: Vec<_> = places.collect();
        let disks = places.iter().map(|place| (place.role == Role::Logger).then(Disk::default)).collect();
        let clients = Clients::new(&plan, gateways, &mut random);
        let blows = nemesis::schedule(&plan, &mut random.fork());
        let mut world = Self {
            oracle: Oracle::new(Rc::clone(&description), nodes),
            description,
            network: Rc::new(RefCell::new(network)),
            council: Rc::new(RefCell::new(Council::new(supervisors, plan.pace, random.fork()))),
            places,
            disks,
            clients,
            lines: BTreeMap::new(),
            random: plan.random.fork(),
            lots: plan.lots.fork(),
            searches: 0,
            now: Nanos(0),
            agenda: BinaryHeap::new(),
            entries: 0,
            blows,
            control: Control::default(),
            folded: 0,
            elections: 0,
            tokens: 0,
            healed: false,
            led_astray: 0,
            operator: Operator::default(),
            client_next: Vec::new(),
            council_next: Nanos(u64::MAX),
            stamped: BTreeMap::new(),
            cycles: 0,
            plan,
        };
        for at in 0..nodes {
            let when = world.random.time(Nanos(0), Nanos::from_millis(20));
            world.schedule(when, Due::Start(at, 0));
        }
        world.client_next = vec![Nanos(u64::MAX); world.clients.len()];
        for at in 0..world.clients.len() {
            world.rouse(at, Nanos::from_millis(20));
        }
        world.schedule(Nanos(0), Due::Operator);
        for at in 0..world.blows.len() {
            world.schedule(world.blows[at].at, Due::Blow(at));
        }
        world
    }

    /// Every choice so far in one number: equal runs have equal ones.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.network.borrow().fingerprint() ^ self.cycles ^ self.oracle.last().chain.0.rotate_left(17)
    }

    /// What became of the datagrams so far.
    #[must_use]
    pub fn tally(&self) -> net::Tally {
        self.network.borrow().tally
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Cycles of threads so far.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    pub(crate) fn schedule(&mut self, at: Nanos, due: Due) {
        self.entries += 1;
        self.agenda.push(Reverse((at, self.entries, due)));
    }

    /// Lets everything happen up to this time.
    pub fn run_until(&mut self, end: Nanos) -> Verdict {
        loop {
            let due = self.agenda.peek().map_or(Nanos(u64::MAX), |Reverse((at, ..))| *at);
            let arrival = self.network.borrow().next_arrival().unwrap_or(Nanos(u64::MAX));
            let next = due.min(arrival);
            if next > end {
                self.set_now(end);
                return Ok(());
            }
            self.set_now(next);
            if arrival <= due {
                let reader = self.network.borrow_mut().arrive();
                if let Some(reader) = reader {
                    let reaction = self.random.tailed(Nanos::from_micros(4));
                    self.wake(reader / THREADS, reader % THREADS, reaction);
                }
            } else if let Some(Reverse((_, _, due))) = self.agenda.pop() {
                self.happen(due)?;
            }
        }
    }

    fn set_now(&mut self, now: Nanos) {
        self.now = self.now.max(now);
        self.network.borrow_mut().now = self.now;
    }

    /// A thread is to work after so long, unless it does so earlier anyway.
    pub(crate) fn wake(&mut self, at: usize, thread: usize, after: Nanos) {
        let when = self.now.saturating_add(after).max(self.places[at].frozen_until);
        if when < self.places[at].next[thread] && self.places[at].process.is_some() {
            self.places[at].next[thread] = when;
            self.schedule(when, Due::Cycle(at, thread));
        }
    }

    fn happen(&mut self, due: Due) -> Verdict {
        match due {
            Due::Cycle(at, thread) => return self.cycle(at, thread),
            Due::Start(at, life) => {
                if self.places[at].process.is_none() && self.places[at].life == life {
                    return self.start(at);
                }
            }
            Due::Sync(at, life) => self.sync(at, life),
            Due::Synced(at, life, log) => self.synced(at, life, log),
            Due::Bring(at, purpose, nth) => return self.bring(at, purpose, nth),
            Due::Detour(at, nth) => self.lead(at, nth),
            Due::Wrote(at, life) => self.wrote(at, life),
            Due::Carry(from, life, logger, seq) => self.carry(from, life, logger, seq),
            Due::Client(at) => return self.wake_client(at),
            Due::ToGateway(connection) => self.reach_gateway(connection),
            Due::ToClient(connection) => return self.reach_client(connection),
            Due::Council if self.council_next == self.now => {
                self.council_next = Nanos(u64::MAX);
                self.convene();
            }
            Due::Council => {}
            Due::Operator => self.look_as_operator(),
            Due::Blow(at) => return self.blow(at),
            Due::Relief(at) => self.relieve(at),
        }
        Ok(())
    }

    // -- processes -------------------------------------------------------------------------------------------------

    /// Starts the process of a place.
    pub(crate) fn start(&mut self, at: usize) -> Verdict {
        story::at(self.now, &self.places[at].name);
        // An engine that was found wrong goes for the next one.
        self.tokens += 2;
        let place = &mut self.places[at];
        place.life += 1;
        place.token = self.tokens;
        place.clock.restart();
        place.leads = None;
        (place.desk, place.fetching, place.astray) = (Desk::default(), [None; 2], None);
        place.trip = None;
        let description = Rc::clone(&self.description);
        let host = Host {
            description: &description,
            entry: &description.nodes[at],
            network: &self.network,
            id: at,
            reader: at * THREADS,
        };
        let seat = (place.role == Role::Supervisor).then(|| (&self.council, member(&description, at)));
        let process =
            Process::start(host, place.token, self.disks[at].as_ref(), &place.poison, &place.desk, seat);
        let process = process.map_err(|error| broken("start", format_args!("{}: {error:#}", place.name)))?;
        story::tell(format_args!("starts, token {}", place.token));
        if let Some(disk) = &mut self.disks[at] {
            disk.host_restarted = false;
        }
        let (threads, life) = (process.threads(), place.life);
        place.process = Some(process);
        place.next = [Nanos(u64::MAX); THREADS];
        place.syncing = [None; 2];
        (0..threads).for_each(|thread| self.wake(at, thread, PAUSE));
        if self.places[at].role == Role::Logger {
            self.schedule(self.now.saturating_add(self.plan.disks.every), Due::Sync(at, life));
        }
        self.reach();
        Ok(())
    }

    /// Ends the process of a place at once. Its clients notice a little later.
    pub(crate) fn crash(&mut self, at: usize) {
        let place = &mut self.places[at];
        place.process = None;
        place.fetching = [None; 2];
        place.trip = None;
        place.inbox.clear();
        place.frozen_until = Nanos(0);
        self.oracle.forget(at);
        let token = place.token;
        let lost: Vec<_> = self
            .lines
            .iter()
            .filter(|(_, line)| line.gateway == at && line.token == token)
            .map(|(id, _)| *id)
            .collect();
        for connection in lost {
            self.say_to_client(connection, None);
        }
        self.reach();
    }

    /// One cycle of a thread, or a few.
    fn cycle(&mut self, at: usize, thread: usize) -> Verdict {
        let place = &mut self.places[at];
        if place.next[thread] != self.now {
            return Ok(()); // it has worked since, or was started anew
        }
        place.next[thread] = Nanos(u64::MAX);
        if self.now < place.frozen_until {
            let until = Nanos(place.frozen_until.0 - self.now.0);
            self.wake(at, thread, until);
            return Ok(());
        }
        let Some(mut process) = place.process.take() else { return Ok(()) };
        story::at(self.now, &place.name);
        let shown = place.clock.read(self.now);
        if place.role == Role::Supervisor {
            self.council.borrow_mut().now = self.now;
        }
        let mut out = Vec::new();
        let inbox = std::mem::take(&mut self.places[at].inbox);
        if let Process::Gateway(node) = &mut process {
            for (connection, happened) in inbox {
                let id = ConnectionId(connection);
                let mut keep = |output: ClientOutput<'_>| keep(&mut out, output);
                match happened {
                    Happened::Connected => node.handle_connected(shown, id),
                    Happened::Sent(bytes) => node.handle_bytes(shown, id, &bytes, &mut keep),
                    Happened::Gone => node.handle_disconnected(shown, id, &mut keep),
                }
            }
        }
        let mut more = false;
        let mut result = Ok(0);
        for _ in 0..CYCLES {
            self.cycles += 1;
            result = process.do_work(thread, shown, &mut |output| keep(&mut out, output));
            more = matches!(result, Ok(work) if work > 0);
            self.hear_acks()?;
            if !more {
                break;
            }
        }
        let deadline = process.next_deadline(thread);
        let wakes_matcher = thread == 0 && process.threads() > 1;
        self.places[at].process = Some(process);
        self.observe(at)?;
        self.do_errands(at);
        self.do_detours(at);
        for (connection, bytes) in out {
            self.say_to_client(connection, bytes);
        }
        if let Err(error) = result {
            let why = if error.is::<Poisoned>() {
                Some("engine panicked")
            } else {
                (error.is::<WrongTwice>() && self.led_astray > 1).then_some("engine wrong twice in one life")
            };
            if let Some(why) = why {
                self.lose_engine(at, why, &error);
                return Ok(());
            }
            return Err(broken("ended", format_args!("{} ended itself: {error:#}", self.places[at].name)));
        }
        if wakes_matcher {
            let reaction = self.random.tailed(Nanos::from_micros(3));
            self.wake(at, crate::process::MATCHER, reaction);
        }
        if self.places[at].role == Role::Supervisor {
            self.convene();
        }
        if more {
            self.wake(at, thread, PAUSE);
        } else if let Some(deadline) = deadline {
            let due = self.places[at].clock.when(deadline);
            let after = if due <= self.now { RETRY } else { due.since(self.now) };
            self.wake(at, thread, after);
        }
        Ok(())
    }

    /// An engine has ended, as it should: whoever runs it starts it again.
    fn lose_engine(&mut self, at: usize, why: &'static str, error: &anyhow::Error) {
        story::tell(format_args!("ends itself: {error:#}"));
        story::count(why);
        self.crash(at);
        let (back, life) =
            (self.random.time(Nanos::from_millis(5), Nanos::from_millis(100)), self.places[at].life);
        self.schedule(self.now.saturating_add(back), Due::Start(at, life));
    }

    /// What a process shows after a cycle is held against everything that is known.
    fn observe(&mut self, at: usize) -> Verdict {
        let Self { places, oracle, disks, control, led_astray, .. } = self;
        let place = &mut places[at];
        let who = place.name.as_str();
        let (mut leads, mut gateway_life) = (None, None);
        match &place.process {
            Some(Process::Sequencer(node)) => {
                if node.leads() {
                    leads = Some((node.epoch(), node.position()));
                }
                oracle.claim(at, who, node.committed(), disks)?;
            }
            Some(Process::Engine(node)) => {
                oracle.claim(at, who, node.receiver.intake().agreed(), disks)?;
                place.astray = place.astray.filter(|_| astray::is_astray(node));
                match place.astray {
                    None => {
                        oracle.executed(who, node.matcher.position(), node.matcher.digest())?;
                        if let Some(mark) = node.matcher.replica().marks().last() {
                            oracle.executed(who, mark.at, mark.digest)?;
                        }
                    }
                    Some(first) if node.matcher.speaks() => {
                        oracle.excuse(first, node.matcher.replica().outbound());
                    }
                    Some(_) => {}
                }
                astray::judge(who, node, control, *led_astray)?;
            }
            Some(Process::Gateway(node)) => {
                oracle.claim(at, who, node.committed(), disks)?;
                gateway_life = Some(node.core().incarnation().0);
            }
            Some(Process::Logger(_)) => {
                if let Some(disk) = &disks[at] {
                    oracle.journal(at, who, &disk.events.borrow())?;
                    place.truncations = disk.frames.borrow().truncations;
                }
            }
            Some(Process::Supervisor(_)) | None => {}
        }
        if let Some(life) = gateway_life.filter(|life| *life != place.incarnation) {
            place.incarnation = life;
            if life > 1 {
                story::count("gateway life changed");
            }
        }
        if let Some((epoch, last)) = leads {
            if place.leads != Some(epoch) {
                place.leads = Some(epoch);
                self.compare_tails(epoch);
            }
            self.stamped.insert(epoch, last);
        }
        Ok(())
    }

    /// What loggers have acknowledged in the last cycle is held against their disks.
    fn hear_acks(&mut self) -> Verdict {
        let seen = self.network.borrow_mut().take_seen();
        for (host, bytes) in seen {
            let (Ok(ack), Some(disk)) = (Ack::read(&bytes), &self.disks[host]) else { continue };
            self.oracle.acknowledged(&self.places[host].name, &ack, disk)?;
        }
        Ok(())
    }

    /// A sequencer begins an epoch: was there a tail behind what is committed, and what becomes of it?
    fn compare_tails(&self, epoch: Epoch) {
        let committed = self.oracle.last();
        let Some((_, tail)) =
            self.stamped.range(..epoch).next_back().filter(|(_, last)| last.seq > committed.seq)
        else {
            return;
        };
        let leader = self.places.iter().find(|place| place.leads == Some(epoch));
        let Some(Process::Sequencer(node)) = leader.and_then(|place| place.process.as_ref()) else { return };
        let Some(parent) = node.parent() else { return };
        if parent.seq > committed.seq {
            story::count("epoch change that adopted a tail");
        }
        if parent.seq < tail.seq || parent.chain != tail.chain {
            story::count("epoch change that voided a tail");
        }
    }
}

/// Which supervisor the node of this place is.
fn member(description: &Description, at: usize) -> usize {
    description.nodes[..at].iter().filter(|node| node.role == Role::Supervisor).count()
}

fn keep(out: &mut Vec<(Connection, Option<Vec<u8>>)>, output: ClientOutput<'_>) {
    match output {
        ClientOutput::Transmit(connection, bytes) => out.push((connection.0, Some(bytes.to_vec()))),
        ClientOutput::Close(connection) => out.push((connection.0, None)),
    }
}
