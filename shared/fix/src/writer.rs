//! A message as bytes: header, body, trailer, with BodyLength(9) and CheckSum(10) worked out.

use crate::{SOH, decimal, frame, tags, timestamp};
use std::fmt;
use std::io::Write as _;
use wire::Nanos;

/// What stands in the standard header. Written in ascending order of tags behind the first three.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// BeginString(8).
    pub begin_string: &'a str,
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// SenderCompID(49).
    pub sender: &'a [u8],
    /// TargetCompID(56).
    pub target: &'a [u8],
    /// MsgSeqNum(34).
    pub seq: u64,
    /// SendingTime(52).
    pub sending_time: Nanos,
    /// For a message that is sent again: its first SendingTime, as OrigSendingTime(122) beside PossDupFlag(43)=Y.
    pub original_sending_time: Option<Nanos>,
}

/// Writes messages into a buffer of the caller's; allocates nothing once warm.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// Everything behind BodyLength(9) of the message last written.
    scratch: Vec<u8>,
}

impl Writer {
    /// A writer with nothing warm.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Appends one whole message to `out` and gives back the bytes that `body` wrote.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        header: &Header<'_>,
        body: impl FnOnce(&mut Fields<'_>),
    ) -> &[u8] {
        self.scratch.clear();
        let mut fields = Fields { buf: &mut self.scratch };
        fields.bytes(tags::MSG_TYPE, header.msg_type);
        fields.u64(tags::MSG_SEQ_NUM, header.seq);
        if header.original_sending_time.is_some() {
            fields.bool(tags::POSS_DUP_FLAG, true);
        }
        fields.bytes(tags::SENDER_COMP_ID, header.sender);
        fields.timestamp(tags::SENDING_TIME, header.sending_time);
        fields.bytes(tags::TARGET_COMP_ID, header.target);
        if let Some(at) = header.original_sending_time {
            fields.timestamp(tags::ORIG_SENDING_TIME, at);
        }
        let body_at = fields.buf.len();
        body(&mut fields);

        let start = out.len();
        let mut frame = Fields { buf: out };
        frame.bytes(tags::BEGIN_STRING, header.begin_string.as_bytes());
        frame.u64(tags::BODY_LENGTH, self.scratch.len() as u64);
        out.extend_from_slice(&self.scratch);
        let sum = frame::check_sum(&out[start..]);
        out.extend_from_slice(&[
            b'1',
            b'0',
            b'=',
            b'0' + sum / 100,
            b'0' + sum / 10 % 10,
            b'0' + sum % 10,
            SOH,
        ]);
        &self.scratch[body_at..]
    }
}

/// Appends fields. A value never ends its field early: SOH in text becomes `?`. An empty value writes no field, since
/// FIX has no empty fields.
#[derive(Debug)]
pub struct Fields<'a> {
    buf: &'a mut Vec<u8>,
}

impl<'a> Fields<'a> {
    /// Appends to `buf`.
    pub fn new(buf: &'a mut Vec<u8>) -> Fields<'a> {
        Fields { buf }
    }

    fn tag(&mut self, tag: u32) {
        decimal::write_u64(self.buf, u64::from(tag));
        self.buf.push(b'=');
    }

    /// A value as it is.
    pub fn bytes(&mut self, tag: u32, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.tag(tag);
        let at = self.buf.len();
        self.buf.extend_from_slice(value);
        self.close(at);
    }

    /// Text.
    pub fn str(&mut self, tag: u32, value: &str) {
        self.bytes(tag, value.as_bytes());
    }

    /// Formatted text: `fields.text(tags::TEXT, format_args!("{a} of {b}"))`.
    pub fn text(&mut self, tag: u32, value: fmt::Arguments<'_>) {
        let start = self.buf.len();
        self.tag(tag);
        let at = self.buf.len();
        // Writing into a Vec cannot fail; a Display that fails leaves its text short.
        let _ = self.buf.write_fmt(value);
        if self.buf.len() == at {
            return self.buf.truncate(start);
        }
        self.close(at);
    }

    /// Ends a field whose value began at `at`.
    fn close(&mut self, at: usize) {
        for b in &mut self.buf[at..] {
            if *b == SOH {
                *b = b'?';
            }
        }
        self.buf.push(SOH);
    }

    /// An unsigned integer.
    pub fn u64(&mut self, tag: u32, value: u64) {
        self.tag(tag);
        decimal::write_u64(self.buf, value);
        self.buf.push(SOH);
    }

    /// A signed integer.
    pub fn i64(&mut self, tag: u32, value: i64) {
        self.decimal(tag, value, 0);
    }

    /// One ASCII character.
    pub fn char(&mut self, tag: u32, value: char) {
        let mut utf8 = [0; 4];
        self.bytes(tag, value.encode_utf8(&mut utf8).as_bytes());
    }

    /// `Y` or `N`.
    pub fn bool(&mut self, tag: u32, value: bool) {
        self.bytes(tag, if value { b"Y" } else { b"N" });
    }

    /// `value` / 10^`decimals`, with all its decimals.
    pub fn decimal(&mut self, tag: u32, value: impl Into<i128>, decimals: u8) {
        self.tag(tag);
        decimal::write_scaled(self.buf, value, decimals);
        self.buf.push(SOH);
    }

    /// An average, see [`decimal::write_average`].
    pub fn average(&mut self, tag: u32, notional: u128, quantity: u64, price_decimals: u8, decimals: u8) {
        self.tag(tag);
        decimal::write_average(self.buf, notional, quantity, price_decimals, decimals);
        self.buf.push(SOH);
    }

    /// A UTCTimestamp with milliseconds.
    pub fn timestamp(&mut self, tag: u32, value: Nanos) {
        self.tag(tag);
        timestamp::write(self.buf, value);
        self.buf.push(SOH);
    }

    /// Whole fields as they were written before, each with its SOH.
    pub fn raw(&mut self, fields: &[u8]) {
        debug_assert!(fields.is_empty() || fields.last() == Some(&SOH), "raw fields end with SOH");
        self.buf.extend_from_slice(fields);
    }
}
