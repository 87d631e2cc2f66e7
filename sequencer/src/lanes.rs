//! The gateways' lanes: which life of each may send, and what is still missing of it.

use bus::gap::{GapConfig, GapRepair, Request};
use cluster::planted::{Fault, planted};
use cluster::{Fifo, Lane, Ledger};
use std::collections::BTreeMap;
use wire::{Incarnation, Nanos, NodeId};

/// The first number of a lane, which must be its `GatewayOpen`.
pub(crate) const OPENING: u64 = 1;

/// What one life of a gateway has sent so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OfLane {
    pub(crate) repair: GapRepair,
    /// It broke the protocol: nothing more is taken of it.
    pub(crate) closed: bool,
}

/// Every lane there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lanes {
    /// Every gateway that may send, with its highest opened life.
    gateways: BTreeMap<NodeId, Incarnation>,
    /// For each gateway its opened life, and at most one higher that is about to open.
    lanes: BTreeMap<Lane, OfLane>,
    gap: GapConfig,
}

impl Lanes {
    /// These gateways' lanes, each going on behind what the ledger shows of it.
    pub(crate) fn resume(
        gateways: impl IntoIterator<Item = NodeId>,
        ledger: &Ledger,
        gap: GapConfig,
    ) -> Self {
        let gateways = gateways.into_iter().map(|gateway| (gateway, Incarnation(0))).collect();
        let mut lanes = Self { gateways, lanes: BTreeMap::new(), gap };
        for (gateway, Fifo { incarnation, last }) in ledger.fifos() {
            let next = if planted(Fault::ForgetFifo) { OPENING } else { last + 1 };
            lanes.gateways.insert(gateway, incarnation);
            let intake = OfLane { repair: GapRepair::new(next, gap), closed: false };
            lanes.lanes.insert(Lane { gateway, incarnation }, intake);
        }
        lanes
    }

    /// The lanes that wait for room, to be drained.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Lane, &mut OfLane)> {
        self.lanes.iter_mut().map(|(lane, intake)| (*lane, intake))
    }

    /// The lane's state, made when a new life is heard of; `None` for strangers and for lives that are over.
    pub(crate) fn hear(&mut self, lane: Lane) -> Option<&mut OfLane> {
        let opened = *self.gateways.get(&lane.gateway)?;
        if lane.incarnation < opened || lane.incarnation == Incarnation(0) {
            return None;
        }
        if !self.lanes.contains_key(&lane) {
            // A life that is about to open takes the place of another that never did; the opened one stays until then.
            let pending = |other: &Lane| other.gateway == lane.gateway && other.incarnation > opened;
            if self.lanes.keys().any(|other| pending(other) && other.incarnation > lane.incarnation) {
                return None;
            }
            self.lanes.retain(|other, _| !pending(other));
            self.lanes.insert(lane, OfLane { repair: GapRepair::new(OPENING, self.gap), closed: false });
        }
        self.lanes.get_mut(&lane)
    }

    /// A life has begun: the ones before it are over.
    pub(crate) fn opened(&mut self, lane: Lane) {
        self.gateways.insert(lane.gateway, lane.incarnation);
        self.lanes.retain(|other, _| other.gateway != lane.gateway || other.incarnation >= lane.incarnation);
    }

    pub(crate) fn poll_request(&mut self, now: Nanos) -> Option<(Lane, Request)> {
        let mut open = self.lanes.iter_mut().filter(|(_, intake)| !intake.closed);
        open.find_map(|(lane, intake)| intake.repair.poll_request(now).map(|request| (*lane, request)))
    }

    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        let open = self.lanes.values().filter(|intake| !intake.closed);
        open.filter_map(|intake| intake.repair.next_deadline()).min()
    }

    /// Gateways that have opened a life.
    pub(crate) fn open(&self) -> usize {
        self.gateways.values().filter(|incarnation| incarnation.0 > 0).count()
    }

    /// Commands that came again, over the lanes there are.
    pub(crate) fn duplicates(&self) -> u64 {
        self.lanes.values().map(|intake| intake.repair.stats().duplicates).sum()
    }
}
