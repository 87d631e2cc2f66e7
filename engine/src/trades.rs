//! The last trades of the day, so that one can be busted or corrected.

use crate::accounts::HoldingId;
use memory::in_large_pages;
use wire::command::Side;
use wire::event::TradeSide;
use wire::{AccountId, ClOrdId, InstrumentId, Money, OrderId, Price, Qty, SessionId, TradeId};

/// What is kept of one side of a trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party {
    pub(crate) order: OrderId,
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) holding: HoldingId,
    pub(crate) cl_ord_id: ClOrdId,
    /// The rate of its fee, in millionths.
    pub(crate) rate: u32,
    pub(crate) fee: Money,
}

/// A trade as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade {
    pub(crate) trade: TradeId,
    pub(crate) instrument: InstrumentId,
    pub(crate) busted: bool,
    pub(crate) price: Price,
    pub(crate) qty: Qty,
    pub(crate) buyer: Party,
    pub(crate) seller: Party,
}

const _: () = assert!(size_of::<Trade>() == 160);

impl Trade {
    /// The trade as one side is told of it.
    pub(crate) fn seen_by(&self, side: Side) -> TradeSide {
        let party = match side {
            Side::Buy => &self.buyer,
            Side::Sell => &self.seller,
        };
        TradeSide {
            trade: self.trade,
            order: party.order,
            instrument: self.instrument,
            account: party.account,
            cl_ord_id: party.cl_ord_id,
            side,
            reserved: [0; 3],
            price: self.price,
            qty: self.qty,
            fee: party.fee,
        }
    }
}

/// A ring of trades: a new one takes the place of the oldest.
#[derive(Clone, Debug)]
pub(crate) struct Trades {
    ring: Vec<Trade>,
    limit: usize,
    /// The number of the last trade there was, kept or not.
    pub(crate) last: TradeId,
    /// Trades up to here belong to former days.
    pub(crate) before_today: TradeId,
}

impl Trades {
    /// Room for `limit` trades, made in advance.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = limit as usize;
        Self {
            ring: in_large_pages(Vec::with_capacity(limit)),
            limit,
            last: TradeId(0),
            before_today: TradeId(0),
        }
    }

    /// Touches all the room made in advance.
    pub(crate) fn prefault(&mut self) {
        let party = Party {
            order: OrderId(0),
            session: SessionId(0),
            account: AccountId(0),
            holding: HoldingId::NONE,
            cl_ord_id: ClOrdId::default(),
            rate: 0,
            fee: Money(0),
        };
        let none = Trade {
            trade: TradeId(0),
            instrument: InstrumentId(0),
            busted: true,
            price: Price(0),
            qty: Qty(0),
            buyer: party,
            seller: party,
        };
        let kept = self.ring.len();
        self.ring.resize(self.limit, none);
        self.ring.truncate(kept);
    }

    /// The number of the next trade.
    pub(crate) fn next(&self) -> TradeId {
        TradeId(self.last.0 + 1)
    }

    /// Keeps the next trade.
    pub(crate) fn keep(&mut self, trade: Trade) {
        assert!(trade.trade == self.next(), "trades are numbered without gaps");
        self.last = trade.trade;
        self.put(trade);
    }

    /// All that are kept of the day, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Trade> + Clone {
        let kept =
            u64::try_from(self.ring.len()).expect("below a u64").min(self.last.0 - self.before_today.0);
        (self.last.0 - kept..self.last.0).map(|before| &self.ring[self.place(TradeId(before + 1))])
    }

    /// Puts a trade back that was kept; `None` if it is none of the last ones of the day.
    pub(crate) fn put_back(&mut self, trade: Trade) -> Option<()> {
        let of_today = trade.trade > self.before_today && trade.trade <= self.last;
        if !of_today || self.last.0 - trade.trade.0 >= self.limit as u64 {
            return None;
        }
        self.put(trade);
        Some(())
    }

    /// Puts a trade into its place; those before it that are missing are none.
    fn put(&mut self, trade: Trade) {
        let at = self.place(trade.trade);
        if at >= self.ring.len() {
            self.ring.resize(at + 1, Trade { trade: TradeId(0), ..trade });
        }
        self.ring[at] = trade;
    }

    fn place(&self, trade: TradeId) -> usize {
        usize::try_from((trade.0 - 1) % self.limit as u64).expect("below a usize")
    }

    /// A trade of the day that is kept and was not busted.
    pub(crate) fn get_mut(&mut self, trade: TradeId) -> Option<&mut Trade> {
        if trade <= self.before_today || trade > self.last {
            return None;
        }
        let at = self.place(trade);
        self.ring.get_mut(at).filter(|kept| kept.trade == trade && !kept.busted)
    }

    /// No trade of the day can be changed any more.
    pub(crate) fn end_day(&mut self) {
        self.before_today = self.last;
    }
}
