//! How a snapshot is read: once through, and whoever has come to the end of the state has had everything checked.

use crate::error::{Fault, SnapshotError, io_at};
use crate::head::{About, HEAD_LEN, Head};
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::path::Path;
use twox_hash::XxHash3_64;
use wire::Digest;
use zstd::stream::read::Decoder;

/// Bytes that are read and hashed at once.
const BLOCK: usize = 1 << 16;

/// What stands in a snapshot before its state: with this, a sequencer or a gateway begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    head: Head,
    ledger: Vec<u8>,
    definitions: Vec<u8>,
}

impl Beginning {
    /// Reads it from the bytes of a file, of which nothing behind it is needed. All of it is checked.
    ///
    /// # Errors
    /// It is not as it was written, or the file has no definitions.
    pub fn read(from: impl Read) -> Result<Self, Fault> {
        let (beginning, _) = open(from)?;
        if beginning.head.has_definitions() { Ok(beginning) } else { Err(Fault::NoDefinitions) }
    }

    /// What it is of.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.head.about
    }

    /// What a sequencer must know of what lies before.
    #[must_use]
    pub fn ledger(&self) -> &[u8] {
        &self.ledger
    }

    /// What a gateway must know of what lies before.
    #[must_use]
    pub fn definitions(&self) -> &[u8] {
        &self.definitions
    }
}

/// A snapshot that is open: its head was checked, what stands before its state is here, its state comes on demand.
pub struct Snapshot<R> {
    front: Beginning,
    body: Hashed<R>,
}

/// What is hashed as it is read.
struct Hashed<R> {
    from: R,
    hash: blake3::Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.hash.update(&bytes[..read]);
        Ok(read)
    }
}

impl<R: Read> Snapshot<R> {
    /// Reads what stands before the state. In version 1 none of it counts before the state was read to its end, for the hash
    /// covers them together.
    pub fn open(from: R) -> Result<Self, Fault> {
        let (front, body) = open(from)?;
        Ok(Self { front, body })
    }

    /// What it says about itself.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.front.head
    }

    /// What a sequencer needs to go on.
    #[must_use]
    pub fn ledger(&self) -> &[u8] {
        &self.front.ledger
    }

    /// What a gateway needs to go on; empty in version 1.
    #[must_use]
    pub fn definitions(&self) -> &[u8] {
        &self.front.definitions
    }

    /// What an engine needs to go on. The reader fails at its end if anything in the file is not as it was written; see
    /// [`State::finish`] too.
    pub fn state(self) -> Result<State<R>, Fault> {
        let left = self.front.head.state_len;
        let decoder = Decoder::with_buffer(BufReader::with_capacity(BLOCK, self.body.take(left)))?;
        let checked = Checked {
            need: self.front.head,
            from: Some(decoder.single_frame()),
            digest: XxHash3_64::new(),
            bytes: 0,
            whole: false,
        };
        Ok(State { from: BufReader::with_capacity(BLOCK, checked) })
    }

    /// Reads the rest and checks all of it.
    pub fn verify(self) -> Result<Head, Fault> {
        let head = self.front.head;
        let mut state = self.state()?;
        io::copy(&mut state, &mut io::sink()).map_err(Fault::of_io)?;
        state.finish()?;
        Ok(head)
    }
}

/// The state of a snapshot, as it unpacks.
pub struct State<R: Read> {
    from: BufReader<Checked<R>>,
}

type Packed<R> = BufReader<Take<Hashed<R>>>;

/// Counts and hashes the state. The last bytes are handed out only if everything was right.
struct Checked<R: Read> {
    need: Head,
    /// `None` once it was read to its end, or found to be bad.
    from: Option<Decoder<'static, Packed<R>>>,
    digest: XxHash3_64,
    bytes: u64,
    /// Everything was checked and is right.
    whole: bool,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.whole || bytes.is_empty() {
            return Ok(0);
        }
        // Whoever was told of damage once is told again.
        let from = self.from.as_mut().ok_or(Fault::Body)?;
        let need = self.need.state_bytes;
        let read = match from.read(bytes) {
            Ok(read) => read,
            Err(error) => {
                self.from = None;
                return Err(unpacking("state", error).into());
            }
        };
        self.digest.write(&bytes[..read]);
        self.bytes += read as u64;
        if self.bytes > need || (read == 0 && self.bytes < need) {
            // A damaged file is called damaged, whatever else does not fit.
            self.check_body()?;
            return Err(Fault::Unpacked { section: "state", have: self.bytes, need }.into());
        }
        if self.bytes == need {
            self.check()?;
        }
        Ok(read)
    }
}

impl<R: Read> Checked<R> {
    /// Everything has been unpacked: nothing may follow, and the hashes must be right.
    fn check(&mut self) -> Result<(), Fault> {
        let more = self.from.as_mut().map(|from| from.read(&mut [0; 1])).transpose();
        self.check_body()?;
        let need = self.need.state_bytes;
        match more {
            Ok(more) if more != Some(0) => {
                return Err(Fault::Unpacked { section: "state", have: need + 1, need });
            }
            Ok(_) => {}
            Err(error) => return Err(unpacking("state", error)),
        }
        let (have, need) = (Digest(self.digest.finish()), self.need.state_digest);
        if have != need {
            return Err(Fault::StateDigest { have, need });
        }
        self.whole = true;
        Ok(())
    }

    /// The bytes of the file, those that the decoder did not ask for too.
    fn check_body(&mut self) -> Result<(), Fault> {
        let Some(from) = self.from.take() else { return Ok(()) };
        let mut left = from.finish();
        let buffered = left.buffer().len();
        left.consume(buffered);
        let mut behind = left.into_inner();
        let unasked = io::copy(&mut behind, &mut io::sink())?;
        let missing = behind.limit();
        let mut body = behind.into_inner();
        let more = io::copy(&mut body.from, &mut io::sink())?;
        let need = self.need.file_len();
        if missing > 0 || more > 0 {
            return Err(Fault::Length { have: need - missing + more, need });
        }
        if *body.hash.finalize().as_bytes() != self.need.body {
            return Err(Fault::Body);
        }
        if buffered > 0 || unasked > 0 {
            let reason = format!("{} bytes stand behind its end", buffered as u64 + unasked);
            return Err(Fault::Packed { section: "state", reason });
        }
        Ok(())
    }
}

impl<R: Read> State<R> {
    /// Says that the reader needs no more: an error if the state goes on, or if anything in the file is wrong.
    pub fn finish(mut self) -> Result<(), Fault> {
        let read = self.from.get_ref().bytes - self.from.buffer().len() as u64;
        let left = io::copy(&mut self.from, &mut io::sink()).map_err(Fault::of_io)?;
        if left == 0 {
            Ok(())
        } else {
            Err(Fault::Unpacked { section: "state", have: read + left, need: read })
        }
    }
}

impl<R: Read> Read for State<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.from.read(bytes)
    }
}

/// Reads the file once through: hashes, lengths, digest of the state.
pub fn verify(file: &Path) -> Result<Head, SnapshotError> {
    let open = File::open(file).map_err(io_at("open", file))?;
    Snapshot::open(open).and_then(Snapshot::verify).map_err(|fault| fault.in_file(file))
}

/// Reads and checks what stands before the state.
fn open<R: Read>(mut from: R) -> Result<(Beginning, Hashed<R>), Fault> {
    let mut head = [0; HEAD_LEN];
    let have = read_full(&mut from, &mut head)?;
    if have < HEAD_LEN {
        return Err(Fault::Length { have: have as u64, need: HEAD_LEN as u64 });
    }
    let head = Head::of(&head)?;
    let mut body = Hashed { from, hash: blake3::Hasher::new() };
    let (mut ledger, mut definitions) = (Vec::new(), Vec::new());
    let sections = [(&mut ledger, head.ledger_len), (&mut definitions, head.definitions_len)];
    let mut have = HEAD_LEN as u64;
    for (packed, length) in sections {
        let read = Read::take(&mut body, length).read_to_end(packed)? as u64;
        have += read;
        if read < length {
            return Err(Fault::Length { have, need: head.file_len() });
        }
    }
    if head.has_definitions() {
        if *body.hash.finalize().as_bytes() != head.front {
            return Err(Fault::Front);
        }
        definitions = unpack("definitions", &definitions, head.definitions_bytes)?;
    }
    let ledger = unpack("ledger", &ledger, head.ledger_bytes)?;
    Ok((Beginning { head, ledger, definitions }, body))
}

/// Fills the buffer as far as there are bytes.
fn read_full(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < bytes.len() {
        match from.read(&mut bytes[have..]) {
            Ok(0) => break,
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

/// Tells what the decompressor says from what the system says.
fn unpacking(section: &'static str, error: io::Error) -> Fault {
    match error.raw_os_error() {
        Some(_) => Fault::Unreadable(error),
        None => Fault::Packed { section, reason: error.to_string() },
    }
}

/// A small section at once; `need` is bounded by the head.
fn unpack(section: &'static str, packed: &[u8], need: u64) -> Result<Vec<u8>, Fault> {
    let room = usize::try_from(need).expect("a head bounds it");
    let bytes = zstd::bulk::decompress(packed, room).map_err(|error| unpacking(section, error))?;
    let have = bytes.len() as u64;
    if have == need { Ok(bytes) } else { Err(Fault::Unpacked { section, have, need }) }
}
