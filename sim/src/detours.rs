//! What sequencers, gateways and loggers look for beside the streams: where to begin, and the log in bulk, archives included.

use crate::story;
use crate::world::{Due, PAUSE, World};
use archive::{Beginning, Found, Past, Since, Wanted};
use cluster::Role;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use wire::{Nanos, Position, Seq};

/// Frames that are brought at once.
const BATCH: usize = 256;
/// How long that takes, with a long tail.
const BRING: Nanos = Nanos::from_micros(300);
/// Frames in a segment of a log.
const SEGMENT: u64 = 32;

/// What the world has found for a node.
#[derive(Debug)]
pub enum Piece {
    /// Where to begin.
    Beginning(Box<Beginning>),
    /// The next frame.
    Frame(Vec<u8>),
    /// There is no more.
    End,
    /// No log goes on from where it was wanted.
    Nothing,
}

#[derive(Debug, Default)]
struct Search {
    wanted: Option<Wanted>,
    found: VecDeque<Piece>,
}

/// What a node's process and the world share of its detours. It is gone with the process.
#[derive(Clone, Debug, Default)]
pub struct Errand(Arc<Mutex<Search>>);

impl Errand {
    /// The process's end.
    #[must_use]
    pub fn past(&self) -> SimDetour {
        SimDetour { errand: self.clone(), frame: None, over: Some(false) }
    }

    fn search<T>(&self, with: impl FnOnce(&mut Search) -> T) -> T {
        // One thread makes a run; after a panic nobody works with this any more.
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the node has begun to look for since this was asked last.
    #[must_use]
    pub fn take_wanted(&self) -> Option<Wanted> {
        self.search(|search| search.wanted.take())
    }

    /// Brings what was found.
    pub fn bring(&self, piece: Piece) {
        self.search(|search| search.found.push_back(piece));
    }
}

/// Finds what the world brings.
#[derive(Debug)]
pub struct SimDetour {
    errand: Errand,
    frame: Option<Vec<u8>>,
    /// It has ended: whether without anything to be had.
    over: Option<bool>,
}

impl Past for SimDetour {
    fn look(&mut self, wanted: Wanted) {
        (self.frame, self.over) = (None, None);
        self.errand.search(|search| *search = Search { wanted: Some(wanted), found: VecDeque::new() });
    }

    fn poll(&mut self) -> Found<'_> {
        if self.frame.is_none() && self.over.is_none() {
            match self.errand.search(|search| search.found.pop_front()) {
                None => return Found::Later,
                Some(Piece::Beginning(beginning)) => return Found::Beginning(beginning),
                Some(Piece::Frame(frame)) => self.frame = Some(frame),
                Some(Piece::End) => self.over = Some(false),
                Some(Piece::Nothing) => self.over = Some(true),
            }
        }
        match (&self.frame, self.over) {
            (Some(frame), _) => Found::Frame(frame),
            (None, Some(true)) => Found::Nothing,
            (None, _) => Found::End,
        }
    }

    fn taken(&mut self) {
        self.frame = None;
    }
}

/// A detour under way.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    /// Which of all searches it is.
    nth: u64,
    wanted: Wanted,
}

impl World {
    /// A node has worked: what it looks for is looked for from now on.
    pub(crate) fn do_detours(&mut self, at: usize) {
        let Some(wanted) = self.places[at].desk.errand.take_wanted() else { return };
        self.searches += 1;
        self.places[at].trip = Some(Trip { nth: self.searches, wanted });
        story::count("detour");
        self.lead_on(at);
    }

    fn lead_on(&mut self, at: usize) {
        let Some(Trip { nth, .. }) = self.places[at].trip else { return };
        let takes = self.lots.tailed(BRING).saturating_add(PAUSE);
        self.schedule(self.now.saturating_add(takes), Due::Detour(at, nth));
    }

    /// The next pieces of what a node looks for are found.
    pub(crate) fn lead(&mut self, at: usize, nth: u64) {
        let Some(trip) = self.places[at].trip.take_if(|trip| trip.nth == nth) else { return };
        let errand = self.places[at].desk.errand.clone();
        story::at(self.now, &self.places[at].name);
        let upto = trip.wanted.upto;
        let after = match &trip.wanted.since {
            Since::Snapshot => Ok(self.beginning_of(at, upto, &errand)),
            Since::OneOf(places) => self.common(at, places, upto),
            // Nobody asks for this here: engines have a desk of their own.
            Since::Behind(place) => self.common(at, &[*place], upto),
        };
        let reached = after.and_then(|after| self.batch_behind(at, after, upto, &errand));
        match reached {
            Ok(reached) if reached != upto => {
                let wanted = Wanted { since: Since::OneOf(vec![reached]), upto };
                self.places[at].trip = Some(Trip { nth, wanted });
                self.lead_on(at);
            }
            Ok(_) => errand.bring(Piece::End),
            Err(end) => errand.bring(end),
        }
        self.wake(at, 0, PAUSE);
    }

    /// The loggers that can be asked for a history that leads up to there, by place.
    fn keepers(&self, at: usize, upto: Position) -> impl Iterator<Item = usize> + use<'_> {
        self.loggers()
            .into_iter()
            .filter(move |logger| *logger != at && self.serves(*logger, at) && self.holds(*logger, upto))
    }

    fn holds(&self, logger: usize, place: Position) -> bool {
        self.disks[logger]
            .as_ref()
            .is_some_and(|disk| disk.frames.borrow().position_of(place.seq) == Some(place))
    }

    /// Brings what stands before the state of the newest snapshot of that history, and gives its place.
    fn beginning_of(&self, at: usize, upto: Position, errand: &Errand) -> Position {
        let mut offers: Vec<(Seq, usize)> = Vec::new();
        for logger in self.keepers(at, upto) {
            offers.extend(self.places[logger].shelf.upto(upto.seq).map(|seq| (seq, logger)));
        }
        offers.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        for (seq, logger) in offers {
            let Some(bytes) = self.places[logger].shelf.get(seq) else { continue };
            let name = &self.places[logger].name;
            match Beginning::read(&bytes[..]) {
                Ok(beginning) if self.holds(logger, beginning.about().position) => {
                    let place = beginning.about().position;
                    story::count(match self.places[at].role {
                        Role::Gateway => "gateway begun with a snapshot",
                        _ => "sequencer begun with a snapshot",
                    });
                    story::tell(format_args!("begins with snapshot {place} of {name}"));
                    errand.bring(Piece::Beginning(Box::new(beginning)));
                    return place;
                }
                Ok(_) => story::tell(format_args!("the log of {name} does not hold snapshot {seq}")),
                Err(fault) => {
                    story::count("damaged snapshot passed over");
                    story::tell(format_args!("cannot begin with snapshot {seq} of {name}: {fault}"));
                }
            }
        }
        Position::GENESIS
    }

    /// The first of these places that a log of that history holds. Else how the search ends.
    fn common(&self, at: usize, places: &[Position], upto: Position) -> Result<Position, Piece> {
        let mut asked = false;
        for logger in self.keepers(at, upto) {
            asked = true;
            if let Some(place) = places.iter().find(|place| self.holds(logger, **place)) {
                return Ok(*place);
            }
        }
        Err(if asked { Piece::Nothing } else { Piece::End })
    }

    /// Brings some frames behind a place, and gives the last one's.
    fn batch_behind(
        &self,
        at: usize,
        after: Position,
        upto: Position,
        errand: &Errand,
    ) -> Result<Position, Piece> {
        let keeper = self.keepers(at, upto).find(|logger| self.holds(*logger, after)).ok_or(Piece::End)?;
        let platter = self.disks[keeper].as_ref().ok_or(Piece::End)?.frames.borrow();
        // Both are within the log.
        let (from, to) = (after.seq.0 as usize, (upto.seq.0 as usize).min(after.seq.0 as usize + BATCH));
        platter.written()[from..to].iter().for_each(|frame| errand.bring(Piece::Frame(frame.to_vec())));
        platter.position_of(Seq(to as u64)).ok_or(Piece::End)
    }

    /// A logger has taken a snapshot in: what lies before the oldest that it keeps goes into its archive, as far as it is synced.
    pub(crate) fn archive(&mut self, logger: usize) {
        let keep = self.description.snapshot.keep;
        let shelf = &self.places[logger].shelf;
        let kept: Vec<Seq> = shelf.upto(Seq(u64::MAX)).collect();
        let oldest = kept.len().checked_sub(keep).and_then(|nth| shelf.get(kept[nth]));
        let Some(place) = oldest.and_then(|bytes| Some(Beginning::read(&bytes[..]).ok()?.about().position))
        else {
            return;
        };
        if !self.plan.archives || !self.holds(logger, place) {
            return;
        }
        if let Some(disk) = &self.disks[logger] {
            let mut frames = disk.frames.borrow_mut();
            let upto = (place.seq.0 - 1).min(frames.synced() as u64) / SEGMENT * SEGMENT;
            if frames.archive(upto) {
                story::count("log archived");
                story::tell(format_args!(
                    "{} has frames up to {upto} in its archive",
                    self.places[logger].name
                ));
            }
        }
    }
}
