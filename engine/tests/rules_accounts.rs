//! Accounts: whose they are, what is withheld, paid and delivered, what it costs, and what an account may do.

mod support;

use support::{
    ALICE, BOB, CAROL, Desk, LIMITS, SAVINGS, VAULT, but, cancel, floor, floor_with, funds, lines, of, order,
    reason, rejected, replace, risk,
};
use wire::command::{Checks, NewOrder, OrderType, Phase, Side, Transfer};
use wire::event::RejectReason;
use wire::{AccountId, Price, Qty};

use Side::{Buy, Sell};
use Transfer::{Deposit, Withdrawal};

/// A quantity of 10 at a price of 1.00 is worth 10.0000.
const TEN: i128 = 100_000;

/// Alice's side has 100 euros, Bob's 100 shares.
fn funded() -> Desk {
    let mut desk = floor(funds);
    desk.money(SAVINGS, Deposit, 10 * TEN);
    desk.shares(VAULT, Deposit, 100);
    desk
}

fn buy(text: &str, qty: u64, price: i64) -> NewOrder {
    of(SAVINGS, order(ALICE, text, Buy, qty, price))
}

fn sell(text: &str, qty: u64, price: i64) -> NewOrder {
    of(VAULT, order(BOB, text, Sell, qty, price))
}

// Whose.

#[test]
fn an_account_must_exist_where_it_is_checked_and_be_of_the_sessions_participant() {
    for checks in [Checks::None, Checks::Risk] {
        let mut desk = floor(|t| t.checks = checks);
        let nobody = desk.send(&of(AccountId(9), order(ALICE, "a", Buy, 10, 100)));
        match checks {
            Checks::None => assert_eq!(lines(&nobody), ["a accepted"]),
            _ => assert_eq!(reason(&nobody), RejectReason::UnknownAccount),
        }
        assert_eq!(
            reason(&desk.send(&of(VAULT, order(ALICE, "b", Buy, 10, 100)))),
            RejectReason::AccountNotPermitted
        );
        assert_eq!(desk.say(&of(SAVINGS, order(CAROL, "c", Buy, 10, 100))), ["c accepted"]);
    }
}

// Funds.

#[test]
fn an_open_buy_withholds_its_value_and_the_higher_fee_until_it_is_cancelled() {
    let mut desk = funded();
    assert_eq!(desk.say(&buy("a", 40, 100)), ["a accepted"]);
    assert_eq!(desk.cash(SAVINGS), (10 * TEN - 408_000, 408_000));
    assert_eq!(desk.say(&replace(ALICE, "a2", "a", Buy, 20, 150)), ["a2 replaces a"]);
    assert_eq!(desk.cash(SAVINGS), (10 * TEN - 306_000, 306_000));
    desk.send(&cancel(ALICE, "x", "a2", Buy));
    assert_eq!(desk.cash(SAVINGS), (10 * TEN, 0));
    desk.audit();
}

#[test]
fn a_fill_pays_delivers_and_releases_what_the_better_price_saved() {
    let mut desk = funded();
    desk.send(&sell("s", 40, 90));
    let told = desk.say(&buy("b", 60, 100));
    assert_eq!(told[1..], ["s filled 40 at 90 (Maker, fee 3600)", "b filled 40 at 90 (Taker, fee 7200)"]);
    let open = 204_000;
    assert_eq!(desk.cash(SAVINGS), (10 * TEN - 367_200 - open, open));
    assert_eq!(desk.cash(VAULT), (360_000 - 3_600, 0));
    assert_eq!((desk.position(SAVINGS), desk.position(VAULT)), (40, 60));
    assert_eq!(desk.replica.machine().collected(support::EUR).0, 3_600 + 7_200);
    desk.audit();
}

#[test]
fn in_an_auction_both_pay_the_takers_rate() {
    let mut desk = funded();
    desk.phase(Phase::Halted);
    desk.phase(Phase::OpeningAuction);
    desk.send(&buy("b", 10, 100));
    desk.send(&sell("s", 10, 100));
    let told = desk.phase(Phase::Continuous);
    assert_eq!(
        told[2..],
        ["b filled 10 at 100 (Auction, fee 2000)", "s filled 10 at 100 (Auction, fee 2000)"]
    );
}

#[test]
fn a_fee_is_rounded_down_to_the_currencys_unit() {
    let mut desk = floor(|t| {
        funds(t);
        (t.tick, t.lot) = (Price(1), Qty(1));
        (t.maker_fee, t.taker_fee) = (9_999, 19_999);
    });
    desk.money(SAVINGS, Deposit, TEN);
    desk.shares(VAULT, Deposit, 10);
    desk.send(&sell("s", 1, 1));
    let told = desk.say(&buy("b", 1, 1));
    assert_eq!(told[1..], ["s filled 1 at 1 (Maker)", "b filled 1 at 1 (Taker, fee 1)"], "0.9999 and 1.9999");
}

#[test]
fn who_cannot_pay_or_deliver_is_refused() {
    let mut desk = funded();
    assert_eq!(reason(&desk.send(&buy("a", 100, 100))), RejectReason::InsufficientFunds, "the fee counts");
    assert_eq!(desk.say(&buy("a", 90, 100)), ["a accepted"]);
    assert_eq!(desk.say(&replace(ALICE, "a2", "a", Buy, 100, 100)), ["a2 refused: InsufficientFunds"]);
    assert_eq!(reason(&desk.send(&sell("s", 110, 200))), RejectReason::InsufficientShares);
    assert_eq!(desk.say(&sell("s", 60, 200)), ["s accepted"]);
    assert_eq!(reason(&desk.send(&sell("t", 50, 200))), RejectReason::InsufficientShares, "60 are withheld");
    assert_eq!(desk.say(&replace(BOB, "s2", "s", Sell, 110, 200)), ["s2 refused: InsufficientShares"]);
    assert_eq!(desk.say(&replace(BOB, "s2", "s", Sell, 100, 200)), ["s2 replaces s"]);
}

#[test]
fn a_market_buy_withholds_at_its_protection_price() {
    let mut desk = funded();
    let market = |text: &str, qty| but(buy(text, qty, 0), |t| t.order_type = OrderType::Market);
    assert_eq!(
        reason(&desk.send(&market("m", 10))),
        RejectReason::InsufficientFunds,
        "it could cost anything"
    );
    desk.bands(0, 200, 0, 0);
    assert_eq!(reason(&desk.send(&market("m", 50))), RejectReason::InsufficientFunds);
    assert_eq!(desk.say(&market("m", 40)), ["m accepted", "m Cancelled: NoLiquidity"]);
    assert_eq!(desk.cash(SAVINGS), (10 * TEN, 0));
}

#[test]
fn a_waiting_stop_has_withheld_what_it_needs() {
    let mut desk = funded();
    let stop = but(buy("s", 20, 150), |t| (t.order_type, t.stop_price) = (OrderType::StopLimit, Price(120)));
    desk.send(&stop);
    assert_eq!(desk.cash(SAVINGS).1, 306_000);
    desk.send(&support::mass_cancel(ALICE, "x", wire::command::MassScope::Session));
    assert_eq!(desk.cash(SAVINGS), (10 * TEN, 0));
}

// Deposits and withdrawals.

#[test]
fn what_is_withheld_cannot_be_withdrawn() {
    let mut desk = funded();
    desk.send(&buy("a", 90, 100));
    desk.send(&sell("s", 60, 200));
    let refused = |told: Vec<support::Told>| lines(&told)[0].clone();
    assert_eq!(refused(desk.money(SAVINGS, Withdrawal, 82_001)), "refused: InsufficientFunds");
    assert_eq!(refused(desk.money(SAVINGS, Withdrawal, 82_000)), "MoneyMoved");
    assert_eq!(refused(desk.shares(VAULT, Withdrawal, 50)), "refused: InsufficientShares");
    assert_eq!(refused(desk.shares(VAULT, Withdrawal, 40)), "SharesMoved");
    for amount in [0, -1, i128::MAX, (1 << 100) + 1] {
        assert_eq!(refused(desk.money(SAVINGS, Deposit, amount)), "refused: OutOfRange", "{amount}");
    }
    assert_eq!(refused(desk.shares(VAULT, Deposit, 0)), "refused: OutOfRange");
    assert_eq!(refused(desk.shares(VAULT, Deposit, 1 << 60)), "refused: OutOfRange");
    assert_eq!(refused(desk.shares(AccountId(9), Deposit, 1)), "refused: UnknownAccount");
    assert_eq!(refused(desk.money(AccountId(9), Deposit, 1)), "refused: UnknownAccount");
}

#[test]
fn shares_that_were_sold_short_can_be_withdrawn_by_their_buyer_where_no_funds_are_checked() {
    let mut desk = floor(risk);
    desk.send(&sell("s", 60, 100));
    desk.send(&buy("b", 60, 100));
    assert_eq!(lines(&desk.shares(SAVINGS, Withdrawal, 50)), ["SharesMoved"]);
    assert_eq!((desk.position(SAVINGS), desk.position(VAULT)), (10, -60));
    desk.audit();
}

// Limits.

#[test]
fn the_limits_of_an_account_are_checked_in_their_order() {
    let mut desk = floor(risk);
    desk.limits(SAVINGS, |l| {
        l.order_qty = Qty(50);
        l.order_value = wire::Money(4_000);
        l.position = Qty(60);
        l.day_volume = Qty(80);
        l.open_orders = 2;
    });
    for (asked, why) in
        [(buy("a", 60, 100), RejectReason::OrderQtyLimit), (buy("a", 50, 100), RejectReason::OrderValueLimit)]
    {
        assert_eq!(reason(&desk.send(&asked)), why);
    }
    assert_eq!(desk.say(&buy("a", 40, 100)), ["a accepted"]);
    assert_eq!(reason(&desk.send(&buy("b", 30, 100))), RejectReason::PositionLimit, "what is open counts");
    let short = |text: &str, qty| of(SAVINGS, order(ALICE, text, Sell, qty, 110));
    assert_eq!(reason(&desk.send(&short("c", 50))), RejectReason::OrderValueLimit);
    assert_eq!(desk.say(&short("c", 30)), ["c accepted"], "a short position has its own room");
    assert_eq!(reason(&desk.send(&short("d", 20))), RejectReason::DayVolumeLimit);
    assert_eq!(reason(&desk.send(&short("d", 10))), RejectReason::OpenOrdersLimit);
    assert_eq!(
        desk.say(&replace(ALICE, "a2", "a", Buy, 50, 75)),
        ["a2 replaces a"],
        "its own openness is left out"
    );
    assert_eq!(desk.say(&replace(ALICE, "a3", "a2", Buy, 60, 50)), ["a3 refused: OrderQtyLimit"]);
}

#[test]
fn the_days_volume_counts_both_sides_and_begins_anew_with_the_day() {
    let mut desk = floor(risk);
    desk.limits(SAVINGS, |l| l.day_volume = Qty(30));
    desk.send(&sell("s", 20, 100));
    desk.send(&buy("b", 20, 100));
    assert_eq!(reason(&desk.send(&buy("c", 20, 100))), RejectReason::DayVolumeLimit);
    desk.phase(Phase::Closed);
    assert_eq!(desk.end_day(), ["DayEnded"]);
    desk.phase(Phase::Continuous);
    assert_eq!(desk.say(&buy("c", 20, 100)), ["c accepted"]);
}

#[test]
fn limits_for_all_instruments_hold_where_there_are_none_of_its_own() {
    let mut desk = floor(risk);
    let all = wire::command::SetLimits {
        account: SAVINGS,
        instrument: wire::InstrumentId::ALL,
        limits: wire::command::RiskLimits { order_qty: Qty(20), ..Default::default() },
        act: support::act(),
    };
    assert_eq!(desk.say(&all), ["LimitsChanged"]);
    assert_eq!(reason(&desk.send(&buy("a", 30, 100))), RejectReason::OrderQtyLimit);
    desk.limits(SAVINGS, |l| l.order_qty = Qty(40));
    assert_eq!(desk.say(&buy("a", 30, 100)), ["a accepted"]);
}

#[test]
fn when_holdings_run_out_an_account_cannot_begin_in_another_instrument() {
    let mut desk = floor_with(engine::Limits { holdings: 1, ..LIMITS }, risk);
    assert_eq!(desk.say(&buy("a", 10, 100)), ["a accepted"]);
    assert_eq!(reason(&desk.send(&sell("s", 10, 200))), RejectReason::BookFull);
    assert_eq!(lines(&desk.shares(VAULT, Deposit, 10)), ["refused: BookFull"]);
    assert_eq!(desk.limits(VAULT, |_| {}), ["refused: BookFull"]);
    assert_eq!(desk.say(&buy("b", 10, 100)), ["b accepted"]);
}

#[test]
fn checks_of_accounts_come_in_their_order_behind_those_of_the_order() {
    let mut desk = funded();
    desk.limits(SAVINGS, |l| l.order_qty = Qty(10));
    desk.send(&sell("s", 10, 300));
    let post = but(buy("a", 20, 500), |t| t.post_only = wire::command::PostOnly::Yes);
    let ask = |desk: &mut Desk, order: NewOrder| rejected(&desk.send(&order)).0;
    assert_eq!(ask(&mut desk, of(AccountId(9), post)), RejectReason::UnknownAccount);
    assert_eq!(ask(&mut desk, of(VAULT, post)), RejectReason::AccountNotPermitted);
    desk.kill_switch(support::HOUSE, wire::command::Trading::Stopped);
    assert_eq!(ask(&mut desk, post), RejectReason::ParticipantStopped);
    desk.kill_switch(support::HOUSE, wire::command::Trading::Allowed);
    assert_eq!(ask(&mut desk, post), RejectReason::OrderQtyLimit);
    desk.limits(SAVINGS, |_| {});
    assert_eq!(ask(&mut desk, post), RejectReason::InsufficientFunds);
    desk.money(SAVINGS, Deposit, 100 * TEN);
    assert_eq!(ask(&mut desk, post), RejectReason::WouldTake);
}
