//! Short texts in fixed fields: printable ASCII, padded with zeros behind.

use serde::{Deserialize, Serialize};
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Why a text does not fit its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// More bytes than the field has.
    #[error("has {have} characters, at most {max} are allowed")]
    TooLong {
        /// Bytes that came.
        have: usize,
        /// Bytes of the field.
        max: usize,
    },
    /// A byte outside of printable ASCII.
    #[error("holds a character outside of printable ASCII")]
    NotPrintable,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident[$len:literal]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(transparent)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The most characters that fit.
            pub const MAX: usize = $len;

            /// The field that holds this text.
            pub fn new(text: &[u8]) -> Result<Self, TextError> {
                if text.is_empty() {
                    return Err(TextError::Empty);
                }
                if text.len() > $len {
                    return Err(TextError::TooLong { have: text.len(), max: $len });
                }
                if !text.iter().all(|b| (b' '..=b'~').contains(b)) {
                    return Err(TextError::NotPrintable);
                }
                let mut field = [0; $len];
                field[..text.len()].copy_from_slice(text);
                Ok(Self(field))
            }

            /// The text without its padding.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                let end = self.0.iter().position(|b| *b == 0).unwrap_or($len);
                &self.0[..end]
            }

            /// True where nothing was written.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0[0] == 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Bytes that came over the network may be anything: shown escaped, so that a log line stays one line.
                write!(f, "{}", self.as_bytes().escape_ascii())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{self}\"")
            }
        }
    };
}

text!(
    /// A client's name for an order or a request (FIX 11, 41), unique within its session and day.
    ClOrdId[20]
);
text!(
    /// An instrument's symbol (FIX 55).
    Symbol[16]
);
text!(
    /// A currency's code (FIX 15), three letters for most.
    CurrencyCode[8]
);
text!(
    /// What a participant is called.
    ParticipantName[16]
);
text!(
    /// Who supervises the market and gave an order to it.
    OperatorName[16]
);
text!(
    /// Why an operator did something, in words.
    Why[32]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_without_its_padding() {
        assert_eq!(ClOrdId::new(b"order-1").unwrap().as_bytes(), b"order-1");
        assert_eq!(ClOrdId::new(&[b'x'; 20]).unwrap().as_bytes(), &[b'x'; 20]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        assert_eq!(ClOrdId::new(b""), Err(TextError::Empty));
        assert_eq!(ClOrdId::new(&[b'x'; 21]), Err(TextError::TooLong { have: 21, max: 20 }));
        assert_eq!(Symbol::new(b"A\x01B"), Err(TextError::NotPrintable));
    }
}
