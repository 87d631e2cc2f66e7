//! The past, fetched from the loggers over TCP by a thread of its own, which may wait.

use crate::client::{Client, ClientError};
use crate::past::{Found, Past, Since, Wanted};
use crate::reading::Beginning;
use std::cmp::Reverse;
use std::fmt::{self, Debug};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::time::Duration;
use wire::{Position, Seq, prelude};

/// Bytes of frames that are handed over at once.
const CHUNK: usize = 1 << 18;
/// Chunks that may wait.
const WAITING: usize = 16;
/// How long a logger may take to let a node in.
const CONNECT: Duration = Duration::from_millis(300);
/// How soon it is tried again to hand over what there was no room for.
const TRY_AGAIN: Duration = Duration::from_micros(500);

/// Finds where to begin, in the thread that fetches.
pub trait Begin: Send + 'static {
    /// What it begins with.
    type With: Send;

    /// The newest snapshot's place and what to begin with there, if there is one that is of the history that holds `upto`.
    fn begin(&mut self, loggers: &[SocketAddr], upto: Position) -> Option<(Position, Self::With)>;
}

/// Begins with what stands before the states of snapshots that loggers hold.
#[derive(Clone, Copy, Debug)]
pub struct Beginnings {
    /// Of this cluster: [`wire::cluster_id`] of its name.
    pub cluster: u64,
    /// What is wrong with one for the node that would begin with it, in words.
    pub judge: fn(&Beginning) -> Result<(), String>,
}

impl Begin for Beginnings {
    type With = Beginning;

    fn begin(&mut self, loggers: &[SocketAddr], upto: Position) -> Option<(Position, Beginning)> {
        for (seq, logger) in offers(loggers, upto.seq) {
            let had = Client::connect(logger, CONNECT).and_then(|mut client| client.beginning(seq, upto));
            match had.map_err(|error| error.to_string()).and_then(|beginning| self.judge(beginning)) {
                Ok(beginning) => {
                    let at = beginning.about().position;
                    tracing::info!(snapshot = %at, %logger, "begun with a snapshot");
                    return Some((at, beginning));
                }
                Err(reason) => {
                    tracing::warn!(snapshot = %seq, %logger, "not begun with this snapshot: {reason}");
                }
            }
        }
        None
    }
}

impl Beginnings {
    fn judge(&self, beginning: Beginning) -> Result<Beginning, String> {
        let (found, expected) = (beginning.about().cluster, self.cluster);
        if found != expected {
            return Err(format!("it is of cluster {found:016x}, and this is {expected:016x}"));
        }
        (self.judge)(&beginning).map(|()| beginning)
    }
}

/// Those who let anybody in, in their order: who is asked one after the other then waits for none that is gone.
fn reachable(loggers: &[SocketAddr]) -> Vec<SocketAddr> {
    let here = |logger: &SocketAddr| match Client::connect(*logger, CONNECT) {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%logger, %error, "nothing is had from this logger");
            false
        }
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            loggers.iter().map(|logger| (logger, scope.spawn(move || here(logger)))).collect();
        let is_here = |thread: std::thread::ScopedJoinHandle<'_, bool>| thread.join().unwrap_or(false);
        asked.into_iter().filter_map(|(logger, thread)| is_here(thread).then_some(*logger)).collect()
    })
}

/// The snapshots up to there that loggers have, the newest first.
fn offers(loggers: &[SocketAddr], upto: Seq) -> Vec<(Seq, SocketAddr)> {
    let mut offers = Vec::new();
    for logger in loggers {
        match Client::connect(*logger, CONNECT).and_then(|mut client| client.list()) {
            Ok(listed) => offers.extend(listed.iter().map(|one| (one.seq, *logger))),
            Err(error) => tracing::debug!(%logger, %error, "no snapshot is had from this logger"),
        }
    }
    offers.retain(|(seq, _)| *seq <= upto);
    // The same one from another logger comes behind it, in the described order.
    offers.sort_by_key(|(seq, _)| Reverse(*seq));
    offers
}

/// What was found for a look.
#[derive(Debug)]
enum Piece<B> {
    Beginning(Box<B>),
    /// Whole frames, back to back.
    Frames(Vec<u8>),
    End,
    Nothing,
}

/// Whoever looks for the past has given up, or looks for something else.
#[derive(Debug)]
struct Unwanted;

/// The node's end.
pub struct Fetching<B> {
    asks: Sender<(u64, Wanted)>,
    pieces: Receiver<(u64, Piece<B>)>,
    look: u64,
    latest: Arc<AtomicU64>,
    frames: Vec<u8>,
    /// Of these, so many bytes are handed over.
    at: usize,
    over: Option<Over>,
}

/// How a look has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Somewhere,
    Nowhere,
}

impl<B> Debug for Fetching<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetching").field("look", &self.look).field("over", &self.over).finish_non_exhaustive()
    }
}

/// The thread's end.
struct Fetcher<F: Begin> {
    begins: F,
    loggers: Vec<SocketAddr>,
    /// Those of them who let anybody in when the look began.
    here: Vec<SocketAddr>,
    pieces: SyncSender<(u64, Piece<F::With>)>,
    latest: Arc<AtomicU64>,
    /// Which look it is.
    look: u64,
}

impl<B: Send + 'static> Fetching<B> {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start<F: Begin<With = B>>(begins: F, loggers: Vec<SocketAddr>) -> std::io::Result<Self> {
        Self::start_within(None, begins, loggers)
    }

    /// The same; what the thread says, it says within this span.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start_within<F: Begin<With = B>>(
        span: Option<tracing::Span>,
        begins: F,
        loggers: Vec<SocketAddr>,
    ) -> std::io::Result<Self> {
        let (asks, wanted) = channel::<(u64, Wanted)>();
        let (found, pieces) = sync_channel(WAITING);
        let latest = Arc::new(AtomicU64::new(0));
        let mut fetcher = Fetcher {
            begins,
            loggers,
            here: Vec::new(),
            pieces: found,
            latest: Arc::clone(&latest),
            look: 0,
        };
        std::thread::Builder::new().name("fetch".to_owned()).spawn(move || {
            let _within = span.as_ref().map(tracing::Span::enter);
            while let Ok(mut newest) = wanted.recv() {
                while let Ok(newer) = wanted.try_recv() {
                    newest = newer;
                }
                fetcher.look = newest.0;
                // Who wants it no more has said so by wanting something else, or by being gone.
                let _ = fetcher.fetch(newest.1);
            }
        })?;
        let over = Some(Over::Somewhere);
        Ok(Self { asks, pieces, look: 0, latest, frames: Vec::new(), at: 0, over })
    }

    /// See [`Past::look`].
    pub fn look(&mut self, wanted: Wanted) {
        self.look += 1;
        self.latest.store(self.look, Ordering::Release);
        self.frames.clear();
        self.at = 0;
        // A thread that is gone finds nothing.
        let gone = self.asks.send((self.look, wanted)).is_err();
        self.over = gone.then_some(Over::Somewhere);
    }

    /// See [`Past::poll`].
    pub fn poll(&mut self) -> Found<'_, B> {
        if self.at < self.frames.len() {
            let bytes = &self.frames[self.at..];
            return Found::Frame(&bytes[..first_length(bytes)]);
        }
        while self.over.is_none() {
            match self.pieces.try_recv() {
                Ok((look, _)) if look != self.look => {}
                Ok((_, Piece::Beginning(beginning))) => return Found::Beginning(beginning),
                Ok((_, Piece::Frames(frames))) => {
                    (self.frames, self.at) = (frames, 0);
                    return self.poll();
                }
                Ok((_, Piece::Nothing)) => self.over = Some(Over::Nowhere),
                Ok((_, Piece::End)) | Err(TryRecvError::Disconnected) => self.over = Some(Over::Somewhere),
                Err(TryRecvError::Empty) => return Found::Later,
            }
        }
        if self.over == Some(Over::Nowhere) { Found::Nothing } else { Found::End }
    }

    /// See [`Past::taken`].
    pub fn taken(&mut self) {
        self.at += first_length(&self.frames[self.at..]);
    }
}

impl Past for Fetching<Beginning> {
    fn look(&mut self, wanted: Wanted) {
        Self::look(self, wanted);
    }

    fn poll(&mut self) -> Found<'_> {
        Self::poll(self)
    }

    fn taken(&mut self) {
        Self::taken(self);
    }
}

/// Of frames that the client has checked, the bytes of the first.
fn first_length(frames: &[u8]) -> usize {
    prelude::peek(frames).map_or(frames.len(), |prelude| usize::from(prelude.length))
}

impl<F: Begin> Fetcher<F> {
    fn fetch(&mut self, wanted: Wanted) -> Result<(), Unwanted> {
        let upto = wanted.upto;
        self.here = reachable(&self.loggers);
        let (mut after, or_snapshot) = match wanted.since {
            Since::OneOf(places) => (places, false),
            Since::Behind(place) => (vec![place], true),
            Since::Snapshot => (vec![self.begin(upto)?.unwrap_or_default()], false),
        };
        let mut end = self.all(&mut after, upto)?;
        if or_snapshot
            && matches!(end, Piece::Nothing)
            && let Some(begun) = self.begin(upto)?
        {
            end = self.all(&mut vec![begun], upto)?;
        }
        self.hand(end)
    }

    /// Hands over what to begin with, if there is anything, and tells its place.
    fn begin(&mut self, upto: Position) -> Result<Option<Position>, Unwanted> {
        let Some((at, with)) = self.begins.begin(&self.here, upto) else {
            tracing::info!("there is no snapshot to begin with: the log is taken from its first frame on");
            return Ok(None);
        };
        self.hand(Piece::Beginning(Box::new(with)))?;
        Ok(Some(at))
    }

    /// Hands over all frames, from one logger after the other, and tells how it ended.
    fn all(&self, after: &mut Vec<Position>, upto: Position) -> Result<Piece<F::With>, Unwanted> {
        let mut nothing = false;
        for logger in &self.here {
            match self.frames(*logger, after, upto) {
                Ok(()) => return Ok(Piece::End),
                Err(Stopped::Unwanted) => return Err(Unwanted),
                Err(Stopped::Client(error)) => {
                    tracing::warn!(%logger, %error, last = ?after.first(), "the log is not had from this logger");
                }
                Err(Stopped::NotHeld) => {
                    tracing::warn!(%logger, after = ?after.first(), %upto, "this logger's log, what is in its archive included, does not hold what comes behind this place");
                    nothing = true;
                }
            }
        }
        Ok(if nothing { Piece::Nothing } else { Piece::End })
    }

    /// Hands over the frames behind the first of the places that the logger's log holds. The places are then one: the last
    /// that was handed over.
    fn frames(&self, logger: SocketAddr, after: &mut Vec<Position>, upto: Position) -> Result<(), Stopped> {
        let mut client = Client::connect(logger, CONNECT)?;
        for place in after.clone() {
            let mut frames = match client.log(place, upto) {
                Ok(frames) => frames,
                Err(ClientError::NotHeld { position, .. }) if position == place && place != upto => continue,
                Err(error) => return Err(error.into()),
            };
            let mut chunk = Vec::with_capacity(CHUNK);
            let ended = loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => chunk.extend_from_slice(frame),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
                if chunk.len() + wire::MAX_FRAME_LEN > CHUNK {
                    self.hand(Piece::Frames(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK))))?;
                }
            };
            *after = vec![frames.last()];
            if !chunk.is_empty() {
                self.hand(Piece::Frames(chunk))?;
            }
            return Ok(ended?);
        }
        Err(Stopped::NotHeld)
    }

    /// Hands a piece over, and waits until there is room.
    fn hand(&self, piece: Piece<F::With>) -> Result<(), Unwanted> {
        let mut piece = (self.look, piece);
        loop {
            if self.latest.load(Ordering::Acquire) != self.look {
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
    /// The log holds the end, and none of the places behind which they were to begin.
    NotHeld,
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
