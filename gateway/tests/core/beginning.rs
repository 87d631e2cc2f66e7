//! A gateway that starts where the first frames and events are not had in the streams any more begins with a snapshot.

use crate::bench::{Bench, Plan};
use wire::Incarnation;

/// Trades, takes a snapshot, and has nobody answer in the streams with anything from before it.
fn with_a_snapshot() -> Bench {
    let mut bench = Bench::with(Plan { gateways: 2, ..Plan::default() });
    bench.log_on([0, 2]);
    bench.order(0, "resting", 2, 10, "1.00");
    bench.order(2, "taking", 1, 4, "1.00");
    bench.say(0, "D", "11=paid|55=FND|54=1|38=1|40=2|44=2.00|1=11");
    bench.settle();
    bench.take_snapshot();
    bench.core.forget_what_is_said();
    bench
}

/// Clients of a gateway that was started again begin their numbers anew.
fn log_on_anew<const N: usize>(bench: &mut Bench, clients: [usize; N]) {
    for client in clients {
        bench.connect_with_reset(client, 0);
    }
    bench.settle();
    for client in clients {
        bench.hears(client, "35=A|141=Y");
        assert!(bench.is_logged_on(client));
    }
}

#[test]
fn a_gateway_that_begins_with_a_snapshot_trades_like_one_that_has_heard_everything() {
    let mut bench = with_a_snapshot();
    let events = bench.core.events.len() as u64;
    bench.restart(0, true);
    bench.settle();
    assert!(bench.gateway(0).is_open());
    assert_eq!(bench.gateway(0).incarnation(), Incarnation(2));
    assert_eq!(bench.node(0).committed(), bench.core.last());
    log_on_anew(&mut bench, [0, 2]);
    // What rests from before is filled, a name from before is known, and an account and its money are found.
    bench.order(2, "more", 1, 6, "1.00");
    bench.settle();
    bench.order(0, "resting", 1, 1, "1.00");
    bench.order(0, "second", 2, 1, "1.05");
    bench.settle();
    let filled = bench.hears(0, "150=F|11=resting|32=6|151=0|55=ABC|31=1.00");
    assert!(filled.number(17) > events, "{filled}");
    bench.hears(0, "150=8|11=resting|103=6");
    bench.hears(0, "150=0|11=second");
    bench.say(0, "G", "11=dearer|41=paid|55=FND|54=1|38=1|40=2|44=2.01|1=11");
    bench.settle();
    bench.hears(0, "150=5|11=dearer|41=paid|55=FND|44=2.01");
}

#[test]
fn it_knows_who_votes_though_the_epochs_first_frame_lies_before_the_snapshot() {
    let mut bench = with_a_snapshot();
    bench.restart(0, false);
    bench.settle();
    log_on_anew(&mut bench, [0]);
    // From here on nobody's word but the loggers' tells what is committed.
    bench.core.leads_in_silence = true;
    bench.order(0, "told", 2, 1, "1.05");
    bench.turns(40);
    bench.hears(0, "150=0|11=told");
}

#[test]
fn without_one_it_waits_for_the_first_frame_and_takes_nobody_in() {
    let mut bench = with_a_snapshot();
    bench.lose_archive();
    bench.restart(0, false);
    bench.pass(20);
    assert!(!bench.gateway(0).is_open());
    assert_eq!(bench.node(0).committed(), wire::Position::GENESIS);
}

#[test]
fn another_sequencer_takes_over_while_it_begins_and_after_it_has_begun() {
    for turns in [0, 1, 2, 3, 5, 8, 13, 40] {
        let mut bench = with_a_snapshot();
        bench.restart(0, false);
        bench.turns(turns);
        bench.fail_over(0);
        bench.keep_log();
        bench.settle();
        assert!(bench.gateway(0).is_open(), "after {turns} turns");
        log_on_anew(&mut bench, [0]);
        bench.order(0, "after", 2, 1, "1.05");
        bench.settle();
        bench.hears(0, "150=0|11=after");
    }
}
