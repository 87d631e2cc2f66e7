//! Snapshots and the log, fetched from the loggers over TCP by a thread of its own, which may wait.

use crate::agents::{Found, Past};
use crate::{Exchange, Limits, Replica, keeping};
use archive::{Begin, Client, Listed, Since, Store, Wanted};
use std::net::SocketAddr;
use std::time::Duration;
use wire::{Outbound, Position, Seq};

/// How long a logger may take to let this engine in.
const CONNECT: Duration = Duration::from_millis(300);

/// What the past is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To go on behind it, as one of the cluster's engines.
    Begin,
    /// To find out what the log gives, beside an engine's own state.
    Inquire,
}

/// The engine's end.
#[derive(Debug)]
pub struct Fetching {
    thread: archive::Fetching<Replica<Exchange>>,
    purpose: Purpose,
}

/// Begins with whole snapshots.
struct Snapshots {
    store: Store,
    cluster: u64,
    limits: Limits,
    /// How many snapshots are kept here.
    keep: usize,
    purpose: Purpose,
}

impl Fetching {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        store: Store,
        cluster: u64,
        limits: Limits,
        loggers: Vec<SocketAddr>,
        keep: usize,
        purpose: Purpose,
    ) -> std::io::Result<Self> {
        let snapshots = Snapshots { store, cluster, limits, keep, purpose };
        let span = (purpose == Purpose::Inquire).then(|| tracing::info_span!(parent: None, "inquiry"));
        Ok(Self { thread: archive::Fetching::start_within(span, snapshots, loggers)?, purpose })
    }
}

impl Past for Fetching {
    /// Where nobody has what comes behind `after` any more, an engine that is to go on begins with a snapshot all the same.
    fn look(&mut self, after: Option<Position>, upto: Position) {
        let since = match (after, self.purpose) {
            (None, _) => Since::Snapshot,
            (Some(after), Purpose::Begin) => Since::Behind(after),
            (Some(after), Purpose::Inquire) => Since::OneOf(vec![after]),
        };
        self.thread.look(Wanted { since, upto });
    }

    fn poll(&mut self) -> Found<'_> {
        match self.thread.poll() {
            archive::Found::Later => Found::Later,
            archive::Found::Beginning(replica) => Found::Snapshot(replica),
            archive::Found::Frame(bytes) => Found::Frame(bytes),
            archive::Found::End | archive::Found::Nothing => Found::End,
        }
    }

    fn taken(&mut self) {
        self.thread.taken();
    }
}

impl Begin for Snapshots {
    type With = Replica<Exchange>;

    /// The newest snapshot that can be had, is good, and is of the history.
    fn begin(&mut self, loggers: &[SocketAddr], upto: Position) -> Option<(Position, Replica<Exchange>)> {
        for (seq, from) in self.offers(loggers, upto.seq) {
            match self.begin_with(loggers, upto, seq, from) {
                Ok(replica) => {
                    let at = replica.position();
                    tracing::info!(snapshot = %at, "begun with a snapshot");
                    return Some((at, replica));
                }
                Err(reason) => {
                    tracing::warn!(snapshot = %seq, "not begun with this snapshot: {reason}");
                }
            }
        }
        None
    }
}

impl Snapshots {
    /// Snapshots up to there, the newest first, and who else has each; those that are here already come before others' of the same place.
    fn offers(&self, loggers: &[SocketAddr], upto: Seq) -> Vec<(Seq, Option<SocketAddr>)> {
        let mut offers = Vec::new();
        match self.store.list() {
            Ok(here) => offers.extend(here.into_iter().map(|seq| (seq, None))),
            Err(error) => tracing::warn!(%error, "the snapshots of this engine cannot be listed"),
        }
        for logger in loggers {
            match Client::connect(*logger, CONNECT).and_then(|mut client| client.list()) {
                Ok(listed) => {
                    offers.extend(listed.iter().map(|&Listed { seq, .. }| (seq, Some(*logger))));
                }
                Err(error) => tracing::debug!(%logger, %error, "no snapshot is had from this logger"),
            }
        }
        offers.retain(|(seq, _)| *seq <= upto);
        offers.sort_by_key(|(seq, from)| (std::cmp::Reverse(*seq), from.is_some()));
        offers
    }

    fn begin_with(
        &self,
        loggers: &[SocketAddr],
        upto: Position,
        seq: Seq,
        from: Option<SocketAddr>,
    ) -> Result<Replica<Exchange>, String> {
        if let Some(logger) = from {
            let mut client = Client::connect(logger, CONNECT).map_err(words)?;
            client.snapshot(seq, &self.store).map_err(words)?;
            let _ = self.store.retire(self.keep.max(1));
        }
        let about = self.store.head(seq).map_err(words)?.about;
        is_history(loggers, about.position, upto)?;
        if self.purpose == Purpose::Begin {
            has_events_before(loggers, about.outbound)?;
        }
        let snapshot = self.store.read(seq).map_err(words)?;
        keeping::read(snapshot, self.limits, self.cluster).map_err(words)
    }
}

/// Whether the log holds this place: an operator may have given up frames behind which a snapshot was taken.
fn is_history(loggers: &[SocketAddr], at: Position, upto: Position) -> Result<(), String> {
    let mut said = "no logger can be asked whether its log holds this place".to_owned();
    for logger in loggers {
        let answer =
            Client::connect(*logger, CONNECT).and_then(|mut client| client.log(at, upto).map(|_frames| ()));
        match answer {
            Ok(()) => return Ok(()),
            Err(error) => said = error.to_string(),
        }
    }
    Err(said)
}

/// Whether a logger keeps all events before this one. An engine that begins behind the snapshot cannot say them again: were they
/// nowhere, nobody would ever hear them.
fn has_events_before(loggers: &[SocketAddr], next: Outbound) -> Result<(), String> {
    let kept = |logger: &SocketAddr| Client::connect(*logger, CONNECT).ok()?.events().ok();
    let most = loggers.iter().filter_map(kept).max().unwrap_or_default();
    if most.next() >= next {
        return Ok(());
    }
    Err(format!(
        "the next event behind it is {next}, and no logger keeps the events before that: they end at {most}"
    ))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
