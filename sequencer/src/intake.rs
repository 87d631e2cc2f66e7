//! From any number of gateways into one order: FIFO per gateway life, duplicates dropped, gaps asked for again.

use crate::lanes::{Lanes, OPENING};
use crate::stamp::{Genesis, Stamper};
use bus::gap::{Delivery, GapConfig, Request};
use bus::mold::{Packet, PacketKind};
use cluster::Lane;
use std::fmt;
use wire::{CommandKind, Epoch, Frame, FrameError, MAX_FRAME_LEN, Nanos, NodeId, Position, prelude};

/// Why a gateway's lane was closed: it broke the protocol, and only a new incarnation can begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The lane.
    pub lane: Lane,
    /// The number of the command that broke it.
    pub number: u64,
    /// What was wrong.
    pub reason: Breach,
}

/// How a gateway can break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Bytes that are no command.
    Unreadable(FrameError),
    /// A command that is not a gateway's to give.
    NotAGateways(CommandKind),
    /// The header names another gateway, life or number than the packet.
    OtherOrigin,
    /// `GatewayOpen` must be the first command of a life, and only the first.
    OpenOutOfPlace,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lane { gateway, incarnation } = self.lane;
        write!(f, "gateway {gateway}, incarnation {incarnation}, command {}: ", self.number)?;
        match self.reason {
            Breach::Unreadable(error) => write!(f, "{error}"),
            Breach::NotAGateways(kind) => write!(f, "{kind:?} is not a gateway's to say"),
            Breach::OtherOrigin => write!(f, "its header names another gateway, incarnation or number"),
            Breach::OpenOutOfPlace => {
                write!(f, "GatewayOpen must be the first command of an incarnation, and only that")
            }
        }
    }
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Commands stamped for gateways.
    pub stamped: u64,
    /// Packets of a gateway that is not described, or of a life that is over.
    pub refused_packets: u64,
    /// Packets with a damaged command, which is asked for again.
    pub damaged_packets: u64,
    /// Lanes closed for a breach of the protocol.
    pub closed_lanes: u32,
}

/// The sequencer's core.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sequencer {
    stamper: Stamper,
    lanes: Lanes,
    tick_every: Nanos,
    counters: Counters,
}

impl Sequencer {
    /// A sequencer that stamps with `stamper` what these gateways send.
    #[must_use]
    pub fn new(
        stamper: Stamper,
        gateways: impl IntoIterator<Item = NodeId>,
        gap: GapConfig,
        tick_every: Nanos,
    ) -> Self {
        Self { stamper, lanes: Lanes::new(gateways, gap), tick_every, counters: Counters::default() }
    }

    /// Stamps the first frames of a new history.
    pub fn begin(&mut self, now: Nanos, genesis: &Genesis, out: &mut dyn FnMut(&[u8])) {
        self.stamper.begin(now, genesis, out);
    }

    /// Takes a gateway's packet and hands each newly stamped frame to `out`, in order. An error closes the lane: say so
    /// to the operator.
    pub fn handle_packet(
        &mut self,
        now: Nanos,
        lane: Lane,
        packet: &Packet<'_>,
        out: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let Some(intake) = self.lanes.hear(lane) else {
            self.counters.refused_packets += 1;
            return Ok(());
        };
        if intake.closed {
            self.counters.refused_packets += 1;
            return Ok(());
        }
        let mut breach = None;
        let mut opened = false;
        match packet.kind() {
            PacketKind::Heartbeat | PacketKind::EndOfSession => {
                intake.repair.handle_heartbeat(now, packet.first());
            }
            PacketKind::Blocks(_) => {
                // The lane's own state and the stamper are apart, so both can be borrowed.
                let (stamper, counters) = (&mut self.stamper, &mut self.counters);
                if packet.blocks().any(prelude::is_damaged) {
                    // As good as lost: it is asked for again.
                    self.counters.damaged_packets += 1;
                    return Ok(());
                }
                let mut deliver = |number: u64, bytes: &[u8]| {
                    if breach.is_some() {
                        return Delivery::Refused;
                    }
                    match judge(lane, number, bytes) {
                        Ok(kind) => {
                            opened |= kind == CommandKind::GatewayOpen;
                            let mut buffer = [0; MAX_FRAME_LEN];
                            let frame = &mut buffer[..bytes.len()];
                            frame.copy_from_slice(bytes);
                            stamper.stamp(now, frame);
                            counters.stamped += 1;
                            out(frame);
                            Delivery::Accepted
                        }
                        Err(reason) => {
                            breach = Some(Refusal { lane, number, reason });
                            Delivery::Refused
                        }
                    }
                };
                intake.repair.handle_packet(now, packet.first(), packet.blocks(), &mut deliver);
            }
        }
        intake.closed = breach.is_some();
        if opened {
            self.lanes.opened(lane);
        }
        match breach {
            Some(refusal) => {
                self.counters.closed_lanes += 1;
                Err(refusal)
            }
            None => Ok(()),
        }
    }

    /// Stamps a tick if nothing was stamped for as long as that.
    pub fn handle_time(&mut self, now: Nanos, out: &mut dyn FnMut(&[u8])) -> usize {
        if now.since(self.stamper.last_time()) < self.tick_every {
            return 0;
        }
        self.stamper.tick(now, out);
        1
    }

    /// What to ask a gateway for again, one at a time.
    pub fn poll_request(&mut self, now: Nanos) -> Option<(Lane, Request)> {
        self.lanes.poll_request(now)
    }

    /// The next moment at which there is something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Nanos {
        let tick = self.stamper.last_time().saturating_add(self.tick_every);
        self.lanes.next_deadline().map_or(tick, |at| at.min(tick))
    }

    /// The last place that was given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.stamper.position()
    }

    /// The epoch in which places are given.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.stamper.epoch()
    }

    /// What happened since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Gateways that have opened a life.
    #[must_use]
    pub fn open_lanes(&self) -> usize {
        self.lanes.open()
    }

    /// Commands that came again and were dropped, over the lanes there are.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.lanes.duplicates()
    }
}

/// Whether these bytes are a command that this lane may give under this number.
fn judge(lane: Lane, number: u64, bytes: &[u8]) -> Result<CommandKind, Breach> {
    let frame = Frame::read(bytes).map_err(Breach::Unreadable)?;
    let kind = frame.command().map_err(Breach::Unreadable)?.kind();
    if !kind.from_gateway() {
        return Err(Breach::NotAGateways(kind));
    }
    let header = *frame.header();
    if (header.source, header.incarnation, { header.source_seq }.0)
        != (lane.gateway, lane.incarnation, number)
    {
        return Err(Breach::OtherOrigin);
    }
    if (number == OPENING) != (kind == CommandKind::GatewayOpen) {
        return Err(Breach::OpenOutOfPlace);
    }
    Ok(kind)
}
