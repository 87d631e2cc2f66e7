//! What supervisors of the market do: cancels for others, the kill switch, busts and corrections, the end of the day.

use crate::exchange::{Exchange, Turn};
use crate::many::Among;
use crate::names::Fate;
use crate::phases::refuse;
use crate::trades::Trade;
use wire::command::{
    Act, BustTrade, CancelFor, CorrectTrade, EndDay, MassCancelFor, MassScope, Phase, SetTrading, Side,
    Trading,
};
use wire::event::{
    CancelReason, DayEnded, MassCancelledFor, RejectReason, TradeBusted, TradeCorrected, TradingChanged,
};
use wire::terms::{MAX_PRICE, MAX_QTY};
use wire::{ClOrdId, CommandKind, InstrumentId, Price, Qty};

impl Exchange {
    /// One order, by its owner's name for it.
    pub(crate) fn cancel_for(&mut self, asked: &CancelFor, turn: &mut Turn<'_>) {
        let CancelFor { session, cl_ord_id, act } = *asked;
        let found = self.names.find(&self.names.key(session, cl_ord_id));
        let slot = match found.map(|name| self.names.get(name).fate) {
            Some(Fate::Open(slot)) => slot,
            Some(Fate::Done(_)) => return refuse(CommandKind::CancelFor, RejectReason::TooLate, turn),
            Some(Fate::Spent) | None => {
                return refuse(CommandKind::CancelFor, RejectReason::UnknownOrder, turn);
            }
        };
        self.cancel_open(slot, CancelReason::Operator, ClOrdId::default(), turn);
        tell_count(MassScope::Session, session.0, 1, act, turn);
    }

    /// Many orders, whoever's they are.
    pub(crate) fn mass_cancel_for(&mut self, asked: &MassCancelFor, turn: &mut Turn<'_>) {
        let MassCancelFor { scope, subject, act, .. } = *asked;
        let among = match scope {
            MassScope::Instrument if self.instruments.get(InstrumentId(subject)).is_none() => {
                return tell_count(scope, subject, 0, act, turn);
            }
            MassScope::Instrument => Among::Instrument(InstrumentId(subject)),
            _ => Among::Everywhere,
        };
        let count = self.cancel_all(among, turn, |order| {
            let meant = match scope {
                MassScope::Session => order.session.0 == subject,
                MassScope::Instrument | MassScope::Everything => true,
                MassScope::Account => { order.view.account }.0 == subject,
                MassScope::Participant => order.participant.0 == subject,
            };
            meant.then_some(CancelReason::Operator)
        });
        tell_count(scope, subject, count, act, turn);
    }

    /// The kill switch.
    pub(crate) fn set_trading(&mut self, asked: &SetTrading, turn: &mut Turn<'_>) {
        let SetTrading { participant, trading, act, .. } = *asked;
        if let Err(reason) = self.accounts.set_trading(participant, trading) {
            return refuse(CommandKind::SetTrading, reason, turn);
        }
        if trading == Trading::Stopped {
            self.cancel_all(Among::Everywhere, turn, |order| {
                (order.participant == participant).then_some(CancelReason::ParticipantStopped)
            });
        }
        turn.events.announce(&TradingChanged { participant, trading, reserved: [0; 3], act });
    }

    /// A trade is undone.
    pub(crate) fn bust_trade(&mut self, asked: &BustTrade, turn: &mut Turn<'_>) {
        let BustTrade { trade, act } = *asked;
        let Some(kept) = self.trades.get_mut(trade) else {
            return refuse(CommandKind::BustTrade, RejectReason::UnknownTrade, turn);
        };
        kept.busted = true;
        let was = *kept;
        self.rebook(&was, true);
        for side in [Side::Buy, Side::Sell] {
            let body = TradeBusted { trade: was.seen_by(side), act };
            self.tell(turn, session(&was, side), &body);
        }
    }

    /// A trade is undone, and done again as it should have been.
    pub(crate) fn correct_trade(&mut self, asked: &CorrectTrade, turn: &mut Turn<'_>) {
        let CorrectTrade { trade, price, qty, act } = *asked;
        let Some(kept) = self.trades.get_mut(trade) else {
            return refuse(CommandKind::CorrectTrade, RejectReason::UnknownTrade, turn);
        };
        let was = *kept;
        let market = self.instruments.of_order(was.instrument).market;
        let priced = (Price(1)..=MAX_PRICE).contains(&price) && price.0 % market.tick == 0;
        let sized = (Qty(1)..=MAX_QTY).contains(&qty) && qty.0.is_multiple_of(market.lot);
        if !priced || !sized {
            return refuse(CommandKind::CorrectTrade, RejectReason::OutOfRange, turn);
        }
        self.rebook(&was, true);
        let mut is = Trade { price, qty, ..was };
        (is.buyer.fee, is.seller.fee) = self.rebook(&is, false);
        if let Some(kept) = self.trades.get_mut(trade) {
            *kept = is;
        }
        for side in [Side::Buy, Side::Sell] {
            let body = TradeCorrected { trade: is.seen_by(side), act };
            self.tell(turn, session(&is, side), &body);
        }
    }

    /// Both sides of a trade in money, shares and fees; gives the buyer's fee and the seller's.
    fn rebook(&mut self, trade: &Trade, undo: bool) -> (wire::Money, wire::Money) {
        let market = self.instruments.of_order(trade.instrument).market;
        let deal = (trade.price, trade.qty);
        let Trade { buyer, seller, .. } = trade;
        let bought = self.accounts.rebook(&market, buyer.holding, Side::Buy, deal, buyer.rate, undo);
        let sold = self.accounts.rebook(&market, seller.holding, Side::Sell, deal, seller.rate, undo);
        (bought, sold)
    }

    /// The trading day is over.
    pub(crate) fn end_day(&mut self, asked: &EndDay, turn: &mut Turn<'_>) {
        if self.instruments.iter().any(|instrument| instrument.market.phase != Phase::Closed) {
            return refuse(CommandKind::EndDay, RejectReason::MarketNotClosed, turn);
        }
        self.accounts.end_day();
        self.trades.end_day();
        let shelf = &mut self.shelf;
        self.names.end_day(|slot, name| shelf.order_mut(slot).name = name);
        turn.events.announce(&DayEnded { act: asked.act });
    }
}

fn session(trade: &Trade, side: Side) -> wire::SessionId {
    match side {
        Side::Buy => trade.buyer.session,
        Side::Sell => trade.seller.session,
    }
}

fn tell_count(scope: MassScope, subject: u32, count: u32, act: Act, turn: &mut Turn<'_>) {
    let body = MassCancelledFor { scope, reserved: [0; 3], subject, count, reserved2: [0; 4], act };
    turn.events.announce(&body);
}
