//! Whether the host has restarted since this logger ran last: its page cache, and what was only written there, is then gone.

use anyhow::Context;
use std::io;
use std::path::{Path, PathBuf};

/// Where Linux tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// What this holds in the environment is noted together with the kernel's word: a test that gives another text than before
/// pretends that the host has restarted. It hides nothing: where the kernel's word has changed, the note has, whatever stands
/// here. So left behind by mistake it costs lives that were not lost, never orders.
const PRETENDED: &str = "LOCKSTEP_PRETENDED_BOOT";

/// The boot that was noted in a directory, and the present one.
pub(crate) struct Boot {
    path: PathBuf,
    before: Option<String>,
    now: String,
}

impl Boot {
    /// Reads both.
    pub(crate) fn look(data: &Path) -> anyhow::Result<Self> {
        let pretended = std::env::var_os(PRETENDED).map(|text| text.to_string_lossy().into_owned());
        if let Some(text) = &pretended {
            tracing::warn!(
                "{PRETENDED} is \"{text}\": this logger takes a change of it for a restart of its host"
            );
        }
        Self::look_with(data, pretended.as_deref())
    }

    fn look_with(data: &Path, pretended: Option<&str>) -> anyhow::Result<Self> {
        let mut now = std::fs::read_to_string(BOOT_ID).with_context(|| format!("cannot read {BOOT_ID}"))?;
        now.push_str(pretended.unwrap_or_default());
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

    #[test]
    fn a_pretended_boot_is_another_one_and_never_hides_one() {
        let dir = tempfile::tempdir().unwrap();
        let look = |pretended| Boot::look_with(dir.path(), pretended).unwrap();
        look(None).note().unwrap();
        assert!(look(Some("2")).is_another());
        look(Some("2")).note().unwrap();
        assert!(!look(Some("2")).is_another());
        assert!(look(Some("3")).is_another() && look(None).is_another());
        // The kernel tells another boot: the same text does not hide it.
        let note = dir.path().join("boot-id");
        std::fs::write(&note, "00000000-0000-4000-8000-000000000000\n2").unwrap();
        assert!(look(Some("2")).is_another());
    }
}
