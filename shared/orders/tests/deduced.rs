//! What no event tells: where orders stand, at which price, and what never rests.

mod listener;
#[path = "../../../engine/tests/support/mod.rs"]
mod support;

use listener::{LIMITS, Listener, buy, sell};
use orders::Touched;
use support::{ACME, ALICE, but, replace, replace_but};
use wire::command::SetPhase;
use wire::terms::{Act, Bands, OrderType, Phase, Side, TimeInForce};
use wire::{Price, Qty};

#[test]
fn a_replaced_iceberg_and_a_market_order_in_a_call_stand_where_the_engine_has_them() {
    let mut listener = Listener::new(&LIMITS);
    let set = |phase| SetPhase { instrument: ACME, phase, reserved: [0; 3], act: Act::default() };
    listener.hear(&set(Phase::Halted));
    listener.hear(&set(Phase::PreOpen));
    listener.hear(&but(sell("ice", 50, 100), |terms| terms.display = Qty(20)));
    listener.hear(&sell("plain", 10, 100));
    let ice = |text: &str, orig: &str, qty| {
        replace_but(replace(ALICE, text, orig, Side::Sell, qty, 100), |terms| terms.display = Qty(20))
    };
    let queue = |listener: &Listener| -> Vec<(u64, u64)> {
        listener.books.queue(ACME, Side::Sell).map(|it| ({ it.view.leaves }.0, it.shown.0)).collect()
    };
    listener.hear(&ice("ice2", "ice", 40));
    assert_eq!(queue(&listener), [(40, 20), (10, 10)], "it keeps its place");
    listener.hear(&ice("ice3", "ice2", 60));
    assert_eq!(queue(&listener), [(10, 10), (60, 20)], "it does not");
    listener.hear(&but(buy("m", 10, 0), |terms| terms.order_type = OrderType::Market));
    let edge = Bands::default().protection(Price(5), Side::Buy, Price(0));
    assert_eq!(listener.books.best(ACME, Side::Buy).map(|level| level.price), Some(edge));
}

#[test]
fn what_never_rests_is_never_shown() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let market = but(buy("m", 10, 0), |terms| terms.order_type = OrderType::Market);
    let immediate = but(buy("i", 10, 100), |terms| terms.time_in_force = TimeInForce::ImmediateOrCancel);
    let whole = but(buy("w", 90, 100), |terms| terms.time_in_force = TimeInForce::FillOrKill);
    for command in [market, immediate, whole] {
        let touched = listener.watch(&command);
        let bids = touched.iter().filter(|it| matches!(it, Touched::Levels { side: Side::Buy, .. }));
        assert_eq!(bids.count(), 0, "{touched:?}");
        assert_eq!(touched.first(), Some(&Touched::Nothing), "accepted, and shown nowhere");
    }
    assert!(listener.books.best(ACME, Side::Buy).is_none());
    assert_eq!(listener.books.open_count(), 1);
}

#[test]
fn a_book_is_not_settled_while_an_order_that_could_rest_takes() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let told = listener.events(&buy("b", 70, 105));
    let settled: Vec<bool> = told
        .iter()
        .map(|bytes| {
            listener.take(bytes);
            listener.books.is_settled(ACME)
        })
        .collect();
    assert_eq!(settled, [false, false, true], "accepted, the maker's side, the taker's");
    let best = listener.books.best(ACME, Side::Buy).map(|level| (level.price, level.qty));
    assert_eq!(best, Some((Price(105), Qty(20))));
}
