//! What clients are told of their orders.

use crate::bench::Bench;

#[test]
fn a_new_order_is_acknowledged_with_the_number_that_the_exchange_gave_it() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.order(0, "a1", 1, 10, "10.05");
    bench.settle();
    let ack = bench.hears(
        0,
        "35=8|150=0|39=0|11=a1|55=ABC|54=1|38=10|40=2|44=10.05|59=0|151=10|14=0|49=EXCHANGE|56=CLIENT1",
    );
    assert_eq!(ack.get(6).parse::<f64>(), Ok(0.0));
    assert_eq!(ack.number(37), bench.core.frames.len() as u64, "an order is named by its sequence number");
    bench.hears_nothing(0);
}

#[test]
fn a_fill_is_reported_to_both_sides_under_one_trade() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "sell", 2, 10, "10.05");
    bench.settle();
    bench.hears(0, "150=0|11=sell");
    bench.order(1, "buy", 1, 4, "10.10");
    bench.settle();
    bench.hears(1, "150=0|39=0|11=buy|151=4|14=0");
    let taker = bench.hears(1, "35=8|150=F|39=2|11=buy|31=10.05|32=4|14=4|151=0|44=10.10|38=4|54=1|851=2");
    let maker = bench.hears(0, "35=8|150=F|39=1|11=sell|31=10.05|32=4|14=4|151=6|44=10.05|38=10|54=2|851=1");
    assert_eq!(maker.get(6).parse::<f64>(), Ok(10.05));
    assert_eq!(taker.get(6).parse::<f64>(), Ok(10.05));
    assert_eq!(maker.get(527), taker.get(527), "both sides name the same trade");
    assert_ne!(maker.get(17), taker.get(17), "but each report has its own ExecID");
    assert_ne!(maker.get(37), taker.get(37));
    bench.hears_nothing(0);
    bench.hears_nothing(1);
}

#[test]
fn an_order_that_meets_several_prices_is_told_its_average() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "s1", 2, 1, "10.00");
    bench.order(0, "s2", 2, 3, "10.10");
    bench.order(1, "buy", 1, 9, "10.20");
    bench.settle();
    bench.hears(1, "150=0|11=buy|151=9");
    bench.hears(1, "150=F|39=1|31=10.00|32=1|14=1|151=8");
    let last = bench.hears(1, "150=F|39=1|31=10.10|32=3|14=4|151=5");
    assert_eq!(last.get(6).parse::<f64>(), Ok(10.075));
    bench.hears_nothing(1);
}

#[test]
fn a_market_order_is_filled_and_its_rest_is_cancelled_with_the_reason() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "sell", 2, 3, "10.00");
    bench.say(1, "D", "11=m|55=ABC|54=1|38=5|40=1|59=3");
    bench.settle();
    bench.hears(1, "150=0|11=m|40=1|44=|59=3");
    bench.hears(1, "150=F|39=1|32=3|31=10.00|151=2");
    bench.hears(1, "150=4|39=4|11=m|41=|14=3|151=0|58=market order: no more counterparties");
}

#[test]
fn a_cancel_is_confirmed_under_its_own_name_with_the_orders_beside_it() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    bench.order(0, "a1", 1, 10, "10.00");
    bench.settle();
    let order = bench.hears(0, "150=0").number(37);
    bench.say(0, "F", "11=c1|41=a1|55=ABC|54=1|38=10");
    bench.settle();
    let cancelled = bench.hears(0, "35=8|150=4|39=4|11=c1|41=a1|151=0|14=0|38=10|58=");
    assert_eq!(cancelled.number(37), order);
    assert_eq!(bench.core.engine.machine().resting_orders(), 0);
    bench.say(0, "F", "11=c2|41=a1|55=ABC|54=1");
    bench.settle();
    bench.hears(0, "35=9|11=c2|41=a1|39=4|434=1|102=0|58=the order is already filled or cancelled");
}

#[test]
fn a_replace_is_confirmed_under_the_new_name_and_can_match() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "a1", 1, 10, "10.00");
    bench.order(1, "b1", 2, 4, "10.50");
    bench.settle();
    let order = bench.hears(0, "150=0").number(37);
    bench.hears(1, "150=0");
    bench.say(0, "G", "11=a2|41=a1|55=ABC|54=1|38=12|40=2|44=10.50");
    bench.settle();
    let replaced = bench.hears(0, "35=8|150=5|11=a2|41=a1|38=12|44=10.50|151=12|14=0");
    assert_eq!(replaced.number(37), order, "it stays the same order");
    bench.hears(0, "150=F|39=1|11=a2|32=4|31=10.50|14=4|151=8");
    bench.hears(1, "150=F|39=2|11=b1|32=4|14=4|151=0");
    bench.say(0, "G", "11=a3|41=a2|55=ABC|54=1|38=4|40=2|44=10.50");
    bench.settle();
    bench.hears(0, "35=9|11=a3|41=a2|39=1|434=2|102=99|58=OrderQty(38) is not above what is already filled");
}

#[test]
fn a_name_that_was_used_before_is_refused_and_the_order_of_that_name_is_named() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(0, "same", 1, 10, "10.00");
    bench.settle();
    let order = bench.hears(0, "150=0").number(37);
    bench.order(0, "same", 1, 10, "10.00");
    bench.settle();
    let refused = bench.hears(0, "35=8|150=8|39=8|103=6|11=same|37=NONE|14=0|151=0");
    assert!(refused.get(58).ends_with(&format!("it names order {order}")), "{refused}");
    assert_eq!(bench.core.engine.machine().resting_orders(), 1);
    bench.order(1, "same", 1, 10, "10.00");
    bench.settle();
    bench.hears(1, "150=0|11=same");
}
