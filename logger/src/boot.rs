//! Whether the host has restarted since this logger ran last: its page cache, and what was only written there, is then gone.

use anyhow::Context;
use std::io;
use std::path::{Path, PathBuf};

/// Where Linux tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The boot that was noted in a directory, and the present one.
pub(crate) struct Boot {
    path: PathBuf,
    before: Option<String>,
    now: String,
}

impl Boot {
    /// Reads both.
    pub(crate) fn look(data: &Path) -> anyhow::Result<Self> {
        let now = std::fs::read_to_string(BOOT_ID).with_context(|| format!("cannot read {BOOT_ID}"))?;
        let path = data.join("boot-id");
        let before = match std::fs::read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self { path, before, now })
    }

    /// Whether the host may have restarted since the boot that was noted. The note itself is never synced: one that is missing
    /// or damaged was lost with the rest.
    pub(crate) fn is_another(&self) -> bool {
        self.before.as_ref() != Some(&self.now)
    }

    /// Notes the present boot: to be called once the journals are verified and the vault is settled, so that a crash before
    /// leaves the question open.
    pub(crate) fn note(&self) -> anyhow::Result<()> {
        std::fs::write(&self.path, &self.now).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_is_known_only_by_a_note_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let look = || Boot::look(dir.path()).unwrap();
        assert!(look().is_another(), "nothing is noted");
        look().note().unwrap();
        assert!(!look().is_another());
        let note = dir.path().join("boot-id");
        let whole = std::fs::read(&note).unwrap();
        for other in [&whole[..whole.len() / 2], b"", b"\xFF\xFE", b"another"] {
            std::fs::write(&note, other).unwrap();
            assert!(look().is_another());
        }
    }
}
