//! Seals: a hash of each full segment, chained to the one before, so that a history that was rewritten as a whole, with every
//! checksum made anew, still differs from what somebody has written down elsewhere.

use crate::error::{JournalError, RecordFault, io_at};
use crate::segment::{SegmentReader, Step};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The file's name beside the segments.
pub(crate) const NAME: &str = "seals";
const MAGIC: [u8; 8] = *b"LOCKSEAL";
/// Bytes of a seal.
const LEN: usize = 96;
const CRC_AT: usize = LEN - 8;
/// Messages are hashed in pieces of this many bytes: BLAKE3 is slow with short ones.
const PIECE: usize = 64 << 10;

/// A BLAKE3 hash; shown and read as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is 64 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut digest = Self::default();
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotADigest);
        }
        for (at, byte) in digest.0.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NotADigest)?;
        }
        Ok(digest)
    }
}

/// What is noted of a full segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The number of its first record.
    pub first: u64,
    /// The number of its last record.
    pub last: u64,
    /// BLAKE3 of all its messages, one behind the other, without padding.
    pub hash: Digest,
    /// BLAKE3 of the chain before (zeros before the first seal), `first` and `last` as u64 little endian, and `hash`.
    pub chain: Digest,
}

impl Seal {
    /// The seal of these messages behind the seal whose chain is `before`.
    #[must_use]
    pub fn after(before: Digest, first: u64, last: u64, hash: Digest) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&before.0).update(&first.to_le_bytes()).update(&last.to_le_bytes()).update(&hash.0);
        Self { first, last, hash, chain: Digest(hasher.finalize().into()) }
    }

    fn to_bytes(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.last.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.hash.0);
        bytes[56..CRC_AT].copy_from_slice(&self.chain.0);
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The seal in these bytes, if it may stand behind `before`.
    fn of(bytes: &[u8], before: Option<&Self>) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let digest = |at: usize| Some(Digest(bytes.get(at..at + 32)?.try_into().ok()?));
        let (first, last, hash) = (number(8)?, number(16)?, digest(24)?);
        let seal = Self::after(before.map_or(Digest::default(), |seal| seal.chain), first, last, hash);
        let follows = first <= last && before.is_none_or(|seal| first == seal.last + 1);
        (follows && seal.to_bytes() == bytes).then_some(seal)
    }
}

/// Hashes the messages of one segment.
#[derive(Debug)]
pub struct SegmentHasher {
    hasher: blake3::Hasher,
    piece: Vec<u8>,
}

impl Default for SegmentHasher {
    fn default() -> Self {
        Self { hasher: blake3::Hasher::new(), piece: Vec::with_capacity(PIECE) }
    }
}

impl SegmentHasher {
    /// The next message.
    pub fn add(&mut self, message: &[u8]) {
        if self.piece.len() + message.len() > PIECE {
            self.hasher.update(&self.piece);
            self.piece.clear();
        }
        self.piece.extend_from_slice(message);
    }

    /// The hash of all messages that were added; nothing is added from here on.
    #[must_use]
    pub fn finish(mut self) -> Digest {
        self.hasher.update(&self.piece);
        Digest(self.hasher.finalize().into())
    }
}

/// A segment that was read as a whole, for its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The number of its last record.
    pub last: u64,
    /// BLAKE3 of its messages.
    pub hash: Digest,
}

/// Reads a segment, checks every record in it, and hashes them.
///
/// # Errors
/// The file is no segment that begins with `first`, or holds a bad record.
pub fn hash_segment(path: &Path, first: u64) -> Result<Hashed, JournalError> {
    let damaged = |offset, number, fault| JournalError::Damaged {
        file: path.into(),
        offset,
        number,
        fault,
        why: "The segment is full and synced",
    };
    let Some(mut reader) = SegmentReader::open(path, first)? else {
        return Err(damaged(0, first, RecordFault::EmptyHeader));
    };
    let mut last = reader.header.before;
    let mut hasher = SegmentHasher::default();
    loop {
        let offset = reader.offset;
        match reader.step(last)? {
            Step::Good(position) => {
                hasher.add(reader.message(offset)?);
                last = position;
            }
            Step::End if last.seq.0 >= first => break,
            Step::End => return Err(damaged(offset, first, RecordFault::Hole)),
            Step::Bad(fault) => return Err(damaged(offset, last.seq.0 + 1, fault)),
        }
    }
    Ok(Hashed { last: last.seq.0, hash: hasher.finish() })
}

/// What stands in a directory's file of seals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// The good ones, ascending, without gaps.
    pub seals: Vec<Seal>,
    /// Whether the file is there.
    pub exists: bool,
    /// Bytes behind the good ones: a torn end if they are fewer than two seals are long, damage otherwise.
    pub rest: u64,
}

impl Seals {
    /// The chain up to here: of the last seal; zeros if there is none.
    #[must_use]
    pub fn head(&self) -> Option<&Seal> {
        self.seals.last()
    }

    /// Whether something is lost that was once sealed: no file, or a bad seal that is not its torn end.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        !self.exists || self.rest > LEN as u64
    }
}

/// The seals of a journal's directory; none where there is no file.
///
/// # Errors
/// The system cannot read it.
pub fn read(dir: &Path) -> Result<Seals, JournalError> {
    let path = dir.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seals::default()),
        Err(error) => return Err(io_at("read", &path)(error)),
    };
    let mut seals: Vec<Seal> = Vec::with_capacity(bytes.len() / LEN);
    for record in bytes.chunks_exact(LEN) {
        let Some(seal) = Seal::of(record, seals.last()) else { break };
        seals.push(seal);
    }
    let rest = (bytes.len() - seals.len() * LEN) as u64;
    Ok(Seals { seals, exists: true, rest })
}

/// The file in its owner's hands.
#[derive(Debug)]
pub(crate) struct SealFile {
    file: File,
    path: PathBuf,
    seals: Vec<Seal>,
}

impl SealFile {
    /// Opens the file that holds these seals, or makes one; what stands behind them is cut.
    pub(crate) fn open(dir: &Path, seals: Vec<Seal>) -> Result<Self, JournalError> {
        let path = dir.join(NAME);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_at("open", &path))?;
        let mut opened = Self { file, path, seals };
        opened.keep(opened.seals.len()).map_err(io_at("cut", &opened.path))?;
        Ok(opened)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends the seal of the next segment, and syncs it. After an error nothing is appended.
    pub(crate) fn append(&mut self, first: u64, last: u64, hash: Digest) -> io::Result<Seal> {
        let before = self.seals.last().map_or(Digest::default(), |seal| seal.chain);
        let seal = Seal::after(before, first, last, hash);
        self.file.write_all_at(&seal.to_bytes(), (self.seals.len() * LEN) as u64)?;
        self.file.sync_data()?;
        self.seals.push(seal);
        Ok(seal)
    }

    /// The seal of the segment that begins with this number.
    pub(crate) fn of(&self, first: u64) -> Option<Seal> {
        let at = self.seals.binary_search_by_key(&first, |seal| seal.first).ok()?;
        Some(self.seals[at])
    }

    /// Removes the seals of segments that end with this number or later: they may be written again.
    pub(crate) fn cut(&mut self, number: u64) -> io::Result<()> {
        let kept = self.seals.partition_point(|seal| seal.last < number);
        if kept < self.seals.len() { self.keep(kept) } else { Ok(()) }
    }

    fn keep(&mut self, kept: usize) -> io::Result<()> {
        self.seals.truncate(kept);
        let len = (kept * LEN) as u64;
        if self.file.metadata()?.len() > len {
            self.file.set_len(len)?;
            self.file.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_laid_out_as_the_documentation_says_and_chained_to_the_one_before() {
        let hash = Digest([7; 32]);
        let first = Seal::after(Digest::default(), 1, 45, hash);
        let second = Seal::after(first.chain, 46, 90, hash);
        assert_eq!(
            second.chain.to_string(),
            {
                let mut all = first.chain.0.to_vec();
                all.extend([46, 0, 0, 0, 0, 0, 0, 0, 90, 0, 0, 0, 0, 0, 0, 0]);
                all.extend([7; 32]);
                blake3::hash(&all).to_hex().to_string()
            },
            "computed by hand"
        );
        let bytes = second.to_bytes();
        assert_eq!(
            (&bytes[..8], &bytes[8..16], bytes.len()),
            (&b"LOCKSEAL"[..], &46_u64.to_le_bytes()[..], 96)
        );
        assert_eq!(Seal::of(&bytes, Some(&first)), Some(second));
        assert_eq!(Seal::of(&bytes, None), None, "it stands behind the first");
        for at in 0..LEN {
            let mut flipped = bytes;
            flipped[at] ^= 1;
            assert_eq!(Seal::of(&flipped, Some(&first)), None, "byte {at}");
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_shown_and_nothing_else_is_one() {
        let digest = Seal::after(Digest::default(), 1, 2, Digest([9; 32])).chain;
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for text in ["", "00", &"g".repeat(64), &"+1".repeat(32), &"ä".repeat(32)] {
            assert_eq!(text.parse::<Digest>(), Err(NotADigest), "{text}");
        }
    }

    #[test]
    fn messages_are_hashed_as_one_whatever_the_pieces() {
        let messages: Vec<Vec<u8>> = (0..3_000_u32).map(|n| vec![n as u8; 40 + n as usize % 200]).collect();
        let mut hasher = SegmentHasher::default();
        messages.iter().for_each(|message| hasher.add(message));
        assert_eq!(hasher.finish().0, *blake3::hash(&messages.concat()).as_bytes());
    }

    #[test]
    fn a_file_is_read_up_to_its_first_bad_seal_and_appended_behind_the_good_ones() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), Seals::default());
        let mut file = SealFile::open(dir.path(), Vec::new()).unwrap();
        for nth in 0..4 {
            file.append(nth * 10 + 1, nth * 10 + 10, Digest([nth as u8; 32])).unwrap();
        }
        let path = file.path().to_owned();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let torn = read(dir.path()).unwrap();
        assert_eq!((torn.seals.len(), torn.rest, torn.is_damaged()), (3, 95, false));
        let mut bad = whole.clone();
        bad[LEN + 30] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let damaged = read(dir.path()).unwrap();
        assert_eq!((damaged.seals.len(), damaged.is_damaged()), (1, true));
        let mut file = SealFile::open(dir.path(), damaged.seals).unwrap();
        for nth in 1..4 {
            file.append(nth * 10 + 1, nth * 10 + 10, Digest([nth as u8; 32])).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        file.cut(30).unwrap();
        let left = read(dir.path()).unwrap();
        assert_eq!((left.head().unwrap().last, left.seals), (20, file.seals));
    }
}
