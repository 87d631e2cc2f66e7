//! What lies far behind a node, or is not had in the stream, and its way around the stream: where to begin, then the log in bulk.

use crate::reading::Beginning;
use std::fmt::Debug;
use wire::{Nanos, Position};

/// How soon it is looked again whether something has come.
const LOOK_EVERY: Nanos = Nanos::from_micros(500);
/// Frames that are handed over in one cycle.
const FRAMES_A_CYCLE: usize = 4_096;
/// When a message was asked for in the stream so long and has not come, it is looked for elsewhere.
const STUCK_AFTER: Nanos = Nanos::from_millis(250);
/// How often that is doubled where it did not help.
const MOST_DOUBLINGS: u32 = 5;
/// So many committed frames are fetched in bulk rather than asked for in the stream.
pub const WORTH_FETCHING: u64 = 16_384;

/// From where on the past is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// From the newest snapshot on that can be had and that the log holds, or else from the first frame on.
    Snapshot,
    /// Behind the first of these places that a log holds.
    OneOf(Vec<Position>),
    /// Behind this place; from the newest snapshot on if no log holds it any more.
    Behind(Position),
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// From where on.
    pub since: Since,
    /// Up to this place. Only a log that holds it is looked at, so that all that is found is of its history.
    pub upto: Position,
}

/// Something of the past.
#[derive(Debug)]
pub enum Found<'a, B = Beginning> {
    /// It is being looked for.
    Later,
    /// Where to begin.
    Beginning(Box<B>),
    /// The next frame. It stays the next one until it is taken.
    Frame(&'a [u8]),
    /// There is no more: what is still missing is asked for in the stream.
    End,
    /// There is nothing: logs hold the place up to which it was wanted, and none behind which.
    Nothing,
}

/// Where a node finds what it has not heard. Nothing here waits.
pub trait Past: Debug + Send {
    /// Looks for this. What was looked for before is forgotten.
    fn look(&mut self, wanted: Wanted);

    /// What has been found.
    fn poll(&mut self) -> Found<'_>;

    /// The frame that was found last is handed over.
    fn taken(&mut self);
}

/// Nothing can be had but by the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl Past for NoPast {
    fn look(&mut self, _wanted: Wanted) {}

    fn poll(&mut self) -> Found<'_> {
        Found::End
    }

    fn taken(&mut self) {}
}

/// A piece of the past, on its way to whoever set out for it.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Where to begin.
    Beginning(Box<Beginning>),
    /// The next frame.
    Frame(&'a [u8]),
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The next one may come.
    Yes,
    /// No room: it comes again.
    Later,
}

/// How a detour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nobody is on it.
    Off,
    /// It goes on.
    On,
    /// It has ended just now: listen to the stream from where everything is held.
    Ended {
        /// Whether it has brought something.
        gained: bool,
    },
    /// It has ended just now, and led nowhere: no log holds a place behind which it was to begin, though some hold its end.
    Nowhere,
}

/// How long a node waits in the stream for what nobody answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// How often it has looked elsewhere since something was had there, and had nothing.
    fruitless: u32,
}

impl Patience {
    /// Whether it is over: the next message of the stream is asked for since then and has not come, though it is committed.
    #[must_use]
    pub fn is_over(&self, now: Nanos, asked_since: Option<Nanos>, next: u64, committed: Position) -> bool {
        let patience = STUCK_AFTER.0 << self.fruitless.min(MOST_DOUBLINGS);
        next <= committed.seq.0 && asked_since.is_some_and(|since| now.since(since).0 >= patience)
    }

    /// It was looked for elsewhere.
    pub fn looked(&mut self, gained: bool) {
        self.fruitless = if gained { 0 } else { self.fruitless.saturating_add(1) };
    }
}

/// A way around the stream: a node that has never heard it, is far behind it, or waits in it for what nobody answers with, takes
/// what is committed from the logs themselves.
#[derive(Debug)]
pub struct Detour {
    past: Box<dyn Past>,
    trip: Option<Trip>,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
struct Trip {
    look_at: Nanos,
    /// When something came, or it was set out.
    heard: Nanos,
    gained: bool,
}

impl Detour {
    /// Nobody is on it.
    #[must_use]
    pub fn new(past: Box<dyn Past>) -> Self {
        Self { past, trip: None, patience: Patience::default() }
    }

    /// Sets out, from wherever it was.
    pub fn set_out(&mut self, now: Nanos, wanted: Wanted) {
        self.past.look(wanted);
        self.trip = Some(Trip { look_at: now, heard: now, gained: false });
    }

    /// Gives it up.
    pub fn turn_back(&mut self) {
        self.trip = None;
    }

    /// Whether somebody is on it.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.trip.is_some()
    }

    /// Whether it has brought something.
    #[must_use]
    pub fn has_gained(&self) -> bool {
        self.trip.is_some_and(|trip| trip.gained)
    }

    /// For how long nothing has come, while somebody is on it.
    #[must_use]
    pub fn silence(&self, now: Nanos) -> Option<Nanos> {
        self.trip.map(|trip| Nanos(now.since(trip.heard).0))
    }

    /// Whether to set out because the stream does not go on: see [`Patience::is_over`].
    #[must_use]
    pub fn is_needed(&self, now: Nanos, asked_since: Option<Nanos>, next: u64, committed: Position) -> bool {
        !self.is_on() && self.patience.is_over(now, asked_since, next, committed)
    }

    /// Hands over what has come, and tells how much that was.
    pub fn go(&mut self, now: Nanos, take: &mut dyn FnMut(Piece<'_>) -> Taken) -> (usize, Way) {
        let mut work = 0;
        while let Some(trip) = &mut self.trip {
            if work == FRAMES_A_CYCLE {
                return (work, Way::On);
            }
            let taken = match self.past.poll() {
                Found::Later => Taken::Later,
                Found::Beginning(beginning) => take(Piece::Beginning(beginning)),
                Found::Frame(bytes) => {
                    let taken = take(Piece::Frame(bytes));
                    if taken == Taken::Yes {
                        self.past.taken();
                    }
                    taken
                }
                found @ (Found::End | Found::Nothing) => {
                    let nowhere = matches!(found, Found::Nothing) && !trip.gained;
                    let way = if nowhere { Way::Nowhere } else { Way::Ended { gained: trip.gained } };
                    self.patience.looked(trip.gained);
                    self.trip = None;
                    return (work + 1, way);
                }
            };
            if taken == Taken::Later {
                trip.look_at = now.saturating_add(LOOK_EVERY);
                return (work, Way::On);
            }
            (trip.heard, trip.gained) = (now, true);
            work += 1;
        }
        (work, Way::Off)
    }

    /// When to go on if nothing else happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.trip.map(|trip| trip.look_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use wire::{Chain, Epoch, Seq};

    /// Finds what a test has put there: frames, or `None` for the end.
    #[derive(Clone, Debug, Default)]
    struct Pile(Arc<Mutex<VecDeque<Option<Vec<u8>>>>>, Option<Vec<u8>>, bool);

    impl Past for Pile {
        fn look(&mut self, _wanted: Wanted) {
            (self.1, self.2) = (None, false);
        }

        fn poll(&mut self) -> Found<'_> {
            if self.1.is_none() && !self.2 {
                match self.0.lock().expect("one thread").pop_front() {
                    None => return Found::Later,
                    Some(None) => self.2 = true,
                    Some(frame) => self.1 = frame,
                }
            }
            self.1.as_deref().map_or(Found::End, Found::Frame)
        }

        fn taken(&mut self) {
            self.1 = None;
        }
    }

    fn place(seq: u64) -> Position {
        Position { epoch: Epoch(1), seq: Seq(seq), chain: Chain(seq) }
    }

    fn wanted() -> Wanted {
        Wanted { since: Since::Snapshot, upto: place(9) }
    }

    #[test]
    fn what_is_refused_comes_again_and_the_end_is_told_once() {
        let pile = Pile::default();
        let put =
            |frame: Option<&[u8]>| pile.0.lock().expect("one thread").push_back(frame.map(<[u8]>::to_vec));
        let mut detour = Detour::new(Box::new(pile.clone()));
        let mut seen = Vec::new();
        assert_eq!(detour.go(Nanos(0), &mut |_| panic!("nobody is on it")), (0, Way::Off));
        detour.set_out(Nanos(5), wanted());
        assert_eq!(detour.go(Nanos(5), &mut |_| panic!("nothing has come")), (0, Way::On));
        assert_eq!(detour.next_deadline(), Some(Nanos(5 + LOOK_EVERY.0)));
        put(Some(b"one"));
        put(Some(b"two"));
        for (answer, expected) in [(Taken::Later, 0), (Taken::Yes, 2)] {
            let mut take = |piece: Piece<'_>| {
                let Piece::Frame(bytes) = piece else { panic!("nothing else was put there") };
                seen.push(bytes.to_vec());
                answer
            };
            assert_eq!(detour.go(Nanos(9), &mut take), (expected, Way::On));
        }
        assert_eq!(seen, [&b"one"[..], b"one", b"two"]);
        assert!(detour.has_gained() && detour.silence(Nanos(19)) == Some(Nanos(10)));
        put(None);
        assert_eq!(detour.go(Nanos(10), &mut |_| Taken::Yes), (1, Way::Ended { gained: true }));
        assert!(!detour.is_on() && detour.next_deadline().is_none());
    }

    #[test]
    fn it_is_needed_where_a_committed_message_does_not_come_and_less_soon_where_it_did_not_help() {
        let pile = Pile::default();
        let mut detour = Detour::new(Box::new(pile.clone()));
        let since = Some(Nanos(7));
        let due = |times: u64| Nanos(7 + STUCK_AFTER.0 * times);
        assert!(!detour.is_needed(Nanos(due(1).0 - 1), since, 9, place(9)));
        assert!(detour.is_needed(due(1), since, 9, place(9)));
        assert!(!detour.is_needed(due(1), None, 9, place(9)), "nothing is missing");
        assert!(!detour.is_needed(due(1), since, 10, place(9)), "it is not committed");
        let mut travel = |frames: usize| {
            pile.0.lock().expect("one thread").extend(vec![Some(vec![1]); frames]);
            pile.0.lock().expect("one thread").push_back(None);
            detour.set_out(Nanos(0), wanted());
            assert_eq!(detour.go(Nanos(0), &mut |_| Taken::Yes).1, Way::Ended { gained: frames > 0 });
            (0..40).find(|n| detour.is_needed(due(1 << n), since, 9, place(9)))
        };
        let needed = [0, 0, 0, 1, 0].map(&mut travel);
        assert_eq!(needed, [Some(1), Some(2), Some(3), Some(0), Some(1)]);
        assert_eq!((0..20).map(|_| travel(0)).last(), Some(Some(MOST_DOUBLINGS as usize)));
    }
}
