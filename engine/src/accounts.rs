//! Who owns what: participants, accounts, money by currency, holdings by instrument. What open orders need is withheld;
//! nothing can be spent twice, and nothing appears or disappears.

use crate::index::Index;
use crate::instruments::Market;
use crate::limits::{Limits, MAX_CURRENCY_DECIMALS, MAX_MONEY, MAX_SHARES};
use memory::in_large_pages;
use wire::command::{Checks, RiskLimits, Side, Trading};
use wire::event::RejectReason;
use wire::{AccountId, CurrencyCode, CurrencyId, InstrumentId, Money, ParticipantId, Price, Qty};

/// The place of an account's holding in an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HoldingId(u32);

impl HoldingId {
    /// No holding: nothing is checked.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// The one of this number.
    pub(crate) fn of_number(number: u32) -> Self {
        Self(number)
    }

    /// Its number, in the order of their making.
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

/// An account's money in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cash {
    /// What it can spend or withdraw; below zero only after a bust or a correction.
    pub available: Money,
    /// What is withheld for its open buys.
    pub withheld: Money,
}

/// What an account has and does in one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holding {
    /// Shares, what is withheld for open sells included; below zero where nothing stops a short sale.
    pub position: i128,
    /// The open quantity of its buys.
    pub open_buys: Qty,
    /// The open quantity of its sells; withheld where funds are checked.
    pub open_sells: Qty,
    /// Bought and sold since the day began.
    pub day_volume: u64,
    /// How many orders are open.
    pub open_orders: u32,
}

/// A currency as it was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) decimals: u8,
    pub(crate) code: CurrencyCode,
    /// What was paid in less what was paid out.
    pub(crate) moved: Money,
    /// The fees that the exchange took.
    pub(crate) collected: Money,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) participant: ParticipantId,
    /// For every instrument without limits of its own.
    pub(crate) limits: RiskLimits,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Row {
    pub(crate) holding: Holding,
    pub(crate) account: AccountId,
    pub(crate) instrument: InstrumentId,
    pub(crate) limits: Option<RiskLimits>,
}

/// All of it, dense by number; holdings in the order of their first use.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    pub(crate) participants: Vec<Option<Trading>>,
    pub(crate) accounts: Vec<Option<Account>>,
    pub(crate) currencies: Vec<Option<Currency>>,
    /// By account, then currency.
    pub(crate) cash: Vec<Cash>,
    pub(crate) rows: Vec<Row>,
    index: Index,
    holdings: usize,
    /// By instrument: shares paid in less shares paid out.
    pub(crate) shares: Vec<i128>,
}

/// What an order leaves open, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    pub(crate) holding: HoldingId,
    pub(crate) side: Side,
    /// The worst price that it can trade at.
    pub(crate) limit: Price,
}

/// Price times quantity in the currency's unit.
pub(crate) fn value(market: &Market, price: Price, qty: Qty) -> i128 {
    let notional = u128::from(price.0.unsigned_abs()) * u128::from(qty.0);
    let value = if market.scale == 1 { notional } else { notional * u128::from(market.scale) };
    i128::try_from(value).expect("asserted with the limits: the value of an order is an i128")
}

/// This many millionths of a value, rounded down.
pub(crate) fn fee(value: i128, rate: u32) -> i128 {
    const MILLION: u64 = 1_000_000;
    if rate == 0 {
        return 0;
    }
    let rate = u64::from(rate);
    match u64::try_from(value) {
        // Whole millions first, so that the product stays within 64 bits and needs no long division.
        Ok(value) => i128::from(value / MILLION * rate + value % MILLION * rate / MILLION),
        Err(_) => value * i128::from(rate) / i128::from(MILLION),
    }
}

/// What is withheld for an open buy of this quantity.
pub(crate) fn needed(market: &Market, limit: Price, qty: Qty) -> i128 {
    if qty == Qty(0) {
        return 0;
    }
    let value = value(market, limit, qty);
    value + fee(value, market.maker_fee.max(market.taker_fee))
}

impl Accounts {
    /// Nobody; room as the limits say.
    pub(crate) fn new(limits: &Limits) -> Self {
        let holdings = limits.holdings as usize;
        Self {
            participants: vec![None; limits.participants as usize],
            accounts: vec![None; limits.accounts as usize],
            currencies: vec![None; limits.currencies as usize],
            cash: in_large_pages(vec![
                Cash::default();
                limits.accounts as usize * limits.currencies as usize
            ]),
            rows: in_large_pages(Vec::with_capacity(holdings)),
            index: Index::new(holdings),
            holdings,
            shares: vec![0; limits.instruments as usize],
        }
    }

    // Who there is.

    pub(crate) fn define_currency(
        &mut self,
        currency: CurrencyId,
        decimals: u8,
        code: CurrencyCode,
    ) -> Result<(), RejectReason> {
        let taken = self.currencies.iter().flatten().any(|other| other.code == code);
        let sane = CurrencyCode::new(code.as_bytes()) == Ok(code) && decimals <= MAX_CURRENCY_DECIMALS;
        let place = place(&mut self.currencies, u32::from(currency.0)).filter(|_| sane);
        let place = place.ok_or(RejectReason::OutOfRange)?;
        if place.is_some() || taken {
            return Err(RejectReason::AlreadyDefined);
        }
        *place = Some(Currency { decimals, code, moved: Money(0), collected: Money(0) });
        Ok(())
    }

    pub(crate) fn define_participant(&mut self, participant: ParticipantId) -> Result<(), RejectReason> {
        let place = place(&mut self.participants, participant.0).ok_or(RejectReason::OutOfRange)?;
        if place.is_some() {
            return Err(RejectReason::AlreadyDefined);
        }
        *place = Some(Trading::Allowed);
        Ok(())
    }

    pub(crate) fn define_account(
        &mut self,
        account: AccountId,
        participant: ParticipantId,
    ) -> Result<(), RejectReason> {
        let known = self.trading(participant).is_some();
        let place = place(&mut self.accounts, account.0).ok_or(RejectReason::OutOfRange)?;
        if !known {
            return Err(RejectReason::UnknownParticipant);
        }
        if place.is_some() {
            return Err(RejectReason::AlreadyDefined);
        }
        *place = Some(Account { participant, limits: RiskLimits::default() });
        Ok(())
    }

    pub(crate) fn currency(&self, currency: CurrencyId) -> Option<&Currency> {
        self.currencies.get(usize::from(currency.0))?.as_ref()
    }

    /// All currencies, by number.
    pub(crate) fn currencies(&self) -> impl Iterator<Item = (CurrencyId, &Currency)> + Clone {
        (0..).map(CurrencyId).zip(&self.currencies).filter_map(|(id, there)| Some((id, there.as_ref()?)))
    }

    /// A participant's kill switch; `None` if there is no such participant.
    pub(crate) fn trading(&self, participant: ParticipantId) -> Option<Trading> {
        *self.participants.get(participant.0 as usize)?
    }

    pub(crate) fn is_somebody_or_nobody(&self, participant: ParticipantId) -> bool {
        participant == ParticipantId(0) || self.trading(participant).is_some()
    }

    pub(crate) fn set_trading(
        &mut self,
        participant: ParticipantId,
        trading: Trading,
    ) -> Result<(), RejectReason> {
        let there = self.participants.get_mut(participant.0 as usize).and_then(Option::as_mut);
        *there.ok_or(RejectReason::UnknownParticipant)? = trading;
        Ok(())
    }

    /// Whose account it is; `None` if there is no such account.
    pub(crate) fn owner(&self, account: AccountId) -> Option<ParticipantId> {
        self.account(account).map(|account| account.participant)
    }

    fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(account.0 as usize)?.as_ref()
    }

    // What they have.

    pub(crate) fn purse(&self, account: AccountId, currency: CurrencyId) -> usize {
        account.0 as usize * self.currencies.len() + usize::from(currency.0)
    }

    /// An account's money; nothing if there is no such account or currency.
    pub(crate) fn cash(&self, account: AccountId, currency: CurrencyId) -> Cash {
        match (self.account(account), self.currency(currency)) {
            (Some(_), Some(_)) => self.cash[self.purse(account, currency)],
            _ => Cash::default(),
        }
    }

    /// All money of all accounts in all currencies.
    pub(crate) fn purses(&self) -> impl Iterator<Item = (AccountId, CurrencyId, Cash)> + Clone {
        let accounts = (0..).map(AccountId).zip(&self.accounts).filter(|(_, there)| there.is_some());
        accounts.flat_map(move |(account, _)| {
            self.currencies()
                .map(move |(currency, _)| (account, currency, self.cash[self.purse(account, currency)]))
        })
    }

    /// The place of an account's holding, if it has one.
    pub(crate) fn find(&self, account: AccountId, instrument: InstrumentId) -> Option<HoldingId> {
        let same = |at: u32| {
            let row = &self.rows[at as usize];
            row.account == account && row.instrument == instrument
        };
        self.index.find(hash(account, instrument), same).map(HoldingId)
    }

    /// Whether another holding can be made.
    pub(crate) fn has_room(&self) -> bool {
        self.rows.len() < self.holdings
    }

    /// The place of an account's holding, made now if there is none and there is room.
    pub(crate) fn find_or_make(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Result<HoldingId, RejectReason> {
        if let Some(found) = self.find(account, instrument) {
            return Ok(found);
        }
        if !self.has_room() {
            return Err(RejectReason::BookFull);
        }
        let at = u32::try_from(self.rows.len()).expect("the limit is a u32");
        self.rows.push(Row { holding: Holding::default(), account, instrument, limits: None });
        self.index.insert(hash(account, instrument), at);
        Ok(HoldingId(at))
    }

    /// A holding.
    pub(crate) fn holding(&self, id: HoldingId) -> &Holding {
        &self.rows[id.0 as usize].holding
    }

    /// All holdings with whose they are and in what.
    pub(crate) fn holdings(&self) -> impl Iterator<Item = (HoldingId, AccountId, InstrumentId, &Holding)> {
        (0..).map(HoldingId).zip(&self.rows).map(|(id, row)| (id, row.account, row.instrument, &row.holding))
    }

    /// The limits that count for an account in an instrument.
    pub(crate) fn limits(&self, account: AccountId, holding: Option<HoldingId>) -> RiskLimits {
        let own = holding.and_then(|id| self.rows[id.0 as usize].limits);
        own.or_else(|| self.account(account).map(|account| account.limits)).unwrap_or_default()
    }

    pub(crate) fn set_limits(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        limits: RiskLimits,
    ) -> Result<(), RejectReason> {
        if instrument == InstrumentId::ALL {
            let there = self.accounts.get_mut(account.0 as usize).and_then(Option::as_mut);
            there.ok_or(RejectReason::UnknownAccount)?.limits = limits;
        } else {
            let HoldingId(at) = self.find_or_make(account, instrument)?;
            self.rows[at as usize].limits = Some(limits);
        }
        Ok(())
    }

    /// Shares of an instrument that came in less those that went out; below zero only where short sales are possible.
    pub(crate) fn shares(&self, instrument: InstrumentId) -> i128 {
        self.shares[instrument.0 as usize]
    }

    // What comes in and goes out.

    /// Money in (above zero) or out (below); gives what the account has then.
    pub(crate) fn move_money(
        &mut self,
        account: AccountId,
        currency: CurrencyId,
        amount: i128,
    ) -> Result<Cash, RejectReason> {
        let purse = self.purse(account, currency);
        let there = self.currencies.get_mut(usize::from(currency.0)).and_then(Option::as_mut);
        let there = there.ok_or(RejectReason::UnknownCurrency)?;
        let cash = &mut self.cash[purse];
        if amount > MAX_MONEY.0 - there.moved.0 {
            return Err(RejectReason::OutOfRange);
        }
        if amount < 0 && cash.available.0 < -amount {
            return Err(RejectReason::InsufficientFunds);
        }
        cash.available.0 += amount;
        there.moved.0 += amount;
        Ok(*cash)
    }

    /// Shares in; gives what the account has then.
    pub(crate) fn deposit_shares(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        qty: Qty,
    ) -> Result<Holding, RejectReason> {
        if i128::from(qty.0) > i128::from(MAX_SHARES.0) - self.shares(instrument) {
            return Err(RejectReason::OutOfRange);
        }
        let HoldingId(at) = self.find_or_make(account, instrument)?;
        let holding = &mut self.rows[at as usize].holding;
        holding.position += i128::from(qty.0);
        self.shares[instrument.0 as usize] += i128::from(qty.0);
        Ok(*holding)
    }

    /// Shares out, `withheld` sells taken into account or not; gives what the account has then.
    pub(crate) fn withdraw_shares(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        qty: Qty,
        funded: bool,
    ) -> Result<Holding, RejectReason> {
        let Some(HoldingId(at)) = self.find(account, instrument) else {
            let refused =
                if self.has_room() { RejectReason::InsufficientShares } else { RejectReason::BookFull };
            return Err(refused);
        };
        let holding = &mut self.rows[at as usize].holding;
        let withheld = if funded { holding.open_sells.0 } else { 0 };
        if holding.position - i128::from(withheld) < i128::from(qty.0) {
            return Err(RejectReason::InsufficientShares);
        }
        holding.position -= i128::from(qty.0);
        self.shares[instrument.0 as usize] -= i128::from(qty.0);
        Ok(*holding)
    }

    // What orders do to it.

    /// Whether the account can pay or deliver for an order of this quantity, of which `held` is withheld for it already.
    pub(crate) fn affords(
        &self,
        market: &Market,
        account: AccountId,
        holding: Option<HoldingId>,
        side: Side,
        (limit, qty): (Price, Qty),
        held: Option<(Price, Qty)>,
    ) -> Result<(), RejectReason> {
        match side {
            Side::Buy => {
                let held = held.map_or(0, |(limit, qty)| needed(market, limit, qty));
                let more = needed(market, limit, qty) - held;
                let available = self.cash[self.purse(account, market.currency)].available;
                if more > available.0 { Err(RejectReason::InsufficientFunds) } else { Ok(()) }
            }
            Side::Sell => {
                let held = held.map_or(0, |(_, qty)| i128::from(qty.0));
                let free = holding
                    .map(|id| self.holding(id))
                    .map_or(0, |holding| holding.position - i128::from(holding.open_sells.0));
                if i128::from(qty.0) - held > free { Err(RejectReason::InsufficientShares) } else { Ok(()) }
            }
        }
    }

    /// An order opens.
    pub(crate) fn open(&mut self, market: &Market, order: Exposure, qty: Qty) {
        if order.holding == HoldingId::NONE {
            return;
        }
        self.rows[order.holding.0 as usize].holding.open_orders += 1;
        self.change(market, order, Qty(0), qty);
    }

    /// An order closes with this much open.
    pub(crate) fn close(&mut self, market: &Market, order: Exposure, qty: Qty) {
        if order.holding == HoldingId::NONE {
            return;
        }
        self.rows[order.holding.0 as usize].holding.open_orders -= 1;
        self.change(market, order, qty, Qty(0));
    }

    /// What is open of an order changes without a fill.
    pub(crate) fn change(&mut self, market: &Market, order: Exposure, from: Qty, to: Qty) {
        if order.holding == HoldingId::NONE || from == to {
            return;
        }
        let row = &mut self.rows[order.holding.0 as usize];
        let open = match order.side {
            Side::Buy => &mut row.holding.open_buys,
            Side::Sell => &mut row.holding.open_sells,
        };
        open.0 = open.0 - from.0 + to.0;
        if market.is_funded() && order.side == Side::Buy {
            let account = row.account;
            let more = needed(market, order.limit, to) - needed(market, order.limit, from);
            let purse = self.purse(account, market.currency);
            let cash = &mut self.cash[purse];
            cash.available.0 -= more;
            cash.withheld.0 += more;
        }
    }

    /// An order that had `before` open is filled by `qty`; gives the fee. An order that is filled in whole closes.
    pub(crate) fn settle(
        &mut self,
        market: &Market,
        order: Exposure,
        before: Qty,
        (price, qty): (Price, Qty),
        rate: u32,
    ) -> Money {
        if order.holding == HoldingId::NONE {
            return Money(0);
        }
        let left = Qty(before.0 - qty.0);
        let row = &mut self.rows[order.holding.0 as usize];
        let (account, holding) = (row.account, &mut row.holding);
        holding.day_volume += qty.0;
        holding.open_orders -= u32::from(left == Qty(0));
        match order.side {
            Side::Buy => {
                holding.open_buys.0 -= qty.0;
                holding.position += i128::from(qty.0);
            }
            Side::Sell => {
                holding.open_sells.0 -= qty.0;
                holding.position -= i128::from(qty.0);
            }
        }
        if !market.is_funded() {
            return Money(0);
        }
        let value = value(market, price, qty);
        let fee = fee(value, rate);
        let purse = self.purse(account, market.currency);
        let cash = &mut self.cash[purse];
        match order.side {
            Side::Buy => {
                let released = needed(market, order.limit, before) - needed(market, order.limit, left);
                assert!(released >= value + fee, "what is withheld pays for every fill");
                cash.withheld.0 -= released;
                cash.available.0 += released - value - fee;
            }
            Side::Sell => cash.available.0 += value - fee,
        }
        self.collect(market, fee);
        Money(fee)
    }

    /// Undoes or does again one side of a trade, whatever became of its order; gives the fee.
    pub(crate) fn rebook(
        &mut self,
        market: &Market,
        holding: HoldingId,
        side: Side,
        (price, qty): (Price, Qty),
        rate: u32,
        undo: bool,
    ) -> Money {
        if holding == HoldingId::NONE {
            return Money(0);
        }
        let row = &mut self.rows[holding.0 as usize];
        let gains = (side == Side::Buy) != undo;
        row.holding.position += if gains { i128::from(qty.0) } else { -i128::from(qty.0) };
        if !market.is_funded() {
            return Money(0);
        }
        let account = row.account;
        let value = value(market, price, qty);
        let fee = fee(value, rate);
        let paid = if side == Side::Buy { value + fee } else { fee - value };
        let (paid, taken) = if undo { (-paid, -fee) } else { (paid, fee) };
        let purse = self.purse(account, market.currency);
        self.cash[purse].available.0 -= paid;
        self.collect(market, taken);
        Money(fee)
    }

    fn collect(&mut self, market: &Market, fee: i128) {
        let currency = self.currencies[usize::from(market.currency.0)].as_mut();
        currency.expect("a funded instrument's currency exists").collected.0 += fee;
    }

    /// Day volumes begin anew.
    pub(crate) fn end_day(&mut self) {
        for row in &mut self.rows {
            row.holding.day_volume = 0;
        }
    }

    /// Whether these checks ask for an account.
    pub(crate) fn are_asked(checks: Checks) -> bool {
        checks != Checks::None
    }
}

/// A place by number; 0 is nobody's.
fn place<T>(places: &mut [Option<T>], number: u32) -> Option<&mut Option<T>> {
    if number == 0 { None } else { places.get_mut(number as usize) }
}

/// Spread over all bits: both numbers are small and dense.
fn hash(account: AccountId, instrument: InstrumentId) -> u64 {
    let both = u64::from(account.0) << 32 | u64::from(instrument.0);
    let spread = both.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ (spread >> 32)
}
