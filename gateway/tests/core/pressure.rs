//! When the way to the sequencer fills up: new orders are refused first, what makes the market safer passes.

use crate::bench::{Bench, Plan};
use wire::event::Happening;

fn narrow(limit: u64) -> Bench {
    Bench::with(Plan { in_flight_limit: limit, ..Plan::default() })
}

fn orders(bench: &mut Bench, client: usize, from: u64, count: u64) {
    for n in from..from + count {
        bench.order(client, &format!("n{n}"), 1, 1, "1.00");
    }
}

#[test]
fn at_ninety_per_cent_new_orders_are_refused_and_cancels_pass() {
    let mut bench = narrow(20);
    bench.log_on([0, 1]);
    bench.order(1, "rests", 2, 1, "9.00");
    bench.settle();
    bench.hears(1, "150=0");
    bench.network.cut = true;
    orders(&mut bench, 0, 0, 18);
    bench.turns(5);
    bench.hears_nothing(0);
    orders(&mut bench, 0, 18, 1);
    bench.say(1, "F", "11=c|41=rests|55=ABC|54=2");
    bench.turns(5);
    let refused = bench.hears(0, "35=8|150=8|39=8|11=n18|37=NONE|103=0|55=ABC|54=1|38=1");
    assert_eq!(
        refused.get(58),
        "the exchange is too busy for new orders; cancels still pass, try again later"
    );
    assert!(refused.get(17).starts_with('G'), "it stands in no log: {refused}");
    bench.hears_nothing(1);
    assert_eq!((bench.gateway(0).shed(), bench.gateway(0).admission().in_flight()), (1, 19));
    bench.network.cut = false;
    bench.settle();
    bench.hears(1, "150=4|11=c|41=rests");
    assert_eq!(
        bench.unread(0).iter().filter(|said| said.says("150=0")).count(),
        18,
        "what was taken is done"
    );
    orders(&mut bench, 0, 30, 1);
    bench.settle();
    bench.hears(0, "150=0|11=n30");
}

#[test]
fn when_nothing_can_be_taken_a_cancel_is_told_so_by_its_name() {
    let mut bench = narrow(10);
    bench.log_on([0, 1]);
    bench.order(1, "rests", 2, 1, "9.00");
    bench.settle();
    bench.hears(1, "150=0");
    bench.network.cut = true;
    orders(&mut bench, 0, 0, 9);
    bench.say(0, "F", "11=c0|41=n0|55=ABC|54=1");
    bench.turns(5);
    bench.hears_nothing(0);
    bench.say(1, "F", "11=c1|41=rests|55=ABC|54=2");
    bench.say(1, "G", "11=r1|41=rests|55=ABC|54=2|38=2|40=2|44=9");
    bench.turns(5);
    let text = "58=the exchange core cannot be reached; nothing was changed, try again later";
    bench.hears(1, &format!("35=j|380=4|372=F|379=c1|{text}"));
    bench.hears(1, &format!("35=j|380=4|372=G|379=r1|{text}"));
    bench.network.cut = false;
    bench.settle();
    assert_eq!(bench.unread(0).len(), 10);
    bench.say(1, "F", "11=c1|41=rests|55=ABC|54=2");
    bench.settle();
    bench.hears(1, "150=4|11=c1|41=rests");
}

#[test]
fn a_logon_while_nothing_can_be_taken_is_refused() {
    let mut bench = narrow(10);
    bench.log_on([0]);
    bench.network.cut = true;
    orders(&mut bench, 0, 0, 9);
    bench.say(0, "F", "11=c0|41=n0|55=ABC|54=1");
    bench.turns(5);
    bench.connect(1, 0);
    bench.turns(5);
    bench.hears(1, "35=5|58=the exchange is too busy; try again later");
}

#[test]
fn a_logout_that_could_not_be_told_is_told_as_soon_as_there_is_room_and_before_the_next_logon() {
    let mut bench = narrow(10);
    bench.log_on([0, 1]);
    bench.network.hold = true;
    orders(&mut bench, 0, 0, 9);
    bench.say(0, "F", "11=c0|41=n0|55=ABC|54=1");
    bench.turns(5);
    bench.hang_up(0);
    bench.hang_up(1);
    bench.turns(5);
    // Client 0 is back in the very turn in which there is room.
    bench.network.hold = false;
    bench.connect(0, 0);
    bench.settle();
    let comings: Vec<_> = bench
        .happenings()
        .filter_map(|event| match event.happening().unwrap() {
            Happening::SessionOpened(_) => Some(({ event.header().session }.0, "on")),
            Happening::SessionClosed(_) => Some(({ event.header().session }.0, "off")),
            _ => None,
        })
        .collect();
    assert_eq!(comings[..4], [(1, "on"), (2, "on"), (1, "off"), (2, "off")]);
    if !bench.is_logged_on(0) {
        bench.connect(0, 0);
        bench.settle();
    }
    bench.order(0, "on", 1, 1, "1.00");
    bench.settle();
    let last = bench.heard(0).last().unwrap();
    assert!(last.says("150=0|11=on"), "{last}");
}
