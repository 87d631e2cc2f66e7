//! The session's behaviour, sentence by sentence (FIX 4.4 volume 2, session protocol).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::*;
use fix::*;
use wire::Nanos;

const ORDER: &str = "21=1|55=X|54=1|38=1|40=1";

fn order(desk: &mut Desk, head: &str, id: &str) {
    let at = stamp(desk.now);
    desk.says(&format!("35=D|{head}|11={id}|{ORDER}|60={at}"));
}

#[test]
fn a_logon_is_answered_only_after_the_driver_has_decided() {
    let mut desk = Desk::acceptor();
    desk.accepts = false;
    desk.says("35=A|34=1|98=0|108=10");
    order(&mut desk, "34=2", "early");
    desk.is_told("logon 1 false");
    desk.quiet();
    desk.session.accept_logon(Nanos(desk.now)).unwrap();
    desk.poll();
    desk.expect("35=A|34=1|98=0|108=10");
    desk.is_told("on 10 false");
    desk.is_told("app early");
    assert_eq!(desk.session.accept_logon(Nanos(desk.now)), Err(session::NoLogonPending));
}

#[test]
fn numbers_set_while_a_logon_waits_are_those_it_is_checked_against() {
    let mut desk = Desk::acceptor();
    desk.accepts = false;
    desk.says("35=A|34=9|98=0|108=10");
    desk.is_told("logon 9 false");
    desk.session.resume(7, 40);
    desk.session.accept_logon(Nanos(desk.now)).unwrap();
    desk.poll();
    desk.expect("35=A|34=40");
    desk.expect("35=2|34=41|7=7|16=0");
    desk.is_told("on 10 false");
}

#[test]
fn a_refused_logon_says_why_or_nothing() {
    for text in [Some("not today"), None] {
        let mut desk = Desk::acceptor();
        desk.accepts = false;
        desk.says("35=A|34=1|98=0|108=10");
        desk.is_told("logon 1 false");
        match text {
            Some(text) => desk.session.refuse_logon(Nanos(desk.now), Some(format_args!("{text}"))).unwrap(),
            None => desk.session.refuse_logon(Nanos(desk.now), None).unwrap(),
        }
        desk.poll();
        if text.is_some() {
            desk.expect("35=5|34=1|58=not today");
        }
        desk.is_told("disconnect Refused");
        desk.quiet();
        assert!(!desk.session.is_connected());
    }
}

#[test]
fn whoever_is_not_of_this_session_is_disconnected_without_a_word() {
    for (logon, why) in [
        ("35=A|34=1|49=OTHER|98=0|108=10", "CompId"),
        ("35=A|34=1|56=OTHER|98=0|108=10", "CompId"),
        ("35=A|34=1|52=20010101-00:00:00|98=0|108=10", "SendingTime"),
        ("35=0|34=1", "NotLogon"),
        ("35=A|98=0|108=10", "NoSeqNum"),
    ] {
        let mut desk = Desk::acceptor();
        desk.says(logon);
        desk.is_told(&format!("disconnect {why}"));
        desk.quiet();
    }
    let mut desk = Desk::acceptor();
    desk.bytes(b"GET / HTTP/1.1\r\n\r\n");
    desk.is_told("disconnect GarbledLogon");
    let mut desk = Desk::acceptor();
    desk.wait_ms(10_000);
    desk.is_told("disconnect LogonTimeout");
}

#[test]
fn a_malformed_logon_is_told_what_is_wrong() {
    for (logon, words) in [
        ("35=A|34=1|98=0", "HeartBtInt(108)"),
        ("35=A|34=1|98=0|108=0", "HeartBtInt(108)=0"),
        ("35=A|34=1|98=1|108=10", "EncryptMethod(98)=1"),
        ("35=A|34=2|98=0|108=10|141=Y", "MsgSeqNum(34)=2"),
        ("35=A|34=1|98=0|108=10|9999=1", "tag 9999=1"),
    ] {
        let mut desk = Desk::acceptor();
        desk.says(logon);
        desk.expect_text("35=5", words);
        desk.is_told("disconnect BadLogon");
        desk.quiet();
    }
}

#[test]
fn an_acceptor_without_a_target_learns_it_from_the_logon() {
    let mut desk = Desk::with(Config::acceptor("EX", ""));
    desk.says("35=A|34=1|49=WHOEVER|98=0|108=10");
    desk.expect("35=A|34=1|56=WHOEVER");
    desk.says("35=1|34=2|49=ANOTHER|112=x");
    desk.expect("35=3|34=2|45=2|373=9");
}

#[test]
fn a_reset_begins_both_numbers_anew_and_forgets_what_was_sent() {
    let mut desk = Desk::up();
    desk.send("old");
    desk.expect("35=8|34=2");
    desk.says("35=A|34=1|98=0|108=20|141=Y");
    desk.expect("35=A|34=1|108=20|141=Y");
    desk.is_told("on 20 true");
    assert_eq!((desk.session.next_in(), desk.session.next_out()), (2, 2));
    assert!(desk.session.outbox().is_empty());
}

#[test]
fn a_logon_with_a_number_too_low_is_told_both_numbers() {
    let mut desk = Desk::up();
    desk.session.disconnected(Nanos(desk.now));
    desk.session.connected(Nanos(desk.now));
    desk.says("35=A|34=1|98=0|108=10");
    desk.expect("35=5|34=2|58=MsgSeqNum too low, expecting 2 but received 1");
    desk.is_told("disconnect SeqTooLow");
}

#[test]
fn a_number_too_low_ends_the_session_unless_it_is_a_possible_duplicate() {
    let mut desk = Desk::up();
    desk.says("35=0|34=2");
    desk.says(&format!("35=0|34=2|43=Y|122={}", stamp(START - SECOND)));
    desk.quiet();
    assert_eq!(desk.session.counters().duplicates, 1);
    desk.says("35=0|34=2");
    desk.expect("35=5|58=MsgSeqNum too low, expecting 3 but received 2");
    desk.is_told("disconnect SeqTooLow");
}

#[test]
fn messages_behind_a_gap_wait_for_their_turn() {
    let mut desk = Desk::up();
    order(&mut desk, "34=4", "four");
    desk.expect("35=2|34=2|7=2|16=0");
    order(&mut desk, "34=5", "five");
    order(&mut desk, "34=7", "seven");
    desk.quiet();
    let dup = format!("43=Y|122={}", stamp(desk.now));
    order(&mut desk, &format!("34=2|{dup}"), "two");
    desk.is_told("app two");
    order(&mut desk, &format!("34=3|{dup}"), "three");
    for id in ["three", "four", "five"] {
        desk.is_told(&format!("app {id}"));
    }
    desk.says(&format!("35=4|34=6|{dup}|123=Y|36=7"));
    desk.is_told("app seven");
    desk.quiet();
    assert_eq!(desk.session.next_in(), 8);
}

#[test]
fn a_gap_is_asked_for_again_after_the_timeout() {
    let mut desk = Desk::up();
    order(&mut desk, "34=4", "four");
    desk.expect("35=2|34=2|7=2|16=0");
    desk.wait_ms(9_999);
    assert!(!desk.said.iter().any(|m| m.contains("|35=2|")));
    desk.wait_ms(1);
    assert!(desk.said.iter().any(|m| m.contains("|35=2|") && m.contains("|7=2|16=0|")));
}

#[test]
fn what_the_queue_cannot_hold_is_asked_for_once_the_queue_is_empty() {
    let mut desk = Desk::with(Config { max_queued_messages: 1, ..Config::acceptor("EX", "CLIENT") });
    desk.says("35=A|34=1|98=0|108=10");
    desk.is_told("on 10 false");
    desk.said.clear();
    for seq in 3..6 {
        order(&mut desk, &format!("34={seq}"), "x");
    }
    desk.expect("35=2|7=2|16=0");
    desk.quiet();
    let dup = format!("43=Y|122={}", stamp(desk.now));
    order(&mut desk, &format!("34=2|{dup}"), "x");
    desk.expect("35=2|7=4|16=0");
    assert_eq!(desk.session.counters().queue_overflows, 2);
}

#[test]
fn a_resend_repeats_orders_and_merges_the_rest_into_gap_fills() {
    let mut desk = Desk::up();
    desk.send("a"); // 2
    desk.says("35=1|34=2|112=t"); // 3
    desk.says("35=1|34=3|112=t"); // 4
    desk.send("b"); // 5
    desk.says("35=1|34=4|112=t"); // 6
    let first_sent = stamp(desk.now);
    desk.said.clear();
    desk.wait_ms(1_000);
    desk.says("35=2|34=5|7=1|16=0");
    desk.expect("35=4|34=1|43=Y|123=Y|36=2");
    desk.expect(&format!("35=8|34=2|43=Y|11=a|122={first_sent}|52={}", stamp(desk.now)));
    desk.expect("35=4|34=3|43=Y|123=Y|36=5");
    desk.expect("35=8|34=5|43=Y|11=b");
    desk.expect("35=4|34=6|43=Y|123=Y|36=7");
    desk.quiet();
    desk.says("35=2|34=6|7=2|16=2");
    desk.expect("35=8|34=2|43=Y|11=a");
    desk.says("35=2|34=7|7=7|16=0");
    desk.expect_text("35=3|34=7|45=7|371=7|373=5", "BeginSeqNo(7)=7");
    desk.quiet();
}

#[test]
fn what_fell_out_of_the_outbox_is_gap_filled() {
    let mut desk = Desk::up();
    for i in 0..101 {
        desk.send(&format!("m{i}"));
    }
    desk.said.clear();
    desk.says("35=2|34=2|7=2|16=3");
    desk.expect("35=4|34=2|43=Y|123=Y|36=3");
    desk.expect("35=8|34=3|43=Y|11=m1");
    assert_eq!(desk.session.outbox().forgotten(), 1);
    assert_eq!(desk.session.counters().gap_filled, 1);
}

#[test]
fn both_sides_that_miss_something_answer_before_they_ask() {
    let mut desk = Desk::up();
    desk.send("a");
    desk.said.clear();
    desk.says("35=2|34=5|7=2|16=0");
    desk.expect("35=8|34=2|43=Y");
    desk.expect("35=2|34=3|7=2|16=0");
    desk.says("35=4|34=2|43=Y|123=Y|36=6");
    assert_eq!(desk.session.next_in(), 6);
    desk.quiet();
}

#[test]
fn silence_leads_to_heartbeats_then_a_test_request_then_the_end() {
    let mut desk = Desk::up();
    desk.wait_ms(9_999);
    desk.quiet();
    desk.wait_ms(1);
    desk.expect("35=0|34=2");
    desk.wait_ms(2_000);
    desk.expect("35=1|34=3|112=TEST");
    desk.says("35=0|34=2|112=TEST");
    desk.wait_ms(12_000);
    desk.expect("35=0|34=4");
    desk.expect("35=1|34=5");
    desk.wait_ms(11_999);
    desk.quiet();
    desk.wait_ms(1);
    desk.is_told("disconnect HeartbeatTimeout");
    assert_eq!(desk.session.next_deadline(), None);
}

#[test]
fn a_logout_is_answered_and_the_connection_closed() {
    let mut desk = Desk::up();
    desk.says("35=5|34=2|58=bye");
    desk.expect("35=5|34=2");
    desk.is_told("out bye");
    desk.is_told("disconnect PeerLogout");
    desk.quiet();
}

#[test]
fn our_logout_waits_for_its_answer_but_not_for_ever() {
    for answers in [true, false] {
        let mut desk = Desk::up();
        desk.session.logout(Nanos(desk.now), format_args!("end of day"));
        desk.poll();
        desk.expect("35=5|34=2|58=end of day");
        order(&mut desk, "34=2", "late");
        desk.quiet();
        assert_eq!(desk.session.next_in(), 2, "a message not handled is not counted");
        if answers {
            desk.says("35=5|34=3");
            desk.is_told("out ");
            desk.is_told("disconnect LogoutComplete");
        } else {
            desk.wait_ms(5_000);
            desk.is_told("disconnect LogoutTimeout");
        }
    }
}

#[test]
fn a_sequence_reset_never_goes_back() {
    let mut desk = Desk::up();
    desk.says("35=4|34=0|36=25");
    assert_eq!(desk.session.next_in(), 25);
    desk.says("35=4|34=0|36=24");
    desk.expect_text("35=3|45=0|372=4|373=5", "NewSeqNo(36)=24, expecting 25");
    desk.says(&format!("35=4|34=0|36={}", u64::MAX));
    desk.expect("35=3|373=5");
    desk.says("35=4|34=25|123=Y|36=25");
    desk.expect_text("35=3|45=25|373=5", "NewSeqNo(36)=25, expecting 26");
    assert_eq!(desk.session.next_in(), 26);
}

#[test]
fn garbled_bytes_are_skipped_and_counted() {
    let mut desk = Desk::up();
    let mut bytes = framed("FIX.4.4", &desk.dress("35=0|34=2"));
    let at = bytes.len() - 2;
    bytes[at] = if bytes[at] == b'9' { b'0' } else { bytes[at] + 1 };
    desk.bytes(&bytes);
    desk.says("35=1|34=2|112=still here");
    desk.expect("35=0|34=2|112=still here");
    assert_eq!(desk.session.counters().garbled, 1);
}

#[test]
fn every_reject_names_the_tag_and_the_value() {
    for (said, fields, words) in [
        ("35=0|0=HI", "371=0|373=0|372=0", "Invalid tag number: tag 0=HI"),
        ("35=0|-1=HI", "371=-1|373=0", "tag -1=HI"),
        ("35=0|junk", "373=0", "junk"),
        ("35=0|55=X", "371=55|373=2", "Symbol(55)=X"),
        ("35=0|112=", "371=112|373=4", "TestReqID(112)="),
        ("35=1", "371=112|373=1", "Required tag missing: TestReqID(112)"),
        ("35=*", "372=*|373=11", "Invalid MsgType: *"),
        ("35=0|112=a|112=b", "371=112|373=13", "TestReqID(112)=b"),
        ("35=0|112=a|50=late", "371=50|373=14", "SenderSubID(50)=late"),
        ("35=D|55=X|54=1|40=1|60=x|11=i", "371=60|373=6", "TransactTime(60)=x"),
        ("35=D|55=X|54=1|40=w|11=i", "371=40|373=5", "OrdType(40)=w"),
        ("35=D|55=X|54=1|40=1|60=20270101-00:00:00|11=i|38=+2", "371=38|373=6", "OrderQty(38)=+2"),
        (
            "35=D|55=X|54=1|40=1|60=20270101-00:00:00|11=i|386=2|336=A",
            "371=386|373=16",
            "NoTradingSessions(386)=2",
        ),
    ] {
        let mut desk = Desk::up();
        let (kind, rest) = said.split_at(said.find('|').unwrap_or(said.len()));
        desk.says(&format!("{kind}|34=2{rest}"));
        desk.expect_text(&format!("35=3|34=2|45=2|{fields}"), words);
        desk.quiet();
        assert_eq!(desk.session.next_in(), 3, "a rejected message counts");
    }
}

#[test]
fn another_version_in_the_middle_ends_the_session_with_a_word() {
    let mut desk = Desk::up();
    let bytes = framed("FIX.4.1", &desk.dress("35=0|34=2"));
    desk.bytes(&bytes);
    desk.expect_text(
        "35=5|34=2",
        "Incorrect BeginString: expected BeginString(8)=FIX.4.4 but received FIX.4.1",
    );
    desk.wait_ms(5_000);
    desk.is_told("disconnect BeginString");
}

#[test]
fn the_driver_can_refuse_the_message_at_hand() {
    let mut desk = Desk::up();
    desk.session.handle_bytes(Nanos(START), &framed("FIX.4.4", &desk.dress("35=B|34=2|115=DESK|148=news")));
    assert!(!desk.session.unsupported_current(Nanos(START)), "nothing is at hand yet");
    assert!(matches!(desk.session.poll_output(), Some(Output::Application(_))));
    assert!(desk.session.unsupported_current(Nanos(START)));
    desk.poll();
    desk.expect_text("35=j|34=2|128=DESK|45=2|372=B|380=3", "Unsupported Message Type: MsgType(35)=B");
    assert!(!desk.session.unsupported_current(Nanos(START)), "it is gone");
}

#[test]
fn a_data_field_may_hold_the_separator() {
    let mut table = FieldTable::new();
    let bytes = framed("FIX.4.4", "35=A|95=7|96=a|b=c|d|98=0|");
    let message = table.parse(&bytes);
    assert_eq!(message.get(tags::RAW_DATA), Some(&b"a\x01b=c\x01d"[..]));
    assert_eq!(message.u64(tags::ENCRYPT_METHOD), Ok(0));
}

#[test]
fn an_initiator_logs_on_with_a_reset_and_sends_what_waited() {
    let mut desk = Desk::with(Config { reset_on_logon: true, ..Config::initiator("CLIENT", "EX") });
    desk.expect("35=A|34=1|49=CLIENT|56=EX|98=0|108=30|141=Y");
    assert_eq!(desk.send("eager"), 2);
    desk.quiet();
    desk.says("35=A|34=1|98=0|108=30|141=Y");
    desk.is_told("on 30 true");
    desk.expect("35=8|34=2|43=Y|11=eager");
    desk.quiet();
}

#[test]
fn an_initiator_that_is_refused_tells_the_text() {
    let mut desk = Desk::with(Config::initiator("CLIENT", "EX"));
    desk.expect("35=A|34=1");
    desk.says("35=5|34=1|58=unknown");
    desk.is_told("out unknown");
    desk.is_told("disconnect PeerRefused");
}
