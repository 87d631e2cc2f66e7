//! What supervisors decide, and what stands decided.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use cluster::supervision::{Roster, Timeouts};
use cluster::{
    Control, Electorate, Hot, Leading, Message, Present, Quorum, Reason, Record, Recovery, Role, Supervisor,
    Survivor, Voter,
};
use support::{voter, voters};
use wire::command::{Adopted, Opening};
use wire::{Chain, Epoch, Incarnation, Nanos, NodeId, Position, Seq, Term};

const FAILOVER: u64 = 100;

fn place(epoch: u32, seq: u64) -> Position {
    Position { epoch: Epoch(epoch), seq: Seq(seq), chain: Chain(seq) }
}

fn second_life(node: u16) -> Voter {
    Voter { incarnation: Incarnation(2), ..voter(node) }
}

/// A cluster as one supervisor that leads sees it: sequencers 1 and 6, engines 2 and 3, loggers 4, 7 and 8, gateway 5.
struct Bench {
    supervisor: Supervisor,
    now: u64,
    here: Vec<(NodeId, Present)>,
    leading: Option<(NodeId, Leading)>,
    decided: Vec<Record>,
}

impl Bench {
    fn new() -> Self {
        let ids = |nodes: &[u16]| nodes.iter().map(|node| NodeId(*node)).collect::<Vec<_>>();
        let roster = Roster {
            loggers: ids(&[4, 7, 8]),
            engines: ids(&[2, 3]),
            sequencers: ids(&[1, 6]),
            gateways: ids(&[5]),
        };
        let timeouts = Timeouts { failover: Nanos(FAILOVER), announce: Nanos(20), propose_again: Nanos(50) };
        let supervisor = Supervisor::new(roster, timeouts);
        Self { supervisor, now: 1_000, here: Vec::new(), leading: None, decided: Vec::new() }
    }

    fn present(&mut self, role: Role, node: u16, change: impl FnOnce(&mut Present)) {
        let mut present = Present {
            role,
            token: u64::from(node) * 10,
            incarnation: Incarnation(0),
            epoch: Epoch(0),
            position: Position::GENESIS,
            ready: true,
            term: Term(0),
            digest: None,
        };
        if let Some((_, before)) = self.here.iter().find(|(id, _)| id.0 == node) {
            present = *before;
        }
        change(&mut present);
        self.here.retain(|(id, _)| id.0 != node);
        self.here.push((NodeId(node), present));
    }

    fn gone(&mut self, node: u16) {
        self.here.retain(|(id, _)| id.0 != node);
    }

    /// A cluster that runs: epoch 1 of sequencer 1 is open.
    fn running() -> Self {
        let mut bench = Self::new();
        for (role, nodes) in [
            (Role::Logger, &[4, 7, 8][..]),
            (Role::Sequencer, &[1, 6]),
            (Role::Engine, &[2, 3]),
            (Role::Gateway, &[5]),
        ] {
            for node in nodes {
                bench.present(role, *node, |_| {});
            }
        }
        bench.pass(10);
        bench.admitted();
        bench.pass(10);
        bench.leads(1, 1, 5, 5);
        bench.pass(10);
        bench
    }

    /// Loggers and gateways take the lives that were issued to them.
    fn admitted(&mut self) {
        let control = self.supervisor.control().clone();
        for (node, present) in &mut self.here {
            if let Some(life) = control.life_of(*node).filter(|life| life.token == present.token) {
                present.incarnation = life.incarnation;
            }
        }
    }

    /// This sequencer leads that epoch, with so many stamped and committed.
    fn leads(&mut self, node: u16, epoch: u32, last: u64, committed: u64) {
        let nonce = self.here.iter().find(|(id, _)| id.0 == node).unwrap().1.token;
        let leading = Leading {
            epoch: Epoch(epoch),
            nonce,
            parent: Position::GENESIS,
            last: place(epoch, last),
            committed: place(epoch, committed),
            held: true,
            open: true,
        };
        self.leading = Some((NodeId(node), leading));
    }

    /// So much time passes; everyone who is here says so, and what is proposed is applied.
    fn pass(&mut self, time: u64) {
        let until = self.now + time;
        while self.now < until {
            self.now += 10;
            let now = Nanos(self.now);
            for (node, present) in &self.here {
                self.supervisor.handle_message(now, *node, &Message::Present(*present));
            }
            if let Some((node, leading)) = &self.leading {
                self.supervisor.handle_message(now, *node, &Message::Leading(*leading));
            }
            while let Some(record) = self.supervisor.poll_proposal(now) {
                assert!(self.supervisor.handle_applied(now, &record), "{record:?} had no effect");
                self.decided.push(record);
            }
        }
    }

    /// An operator says so.
    fn say(&mut self, word: &Recovery) {
        self.supervisor.handle_message(Nanos(self.now), NodeId(0), &Message::Recover(word.clone()));
        self.pass(20);
    }

    /// The grants since the last look: epoch, sequencer, reason.
    fn grants(&mut self) -> Vec<(u32, u16, Reason)> {
        let decided = std::mem::take(&mut self.decided);
        let grant = |record: &Record| match record {
            Record::Grant { epoch, sequencer, why, .. } => Some((epoch.0, sequencer.0, *why)),
            _ => None,
        };
        decided.iter().filter_map(grant).collect()
    }
}

#[test]
fn a_cluster_begins_when_all_its_loggers_are_here_and_every_one_of_them_is_asked() {
    let mut bench = Bench::new();
    for node in [4, 7] {
        bench.present(Role::Logger, node, |_| {});
    }
    bench.present(Role::Sequencer, 1, |_| {});
    bench.pass(500);
    bench.admitted();
    bench.pass(500);
    assert_eq!(bench.grants(), [], "logger 8 is missing");
    bench.present(Role::Logger, 8, |_| {});
    bench.pass(10);
    bench.admitted();
    bench.pass(10);
    assert_eq!(bench.grants(), [(1, 1, Reason::First)]);
    let grant = bench.supervisor.control().highest_grant().unwrap();
    assert_eq!(grant.quorum, Quorum::All(voters(&[4, 7, 8])));
    assert_eq!((grant.opening, grant.started), (Opening::AtOpen, false));
    bench.leads(1, 1, 1, 0);
    bench.pass(10);
    let control = bench.supervisor.control();
    assert!(control.highest_grant().unwrap().started, "a majority holds its first frame");
    assert_eq!(control.in_effect(), &voters(&[4, 7, 8]));
}

#[test]
fn a_sequencer_that_falls_silent_is_followed_by_the_other_within_the_timeout() {
    let mut bench = Bench::running();
    bench.grants();
    bench.pass(5 * FAILOVER);
    assert_eq!(bench.grants(), []);
    (bench.leading, _) = (None, bench.gone(1));
    bench.pass(FAILOVER - 20);
    assert_eq!(bench.grants(), []);
    bench.pass(40);
    assert_eq!(bench.grants(), [(2, 6, Reason::Silent)]);
    let grant = bench.supervisor.control().highest_grant().unwrap();
    assert_eq!(grant.quorum, Quorum::Majority(voters(&[4, 7, 8])));
    assert_eq!((grant.opening, grant.nonce), (Opening::AtStart, 60));
}

#[test]
fn a_sequencer_that_was_started_again_is_not_waited_for() {
    let mut bench = Bench::running();
    bench.grants();
    bench.present(Role::Sequencer, 6, |present| present.position = place(1, 4));
    bench.present(Role::Sequencer, 1, |present| present.token = 11);
    bench.leading = None;
    bench.pass(10);
    assert_eq!(bench.grants(), [(2, 6, Reason::StartedAgain)], "it has seen more");
}

#[test]
fn the_only_sequencer_gets_the_next_epoch_itself_once_it_is_another_process() {
    let mut bench = Bench::running();
    bench.gone(6);
    bench.pass(2 * FAILOVER);
    bench.grants();
    bench.present(Role::Sequencer, 1, |present| present.token = 11);
    bench.leading = None;
    bench.pass(10);
    assert_eq!(bench.grants(), [(2, 1, Reason::StartedAgain)]);
    assert_eq!(bench.supervisor.control().highest_grant().unwrap().nonce, 11);
}

#[test]
fn a_sequencer_that_leads_and_commits_nothing_is_replaced_and_each_time_more_patiently() {
    let mut bench = Bench::running();
    bench.grants();
    bench.leads(1, 1, 9, 5);
    bench.pass(3 * FAILOVER);
    assert_eq!(bench.grants(), []);
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.grants(), [(2, 6, Reason::Stuck)]);
    bench.leads(6, 2, 12, 5);
    bench.pass(6 * FAILOVER);
    assert_eq!(bench.grants(), [], "it waits twice as long");
    bench.pass(2 * FAILOVER);
    assert_eq!(bench.grants(), [(3, 1, Reason::Stuck)]);
}

#[test]
fn without_a_majority_of_loggers_nobody_is_granted_anything_since_it_would_help_nobody() {
    let mut bench = Bench::running();
    bench.gone(7);
    bench.gone(8);
    bench.pass(2 * FAILOVER);
    bench.grants();
    (bench.leading, _) = (None, bench.gone(1));
    bench.pass(20 * FAILOVER);
    assert_eq!(bench.grants(), []);
    bench.present(Role::Logger, 7, |present| present.incarnation = Incarnation(1));
    bench.pass(20);
    assert_eq!(bench.grants(), [(2, 6, Reason::Silent)]);
}

#[test]
fn a_logger_with_another_life_learns_and_votes_from_the_next_epoch_on_once_it_has_caught_up() {
    let mut bench = Bench::running();
    bench.leads(1, 1, 500, 500);
    bench.gone(8);
    bench.pass(2 * FAILOVER);
    bench.grants();
    let fresh = |present: &mut Present| {
        (present.token, present.incarnation, present.ready) = (81, Incarnation(0), false);
    };
    bench.present(Role::Logger, 8, |present| {
        present.role = Role::Logger;
        fresh(present);
    });
    bench.pass(10);
    bench.admitted();
    let life = Voter { node: NodeId(8), incarnation: Incarnation(2) };
    assert_eq!(bench.supervisor.control().life_of(NodeId(8)).unwrap().incarnation, life.incarnation);
    bench.present(Role::Logger, 8, |present| {
        (present.epoch, present.position, present.ready) = (Epoch(1), place(1, 499), true);
    });
    bench.pass(20);
    assert_eq!(bench.supervisor.control().voters(), &voters(&[4, 7, 8]), "499 of 500");
    bench.present(Role::Logger, 8, |present| present.position = place(1, 500));
    bench.pass(20);
    assert_eq!(bench.grants(), [(2, 1, Reason::Membership)], "to the process that leads");
    let grant = bench.supervisor.control().highest_grant().unwrap();
    assert!(grant.loggers.contains(life) && grant.opening == Opening::AtOpen && !grant.started);
    assert_eq!(grant.quorum, Quorum::Majority(voters(&[4, 7, 8])), "those in effect are asked");
    bench.leads(1, 2, 502, 500);
    bench.pass(10);
    assert!(bench.supervisor.control().in_effect().contains(life));
}

/// Sequencer 1 is gone, and these loggers have been started again without what they had acknowledged.
fn without_votes(lost: &[u16]) -> Bench {
    let mut bench = Bench::running();
    bench.leading = None;
    for node in [1, 4, 7, 8] {
        bench.gone(node);
    }
    bench.pass(2 * FAILOVER);
    for node in lost {
        bench.present(Role::Logger, *node, |present| {
            (present.role, present.token) = (Role::Logger, u64::from(*node) * 10 + 1);
            (present.epoch, present.position) = (Epoch(1), place(1, u64::from(*node)));
        });
    }
    bench.pass(5 * FAILOVER);
    bench.admitted();
    bench.pass(5 * FAILOVER);
    assert_eq!(bench.grants(), [(1, 1, Reason::First)]);
    bench
}

#[test]
fn when_no_majority_of_votes_exists_any_more_nothing_goes_on_without_an_operator() {
    let mut bench = without_votes(&[4, 7]);
    let short = bench.supervisor.shortage().unwrap().clone();
    assert_eq!(
        (short.over.as_slice(), short.missing.as_slice()),
        (&[voter(4), voter(7)][..], &[NodeId(8)][..])
    );
    assert!(!short.may_pass());
    bench.present(Role::Logger, 8, |present| {
        (present.role, present.incarnation) = (Role::Logger, Incarnation(1));
    });
    bench.pass(50 * FAILOVER);
    assert_eq!(bench.grants(), [], "all are here, and two have lost what they had");
    let stale = short.accepted();
    let word = bench.supervisor.shortage().unwrap().accepted();
    bench.say(&stale);
    assert_eq!(bench.grants(), [], "logger 8 was not there when that was said");
    bench.say(&Recovery { after: Epoch(0), ..word.clone() });
    bench.say(&Recovery { loggers: Vec::new(), ..word.clone() });
    assert_eq!(bench.grants(), []);
    bench.say(&word);
    assert_eq!(bench.grants(), [(2, 6, Reason::ColdStart)]);
    let all = [second_life(4), second_life(7), voter(8)];
    let grant = bench.supervisor.control().highest_grant().unwrap();
    assert_eq!(grant.quorum, Quorum::All(Electorate::new(all)));
    assert_eq!((grant.opening, grant.adopted), (Opening::AtOpen, Adopted::MayLack));
}

#[test]
fn an_operators_word_counts_for_one_epoch_that_starts() {
    let mut bench = without_votes(&[4, 7, 8]);
    let word = bench.supervisor.shortage().unwrap().accepted();
    bench.say(&word);
    assert_eq!(bench.grants(), [(2, 6, Reason::ColdStart)]);
    bench.gone(6);
    bench.pass(20 * FAILOVER);
    bench.present(Role::Sequencer, 1, |present| (present.role, present.token) = (Role::Sequencer, 11));
    bench.pass(20);
    assert_eq!(bench.grants(), [(3, 1, Reason::ColdStart)], "the first has released nothing");
    bench.leads(1, 3, 9, 9);
    bench.pass(20);
    let control = bench.supervisor.control();
    assert_eq!((control.in_effect().len(), control.recovery()), (3, None));
    assert!(control.in_effect().contains(second_life(4)) && bench.supervisor.shortage().is_none());
    bench.say(&word);
    assert_eq!(bench.grants(), [], "there is nothing to accept");
}

#[test]
fn with_some_loggers_gone_for_good_an_operator_goes_on_with_the_others_and_the_lost_may_return_as_learners() {
    let mut bench = Bench::running();
    (bench.leading, _) = (None, bench.gone(1));
    bench.gone(4);
    bench.gone(7);
    bench.present(Role::Logger, 8, |present| present.position = place(1, 9));
    bench.pass(20 * FAILOVER);
    bench.grants();
    let short = bench.supervisor.shortage().unwrap().clone();
    assert!(short.may_pass() && short.over.is_empty(), "they may come back with all that they have");
    bench.say(&short.accepted());
    assert_eq!(bench.grants(), [(2, 6, Reason::ColdStart)]);
    bench.leads(6, 2, 10, 10);
    bench.pass(20);
    assert_eq!(bench.supervisor.control().in_effect(), &voters(&[8]));
    bench.present(Role::Logger, 4, |present| {
        (present.role, present.incarnation, present.epoch) = (Role::Logger, Incarnation(1), Epoch(2));
        present.position = place(2, 10);
    });
    bench.pass(20);
    assert_eq!(bench.grants(), [(3, 6, Reason::Membership)]);
    assert_eq!(bench.supervisor.control().voters(), &voters(&[4, 8]));
}

#[test]
fn loggers_that_come_back_with_their_lives_need_no_operator() {
    let mut bench = Bench::running();
    for node in [1, 4, 7, 8] {
        bench.gone(node);
    }
    bench.leading = None;
    bench.pass(20 * FAILOVER);
    bench.grants();
    assert!(bench.supervisor.shortage().is_some());
    for node in [4, 8] {
        bench.present(Role::Logger, node, |present| {
            (present.role, present.incarnation) = (Role::Logger, Incarnation(1));
        });
    }
    bench.pass(20);
    assert_eq!(bench.grants(), [(2, 6, Reason::Silent)]);
    assert!(bench.supervisor.shortage().is_none());
}

#[test]
fn the_operator_is_told_of_a_shortage_that_lasts_and_then_every_few_seconds() {
    let bench = without_votes(&[4, 7, 8]);
    let mut supervisor = bench.supervisor.clone();
    let mut told = Vec::new();
    let began = bench.now;
    for tenth in 0..200 {
        let now = Nanos(began + tenth * 100_000_000);
        for (node, present) in &bench.here {
            supervisor.handle_message(now, *node, &Message::Present(*present));
        }
        assert_eq!(supervisor.poll_proposal(now), None);
        told.extend(supervisor.poll_plea(now).map(|_| tenth / 10));
        let said: Vec<_> = std::iter::from_fn(|| supervisor.poll_announcement(now)).collect();
        assert!(said.iter().any(|message| matches!(message, Message::Short(_))), "at {tenth}");
    }
    assert_eq!(told, [2, 7, 12, 17]);
}

#[test]
fn a_new_epoch_is_above_everything_that_any_logger_has_promised() {
    let mut bench = Bench::new();
    for node in [4, 7, 8] {
        bench.present(Role::Logger, node, |present| {
            (present.incarnation, present.epoch) = (Incarnation(1), Epoch(40 + u32::from(node)));
        });
    }
    bench.present(Role::Sequencer, 6, |_| {});
    bench.pass(20);
    assert_eq!(bench.grants(), [(49, 6, Reason::First)], "the control log is new, the loggers are not");
}

#[test]
fn the_described_hot_engine_is_named_first_and_another_one_when_it_falls_silent() {
    let mut bench = Bench::running();
    let first = bench.supervisor.control().hot().unwrap();
    assert_eq!((first.term, first.engine, first.successor), (Term(1), NodeId(2), Some(NodeId(3))));
    bench.gone(2);
    bench.pass(FAILOVER + 20);
    let second = bench.supervisor.control().hot().unwrap();
    assert_eq!((second.term, second.engine), (Term(2), NodeId(3)));
    bench.present(Role::Engine, 3, |present| present.ready = false);
    bench.pass(5 * FAILOVER);
    assert_eq!(bench.supervisor.control().hot(), Some(second), "there is nobody else");
}

#[test]
fn an_engine_that_took_over_by_itself_is_recorded_and_the_others_are_named_behind_it() {
    let mut bench = Bench::running();
    let first = bench.supervisor.control().hot().unwrap();
    assert_eq!((first.successor, first.scribe), (Some(NodeId(3)), Some(NodeId(3))));
    let taken = Hot { term: Term(2), engine: NodeId(3), token: 30, successor: None, scribe: None };
    let now = wire::Nanos(bench.now);
    bench.supervisor.handle_message(now, NodeId(7), &Message::Hot(taken));
    bench.pass(20);
    assert_eq!(bench.supervisor.control().hot(), Some(first), "nobody says it for another one");
    bench.supervisor.handle_message(now, NodeId(3), &Message::Hot(taken));
    bench.pass(20);
    let second = bench.supervisor.control().hot().unwrap();
    assert_eq!((second.rank(), second.token), (taken.rank(), 30));
    assert_eq!(second.successor, Some(NodeId(2)), "the one before is well, and stands behind it now");
    bench.gone(2);
    bench.pass(FAILOVER + 20);
    let alone = bench.supervisor.control().hot().unwrap();
    assert_eq!((alone.rank(), alone.successor), (taken.rank(), None));
    assert_eq!(alone.scribe, Some(NodeId(3)), "it writes its snapshots itself");
}

#[test]
fn a_term_whose_engine_died_before_the_supervisors_heard_of_it_is_followed_by_another_one() {
    let mut bench = Bench::running();
    bench.present(Role::Engine, 2, |present| present.term = Term(3));
    bench.gone(3);
    bench.pass(FAILOVER / 2);
    let first = bench.supervisor.control().hot().unwrap();
    assert_eq!((first.term, first.engine), (Term(1), NodeId(2)), "it may still say that it took term 3");
    bench.pass(FAILOVER);
    let next = bench.supervisor.control().hot().unwrap();
    assert_eq!(
        (next.term, next.engine),
        (Term(4), NodeId(2)),
        "the one that fell silent for it speaks again"
    );
}

#[test]
fn a_term_that_an_engine_took_is_recorded_if_it_ranks_higher_and_nothing_stands_behind_another_term() {
    let mut control = Control::default();
    let hot = |term, engine| Hot {
        term: Term(term),
        engine: NodeId(engine),
        token: 1,
        successor: None,
        scribe: None,
    };
    let taken = |term, engine| Record::Hot { after: Term(0), hot: hot(term, engine), why: Reason::TookOver };
    let named =
        |after, term, engine| Record::Hot { after: Term(after), hot: hot(term, engine), why: Reason::Silent };
    let seconds = |term, engine, successor| Record::Seconds {
        term: Term(term),
        engine: NodeId(engine),
        successor: Some(NodeId(successor)),
        scribe: None,
    };
    let steps = [
        (taken(1, 2), false), // there was no engine to take over from
        (named(0, 1, 2), true),
        (taken(2, 3), true),
        (named(1, 2, 2), false), // decided upon term 1
        (taken(2, 2), false),
        (taken(2, 4), true), // two took the same term: the higher number keeps it
        (taken(7, 3), true), // while no supervisor heard, more were taken
        (named(7, 7, 4), false),
        (named(7, 9, 2), true), // an engine has heard of term 8
        (seconds(7, 3, 2), false),
        (seconds(9, 2, 3), true),
        (seconds(9, 2, 3), false),
    ];
    for (at, (record, effective)) in steps.iter().enumerate() {
        assert_eq!(control.apply(record), *effective, "step {at}: {record:?}");
    }
}

#[test]
fn decisions_that_come_too_late_have_no_effect() {
    let mut control = Control::default();
    let admit =
        |node, token| Record::Admit { node: NodeId(node), token, above: Incarnation(0), logger: true };
    let grant = |after, epoch, cold: &[Voter]| Record::Grant {
        after: Epoch(after),
        epoch: Epoch(epoch),
        sequencer: NodeId(1),
        nonce: u64::from(epoch),
        cold: cold.to_vec(),
        why: Reason::First,
    };
    let hot = |after, term| Record::Hot {
        after: Term(after),
        hot: Hot { term: Term(term), engine: NodeId(2), token: 1, successor: None, scribe: None },
        why: Reason::First,
    };
    let started = |epoch: u32| Record::Started { epoch: Epoch(epoch), nonce: u64::from(epoch) };
    let other_process = Record::Started { epoch: Epoch(1), nonce: 9 };
    let promote = |epoch| Record::Promote {
        voter: Voter { node: NodeId(8), incarnation: Incarnation(3) },
        epoch: Epoch(epoch),
    };
    let first = [voter(4), voter(7), voter(8)];
    let recover = |after, voters: &[Voter]| Record::Recover {
        after: Epoch(after),
        loggers: voters.iter().map(|voter| Survivor { voter: *voter, last: Position::GENESIS }).collect(),
    };
    let present = [voter(4), voter(7), Voter { incarnation: Incarnation(3), ..voter(8) }];
    let steps = [
        (recover(0, &first), false), // nobody's votes are in effect
        (admit(4, 40), true),
        (admit(4, 40), false),
        (grant(0, 1, &[]), false), // nobody's votes are in effect
        (grant(0, 1, &first), true),
        (grant(0, 2, &first), false), // decided upon something that no longer stands
        (grant(1, 1, &[]), false),
        (other_process, false),
        (promote(1), false), // not started
        (started(1), true),
        (started(1), false),
        (admit(8, 80), true),
        (admit(8, 81), true),
        (promote(1), true),
        (promote(1), false),
        (recover(1, &first), false),
        (grant(1, 2, &present), false), // nobody said so
        (recover(0, &present), false),
        (recover(1, &present), true),
        (recover(1, &present), false),
        (grant(1, 2, &present[..2]), false), // that was not said
        (grant(1, 2, &[]), true),
        (started(1), false), // too late
        (promote(1), false),
        (grant(2, 3, &present), false), // an epoch that others voted for has come between
        (recover(2, &present), true),
        (grant(2, 3, &present), true),
        (grant(3, 4, &present), true), // the one before has not started
        (started(4), true),
        (grant(4, 5, &present), false),
        (hot(1, 2), false),
        (hot(0, 1), true),
        (hot(0, 1), false),
    ];
    for (at, (record, effective)) in steps.iter().enumerate() {
        assert_eq!(control.apply(record), *effective, "step {at}: {record:?}");
    }
    assert_eq!(control.in_effect().iter().collect::<Vec<_>>(), present);
}
