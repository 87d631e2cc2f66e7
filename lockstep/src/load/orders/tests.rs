use super::*;
use crate::load::report::Report;
use proptest::prelude::*;
use wire::command::{OrderType, TimeInForce};

fn instrument() -> Instrument {
    Instrument { symbol: "A".into(), price_decimals: 2, tick: 1, lot: 1, start_price: None }
}

fn orders(sessions: usize) -> Orders {
    Orders::new(Names::new(Nanos::SECOND), vec![instrument()], sessions)
}

fn new_order(qty: u64, time_in_force: TimeInForce) -> Request {
    let action = Action::New { order_type: OrderType::Limit, time_in_force };
    Request { session: 0, instrument: 0, action, side: Side::Buy, price: 1_000, qty }
}

fn change(action: Action, qty: u64) -> Request {
    Request { session: 0, instrument: 0, action, side: Side::Buy, price: 1_000, qty }
}

/// One report in words: about whom, ExecID, ExecType, LastQty, CumQty, LeavesQty.
fn say(orders: &mut Orders, about: RequestId, exec: &str, kind: u8, last: u64, cum: u64, leaves: u64) {
    let name = orders.name(about);
    let report = Execution {
        name: name.as_bytes(),
        exec_id: exec.as_bytes(),
        order_id: b"7",
        exec_type: kind,
        last_qty: Some(last),
        last_px: b"10.00",
        cum_qty: Some(cum),
        leaves_qty: Some(leaves),
        text: b"no",
        ..Execution::default()
    };
    orders.handle_execution(Nanos(100), 0, &report);
}

fn account(orders: &Orders) -> Report {
    let report = Report::new(orders, 0, Vec::new(), None);
    assert!(report.adds_up(), "{report:?}");
    report
}

#[test]
fn an_order_is_followed_from_its_acknowledgement_through_a_replace_to_its_last_fill() {
    let mut orders = orders(1);
    let (id, cites) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    assert_eq!((cites, orders.live_count(0), orders.unanswered(0)), (None, 0, 1));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    assert_eq!((orders.live_count(0), orders.unanswered(0)), (1, 0));
    say(&mut orders, id, "2", b'F', 30, 30, 70);
    assert_eq!(orders.live(0, 0).cum, 30);
    let (replace, cites) = orders.send(Nanos(20), change(Action::Replace(id), 50));
    assert_eq!((cites, orders.live_count(0)), (Some(id), 0));
    say(&mut orders, replace, "3", b'5', 0, 30, 20);
    assert_eq!((orders.live(0, 0).qty, orders.live(0, 0).order), (50, id));
    say(&mut orders, replace, "4", b'F', 20, 50, 0);
    assert_eq!((orders.live_count(0), orders.standing(id)), (0, (Outcome::Filled, 50)));
    let report = account(&orders);
    assert_eq!((report.violation_count, report.fills, report.filled, report.replaced), (0, 2, 1, 1));
    assert_eq!((report.acknowledged.total(), report.latency.len()), (2, 2));
}

#[test]
fn a_cancel_cites_the_last_replace_that_was_not_refused() {
    let mut orders = orders(1);
    let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    let (first, _) = orders.send(Nanos(20), change(Action::Replace(id), 90));
    let (second, cites) = orders.send(Nanos(21), change(Action::Replace(id), 80));
    assert_eq!(cites, Some(first));
    say(&mut orders, first, "2", b'5', 0, 0, 90);
    assert_eq!(orders.live_count(0), 0, "another change is under way");
    let name = orders.name(second);
    let refused =
        Execution { name: name.as_bytes(), ord_status: b'0', text: b"late", ..Execution::default() };
    orders.handle_cancel_reject(Nanos(30), 0, &refused);
    assert_eq!((orders.live_count(0), orders.live(0, 0).qty), (1, 90));
    let (cancel, cites) = orders.send(Nanos(40), change(Action::Cancel(id), 90));
    assert_eq!(cites, Some(first));
    say(&mut orders, cancel, "3", b'4', 0, 0, 0);
    assert_eq!(orders.standing(id).0, Outcome::Cancelled);
    let report = account(&orders);
    assert_eq!((report.cancel_rejected, report.cancelled, report.violation_count), (1, 1, 0));
    assert_eq!(report.reject_texts, [("late".to_owned(), 1)]);
}

#[test]
fn an_immediate_order_is_settled_only_at_its_end() {
    let mut orders = orders(1);
    let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::ImmediateOrCancel));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    say(&mut orders, id, "2", b'F', 30, 30, 70);
    assert_eq!((orders.unanswered(0), orders.settled(0), orders.live_count(0)), (0, false, 0));
    say(&mut orders, id, "3", b'4', 0, 30, 0);
    assert!(orders.settled(0));
    let report = account(&orders);
    assert_eq!((report.cancelled, report.filled, report.open, report.violation_count), (1, 1, 0, 0));
}

#[test]
fn what_no_broker_would_accept_is_named() {
    let mut orders = orders(2);
    let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    let (other, _) = orders.send(Nanos(10), new_order(10, TimeInForce::Day));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    let expect =
        |orders: &mut Orders, about: RequestId, exec: &str, kind, numbers: (u64, u64, u64), words: &str| {
            let before = orders.tally().violations.len();
            say(orders, about, exec, kind, numbers.0, numbers.1, numbers.2);
            let told = orders.tally().violations[before..].join("; ");
            assert!(told.contains(words), "{told:?} does not say {words:?}");
        };
    expect(&mut orders, id, "1", b'0', (0, 0, 100), "ExecID came before");
    expect(&mut orders, id, "2", b'0', (0, 0, 100), "accepted");
    expect(&mut orders, id, "3", b'F', (40, 50, 50), "the fills add up to 40");
    expect(&mut orders, id, "4", b'F', (10, 60, 50), "LeavesQty is 50, not 40");
    expect(&mut orders, id, "5", b'F', (70, 130, 0), "filled 130 of 100");
    expect(&mut orders, id, "6", b'4', (0, 130, 0), "an order ends that is filled");
    expect(&mut orders, other, "7", b'5', (0, 0, 10), "a replace is confirmed");
    expect(&mut orders, RequestId(99), "8", b'0', (0, 0, 0), "never sent");
    let name = orders.name(other);
    let worse = Execution {
        name: name.as_bytes(),
        exec_id: b"9",
        exec_type: b'F',
        last_qty: Some(10),
        last_px: b"10.01",
        cum_qty: Some(10),
        leaves_qty: Some(0),
        ..Execution::default()
    };
    orders.handle_execution(Nanos(100), 0, &worse);
    assert!(orders.tally().violations.last().unwrap().contains("beyond its limit"));
    orders.handle_execution(Nanos(100), 1, &worse);
    assert!(orders.tally().violations.join(";").contains("session 1: ExecutionReport"));
    let report = account(&orders);
    assert_eq!(report.duplicates_of_exec_id, 2, "of the ExecIDs 1 and 9");
    assert!(!report.is_clean());
}

#[test]
fn a_repetition_that_the_exchange_marks_is_no_violation() {
    let mut orders = orders(1);
    let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    let name = orders.name(id);
    let again = Execution {
        name: name.as_bytes(),
        exec_id: b"1",
        exec_type: b'0',
        poss_resend: true,
        ..Execution::default()
    };
    orders.handle_execution(Nanos(100), 0, &again);
    let report = account(&orders);
    assert_eq!((report.repeated, report.violation_count), (1, 0));
}

#[test]
fn a_refused_order_is_at_its_end_and_its_text_is_counted() {
    let mut orders = orders(1);
    for n in 0..3 {
        let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::ImmediateOrCancel));
        say(&mut orders, id, &n.to_string(), b'8', 0, 0, 0);
    }
    let (last, _) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    orders.handle_refusal(Nanos(20), last, &Execution { text: b"too fast", ..Execution::default() });
    assert!(orders.settled(0));
    let report = account(&orders);
    assert_eq!(report.reject_texts, [("no".to_owned(), 3), ("too fast".to_owned(), 1)]);
    assert_eq!((report.rejected, report.acknowledged.total(), report.violation_count), (4, 0, 0));
}

#[test]
fn the_account_is_a_table_for_people() {
    let mut orders = orders(1);
    let (id, _) = orders.send(Nanos(1_000), new_order(100, TimeInForce::Day));
    let (_unanswered, _) = orders.send(Nanos(1_000), new_order(100, TimeInForce::Day));
    let name = orders.name(id);
    let report = Execution {
        name: name.as_bytes(),
        exec_id: b"1",
        exec_type: b'0',
        cum_qty: Some(0),
        leaves_qty: Some(100),
        ..Execution::default()
    };
    orders.handle_execution(Nanos(501_000), 0, &report);
    let report = account(&orders);
    let text = report.to_string();
    assert_eq!((report.unanswered, report.duration), (1, Nanos(500_000)));
    assert!((report.throughput() - 2_000.0).abs() < 1e-6);
    assert!(
        text.contains("sent                             2           0           0           2"),
        "{text}"
    );
    assert!(text.contains("sent to first report         500."), "{text}");
}

proptest! {
    /// Whatever an exchange says, in whatever order, the account adds up and nothing panics.
    #[test]
    fn no_reports_however_wrong_upset_the_account(
        steps in proptest::collection::vec((0u8..6, 0u32..12, 0u8..20, 0u64..150, 0u64..150), 0..120)
    ) {
        let mut orders = orders(2);
        for (n, (step, about, kind, last, cum)) in steps.into_iter().enumerate() {
            let sent = orders.rows().len() as u32;
            let order = (0..sent).map(RequestId).filter(|id| matches!(orders.rows()[id.0 as usize].request.action, Action::New { .. })).nth(about as usize);
            match (step, order) {
                (0, _) => { orders.send(Nanos(n as u64), new_order(100, TimeInForce::Day)); }
                (1, _) => { orders.send(Nanos(n as u64), new_order(100, TimeInForce::ImmediateOrCancel)); }
                (2, Some(order)) => { orders.send(Nanos(n as u64), change(Action::Cancel(order), 100)); }
                (3, Some(order)) => { orders.send(Nanos(n as u64), change(Action::Replace(order), last.max(1))); }
                _ => {
                    let name = orders.name(RequestId(about));
                    let exec = (n as u64 + 1 - last % 2).to_string();
                    let report = Execution {
                        name: name.as_bytes(),
                        exec_id: exec.as_bytes(),
                        exec_type: b"0F458C6AEDI12390"[usize::from(kind) % 16],
                        ord_status: b"012468C"[usize::from(kind) % 7],
                        last_qty: Some(last),
                        last_px: b"9.99",
                        cum_qty: Some(cum),
                        leaves_qty: Some(100u64.saturating_sub(cum)),
                        ..Execution::default()
                    };
                    match kind {
                        18 => orders.handle_cancel_reject(Nanos(n as u64), u16::from(kind % 2), &report),
                        19 if about < sent => orders.handle_refusal(Nanos(n as u64), RequestId(about), &report),
                        _ => orders.handle_execution(Nanos(n as u64), 0, &report),
                    }
                }
            }
            let live: Vec<_> = (0..orders.live_count(0)).map(|i| orders.live(0, i).order).collect();
            let mut unique = live.clone();
            unique.sort();
            unique.dedup();
            prop_assert_eq!(unique.len(), live.len());
            for order in live {
                prop_assert!(matches!(orders.standing(order).0, Outcome::Accepted | Outcome::PartiallyFilled));
            }
        }
        account(&orders);
    }
}

#[test]
fn a_stop_that_becomes_active_and_a_trade_that_is_put_right_or_undone_change_no_order() {
    let mut orders = orders(1);
    let (id, _) = orders.send(Nanos(10), new_order(100, TimeInForce::Day));
    say(&mut orders, id, "1", b'0', 0, 0, 100);
    say(&mut orders, id, "2", b'L', 0, 0, 100);
    say(&mut orders, id, "3", b'F', 30, 30, 70);
    say(&mut orders, id, "4", b'G', 20, 20, 0);
    say(&mut orders, id, "5", b'H', 20, 0, 0);
    assert_eq!((orders.live_count(0), orders.live(0, 0).cum), (1, 30));
    say(&mut orders, id, "6", b'C', 0, 30, 0);
    assert_eq!(orders.live_count(0), 0);
    assert_eq!(account(&orders).violations, Vec::<String>::new());
}
