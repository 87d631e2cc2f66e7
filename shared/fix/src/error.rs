//! What is wrong with a field, in the words of a session reject: SessionRejectReason(373), RefTagID(371), Text(58).

use crate::tags;
use std::fmt;

/// SessionRejectReason(373).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RejectReason {
    /// 0: not a tag number, or not one of this version.
    InvalidTag = 0,
    /// 1: a required field is missing.
    RequiredTagMissing = 1,
    /// 2: the field does not belong to this message type.
    TagNotDefinedForMessage = 2,
    /// 3: the field is not known.
    UndefinedTag = 3,
    /// 4: a tag without a value.
    NoValue = 4,
    /// 5: the value is outside of what is allowed.
    ValueOutOfRange = 5,
    /// 6: the value is not of the field's format.
    IncorrectFormat = 6,
    /// 9: SenderCompID(49) or TargetCompID(56) is not the one of this session.
    CompIdProblem = 9,
    /// 10: SendingTime(52) is too far from the receiver's clock, or before OrigSendingTime(122).
    SendingTimeAccuracy = 10,
    /// 11: there is no such MsgType(35).
    InvalidMsgType = 11,
    /// 13: a field outside of repeating groups appears twice.
    TagRepeated = 13,
    /// 14: a header field stands behind a body field, or a body field behind the trailer.
    TagOutOfOrder = 14,
    /// 15: the fields of a repeating group are out of order.
    GroupOutOfOrder = 15,
    /// 16: a repeating group has another number of entries than said.
    GroupCount = 16,
    /// 99: the text says what.
    Other = 99,
}

impl RejectReason {
    /// The number that stands in SessionRejectReason(373).
    pub fn code(self) -> u64 {
        u64::from(self as u8)
    }

    /// The standard's words.
    pub fn words(self) -> &'static str {
        match self {
            RejectReason::InvalidTag => "Invalid tag number",
            RejectReason::RequiredTagMissing => "Required tag missing",
            RejectReason::TagNotDefinedForMessage => "Tag not defined for this message type",
            RejectReason::UndefinedTag => "Undefined tag",
            RejectReason::NoValue => "Tag specified without a value",
            RejectReason::ValueOutOfRange => "Value is incorrect (out of range) for this tag",
            RejectReason::IncorrectFormat => "Incorrect data format for value",
            RejectReason::CompIdProblem => "CompID problem",
            RejectReason::SendingTimeAccuracy => "SendingTime accuracy problem",
            RejectReason::InvalidMsgType => "Invalid MsgType",
            RejectReason::TagRepeated => "Tag appears more than once",
            RejectReason::TagOutOfOrder => "Tag specified out of required order",
            RejectReason::GroupOutOfOrder => "Repeating group fields out of order",
            RejectReason::GroupCount => "Incorrect NumInGroup count for repeating group",
            RejectReason::Other => "Message refused",
        }
    }
}

/// The first bytes of a value, printable: enough for a person to know it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Excerpt {
    bytes: [u8; Excerpt::MAX],
    len: u8,
    cut: bool,
}

impl Excerpt {
    /// Bytes kept.
    pub const MAX: usize = 40;

    /// Keeps the first [`Excerpt::MAX`] bytes; what is not printable ASCII becomes `?`.
    pub fn new(value: &[u8]) -> Excerpt {
        let len = value.len().min(Excerpt::MAX);
        let mut bytes = [0; Excerpt::MAX];
        for (to, from) in bytes.iter_mut().zip(&value[..len]) {
            *to = if (b' '..=b'~').contains(from) { *from } else { b'?' };
        }
        Excerpt { bytes, len: len as u8, cut: value.len() > len }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only printable ASCII is kept, so this is valid text.
        f.write_str(std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("?"))?;
        if self.cut { f.write_str("...") } else { Ok(()) }
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// One field is wrong. Says in a session reject: `tag` in RefTagID(371), `reason` in SessionRejectReason(373), and
/// itself, displayed, in Text(58).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// Why.
    pub reason: RejectReason,
    /// Which field, as it was written; `None` where no single field is to blame or the tag is not a number.
    pub tag: Option<i64>,
    /// What stood there; `None` when it was missing.
    pub value: Option<Excerpt>,
}

impl FieldError {
    /// `tag` is missing.
    pub fn missing(tag: u32) -> FieldError {
        FieldError { reason: RejectReason::RequiredTagMissing, tag: Some(i64::from(tag)), value: None }
    }

    /// `tag` is there and its value is wrong for `reason`.
    pub fn wrong(reason: RejectReason, tag: u32, value: &[u8]) -> FieldError {
        FieldError { reason, tag: Some(i64::from(tag)), value: Some(Excerpt::new(value)) }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.words())?;
        if let Some(tag) = self.tag {
            match u32::try_from(tag).ok().and_then(tags::name) {
                Some(name) => write!(f, ": {name}({tag})")?,
                None => write!(f, ": tag {tag}")?,
            }
        }
        match &self.value {
            Some(value) if self.tag.is_some() => write!(f, "={value}"),
            Some(value) => write!(f, ": {value}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FieldError {}
