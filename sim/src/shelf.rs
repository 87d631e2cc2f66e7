//! Snapshot files at rest on a host: they outlive its processes, and can be damaged.

use crate::random::Random;
use archive::{Fault, Head, Snapshot};
use engine::keeping::{self, Unfit};
use engine::{Exchange, Limits, Replica};
use std::collections::BTreeMap;
use std::rc::Rc;
use wire::Seq;

/// The snapshot files of one host, by the frame behind which each was taken.
#[derive(Debug, Default)]
pub struct Shelf {
    files: BTreeMap<Seq, Rc<[u8]>>,
}

impl Shelf {
    /// Keeps a file, and no more than so many of the newest.
    pub fn put(&mut self, seq: Seq, bytes: Rc<[u8]>, keep: usize) {
        self.files.insert(seq, bytes);
        while self.files.len() > keep.max(1) {
            self.files.pop_first();
        }
    }

    /// The bytes of a file as they are now.
    #[must_use]
    pub fn get(&self, seq: Seq) -> Option<Rc<[u8]>> {
        self.files.get(&seq).cloned()
    }

    /// Which files there are, up to this one.
    pub fn upto(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        self.files.range(..=seq).map(|(seq, _)| *seq)
    }

    /// A file is damaged at rest: a byte of it is another one, or its end is gone. Tells which, if there is any.
    pub fn spoil(&mut self, random: &mut Random) -> Option<Seq> {
        let nth = random.index(self.files.len());
        let (truncates, at, flip) = (random.per_mille(300), random.next(), random.between(1, 255));
        let (seq, file) = self.files.iter_mut().nth(nth)?;
        let mut bytes = file.to_vec();
        if bytes.is_empty() {
            return None; // nothing is left of it
        }
        let at = Random::new(at).index(bytes.len());
        if truncates {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip as u8; // at most 255
        }
        *file = bytes.into();
        Some(*seq)
    }

    /// The power is cut: the newest file may be gone.
    pub fn cut_power(&mut self, random: &mut Random) {
        if random.per_mille(500) {
            self.files.pop_last();
        }
    }

    /// Somebody takes the whole directory away.
    pub fn wipe(&mut self) {
        self.files.clear();
    }
}

/// Checks all of a file, as whoever takes it in from another host does.
pub fn verify(bytes: &[u8]) -> Result<Head, Fault> {
    Snapshot::open(bytes)?.verify()
}

/// The replica that a file holds.
pub fn read(bytes: &[u8], limits: Limits, cluster: u64) -> Result<Replica<Exchange>, Unfit> {
    keeping::read(Snapshot::open(bytes)?, limits, cluster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::EventSink;
    use std::io::Cursor;

    fn file() -> Rc<[u8]> {
        let replica = Replica::new(Exchange::new(Limits::default()).unwrap(), EventSink::with_capacity(64));
        let (_, to) = keeping::write_to(&replica, 7, Cursor::new(Vec::new())).unwrap();
        to.into_inner().into()
    }

    #[test]
    fn every_damage_is_refused_by_who_checks_and_by_who_reads() {
        let whole = file();
        assert!(verify(&whole).is_ok() && read(&whole, Limits::default(), 7).is_ok());
        let mut random = Random::new(1);
        for _ in 0..200 {
            let mut shelf = Shelf::default();
            shelf.put(Seq(1), Rc::clone(&whole), 3);
            assert_eq!(shelf.spoil(&mut random), Some(Seq(1)));
            let spoilt = shelf.get(Seq(1)).unwrap();
            assert!(verify(&spoilt).is_err() && read(&spoilt, Limits::default(), 7).is_err());
        }
        assert_eq!(Shelf::default().spoil(&mut random), None);
    }

    #[test]
    fn a_shelf_keeps_the_newest_files() {
        let mut shelf = Shelf::default();
        (1..=5).for_each(|seq| shelf.put(Seq(seq), Rc::from([]), 3));
        assert_eq!(shelf.upto(Seq(4)).collect::<Vec<_>>(), [Seq(3), Seq(4)]);
    }
}
