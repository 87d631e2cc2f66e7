//! Where two streams of digests come apart.

use std::fmt;
use std::str::FromStr;
use wire::{Chain, Digest, Epoch, Position, Seq};

/// A running digest at a position. As text: number, epoch, chain and digest, the last two in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where.
    pub at: Position,
    /// The digest there.
    pub digest: Digest,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { epoch, seq, chain } = self.at;
        write!(f, "{} {} {:016x} {:016x}", seq.0, epoch.0, chain.0, self.digest.0)
    }
}

/// A line is no mark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no position with a digest: is it a build of `lockstep` that knows `replay`?")]
pub struct NoMark(String);

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(line: &str) -> Result<Self, NoMark> {
        let parts: Vec<&str> = line.split(' ').collect();
        let read = || {
            let [seq, epoch, chain, digest] = parts[..] else { return None };
            let hex = |text| u64::from_str_radix(text, 16).ok();
            let (seq, epoch) = (Seq(seq.parse().ok()?), Epoch(epoch.parse().ok()?));
            let at = Position { epoch, seq, chain: Chain(hex(chain)?) };
            Some(Self { at, digest: Digest(hex(digest)?) })
        };
        read().ok_or_else(|| NoMark(line.to_owned()))
    }
}

/// What two streams of marks say of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same marks, this many, the last one here.
    Agree {
        /// How many.
        marks: u64,
        /// The last one, if there was any.
        last: Option<Mark>,
    },
    /// The first marks that are not the same.
    Differ {
        /// The last one that was.
        same: Option<Mark>,
        /// What the one stream has; none at its end.
        old: Option<Mark>,
        /// What the other has.
        new: Option<Mark>,
    },
}

/// Compares two streams mark by mark, up to the first difference or the first error. `told` hears of each pair that is alike.
pub fn compare<E>(
    old: impl IntoIterator<Item = Result<Mark, E>>,
    new: impl IntoIterator<Item = Result<Mark, E>>,
    mut told: impl FnMut(&Mark),
) -> Result<Outcome, E> {
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    let (mut marks, mut same) = (0, None);
    loop {
        match (old.next().transpose()?, new.next().transpose()?) {
            (None, None) => return Ok(Outcome::Agree { marks, last: same }),
            (Some(old), Some(new)) if old == new => {
                told(&old);
                (marks, same) = (marks + 1, Some(old));
            }
            (old, new) => return Ok(Outcome::Differ { same, old, new }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u64, digest: u64) -> Mark {
        Mark {
            at: Position { epoch: Epoch(1), seq: Seq(seq), chain: Chain(seq * 7) },
            digest: Digest(digest),
        }
    }

    fn stream(digests: &[u64]) -> Vec<Result<Mark, NoMark>> {
        (1..).zip(digests).map(|(seq, digest)| Ok(mark(seq, *digest))).collect()
    }

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let written = mark(12, u64::MAX).to_string();
        assert_eq!(written.parse(), Ok(mark(12, u64::MAX)));
        for wrong in ["", "1 2 3", "1 2 x 4", "1 2 3 4 5", "error: unrecognized subcommand"] {
            assert_eq!(wrong.parse::<Mark>(), Err(NoMark(wrong.to_owned())));
        }
    }

    #[test]
    fn streams_that_are_alike_agree_over_all_their_marks() {
        let mut told = 0;
        let outcome = compare(stream(&[4, 5, 6]), stream(&[4, 5, 6]), |_| told += 1);
        assert_eq!(outcome, Ok(Outcome::Agree { marks: 3, last: Some(mark(3, 6)) }));
        assert_eq!(told, 3);
        assert_eq!(compare(stream(&[]), stream(&[]), |_| {}), Ok(Outcome::Agree { marks: 0, last: None }));
    }

    #[test]
    fn the_first_difference_is_named_with_what_was_the_same_before_it() {
        let outcome = compare(stream(&[4, 5, 6, 7]), stream(&[4, 5, 8, 7]), |_| {});
        let (same, old, new) = (Some(mark(2, 5)), Some(mark(3, 6)), Some(mark(3, 8)));
        assert_eq!(outcome, Ok(Outcome::Differ { same, old, new }));
        let first = compare(stream(&[1]), stream(&[2]), |_| {});
        assert_eq!(first, Ok(Outcome::Differ { same: None, old: Some(mark(1, 1)), new: Some(mark(1, 2)) }));
    }

    #[test]
    fn a_stream_that_ends_sooner_differs_there() {
        let outcome = compare(stream(&[4, 5]), stream(&[4]), |_| {});
        assert_eq!(outcome, Ok(Outcome::Differ { same: Some(mark(1, 4)), old: Some(mark(2, 5)), new: None }));
    }

    #[test]
    fn a_line_that_is_no_mark_is_an_error_and_no_difference() {
        let broken = vec![Ok(mark(1, 4)), "what?".parse()];
        assert_eq!(compare(stream(&[4, 5]), broken, |_| {}), Err(NoMark("what?".to_owned())));
    }
}
