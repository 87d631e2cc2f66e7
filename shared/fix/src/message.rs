//! A parsed view over one message: fields as slices of its bytes, in a table that is used again and again.

use crate::decimal::{self, DecimalError};
use crate::error::{FieldError, RejectReason};
use crate::{SOH, tags, timestamp};
use wire::Nanos;

/// One field's place in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Field {
    /// The tag; 0 if what stands there is not a positive number of at most nine digits.
    tag: u32,
    /// Where the tag begins.
    name_at: u32,
    /// Where the value begins.
    value_at: u32,
    /// Where the value ends, before its SOH.
    end: u32,
}

/// The reusable table behind a [`Message`]: it grows to the largest number of fields seen and allocates no more.
#[derive(Clone, Debug, Default)]
pub struct FieldTable {
    fields: Vec<Field>,
}

impl FieldTable {
    /// An empty table.
    pub fn new() -> FieldTable {
        FieldTable::default()
    }

    /// Splits a message, as [`crate::scan`] found it, into fields. It never fails: what is no proper field is kept with
    /// the tag 0 and found by [`Message::check_structure`].
    pub fn parse<'a>(&'a mut self, bytes: &'a [u8]) -> Message<'a> {
        self.fields.clear();
        let mut at = 0;
        let mut counted: Option<(u32, usize)> = None;
        while at < bytes.len() {
            let (tag, value_at) = split_tag(bytes, at);
            let end = match counted.take() {
                // A data field is as long as the length field before it says, if that fits.
                Some((data_tag, len)) if data_tag == tag && bytes.get(value_at + len) == Some(&SOH) => {
                    value_at + len
                }
                _ => bytes[value_at..].iter().position(|b| *b == SOH).map_or(bytes.len(), |n| value_at + n),
            };
            if let Some(data_tag) = tags::data_field_of(tag)
                && let Some(len) = digits(&bytes[value_at..end])
            {
                counted = Some((data_tag, len as usize));
            }
            // The message limit is far below 4 GiB, so offsets fit.
            self.fields.push(Field { tag, name_at: at as u32, value_at: value_at as u32, end: end as u32 });
            at = end + 1;
        }
        self.view(bytes)
    }

    /// The message last parsed, again; `bytes` must be the same.
    pub(crate) fn view<'a>(&'a self, bytes: &'a [u8]) -> Message<'a> {
        Message { bytes, fields: &self.fields }
    }
}

/// The tag at `at` (0 if it is none), and where its value begins.
fn split_tag(bytes: &[u8], at: usize) -> (u32, usize) {
    let mut tag = 0u32;
    for (i, b) in bytes[at..].iter().enumerate() {
        match b {
            b'0'..=b'9' if i < 9 => tag = tag * 10 + u32::from(b - b'0'),
            b'=' => return (tag, at + i + 1),
            _ => break,
        }
    }
    // Not a tag: the value begins behind the '=' of this field, or the field has none and the value is empty.
    let end = bytes[at..].iter().position(|b| *b == SOH).map_or(bytes.len(), |n| at + n);
    let value_at = bytes[at..end].iter().position(|b| *b == b'=').map_or(end, |n| at + n + 1);
    (0, value_at)
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| {
        if !b.is_ascii_digit() {
            return None;
        }
        n.checked_mul(10)?.checked_add(u64::from(b - b'0'))
    })
}

/// A view over one message. All accessors name the field in their error, in the words of a session reject.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes).replace('\x01', "|"))
    }
}

impl<'a> Message<'a> {
    /// The message's bytes, from `8=` to the last SOH.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All fields in order, header and trailer included, as (tag, value). The way to read repeating groups.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (u32, &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        self.fields.iter().map(move |f| (f.tag, &bytes[f.value_at as usize..f.end as usize]))
    }

    /// The first value of a tag.
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        let field = self.fields.iter().find(|f| f.tag == tag)?;
        Some(&self.bytes[field.value_at as usize..field.end as usize])
    }

    /// The value of a tag that must be there and not empty.
    pub fn required(&self, tag: u32) -> Result<&'a [u8], FieldError> {
        match self.get(tag) {
            None => Err(FieldError::missing(tag)),
            Some([]) => Err(FieldError::wrong(RejectReason::NoValue, tag, b"")),
            Some(value) => Ok(value),
        }
    }

    /// Reads a field that may be absent: `message.optional(tags::PRICE, |m, t| m.decimal(t, 2))`.
    pub fn optional<T>(
        &self,
        tag: u32,
        read: impl FnOnce(&Self, u32) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        if self.get(tag).is_none() { Ok(None) } else { read(self, tag).map(Some) }
    }

    /// An unsigned integer.
    pub fn u64(&self, tag: u32) -> Result<u64, FieldError> {
        let value = self.required(tag)?;
        match digits(value) {
            Some(n) => Ok(n),
            None if value.iter().all(u8::is_ascii_digit) => {
                Err(FieldError::wrong(RejectReason::ValueOutOfRange, tag, value))
            }
            None => Err(FieldError::wrong(RejectReason::IncorrectFormat, tag, value)),
        }
    }

    /// One printable character.
    pub fn char(&self, tag: u32) -> Result<char, FieldError> {
        match self.required(tag)? {
            [c] if c.is_ascii_graphic() => Ok(char::from(*c)),
            value => Err(FieldError::wrong(RejectReason::IncorrectFormat, tag, value)),
        }
    }

    /// Text; must be UTF-8.
    pub fn str(&self, tag: u32) -> Result<&'a str, FieldError> {
        let value = self.required(tag)?;
        std::str::from_utf8(value).map_err(|_| FieldError::wrong(RejectReason::IncorrectFormat, tag, value))
    }

    /// `Y` or `N`.
    pub fn bool(&self, tag: u32) -> Result<bool, FieldError> {
        match self.required(tag)? {
            b"Y" => Ok(true),
            b"N" => Ok(false),
            value => Err(FieldError::wrong(RejectReason::IncorrectFormat, tag, value)),
        }
    }

    /// Whether the flag is there and `Y`.
    pub fn flag(&self, tag: u32) -> bool {
        self.get(tag) == Some(b"Y")
    }

    /// A decimal number, scaled by 10^`decimals` (at most 18).
    pub fn decimal(&self, tag: u32, decimals: u8) -> Result<i64, FieldError> {
        let value = self.required(tag)?;
        decimal::parse_scaled(value, decimals).map_err(|error| {
            let reason = match error {
                DecimalError::Junk => RejectReason::IncorrectFormat,
                DecimalError::TooManyDecimals | DecimalError::Overflow => RejectReason::ValueOutOfRange,
            };
            FieldError::wrong(reason, tag, value)
        })
    }

    /// A UTCTimestamp, since the Unix epoch.
    pub fn timestamp(&self, tag: u32) -> Result<Nanos, FieldError> {
        let value = self.required(tag)?;
        timestamp::parse(value).ok_or_else(|| FieldError::wrong(RejectReason::IncorrectFormat, tag, value))
    }

    /// A UTCDateOnly or LocalMktDate (`YYYYMMDD`), as its first instant in UTC since the Unix epoch.
    pub fn date(&self, tag: u32) -> Result<Nanos, FieldError> {
        let value = self.required(tag)?;
        timestamp::parse_date(value)
            .ok_or_else(|| FieldError::wrong(RejectReason::IncorrectFormat, tag, value))
    }

    /// BeginString(8).
    pub fn begin_string(&self) -> &'a [u8] {
        self.get(tags::BEGIN_STRING).unwrap_or_default()
    }

    /// MsgType(35).
    pub fn msg_type(&self) -> &'a [u8] {
        self.get(tags::MSG_TYPE).unwrap_or_default()
    }

    /// MsgSeqNum(34).
    pub fn seq(&self) -> Result<u64, FieldError> {
        self.u64(tags::MSG_SEQ_NUM)
    }

    /// Whether PossDupFlag(43) is `Y`.
    pub fn is_poss_dup(&self) -> bool {
        self.flag(tags::POSS_DUP_FLAG)
    }

    /// The first thing wrong with the message's form, whatever its type: a tag that is no number, a tag without a value,
    /// a header field behind the body, or one behind the trailer.
    pub fn check_structure(&self) -> Result<(), FieldError> {
        // 0: in the header, 1: in the body, 2: in the trailer.
        let mut part = 0;
        for (field, (tag, value)) in self.fields.iter().zip(self.fields()) {
            if tag == 0 {
                return Err(self.invalid_tag(field));
            }
            if value.is_empty() {
                return Err(FieldError::wrong(RejectReason::NoValue, tag, value));
            }
            let belongs = if tags::is_header(tag) {
                0
            } else if tags::is_trailer(tag) {
                2
            } else {
                1
            };
            if belongs < part {
                return Err(FieldError::wrong(RejectReason::TagOutOfOrder, tag, value));
            }
            part = belongs;
        }
        Ok(())
    }

    fn invalid_tag(&self, field: &Field) -> FieldError {
        let name = &self.bytes
            [field.name_at as usize..(field.value_at as usize).max(field.name_at as usize + 1) - 1];
        let tag = std::str::from_utf8(name).ok().and_then(|n| n.parse::<i64>().ok());
        // With a number the value is worth showing, without one the whole field is.
        let shown = if tag.is_some() { field.value_at } else { field.name_at };
        let shown = &self.bytes[shown as usize..field.end as usize];
        FieldError { reason: RejectReason::InvalidTag, tag, value: Some(crate::error::Excerpt::new(shown)) }
    }
}
