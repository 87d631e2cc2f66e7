//! One table makes the kinds, the fixed layouts and the in-place views of a family of messages: commands, or events.

/// From `kind Name { field: type, .. }` rows: the enum of kinds, a packed struct for each, and the enum of views.
macro_rules! bodies {
    (
        $(#[$kinds_doc:meta])* kinds $kinds:ident;
        $(#[$views_doc:meta])* views $views:ident;
        carried by $body:ident;
        $($(#[$doc:meta])* $kind:literal $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })*
    ) => {
        $(#[$kinds_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $kinds {
            $($(#[$doc])* $name = $kind,)*
        }

        impl $kinds {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The kind with this byte.
            #[must_use]
            pub const fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($kind => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
            #[repr(C, packed)]
            pub struct $name {
                $($(#[$fdoc])* pub $field: $type,)*
            }

            impl $body for $name {
                const KIND: $kinds = $kinds::$name;
            }
        )*

        $(#[$views_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $views<'a> {
            $($(#[$doc])* $name(&'a $name),)*
        }

        impl<'a> $views<'a> {
            /// Reads the body of a message of this kind, in place. Length and every value with a table are checked.
            pub fn read(kind: u8, body: &'a [u8]) -> Result<Self, FrameError> {
                let refused = FrameError::Body { kind, have: body.len() };
                match $kinds::of(kind) {
                    $(Some($kinds::$name) => {
                        $name::try_ref_from_bytes(body).map(Self::$name).map_err(|_| refused)
                    })*
                    None => Err(FrameError::UnknownKind { kind }),
                }
            }

            /// The kind of this message.
            #[must_use]
            pub const fn kind(&self) -> $kinds {
                match self {
                    $(Self::$name(_) => $kinds::$name,)*
                }
            }
        }
    };
}

pub(crate) use bodies;
