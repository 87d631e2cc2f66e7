//! The rules of currencies, participants, accounts and sessions.

use super::DescriptionError;
use super::market::{
    AccountEntry, CurrencyEntry, Limited, MoneyDeposit, ParticipantEntry, SessionEntry, ShareDeposit,
};
use super::raw::{self, File};
use super::refusals::Refusals;
use super::validate::{COMP_ID_RULE, is_comp_id};
use crate::quantity::parse_scaled;
use std::collections::BTreeSet;
use toml::Spanned;
use wire::terms::{InstrumentTerms, RiskLimits};
use wire::{
    AccountId, CurrencyCode, CurrencyId, InstrumentId, Money, ParticipantId, ParticipantName, Qty, SessionId,
};

/// Digits behind the point of a currency's unit.
const MAX_DECIMALS: u8 = 12;
/// The largest amount of money, in units: sums of them stay far from the end of an `i128`.
const MAX_AMOUNT: i128 = 1_000_000_000_000_000_000_000_000_000_000;
/// The most shares at once: positions are `i64`.
const MAX_SHARES: u64 = 1 << 60;

/// A number that is taken once and lies below a limit of the engine.
fn numbered(ids: &mut BTreeSet<u32>, what: &str, id: u32, below: u32, limit: &str) -> Result<(), String> {
    if id == 0 || id >= below {
        let most = below.saturating_sub(1);
        return Err(format!("{what} id {id} must lie between 1 and {most} ([engine] {limit})"));
    }
    if !ids.insert(id) {
        return Err(format!("{what} id {id} is taken"));
    }
    Ok(())
}

/// The currencies of a file.
pub(super) fn currencies(refuse: &Refusals<'_>, file: &File) -> Result<Vec<CurrencyEntry>, DescriptionError> {
    let mut ids = BTreeSet::new();
    let mut codes = BTreeSet::new();
    let mut currencies = Vec::new();
    for entry in &file.currency {
        let raw = entry.get_ref();
        let refused = |reason: String| refuse.of(entry, reason);
        numbered(&mut ids, "currency", raw.id.into(), file.engine.currencies, "currencies")
            .map_err(refused)?;
        let code = CurrencyCode::new(raw.code.as_bytes())
            .map_err(|error| refused(format!("currency \"{}\": the code {error}", raw.code)))?;
        if !codes.insert(code) {
            return Err(refused(format!("two currencies have the code \"{code}\"")));
        }
        if raw.decimals > MAX_DECIMALS {
            return Err(refused(format!("currency \"{code}\": decimals must not be above {MAX_DECIMALS}")));
        }
        currencies.push(CurrencyEntry { id: CurrencyId(raw.id), code, decimals: raw.decimals });
    }
    Ok(currencies)
}

/// The participants of a file.
pub(super) fn participants(
    refuse: &Refusals<'_>,
    file: &File,
) -> Result<Vec<ParticipantEntry>, DescriptionError> {
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut participants = Vec::new();
    for entry in &file.participant {
        let raw = entry.get_ref();
        let refused = |reason: String| refuse.of(entry, reason);
        numbered(&mut ids, "participant", raw.id, file.engine.participants, "participants")
            .map_err(refused)?;
        let name = ParticipantName::new(raw.name.as_bytes())
            .map_err(|error| refused(format!("participant {}: the name {error}", raw.id)))?;
        if !names.insert(name) {
            return Err(refused(format!("two participants are called \"{name}\"")));
        }
        participants.push(ParticipantEntry { id: ParticipantId(raw.id), name });
    }
    Ok(participants)
}

/// The participant of this number, if there is one.
fn participant(participants: &[ParticipantEntry], id: u32) -> Result<ParticipantId, String> {
    let found = participants.iter().find(|entry| entry.id.0 == id);
    found.map(|entry| entry.id).ok_or_else(|| format!("no [[participant]] has the id {id}"))
}

/// The sessions of a file.
pub(super) fn sessions(
    refuse: &Refusals<'_>,
    file: &File,
    participants: &[ParticipantEntry],
) -> Result<Vec<SessionEntry>, DescriptionError> {
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut sessions = Vec::new();
    for entry in &file.session {
        let raw = entry.get_ref();
        let refused = |reason: String| refuse.of(entry, reason);
        numbered(&mut ids, "session", raw.id, file.engine.sessions, "sessions").map_err(refused)?;
        if !is_comp_id(&raw.comp_id) {
            return Err(refused(COMP_ID_RULE.to_owned()));
        }
        if !names.insert(raw.comp_id.as_str()) {
            return Err(refused(format!("two sessions have the CompID \"{}\"", raw.comp_id)));
        }
        let participant = match raw.participant {
            None => ParticipantId(0),
            Some(id) => participant(participants, id)
                .map_err(|reason| refused(format!("session \"{}\": {reason}", raw.comp_id)))?,
        };
        sessions.push(SessionEntry { id: SessionId(raw.id), comp_id: raw.comp_id.clone(), participant });
    }
    Ok(sessions)
}

/// The accounts of a file.
pub(super) fn accounts(
    refuse: &Refusals<'_>,
    file: &File,
    currencies: &[CurrencyEntry],
    participants: &[ParticipantEntry],
    instruments: &[InstrumentTerms],
) -> Result<Vec<AccountEntry>, DescriptionError> {
    let known = Known { refuse, currencies, instruments };
    let mut ids = BTreeSet::new();
    let mut accounts = Vec::new();
    for entry in &file.account {
        let raw = entry.get_ref();
        let refused = |reason: String| refuse.of(entry, reason);
        numbered(&mut ids, "account", raw.id, file.engine.accounts, "accounts").map_err(refused)?;
        let participant = participant(participants, raw.participant)
            .map_err(|reason| refused(format!("account {}: {reason}", raw.id)))?;
        let id = AccountId(raw.id);
        accounts.push(AccountEntry {
            id,
            participant,
            money: raw.money.iter().map(|entry| known.money(id, entry)).collect::<Result<_, _>>()?,
            shares: raw.shares.iter().map(|entry| known.shares(id, entry)).collect::<Result<_, _>>()?,
            limits: raw.limits.iter().map(|entry| known.limits(id, entry)).collect::<Result<_, _>>()?,
        });
        for (at, limited) in accounts[accounts.len() - 1].limits.iter().enumerate() {
            if accounts[accounts.len() - 1].limits[..at]
                .iter()
                .any(|other| other.instrument == limited.instrument)
            {
                let reason = format!("account {id}: these limits are given twice");
                return Err(refuse.of(&raw.limits[at], reason));
            }
        }
    }
    Ok(accounts)
}

/// What an account can refer to.
struct Known<'a> {
    refuse: &'a Refusals<'a>,
    currencies: &'a [CurrencyEntry],
    instruments: &'a [InstrumentTerms],
}

impl Known<'_> {
    fn currency(&self, code: &str) -> Result<&CurrencyEntry, String> {
        let found = self.currencies.iter().find(|currency| currency.code.as_bytes() == code.as_bytes());
        found.ok_or_else(|| format!("no [[currency]] has the code \"{code}\""))
    }

    fn instrument(&self, symbol: &str) -> Result<&InstrumentTerms, String> {
        let found = self.instruments.iter().find(|terms| { terms.symbol }.as_bytes() == symbol.as_bytes());
        found.ok_or_else(|| format!("no [[instrument]] has the symbol \"{symbol}\""))
    }

    fn money(
        &self,
        account: AccountId,
        entry: &Spanned<raw::MoneyDeposit>,
    ) -> Result<MoneyDeposit, DescriptionError> {
        let raw = entry.get_ref();
        let deposit = || -> Result<MoneyDeposit, String> {
            let currency = self.currency(&raw.currency)?;
            let amount = amount("amount", &raw.amount, currency.decimals)?;
            Ok(MoneyDeposit { currency: currency.id, amount })
        };
        deposit().map_err(|reason| self.refuse.of(entry, format!("account {account}: {reason}")))
    }

    fn shares(
        &self,
        account: AccountId,
        entry: &Spanned<raw::ShareDeposit>,
    ) -> Result<ShareDeposit, DescriptionError> {
        let raw = entry.get_ref();
        let deposit = || -> Result<ShareDeposit, String> {
            let instrument = self.instrument(&raw.symbol)?.instrument;
            if !(1..=MAX_SHARES).contains(&raw.qty) {
                return Err(format!("qty must lie between 1 and {MAX_SHARES}"));
            }
            Ok(ShareDeposit { instrument, qty: Qty(raw.qty) })
        };
        deposit().map_err(|reason| self.refuse.of(entry, format!("account {account}: {reason}")))
    }

    fn limits(&self, account: AccountId, entry: &Spanned<raw::Limits>) -> Result<Limited, DescriptionError> {
        let raw = entry.get_ref();
        let limited = || -> Result<Limited, String> {
            let terms = raw.symbol.as_deref().map(|symbol| self.instrument(symbol)).transpose()?;
            let order_value = match &raw.order_value {
                None => Money(0),
                Some(text) => amount("order_value", text, self.decimals_of_value(raw, terms)?)?,
            };
            Ok(Limited {
                instrument: terms.map_or(InstrumentId::ALL, |terms| terms.instrument),
                limits: RiskLimits {
                    order_qty: Qty(raw.order_qty),
                    order_value,
                    position: Qty(raw.position),
                    day_volume: Qty(raw.day_volume),
                    open_orders: raw.open_orders,
                    reserved: [0; 4],
                },
            })
        };
        limited().map_err(|reason| self.refuse.of(entry, format!("account {account}: {reason}")))
    }

    /// A value is told in the unit of the instrument's currency, or of its price where it has none. Limits for all instruments
    /// have no currency of their own, and must name one.
    fn decimals_of_value(&self, raw: &raw::Limits, terms: Option<&InstrumentTerms>) -> Result<u8, String> {
        match (&raw.currency, terms) {
            (Some(code), None) => Ok(self.currency(code)?.decimals),
            (Some(_), Some(_)) => {
                Err("limits of one symbol are in that symbol's currency: name none".to_owned())
            }
            (None, None) => Err("order_value for all symbols needs a currency = \"CODE\"".to_owned()),
            (None, Some(terms)) => {
                let currency = self.currencies.iter().find(|currency| currency.id == { terms.currency });
                Ok(currency.map_or(terms.price_decimals, |currency| currency.decimals))
            }
        }
    }
}

fn amount(name: &str, text: &str, decimals: u8) -> Result<Money, String> {
    let amount = parse_scaled(text, decimals).map_err(|reason| format!("{name}: {reason}"))?;
    if !(1..=MAX_AMOUNT).contains(&amount) {
        return Err(format!("{name} must lie between 1 and {MAX_AMOUNT} of the smallest unit"));
    }
    Ok(Money(amount))
}
