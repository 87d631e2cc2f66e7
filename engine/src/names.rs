//! Every client order id that a session has used in the trading day, so that one that comes again is recognised.
//!
//! A name is used up by what succeeds: an order that was accepted, a replacement, a cancel. What was refused leaves no
//! trace, so that the client may correct it and send it again under the same name. This follows FIX practice: ClOrdID
//! (11) is unique within the day over orders and requests alike, and OrigClOrdID (41) names the *last accepted*
//! ClOrdID of the order. So after a replace the order answers to its new name alone; the old one, like the name of a
//! cancel request, is spent: known as used, and naming no order.

use crate::index::Index;
use book::Slot;
use memory::in_large_pages;
use wire::event::OrderStatus;
use wire::{ClOrdId, OrderId, SessionId};
use zerocopy::IntoBytes;

/// The bits of a hash that a name's last character decides.
const NEIGHBOURS: u64 = 15;

/// A used name, by its place in the order of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameId(u32);

impl NameId {
    /// No name.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// What a used name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// An order that is open here.
    Open(Slot),
    /// An order that is filled, cancelled or expired.
    Done(OrderStatus),
    /// No order: it named a request, or an order before that was replaced.
    Spent,
}

/// One used name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    /// The order that it named, or whose request it named.
    pub(crate) order: OrderId,
    /// What it stands for now.
    pub(crate) fate: Fate,
    session: SessionId,
    cl_ord_id: ClOrdId,
}

const _: () = assert!(size_of::<Name>() == 40);

/// A name to look up, with its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    hash: u64,
    session: SessionId,
    cl_ord_id: ClOrdId,
}

/// Any odd number with its bits well mixed.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Folded multiplication: every bit of the product of all bits, as wyhash and its kin do it. With a seed that nobody outside
/// knows, nobody outside finds names that collide.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// A name as numbers, without its last character; and that character.
#[inline]
fn split(name: &ClOrdId) -> ([u64; 3], u64) {
    const { assert!(ClOrdId::MAX == 20) };
    let bytes = IntoBytes::as_bytes(name);
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes of twenty"));
    // The third word overlaps the second by four bytes, which it leaves out.
    let mut words = [word(0), word(8), word(12) >> 32];
    let at = if words[2] != 0 { 2 } else { usize::from(words[1] != 0) };
    let shift = 63_u32.saturating_sub(words[at].leading_zeros()) & !7;
    let last = words[at] >> shift;
    words[at] ^= last << shift;
    (words, last)
}

/// The names of the day: kept in the order of use, found by hash.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    used: Vec<Name>,
    index: Index,
    limit: usize,
    /// Mixed into every hash, so that no client can choose names that collide.
    pub(crate) seed: u64,
}

impl Names {
    /// Room for `limit` names, made in advance.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self { used: in_large_pages(Vec::with_capacity(limit)), index: Index::new(limit), limit, seed: 0 }
    }

    /// Takes a number from the log that clients cannot know, while no name is in use.
    pub(crate) fn seed(&mut self, seed: u64) {
        if self.used.is_empty() {
            self.seed = seed;
        }
    }

    /// The key of a session's name.
    ///
    /// Clients count: names that differ in their last character alone are likely to be used one after the other. Their hashes
    /// are neighbours, so that the next name is looked for in a cache line that the last ones have brought near.
    #[inline]
    pub(crate) fn key(&self, session: SessionId, cl_ord_id: ClOrdId) -> Key {
        let (stem, last) = split(&cl_ord_id);
        let seed = self.seed ^ u64::from(session.0);
        let hash = fold(fold(stem[0] ^ seed, stem[1] ^ ODD) ^ stem[2], seed ^ ODD.rotate_left(32));
        // The low bits choose the place, the high ones tell names in one place apart.
        let hash = (hash & !NEIGHBOURS | last & NEIGHBOURS) ^ last << 56;
        Key { hash, session, cl_ord_id }
    }

    /// Touches all the room made in advance.
    pub(crate) fn prefault(&mut self) {
        self.index.prefault();
        let nobody = Name {
            order: OrderId(0),
            fate: Fate::Spent,
            session: SessionId(0),
            cl_ord_id: ClOrdId::default(),
        };
        let used = self.used.len();
        self.used.resize(self.limit, nobody);
        self.used.truncate(used);
    }

    /// How many more names there is room for.
    pub(crate) fn room(&self) -> usize {
        self.limit - self.used.len()
    }

    /// How many names were used.
    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }

    /// The use of a name, if there was one.
    pub(crate) fn find(&self, key: &Key) -> Option<NameId> {
        let same = |at: u32| {
            let name = &self.used[at as usize];
            name.session == key.session && name.cl_ord_id == key.cl_ord_id
        };
        self.index.find(key.hash, same).map(NameId)
    }

    /// What a used name stands for.
    pub(crate) fn get(&self, name: NameId) -> &Name {
        &self.used[name.0 as usize]
    }

    /// All names with whose they are, in the order of their use.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Name, SessionId, ClOrdId)> + Clone {
        self.used.iter().map(|name| (name, name.session, name.cl_ord_id))
    }

    /// Every name that stands for an open order.
    pub(crate) fn open(&self) -> impl Iterator<Item = (NameId, Slot)> {
        (0..).map(NameId).zip(&self.used).filter_map(|(id, name)| match name.fate {
            Fate::Open(slot) => Some((id, slot)),
            Fate::Done(_) | Fate::Spent => None,
        })
    }

    /// Changes what a used name stands for.
    pub(crate) fn settle(&mut self, name: NameId, fate: Fate) {
        self.used[name.0 as usize].fate = fate;
    }

    /// Notes the use of a name that [`Names::find`] did not find, while there is [`Names::room`].
    pub(crate) fn insert(&mut self, key: &Key, order: OrderId, fate: Fate) -> NameId {
        assert!(self.used.len() < self.limit, "the caller has checked that there is room for a name");
        let at = u32::try_from(self.used.len()).expect("the limit is a u32");
        self.used.push(Name { order, fate, session: key.session, cl_ord_id: key.cl_ord_id });
        self.index.insert(key.hash, at);
        NameId(at)
    }

    /// Forgets all names but those that open orders have or had; where the ones they have stand then is told.
    pub(crate) fn end_day(&mut self, mut moved: impl FnMut(Slot, NameId)) {
        let mut open: Vec<OrderId> = Vec::new();
        open.extend(
            self.used.iter().filter(|name| matches!(name.fate, Fate::Open(_))).map(|name| name.order),
        );
        open.sort_unstable();
        self.used.retain(|name| open.binary_search(&name.order).is_ok());
        self.index.clear();
        for at in 0..self.used.len() {
            let Name { fate, session, cl_ord_id, .. } = self.used[at];
            let number = u32::try_from(at).expect("the limit is a u32");
            self.index.insert(self.key(session, cl_ord_id).hash, number);
            if let Fate::Open(slot) = fate {
                moved(slot, NameId(number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(names: &Names, session: u32, text: &str) -> Key {
        names.key(SessionId(session), ClOrdId::new(text.as_bytes()).expect("short and printable"))
    }

    #[test]
    fn a_name_is_known_within_its_session_only() {
        let mut names = Names::new(8);
        names.seed(99);
        let first = key(&names, 1, "a");
        let id = names.insert(&first, OrderId(5), Fate::Done(OrderStatus::Filled));
        assert_eq!(names.find(&key(&names, 1, "a")), Some(id));
        assert_eq!(names.find(&key(&names, 2, "a")), None);
        assert_eq!(names.find(&key(&names, 1, "b")), None);
        names.settle(id, Fate::Spent);
        assert_eq!((names.get(id).order, names.get(id).fate), (OrderId(5), Fate::Spent));
        assert_eq!((names.len(), names.room()), (1, 7));
    }

    #[test]
    fn the_last_character_is_told_from_the_others_wherever_it_stands() {
        for length in 1..=ClOrdId::MAX {
            let text: Vec<u8> = (b'a'..).take(length).collect();
            let (stem, last) = split(&ClOrdId::new(&text).expect("short and printable"));
            assert_eq!(last, u64::from(text[length - 1]));
            let before: Vec<u8> = stem[..2].iter().flat_map(|word| word.to_le_bytes()).collect();
            let stem: Vec<u8> = before.into_iter().chain((stem[2] as u32).to_le_bytes()).collect();
            assert_eq!(&stem[..length - 1], &text[..length - 1]);
            assert!(stem[length - 1..].iter().all(|byte| *byte == 0));
        }
        assert_eq!(split(&ClOrdId::default()), ([0; 3], 0));
    }

    #[test]
    fn thousands_of_names_are_all_found_again_and_the_open_ones_after_the_day() {
        let mut names = Names::new(5000);
        for n in 0..5000_u32 {
            let fate = if n % 10 == 0 { Fate::Open(Slot::NONE) } else { Fate::Spent };
            let key = key(&names, n % 7, &format!("order-{n}"));
            names.insert(&key, OrderId(u64::from(n)), fate);
        }
        let found = |names: &Names, n: u32| {
            names.find(&key(names, n % 7, &format!("order-{n}"))).map(|id| names.get(id).order)
        };
        for n in 0..5000_u32 {
            assert_eq!(found(&names, n), Some(OrderId(u64::from(n))));
        }
        let mut open = 0;
        names.end_day(|_, _| open += 1);
        assert_eq!((open, names.len()), (500, 500));
        for n in 0..5000_u32 {
            assert_eq!(found(&names, n).is_some(), n % 10 == 0);
        }
    }
}
