//! The whole rulebook through FIX: what clients can ask for, and how they are told what came of it.

use crate::bench::Bench;
use crate::exchange::act;
use wire::command::*;
use wire::*;

/// The instrument of these tests.
const ABC: InstrumentId = InstrumentId(1);

fn phase(bench: &mut Bench, phase: Phase) {
    let now = bench.now;
    bench.core.say(now, &SetPhase { instrument: ABC, phase, reserved: [0; 3], act: act() });
    bench.settle();
}

/// An order of client 0 in ABC.
fn order(bench: &mut Bench, name: &str, terms: &str) {
    bench.say(0, "D", &format!("11={name}|55=ABC|{terms}"));
    bench.settle();
}

#[test]
fn every_kind_of_order_reaches_the_engine_as_it_was_asked_for_and_is_told_back() {
    // What is asked for, what the command holds, what the report says of it.
    type Case = (&'static str, fn(&mut Terms), &'static str);
    let cases: [Case; 15] = [
        ("40=2|44=1", |_| {}, "40=2|44=1.00|59=0|99=|110=|111=|126=|18="),
        ("40=2|44=1|59=0", |_| {}, "59=0"),
        ("40=2|44=1|59=1", |t| t.time_in_force = TimeInForce::GoodTillCancel, "59=1"),
        ("40=2|44=1|59=7", |t| t.time_in_force = TimeInForce::AtTheClose, "59=7"),
        (
            "40=2|44=1|59=6|126=20300102-03:04:05.006",
            |t| {
                t.time_in_force = TimeInForce::GoodTillDate;
                t.expire = Nanos(1_893_553_445_006_000_000);
            },
            "59=6|126=20300102-03:04:05.006",
        ),
        (
            "40=2|44=1|59=6|432=20300101",
            |t| {
                t.time_in_force = TimeInForce::GoodTillDate;
                t.expire = Nanos(1_893_542_400_000_000_000);
            },
            "59=6|126=20300102-00:00:00.000",
        ),
        (
            "40=3|99=2.50",
            |t| {
                t.order_type = OrderType::Stop;
                (t.price, t.stop_price) = (Price(0), Price(250));
            },
            "40=3|99=2.50|44=",
        ),
        (
            "40=4|44=1|99=2.5",
            |t| {
                t.order_type = OrderType::StopLimit;
                t.stop_price = Price(250);
            },
            "40=4|99=2.50|44=1.00",
        ),
        ("40=2|44=1|18=6", |t| t.post_only = PostOnly::Yes, "18=6"),
        ("40=2|44=1|18=G 6 A", |t| t.post_only = PostOnly::Yes, "18=6"),
        ("40=2|44=1|18=G", |_| {}, "18="),
        ("40=2|44=1|111=3", |t| t.display = Qty(3), "111=3"),
        ("40=2|44=1|2964=1", |t| t.self_trade = SelfTrade::CancelNewest, "150=0"),
        ("40=2|44=1|2964=4", |t| t.self_trade = SelfTrade::Decrement, "150=0"),
        ("40=2|44=1|2964=0", |_| {}, "150=0"),
    ];
    for (asked, change, told) in cases {
        let mut bench = Bench::new();
        bench.log_on([0]);
        order(&mut bench, "x", &format!("54=1|38=10|{asked}"));
        let report = bench.hears(0, told);
        assert!(report.says("35=8|150=0|39=0|11=x|38=10|1=11"), "{report}");
        let mut expected = Terms::limit(ABC, Side::Buy, Price(100), Qty(10));
        change(&mut expected);
        assert_eq!(bench.core.orders(), [(expected, AccountId(11))], "{asked}");
    }
}

#[test]
fn what_is_asked_for_on_entry_alone_reaches_the_engine_too() {
    type Case = (&'static str, fn(&mut Terms), &'static str);
    let cases: [Case; 5] = [
        (
            "40=2|44=1|59=3",
            |t| t.time_in_force = TimeInForce::ImmediateOrCancel,
            "59=3|58=immediate or cancel: nothing more to match",
        ),
        (
            "40=2|44=1|59=4",
            |t| t.time_in_force = TimeInForce::FillOrKill,
            "59=4|58=fill or kill: it could not be filled in whole",
        ),
        ("40=2|44=1|110=4", |t| t.min_qty = Qty(4), "110=4|58=MinQty(110) could not be filled on entry"),
        ("40=1", |t| (t.order_type, t.price) = (OrderType::Market, Price(0)), "40=1|44="),
        (
            "40=1|44=7|99=8",
            |t| (t.order_type, t.price) = (OrderType::Market, Price(0)),
            "40=1|44=|99=|58=market order: no more counterparties",
        ),
    ];
    for (asked, change, told) in cases {
        let mut bench = Bench::new();
        bench.log_on([0]);
        order(&mut bench, "x", &format!("54=2|38=10|{asked}"));
        bench.hears(0, "150=0|39=0|11=x");
        let report = bench.hears(0, told);
        assert!(report.says("35=8|150=4|39=4|11=x|41=|14=0|151=0"), "{report}");
        let mut expected = Terms::limit(ABC, Side::Sell, Price(100), Qty(10));
        change(&mut expected);
        assert_eq!(bench.core.orders(), [(expected, AccountId(11))], "{asked}");
    }
}

#[test]
fn an_order_is_for_the_account_that_it_names_or_the_first_of_its_participant_or_none() {
    let mut bench = Bench::new();
    bench.log_on([0, 2, 3]);
    for (client, named, account) in [(0, "", "11"), (0, "|1=12", "12"), (2, "", "21"), (3, "", "")] {
        let name = format!("a{client}{account}");
        bench.say(client, "D", &format!("11={name}|55=ABC|54=1|38=1|40=2|44=1{named}"));
        bench.settle();
        bench.hears(client, &format!("150=0|11={name}|1={account}"));
    }
    bench.say(3, "D", "11=b|55=FND|54=1|38=1|40=2|44=1");
    bench.settle();
    bench.hears(3, "150=8|103=15|58=Account(1) names no account, and the session has none of its own");
}

#[test]
fn a_replace_carries_all_that_an_order_can_say() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    order(&mut bench, "a", "54=1|38=10|40=4|44=1|99=2|59=6|432=20300101");
    bench.hears(0, "150=0|11=a|40=4");
    bench.say(0, "G", "11=b|41=a|55=ABC|54=1|38=8|40=4|44=1.5|99=3|111=2|59=1");
    bench.settle();
    bench.hears(0, "150=5|39=0|11=b|41=a|38=8|40=4|44=1.50|99=3.00|111=2|59=1|126=|1=11");
}

#[test]
fn a_stop_is_told_when_it_becomes_active() {
    let mut bench = Bench::new();
    bench.log_on([0, 2]);
    order(&mut bench, "stop", "54=1|38=5|40=4|44=10.50|99=10.00");
    bench.hears(0, "150=0|39=0|11=stop|99=10.00");
    bench.order(2, "s", 2, 2, "10.00");
    bench.settle();
    bench.hears(2, "150=0");
    order(&mut bench, "buy", "54=1|38=1|40=2|44=10.00");
    bench.hears(0, "150=0|11=buy");
    bench.hears(0, "150=F|11=buy");
    bench.hears(0, "35=8|150=L|39=0|11=stop|40=4|99=10.00|44=10.50|14=0|151=5");
    bench.hears(0, "150=F|39=1|11=stop|32=1|31=10.00|14=1|151=4");
    bench.hears_nothing(0);
}

#[test]
fn self_trade_prevention_is_told_in_its_words() {
    // Instruction; what the resting order is told, what the incoming one.
    const WORDS: &str = "58=self-trade prevention: it would have met an order of its own participant";
    for (instruction, resting, incoming) in [
        (1, None, Some("150=4|39=4|14=0|151=0")),
        (2, Some("150=4|39=4|14=0|151=0"), None),
        (3, Some("150=4|39=4|14=0|151=0"), Some("150=4|39=4|14=0|151=0")),
    ] {
        let mut bench = Bench::new();
        bench.log_on([0, 1]);
        bench.order(1, "rests", 2, 5, "10.00");
        bench.settle();
        bench.hears(1, "150=0");
        order(&mut bench, "comes", &format!("54=1|38=5|40=2|44=10.00|2964={instruction}"));
        bench.hears(0, "150=0|11=comes");
        for (client, name, told) in [(1, "rests", resting), (0, "comes", incoming)] {
            if let Some(told) = told {
                bench.hears(client, &format!("35=8|11={name}|41=|{told}|{WORDS}"));
            }
            bench.hears_nothing(client);
        }
    }
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    bench.order(1, "rests", 2, 5, "10.00");
    bench.settle();
    bench.hears(1, "150=0");
    order(&mut bench, "comes", "54=1|38=3|40=2|44=10.00|2964=4");
    bench.hears(0, "150=0|11=comes");
    bench.hears(
        1,
        "35=8|150=D|378=5|39=0|11=rests|38=2|14=0|151=2|58=self-trade prevention took from the quantity",
    );
    bench.hears(0, &format!("150=4|11=comes|38=3|{WORDS}"));
}

#[test]
fn what_runs_out_is_told_as_expired() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    order(&mut bench, "day", "54=1|38=1|40=2|44=1");
    order(&mut bench, "close", "54=1|38=1|40=2|44=1|59=7");
    order(&mut bench, "gtc", "54=1|38=1|40=2|44=1|59=1");
    for name in ["day", "close", "gtc"] {
        bench.hears(0, &format!("150=0|11={name}"));
    }
    phase(&mut bench, Phase::Closed);
    bench.hears(0, "35=8|150=C|39=C|11=close|41=|14=0|151=0|58=the auction that it was for left it unfilled");
    bench.hears(0, "35=8|150=C|39=C|11=day|41=|14=0|151=0|58=expired");
    bench.hears_nothing(0);
    order(&mut bench, "late", "54=1|38=1|40=2|44=1");
    bench.hears(0, "150=8|103=2|58=the instrument's phase of trading does not take it");
    bench.say(0, "F", "11=c|41=gtc|55=ABC|54=1");
    bench.settle();
    bench.hears(0, "150=4|11=c|41=gtc");
}

#[test]
fn an_order_that_is_good_till_a_date_runs_out_by_itself() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    let soon = String::from_utf8(
        fix::timestamp::to_text(bench.now.saturating_add(Nanos(3 * Nanos::SECOND.0))).to_vec(),
    );
    order(&mut bench, "gtd", &format!("54=1|38=1|40=2|44=1|59=6|126={}", soon.unwrap()));
    bench.hears(0, "150=0|11=gtd");
    bench.pass(2);
    bench.hears_nothing(0);
    bench.pass(3);
    bench.hears(0, "150=C|39=C|11=gtd|151=0|58=expired");
}

#[test]
fn an_auction_fills_both_sides_as_such() {
    let mut bench = Bench::new();
    bench.log_on([0, 2]);
    phase(&mut bench, Phase::Closed);
    phase(&mut bench, Phase::OpeningAuction);
    bench.order(2, "s", 2, 5, "10.00");
    order(&mut bench, "b", "54=1|38=7|40=2|44=10.00|59=2");
    bench.hears(0, "150=0|11=b|59=2");
    bench.hears(2, "150=0|11=s");
    phase(&mut bench, Phase::Continuous);
    bench.hears(0, "150=F|39=1|11=b|31=10.00|32=5|851=4");
    bench.hears(2, "150=F|39=2|11=s|31=10.00|32=5|851=4");
    bench.hears(0, "150=C|39=C|11=b|14=5|151=0|58=the auction that it was for left it unfilled");
}

#[test]
fn a_mass_cancel_is_told_order_by_order_and_then_summed_up() {
    let mut bench = Bench::new();
    bench.log_on([0, 1]);
    for (name, terms) in [
        ("a", "55=ABC|38=1|1=11"),
        ("b", "55=ABC|38=1|1=12"),
        ("c", "55=LOT|38=100|1=11"),
        ("d", "55=LOT|38=100|1=12"),
    ] {
        bench.say(0, "D", &format!("11={name}|54=1|40=2|44=1|{terms}"));
        bench.settle();
        bench.hears(0, &format!("150=0|11={name}"));
    }
    bench.order(1, "other", 1, 1, "1.00");
    bench.settle();
    bench.hears(1, "150=0");
    for (request, cancelled, response) in
        [("530=1|55=LOT", vec!["c", "d"], 1), ("530=7|1=12", vec!["b"], 7), ("530=7", vec!["a"], 7)]
    {
        let name = format!("m{}", cancelled[0]);
        bench.say(0, "q", &format!("11={name}|{request}"));
        bench.settle();
        for order in &cancelled {
            bench.hears(0, &format!("35=8|150=4|39=4|11={order}|41=|151=0|58=mass cancel"));
        }
        let count = cancelled.len();
        let report =
            bench.hears(0, &format!("35=r|11={name}|530={response}|531={response}|532=|533={count}|58="));
        assert_eq!(report.number(37), bench.core.frames.len() as u64, "named by its sequence number");
    }
    bench.hears_nothing(0);
    bench.hears_nothing(1);
}

#[test]
fn what_the_exchange_does_to_an_order_is_told_in_words() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    order(&mut bench, "a", "54=1|38=1|40=2|44=1");
    bench.hears(0, "150=0");
    let (session, cl_ord_id) = (SessionId(1), ClOrdId::new(b"a").unwrap());
    bench.core.say(bench.now, &CancelFor { session, cl_ord_id, act: act() });
    bench.settle();
    bench.hears(0, "150=4|39=4|11=a|41=|58=cancelled by the exchange");
    order(&mut bench, "b", "54=1|38=1|40=2|44=1");
    bench.hears(0, "150=0");
    let (participant, trading) = (ParticipantId(1), Trading::Stopped);
    bench.core.say(bench.now, &SetTrading { participant, trading, reserved: [0; 3], act: act() });
    bench.settle();
    bench.hears(0, "150=4|39=4|11=b|58=trading of this participant was stopped by the exchange");
    order(&mut bench, "c", "54=1|38=1|40=2|44=1");
    bench.hears(0, "150=8|103=12|11=c|58=trading of this participant was stopped by the exchange");
}

#[test]
fn the_fee_of_a_fill_is_told_in_the_money_of_its_instrument() {
    let mut bench = Bench::new();
    bench.log_on([0, 2]);
    bench.say(2, "D", "11=s|55=FND|54=2|38=10|40=2|44=12.34");
    bench.settle();
    bench.say(0, "D", "11=b|55=FND|54=1|38=10|40=2|44=12.34");
    bench.settle();
    bench.hears(2, "150=0|11=s|1=21");
    bench.hears(0, "150=0|11=b|1=11");
    // 123.40 at 0.1 % and at 0.2 %, with the four decimals of the currency.
    bench.hears(2, "150=F|11=s|12=0.1234|13=3|851=1");
    bench.hears(0, "150=F|11=b|12=0.2468|13=3|851=2");
    bench.order(2, "s2", 2, 1, "10.00");
    bench.settle();
    bench.order(0, "b2", 1, 1, "10.00");
    bench.settle();
    bench.hears(2, "150=0");
    bench.hears(2, "150=F|11=s2|12=|13=");
}

#[test]
fn an_account_that_cannot_pay_or_deliver_or_may_not_is_told_so() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    let say = |bench: &mut Bench, name: &str, terms: &str| {
        bench.say(0, "D", &format!("11={name}|55=FND|40=2|{terms}"));
        bench.settle();
    };
    say(&mut bench, "a", "54=1|38=1000|44=10.00");
    bench.hears(0, "150=8|103=3|58=the account has not enough money");
    say(&mut bench, "b", "54=2|38=1001|44=10.00");
    bench.hears(0, "150=8|103=3|58=the account has not enough shares");
    let limits = RiskLimits {
        order_qty: Qty(50),
        order_value: Money(2_000_000),
        position: Qty(1_010),
        day_volume: Qty(25),
        open_orders: 2,
        reserved: [0; 4],
    };
    let (account, instrument) = (AccountId(11), InstrumentId(3));
    bench.core.say(bench.now, &SetLimits { account, instrument, limits, act: act() });
    bench.settle();
    for (name, terms, words) in [
        ("c", "54=1|38=51|44=1.00", "OrderQty(38) is above the account's limit"),
        ("d", "54=1|38=50|44=5.00", "the order's value is above the account's limit"),
        ("e", "54=1|38=11|44=1.00", "the position could go above the account's limit"),
        ("f", "54=2|38=26|44=1.00", "the day's volume could go above the account's limit"),
    ] {
        say(&mut bench, name, terms);
        bench.hears(0, &format!("150=8|103=3|11={name}|58={words}"));
    }
    for name in ["g", "h"] {
        say(&mut bench, name, "54=1|38=1|44=1.00");
        bench.hears(0, &format!("150=0|11={name}"));
    }
    say(&mut bench, "i", "54=1|38=1|44=1.00");
    bench.hears(0, "150=8|103=3|58=the account has as many open orders as it may have");
}

#[test]
fn bands_collars_and_post_only_refuse_in_words() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    let bands = Bands { low: Price(500), high: Price(2_000), collar: Price(100), reference: Price(1_000) };
    bench.core.say(bench.now, &SetBands { instrument: ABC, reserved: [0; 4], bands, act: act() });
    bench.settle();
    order(&mut bench, "a", "54=1|38=1|40=2|44=20.05");
    bench.hears(0, "150=8|103=99|58=Price(44) lies outside of the instrument's price bands");
    order(&mut bench, "b", "54=1|38=1|40=2|44=11.05");
    bench.hears(0, "150=8|103=99|58=Price(44) lies too far from the reference price");
    order(&mut bench, "c", "54=2|38=1|40=2|44=10.00");
    bench.hears(0, "150=0");
    order(&mut bench, "d", "54=1|38=1|40=2|44=10.00|18=6");
    bench.hears(0, "150=8|103=99|58=post only: it would match on entry");
}

#[test]
fn a_trade_that_is_put_right_or_undone_is_told_to_both_sides() {
    let mut bench = Bench::new();
    bench.log_on([0, 2]);
    bench.say(2, "D", "11=s|55=FND|54=2|38=10|40=2|44=12.34");
    bench.settle();
    bench.say(0, "D", "11=b|55=FND|54=1|38=10|40=2|44=12.34");
    bench.settle();
    let sold = bench.hears(2, "150=0").number(37);
    let bought = bench.hears(0, "150=0").number(37);
    let trade = bench.hears(2, "150=F").number(527);
    bench.hears(0, "150=F");
    let (price, qty) = (Price(1_000), Qty(5));
    bench.core.say(bench.now, &CorrectTrade { trade: TradeId(trade), price, qty, act: act() });
    bench.settle();
    for (client, order, rest) in
        [(0, bought, "11=b|54=1|1=11|12=0.1000"), (2, sold, "11=s|54=2|1=21|12=0.0500")]
    {
        bench.hears(client, &format!("35=8|150=G|39=2|37={order}|19=T{trade}|527={trade}|55=FND|32=5|31=10.00|14=5|151=0|6=10.00|13=3|58=desk: because|{rest}"));
    }
    bench.core.say(bench.now, &BustTrade { trade: TradeId(trade), act: act() });
    bench.settle();
    for (client, order, rest) in [(0, bought, "11=b|54=1"), (2, sold, "11=s|54=2")] {
        bench.hears(client, &format!("35=8|150=H|39=4|37={order}|19=T{trade}|527={trade}|32=5|31=10.00|14=0|151=0|6=0.00|58=desk: because|{rest}"));
    }
}

#[test]
fn a_replace_or_mass_cancel_that_the_engine_refuses_is_told_with_its_reason() {
    let mut bench = Bench::new();
    bench.log_on([0]);
    order(&mut bench, "a", "54=1|38=1|40=2|44=1|59=1");
    bench.hears(0, "150=0");
    bench.say(0, "G", "11=b|41=a|55=ABC|54=1|38=1|40=2|44=1|59=3");
    bench.settle();
    bench.hears(
        0,
        "35=9|434=2|102=99|58=Symbol(55), Side(54), OrdType(40) or TimeInForce(59) differ from the order's",
    );
    phase(&mut bench, Phase::Halted);
    bench.say(0, "G", "11=c|41=a|55=ABC|54=1|38=2|40=2|44=1|59=1");
    bench.settle();
    bench.hears(0, "35=9|434=2|102=2|58=the instrument's phase of trading does not take it");
}
