//! What a test of the rules says to the exchange besides orders: instruments of every kind, accounts, phases, operators.

use super::{ACME, ALICE, BOB, Desk, LIMITS, Told, define, lines, logon};
use wire::command::*;
use wire::{
    AccountId, ClOrdId, CurrencyCode, CurrencyId, InstrumentId, Money, OperatorName, ParticipantId,
    ParticipantName, Price, Qty, SessionId, TradeId, Why,
};

/// A third session, of Alice's participant.
pub const CAROL: SessionId = SessionId(3);
/// Alice's and Carol's participant.
pub const HOUSE: ParticipantId = ParticipantId(1);
/// Bob's participant.
pub const BANK: ParticipantId = ParticipantId(2);
/// An account of the house.
pub const SAVINGS: AccountId = AccountId(1);
/// An account of the bank.
pub const VAULT: AccountId = AccountId(2);
/// Four decimals.
pub const EUR: CurrencyId = CurrencyId(1);

/// Who does it, and why.
pub fn act() -> Act {
    Act { by: OperatorName::new(b"warden").expect("short"), why: Why::new(b"a test").expect("short") }
}

/// A currency of four decimals, two participants with an account each, three sessions that are logged on, and the
/// instrument as `change` has it.
pub fn floor(change: impl FnOnce(&mut InstrumentTerms)) -> Desk {
    floor_with(LIMITS, change)
}

/// The same within other limits.
pub fn floor_with(limits: engine::Limits, change: impl FnOnce(&mut InstrumentTerms)) -> Desk {
    let mut desk = Desk::empty(limits);
    let code = CurrencyCode::new(b"EUR").expect("short");
    desk.send(&DefineCurrency { currency: EUR, decimals: 4, reserved: [0; 5], code });
    for (participant, account, text) in [(HOUSE, SAVINGS, b"HOUSE"), (BANK, VAULT, b"BANK!")] {
        let name = ParticipantName::new(text).expect("short");
        desk.send(&DefineParticipant { participant, reserved: [0; 4], name });
        desk.send(&DefineAccount { account, participant });
    }
    for (session, participant) in [(ALICE, HOUSE), (BOB, BANK), (CAROL, HOUSE)] {
        desk.send(&AssignSession { session, participant });
        desk.send(&logon(session));
    }
    let mut asked = define(ACME, b"ACME");
    let mut terms = asked.terms;
    change(&mut terms);
    asked.terms = terms;
    assert_eq!(lines(&desk.send(&asked)), ["InstrumentDefined"]);
    desk
}

/// Funds are checked, in EUR, with a fee of 1 % for makers and 2 % for takers.
pub fn funds(terms: &mut InstrumentTerms) {
    terms.checks = Checks::Funds;
    terms.currency = EUR;
    (terms.maker_fee, terms.taker_fee) = (10_000, 20_000);
}

/// Limits are checked.
pub fn risk(terms: &mut InstrumentTerms) {
    terms.checks = Checks::Risk;
}

impl Desk {
    /// The events of a command as lines.
    pub fn say<B: wire::CommandBody>(&mut self, body: &B) -> Vec<String> {
        lines(&self.send(body))
    }

    /// Moves the instrument into a phase.
    pub fn phase(&mut self, phase: Phase) -> Vec<String> {
        self.say(&SetPhase { instrument: ACME, phase, reserved: [0; 3], act: act() })
    }

    /// Moves it there through any phases between.
    pub fn through(&mut self, phases: &[Phase]) -> Vec<String> {
        let mut last = Vec::new();
        for phase in phases {
            last = self.phase(*phase);
        }
        last
    }

    pub fn bands(&mut self, low: i64, high: i64, collar: i64, reference: i64) -> Vec<String> {
        let bands =
            Bands { low: Price(low), high: Price(high), collar: Price(collar), reference: Price(reference) };
        self.say(&SetBands { instrument: ACME, reserved: [0; 4], bands, act: act() })
    }

    pub fn money(&mut self, account: AccountId, direction: Transfer, amount: i128) -> Vec<Told> {
        let amount = Money(amount);
        self.send(&MoveMoney { account, currency: EUR, direction, reserved: 0, amount, act: act() })
    }

    pub fn shares(&mut self, account: AccountId, direction: Transfer, qty: u64) -> Vec<Told> {
        self.send(&MoveShares {
            account,
            instrument: ACME,
            direction,
            reserved: [0; 7],
            qty: Qty(qty),
            act: act(),
        })
    }

    pub fn limits(&mut self, account: AccountId, change: impl FnOnce(&mut RiskLimits)) -> Vec<String> {
        let mut limits = RiskLimits::default();
        change(&mut limits);
        self.say(&SetLimits { account, instrument: ACME, limits, act: act() })
    }

    pub fn kill_switch(&mut self, participant: ParticipantId, trading: Trading) -> Vec<String> {
        self.say(&SetTrading { participant, trading, reserved: [0; 3], act: act() })
    }

    pub fn bust(&mut self, trade: u64) -> Vec<String> {
        self.say(&BustTrade { trade: TradeId(trade), act: act() })
    }

    pub fn correct(&mut self, trade: u64, qty: u64, price: i64) -> Vec<String> {
        self.say(&CorrectTrade { trade: TradeId(trade), price: Price(price), qty: Qty(qty), act: act() })
    }

    pub fn end_day(&mut self) -> Vec<String> {
        self.say(&EndDay { act: act() })
    }

    /// Available and withheld, in ten-thousandths of a euro.
    pub fn cash(&self, account: AccountId) -> (i128, i128) {
        let cash = self.replica.machine().cash(account, EUR);
        (cash.available.0, cash.withheld.0)
    }

    pub fn position(&self, account: AccountId) -> i128 {
        self.replica.machine().holding(account, ACME).position
    }

    /// The names in the book, as they would be matched.
    pub fn queue(&self, side: Side) -> Vec<ClOrdId> {
        self.replica.machine().book(ACME).expect("defined").queue(side).map(|o| o.cl_ord_id).collect()
    }

    /// Price, shown and hidden of every level.
    pub fn depth(&self, side: Side) -> Vec<(i64, u64, u64)> {
        let book = self.replica.machine().book(ACME).expect("defined");
        book.levels(side).map(|l| (l.price.0, l.qty.0, l.hidden.0)).collect()
    }

    /// The names of the stops of a side, as they would be activated.
    pub fn stops(&self, side: Side) -> Vec<ClOrdId> {
        self.replica.machine().stops(ACME, side).map(|o| o.cl_ord_id).collect()
    }

    /// The names of what waits for the close.
    pub fn waiting(&self) -> Vec<ClOrdId> {
        self.replica.machine().waiting(ACME).map(|o| o.cl_ord_id).collect()
    }
}

/// The order for this account.
pub fn of(account: AccountId, order: NewOrder) -> NewOrder {
    NewOrder { account, ..order }
}

/// A client's mass cancel.
pub fn mass_cancel(session: SessionId, text: &str, scope: MassScope) -> MassCancel {
    MassCancel {
        session,
        client_seq: 9,
        scope,
        reserved: [0; 3],
        instrument: ACME,
        account: SAVINGS,
        cl_ord_id: super::name(text),
    }
}

/// An operator's.
pub fn mass_cancel_for(scope: MassScope, subject: u32) -> MassCancelFor {
    MassCancelFor { scope, reserved: [0; 3], subject, act: act() }
}

/// Another instrument's number, for what is not to be touched.
pub const OTHER: InstrumentId = InstrumentId(2);
