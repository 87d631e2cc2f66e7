//! The file in which an engine notes the command that made it panic.
//!
//! ```text
//! "lkstpois" | epoch u32 | sequence u64 | chain u64 | frame length u16 | words length u16 | frame | words | XXH3-64 u64
//! ```
//!
//! Little-endian; the hash is of all that stands before it. Written aside, synced, renamed.

use crate::agents::{Noted, Poison};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use twox_hash::XxHash3_64;
use wire::{Chain, Epoch, Position, Seq};

const NAME: &str = "poison";
const MAGIC: &[u8; 8] = b"lkstpois";
const HEAD: usize = 32;
const HASH: usize = 8;

/// Why a note cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PoisonFileError {
    /// The disk does not give it.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    #[error(
        "{} is damaged: it should name the command that made this engine panic. Remove it: if that command is still there, this engine \
         will panic and note it once more",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The note of one engine, in its data directory.
#[derive(Debug)]
pub struct PoisonFile {
    path: PathBuf,
    noted: Option<Noted>,
}

impl PoisonFile {
    /// Reads what a former process of this engine has noted.
    ///
    /// # Errors
    /// See [`PoisonFileError`].
    pub fn open(directory: &Path) -> Result<Self, PoisonFileError> {
        let path = directory.join(NAME);
        let noted = match fs::read(&path) {
            Ok(bytes) => Some(read(&bytes).ok_or_else(|| PoisonFileError::Damaged { path: path.clone() })?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(PoisonFileError::Io { path, source }),
        };
        Ok(Self { path, noted })
    }
}

impl Poison for PoisonFile {
    fn load(&self) -> Option<Noted> {
        self.noted.clone()
    }

    fn note(&mut self, noted: &Noted) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        let mut file = File::create(&aside)?;
        file.write_all(&written(noted))?;
        file.sync_all()?;
        fs::rename(&aside, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        self.noted = Some(noted.clone());
        Ok(())
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

fn written(noted: &Noted) -> Vec<u8> {
    let Noted { at, words, frame } = noted;
    let length =
        |bytes: usize| u16::try_from(bytes).expect("a frame and a panic's words are short").to_le_bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(at.epoch.0.to_le_bytes());
    bytes.extend(at.seq.0.to_le_bytes());
    bytes.extend(at.chain.0.to_le_bytes());
    bytes.extend(length(frame.len()));
    bytes.extend(length(words.len()));
    bytes.extend(frame);
    bytes.extend(words.as_bytes());
    bytes.extend(XxHash3_64::oneshot(&bytes).to_le_bytes());
    bytes
}

fn read(bytes: &[u8]) -> Option<Noted> {
    let (body, hash) = bytes.split_last_chunk::<HASH>()?;
    let (head, rest) = body.split_first_chunk::<HEAD>()?;
    if head[..8] != *MAGIC || XxHash3_64::oneshot(body) != u64::from_le_bytes(*hash) {
        return None;
    }
    let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| head[at + n]));
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let epoch = u32::from_le_bytes(std::array::from_fn(|n| head[8 + n]));
    let at = Position { epoch: Epoch(epoch), seq: Seq(u64_at(12)), chain: Chain(u64_at(20)) };
    let (frame, words) = rest.split_at_checked(u16_at(28))?;
    let words = String::from_utf8(words.to_vec()).ok().filter(|words| words.len() == u16_at(30))?;
    Some(Noted { at, words, frame: frame.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(words: &str) -> Noted {
        let at = Position { epoch: Epoch(7), seq: Seq(1 << 40), chain: Chain(u64::MAX) };
        Noted { at, words: words.to_owned(), frame: vec![5; 200] }
    }

    #[test]
    fn the_next_process_reads_what_was_noted_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut file = PoisonFile::open(directory.path()).expect("no file is fine");
        assert_eq!(file.load(), None);
        for words in ["index 7 out of bounds", "", "ein Umlaut: ä"] {
            file.note(&noted(words)).expect("it can be written");
            let again = PoisonFile::open(directory.path()).expect("a whole file");
            assert_eq!((again.load(), file.load()), (Some(noted(words)), Some(noted(words))));
        }
        fs::remove_file(file.place()).expect("its place is its path");
        assert_eq!(PoisonFile::open(directory.path()).expect("no file").load(), None);
    }

    #[test]
    fn a_damaged_note_is_not_taken_for_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let good = written(&noted("words"));
        assert_eq!(read(&good), Some(noted("words")));
        for cut in 0..good.len() {
            assert_eq!(read(&good[..cut]), None, "cut at {cut}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            assert_eq!(read(&bytes), None, "byte {at}");
        }
        fs::write(directory.path().join(NAME), &good[1..]).expect("written");
        let error = PoisonFile::open(directory.path()).expect_err("damaged").to_string();
        assert!(error.contains("poison is damaged") && error.contains("Remove it"), "{error}");
    }
}
