//! How a snapshot is written: the ledger, then the state as it streams by, and at last the head in front of them.

use crate::head::{About, HEAD_LEN, Head};
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
    about: About,
    ledger_bytes: u64,
    ledger_len: u64,
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
    /// Leaves room for the head and writes the ledger.
    pub fn begin(mut to: W, about: About, ledger: &[u8]) -> io::Result<Self> {
        to.write_all(&[0; HEAD_LEN])?;
        let mut to = Hashed { to, hash: blake3::Hasher::new(), len: 0 };
        to.write_all(&zstd::bulk::compress(ledger, LEVEL)?)?;
        let (ledger_bytes, ledger_len) = (ledger.len() as u64, to.len);
        let to = Encoder::new(to, LEVEL)?;
        let state = BufWriter::with_capacity(BLOCK, Squeezed { digest: XxHash3_64::new(), bytes: 0, to });
        Ok(Self { state, about, ledger_bytes, ledger_len })
    }

    /// Ends the state and writes the head. What comes back is not synced.
    pub fn finish(self) -> io::Result<(Head, W)> {
        let Self { state, about, ledger_bytes, ledger_len } = self;
        let Squeezed { digest, bytes: state_bytes, to } = state.into_inner()?;
        let Hashed { mut to, hash, len } = to.finish()?;
        let head = Head {
            about,
            state_digest: Digest(digest.finish()),
            ledger_bytes,
            state_bytes,
            ledger_len,
            state_len: len - ledger_len,
            body: *hash.finalize().as_bytes(),
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
