//! Who may speak, how reports are numbered, and what the cluster's own commands do.

mod support;

use engine::Owner;
use support::{
    ALICE, BOB, Desk, GATEWAY, LIFE, LIMITS, Said, Told, accepted, book, cancel, cancel_rejected, define,
    logon, order, reason, rejected, replace,
};
use wire::command::{
    EpochStart, GatewayOpen, LogoutReason, MAX_LOGGERS, ResetSeqNums, RulesVersion, SessionLogout, Side, Tick,
};
use wire::event::{OrderStatus, RejectReason};
use wire::{
    Chain, Epoch, Incarnation, InstrumentId, NodeId, OrderId, Price, ReportSeq, Rules, Seq, SessionId,
};

use Side::{Buy, Sell};

#[test]
fn only_the_gateway_life_that_a_session_logged_on_through_may_send_its_orders() {
    let mut desk = Desk::empty(LIMITS);
    desk.send(&define(support::ACME, b"ACME"));
    let asked = order(ALICE, "a", Buy, 10, 100);
    assert_eq!(reason(&desk.send(&asked)), RejectReason::NotLoggedOn, "before the logon");
    desk.send(&logon(ALICE));
    let later = Incarnation(LIFE.0 + 1);
    assert_eq!(reason(&desk.send_from(GATEWAY, later, &asked)), RejectReason::NotLoggedOn, "another life");
    assert_eq!(
        reason(&desk.send_from(NodeId(11), LIFE, &asked)),
        RejectReason::NotLoggedOn,
        "another gateway"
    );
    accepted(&desk.send(&asked));
    let nobody = (RejectReason::NotLoggedOn, OrderId(0), OrderStatus::Rejected);
    let told = cancel_rejected(&desk.send_from(GATEWAY, later, &cancel(ALICE, "x", "a", Buy)));
    assert_eq!((told.0, told.1, told.2), nobody);
    let told = cancel_rejected(&desk.send_from(GATEWAY, later, &replace(ALICE, "x", "a", Buy, 20, 100)));
    assert_eq!((told.0, told.1, told.2), nobody);
    let bye =
        SessionLogout { session: ALICE, client_seq: 9, reason: LogoutReason::Disconnected, reserved: [0; 7] };
    let told = desk.send(&bye);
    assert!(
        matches!(told[..], [Told { session: ALICE, said: Said::SessionClosed(b), .. }] if { b.gateway } == GATEWAY)
    );
    assert_eq!(
        reason(&desk.send(&order(ALICE, "b", Buy, 10, 100))),
        RejectReason::NotLoggedOn,
        "after the logout"
    );
    assert_eq!(book(&desk, Buy), [(100, 10, 1)], "orders outlive their session");
}

#[test]
fn a_logon_through_another_gateway_takes_the_session_over_with_its_orders_and_names() {
    let mut desk = Desk::new();
    let id = accepted(&desk.send(&order(ALICE, "a", Buy, 10, 100)));
    let told = desk.send_from(NodeId(11), Incarnation(1), &logon(ALICE));
    assert!(matches!(told[..], [Told { session: ALICE, said: Said::SessionOpened(b), .. }]
            if { b.gateway } == NodeId(11) && { b.incarnation } == Incarnation(1) && b.reset == ResetSeqNums::No));
    let owner = Owner { gateway: NodeId(11), incarnation: Incarnation(1) };
    assert_eq!(desk.replica.machine().session(ALICE).and_then(|s| s.owner), Some(owner));
    let retry = desk.send_from(NodeId(11), Incarnation(1), &order(ALICE, "a", Buy, 10, 100));
    assert_eq!(rejected(&retry), (RejectReason::DuplicateClOrdId, id));
    assert_eq!(reason(&desk.send(&order(ALICE, "b", Buy, 10, 100))), RejectReason::NotLoggedOn);
}

#[test]
fn reports_are_numbered_within_their_session_from_one() {
    let mut desk = Desk::new();
    let mut reports: Vec<(SessionId, u32)> = Vec::new();
    for told in [
        desk.send(&order(ALICE, "a", Sell, 10, 100)),
        desk.send(&order(BOB, "b", Buy, 20, 100)),
        desk.send(&order(BOB, "b", Buy, 20, 100)),
    ] {
        reports.extend(told.iter().map(|t| (t.session, t.report.0)));
    }
    // The logons were number 1.
    assert_eq!(reports, [(ALICE, 2), (BOB, 2), (ALICE, 3), (BOB, 3), (BOB, 4)]);
    assert_eq!(desk.replica.machine().session(BOB).map(|s| s.last_report), Some(ReportSeq(4)));
}

#[test]
fn a_session_beyond_the_table_is_refused_but_answered() {
    let mut desk = Desk::new();
    let far = SessionId(LIMITS.sessions);
    let told = desk.send(&logon(far));
    let [Told { session, report: ReportSeq(0), said: Said::AdministrationRefused(body), .. }] = told[..]
    else {
        panic!("{told:#?}")
    };
    assert_eq!((session, body.kind, body.reason), (far, 0x11, RejectReason::NotLoggedOn));
    assert_eq!(reason(&desk.send(&order(far, "a", Buy, 10, 100))), RejectReason::NotLoggedOn);
    assert_eq!(reason(&desk.send(&order(SessionId(0), "a", Buy, 10, 100))), RejectReason::NotLoggedOn);
}

#[test]
fn an_instrument_is_defined_once() {
    let mut desk = Desk::new();
    let told = desk.send(&define(InstrumentId(5), b"NEW"));
    assert!(
        matches!(told[..], [Told { session: SessionId(0), report: ReportSeq(0), said: Said::InstrumentDefined(b), .. }]
            if { b.terms.instrument } == InstrumentId(5) && { b.terms.tick } == Price(5))
    );
    let told = desk.send(&define(InstrumentId(5), b"NEWER"));
    assert!(matches!(told[..], [Told { session: SessionId(0), said: Said::AdministrationRefused(b), .. }]
            if b.kind == 0x40 && b.reason == RejectReason::InstrumentRefused));
    assert_eq!(desk.replica.machine().instruments().count(), 2);
}

#[test]
fn the_clusters_own_commands_are_told_to_nobody_in_particular() {
    let mut desk = Desk::empty(LIMITS);
    let start = EpochStart {
        parent_epoch: Epoch(0),
        sequencer: NodeId(1),
        logger_count: 0,
        parent_seq: Seq(0),
        parent_chain: Chain(0),
        nonce: 0,
        cluster: 0,
        loggers: [wire::command::LoggerMember::default(); MAX_LOGGERS],
        opening: wire::command::Opening::AtStart,
        adopted: Default::default(),
        reserved: [0; 6],
    };
    let told = desk.send(&start);
    assert!(matches!(told[..], [Told { session: SessionId(0), said: Said::EpochStarted(b), .. }]
            if { b.sequencer } == NodeId(1)));
    assert_eq!(desk.replica.machine().epoch(), Epoch(1));
    let told = desk.send(&RulesVersion { rules: Rules(1), reserved: [0; 4] });
    assert!(matches!(told[..], [Told { session: SessionId(0), said: Said::RulesActivated(b), .. }]
            if { b.rules } == Rules(1)));
    assert_eq!(desk.replica.machine().rules(), Rules(1));
    let told = desk.send(&GatewayOpen { version: 1, reserved: [0; 4] });
    assert!(matches!(told[..], [Told { session: SessionId(0), said: Said::GatewayOpened(b), .. }]
            if { b.gateway } == GATEWAY && { b.incarnation } == LIFE));
    assert_eq!(desk.send(&Tick {}), [], "time goes on in silence");
}
