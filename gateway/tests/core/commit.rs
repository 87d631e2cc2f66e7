//! Nothing is told before it is committed, and nothing counts as committed but what a majority of the epoch's loggers holds.

use crate::bench::{Bench, Plan};
use crate::exchange::LOGGERS;
use wire::{Epoch, Event, Nanos, Outbound, Position};

/// Client 0 is logged on, and has sent an order that is sequenced and executed, but not committed.
fn with_an_uncommitted_order() -> Bench {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.core.loggers_write = false;
    bench.order(0, "a", 1, 1, "1.00");
    bench.turns(50);
    assert_eq!((bench.core.uncommitted(), bench.core.engine.machine().resting_orders()), (1, 1));
    bench
}

#[test]
fn no_report_leaves_before_its_frame_is_committed() {
    let mut bench = with_an_uncommitted_order();
    assert_eq!(bench.node(0).position(), bench.core.last(), "the gateway has seen it");
    bench.hears_nothing(0);
    bench.core.loggers_write = true;
    bench.settle();
    bench.hears(0, "150=0|11=a");
    assert_eq!(bench.node(0).committed(), bench.core.last());
}

#[test]
fn a_logon_is_answered_only_after_it_is_committed() {
    let mut bench = Bench::new();
    bench.core.loggers_write = false;
    bench.connect(0, 0);
    bench.turns(50);
    assert!(bench.core.uncommitted() > 0);
    bench.hears_nothing(0);
    bench.core.loggers_write = true;
    bench.settle();
    bench.hears(0, "35=A");
}

#[test]
fn acknowledgements_of_another_epoch_or_life_release_nothing() {
    let mut bench = with_an_uncommitted_order();
    let last = bench.core.last();
    let [one, two, three] = LOGGERS;
    bench.core.acknowledge(one, 1, last);
    for life in [0, 2, 9] {
        bench.core.acknowledge(two, life, last);
        bench.core.acknowledge(three, life, last);
    }
    for epoch in [Epoch(0), Epoch(2)] {
        bench.core.acknowledge(two, 1, Position { epoch, ..last });
        bench.core.acknowledge(three, 1, Position { epoch, ..last });
    }
    bench.turns(50);
    bench.hears_nothing(0);
    bench.core.acknowledge(three, 1, last);
    bench.turns(5);
    bench.hears(0, "150=0|11=a");
}

#[test]
fn an_acknowledgement_that_comes_before_its_frame_counts_when_that_comes() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.core.loggers_write = false;
    let next = Position { seq: bench.core.last().seq.next(), ..bench.core.last() };
    bench.core.acknowledge(LOGGERS[0], 1, next);
    bench.core.acknowledge(LOGGERS[1], 1, next);
    bench.turns(5);
    bench.order(0, "a", 1, 1, "1.00");
    bench.turns(5);
    bench.hears(0, "150=0|11=a");
}

/// It leaves room for others only once it is committed: until then it may have to be sent again.
#[test]
fn a_command_that_was_seen_but_is_not_committed_is_still_on_its_way() {
    let mut bench = with_an_uncommitted_order();
    assert_eq!(bench.gateway(0).admission().in_flight(), 1);
    bench.core.loggers_write = true;
    bench.settle();
    assert_eq!(bench.gateway(0).admission().in_flight(), 0);
}

/// As an engine would that has another history than the one that stands.
#[test]
fn an_event_of_a_void_cause_is_never_told_and_the_right_one_is() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.order(0, "a", 1, 1, "1.00");
    bench.settle();
    bench.hears(0, "150=0|11=a");
    let next = Outbound(bench.core.events.len() as u64 + 1);
    let mut wrong = bench.core.events.last().unwrap().clone();
    wrong[8..16].copy_from_slice(&next.0.to_le_bytes());
    wrong[40] ^= 1;
    let speaker = wire::event::Speaker { epoch: Epoch(1), ..Default::default() };
    wire::event::speak(&mut wrong, speaker);
    let event = Event::read(&wrong).unwrap();
    assert_eq!((event.header().outbound, event.cause().seq), (next, bench.core.last().seq));
    bench.core.tell_aside(next, &wrong);
    bench.turns(10);
    bench.hears_nothing(0);
    assert!(bench.node(0).void_events() > 0);
    bench.order(0, "b", 1, 1, "1.00");
    bench.settle();
    bench.hears(0, &format!("150=0|11=b|17={next}"));
    bench.hears_nothing(0);
}

/// The whole history lies before the first frame of the epoch, and is more than is held back.
#[test]
fn a_gateway_that_comes_late_takes_the_sequencers_word_for_what_is_committed() {
    let mut bench = Bench::with(Plan { remembered: 64, ..Plan::default() });
    bench.log_on([0]);
    for n in 0..300 {
        bench.order(0, &format!("n{n}"), 1, 1, "1.00");
    }
    bench.settle();
    bench.core.loggers_write = false;
    bench.fail_over(0);
    bench.restart(0, false);
    bench.turns(500);
    let committed = bench.node(0).committed();
    assert!(committed == bench.core.committed && committed.seq.0 > 300, "{committed}");
    assert!(!bench.gateway(0).is_open(), "its opening is not committed");
    bench.core.loggers_write = true;
    bench.settle();
    assert!(bench.gateway(0).is_open());
}

#[test]
fn without_the_gate_reports_leave_at_once() {
    let mut bench = Bench::with(Plan { commit_gate: false, ..Plan::default() });
    bench.log_on([0]);
    bench.core.loggers_write = false;
    bench.order(0, "a", 1, 1, "1.00");
    bench.turns(5);
    bench.hears(0, "150=0|11=a");
    assert_eq!(bench.core.uncommitted(), 1);
}

#[test]
fn while_nothing_is_committed_new_orders_are_refused_at_ninety_per_cent() {
    let mut bench = Bench::with(Plan { in_flight_limit: 20, ..Plan::default() });
    bench.log_on([0]);
    bench.core.loggers_write = false;
    for n in 0..19 {
        bench.order(0, &format!("n{n}"), 1, 1, "1.00");
    }
    bench.turns(10);
    bench.hears(0, "150=8|11=n18|103=0");
    bench.hears_nothing(0);
    bench.core.loggers_write = true;
    bench.settle();
    assert_eq!(bench.unread(0).iter().filter(|said| said.says("150=0")).count(), 18);
}

/// Others wait for what it says of itself: it is said again and again, and at once when it changes.
#[test]
fn a_gateway_wakes_in_time_to_say_that_it_is_here() {
    let bench = Bench::new();
    let due = bench.node(0).next_deadline().unwrap();
    assert!(due <= bench.now.saturating_add(Nanos(10_000_000)), "{due}");
}
