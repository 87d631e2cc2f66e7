//! The disks of a logger: what was written survives its process, what was synced survives a power cut.

use crate::random::Random;
use journal::JournalError;
use logger::{Extent, Kept, Log, Vault};
use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use wire::{Event, Frame, Position, Seq};

/// What a log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Stamped frames: each goes on behind the one before.
    Frames,
    /// Events: numbered without gaps.
    Events,
}

/// The part of a disk that one log lies on. It outlives processes.
#[derive(Debug)]
pub struct Platter {
    content: Content,
    /// What the system would give a reader: written, and perhaps still in memory only.
    written: Vec<Rc<[u8]>>,
    /// So many are on the disk for certain.
    synced: usize,
    /// So many of the first are in an archive: there for who reads files, and not at hand.
    archived: usize,
    /// Truncations so far: a sync vouches only for the log that it was started on.
    generation: u64,
    /// The next sync fails.
    pub fails: bool,
    /// Nothing more fits.
    pub full: bool,
    /// How often a log was cut.
    pub truncations: u64,
}

/// A sync under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syncing {
    generation: u64,
    upto: usize,
}

impl Platter {
    fn new(content: Content) -> Self {
        Self {
            content,
            written: Vec::new(),
            synced: 0,
            archived: 0,
            generation: 0,
            fails: false,
            full: false,
            truncations: 0,
        }
    }

    /// What is written, as a reader sees it.
    #[must_use]
    pub fn written(&self) -> &[Rc<[u8]>] {
        &self.written
    }

    /// How many are on the disk for certain.
    #[must_use]
    pub fn synced(&self) -> usize {
        self.synced
    }

    /// The first so many are moved into the archive. Whether more are there than before.
    pub fn archive(&mut self, upto: u64) -> bool {
        let upto = usize::try_from(upto).unwrap_or(usize::MAX);
        assert!(upto <= self.synced, "only what is sealed, and so synced, is archived");
        let news = upto > self.archived;
        self.archived = self.archived.max(upto);
        news
    }

    /// The place of a frame, archived or not; [`Position::GENESIS`] for 0.
    #[must_use]
    pub fn position_of(&self, seq: Seq) -> Option<Position> {
        position_of(self.content, &self.written, seq.0)
    }

    /// The place of the last frame.
    #[must_use]
    pub fn last(&self) -> Position {
        self.position_of(Seq(self.written.len() as u64)).unwrap_or(Position::GENESIS)
    }

    /// The disk's thread begins a sync of all that is written; nothing if there is nothing new.
    #[must_use]
    pub fn begin_sync(&self) -> Option<Syncing> {
        let upto = self.written.len();
        (upto > self.synced).then_some(Syncing { generation: self.generation, upto })
    }

    /// A sync is done. False if it failed, which is final for the process.
    pub fn end_sync(&mut self, syncing: Syncing) -> bool {
        if std::mem::take(&mut self.fails) {
            return false;
        }
        if syncing.generation == self.generation {
            self.synced = self.synced.max(syncing.upto);
        }
        true
    }

    /// The power is cut: of what was not synced some is gone. Records get to the disk in any order, so the log ends before
    /// the first one that did not. Tells how many are gone.
    pub fn cut_power(&mut self, random: &mut Random) -> usize {
        let before = self.written.len();
        let share = *random.pick(&[0, 500, 900, 990, 1000]);
        let survive = (self.synced..before).take_while(|_| random.per_mille(share)).count();
        self.written.truncate(self.synced + survive);
        self.synced = self.written.len();
        self.generation += 1;
        before - self.written.len()
    }
}

fn position_of(content: Content, records: &[Rc<[u8]>], number: u64) -> Option<Position> {
    if number == 0 {
        return Some(Position::GENESIS);
    }
    let bytes = records.get(usize::try_from(number).ok()? - 1)?;
    match content {
        Content::Frames => Frame::read(bytes).ok().map(|frame| frame.position()),
        Content::Events => Some(Position { seq: Seq(number), ..Position::GENESIS }),
    }
}

/// A log on a platter, as one process has it open.
#[derive(Debug)]
pub struct SimLog {
    platter: Rc<RefCell<Platter>>,
    /// The same records as the platter's, at hand.
    records: Vec<Rc<[u8]>>,
    content: Content,
    last: Position,
    bytes: u64,
}

impl SimLog {
    fn open(platter: &Rc<RefCell<Platter>>) -> Self {
        let (records, content) = {
            let platter = platter.borrow();
            (platter.written.clone(), platter.content)
        };
        let last = position_of(content, &records, records.len() as u64).unwrap_or(Position::GENESIS);
        Self { platter: Rc::clone(platter), records, content, last, bytes: 0 }
    }

    /// The place that this message gets, if it is the next one.
    fn place_of(&self, message: &[u8]) -> Option<Position> {
        match self.content {
            Content::Frames => {
                let frame = Frame::read(message).ok()?;
                frame.follows(self.last).then(|| frame.position())
            }
            Content::Events => {
                let event = Event::read(message).ok()?;
                let number = { event.header().outbound }.0;
                (number == self.next()).then_some(Position { seq: Seq(number), ..Position::GENESIS })
            }
        }
    }
}

fn io_error(doing: &'static str) -> JournalError {
    JournalError::Io { doing, path: PathBuf::from("simulated"), source: io::Error::other("the disk fails") }
}

impl Log for SimLog {
    fn append(&mut self, message: &[u8]) -> Result<(), JournalError> {
        if self.platter.borrow().full {
            return Err(JournalError::NoSpace { dir: PathBuf::from("simulated"), bytes: 1 });
        }
        let Some(place) = self.place_of(message) else {
            return Err(io_error("append what does not follow to"));
        };
        let record: Rc<[u8]> = message.into();
        self.platter.borrow_mut().written.push(Rc::clone(&record));
        self.records.push(record);
        self.last = place;
        self.bytes += message.len() as u64;
        Ok(())
    }

    fn get(&self, number: u64) -> Option<&[u8]> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        let at_hand = at >= self.platter.borrow().archived;
        self.records.get(at).filter(|_| at_hand).map(|record| &**record)
    }

    fn first(&self) -> u64 {
        self.platter.borrow().archived as u64 + 1
    }

    fn next(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    fn last_position(&self) -> Position {
        self.last
    }

    fn position_of(&self, number: u64) -> Option<Position> {
        let at_hand = number + 1 >= self.first();
        position_of(self.content, &self.records, number).filter(|_| at_hand)
    }

    fn synced(&self) -> u64 {
        self.platter.borrow().synced as u64
    }

    fn truncate_after(&mut self, number: u64) -> Result<(), JournalError> {
        let keep = usize::try_from(number).unwrap_or(usize::MAX);
        assert!(keep <= self.records.len(), "a log of {} cannot be cut behind {number}", self.records.len());
        let mut platter = self.platter.borrow_mut();
        assert!(keep >= platter.archived, "what is archived is committed, and {number} lies before its end");
        self.records.truncate(keep);
        platter.written.truncate(keep);
        platter.synced = platter.synced.min(keep);
        platter.generation += 1;
        platter.truncations += 1;
        self.last = position_of(self.content, &self.records, number).unwrap_or(Position::GENESIS);
        Ok(())
    }

    fn sync_now(&mut self) -> Result<u64, JournalError> {
        let mut platter = self.platter.borrow_mut();
        if let Some(syncing) = platter.begin_sync()
            && !platter.end_sync(syncing)
        {
            return Err(io_error("sync"));
        }
        Ok(platter.synced as u64)
    }

    fn extent(&self) -> Extent {
        Extent { segments: 1, bytes: self.bytes }
    }
}

/// The small file of a logger: always whole.
#[derive(Clone, Debug)]
pub struct SimVault {
    kept: Rc<RefCell<Kept>>,
}

impl Vault for SimVault {
    fn load(&mut self) -> io::Result<Kept> {
        Ok(*self.kept.borrow())
    }

    fn keep(&mut self, kept: &Kept) -> io::Result<()> {
        *self.kept.borrow_mut() = *kept;
        Ok(())
    }
}

/// All that a logger has on its disk.
#[derive(Debug)]
pub struct Disk {
    /// The write-ahead log.
    pub frames: Rc<RefCell<Platter>>,
    /// The journal of events.
    pub events: Rc<RefCell<Platter>>,
    kept: Rc<RefCell<Kept>>,
    /// The host has restarted since the logger ran last.
    pub host_restarted: bool,
}

impl Default for Disk {
    fn default() -> Self {
        let platter = |content| Rc::new(RefCell::new(Platter::new(content)));
        Self {
            frames: platter(Content::Frames),
            events: platter(Content::Events),
            kept: Rc::default(),
            host_restarted: false,
        }
    }
}

impl Disk {
    /// The log, opened by a process that has just started.
    #[must_use]
    pub fn open_frames(&self) -> SimLog {
        SimLog::open(&self.frames)
    }

    /// The journal of events, opened alike.
    #[must_use]
    pub fn open_events(&self) -> SimLog {
        SimLog::open(&self.events)
    }

    /// The small file.
    #[must_use]
    pub fn vault(&self) -> SimVault {
        SimVault { kept: Rc::clone(&self.kept) }
    }

    /// What the small file holds.
    #[must_use]
    pub fn kept(&self) -> Kept {
        *self.kept.borrow()
    }

    /// The power is cut. Tells how many frames are gone.
    pub fn cut_power(&mut self, random: &mut Random) -> usize {
        self.host_restarted = true;
        self.events.borrow_mut().cut_power(random);
        self.frames.borrow_mut().cut_power(random)
    }

    /// Somebody takes the whole directory away.
    pub fn wipe(&mut self) {
        *self = Self::default();
    }
}
