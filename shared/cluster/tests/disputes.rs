//! Engines that differ, as the supervisors see them: what they decide, upon whose word, and what they wait for.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use cluster::supervision::{Roster, Timeouts, Undecided};
use cluster::{
    Control, Differs, Dispute, Disputes, Fenced, Finding, Hot, Message, Present, Reason, Record, Role,
    Supervisor, Testimony,
};
use wire::{Chain, Digest, Epoch, Incarnation, Nanos, NodeId, Position, Seq, Term};

const FAILOVER: u64 = 100;
/// What the log says at the disputed place.
const TRUTH: u64 = 0xA;

fn place(seq: u64) -> Position {
    Position { epoch: Epoch(1), seq: Seq(seq), chain: Chain(seq) }
}

/// What the first process of an engine holds.
fn holds(engine: u16, digest: u64) -> Testimony {
    Testimony { engine: NodeId(engine), token: u64::from(engine) * 10, digest: Digest(digest) }
}

fn between(one: Testimony, other: Testimony) -> Dispute {
    Dispute { at: place(70), between: [one, other] }
}

fn fenced(engine: u16, number: u64, differs: Differs) -> Fenced {
    Fenced { engine: NodeId(engine), token: u64::from(engine) * 10, number, differs }
}

/// A supervisor that leads, and hears the engines 2 (named first), 3 and 9. All of them say again and again what they have to
/// say.
#[derive(Clone)]
struct Bench {
    supervisor: Supervisor,
    now: u64,
    here: Vec<(u16, Present)>,
    claims: Vec<(u16, Dispute)>,
    findings: Vec<(u16, Finding)>,
    decided: Vec<Record>,
}

impl Bench {
    fn of(engines: &[u16]) -> Self {
        let mut bench = Self {
            supervisor: new_supervisor(),
            now: 1_000,
            here: Vec::new(),
            claims: Vec::new(),
            findings: Vec::new(),
            decided: Vec::new(),
        };
        for engine in engines {
            bench.begins(*engine, u64::from(*engine) * 10, true);
        }
        bench.pass(2 * FAILOVER);
        bench.decided.clear();
        bench
    }

    /// Engine 2 is hot, engine 3 is warm, and they differ.
    fn differing(two: u64, three: u64) -> Self {
        let mut bench = Self::of(&[2, 3]);
        bench.claims.push((3, between(holds(2, two), holds(3, three))));
        bench.pass(10);
        bench
    }

    /// A process of an engine is here, in place of any before it.
    fn begins(&mut self, engine: u16, token: u64, ready: bool) {
        let present = Present {
            role: Role::Engine,
            token,
            incarnation: Incarnation(0),
            epoch: Epoch(1),
            position: place(60),
            ready,
            term: Term(0),
            digest: None,
        };
        self.stops(engine);
        self.here.push((engine, present));
    }

    fn stops(&mut self, engine: u16) {
        self.here.retain(|(node, _)| *node != engine);
        self.claims.retain(|(node, _)| *node != engine);
        self.findings.retain(|(node, _)| *node != engine);
    }

    /// The first process of an engine says what it has found in this dispute.
    fn finds(&mut self, engine: u16, number: u64, truth: u64, differs: Differs) {
        let token = u64::from(engine) * 10;
        let finding = Finding { number, token, from: Seq(0), truth: Digest(truth), differs };
        self.findings.retain(|(node, _)| *node != engine);
        self.findings.push((engine, finding));
    }

    /// So much time passes; everyone who is here says all again, and what is proposed is applied.
    fn pass(&mut self, time: u64) {
        let until = self.now + time;
        while self.now < until {
            self.now += 10;
            let now = Nanos(self.now);
            for (node, present) in &self.here {
                self.supervisor.handle_message(now, NodeId(*node), &Message::Present(*present));
            }
            for (node, dispute) in &self.claims {
                self.supervisor.handle_message(now, NodeId(*node), &Message::Differ(*dispute));
            }
            for (node, finding) in &self.findings {
                self.supervisor.handle_message(now, NodeId(*node), &Message::Found(*finding));
            }
            while let Some(record) = self.supervisor.poll_proposal(now) {
                assert!(self.supervisor.handle_applied(now, &record), "{record:?} had no effect");
                self.decided.push(record);
            }
        }
    }

    fn disputes(&self) -> &Disputes {
        self.supervisor.control().disputes()
    }

    fn hot(&self) -> Hot {
        self.supervisor.control().hot().unwrap()
    }

    fn undecided(&self) -> Option<Undecided> {
        self.supervisor.undecided(Nanos(self.now))
    }

    fn told(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.supervisor.poll_announcement(Nanos(self.now))).collect()
    }

    /// The wrong ones of dispute `number`, once it is settled.
    #[track_caller]
    fn wrong(&self, number: u64) -> Vec<Fenced> {
        let settled = self.decided.iter().find_map(|record| match record {
            Record::Settle { number: of, wrong } if *of == number => Some(wrong.clone()),
            _ => None,
        });
        settled.unwrap_or_else(|| panic!("dispute {number} is open: {:?}", self.undecided()))
    }
}

fn new_supervisor() -> Supervisor {
    let engines = [2, 3, 9].map(NodeId).to_vec();
    let roster = Roster { engines, ..Roster::default() };
    let timeouts = Timeouts { failover: Nanos(FAILOVER), announce: Nanos(20), propose_again: Nanos(50) };
    Supervisor::new(roster, timeouts)
}

#[test]
fn what_both_engines_and_a_third_one_say_is_one_dispute() {
    let mut bench = Bench::of(&[2, 3, 9]);
    let dispute = between(holds(2, TRUTH), holds(3, 0xB));
    let later = Dispute { at: place(75), ..dispute };
    bench.claims = vec![(3, later), (9, dispute), (2, later)];
    bench.pass(20 * FAILOVER);
    assert_eq!(bench.decided, [Record::Dispute { number: 1, dispute }]);
    assert_eq!(bench.disputes(), &Disputes { number: 1, open: Some(dispute), fenced: Vec::new() });
    assert_eq!(bench.undecided(), Some(Undecided::Unheard(vec![NodeId(2), NodeId(3)])));
}

#[test]
fn a_dispute_is_not_opened_about_a_process_that_is_gone_or_is_no_engine_and_not_upon_a_claim_that_is_none() {
    let mut bench = Bench::of(&[2, 3]);
    bench.begins(4, 40, true);
    let differ = between(holds(2, TRUTH), holds(3, 0xB));
    let mut refused = |claim: Dispute| {
        bench.claims = vec![(2, claim)];
        bench.pass(3 * FAILOVER);
        assert_eq!(bench.decided, [], "{claim:?}");
    };
    refused(between(holds(2, TRUTH), Testimony { token: 31, ..holds(3, 0xB) }));
    refused(between(holds(2, TRUTH), holds(9, 0xB)));
    refused(between(holds(2, TRUTH), holds(3, TRUTH)));
    refused(between(holds(3, 0xB), holds(2, TRUTH)));
    refused(between(holds(2, TRUTH), holds(4, 0xB)));
    bench.claims = vec![(4, differ)];
    bench.pass(3 * FAILOVER);
    assert_eq!(bench.decided, [], "4 is no engine");
    bench.claims = vec![(2, differ)];
    bench.pass(10);
    assert_eq!(bench.decided.len(), 1);
}

#[test]
fn a_warm_engine_that_is_wrong_is_nobodys_successor_until_it_has_begun_again() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    assert_eq!(bench.hot().successor, Some(NodeId(3)), "nobody is judged before it is found wrong");
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.pass(10 * FAILOVER);
    assert_eq!(bench.undecided(), Some(Undecided::Unheard(vec![NodeId(3)])));
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    assert_eq!(bench.wrong(1), [fenced(3, 1, Differs::From(place(64)))]);
    assert_eq!((bench.disputes().open, bench.undecided()), (None, None));
    bench.pass(20);
    let alone = bench.hot();
    assert_eq!((alone.term, alone.engine), (Term(1), NodeId(2)), "the right one speaks on");
    assert_eq!((alone.successor, alone.scribe), (None, Some(NodeId(2))));
    bench.begins(3, 31, true);
    bench.pass(20);
    assert_eq!((bench.hot().successor, bench.hot().scribe), (Some(NodeId(3)), Some(NodeId(3))));
}

#[test]
fn a_hot_engine_that_is_wrong_is_followed_by_the_other_one_at_once() {
    let mut bench = Bench::differing(0xB, TRUTH);
    bench.finds(2, 1, TRUTH, Differs::From(place(64)));
    bench.finds(3, 1, TRUTH, Differs::Nowhere);
    bench.pass(10);
    let hot = Hot { term: Term(2), engine: NodeId(3), token: 30, successor: None, scribe: Some(NodeId(3)) };
    let decided = [
        Record::Dispute { number: 1, dispute: between(holds(2, 0xB), holds(3, TRUTH)) },
        Record::Settle { number: 1, wrong: vec![fenced(2, 1, Differs::From(place(64)))] },
        Record::Hot { after: Term(1), hot, why: Reason::Wrong },
    ];
    assert_eq!(bench.decided, decided);
}

#[test]
fn where_both_are_wrong_nobody_speaks_until_one_of_them_has_begun_again() {
    let mut bench = Bench::differing(0xB, 0xC);
    bench.finds(2, 1, TRUTH, Differs::From(place(64)));
    bench.finds(3, 1, TRUTH, Differs::Before(place(65)));
    bench.pass(20 * FAILOVER);
    let wrong = [fenced(2, 1, Differs::From(place(64))), fenced(3, 1, Differs::Before(place(65)))];
    assert_eq!(bench.wrong(1), wrong);
    let old = bench.hot();
    assert_eq!((old.term, old.engine, old.token), (Term(1), NodeId(2), 20), "there is nobody to name");
    assert_eq!((old.successor, old.scribe), (None, None));
    bench.begins(3, 31, true);
    bench.pass(10);
    let new = bench.hot();
    assert_eq!((new.term, new.engine, new.token), (Term(2), NodeId(3), 31));
    bench.begins(2, 21, true);
    bench.pass(20);
    assert_eq!((bench.hot().engine, bench.hot().successor), (NodeId(3), Some(NodeId(2))));
}

#[test]
fn an_engine_that_dies_meanwhile_is_waited_for_no_longer_than_any_other_and_the_finding_of_the_one_left_decides()
 {
    let mut bench = Bench::differing(0xB, TRUTH);
    bench.finds(3, 1, TRUTH, Differs::Nowhere);
    bench.stops(2);
    bench.pass(FAILOVER - 20);
    assert!(bench.disputes().open.is_some());
    bench.pass(20);
    // Had it only been held up, it would be a wrong one that speaks again.
    assert_eq!(bench.wrong(1), [fenced(2, 1, Differs::Before(place(70)))]);
    assert_eq!((bench.hot().engine, bench.hot().term), (NodeId(3), Term(2)));
}

#[test]
fn an_engine_that_is_started_again_meanwhile_is_another_one_and_not_waited_for_at_all() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.begins(3, 31, false);
    bench.pass(10);
    assert_eq!(bench.wrong(1), [fenced(3, 1, Differs::Before(place(70)))]);
    assert!(!bench.supervisor.control().is_fenced(NodeId(3), 31));
}

#[test]
fn the_one_that_is_left_may_be_the_wrong_one() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.stops(2);
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.undecided(), Some(Undecided::Unheard(vec![NodeId(3)])));
    assert_eq!(bench.hot().engine, NodeId(3), "it is not known yet");
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(20);
    assert_eq!(bench.wrong(1), [fenced(3, 1, Differs::From(place(64)))]);
    bench.begins(2, 21, true);
    bench.pass(20);
    assert_eq!((bench.hot().engine, bench.hot().token), (NodeId(2), 21));
}

#[test]
fn when_both_are_gone_the_dispute_is_over_and_nobody_was_wrong() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    // What was found before does not count any more.
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.pass(20);
    bench.stops(2);
    bench.stops(3);
    bench.pass(FAILOVER - 20);
    assert!(bench.disputes().open.is_some());
    bench.pass(20);
    assert_eq!(bench.wrong(1), []);
    assert_eq!(bench.disputes(), &Disputes { number: 1, open: None, fenced: Vec::new() });
}

#[test]
fn one_that_only_seemed_to_be_gone_differs_again() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    let held_up = bench.clone();
    bench.stops(2);
    bench.stops(3);
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.wrong(1), []);
    (bench.here, bench.claims) = (held_up.here, held_up.claims);
    bench.pass(20);
    assert_eq!((bench.disputes().number, bench.disputes().open.is_some()), (2, true));
    bench.finds(2, 2, TRUTH, Differs::Nowhere);
    bench.finds(3, 2, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    assert_eq!(bench.wrong(2), [fenced(3, 2, Differs::From(place(64)))]);
}

#[test]
fn two_truths_decide_nothing_until_one_engine_is_stopped_and_the_operator_is_told_again_and_again() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.finds(3, 1, 0xB, Differs::Nowhere);
    bench.pass(100 * FAILOVER);
    assert_eq!(bench.decided.len(), 1);
    let Some(Undecided::Contradiction([one, other])) = bench.undecided() else { panic!("it is one") };
    assert_eq!(
        (one.0, one.1.truth, other.0, other.1.truth),
        (NodeId(2), Digest(TRUTH), NodeId(3), Digest(0xB))
    );
    let (began, mut told) = (bench.now, Vec::new());
    for tenth in 0..120 {
        bench.now = began + tenth * 100_000_000;
        bench.pass(10);
        told.extend(bench.supervisor.poll_reminder(Nanos(bench.now)).map(|_| tenth));
    }
    assert_eq!(told, [0, 50, 100], "at once, then every five seconds");
    bench.stops(3);
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.wrong(1), [fenced(3, 1, Differs::Before(place(70)))]);
    assert_eq!(bench.supervisor.poll_reminder(Nanos(bench.now)), None);
}

#[test]
fn two_truths_may_be_settled_against_the_one_that_is_kept() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    // Engine 3 remembers something else than what its own machine makes of the log now.
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.finds(3, 1, 0xD, Differs::From(place(64)));
    bench.pass(10 * FAILOVER);
    bench.stops(2);
    bench.pass(2 * FAILOVER);
    let wrong = [fenced(2, 1, Differs::Before(place(70))), fenced(3, 1, Differs::From(place(64)))];
    assert_eq!(bench.wrong(1), wrong);
}

#[test]
fn the_operator_is_told_for_whose_finding_a_dispute_waits_when_it_takes_long() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    let (began, mut told) = (bench.now, Vec::new());
    for tenth in 0..120 {
        bench.now = began + tenth * 100_000_000;
        bench.pass(10);
        told.extend(bench.supervisor.poll_reminder(Nanos(bench.now)).map(|why| (tenth, why)));
    }
    let waits = Undecided::Unheard(vec![NodeId(3)]);
    assert_eq!(told, [(50, waits.clone()), (100, waits)]);
}

#[test]
fn what_is_said_late_of_or_by_a_process_that_was_found_wrong_or_is_over_changes_nothing() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(20);
    let (late, settled) = (bench.clone(), bench.disputes().clone());
    // The claim, and both findings, go on and on.
    bench.pass(20 * FAILOVER);
    assert_eq!((bench.disputes(), bench.decided.len()), (&settled, late.decided.len()));
    bench.begins(3, 31, true);
    (bench.claims, bench.findings) = (late.claims, late.findings);
    bench.pass(20 * FAILOVER);
    assert_eq!(bench.disputes(), &settled, "the new process is not the old one");
    // The new one differs too: what the old one found does not count for it, nor what it says with the old one's token.
    let again = between(holds(2, TRUTH), Testimony { token: 31, ..holds(3, 0xC) });
    bench.claims.push((2, again));
    bench.finds(3, 2, TRUTH, Differs::Nowhere);
    bench.pass(20);
    assert_eq!(bench.disputes().open, Some(again));
    let unheard = |nodes: &[u16]| Some(Undecided::Unheard(nodes.iter().map(|node| NodeId(*node)).collect()));
    assert_eq!(bench.undecided(), unheard(&[2, 3]), "what engine 2 found in dispute 1 is said late");
    bench.finds(2, 2, TRUTH, Differs::Nowhere);
    bench.finds(9, 2, 0xE, Differs::Nowhere);
    bench.pass(20);
    assert_eq!(bench.undecided(), unheard(&[3]));
    let own = Finding {
        number: 2,
        token: 31,
        from: Seq(0),
        truth: Digest(TRUTH),
        differs: Differs::From(place(66)),
    };
    bench.findings.push((3, own));
    bench.pass(20);
    let wrong = Fenced { token: 31, ..fenced(3, 2, Differs::From(place(66))) };
    assert_eq!((bench.wrong(2), &bench.disputes().fenced), (vec![wrong], &vec![wrong]));
}

#[test]
fn a_claim_that_is_repeated_no_more_does_not_count() {
    let mut bench = Bench::of(&[2, 3]);
    let dispute = Message::Differ(between(holds(2, TRUTH), holds(3, 0xB)));
    // It comes while engine 3 is away, from one that dies before engine 3 is back.
    bench.stops(3);
    bench.pass(2 * FAILOVER);
    bench.supervisor.handle_message(Nanos(bench.now), NodeId(9), &dispute);
    bench.pass(2 * FAILOVER);
    bench.begins(3, 30, true);
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.disputes().number, 0);
}

#[test]
fn another_supervisor_that_comes_to_lead_settles_what_it_finds_open_once_the_engines_have_said_it_again() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.pass(20);
    // It was started just now, and reads the control log. It has heard nobody, which does not mean that nobody is here.
    let now = Nanos(bench.now);
    let records =
        [Record::Hot { after: Term(0), hot: bench.hot(), why: Reason::First }, bench.decided[0].clone()];
    bench.supervisor = new_supervisor();
    for record in &records {
        assert!(bench.supervisor.handle_applied(now, record));
    }
    let proposed = bench.supervisor.poll_proposal(now);
    assert!(!matches!(proposed, Some(Record::Settle { .. })), "{proposed:?}");
    // One is heard before the other.
    let late = bench.here.pop().unwrap();
    bench.pass(FAILOVER / 2);
    bench.here.push(late);
    bench.pass(FAILOVER);
    assert_eq!(bench.undecided(), Some(Undecided::Unheard(vec![NodeId(3)])));
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    assert_eq!(bench.wrong(1), [fenced(3, 1, Differs::From(place(64)))]);
}

#[test]
fn a_supervisor_that_does_not_lead_knows_the_findings_when_it_comes_to_lead() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    let found = Message::Found(Finding {
        number: 1,
        token: 20,
        from: Seq(0),
        truth: Digest(TRUTH),
        differs: Differs::Nowhere,
    });
    let now = Nanos(bench.now);
    bench.supervisor.handle_message(now, NodeId(2), &found);
    let wrong = vec![fenced(3, 1, Differs::From(place(64)))];
    assert_eq!(bench.supervisor.poll_proposal(now), Some(Record::Settle { number: 1, wrong }));
}

#[test]
fn an_engine_that_took_over_by_itself_and_was_found_wrong_meanwhile_is_followed_at_once() {
    let mut bench = Bench::differing(TRUTH, 0xB);
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    let taken = Hot { term: Term(2), engine: NodeId(3), token: 30, successor: None, scribe: None };
    bench.supervisor.handle_message(Nanos(bench.now), NodeId(3), &Message::Hot(taken));
    bench.pass(10);
    let hot = bench.hot();
    assert_eq!((hot.term, hot.engine, hot.token), (Term(3), NodeId(2), 20));
}

#[test]
fn where_the_cluster_stands_is_told_at_once_and_then_again_and_again_but_not_before_there_was_a_dispute() {
    let mut bench = Bench::of(&[2, 3]);
    let disputed = |told: Vec<Message>| {
        told.into_iter().find_map(|message| match message {
            Message::Disputed(disputes) => Some(disputes),
            _ => None,
        })
    };
    assert_eq!(disputed(bench.told()), None);
    bench.claims.push((3, between(holds(2, TRUTH), holds(3, 0xB))));
    bench.pass(10);
    let open = bench.disputes().clone();
    assert_eq!(disputed(bench.told()), Some(open.clone()), "at once");
    assert_eq!(disputed(bench.told()), None);
    bench.pass(20);
    assert_eq!(disputed(bench.told()), Some(open), "and again");
    bench.finds(2, 1, TRUTH, Differs::Nowhere);
    bench.finds(3, 1, TRUTH, Differs::From(place(64)));
    bench.pass(10);
    let fenced = vec![fenced(3, 1, Differs::From(place(64)))];
    let settled = Disputes { number: 1, open: None, fenced };
    assert_eq!(disputed(bench.told()), Some(settled.clone()), "at once");
    bench.pass(20 * FAILOVER);
    assert_eq!(disputed(bench.told()), Some(settled), "for good");
}

#[test]
fn disputes_are_numbered_one_at_a_time_and_a_decision_that_comes_too_late_has_no_effect() {
    let mut control = Control::default();
    let dispute = between(holds(2, TRUTH), holds(3, 0xB));
    let open = |number, dispute| Record::Dispute { number, dispute };
    let settle = |number, wrong: &[Fenced]| Record::Settle { number, wrong: wrong.to_vec() };
    let wrong = fenced(3, 1, Differs::From(place(64)));
    let restarted = between(holds(2, TRUTH), Testimony { token: 31, ..holds(3, 0xC) });
    let third = between(Testimony { token: 31, ..holds(3, TRUTH) }, holds(9, 0xC));
    let again = Fenced { token: 31, number: 3, ..wrong };
    let steps = [
        (settle(0, &[]), false),
        (settle(1, &[]), false),
        (open(2, dispute), false),
        (open(1, Dispute { between: [holds(3, 1), holds(2, 2)], ..dispute }), false),
        (open(1, dispute), true),
        (open(1, dispute), false),
        (open(2, third), false), // one at a time
        (settle(2, &[wrong]), false),
        (settle(1, &[wrong]), true),
        (settle(1, &[]), false),
        (open(2, dispute), false), // one of them was found wrong
        (open(2, restarted), true),
        (settle(2, &[]), true),
        (open(3, third), true),
        (settle(3, &[again]), true),
    ];
    for (at, (record, effective)) in steps.iter().enumerate() {
        assert_eq!(control.apply(record), *effective, "step {at}: {record:?}");
    }
    assert_eq!(control.disputes(), &Disputes { number: 3, open: None, fenced: vec![again] });
    assert!(control.is_fenced(NodeId(3), 31) && !control.is_fenced(NodeId(3), 32));
}
