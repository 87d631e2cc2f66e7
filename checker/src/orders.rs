//! What the history and the events hold of each order.

use crate::bits::Bits;
use crate::fills::Fills;
use crate::promise::{Promise, Verdict};
use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use twox_hash::XxHash3_64;
use wire::{ClOrdId, Command, Event, Frame, Happening, OrderId, Outbound, Position, Seq, SessionId};

/// A client's request, by its session and its client's name for it.
pub(crate) type Name = (SessionId, ClOrdId);

/// What is known of a new order of one trading day. When a day has ended, the names of orders that are done are free again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// How often the history holds a command for it.
    pub(crate) commands: u32,
    /// How often the events accepted it.
    pub(crate) accepted: u32,
    /// How often the events refused a command for it.
    pub(crate) rejected: u32,
    /// The exchange's name for it, once it was accepted.
    pub(crate) order: OrderId,
    /// The last command for it.
    pub(crate) last: Seq,
    /// In which trading day, from 0.
    day: u32,
    /// The order that had the name in an earlier day.
    earlier: Option<Box<Order>>,
}

impl Order {
    /// This one, and those that had its name in earlier days.
    pub(crate) fn days(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |order| order.earlier.as_deref())
    }
}

/// All orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    orders: HashMap<Name, Order, FxBuildHasher>,
    /// Cancels and replaces of the history, by the hash of their names: two collide with a chance of 2⁻⁶⁴.
    changes: HashSet<u64, FxBuildHasher>,
    /// Commands that are new orders: an order is named by its command's number.
    made: Bits,
    /// The trading day, from 0.
    day: u32,
    fills: Fills,
}

fn hash((SessionId(session), name): &Name) -> u64 {
    XxHash3_64::oneshot_with_seed(u64::from(*session), name.as_bytes())
}

impl Orders {
    /// The next frame of the history.
    pub(crate) fn note_frame(&mut self, frame: &Frame<'_>) {
        let Seq(number) = frame.position().seq;
        match frame.command() {
            Ok(Command::NewOrder(order)) => {
                let known = self.of_today((order.session, order.cl_ord_id));
                known.commands += 1;
                known.last = Seq(number);
                self.made.insert(number);
            }
            Ok(Command::CancelOrder(cancel)) => {
                self.changes.insert(hash(&(cancel.session, cancel.cl_ord_id)));
            }
            Ok(Command::ReplaceOrder(replace)) => {
                self.changes.insert(hash(&(replace.session, replace.cl_ord_id)));
            }
            Ok(Command::MassCancel(cancel)) => {
                self.changes.insert(hash(&(cancel.session, cancel.cl_ord_id)));
            }
            // What cannot be read was found when the log was judged by itself.
            _ => {}
        }
    }

    /// An event that this frame of the history caused.
    pub(crate) fn note_event(&mut self, frame: &Frame<'_>, event: &Event<'_>, verdict: &mut Verdict) {
        let (Outbound(number), session) = (event.header().outbound, event.header().session);
        let Ok(happening) = event.happening() else { return };
        self.fills.note(number, &happening, verdict);
        let (view, accepted) = match happening {
            Happening::Accepted(accepted) => (accepted.order, true),
            Happening::Rejected(rejected) => (rejected.order, false),
            Happening::Filled(filled) => return self.must_hold(number, filled.order.order, verdict),
            Happening::Cancelled(cancelled) => {
                return self.must_hold(number, cancelled.order.order, verdict);
            }
            Happening::Replaced(replaced) => {
                return self.must_hold(number, replaced.order.order, verdict);
            }
            Happening::Triggered(triggered) => {
                return self.must_hold(number, triggered.order.order, verdict);
            }
            Happening::Restated(restated) => {
                return self.must_hold(number, restated.order.order, verdict);
            }
            Happening::TradeBusted(busted) => {
                return self.must_hold(number, busted.trade.order, verdict);
            }
            Happening::TradeCorrected(corrected) => {
                return self.must_hold(number, corrected.trade.order, verdict);
            }
            Happening::DayEnded(_) => {
                self.day += 1;
                return;
            }
            _ => return,
        };
        let (name, order) = (view.cl_ord_id, view.order);
        let asked = match frame.command() {
            Ok(Command::NewOrder(asked)) => Some((asked.session, asked.cl_ord_id)),
            _ => None,
        };
        if asked != Some((session, name)) || (accepted && order.0 != frame.position().seq.0) {
            let here = frame.position();
            verdict.add(Promise::EventsSound, || {
                format!("event {number} answers order {name} of session {session}; {here}, its cause, is no such order")
            });
        }
        let known = self.of_today((session, name));
        if accepted {
            known.accepted += 1;
            known.order = order;
            let first = known.accepted == 1;
            verdict.counts.accepted += u64::from(first);
        } else {
            known.rejected += 1;
        }
    }

    /// What is known of an order of this name in the present trading day.
    fn of_today(&mut self, name: Name) -> &mut Order {
        let day = self.day;
        let known = self.orders.entry(name).or_insert_with(|| Order { day, ..Order::default() });
        if known.day != day {
            let earlier = std::mem::replace(known, Order { day, ..Order::default() });
            known.earlier = Some(Box::new(earlier));
        }
        known
    }

    fn must_hold(&self, number: u64, order: OrderId, verdict: &mut Verdict) {
        if !self.made.holds(order.0) {
            verdict.add(Promise::EventsSound, || {
                format!(
                    "event {number} is about order {order}, and the history has made no such order before"
                )
            });
        }
    }

    /// What is known of an order.
    pub(crate) fn get(&self, name: &Name) -> Option<&Order> {
        self.orders.get(name)
    }

    /// Whether the history holds a command for this request, of whatever kind.
    pub(crate) fn holds_request(&self, name: &Name) -> bool {
        self.orders.get(name).is_some() || self.changes.contains(&hash(name))
    }

    /// Whether the history made this order.
    pub(crate) fn holds_order(&self, order: OrderId) -> bool {
        self.made.holds(order.0)
    }

    /// Once all was read: nothing was accepted twice, and of a name's commands all but one were refused.
    pub(crate) fn judge(&self, last_cause: Position, verdict: &mut Verdict) {
        let mut found: Vec<(&Name, &Order)> = self
            .orders
            .iter()
            .flat_map(|(name, order)| order.days().map(move |order| (name, order)))
            .filter(|(_, order)| {
                let unanswered = order.commands.saturating_sub(order.accepted + order.rejected);
                let more = order.commands > 1 && unanswered > 0 && order.last <= last_cause.seq;
                order.accepted > 1 || (more && order.accepted > 0)
            })
            .collect();
        // The table has no order of its own; the words of two judgements of one run are the same.
        found.sort_by_key(|(_, order)| order.last);
        for ((session, name), order) in found {
            verdict.add(Promise::NothingTwice, || {
                let Order { commands, accepted, rejected, last, .. } = order;
                format!(
                    "order {name} of session {session} stands {commands} times in the history (last as {last}), was \
                     accepted {accepted} times and refused {rejected} times"
                )
            });
        }
    }
}
