//! Engines' words about their digests, held against each other: never beyond what is shared, never a right engine alone, and always
//! what can be known.

use cluster::{Differs, Disputes, Fenced, Present, Role, Testimony};
use engine::Comparison;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use wire::{Chain, Digest, Epoch, Incarnation, Nanos, NodeId, Position, Seq, Term};

const ME: NodeId = NodeId(20);
const TOKEN: u64 = 9;
const INTERVAL: Nanos = Nanos::from_millis(50);
const END: u64 = 400;

/// The history: epochs of some length.
fn place(seq: u64) -> Position {
    match seq {
        0 => Position::GENESIS,
        _ => Position { epoch: Epoch(1 + (seq / 90) as u32), seq: Seq(seq), chain: Chain(seq * 7) },
    }
}

/// What an engine holds that is wrong from a frame on.
fn digest(engine: NodeId, wrong_from: Option<u64>, seq: u64) -> Digest {
    let wrong = wrong_from.is_some_and(|from| seq >= from);
    Digest(seq * 1_000 + if wrong { u64::from(engine.0) } else { 0 })
}

fn present(token: u64, seq: u64, digest: Digest, ready: bool) -> Present {
    Present {
        role: Role::Engine,
        token,
        incarnation: Incarnation(0),
        epoch: place(seq).epoch,
        position: place(seq),
        ready,
        term: Term(1),
        digest: (seq > 0).then_some(digest),
    }
}

/// Another engine of a story.
struct Other {
    node: NodeId,
    token: u64,
    wrong_from: Option<u64>,
    at: u64,
    /// What was said and not compared yet.
    waiting: Option<u64>,
    heard: Nanos,
}

#[test]
fn in_every_story_what_differs_is_found_where_it_is_shared_and_nothing_else_is_said() {
    let (mut found, mut equals) = (0, 0);
    for seed in 0..400 {
        let mut random = SmallRng::seed_from_u64(seed);
        let wrong_from = |random: &mut SmallRng| random.random_bool(0.3).then(|| random.random_range(1..END));
        let own_wrong = wrong_from(&mut random);
        let mut others: Vec<_> = [3, 30, 31]
            .into_iter()
            .take(random.random_range(1..=3))
            .map(|node| Other {
                node: NodeId(node),
                token: 1,
                wrong_from: wrong_from(&mut random),
                at: 0,
                waiting: None,
                heard: Nanos(0),
            })
            .collect();
        let mut comparison = Comparison::new(ME, TOKEN, INTERVAL);
        let (mut now, mut here, mut first) = (Nanos::SECOND, 0, 1);
        let mut equal_upto = 0;
        let mut known: BTreeMap<NodeId, u64> = BTreeMap::new();
        for _ in 0..600 {
            now = Nanos(now.0 + random.random_range(0..INTERVAL.0 / 4));
            let other = random.random_range(0..others.len());
            match random.random_range(0..20) {
                0..8 => {
                    let other = &mut others[other];
                    other.at = (other.at + random.random_range(0..6)).min(END);
                    let digest = digest(other.node, other.wrong_from, other.at);
                    comparison.handle_present(now, other.node, &present(other.token, other.at, digest, true));
                    other.heard = now;
                    if other.at > 0 {
                        other.waiting = other.waiting.or(Some(other.at));
                    }
                }
                8..17 => here = (here + random.random_range(0..6)).min(END),
                17 => {
                    // It is started again, and computes well.
                    let other = &mut others[other];
                    other.token += 1;
                    (other.wrong_from, other.waiting, other.heard) = (None, None, now);
                    known.remove(&other.node);
                    let digest = digest(other.node, None, other.at);
                    comparison.handle_present(now, other.node, &present(other.token, other.at, digest, true));
                    other.waiting = (other.at > 0).then_some(other.at);
                }
                18 if random.random_bool(0.2) => {
                    comparison.begin_again();
                    (here, equal_upto) = (0, 0);
                    first = random.random_range(1..20);
                    others.iter_mut().for_each(|other| other.waiting = None);
                    known.clear();
                }
                _ => {}
            }
            // One difference is told at a time; all are remembered.
            let held = |seq: Seq| {
                assert!(seq.0 <= here, "seed {seed}: asked for {seq}, this engine is at {here}");
                (seq.0 >= first).then(|| digest(ME, own_wrong, seq.0))
            };
            let told = comparison.advance(now, place(here), &held);
            let mut fresh = Vec::new();
            for other in &mut others {
                let key = |seq: u64| (place(seq).epoch, seq);
                let Some(seq) = other.waiting.filter(|seq| key(*seq) <= key(here)) else { continue };
                other.waiting = None;
                if place(seq).epoch != place(here).epoch || seq < first {
                    continue;
                }
                if digest(ME, own_wrong, seq) == digest(other.node, other.wrong_from, seq) {
                    equal_upto = equal_upto.max(seq);
                    equals += 1;
                    known.remove(&other.node);
                } else if let Entry::Vacant(entry) = known.entry(other.node) {
                    entry.insert(seq);
                    fresh.push((other.node, seq));
                }
            }
            assert_eq!(told.is_some(), !fresh.is_empty(), "seed {seed}");
            if let Some(told) = told {
                let theirs = told.between.iter().find(|said| said.engine != ME).expect("two engines");
                assert!(fresh.contains(&(theirs.engine, told.at.seq.0)), "seed {seed}: {told:?}");
                found += 1;
            }
            assert_eq!(comparison.attested(), place(equal_upto), "seed {seed}");
            let gone = |other: &Other| now.since(other.heard) >= Nanos(8 * INTERVAL.0);
            others.iter().filter(|other| gone(other)).for_each(|other| {
                known.remove(&other.node);
            });
            let said: Vec<_> = comparison.complaints(now).collect();
            assert_eq!(said.len(), known.len(), "seed {seed}: {said:?}, expected {known:?}");
            for dispute in said {
                assert!(dispute.is_sound());
                let own = dispute.testimony_of(ME, TOKEN).expect("about itself");
                let theirs = dispute.between.into_iter().find(|said| said.engine != ME).expect("two");
                let other = others.iter().find(|other| other.node == theirs.engine).expect("one of them");
                let at = dispute.at.seq.0;
                assert_eq!((known[&other.node], dispute.at), (at, place(at)));
                let expected = Testimony { token: other.token, ..theirs };
                assert_eq!((own.digest, theirs), (digest(ME, own_wrong, at), expected));
                let wrong = own_wrong.is_some_and(|from| at >= from)
                    || other.wrong_from.is_some_and(|from| at >= from);
                assert!(wrong, "seed {seed}: two right engines differ");
            }
        }
    }
    assert!(found > 200 && equals > 1_000, "{found} differences, {equals} equals");
}

fn heard(comparison: &mut Comparison, now: Nanos, said: Digest, ready: bool) {
    comparison.handle_present(now, NodeId(30), &present(1, 10, said, ready));
    comparison.advance(now, place(20), &|seq| Some(digest(ME, None, seq.0)));
}

#[test]
fn an_engine_is_alone_when_no_other_one_that_is_ready_was_heard_for_some_time() {
    let mut comparison = Comparison::new(ME, TOKEN, INTERVAL);
    let at = |intervals: u64| Nanos(Nanos::SECOND.0 + intervals * INTERVAL.0);
    comparison.advance(at(0), place(0), &|_| None);
    assert!(!comparison.is_alone(at(7)), "it has not listened for long");
    assert!(comparison.is_alone(at(8)));
    heard(&mut comparison, at(8), digest(ME, None, 10), false);
    assert!(comparison.is_alone(at(8)), "the other one cannot vouch yet");
    heard(&mut comparison, at(9), digest(ME, None, 10), true);
    assert!(!comparison.is_alone(at(16)));
    assert!(comparison.is_alone(at(17)));
    let other = present(1, 10, Digest(0), true);
    comparison.handle_present(at(17), NodeId(30), &Present { role: Role::Logger, ..other });
    comparison.handle_present(at(17), ME, &other);
    assert!(comparison.is_alone(at(17)), "neither a logger nor itself is another engine");
}

#[test]
fn a_process_that_was_found_wrong_is_not_compared_with_and_vouches_for_nobody() {
    let mut comparison = Comparison::new(ME, TOKEN, INTERVAL);
    let now = Nanos::SECOND;
    comparison.advance(now, place(0), &|_| None);
    let wrong = Fenced { engine: NodeId(30), token: 1, number: 1, differs: Differs::Nowhere };
    assert!(comparison.handle_disputed(&Disputes { number: 1, open: None, fenced: vec![wrong] }));
    let later = Nanos(now.0 + 8 * INTERVAL.0);
    for said in [Digest(5), digest(ME, None, 10)] {
        heard(&mut comparison, later, said, true);
        assert_eq!((comparison.complaints(later).count(), comparison.attested()), (0, Position::GENESIS));
        assert!(comparison.is_alone(later));
    }
}

#[test]
fn two_that_turn_out_to_be_equal_again_do_not_complain_any_more() {
    let mut comparison = Comparison::new(ME, TOKEN, INTERVAL);
    heard(&mut comparison, Nanos(1), Digest(5), true);
    assert_eq!((comparison.complaints(Nanos(1)).count(), comparison.is_disputed()), (1, true));
    heard(&mut comparison, Nanos(2), digest(ME, None, 10), true);
    assert_eq!((comparison.complaints(Nanos(2)).count(), comparison.is_disputed()), (0, false));
}
