//! Every client order id that a session has used in the trading day, so that one that comes again is recognised.
//!
//! A name is used up by what succeeds: an order that was accepted, a replacement, a cancel. What was refused leaves no
//! trace, so that the client may correct it and send it again under the same name. This follows FIX practice: ClOrdID
//! (11) is unique within the day over orders and requests alike, and OrigClOrdID (41) names the *last accepted*
//! ClOrdID of the order. So after a replace the order answers to its new name alone; the old one, like the name of a
//! cancel request, is spent: known as used, and naming no order.

use crate::orders::Slot;
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use wire::event::OrderStatus;
use wire::{ClOrdId, OrderId, SessionId};

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
    /// An order that rests here.
    Resting(Slot),
    /// An order that is filled or cancelled.
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

/// A name to look up, with its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    hash: u64,
    session: SessionId,
    cl_ord_id: ClOrdId,
}

impl Key {
    /// The key of a session's name.
    pub(crate) fn new(session: SessionId, cl_ord_id: ClOrdId) -> Self {
        let mut hasher = FxHasher::default();
        (session, cl_ord_id).hash(&mut hasher);
        Self { hash: hasher.finish(), session, cl_ord_id }
    }
}

/// The names of the day: kept in the order of use, found by hash.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    used: Vec<Name>,
    table: HashTable<u32>,
    limit: usize,
}

impl Names {
    /// Room for `limit` names, made in advance.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self { used: Vec::with_capacity(limit), table: HashTable::with_capacity(limit), limit }
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
        let same = |at: &u32| {
            let name = &self.used[*at as usize];
            name.session == key.session && name.cl_ord_id == key.cl_ord_id
        };
        self.table.find(key.hash, same).copied().map(NameId)
    }

    /// What a used name stands for.
    pub(crate) fn get(&self, name: NameId) -> &Name {
        &self.used[name.0 as usize]
    }

    /// Every name that stands for a resting order.
    pub(crate) fn resting(&self) -> impl Iterator<Item = (NameId, Slot)> {
        (0..).map(NameId).zip(&self.used).filter_map(|(id, name)| match name.fate {
            Fate::Resting(slot) => Some((id, slot)),
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
        let used = &self.used;
        self.table.insert_unique(key.hash, at, |at| {
            let name = &used[*at as usize];
            Key::new(name.session, name.cl_ord_id).hash
        });
        NameId(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(session: u32, text: &str) -> Key {
        Key::new(SessionId(session), ClOrdId::new(text.as_bytes()).expect("short and printable"))
    }

    #[test]
    fn a_name_is_known_within_its_session_only() {
        let mut names = Names::new(8);
        let id = names.insert(&key(1, "a"), OrderId(5), Fate::Done(OrderStatus::Filled));
        assert_eq!(names.find(&key(1, "a")), Some(id));
        assert_eq!(names.find(&key(2, "a")), None);
        assert_eq!(names.find(&key(1, "b")), None);
        names.settle(id, Fate::Spent);
        assert_eq!((names.get(id).order, names.get(id).fate), (OrderId(5), Fate::Spent));
        assert_eq!((names.len(), names.room()), (1, 7));
    }

    #[test]
    fn thousands_of_names_are_all_found_again() {
        let mut names = Names::new(5000);
        for n in 0..5000_u32 {
            names.insert(&key(n % 7, &format!("order-{n}")), OrderId(u64::from(n)), Fate::Spent);
        }
        for n in 0..5000_u32 {
            let found = names.find(&key(n % 7, &format!("order-{n}"))).map(|id| names.get(id).order);
            assert_eq!(found, Some(OrderId(u64::from(n))));
        }
    }
}
