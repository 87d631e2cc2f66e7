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
        let before = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self { path, before, now })
    }

    /// Whether the host has restarted since the boot that was noted.
    pub(crate) fn is_another(&self) -> bool {
        self.before.as_ref().is_some_and(|before| *before != self.now)
    }

    /// Notes the present boot: to be called once the journals are verified, so that a crash before leaves the question open.
    pub(crate) fn note(&self) -> anyhow::Result<()> {
        std::fs::write(&self.path, &self.now).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
