//! Snapshots and the log, fetched from the loggers over TCP by a thread of its own, which may wait.

use crate::agents::{Found, Past};
use crate::{Exchange, Limits, Replica, keeping};
use archive::{Client, ClientError, Listed, Store};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::time::Duration;
use wire::{Outbound, Position, Seq, prelude};

/// Bytes of frames that are handed over at once.
const CHUNK: usize = 1 << 18;
/// Chunks that may wait.
const WAITING: usize = 16;
/// How long a logger may take to let this engine in.
const CONNECT: Duration = Duration::from_millis(300);
/// How soon it is tried again to hand over what there was no room for.
const TRY_AGAIN: Duration = Duration::from_micros(500);

/// What the past is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To go on behind it, as one of the cluster's engines.
    Begin,
    /// To find out what the log gives, beside an engine's own state.
    Inquire,
}

/// What is to be looked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// Which look it is.
    look: u64,
    after: Option<Position>,
    upto: Position,
}

/// What was found for a look.
#[derive(Debug)]
enum Piece {
    Snapshot(Box<Replica<Exchange>>),
    /// Whole frames, back to back.
    Frames(Vec<u8>),
    End,
}

/// Whoever looks for the past has given up, or looks for something else.
#[derive(Debug)]
struct Unwanted;

/// The engine's end.
#[derive(Debug)]
pub struct Fetching {
    asks: Sender<Wanted>,
    pieces: Receiver<(u64, Piece)>,
    look: u64,
    latest: Arc<AtomicU64>,
    frames: Vec<u8>,
    /// Of these, so many bytes are handed over.
    at: usize,
    ended: bool,
}

/// The thread's end.
struct Fetcher {
    store: Store,
    cluster: u64,
    limits: Limits,
    loggers: Vec<SocketAddr>,
    /// How many snapshots are kept here.
    keep: usize,
    purpose: Purpose,
    pieces: SyncSender<(u64, Piece)>,
    latest: Arc<AtomicU64>,
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
        let (asks, wanted) = channel::<Wanted>();
        let (found, pieces) = sync_channel(WAITING);
        let latest = Arc::new(AtomicU64::new(0));
        let fetcher = Fetcher {
            store,
            cluster,
            limits,
            loggers,
            keep,
            purpose,
            pieces: found,
            latest: Arc::clone(&latest),
        };
        std::thread::Builder::new().name("fetch".to_owned()).spawn(move || {
            let _span = (purpose == Purpose::Inquire).then(|| tracing::info_span!("inquiry").entered());
            while let Ok(mut newest) = wanted.recv() {
                while let Ok(newer) = wanted.try_recv() {
                    newest = newer;
                }
                // Who wants it no more has said so by wanting something else, or by being gone.
                let _ = fetcher.fetch(newest);
            }
        })?;
        Ok(Self { asks, pieces, look: 0, latest, frames: Vec::new(), at: 0, ended: true })
    }
}

impl Past for Fetching {
    fn look(&mut self, after: Option<Position>, upto: Position) {
        self.look += 1;
        self.latest.store(self.look, Ordering::Release);
        (self.at, self.ended) = (0, false);
        self.frames.clear();
        // A thread that is gone finds nothing.
        self.ended = self.asks.send(Wanted { look: self.look, after, upto }).is_err();
    }

    fn poll(&mut self) -> Found<'_> {
        if self.at < self.frames.len() {
            let bytes = &self.frames[self.at..];
            // Checked by the client that received it.
            let length = prelude::peek(bytes).map_or(bytes.len(), |prelude| usize::from(prelude.length));
            return Found::Frame(&bytes[..length]);
        }
        while !self.ended {
            match self.pieces.try_recv() {
                Ok((look, _)) if look != self.look => {}
                Ok((_, Piece::Snapshot(replica))) => return Found::Snapshot(replica),
                Ok((_, Piece::Frames(frames))) => {
                    (self.frames, self.at) = (frames, 0);
                    return self.poll();
                }
                Ok((_, Piece::End)) | Err(TryRecvError::Disconnected) => self.ended = true,
                Err(TryRecvError::Empty) => return Found::Later,
            }
        }
        Found::End
    }

    fn taken(&mut self) {
        let bytes = &self.frames[self.at..];
        self.at += prelude::peek(bytes).map_or(bytes.len(), |prelude| usize::from(prelude.length));
    }
}

impl Fetcher {
    fn fetch(&self, wanted: Wanted) -> Result<(), Unwanted> {
        let mut after = match wanted.after {
            Some(after) => after,
            None => self.snapshot(wanted)?,
        };
        for logger in &self.loggers {
            match self.frames(wanted, *logger, &mut after) {
                Ok(()) => break,
                Err(Stopped::Unwanted) => return Err(Unwanted),
                Err(Stopped::Client(error)) => {
                    tracing::warn!(%logger, %error, last = %after, "the log is not had from this logger");
                }
            }
        }
        self.hand(wanted, Piece::End)
    }

    /// The newest snapshot that can be had, is good, and is of the history: its place, once its state is handed over. It may be the
    /// beginning of everything.
    fn snapshot(&self, wanted: Wanted) -> Result<Position, Unwanted> {
        for (seq, from) in self.offers(wanted.upto.seq) {
            match self.begin_with(wanted, seq, from) {
                Ok(replica) => {
                    let at = replica.position();
                    tracing::info!(snapshot = %at, "begun with a snapshot");
                    self.hand(wanted, Piece::Snapshot(Box::new(replica)))?;
                    return Ok(at);
                }
                Err(reason) => {
                    tracing::warn!(snapshot = %seq, "not begun with this snapshot: {reason}");
                }
            }
        }
        tracing::info!("there is no snapshot to begin with: the log is executed from its first frame on");
        Ok(Position::GENESIS)
    }

    /// Snapshots up to there, the newest first, and who else has each; those that are here already come before others' of the same place.
    fn offers(&self, upto: Seq) -> Vec<(Seq, Option<SocketAddr>)> {
        let mut offers = Vec::new();
        match self.store.list() {
            Ok(here) => offers.extend(here.into_iter().map(|seq| (seq, None))),
            Err(error) => tracing::warn!(%error, "the snapshots of this engine cannot be listed"),
        }
        for logger in &self.loggers {
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
        wanted: Wanted,
        seq: Seq,
        from: Option<SocketAddr>,
    ) -> Result<Replica<Exchange>, String> {
        if let Some(logger) = from {
            let mut client = Client::connect(logger, CONNECT).map_err(words)?;
            client.snapshot(seq, &self.store).map_err(words)?;
            let _ = self.store.retire(self.keep.max(1));
        }
        let about = self.store.head(seq).map_err(words)?.about;
        self.is_history(about.position, wanted.upto)?;
        if self.purpose == Purpose::Begin {
            self.has_events_before(about.outbound)?;
        }
        let snapshot = self.store.read(seq).map_err(words)?;
        keeping::read(snapshot, self.limits, self.cluster).map_err(words)
    }

    /// Whether the log holds this place: an operator may have given up frames behind which a snapshot was taken.
    fn is_history(&self, at: Position, upto: Position) -> Result<(), String> {
        let mut said = "no logger can be asked whether its log holds this place".to_owned();
        for logger in &self.loggers {
            let answer = Client::connect(*logger, CONNECT)
                .and_then(|mut client| client.log(at, upto).map(|_frames| ()));
            match answer {
                Ok(()) => return Ok(()),
                Err(error) => said = error.to_string(),
            }
        }
        Err(said)
    }

    /// Whether a logger keeps all events before this one. An engine that begins behind the snapshot cannot say them again: were they
    /// nowhere, nobody would ever hear them.
    fn has_events_before(&self, next: Outbound) -> Result<(), String> {
        let kept = |logger: &SocketAddr| Client::connect(*logger, CONNECT).ok()?.events().ok();
        let most = self.loggers.iter().filter_map(kept).max().unwrap_or_default();
        if most.next() >= next {
            return Ok(());
        }
        Err(format!(
            "the next event behind it is {next}, and no logger keeps the events before that: they end at {most}"
        ))
    }

    fn frames(&self, wanted: Wanted, logger: SocketAddr, after: &mut Position) -> Result<(), Stopped> {
        let mut client = Client::connect(logger, CONNECT)?;
        let mut frames = client.log(*after, wanted.upto)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        let ended = loop {
            match frames.next_frame() {
                Ok(Some(frame)) => chunk.extend_from_slice(frame),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if chunk.len() + wire::MAX_FRAME_LEN > CHUNK {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
                self.hand(wanted, Piece::Frames(full))?;
            }
        };
        *after = frames.last();
        if !chunk.is_empty() {
            self.hand(wanted, Piece::Frames(chunk))?;
        }
        Ok(ended?)
    }

    /// Hands a piece over, and waits until there is room.
    fn hand(&self, wanted: Wanted, piece: Piece) -> Result<(), Unwanted> {
        use std::sync::mpsc::TrySendError;
        let mut piece = (wanted.look, piece);
        loop {
            if self.latest.load(Ordering::Acquire) != wanted.look {
                return Err(Unwanted);
            }
            match self.pieces.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Unwanted),
                Err(TrySendError::Full(back)) => piece = back,
            }
            std::thread::park_timeout(TRY_AGAIN);
        }
    }
}

/// Why no more frames came.
#[derive(Debug)]
enum Stopped {
    Client(ClientError),
    Unwanted,
}

impl From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<Unwanted> for Stopped {
    fn from(_: Unwanted) -> Self {
        Self::Unwanted
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
