//! §7 and §8: what is withheld, paid and delivered, and what an account may do. Open quantities and withheld money are
//! summed up from the open orders each time.

use super::order::Order;
use super::trading::{Party, Trade};
use super::{Fault, Model, Position};
use wire::command::{Act, BustTrade, Checks, CorrectTrade, RiskLimits, Side};
use wire::event::{Liquidity, RejectReason, TradeBusted, TradeCorrected, TradeSide};
use wire::{AccountId, CurrencyId, InstrumentId, Money, Price, Qty, TradeId};

impl Model {
    pub(super) fn checks(&self, instrument: InstrumentId) -> Checks {
        self.instruments[&instrument.0].terms.checks
    }

    /// Price × quantity in the currency's unit; in price units where no currency is named.
    pub(super) fn value(&self, instrument: InstrumentId, price: i64, qty: u64) -> i128 {
        let terms = &self.instruments[&instrument.0].terms;
        let plain = i128::from(price) * i128::from(qty);
        match self.currencies.get(&{ terms.currency }.0) {
            Some((decimals, _)) => plain * 10i128.pow(u32::from(decimals - terms.price_decimals)),
            None => plain,
        }
    }

    /// value × rate / 1,000,000, rounded down, without overflow.
    fn part(&self, value: i128, rate: u32) -> i128 {
        let (whole, rest) = (value / 1_000_000, value % 1_000_000);
        let up = if self.fault == Some(Fault::FeeRoundedUp) { 999_999 } else { 0 };
        whole * i128::from(rate) + (rest * i128::from(rate) + up) / 1_000_000
    }

    /// The fee of a fill; 0 where funds are not checked.
    pub(super) fn fee(&self, instrument: InstrumentId, role: Liquidity, price: i64, qty: u64) -> i128 {
        let terms = &self.instruments[&instrument.0].terms;
        if terms.checks != Checks::Funds {
            return 0;
        }
        let rate = if role == Liquidity::Maker { terms.maker_fee } else { terms.taker_fee };
        self.part(self.value(instrument, price, qty), rate)
    }

    /// What an open buy of this quantity withholds.
    pub(super) fn needs(&self, instrument: InstrumentId, price: i64, qty: u64) -> i128 {
        let terms = &self.instruments[&instrument.0].terms;
        let value = self.value(instrument, price, qty);
        value + self.part(value, { terms.maker_fee }.max(terms.taker_fee))
    }

    /// A planted fault: what a cancelled buy has withheld is lost.
    pub(super) fn leak(&mut self, order: &Order) {
        let instrument = order.ask.instrument;
        if self.fault == Some(Fault::WithheldNotReleased)
            && order.ask.side == Side::Buy
            && self.checks(instrument) == Checks::Funds
        {
            let currency = { self.instruments[&instrument.0].terms.currency }.0;
            let lost = self.needs(instrument, order.limit, order.leaves());
            *self.leaked.entry((order.account, currency)).or_default() += lost;
        }
    }

    fn withheld(&self, account: u32, currency: u16) -> i128 {
        let open: i128 = self
            .orders
            .iter()
            .filter(|o| o.account == account && o.ask.side == Side::Buy)
            .filter(|o| {
                let terms = &self.instruments[&o.ask.instrument.0].terms;
                terms.checks == Checks::Funds && { terms.currency }.0 == currency
            })
            .map(|o| self.needs(o.ask.instrument, o.limit, o.leaves()))
            .sum();
        open + self.leaked.get(&(account, currency)).copied().unwrap_or(0)
    }

    /// Available, and withheld.
    pub fn cash(&self, account: AccountId, currency: CurrencyId) -> (Money, Money) {
        let all = self.money.get(&(account.0, currency.0)).copied().unwrap_or(0);
        let withheld = self.withheld(account.0, currency.0);
        (Money(all - withheld), Money(withheld))
    }

    /// What an account has in an instrument; nothing where nothing is kept.
    pub fn holding(&self, account: AccountId, instrument: InstrumentId) -> Position {
        let key = (account.0, instrument.0);
        let mut holding = Position {
            position: self.positions.get(&key).copied().unwrap_or(0),
            day_volume: self.volumes.get(&key).copied().unwrap_or(0),
            ..Position::default()
        };
        if !self.instruments.contains_key(&instrument.0) || self.checks(instrument) == Checks::None {
            return holding;
        }
        for o in self.orders.iter().filter(|o| (o.account, o.ask.instrument) == (account.0, instrument)) {
            holding.open_orders += 1;
            match o.ask.side {
                Side::Buy => holding.open_buys += o.leaves(),
                Side::Sell => holding.open_sells += o.leaves(),
            }
        }
        holding
    }

    /// The fees that the exchange has taken.
    pub fn collected(&self, currency: CurrencyId) -> Money {
        Money(self.collected.get(&currency.0).copied().unwrap_or(0))
    }

    /// The limits that an account has in an instrument.
    fn limits_of(&self, account: u32, instrument: InstrumentId) -> RiskLimits {
        let own = self.risk.get(&(account, instrument.0));
        own.or_else(|| self.risk.get(&(account, InstrumentId::ALL.0))).copied().unwrap_or_default()
    }

    /// Checks 17 and 18. `order` is as it would be, `old` as it is if it is replaced.
    pub(super) fn allowed(&self, order: &Order, old: Option<&Order>) -> Result<(), RejectReason> {
        let instrument = order.ask.instrument;
        let checks = self.checks(instrument);
        if checks == Checks::None {
            return Ok(());
        }
        let limits = self.limits_of(order.account, instrument);
        let over = |amount: i128, limit: i128| limit != 0 && amount > limit;
        let held = self.holding(AccountId(order.account), instrument);
        let (mut buys, mut sells) = (i128::from(held.open_buys), i128::from(held.open_sells));
        if let Some(old) = old {
            match old.ask.side {
                Side::Buy => buys -= i128::from(old.leaves()),
                Side::Sell => sells -= i128::from(old.leaves()),
            }
        }
        let qty = i128::from(order.leaves());
        if over(i128::from(order.ask.qty), i128::from({ limits.order_qty }.0)) {
            return Err(RejectReason::OrderQtyLimit);
        }
        if over(self.value(instrument, order.limit, order.ask.qty), { limits.order_value }.0) {
            return Err(RejectReason::OrderValueLimit);
        }
        let (mut long, mut short) = (held.position + buys, held.position - sells);
        if self.fault == Some(Fault::PositionLimitForgetsOpenOrders) {
            (long, short) = (held.position, held.position);
        }
        let reach = match order.ask.side {
            Side::Buy => long + qty,
            Side::Sell => -(short - qty),
        };
        if over(reach, i128::from({ limits.position }.0)) {
            return Err(RejectReason::PositionLimit);
        }
        if over(i128::from(held.day_volume) + buys + sells + qty, i128::from({ limits.day_volume }.0)) {
            return Err(RejectReason::DayVolumeLimit);
        }
        if old.is_none() && over(i128::from(held.open_orders) + 1, i128::from(limits.open_orders)) {
            return Err(RejectReason::OpenOrdersLimit);
        }
        if checks == Checks::Funds {
            let (before, currency) =
                (old.map_or(0, Order::leaves), self.instruments[&instrument.0].terms.currency);
            match order.ask.side {
                Side::Buy => {
                    let now = self.needs(instrument, order.limit, order.leaves());
                    let withheld = old.map_or(0, |old| self.needs(instrument, old.limit, before));
                    if now - withheld > self.cash(AccountId(order.account), currency).0.0 {
                        return Err(RejectReason::InsufficientFunds);
                    }
                }
                Side::Sell => {
                    if qty - i128::from(before) > held.position - i128::from(held.open_sells) {
                        return Err(RejectReason::InsufficientShares);
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves money and shares of a trade: `way` is 1 to do it, -1 to undo it.
    pub(super) fn settle(&mut self, trade: &Trade, way: i128) {
        let checks = self.checks(trade.instrument);
        if checks == Checks::None {
            return;
        }
        let (buyer, seller) = (trade.buyer.account.0, trade.seller.account.0);
        let qty = i128::from(trade.qty) * way;
        *self.positions.entry((buyer, trade.instrument.0)).or_default() += qty;
        *self.positions.entry((seller, trade.instrument.0)).or_default() -= qty;
        if checks == Checks::Funds {
            let currency = { self.instruments[&trade.instrument.0].terms.currency }.0;
            let value = self.value(trade.instrument, trade.price, trade.qty);
            let kept = way == -1 && self.fault == Some(Fault::BustKeepsTheFee);
            let fees = if kept { [0, 0] } else { [trade.buyer.fee, trade.seller.fee] };
            *self.money.entry((buyer, currency)).or_default() -= (value + fees[0]) * way;
            *self.money.entry((seller, currency)).or_default() += (value - fees[1]) * way;
            *self.collected.entry(currency).or_default() += (fees[0] + fees[1]) * way;
        }
    }

    pub(super) fn count_volume(&mut self, trade: &Trade) {
        if self.checks(trade.instrument) != Checks::None && self.fault != Some(Fault::DayVolumeNotCounted) {
            for account in [trade.buyer.account.0, trade.seller.account.0] {
                *self.volumes.entry((account, trade.instrument.0)).or_default() += trade.qty;
            }
        }
    }

    fn trade_side(trade: &Trade, party: &Party, side: Side) -> TradeSide {
        TradeSide {
            trade: TradeId(trade.id),
            order: party.order,
            instrument: trade.instrument,
            account: party.account,
            cl_ord_id: party.name,
            side,
            reserved: [0; 3],
            price: Price(trade.price),
            qty: Qty(trade.qty),
            fee: Money(party.fee),
        }
    }

    pub(super) fn bust(&mut self, c: &BustTrade) {
        let Some(at) = self.trades.iter().position(|t| t.id == { c.trade }.0 && !t.undone) else {
            return self.refuse(0x4C, RejectReason::UnknownTrade);
        };
        self.trades[at].undone = true;
        let trade = self.trades[at];
        self.settle(&trade, -1);
        let act: Act = c.act;
        for (party, side) in [(trade.buyer, Side::Buy), (trade.seller, Side::Sell)] {
            self.tell(party.session, TradeBusted { trade: Self::trade_side(&trade, &party, side), act });
        }
    }

    pub(super) fn correct(&mut self, c: &CorrectTrade) {
        let Some(at) = self.trades.iter().position(|t| t.id == { c.trade }.0 && !t.undone) else {
            return self.refuse(0x4D, RejectReason::UnknownTrade);
        };
        let (price, qty, mut trade) = ({ c.price }.0, { c.qty }.0, self.trades[at]);
        let terms = &self.instruments[&trade.instrument.0].terms;
        let prices = (1..=1 << 40).contains(&price) && price % { terms.tick }.0 == 0;
        let qtys = (1..=1 << 40).contains(&qty) && qty % { terms.lot }.0 == 0;
        if !prices || !qtys {
            return self.refuse(0x4D, RejectReason::OutOfRange);
        }
        self.settle(&trade, -1);
        (trade.price, trade.qty) = (price, qty);
        trade.buyer.fee = self.fee(trade.instrument, trade.buyer.liquidity, price, qty);
        trade.seller.fee = self.fee(trade.instrument, trade.seller.liquidity, price, qty);
        self.settle(&trade, 1);
        self.trades[at] = trade;
        let act: Act = c.act;
        for (party, side) in [(trade.buyer, Side::Buy), (trade.seller, Side::Sell)] {
            self.tell(party.session, TradeCorrected { trade: Self::trade_side(&trade, &party, side), act });
        }
    }
}
