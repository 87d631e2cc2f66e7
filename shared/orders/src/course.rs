//! Where an order goes: the rulebook's answers that no event tells.

use wire::event::OrderView;
use wire::terms::{OrderType, Phase, Terms, TimeInForce};
use wire::{Price, Qty};

/// On which of its instrument's ladders an order stands, or would stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the book; or on its way through it, and never to rest there.
    Book,
    /// Among the stops that wait for their price.
    Stop,
    /// Among those that wait for the closing auction.
    Waiting,
}

/// Where a new order would stand.
pub(crate) fn first_place(phase: Phase, terms: &Terms) -> Place {
    if is_stop(terms) {
        Place::Stop
    } else if is_at_the_close(terms) && phase != Phase::ClosingAuction {
        Place::Waiting
    } else {
        Place::Book
    }
}

pub(crate) fn is_stop(terms: &Terms) -> bool {
    matches!(terms.order_type, OrderType::Stop | OrderType::StopLimit)
}

pub(crate) fn is_at_the_close(terms: &Terms) -> bool {
    terms.time_in_force == TimeInForce::AtTheClose
}

/// True for a market order, and for a stop that becomes one.
pub(crate) fn is_unpriced(terms: &Terms) -> bool {
    matches!(terms.order_type, OrderType::Market | OrderType::Stop)
}

/// Whether what is not matched at once rests in the book.
pub(crate) fn may_rest(phase: Phase, terms: &Terms) -> bool {
    let immediate = matches!(terms.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
    phase != Phase::Continuous || !(immediate || is_unpriced(terms))
}

/// Whether an order that is replaced keeps its place.
pub(crate) fn keeps_place(place: Place, was: &Terms, is: &Terms) -> bool {
    let standing = |terms: &Terms| match place {
        Place::Book | Place::Waiting => (terms.price, terms.display),
        Place::Stop => (terms.stop_price, Qty(0)),
    };
    standing(was) == standing(is) && { is.qty } < { was.qty }
}

/// What the collar of an order without a limit is measured from.
pub(crate) fn base(terms: &Terms, reference: Price) -> Price {
    if is_stop(terms) { terms.stop_price } else { reference }
}

/// What an order shows when it comes to rest, or again when that is filled.
pub(crate) fn showing(view: &OrderView) -> Qty {
    let (display, leaves) = ({ view.terms }.display, view.leaves);
    if display == Qty(0) { leaves } else { display.min(leaves) }
}
