//! Phases and auctions: what each phase takes, the one price of a call, and what its end does to what is left.

mod support;

use support::{
    ACME, ALICE, BOB, Desk, SAVINGS, VAULT, act, but, cancel, floor, name, of, order, reason, replace,
};
use wire::command::{NewOrder, OrderType, Phase, SetPhase, Side, TimeInForce};
use wire::event::RejectReason;
use wire::{InstrumentId, Nanos, Price, Qty};

use Phase::{Closed, ClosingAuction, Continuous, Halted, OpeningAuction, PreOpen};
use Side::{Buy, Sell};
use TimeInForce::{AtTheClose, AtTheOpen, FillOrKill, GoodTillCancel, GoodTillDate, ImmediateOrCancel};

/// In the call of the opening auction.
fn call() -> Desk {
    floor(|t| t.phase = OpeningAuction)
}

fn buy(text: &str, qty: u64, price: i64) -> NewOrder {
    of(SAVINGS, order(ALICE, text, Buy, qty, price))
}

fn sell(text: &str, qty: u64, price: i64) -> NewOrder {
    of(VAULT, order(BOB, text, Sell, qty, price))
}

fn lasts(order: NewOrder, time_in_force: TimeInForce) -> NewOrder {
    but(order, |t| t.time_in_force = time_in_force)
}

fn market(order: NewOrder) -> NewOrder {
    but(order, |t| t.order_type = OrderType::Market)
}

// Phases.

#[test]
fn a_phase_is_reached_only_from_those_of_the_table() {
    let ways: [(Phase, &[Phase]); 6] = [
        (Closed, &[PreOpen, OpeningAuction, Continuous, Halted]),
        (PreOpen, &[OpeningAuction, Continuous, Closed, Halted]),
        (OpeningAuction, &[Continuous, Closed, Halted]),
        (Continuous, &[ClosingAuction, Closed, Halted]),
        (ClosingAuction, &[Closed, Halted]),
        (Halted, &[Closed, PreOpen, OpeningAuction, Continuous, ClosingAuction]),
    ];
    for (from, allowed) in ways {
        for to in Phase::ALL {
            let mut desk = floor(|t| t.phase = from);
            let told = desk.phase(*to);
            if allowed.contains(to) {
                assert_eq!(told, [format!("1 is {to:?} after {from:?}")]);
            } else {
                assert_eq!(told, ["refused: PhaseNotReachable"], "{from:?} to {to:?}");
            }
        }
    }
}

#[test]
fn all_instruments_go_together_and_those_that_cannot_stay_where_they_are() {
    let mut desk = call();
    let mut second = support::define(support::OTHER, b"BOLT");
    second.terms.phase = ClosingAuction;
    desk.send(&second);
    let mut all =
        |phase| desk.say(&SetPhase { instrument: InstrumentId::ALL, phase, reserved: [0; 3], act: act() });
    assert_eq!(all(Continuous), ["1 is Continuous after OpeningAuction"]);
    assert_eq!(all(OpeningAuction), ["refused: PhaseNotReachable"]);
    assert_eq!(all(Halted), ["1 is Halted after Continuous", "2 is Halted after ClosingAuction"]);
    let unknown = SetPhase { instrument: InstrumentId(7), phase: Halted, reserved: [0; 3], act: act() };
    assert_eq!(desk.say(&unknown), ["refused: UnknownInstrument"]);
}

#[test]
fn each_phase_takes_the_orders_of_its_row() {
    let refused = |phase, asked: &NewOrder| {
        let mut desk = floor(|t| t.phase = phase);
        let told = desk.send(asked);
        support::lines(&told)[0].contains("refused") && reason(&told) == RejectReason::NotInThisPhase
    };
    let plain = buy("a", 20, 100);
    let minimum = but(plain, |t| t.min_qty = Qty(10));
    for (asked, takers) in [
        (plain, &[PreOpen, OpeningAuction, Continuous, ClosingAuction][..]),
        (lasts(plain, ImmediateOrCancel), &[Continuous]),
        (lasts(plain, FillOrKill), &[Continuous]),
        (minimum, &[Continuous]),
        (lasts(plain, AtTheOpen), &[PreOpen, OpeningAuction]),
        (lasts(plain, AtTheClose), &[PreOpen, OpeningAuction, Continuous, ClosingAuction]),
    ] {
        for phase in Phase::ALL {
            assert_eq!(refused(*phase, &asked), !takers.contains(phase), "{phase:?}: {asked:?}");
        }
    }
}

#[test]
fn cancels_pass_in_every_phase_and_replaces_in_all_but_two() {
    for phase in [PreOpen, OpeningAuction, Continuous, ClosingAuction, Halted, Closed] {
        let mut desk = floor(|_| {});
        desk.send(&lasts(buy("a", 20, 100), GoodTillCancel));
        desk.phase(Halted);
        if phase != Halted {
            desk.phase(phase);
        }
        let asked = support::replace_but(replace(ALICE, "b", "a", Buy, 10, 100), |t| {
            t.time_in_force = GoodTillCancel;
        });
        let told = desk.say(&asked);
        let stands = matches!(phase, Closed | Halted);
        assert_eq!(told, [if stands { "b refused: NotInThisPhase" } else { "b replaces a" }], "{phase:?}");
        let told = desk.say(&cancel(ALICE, "x", if stands { "a" } else { "b" }, Buy));
        assert!(told[0].ends_with("Cancelled: Requested"), "{phase:?}: {told:?}");
    }
}

// The price.

/// Bids and offers as (quantity, price); the price and quantity of the auction, if there is one.
fn uncrossed(bids: &[(u64, i64)], offers: &[(u64, i64)], reference: i64) -> Option<String> {
    let mut desk = call();
    if reference != 0 {
        desk.bands(0, 0, 0, reference);
    }
    for (at, (qty, price)) in bids.iter().enumerate() {
        desk.send(&buy(&format!("b{at}"), *qty, *price));
    }
    for (at, (qty, price)) in offers.iter().enumerate() {
        desk.send(&sell(&format!("s{at}"), *qty, *price));
    }
    let told = desk.phase(Continuous);
    desk.audit();
    told.get(1).cloned()
}

#[test]
fn the_price_executes_the_most_with_the_least_surplus() {
    let most = uncrossed(&[(30, 110), (20, 105)], &[(10, 100), (40, 105)], 0);
    assert_eq!(most.as_deref(), Some("uncrossed: 50 at 105"));
    let least = uncrossed(&[(30, 110), (20, 100)], &[(30, 95), (10, 105)], 0);
    assert_eq!(
        least.as_deref(),
        Some("uncrossed: 30 at 105"),
        "a surplus of 10 offers there, of 20 bids at 100"
    );
}

#[test]
fn a_surplus_of_bids_takes_the_highest_price_and_one_of_offers_the_lowest() {
    let bids = uncrossed(&[(50, 110)], &[(30, 100)], 0);
    assert_eq!(bids.as_deref(), Some("uncrossed: 30 at 110"));
    let offers = uncrossed(&[(30, 110)], &[(50, 100)], 0);
    assert_eq!(offers.as_deref(), Some("uncrossed: 30 at 100"));
}

#[test]
fn otherwise_the_nearest_to_the_reference_price_decides_and_the_higher_of_two() {
    for (reference, price) in [(0, 100), (90, 100), (104, 100), (105, 110), (106, 110), (500, 110)] {
        let told = uncrossed(&[(30, 110)], &[(30, 100)], reference);
        assert_eq!(told, Some(format!("uncrossed: 30 at {price}")), "reference {reference}");
    }
}

#[test]
fn a_book_that_is_not_crossed_is_left_alone() {
    assert_eq!(uncrossed(&[(30, 100)], &[(30, 105)], 0), None);
    assert_eq!(uncrossed(&[(30, 100)], &[], 0), None);
}

// What trades.

#[test]
fn bids_and_offers_are_matched_by_price_then_time_and_told_to_the_buyer_first() {
    let mut desk = call();
    desk.send(&sell("late", 10, 100));
    desk.send(&sell("cheap", 20, 95));
    desk.send(&buy("b", 20, 100));
    desk.send(&buy("c", 10, 105));
    assert_eq!(
        desk.phase(Continuous)[1..],
        [
            "uncrossed: 30 at 100",
            "c filled 10 at 100 (Auction)",
            "cheap filled 10 at 100 (Auction)",
            "b filled 10 at 100 (Auction)",
            "cheap filled 10 at 100 (Auction)",
            "b filled 10 at 100 (Auction)",
            "late filled 10 at 100 (Auction)",
        ]
    );
    assert_eq!(
        desk.replica.machine().instrument(ACME).map(|i| (i.last, i.reference)),
        Some((Price(100), Price(100)))
    );
}

#[test]
fn icebergs_trade_with_all_that_they_have_keep_their_place_and_show_as_much_again() {
    let mut desk = call();
    desk.send(&but(sell("ice", 50, 100), |t| t.display = Qty(20)));
    desk.send(&sell("s", 10, 100));
    desk.send(&buy("b", 30, 100));
    assert_eq!(desk.phase(Continuous)[1], "uncrossed: 30 at 100");
    assert_eq!(desk.queue(Sell), ["ice", "s"].map(name));
    assert_eq!(desk.depth(Sell), [(100, 30, 0)]);
    desk.audit();
}

#[test]
fn a_market_order_stands_in_the_book_at_its_protection_price_until_trading_begins() {
    let mut desk = call();
    desk.bands(0, 120, 0, 0);
    desk.send(&market(buy("m", 30, 0)));
    assert_eq!(desk.depth(Buy), [(120, 30, 0)]);
    desk.send(&sell("s", 10, 100));
    assert_eq!(
        desk.phase(Continuous)[1..],
        [
            "uncrossed: 10 at 120",
            "m filled 10 at 120 (Auction)",
            "s filled 10 at 120 (Auction)",
            "m Cancelled: NoLiquidity"
        ]
    );
}

#[test]
fn at_the_open_orders_that_are_left_are_cancelled_by_their_numbers() {
    let mut desk = call();
    desk.send(&lasts(buy("open", 30, 90), AtTheOpen));
    desk.send(&market(buy("m", 30, 0)));
    desk.send(&market(lasts(buy("both", 30, 0), AtTheOpen)));
    desk.send(&buy("day", 30, 90));
    assert_eq!(
        desk.phase(Continuous)[1..],
        ["open Expired: AuctionRemainder", "m Cancelled: NoLiquidity", "both Expired: AuctionRemainder"]
    );
    assert_eq!(desk.queue(Buy), [name("day")]);
}

#[test]
fn the_opening_price_wakes_stops() {
    let mut desk = call();
    desk.send(&but(buy("s", 10, 0), |t| (t.order_type, t.stop_price) = (OrderType::Stop, Price(100))));
    desk.send(&buy("b", 10, 100));
    desk.send(&sell("a", 10, 100));
    assert_eq!(desk.phase(Continuous)[4..], ["s triggered", "s Cancelled: NoLiquidity"]);
}

// The close.

#[test]
fn at_the_close_orders_wait_until_the_closing_auction_and_join_in_the_order_in_which_they_wait() {
    let mut desk = floor(|_| {});
    desk.send(&lasts(buy("a", 10, 100), AtTheClose));
    desk.send(&lasts(buy("b", 20, 100), AtTheClose));
    let later =
        support::replace_but(replace(ALICE, "a2", "a", Buy, 20, 100), |t| t.time_in_force = AtTheClose);
    desk.send(&later);
    assert_eq!((desk.waiting(), desk.queue(Buy)), (["b", "a2"].map(name).to_vec(), vec![]));
    desk.phase(ClosingAuction);
    assert_eq!((desk.waiting(), desk.queue(Buy)), (vec![], ["b", "a2"].map(name).to_vec()));
    desk.send(&lasts(buy("c", 10, 100), AtTheClose));
    assert_eq!(desk.queue(Buy), ["b", "a2", "c"].map(name), "in the closing auction they join at once");
    desk.send(&sell("s", 30, 95));
    let told = desk.phase(Closed);
    assert_eq!(told[1], "uncrossed: 30 at 100");
    assert_eq!(told[6..], ["a2 Expired: AuctionRemainder", "c Expired: AuctionRemainder"]);
}

#[test]
fn when_the_closing_auction_is_halted_they_wait_again_behind_those_that_wait() {
    let mut desk = floor(|_| {});
    desk.send(&lasts(buy("a", 10, 100), AtTheClose));
    desk.phase(ClosingAuction);
    desk.send(&buy("day", 10, 100));
    desk.phase(Halted);
    assert_eq!((desk.waiting(), desk.queue(Buy)), (vec![name("a")], vec![name("day")]));
    desk.phase(ClosingAuction);
    assert_eq!(desk.queue(Buy), ["day", "a"].map(name));
    desk.audit();
}

#[test]
fn a_close_ends_auction_orders_then_those_of_the_day_then_market_orders() {
    let mut desk = floor(|t| t.phase = PreOpen);
    desk.send(&buy("day", 10, 90));
    desk.send(&market(lasts(buy("market", 10, 0), GoodTillCancel)));
    desk.send(&lasts(buy("close", 10, 90), AtTheClose));
    desk.send(&lasts(buy("open", 10, 90), AtTheOpen));
    desk.send(&lasts(buy("stays", 10, 90), GoodTillCancel));
    desk.send(&but(buy("date", 10, 90), |t| (t.time_in_force, t.expire) = (GoodTillDate, Nanos(u64::MAX))));
    let stop = but(buy("stop", 10, 0), |t| (t.order_type, t.stop_price) = (OrderType::Stop, Price(100)));
    desk.send(&stop);
    desk.send(&lasts(but(stop, |t| t.qty = Qty(20)), GoodTillCancel));
    desk.send(&NewOrder { cl_ord_id: name("sleeps"), ..lasts(stop, GoodTillCancel) });
    assert_eq!(
        desk.phase(Closed)[1..],
        [
            "close Expired: AuctionRemainder",
            "open Expired: AuctionRemainder",
            "day Expired: Expired",
            "stop Expired: Expired",
            "market Cancelled: NoLiquidity"
        ]
    );
    assert_eq!(desk.queue(Buy), ["stays", "date"].map(name));
    assert_eq!(desk.stops(Buy), [name("sleeps")]);
}

#[test]
fn a_close_out_of_continuous_trading_is_no_auction_and_a_crossed_book_waits_for_the_next_one() {
    let mut desk = call();
    desk.send(&lasts(buy("b", 10, 105), GoodTillCancel));
    desk.send(&lasts(sell("s", 10, 100), GoodTillCancel));
    assert_eq!(desk.phase(Closed).len(), 1);
    desk.audit();
    assert_eq!(desk.phase(Continuous)[1], "uncrossed: 10 at 100");
}
