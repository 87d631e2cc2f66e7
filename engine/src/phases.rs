//! The phases of trading: which follows which, and what becomes of the orders.

use crate::exchange::{Exchange, Turn};
use crate::orders::Place;
use book::Slot;
use wire::command::{Act, Phase, SetPhase, TimeInForce};
use wire::event::{PhaseChanged, RejectReason};
use wire::{CommandKind, InstrumentId};

/// Whether an instrument may go from one phase into another: the rulebook's table.
fn is_reachable(from: Phase, to: Phase) -> bool {
    use Phase::{Closed, ClosingAuction, Continuous, Halted, OpeningAuction, PreOpen};
    match from {
        Closed => matches!(to, PreOpen | OpeningAuction | Continuous | Halted),
        PreOpen => matches!(to, OpeningAuction | Continuous | Closed | Halted),
        OpeningAuction => matches!(to, Continuous | Closed | Halted),
        Continuous => matches!(to, ClosingAuction | Closed | Halted),
        ClosingAuction => matches!(to, Closed | Halted),
        Halted => to != Halted,
    }
}

impl Exchange {
    /// One instrument, or all that can, go into another phase.
    pub(crate) fn set_phase(&mut self, asked: &SetPhase, turn: &mut Turn<'_>) {
        let SetPhase { instrument, phase, act, .. } = *asked;
        let refused = if instrument != InstrumentId::ALL {
            match self.instruments.get(instrument).map(|instrument| instrument.market.phase) {
                None => Some(RejectReason::UnknownInstrument),
                Some(from) if !is_reachable(from, phase) => Some(RejectReason::PhaseNotReachable),
                Some(_) => {
                    self.change_phase(instrument, phase, act, turn);
                    None
                }
            }
        } else {
            let mut none = true;
            for number in 0..self.limits.instruments {
                let id = InstrumentId(number);
                let from = self.instruments.get(id).map(|instrument| instrument.market.phase);
                if from.is_some_and(|from| is_reachable(from, phase)) {
                    self.change_phase(id, phase, act, turn);
                    none = false;
                }
            }
            none.then_some(RejectReason::PhaseNotReachable)
        };
        if let Some(reason) = refused {
            refuse(CommandKind::SetPhase, reason, turn);
        }
    }

    fn change_phase(&mut self, id: InstrumentId, phase: Phase, act: Act, turn: &mut Turn<'_>) {
        let instrument = self.instruments.of_order(id);
        let before = std::mem::replace(&mut instrument.market.phase, phase);
        instrument.terms.phase = phase;
        turn.events.announce(&PhaseChanged { instrument: id, phase, before, reserved: [0; 2], act });
        match phase {
            Phase::Continuous => {
                self.uncross(id, turn);
                self.end_opening(id, turn);
                let instrument = *self.instruments.of_order(id);
                turn.traded = (instrument.last.0 != 0).then_some((instrument.last, instrument.last));
                self.activate_stops(&instrument.market, turn);
            }
            Phase::ClosingAuction => self.join_closing(id),
            Phase::Halted if before == Phase::ClosingAuction => self.leave_closing(id),
            Phase::Closed => {
                if before == Phase::ClosingAuction {
                    self.uncross(id, turn);
                }
                self.end_trading(id, turn);
            }
            Phase::Halted | Phase::PreOpen | Phase::OpeningAuction => {}
        }
    }

    /// Orders at the close that wait join the book, in the order in which they wait.
    fn join_closing(&mut self, id: InstrumentId) {
        let market = self.instruments.of_order(id).market;
        while let Some(level) = self.shelf.best(market.waiting()) {
            let slot = level.first();
            self.shelf.leave(slot);
            let order = self.shelf.order_mut(slot);
            order.place = Place::Book;
            let (side, limit) = (order.side(), order.limit);
            self.shelf.join(slot, market.book(side), market.key(limit));
        }
    }

    /// Orders at the close leave the book and wait again, in the order of their numbers.
    fn leave_closing(&mut self, id: InstrumentId) {
        let market = self.instruments.of_order(id).market;
        let levels = market.ladders().flat_map(|ladder| self.shelf.levels(ladder));
        let slots = levels.flat_map(|level| self.shelf.queue(level));
        let mut leaving: Vec<_> = slots
            .filter(|slot: &Slot| {
                let order = self.shelf.order(*slot);
                order.place == Place::Book && order.terms().time_in_force == TimeInForce::AtTheClose
            })
            .map(|slot| (self.shelf.order(slot).id(), slot))
            .collect();
        leaving.sort_unstable();
        for (_, slot) in leaving {
            self.shelf.leave(slot);
            self.shelf.order_mut(slot).place = Place::Waiting;
            self.shelf.join(slot, market.waiting(), 0);
        }
    }
}

/// Tells that an administrative command is refused.
pub(crate) fn refuse(kind: CommandKind, reason: RejectReason, turn: &mut Turn<'_>) {
    let body = wire::event::AdministrationRefused { kind: kind as u8, reason, reserved: [0; 6] };
    turn.events.announce(&body);
}
