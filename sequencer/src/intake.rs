//! From any number of gateways into one order: FIFO per gateway life, duplicates dropped, gaps asked for again.

use crate::lanes::{Lanes, OPENING};
use crate::stamp::Stamper;
use bus::gap::{Delivery, GapConfig, Request};
use bus::mold::{Packet, PacketKind};
use cluster::{Lane, Ledger};
use node::Founding;
use std::fmt;
use wire::{CommandBody, CommandKind, Frame, FrameError, MAX_FRAME_LEN, Nanos, NodeId, Position, prelude};

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

/// Takes the gateways' commands in, each lane in its order, and stamps them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intake {
    stamper: Stamper,
    lanes: Lanes,
    counters: Counters,
    /// A command was refused since there was no room: the lanes are to be drained when there is.
    waiting: bool,
}

impl Intake {
    /// An intake that stamps with `stamper` what these gateways send, going on behind what the ledger shows of each.
    #[must_use]
    pub fn new(
        stamper: Stamper,
        gateways: impl IntoIterator<Item = NodeId>,
        ledger: &Ledger,
        gap: GapConfig,
    ) -> Self {
        let lanes = Lanes::resume(gateways, ledger, gap);
        Self { stamper, lanes, counters: Counters::default(), waiting: false }
    }

    /// Takes a gateway's packet and hands each newly stamped frame to `out`, in order, as long as there is `room` for so many.
    /// What finds no room is kept, and stamped by [`Intake::drain`]. An error closes the lane: say so to the operator.
    pub fn handle_packet(
        &mut self,
        now: Nanos,
        lane: Lane,
        packet: &Packet<'_>,
        room: usize,
        out: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let Some(of_lane) = self.lanes.hear(lane).filter(|of_lane| !of_lane.closed) else {
            self.counters.refused_packets += 1;
            return Ok(());
        };
        match packet.kind() {
            PacketKind::Heartbeat | PacketKind::EndOfSession => {
                of_lane.repair.handle_heartbeat(now, packet.first());
                return Ok(());
            }
            // As good as lost: it is asked for again.
            PacketKind::Blocks(_) if packet.blocks().any(prelude::is_damaged) => {
                self.counters.damaged_packets += 1;
                return Ok(());
            }
            PacketKind::Blocks(_) => {}
        }
        let mut stamping = Stamping {
            lane,
            now,
            room,
            stamper: &mut self.stamper,
            opened: false,
            breach: None,
            full: false,
            out,
        };
        let before = stamping.room;
        let mut deliver = |number: u64, bytes: &[u8]| stamping.take(number, bytes);
        of_lane.repair.handle_packet(now, packet.first(), packet.blocks(), &mut deliver);
        let Stamping { room, opened, breach, full, .. } = stamping;
        self.settle(lane, before - room, Outcome { opened, breach, full })
    }

    /// Stamps what waited for room. Errors are as in [`Intake::handle_packet`].
    pub fn drain(&mut self, now: Nanos, room: usize, out: &mut dyn FnMut(&[u8])) -> Result<usize, Refusal> {
        if !self.waiting || room == 0 {
            return Ok(0);
        }
        self.waiting = false;
        let mut left = room;
        let mut outcomes = Vec::new();
        for (lane, of_lane) in self.lanes.iter_mut().filter(|(_, of_lane)| !of_lane.closed) {
            let stamper = &mut self.stamper;
            let mut stamping = Stamping {
                lane,
                now,
                room: left,
                stamper,
                opened: false,
                breach: None,
                full: false,
                out: &mut *out,
            };
            let mut deliver = |number: u64, bytes: &[u8]| stamping.take(number, bytes);
            of_lane.repair.drain(now, &mut deliver);
            let Stamping { room, opened, breach, full, .. } = stamping;
            outcomes.push((lane, left - room, Outcome { opened, breach, full }));
            left = room;
        }
        let mut verdict = Ok(room - left);
        for (lane, stamped, outcome) in outcomes {
            if let Err(refusal) = self.settle(lane, stamped, outcome) {
                verdict = Err(refusal);
            }
        }
        verdict
    }

    /// Stamps a command of the sequencer's own.
    pub fn say<B: CommandBody>(&mut self, now: Nanos, body: &B, out: &mut dyn FnMut(&[u8])) -> Position {
        self.stamper.say(now, body, out)
    }

    /// Stamps one of the commands that found the exchange.
    pub fn found(&mut self, now: Nanos, founding: &Founding, out: &mut dyn FnMut(&[u8])) -> Position {
        self.stamper.found(now, founding, out)
    }

    /// What to ask a gateway for again, one at a time.
    pub fn poll_request(&mut self, now: Nanos) -> Option<(Lane, Request)> {
        self.lanes.poll_request(now)
    }

    /// The next moment at which a gateway has to be asked.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.lanes.next_deadline()
    }

    /// The last place that was given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.stamper.position()
    }

    /// The time of the last stamp.
    #[must_use]
    pub fn last_time(&self) -> Nanos {
        self.stamper.last_time()
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

    fn settle(&mut self, lane: Lane, stamped: usize, outcome: Outcome) -> Result<(), Refusal> {
        self.counters.stamped += stamped as u64;
        self.waiting |= outcome.full;
        if outcome.opened {
            self.lanes.opened(lane);
        }
        match outcome.breach {
            None => Ok(()),
            Some(refusal) => {
                if let Some(of_lane) = self.lanes.hear(lane) {
                    of_lane.closed = true;
                }
                self.counters.closed_lanes += 1;
                Err(refusal)
            }
        }
    }
}

/// What came of one turn of a lane.
#[derive(Clone, Copy)]
struct Outcome {
    opened: bool,
    breach: Option<Refusal>,
    full: bool,
}

/// One lane's turn to have its commands stamped.
struct Stamping<'s> {
    lane: Lane,
    now: Nanos,
    /// How many more may be stamped.
    room: usize,
    stamper: &'s mut Stamper,
    opened: bool,
    breach: Option<Refusal>,
    /// Something was refused for want of room.
    full: bool,
    out: &'s mut dyn FnMut(&[u8]),
}

impl Stamping<'_> {
    fn take(&mut self, number: u64, bytes: &[u8]) -> Delivery {
        if self.breach.is_some() {
            return Delivery::Refused;
        }
        if self.room == 0 {
            self.full = true;
            return Delivery::Refused;
        }
        match judge(self.lane, number, bytes) {
            Ok(kind) => {
                self.opened |= kind == CommandKind::GatewayOpen;
                self.room -= 1;
                let mut buffer = [0; MAX_FRAME_LEN];
                let frame = &mut buffer[..bytes.len()];
                frame.copy_from_slice(bytes);
                self.stamper.stamp(self.now, frame);
                (self.out)(frame);
                Delivery::Accepted
            }
            Err(reason) => {
                self.breach = Some(Refusal { lane: self.lane, number, reason });
                Delivery::Refused
            }
        }
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
