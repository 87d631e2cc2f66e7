//! What ends many orders at once: mass cancels, the kill switch, expiry, a change of phase.

use crate::exchange::{Exchange, Turn};
use crate::orders::{Order, Place};
use wire::command::{MassCancel, MassScope, TimeInForce};
use wire::event::{CancelReason, MassCancelRejected, MassCancelled, RejectReason};
use wire::{ClOrdId, InstrumentId};

/// Where orders are looked for. Everywhere costs a look at every open order of the exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Among {
    Everywhere,
    Instrument(InstrumentId),
}

impl Exchange {
    /// Cancels every open order that the choice is for, in the order of their numbers; gives how many.
    pub(crate) fn cancel_all(
        &mut self,
        among: Among,
        turn: &mut Turn<'_>,
        choice: impl Fn(&Order) -> Option<CancelReason>,
    ) -> u32 {
        let mut chosen = std::mem::take(&mut self.scratch.chosen);
        match among {
            Among::Everywhere => {
                let picked = self.shelf.slots().filter(|(_, order)| choice(order).is_some());
                chosen.extend(picked.map(|(slot, order)| (order.id(), slot)));
            }
            Among::Instrument(id) => {
                let market = self.instruments.of_order(id).market;
                let levels = market.ladders().flat_map(|ladder| self.shelf.levels(ladder));
                let slots = levels.flat_map(|level| self.shelf.queue(level));
                let orders = slots.map(|slot| (slot, self.shelf.order(slot)));
                let picked = orders.filter(|(_, order)| choice(order).is_some());
                chosen.extend(picked.map(|(slot, order)| (order.id(), slot)));
            }
        }
        chosen.sort_unstable();
        for (_, slot) in &chosen {
            let reason = choice(self.shelf.order(*slot)).expect("chosen for a reason");
            self.cancel_open(*slot, reason, ClOrdId::default(), turn);
        }
        let count = u32::try_from(chosen.len()).expect("as many as orders at most");
        chosen.clear();
        self.scratch.chosen = chosen;
        count
    }

    /// A client's mass cancel: of its own orders only.
    pub(crate) fn mass_cancel(&mut self, asked: &MassCancel, turn: &mut Turn<'_>) {
        let MassCancel { session, client_seq, scope, instrument, account, cl_ord_id: request, .. } = *asked;
        let refused = if !self.sessions.hear(session, turn.from, client_seq) {
            Some(RejectReason::NotLoggedOn)
        } else {
            match scope {
                MassScope::Participant | MassScope::Everything => Some(RejectReason::UnsupportedOrder),
                MassScope::Instrument if self.instruments.get(instrument).is_none() => {
                    Some(RejectReason::UnknownInstrument)
                }
                MassScope::Session | MassScope::Instrument | MassScope::Account => None,
            }
        };
        if let Some(reason) = refused {
            let body = MassCancelRejected { request, scope, reason, reserved: [0; 2] };
            return self.tell(turn, session, &body);
        }
        let among = match scope {
            MassScope::Instrument => Among::Instrument(instrument),
            _ => Among::Everywhere,
        };
        let count = self.cancel_all(among, turn, |order| {
            let ours = order.session == session
                && match scope {
                    MassScope::Instrument => order.instrument() == instrument,
                    MassScope::Account => account == { order.view.account },
                    _ => true,
                };
            ours.then_some(CancelReason::MassCancel)
        });
        self.tell(turn, session, &MassCancelled { request, count, scope, reserved: [0; 7] });
    }

    /// Orders whose date has come, the earliest first.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some(next) = self.expiries.next().filter(|next| next.at <= turn.stamp) {
            self.cancel_open(next.slot, CancelReason::Expired, ClOrdId::default(), turn);
        }
    }

    /// What does not outlive the opening auction.
    pub(crate) fn end_opening(&mut self, id: InstrumentId, turn: &mut Turn<'_>) {
        self.cancel_all(Among::Instrument(id), turn, |order| {
            let ours = order.place == Place::Book;
            match order.terms().time_in_force {
                TimeInForce::AtTheOpen if ours => Some(CancelReason::AuctionRemainder),
                _ if ours && order.is_unpriced() => Some(CancelReason::NoLiquidity),
                _ => None,
            }
        });
    }

    /// What does not outlive the close: orders for the auctions, then those for the day, then market orders.
    pub(crate) fn end_trading(&mut self, id: InstrumentId, turn: &mut Turn<'_>) {
        let for_auctions = |time| matches!(time, TimeInForce::AtTheOpen | TimeInForce::AtTheClose);
        let for_the_day = |time| {
            matches!(time, TimeInForce::Day | TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill)
        };
        let among = Among::Instrument(id);
        self.cancel_all(among, turn, |order| {
            for_auctions(order.terms().time_in_force).then_some(CancelReason::AuctionRemainder)
        });
        self.cancel_all(among, turn, |order| {
            for_the_day(order.terms().time_in_force).then_some(CancelReason::Expired)
        });
        self.cancel_all(among, turn, |order| {
            (order.place == Place::Book && order.is_unpriced()).then_some(CancelReason::NoLiquidity)
        });
    }
}
