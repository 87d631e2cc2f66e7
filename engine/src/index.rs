//! A table from hashes to numbers: one cache line for most look-ups, nothing allocated after its making.

/// Open addressing with linear probing, at most half full. What is looked for is compared by the caller; the table keeps 32
/// bits of each hash beside the number, so that the caller is seldom asked in vain. Entries are never taken out one by
/// one: whoever forgets makes the table anew.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// High half: bits of the hash; low half: the number plus one. 0 is an empty place.
    places: Vec<u64>,
    used: usize,
    limit: usize,
}

impl Index {
    /// Room for `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        let places = (limit.max(1) * 2).next_power_of_two();
        Self { places: vec![0; places], used: 0, limit }
    }

    fn walk(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.places.len() - 1;
        let start = usize::try_from(hash & mask as u64).expect("masked to a length");
        (0..=mask).map(move |step| (start + step) & mask)
    }

    /// The number that was put in under this hash and that `same` takes for the one looked for.
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        for at in self.walk(hash) {
            let place = self.places[at];
            if place == 0 {
                return None;
            }
            let number = place as u32;
            if place >> 32 == hash >> 32 && same(number - 1) {
                return Some(number - 1);
            }
        }
        None
    }

    /// Puts a number in that [`Index::find`] did not find.
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        assert!(self.used < self.limit, "the caller has checked that there is room");
        let at =
            self.walk(hash).find(|at| self.places[*at] == 0).expect("at most half of the places are taken");
        self.places[at] = (hash >> 32 << 32) | u64::from(number + 1);
        self.used += 1;
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.places.fill(0);
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_whose_hashes_collide_are_all_found() {
        let mut index = Index::new(8);
        for number in 0..8 {
            index.insert(7, number);
        }
        for number in 0..8 {
            assert_eq!(index.find(7, |other| other == number), Some(number));
        }
        assert_eq!(index.find(7, |_| false), None);
        assert_eq!(index.find(8, |_| true), None, "another hash in a place that is taken");
        index.clear();
        assert_eq!(index.find(7, |_| true), None);
    }
}
