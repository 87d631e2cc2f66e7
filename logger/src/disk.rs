//! The disk's threads: they sync in groups and prepare segments, so that the writing thread never waits.
//!
//! One thread keeps the house, at its interval: events, segments to come and, where frames are acknowledged once *written*,
//! the log too. Where they are acknowledged once *synced*, another thread commits in groups: it is woken by an append, and
//! wakes the writing thread when the disk has confirmed.

use crate::history::Dispensable;
use journal::{JournalError, Seal, Syncer};
use mio::Waker;
use node::{Clock, Shutdown};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wire::Nanos;

/// Longest sleep of a thread that is woken by appends, so that a wish to stop is seen.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// What the housekeeper looks after.
pub(crate) struct House {
    /// Journals that it syncs.
    pub(crate) sync: Vec<Syncer>,
    /// Journals for which it prepares segments, and seals those that are full.
    pub(crate) prepare: Vec<Housed>,
    /// Its interval.
    pub(crate) every: Nanos,
}

/// A journal that is looked after, by its name.
pub(crate) struct Housed {
    pub(crate) journal: &'static str,
    pub(crate) syncer: Syncer,
    /// Tells up to where it need not be at hand.
    pub(crate) dispensable: Option<Dispensable>,
}

impl Housed {
    fn seal(&mut self) -> Result<(), JournalError> {
        if let Some(Seal { last, chain, .. }) = self.syncer.seal_once()? {
            tracing::info!(journal = self.journal, "sealed up to {last}: chain {chain}");
        }
        Ok(())
    }

    /// Moves segments into the archive, if they may go. Whatever goes wrong with that is tried again when more may go.
    fn archive(&mut self) {
        let Some(upto) = self.dispensable.as_ref().and_then(Dispensable::take) else { return };
        loop {
            match self.syncer.archive_once(upto) {
                Ok(Some(path)) => {
                    tracing::info!(journal = self.journal, snapshot = %upto.seq, path = %path.display(), "segment archived");
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(journal = self.journal, snapshot = %upto.seq, %error, "nothing is archived before this snapshot");
                    return;
                }
            }
        }
    }
}

/// Syncs and prepares until someone wishes to stop, then once more. A failed sync is final: nothing that the logger says after
/// it could be believed, so it ends.
pub(crate) fn keep_house(mut house: House, clock: Clock, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut complain_at = Nanos(0);
    loop {
        let began = clock.now();
        let last = shutdown.requested();
        for syncer in &mut house.sync {
            syncer.sync_once()?;
        }
        for housed in &mut house.prepare {
            match housed.syncer.prepare_once().and_then(|_| housed.seal()) {
                Ok(()) => housed.archive(),
                Err(JournalError::NoSpace { .. }) if began < complain_at => {}
                Err(error @ JournalError::NoSpace { .. }) => {
                    complain_at = began.saturating_add(Nanos::SECOND);
                    tracing::warn!(%error, "no room for the next log segment yet");
                }
                Err(other) => return Err(other.into()),
            }
        }
        if last {
            return Ok(());
        }
        let rest = house.every.0.saturating_sub(clock.now().since(began).0);
        std::thread::park_timeout(Duration::from_nanos(rest));
    }
}

/// Syncs whenever something was appended, all that came meanwhile in one go. It is to be unparked after an append; it wakes
/// the writing thread after each sync. A failed sync is final.
pub(crate) fn commit_in_groups(
    mut log: Syncer,
    writer: &OnceLock<Arc<Waker>>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    loop {
        let last = shutdown.requested();
        if log.is_behind() {
            log.sync_once()?;
            if let Some(writer) = writer.get() {
                writer.wake()?;
            }
        } else if last {
            return Ok(());
        } else {
            // An unpark between the look and this is not lost: the sleep then ends at once.
            std::thread::park_timeout(LONGEST_SLEEP);
        }
    }
}
