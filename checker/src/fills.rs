//! What the events of each order add up to: nothing is filled that was not open, and nothing disappears.

use crate::promise::{Promise, Verdict};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::{Happening, OrderStatus, OrderView};
use wire::{OrderId, Qty};

/// What an open order's last event said of it.
#[derive(Clone, Copy, Debug)]
struct Open {
    qty: Qty,
    cum: Qty,
}

/// All open orders.
#[derive(Debug, Default)]
pub(crate) struct Fills {
    open: HashMap<OrderId, Open, FxBuildHasher>,
}

impl Fills {
    /// The next event.
    pub(crate) fn note(&mut self, number: u64, happening: &Happening<'_>, verdict: &mut Verdict) {
        let (view, filled, changed) = match happening {
            Happening::Accepted(accepted) => (accepted.order, Qty(0), Changed::Not),
            Happening::Filled(filled) => (filled.order, filled.last_qty, Changed::Not),
            Happening::Cancelled(cancelled) => (cancelled.order, Qty(0), Changed::Not),
            Happening::Triggered(triggered) => (triggered.order, Qty(0), Changed::Not),
            Happening::Restated(restated) => (restated.order, Qty(0), Changed::Less),
            Happening::Replaced(replaced) => (replaced.order, Qty(0), Changed::Any),
            _ => return,
        };
        let (order, now) = (view.order, Open { qty: { view.terms }.qty, cum: view.cum });
        if let Some(wrong) = wrong_alone(&view) {
            verdict.add(Promise::EventsSound, || format!("event {number} on order {order}: {wrong}"));
        }
        let before = match happening {
            Happening::Accepted(_) => Some(Open { qty: now.qty, cum: Qty(0) }),
            // A journal may have let its beginning go.
            _ => self.open.get(&order).copied(),
        };
        if let Some(wrong) = before.and_then(|before| wrong_after(before, now, filled, changed)) {
            verdict.add(Promise::EventsSound, || format!("event {number} on order {order}: {wrong}"));
        }
        if is_open(view.status) {
            self.open.insert(order, now);
        } else {
            self.open.remove(&order);
        }
    }
}

/// What an event may do to an order's quantity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Not,
    Less,
    Any,
}

const fn is_open(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::New | OrderStatus::PartiallyFilled)
}

/// What is wrong with an order as one event shows it.
fn wrong_alone(view: &OrderView) -> Option<String> {
    let (qty, cum, leaves) = ({ view.terms }.qty, view.cum, view.leaves);
    let expected = if is_open(view.status) { qty.0.checked_sub(cum.0) } else { Some(0) };
    (expected != Some(leaves.0) || cum > qty)
        .then(|| format!("of {qty} it is filled {cum} and open {leaves}, which does not add up"))
}

/// What is wrong with an order as it is now, since it was so before.
fn wrong_after(before: Open, now: Open, filled: Qty, changed: Changed) -> Option<String> {
    if now.cum.0 != before.cum.0.saturating_add(filled.0) {
        return Some(format!("it was filled {} and {filled} more, and now it is {}", before.cum, now.cum));
    }
    let fits = match changed {
        Changed::Not => now.qty == before.qty,
        Changed::Less => now.qty < before.qty,
        Changed::Any => true,
    };
    (!fits).then(|| format!("its quantity went from {} to {}", before.qty, now.qty))
}
