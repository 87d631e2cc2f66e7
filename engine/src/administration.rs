//! The registries: currencies, participants, accounts, sessions, instruments; money and shares that come and go; limits.

use crate::exchange::{Exchange, Turn};
use crate::instruments::{LADDERS, are_sane};
use crate::phases::refuse;
use wire::command::{
    AssignSession, DefineAccount, DefineCurrency, DefineInstrument, DefineParticipant, MoveMoney, MoveShares,
    SetBands, SetLead, SetLimits, Transfer,
};
use wire::event::{
    AccountDefined, BandsChanged, CurrencyDefined, InstrumentDefined, LeadChanged, LimitsChanged, MoneyMoved,
    ParticipantDefined, RejectReason, SessionAssigned, SharesMoved,
};
use wire::{CommandKind, EventBody, InstrumentId, Money, ParticipantName, Price, Qty};

/// Tells what was done, or why not.
fn answer<B: EventBody>(kind: CommandKind, done: Result<B, RejectReason>, turn: &mut Turn<'_>) {
    match done {
        Ok(body) => turn.events.announce(&body),
        Err(reason) => refuse(kind, reason, turn),
    }
}

impl Exchange {
    pub(crate) fn define_instrument(&mut self, asked: &DefineInstrument, turn: &mut Turn<'_>) {
        let shelf = &mut self.shelf;
        let open = || LADDERS.map(|direction| shelf.open(direction))[0].0;
        let defined = self.instruments.define(&asked.terms, &self.accounts, open);
        let done = defined.map(|instrument| InstrumentDefined { terms: instrument.terms });
        answer(CommandKind::DefineInstrument, done.ok_or(RejectReason::InstrumentRefused), turn);
    }

    pub(crate) fn set_bands(&mut self, asked: &SetBands, turn: &mut Turn<'_>) {
        let SetBands { instrument: id, mut bands, act, .. } = *asked;
        let done = match self.instruments.get_mut(id) {
            None => Err(RejectReason::UnknownInstrument),
            Some(_) if !are_sane(&bands) => Err(RejectReason::OutOfRange),
            Some(instrument) => {
                if { bands.reference } != Price(0) {
                    instrument.reference = bands.reference;
                }
                bands.reference = instrument.reference;
                instrument.terms.bands = bands;
                Ok(BandsChanged { instrument: id, reserved: [0; 4], bands, act })
            }
        };
        answer(CommandKind::SetBands, done, turn);
    }

    pub(crate) fn set_lead(&mut self, asked: &SetLead, turn: &mut Turn<'_>) {
        let SetLead { instrument: id, mut lead, act } = *asked;
        lead.reserved = [0; 3];
        let known = self.accounts.is_somebody_or_nobody(lead.participant);
        let done = match self.instruments.get_mut(id) {
            None => Err(RejectReason::UnknownInstrument),
            Some(_) if !known => Err(RejectReason::UnknownParticipant),
            Some(_) if lead.share > 100 => Err(RejectReason::OutOfRange),
            Some(instrument) => {
                instrument.terms.lead = lead;
                instrument.market.lead = lead.participant;
                instrument.market.lead_share = lead.share;
                Ok(LeadChanged { instrument: id, lead, act })
            }
        };
        answer(CommandKind::SetLead, done, turn);
    }

    pub(crate) fn define_currency(&mut self, asked: &DefineCurrency, turn: &mut Turn<'_>) {
        let DefineCurrency { currency, decimals, code, .. } = *asked;
        let done = self.accounts.define_currency(currency, decimals, code);
        let done = done.map(|()| CurrencyDefined { currency, decimals, reserved: [0; 5], code });
        answer(CommandKind::DefineCurrency, done, turn);
    }

    pub(crate) fn define_participant(&mut self, asked: &DefineParticipant, turn: &mut Turn<'_>) {
        let DefineParticipant { participant, name, .. } = *asked;
        let done = if ParticipantName::new(name.as_bytes()) == Ok(name) {
            self.accounts.define_participant(participant)
        } else {
            Err(RejectReason::OutOfRange)
        };
        let done = done.map(|()| ParticipantDefined { participant, reserved: [0; 4], name });
        answer(CommandKind::DefineParticipant, done, turn);
    }

    pub(crate) fn define_account(&mut self, asked: &DefineAccount, turn: &mut Turn<'_>) {
        let DefineAccount { account, participant } = *asked;
        let done = self.accounts.define_account(account, participant);
        answer(CommandKind::DefineAccount, done.map(|()| AccountDefined { account, participant }), turn);
    }

    pub(crate) fn assign_session(&mut self, asked: &AssignSession, turn: &mut Turn<'_>) {
        let AssignSession { session, participant } = *asked;
        let done = if self.sessions.get(session).is_none() {
            Err(RejectReason::OutOfRange)
        } else if !self.accounts.is_somebody_or_nobody(participant) {
            Err(RejectReason::UnknownParticipant)
        } else {
            self.sessions.assign(session, participant);
            Ok(SessionAssigned { session, participant })
        };
        answer(CommandKind::AssignSession, done, turn);
    }

    pub(crate) fn move_money(&mut self, asked: &MoveMoney, turn: &mut Turn<'_>) {
        let MoveMoney { account, currency, direction, amount, act, .. } = *asked;
        let signed = match direction {
            Transfer::Deposit => amount.0,
            Transfer::Withdrawal => amount.0.checked_neg().unwrap_or(0),
        };
        let done = if self.accounts.owner(account).is_none() {
            Err(RejectReason::UnknownAccount)
        } else if self.accounts.currency(currency).is_none() {
            Err(RejectReason::UnknownCurrency)
        } else if amount <= Money(0) {
            Err(RejectReason::OutOfRange)
        } else {
            self.accounts.move_money(account, currency, signed)
        };
        let done = done.map(|cash| MoneyMoved {
            account,
            currency,
            direction,
            reserved: 0,
            amount,
            available: cash.available,
            withheld: cash.withheld,
            act,
        });
        answer(CommandKind::MoveMoney, done, turn);
    }

    pub(crate) fn move_shares(&mut self, asked: &MoveShares, turn: &mut Turn<'_>) {
        let MoveShares { account, instrument, direction, qty, act, .. } = *asked;
        let funded = self.instruments.get(instrument).is_some_and(|there| there.market.is_funded());
        let done = if self.accounts.owner(account).is_none() {
            Err(RejectReason::UnknownAccount)
        } else if self.instruments.get(instrument).is_none() {
            Err(RejectReason::UnknownInstrument)
        } else if qty == Qty(0) {
            Err(RejectReason::OutOfRange)
        } else {
            match direction {
                Transfer::Deposit => self.accounts.deposit_shares(account, instrument, qty),
                Transfer::Withdrawal => self.accounts.withdraw_shares(account, instrument, qty, funded),
            }
        };
        let done = done.map(|holding| SharesMoved {
            account,
            instrument,
            direction,
            reserved: [0; 7],
            qty,
            position: i64::try_from(holding.position).unwrap_or(if holding.position < 0 {
                i64::MIN
            } else {
                i64::MAX
            }),
            withheld: if funded { holding.open_sells } else { Qty(0) },
            act,
        });
        answer(CommandKind::MoveShares, done, turn);
    }

    pub(crate) fn set_limits(&mut self, asked: &SetLimits, turn: &mut Turn<'_>) {
        let SetLimits { account, instrument, mut limits, act } = *asked;
        limits.reserved = [0; 4];
        let done = if self.accounts.owner(account).is_none() {
            Err(RejectReason::UnknownAccount)
        } else if instrument != InstrumentId::ALL && self.instruments.get(instrument).is_none() {
            Err(RejectReason::UnknownInstrument)
        } else if { limits.order_value } < Money(0) {
            Err(RejectReason::OutOfRange)
        } else {
            self.accounts.set_limits(account, instrument, limits)
        };
        let done = done.map(|()| LimitsChanged { account, instrument, limits, act });
        answer(CommandKind::SetLimits, done, turn);
    }
}
