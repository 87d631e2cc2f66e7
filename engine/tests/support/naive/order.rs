//! An open order of the model, and what it asks for in plain numbers.

use wire::command::{OrderType, PostOnly, SelfTrade, Side, Terms, TimeInForce};
use wire::event::{OrderStatus, OrderView};
use wire::{AccountId, ClOrdId, InstrumentId, Nanos, Notional, OrderId, Price, Qty, SessionId};

/// The terms of an order without the packing of the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    pub(super) kind: OrderType,
    pub(super) tif: TimeInForce,
    pub(super) self_trade: SelfTrade,
    pub(super) post_only: bool,
    pub(super) price: i64,
    pub(super) qty: u64,
    pub(super) stop: i64,
    pub(super) display: u64,
    pub(super) min: u64,
    pub(super) expire: u64,
}

impl Ask {
    /// As asked.
    pub(super) fn of(terms: &Terms) -> Self {
        Self {
            instrument: terms.instrument,
            side: terms.side,
            kind: terms.order_type,
            tif: terms.time_in_force,
            self_trade: terms.self_trade,
            post_only: terms.post_only == PostOnly::Yes,
            price: { terms.price }.0,
            qty: { terms.qty }.0,
            stop: { terms.stop_price }.0,
            display: { terms.display }.0,
            min: { terms.min_qty }.0,
            expire: { terms.expire }.0,
        }
    }

    /// Without what does not belong to its type or time in force.
    pub(super) fn normal(self) -> Self {
        Self {
            price: if self.has_limit() { self.price } else { 0 },
            stop: if self.is_stop() { self.stop } else { 0 },
            expire: if self.tif == TimeInForce::GoodTillDate { self.expire } else { 0 },
            ..self
        }
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            instrument: self.instrument,
            side: self.side,
            order_type: self.kind,
            time_in_force: self.tif,
            self_trade: self.self_trade,
            post_only: if self.post_only { PostOnly::Yes } else { PostOnly::No },
            reserved: [0; 3],
            price: Price(self.price),
            qty: Qty(self.qty),
            stop_price: Price(self.stop),
            display: Qty(self.display),
            min_qty: Qty(self.min),
            expire: Nanos(self.expire),
        }
    }

    pub(super) fn has_limit(&self) -> bool {
        matches!(self.kind, OrderType::Limit | OrderType::StopLimit)
    }

    pub(super) fn is_stop(&self) -> bool {
        matches!(self.kind, OrderType::Stop | OrderType::StopLimit)
    }

    pub(super) fn is_immediate(&self) -> bool {
        matches!(self.tif, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill)
    }

    /// The table "what goes together" (§2).
    pub(super) fn goes_together(&self) -> bool {
        use OrderType::{Limit, Market, Stop, StopLimit};
        use TimeInForce::{
            AtTheClose, AtTheOpen, Day, FillOrKill, GoodTillCancel, GoodTillDate, ImmediateOrCancel,
        };
        let (tif, shows, post, min) = (self.tif, self.display != 0, self.post_only, self.min != 0);
        match self.kind {
            Market => {
                tif != GoodTillDate
                    && !shows
                    && !post
                    && (!min || matches!(tif, Day | GoodTillCancel | ImmediateOrCancel))
            }
            Limit => {
                (!shows || !matches!(tif, ImmediateOrCancel | FillOrKill))
                    && (!post || (matches!(tif, Day | GoodTillCancel | GoodTillDate) && !min))
                    && (!min || matches!(tif, Day | GoodTillCancel | GoodTillDate | ImmediateOrCancel))
            }
            Stop => !matches!(tif, AtTheOpen | AtTheClose) && !shows && !post && !min,
            StopLimit => {
                !matches!(tif, AtTheOpen | AtTheClose)
                    && (!shows || !matches!(tif, ImmediateOrCancel | FillOrKill))
                    && !post
                    && !min
            }
        }
    }
}

/// Where an open order is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// In the book (or about to be matched).
    Book,
    /// Asleep until its stop price.
    Stop,
    /// Waits for the closing auction.
    Waiting,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) session: SessionId,
    /// The session's participant when it came.
    pub(super) participant: u32,
    pub(super) account: u32,
    pub(super) name: ClOrdId,
    pub(super) ask: Ask,
    /// The worst price that it accepts: its limit or protection price.
    pub(super) limit: i64,
    pub(super) cum: u64,
    pub(super) notional: u128,
    /// How much of what is open the book shows.
    pub(super) shown: u64,
    pub(super) place: Place,
    /// Its age in its place.
    pub(super) rank: u64,
    /// It was a stop and is none any more.
    pub(super) activated: bool,
}

impl Order {
    pub(super) fn leaves(&self) -> u64 {
        self.ask.qty - self.cum
    }

    pub(super) fn is_at(&self, instrument: InstrumentId, side: Side, place: Place) -> bool {
        self.ask.instrument == instrument && self.ask.side == side && self.place == place
    }

    pub(super) fn accepts(&self, price: i64) -> bool {
        match self.ask.side {
            Side::Buy => self.limit >= price,
            Side::Sell => self.limit <= price,
        }
    }

    /// Shows as much as it may.
    pub(super) fn show(&mut self) {
        let all = self.leaves();
        self.shown = if self.ask.display == 0 { all } else { all.min(self.ask.display) };
    }

    pub(super) fn view(&self) -> OrderView {
        let status = match (self.leaves(), self.cum) {
            (0, _) => OrderStatus::Filled,
            (_, 0) => OrderStatus::New,
            _ => OrderStatus::PartiallyFilled,
        };
        OrderView {
            order: OrderId(self.id),
            terms: self.ask.terms(),
            status,
            reserved: [0; 3],
            cum: Qty(self.cum),
            leaves: Qty(self.leaves()),
            notional: Notional(self.notional),
            cl_ord_id: self.name,
            account: AccountId(self.account),
        }
    }
}
