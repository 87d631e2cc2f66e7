//! The executions of the day: each with both of its sides, and what became of it later.

use crate::Fault;
use std::collections::VecDeque;
use wire::event::{Filled, Liquidity, TradeSide};
use wire::terms::Side;
use wire::{AccountId, ClOrdId, InstrumentId, Money, OrderId, Price, Qty, SessionId, TradeId};

/// One side of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// The order on this side.
    pub order: OrderId,
    /// Whose it is.
    pub session: SessionId,
    /// For whose account.
    pub account: AccountId,
    /// The order's name, as it was then.
    pub cl_ord_id: ClOrdId,
    /// The fee as it is now.
    pub fee: Money,
    /// How it came to the match.
    pub liquidity: Liquidity,
}

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    /// It stands as it was done.
    Done,
    /// It was put right.
    Corrected,
    /// It was undone; price, quantity and fees are those of before.
    Busted,
}

/// A match as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its number.
    pub trade: TradeId,
    /// What was traded.
    pub instrument: InstrumentId,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Who bought; `None` until that side is told.
    pub buyer: Option<Party>,
    /// Who sold; `None` until that side is told.
    pub seller: Option<Party>,
    /// What became of it.
    pub standing: ExecutionState,
}

impl Execution {
    /// One of its sides.
    #[must_use]
    pub fn party(&self, side: Side) -> Option<&Party> {
        match side {
            Side::Buy => self.buyer.as_ref(),
            Side::Sell => self.seller.as_ref(),
        }
    }

    fn party_mut(&mut self, side: Side) -> &mut Option<Party> {
        match side {
            Side::Buy => &mut self.buyer,
            Side::Sell => &mut self.seller,
        }
    }
}

/// The last executions of the day, without gaps in their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Executions {
    kept: VecDeque<Execution>,
    limit: usize,
    /// The number of the next trade.
    next: TradeId,
    /// The first trade of the day.
    today: TradeId,
    /// The order that must be told as the other side of the last trade.
    owed: Option<OrderId>,
}

impl Executions {
    pub(crate) fn new(limit: u32) -> Self {
        let limit = limit.max(1) as usize;
        Self {
            kept: VecDeque::with_capacity(limit + 1),
            limit,
            next: TradeId(1),
            today: TradeId(1),
            owed: None,
        }
    }

    pub(crate) fn get(&self, trade: TradeId) -> Option<&Execution> {
        self.place(trade).map(|place| &self.kept[place])
    }

    /// The ones that are kept, by number.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Execution> {
        self.kept.iter()
    }

    fn place(&self, trade: TradeId) -> Option<usize> {
        let first = self.kept.front()?.trade;
        let place = usize::try_from(trade.0.checked_sub(first.0)?).ok()?;
        (place < self.kept.len()).then_some(place)
    }

    /// Whether the other side of the last trade was told.
    pub(crate) fn are_whole(&self) -> Result<(), Fault> {
        if self.owed.is_none() { Ok(()) } else { Err(Fault::HalfTrade(TradeId(self.next.0 - 1))) }
    }

    /// Whether the fill is the first side of the next trade, or the other side of the last one.
    pub(crate) fn expects(&self, body: &Filled) -> Result<(), Fault> {
        let (found, view) = (body.trade, body.order);
        let Some(owed) = self.owed else {
            let expected = self.next;
            return if found == expected { Ok(()) } else { Err(Fault::TradeGap { expected, found }) };
        };
        self.are_whole().or_else(|half| {
            let last = self.kept.back().filter(|last| last.trade == found).ok_or(half)?;
            let first = last.party(view.terms.side.opposite());
            let agree = { view.order } == owed
                && first.is_some_and(|first| first.order == { body.contra })
                && (last.instrument, last.price, last.qty)
                    == (view.terms.instrument, body.last_price, body.last_qty);
            if agree { Ok(()) } else { Err(Fault::TradeDiffers(found)) }
        })
    }

    /// Takes in a side that was expected.
    pub(crate) fn note(&mut self, session: SessionId, body: &Filled) {
        let view = body.order;
        let party = Party {
            order: view.order,
            session,
            account: view.account,
            cl_ord_id: view.cl_ord_id,
            fee: body.fee,
            liquidity: body.liquidity,
        };
        let side = view.terms.side;
        if self.owed.take().is_some() {
            if let Some(last) = self.kept.back_mut() {
                *last.party_mut(side) = Some(party);
            }
            return;
        }
        let mut execution = Execution {
            trade: body.trade,
            instrument: view.terms.instrument,
            price: body.last_price,
            qty: body.last_qty,
            buyer: None,
            seller: None,
            standing: ExecutionState::Done,
        };
        *execution.party_mut(side) = Some(party);
        if self.kept.len() == self.limit {
            self.kept.pop_front();
        }
        self.kept.push_back(execution);
        self.next.0 += 1;
        self.owed = Some(body.contra);
    }

    /// Whether a trade can be changed so, where it is still known.
    pub(crate) fn expects_change(
        &self,
        session: SessionId,
        told: &TradeSide,
        becomes: ExecutionState,
    ) -> Result<(), Fault> {
        let trade = told.trade;
        if trade < self.today || trade >= self.next {
            return Err(Fault::UnknownTrade(trade));
        }
        let Some(kept) = self.get(trade) else { return Ok(()) };
        // Both sides are told: to the second one it has become so already.
        let second = told.side == Side::Sell;
        if kept.standing == ExecutionState::Busted && !(second && becomes == ExecutionState::Busted) {
            return Err(Fault::UnknownTrade(trade));
        }
        let settled = becomes == ExecutionState::Busted || second;
        let terms = (kept.price, kept.qty) == (told.price, told.qty) || !settled;
        let party = kept.party(told.side).is_some_and(|party| {
            (party.order, party.session, party.account, party.cl_ord_id)
                == (told.order, session, told.account, told.cl_ord_id)
        });
        if terms && party && kept.instrument == { told.instrument } {
            Ok(())
        } else {
            Err(Fault::TradeDiffers(trade))
        }
    }

    /// Takes in a change that was expected.
    pub(crate) fn change(&mut self, told: &TradeSide, becomes: ExecutionState) {
        let Some(place) = self.place(told.trade) else { return };
        let kept = &mut self.kept[place];
        kept.standing = becomes;
        if becomes == ExecutionState::Corrected {
            (kept.price, kept.qty) = (told.price, told.qty);
            if let Some(party) = kept.party_mut(told.side) {
                party.fee = told.fee;
            }
        }
    }

    /// No trade of the day can be changed any more.
    pub(crate) fn end_day(&mut self) {
        self.kept.clear();
        self.today = self.next;
    }
}
