//! What a new exchange begins with, as commands: the description's currencies, participants, accounts and instruments.

use crate::Description;
use wire::command::{
    AssignSession, DefineAccount, DefineCurrency, DefineInstrument, DefineParticipant, MoveMoney, MoveShares,
    SetLimits,
};
use wire::frame::{self, Origin};
use wire::terms::{Act, Transfer};
use wire::{MAX_FRAME_LEN, OperatorName, Why};

/// One command that founds the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founding {
    /// A currency.
    Currency(DefineCurrency),
    /// A participant.
    Participant(DefineParticipant),
    /// Its account.
    Account(DefineAccount),
    /// Its session.
    Session(AssignSession),
    /// An instrument.
    Instrument(DefineInstrument),
    /// The money of an account.
    Money(MoveMoney),
    /// The shares of an account.
    Shares(MoveShares),
    /// The limits of an account.
    Limits(SetLimits),
}

impl Founding {
    /// Writes it as an unstamped command into `to` and gives its length.
    pub fn write(&self, to: &mut [u8; MAX_FRAME_LEN], origin: Origin) -> usize {
        match self {
            Self::Currency(body) => frame::write(to, origin, body),
            Self::Participant(body) => frame::write(to, origin, body),
            Self::Account(body) => frame::write(to, origin, body),
            Self::Session(body) => frame::write(to, origin, body),
            Self::Instrument(body) => frame::write(to, origin, body),
            Self::Money(body) => frame::write(to, origin, body),
            Self::Shares(body) => frame::write(to, origin, body),
            Self::Limits(body) => frame::write(to, origin, body),
        }
    }
}

/// Who founds, and on what ground.
fn act() -> Act {
    Act {
        by: OperatorName::new(b"founding").expect("eight printable characters"),
        why: Why::new(b"cluster description").expect("nineteen printable characters"),
    }
}

impl Description {
    /// The commands that found the exchange, in their order: each refers to earlier ones only.
    #[must_use]
    pub fn founding(&self) -> Vec<Founding> {
        let currencies = self.currencies.iter().map(|entry| {
            Founding::Currency(DefineCurrency {
                currency: entry.id,
                decimals: entry.decimals,
                reserved: [0; 5],
                code: entry.code,
            })
        });
        let participants = self.participants.iter().map(|entry| {
            Founding::Participant(DefineParticipant {
                participant: entry.id,
                reserved: [0; 4],
                name: entry.name,
            })
        });
        let accounts = self.accounts.iter().map(|entry| {
            Founding::Account(DefineAccount { account: entry.id, participant: entry.participant })
        });
        let sessions = self.sessions.iter().filter(|entry| entry.participant.0 != 0).map(|entry| {
            Founding::Session(AssignSession { session: entry.id, participant: entry.participant })
        });
        let instruments =
            self.instruments.iter().map(|terms| Founding::Instrument(DefineInstrument { terms: *terms }));
        let money = self.accounts.iter().flat_map(|account| {
            account.money.iter().map(|deposit| {
                Founding::Money(MoveMoney {
                    account: account.id,
                    currency: deposit.currency,
                    direction: Transfer::Deposit,
                    reserved: 0,
                    amount: deposit.amount,
                    act: act(),
                })
            })
        });
        let shares = self.accounts.iter().flat_map(|account| {
            account.shares.iter().map(|deposit| {
                Founding::Shares(MoveShares {
                    account: account.id,
                    instrument: deposit.instrument,
                    direction: Transfer::Deposit,
                    reserved: [0; 7],
                    qty: deposit.qty,
                    act: act(),
                })
            })
        });
        let limits = self.accounts.iter().flat_map(|account| {
            account.limits.iter().map(|limited| {
                Founding::Limits(SetLimits {
                    account: account.id,
                    instrument: limited.instrument,
                    limits: limited.limits,
                    act: act(),
                })
            })
        });
        currencies
            .chain(participants)
            .chain(accounts)
            .chain(sessions)
            .chain(instruments)
            .chain(money)
            .chain(shares)
            .chain(limits)
            .collect()
    }
}
