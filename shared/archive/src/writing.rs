//! How a snapshot is written: ledger and definitions, then the state as it streams by, and at last the head in front of them.

use crate::head::{About, HEAD_LEN, Head, VERSION};
use std::hash::Hasher;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use twox_hash::XxHash3_64;
use wire::Digest;
use zstd::stream::write::Encoder;

/// Fast; a state shrinks to a third at this level, and little more at higher ones.
const LEVEL: i32 = 1;
/// Bytes that are gathered before they are hashed and compressed.
const BLOCK: usize = 1 << 16;

/// A snapshot on its way into `W`, which must be empty: the state is [`Write`]n here, then [`Writing::finish`] puts the head in front.
pub struct Writing<W: Write> {
    state: BufWriter<Squeezed<W>>,
    /// As far as it is known.
    head: Head,
}

/// The state, hashed before it is compressed, and again behind.
struct Squeezed<W: Write> {
    digest: XxHash3_64,
    bytes: u64,
    to: Encoder<'static, Hashed<W>>,
}

/// What is hashed as it is written.
struct Hashed<W> {
    to: W,
    hash: blake3::Hasher,
    len: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write> Write for Squeezed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.write(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write + Seek> Writing<W> {
    /// Leaves room for the head, and writes the ledger and the definitions.
    pub fn begin(mut to: W, about: About, ledger: &[u8], definitions: &[u8]) -> io::Result<Self> {
        to.write_all(&[0; HEAD_LEN])?;
        let mut to = Hashed { to, hash: blake3::Hasher::new(), len: 0 };
        to.write_all(&zstd::bulk::compress(ledger, LEVEL)?)?;
        let ledger_len = to.len;
        to.write_all(&zstd::bulk::compress(definitions, LEVEL)?)?;
        let head = Head {
            version: VERSION,
            about,
            state_digest: Digest(0),
            ledger_bytes: ledger.len() as u64,
            definitions_bytes: definitions.len() as u64,
            state_bytes: 0,
            ledger_len,
            definitions_len: to.len - ledger_len,
            state_len: 0,
            body: [0; 32],
            front: *to.hash.finalize().as_bytes(),
        };
        let to = Encoder::new(to, LEVEL)?;
        let state = BufWriter::with_capacity(BLOCK, Squeezed { digest: XxHash3_64::new(), bytes: 0, to });
        Ok(Self { state, head })
    }

    /// Ends the state and writes the head. What comes back is not synced.
    pub fn finish(self) -> io::Result<(Head, W)> {
        let Self { state, head } = self;
        let Squeezed { digest, bytes: state_bytes, to } = state.into_inner()?;
        let Hashed { mut to, hash, len } = to.finish()?;
        let head = Head {
            state_digest: Digest(digest.finish()),
            state_bytes,
            state_len: len - head.ledger_len - head.definitions_len,
            body: *hash.finalize().as_bytes(),
            ..head
        };
        to.seek(SeekFrom::Start(0))?;
        to.write_all(&head.to_bytes())?;
        to.flush()?;
        Ok((head, to))
    }
}

impl<W: Write> Write for Writing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.state.flush()
    }
}
