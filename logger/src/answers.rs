//! Answers to those who ask for what they missed: frames and events of the followed epoch, and the log as it was promised.

use crate::events::Events;
use crate::frames::Frames;
use crate::log::Log;
use anyhow::Context;
use bus::mold::RequestPacket;
use bus::{RepairResponder, Sent, Session, Socket, StreamKind, Subscription};
use node::SessionNames;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use wire::Epoch;

/// The socket at which this logger is asked, and who waits for an answer.
#[derive(Debug)]
pub(crate) struct Answers<S> {
    socket: S,
    names: SessionNames,
    max_datagram: usize,
    frames: RepairResponder,
    events: RepairResponder,
    /// Requests that are none, for a session that is not served, or for what is archived.
    refused: u64,
}

impl<S: Socket> Answers<S> {
    pub(crate) fn new(socket: S, names: SessionNames, max_datagram: usize) -> Self {
        let responder = || RepairResponder::new(max_datagram);
        Self { socket, names, max_datagram, frames: responder(), events: responder(), refused: 0 }
    }

    /// Another session is served from here on: who asked in a former one is not answered from what the log holds now.
    pub(crate) fn forget(&mut self) {
        self.frames = RepairResponder::new(self.max_datagram);
        self.events = RepairResponder::new(self.max_datagram);
    }

    /// Takes requests, and answers what this log may answer.
    pub(crate) fn poll<R: Subscription, L: Log>(
        &mut self,
        frames: &Frames<R, L>,
        events: &Events<R, L>,
    ) -> anyhow::Result<usize> {
        let work = self.take_requests(frames, events.is_proven())?;
        let Self { socket, .. } = self;
        Ok(work
            + answer(socket, &mut self.frames, frames.log())?
            + answer(socket, &mut self.events, events.journal())?)
    }

    fn take_requests<R: Subscription, L: Log>(
        &mut self,
        log: &Frames<R, L>,
        events_proven: bool,
    ) -> anyhow::Result<usize> {
        let Self { socket, names, frames, events, refused, .. } = self;
        socket
            .recv(&mut |from, bytes| {
                let asked = RequestPacket::parse(bytes).ok();
                let session = asked.as_ref().and_then(|asked| Session::parse(&asked.session).ok());
                let (Some(asked), Some(session)) = (asked, session) else {
                    *refused += 1;
                    return;
                };
                let epoch = Epoch(session.number());
                // What is archived is handed on over TCP, by a thread that may wait for the disk.
                let at_hand = asked.first >= log.log().first();
                let responder = match session.stream() {
                    _ if session.tag() != names.tag => None,
                    StreamKind::Sequenced if at_hand && log.may_serve(epoch) => Some(&mut *frames),
                    StreamKind::History if at_hand && log.may_show(epoch) => Some(&mut *frames),
                    StreamKind::Events if log.may_serve(epoch) && events_proven => Some(&mut *events),
                    _ => None,
                };
                match responder {
                    Some(responder) => responder.handle_request(from, &asked),
                    None => *refused += 1,
                }
            })
            .context("cannot receive requests for repair")
    }

    /// Requests that were not answered.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.socket.descriptors(out);
    }
}

/// Answers what was asked; what the socket does not take now is tried again in the next cycle.
fn answer(
    socket: &mut impl Socket,
    responder: &mut RepairResponder,
    log: &impl Log,
) -> anyhow::Result<usize> {
    responder.begin_cycle();
    let mut work = 0;
    while let Some(transmit) = responder.poll_transmit(|number| log.get(number)) {
        work += 1;
        // An answer has its peer's address: the group is never used.
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        if socket.send(&transmit, nobody).context("cannot answer a request for repair")? == Sent::Full {
            responder.put_back();
            break;
        }
    }
    Ok(work)
}
