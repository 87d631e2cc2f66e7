//! The receiving thread: the sequenced stream into the ring, in order and without gaps.

use crate::ring::RingProducer;
use anyhow::Context;
use bus::{Delivery, MulticastSubscription, Subscription};
use cluster::status::Traffic;
use node::streams::FIRST_EPOCH;
use node::{Duty, Started, beacon};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wire::Nanos;

/// How soon a full ring is tried again.
const RETRY_FULL: Nanos = Nanos::from_micros(200);

/// What the matching thread tells of this one in the status.
#[derive(Debug, Default)]
pub(crate) struct Received {
    datagrams: AtomicU64,
    delivered: AtomicU64,
    duplicates: AtomicU64,
    repaired: AtomicU64,
    unusable: AtomicU64,
    lag: AtomicU64,
}

impl Received {
    fn tell(&self, traffic: Traffic, lag: u64) {
        self.datagrams.store(traffic.datagrams, Ordering::Relaxed);
        self.delivered.store(traffic.delivered, Ordering::Relaxed);
        self.duplicates.store(traffic.duplicates, Ordering::Relaxed);
        self.repaired.store(traffic.repaired, Ordering::Relaxed);
        self.unusable.store(traffic.unusable, Ordering::Relaxed);
        self.lag.store(lag, Ordering::Relaxed);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            datagrams: self.datagrams.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            repaired: self.repaired.load(Ordering::Relaxed),
            unusable: self.unusable.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn lag(&self) -> u64 {
        self.lag.load(Ordering::Relaxed)
    }
}

pub(crate) struct ReceiverAgent {
    stream: MulticastSubscription,
    ring: RingProducer,
    /// When to offer again what the full ring refused.
    retry_at: Option<Nanos>,
    received: Arc<Received>,
}

impl ReceiverAgent {
    pub(crate) fn open(started: &Started, ring: RingProducer) -> anyhow::Result<Self> {
        let stream = started.description.follow_sequenced(&started.node, FIRST_EPOCH, 1)?;
        Ok(Self { stream, ring, retry_at: None, received: Arc::default() })
    }

    /// What the matching thread reads for the status.
    pub(crate) fn received(&self) -> Arc<Received> {
        Arc::clone(&self.received)
    }
}

impl Duty for ReceiverAgent {
    fn do_work(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let (ring, mut full) = (&mut self.ring, false);
        let work = self
            .stream
            .poll(now, &mut |_, frame| {
                if ring.push(frame) {
                    Delivery::Accepted
                } else {
                    full = true;
                    Delivery::Refused
                }
            })
            .context("cannot receive the sequenced stream")?;
        self.retry_at = full.then(|| now.saturating_add(RETRY_FULL));
        if work > 0 {
            self.ring.ring_bell();
            self.received.tell(beacon::received(&self.stream.stats()), self.stream.lag());
        }
        Ok(work)
    }

    fn next_deadline(&self) -> Option<Nanos> {
        self.stream.next_deadline().into_iter().chain(self.retry_at).min()
    }

    fn descriptors(&self, out: &mut Vec<RawFd>) {
        self.stream.descriptors(out);
    }
}
