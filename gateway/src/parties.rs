//! Whose sessions and accounts are whose, as this gateway has heard.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use wire::event::{AccountDefined, SessionAssigned};
use wire::{AccountId, ParticipantId, SessionId};

/// Looked up by number, never iterated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parties {
    participant_of: HashMap<SessionId, ParticipantId, FxBuildHasher>,
    /// Each participant's account with the lowest number.
    first_account: HashMap<ParticipantId, AccountId, FxBuildHasher>,
}

impl Parties {
    pub(crate) fn assign(&mut self, assigned: &SessionAssigned) {
        match assigned.participant {
            ParticipantId(0) => self.participant_of.remove(&{ assigned.session }),
            participant => self.participant_of.insert(assigned.session, participant),
        };
    }

    pub(crate) fn define(&mut self, defined: &AccountDefined) {
        let account = defined.account;
        let first = self.first_account.entry(defined.participant).or_insert(account);
        *first = account.min(*first);
    }

    /// The account that a session's orders are for where they name none: its participant's with the lowest number, or 0.
    pub(crate) fn account_of(&self, session: SessionId) -> AccountId {
        let account = self.participant_of.get(&session).and_then(|theirs| self.first_account.get(theirs));
        account.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_account_is_the_lowest_of_its_participant_whatever_comes_first() {
        let mut parties = Parties::default();
        let define = |parties: &mut Parties, account, participant| {
            let (account, participant) = (AccountId(account), ParticipantId(participant));
            parties.define(&AccountDefined { account, participant });
        };
        let assign = |parties: &mut Parties, participant| {
            parties
                .assign(&SessionAssigned { session: SessionId(1), participant: ParticipantId(participant) });
        };
        assert_eq!(parties.account_of(SessionId(1)), AccountId(0));
        define(&mut parties, 9, 3);
        assign(&mut parties, 3);
        assert_eq!(parties.account_of(SessionId(1)), AccountId(9));
        define(&mut parties, 7, 3);
        define(&mut parties, 8, 3);
        define(&mut parties, 1, 4);
        assert_eq!(parties.account_of(SessionId(1)), AccountId(7));
        assign(&mut parties, 4);
        assert_eq!(parties.account_of(SessionId(1)), AccountId(1));
        assert_eq!(parties.account_of(SessionId(2)), AccountId(0));
    }
}
