//! The commit rule: what counts, and what does not.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use cluster::acceptor::History;
use cluster::{Commit, Following, Started};
use support::{Log, ack, voters};
use wire::command::Opening;
use wire::{Ack, Command, Epoch, Incarnation, Position, Seq};

/// A log of one epoch with three loggers, and somebody who has seen all of it.
fn one_epoch(opening: Opening, ticks: usize) -> (Log, Commit) {
    let mut log = Log::default();
    log.start(1, &voters(&[4, 7, 8]), opening);
    log.ticks(1, ticks);
    let mut commit = Commit::new(Seq(0));
    commit.watch(Epoch(1));
    (1..=log.frames.len() as u64).for_each(|seq| commit.handle_frame(&log.frame(seq)));
    (log, commit)
}

fn at(log: &Log, seq: u64) -> Position {
    log.position_of(Seq(seq)).unwrap()
}

#[test]
fn a_position_is_committed_when_a_majority_has_acknowledged_it_or_a_later_one() {
    let (log, mut commit) = one_epoch(Opening::AtStart, 9);
    assert!(!commit.handle_ack(&ack(4, at(&log, 5))), "one of three is no majority");
    assert!(commit.handle_ack(&ack(7, at(&log, 3))));
    assert_eq!(commit.committed(), Seq(3));
    assert!(commit.handle_ack(&ack(8, at(&log, 10))));
    assert_eq!(commit.committed(), Seq(5));
}

#[test]
fn an_acknowledgement_that_comes_late_or_twice_changes_nothing() {
    let (log, mut commit) = one_epoch(Opening::AtStart, 9);
    commit.handle_ack(&ack(4, at(&log, 6)));
    assert!(!commit.handle_ack(&ack(4, at(&log, 6))), "one logger twice is no majority");
    commit.handle_ack(&ack(7, at(&log, 6)));
    commit.handle_ack(&ack(4, at(&log, 2)));
    commit.handle_ack(&ack(8, at(&log, 2)));
    assert_eq!(commit.committed(), Seq(6));
}

#[test]
fn nobody_counts_whom_the_epoch_does_not_name_nor_another_life() {
    let (log, mut commit) = one_epoch(Opening::AtStart, 9);
    commit.handle_ack(&ack(4, at(&log, 6)));
    assert!(!commit.handle_ack(&ack(9, at(&log, 6))), "9 does not vote");
    assert!(!commit.handle_ack(&Ack { incarnation: Incarnation(2), ..ack(7, at(&log, 6)) }));
    assert_eq!(commit.committed(), Seq(0));
}

#[test]
fn acknowledgements_before_the_first_frame_is_known_count_once_it_tells_who_votes() {
    let (log, _) = one_epoch(Opening::AtStart, 3);
    let mut commit = Commit::new(Seq(0));
    commit.watch(Epoch(1));
    for logger in [4, 7, 9] {
        assert!(!commit.handle_ack(&ack(logger, at(&log, 4))));
    }
    commit.handle_frame(&log.frame(1));
    assert_eq!(commit.committed(), Seq(4));
}

#[test]
fn acknowledgements_of_different_epochs_make_no_majority() {
    let (mut log, mut commit) = one_epoch(Opening::AtStart, 3);
    commit.handle_ack(&ack(4, at(&log, 4)));
    commit.watch(Epoch(2));
    let start = log.start(2, &voters(&[4, 7, 8]), Opening::AtStart);
    commit.handle_frame(&log.frame(start.seq.0));
    assert!(!commit.handle_ack(&ack(7, start)));
    assert!(!commit.handle_ack(&ack(4, at(&log, 4))), "said in epoch 1");
    assert_eq!(commit.committed(), Seq(0));
    commit.handle_ack(&ack(8, start));
    assert_eq!(commit.committed(), start.seq, "with it everything adopted");
}

#[test]
fn what_was_adopted_counts_only_with_the_new_epochs_own_first_frame() {
    // Raft's figure 8: an old frame on a majority of disks can still be overruled.
    let mut log = Log::default();
    log.start(1, &voters(&[4, 7, 8]), Opening::AtStart);
    let old = log.ticks(1, 5);
    let mut commit = Commit::new(Seq(1));
    commit.watch(Epoch(2));
    let start = log.start(2, &voters(&[4, 7, 8]), Opening::AtStart);
    (2..=start.seq.0).for_each(|seq| commit.handle_frame(&log.frame(seq)));
    // A confused logger labels the old frame with the new epoch.
    let labelled = Position { epoch: Epoch(2), ..old };
    commit.handle_ack(&ack(4, labelled));
    commit.handle_ack(&ack(7, labelled));
    assert_eq!(commit.committed(), Seq(1));
    commit.handle_ack(&ack(4, start));
    commit.handle_ack(&ack(8, start));
    assert_eq!(commit.committed(), start.seq);
}

#[test]
fn an_epoch_with_other_loggers_commits_nothing_before_it_is_opened() {
    let (mut log, mut commit) = one_epoch(Opening::AtOpen, 4);
    for logger in [4, 7, 8] {
        commit.handle_ack(&ack(logger, at(&log, 5)));
    }
    assert_eq!((commit.committed(), commit.start_is_held(), commit.is_open()), (Seq(0), true, false));
    let open = log.open(1);
    commit.handle_frame(&log.frame(open.seq.0));
    commit.handle_ack(&ack(4, open));
    assert!(commit.handle_ack(&ack(7, open)));
    assert_eq!((commit.committed(), commit.is_open()), (open.seq, true));
}

#[test]
fn who_begins_behind_an_epochs_first_frame_counts_its_acknowledgements_once_it_is_told_how_it_began() {
    let (log, _) = one_epoch(Opening::AtStart, 9);
    let Ok(Command::EpochStart(start)) = log.frame(1).command() else { panic!("the first frame") };
    let started = Started::by(at(&log, 1), start);
    let begin = |started: Option<Started>, epoch| {
        let mut following = Following::begin(at(&log, 4), 100, started);
        following.handle_epoch(Epoch(epoch), at(&log, 4));
        (5..=9).for_each(|seq| following.handle_frame(&log.frame(seq), ()).unwrap());
        for logger in [4, 7] {
            following.handle_ack(&ack(logger, at(&log, 8)));
        }
        following.commit().committed()
    };
    assert_eq!(begin(Some(started.clone()), 1), Seq(8));
    assert_eq!(begin(None, 1), Seq(4), "nobody has said who votes");
    assert_eq!(begin(Some(Started { epoch: Epoch(2), ..started.clone() }), 1), Seq(4), "in another epoch");
    let later = Started { opens_at: Some(Seq(9)), ..started.clone() };
    assert_eq!(begin(Some(later), 1), Seq(4), "it opens behind what they have acknowledged");
    assert_eq!(begin(Some(Started { opens_at: None, ..started }), 1), Seq(4), "it has not opened");
}

#[test]
fn a_follower_hands_out_committed_frames_in_order_and_voids_the_rest_when_the_epoch_changes() {
    let (mut log, _) = one_epoch(Opening::AtStart, 5);
    let mut following = Following::new(Position::GENESIS, 100);
    assert_eq!(following.handle_epoch(Epoch(1), Position::GENESIS), Some(Seq(1)));
    for seq in 1..=6 {
        following.handle_frame(&log.frame(seq), seq).unwrap();
    }
    let void = at(&log, 6);
    following.handle_ack(&ack(4, at(&log, 3)));
    following.handle_ack(&ack(7, at(&log, 6)));
    let out: Vec<_> = std::iter::from_fn(|| following.poll_committed()).map(|(_, item)| item).collect();
    assert_eq!(out, [1, 2, 3]);
    assert_eq!((following.uncommitted(), following.holds(void)), (3, Some(true)));

    // Epoch 2 stands on frame 4: 5 and 6 are void, and their numbers are used again.
    let parent = at(&log, 4);
    log = log.fork(4, 9);
    log.start(2, &voters(&[4, 7, 8]), Opening::AtStart);
    let new = log.tick(2);
    assert_eq!(
        following.handle_epoch(Epoch(2), parent),
        Some(Seq(5)),
        "4 is held, and stands for all before it"
    );
    assert_eq!(following.handle_epoch(Epoch(1), parent), None, "never back");
    assert_eq!(following.holds(void), None);
    for seq in 5..=6 {
        following.handle_frame(&log.frame(seq), 10 + seq).unwrap();
    }
    assert_eq!((following.holds(void), following.holds(new)), (Some(false), Some(true)));
    following.handle_ack(&ack(4, new));
    following.handle_ack(&ack(8, new));
    let out: Vec<_> = std::iter::from_fn(|| following.poll_committed()).map(|(_, item)| item).collect();
    assert_eq!(out, [4, 15, 16]);
}

#[test]
fn a_follower_that_does_not_hold_the_parent_of_an_epoch_listens_from_behind_what_is_committed() {
    let (log, _) = one_epoch(Opening::AtStart, 5);
    let mut following = Following::new(Position::GENESIS, 100);
    following.handle_epoch(Epoch(1), Position::GENESIS);
    for seq in 1..=4 {
        following.handle_frame(&log.frame(seq), seq).unwrap();
    }
    let mut other = log.fork(2, 7);
    let strange = other.ticks(1, 1);
    assert_eq!(strange.seq, Seq(3), "the same number, another frame");
    assert_eq!(following.handle_epoch(Epoch(2), strange), Some(Seq(1)));
    assert_eq!(following.uncommitted(), 0);
}

#[test]
fn a_follower_refuses_a_history_that_does_not_hold_what_was_committed() {
    let (log, _) = one_epoch(Opening::AtStart, 5);
    let mut following = Following::new(Position::GENESIS, 100);
    following.handle_epoch(Epoch(1), Position::GENESIS);
    following.handle_frame(&log.frame(1), ()).unwrap();
    following.handle_frame(&log.frame(2), ()).unwrap();
    for logger in [4, 7] {
        following.handle_ack(&ack(logger, at(&log, 2)));
    }
    while following.poll_committed().is_some() {}
    let mut other = log.fork(1, 7);
    other.ticks(1, 3);
    following.handle_epoch(Epoch(2), at(&other, 2));
    let astray = following.handle_frame(&other.frame(3), ()).unwrap_err();
    assert!(astray.committed);
    assert_eq!(astray.last, at(&log, 2));
}
