//! The way from the gateways to the sequencer: packets are lost, come twice, come late.

use cluster::Lane;
use wire::NodeId;

/// How the packets from the gateways to the sequencer fare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    /// Nothing passes: the core cannot be reached.
    pub(crate) cut: bool,
    /// What is sent waits on its way, and arrives all at once when this ends.
    pub(crate) hold: bool,
    /// Nothing of this gateway passes.
    pub(crate) lose_all_of: Option<NodeId>,
    /// Of a hundred packets so many are lost.
    pub(crate) lose: u64,
    /// Of a hundred packets so many come twice.
    pub(crate) repeat: u64,
    /// Of a hundred packets so many come some turns late.
    pub(crate) delay: u64,
    pub(crate) seed: u64,
    late: Vec<(u64, Lane, Vec<u8>)>,
    turn: u64,
}

impl Network {
    fn dice(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % 100
    }

    /// The packets that arrive in this turn, given those that were sent in it.
    pub(crate) fn carry(&mut self, sent: Vec<(Lane, Vec<u8>)>) -> Vec<(Lane, Vec<u8>)> {
        self.turn += 1;
        let mut arriving = Vec::new();
        for (lane, packet) in sent {
            if self.cut || self.lose_all_of == Some(lane.gateway) || self.dice() < self.lose {
                continue;
            }
            if self.hold {
                self.late.push((u64::MAX, lane, packet));
                continue;
            }
            if self.dice() < self.repeat {
                arriving.push((lane, packet.clone()));
            }
            if self.dice() < self.delay {
                let turns = 1 + self.dice() % 8;
                self.late.push((self.turn + turns, lane, packet));
            } else {
                arriving.push((lane, packet));
            }
        }
        let (turn, hold) = (self.turn, self.hold);
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(at, ..)| *at <= turn || *at == u64::MAX && !hold);
        self.late = late;
        let due: Vec<(u64, Lane, Vec<u8>)> = due;
        arriving.extend(due.into_iter().map(|(_, lane, packet)| (lane, packet)));
        arriving
    }

    /// Nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.late.is_empty()
    }

    /// One that fares like this.
    pub(crate) fn new(lose: u64, repeat: u64, delay: u64, seed: u64) -> Self {
        Self { lose, repeat, delay, seed, ..Self::default() }
    }
}
