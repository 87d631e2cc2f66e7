//! Who a connection's first message says it is from.

use fix::{FieldTable, Scan, scan, tags};

/// The longest first message, in bytes: a Logon.
const MAX_LOGON: usize = 4 << 10;

/// What the first bytes of a connection tell.
pub(crate) enum Identity {
    /// Not a whole message yet.
    Unknown,
    /// No FIX message.
    Garbled,
    /// SenderCompID (49).
    Named(Vec<u8>),
}

/// Who the first message of a connection says it is from. The session core judges the message itself.
pub(crate) fn identify(unread: &[u8], fields: &mut FieldTable) -> Identity {
    match scan(unread, MAX_LOGON) {
        Scan::Incomplete if unread.len() < MAX_LOGON => Identity::Unknown,
        Scan::Incomplete | Scan::Garbled { .. } => Identity::Garbled,
        Scan::Message { len } => match fields.parse(&unread[..len]).get(tags::SENDER_COMP_ID) {
            Some(comp_id) => Identity::Named(comp_id.to_vec()),
            None => Identity::Garbled,
        },
    }
}
