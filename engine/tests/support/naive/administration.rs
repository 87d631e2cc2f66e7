//! §1, §7, §8, §10: what operators and the registry's keepers command, and why it is refused.

use super::{Instrument, Model, Use};
use wire::command::{
    CancelFor, Checks, DefineAccount, DefineCurrency, DefineInstrument, DefineParticipant, EndDay,
    InstrumentTerms, MassCancelFor, MassScope, MoveMoney, MoveShares, Phase, SetBands, SetLead, SetLimits,
    SetTrading, Trading, Transfer,
};
use wire::event::{
    AccountDefined, AdministrationRefused, BandsChanged, CancelReason, CurrencyDefined, DayEnded,
    InstrumentDefined, LeadChanged, LimitsChanged, MassCancelledFor, MoneyMoved, ParticipantDefined,
    RejectReason, SessionAssigned, SharesMoved, TradingChanged,
};
use wire::{
    ClOrdId, Command, CurrencyCode, InstrumentId, ParticipantId, ParticipantName, Price, Qty, Symbol,
};

/// The highest price, and the largest quantity.
const MOST: i64 = 1 << 40;

fn bands_are_sane(bands: &wire::command::Bands) -> bool {
    let (low, high) = ({ bands.low }.0, { bands.high }.0);
    [low, high, { bands.collar }.0, { bands.reference }.0].iter().all(|p| (0..=MOST).contains(p))
        && (low == 0 || high == 0 || low <= high)
}

impl Model {
    pub(super) fn refuse(&mut self, kind: u8, reason: RejectReason) {
        self.announce(AdministrationRefused { kind, reason, reserved: [0; 6] });
    }

    pub(super) fn administer(&mut self, command: &Command<'_>) {
        let refusal = match command {
            Command::DefineInstrument(c) => self.define_instrument(c),
            Command::DefineCurrency(c) => self.define_currency(c),
            Command::DefineParticipant(c) => self.define_participant(c),
            Command::DefineAccount(c) => self.define_account(c),
            Command::AssignSession(c) => {
                let (session, participant) = (c.session, c.participant);
                if !self.has_place(session) {
                    Err(RejectReason::OutOfRange)
                } else if !self.knows_or_nobody(participant) {
                    Err(RejectReason::UnknownParticipant)
                } else {
                    self.participants_of.insert(session.0, participant.0);
                    self.announce(SessionAssigned { session, participant });
                    Ok(())
                }
            }
            Command::MoveMoney(c) => self.move_money(c),
            Command::MoveShares(c) => self.move_shares(c),
            Command::SetLimits(c) => self.set_limits(c),
            Command::SetBands(c) => self.set_bands(c),
            Command::SetLead(c) => self.set_lead(c),
            Command::SetTrading(c) => self.set_trading(c),
            Command::CancelFor(c) => self.cancel_for(c),
            Command::MassCancelFor(c) => {
                self.mass_cancel_for(c);
                Ok(())
            }
            Command::EndDay(c) => self.end_day(c),
            Command::BustTrade(c) => {
                self.bust(c);
                Ok(())
            }
            Command::CorrectTrade(c) => {
                self.correct(c);
                Ok(())
            }
            other => panic!("no administrative command: {other:?}"),
        };
        if let Err(reason) = refusal {
            self.refuse(command.kind() as u8, reason);
        }
    }

    fn knows_or_nobody(&self, participant: ParticipantId) -> bool {
        participant.0 == 0 || self.participants.contains_key(&participant.0)
    }

    fn define_instrument(&mut self, c: &DefineInstrument) -> Result<(), RejectReason> {
        let t: InstrumentTerms = c.terms;
        let taken = self.instruments.contains_key(&{ t.instrument }.0)
            || self.instruments.values().any(|i| i.terms.symbol == t.symbol);
        let currency = match self.currencies.get(&{ t.currency }.0) {
            Some((decimals, _)) => *decimals >= t.price_decimals,
            None => { t.currency }.0 == 0 && t.checks != Checks::Funds,
        };
        let sane = { t.instrument }.0 < self.limits.instruments
            && Symbol::new(t.symbol.as_bytes()) == Ok(t.symbol)
            && t.price_decimals <= 12
            && (1..=MOST).contains(&{ t.tick }.0)
            && (1..=MOST as u64).contains(&{ t.lot }.0)
            && bands_are_sane(&t.bands)
            && self.knows_or_nobody(t.lead.participant)
            && t.lead.share <= 100
            && t.maker_fee <= 1_000_000
            && t.taker_fee <= 1_000_000;
        if taken || !currency || !sane {
            return Err(RejectReason::InstrumentRefused);
        }
        let known = Instrument { terms: t, last: 0, reference: { t.bands.reference }.0 };
        self.instruments.insert({ t.instrument }.0, known);
        self.announce(InstrumentDefined { terms: t });
        Ok(())
    }

    fn define_currency(&mut self, c: &DefineCurrency) -> Result<(), RejectReason> {
        let number = { c.currency }.0;
        if number == 0
            || u32::from(number) >= self.limits.currencies
            || c.decimals > 12
            || CurrencyCode::new(c.code.as_bytes()) != Ok(c.code)
        {
            return Err(RejectReason::OutOfRange);
        }
        if self.currencies.contains_key(&number) || self.currencies.values().any(|(_, code)| *code == c.code)
        {
            return Err(RejectReason::AlreadyDefined);
        }
        self.currencies.insert(number, (c.decimals, c.code));
        let (currency, decimals, code) = (c.currency, c.decimals, c.code);
        self.announce(CurrencyDefined { currency, decimals, reserved: [0; 5], code });
        Ok(())
    }

    fn define_participant(&mut self, c: &DefineParticipant) -> Result<(), RejectReason> {
        let number = { c.participant }.0;
        if number == 0
            || number >= self.limits.participants
            || ParticipantName::new(c.name.as_bytes()) != Ok(c.name)
        {
            return Err(RejectReason::OutOfRange);
        }
        if self.participants.contains_key(&number) {
            return Err(RejectReason::AlreadyDefined);
        }
        self.participants.insert(number, false);
        self.announce(ParticipantDefined { participant: c.participant, reserved: [0; 4], name: c.name });
        Ok(())
    }

    fn define_account(&mut self, c: &DefineAccount) -> Result<(), RejectReason> {
        let (account, participant) = (c.account, c.participant);
        if account.0 == 0 || account.0 >= self.limits.accounts {
            return Err(RejectReason::OutOfRange);
        }
        if !self.participants.contains_key(&participant.0) {
            return Err(RejectReason::UnknownParticipant);
        }
        if self.accounts.contains_key(&account.0) {
            return Err(RejectReason::AlreadyDefined);
        }
        self.accounts.insert(account.0, participant.0);
        self.announce(AccountDefined { account, participant });
        Ok(())
    }

    fn move_money(&mut self, c: &MoveMoney) -> Result<(), RejectReason> {
        let (account, currency, amount) = (c.account, c.currency, { c.amount }.0);
        if !self.accounts.contains_key(&account.0) {
            return Err(RejectReason::UnknownAccount);
        }
        if !self.currencies.contains_key(&currency.0) {
            return Err(RejectReason::UnknownCurrency);
        }
        let total = self.deposits.get(&currency.0).copied().unwrap_or(0);
        let comes_in = c.direction == Transfer::Deposit;
        if amount <= 0 || (comes_in && total.checked_add(amount).is_none_or(|total| total > 1 << 100)) {
            return Err(RejectReason::OutOfRange);
        }
        if !comes_in && amount > self.cash(account, currency).0.0 {
            return Err(RejectReason::InsufficientFunds);
        }
        let moved = if comes_in { amount } else { -amount };
        *self.deposits.entry(currency.0).or_default() += moved;
        *self.money.entry((account.0, currency.0)).or_default() += moved;
        let (available, withheld) = self.cash(account, currency);
        self.announce(MoneyMoved {
            account,
            currency,
            direction: c.direction,
            reserved: 0,
            amount: c.amount,
            available,
            withheld,
            act: c.act,
        });
        Ok(())
    }

    fn move_shares(&mut self, c: &MoveShares) -> Result<(), RejectReason> {
        let (account, instrument, qty) = (c.account, c.instrument, i128::from({ c.qty }.0));
        if !self.accounts.contains_key(&account.0) {
            return Err(RejectReason::UnknownAccount);
        }
        if !self.instruments.contains_key(&instrument.0) {
            return Err(RejectReason::UnknownInstrument);
        }
        let total = self.shares.get(&instrument.0).copied().unwrap_or(0);
        let comes_in = c.direction == Transfer::Deposit;
        if qty == 0 || (comes_in && total + qty > 1 << 60) {
            return Err(RejectReason::OutOfRange);
        }
        if !self.has_holding(account.0, instrument) {
            return Err(RejectReason::BookFull);
        }
        let held = self.holding(account, instrument);
        let withheld = if self.checks(instrument) == Checks::Funds { held.open_sells } else { 0 };
        if !comes_in && qty > held.position - i128::from(withheld) {
            return Err(RejectReason::InsufficientShares);
        }
        let moved = if comes_in { qty } else { -qty };
        self.holdings.insert((account.0, instrument.0));
        *self.shares.entry(instrument.0).or_default() += moved;
        *self.positions.entry((account.0, instrument.0)).or_default() += moved;
        let position = self.holding(account, instrument).position;
        self.announce(SharesMoved {
            account,
            instrument,
            direction: c.direction,
            reserved: [0; 7],
            qty: c.qty,
            position: i64::try_from(position).expect("no more than was deposited"),
            withheld: Qty(withheld),
            act: c.act,
        });
        Ok(())
    }

    fn set_limits(&mut self, c: &SetLimits) -> Result<(), RejectReason> {
        let (account, instrument) = (c.account, c.instrument);
        if !self.accounts.contains_key(&account.0) {
            return Err(RejectReason::UnknownAccount);
        }
        let one = instrument != InstrumentId::ALL;
        if one && !self.instruments.contains_key(&instrument.0) {
            return Err(RejectReason::UnknownInstrument);
        }
        if { c.limits.order_value }.0 < 0 {
            return Err(RejectReason::OutOfRange);
        }
        if one && !self.has_holding(account.0, instrument) {
            return Err(RejectReason::BookFull);
        }
        if one {
            self.holdings.insert((account.0, instrument.0));
        }
        self.risk.insert((account.0, instrument.0), c.limits);
        self.announce(LimitsChanged { account, instrument, limits: c.limits, act: c.act });
        Ok(())
    }

    fn set_bands(&mut self, c: &SetBands) -> Result<(), RejectReason> {
        let instrument = c.instrument;
        let Some(known) = self.instruments.get_mut(&instrument.0) else {
            return Err(RejectReason::UnknownInstrument);
        };
        let mut bands = c.bands;
        if !bands_are_sane(&bands) {
            return Err(RejectReason::OutOfRange);
        }
        if { bands.reference }.0 == 0 {
            bands.reference = known.terms.bands.reference;
        } else {
            known.reference = { bands.reference }.0;
        }
        known.terms.bands = bands;
        bands.reference = Price(known.reference);
        self.announce(BandsChanged { instrument, reserved: [0; 4], bands, act: c.act });
        Ok(())
    }

    fn set_lead(&mut self, c: &SetLead) -> Result<(), RejectReason> {
        let (instrument, lead) = (c.instrument, c.lead);
        if !self.instruments.contains_key(&instrument.0) {
            return Err(RejectReason::UnknownInstrument);
        }
        if !self.knows_or_nobody(lead.participant) {
            return Err(RejectReason::UnknownParticipant);
        }
        if lead.share > 100 {
            return Err(RejectReason::OutOfRange);
        }
        self.instruments.get_mut(&instrument.0).expect("looked up").terms.lead = lead;
        self.announce(LeadChanged { instrument, lead, act: c.act });
        Ok(())
    }

    fn set_trading(&mut self, c: &SetTrading) -> Result<(), RejectReason> {
        let participant = c.participant;
        if !self.participants.contains_key(&participant.0) {
            return Err(RejectReason::UnknownParticipant);
        }
        let stopped = c.trading == Trading::Stopped;
        self.participants.insert(participant.0, stopped);
        if stopped {
            for id in self.open_where(|o| o.participant == participant.0) {
                self.cancel_open(id, CancelReason::ParticipantStopped, ClOrdId::default());
            }
        }
        self.announce(TradingChanged { participant, trading: c.trading, reserved: [0; 3], act: c.act });
        Ok(())
    }

    fn cancel_for(&mut self, c: &CancelFor) -> Result<(), RejectReason> {
        let order = self.named(c.session, c.cl_ord_id).map_err(|(reason, _)| reason)?;
        self.cancel_open(order.id, CancelReason::Operator, ClOrdId::default());
        self.announce(MassCancelledFor {
            scope: MassScope::Session,
            reserved: [0; 3],
            subject: { c.session }.0,
            count: 1,
            reserved2: [0; 4],
            act: c.act,
        });
        Ok(())
    }

    fn mass_cancel_for(&mut self, c: &MassCancelFor) {
        let ids = self.in_scope(c.scope, c.subject, None);
        for id in &ids {
            self.cancel_open(*id, CancelReason::Operator, ClOrdId::default());
        }
        self.announce(MassCancelledFor {
            scope: c.scope,
            reserved: [0; 3],
            subject: c.subject,
            count: u32::try_from(ids.len()).expect("orders are few"),
            reserved2: [0; 4],
            act: c.act,
        });
    }

    fn end_day(&mut self, c: &EndDay) -> Result<(), RejectReason> {
        if self.instruments.values().any(|i| i.terms.phase != Phase::Closed) {
            return Err(RejectReason::MarketNotClosed);
        }
        self.volumes.clear();
        self.trades.clear();
        if self.fault != Some(super::Fault::NamesNeverFree) {
            let open: Vec<u64> = self.orders.iter().map(|o| o.id).collect();
            self.names.retain(|_, used| match used {
                Use::Live(_) => true,
                Use::Done(..) => false,
                Use::Spent(id) => open.contains(id),
            });
        }
        self.announce(DayEnded { act: c.act });
        Ok(())
    }
}
