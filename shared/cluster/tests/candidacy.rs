//! A sequencer's way into its epoch.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use cluster::candidacy::Patience;
use cluster::{Answer, Candidacy, Electorate, Grant, Quorum, Voter, Wish};
use support::{voter, voters};
use wire::command::{Adopted, Opening};
use wire::{Chain, Epoch, Incarnation, Nanos, NodeId, Position, Seq};

const PATIENCE: Patience = Patience { ask_again: Nanos(100), linger: Nanos(0), fetch: Nanos(50) };

fn place(epoch: u32, seq: u64) -> Position {
    Position { epoch: Epoch(epoch), seq: Seq(seq), chain: Chain(seq * 1_000 + u64::from(epoch)) }
}

fn grant(quorum: Quorum) -> Grant {
    Grant {
        epoch: Epoch(9),
        sequencer: NodeId(1),
        nonce: 90,
        loggers: voters(&[4, 7, 8]),
        quorum,
        opening: Opening::AtStart,
        adopted: Adopted::Whole,
        started: true,
    }
}

fn candidate(committed: Position, patience: Patience) -> Candidacy {
    Candidacy::new(grant(Quorum::Majority(voters(&[4, 7, 8]))), committed, patience, Nanos(0))
}

fn answer(member: Voter, last: Position) -> Answer {
    Answer { epoch: Epoch(9), nonce: 90, member, last }
}

/// Everything that it wants now.
fn wishes(candidacy: &mut Candidacy, now: u64) -> Vec<Wish> {
    std::iter::from_fn(|| candidacy.poll(Nanos(now))).collect()
}

#[test]
fn it_asks_again_until_a_majority_has_answered() {
    let mut candidacy = candidate(Position::GENESIS, PATIENCE);
    assert_eq!(wishes(&mut candidacy, 0), [Wish::Ask]);
    assert_eq!(wishes(&mut candidacy, 99), []);
    candidacy.handle_answer(Nanos(99), &answer(voter(4), Position::GENESIS));
    assert_eq!(wishes(&mut candidacy, 100), [Wish::Ask]);
    candidacy.handle_answer(Nanos(101), &answer(voter(4), Position::GENESIS));
    assert_eq!(wishes(&mut candidacy, 101), [], "one logger twice is no majority");
    candidacy.handle_answer(Nanos(102), &answer(voter(7), Position::GENESIS));
    assert_eq!(wishes(&mut candidacy, 102), [Wish::Begin { parent: Position::GENESIS }]);
    assert_eq!((wishes(&mut candidacy, 900), candidacy.next_deadline()), (vec![], None));
}

#[test]
fn answers_to_another_epoch_or_process_and_of_other_lives_do_not_count() {
    let mut candidacy = candidate(Position::GENESIS, PATIENCE);
    wishes(&mut candidacy, 0);
    candidacy.handle_answer(Nanos(1), &answer(voter(4), Position::GENESIS));
    let strangers = [
        Answer { epoch: Epoch(8), ..answer(voter(7), Position::GENESIS) },
        Answer { nonce: 91, ..answer(voter(7), Position::GENESIS) },
        answer(Voter { node: NodeId(7), incarnation: Incarnation(2) }, Position::GENESIS),
        answer(voter(5), Position::GENESIS),
    ];
    for stranger in strangers {
        candidacy.handle_answer(Nanos(2), &stranger);
        assert_eq!(wishes(&mut candidacy, 2), [], "{stranger:?}");
    }
}

#[test]
fn the_highest_epoch_goes_before_the_longest_log() {
    let mut candidacy = candidate(place(1, 3), PATIENCE);
    wishes(&mut candidacy, 0);
    candidacy.handle_answer(Nanos(1), &answer(voter(4), place(2, 90)));
    candidacy.handle_answer(Nanos(1), &answer(voter(8), place(3, 20)));
    let fetch = Wish::Fetch { holder: NodeId(8), after: place(1, 3), upto: place(3, 20) };
    assert_eq!(wishes(&mut candidacy, 1), [fetch]);
    candidacy.handle_fetched(Nanos(2), place(3, 11));
    assert_eq!(wishes(&mut candidacy, 2), []);
    candidacy.handle_fetched(Nanos(3), place(3, 20));
    assert_eq!(wishes(&mut candidacy, 3), [Wish::Begin { parent: place(3, 20) }]);
}

#[test]
fn a_witness_is_no_vote_but_its_log_may_be_the_best() {
    let engine = Voter { node: NodeId(2), incarnation: Incarnation(0) };
    let mut candidacy = candidate(place(1, 3), Patience { linger: Nanos(20), ..PATIENCE });
    wishes(&mut candidacy, 0);
    candidacy.handle_answer(Nanos(1), &answer(engine, place(1, 9)));
    candidacy.handle_answer(Nanos(2), &answer(voter(4), place(1, 5)));
    assert_eq!(wishes(&mut candidacy, 2), []);
    candidacy.handle_answer(Nanos(3), &answer(voter(7), place(1, 6)));
    assert_eq!(wishes(&mut candidacy, 3), [], "others get a moment");
    let fetch = Wish::Fetch { holder: NodeId(2), after: place(1, 3), upto: place(1, 9) };
    assert_eq!(wishes(&mut candidacy, 23), [fetch]);
}

#[test]
fn a_holder_that_falls_silent_no_longer_counts_and_nothing_of_its_log_is_kept() {
    let mut candidacy = candidate(place(1, 3), PATIENCE);
    wishes(&mut candidacy, 0);
    candidacy.handle_answer(Nanos(1), &answer(voter(4), place(1, 5)));
    candidacy.handle_answer(Nanos(1), &answer(voter(7), place(2, 30)));
    wishes(&mut candidacy, 1);
    candidacy.handle_fetched(Nanos(10), place(2, 17));
    assert_eq!(wishes(&mut candidacy, 59), []);
    assert_eq!(wishes(&mut candidacy, 60), [Wish::Ask], "one answer is left");
    candidacy.handle_answer(Nanos(61), &answer(voter(8), place(1, 6)));
    let fetch = Wish::Fetch { holder: NodeId(8), after: place(1, 3), upto: place(1, 6) };
    assert_eq!(wishes(&mut candidacy, 61), [fetch]);
}

#[test]
fn where_no_vote_can_be_relied_on_all_must_answer() {
    let all = Quorum::All(voters(&[4, 7, 8]));
    let mut candidacy = Candidacy::new(grant(all), Position::GENESIS, PATIENCE, Nanos(0));
    wishes(&mut candidacy, 0);
    candidacy.handle_answer(Nanos(1), &answer(voter(4), place(1, 5)));
    candidacy.handle_answer(Nanos(1), &answer(voter(7), place(1, 4)));
    assert_eq!(wishes(&mut candidacy, 1), []);
    candidacy.handle_answer(Nanos(2), &answer(voter(8), place(1, 2)));
    let fetch = Wish::Fetch { holder: NodeId(4), after: Position::GENESIS, upto: place(1, 5) };
    assert_eq!(wishes(&mut candidacy, 2), [fetch]);
}

#[test]
#[should_panic(expected = "before the committed")]
fn a_quorum_that_knows_less_than_what_is_committed_is_a_broken_promise() {
    let mut candidacy = candidate(place(1, 30), PATIENCE);
    candidacy.handle_answer(Nanos(1), &answer(voter(4), place(1, 5)));
    candidacy.handle_answer(Nanos(1), &answer(voter(7), place(1, 6)));
    wishes(&mut candidacy, 1);
}

#[test]
fn of_two_lives_of_one_logger_the_later_has_the_seat() {
    let later = Voter { node: NodeId(7), incarnation: Incarnation(3) };
    let electorate = Electorate::new([later, voter(7), voter(4)]);
    assert_eq!(electorate.iter().collect::<Vec<_>>(), [voter(4), later]);
    assert_eq!((electorate.majority(), electorate.contains(voter(7))), (2, false));
    assert_eq!(Electorate::default().majority(), 1);
}
