//! However epochs and engines change, what an engine has executed is one history, and in the end the cluster's.

mod support;

use cluster::Leading;
use engine::agents::{Intake, Step};
use proptest::prelude::*;
use support::Log;
use wire::command::Tick;
use wire::{Epoch, Frame, Incarnation, Nanos, NodeId, Position, Seq};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The leader stamps some frames.
    Stamp(usize),
    /// So much more is committed, and the leader says so.
    Commit(usize),
    /// Some frames reach the engine.
    Arrive(usize),
    /// Another leader begins an epoch and keeps so much of what was not committed.
    Epoch(usize),
    /// A word of the leader of the epoch before comes late.
    OldWord,
    /// The engine is promoted or demoted.
    Hot(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1..6_usize).prop_map(Happening::Stamp),
        3 => (0..6_usize).prop_map(Happening::Commit),
        5 => (1..9_usize).prop_map(Happening::Arrive),
        2 => (0..6_usize).prop_map(Happening::Epoch),
        1 => Just(Happening::OldWord),
        2 => any::<bool>().prop_map(Happening::Hot),
    ]
}

struct World {
    history: Vec<Vec<u8>>,
    committed: usize,
    epoch: u32,
    old: Option<Leading>,
    now: u64,
    intake: Intake,
    /// The next frame of the session.
    next: usize,
    executed: Vec<Position>,
    hot: bool,
}

fn position(bytes: &[u8]) -> Position {
    Frame::read(bytes).expect("whole").position()
}

impl World {
    fn place(&self, len: usize) -> Position {
        len.checked_sub(1).map_or(Position::GENESIS, |at| position(&self.history[at]))
    }

    fn stamp(&mut self, frames: usize) {
        let mut log =
            Log { last: self.place(self.history.len()), epoch: Epoch(self.epoch), now: Nanos(self.now) };
        for _ in 0..frames {
            self.history.push(log.stamp(NodeId(1), Incarnation(0), &Tick {}));
        }
        // No two frames are ever stamped alike.
        self.now = log.now.0;
    }

    fn lead(&mut self, parent: Position) {
        let leading = Leading {
            epoch: Epoch(self.epoch),
            nonce: u64::from(self.epoch),
            parent,
            last: self.place(self.history.len()),
            committed: self.place(self.committed),
            held: true,
            open: true,
        };
        if let Some(from) = self.intake.handle_leading(&leading) {
            self.next = usize::try_from(from.0).expect("small") - 1;
        }
    }

    fn arrive(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(bytes) = self.history.get(self.next) else { return };
            let frame = Frame::read(bytes).expect("whole");
            let here = frame.position();
            match self.intake.judge(&frame) {
                Step::Take => {
                    let before = self.executed.last().copied().unwrap_or(Position::GENESIS);
                    assert!(frame.follows(before), "executed in order, and in one history");
                    assert!(
                        self.hot || here.seq.0 <= self.committed as u64,
                        "warm, it takes only what is committed"
                    );
                    self.executed.push(here);
                }
                Step::Skip => assert!(self.executed.contains(&here)),
                Step::Wait => return,
                Step::Void(place) => {
                    assert!(self.executed.contains(&place), "it was executed");
                    assert_ne!(
                        self.place(usize::try_from(place.seq.0).expect("small")),
                        place,
                        "and is void"
                    );
                    self.executed.clear();
                    self.intake.begin_at(Position::GENESIS);
                    self.next = usize::try_from(self.intake.next().0).expect("small") - 1;
                    continue;
                }
                Step::Lost(astray) => panic!("nothing that is committed is ever lost: {astray}"),
            }
            self.intake.handle_taken(here);
            self.next += 1;
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Stamp(frames) => self.stamp(frames),
            Happening::Commit(frames) => {
                self.committed = (self.committed + frames).min(self.history.len());
                self.lead(Position::GENESIS);
            }
            Happening::Arrive(frames) => self.arrive(frames),
            Happening::Epoch(kept) => {
                self.old = Some(Leading {
                    epoch: Epoch(self.epoch),
                    nonce: u64::from(self.epoch),
                    parent: Position::GENESIS,
                    last: self.place(self.history.len()),
                    committed: self.place(self.history.len()),
                    held: true,
                    open: true,
                });
                self.history.truncate(self.committed + kept);
                let parent = self.place(self.history.len());
                self.epoch += 1;
                self.stamp(1);
                self.lead(parent);
            }
            Happening::OldWord => {
                if let Some(old) = self.old {
                    assert_eq!(self.intake.handle_leading(&old), None);
                }
            }
            Happening::Hot(hot) => {
                self.hot = hot;
                self.intake.set_hot(hot);
            }
        }
        let agreed = self.intake.agreed();
        assert!(agreed.seq.0 <= self.committed as u64, "it believes nothing committed that is not");
        assert_eq!(self.place(usize::try_from(agreed.seq.0).expect("small")), agreed);
        assert_eq!(self.intake.handed(), self.executed.last().copied().unwrap_or(Position::GENESIS));
    }
}

proptest! {
    #[test]
    fn an_engine_executes_one_history_and_ends_with_the_clusters(happenings in prop::collection::vec(happening(), 1..80)) {
        let mut world = World {
            history: Vec::new(),
            committed: 0,
            epoch: 1,
            old: None,
            now: 1,
            intake: Intake::new(64),
            next: 0,
            executed: Vec::new(),
            hot: false,
        };
        world.stamp(1);
        world.lead(Position::GENESIS);
        for happening in happenings {
            world.happen(happening);
        }
        world.committed = world.history.len();
        world.lead(Position::GENESIS);
        world.arrive(1_000);
        let history: Vec<_> = world.history.iter().map(|bytes| position(bytes)).collect();
        prop_assert_eq!(&world.executed, &history);
        prop_assert_eq!(world.intake.uncommitted(), 0);
    }
}

#[test]
fn a_hot_engine_goes_only_so_far_ahead_of_what_is_committed() {
    let mut log = Log::new();
    let mut intake = Intake::new(3);
    intake.set_hot(true);
    let leading = |committed: Position| Leading {
        epoch: Epoch(1),
        nonce: 1,
        parent: Position::GENESIS,
        last: Position::GENESIS,
        committed,
        held: true,
        open: true,
    };
    assert_eq!(intake.handle_leading(&leading(Position::GENESIS)), Some(Seq(1)));
    let frames: Vec<_> = (0..4).map(|_| log.stamp(NodeId(1), Incarnation(0), &Tick {})).collect();
    for bytes in &frames[..3] {
        assert_eq!(intake.judge(&Frame::read(bytes).expect("whole")), Step::Take);
        intake.handle_taken(position(bytes));
    }
    assert_eq!(intake.judge(&Frame::read(&frames[3]).expect("whole")), Step::Wait);
    // Another process that says that it leads in this epoch was never granted it.
    assert_eq!(intake.handle_leading(&Leading { nonce: 2, ..leading(position(&frames[2])) }), None);
    assert_eq!(intake.agreed(), Position::GENESIS);
    intake.handle_leading(&leading(position(&frames[0])));
    assert_eq!(intake.judge(&Frame::read(&frames[3]).expect("whole")), Step::Take);
    assert_eq!((intake.uncommitted(), intake.agreed()), (2, position(&frames[0])));
}

#[test]
fn what_a_hot_engine_holds_up_to_the_parent_of_an_epoch_is_not_heard_again() {
    let mut log = Log::new();
    let mut intake = Intake::new(8);
    intake.set_hot(true);
    let leading = |epoch: u32, parent: Position| Leading {
        epoch: Epoch(epoch),
        nonce: 1,
        parent,
        last: parent,
        committed: Position::GENESIS,
        held: true,
        open: false,
    };
    intake.handle_leading(&leading(1, Position::GENESIS));
    let frames: Vec<_> = (0..4).map(|_| log.stamp(NodeId(1), Incarnation(0), &Tick {})).collect();
    for bytes in &frames {
        intake.handle_taken(position(bytes));
    }
    // The next epoch adopts three of the four: the fourth is compared with what comes in its place.
    let parent = position(&frames[2]);
    assert_eq!(intake.handle_leading(&leading(2, parent)), Some(parent.seq.next()));
    assert_eq!(intake.judge(&Frame::read(&frames[3]).expect("whole")), Step::Skip);
    // Of a parent that it does not hold it knows nothing, and hears all that it cannot be sure of.
    let strange = Position { chain: wire::Chain(7), ..parent };
    assert_eq!(intake.handle_leading(&leading(3, strange)), Some(Seq(1)));
}
