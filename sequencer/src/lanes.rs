//! The gateways' lanes: which life of each may send, and what is still missing of it.

use bus::gap::{GapConfig, GapRepair, Request};
use cluster::Lane;
use std::collections::BTreeMap;
use wire::{Incarnation, Nanos, NodeId};

/// The first number of a lane, which must be its `GatewayOpen`.
pub(crate) const OPENING: u64 = 1;

/// What one life of a gateway has sent so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Intake {
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
    lanes: BTreeMap<Lane, Intake>,
    gap: GapConfig,
}

impl Lanes {
    pub(crate) fn new(gateways: impl IntoIterator<Item = NodeId>, gap: GapConfig) -> Self {
        let gateways = gateways.into_iter().map(|gateway| (gateway, Incarnation(0))).collect();
        Self { gateways, lanes: BTreeMap::new(), gap }
    }

    /// The lane's state, made when a new life is heard of; `None` for strangers and for lives that are over.
    pub(crate) fn hear(&mut self, lane: Lane) -> Option<&mut Intake> {
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
            self.lanes.insert(lane, Intake { repair: GapRepair::new(OPENING, self.gap), closed: false });
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
