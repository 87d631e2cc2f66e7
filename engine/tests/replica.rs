//! Two engines that follow one log are identical, and one that does not follow it says so.

mod support;

use engine::{Divergence, MARK_EVERY, MARKS_KEPT, Replica, Sequenced, SnapshotError, StateMachine};
use std::io::{self, Read, Write};
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Log, cancel, define, logon, order};
use wire::command::{RulesVersion, Side, Tick};
use wire::event::{self, RulesActivated, Speaker};
use wire::{Epoch, Frame, FrameError, NodeId, Outbound, Position, Rules, Seq, Term};

/// A little trading, as frames.
fn frames(log: &mut Log) -> Vec<Vec<u8>> {
    let mut frames = vec![
        log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")),
        log.stamp(GATEWAY, LIFE, &logon(ALICE)),
        log.stamp(GATEWAY, LIFE, &logon(BOB)),
    ];
    for n in 0..50_u32 {
        let (a, b, x) = (format!("a{n}"), format!("b{n}"), format!("x{n}"));
        frames.push(log.stamp(GATEWAY, LIFE, &order(ALICE, &a, Side::Buy, 30, 100 - 5 * i64::from(n % 4))));
        frames.push(log.stamp(GATEWAY, LIFE, &order(BOB, &b, Side::Sell, 20, 90 + 5 * i64::from(n % 3))));
        frames.push(log.stamp(GATEWAY, LIFE, &cancel(ALICE, &x, &a, Side::Buy)));
    }
    frames
}

fn apply<S: StateMachine>(replica: &mut Replica<S>, bytes: &[u8]) -> Result<(), Divergence> {
    replica.apply(&Frame::read(bytes).expect("a whole frame"))
}

#[test]
fn two_replicas_of_one_log_say_the_same_bytes_and_hold_the_same_digest() {
    let (mut one, mut two) = (Desk::empty(LIMITS).replica, Desk::empty(LIMITS).replica);
    let mut digests = Vec::new();
    for bytes in frames(&mut Log::new()) {
        apply(&mut one, &bytes).expect("follows");
        apply(&mut two, &bytes).expect("follows");
        assert!(one.events().eq(two.events()));
        assert_eq!(
            (one.digest(), one.position(), one.outbound()),
            (two.digest(), two.position(), two.outbound())
        );
        digests.push(one.digest());
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 153, "every command changes the digest");
}

#[test]
fn rules_that_came_after_this_build_stop_it_in_front_of_them() {
    let mut desk = Desk::empty(LIMITS);
    let known = desk.log.stamp(GATEWAY, LIFE, &RulesVersion { rules: engine::RULES, reserved: [0; 4] });
    apply(&mut desk.replica, &known).expect("these rules are known");
    let (before, digest) = (desk.replica.position(), desk.replica.digest());
    let asked = Rules(engine::RULES.0 + 1);
    let later = desk.log.stamp(GATEWAY, LIFE, &RulesVersion { rules: asked, reserved: [0; 4] });
    let stopped =
        apply(&mut desk.replica, &later).expect_err("nobody can follow rules that he does not have");
    assert!(matches!(stopped, Divergence::UnknownRules { reason, .. } if reason.asked == asked));
    assert!(stopped.to_string().contains("Run a build that has these rules"), "{stopped}");
    assert_eq!((desk.replica.position(), desk.replica.digest()), (before, digest), "nothing was applied");
    assert_eq!(desk.replica.machine().rules(), engine::RULES);
}

#[test]
fn the_speaker_does_not_change_the_digest() {
    let (mut one, mut two) = (Desk::empty(LIMITS).replica, Desk::empty(LIMITS).replica);
    for bytes in frames(&mut Log::new()) {
        apply(&mut one, &bytes).expect("follows");
        apply(&mut two, &bytes).expect("follows");
        for said in one.events_mut() {
            event::speak(said, Speaker { epoch: Epoch(9), term: Term(9), node: NodeId(9) });
        }
    }
    assert_eq!(one.digest(), two.digest());
}

/// Answers a rules command with its number plus an error of its own.
#[derive(Clone)]
struct Skewed(u32);

impl StateMachine for Skewed {
    const SNAPSHOT_VERSION: u32 = 1;

    fn apply(&mut self, input: &Sequenced<'_>, events: &mut engine::EventSink) {
        if let wire::Command::RulesVersion(asked) = input.command {
            let rules = Rules({ asked.rules }.0 + self.0);
            events.announce(&RulesActivated { rules, reserved: [0; 4] });
        }
    }

    fn skip(&mut self, _input: &Sequenced<'_>, _events: &mut engine::EventSink) {}

    fn snapshot(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.0.to_le_bytes())
    }

    fn restore(self, from: &mut impl Read) -> Result<Self, SnapshotError> {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        Ok(Self(u32::from_le_bytes(bytes)))
    }
}

#[test]
fn another_event_for_the_same_command_gives_another_digest() {
    let sink = || engine::EventSink::with_capacity(4);
    let (mut good, mut bad) = (Replica::new(Skewed(0), sink()), Replica::new(Skewed(1), sink()));
    let mut log = Log::new();
    let silent = log.stamp(GATEWAY, LIFE, &Tick {});
    let told = log.stamp(GATEWAY, LIFE, &RulesVersion { rules: Rules(1), reserved: [0; 4] });
    for replica in [&mut good, &mut bad] {
        apply(replica, &silent).expect("follows");
    }
    assert_eq!(good.digest(), bad.digest());
    for replica in [&mut good, &mut bad] {
        apply(replica, &told).expect("follows");
    }
    assert_eq!((good.position(), good.outbound()), (bad.position(), bad.outbound()));
    assert_ne!(good.digest(), bad.digest());
}

#[test]
fn a_frame_that_does_not_follow_is_refused_by_name_and_changes_nothing() {
    let mut replica = Desk::empty(LIMITS).replica;
    let frames = frames(&mut Log::new());
    apply(&mut replica, &frames[0]).expect("follows");
    let (digest, last) = (replica.digest(), replica.position());
    let mut other = Log::new();
    other.stamp(GATEWAY, LIFE, &define(support::ACME, b"OTHER"));
    for (wrong, why) in [
        (frames[0].clone(), "repeated"),
        (frames[2].clone(), "gap"),
        (other.stamp(GATEWAY, LIFE, &logon(ALICE)), "another history"),
    ] {
        let frame = Frame::read(&wrong).expect("whole").position();
        assert_eq!(apply(&mut replica, &wrong), Err(Divergence::DoesNotFollow { last, frame }), "{why}");
        assert_eq!(
            (replica.digest(), replica.position(), replica.events().len()),
            (digest, last, 0),
            "{why}"
        );
    }
    apply(&mut replica, &frames[1]).expect("the right one still follows");
}

#[test]
fn a_stamped_frame_that_this_build_cannot_read_is_refused_by_position() {
    let mut replica = Desk::empty(LIMITS).replica;
    let mut bytes = Log::new().stamp(GATEWAY, LIFE, &order(ALICE, "a", Side::Buy, 10, 100));
    // The side (behind session, client number and instrument) becomes 9, which is in no table.
    bytes[56 + 12] = 9;
    let at = wire::frame::stamp(&mut bytes, Position::GENESIS, Epoch(1), wire::Nanos(5));
    let refused = apply(&mut replica, &bytes);
    let reason = FrameError::Body { kind: 0x20, have: bytes.len() - 56 };
    assert_eq!(refused, Err(Divergence::Unreadable { at, reason }));
    assert_eq!(replica.position(), Position::GENESIS);
}

#[test]
fn marks_stand_at_every_thousand_and_twenty_fourth_command_and_the_last_ones_are_kept() {
    let mut desk = Desk::empty(LIMITS);
    let mut digests = Vec::new();
    for n in 1..=MARK_EVERY * (MARKS_KEPT as u64 + 3) + 5 {
        desk.send(&RulesVersion { rules: Rules(0), reserved: [0; 4] });
        if n % MARK_EVERY == 0 {
            digests.push((desk.replica.position(), desk.replica.digest(), Outbound(n + 1)));
        }
    }
    let marks: Vec<_> = desk.replica.marks().map(|mark| (mark.at, mark.digest, mark.outbound)).collect();
    assert_eq!(marks, digests[3..]);
    assert_eq!(marks[0].0.seq, Seq(MARK_EVERY * 4));
}

#[test]
fn a_clone_goes_on_like_the_original() {
    let frames = frames(&mut Log::new());
    let mut one = Desk::empty(LIMITS).replica;
    for bytes in &frames[..80] {
        apply(&mut one, bytes).expect("follows");
    }
    let mut two = one.clone();
    for bytes in &frames[80..] {
        apply(&mut one, bytes).expect("follows");
        apply(&mut two, bytes).expect("follows");
    }
    assert_eq!(one.digest(), two.digest());
    two.machine().audit().expect("the state agrees with itself");
}

/// A clerk that cannot count beyond six: it panics at every seventh rules command.
#[derive(Clone, Default)]
struct Clerk(u32);

impl StateMachine for Clerk {
    const SNAPSHOT_VERSION: u32 = 1;

    fn apply(&mut self, input: &Sequenced<'_>, events: &mut engine::EventSink) {
        if let wire::Command::RulesVersion(asked) = input.command {
            self.0 += 1;
            assert!(self.0 < 7, "six is the most");
            events.announce(&RulesActivated { rules: asked.rules, reserved: [0; 4] });
        }
    }

    fn skip(&mut self, _input: &Sequenced<'_>, events: &mut engine::EventSink) {
        events.announce(&RulesActivated { rules: Rules(0), reserved: [0; 4] });
    }

    fn snapshot(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.0.to_le_bytes())
    }

    fn restore(self, _from: &mut impl Read) -> Result<Self, SnapshotError> {
        Ok(self)
    }
}

#[test]
fn a_command_that_is_left_out_has_its_place_its_events_and_its_part_in_the_digest() {
    let sink = || engine::EventSink::with_capacity(4);
    let mut log = Log::new();
    let frames: Vec<_> = (0..9)
        .map(|n| log.stamp(GATEWAY, LIFE, &RulesVersion { rules: Rules(n), reserved: [0; 4] }))
        .collect();
    let lived = |poison: usize| {
        let mut replica = Replica::new(Clerk::default(), sink());
        for (at, bytes) in frames.iter().enumerate() {
            let frame = Frame::read(bytes).expect("a whole frame");
            if at < 6 {
                replica.apply(&frame).expect("follows");
            } else {
                replica.skip(&frame).expect("follows");
            }
            assert_eq!(replica.events().len(), 1, "frame {at}");
        }
        assert_eq!(replica.position(), log.last);
        assert_eq!(replica.outbound(), Outbound(10));
        let mut other = Replica::new(Clerk::default(), sink());
        for (at, bytes) in frames.iter().enumerate().take(poison) {
            let frame = Frame::read(bytes).expect("a whole frame");
            if at < 5 { other.apply(&frame) } else { other.skip(&frame) }.expect("follows");
        }
        (replica.digest(), other.digest())
    };
    let (whole, other) = lived(frames.len());
    assert_ne!(whole, other, "leaving out a command shows in the digest");
    assert_eq!(whole, lived(0).0, "and two that leave out the same are the same");
    let mut replica = Replica::new(Clerk::default(), sink());
    let gap = Frame::read(&frames[1]).expect("a whole frame");
    assert!(matches!(replica.skip(&gap), Err(Divergence::DoesNotFollow { .. })));
}
