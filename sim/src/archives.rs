//! Snapshots and the log on their way: from engines to loggers, and back to engines that begin.

use crate::desk::{Piece, Purpose, Wanted};
use crate::oracle::{Verdict, broken};
use crate::process::{MATCHER, Process, limits};
use crate::shelf;
use crate::story;
use crate::world::{Due, PAUSE, World};
use cluster::Role;
use engine::{Exchange, Replica};
use std::rc::Rc;
use wire::{Nanos, Outbound, Position, Seq};

/// Frames that are brought at once.
const BATCH: usize = 256;
/// How long that takes, with a long tail.
const BRING: Nanos = Nanos::from_micros(300);
/// How long a snapshot takes until it is on the disk, with a long tail.
const WRITE: Nanos = Nanos::from_millis(5);
/// How long it takes to a logger, with a long tail.
const CARRY: Nanos = Nanos::from_millis(8);

/// A search under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetching {
    /// Which of all searches it is.
    nth: u64,
    wanted: Wanted,
}

impl World {
    /// An engine has worked: what it looks for is looked for from now on, and what it wrote goes its way.
    pub(crate) fn do_errands(&mut self, at: usize) {
        if self.places[at].role != Role::Engine {
            return;
        }
        let (desk, life) = (self.places[at].desk.clone(), self.places[at].life);
        for purpose in Purpose::ALL {
            if let Some(wanted) = desk.take_wanted(purpose) {
                self.searches += 1;
                self.places[at].fetching[purpose as usize] = Some(Fetching { nth: self.searches, wanted });
                self.bring_soon(at, purpose);
            }
        }
        if desk.take_begun() {
            let takes = self.lots.tailed(WRITE);
            self.schedule(self.now.saturating_add(takes), Due::Wrote(at, life));
        }
        for (seq, bytes) in desk.take_finished() {
            self.places[at].shelf.put(seq, bytes.into(), self.description.snapshot.keep);
            for logger in self.loggers() {
                let takes = self.lots.tailed(CARRY);
                self.schedule(self.now.saturating_add(takes), Due::Carry(at, life, logger, seq));
            }
        }
    }

    pub(crate) fn loggers(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|at| self.places[*at].role == Role::Logger).collect()
    }

    fn bring_soon(&mut self, at: usize, purpose: Purpose) {
        let Some(fetching) = self.places[at].fetching[purpose as usize] else { return };
        let takes = self.lots.tailed(BRING).saturating_add(PAUSE);
        self.schedule(self.now.saturating_add(takes), Due::Bring(at, purpose, fetching.nth));
    }

    /// The snapshot that an engine writes is on its disk.
    pub(crate) fn wrote(&mut self, at: usize, life: u64) {
        if self.places[at].life == life && self.places[at].process.is_some() {
            self.places[at].desk.finish();
            self.wake(at, MATCHER, PAUSE);
        }
    }

    /// A snapshot comes to a logger, which checks it before it keeps it.
    pub(crate) fn carry(&mut self, from: usize, life: u64, logger: usize, seq: Seq) {
        if self.places[from].life != life || self.places[from].process.is_none() || !self.serves(logger, from)
        {
            return;
        }
        let Some(bytes) = self.places[from].shelf.get(seq) else { return };
        match shelf::verify(&bytes) {
            Ok(_) => {
                self.places[logger].shelf.put(seq, bytes, self.description.snapshot.keep);
                self.archive(logger);
            }
            Err(fault) => {
                story::at(self.now, &self.places[logger].name);
                story::tell(format_args!("refuses snapshot {seq}: {fault}"));
            }
        }
    }

    /// Whether a logger runs and a host can speak with it.
    pub(crate) fn serves(&self, logger: usize, host: usize) -> bool {
        let place = &self.places[logger];
        let network = self.network.borrow();
        place.process.is_some()
            && place.frozen_until <= self.now
            && !network.is_cut(host, logger)
            && !network.is_cut(logger, host)
    }

    /// The next piece of what an engine looks for is found.
    pub(crate) fn bring(&mut self, at: usize, purpose: Purpose, nth: u64) -> Verdict {
        let fetching = self.places[at].fetching[purpose as usize];
        let Some(fetching) = fetching.filter(|fetching| fetching.nth == nth) else { return Ok(()) };
        let Wanted { after, upto, again } = fetching.wanted;
        let desk = self.places[at].desk.clone();
        story::at(self.now, &self.places[at].name);
        let reached = if let Some(after) = after {
            self.frames(at, after, upto).map(|frames| {
                let reached = Seq(after.seq.0 + frames.len() as u64);
                frames.into_iter().for_each(|frame| desk.bring(purpose, Piece::Frame(frame)));
                reached
            })
        } else {
            let began = self.begin_with(at, purpose, upto, again)?;
            let seq = began.as_ref().map_or(Seq(0), |replica| replica.position().seq);
            began.into_iter().for_each(|replica| desk.bring(purpose, Piece::Snapshot(Box::new(replica))));
            Some(seq)
        };
        let place = reached.filter(|seq| *seq < upto.seq).and_then(|seq| self.place_before(at, seq, upto));
        self.places[at].fetching[purpose as usize] = place
            .map(|place| Fetching { wanted: Wanted { after: Some(place), ..fetching.wanted }, ..fetching });
        if place.is_none() {
            desk.bring(purpose, Piece::End);
        }
        self.bring_soon(at, purpose);
        self.wake(at, 0, PAUSE);
        Ok(())
    }

    /// The place of a frame in the log of a logger that serves this host and holds what is looked for.
    fn place_before(&self, at: usize, seq: Seq, upto: Position) -> Option<Position> {
        self.loggers().into_iter().filter(|logger| self.serves(*logger, at)).find_map(|logger| {
            let platter = self.disks[logger].as_ref()?.frames.borrow();
            (platter.position_of(upto.seq) == Some(upto)).then(|| platter.position_of(seq))?
        })
    }

    /// Up to which event some logger keeps the events for good.
    fn events_kept(&self, at: usize) -> Outbound {
        let loggers = self.loggers().into_iter().filter(|logger| self.serves(*logger, at));
        let kept = loggers.filter_map(|logger| Some(self.disks[logger].as_ref()?.events.borrow().synced()));
        Outbound(kept.max().unwrap_or(0) as u64)
    }

    /// The first frames between two places, from a logger whose log holds both.
    fn frames(&self, at: usize, after: Position, upto: Position) -> Option<Vec<Vec<u8>>> {
        self.loggers().into_iter().filter(|logger| self.serves(*logger, at)).find_map(|logger| {
            let platter = self.disks[logger].as_ref()?.frames.borrow();
            let holds = |place: Position| platter.position_of(place.seq) == Some(place);
            if !holds(after) || !holds(upto) || after.seq >= upto.seq {
                return None;
            }
            // Both are within the log.
            let (from, to) = (after.seq.0 as usize, upto.seq.0 as usize);
            let batch = &platter.written()[from..to.min(from + BATCH)];
            Some(batch.iter().map(|frame| frame.to_vec()).collect())
        })
    }

    /// The newest snapshot that an engine can have and begin with, as its binary looks for it: its own files before others of
    /// the same place.
    fn begin_with(
        &mut self,
        at: usize,
        purpose: Purpose,
        upto: Position,
        again: bool,
    ) -> Result<Option<Replica<Exchange>>, crate::Violation> {
        let mut offers: Vec<(Seq, usize)> =
            self.places[at].shelf.upto(upto.seq).map(|seq| (seq, at)).collect();
        for logger in self.loggers().into_iter().filter(|logger| self.serves(*logger, at)) {
            offers.extend(self.places[logger].shelf.upto(upto.seq).map(|seq| (seq, logger)));
        }
        offers.sort_by_key(|(seq, from)| (std::cmp::Reverse(*seq), *from != at));
        let (limits, cluster) = (limits(&self.description), self.description.cluster_id());
        for (seq, from) in offers {
            let Some(bytes) = self.places[from].shelf.get(seq) else { continue };
            let good = shelf::verify(&bytes).map_err(|fault| fault.to_string());
            let good = good.and_then(|head| {
                if from != at {
                    self.places[at].shelf.put(seq, Rc::clone(&bytes), self.description.snapshot.keep);
                }
                let replica = shelf::read(&bytes, limits, cluster).map_err(|unfit| unfit.to_string())?;
                Ok((head.about.position, replica))
            });
            let (place, replica) = match good {
                Ok(good) => good,
                Err(fault) => {
                    story::count("damaged snapshot passed over");
                    story::tell(format_args!(
                        "cannot begin with snapshot {seq} of {}: {fault}",
                        self.places[from].name
                    ));
                    continue;
                }
            };
            if self.place_before(at, seq, upto) != Some(place) {
                story::tell(format_args!("no log holds the place of snapshot {place}"));
                continue;
            }
            let next = replica.outbound();
            if purpose == Purpose::Begin && self.events_kept(at).next() < next {
                story::tell(format_args!(
                    "no logger keeps the events before {next}, which snapshot {place} needs"
                ));
                continue;
            }
            story::count(match purpose {
                Purpose::Begin if again => "rebuilt from a snapshot",
                Purpose::Begin => "engine begun with a snapshot",
                Purpose::Inquire => "inquiry begun with a snapshot",
            });
            story::tell(format_args!(
                "begins with snapshot {place} of {}, next event {next}",
                self.places[from].name
            ));
            self.oracle.restored(&self.places[at].name, &replica)?;
            return Ok(Some(replica));
        }
        Ok(None)
    }

    /// A snapshot file of a host is damaged.
    pub(crate) fn spoil(&mut self, at: usize) {
        if let Some(seq) = self.places[at].shelf.spoil(&mut self.lots) {
            story::count("snapshot damaged");
            story::tell(format_args!("snapshot {seq} of {} is damaged", self.places[at].name));
        }
    }

    /// What engines remember of their digests is what the history gives.
    pub(crate) fn compare_marks(&self) -> Verdict {
        for place in &self.places {
            let Some(Process::Engine(node)) = &place.process else { continue };
            for mark in node.matcher.replica().marks() {
                self.oracle.executed(&place.name, mark.at, mark.digest)?;
            }
            if node.matcher.position() == self.oracle.last() {
                self.oracle.restored(&place.name, node.matcher.replica())?;
            } else {
                return Err(broken("digest", format_args!("{} is not where the history ends", place.name)));
            }
        }
        Ok(())
    }
}
