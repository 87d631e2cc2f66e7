//! The one source of chance: a generator whose output is fixed for all time, so that a seed tells the same story for ever.

use wire::Nanos;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine and in every release of anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator of its own for one purpose, so that one part's choices do not shift another's.
    #[must_use]
    pub const fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: even enough, and without a division.
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// An index below `bound`.
    pub const fn index(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize // below a usize
    }

    /// A number from `low` to `high`, both among them.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A time from `low` to `high`.
    pub const fn time(&mut self, low: Nanos, high: Nanos) -> Nanos {
        Nanos(self.between(low.0, high.0))
    }

    /// True so many times out of a thousand.
    pub const fn per_mille(&mut self, share: u32) -> bool {
        share > 0 && self.below(1000) < share as u64
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// A time with a long tail: most are below `mean`, half of the rest below twice that, and so on.
    pub const fn tailed(&mut self, mean: Nanos) -> Nanos {
        let doublings = self.next().trailing_zeros(); // each one half as likely as the one before
        let doublings = if doublings > 6 { 6 } else { doublings };
        Nanos(self.below((mean.0 << doublings) + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_what_its_authors_publish() {
        let mut random = Random::new(1_234_567);
        let first: Vec<_> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_them() {
        let mut random = Random::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| random.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert_eq!(random.below(0), 0);
        assert!(!random.per_mille(0) && random.per_mille(1000));
    }
}
