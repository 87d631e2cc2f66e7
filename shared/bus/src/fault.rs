//! The fault setting of the transport: drops, doubles and reorders received datagrams, for rehearsals and tests.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::net::SocketAddr;

/// What goes wrong how often. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Of a thousand datagrams, so many are lost.
    pub drop_per_mille: u32,
    /// Of a thousand datagrams, so many come twice.
    pub duplicate_per_mille: u32,
    /// Of a thousand datagrams, so many are held back until the next one came.
    pub reorder_per_mille: u32,
    /// The same seed makes the same choices.
    pub seed: u64,
}

impl Faults {
    /// Whether anything at all goes wrong.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.drop_per_mille == 0 && self.duplicate_per_mille == 0 && self.reorder_per_mille == 0
    }
}

/// Stands between a socket and its reader.
#[derive(Clone, Debug)]
pub struct FaultInjector {
    faults: Faults,
    random: SmallRng,
    held: Option<(SocketAddr, Vec<u8>)>,
}

impl FaultInjector {
    /// Makes its choices from the seed.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self { faults, random: SmallRng::seed_from_u64(faults.seed), held: None }
    }

    /// Passes on what remains of a datagram, and what was held back until it came.
    pub fn pass(&mut self, from: SocketAddr, bytes: &[u8], to: &mut impl FnMut(SocketAddr, &[u8])) {
        if self.happens(self.faults.drop_per_mille) {
            return;
        }
        let released = self.held.take();
        if released.is_none() && self.happens(self.faults.reorder_per_mille) {
            self.held = Some((from, bytes.to_vec()));
            return;
        }
        to(from, bytes);
        if self.happens(self.faults.duplicate_per_mille) {
            to(from, bytes);
        }
        if let Some((from, bytes)) = released {
            to(from, &bytes);
        }
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.random.random_range(0..1000) < per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass_all(faults: Faults, datagrams: u32) -> Vec<u32> {
        let mut injector = FaultInjector::new(faults);
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut got = Vec::new();
        for n in 0..datagrams {
            injector.pass(from, &n.to_be_bytes(), &mut |_, bytes| {
                got.push(u32::from_be_bytes(bytes.try_into().unwrap()));
            });
        }
        got
    }

    #[test]
    fn about_so_many_are_dropped_as_were_asked_for_and_the_seed_decides_which() {
        let faults = Faults { drop_per_mille: 50, seed: 7, ..Faults::default() };
        let got = pass_all(faults, 10_000);
        assert!((9_300..9_700).contains(&got.len()), "{}", got.len());
        assert_eq!(got, pass_all(faults, 10_000));
        assert_ne!(got, pass_all(Faults { seed: 8, ..faults }, 10_000));
    }

    #[test]
    fn a_held_datagram_comes_right_after_the_next_one() {
        let got = pass_all(Faults { reorder_per_mille: 1000, ..Faults::default() }, 6);
        assert_eq!(got, [1, 0, 3, 2, 5, 4]);
    }

    #[test]
    fn a_doubled_datagram_comes_twice() {
        assert_eq!(pass_all(Faults { duplicate_per_mille: 1000, ..Faults::default() }, 2), [0, 0, 1, 1]);
    }
}
