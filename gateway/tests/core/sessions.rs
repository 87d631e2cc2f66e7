//! Sessions come, go, come back, and move.

use crate::bench::{Bench, Plan};
use gateway::Numbered;
use wire::command::LogoutReason;
use wire::event::Happening;
use wire::{Frame, Incarnation, NodeId, SessionId};

fn two_gateways() -> Bench {
    Bench::with(Plan { gateways: 2, ..Plan::default() })
}

/// What the exchange was told of the ends of a session.
fn ends(bench: &Bench, session: u32) -> Vec<LogoutReason> {
    let of = bench.happenings().filter(|event| { event.header().session } == SessionId(session));
    let reasons = of.filter_map(|event| match event.happening().unwrap() {
        Happening::SessionClosed(closed) => Some(closed.reason),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn a_logon_is_answered_only_after_the_exchange_has_sequenced_it() {
    let mut bench = Bench::new();
    bench.core.engine_runs = false;
    bench.connect(0, 0);
    bench.turns(50);
    bench.hears_nothing(0);
    bench.core.engine_runs = true;
    bench.settle();
    bench.hears(0, "35=A|34=1|98=0|108=30|141=");
    assert_eq!(bench.core.engine.machine().session(SessionId(1)).unwrap().owner.unwrap().gateway.0, 10);
}

#[test]
fn a_logon_that_the_core_does_not_answer_is_refused_in_time() {
    let mut bench = Bench::new();
    bench.network.cut = true;
    bench.connect(0, 0);
    bench.pass(4);
    bench.hears_nothing(0);
    bench.pass(2);
    bench.hears(0, "35=5|58=the exchange core cannot be reached; try again later");
    assert!(!bench.is_connected(0));
    // It is back, and so is the client; the logon that nobody waits for any more changes nothing.
    bench.network.cut = false;
    bench.connect(0, 0);
    bench.settle();
    bench.hears(0, "35=A");
    bench.order(0, "a", 1, 1, "1.00");
    bench.settle();
    assert!(bench.heard(0).iter().any(|said| said.says("150=0|11=a")), "{:?}", bench.heard(0));
}

#[test]
fn a_logon_before_the_gateway_is_open_is_refused() {
    let mut bench = Bench::new();
    bench.network.cut = true;
    bench.restart(0, false);
    bench.turns(5);
    bench.connect(0, 0);
    bench.settle();
    bench.hears(0, "35=5|58=the gateway is still catching up with the exchange; try again in a moment");
    assert!(!bench.gateway(0).is_open());
}

#[test]
fn a_logout_is_answered_and_told_to_the_exchange() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.log_out(0);
    bench.settle();
    bench.hears(0, "35=5");
    assert_eq!(ends(&bench, 1), [LogoutReason::Requested]);
    assert_eq!(bench.core.engine.machine().session(SessionId(1)).unwrap().owner, None);
    assert_eq!(bench.gateway(0).logged_on(), 0);
}

#[test]
fn a_lost_connection_is_told_to_the_exchange_once() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.hang_up(0);
    bench.settle();
    assert_eq!(ends(&bench, 1), [LogoutReason::Disconnected]);
    // A connection that never logs on begins nothing, so it ends nothing.
    bench.connect(0, 0);
    bench.hang_up(0);
    bench.settle();
    assert!(ends(&bench, 1).len() <= 2, "{:?}", ends(&bench, 1));
}

#[test]
fn a_client_that_was_away_has_its_fills_resent() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "rests", 1, 10, "10.00");
    bench.settle();
    bench.hears(0, "150=0");
    bench.hang_up(0);
    bench.settle();
    bench.order(1, "hits", 2, 4, "10.00");
    bench.order(1, "again", 2, 6, "10.00");
    bench.settle();
    bench.connect(0, 0);
    bench.settle();
    bench.hears(0, "35=A|34=5");
    bench.hears(0, "35=8|150=F|11=rests|32=4|14=4|151=6|34=3|43=Y");
    bench.hears(0, "35=8|150=F|11=rests|32=6|14=10|151=0|34=4|43=Y|39=2");
    let fills: Vec<_> =
        bench.heard(0).iter().filter(|said| said.get(150) == "F").map(|said| said.get(32)).collect();
    assert_eq!(fills, ["4", "6"], "each is taken once");
}

#[test]
fn a_client_that_resets_begins_at_one() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.order(0, "a", 1, 1, "1.00");
    bench.settle();
    bench.hang_up(0);
    bench.settle();
    bench.connect_with_reset(0, 0);
    bench.settle();
    bench.hears(0, "35=A|34=1|141=Y");
    bench.order(0, "b", 1, 1, "1.00");
    bench.settle();
    bench.hears(0, "150=0|11=b|34=2");
}

#[test]
fn a_client_that_comes_back_at_once_is_answered_for_its_own_logon() {
    let mut bench = Bench::new();
    bench.core.engine_runs = false;
    bench.connect(0, 0);
    bench.turns(5);
    bench.hang_up(0);
    bench.turns(5);
    bench.connect(0, 0);
    bench.turns(5);
    bench.core.engine_runs = true;
    bench.settle();
    assert!(bench.is_logged_on(0));
    assert!(bench.core.engine.machine().session(SessionId(1)).unwrap().owner.is_some());
    bench.order(0, "a", 1, 1, "1.00");
    bench.settle();
    assert!(bench.heard(0).iter().any(|said| said.says("150=0|11=a")), "{:?}", bench.heard(0));
}

#[test]
fn a_session_moves_to_the_gateway_where_it_logs_on_last() {
    let mut bench = two_gateways();
    bench.log_on([0, 1]);
    bench.order(0, "rests", 1, 10, "10.00");
    bench.settle();
    let left = bench.connection_of(0);
    bench.connect(0, 1);
    bench.settle();
    let said = bench.said_to(left);
    assert!(said.last().unwrap().says("35=5|58=logged on through another gateway"), "{said:?}");
    assert!(bench.is_closed(left));
    bench.hears(0, "35=A");
    bench.order(1, "hits", 2, 10, "10.00");
    bench.settle();
    bench.hears(0, "150=F|11=rests|32=10");
    assert_eq!((bench.gateway(0).logged_on(), bench.gateway(1).logged_on()), (1, 1));
    assert_eq!(ends(&bench, 1), [], "nobody logged out at the exchange: it only moved");
}

#[test]
fn a_name_used_through_one_gateway_is_used_on_the_other_too() {
    let mut bench = two_gateways();
    bench.log_on([0]);
    bench.order(0, "same", 1, 10, "10.00");
    bench.settle();
    bench.connect(0, 1);
    bench.settle();
    bench.unread(0);
    bench.order(0, "same", 1, 10, "10.00");
    bench.settle();
    bench.hears(0, "150=8|103=6|11=same");
    assert_eq!(bench.core.engine.machine().resting_orders(), 1);
}

#[test]
fn a_move_that_dies_on_its_way_loses_no_fill() {
    let mut bench = two_gateways();
    bench.log_on([0, 1]);
    bench.order(0, "rests", 1, 10, "10.00");
    bench.settle();
    // The logon reaches the exchange, the client does not live to see it.
    bench.core.engine_runs = false;
    bench.connect(0, 1);
    bench.turns(5);
    bench.hang_up(0);
    bench.turns(5);
    bench.core.engine_runs = true;
    bench.settle();
    bench.order(1, "hits", 2, 10, "10.00");
    bench.settle();
    bench.connect(0, 1);
    bench.settle();
    let fills = bench.heard(0).iter().filter(|said| said.says("150=F|11=rests|32=10")).count();
    assert_eq!(
        fills,
        1,
        "the gateway that owns the session keeps what the client must hear: {:?}",
        bench.heard(0)
    );
}

#[test]
fn of_logons_that_cross_the_last_one_wins() {
    let mut bench = two_gateways();
    bench.core.engine_runs = false;
    bench.connect(0, 0);
    bench.turns(5);
    bench.hang_up(0);
    bench.turns(5);
    bench.connect(0, 1);
    bench.turns(5);
    let left = bench.connection_of(0);
    bench.connect(0, 0);
    bench.turns(5);
    bench.core.engine_runs = true;
    bench.settle();
    assert!(bench.is_logged_on(0) && bench.is_closed(left));
    assert_eq!((bench.gateway(0).logged_on(), bench.gateway(1).logged_on()), (1, 0));
    bench.order(0, "a", 1, 1, "1.00");
    bench.settle();
    let last = bench.heard(0).last().unwrap();
    assert!(last.says("150=0|11=a"), "{last}");
}

#[test]
fn a_restarted_gateway_knows_no_session_and_refuses_to_do_anything_twice() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "done", 1, 10, "10.00");
    bench.settle();
    bench.network.cut = true;
    bench.order(0, "lost", 1, 10, "10.00");
    bench.turns(5);
    bench.restart(0, true);
    bench.network.cut = false;
    bench.settle();
    assert!(!bench.is_connected(0) && bench.gateway(0).is_open());
    assert_eq!(bench.core.engine.machine().resting_orders(), 1, "the old life's command came too late");
    assert!(bench.core.intake.counters().refused_packets > 0);
    bench.connect_with_reset(0, 0);
    bench.settle();
    bench.hears(0, "35=A|34=1|141=Y");
    bench.order(0, "done", 1, 10, "10.00");
    bench.order(0, "lost", 1, 10, "10.00");
    bench.settle();
    bench.hears(0, "150=8|103=6|11=done");
    bench.hears(0, "150=0|11=lost");
    assert_eq!(bench.core.engine.machine().resting_orders(), 2);
}

#[test]
fn a_gateway_that_shuts_down_says_goodbye_to_clients_and_exchange() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.shut_down(0);
    bench.settle();
    bench.hears(0, "35=5|58=the gateway is shutting down");
    assert!(bench.is_closed(bench.connection_of(0)));
    assert_eq!(ends(&bench, 1), [LogoutReason::Gateway]);
}

#[test]
fn a_silent_client_is_asked_and_then_let_go() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    let connection = bench.connection_of(0);
    // Its process hangs: nothing is read or said any more.
    bench.freeze(0);
    bench.pass(35);
    assert!(!bench.is_closed(connection));
    bench.pass(60);
    assert!(bench.is_closed(connection));
    assert_eq!(ends(&bench, 1), [LogoutReason::Gateway]);
}

#[test]
fn an_idle_session_costs_the_same_however_often_it_came_and_went() {
    let idle = |comings: u64| {
        let mut bench = Bench::new();
        for _ in 0..comings {
            bench.log_on([0]);
            bench.pass(1);
            bench.hang_up(0);
            bench.settle();
        }
        bench.log_on([0]);
        bench.pass(100);
        let before = bench.work_of(0);
        bench.pass(200);
        assert!(bench.is_logged_on(0));
        bench.hears_nothing(0);
        bench.work_of(0) - before
    };
    assert_eq!(idle(20), idle(0));
}

/// The commands of gateway 0, in all its lives, as they stand in the log.
fn own_commands(bench: &Bench) -> Vec<Numbered> {
    let headers = bench.core.frames.iter().map(|frame| *Frame::read(frame).unwrap().header());
    let own = headers.filter(|header| { header.source } == NodeId(10));
    own.map(|header| Numbered { incarnation: header.incarnation, number: { header.source_seq }.0 }).collect()
}

/// Nothing that it sends is taken any more: were it to stay, its clients' orders would vanish without a word.
#[test]
fn a_gateway_ends_when_the_log_shows_a_later_life_of_it() {
    let mut bench = Bench::new();
    bench.restart(0, false);
    bench.settle();
    let mut former = bench.another_process(0);
    former.begin(bench.now, Incarnation(1), &mut |_| {}).unwrap();
    let overtaken =
        own_commands(&bench).into_iter().find_map(|command| former.handle_committed(command).err());
    let overtaken = overtaken.unwrap();
    assert_eq!((overtaken.own, overtaken.later), (Incarnation(1), Incarnation(2)));
}

/// The word that it has a life came late: another process has had a later one in the meantime.
#[test]
fn a_gateway_does_not_begin_a_life_that_is_over_already() {
    let mut bench = Bench::new();
    bench.restart(0, false);
    bench.settle();
    let mut slow = bench.another_process(0);
    own_commands(&bench).into_iter().for_each(|command| slow.handle_committed(command).unwrap());
    let overtaken = slow.begin(bench.now, Incarnation(1), &mut |_| panic!("it says nothing")).unwrap_err();
    assert_eq!((overtaken.own, overtaken.later), (Incarnation(1), Incarnation(2)));
}

/// What the supervisors had decided was lost: a life is issued that another process had before.
#[test]
fn a_gateway_ends_when_the_log_shows_commands_of_its_life_that_it_never_gave() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    let mut again = bench.another_process(0);
    again.begin(bench.now, Incarnation(1), &mut |_| {}).unwrap();
    let overtaken =
        own_commands(&bench).into_iter().find_map(|command| again.handle_committed(command).err());
    let overtaken = overtaken.unwrap();
    assert_eq!((overtaken.own, overtaken.later), (Incarnation(1), Incarnation(1)));
}

#[test]
fn a_gateway_without_a_life_refuses_logons_politely_until_it_has_one() {
    let mut bench = Bench::new();
    bench.core.admits = false;
    bench.restart(0, false);
    bench.connect(0, 0);
    bench.settle();
    bench.hears(0, "35=5|58=the exchange is not reachable yet; try again in a moment");
    assert!(!bench.is_connected(0) && bench.core.life_of(NodeId(10)) == Incarnation(1));
    bench.core.admits = true;
    bench.settle();
    assert_eq!(bench.gateway(0).incarnation(), Incarnation(2));
    bench.connect_with_reset(0, 0);
    bench.settle();
    bench.hears(0, "35=A|34=1|141=Y");
}
