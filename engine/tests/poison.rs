//! A command that makes an engine panic: the engine notes it and ends, stops before it when it is started again, and leaves it
//! out once an operator has said so.
//!
//! What needs a command that panics is built with `--cfg lockstep_planted` only; see `cluster::planted`.

mod hub;
mod support;

use engine::{Noted, Poison, PoisonInMemory, Replica};
use hub::{NODE, Rig, TOKEN, position};
use node::description::Standby;
use support::{ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Log, define, logon, order};
use wire::command::{Act, EpochStart, LoggerMember, MAX_LOGGERS, Opening, Quarantine, Side};
use wire::event::{Happening, RejectReason};
use wire::{Digest, Epoch, Event, Frame, Incarnation, Outbound, Position};

const RING: usize = 64;

/// An epoch, an instrument, two sessions, and ten orders: the one at `POISON` has a name that planted builds cannot bear.
fn history(log: &mut Log) -> Vec<Vec<u8>> {
    let mut frames = vec![start(log)];
    frames.push(log.stamp(GATEWAY, LIFE, &define(support::ACME, b"ACME")));
    frames.push(log.stamp(GATEWAY, LIFE, &logon(ALICE)));
    frames.push(log.stamp(GATEWAY, LIFE, &logon(BOB)));
    for n in 0..10 {
        let (session, side) = if n % 2 == 0 { (ALICE, Side::Buy) } else { (BOB, Side::Sell) };
        let name = if frames.len() == POISON { "POISON".to_owned() } else { format!("o{n}") };
        frames.push(log.stamp(GATEWAY, LIFE, &order(session, &name, side, 30, 100)));
    }
    frames
}

/// Where in the history the poisonous order stands: a buy that a later sell would meet.
const POISON: usize = 8;

fn start(log: &mut Log) -> Vec<u8> {
    let body = EpochStart {
        parent_epoch: Epoch(0),
        sequencer: hub::SEQUENCER,
        logger_count: 0,
        parent_seq: log.last.seq,
        parent_chain: log.last.chain,
        nonce: 1,
        cluster: 5,
        loggers: [LoggerMember::default(); MAX_LOGGERS],
        opening: Opening::AtStart,
        adopted: Default::default(),
        reserved: [0; 6],
    };
    log.stamp(hub::SEQUENCER, Incarnation(0), &body)
}

/// The stream's own word that a place is quarantined.
fn quarantine(log: &mut Log, place: Position) -> Vec<u8> {
    let Position { epoch, seq, chain } = place;
    let body = Quarantine { seq, chain, epoch, reserved: [0; 4], act: Act::default() };
    log.stamp(hub::SEQUENCER, Incarnation(0), &body)
}

/// What an engine comes to that sees this history and leaves out this place.
fn alone(history: &[Vec<u8>], skipped: Option<usize>) -> (Digest, Outbound) {
    let mut replica: Replica<_> = Desk::empty(LIMITS).replica;
    for (at, bytes) in history.iter().enumerate() {
        let frame = Frame::read(bytes).expect("whole");
        if Some(at) == skipped { replica.skip(&frame) } else { replica.apply(&frame) }.expect("follows");
    }
    (replica.digest(), replica.outbound())
}

fn state(rig: &Rig) -> (Digest, Outbound) {
    (rig.engine.matcher.digest(), rig.engine.matcher.replica().outbound())
}

/// A note of a former process about the history's poisonous order.
fn note(history: &[Vec<u8>]) -> PoisonInMemory {
    let mut poison = PoisonInMemory::default();
    let frame = history[POISON].clone();
    poison
        .note(&Noted { at: position(&frame), words: "no such level".to_owned(), frame })
        .expect("in memory");
    poison
}

/// An engine that is started again after that, before a history that is committed.
fn again(history: &[Vec<u8>], poison: PoisonInMemory) -> Rig {
    let mut rig = Rig::unheard(LIMITS, RING, Standby::Muted, poison);
    rig.sequence(1, history);
    rig.leading(1, Position::GENESIS, position(history.last().expect("not empty")));
    rig.run();
    rig
}

#[test]
fn an_engine_executes_nothing_before_it_has_heard_what_is_quarantined() {
    let history = history(&mut Log::new());
    let history = &history[..POISON];
    let mut rig = again(history, PoisonInMemory::default());
    assert_eq!((rig.position(), rig.present().ready), (Position::GENESIS, false));
    rig.quarantined(&[]);
    rig.run();
    assert_eq!((state(&rig), rig.present().ready), (alone(history, None), true));
}

#[test]
fn an_engine_that_is_started_again_stops_before_the_command_that_it_noted_and_says_so() {
    let history = history(&mut Log::new());
    let mut rig = again(&history, note(&history));
    rig.quarantined(&[]);
    rig.hot(1, NODE, TOKEN);
    rig.run();
    assert_eq!(state(&rig), alone(&history[..POISON], None), "all before it is executed");
    rig.pass(wire::Nanos::SECOND);
    rig.run();
    assert!(!rig.present().ready && !rig.engine.matcher.speaks());
    assert_eq!(rig.present().position, position(&history[POISON - 1]));
    {
        let wires = rig.wires.borrow();
        let plea = wires.pleas.last().expect("it has said");
        assert_eq!((plea.token, plea.at, &plea.frame), (TOKEN, position(&history[POISON]), &history[POISON]));
        assert_eq!(plea.words, "no such level");
        let cluster::status::Detail::Engine { stopped, ready, .. } =
            wires.statuses.last().expect("it has told").detail
        else {
            panic!("an engine's")
        };
        assert_eq!((stopped, ready), (Some(position(&history[POISON]).seq), false));
    }
    // An operator has spoken.
    rig.quarantined(&[position(&history[POISON])]);
    rig.run();
    assert_eq!(state(&rig), alone(&history, Some(POISON)));
    rig.pass(wire::Nanos::SECOND);
    rig.run();
    assert!(rig.present().ready && rig.engine.matcher.speaks());
}

#[test]
fn an_engine_that_knows_the_list_at_its_start_leaves_the_command_out_and_rejects_it() {
    let history = history(&mut Log::new());
    let place = position(&history[POISON]);
    for poison in [PoisonInMemory::default(), note(&history)] {
        let mut rig = Rig::unheard(LIMITS, RING, Standby::Muted, poison);
        rig.quarantined(&[place]);
        rig.hot(1, NODE, TOKEN);
        rig.sequence(1, &history);
        rig.leading(1, Position::GENESIS, position(history.last().expect("not empty")));
        rig.run();
        assert_eq!(state(&rig), alone(&history, Some(POISON)));
        let wires = rig.wires.borrow();
        let caused = |bytes: &&Vec<u8>| Event::read(bytes).expect("whole").cause() == place;
        let events: Vec<_> = wires.kept.values().filter(caused).collect();
        let [event] = events[..] else { panic!("{} events", events.len()) };
        let event = Event::read(event).expect("whole");
        assert_eq!({ event.header().session }, ALICE);
        assert!(
            matches!(event.happening(), Ok(Happening::Rejected(body)) if body.reason == RejectReason::Quarantined)
        );
    }
}

#[test]
fn a_note_about_another_history_stops_nobody() {
    let (ours, mut other) = (history(&mut Log::new()), Log::new());
    other.now = wire::Nanos(77_000);
    let other = history(&mut other);
    assert_eq!(position(&ours[POISON]).seq, position(&other[POISON]).seq);
    let ours = &ours[..];
    let (before, after) = (&ours[..POISON], &ours[POISON + 1..]);
    let mut rig = again(before, note(&other));
    rig.quarantined(&[]);
    rig.run();
    assert!(rig.present().ready, "the history is not that long yet");
    drop(rig);
    if !PLANTED {
        let mut rig = again(ours, note(&other));
        rig.quarantined(&[position(&other[POISON])]);
        rig.run();
        assert_eq!(state(&rig), alone(ours, None), "nor is anything left out, {} frames", after.len());
        assert!(rig.present().ready);
    }
}

/// Whether this build panics at the history's poisonous order.
const PLANTED: bool = cfg!(lockstep_planted);

#[test]
fn an_engine_that_hears_of_a_quarantine_too_late_begins_anew() {
    if PLANTED {
        return; // such an engine cannot be too late
    }
    let mut log = Log::new();
    let mut frames = history(&mut log);
    let place = position(&frames[POISON]);
    let mut rig = again(&frames, PoisonInMemory::default());
    rig.quarantined(&[]);
    rig.run();
    assert_eq!(state(&rig), alone(&frames, None));
    rig.quarantined(&[place]);
    rig.run();
    assert_eq!(state(&rig), alone(&frames, Some(POISON)), "it was said by a supervisor");
    // Or by the stream alone, to one that heard an old list.
    frames.push(quarantine(&mut log, place));
    frames.push(log.stamp(GATEWAY, LIFE, &order(ALICE, "last", Side::Buy, 30, 100)));
    let mut rig = again(&frames, PoisonInMemory::default());
    rig.quarantined(&[]);
    rig.run();
    assert_eq!(state(&rig), alone(&frames, Some(POISON)), "it was said by the stream");
    rig.pass(wire::Nanos::SECOND);
    rig.run();
    assert!(rig.present().ready);
}

#[test]
fn a_quarantine_in_the_stream_that_the_engine_knew_of_changes_nothing() {
    let mut log = Log::new();
    let mut frames = history(&mut log);
    let place = position(&frames[POISON]);
    frames.push(quarantine(&mut log, place));
    let mut rig = again(&frames, PoisonInMemory::default());
    rig.quarantined(&[place]);
    rig.run();
    let begun = rig.wires.borrow().begun.len();
    assert_eq!((state(&rig), begun), (alone(&frames, Some(POISON)), 1), "it began once");
}

#[cfg(lockstep_planted)]
mod planted {
    use super::*;
    use engine::Poisoned;

    /// The engine panics; gives what it ends with.
    fn until_it_ends(rig: &mut Rig) -> Poisoned {
        for _ in 0..10_000 {
            if let Err(error) = rig.cycle() {
                return error.downcast::<Poisoned>().expect("it says that a command made it panic");
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn an_engine_that_panics_notes_the_command_and_what_comes_after_it_is_the_same_on_every_engine() {
        let mut log = Log::new();
        let frames = history(&mut log);
        let place = position(&frames[POISON]);
        let mut states = Vec::new();
        for hot in [true, false] {
            let poison = PoisonInMemory::default();
            let mut rig = Rig::unheard(LIMITS, RING, Standby::Muted, poison.clone());
            rig.quarantined(&[]);
            if hot {
                rig.hot(1, NODE, TOKEN);
            }
            rig.sequence(1, &frames);
            // The hot one executes it before it is committed, the warm one after that.
            let committed = if hot { POISON - 1 } else { frames.len() - 1 };
            rig.leading(1, Position::GENESIS, position(&frames[committed]));
            let end = until_it_ends(&mut rig);
            assert_eq!((end.at, end.kind.as_str()), (place, "NewOrder"));
            assert!(end.words.contains("a planted panic"), "{}", end.words);
            let words = end.to_string();
            assert!(words.contains("lockstep quarantine 9 --config"), "{words}");
            let noted = poison.load().expect("it has noted it");
            assert_eq!((noted.at, &noted.frame), (place, &frames[POISON]));
            drop(rig);
            // Twice, as a service that is started again and again.
            for _ in 0..2 {
                let mut rig = again(&frames, poison.clone());
                rig.quarantined(&[]);
                rig.run();
                assert_eq!(rig.position(), position(&frames[POISON - 1]));
            }
            let mut rig = again(&frames, poison);
            rig.quarantined(&[]);
            rig.run();
            rig.quarantined(&[place]);
            rig.run();
            states.push(state(&rig));
        }
        // And one that has seen nothing of all this.
        let mut rig = again(&frames, PoisonInMemory::default());
        rig.quarantined(&[place]);
        rig.run();
        states.push(state(&rig));
        assert_eq!(states, [alone(&frames, Some(POISON)); 3]);
    }
}
