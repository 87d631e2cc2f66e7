//! Where a run leaves its files: kept if that was asked for, else removed at its end unless it went wrong.

use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A directory for one run.
#[derive(Debug)]
pub enum Directory {
    /// It stays.
    Kept(PathBuf),
    /// It goes when the run has ended well.
    Temporary(tempfile::TempDir),
}

impl Directory {
    /// The one that shall be kept, or a new one whose name begins with a prefix.
    pub fn create(keep: Option<&Path>, prefix: &str) -> anyhow::Result<Self> {
        match keep {
            Some(directory) => {
                std::fs::create_dir_all(directory)
                    .with_context(|| format!("cannot create {}", directory.display()))?;
                Ok(Self::Kept(directory.to_owned()))
            }
            None => {
                let temporary = tempfile::Builder::new().prefix(prefix).tempdir();
                Ok(Self::Temporary(temporary.context("cannot create a directory")?))
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// The end of the run: says where the files are if they stay, and gives its outcome back.
    pub fn end<T>(self, outcome: anyhow::Result<T>, out: &mut dyn Write) -> anyhow::Result<T> {
        match self {
            Self::Kept(path) => writeln!(out, "kept in {}", path.display())?,
            Self::Temporary(temporary) if outcome.is_err() => {
                writeln!(out, "kept in {}", temporary.keep().display())?;
            }
            Self::Temporary(_) => {}
        }
        outcome
    }
}
