//! What orders can be: stops, icebergs, times in force, post only, minimum quantity, self-trade prevention, protection.

mod support;

use support::{
    ALICE, BOB, CAROL, Desk, HOUSE, SAVINGS, VAULT, but, cancel, floor, name, of, order, reason, replace,
    replace_but,
};
use wire::command::{NewOrder, OrderType, Phase, PostOnly, SelfTrade, Side, Terms, TimeInForce};
use wire::event::RejectReason;
use wire::{Nanos, ParticipantId, Price, Qty};

use OrderType::{Limit, Market, Stop, StopLimit};
use Side::{Buy, Sell};
use TimeInForce::{AtTheClose, AtTheOpen, Day, FillOrKill, GoodTillCancel, GoodTillDate, ImmediateOrCancel};

fn plain() -> Desk {
    floor(|_| {})
}

fn alice(text: &str, side: Side, qty: u64, price: i64) -> NewOrder {
    of(SAVINGS, order(ALICE, text, side, qty, price))
}

fn bob(text: &str, side: Side, qty: u64, price: i64) -> NewOrder {
    of(VAULT, order(BOB, text, side, qty, price))
}

fn carol(text: &str, side: Side, qty: u64, price: i64) -> NewOrder {
    of(SAVINGS, order(CAROL, text, side, qty, price))
}

fn stop(order: NewOrder, at: i64) -> NewOrder {
    but(order, |t| (t.order_type, t.stop_price) = (Stop, Price(at)))
}

fn stop_limit(order: NewOrder, at: i64) -> NewOrder {
    but(order, |t| (t.order_type, t.stop_price) = (StopLimit, Price(at)))
}

fn shows(order: NewOrder, display: u64) -> NewOrder {
    but(order, |t| t.display = Qty(display))
}

/// One trade of a lot at a price.
fn trade_at(desk: &mut Desk, text: &str, price: i64) -> Vec<String> {
    desk.send(&bob(&format!("{text}1"), Sell, 10, price));
    desk.say(&alice(&format!("{text}2"), Buy, 10, price))
}

// What goes together.

/// The table of the rulebook, once more, cell by cell.
fn goes(kind: OrderType, tif: TimeInForce, shows: bool, post: bool, min: bool) -> bool {
    let lasting = matches!(tif, Day | GoodTillCancel | GoodTillDate);
    let immediate = matches!(tif, ImmediateOrCancel | FillOrKill);
    let in_auctions = matches!(tif, AtTheOpen | AtTheClose);
    match kind {
        Market if tif == GoodTillDate => false,
        Stop | StopLimit if in_auctions => false,
        Market => !shows && !post && (!min || matches!(tif, Day | GoodTillCancel | ImmediateOrCancel)),
        Limit => {
            !(shows && immediate)
                && !(post && (min || !lasting))
                && !(min && !lasting && tif != ImmediateOrCancel)
        }
        Stop => !shows && !post && !min,
        StopLimit => !(post || min || shows && immediate),
    }
}

#[test]
fn type_time_in_force_and_instructions_go_together_as_the_table_says() {
    let mut desk = plain();
    let mut refused = 0;
    for kind in OrderType::ALL {
        for tif in TimeInForce::ALL {
            for bits in 0..8_u8 {
                let (display, post, min) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
                let asked = but(alice(&format!("{kind:?}{}{bits}", *tif as u8), Buy, 30, 100), |t| {
                    (t.order_type, t.time_in_force) = (*kind, *tif);
                    t.stop_price = Price(200);
                    t.expire = Nanos(u64::MAX);
                    t.display = Qty(if display { 10 } else { 0 });
                    t.post_only = if post { PostOnly::Yes } else { PostOnly::No };
                    t.min_qty = Qty(if min { 10 } else { 0 });
                });
                let told = desk.say(&asked);
                let unsupported = told[0].ends_with("UnsupportedOrder");
                assert_eq!(!unsupported, goes(*kind, *tif, display, post, min), "{asked:?}: {told:?}");
                refused += usize::from(unsupported);
            }
        }
    }
    assert!(refused > 100, "{refused}");
    desk.audit();
}

#[test]
fn what_does_not_belong_to_an_order_is_told_as_zero() {
    let mut desk = plain();
    let told = desk.send(&but(alice("a", Buy, 10, 100), |t| (t.stop_price, t.expire) = (Price(7), Nanos(7))));
    let [support::Told { said: support::Said::Accepted(body), .. }] = told[..] else { panic!("{told:?}") };
    let terms: Terms = body.order.terms;
    assert_eq!(({ terms.stop_price }, { terms.expire }, { terms.price }), (Price(0), Nanos(0), Price(100)));
    let told = desk.send(&stop(alice("s", Buy, 10, 3), 200));
    let [support::Told { said: support::Said::Accepted(body), .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!({ body.order.terms.price }, Price(0), "a stop has no limit");
}

#[test]
fn stop_price_display_minimum_and_expiry_are_checked() {
    let mut desk = plain();
    let now = desk.log.now.0;
    for (asked, why) in [
        (stop(alice("a", Buy, 10, 0), 0), RejectReason::StopPriceRefused),
        (stop(alice("a", Buy, 10, 0), 101), RejectReason::StopPriceRefused),
        (stop_limit(alice("a", Buy, 10, 100), 5 << 40), RejectReason::StopPriceRefused),
        (stop_limit(alice("a", Buy, 10, 0), 0), RejectReason::PriceNotPositive),
        (shows(alice("a", Buy, 30, 100), 15), RejectReason::DisplayRefused),
        (shows(alice("a", Buy, 30, 100), 40), RejectReason::DisplayRefused),
        (but(alice("a", Buy, 30, 100), |t| t.min_qty = Qty(15)), RejectReason::MinimumRefused),
        (but(alice("a", Buy, 30, 100), |t| t.min_qty = Qty(40)), RejectReason::MinimumRefused),
        (
            but(alice("a", Buy, 30, 100), |t| (t.time_in_force, t.expire) = (GoodTillDate, Nanos(now))),
            RejectReason::ExpiryRefused,
        ),
    ] {
        assert_eq!(reason(&desk.send(&asked)), why);
    }
}

// Stops.

#[test]
fn a_stop_waits_out_of_the_book_until_a_trade_at_or_through_its_price() {
    let mut desk = plain();
    desk.send(&bob("offer", Sell, 30, 110));
    assert_eq!(desk.say(&stop(alice("s", Buy, 20, 0), 105)), ["s accepted"]);
    assert_eq!((desk.stops(Buy), desk.queue(Buy)), (vec![name("s")], vec![]));
    assert_eq!(trade_at(&mut desk, "x", 100).len(), 3, "below its price");
    assert_eq!(
        trade_at(&mut desk, "y", 105)[3..],
        ["s triggered", "offer filled 20 at 110 (Maker)", "s filled 20 at 110 (Taker)"]
    );
}

#[test]
fn a_stop_whose_condition_is_met_on_entry_is_triggered_at_once() {
    let mut desk = plain();
    trade_at(&mut desk, "x", 105);
    assert_eq!(
        desk.say(&stop(alice("s", Buy, 20, 0), 105)),
        ["s accepted", "s triggered", "s Cancelled: NoLiquidity"]
    );
    let told = desk.say(&stop_limit(alice("t", Sell, 20, 200), 110));
    assert_eq!(told, ["t accepted", "t triggered"]);
    assert_eq!(desk.queue(Sell), [name("t")], "a stop limit rests at its limit");
}

#[test]
fn one_stop_wakes_the_next_and_buys_go_from_the_lowest_price_in_order_of_time() {
    let mut desk = plain();
    for (text, at) in [("third", 110), ("first", 100), ("second", 100)] {
        desk.send(&stop(alice(text, Buy, 10, 0), at));
    }
    desk.send(&bob("sold", Sell, 10, 110));
    assert_eq!(desk.stops(Buy), ["first", "second", "third"].map(name));
    assert_eq!(
        trade_at(&mut desk, "x", 100)[3..],
        [
            "first triggered",
            "sold filled 10 at 110 (Maker)",
            "first filled 10 at 110 (Taker)",
            "second triggered",
            "second Cancelled: NoLiquidity",
            "third triggered",
            "third Cancelled: NoLiquidity",
        ]
    );
    desk.audit();
}

#[test]
fn of_a_buy_and_a_sell_that_are_reached_together_the_older_one_goes_first() {
    let mut desk = plain();
    desk.send(&stop(alice("sell", Sell, 10, 0), 100));
    desk.send(&stop(alice("buy", Buy, 10, 0), 100));
    let told = trade_at(&mut desk, "x", 100);
    assert_eq!(
        told[3..],
        ["sell triggered", "sell Cancelled: NoLiquidity", "buy triggered", "buy Cancelled: NoLiquidity"]
    );
}

#[test]
fn a_replaced_stop_keeps_its_place_only_if_its_price_stays_and_its_quantity_falls() {
    let mut desk = plain();
    for text in ["a", "b"] {
        desk.send(&stop(alice(text, Buy, 30, 0), 100));
    }
    let stop = |r, at| replace_but(r, |t: &mut Terms| (t.order_type, t.stop_price) = (Stop, Price(at)));
    assert_eq!(desk.say(&stop(replace(ALICE, "a2", "a", Buy, 20, 0), 100)), ["a2 replaces a"]);
    assert_eq!(desk.stops(Buy), ["a2", "b"].map(name));
    desk.send(&stop(replace(ALICE, "a3", "a2", Buy, 30, 0), 100));
    assert_eq!(desk.stops(Buy), ["b", "a3"].map(name));
    trade_at(&mut desk, "x", 90);
    assert_eq!(
        desk.say(&stop(replace(ALICE, "b2", "b", Buy, 30, 0), 90)),
        ["b2 replaces b", "b2 triggered", "b2 Cancelled: NoLiquidity"]
    );
}

#[test]
fn an_activated_stop_limit_keeps_its_stop_price_when_it_is_replaced() {
    let mut desk = plain();
    trade_at(&mut desk, "x", 100);
    desk.send(&stop_limit(alice("s", Buy, 30, 90), 100));
    let asked = replace_but(replace(ALICE, "s2", "s", Buy, 30, 95), |t| {
        (t.order_type, t.stop_price) = (StopLimit, Price(200));
    });
    let told = desk.send(&asked);
    let [support::Told { said: support::Said::Replaced(body), .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!({ body.order.terms.stop_price }, Price(100));
    assert_eq!(desk.queue(Buy), [name("s2")]);
}

#[test]
fn a_waiting_stop_can_be_cancelled() {
    let mut desk = plain();
    desk.send(&stop(alice("s", Sell, 30, 0), 100));
    assert_eq!(desk.say(&cancel(ALICE, "x", "s", Sell)), ["s Cancelled: Requested"]);
    assert_eq!(desk.stops(Sell), []);
}

// Icebergs.

#[test]
fn an_iceberg_shows_as_much_again_behind_the_others_of_its_price() {
    let mut desk = plain();
    desk.send(&shows(bob("ice", Sell, 50, 100), 20));
    desk.send(&bob("b", Sell, 10, 100));
    assert_eq!(desk.depth(Sell), [(100, 30, 30)]);
    assert_eq!(
        desk.say(&alice("a", Buy, 30, 100))[1..],
        [
            "ice filled 20 at 100 (Maker)",
            "a filled 20 at 100 (Taker)",
            "b filled 10 at 100 (Maker)",
            "a filled 10 at 100 (Taker)"
        ]
    );
    assert_eq!(desk.depth(Sell), [(100, 20, 10)]);
    desk.send(&bob("c", Sell, 10, 100));
    desk.send(&alice("d", Buy, 10, 100));
    assert_eq!(desk.queue(Sell), ["ice", "c"].map(name), "partly filled, it keeps its place");
    desk.send(&alice("e", Buy, 10, 100));
    assert_eq!(desk.queue(Sell), ["c", "ice"].map(name));
    assert_eq!(desk.depth(Sell), [(100, 20, 0)]);
    desk.audit();
}

#[test]
fn a_replaced_iceberg_keeps_its_place_only_if_what_it_shows_stays() {
    for (display, expected) in [(20, ["i2", "b"]), (10, ["b", "i2"])] {
        let mut desk = plain();
        desk.send(&shows(bob("i", Sell, 50, 100), 20));
        desk.send(&bob("b", Sell, 10, 100));
        let asked = replace_but(replace(BOB, "i2", "i", Sell, 40, 100), |t| t.display = Qty(display));
        desk.send(&asked);
        assert_eq!(desk.queue(Sell), expected.map(name));
    }
}

// Times in force.

#[test]
fn fill_or_kill_is_filled_in_whole_with_what_is_hidden_or_not_at_all() {
    let mut desk = plain();
    desk.send(&shows(bob("ice", Sell, 30, 100), 10));
    desk.send(&bob("b", Sell, 10, 105));
    let kill = |text: &str, qty, price| but(alice(text, Buy, qty, price), |t| t.time_in_force = FillOrKill);
    assert_eq!(desk.say(&kill("k", 40, 100)), ["k accepted", "k Cancelled: FillOrKill"]);
    assert_eq!(desk.say(&kill("l", 40, 105)).len(), 1 + 2 * 4);
    assert_eq!(desk.queue(Sell), []);
}

#[test]
fn a_good_till_date_order_lives_until_the_first_command_stamped_at_or_after_its_expiry() {
    let mut desk = plain();
    let until = |desk: &Desk, after: u64| Nanos(desk.log.now.0 + after);
    let (later, sooner) = (until(&desk, 9), until(&desk, 7));
    desk.send(&but(alice("later", Buy, 10, 100), |t| (t.time_in_force, t.expire) = (GoodTillDate, later)));
    desk.send(&but(alice("sooner", Buy, 10, 100), |t| (t.time_in_force, t.expire) = (GoodTillDate, sooner)));
    desk.send(&stop(
        but(alice("stop", Buy, 10, 0), |t| (t.time_in_force, t.expire) = (GoodTillDate, later)),
        200,
    ));
    let tick = wire::command::Tick {};
    desk.log.now = Nanos(sooner.0 - 2);
    assert_eq!(desk.say(&tick), [""; 0]);
    assert_eq!(desk.say(&tick), ["sooner Expired: Expired"]);
    desk.phase(Phase::Halted);
    desk.log.now = Nanos(later.0 + 1_000);
    assert_eq!(
        desk.say(&cancel(ALICE, "x", "later", Buy)),
        ["later Expired: Expired", "stop Expired: Expired", "x refused: TooLate"],
        "before the command is looked at, in every phase"
    );
}

// Post only, minimum quantity.

#[test]
fn a_post_only_order_is_refused_if_it_would_match_even_an_own_order() {
    let mut desk = plain();
    desk.send(&alice("own", Sell, 10, 100));
    let post = |order| but(order, |t| t.post_only = PostOnly::Yes);
    assert_eq!(desk.say(&post(alice("p", Buy, 10, 100))), ["p refused: WouldTake"]);
    assert_eq!(desk.say(&post(alice("p", Buy, 10, 95))), ["p accepted"]);
    let asked = replace_but(replace(ALICE, "q", "p", Buy, 10, 100), |t| t.post_only = PostOnly::Yes);
    assert_eq!(desk.say(&asked), ["q refused: WouldTake"]);
    assert_eq!(desk.queue(Buy), [name("p")]);
}

#[test]
fn a_minimum_quantity_counts_on_entry_alone() {
    let mut desk = plain();
    desk.send(&bob("b", Sell, 10, 100));
    let least = |text: &str| but(alice(text, Buy, 50, 100), |t| t.min_qty = Qty(20));
    assert_eq!(desk.say(&least("m")), ["m accepted", "m Cancelled: MinimumQuantity"]);
    desk.send(&bob("c", Sell, 10, 100));
    assert_eq!(desk.say(&least("n")).len(), 5);
    assert_eq!(desk.depth(Buy), [(100, 30, 0)], "then it is an ordinary order");
    assert_eq!(desk.say(&replace(ALICE, "o", "n", Buy, 60, 105)), ["o replaces n"]);
}

// Self-trade prevention.

fn crossing(self_trade: SelfTrade, qty: u64) -> (Desk, Vec<String>) {
    let mut desk = plain();
    desk.send(&carol("own", Sell, 30, 100));
    desk.send(&bob("b", Sell, 10, 100));
    let told = desk.say(&but(alice("a", Buy, qty, 100), |t| t.self_trade = self_trade));
    desk.audit();
    (desk, told)
}

#[test]
fn self_trade_prevention_is_chosen_by_the_incoming_order() {
    let (_, told) = crossing(SelfTrade::Allow, 30);
    assert_eq!(told[1], "own filled 30 at 100 (Maker)");
    let (desk, told) = crossing(SelfTrade::CancelNewest, 30);
    assert_eq!(told, ["a accepted", "a Cancelled: SelfTrade"]);
    assert_eq!(desk.queue(Sell), ["own", "b"].map(name));
    let (desk, told) = crossing(SelfTrade::CancelOldest, 30);
    assert_eq!(
        told[1..],
        ["own Cancelled: SelfTrade", "b filled 10 at 100 (Maker)", "a filled 10 at 100 (Taker)"]
    );
    assert_eq!(desk.queue(Buy), [name("a")]);
    let (desk, told) = crossing(SelfTrade::CancelBoth, 30);
    assert_eq!(told[1..], ["own Cancelled: SelfTrade", "a Cancelled: SelfTrade"]);
    assert_eq!(desk.queue(Sell), [name("b")]);
}

#[test]
fn a_decrement_takes_the_smaller_open_quantity_from_both_and_the_resting_one_is_told_first() {
    let (desk, told) = crossing(SelfTrade::Decrement, 20);
    assert_eq!(told[1..], ["own restated to 10", "a Cancelled: SelfTrade"]);
    assert_eq!(desk.queue(Sell), ["own", "b"].map(name), "it keeps its place");
    let (_, told) = crossing(SelfTrade::Decrement, 40);
    assert_eq!(
        told[1..],
        [
            "own Cancelled: SelfTrade",
            "a restated to 10",
            "b filled 10 at 100 (Maker)",
            "a filled 10 at 100 (Taker)"
        ]
    );
    let (_, told) = crossing(SelfTrade::Decrement, 30);
    assert_eq!(told[1..], ["own Cancelled: SelfTrade", "a Cancelled: SelfTrade"]);
}

#[test]
fn what_is_hidden_goes_first_when_an_iceberg_is_decremented() {
    let mut desk = plain();
    desk.send(&shows(carol("own", Sell, 50, 100), 20));
    desk.send(&but(alice("a", Buy, 40, 100), |t| t.self_trade = SelfTrade::Decrement));
    assert_eq!(desk.depth(Sell), [(100, 10, 0)]);
    desk.audit();
}

#[test]
fn sessions_without_a_participant_never_meet_their_own() {
    let mut desk = plain();
    let nobody = wire::command::AssignSession { session: ALICE, participant: ParticipantId(0) };
    desk.send(&nobody);
    desk.send(&order(ALICE, "one", Sell, 10, 100));
    let asked = but(order(ALICE, "two", Buy, 10, 100), |t| t.self_trade = SelfTrade::CancelBoth);
    assert_eq!(desk.say(&asked)[1], "one filled 10 at 100 (Maker)");
    assert_ne!(HOUSE, ParticipantId(0));
}

// Protection, bands and collar.

#[test]
fn a_market_order_goes_no_further_than_its_protection_price() {
    let mut desk = floor(|t| {
        t.bands.collar = Price(12);
        t.bands.reference = Price(100);
    });
    desk.send(&bob("b", Sell, 10, 110));
    desk.send(&bob("c", Sell, 10, 115));
    let market = |text: &str| but(alice(text, Buy, 20, 0), |t| t.order_type = Market);
    assert_eq!(
        desk.say(&market("m"))[1..],
        ["b filled 10 at 110 (Maker)", "m filled 10 at 110 (Taker)", "m Cancelled: NoLiquidity"],
        "112 is no price, 110 is the next"
    );
    assert_eq!(desk.say(&market("n"))[1..3], ["c filled 10 at 115 (Maker)", "n filled 10 at 115 (Taker)"]);
}

#[test]
fn a_stops_protection_is_measured_from_its_stop_price() {
    let mut desk = floor(|t| {
        t.bands.collar = Price(10);
        t.bands.reference = Price(100);
    });
    desk.send(&bob("b", Sell, 10, 115));
    desk.send(&stop(alice("s", Buy, 20, 0), 105));
    assert_eq!(trade_at(&mut desk, "x", 105)[3..5], ["s triggered", "b filled 10 at 115 (Maker)"]);
}

#[test]
fn a_limit_outside_of_the_bands_or_beyond_the_collar_is_refused() {
    let mut desk = plain();
    assert_eq!(desk.bands(50, 200, 30, 100), ["BandsChanged"]);
    for (asked, why) in [
        (alice("a", Buy, 10, 45), RejectReason::OutsideBands),
        (alice("a", Sell, 10, 205), RejectReason::OutsideBands),
        (alice("a", Buy, 10, 135), RejectReason::OutsideCollar),
        (alice("a", Sell, 10, 65), RejectReason::OutsideCollar),
        (stop_limit(alice("a", Buy, 10, 165), 130), RejectReason::OutsideCollar),
    ] {
        assert_eq!(reason(&desk.send(&asked)), why);
    }
    for asked in
        [alice("b", Buy, 10, 50), alice("c", Sell, 10, 200), stop_limit(alice("d", Buy, 10, 160), 130)]
    {
        assert!(desk.say(&asked)[0].ends_with("accepted"), "{asked:?}");
    }
}

#[test]
fn the_reference_price_is_the_last_one_set_or_traded() {
    let mut desk = plain();
    desk.bands(0, 0, 20, 100);
    trade_at(&mut desk, "x", 120);
    assert_eq!(desk.say(&alice("a", Buy, 10, 140)), ["a accepted"], "measured from the trade");
    desk.bands(0, 0, 20, 0);
    assert_eq!(desk.say(&alice("b", Buy, 10, 140)), ["b accepted"], "0 leaves it as it is");
    desk.bands(0, 0, 20, 200);
    assert_eq!(desk.say(&alice("c", Buy, 10, 220)), ["c accepted"]);
}
