//! What was sent, so that it can be sent again. Only application messages are kept: what is missing is gap-filled.

use crate::Fields;
use std::collections::VecDeque;
use wire::Nanos;

/// The head of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// SendingTime(52) of the first time, for OrigSendingTime(122).
    pub sending_time: Nanos,
}

/// The application messages of one session by MsgSeqNum(34). The session does not care where they come from: kept in
/// memory, or written again from a log.
pub trait Outbox {
    /// `body` (the fields behind the standard header, each with its SOH) was sent as number `seq`, higher than any before.
    fn put(&mut self, seq: u64, sent: Sent<'_>, body: &[u8]);

    /// The lowest number at or above `from` that can be sent again.
    fn next_from(&self, from: u64) -> Option<u64>;

    /// The head of message `seq`; `None` if it cannot be sent again.
    fn head(&self, seq: u64) -> Option<Sent<'_>>;

    /// Writes the body of message `seq`, for which [`Outbox::head`] is `Some`.
    fn write_body(&self, seq: u64, fields: &mut Fields<'_>);

    /// The sequence numbers begin anew: nothing of before may be sent again.
    fn clear(&mut self);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    seq: u64,
    sending_time: Nanos,
    /// Where it begins, counted over all bytes ever kept since the last [`Outbox::clear`].
    at: u64,
    type_len: u32,
    body_len: u32,
}

impl Entry {
    fn len(&self) -> usize {
        self.type_len as usize + self.body_len as usize
    }
}

/// Keeps the newest messages in one ring of bytes, bounded by bytes and by number; the oldest fall out.
///
/// Invariants: entries ascend in `seq` and `at`; all bytes from the first entry's `at` to `end` are in the ring; an entry
/// never wraps around the ring's end (a wrap skips the rest).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoryOutbox {
    entries: VecDeque<Entry>,
    ring: Vec<u8>,
    end: u64,
    max_messages: usize,
    forgotten: u64,
}

impl MemoryOutbox {
    /// Keeps at most `max_messages` messages in at most `max_bytes` bytes, which are allocated here.
    pub fn new(max_bytes: usize, max_messages: usize) -> MemoryOutbox {
        MemoryOutbox {
            entries: VecDeque::with_capacity(max_messages),
            ring: vec![0; max_bytes],
            end: 0,
            max_messages,
            forgotten: 0,
        }
    }

    /// How many messages fell out, or never fitted, since the beginning. They are gap-filled when asked for.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many messages are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn index(&self, seq: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&seq, |e| e.seq).ok()
    }

    fn slice(&self, entry: &Entry) -> &[u8] {
        let at = (entry.at % self.ring.len() as u64) as usize;
        &self.ring[at..at + entry.len()]
    }

    fn forget_oldest(&mut self) {
        self.entries.pop_front();
        self.forgotten += 1;
    }
}

impl Outbox for MemoryOutbox {
    fn put(&mut self, seq: u64, sent: Sent<'_>, body: &[u8]) {
        assert!(self.entries.back().is_none_or(|e| e.seq < seq), "sequence numbers ascend, {seq} does not");
        let size = self.ring.len() as u64;
        let len = (sent.msg_type.len() + body.len()) as u64;
        if len > size || size == 0 || self.max_messages == 0 {
            self.forgotten += 1;
            return;
        }
        let left = size - self.end % size;
        let at = if left < len { self.end + left } else { self.end };
        // What begins a whole ring behind the new end is overwritten.
        while self.entries.len() == self.max_messages
            || self.entries.front().is_some_and(|e| e.at + size < at + len)
        {
            self.forget_oldest();
        }
        let start = (at % size) as usize;
        let middle = start + sent.msg_type.len();
        self.ring[start..middle].copy_from_slice(sent.msg_type);
        self.ring[middle..start + len as usize].copy_from_slice(body);
        self.end = at + len;
        self.entries.push_back(Entry {
            seq,
            sending_time: sent.sending_time,
            at,
            type_len: sent.msg_type.len() as u32,
            body_len: body.len() as u32,
        });
    }

    fn next_from(&self, from: u64) -> Option<u64> {
        let index = self.entries.partition_point(|e| e.seq < from);
        self.entries.get(index).map(|e| e.seq)
    }

    fn head(&self, seq: u64) -> Option<Sent<'_>> {
        let entry = &self.entries[self.index(seq)?];
        Some(Sent {
            msg_type: &self.slice(entry)[..entry.type_len as usize],
            sending_time: entry.sending_time,
        })
    }

    fn write_body(&self, seq: u64, fields: &mut Fields<'_>) {
        if let Some(index) = self.index(seq) {
            let entry = &self.entries[index];
            fields.raw(&self.slice(entry)[entry.type_len as usize..]);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(outbox: &MemoryOutbox, seq: u64) -> Option<Vec<u8>> {
        outbox.head(seq)?;
        let mut out = Vec::new();
        outbox.write_body(seq, &mut Fields::new(&mut out));
        Some(out)
    }

    #[test]
    fn a_message_larger_than_the_ring_is_forgotten_at_once() {
        let mut outbox = MemoryOutbox::new(8, 4);
        outbox.put(1, Sent { msg_type: b"8", sending_time: Nanos(1) }, b"58=123456\x01");
        assert_eq!((outbox.len(), outbox.forgotten()), (0, 1));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_newest_and_is_whole(
            lens in proptest::collection::vec(0usize..40, 1..80), size in 1usize..120, most in 1usize..8,
        ) {
            let mut outbox = MemoryOutbox::new(size, most);
            let mut all = Vec::new();
            for (i, len) in lens.iter().enumerate() {
                let seq = i as u64 * 3 + 1;
                let mut text = vec![b'a' + (i % 26) as u8; *len];
                text.push(1);
                outbox.put(seq, Sent { msg_type: b"AE", sending_time: Nanos(seq) }, &text);
                all.push((seq, text));
                let kept: Vec<_> = all.iter().filter(|(s, _)| outbox.head(*s).is_some()).collect();
                prop_assert_eq!(kept.len(), outbox.len());
                prop_assert!(kept.len() <= most);
                prop_assert!(kept.iter().map(|(_, t)| t.len() + 2).sum::<usize>() <= size);
                prop_assert_eq!(outbox.forgotten() as usize + outbox.len(), all.len());
                for (s, t) in kept {
                    prop_assert_eq!(&body(&outbox, *s).unwrap(), t);
                    prop_assert_eq!(outbox.head(*s).unwrap(), Sent { msg_type: b"AE", sending_time: Nanos(*s) });
                    prop_assert_eq!(outbox.next_from(*s - 1), Some(*s));
                }
            }
        }
    }
}
