//! What orders can go through besides being taken and filled: expiry, stops, self-trade prevention, busts, the end of the day.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use checker::Promise::{EventsSound, NothingFalse, NothingLost, NothingTwice};
use support::{Log, QTY, World, order, spoken, stamp_of, view};
use wire::command::{Act, EndDay, MassCancel, MassScope, Side};
use wire::event::{
    Accepted, Address, CancelReason, Cancelled, DayEnded, Filled, Liquidity, OrderStatus, OrderView,
    Replaced, Restated, TradeBusted, TradeCorrected, TradeSide, Triggered,
};
use wire::{
    AccountId, ClOrdId, EventBody, InstrumentId, Money, Nanos, OrderId, Outbound, Price, Qty, ReportSeq,
    SessionId, TradeId,
};

/// Session 1's first order, as frame and event 6; its client's reports go on from 3.
fn one_order() -> World {
    let mut log = Log::begun();
    log.order(1, Side::Sell, "a");
    log.tick();
    let mut world = World::of(&log);
    world.requests = vec!["CLIENT1,a,new,accepted,6".to_owned()];
    world
}

/// The order as its events show it.
fn seen(world: &World, status: OrderStatus, qty: u64, cum: u64, leaves: u64) -> OrderView {
    let mut order = view(world.logs[0].position(6), &order(1, Side::Sell, "a"), status, 0);
    order.terms.qty = Qty(qty);
    OrderView { cum: Qty(cum), leaves: Qty(leaves), ..order }
}

/// A further event of all journals, caused by this frame.
fn tell<B: EventBody>(world: &mut World, seq: u64, session: u32, report: u32, body: &B) {
    let address = Address {
        outbound: Outbound(world.journals[0].len() as u64 + 1),
        cause: world.logs[0].position(seq),
        timestamp: Nanos(stamp_of(seq)),
        session: SessionId(session),
        report: ReportSeq(report),
    };
    let event = spoken(address, body);
    world.journals.iter_mut().for_each(|journal| journal.push(event.clone()));
}

fn cancelled(order: OrderView, reason: CancelReason) -> Cancelled {
    Cancelled { order, request: ClOrdId::default(), reason, reserved: [0; 3] }
}

fn filled(order: OrderView, qty: u64) -> Filled {
    Filled {
        order,
        last_price: Price(10_050),
        last_qty: Qty(qty),
        trade: TradeId(1),
        contra: OrderId(99),
        fee: Money(0),
        liquidity: Liquidity::Auction,
        reserved: [0; 7],
    }
}

fn trade() -> TradeSide {
    TradeSide {
        trade: TradeId(1),
        order: OrderId(6),
        instrument: InstrumentId(1),
        account: AccountId(0),
        cl_ord_id: ClOrdId::new(b"a").unwrap(),
        side: Side::Sell,
        reserved: [0; 3],
        price: Price(10_050),
        qty: Qty(2),
        fee: Money(0),
    }
}

#[test]
fn an_order_that_is_activated_restated_filled_and_runs_out_adds_up_and_is_reported_as_the_rules_say() {
    let mut world = one_order();
    let order = seen(&world, OrderStatus::New, QTY, 0, QTY);
    tell(&mut world, 7, 1, 3, &Triggered { order });
    let order = seen(&world, OrderStatus::New, 4, 0, 4);
    tell(&mut world, 7, 1, 4, &Restated { order });
    let order = seen(&world, OrderStatus::PartiallyFilled, 4, 2, 2);
    tell(&mut world, 7, 1, 5, &filled(order, 2));
    let order = seen(&world, OrderStatus::Expired, 4, 2, 0);
    tell(&mut world, 7, 1, 6, &cancelled(order, CancelReason::Expired));
    tell(&mut world, 7, 1, 7, &TradeBusted { trade: trade(), act: Act::default() });
    tell(&mut world, 7, 1, 8, &TradeCorrected { trade: trade(), act: Act::default() });
    for row in [
        "7,L,0,,,0,5",
        "8,D,0,,,0,4",
        "9,F,1,2,100.50,2,2",
        "10,C,C,,,2,0",
        "11,H,4,2,100.50,0,0",
        "12,G,2,2,100.50,2,0",
    ] {
        world.executions.push(format!("CLIENT1,99,a,6,{row}"));
    }
    world.requests = vec!["CLIENT1,a,new,expired,6".to_owned()];
    assert_eq!(world.is_clean().counts.reports, 7);
    // What is left over from an auction ran out as well, whatever the engine calls its status.
    let last = world.journals[0].len() - 3;
    for journal in &mut world.journals {
        journal.truncate(last);
    }
    world.executions.truncate(world.executions.len() - 3);
    let order = seen(&world, OrderStatus::Cancelled, 4, 2, 0);
    tell(&mut world, 7, 1, 6, &cancelled(order, CancelReason::AuctionRemainder));
    world.executions.push("CLIENT1,99,a,6,10,C,C,,,2,0".to_owned());
    world.is_clean();
    world.executions.pop();
    world.executions.push("CLIENT1,99,a,6,10,4,4,,,2,0".to_owned());
    world.is_found(&[NothingFalse], &["exec type 4, status 4"]);
}

#[test]
fn fills_that_do_not_add_up_are_found() {
    type Wrong = (fn(&mut World), &'static str);
    let cases: [Wrong; 7] = [
        (
            |world| {
                let order = seen(world, OrderStatus::PartiallyFilled, QTY, 2, QTY - 2);
                tell(world, 7, 1, 3, &filled(order, 3));
            },
            "it was filled 0 and 3 more, and now it is 2",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::PartiallyFilled, QTY, 2, QTY);
                tell(world, 7, 1, 3, &filled(order, 2));
            },
            "of 5 it is filled 2 and open 5, which does not add up",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::Cancelled, QTY, 1, 0);
                tell(world, 7, 1, 3, &cancelled(order, CancelReason::SelfTrade));
            },
            "it was filled 0 and 0 more, and now it is 1",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::Cancelled, QTY, 0, 1);
                tell(world, 7, 1, 3, &cancelled(order, CancelReason::Operator));
            },
            "filled 0 and open 1",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::New, QTY, 0, QTY);
                tell(world, 7, 1, 3, &Restated { order });
            },
            "its quantity went from 5 to 5",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::New, 4, 0, 4);
                tell(world, 7, 1, 3, &Triggered { order });
            },
            "its quantity went from 5 to 4",
        ),
        (
            |world| {
                let order = seen(world, OrderStatus::New, 9, 1, 8);
                tell(world, 7, 1, 3, &Replaced { order, orig_cl_ord_id: order.cl_ord_id, reserved: [0; 4] });
            },
            "it was filled 0 and 0 more, and now it is 1",
        ),
    ];
    for (plant, words) in cases {
        let mut world = one_order();
        plant(&mut world);
        world.is_found(&[EventsSound], &["event 7 on order 6: ", words]);
    }
}

#[test]
fn an_event_of_any_kind_on_an_order_that_the_history_did_not_make_is_found() {
    let stray = |world: &World| OrderView { order: OrderId(7), ..seen(world, OrderStatus::New, QTY, 0, QTY) };
    let mut world = one_order();
    let order = stray(&world);
    tell(&mut world, 7, 1, 3, &Triggered { order });
    tell(&mut world, 7, 1, 4, &Restated { order: OrderView { order: OrderId(8), ..order } });
    let trade = TradeSide { order: OrderId(9), ..trade() };
    tell(&mut world, 7, 1, 5, &TradeBusted { trade, act: Act::default() });
    tell(&mut world, 7, 1, 6, &TradeCorrected { trade, act: Act::default() });
    let verdict = world.is_found(&[EventsSound], &["order 7", "order 8", "order 9"]);
    assert_eq!(verdict.count(EventsSound), 4);
}

/// Two orders of the same name; the trading day ends between them if `ends` says so.
fn same_name_twice(ends: bool) -> World {
    let mut log = Log::begun();
    log.order(1, Side::Sell, "a");
    log.sequencer_says(&EndDay { act: Act::default() });
    log.order(1, Side::Sell, "a");
    let mut world = World::of(&log);
    // The toy engine knows no days: it refused the second one.
    world.executions.pop();
    world.journals.iter_mut().for_each(|journal| {
        journal.pop();
    });
    let order = seen(&world, OrderStatus::Expired, QTY, 0, 0);
    tell(&mut world, 7, 1, 3, &cancelled(order, CancelReason::Expired));
    if ends {
        tell(&mut world, 7, 0, 0, &DayEnded { act: Act::default() });
    }
    let order = OrderView { order: OrderId(8), ..seen(&world, OrderStatus::New, QTY, 0, QTY) };
    tell(&mut world, 8, 1, 4, &Accepted { order });
    world
}

#[test]
fn a_name_is_free_again_when_the_day_has_ended_and_not_before() {
    let mut world = same_name_twice(true);
    world.requests = ["6", "8"].map(|order| format!("CLIENT1,a,new,expired,{order}")).to_vec();
    assert_eq!(world.is_clean().counts.accepted, 2);
    world.requests.push("CLIENT1,a,new,accepted,7".to_owned());
    world.is_found(&[NothingLost], &["as order 7; the journal of events has it as 8"]);
    same_name_twice(false).is_found(&[NothingTwice], &["accepted 2 times"]);
}

#[test]
fn a_mass_cancel_without_an_answer_is_known_to_be_in_the_history() {
    let mut log = Log::begun();
    log.order(1, Side::Sell, "a");
    log.gateway_says(&MassCancel {
        session: SessionId(1),
        client_seq: 3,
        scope: MassScope::Session,
        reserved: [0; 3],
        instrument: InstrumentId(0),
        account: AccountId(0),
        cl_ord_id: ClOrdId::new(b"m").unwrap(),
    });
    let mut world = World::of(&log);
    world.requests = vec!["CLIENT1,m,mass_cancel,unanswered,".to_owned()];
    assert_eq!(world.is_clean().counts.unknown_in_history, 1);
}
