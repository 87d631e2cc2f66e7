//! Who hands history and snapshots on over TCP, and takes snapshots in: the logger's side. It only reads the log's files.

use crate::error::SnapshotError;
use crate::head::{HEAD_LEN, Head};
use crate::store::Store;
use crate::talk::{Listed, Reply, Request, SILENCE, TalkError, bound, hear, say};
use journal::{History, HistoryError};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use wire::{Outbound, Position, Seq};

/// The most connections at a time.
pub const MAX_CONNECTIONS: usize = 16;
/// How often the listener looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes that are taken in at once.
const BLOCK: usize = 1 << 18;

/// What is served, and where.
pub struct Settings {
    /// Whose snapshots are taken in: [`wire::cluster_id`] of the cluster's name.
    pub cluster: u64,
    /// The journal of frames.
    pub log: PathBuf,
    /// The journal of events.
    pub events: PathBuf,
    /// The snapshots. This process is the one that writes there.
    pub store: Store,
    /// How many of them are kept.
    pub keep: usize,
    /// Told of each snapshot that was taken in, behind the retirement of older ones.
    pub kept: Box<dyn Fn(&Head) + Send + Sync>,
}

/// A listener that was opened.
pub struct Service {
    listener: TcpListener,
    settings: Arc<Settings>,
}

impl Service {
    /// Listens.
    ///
    /// # Errors
    /// The address is taken, or is none of this host's.
    pub fn open(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        // On Linux this bounds `accept` too.
        socket2::SockRef::from(&listener).set_read_timeout(Some(LOOK_EVERY))?;
        Ok(Self { listener, settings: Arc::new(settings) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is told to stop, with a thread for each connection; all of them have ended when it returns.
    ///
    /// # Errors
    /// Nobody can connect any more.
    pub fn run(self, stop: &dyn Fn() -> bool) -> io::Result<()> {
        let mut open: Vec<Connection> = Vec::new();
        while !stop() {
            let (stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            open.retain(|connection| !connection.thread.is_finished());
            if let Err(error) = self.serve(stream, peer, &mut open) {
                tracing::warn!(%peer, %error, "cannot serve a connection");
            }
        }
        for connection in open {
            // Fails if the other side was faster.
            let _ = connection.stream.shutdown(Shutdown::Both);
            let _ = connection.thread.join();
        }
        Ok(())
    }

    fn serve(&self, mut stream: TcpStream, peer: SocketAddr, open: &mut Vec<Connection>) -> io::Result<()> {
        bound(&stream)?;
        if open.len() == MAX_CONNECTIONS {
            tracing::warn!(%peer, "refused: {MAX_CONNECTIONS} connections are open");
            let words = format!("{MAX_CONNECTIONS} connections are open already: try again later");
            return say(&mut stream, &Reply::Refused(words)).map_err(io::Error::other);
        }
        let settings = Arc::clone(&self.settings);
        let ours = stream.try_clone()?;
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(move || {
            if let Err(error) = settings.answer(&mut stream, peer) {
                tracing::debug!(%peer, %error, "connection ended");
            }
            // The other handle of it is let go with the next connection that comes.
            let _ = stream.shutdown(Shutdown::Both);
        })?;
        open.push(Connection { stream: ours, thread });
        Ok(())
    }
}

/// One that is served.
struct Connection {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

/// Whether `accept` may be called again: nobody came, or who came has gone.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionAborted | ConnectionReset)
}

impl Settings {
    /// One request after the other, until the asker hangs up or is silent for too long.
    fn answer(&self, stream: &mut TcpStream, peer: SocketAddr) -> Result<(), TalkError> {
        while let Some(request) = hear(stream)? {
            tracing::debug!(%peer, ?request, "asked");
            match request {
                Request::List => say(stream, &self.list())?,
                Request::Snapshot(seq) => self.hand_over(stream, seq)?,
                Request::Keep { seq, length } => {
                    let reply = self.keep(stream, seq, length)?;
                    if let Reply::Refused(words) = &reply {
                        tracing::warn!(%peer, %seq, "snapshot refused: {words}");
                    }
                    say(stream, &reply)?;
                }
                Request::Log { after, upto } => self.log(stream, after, upto)?,
                Request::Events => {
                    let kept = journal::read_watermark(&self.events).unwrap_or(0);
                    say(stream, &Reply::Events(Outbound(kept)))?;
                }
                Request::Beginning { seq, upto } => match self.beginning(seq, upto) {
                    Ok(bytes) => {
                        say(stream, &Reply::Bytes(bytes.len() as u64))?;
                        stream.write_all(&bytes)?;
                    }
                    Err(refused) => say(stream, &refused)?,
                },
            }
        }
        Ok(())
    }

    fn list(&self) -> Reply {
        let listed = |seq| {
            let head = self.store.head(seq).ok()?;
            Some(Listed { seq, position: head.about.position, length: head.file_len() })
        };
        match self.store.list() {
            Ok(all) => Reply::Snapshots(all.into_iter().filter_map(listed).collect()),
            Err(error) => Reply::Refused(error.to_string()),
        }
    }

    fn hand_over(&self, stream: &mut TcpStream, seq: Seq) -> Result<(), TalkError> {
        let opened = self.store.head(seq).map_err(|error| error.to_string()).and_then(|head| {
            let file = File::open(self.store.path(seq)).map_err(|error| error.to_string())?;
            Ok((file, head.file_len()))
        });
        let (file, length) = match opened {
            Ok(opened) => opened,
            Err(words) => return say(stream, &Reply::Refused(words)),
        };
        say(stream, &Reply::Bytes(length))?;
        io::copy(&mut file.take(length), stream)?;
        Ok(())
    }

    /// What stands in a snapshot before its state, if its place and a later one are of the same history, which this log holds.
    fn beginning(&self, seq: Seq, upto: Position) -> Result<Vec<u8>, Reply> {
        let words = |error: SnapshotError| Reply::Refused(error.to_string());
        let at = self.store.head(seq).map_err(words)?.about.position;
        if at.seq > upto.seq {
            return Err(Reply::Refused(format!("it was taken at {at}, behind {upto}")));
        }
        for place in [upto, at] {
            journal::holds(&self.log, place).map_err(refusal)?;
        }
        self.store.front(seq).map_err(words)
    }

    /// Takes a file in. Whatever is refused was read to its end, so that the asker hears of it.
    fn keep(&self, stream: &mut TcpStream, seq: Seq, length: u64) -> Result<Reply, TalkError> {
        let mut from = Read::take(&mut *stream, length);
        let kept = self.receive(&mut from, seq, length);
        io::copy(&mut from, &mut io::sink())?;
        if from.limit() > 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(match kept {
            Ok(head) => {
                match self.store.retire(self.keep) {
                    Ok(gone) => tracing::debug!(?gone, "older snapshots retired"),
                    Err(error) => tracing::warn!(%error, "older snapshots cannot be retired"),
                }
                (self.kept)(&head);
                Reply::Kept
            }
            Err(words) => Reply::Refused(words),
        })
    }

    fn receive(&self, from: &mut impl Read, seq: Seq, length: u64) -> Result<Head, String> {
        let words = |error: io::Error| error.to_string();
        let mut head = [0; HEAD_LEN];
        from.read_exact(&mut head).map_err(words)?;
        let about = Head::of(&head).map_err(|fault| fault.to_string())?.about;
        if about.cluster != self.cluster {
            return Err(format!(
                "it is of cluster {:016x}, and this is {:016x}",
                about.cluster, self.cluster
            ));
        }
        let mut incoming = self.store.receive(seq, length).map_err(|error| error.to_string())?;
        incoming.write_all(&head).map_err(words)?;
        let mut block = vec![0; BLOCK];
        while incoming.missing() > 0 {
            let read = from.read(&mut block).map_err(words)?;
            if read == 0 {
                break;
            }
            incoming.write_all(&block[..read]).map_err(words)?;
        }
        incoming.keep().map_err(|error| error.to_string())
    }

    fn log(&self, stream: &mut TcpStream, after: Position, upto: Position) -> Result<(), TalkError> {
        let mut history = match History::open(&self.log, after, upto) {
            Ok(history) => history,
            Err(error) => return say(stream, &refusal(error)),
        };
        say(stream, &Reply::Frames(history.left()))?;
        loop {
            match history.next_piece() {
                Ok(Some(piece)) => stream.write_all(piece)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    // It was promised: hanging up is the only way to say that it does not come.
                    tracing::error!(%error, "the log cannot be read for others");
                    return Err(io::Error::other(error).into());
                }
            }
        }
    }
}

/// What is answered if the log cannot be read, or does not hold what was asked for.
fn refusal(error: HistoryError) -> Reply {
    match error {
        HistoryError::NotHeld { position, why } => Reply::NotHeld(position, why),
        HistoryError::Order { .. } => Reply::Refused(error.to_string()),
        HistoryError::Journal(_) => {
            tracing::error!(%error, "the log cannot be read for others");
            Reply::Refused(error.to_string())
        }
    }
}

const _: () = assert!(SILENCE.as_millis() > LOOK_EVERY.as_millis());
