//! A set of small numbers, one bit each: numbers of commands and of events are dense.

/// The most words that one number may add: numbers that jump further belong to a damaged stream, which was found as such.
const MAX_JUMP: usize = 1 << 20;

/// The set.
#[derive(Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    fn place(number: u64) -> Option<(usize, u64)> {
        Some((usize::try_from(number / 64).ok()?, 1 << (number % 64)))
    }

    /// Adds a number; false if it was there. One far beyond all others is not added.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        let Some((at, bit)) = Self::place(number) else { return true };
        if at >= self.0.len() {
            if at - self.0.len() > MAX_JUMP {
                return true;
            }
            self.0.resize(at + 1, 0);
        }
        let word = &mut self.0[at];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether a number is in it.
    pub(crate) fn holds(&self, number: u64) -> bool {
        Self::place(number).is_some_and(|(at, bit)| self.0.get(at).is_some_and(|word| word & bit != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_held_and_told_the_second_time() {
        let mut bits = Bits::default();
        assert!(bits.insert(64) && bits.insert(63) && !bits.insert(64));
        assert!(bits.insert(u64::MAX), "too far to be kept");
        assert!(bits.holds(63) && bits.holds(64) && !bits.holds(65) && !bits.holds(u64::MAX));
    }
}
