//! Continuous trading by price and time: matching, cancel, replace, and what is wrong with an order's numbers, by name.

mod support;

use engine::Limits;
use support::{
    ALICE, BOB, Desk, LIFE, LIMITS, Said, Told, accepted, book, but, cancel, cancel_rejected, define, name,
    order, reason, rejected, replace, replace_but,
};
use wire::command::{NewOrder, OrderType, ReplaceOrder, Side, TimeInForce};
use wire::event::{CancelReason, Liquidity, OrderStatus, RejectReason, ResponseTo};
use wire::{ClOrdId, InstrumentId, NodeId, Notional, OrderId, Price, Qty, SessionId, TradeId};

use Side::{Buy, Sell};

/// (session, name, price, quantity, cum, leaves, liquidity) of every fill.
type Fill = (SessionId, ClOrdId, i64, u64, u64, u64, Liquidity);

fn fills(told: &[Told]) -> Vec<Fill> {
    told.iter()
        .filter_map(|t| match t.said {
            Said::Filled(f) => Some((
                t.session,
                f.order.cl_ord_id,
                { f.last_price }.0,
                { f.last_qty }.0,
                { f.order.cum }.0,
                { f.order.leaves }.0,
                f.liquidity,
            )),
            _ => None,
        })
        .collect()
}

fn queue(desk: &Desk, side: Side) -> Vec<ClOrdId> {
    let book = desk.replica.machine().book(support::ACME).expect("defined");
    book.queue(side).map(|order| order.cl_ord_id).collect()
}

fn market(session: SessionId, text: &str, side: Side, qty: u64) -> NewOrder {
    but(order(session, text, side, qty, 0), |t| t.order_type = OrderType::Market)
}

fn immediate(session: SessionId, text: &str, side: Side, qty: u64, price: i64) -> NewOrder {
    but(order(session, text, side, qty, price), |t| t.time_in_force = TimeInForce::ImmediateOrCancel)
}

// Matching.

#[test]
fn an_order_that_meets_nobody_rests_and_is_named_by_its_command() {
    let mut desk = Desk::new();
    let told = desk.send(&order(ALICE, "a", Buy, 30, 100));
    assert_eq!(told.len(), 1);
    assert_eq!(accepted(&told), OrderId(desk.log.last.seq.0));
    assert_eq!(told[0].session, ALICE);
    assert_eq!(book(&desk, Buy), [(100, 30, 1)]);
    assert_eq!(book(&desk, Sell), []);
}

#[test]
fn a_match_is_at_the_resting_price_and_told_to_maker_then_taker_under_one_trade() {
    let mut desk = Desk::new();
    let maker = accepted(&desk.send(&order(ALICE, "a", Sell, 30, 100)));
    let told = desk.send(&order(BOB, "b", Buy, 50, 120));
    let taker = accepted(&told);
    assert_eq!(
        fills(&told),
        [
            (ALICE, name("a"), 100, 30, 30, 0, Liquidity::Maker),
            (BOB, name("b"), 100, 30, 30, 20, Liquidity::Taker)
        ]
    );
    let [_, Told { said: Said::Filled(a), .. }, Told { said: Said::Filled(b), .. }] = told[..] else {
        panic!("acceptance and two fills were expected: {told:#?}")
    };
    assert_eq!(({ a.trade }, { b.trade }), (TradeId(1), TradeId(1)));
    assert_eq!(({ a.contra }, { b.contra }), (taker, maker));
    assert_eq!((a.order.status, b.order.status), (OrderStatus::Filled, OrderStatus::PartiallyFilled));
    assert_eq!({ b.order.notional }, Notional(3000));
    assert_eq!(book(&desk, Buy), [(120, 20, 1)], "the rest of a limit order rests at its own price");
}

#[test]
fn better_prices_are_matched_first_and_older_orders_first_at_one_price() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "late-price", Sell, 10, 110));
    desk.send(&order(ALICE, "first", Sell, 10, 105));
    desk.send(&order(ALICE, "second", Sell, 10, 105));
    desk.send(&order(ALICE, "best", Sell, 10, 100));
    assert_eq!(queue(&desk, Sell), ["best", "first", "second", "late-price"].map(name));
    let told = desk.send(&order(BOB, "b", Buy, 30, 110));
    let makers: Vec<_> = fills(&told).into_iter().filter(|fill| fill.6 == Liquidity::Maker).collect();
    assert_eq!(makers.iter().map(|fill| fill.1).collect::<Vec<_>>(), ["best", "first", "second"].map(name));
    assert_eq!(makers.iter().map(|fill| fill.2).collect::<Vec<_>>(), [100, 105, 105]);
    assert_eq!(book(&desk, Sell), [(110, 10, 1)]);
}

#[test]
fn a_partly_filled_maker_keeps_its_place() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "first", Buy, 30, 100));
    desk.send(&order(ALICE, "second", Buy, 30, 100));
    desk.send(&order(BOB, "b", Sell, 10, 100));
    assert_eq!(queue(&desk, Buy), ["first", "second"].map(name));
    assert_eq!(book(&desk, Buy), [(100, 50, 2)]);
}

#[test]
fn prices_that_do_not_cross_do_not_match() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Sell, 10, 105));
    assert_eq!(fills(&desk.send(&order(BOB, "b", Buy, 10, 100))), []);
    assert_eq!((book(&desk, Buy), book(&desk, Sell)), (vec![(100, 10, 1)], vec![(105, 10, 1)]));
}

#[test]
fn a_market_order_takes_any_price_and_its_remainder_is_cancelled_for_want_of_liquidity() {
    for time_in_force in [TimeInForce::Day, TimeInForce::GoodTillCancel, TimeInForce::ImmediateOrCancel] {
        let mut desk = Desk::new();
        desk.send(&order(ALICE, "a", Sell, 10, 105));
        desk.send(&order(ALICE, "b", Sell, 10, 1_000_000));
        let asked =
            but(market(BOB, "m", Buy, 50), |t| (t.time_in_force, t.price) = (time_in_force, Price(7)));
        let told = desk.send(&asked);
        assert_eq!(fills(&told).len(), 4);
        let Some(Told { said: Said::Cancelled(last), .. }) = told.last() else { panic!("{told:#?}") };
        assert_eq!(last.reason, CancelReason::NoLiquidity);
        assert_eq!(last.order.status, OrderStatus::Cancelled);
        assert_eq!(({ last.order.cum }, { last.order.leaves }), (Qty(20), Qty(0)));
        assert_eq!({ last.order.terms.price }, Price(0), "a market order has no price");
        assert!(last.request.is_empty());
        assert_eq!((book(&desk, Buy), book(&desk, Sell)), (vec![], vec![]));
    }
}

#[test]
fn an_immediate_order_is_cancelled_in_what_its_limit_leaves() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Sell, 10, 100));
    desk.send(&order(ALICE, "b", Sell, 10, 105));
    let told = desk.send(&immediate(BOB, "i", Buy, 30, 100));
    assert_eq!(fills(&told).len(), 2);
    let Some(Told { said: Said::Cancelled(last), .. }) = told.last() else { panic!("{told:#?}") };
    assert_eq!(last.reason, CancelReason::ImmediateRemainder);
    assert_eq!(({ last.order.cum }, { last.order.leaves }), (Qty(10), Qty(0)));
    assert_eq!((book(&desk, Buy), book(&desk, Sell)), (vec![], vec![(105, 10, 1)]));
    let whole = desk.send(&immediate(BOB, "j", Buy, 10, 105));
    assert_eq!(whole.len(), 3, "nothing is left to cancel: {whole:#?}");
}

#[test]
fn trades_are_counted_over_the_whole_exchange() {
    let mut desk = Desk::new();
    let bolt = InstrumentId(2);
    desk.send(&define(bolt, b"BOLT"));
    desk.send(&order(ALICE, "a", Sell, 10, 100));
    desk.send(&order(BOB, "b", Buy, 10, 100));
    desk.send(&but(order(ALICE, "c", Sell, 10, 100), |t| t.instrument = bolt));
    let told = desk.send(&but(order(BOB, "d", Buy, 10, 100), |t| t.instrument = bolt));
    let Some(Told { said: Said::Filled(last), .. }) = told.last() else { panic!("{told:#?}") };
    assert_eq!({ last.trade }, TradeId(2));
}

#[test]
fn the_largest_orders_at_the_highest_price_do_not_overflow() {
    let mut desk = Desk::new();
    let (most, highest) = (1 << 40, 1 << 40);
    let mut big = define(InstrumentId(2), b"BIG");
    (big.terms.tick, big.terms.lot) = (Price(1), Qty(1));
    desk.send(&big);
    for (session, text, side) in [(ALICE, "a", Sell), (ALICE, "b", Sell), (BOB, "c", Buy), (BOB, "d", Buy)] {
        let big = but(order(session, text, side, most, highest), |t| t.instrument = InstrumentId(2));
        accepted(&desk.send(&big));
    }
    desk.audit();
    assert_eq!(desk.replica.machine().resting_orders(), 0);
}

// Cancel.

#[test]
fn a_cancel_takes_the_order_out_and_names_the_request() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 30, 100)));
    let told = desk.send(&cancel(ALICE, "x", "a", Buy));
    let [Told { said: Said::Cancelled(body), session: ALICE, .. }] = told[..] else { panic!("{told:#?}") };
    assert_eq!(({ body.order.order }, body.reason, body.request), (id, CancelReason::Requested, name("x")));
    assert_eq!((body.order.cl_ord_id, { body.order.leaves }), (name("a"), Qty(0)));
    assert_eq!(book(&desk, Buy), []);
}

#[test]
fn a_cancel_in_the_middle_of_a_level_leaves_the_others_in_order() {
    let mut desk = Desk::new();
    for text in ["a", "b", "c"] {
        desk.send(&order(ALICE, text, Buy, 10, 100));
    }
    desk.send(&cancel(ALICE, "x", "b", Buy));
    assert_eq!(queue(&desk, Buy), ["a", "c"].map(name));
    desk.send(&cancel(ALICE, "y", "c", Buy));
    desk.send(&order(ALICE, "d", Buy, 10, 100));
    assert_eq!(queue(&desk, Buy), ["a", "d"].map(name));
    desk.audit();
}

#[test]
fn a_cancel_of_a_name_that_is_not_known_is_rejected_as_unknown() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Buy, 30, 100));
    let unknown = (RejectReason::UnknownOrder, OrderId(0), OrderStatus::Rejected, ResponseTo::Cancel);
    assert_eq!(cancel_rejected(&desk.send(&cancel(ALICE, "x", "nope", Buy))), unknown);
    assert_eq!(cancel_rejected(&desk.send(&cancel(BOB, "x", "a", Buy))), unknown, "another session's order");
    assert_eq!(book(&desk, Buy), [(100, 30, 1)]);
}

#[test]
fn a_cancel_of_a_filled_or_cancelled_order_is_too_late_and_tells_its_status() {
    let mut desk = Desk::new();
    let a = accepted(&desk.send(&order(ALICE, "a", Buy, 10, 100)));
    let b = accepted(&desk.send(&order(BOB, "b", Sell, 10, 100)));
    let late = |order, status| (RejectReason::TooLate, order, status, ResponseTo::Cancel);
    let filled = OrderStatus::Filled;
    assert_eq!(cancel_rejected(&desk.send(&cancel(ALICE, "x", "a", Buy))), late(a, filled));
    assert_eq!(cancel_rejected(&desk.send(&cancel(BOB, "x", "b", Sell))), late(b, filled));
    let c = accepted(&desk.send(&order(ALICE, "c", Buy, 10, 100)));
    desk.send(&cancel(ALICE, "y", "c", Buy));
    assert_eq!(cancel_rejected(&desk.send(&cancel(ALICE, "z", "c", Buy))), late(c, OrderStatus::Cancelled));
}

#[test]
fn a_cancel_that_names_another_instrument_or_side_is_a_mismatch() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 10, 100)));
    let mismatch = (RejectReason::OrderMismatch, id, OrderStatus::New, ResponseTo::Cancel);
    assert_eq!(cancel_rejected(&desk.send(&cancel(ALICE, "x", "a", Sell))), mismatch);
    let mut other = cancel(ALICE, "x", "a", Buy);
    other.instrument = InstrumentId(2);
    assert_eq!(cancel_rejected(&desk.send(&other)), mismatch);
}

// Replace.

#[test]
fn a_smaller_quantity_at_the_same_price_keeps_its_place() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 30, 100)));
    desk.send(&order(ALICE, "b", Buy, 30, 100));
    let told = desk.send(&replace(ALICE, "a2", "a", Buy, 20, 100));
    let [Told { said: Said::Replaced(body), .. }] = told[..] else { panic!("{told:#?}") };
    assert_eq!(
        ({ body.order.order }, body.order.cl_ord_id, body.orig_cl_ord_id),
        (id, name("a2"), name("a"))
    );
    assert_eq!(({ body.order.terms.qty }, { body.order.leaves }), (Qty(20), Qty(20)));
    assert_eq!(queue(&desk, Buy), ["a2", "b"].map(name));
    assert_eq!(book(&desk, Buy), [(100, 50, 2)]);
}

#[test]
fn a_larger_or_equal_quantity_or_another_price_loses_the_place() {
    for (qty, price) in [(40, 100), (30, 100), (20, 105)] {
        let mut desk = Desk::new();
        desk.send(&order(ALICE, "b", Buy, 30, price));
        desk.send(&order(ALICE, "a", Buy, 30, 100));
        desk.send(&order(ALICE, "c", Buy, 30, price));
        desk.send(&replace(ALICE, "a2", "a", Buy, qty, price));
        assert_eq!(queue(&desk, Buy), ["b", "c", "a2"].map(name));
        desk.audit();
    }
}

#[test]
fn a_replaced_price_that_crosses_matches_after_the_replacement_is_told() {
    let mut desk = Desk::new();
    desk.send(&order(BOB, "b", Sell, 20, 105));
    desk.send(&order(ALICE, "a", Buy, 30, 100));
    let told = desk.send(&replace(ALICE, "a2", "a", Buy, 30, 105));
    assert!(matches!(told[0].said, Said::Replaced(body) if body.order.status == OrderStatus::New));
    assert_eq!(
        fills(&told),
        [
            (BOB, name("b"), 105, 20, 20, 0, Liquidity::Maker),
            (ALICE, name("a2"), 105, 20, 20, 10, Liquidity::Taker)
        ]
    );
    assert_eq!(book(&desk, Buy), [(105, 10, 1)]);
}

#[test]
fn a_replaced_quantity_counts_what_is_filled_and_must_be_above_it() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 50, 100)));
    desk.send(&order(BOB, "b", Sell, 20, 100));
    let below = (RejectReason::QuantityBelowFilled, id, OrderStatus::PartiallyFilled, ResponseTo::Replace);
    assert_eq!(cancel_rejected(&desk.send(&replace(ALICE, "x", "a", Buy, 20, 100))), below);
    assert_eq!(cancel_rejected(&desk.send(&replace(ALICE, "x", "a", Buy, 10, 100))), below);
    let told = desk.send(&replace(ALICE, "x", "a", Buy, 30, 100));
    assert!(matches!(told[0].said, Said::Replaced(b) if { b.order.leaves } == Qty(10)));
    assert_eq!(book(&desk, Buy), [(100, 10, 1)]);
}

#[test]
fn after_a_replace_the_order_answers_to_its_new_name_alone() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 30, 100)));
    desk.send(&replace(ALICE, "a2", "a", Buy, 20, 100));
    assert_eq!(cancel_rejected(&desk.send(&cancel(ALICE, "x", "a", Buy))).0, RejectReason::UnknownOrder);
    let again = rejected(&desk.send(&order(ALICE, "a", Buy, 30, 100)));
    assert_eq!(again, (RejectReason::DuplicateClOrdId, id), "the old name stays used");
    assert!(matches!(desk.send(&cancel(ALICE, "x", "a2", Buy))[0].said, Said::Cancelled(_)));
}

#[test]
fn a_replace_is_checked_like_a_cancel_and_like_a_new_order() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Buy, 30, 100));
    desk.send(&order(ALICE, "done", Buy, 30, 100));
    desk.send(&cancel(ALICE, "gone", "done", Buy));
    let good = replace(ALICE, "x", "a", Buy, 20, 100);
    for (wrong, reason) in [
        (ReplaceOrder { cl_ord_id: name("a"), ..good }, RejectReason::DuplicateClOrdId),
        (ReplaceOrder { cl_ord_id: name("gone"), ..good }, RejectReason::DuplicateClOrdId),
        (ReplaceOrder { orig_cl_ord_id: name("b"), ..good }, RejectReason::UnknownOrder),
        (ReplaceOrder { orig_cl_ord_id: name("gone"), ..good }, RejectReason::UnknownOrder),
        (ReplaceOrder { orig_cl_ord_id: name("done"), ..good }, RejectReason::TooLate),
        (replace_but(good, |t| t.side = Sell), RejectReason::OrderMismatch),
        (replace_but(good, |t| t.instrument = InstrumentId(2)), RejectReason::OrderMismatch),
        (replace_but(good, |t| t.order_type = OrderType::Market), RejectReason::OrderMismatch),
        (replace_but(good, |t| t.qty = Qty(0)), RejectReason::ZeroQuantity),
        (replace_but(good, |t| t.qty = Qty(15)), RejectReason::OffLot),
        (replace_but(good, |t| t.qty = Qty(u64::MAX / 10 * 10)), RejectReason::QuantityTooLarge),
        (replace_but(good, |t| t.price = Price(-5)), RejectReason::PriceNotPositive),
        (replace_but(good, |t| t.price = Price(101)), RejectReason::OffTick),
        (replace_but(good, |t| t.price = Price(1 << 41)), RejectReason::OffTick),
        (replace_but(good, |t| t.price = Price(5 << 40)), RejectReason::PriceTooLarge),
        (
            replace_but(good, |t| t.time_in_force = TimeInForce::ImmediateOrCancel),
            RejectReason::OrderMismatch,
        ),
    ] {
        let told = cancel_rejected(&desk.send(&wrong));
        assert_eq!((told.0, told.3), (reason, ResponseTo::Replace));
    }
    let told = desk.send(&replace_but(good, |t| t.time_in_force = TimeInForce::GoodTillCancel));
    assert!(
        matches!(told[0].said, Said::Replaced(b) if b.order.terms.time_in_force == TimeInForce::GoodTillCancel),
        "what was refused left no trace: {told:#?}"
    );
}

// New orders that are refused.

#[test]
fn a_new_order_with_a_bad_number_is_rejected_with_the_reason() {
    let mut desk = Desk::new();
    let good = order(ALICE, "a", Buy, 30, 100);
    for (wrong, why) in [
        (but(good, |t| t.instrument = InstrumentId(2)), RejectReason::UnknownInstrument),
        (but(good, |t| t.instrument = InstrumentId(u32::MAX)), RejectReason::UnknownInstrument),
        (but(good, |t| t.qty = Qty(0)), RejectReason::ZeroQuantity),
        (but(good, |t| t.qty = Qty(15)), RejectReason::OffLot),
        (but(good, |t| t.qty = Qty((1 << 40) + 4)), RejectReason::QuantityTooLarge),
        (but(good, |t| t.price = Price(0)), RejectReason::PriceNotPositive),
        (but(good, |t| t.price = Price(i64::MIN)), RejectReason::PriceNotPositive),
        (but(good, |t| t.price = Price(101)), RejectReason::OffTick),
        (but(good, |t| t.price = Price((1 << 40) + 4)), RejectReason::PriceTooLarge),
    ] {
        assert_eq!(rejected(&desk.send(&wrong)), (why, OrderId(0)));
    }
    accepted(&desk.send(&good));
}

#[test]
fn checks_come_in_a_fixed_order() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Buy, 30, 100));
    let mut worst = but(order(ALICE, "a", Buy, 0, 0), |t| t.instrument = InstrumentId(2));
    let stranger = desk.send_from(NodeId(99), LIFE, &worst);
    assert_eq!(reason(&stranger), RejectReason::NotLoggedOn);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::DuplicateClOrdId);
    worst.cl_ord_id = name("b");
    assert_eq!(reason(&desk.send(&worst)), RejectReason::UnknownInstrument);
    worst.terms.instrument = support::ACME;
    assert_eq!(reason(&desk.send(&worst)), RejectReason::ZeroQuantity);
    worst.terms.qty = Qty((1 << 41) + 1);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::OffLot);
    worst.terms.qty = Qty(10 << 40);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::QuantityTooLarge);
    worst.terms.qty = Qty(10);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::PriceNotPositive);
    worst.terms.price = Price((1 << 41) + 1);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::OffTick);
    worst.terms.price = Price(5 << 40);
    assert_eq!(reason(&desk.send(&worst)), RejectReason::PriceTooLarge);
}

#[test]
fn a_name_that_comes_again_is_a_duplicate_and_tells_the_first_order_even_when_that_is_done() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 30, 100)));
    let again = order(ALICE, "a", Sell, 10, 200);
    let duplicate = (RejectReason::DuplicateClOrdId, id);
    assert_eq!(rejected(&desk.send(&again)), duplicate);
    desk.send(&order(BOB, "a", Sell, 30, 100));
    assert_eq!(rejected(&desk.send(&again)), duplicate, "filled");
    let gone = accepted(&desk.send(&order(ALICE, "b", Buy, 30, 100)));
    desk.send(&cancel(ALICE, "x", "b", Buy));
    let second = rejected(&desk.send(&order(ALICE, "b", Buy, 10, 100)));
    assert_eq!(second, (RejectReason::DuplicateClOrdId, gone), "cancelled");
    let request = rejected(&desk.send(&order(ALICE, "x", Buy, 10, 100)));
    assert_eq!(request, (RejectReason::DuplicateClOrdId, gone), "the name of a cancel");
    let immediate = accepted(&desk.send(&market(ALICE, "m", Buy, 10)));
    assert_eq!(rejected(&desk.send(&market(ALICE, "m", Buy, 10))).1, immediate, "never rested");
}

#[test]
fn a_refused_order_or_request_does_not_use_its_name_up() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Buy, 15, 100));
    accepted(&desk.send(&order(ALICE, "a", Buy, 10, 100)));
    desk.send(&cancel(ALICE, "x", "nope", Buy));
    assert!(matches!(desk.send(&cancel(ALICE, "x", "a", Buy))[0].said, Said::Cancelled(_)));
}

#[test]
fn a_cancel_whose_name_was_used_is_a_duplicate() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 10, 100)));
    let told = cancel_rejected(&desk.send(&cancel(ALICE, "a", "a", Buy)));
    assert_eq!(told, (RejectReason::DuplicateClOrdId, id, OrderStatus::New, ResponseTo::Cancel));
    desk.send(&cancel(ALICE, "x", "a", Buy));
    let told = cancel_rejected(&desk.send(&cancel(ALICE, "x", "a", Buy)));
    assert_eq!(told, (RejectReason::DuplicateClOrdId, id, OrderStatus::Cancelled, ResponseTo::Cancel));
}

#[test]
fn a_full_book_takes_no_order_that_could_rest_but_still_trades() {
    let mut desk = Desk::with_limits(Limits { resting_orders: 2, ..LIMITS });
    desk.send(&order(ALICE, "a", Sell, 10, 100));
    desk.send(&order(ALICE, "b", Sell, 10, 105));
    let would_fill = order(BOB, "c", Buy, 10, 100);
    assert_eq!(reason(&desk.send(&would_fill)), RejectReason::BookFull);
    assert!(matches!(desk.send(&replace(ALICE, "a2", "a", Sell, 10, 110))[0].said, Said::Replaced(_)));
    assert_eq!(fills(&desk.send(&immediate(BOB, "d", Buy, 10, 105))).len(), 2);
    accepted(&desk.send(&would_fill));
}

#[test]
fn when_names_run_out_every_resting_order_can_still_be_cancelled() {
    let mut desk = Desk::with_limits(Limits { names: 6, ..LIMITS });
    for text in ["a", "b", "c"] {
        accepted(&desk.send(&order(ALICE, text, Buy, 20, 100)));
    }
    assert_eq!(reason(&desk.send(&order(ALICE, "d", Buy, 20, 100))), RejectReason::BookFull);
    assert_eq!(reason(&desk.send(&market(BOB, "m", Sell, 20))), RejectReason::BookFull);
    let told = cancel_rejected(&desk.send(&replace(ALICE, "a2", "a", Buy, 10, 100)));
    assert_eq!((told.0, told.3), (RejectReason::BookFull, ResponseTo::Replace));
    for (request, text) in [("x", "a"), ("y", "b"), ("z", "c")] {
        assert!(matches!(desk.send(&cancel(ALICE, request, text, Buy))[0].said, Said::Cancelled(_)));
    }
    desk.audit();
}
