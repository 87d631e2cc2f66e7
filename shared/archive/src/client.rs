//! Who asks a logger for snapshots and history over TCP, or gives it a snapshot to keep.

use crate::error::{Fault, SnapshotError};
use crate::head::{HEAD_LEN, Head, MAX_DEFINITIONS_LEN, MAX_LEDGER_LEN};
use crate::reading::Beginning;
use crate::store::Store;
use crate::talk::{CHECKING, Listed, Reply, Request, SILENCE, TalkError, bound, hear, say};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;
use wire::{Frame, FrameError, MAX_FRAME_LEN, Outbound, Position, Seq, prelude};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// The most bytes that can stand before a state: nothing grows when it is compressed by as much as this allows for.
const MAX_FRONT_LEN: u64 = HEAD_LEN as u64 + 2 * (MAX_LEDGER_LEN + MAX_DEFINITIONS_LEN);
/// Frames begin at multiples of this, as in the log.
const ALIGN: usize = 8;

/// Why something was not had, or not given.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection.
    #[error("cannot {doing} {peer}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With whom.
        peer: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The logger says no.
    #[error("{peer} refused: {words}")]
    Refused {
        /// Who.
        peer: SocketAddr,
        /// Why.
        words: String,
    },
    /// Its log does not hold a place.
    #[error("the log of {peer} does not hold {position}: {words}")]
    NotHeld {
        /// Who.
        peer: SocketAddr,
        /// Which place.
        position: Position,
        /// What it holds instead.
        words: String,
    },
    /// What came is no beginning, or another one than was asked for.
    #[error("what {peer} sent of snapshot {seq} does not count: {fault}")]
    Beginning {
        /// Who.
        peer: SocketAddr,
        /// Of which snapshot.
        seq: Seq,
        /// What is wrong with it.
        fault: Fault,
    },
    /// What came is no answer to what was asked.
    #[error("{peer} said what was not asked ({what}): is it a logger of the same release?")]
    Strange {
        /// Who.
        peer: SocketAddr,
        /// What.
        what: String,
    },
    /// A frame that does not belong there.
    #[error(
        "{peer} sent behind {last} what is not its next frame ({fault}): compare the loggers with `logger verify`"
    )]
    Astray {
        /// Who.
        peer: SocketAddr,
        /// The last good place.
        last: Position,
        /// What is wrong.
        fault: String,
    },
    /// Our own snapshot, or the one that came.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A connection to a logger. After an error, connect anew.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Client {
    /// Connects, within this time.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: SocketAddr, timeout: Duration) -> Result<Self, ClientError> {
        let io = |source| ClientError::Io { doing: "connect to", peer: address, source };
        let stream = TcpStream::connect_timeout(&address, timeout).map_err(io)?;
        bound(&stream).map_err(io)?;
        Ok(Self { stream, peer: address })
    }

    /// Which snapshots it has, the newest last.
    ///
    /// # Errors
    /// As of any request.
    pub fn list(&mut self) -> Result<Vec<Listed>, ClientError> {
        match self.ask(&Request::List)? {
            Reply::Snapshots(listed) => Ok(listed),
            other => Err(self.strange(&other)),
        }
    }

    /// Fetches a snapshot into this store: whole, checked and synced when this returns.
    ///
    /// # Errors
    /// As of any request; or what came is not whole, or the store cannot take it.
    pub fn snapshot(&mut self, seq: Seq, store: &Store) -> Result<Head, ClientError> {
        let length = match self.ask(&Request::Snapshot(seq))? {
            Reply::Bytes(length) => length,
            other => return Err(self.strange(&other)),
        };
        let mut incoming = store.receive(seq, length)?;
        let mut block = vec![0; BLOCK];
        while incoming.missing() > 0 {
            let most = usize::try_from(incoming.missing()).unwrap_or(BLOCK).min(BLOCK);
            let read = self.stream.read(&mut block[..most]).map_err(self.io("read from"))?;
            if read == 0 {
                return Err(self.hung_up());
            }
            incoming.write_all(&block[..read]).map_err(|error| store.cannot_keep(seq, error))?;
        }
        Ok(incoming.keep()?)
    }

    /// Gives it this snapshot of the store; it has checked and synced it when this returns.
    ///
    /// # Errors
    /// As of any request.
    pub fn keep(&mut self, store: &Store, seq: Seq) -> Result<(), ClientError> {
        let length = store.head(seq)?.file_len();
        let file = File::open(store.path(seq)).map_err(|error| store.cannot_read(seq, error))?;
        say(&mut self.stream, &Request::Keep { seq, length })
            .map_err(|error| self.talk("write to", error))?;
        let sent = io::copy(&mut file.take(length), &mut self.stream).map_err(self.io("write to"))?;
        if sent < length {
            return Err(self.hung_up());
        }
        self.stream.set_read_timeout(Some(CHECKING)).map_err(self.io("wait for"))?;
        let reply = self.reply();
        self.stream.set_read_timeout(Some(SILENCE)).map_err(self.io("wait for"))?;
        match reply? {
            Reply::Kept => Ok(()),
            other => Err(self.strange(&other)),
        }
    }

    /// The frames behind one place (or all, behind [`Position::GENESIS`]) up to and with another.
    ///
    /// # Errors
    /// As of any request: it is refused where the log does not hold both places, chains included.
    pub fn log(&mut self, after: Position, upto: Position) -> Result<Frames<'_>, ClientError> {
        let left = match self.ask(&Request::Log { after, upto })? {
            Reply::Frames(left) => left,
            other => return Err(self.strange(&other)),
        };
        if after.seq.0.checked_add(left) != Some(upto.seq.0) {
            return Err(self.strange(&Reply::Frames(left)));
        }
        Ok(Frames { client: self, last: after, upto, buffer: vec![0; BLOCK], begin: 0, end: 0 })
    }

    /// Up to which event its journal of events is kept for good.
    ///
    /// # Errors
    /// As of any request.
    pub fn events(&mut self) -> Result<Outbound, ClientError> {
        match self.ask(&Request::Events)? {
            Reply::Events(upto) => Ok(upto),
            other => Err(self.strange(&other)),
        }
    }

    /// What stands in its snapshot of this number before the state, checked whole, if its log holds the snapshot's place and
    /// `upto`, which lies behind it.
    ///
    /// # Errors
    /// As of any request; or what came is not whole.
    pub fn beginning(&mut self, seq: Seq, upto: Position) -> Result<Beginning, ClientError> {
        let length = match self.ask(&Request::Beginning { seq, upto })? {
            Reply::Bytes(length) => length,
            other => return Err(self.strange(&other)),
        };
        let mut bytes = Vec::new();
        let read = Read::take(&mut self.stream, length.min(MAX_FRONT_LEN)).read_to_end(&mut bytes);
        read.map_err(self.io("read from"))?;
        let fault = |fault| ClientError::Beginning { peer: self.peer, seq, fault };
        let beginning = Beginning::read(&bytes[..]).map_err(fault)?;
        let found = beginning.about().position.seq;
        if found == seq { Ok(beginning) } else { Err(fault(Fault::Name { found })) }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, ClientError> {
        say(&mut self.stream, request).map_err(|error| self.talk("write to", error))?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, ClientError> {
        match hear(&mut self.stream).map_err(|error| self.talk("read from", error))? {
            Some(Reply::Refused(words)) => Err(ClientError::Refused { peer: self.peer, words }),
            Some(Reply::NotHeld(position, words)) => {
                Err(ClientError::NotHeld { peer: self.peer, position, words })
            }
            Some(reply) => Ok(reply),
            None => Err(self.hung_up()),
        }
    }

    fn io(&self, doing: &'static str) -> impl FnOnce(io::Error) -> ClientError + use<> {
        let peer = self.peer;
        move |source| ClientError::Io { doing, peer, source }
    }

    fn talk(&self, doing: &'static str, error: TalkError) -> ClientError {
        match error {
            TalkError::Io(source) => self.io(doing)(source),
            other => ClientError::Strange { peer: self.peer, what: other.to_string() },
        }
    }

    fn strange(&self, reply: &Reply) -> ClientError {
        ClientError::Strange { peer: self.peer, what: format!("{reply:?}") }
    }

    fn hung_up(&self) -> ClientError {
        self.io("read from")(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Frames as they come, each checked: whole, and the next one behind the one before.
#[derive(Debug)]
pub struct Frames<'a> {
    client: &'a mut Client,
    last: Position,
    upto: Position,
    buffer: Vec<u8>,
    /// What of the buffer is read and not handed out.
    begin: usize,
    end: usize,
}

impl Frames<'_> {
    /// The place of the last frame that was handed out.
    #[must_use]
    pub fn last(&self) -> Position {
        self.last
    }

    /// The next frame; `None` behind the last one, which is at the place that was asked for.
    ///
    /// # Errors
    /// The connection ended, or something came that is not the next frame.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, ClientError> {
        if self.last.seq == self.upto.seq {
            return Ok(None);
        }
        let (length, padded) = loop {
            let have = &self.buffer[self.begin..self.end];
            if have.len() >= prelude::PRELUDE_LEN {
                let length = usize::from(prelude::peek(have).map_err(|fault| self.frame(fault))?.length);
                let padded = length.next_multiple_of(ALIGN);
                if padded <= have.len() {
                    break (length, padded);
                }
            }
            self.fill()?;
        };
        let begin = self.begin;
        let bytes = &self.buffer[begin..begin + length];
        let frame = Frame::read(bytes).map_err(|fault| self.frame(fault))?;
        let place = frame.position();
        if !frame.follows(self.last) {
            return Err(self.astray(format!("{place} does not follow")));
        }
        if place.seq == self.upto.seq && place != self.upto {
            return Err(self.astray(format!("{place} came where {} was asked for", self.upto)));
        }
        self.last = place;
        self.begin += padded;
        Ok(Some(&self.buffer[begin..begin + length]))
    }

    /// Reads what is there. Nothing behind the last frame comes unasked.
    fn fill(&mut self) -> Result<(), ClientError> {
        if self.buffer.len() - self.begin < MAX_FRAME_LEN {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        let Self { client, buffer, end, .. } = self;
        let read = client.stream.read(&mut buffer[*end..]).map_err(client.io("read from"))?;
        if read == 0 {
            return Err(client.hung_up());
        }
        *end += read;
        Ok(())
    }

    fn frame(&self, fault: FrameError) -> ClientError {
        self.astray(fault.to_string())
    }

    fn astray(&self, fault: String) -> ClientError {
        ClientError::Astray { peer: self.client.peer, last: self.last, fault }
    }
}

impl Drop for Frames<'_> {
    /// What was not taken would be read as the next reply.
    fn drop(&mut self) {
        if self.last != self.upto {
            let _ = self.client.stream.shutdown(Shutdown::Both);
        }
    }
}
