//! Who trades: currencies, participants, accounts and sessions, and what the accounts begin with.

use super::Description;
use wire::terms::RiskLimits;
use wire::{
    AccountId, CurrencyCode, CurrencyId, InstrumentId, Money, ParticipantId, ParticipantName, Qty, SessionId,
};

/// One currency.
#[derive(Clone, Copy, Debug)]
pub struct CurrencyEntry {
    /// Its number, unique, not 0.
    pub id: CurrencyId,
    /// Its code, unique.
    pub code: CurrencyCode,
    /// Digits behind the point of its unit.
    pub decimals: u8,
}

/// One participant.
#[derive(Clone, Copy, Debug)]
pub struct ParticipantEntry {
    /// Its number, unique, not 0.
    pub id: ParticipantId,
    /// Its name, unique.
    pub name: ParticipantName,
}

/// One account.
#[derive(Clone, Debug)]
pub struct AccountEntry {
    /// Its number, unique, not 0.
    pub id: AccountId,
    /// Whose it is.
    pub participant: ParticipantId,
    /// The money that it begins with.
    pub money: Vec<MoneyDeposit>,
    /// The shares that it begins with.
    pub shares: Vec<ShareDeposit>,
    /// The limits that it begins with.
    pub limits: Vec<Limited>,
}

/// Money that an account begins with.
#[derive(Clone, Copy, Debug)]
pub struct MoneyDeposit {
    /// In which currency.
    pub currency: CurrencyId,
    /// How much, above zero.
    pub amount: Money,
}

/// Shares that an account begins with.
#[derive(Clone, Copy, Debug)]
pub struct ShareDeposit {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// How many, above zero.
    pub qty: Qty,
}

/// Limits that an account begins with.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// In which instrument; [`InstrumentId::ALL`] for each that has no limits of its own.
    pub instrument: InstrumentId,
    /// What it may do.
    pub limits: RiskLimits,
}

/// One session that may log on.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    /// Its number, unique, not 0.
    pub id: SessionId,
    /// The client's CompID: SenderCompID (49) of what it sends.
    pub comp_id: String,
    /// Whose it is; 0 for nobody's.
    pub participant: ParticipantId,
}

impl Description {
    /// The account that a session's orders are for where nothing else is said: its participant's with the lowest number.
    #[must_use]
    pub fn account_of(&self, session: &SessionEntry) -> Option<AccountId> {
        let theirs = self.accounts.iter().filter(|account| account.participant == session.participant);
        theirs.map(|account| account.id).min()
    }
}
