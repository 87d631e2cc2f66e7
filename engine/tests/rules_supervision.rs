//! What operators do: mass cancels, the kill switch, busts and corrections, the end of the day, and how it is refused.

mod support;

use support::{
    ACME, ALICE, BOB, CAROL, Desk, EUR, HOUSE, LIMITS, SAVINGS, VAULT, act, but, cancel, floor, floor_with,
    funds, lines, mass_cancel, mass_cancel_for, name, of, order, reason, rejected, replace,
};
use wire::command::*;
use wire::event::RejectReason;
use wire::{
    AccountId, CurrencyCode, CurrencyId, InstrumentId, OrderId, ParticipantId, ParticipantName, Price, Qty,
    SessionId, Symbol,
};

use Side::{Buy, Sell};

/// Two orders of Alice, one of Carol, one of Bob.
fn busy() -> Desk {
    let mut desk = floor(|_| {});
    desk.send(&support::define(support::OTHER, b"BOLT"));
    desk.send(&of(SAVINGS, order(ALICE, "a1", Buy, 10, 90)));
    desk.send(&of(SAVINGS, order(CAROL, "c", Sell, 10, 200)));
    desk.send(&of(VAULT, order(BOB, "b", Buy, 10, 95)));
    desk.send(&of(AccountId(9), but(order(ALICE, "a2", Buy, 10, 90), |t| t.instrument = support::OTHER)));
    desk
}

// Mass cancels.

#[test]
fn a_clients_mass_cancel_takes_its_sessions_orders_by_their_numbers_and_tells_the_count() {
    for (scope, expected) in [
        (MassScope::Session, &["a1 Cancelled: MassCancel", "a2 Cancelled: MassCancel", "x: 2 cancelled"][..]),
        (MassScope::Instrument, &["a1 Cancelled: MassCancel", "x: 1 cancelled"]),
        (MassScope::Account, &["a1 Cancelled: MassCancel", "x: 1 cancelled"]),
        (MassScope::Participant, &["x refused: UnsupportedOrder"]),
        (MassScope::Everything, &["x refused: UnsupportedOrder"]),
    ] {
        let mut desk = busy();
        assert_eq!(desk.say(&mass_cancel(ALICE, "x", scope)), expected);
        desk.audit();
    }
    let mut desk = busy();
    let unknown =
        MassCancel { instrument: InstrumentId(7), ..mass_cancel(ALICE, "x", MassScope::Instrument) };
    assert_eq!(desk.say(&unknown), ["x refused: UnknownInstrument"]);
    assert_eq!(desk.say(&mass_cancel(SessionId(4), "x", MassScope::Session)), ["x refused: NotLoggedOn"]);
}

#[test]
fn an_operators_mass_cancel_goes_over_every_session() {
    for (scope, subject, count) in [
        (MassScope::Session, ALICE.0, 2),
        (MassScope::Instrument, ACME.0, 3),
        (MassScope::Account, SAVINGS.0, 2),
        (MassScope::Participant, HOUSE.0, 3),
        (MassScope::Everything, 0, 4),
        (MassScope::Session, 77, 0),
    ] {
        let mut desk = busy();
        let told = desk.say(&mass_cancel_for(scope, subject));
        assert_eq!(told.len(), count + 1, "{told:?}");
        assert!(told[..count].iter().all(|line| line.ends_with("Cancelled: Operator")), "{told:?}");
        assert_eq!(told[count], format!("{count} cancelled for others"));
    }
}

#[test]
fn an_operator_cancels_one_order_by_its_owners_name() {
    let mut desk = busy();
    let one = |session, text: &str| CancelFor { session, cl_ord_id: name(text), act: act() };
    assert_eq!(desk.say(&one(ALICE, "a1")), ["a1 Cancelled: Operator", "1 cancelled for others"]);
    assert_eq!(desk.say(&one(ALICE, "a1")), ["refused: TooLate"]);
    assert_eq!(desk.say(&one(BOB, "a2")), ["refused: UnknownOrder"]);
}

// The kill switch.

#[test]
fn the_kill_switch_cancels_a_participants_orders_and_refuses_new_ones_until_it_is_taken_back() {
    let mut desk = busy();
    assert_eq!(
        desk.kill_switch(HOUSE, Trading::Stopped),
        [
            "a1 Cancelled: ParticipantStopped",
            "c Cancelled: ParticipantStopped",
            "a2 Cancelled: ParticipantStopped",
            "TradingChanged"
        ]
    );
    let again = of(SAVINGS, order(CAROL, "d", Buy, 10, 90));
    assert_eq!(reason(&desk.send(&again)), RejectReason::ParticipantStopped);
    assert_eq!(desk.say(&replace(BOB, "b2", "b", Buy, 20, 95)), ["b2 replaces b"], "others trade on");
    assert_eq!(desk.kill_switch(HOUSE, Trading::Allowed), ["TradingChanged"]);
    assert_eq!(desk.say(&again), ["d accepted"]);
    assert_eq!(desk.kill_switch(ParticipantId(7), Trading::Stopped), ["refused: UnknownParticipant"]);
}

// Busts and corrections.

/// A trade of 40 at 90: number 1.
fn traded() -> Desk {
    let mut desk = floor_with(engine::Limits { trades: 2, ..LIMITS }, funds);
    desk.money(SAVINGS, Transfer::Deposit, 1_000_000);
    desk.shares(VAULT, Transfer::Deposit, 100);
    desk.send(&of(VAULT, order(BOB, "s", Sell, 40, 90)));
    desk.send(&of(SAVINGS, order(ALICE, "b", Buy, 40, 90)));
    assert_eq!((desk.cash(SAVINGS).0, desk.cash(VAULT).0), (1_000_000 - 367_200, 356_400));
    desk
}

#[test]
fn a_bust_gives_money_shares_and_fees_back_and_is_told_to_the_buyer_first() {
    let mut desk = traded();
    let told = desk.send(&BustTrade { trade: wire::TradeId(1), act: act() });
    assert_eq!(lines(&told), ["b busted, fee 7200", "s busted, fee 3600"]);
    assert_eq!((told[0].session, told[1].session), (ALICE, BOB));
    assert_eq!((desk.cash(SAVINGS), desk.cash(VAULT)), ((1_000_000, 0), (0, 0)));
    assert_eq!((desk.position(SAVINGS), desk.position(VAULT)), (0, 100));
    let machine = desk.replica.machine();
    assert_eq!(machine.collected(EUR).0, 0);
    assert_eq!(machine.holding(SAVINGS, ACME).day_volume, 40, "volumes stay as they are");
    assert_eq!(desk.bust(1), ["refused: UnknownTrade"], "it is undone");
    assert_eq!(desk.correct(1, 10, 100), ["refused: UnknownTrade"]);
    desk.audit();
}

#[test]
fn an_account_may_owe_after_a_bust_and_buys_again_when_it_has_what_it_needs() {
    let mut desk = traded();
    desk.money(VAULT, Transfer::Withdrawal, 356_400);
    desk.bust(1);
    assert_eq!(desk.cash(VAULT).0, -356_400);
    let asked = of(VAULT, order(BOB, "x", Buy, 10, 50));
    assert_eq!(reason(&desk.send(&asked)), RejectReason::InsufficientFunds);
    desk.money(VAULT, Transfer::Deposit, 1_000_000);
    assert_eq!(desk.say(&asked), ["x accepted"]);
    desk.audit();
}

#[test]
fn a_correction_undoes_the_trade_and_does_it_again_and_can_itself_be_corrected() {
    let mut desk = traded();
    assert_eq!(
        desk.correct(1, 20, 100),
        ["b corrected to 20 at 100, fee 4000", "s corrected to 20 at 100, fee 2000"]
    );
    assert_eq!((desk.cash(SAVINGS).0, desk.cash(VAULT).0), (1_000_000 - 204_000, 198_000));
    assert_eq!((desk.position(SAVINGS), desk.position(VAULT)), (20, 80));
    for (qty, price) in [(0, 100), (15, 100), (20, 0), (20, 101), (10 << 40, 100), (10, 5 << 40)] {
        assert_eq!(desk.correct(1, qty, price), ["refused: OutOfRange"]);
    }
    assert_eq!(desk.correct(1, 40, 90).len(), 2);
    assert_eq!(desk.bust(1).len(), 2);
    assert_eq!((desk.cash(SAVINGS).0, desk.cash(VAULT).0), (1_000_000, 0));
}

#[test]
fn only_the_last_trades_of_the_day_that_are_kept_can_be_changed() {
    let mut desk = traded();
    for n in 2..=3 {
        desk.send(&of(VAULT, order(BOB, &format!("s{n}"), Sell, 10, 90)));
        desk.send(&of(SAVINGS, order(ALICE, &format!("b{n}"), Buy, 10, 90)));
    }
    assert_eq!(desk.bust(1), ["refused: UnknownTrade"], "two are kept");
    assert_eq!(desk.bust(2).len(), 2);
    assert_eq!(desk.bust(4), ["refused: UnknownTrade"]);
    desk.phase(Phase::Closed);
    desk.end_day();
    assert_eq!(desk.bust(3), ["refused: UnknownTrade"], "its day is over");
}

// The end of the day.

#[test]
fn the_day_ends_when_every_instrument_is_closed_and_frees_the_names_of_orders_that_are_done() {
    let mut desk = busy();
    let keeps = but(of(SAVINGS, order(ALICE, "keeps", Buy, 20, 80)), |t| {
        t.time_in_force = TimeInForce::GoodTillCancel;
    });
    desk.send(&keeps);
    let asked = support::replace_but(replace(ALICE, "kept", "keeps", Buy, 10, 80), |t| {
        t.time_in_force = TimeInForce::GoodTillCancel;
    });
    desk.send(&asked);
    assert_eq!(desk.end_day(), ["refused: MarketNotClosed"]);
    desk.phase(Phase::Closed);
    assert_eq!(desk.end_day(), ["refused: MarketNotClosed"], "there is another instrument");
    desk.say(&SetPhase { instrument: support::OTHER, phase: Phase::Closed, reserved: [0; 3], act: act() });
    assert_eq!(desk.end_day(), ["DayEnded"]);
    desk.phase(Phase::Continuous);
    assert_eq!(desk.say(&of(SAVINGS, order(ALICE, "a1", Buy, 10, 90))), ["a1 accepted"]);
    for text in ["kept", "keeps"] {
        let told = rejected(&desk.send(&of(SAVINGS, order(ALICE, text, Buy, 10, 90))));
        assert_eq!(told.0, RejectReason::DuplicateClOrdId, "{text}: its order lives");
        assert_ne!(told.1, OrderId(0));
    }
    assert!(desk.say(&cancel(ALICE, "x", "kept", Buy))[0].ends_with("Cancelled: Requested"));
    desk.audit();
}

// What is refused.

#[test]
fn a_definition_that_breaks_a_rule_is_refused_with_its_reason() {
    let mut desk = floor(|_| {});
    let code = |text: &[u8]| CurrencyCode::new(text).expect("short");
    let currency = |number, decimals, code| DefineCurrency {
        currency: CurrencyId(number),
        decimals,
        reserved: [0; 5],
        code,
    };
    for (asked, why) in [
        (currency(0, 2, code(b"USD")), "OutOfRange"),
        (currency(4, 2, code(b"USD")), "OutOfRange"),
        (currency(2, 13, code(b"USD")), "OutOfRange"),
        (currency(2, 2, CurrencyCode::default()), "OutOfRange"),
        (currency(1, 2, code(b"USD")), "AlreadyDefined"),
        (currency(2, 2, code(b"EUR")), "AlreadyDefined"),
    ] {
        assert_eq!(desk.say(&asked), [format!("refused: {why}")]);
    }
    let text = ParticipantName::new(b"X").expect("short");
    for (number, name, why) in [
        (0, text, "OutOfRange"),
        (8, text, "OutOfRange"),
        (3, ParticipantName::default(), "OutOfRange"),
        (1, text, "AlreadyDefined"),
    ] {
        let asked = DefineParticipant { participant: ParticipantId(number), reserved: [0; 4], name };
        assert_eq!(desk.say(&asked), [format!("refused: {why}")]);
    }
    for (account, participant, why) in
        [(0, 1, "OutOfRange"), (16, 1, "OutOfRange"), (5, 7, "UnknownParticipant"), (1, 1, "AlreadyDefined")]
    {
        let asked = DefineAccount { account: AccountId(account), participant: ParticipantId(participant) };
        assert_eq!(desk.say(&asked), [format!("refused: {why}")]);
    }
    for (session, participant, why) in
        [(0, 1, "OutOfRange"), (LIMITS.sessions, 1, "OutOfRange"), (1, 7, "UnknownParticipant")]
    {
        let asked = AssignSession { session: SessionId(session), participant: ParticipantId(participant) };
        assert_eq!(desk.say(&asked), [format!("refused: {why}")]);
    }
}

#[test]
fn an_instrument_that_breaks_a_rule_is_refused_as_a_whole() {
    let wrong: [fn(&mut InstrumentTerms); 18] = [
        |t| t.instrument = ACME,
        |t| t.instrument = InstrumentId(LIMITS.instruments),
        |t| t.symbol = Symbol::new(b"ACME").expect("short"),
        |t| t.symbol = Symbol::default(),
        |t| t.price_decimals = 13,
        |t| t.tick = Price(0),
        |t| t.tick = Price((1 << 40) + 1),
        |t| t.lot = Qty(0),
        |t| t.lot = Qty((1 << 40) + 1),
        |t| (t.bands.low, t.bands.high) = (Price(20), Price(10)),
        |t| t.bands.collar = Price(-1),
        |t| t.bands.reference = Price((1 << 40) + 1),
        |t| t.lead.participant = ParticipantId(7),
        |t| t.lead.share = 101,
        |t| t.maker_fee = 1_000_001,
        |t| t.taker_fee = 1_000_001,
        |t| t.currency = CurrencyId(3),
        |t| t.checks = Checks::Funds,
    ];
    let mut desk = floor(|_| {});
    let good = support::define(support::OTHER, b"BOLT");
    for (at, change) in wrong.into_iter().enumerate() {
        let mut terms = good.terms;
        change(&mut terms);
        assert_eq!(desk.say(&DefineInstrument { terms }), ["refused: InstrumentRefused"], "{at}");
    }
    let mut fine = good.terms;
    (fine.currency, fine.price_decimals) = (EUR, 5);
    assert_eq!(
        desk.say(&DefineInstrument { terms: fine }),
        ["refused: InstrumentRefused"],
        "finer than its money"
    );
    assert_eq!(desk.say(&good), ["InstrumentDefined"]);
}

#[test]
fn bands_lead_and_limits_are_refused_with_their_reasons() {
    let mut desk = floor(|_| {});
    for (low, high, collar) in [(-1, 0, 0), (0, (1 << 40) + 1, 0), (20, 10, 0), (0, 0, -5)] {
        assert_eq!(desk.bands(low, high, collar, 0), ["refused: OutOfRange"]);
    }
    let bands =
        SetBands { instrument: InstrumentId(7), reserved: [0; 4], bands: Bands::default(), act: act() };
    assert_eq!(desk.say(&bands), ["refused: UnknownInstrument"]);
    for (instrument, participant, share, why) in
        [(7, 1, 1, "UnknownInstrument"), (1, 7, 1, "UnknownParticipant"), (1, 1, 101, "OutOfRange")]
    {
        let lead = Lead { participant: ParticipantId(participant), share, reserved: [0; 3] };
        let asked = SetLead { instrument: InstrumentId(instrument), lead, act: act() };
        assert_eq!(desk.say(&asked), [format!("refused: {why}")]);
    }
    assert_eq!(desk.limits(AccountId(9), |_| {}), ["refused: UnknownAccount"]);
    assert_eq!(desk.limits(SAVINGS, |l| l.order_value = wire::Money(-1)), ["refused: OutOfRange"]);
    let limits = SetLimits {
        account: SAVINGS,
        instrument: InstrumentId(7),
        limits: RiskLimits::default(),
        act: act(),
    };
    assert_eq!(desk.say(&limits), ["refused: UnknownInstrument"]);
}

#[test]
fn the_bands_that_are_told_carry_the_reference_price_in_force() {
    let mut desk = floor(|_| {});
    desk.bands(0, 0, 0, 100);
    let bands = Bands { low: Price(50), ..Bands::default() };
    let told = desk.send(&SetBands { instrument: ACME, reserved: [0; 4], bands, act: act() });
    let [support::Told { said: support::Said::BandsChanged(body), .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(({ body.bands.low }, { body.bands.reference }), (Price(50), Price(100)));
}

#[test]
fn money_in_a_currency_that_does_not_exist_is_refused() {
    let mut desk = floor(|_| {});
    let asked = MoveMoney {
        account: SAVINGS,
        currency: CurrencyId(3),
        direction: Transfer::Deposit,
        reserved: 0,
        amount: wire::Money(5),
        act: act(),
    };
    assert_eq!(desk.say(&asked), ["refused: UnknownCurrency"]);
}
