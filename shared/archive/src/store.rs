//! The directory: names, files that are aside until they are whole, the newest good one, retirement.

use crate::error::{Fault, SnapshotError, io_at};
use crate::head::{About, HEAD_LEN, Head};
use crate::reading::{Beginning, Snapshot, verify};
use crate::writing::Writing;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use wire::Seq;

const SUFFIX: &str = ".snapshot";
const PARTIAL_SUFFIX: &str = ".partial";

/// A directory of snapshots, by the number of the last command that is in each. It may be cloned and used by many threads.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// Makes the directory if there is none, and removes what an earlier life left half written. One process writes in a
    /// directory; it opens it once, before it writes.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        std::fs::create_dir_all(dir).map_err(io_at("create the directory", dir))?;
        let store = Self::look(dir);
        store.remove_partials("")?;
        Ok(store)
    }

    /// Removes what is left of a snapshot whose writer was stopped half way. Nobody may be writing one of that number.
    pub fn forget(&self, seq: Seq) -> Result<(), SnapshotError> {
        self.remove_partials(&format!("{:020}.", seq.0))
    }

    fn remove_partials(&self, prefix: &str) -> Result<(), SnapshotError> {
        for path in self.files()? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(prefix) && name.ends_with(PARTIAL_SUFFIX) {
                std::fs::remove_file(&path).map_err(io_at("remove", &path))?;
            }
        }
        Ok(())
    }

    /// A directory that another process may write in: nothing is changed. It need not be there.
    #[must_use]
    pub fn look(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the snapshot of this number lies, or would.
    #[must_use]
    pub fn path(&self, seq: Seq) -> PathBuf {
        self.dir.join(format!("{:020}{SUFFIX}", seq.0))
    }

    /// All that are shown, ascending; whether they are good is not asked.
    pub fn list(&self) -> Result<Vec<Seq>, SnapshotError> {
        let names = self.files()?;
        let numbers = names.iter().filter_map(|path| {
            let digits = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
            (digits.len() == 20).then(|| digits.parse().ok().map(Seq)).flatten()
        });
        let mut all: Vec<_> = numbers.collect();
        all.sort_unstable();
        Ok(all)
    }

    fn files(&self) -> Result<Vec<PathBuf>, SnapshotError> {
        let entries = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_at("list", &self.dir))?,
        };
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(io_at("list", &self.dir))).collect()
    }

    /// What a snapshot says about itself. Its head, its length and its name are checked, and nothing else.
    pub fn head(&self, seq: Seq) -> Result<Head, SnapshotError> {
        let path = self.path(seq);
        let (mut file, have) = self.open_file(seq)?;
        let mut bytes = [0; HEAD_LEN];
        if have < HEAD_LEN as u64 {
            return Err(Fault::Length { have, need: HEAD_LEN as u64 }.in_file(&path));
        }
        file.read_exact(&mut bytes).map_err(io_at("read", &path))?;
        let head = Head::of(&bytes).map_err(|fault| fault.in_file(&path))?;
        fits(&head, seq, have).map_err(|fault| fault.in_file(&path))?;
        Ok(head)
    }

    /// Opens a snapshot. Its head, its length and its name are checked; the rest is as it is read.
    pub fn read(&self, seq: Seq) -> Result<Snapshot<File>, SnapshotError> {
        let (file, have) = self.open_file(seq)?;
        let open = Snapshot::open(file).and_then(|snapshot| {
            fits(snapshot.head(), seq, have)?;
            Ok(snapshot)
        });
        open.map_err(|fault| fault.in_file(&self.path(seq)))
    }

    fn open_file(&self, seq: Seq) -> Result<(File, u64), SnapshotError> {
        let path = self.path(seq);
        let file = File::open(&path).map_err(io_at("open", &path))?;
        let have = file.metadata().map_err(io_at("read", &path))?.len();
        Ok((file, have))
    }

    /// Checks the whole of a snapshot, its name too.
    pub fn verify(&self, seq: Seq) -> Result<Head, SnapshotError> {
        self.read(seq)?.verify().map_err(|fault| fault.in_file(&self.path(seq)))
    }

    /// The newest one that `take` takes: it goes back past all that it refuses, and `told` hears which and why.
    pub fn newest<T, E>(
        &self,
        told: &mut dyn FnMut(Seq, &E),
        mut take: impl FnMut(Seq) -> Result<T, E>,
    ) -> Result<Option<T>, SnapshotError> {
        for seq in self.list()?.into_iter().rev() {
            match take(seq) {
                Ok(taken) => return Ok(Some(taken)),
                Err(error) => told(seq, &error),
            }
        }
        Ok(None)
    }

    /// The newest one that is whole, every byte of it checked, open to be read.
    pub fn newest_good(
        &self,
        told: &mut dyn FnMut(Seq, &SnapshotError),
    ) -> Result<Option<Snapshot<File>>, SnapshotError> {
        self.newest(told, |seq| {
            self.verify(seq)?;
            self.read(seq)
        })
    }

    /// Removes all that are older than the newest `keep` (at least one), and says which. One whose head is bad is not counted
    /// as kept, so that it never drives out a good one.
    pub fn retire(&self, keep: usize) -> Result<Vec<Seq>, SnapshotError> {
        let mut kept = 0;
        let mut gone = Vec::new();
        for seq in self.list()?.into_iter().rev() {
            if kept >= keep.max(1) {
                let path = self.path(seq);
                std::fs::remove_file(&path).map_err(io_at("remove", &path))?;
                gone.push(seq);
            } else if self.head(seq).is_ok() {
                kept += 1;
            }
        }
        Ok(gone)
    }

    /// What stands before the state of a snapshot, as bytes that [`Beginning::read`] reads. All of it is checked.
    pub fn front(&self, seq: Seq) -> Result<Vec<u8>, SnapshotError> {
        let (path, head) = (self.path(seq), self.head(seq)?);
        let (file, _) = self.open_file(seq)?;
        let mut bytes = Vec::new();
        file.take(head.front_len()).read_to_end(&mut bytes).map_err(io_at("read", &path))?;
        Beginning::read(&bytes[..]).map_err(|fault| fault.in_file(&path))?;
        Ok(bytes)
    }

    /// Begins a snapshot aside, ledger and definitions first. The state is then written to what comes back.
    pub fn begin(&self, about: About, ledger: &[u8], definitions: &[u8]) -> Result<Partial, SnapshotError> {
        let aside = self.aside(about.position.seq)?;
        let file = aside.file.try_clone().map_err(io_at("write", &aside.path))?;
        let to = Writing::begin(file, about, ledger, definitions).map_err(io_at("write", &aside.path))?;
        Ok(Partial { to, aside })
    }

    /// Attaches a snapshot's place to a reason for which it could not be read.
    pub(crate) fn cannot_read(&self, seq: Seq, error: io::Error) -> SnapshotError {
        io_at("read", &self.path(seq))(error)
    }

    /// Attaches a snapshot's place to a reason for which it could not be taken in.
    pub(crate) fn cannot_keep(&self, seq: Seq, error: io::Error) -> SnapshotError {
        io_at("write", &self.path(seq))(error)
    }

    /// Begins to take in a file of `length` bytes from elsewhere, aside, byte by byte as it is.
    pub fn receive(&self, seq: Seq, length: u64) -> Result<Incoming, SnapshotError> {
        Ok(Incoming { aside: self.aside(seq)?, seq, length, have: 0 })
    }

    fn aside(&self, seq: Seq) -> Result<Aside, SnapshotError> {
        let shown = self.path(seq);
        for n in 0.. {
            let path = self.dir.join(format!("{:020}.{n}{PARTIAL_SUFFIX}", seq.0));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => {
                    let file = file.map_err(io_at("create", &path))?;
                    return Ok(Aside { path, shown, dir: self.dir.clone(), file, is_shown: false });
                }
            }
        }
        unreachable!("there are fewer files than numbers")
    }
}

/// Whether a head belongs to a file of this name and length.
fn fits(head: &Head, seq: Seq, have: u64) -> Result<(), Fault> {
    let (found, need) = (head.about.position.seq, head.file_len());
    if found != seq {
        return Err(Fault::Name { found });
    }
    if have == need { Ok(()) } else { Err(Fault::Length { have, need }) }
}

/// A file that is not shown. It goes when it is dropped.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    shown: PathBuf,
    dir: PathBuf,
    file: File,
    is_shown: bool,
}

impl Aside {
    /// Gives the file its name, and makes the name survive a power cut.
    pub fn show(mut self) -> Result<(), SnapshotError> {
        std::fs::rename(&self.path, &self.shown).map_err(io_at("rename to its name", &self.path))?;
        self.is_shown = true;
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(io_at("sync the directory", &self.dir))
    }

    /// Where it lies until it is shown.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn sync(&self) -> Result<(), SnapshotError> {
        self.file.sync_all().map_err(io_at("sync", &self.path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_shown {
            // What cannot be removed now is removed when the store is opened again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A snapshot on its way into the store: its state is [`Write`]n here.
pub struct Partial {
    to: Writing<File>,
    aside: Aside,
}

impl Partial {
    /// Puts the head in front and syncs the file. It counts once it is shown.
    pub fn finish(self) -> Result<(Head, Aside), SnapshotError> {
        let Self { to, aside } = self;
        let (head, _) = to.finish().map_err(io_at("write", &aside.path))?;
        aside.sync()?;
        Ok((head, aside))
    }

    /// Finishes it and shows it.
    pub fn commit(self) -> Result<Head, SnapshotError> {
        let (head, aside) = self.finish()?;
        aside.show()?;
        Ok(head)
    }

    /// Attaches the file to a reason for which the state could not be written.
    #[must_use]
    pub fn failed(&self, error: io::Error) -> SnapshotError {
        io_at("write", &self.aside.path)(error)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The bytes of a whole snapshot on their way in from elsewhere: they are [`Write`]n here.
#[derive(Debug)]
pub struct Incoming {
    aside: Aside,
    seq: Seq,
    length: u64,
    have: u64,
}

impl Incoming {
    /// Bytes that have not come yet.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.length - self.have
    }

    /// Checks every byte of it, syncs it and shows it.
    pub fn keep(self) -> Result<Head, SnapshotError> {
        let Self { aside, seq, length, have } = self;
        if have < length {
            return Err(Fault::Length { have, need: length }.in_file(&aside.path));
        }
        let head = verify(&aside.path)?;
        fits(&head, seq, have).map_err(|fault| fault.in_file(&aside.path))?;
        aside.sync()?;
        aside.show()?;
        Ok(head)
    }
}

impl Write for Incoming {
    /// Takes no more than was announced.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let some = usize::try_from(self.missing()).unwrap_or(usize::MAX).min(bytes.len());
        if some == 0 && !bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "more bytes than were announced"));
        }
        let written = self.aside.file.write(&bytes[..some])?;
        self.have += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
