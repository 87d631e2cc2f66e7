//! What contradicts the events before it is refused by name, and changes nothing.

mod listener;
#[path = "../../../engine/tests/support/mod.rs"]
mod support;

use listener::{LIMITS, Listener, buy, sell};
use orders::{Fault, Limits, Outcome, Part};
use support::{ACME, ALICE, BOB, cancel, name, replace};
use wire::command::{BustTrade, CorrectTrade, SetPhase};
use wire::event::{
    self, Accepted, Address, EventBody, Filled, OrderStatus, PhaseChanged, Restated, Speaker, TradeCorrected,
    Triggered,
};
use wire::terms::{Act, Phase, Side};
use wire::{Event, Happening, MAX_FRAME_LEN, Notional, OrderId, Outbound, Price, Qty, ReportSeq, TradeId};

/// The event with another address.
fn readdressed(bytes: &[u8], change: impl FnOnce(&mut Address)) -> Vec<u8> {
    let event = Event::read(bytes).expect("whole");
    macro_rules! again {
        ($($kind:ident)*) => {
            match event.happening().expect("readable") {
                $(Happening::$kind(body) => written(&event, change, body),)*
                other => panic!("add {other:?} here"),
            }
        };
    }
    again!(Accepted Filled Cancelled Replaced Triggered Restated TradeBusted TradeCorrected PhaseChanged)
}

/// The event with another body.
fn with<B: EventBody>(bytes: &[u8], body: &B) -> Vec<u8> {
    written(&Event::read(bytes).expect("whole"), |_| {}, body)
}

fn written<B: EventBody>(event: &Event<'_>, change: impl FnOnce(&mut Address), body: &B) -> Vec<u8> {
    let header = event.header();
    let mut address = Address {
        outbound: header.outbound,
        cause: event.cause(),
        timestamp: header.timestamp,
        session: header.session,
        report: header.report,
    };
    change(&mut address);
    let mut to = [0; MAX_FRAME_LEN];
    let length = event::write(&mut to, address, body);
    event::speak(&mut to[..length], Speaker::default());
    to[..length].to_vec()
}

macro_rules! body {
    ($bytes:expr, $kind:ident) => {
        match Event::read($bytes).expect("whole").happening() {
            Ok(Happening::$kind(body)) => *body,
            other => panic!("{other:?}"),
        }
    };
}

#[test]
fn a_missing_event_and_one_that_comes_twice_are_gaps() {
    let mut listener = Listener::new(&LIMITS);
    let told = listener.events(&sell("a", 50, 100));
    let expected = Outbound(listener.heard + 1);
    let ahead = readdressed(&told[0], |address| address.outbound.0 += 1);
    listener.refuse(&ahead, Fault::Gap { expected });
    listener.take(&told[0]);
    listener.refuse(&told[0], Fault::Gap { expected: Outbound(expected.0 + 1) });
    assert_eq!((listener.orders.last(), listener.books.last()), (expected, expected));
}

#[test]
fn a_missing_report_of_a_session_is_told() {
    let mut listener = Listener::new(&LIMITS);
    let told = listener.events(&sell("a", 50, 100));
    let last = listener.orders.last_report(ALICE);
    for found in [last, ReportSeq(last.0 + 2)] {
        let wrong = readdressed(&told[0], |address| address.report = found);
        listener.refuse_orders(&wrong, Fault::ReportGap { session: ALICE, last, found });
    }
    listener.take(&told[0]);
    assert_eq!(listener.orders.last_report(ALICE), ReportSeq(last.0 + 1));
}

#[test]
fn an_order_comes_once_under_its_commands_number_whole_and_under_a_free_name() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let first = listener.orders.named(ALICE, name("a")).expect("open").view;
    let told = listener.events(&sell("b", 50, 100));
    let body = body!(&told[0], Accepted);
    let number = body.order.order;
    let but = |change: &dyn Fn(&mut Accepted)| {
        let mut other = body;
        change(&mut other);
        with(&told[0], &other)
    };
    let differs = |order, part| Fault::Differs { order, part };
    listener.refuse(&but(&|b| b.order.order = OrderId(99)), differs(number, Part::Order));
    listener.refuse(&but(&|b| b.order.cum = Qty(1)), differs(number, Part::Cum));
    listener.refuse(&but(&|b| b.order.leaves = Qty(40)), differs(number, Part::Leaves));
    listener.refuse(&but(&|b| b.order.notional = Notional(1)), differs(number, Part::Notional));
    listener.refuse(&but(&|b| b.order.status = OrderStatus::Filled), differs(number, Part::Status));
    listener.refuse(&but(&|b| b.order.terms.price = Price(-5)), differs(number, Part::Terms));
    let unknown = but(&|b| b.order.terms.instrument.0 = 7);
    listener.refuse(&unknown, Fault::UnknownInstrument(wire::InstrumentId(7)));
    let taken = but(&|b| b.order.cl_ord_id = name("a"));
    listener.refuse_orders(&taken, Fault::NameTaken { order: first.order, name: name("a") });
    let again = readdressed(&with(&told[0], &Accepted { order: first }), |address| {
        address.cause.seq = wire::Seq({ first.order }.0);
    });
    listener.refuse(&again, Fault::KnownOrder(first.order));
    listener.take(&told[0]);
}

#[test]
fn a_fill_must_add_up_for_an_open_order_that_stands_there() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let maker = listener.orders.named(ALICE, name("a")).expect("open").view.order;
    let told = listener.events(&buy("b", 30, 105));
    listener.take(&told[0]);
    let body = body!(&told[1], Filled);
    let but = |change: &dyn Fn(&mut Filled)| {
        let mut other = body;
        change(&mut other);
        with(&told[1], &other)
    };
    let differs = |part| Fault::Differs { order: maker, part };
    listener.refuse(&but(&|b| b.order.order = OrderId(77)), Fault::UnknownOrder(OrderId(77)));
    listener.refuse(&but(&|b| b.last_qty = Qty(20)), differs(Part::Cum));
    listener.refuse(&but(&|b| b.last_qty = Qty(60)), differs(Part::Leaves));
    listener.refuse(&but(&|b| b.last_qty = Qty(0)), differs(Part::Cum));
    listener.refuse(&but(&|b| b.last_price = Price(105)), differs(Part::Notional));
    listener.refuse(&but(&|b| b.last_price = Price(-100)), differs(Part::Notional));
    listener.refuse(&but(&|b| b.order.status = OrderStatus::Filled), differs(Part::Status));
    listener.refuse(&but(&|b| b.order.account.0 += 1), differs(Part::Account));
    listener.refuse(&but(&|b| b.order.cl_ord_id = name("z")), differs(Part::Name));
    listener.refuse(&but(&|b| b.order.terms.qty = Qty(60)), differs(Part::Terms));
    let worse = but(&|b| {
        b.last_price = Price(95);
        b.order.notional = Notional(30 * 95);
    });
    listener.refuse_books(&worse, Fault::NotInBook(maker));
    let (expected, found) = (TradeId(1), TradeId(2));
    listener.refuse_orders(&but(&|b| b.trade = found), Fault::TradeGap { expected, found });
    let elsewhere = readdressed(&told[1], |address| {
        address.session = BOB;
        address.report = ReportSeq(3);
    });
    listener.refuse(&elsewhere, Fault::OtherSession { order: maker, owner: ALICE });
    listener.take(&told[1]);
    assert!(!listener.books.is_settled(ACME), "one side of the match is missing");
    listener.take(&told[2]);
    assert!(listener.books.is_settled(ACME));
}

#[test]
fn the_sides_of_a_trade_come_one_after_the_other_and_agree() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let told = listener.events(&buy("b", 30, 105));
    listener.take(&told[0]);
    listener.take(&told[1]);
    let half = Fault::HalfTrade(TradeId(1));
    let body = body!(&told[2], Filled);
    listener.refuse_orders(&with(&told[2], &Restated { order: body.order }), half);
    listener.refuse_orders(&with(&told[2], &Filled { trade: TradeId(2), ..body }), half);
    let differs = Fault::TradeDiffers(TradeId(1));
    listener.refuse_orders(&with(&told[2], &Filled { contra: OrderId(9), ..body }), differs);
    let mut dearer = Filled { last_price: Price(105), ..body };
    dearer.order.notional = Notional(30 * 105);
    listener.refuse_orders(&with(&told[2], &dearer), differs);
    listener.take(&told[2]);
    let execution = listener.orders.execution(TradeId(1)).expect("kept");
    let sides = [execution.buyer, execution.seller].map(|party| party.expect("both were told").session);
    assert_eq!(sides, [BOB, ALICE]);
}

#[test]
fn replaces_cancels_and_restatements_must_follow_from_the_order() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    let order = listener.orders.named(ALICE, name("a")).expect("open").view.order;
    let differs = |part| Fault::Differs { order, part };
    let told = listener.events(&replace(ALICE, "c", "a", Side::Sell, 40, 100));
    let body = body!(&told[0], Replaced);
    let mut other = body;
    other.orig_cl_ord_id = name("x");
    listener.refuse(&with(&told[0], &other), differs(Part::Name));
    let mut other = body;
    other.order.terms.side = Side::Buy;
    listener.refuse(&with(&told[0], &other), differs(Part::Terms));
    let mut other = body;
    other.order.leaves = Qty(50);
    listener.refuse(&with(&told[0], &other), differs(Part::Leaves));
    for (qty, leaves) in [(60, 50), (40, 50), (50, 0)] {
        let mut order = listener.orders.order(order).expect("open").view;
        order.terms.qty = Qty(qty);
        order.leaves = Qty(leaves);
        listener.refuse(&with(&told[0], &Restated { order }), differs(Part::Leaves));
    }
    let view = listener.orders.named(ALICE, name("a")).expect("still its name").view;
    listener.refuse(&with(&told[0], &Triggered { order: view }), Fault::NoStop(order));
    listener.take(&told[0]);
    let known = listener.orders.named(ALICE, name("c")).expect("its name now");
    assert_eq!(known.former_names, [name("a")]);
    assert!(listener.orders.named(ALICE, name("a")).is_none());

    let told = listener.events(&cancel(ALICE, "d", "c", Side::Sell));
    let mut other = body!(&told[0], Cancelled);
    other.order.leaves = Qty(40);
    listener.refuse(&with(&told[0], &other), differs(Part::Leaves));
    let mut other = body!(&told[0], Cancelled);
    other.order.status = OrderStatus::Expired;
    listener.refuse(&with(&told[0], &other), differs(Part::Status));
    listener.take(&told[0]);
    let after = readdressed(&told[0], |address| {
        address.outbound.0 += 1;
        address.report.0 += 1;
    });
    listener.refuse(&after, Fault::UnknownOrder(order));
    assert!(listener.orders.order(order).is_some_and(|order| order.done));
}

#[test]
fn busts_and_corrections_reach_the_execution_and_no_busted_one() {
    let mut listener = Listener::new(&LIMITS);
    listener.hear(&sell("a", 50, 100));
    listener.hear(&buy("b", 30, 105));
    let act = Act::default();
    let trade = TradeId(1);
    let told = listener.events(&CorrectTrade { trade, price: Price(95), qty: Qty(20), act });
    let other = TradeCorrected {
        trade: event::TradeSide { trade: TradeId(5), ..body!(&told[0], TradeCorrected).trade },
        act,
    };
    listener.refuse_orders(&with(&told[0], &other), Fault::UnknownTrade(TradeId(5)));
    let mut other = body!(&told[0], TradeCorrected);
    other.trade.order = OrderId(1);
    listener.refuse_orders(&with(&told[0], &other), Fault::TradeDiffers(trade));
    told.iter().for_each(|bytes| assert_eq!(listener.take(bytes), Outcome::TradeChanged(trade)));
    let execution = *listener.orders.execution(trade).expect("kept");
    assert_eq!((execution.price, execution.qty), (Price(95), Qty(20)));
    assert_eq!(execution.standing, orders::ExecutionState::Corrected);

    let told = listener.events(&BustTrade { trade, act });
    told.iter().for_each(|bytes| assert_eq!(listener.take(bytes), Outcome::TradeChanged(trade)));
    let execution = *listener.orders.execution(trade).expect("kept");
    assert_eq!(execution.standing, orders::ExecutionState::Busted);
    let again = readdressed(&told[0], |address| {
        address.outbound.0 += 2;
        address.report.0 += 1;
    });
    listener.refuse_orders(&again, Fault::UnknownTrade(trade));
}

#[test]
fn an_instrument_moves_from_the_phase_in_which_it_is() {
    let mut listener = Listener::new(&LIMITS);
    let command = SetPhase { instrument: ACME, phase: Phase::Halted, reserved: [0; 3], act: Act::default() };
    let told = listener.events(&command);
    let other = PhaseChanged { before: Phase::PreOpen, ..body!(&told[0], PhaseChanged) };
    listener.refuse(&with(&told[0], &other), Fault::OtherPhase(ACME));
    listener.take(&told[0]);
    assert_eq!(listener.books.instrument(ACME).expect("defined").phase(), Phase::Halted);
}

#[test]
fn an_order_beyond_the_room_is_told_and_there_is_room_again_when_one_is_done() {
    let mut listener = Listener::new(&Limits { open_orders: 1, ..LIMITS });
    listener.hear(&sell("a", 50, 100));
    let told = listener.events(&sell("b", 50, 100));
    listener.refuse(&told[0], Fault::NoRoom);
    let mut listener = Listener::new(&Limits { open_orders: 1, ..LIMITS });
    listener.hear(&sell("a", 50, 100));
    listener.hear(&cancel(ALICE, "c", "a", Side::Sell));
    listener.hear(&sell("b", 50, 100));
}

#[test]
fn done_orders_are_forgotten_when_there_are_too_many_and_when_asked() {
    let mut listener = Listener::new(&Limits { done_orders: 2, ..LIMITS });
    for text in ["a", "b", "c"] {
        listener.hear(&sell(text, 50, 100));
        listener.hear(&cancel(ALICE, &format!("no-{text}"), text, Side::Sell));
    }
    let known =
        |listener: &Listener| ["a", "b", "c"].map(|text| listener.orders.named(ALICE, name(text)).is_some());
    assert_eq!(known(&listener), [false, true, true]);
    listener.orders.forget_done();
    assert_eq!(known(&listener), [false; 3]);
    assert_eq!(listener.orders.open_count(), 0);
}
