//! What loggers hand on over TCP: a snapshot, and the log.

use crate::exchange::Core;
use archive::{Beginning, Found, Past, Since, Wanted};
use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use wire::{Frame, Position};

/// What is held, for every process that asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    file: Option<Vec<u8>>,
    frames: Vec<Vec<u8>>,
}

impl Shelf {
    /// Takes in the whole log, and a snapshot of where the engine stands.
    pub(crate) fn take_snapshot(&self, core: &Core) {
        let (_, to) = engine::keeping::write_to(&core.engine, 1, Cursor::new(Vec::new())).unwrap();
        let mut held = self.0.lock().unwrap();
        held.file = Some(to.into_inner());
        held.frames.clone_from(&core.frames);
    }

    /// Takes in the log as it is now.
    pub(crate) fn take_log(&self, core: &Core) {
        self.0.lock().unwrap().frames.clone_from(&core.frames);
    }

    /// A process's way to it.
    pub(crate) fn past(&self) -> Box<dyn Past> {
        Box::new(Search { shelf: self.clone(), found: VecDeque::new(), frame: None, over: true })
    }
}

#[derive(Debug)]
enum Piece {
    Beginning(Box<Beginning>),
    Frame(Vec<u8>),
}

#[derive(Debug)]
struct Search {
    shelf: Shelf,
    found: VecDeque<Piece>,
    frame: Option<Vec<u8>>,
    over: bool,
}

impl Past for Search {
    fn look(&mut self, Wanted { since, upto }: Wanted) {
        let held = self.shelf.0.lock().unwrap();
        let place = |seq: u64| match seq {
            0 => Some(Position::GENESIS),
            _ => held.frames.get(seq as usize - 1).map(|frame| Frame::read(frame).unwrap().position()),
        };
        self.found.clear();
        (self.frame, self.over) = (None, false);
        if place(upto.seq.0) != Some(upto) {
            return;
        }
        let after = match since {
            Since::OneOf(places) => places.into_iter().find(|at| place(at.seq.0) == Some(*at)),
            // Engines ask like this, no gateway does.
            Since::Behind(at) => (place(at.seq.0) == Some(at)).then_some(at),
            Since::Snapshot => {
                let beginning = held.file.as_deref().map(|file| Beginning::read(file).unwrap());
                let beginning = beginning.filter(|one| one.about().position.seq <= upto.seq);
                let at = beginning.as_ref().map_or(Position::GENESIS, |one| one.about().position);
                self.found.extend(beginning.map(|one| Piece::Beginning(Box::new(one))));
                Some(at)
            }
        };
        if let Some(after) = after {
            let frames = &held.frames[after.seq.0 as usize..upto.seq.0 as usize];
            self.found.extend(frames.iter().cloned().map(Piece::Frame));
        }
    }

    fn poll(&mut self) -> Found<'_> {
        if self.frame.is_none() && !self.over {
            match self.found.pop_front() {
                None => self.over = true,
                Some(Piece::Beginning(beginning)) => return Found::Beginning(beginning),
                Some(Piece::Frame(frame)) => self.frame = Some(frame),
            }
        }
        self.frame.as_deref().map_or(Found::End, Found::Frame)
    }

    fn taken(&mut self) {
        self.frame = None;
    }
}
