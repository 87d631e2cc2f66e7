//! A table from hashes to numbers: one cache line for most look-ups, nothing allocated after its making.

use memory::in_large_pages;

/// Open addressing with linear probing, at most half full. What is looked for is compared by the caller; the table keeps 32
/// bits of each hash beside the number, so that the caller is seldom asked in vain; as half of the places are empty, every search ends. Entries are never taken out one by
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
        Self { places: in_large_pages(vec![0; places]), used: 0, limit }
    }

    /// Where a hash is looked for first. The table is a power of two long.
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    /// Where it is looked for after `at`.
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }

    /// The number that was put in under this hash and that `same` takes for the one looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let place = self.places[at];
            if place == 0 {
                return None;
            }
            let number = place as u32 - 1;
            if place >> 32 == hash >> 32 && same(number) {
                return Some(number);
            }
            at = self.after(at);
        }
    }

    /// Puts a number in that [`Index::find`] did not find.
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        assert!(self.used < self.limit, "the caller has checked that there is room");
        let mut at = self.home(hash);
        while self.places[at] != 0 {
            at = self.after(at);
        }
        self.places[at] = (hash >> 32 << 32) | u64::from(number + 1);
        self.used += 1;
    }

    /// Touches all its memory, so that none of it has to be found when it is needed.
    pub(crate) fn prefault(&mut self) {
        for page in self.places.chunks_mut(512) {
            let first = std::hint::black_box(page[0]);
            page[0] = first;
        }
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
        assert_eq!(index.find(1 << 32 | 7, |_| true), None, "another hash in a place that is taken");
        index.clear();
        assert_eq!(index.find(7, |_| true), None);
    }
}
