//! The chain of seals: made again from what the segments hold, compared with the seals that lie beside them, and with what
//! somebody has written down elsewhere.

use crate::verify::Verdict;
use journal::{Digest, JournalError, Seal, Seen, SegmentHasher};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Makes the seals again while a journal is walked over.
pub(crate) struct Chain {
    dir: PathBuf,
    /// The seals that lay there before the walk.
    sealed: Vec<Seal>,
    /// Segments that have ended.
    ended: Vec<Ended>,
    /// The one that is being read.
    open: Option<(usize, Ended, SegmentHasher)>,
}

struct Ended {
    file: PathBuf,
    first: u64,
    last: u64,
    hash: Digest,
}

impl Chain {
    /// Before a walk over this directory.
    pub(crate) fn begin(dir: &Path) -> Result<Self, JournalError> {
        let sealed = journal::read_seals(dir)?.seals;
        Ok(Self { dir: dir.into(), sealed, ended: Vec::new(), open: None })
    }

    /// The next record of the walk.
    pub(crate) fn add(&mut self, seen: &Seen<'_>) {
        let number = seen.position.seq.0;
        if self.open.as_ref().is_none_or(|(segment, ..)| *segment != seen.segment) {
            let begun =
                Ended { file: seen.file.into(), first: number, last: number, hash: Digest::default() };
            let before = self.open.replace((seen.segment, begun, SegmentHasher::default()));
            self.ended.extend(before.map(|(_, ended, hasher)| Ended { hash: hasher.finish(), ..ended }));
        }
        if let Some((_, open, hasher)) = &mut self.open {
            open.last = number;
            hasher.add(seen.message);
        }
    }

    /// Behind a walk that began behind number `before`: the chain over all full segments, and how many of these are archived
    /// and not at hand. A segment that is not what was sealed is an error.
    pub(crate) fn end(self, before: u64) -> Result<(Vec<Seal>, usize), JournalError> {
        let mut seals: Vec<Seal> = Vec::new();
        let mut unseen = 0;
        let (archived, held) = self.sealed.split_at(self.sealed.partition_point(|seal| seal.last <= before));
        for seal in archived {
            match journal::archived_segment(&self.dir, seal.first) {
                Some(file) => {
                    let hashed = journal::hash_segment(&file, seal.first)?;
                    compare(seal, &Ended { file, first: seal.first, last: hashed.last, hash: hashed.hash })?;
                }
                None => unseen += 1,
            }
            push(&mut seals, seal.first, seal.last, seal.hash);
        }
        let mut held = held.iter();
        for ended in &self.ended {
            if let Some(seal) = held.next() {
                compare(seal, ended)?;
            }
            push(&mut seals, ended.first, ended.last, ended.hash);
        }
        match held.next() {
            None => Ok((seals, unseen)),
            Some(seal) => {
                let file = self.ended.last().map_or(self.dir, |ended| ended.file.clone());
                Err(JournalError::Unsealed { file, first: seal.first, last: seal.last })
            }
        }
    }
}

fn push(seals: &mut Vec<Seal>, first: u64, last: u64, hash: Digest) {
    let before = seals.last().map_or(Digest::default(), |seal| seal.chain);
    seals.push(Seal::after(before, first, last, hash));
}

fn compare(seal: &Seal, ended: &Ended) -> Result<(), JournalError> {
    let Seal { first, last, hash: sealed, .. } = *seal;
    if (first, last) != (ended.first, ended.last) {
        return Err(JournalError::Unsealed { file: ended.file.clone(), first, last });
    }
    if sealed != ended.hash {
        return Err(JournalError::Rewritten {
            file: ended.file.clone(),
            first,
            last,
            sealed,
            found: ended.hash,
        });
    }
    Ok(())
}

/// What somebody has written down: the chain of a journal that was sealed up to a number. Read from `HEX@NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenDown {
    /// The chain.
    pub chain: Digest,
    /// The last number that it covers.
    pub upto: u64,
}

/// The text is no chain and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the chain and the number up to which it goes, as in 0123...@4711 (64 hexadecimal digits before the @)"
)]
pub struct NotWrittenDown;

impl FromStr for WrittenDown {
    type Err = NotWrittenDown;

    fn from_str(text: &str) -> Result<Self, NotWrittenDown> {
        let (chain, upto) = text.split_once('@').ok_or(NotWrittenDown)?;
        let chain = chain.parse().map_err(|_| NotWrittenDown)?;
        Ok(Self { chain, upto: upto.parse().map_err(|_| NotWrittenDown)? })
    }
}

/// A journal is not what was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Differs {
    /// The numbers up to there are sealed, with another chain.
    #[error(
        "numbers up to {upto} have the chain {found}, and {expected} was written down: every record is whole, and this is not \
         the history that stood here then. Somebody has written it anew, or the chain is another logger's: each has its own"
    )]
    Chain {
        /// The last number that the chain covers.
        upto: u64,
        /// What stands there.
        found: Digest,
        /// What was written down.
        expected: Digest,
    },
    /// No full segment ends there.
    #[error(
        "no full segment ends with number {upto}{}: this is another logger's chain, or this log was cut or set aside since \
         then (its logger has said so)",
        sealed.map_or_else(|| ", and nothing is sealed".to_owned(), |last| format!(", the last one ends with {last}"))
    )]
    NoSuchEnd {
        /// The number that was written down.
        upto: u64,
        /// The last number that is sealed.
        sealed: Option<u64>,
    },
}

impl Verdict {
    /// Compares the chain with one that was written down.
    ///
    /// # Errors
    /// It is another one.
    pub fn compare(&self, written: &WrittenDown) -> Result<(), Differs> {
        let WrittenDown { chain: expected, upto } = *written;
        match self.seals.iter().find(|seal| seal.last == upto) {
            Some(seal) if seal.chain == expected => Ok(()),
            Some(seal) => Err(Differs::Chain { upto, found: seal.chain, expected }),
            None => Err(Differs::NoSuchEnd { upto, sealed: self.seals.last().map(|seal| seal.last) }),
        }
    }
}
