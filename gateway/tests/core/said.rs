//! A message as a test reads it: fields by tag, compared with a line of `tag=value|tag=value`.

use fix::{FieldTable, Scan, scan};
use std::fmt;

/// One FIX message that was said to a client.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said(Vec<(u32, String)>);

impl Said {
    pub(crate) fn of(message: &fix::Message<'_>) -> Self {
        Self(
            message.fields().map(|(tag, value)| (tag, String::from_utf8_lossy(value).into_owned())).collect(),
        )
    }

    /// The messages of a stream of whole ones.
    pub(crate) fn all_of(mut bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        let mut fields = FieldTable::new();
        while !bytes.is_empty() {
            let Scan::Message { len } = scan(bytes, 1 << 20) else { panic!("not a message: {bytes:?}") };
            found.push(Self::of(&fields.parse(&bytes[..len])));
            bytes = &bytes[len..];
        }
        found
    }

    /// The value of a field; empty if it is not there.
    pub(crate) fn get(&self, tag: u32) -> &str {
        self.0.iter().find(|(have, _)| *have == tag).map_or("", |(_, value)| value)
    }

    pub(crate) fn number(&self, tag: u32) -> u64 {
        self.get(tag).parse().unwrap_or_else(|_| panic!("{tag} is no number in {self}"))
    }

    /// Every field of the line is in it; `tag=` alone says that the field is not there.
    pub(crate) fn says(&self, line: &str) -> bool {
        line.split('|').all(|field| {
            let (tag, value) = field.split_once('=').unwrap();
            self.get(tag.parse().unwrap()) == value
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(tag, value)| write!(f, "{tag}={value}|"))
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
