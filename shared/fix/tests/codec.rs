//! The codec against its own inverse, and against any bytes at all.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::framed;
use fix::*;
use proptest::prelude::*;
use wire::Nanos;

/// A tag that is neither frame nor length field, and a value without the separator.
fn field() -> impl Strategy<Value = (u32, Vec<u8>)> {
    let tag = (11u32..5000).prop_filter("no length fields", |t| tags::data_field_of(*t).is_none());
    (tag, proptest::collection::vec(any::<u8>().prop_filter("no SOH", |b| *b != SOH), 1..20))
}

fn write(seq: u64, body: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = Header {
        begin_string: "FIX.4.4",
        msg_type: b"D",
        sender: b"ME",
        target: b"YOU",
        seq,
        sending_time: Nanos(seq),
        original_sending_time: seq.is_multiple_of(2).then_some(Nanos(0)),
    };
    Writer::new().write(&mut out, &header, |fields| {
        for (tag, value) in body {
            fields.bytes(*tag, value);
        }
    });
    out
}

/// All messages of a stream that comes in these pieces.
fn messages(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let (mut buf, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match scan(&buf, 4096) {
                Scan::Incomplete => break,
                Scan::Message { len } => found.push(buf.drain(..len).collect()),
                Scan::Garbled { skip, .. } => {
                    assert!(skip > 0 && skip <= buf.len(), "progress within the bytes");
                    buf.drain(..skip);
                }
            }
            if buf.is_empty() {
                break;
            }
        }
    }
    found
}

#[test]
fn a_written_message_is_the_bytes_that_the_standard_draws() {
    let mut out = Vec::new();
    let header = Header {
        begin_string: "FIX.4.2",
        msg_type: b"0",
        sender: b"A",
        target: b"B",
        seq: 7,
        sending_time: Nanos(0),
        original_sending_time: None,
    };
    Writer::new().write(&mut out, &header, |fields| {
        fields.text(tags::TEST_REQ_ID, format_args!("a\x01b"));
        fields.str(tags::TEXT, "");
        fields.decimal(tags::PRICE, -125, 2);
        fields.average(tags::AVG_PX, 10, 4, 0, 2);
        fields.i64(tags::REF_TAG_ID, -1);
    });
    let text = String::from_utf8(out).unwrap().replace('\x01', "|");
    let body = "35=0|34=7|49=A|52=19700101-00:00:00.000|56=B|112=a?b|44=-1.25|6=2.50|371=-1|";
    assert_eq!(text, String::from_utf8(framed("FIX.4.2", body)).unwrap().replace('\x01', "|"));
}

#[test]
fn only_a_message_that_is_right_in_all_parts_is_one() {
    let good = framed("FIX.4.4", "35=0|34=1|");
    assert_eq!(scan(&good, 4096), Scan::Message { len: good.len() });
    assert!(matches!(scan(&good, good.len() - 1), Scan::Garbled { reason: Garbled::TooLong, .. }));
    for (wrong, why) in [
        (framed("FIX.4.4", "34=1|35=0|"), Garbled::MsgType),
        (b"8=FIX.4.4\x0135=0\x01".to_vec(), Garbled::BodyLength),
        (b"8=FIX.4.4\x019=x\x01".to_vec(), Garbled::BodyLength),
        (b"8=FIX.4.4\x019=\x01".to_vec(), Garbled::BodyLength),
        (b"8=FIX.4.4\x019=0000000005\x01".to_vec(), Garbled::BodyLength),
        (b"8=FIX.4.4\x019=99999999\x01".to_vec(), Garbled::TooLong),
        (b"8=FIX.4.4\x019=6\x0135=0\x0134=1\x0110=000\x01".to_vec(), Garbled::Trailer),
        (b"8=FIX.4.4\x019=5\x0135=0\x0110=256\x01".to_vec(), Garbled::CheckSum),
        (b"8=FIXXXXXXXXXXXXXXXXXXXXX".to_vec(), Garbled::NoStart),
        (b"hello".to_vec(), Garbled::NoStart),
    ] {
        match scan(&wrong, 4096) {
            Scan::Garbled { reason, .. } => assert_eq!(reason, why),
            other => panic!("{other:?} for {}", String::from_utf8_lossy(&wrong)),
        }
    }
}

#[test]
fn typed_reading_tells_missing_from_empty_from_wrong() {
    let bytes = framed("FIX.4.4", "35=D|34=99999999999999999999|44=1.234|38=|54=12|43=y|60=now|58=\u{e4}|");
    let mut table = FieldTable::new();
    let message = table.parse(&bytes);
    let reason = |r: Result<(), FieldError>| r.unwrap_err().reason;
    assert_eq!(reason(message.u64(tags::ACCOUNT).map(drop)), RejectReason::RequiredTagMissing);
    assert_eq!(reason(message.u64(tags::ORDER_QTY).map(drop)), RejectReason::NoValue);
    assert_eq!(reason(message.seq().map(drop)), RejectReason::ValueOutOfRange);
    assert_eq!(reason(message.u64(tags::PRICE).map(drop)), RejectReason::IncorrectFormat);
    assert_eq!(reason(message.decimal(tags::PRICE, 2).map(drop)), RejectReason::ValueOutOfRange);
    assert_eq!(message.decimal(tags::PRICE, 3), Ok(1234));
    assert_eq!(reason(message.char(tags::SIDE).map(drop)), RejectReason::IncorrectFormat);
    assert_eq!(reason(message.bool(tags::POSS_DUP_FLAG).map(drop)), RejectReason::IncorrectFormat);
    assert_eq!(reason(message.timestamp(tags::TRANSACT_TIME).map(drop)), RejectReason::IncorrectFormat);
    assert_eq!(message.str(tags::TEXT), Ok("\u{e4}"));
    assert_eq!(message.optional(tags::STOP_PX, |m, t| m.decimal(t, 2)), Ok(None));
    assert_eq!(
        message.decimal(tags::PRICE, 2).unwrap_err().to_string(),
        "Value is incorrect (out of range) for this tag: Price(44)=1.234"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(seq in 1u64.., body in proptest::collection::vec(field(), 0..30)) {
        let seq = seq % 9_000_000_000_000_000_000;
        let bytes = write(seq, &body);
        prop_assert_eq!(scan(&bytes, 1 << 20), Scan::Message { len: bytes.len() });
        let mut table = FieldTable::new();
        let message = table.parse(&bytes);
        prop_assert_eq!(message.seq(), Ok(seq));
        prop_assert_eq!(message.msg_type(), b"D");
        prop_assert_eq!(message.is_poss_dup(), seq.is_multiple_of(2));
        let header = if seq.is_multiple_of(2) { 9 } else { 7 };
        let read: Vec<_> = message.fields().skip(header).map(|(t, v)| (t, v.to_vec())).collect();
        prop_assert_eq!(&read[..read.len() - 1], &body[..]);
        prop_assert_eq!(read.last().unwrap().0, tags::CHECK_SUM);
    }

    #[test]
    fn any_bytes_are_scanned_and_parsed_without_panic(
        bytes in proptest::collection::vec(prop_oneof![Just(1u8), Just(b'='), Just(b'8'), Just(b'9'), any::<u8>()], 0..300),
    ) {
        messages(&[&bytes]);
        let mut table = FieldTable::new();
        let message = table.parse(&bytes);
        let _ = dictionary::FIX44.check(&message);
        for (tag, _) in message.fields() {
            let _ = (message.u64(tag), message.decimal(tag, 2), message.timestamp(tag), message.str(tag));
        }
    }

    #[test]
    fn the_same_messages_are_found_however_the_stream_is_split(
        parts in proptest::collection::vec(
            prop_oneof![
                3 => (1u64..100).prop_map(|seq| write(seq, &[(58, b"text".to_vec())])),
                1 => proptest::collection::vec(any::<u8>(), 0..20),
                1 => (1u64..100, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(seq, at, byte)| {
                    let mut bytes = write(seq, &[]);
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                    bytes
                }),
                1 => Just(b"8=FIX".to_vec()),
            ],
            0..12,
        ),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = parts.concat();
        let mut cuts: Vec<_> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
        prop_assert_eq!(messages(&pieces), messages(&[&stream]));
    }

    #[test]
    fn a_message_with_a_wrong_byte_in_its_body_costs_no_other(seq in 1u64..100, at in 25usize..60, byte in any::<u8>()) {
        let (before, after) = (write(seq, &[]), write(seq + 1, &[]));
        let mut broken = write(seq, &[(58, vec![b'x'; 40])]);
        prop_assume!(broken[at] != byte);
        broken[at] = byte;
        let found = messages(&[&[before.clone(), broken, after.clone()].concat()]);
        prop_assert_eq!(found, vec![before, after]);
    }
}
