//! Carries finished snapshots to the loggers, and retires old ones here: a thread of its own, which may wait.

use crate::scribe::{Outcome, Scribe};
use crate::{Exchange, Replica};
use archive::{Client, Store};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use wire::{Position, Seq};

/// How long a logger may take to let this engine in.
const CONNECT: Duration = Duration::from_secs(1);

/// A scribe whose snapshots are carried to the loggers.
#[derive(Debug)]
pub struct Courier<S> {
    scribe: S,
    finished: Sender<Seq>,
}

impl<S: Scribe> Courier<S> {
    /// Starts the thread. It ends when this is dropped, behind the snapshot that it carries.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(scribe: S, store: Store, loggers: Vec<SocketAddr>, keep: usize) -> io::Result<Self> {
        let (finished, waiting) = channel::<Seq>();
        std::thread::Builder::new().name("courier".to_owned()).spawn(move || {
            while let Ok(seq) = waiting.recv() {
                loggers.iter().for_each(|logger| carry(&store, seq, *logger));
                match store.retire(keep.max(1)) {
                    Ok(retired) => tracing::info!(snapshot = %seq, retired = retired.len(), "snapshot kept"),
                    Err(error) => tracing::warn!(%error, "old snapshots are not removed"),
                }
            }
        })?;
        Ok(Self { scribe, finished })
    }
}

fn carry(store: &Store, seq: Seq, logger: SocketAddr) {
    let carried = Client::connect(logger, CONNECT).and_then(|mut client| client.keep(store, seq));
    if let Err(error) = carried {
        tracing::warn!(%logger, snapshot = %seq, %error, "a logger has not taken this snapshot; the next one is offered to it again");
    }
}

impl<S: Scribe> Scribe for Courier<S> {
    fn begin(&mut self, replica: &Replica<Exchange>) -> io::Result<()> {
        self.scribe.begin(replica)
    }

    fn at(&self) -> Option<Position> {
        self.scribe.at()
    }

    fn show(&mut self) {
        self.scribe.show();
    }

    fn give_up(&mut self) {
        self.scribe.give_up();
    }

    fn poll(&mut self) -> Option<Outcome> {
        let outcome = self.scribe.poll()?;
        if outcome.kept.is_ok() {
            // A thread that is gone carries nothing: the snapshot is here all the same.
            let _ = self.finished.send(outcome.at.seq);
        }
        Some(outcome)
    }
}
