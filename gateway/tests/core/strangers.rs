//! Connections that are no session yet: nobody learns anything, and nobody else is disturbed.

use crate::bench::Bench;
use fix::{Config, MemoryOutbox, Output, Session};

/// A Logon of this client, as its first message.
fn logon(bench: &Bench, comp_id: &str, change: impl FnOnce(&mut Config)) -> Vec<u8> {
    let mut config = Config::initiator(comp_id, "EXCHANGE");
    change(&mut config);
    let mut fix = Session::new(config, MemoryOutbox::new(1_000, 10));
    fix.connected(bench.now);
    match fix.poll_output() {
        Some(Output::Transmit(bytes)) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn framed(body: &str) -> Vec<u8> {
    let body = body.replace('|', "\x01");
    let mut out = format!("8=FIX.4.4\x019={}\x01{body}", body.len()).into_bytes();
    let sum = fix::frame::check_sum(&out);
    out.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    out
}

fn at(bench: &Bench) -> String {
    String::from_utf8(fix::timestamp::to_text(bench.now).to_vec()).unwrap()
}

/// The stranger's bytes end its connection without a word, and client 1 trades on.
#[track_caller]
fn turned_away(mut bench: Bench, bytes: &[u8]) -> Bench {
    let stranger = bench.stranger(0);
    bench.send(stranger, bytes);
    bench.settle();
    assert!(bench.is_closed(stranger));
    assert_eq!(bench.said_to(stranger), []);
    bench.order(1, "on", 1, 1, "1.00");
    bench.settle();
    bench.hears(1, "150=0|11=on");
    bench
}

fn up() -> Bench {
    let mut bench = Bench::new();
    bench.log_on([1]);
    bench
}

#[test]
fn bytes_that_are_no_fix_end_the_connection() {
    turned_away(up(), b"GET / HTTP/1.1\r\nHost: exchange\r\n\r\n");
    turned_away(up(), &[0; 64]);
    turned_away(up(), &[b'8'; 5_000]);
    let bench = up();
    let mut damaged = logon(&bench, "CLIENT1", |_| {});
    let last = damaged.len() - 2;
    damaged[last] = if damaged[last] == b'0' { b'1' } else { b'0' };
    turned_away(bench, &damaged);
}

#[test]
fn a_first_message_that_grows_without_end_ends_the_connection() {
    let bench = up();
    let mut endless = b"8=FIX.4.4\x019=100000\x0135=A\x0158=".to_vec();
    endless.extend_from_slice(&[b'x'; 5_000]);
    turned_away(bench, &endless);
}

#[test]
fn whoever_is_not_described_is_not_let_in() {
    let bench = up();
    let bytes = logon(&bench, "NOBODY", |_| {});
    turned_away(bench, &bytes);
    let bench = up();
    let bytes = logon(&bench, "CLIENT1", |config| config.target = "ELSEWHERE".to_owned());
    turned_away(bench, &bytes);
    let bench = up();
    let bytes = logon(&bench, "CLIENT1", |config| config.begin_string = "FIX.4.2".to_owned());
    turned_away(bench, &bytes);
}

#[test]
fn an_order_before_the_logon_ends_the_connection_and_reaches_nobody() {
    let bench = up();
    let before = bench.core.frames.len();
    let time = at(&bench);
    let order = framed(&format!(
        "35=D|49=CLIENT1|56=EXCHANGE|34=1|52={time}|11=x|55=ABC|54=1|38=1|40=2|44=1|60={time}|"
    ));
    let bench = turned_away(bench, &order);
    assert_eq!(bench.core.frames.len(), before + 1, "only the order of client 1 was sequenced");
}

#[test]
fn a_connection_without_a_logon_is_closed_in_time() {
    let mut bench = Bench::new();
    let silent = bench.stranger(0);
    let halting = bench.stranger(0);
    bench.send(halting, b"8=FIX.4.4\x019=");
    bench.pass(9);
    assert!(!bench.is_closed(silent) && !bench.is_closed(halting));
    bench.pass(2);
    assert!(bench.is_closed(silent) && bench.is_closed(halting));
}

#[test]
fn a_heartbeat_interval_out_of_bounds_is_refused_with_the_reason() {
    let mut bench = up();
    let stranger = bench.stranger(0);
    let bytes = logon(&bench, "CLIENT1", |config| config.heartbeat_secs = 1);
    bench.send(stranger, &bytes);
    bench.settle();
    let said = bench.said_to(stranger);
    assert!(said.len() == 1 && said[0].says("35=5"), "{said:?}");
    assert!(said[0].get(58).contains("HeartBtInt(108)=1"), "{said:?}");
    assert!(bench.is_closed(stranger));
}

#[test]
fn a_second_connection_of_a_session_is_closed_and_the_first_goes_on() {
    let bench = up();
    let bytes = logon(&bench, "CLIENT2", |_| {});
    turned_away(bench, &bytes);
}

#[test]
fn a_logon_may_come_byte_by_byte_and_with_an_order_behind_it() {
    let mut bench = Bench::new();
    let time = at(&bench);
    let mut bytes = logon(&bench, "CLIENT1", |_| {});
    bytes.extend_from_slice(&framed(&format!(
        "35=D|49=CLIENT1|56=EXCHANGE|34=2|52={time}|11=x|55=ABC|54=1|38=1|40=2|44=1|60={time}|"
    )));
    let client = bench.stranger(0);
    for byte in bytes {
        bench.send(client, &[byte]);
        bench.turns(1);
    }
    bench.settle();
    let said = bench.said_to(client);
    assert!(said.len() == 2 && said[0].says("35=A") && said[1].says("150=0|11=x"), "{said:?}");
}
