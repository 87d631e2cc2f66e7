//! The disk's thread: syncs in groups and prepares segments, so that the writing thread never waits.

use journal::{JournalError, Syncer};
use node::{Clock, Shutdown};
use std::time::Duration;
use wire::Nanos;

/// Syncs until someone wishes to stop, then once more. A failed sync is final: nothing that the logger says after it could
/// be believed, so it ends.
pub(crate) fn keep_syncing(
    mut syncers: Vec<Syncer>,
    every: Nanos,
    clock: Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut complain_at = Nanos(0);
    loop {
        let began = clock.now();
        let last = shutdown.requested();
        for syncer in &mut syncers {
            syncer.sync_once()?;
            if let Err(error) = syncer.prepare_once() {
                match error {
                    JournalError::NoSpace { .. } if began < complain_at => {}
                    JournalError::NoSpace { .. } => {
                        complain_at = began.saturating_add(Nanos::SECOND);
                        tracing::warn!(%error, "no room for the next log segment yet");
                    }
                    other => return Err(other.into()),
                }
            }
        }
        if last {
            return Ok(());
        }
        let rest = every.0.saturating_sub(clock.now().since(began).0);
        std::thread::park_timeout(Duration::from_nanos(rest));
    }
}
