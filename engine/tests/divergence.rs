//! Engines that differ: an engine says so, executes the log anew beside its own state, and begins again if it was found wrong.
//!
//! What needs an engine that goes astray is built with `--cfg lockstep_planted` only; see `cluster::planted`.

mod hub;
mod support;

use cluster::{Differs, Dispute, Disputes, EngineMode, Fenced, Finding, Message, Present, Role, Testimony};
use engine::Replica;
use hub::archive::{Archive, Notary};
use hub::{NODE, OTHER, PRESENT, Rig, Setup, TOKEN, position};
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Log, define, logon, order};
use wire::command::{EpochStart, LoggerMember, MAX_LOGGERS, Opening, Side, Snapshot, SnapshotReason};
use wire::{Digest, Epoch, Frame, Incarnation, Nanos, NodeId, Position, Term};

const RING: usize = 64;
/// The token of the other engine's process.
const THEIRS: u64 = 5;

/// An epoch, an instrument, two sessions, and some orders.
fn history(log: &mut Log, orders: usize) -> Vec<Vec<u8>> {
    let mut frames = vec![start(log, 1)];
    frames.push(log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")));
    frames.push(log.stamp(GATEWAY, LIFE, &logon(ALICE)));
    frames.push(log.stamp(GATEWAY, LIFE, &logon(BOB)));
    frames.extend((0..orders).map(|n| trade(log, &format!("o{n}"), n)));
    frames
}

fn start(log: &mut Log, epoch: u32) -> Vec<u8> {
    let Position { epoch: parent_epoch, seq: parent_seq, chain: parent_chain } = log.last;
    log.epoch = Epoch(epoch);
    let body = EpochStart {
        parent_epoch,
        sequencer: hub::SEQUENCER,
        logger_count: 0,
        parent_seq,
        parent_chain,
        nonce: u64::from(epoch),
        cluster: 5,
        loggers: [LoggerMember::default(); MAX_LOGGERS],
        opening: Opening::AtStart,
        adopted: Default::default(),
        reserved: [0; 6],
    };
    log.stamp(hub::SEQUENCER, Incarnation(0), &body)
}

fn trade(log: &mut Log, name: &str, n: usize) -> Vec<u8> {
    let (session, side) = if n.is_multiple_of(2) { (ALICE, Side::Buy) } else { (BOB, Side::Sell) };
    log.stamp(GATEWAY, LIFE, &order(session, name, side, 30, 100))
}

fn snapshot(log: &mut Log) -> Vec<u8> {
    let body = Snapshot { why: SnapshotReason::Schedule, reserved: [0; 7] };
    log.stamp(hub::SEQUENCER, Incarnation(0), &body)
}

/// What an engine comes to that sees this history.
fn alone(history: &[Vec<u8>]) -> Replica<engine::Exchange> {
    let mut replica = Desk::empty(LIMITS).replica;
    for bytes in history {
        replica.apply(&Frame::read(bytes).expect("whole")).expect("follows");
    }
    replica
}

fn digest(history: &[Vec<u8>]) -> Digest {
    alone(history).digest()
}

fn last(frames: &[Vec<u8>]) -> Position {
    position(frames.last().expect("not empty"))
}

/// What the other engine says of itself.
fn present(at: Position, digest: Digest, ready: bool) -> Message {
    Message::Present(Present {
        role: Role::Engine,
        token: THEIRS,
        incarnation: Incarnation(0),
        epoch: at.epoch,
        position: at,
        ready,
        term: Term(0),
        digest: Some(digest),
    })
}

/// A warm engine that stands where this history ends, all of which is committed.
fn warm(frames: &[Vec<u8>], setup: Setup) -> Rig {
    let mut rig = Rig::of(setup);
    rig.quarantined(&[]);
    rig.sequence(1, frames);
    rig.leading(1, Position::GENESIS, last(frames));
    rig.run();
    assert_eq!(rig.position(), last(frames));
    rig
}

fn setup() -> Setup {
    Setup::new(LIMITS, RING)
}

fn dispute(at: Position, own: (u64, Digest), theirs: Digest) -> Dispute {
    let own = Testimony { engine: NODE, token: own.0, digest: own.1 };
    Dispute { at, between: [own, Testimony { engine: OTHER, token: THEIRS, digest: theirs }] }
}

fn complaints(rig: &Rig) -> usize {
    rig.wires.borrow().differs.len()
}

fn findings(rig: &Rig) -> Vec<Finding> {
    rig.wires.borrow().findings.clone()
}

/// Time passes, in which both engines are heard.
fn pass_with(rig: &mut Rig, time: Nanos, other: &Message) {
    let until = Nanos(rig.now.0 + time.0);
    while rig.now < until {
        rig.hear(OTHER, other.clone());
        rig.pass(Nanos(PRESENT.0 / 2));
        rig.run();
    }
}

#[test]
fn an_engine_says_its_digest_with_its_position_and_none_before_the_first_frame() {
    let mut rig = Rig::new(LIMITS, RING);
    rig.run();
    assert_eq!((rig.present().position, rig.present().digest), (Position::GENESIS, None));
    let mut log = Log::new();
    let frames = history(&mut log, 20);
    let committed = position(&frames[15]);
    rig.sequence(1, &frames);
    rig.leading(1, Position::GENESIS, committed);
    rig.run();
    rig.pass(PRESENT);
    rig.run();
    assert_eq!((rig.present().position, rig.present().digest), (committed, Some(digest(&frames[..16]))));
    // A hot one is ahead of what is committed, and still speaks of that.
    rig.hot(1, NODE, TOKEN);
    rig.run();
    rig.pass(PRESENT);
    rig.run();
    assert_eq!(rig.position(), log.last);
    assert_eq!((rig.present().position, rig.present().digest), (committed, Some(digest(&frames[..16]))));
}

#[test]
fn another_engines_place_is_compared_once_this_one_has_agreed_that_far_and_not_before() {
    let frames = history(&mut Log::new(), 20);
    let at = position(&frames[18]);
    for hot in [false, true] {
        let mut rig = Rig::new(LIMITS, RING);
        rig.sequence(1, &frames);
        rig.leading(1, Position::GENESIS, position(&frames[15]));
        if hot {
            rig.hot(1, NODE, TOKEN);
        }
        rig.run();
        assert_eq!(rig.position(), if hot { last(&frames) } else { position(&frames[15]) });
        rig.hear(OTHER, present(at, Digest(1), true));
        // Said later, and never reached: what was said first is waited for.
        rig.hear(OTHER, present(Position { seq: wire::Seq(1_000), ..at }, Digest(2), true));
        rig.pass(PRESENT);
        rig.run();
        assert_eq!(complaints(&rig), 0, "hot: {hot}");
        rig.leading(1, Position::GENESIS, at);
        rig.run();
        let own = digest(&frames[..19]);
        assert_eq!(rig.wires.borrow().differs, [dispute(at, (TOKEN, own), Digest(1))], "hot: {hot}, at once");
    }
}

#[test]
fn an_engine_that_differs_says_so_until_it_is_answered_or_the_other_one_is_gone() {
    let frames = history(&mut Log::new(), 20);
    let (at, own) = (last(&frames), digest(&frames));
    let mut rig = warm(&frames, setup());
    let other = present(at, Digest(1), true);
    rig.hear(OTHER, other.clone());
    rig.cycle().expect("nothing goes wrong");
    assert_eq!(rig.wires.borrow().differs, [dispute(at, (TOKEN, own), Digest(1))], "in the same cycle");
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    let said = complaints(&rig);
    assert!(said >= 10, "{said}");
    // Another dispute is open: there is one at a time.
    let elsewhere = Testimony { engine: NodeId(20), token: 1, digest: Digest(7) };
    let other_one = Testimony { engine: NodeId(21), token: 1, digest: Digest(8) };
    let open = Dispute { at, between: [elsewhere, other_one] };
    rig.disputed(&Disputes { number: 1, open: Some(open), fenced: Vec::new() });
    rig.run();
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    assert_eq!(complaints(&rig), said);
    assert!(findings(&rig).is_empty(), "nor does it look into what is no affair of its own");
    rig.disputed(&Disputes { number: 1, open: None, fenced: Vec::new() });
    rig.run();
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    assert!(complaints(&rig) >= said + 10);
    // The other one was found wrong.
    let fenced =
        Fenced { engine: OTHER, token: THEIRS, number: 2, differs: Differs::Before(Position::GENESIS) };
    rig.disputed(&Disputes { number: 2, open: None, fenced: vec![fenced] });
    rig.run();
    let said = complaints(&rig);
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    assert_eq!(complaints(&rig), said, "not even if it goes on speaking");
}

#[test]
fn an_engine_says_nothing_of_a_process_that_is_gone() {
    let frames = history(&mut Log::new(), 20);
    let mut rig = warm(&frames, setup());
    rig.hear(OTHER, present(last(&frames), Digest(1), true));
    rig.run();
    assert_eq!(complaints(&rig), 1);
    rig.pass(Nanos(10 * PRESENT.0));
    rig.run();
    assert_eq!(complaints(&rig), 1, "it was not heard any more");
    rig.hear(OTHER, present(last(&frames), Digest(1), true));
    rig.run();
    assert_eq!(complaints(&rig), 2);
    let Message::Present(again) = present(last(&frames), digest(&frames), true) else { unreachable!() };
    rig.hear(OTHER, Message::Present(Present { token: THEIRS + 1, ..again }));
    rig.run();
    rig.pass(PRESENT);
    rig.run();
    assert_eq!(complaints(&rig), 2, "it was started again");
    assert_eq!(rig.engine.receiver.comparison().attested(), last(&frames), "and is equal");
}

#[test]
fn a_snapshot_counts_once_another_engine_was_equal_behind_it_and_not_before() {
    let (mut log, notary) = (Log::new(), Notary::default());
    let frames = history(&mut log, 6);
    let mut rig = warm(&frames, Setup { scribe: Box::new(notary.clone()), ..setup() });
    rig.hot_before(1, OTHER, THEIRS, NODE);
    rig.hear(OTHER, present(last(&frames), digest(&frames), true));
    rig.run();
    let mut more = vec![snapshot(&mut log)];
    more.extend((0..4).map(|n| trade(&mut log, &format!("m{n}"), n)));
    rig.sequence(1, &more);
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    let all = [frames.clone(), more.clone()].concat();
    let at = position(&more[0]);
    assert_eq!(notary.drafts().at_hand, Some(at));
    // What is equal before it says nothing about it.
    let before = present(last(&frames), digest(&frames), true);
    pass_with(&mut rig, Nanos(20 * PRESENT.0), &before);
    assert!(notary.drafts().shown.is_empty(), "it is committed, but nobody vouches for it");
    rig.hear(OTHER, present(last(&more), digest(&all), true));
    rig.run();
    assert_eq!(notary.drafts().shown, [at]);
}

#[test]
fn a_snapshot_of_an_engine_that_is_alone_counts_when_nobody_was_heard_for_some_time() {
    let (mut log, notary) = (Log::new(), Notary::default());
    let mut frames = history(&mut log, 6);
    let mut rig = warm(&frames, Setup { scribe: Box::new(notary.clone()), ..setup() });
    rig.hot(1, NODE, TOKEN);
    rig.run();
    let first = snapshot(&mut log);
    frames.push(first.clone());
    rig.sequence(1, std::slice::from_ref(&first));
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    assert_eq!(notary.drafts().at_hand, Some(position(&first)));
    rig.pass(Nanos(10 * PRESENT.0));
    rig.run();
    assert_eq!(notary.drafts().shown, [position(&first)]);
    // Another one that is not ready can vouch for nothing; one that is, must.
    for (ready, shown) in [(false, 2), (true, 2)] {
        let next = snapshot(&mut log);
        frames.push(next.clone());
        rig.sequence(1, &[next]);
        rig.leading(1, Position::GENESIS, log.last);
        let other = present(position(&frames[3]), digest(&frames[..4]), ready);
        rig.hear(OTHER, other.clone());
        rig.run();
        pass_with(&mut rig, Nanos(20 * PRESENT.0), &other);
        assert_eq!(notary.drafts().shown.len(), shown, "the other one is ready: {ready}");
    }
}

#[test]
fn a_snapshot_of_an_engine_in_a_dispute_does_not_count_and_is_given_up_when_it_was_wrong() {
    let (mut log, notary) = (Log::new(), Notary::default());
    let mut frames = history(&mut log, 6);
    let mut rig = warm(&frames, Setup { scribe: Box::new(notary.clone()), ..setup() });
    rig.hot_before(1, OTHER, THEIRS, NODE);
    let other = present(last(&frames), digest(&frames), true);
    rig.hear(OTHER, other.clone());
    frames.push(snapshot(&mut log));
    frames.push(trade(&mut log, "last", 1));
    rig.sequence(1, &frames);
    rig.run();
    rig.leading(1, Position::GENESIS, log.last);
    rig.run();
    let at = position(&frames[frames.len() - 2]);
    assert_eq!(notary.drafts().at_hand, Some(at));
    let own = digest(&frames);
    let open = dispute(log.last, (TOKEN, own), Digest(1));
    rig.disputed(&Disputes { number: 1, open: Some(open), fenced: Vec::new() });
    // A third one is equal, and still it does not count.
    rig.hear(NodeId(20), present(log.last, own, true));
    rig.run();
    pass_with(&mut rig, Nanos(20 * PRESENT.0), &other);
    assert!(notary.drafts().shown.is_empty());
    let fenced = Fenced { engine: NODE, token: TOKEN, number: 1, differs: Differs::Before(log.last) };
    rig.disputed(&Disputes { number: 1, open: None, fenced: vec![fenced] });
    rig.run();
    assert!(notary.drafts().shown.is_empty());
    assert_eq!(notary.drafts().given_up, [at]);
}

#[test]
fn an_engine_in_a_dispute_says_what_the_log_gives_with_every_word_while_it_is_open() {
    let frames = history(&mut Log::new(), 40);
    let archive = Archive::new(LIMITS);
    archive.kept().frames.clone_from(&frames);
    let mut rig = warm(&frames, Setup { inquired: archive.past(), ..setup() });
    let (at, own) = (last(&frames), digest(&frames));
    let other = present(at, Digest(1), true);
    rig.hear(OTHER, other.clone());
    rig.run();
    let open = Disputes { number: 7, open: Some(dispute(at, (TOKEN, own), Digest(1))), fenced: Vec::new() };
    rig.disputed(&open);
    pass_with(&mut rig, PRESENT, &other);
    let found = findings(&rig)[0];
    assert_eq!(
        found,
        Finding { number: 7, token: TOKEN, from: wire::Seq(0), truth: own, differs: Differs::Nowhere }
    );
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    let said = findings(&rig);
    assert!(said.len() >= 10 && said.iter().all(|again| *again == found), "{said:?}");
    assert_eq!(archive.kept().looks.len(), 1, "it has looked once");
    rig.disputed(&Disputes { number: 7, open: None, fenced: Vec::new() });
    rig.run();
    let said = findings(&rig).len();
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    assert_eq!(findings(&rig).len(), said, "it is decided");
    // An older word changes nothing.
    rig.disputed(&open);
    pass_with(&mut rig, Nanos(10 * PRESENT.0), &other);
    assert_eq!(findings(&rig).len(), said);
}

#[test]
fn where_the_log_ends_too_early_it_is_looked_for_again() {
    let frames = history(&mut Log::new(), 40);
    let archive = Archive::new(LIMITS);
    archive.kept().frames.extend_from_slice(&frames[..30]);
    let mut rig = warm(&frames, Setup { inquired: archive.past(), ..setup() });
    let (at, own) = (last(&frames), digest(&frames));
    let other = present(at, Digest(1), true);
    let open = dispute(at, (TOKEN, own), Digest(1));
    rig.disputed(&Disputes { number: 1, open: Some(open), fenced: Vec::new() });
    pass_with(&mut rig, Nanos(4 * PRESENT.0), &other);
    assert!(findings(&rig).is_empty());
    let after = position(&frames[29]);
    assert!(
        archive.kept().looks[1..].iter().all(|look| *look == (Some(after), at)),
        "it goes on where it was"
    );
    assert!(archive.kept().looks.len() > 2);
    archive.kept().frames.clone_from(&frames);
    pass_with(&mut rig, Nanos(2 * PRESENT.0), &other);
    assert_eq!(findings(&rig)[0].truth, own);
}

#[test]
fn an_engine_that_was_found_wrong_begins_again_as_another_process_that_nobody_has_named() {
    let mut log = Log::new();
    let frames = history(&mut log, 20);
    let archive = Archive::new(LIMITS);
    let setup = Setup { past: archive.past(), inquired: archive.past(), ..setup() };
    let mut rig = warm(&frames, setup);
    archive.kept().frames.clone_from(&frames);
    archive.keep(&alone(&frames[..10]));
    rig.hot(3, NODE, TOKEN);
    rig.run();
    assert!(rig.engine.matcher.speaks());
    let fenced = Fenced { engine: NODE, token: TOKEN, number: 1, differs: Differs::Before(log.last) };
    let disputes = Disputes { number: 1, open: None, fenced: vec![fenced] };
    rig.disputed(&disputes);
    rig.cycle().expect("once is no reason to end");
    assert!(!rig.engine.matcher.speaks(), "it falls silent at once");
    rig.run();
    rig.pass(PRESENT);
    rig.run();
    let said = rig.present();
    assert_eq!((said.token, said.ready, said.position), (TOKEN + 1, true, log.last));
    assert_eq!(said.digest, Some(digest(&frames)));
    assert_eq!(
        rig.wires.borrow().begun.last().map(|(_, next)| *next),
        Some(alone(&frames[..10]).outbound().0)
    );
    assert!(!rig.engine.matcher.speaks() && rig.engine.receiver.standing().claim().is_none());
    let cluster::status::Detail::Engine { mode, .. } =
        rig.wires.borrow().statuses.last().expect("it has told").detail
    else {
        panic!("an engine's")
    };
    assert_eq!(mode, EngineMode::Warm);
    // The same word about the former process is no news, and a new name counts.
    rig.disputed(&disputes);
    rig.hot(4, NODE, TOKEN + 1);
    rig.run();
    assert!(rig.engine.matcher.speaks());
    rig.pass(hub::BEAT);
    rig.run();
    assert_eq!(rig.wires.borrow().pulse.last().map(|beat| beat.token), Some(TOKEN + 1));
}

#[test]
fn an_engine_that_is_found_wrong_a_second_time_ends() {
    let frames = history(&mut Log::new(), 20);
    let mut rig = warm(&frames, setup());
    let at = last(&frames);
    let fenced =
        |token, number| Fenced { engine: NODE, token, number, differs: Differs::Before(Position::GENESIS) };
    rig.disputed(&Disputes { number: 3, open: None, fenced: vec![fenced(TOKEN, 3)] });
    rig.run();
    assert_eq!(rig.position(), at);
    rig.disputed(&Disputes { number: 4, open: None, fenced: vec![fenced(TOKEN + 1, 4)] });
    let error = rig.cycle().expect_err("it ends");
    let wrong = error.downcast::<engine::WrongTwice>().expect("it says why");
    assert_eq!((wrong.first, wrong.second), (3, 4));
    assert!(wrong.to_string().contains("Take this machine out of service"), "{wrong}");
}

#[test]
fn what_was_attested_is_void_when_an_engine_begins_again() {
    let mut log = Log::new();
    let frames = history(&mut log, 10);
    let mut rig = warm(&frames, setup());
    rig.hear(OTHER, present(last(&frames), digest(&frames), true));
    rig.run();
    assert_eq!(rig.engine.receiver.comparison().attested(), last(&frames));
    // Hot, it goes ahead; and the next epoch leaves that.
    rig.hot(1, NODE, TOKEN);
    let parent = log.last;
    let tail = trade(&mut log.clone(), "void", 1);
    rig.sequence(1, &[tail]);
    rig.run();
    let mut next = vec![start(&mut log, 2)];
    next.extend((0..3).map(|n| trade(&mut log, &format!("n{n}"), n)));
    rig.sequence(2, &frames);
    rig.sequence(2, &next);
    rig.leading(2, parent, log.last);
    rig.run();
    let all = [frames, next].concat();
    assert_eq!((rig.position(), rig.engine.matcher.digest()), (log.last, digest(&all)));
    assert_eq!(rig.engine.receiver.comparison().attested(), Position::GENESIS);
    // And a place of the epoch before is compared no more.
    rig.hear(OTHER, present(parent, Digest(1), true));
    rig.run();
    assert_eq!(complaints(&rig), 0);
    rig.hear(OTHER, present(log.last, digest(&all), true));
    rig.run();
    assert_eq!(rig.engine.receiver.comparison().attested(), log.last);
}

#[cfg(lockstep_planted)]
mod planted {
    use super::*;
    use engine::WrongTwice;
    use engine::astray::Led;

    /// Where in the history the order stands that leads an engine astray.
    const ASTRAY: usize = 14;

    /// Two engines, and the test between them: it carries what they say, and decides as the supervisors do.
    struct Pair {
        rigs: [Rig; 2],
        tokens: [u64; 2],
        disputes: Disputes,
        log: Log,
        frames: Vec<Vec<u8>>,
        archive: Archive,
        notaries: [Notary; 2],
        /// How far what each has said was carried.
        carried: [usize; 2],
    }

    impl Pair {
        /// The first engine is hot; these may be led astray.
        fn new(led: [Led; 2]) -> Self {
            let archive = Archive::new(LIMITS);
            let notaries = [Notary::default(), Notary::default()];
            let rig = |at: usize| {
                Rig::of(Setup {
                    node: [NODE, OTHER][at],
                    past: archive.past(),
                    inquired: archive.past(),
                    scribe: Box::new(notaries[at].clone()),
                    led: led[at],
                    ..setup()
                })
            };
            let rigs = [rig(0), rig(1)];
            let disputes = Disputes::default();
            let mut pair = Self {
                rigs,
                tokens: [TOKEN; 2],
                disputes,
                log: Log::new(),
                frames: Vec::new(),
                archive,
                notaries,
                carried: [0; 2],
            };
            for rig in &mut pair.rigs {
                rig.quarantined(&[]);
                rig.hot_before(1, NODE, TOKEN, OTHER);
            }
            // From here on each says its word once within that time.
            pair.pass(PRESENT).expect("nothing ends");
            pair
        }

        /// These are stamped and committed.
        fn sequence(&mut self, frames: Vec<Vec<u8>>) {
            self.frames.extend(frames.iter().cloned());
            self.archive.kept().frames.extend(frames);
            for rig in &mut self.rigs {
                rig.sequence(1, &self.frames);
                rig.leading(1, Position::GENESIS, self.log.last);
            }
        }

        /// Time passes; what they say is carried from one to the other.
        fn pass(&mut self, time: Nanos) -> anyhow::Result<()> {
            let step = Nanos(PRESENT.0 / 10);
            for _ in 0..time.0 / step.0 {
                for at in 0..2 {
                    self.rigs[at].pass(step);
                    for _ in 0..20 {
                        self.rigs[at].cycle()?;
                    }
                    let said = self.rigs[at].wires.borrow().presents[self.carried[at]..].to_vec();
                    self.carried[at] += said.len();
                    for present in said {
                        self.tokens[at] = present.token;
                        self.rigs[1 - at].hear([NODE, OTHER][at], Message::Present(present));
                    }
                }
            }
            Ok(())
        }

        /// The dispute that both have heard of by now is opened.
        fn open(&mut self) -> Dispute {
            let dispute = *self.rigs[1].wires.borrow().differs.last().expect("it has complained");
            self.disputes.number += 1;
            self.disputes.open = Some(dispute);
            self.announce();
            dispute
        }

        /// This engine is found wrong.
        fn fence(&mut self, at: usize, differs: Differs) {
            let fenced = Fenced {
                engine: [NODE, OTHER][at],
                token: self.tokens[at],
                number: self.disputes.number,
                differs,
            };
            self.disputes.open = None;
            self.disputes.fenced = vec![fenced];
            self.announce();
        }

        fn announce(&mut self) {
            self.rigs.iter_mut().for_each(|rig| rig.disputed(&self.disputes));
        }

        fn finding(&self, at: usize) -> Finding {
            *self.rigs[at].wires.borrow().findings.last().expect("it has found something")
        }

        /// A history whose order at [`ASTRAY`] leads astray whom it can.
        fn begin(&mut self) {
            let mut frames = history(&mut self.log, 10);
            assert_eq!(frames.len(), ASTRAY);
            frames.push(trade(&mut self.log, "ASTRAY", 0));
            frames.extend((0..40).map(|n| trade(&mut self.log, &format!("p{n}"), n)));
            self.sequence(frames);
        }
    }

    #[test]
    fn of_two_engines_the_one_that_goes_astray_is_found_and_comes_back_equal() {
        for wrong in 0..2 {
            let mut led = [Led::Never; 2];
            led[wrong] = Led::Once;
            let mut pair = Pair::new(led);
            pair.begin();
            pair.pass(PRESENT).expect("nothing ends");
            // Within one interval both know, and say so.
            let at = pair.log.last;
            let right = digest(&pair.frames);
            for rig in &pair.rigs {
                assert_eq!(rig.wires.borrow().differs.last().map(|dispute| dispute.at), Some(at));
            }
            let dispute = pair.open();
            assert_eq!(dispute.between[1 - wrong].digest, right);
            assert_ne!(dispute.between[wrong].digest, right);
            pair.pass(PRESENT).expect("nothing ends");
            let first = position(&pair.frames[ASTRAY]);
            assert_eq!((pair.finding(wrong).truth, pair.finding(1 - wrong).truth), (right, right));
            assert_eq!(pair.finding(wrong).differs, Differs::From(first), "the order itself");
            assert_eq!(pair.finding(1 - wrong).differs, Differs::Nowhere);
            pair.fence(wrong, Differs::From(first));
            pair.pass(Nanos(2 * PRESENT.0)).expect("once is no reason to end");
            assert_eq!(pair.tokens[wrong], TOKEN + 1);
            for rig in &pair.rigs {
                assert_eq!((rig.position(), rig.engine.matcher.digest()), (at, right));
                assert!(rig.present().ready);
            }
            assert_eq!(pair.rigs[0].engine.matcher.speaks(), wrong == 1, "a hot one is silent");
            // And they go on together, and vouch for each other.
            let more = (0..10).map(|n| trade(&mut pair.log, &format!("q{n}"), n)).collect();
            pair.sequence(more);
            let said = pair.rigs.each_ref().map(complaints);
            pair.pass(Nanos(4 * PRESENT.0)).expect("nothing ends");
            assert_eq!(pair.rigs.each_ref().map(complaints), said);
            for rig in &pair.rigs {
                assert_eq!(rig.engine.receiver.comparison().attested(), pair.log.last);
            }
        }
    }

    #[test]
    fn the_inquiry_begins_with_the_newest_snapshot_from_before_the_engines_differed() {
        let mut pair = Pair::new([Led::Never, Led::Once]);
        let first = history(&mut pair.log, 10);
        pair.sequence(first);
        pair.pass(PRESENT).expect("nothing ends");
        let equal = pair.log.last;
        assert_eq!(pair.rigs[1].engine.receiver.comparison().attested(), equal);
        let astray = trade(&mut pair.log, "ASTRAY", 0);
        let more: Vec<_> = (0..20).map(|n| trade(&mut pair.log, &format!("p{n}"), n)).collect();
        pair.sequence([vec![astray], more].concat());
        // Two of them are older; one is of an engine that was wrong, and alone when it was taken.
        for upto in [5, 8] {
            pair.archive.keep(&alone(&pair.frames[..upto]));
        }
        pair.pass(Nanos(2 * PRESENT.0)).expect("nothing ends");
        pair.archive.keep(pair.rigs[1].engine.matcher.replica());
        pair.open();
        pair.pass(PRESENT).expect("nothing ends");
        let (right, first) = (digest(&pair.frames), position(&pair.frames[ASTRAY]));
        for at in 0..2 {
            let Finding { from, truth, .. } = pair.finding(at);
            assert_eq!((from, truth), (position(&pair.frames[7]).seq, right), "engine {at}");
        }
        assert_eq!(pair.finding(1).differs, Differs::From(first));
    }

    #[test]
    fn an_engine_that_goes_astray_again_when_it_has_begun_anew_ends() {
        let mut pair = Pair::new([Led::Never, Led::Always]);
        pair.begin();
        pair.pass(PRESENT).expect("nothing ends");
        for round in 0..2 {
            pair.open();
            pair.pass(PRESENT).expect("nothing ends");
            let differs = pair.finding(1).differs;
            assert_eq!(differs, Differs::From(position(&pair.frames[ASTRAY])), "round {round}");
            pair.fence(1, differs);
            match pair.pass(Nanos(2 * PRESENT.0)) {
                Ok(()) => assert_eq!(round, 0),
                Err(error) => {
                    let wrong = error.downcast::<WrongTwice>().expect("it says why");
                    assert_eq!((round, wrong.first, wrong.second), (1, 1, 2));
                    return;
                }
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn a_snapshot_of_the_engine_that_went_astray_is_never_shown() {
        let mut pair = Pair::new([Led::Never, Led::Once]);
        pair.begin();
        let frame = snapshot(&mut pair.log);
        pair.rigs.iter_mut().for_each(Rig::run);
        pair.sequence(vec![frame]);
        pair.pass(PRESENT).expect("nothing ends");
        assert_eq!(pair.notaries[1].drafts().at_hand, Some(pair.log.last), "it is the scribe");
        pair.pass(Nanos(20 * PRESENT.0)).expect("nothing ends");
        pair.open();
        pair.pass(Nanos(20 * PRESENT.0)).expect("nothing ends");
        assert!(pair.notaries[1].drafts().shown.is_empty());
        let wrong = pair.log.last;
        pair.fence(1, pair.finding(1).differs);
        pair.pass(Nanos(2 * PRESENT.0)).expect("nothing ends");
        assert_eq!(pair.notaries[1].drafts().given_up, [wrong]);
        // The next one is that of an engine like any other.
        let frame = snapshot(&mut pair.log);
        pair.sequence(vec![frame]);
        pair.pass(Nanos(2 * PRESENT.0)).expect("nothing ends");
        assert_eq!(pair.notaries[1].drafts().shown, [pair.log.last]);
    }
}
