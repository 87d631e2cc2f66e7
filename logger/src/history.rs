//! The thread that hands history on over TCP and takes snapshots in, and what it tells the housekeeper of them.

use anyhow::Context;
use archive::{Service, Settings, Store};
use node::description::{Description, Retain};
use node::{NodeEntry, Shutdown};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use wire::Position;

/// Up to which committed place the log need not be at hand: told by whoever takes snapshots in, done by the housekeeper.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dispensable(Arc<Mutex<Option<Position>>>);

impl Dispensable {
    fn tell(&self, upto: Option<Position>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = upto;
    }

    /// What was told last, once.
    pub(crate) fn take(&self) -> Option<Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Listens at the node's address. What of the log need not be at hand is told, if that is wished.
pub(crate) fn open(description: &Description, node: &NodeEntry) -> anyhow::Result<(Service, Dispensable)> {
    let data = description.data_of(node);
    let (log, snapshots) = (data.join("log"), data.join("snapshots"));
    let keep = description.snapshot.keep;
    let store = Store::open(&snapshots)?;
    let dispensable = Dispensable::default();
    let tell = {
        let (store, dispensable, retain) = (store.clone(), dispensable.clone(), description.log.retain);
        move || {
            if retain == Retain::SinceSnapshot {
                dispensable.tell(oldest(&store, keep));
            }
        }
    };
    tell();
    let settings = Settings {
        cluster: description.cluster_id(),
        log: log.clone(),
        events: data.join("events"),
        store,
        keep,
        kept: Box::new(move |head| {
            tell();
            tracing::info!("snapshot {} kept; {}", head.about.position.seq, sealed(&log));
        }),
    };
    let service = Service::open(node.address.into(), settings).with_context(|| {
        format!("cannot listen on TCP at {}, where this logger is asked for history", node.address)
    })?;
    Ok((service, dispensable))
}

/// Serves until someone wishes to stop.
pub(crate) fn serve(service: Service, shutdown: &Shutdown) -> anyhow::Result<()> {
    service.run(&|| shutdown.requested()).context("nobody can ask for history any more")
}

/// The place of the oldest snapshot that is kept, once there are as many as are to be kept: a damaged one has others beside it.
fn oldest(store: &Store, keep: usize) -> Option<Position> {
    let newest = store.list().ok()?.into_iter().rev();
    newest.filter_map(|seq| store.head(seq).ok()).nth(keep - 1).map(|head| head.about.position)
}

/// What an operator writes down.
fn sealed(log: &Path) -> String {
    match journal::read_seals(log) {
        Ok(seals) => match seals.head() {
            Some(seal) => format!("log sealed up to {}: chain {}", seal.last, seal.chain),
            None => "nothing of the log is sealed yet".to_owned(),
        },
        Err(error) => format!("how far the log is sealed is not known: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archive::About;
    use wire::{Digest, Nanos, Outbound, Rules, Seq};

    #[test]
    fn the_log_is_dispensable_before_the_oldest_of_as_many_snapshots_as_are_to_be_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let put = |seq| {
            let about = About {
                cluster: 1,
                machine: 1,
                position: Position { seq: Seq(seq), ..Position::GENESIS },
                rules: Rules(1),
                timestamp: Nanos(0),
                outbound: Outbound(1),
                digest: Digest(0),
            };
            store.begin(about, b"", b"").unwrap().commit().unwrap();
        };
        let oldest = || oldest(&store, 3).map(|place| place.seq.0);
        for (seq, expected) in [(10, None), (20, None), (30, Some(10)), (40, Some(20))] {
            put(seq);
            assert_eq!(oldest(), expected);
        }
        // One with a bad head does not count.
        let path = store.path(Seq(40));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[30] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(oldest(), Some(10));
    }
}
