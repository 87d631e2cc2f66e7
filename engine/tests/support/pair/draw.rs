//! The raw numbers from which one command is made. Fewer and smaller numbers make simpler commands, so that a failing
//! sequence can be shrunk.

/// Numbers for one command.
pub const NUMBERS: usize = 28;

/// Raw numbers, taken one after the other; zeros when they run out.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    numbers: [u16; NUMBERS],
    at: usize,
}

impl Draw {
    /// From the first one on.
    pub fn new(numbers: [u16; NUMBERS]) -> Self {
        Self { numbers, at: 0 }
    }

    fn next(&mut self) -> u16 {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        number
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (u64::from(self.next()) * end) >> 16
    }

    /// True once in `n` draws; never where the numbers have run out.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) + 1 == n && n > 1
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// One of these, each as often as its weight says.
    pub fn weighed<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let mut at = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, what) in from {
            if at < *weight {
                return *what;
            }
            at -= weight;
        }
        from[0].1
    }
}
