//! What the exchange says of a command that it leaves out, and that nothing else comes of it.

mod support;

use engine::StateMachine;
use support::{ACME, ALICE, BOB, Desk, GATEWAY, LIFE, Said, Told, cancel, define, logon, name, order, told};
use wire::command::{
    EndDay, LogoutReason, MassCancel, MassScope, Quarantine, ReplaceOrder, RulesVersion, SessionLogout, Side,
    Snapshot, SnapshotReason, Tick,
};
use wire::event::{OrderStatus, RejectReason, ResponseTo};
use wire::{AccountId, CommandBody, Frame, OrderId, Qty, ReportSeq, Rules, SessionId};

/// Leaves this command out.
fn skip<B: CommandBody>(desk: &mut Desk, body: &B) -> Vec<Told> {
    let bytes = desk.log.stamp(GATEWAY, LIFE, body);
    let frame = Frame::read(&bytes).expect("just stamped");
    desk.replica.skip(&frame).expect("the next frame of the same log");
    desk.audit();
    told(&desk.replica)
}

#[test]
fn requests_of_clients_are_rejected_under_the_names_that_they_gave() {
    let mut desk = Desk::new();
    desk.send(&order(ALICE, "a", Side::Buy, 30, 100));
    let before = desk.replica.machine().digest();
    let told = skip(&mut desk, &order(BOB, "b", Side::Sell, 30, 100));
    let [Told { session: BOB, report: ReportSeq(2), said: Said::Rejected(body), .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((body.reason, { body.order.order }), (RejectReason::Quarantined, OrderId(0)));
    assert_eq!((body.order.cl_ord_id, body.order.status), (name("b"), OrderStatus::Rejected));
    assert_eq!({ body.order.leaves }, Qty(0));
    let told = skip(&mut desk, &cancel(ALICE, "x", "a", Side::Buy));
    let [Told { session: ALICE, said: Said::CancelRejected(body), .. }] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((body.reason, body.response_to), (RejectReason::Quarantined, ResponseTo::Cancel));
    assert_eq!((body.request, body.orig_cl_ord_id), (name("x"), name("a")));
    let terms = order(ALICE, "r", Side::Buy, 40, 100).terms;
    let (cl_ord_id, orig_cl_ord_id) = (name("r"), name("a"));
    let replace = ReplaceOrder { session: ALICE, client_seq: 4, terms, cl_ord_id, orig_cl_ord_id };
    let told = skip(&mut desk, &replace);
    let [Told { said: Said::CancelRejected(body), .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((body.reason, body.response_to), (RejectReason::Quarantined, ResponseTo::Replace));
    assert_eq!({ body.instrument }, ACME);
    let mass = MassCancel {
        session: ALICE,
        client_seq: 5,
        scope: MassScope::Session,
        reserved: [0; 3],
        instrument: ACME,
        account: AccountId(0),
        cl_ord_id: name("m"),
    };
    let told = skip(&mut desk, &mass);
    let [Told { said: Said::MassCancelRejected(body), .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((body.reason, body.request), (RejectReason::Quarantined, name("m")));
    assert_eq!(desk.replica.machine().resting_orders(), 1, "the order still rests");
    assert_ne!(desk.replica.machine().digest(), before, "sessions have heard more");
    // The name of what was left out is free.
    let told = desk.send(&order(BOB, "b", Side::Sell, 30, 100));
    assert!(matches!(told[0].said, Said::Accepted(_)), "{told:?}");
    assert_eq!(desk.replica.machine().resting_orders(), 0);
}

#[test]
fn what_no_client_asked_for_is_refused_as_administration_is_and_changes_nothing() {
    let mut desk = Desk::new();
    let before = desk.replica.machine().digest();
    let refused = |told: &[Told], to: SessionId| {
        let [Told { session, said: Said::AdministrationRefused(body), .. }] = told else {
            panic!("{told:?}")
        };
        assert_eq!((*session, body.reason), (to, RejectReason::Quarantined));
        body.kind
    };
    let told = skip(&mut desk, &define(wire::InstrumentId(2), b"BETA"));
    assert_eq!(refused(&told, SessionId(0)), 0x40);
    let told = skip(&mut desk, &RulesVersion { rules: Rules(engine::RULES.0 + 1), reserved: [0; 4] });
    assert_eq!(refused(&told, SessionId(0)), 0x03, "rules that nobody knows can be left out, too");
    let told = skip(&mut desk, &EndDay { act: Default::default() });
    assert_eq!(refused(&told, SessionId(0)), 0x50);
    assert_eq!(skip(&mut desk, &quarantine()), []);
    assert_eq!(skip(&mut desk, &Tick {}), []);
    assert_eq!(skip(&mut desk, &Snapshot { why: SnapshotReason::Asked, reserved: [0; 7] }), []);
    assert_eq!(desk.replica.machine().digest(), before);
    assert!(desk.replica.machine().instrument(wire::InstrumentId(2)).is_none());
}

/// A quarantine of a place that no log has.
fn quarantine() -> Quarantine {
    Quarantine {
        seq: wire::Seq(0),
        chain: wire::Chain(0),
        epoch: wire::Epoch(0),
        reserved: [0; 4],
        act: Default::default(),
    }
}

#[test]
fn a_logon_or_logout_that_is_left_out_leaves_the_session_to_whoever_had_it() {
    let mut desk = Desk::new();
    let (other, life) = (wire::NodeId(11), wire::Incarnation(1));
    let bytes = desk.log.stamp(other, life, &logon(ALICE));
    desk.replica.skip(&Frame::read(&bytes).expect("just stamped")).expect("follows");
    let said = told(&desk.replica);
    assert!(
        matches!(said[..], [Told { session: ALICE, said: Said::AdministrationRefused(b), .. }]
            if b.kind == 0x11 && b.reason == RejectReason::Quarantined),
        "{said:?}"
    );
    let said = desk.send(&order(ALICE, "a", Side::Buy, 30, 100));
    assert!(matches!(said[0].said, Said::Accepted(_)), "the gateway that had it has it: {said:?}");
    let out =
        SessionLogout { session: ALICE, client_seq: 9, reason: LogoutReason::Requested, reserved: [0; 7] };
    let said = skip(&mut desk, &out);
    assert!(matches!(said[..], [Told { said: Said::AdministrationRefused(b), .. }] if b.kind == 0x12));
    let said = desk.send_from(other, life, &logon(ALICE));
    assert!(matches!(said[0].said, Said::SessionOpened(_)), "a later logon takes it over: {said:?}");
}

#[test]
fn a_quarantine_in_the_log_changes_nothing_but_the_digest_over_the_log() {
    let mut desk = Desk::new();
    let (before, running) = (desk.replica.machine().digest(), desk.replica.digest());
    assert_eq!(desk.send(&quarantine()), []);
    assert_eq!(desk.replica.machine().digest(), before);
    assert_ne!(desk.replica.digest(), running);
}
