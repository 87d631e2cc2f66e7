//! Another sequencer takes over: what was not committed may be lost from the history, and clients notice nothing of it.

use crate::bench::{Bench, Plan};
use wire::Epoch;
use wire::event::Happening;

/// How often the engine has taken an order.
fn accepted(bench: &Bench) -> usize {
    bench.happenings().filter(|event| matches!(event.happening().unwrap(), Happening::Accepted(_))).count()
}

/// Client 0 has sent an order that is executed and not committed, which the next sequencer does not know of.
#[test]
fn an_uncommitted_report_is_dropped_and_its_number_comes_again_with_other_content() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.core.loggers_write = false;
    bench.order(0, "a", 1, 1, "1.00");
    bench.turns(20);
    let lost = bench.core.events.len() as u64;
    assert_eq!(accepted(&bench), 1);
    bench.fail_over(1);
    bench.core.loggers_write = true;
    bench.settle();
    let event = bench.happenings().nth(lost as usize - 1).unwrap().happening().unwrap();
    assert!(matches!(event, Happening::EpochStarted(_)), "{event:?}");
    let told = bench.hears(0, "150=0|11=a|34=2");
    assert!(told.number(17) > lost, "{told}");
    assert_eq!(
        told.number(37),
        bench.core.frames.len() as u64,
        "it has another place in the history that stands"
    );
    bench.hears_nothing(0);
}

#[test]
fn a_command_that_the_new_history_does_not_show_is_sent_again_and_executed_once() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.core.loggers_write = false;
    for n in 0..20 {
        bench.order(0, &format!("n{n}"), 1, 1, "1.00");
    }
    bench.turns(20);
    assert_eq!(bench.core.uncommitted(), 20);
    bench.fail_over(8);
    assert_eq!(bench.core.frames.len(), bench.core.committed.seq.0 as usize + 13);
    bench.core.loggers_write = true;
    bench.settle();
    assert_eq!((accepted(&bench), bench.core.engine.machine().resting_orders()), (20, 20));
    let names: Vec<_> = bench.unread(0).iter().map(|said| said.get(11).to_owned()).collect();
    assert_eq!(names, (0..20).map(|n| format!("n{n}")).collect::<Vec<_>>());
}

#[test]
fn what_clients_send_while_nobody_leads_is_done_by_whoever_leads_next() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.core.leads = false;
    bench.order(0, "a", 1, 1, "1.00");
    bench.say(1, "F", "11=c|41=nix|55=ABC|54=2");
    bench.pass(1);
    bench.hears_nothing(0);
    bench.hears_nothing(1);
    assert_eq!(bench.gateway(0).admission().in_flight(), 2);
    bench.fail_over(0);
    bench.settle();
    bench.hears(0, "150=0|11=a");
    bench.hears(1, "35=9|11=c");
}

#[test]
fn a_clients_session_survives_a_change_of_sequencer() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    let connection = bench.connection_of(0);
    let mut said = Vec::new();
    for epoch in 2..6 {
        bench.order(0, &format!("before{epoch}"), 1, 1, "1.00");
        bench.settle();
        bench.core.loggers_write = false;
        bench.order(0, &format!("during{epoch}"), 1, 1, "1.00");
        bench.turns(20);
        bench.core.leads = false;
        bench.order(0, &format!("without{epoch}"), 1, 1, "1.00");
        bench.turns(20);
        bench.fail_over(bench.core.uncommitted());
        assert_eq!(bench.core.epoch(), Epoch(epoch));
        bench.core.loggers_write = true;
        bench.settle();
        said.extend(bench.said_to(connection));
    }
    assert!(bench.is_logged_on(0) && !bench.is_closed(connection));
    let numbers: Vec<_> = said.iter().map(|said| said.number(34)).collect();
    assert_eq!(numbers, (2..14).collect::<Vec<_>>(), "nothing is left out or told twice");
    assert!(said.iter().all(|said| said.says("35=8|150=0|43=")), "{said:?}");
}

/// The first word that another one leads came before anything of its epoch, and its log is shorter than what was seen.
#[test]
fn what_was_seen_of_the_old_epoch_is_told_only_as_the_new_one_has_it() {
    let mut bench = Bench::with(Plan { gateways: 2, ..Plan::default() });
    bench.log_on([0]);
    bench.connect(1, 1);
    bench.settle();
    bench.unread(1);
    bench.core.loggers_write = false;
    // Client 0 was the first in the old history, and will be the second in the new one.
    bench.order(0, "first", 2, 1, "1.00");
    bench.turns(10);
    bench.order(1, "second", 2, 1, "1.00");
    bench.turns(10);
    bench.fail_over(2);
    bench.network.lose_all_of = Some(wire::NodeId(10));
    bench.turns(20);
    bench.network.lose_all_of = None;
    bench.core.loggers_write = true;
    bench.settle();
    let second = bench.hears(1, "150=0|11=second");
    let first = bench.hears(0, "150=0|11=first");
    assert!(first.number(37) > second.number(37) && first.number(17) > second.number(17), "{first} {second}");
    bench.hears_nothing(0);
    bench.hears_nothing(1);
}

#[test]
fn a_gateway_whose_opening_was_lost_opens_in_the_next_epoch() {
    let mut bench = Bench::new();
    bench.core.loggers_write = false;
    bench.restart(0, false);
    bench.turns(50);
    assert!(bench.core.uncommitted() > 0 && !bench.gateway(0).is_open());
    bench.fail_over(bench.core.uncommitted());
    bench.core.loggers_write = true;
    bench.settle();
    assert!(bench.gateway(0).is_open());
}
