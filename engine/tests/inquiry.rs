//! The log executed anew beside an engine's state: it gives the truth, and the first place from which on the engine differs.

mod hub;
mod support;

use cluster::{Differs, Finding, Testimony};
use engine::inquiry::Step;
use engine::{Inquirer, Inquiry, InquiryError, InquiryThread, Kept, Past, Question, Replica};
use hub::archive::Archive;
use hub::{NODE, TOKEN, position};
use node::Clock;
use std::time::Duration;
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Log, define, logon, order};
use wire::command::Side;
use wire::{Digest, Frame, Nanos, Position, Seq};

const FRAMES: usize = 40;

fn history() -> Vec<Vec<u8>> {
    let mut log = Log::new();
    let mut frames = vec![
        log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")),
        log.stamp(GATEWAY, LIFE, &logon(ALICE)),
        log.stamp(GATEWAY, LIFE, &logon(BOB)),
    ];
    frames.extend((frames.len()..FRAMES).map(|n| {
        let (session, side) = if n.is_multiple_of(2) { (ALICE, Side::Buy) } else { (BOB, Side::Sell) };
        log.stamp(GATEWAY, LIFE, &order(session, &format!("o{n}"), side, 30, 100))
    }));
    frames
}

/// An engine behind the first of these frames, one of which may be left out; and its digest behind each of them.
fn executed(frames: &[Vec<u8>], skipped: Option<usize>) -> (Replica<engine::Exchange>, Vec<Digest>) {
    let mut replica = Desk::empty(LIMITS).replica;
    let mut digests = Vec::new();
    for (at, bytes) in frames.iter().enumerate() {
        let frame = Frame::read(bytes).expect("whole");
        if Some(at) == skipped { replica.skip(&frame) } else { replica.apply(&frame) }.expect("follows");
        digests.push(replica.digest());
    }
    (replica, digests)
}

fn right(frames: &[Vec<u8>]) -> Vec<Digest> {
    executed(frames, None).1
}

/// What an engine remembers behind frame `first` and later ones.
fn kept(digests: &[Digest], first: usize) -> Kept {
    (1..).map(Seq).zip(digests.iter().copied()).skip(first - 1).collect()
}

/// Digests that are wrong from this frame on.
fn wrong_from(digests: &[Digest], frame: usize) -> Vec<Digest> {
    digests.iter().enumerate().map(|(at, own)| if at + 1 >= frame { Digest(!own.0) } else { *own }).collect()
}

fn archive(frames: &[Vec<u8>]) -> Archive {
    let archive = Archive::new(LIMITS);
    archive.kept().frames.extend_from_slice(frames);
    archive
}

/// A dispute at the end of this history, about an engine that holds this.
fn question(frames: &[Vec<u8>], digests: &[Digest], first: usize) -> Question {
    let digest = *digests.last().expect("not empty");
    Question {
        number: 3,
        testimony: Testimony { engine: NODE, token: TOKEN, digest },
        at: position(frames.last().expect("not empty")),
        equal: None,
        kept: kept(digests, first),
        quarantined: Vec::new(),
    }
}

/// Works until it is found, a piece at a time.
fn finding(question: Question, past: &mut dyn Past, frames: usize) -> Finding {
    let mut inquiry = Inquiry::new(question, LIMITS);
    for _ in 0..1_000 {
        let before = inquiry.position();
        match inquiry.advance(past, frames).expect("a good log") {
            Step::Found(finding) => return finding,
            // A snapshot takes it further.
            Step::Works if before == Position::GENESIS => {}
            Step::Works => assert!(inquiry.position().seq.0 <= before.seq.0 + frames as u64),
            other => panic!("{other:?}"),
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn the_first_place_that_differs_is_named_wherever_it_is() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames);
    let truth = *digests.last().expect("not empty");
    for first in 1..=FRAMES {
        for piece in [1, 7, 1_000] {
            let wrong = wrong_from(&digests, first);
            let found = finding(question(&frames, &wrong, 1), &mut *archive.past(), piece);
            let differs = Differs::From(position(&frames[first - 1]));
            assert_eq!(found, Finding { number: 3, token: TOKEN, from: Seq(0), truth, differs }, "{piece}");
        }
    }
    let found = finding(question(&frames, &digests, 1), &mut *archive.past(), 9);
    assert_eq!((found.truth, found.differs), (truth, Differs::Nowhere));
}

#[test]
fn where_the_engine_does_not_remember_what_it_had_before_the_first_known_place_is_named() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames);
    for (first, remembered, expected) in
        [(10, 20, Differs::Before(position(&frames[19]))), (25, 20, Differs::From(position(&frames[24])))]
    {
        let wrong = wrong_from(&digests, first);
        let found = finding(question(&frames, &wrong, remembered), &mut *archive.past(), 9);
        assert_eq!(found.differs, expected);
    }
    // It has begun anew since it has testified: what it remembers now is right.
    let mut question = question(&frames, &digests, 1);
    question.testimony.digest = Digest(5);
    let at = question.at;
    assert_eq!(finding(question, &mut *archive.past(), 9).differs, Differs::Before(at));
}

#[test]
fn it_begins_with_the_newest_snapshot_from_before_the_last_place_where_both_were_equal() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames);
    [5, 15, 25].into_iter().for_each(|upto| archive.keep(&executed(&frames[..upto], None).0));
    let wrong = wrong_from(&digests, 30);
    let truth = *digests.last().expect("not empty");
    let differs = Differs::From(position(&frames[29]));
    for (equal, from) in [(None, 25), (Some(20), 15), (Some(25), 25), (Some(29), 25), (Some(3), 0)] {
        let equal = equal.map(|seq: usize| position(&frames[seq - 1]));
        let asked = Question { equal, ..question(&frames, &wrong, 1) };
        let found = finding(asked, &mut *archive.past(), 9);
        assert_eq!((found.from, found.truth, found.differs), (Seq(from), truth, differs));
    }
}

#[test]
fn a_snapshot_that_holds_something_else_than_the_engine_had_there_is_a_party_and_decides_nothing() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames);
    // A former process wrote it, which had left out a command.
    let (wrong, _) = executed(&frames[..25], Some(12));
    archive.keep(&wrong);
    let truth = *digests.last().expect("not empty");
    // It remembers that, or that place alone of all that lies so far back.
    let all = question(&frames, &digests, 1);
    let kept = kept(&digests, 30).with_landmarks([(Seq(25), digests[24])]);
    for asked in [Question { kept, ..all.clone() }, all] {
        let found = finding(asked, &mut *archive.past(), 9);
        assert_eq!((found.from, found.truth, found.differs), (Seq(0), truth, Differs::Nowhere));
    }
}

#[test]
fn quarantined_commands_are_left_out() {
    let frames = history();
    let (_, digests) = executed(&frames, Some(12));
    let archive = archive(&frames);
    let asked = Question { quarantined: vec![position(&frames[12])], ..question(&frames, &digests, 1) };
    assert_eq!(finding(asked, &mut *archive.past(), 9).differs, Differs::Nowhere);
}

#[test]
fn a_log_that_ends_too_early_is_gone_on_with_where_it_ended() {
    let frames = history();
    let archive = archive(&frames[..30]);
    let digests = right(&frames);
    let mut inquiry = Inquiry::new(question(&frames, &digests, 1), LIMITS);
    let mut past = archive.past();
    for _ in 0..3 {
        assert_eq!(inquiry.advance(&mut *past, 1_000).expect("good"), Step::Ended);
        assert_eq!(inquiry.position(), position(&frames[29]));
    }
    archive.kept().frames.clone_from(&frames);
    let step = inquiry.advance(&mut *past, 1_000).expect("good");
    assert!(matches!(step, Step::Found(Finding { differs: Differs::Nowhere, .. })), "{step:?}");
}

#[test]
fn a_log_that_is_not_the_disputes_history_decides_nothing() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames);
    let question = question(&frames, &digests, 1);
    let elsewhere = Position { chain: wire::Chain(1), ..question.at };
    let mut inquiry = Inquiry::new(Question { at: elsewhere, ..question.clone() }, LIMITS);
    let mut past = archive.past();
    for _ in 0..2 {
        let error = inquiry.advance(&mut *past, 1_000).expect_err("another place");
        assert!(matches!(error, InquiryError::OtherHistory { found, .. } if found == question.at), "{error}");
        assert_eq!(inquiry.position(), Position::GENESIS, "it begins anew");
    }
    // Nor does one with a gap.
    archive.kept().frames.remove(20);
    let mut inquiry = Inquiry::new(question, LIMITS);
    let error = inquiry.advance(&mut *past, 1_000).expect_err("a gap");
    assert!(matches!(error, InquiryError::Divergence(_)), "{error}");
}

/// Waits until the thread has found something.
fn wait(thread: &mut InquiryThread) -> Finding {
    let clock = Clock::start();
    let until = clock.now().saturating_add(Nanos(60 * Nanos::SECOND.0));
    loop {
        if let Some(finding) = thread.poll(clock.now()) {
            return finding;
        }
        assert!(clock.now() < until, "the thread finds nothing");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn a_thread_finds_out_what_it_was_asked_last_and_holds_nothing_else() {
    let frames = history();
    let digests = right(&frames);
    let archive = archive(&frames[..30]);
    let truth = *digests.last().expect("not empty");
    let ways = archive.clone();
    let mut thread = InquiryThread::start(move || Ok(ways.shelf()), LIMITS).expect("a thread");
    let asked = |number| Question { number, ..question(&frames, &digests, 1) };
    // The log ends too early for this one, and nobody wants to know it any more.
    thread.begin(asked(1));
    let until_it_looks = |looks: usize| {
        let clock = Clock::start();
        let until = clock.now().saturating_add(Nanos(60 * Nanos::SECOND.0));
        while archive.kept().looks.len() < looks {
            assert!(clock.now() < until, "the thread does not look");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    };
    until_it_looks(1);
    thread.give_up();
    assert_eq!(thread.poll(Nanos(0)), None);
    // Nor this one, when the next one comes.
    thread.begin(asked(2));
    until_it_looks(2);
    archive.kept().frames.clone_from(&frames);
    thread.begin(asked(3));
    let found = wait(&mut thread);
    assert_eq!((found.number, found.truth, found.differs), (3, truth, Differs::Nowhere));
    assert_eq!(thread.poll(Nanos(0)), None, "it is told once");
    thread.begin(asked(4));
    assert_eq!(wait(&mut thread).number, 4, "and it goes on");
}
