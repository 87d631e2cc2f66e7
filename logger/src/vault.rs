//! What a logger must not forget beside its log: its promise and its life. One small file, synced before use.

use cluster::{Promise, control};
use node::description::Durability;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use wire::Incarnation;

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kept {
    /// What is promised, and to whom.
    pub promise: Promise,
    /// The life of the log; 0 while it has none.
    pub incarnation: Incarnation,
    /// Whether the log has ever held a frame: an empty one was then taken away, and its promises to hold frames with it.
    pub began: bool,
    /// Whether the logger ended with everything synced, and has not been started since.
    pub clean: bool,
}

/// Why a logger cannot go on in its former life: what it acknowledged may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The host has restarted, the logger had not ended cleanly, and what it acknowledged was written, not synced.
    PageCache,
    /// Its log held frames and is empty now.
    Log,
    /// A part of its log is damaged.
    Damage,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PageCache => {
                "the host has restarted and durability is \"written\": what was acknowledged may have been in memory only"
            }
            Self::Log => "the log's directory is empty, and was not before",
            Self::Damage => "a part of its log is damaged",
        })
    }
}

impl Kept {
    /// Why the life that is noted here is over, if it is. A log in `synced` durability has acknowledged only what survives
    /// a power cut.
    #[must_use]
    pub fn lost(&self, durability: Durability, host_restarted: bool, log_is_empty: bool) -> Option<Lost> {
        if self.incarnation == Incarnation(0) {
            None
        } else if self.began && log_is_empty {
            Some(Lost::Log)
        } else {
            let unsynced = host_restarted && !self.clean && durability == Durability::Written;
            unsynced.then_some(Lost::PageCache)
        }
    }
}

/// Notes that the life that stands in this vault is over, if there is one. What is promised stays promised.
///
/// # Errors
/// As of the vault.
pub(crate) fn end_life(vault: &mut impl Vault, lost: Lost) -> io::Result<()> {
    let mut kept = vault.load()?;
    if kept.incarnation != Incarnation(0) {
        let life = std::mem::take(&mut kept.incarnation);
        vault.keep(&kept)?;
        tracing::warn!(%life, "this logger's life is over and it asks for another: {lost}");
    }
    Ok(())
}

/// Where it is kept.
pub trait Vault {
    /// What was kept last; the default if nothing ever was.
    ///
    /// # Errors
    /// It is there and cannot be read: a logger without it could break its promise.
    fn load(&mut self) -> io::Result<Kept>;

    /// Keeps it: on the disk, and found by the next [`Vault::load`] whatever happens, when this returns.
    ///
    /// # Errors
    /// Either the former or the new one is kept; the logger must end.
    fn keep(&mut self, kept: &Kept) -> io::Result<()>;
}

/// A file `promise` in the logger's directory.
#[derive(Clone, Debug)]
pub struct FileVault {
    dir: PathBuf,
}

impl FileVault {
    /// The file in this directory, which exists.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join("promise")
    }
}

impl Vault for FileVault {
    fn load(&mut self) -> io::Result<Kept> {
        let path = self.path();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Err(error) => return Err(at("read", &path)(error)),
        };
        control::decode(&bytes).map_err(|error| {
            io::Error::other(format!(
                "{}: {error}. It held this logger's promise: set the node's whole directory aside and start with an empty one",
                path.display()
            ))
        })
    }

    /// Written aside, synced, renamed; then the name is synced: at no moment is there less than one whole file.
    fn keep(&mut self, kept: &Kept) -> io::Result<()> {
        let bytes = control::encode(kept).expect("it has a fixed and small number of fields");
        let aside = self.dir.join("promise.new");
        let mut file = File::create(&aside).map_err(at("create", &aside))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(at("write", &aside))?;
        std::fs::rename(&aside, self.path()).map_err(at("rename", &aside))?;
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(at("sync", &self.dir))
    }
}

/// Attaches what was tried, and on what.
fn at<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> io::Error + 'a {
    move |error| io::Error::new(error.kind(), format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Epoch;

    fn kept() -> Kept {
        let promise = Promise { epoch: Epoch(7), nonce: 42 };
        Kept { promise, incarnation: Incarnation(3), began: true, clean: false }
    }

    #[test]
    fn what_is_kept_is_found_and_an_empty_directory_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut vault = FileVault::new(dir.path());
        assert_eq!(vault.load().unwrap(), Kept::default());
        vault.keep(&kept()).unwrap();
        vault.keep(&Kept { clean: true, ..kept() }).unwrap();
        assert_eq!(FileVault::new(dir.path()).load().unwrap(), Kept { clean: true, ..kept() });
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut vault = FileVault::new(dir.path());
        vault.keep(&kept()).unwrap();
        let bytes = std::fs::read(vault.path()).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(vault.path(), &bytes[..cut]).unwrap();
            let error = vault.load().unwrap_err().to_string();
            assert!(error.contains("set the node's whole directory aside"), "cut at {cut}: {error}");
        }
    }

    #[test]
    fn a_file_that_was_never_renamed_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let mut vault = FileVault::new(dir.path());
        vault.keep(&kept()).unwrap();
        std::fs::write(dir.path().join("promise.new"), b"half").unwrap();
        assert_eq!(vault.load().unwrap(), kept());
    }

    #[test]
    fn a_life_is_over_only_if_what_it_acknowledged_may_be_gone() {
        use Durability::{Synced, Written};
        let lost = |kept: Kept, durability, host_restarted, log_is_empty| {
            kept.lost(durability, host_restarted, log_is_empty)
        };
        assert_eq!(lost(kept(), Written, false, false), None, "only the process was restarted");
        assert_eq!(lost(kept(), Written, true, false), Some(Lost::PageCache));
        assert_eq!(
            lost(Kept { clean: true, ..kept() }, Written, true, false),
            None,
            "a clean end was synced"
        );
        assert_eq!(lost(kept(), Synced, true, false), None, "it acknowledged only what was synced");
        assert_eq!(lost(kept(), Synced, false, true), Some(Lost::Log));
        assert_eq!(
            lost(Kept { began: false, ..kept() }, Written, false, true),
            None,
            "it never held anything"
        );
        assert_eq!(lost(Kept { incarnation: Incarnation(0), ..kept() }, Written, true, true), None);
    }
}
