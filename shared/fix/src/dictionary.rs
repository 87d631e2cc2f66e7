//! Which fields a message may and must have. A table per version: a session is given one by its configuration.
//!
//! What a table does not know it does not refuse: a known application type without a [`MessageRule`] is checked for form
//! alone, so that a version grows rule by rule.

use crate::error::{FieldError, RejectReason};
use crate::message::Message;
use crate::{decimal, tags, timestamp};

mod fix44;
pub use fix44::FIX44;

/// The format of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Any text.
    Text,
    /// One character.
    Char,
    /// `Y` or `N`.
    Bool,
    /// Digits, perhaps with a minus before them.
    Int,
    /// Digits that make a sequence number or a length.
    Count,
    /// A decimal number.
    Decimal,
    /// A UTCTimestamp.
    Timestamp,
    /// `YYYYMMDD`.
    Date,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Words with a space between them, each one of these.
    AllOf(&'static [&'static str]),
}

/// A repeating group: its count, its first field, its other fields.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The NumInGroup field.
    pub count: u32,
    /// The field with which each entry begins.
    pub first: u32,
    /// The other fields of an entry, those of nested groups included (they are not counted).
    pub others: &'static [u32],
}

/// What a message type may and must have behind the header.
#[derive(Clone, Copy, Debug)]
pub struct MessageRule {
    /// MsgType(35).
    pub msg_type: &'static str,
    /// Fields that must be there.
    pub required: &'static [u32],
    /// Fields that may be there.
    pub optional: &'static [u32],
    /// Groups that may be there.
    pub groups: &'static [Group],
}

impl MessageRule {
    fn allows(&self, tag: u32) -> bool {
        self.required.contains(&tag)
            || self.optional.contains(&tag)
            || self.groups.iter().any(|g| g.count == tag)
    }

    fn group_of(&self, tag: u32) -> Option<&Group> {
        self.groups.iter().find(|g| g.first == tag || g.others.contains(&tag))
    }
}

/// The rules of one version. Two dictionaries are the same if they have the same name.
#[derive(Debug)]
pub struct Dictionary {
    /// A name that no other dictionary has, such as the BeginString(8).
    pub name: &'static str,
    /// The highest tag that the version defines.
    pub highest_tag: u32,
    /// Tags of later versions that are spoken here.
    pub later_tags: &'static [u32],
    /// Whether user-defined tags (5000 and above) are accepted anywhere in a body.
    pub user_defined: bool,
    /// All message types of the version; those that begin with `U` are user-defined and need not be listed.
    pub msg_types: &'static [&'static str],
    /// Header fields that every message must have behind the first three.
    pub header: &'static [u32],
    /// Formats by tag, ascending; what is not listed is text.
    pub formats: &'static [(u32, Format)],
    /// The rules by message type.
    pub rules: &'static [MessageRule],
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Dictionary {}

impl std::hash::Hash for Dictionary {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Dictionary {
    /// The first thing wrong with a message, if any: tags and values in the order in which they stand, then what is missing.
    pub fn check(&self, message: &Message<'_>) -> Result<(), FieldError> {
        let msg_type = message.msg_type();
        let is_it = |t: &str| t.as_bytes() == msg_type;
        let rule = self.rules.iter().find(|r| is_it(r.msg_type));
        let known =
            rule.is_some() || self.msg_types.iter().any(|t| is_it(t)) || msg_type.first() == Some(&b'U');
        if !known {
            return Err(FieldError {
                tag: None,
                ..FieldError::wrong(RejectReason::InvalidMsgType, 0, msg_type)
            });
        }
        message.check_structure()?;
        for (i, (tag, value)) in message.fields().enumerate() {
            self.check_field(rule, tag, value)?;
            let outside = tags::is_header(tag) || rule.is_some_and(|r| r.group_of(tag).is_none());
            // A body without a rule may hold groups that we do not know, so nothing in it is called repeated.
            if outside && message.fields().take(i).any(|(t, _)| t == tag) {
                return Err(FieldError::wrong(RejectReason::TagRepeated, tag, value));
            }
        }
        for tag in self.header {
            message.required(*tag)?;
        }
        let Some(rule) = rule else { return Ok(()) };
        for tag in rule.required {
            message.required(*tag)?;
        }
        rule.groups.iter().try_for_each(|group| check_group(message, group))
    }

    fn check_field(&self, rule: Option<&MessageRule>, tag: u32, value: &[u8]) -> Result<(), FieldError> {
        let user_defined = tag >= 5000 && self.user_defined;
        if tag > self.highest_tag && !user_defined && !self.later_tags.contains(&tag) {
            return Err(FieldError::wrong(RejectReason::InvalidTag, tag, value));
        }
        if let Some(rule) = rule {
            let anywhere = user_defined || tags::is_header(tag) || tags::is_trailer(tag);
            if !anywhere && !rule.allows(tag) && rule.group_of(tag).is_none() {
                return Err(FieldError::wrong(RejectReason::TagNotDefinedForMessage, tag, value));
            }
        }
        self.check_format(tag, value)
    }

    fn check_format(&self, tag: u32, value: &[u8]) -> Result<(), FieldError> {
        let Ok(index) = self.formats.binary_search_by_key(&tag, |(t, _)| *t) else { return Ok(()) };
        let word = |words: &[&str], value: &[u8]| words.iter().any(|w| w.as_bytes() == value);
        let (good, reason) = match self.formats[index].1 {
            Format::Text => (true, RejectReason::IncorrectFormat),
            Format::Char => (value.len() == 1, RejectReason::IncorrectFormat),
            Format::Bool => (matches!(value, b"Y" | b"N"), RejectReason::IncorrectFormat),
            Format::Int => {
                let digits = value.strip_prefix(b"-").unwrap_or(value);
                (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit), RejectReason::IncorrectFormat)
            }
            Format::Count => (value.iter().all(u8::is_ascii_digit), RejectReason::IncorrectFormat),
            Format::Decimal => {
                let junk = decimal::parse_scaled(value, 0) == Err(decimal::DecimalError::Junk);
                (!junk, RejectReason::IncorrectFormat)
            }
            Format::Timestamp => (timestamp::parse(value).is_some(), RejectReason::IncorrectFormat),
            Format::Date => (timestamp::parse_date(value).is_some(), RejectReason::IncorrectFormat),
            Format::OneOf(words) => (word(words, value), RejectReason::ValueOutOfRange),
            Format::AllOf(words) => {
                (value.split(|b| *b == b' ').all(|v| word(words, v)), RejectReason::ValueOutOfRange)
            }
        };
        if good { Ok(()) } else { Err(FieldError::wrong(reason, tag, value)) }
    }
}

/// The entries of a group, each begun by its first field, are as many as its count says.
fn check_group(message: &Message<'_>, group: &Group) -> Result<(), FieldError> {
    let entries = message.fields().filter(|(tag, _)| *tag == group.first).count() as u64;
    let Some(value) = message.get(group.count) else {
        let stray = message.fields().find(|(tag, _)| *tag == group.first || group.others.contains(tag));
        return match stray {
            Some(_) => Err(FieldError::missing(group.count)),
            None => Ok(()),
        };
    };
    if message.u64(group.count)? == entries {
        Ok(())
    } else {
        Err(FieldError::wrong(RejectReason::GroupCount, group.count, value))
    }
}
