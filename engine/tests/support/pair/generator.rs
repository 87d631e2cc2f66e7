//! Draws become commands: which kind of command, through whom, at which time.

use super::{Asked, Draw, Pair, Step};
use crate::naive::Model;
use crate::support::{GATEWAY, LIFE, name};
use wire::command::*;
use wire::{
    AccountId, Chain, ClOrdId, CurrencyCode, CurrencyId, Epoch, Incarnation, InstrumentId, Money, NodeId,
    OperatorName, ParticipantId, ParticipantName, Price, Qty, Rules, Seq, SessionId, Symbol, Why,
};

/// Remembers which names were used, and where trading goes on.
#[derive(Clone, Debug)]
pub struct Generator {
    names: u64,
    /// Names that were used lately, with their session.
    recent: Vec<(SessionId, ClOrdId)>,
    pub(super) now: u64,
}

/// How many names are remembered.
const RECENT: usize = 96;

impl Generator {
    /// Nothing was asked for yet.
    pub fn new() -> Self {
        Self { names: 0, recent: Vec::new(), now: 0 }
    }

    /// The commands that make a small world in which everything meets.
    pub fn prologue() -> Vec<Asked> {
        let act = act();
        let mut all: Vec<Asked> = Vec::new();
        for (number, decimals, code) in [(1, 4, b"EUR"), (2, 2, b"USD")] {
            let code = CurrencyCode::new(code).expect("short");
            all.push(
                DefineCurrency { currency: CurrencyId(number), decimals, reserved: [0; 5], code }.into(),
            );
        }
        for number in 1..=3 {
            let name = ParticipantName::new(format!("P{number}").as_bytes()).expect("short");
            all.push(DefineParticipant { participant: ParticipantId(number), reserved: [0; 4], name }.into());
        }
        for (account, participant) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 2)] {
            let (account, participant) = (AccountId(account), ParticipantId(participant));
            all.push(DefineAccount { account, participant }.into());
        }
        for (session, participant) in [(1, 1), (2, 2), (3, 3), (4, 0)] {
            let (session, participant) = (SessionId(session), ParticipantId(participant));
            all.push(AssignSession { session, participant }.into());
            all.push(logon(session));
        }
        for (number, algorithm, checks, currency, decimals, collar) in [
            (1, Algorithm::PriceTime, Checks::Funds, 1, 2, 40),
            (2, Algorithm::LeadMarketMaker, Checks::Risk, 0, 2, 0),
            (3, Algorithm::ProRata, Checks::Funds, 2, 2, 0),
            (4, Algorithm::PriceTime, Checks::None, 0, 0, 0),
        ] {
            let symbol = Symbol::new(format!("I{number}").as_bytes()).expect("short");
            let plain = InstrumentTerms::plain(InstrumentId(number), symbol, decimals, Price(5), Qty(10));
            let reference = Price(if number == 2 { 0 } else { 1000 });
            let (low, high) = if number == 2 { (Price(955), Price(1045)) } else { (Price(0), Price(0)) };
            let terms = InstrumentTerms {
                currency: CurrencyId(currency),
                checks,
                bands: Bands { low, high, collar: Price(collar), reference },
                lead: Lead { participant: ParticipantId(2), share: 40, reserved: [0; 3] },
                algorithm,
                maker_fee: 1_003,
                taker_fee: 2_507,
                ..plain
            };
            all.push(DefineInstrument { terms }.into());
        }
        for account in 1..=5 {
            let account = AccountId(account);
            for (currency, amount) in [(1, 40_000_000), (2, 1_500_000)] {
                let currency = CurrencyId(currency);
                let (direction, amount) = (Transfer::Deposit, Money(amount));
                all.push(MoveMoney { account, currency, direction, reserved: 0, amount, act }.into());
            }
            for instrument in [1, 3] {
                let (instrument, direction) = (InstrumentId(instrument), Transfer::Deposit);
                all.push(
                    MoveShares { account, instrument, direction, reserved: [0; 7], qty: Qty(2_000), act }
                        .into(),
                );
            }
        }
        all
    }

    /// The next command, given and compared.
    pub fn step(&mut self, pair: &mut Pair, draw: Draw) -> Result<(), String> {
        let step = self.draw(pair, draw);
        pair.apply(step.source, step.life, &step.asked)
    }

    /// The next command; the log's clock goes on to it.
    pub fn draw(&mut self, pair: &mut Pair, mut draw: Draw) -> Step {
        let pause = draw.weighed(&[(20, 0), (8, 1), (4, 5), (1, 40)]);
        pair.desk.log.now.0 += pause;
        self.now = pair.desk.log.now.0 + 1;
        let (source, life, asked) = self.next(&pair.model, &mut draw);
        Step { now: pair.desk.log.now, source, life, asked }
    }

    fn next(&mut self, model: &Model, d: &mut Draw) -> (NodeId, Incarnation, Asked) {
        let asked = self.command(model, d);
        let session = match &asked {
            Asked::NewOrder(c) => c.session,
            Asked::CancelOrder(c) => c.session,
            Asked::ReplaceOrder(c) => c.session,
            Asked::MassCancel(c) => c.session,
            _ => SessionId(0),
        };
        let (source, life) = model.owner(session).unwrap_or((GATEWAY, LIFE));
        if d.one_in(200) { (NodeId(11), life, asked) } else { (source, life, asked) }
    }

    fn command(&mut self, model: &Model, d: &mut Draw) -> Asked {
        if let Some(asked) = self.go_on(model, d) {
            return asked;
        }
        match d.weighed(&[(580, 0), (100, 1), (200, 2), (3, 3), (3, 4), (80, 5), (10, 6), (2, 7)]) {
            0 => self.new_order(model, d),
            1 => self.cancel(model, d),
            2 => self.replace(model, d),
            3 => self.mass_cancel(d),
            4 => self.session(d),
            5 => self.operator(model, d),
            6 => system(d),
            _ => self.phase(model, d, None),
        }
    }

    /// What stands still goes on before long.
    fn go_on(&mut self, model: &Model, d: &mut Draw) -> Option<Asked> {
        let phases: Vec<(InstrumentId, Phase)> = (0..super::INSTRUMENTS)
            .map(InstrumentId)
            .filter_map(|id| Some((id, model.instrument(id)?.0.phase)))
            .collect();
        if !phases.is_empty() && phases.iter().all(|(_, phase)| *phase == Phase::Closed) && d.one_in(3) {
            return Some(EndDay { act: act() }.into());
        }
        let still: Vec<InstrumentId> =
            phases.iter().filter(|(_, phase)| *phase != Phase::Continuous).map(|(id, _)| *id).collect();
        let dead = phases.iter().any(|(_, phase)| matches!(phase, Phase::Closed | Phase::Halted));
        if !still.is_empty() && d.one_in(if dead { 10 } else { 50 }) {
            let instrument = if d.one_in(6) { InstrumentId::ALL } else { d.of(&still) };
            return Some(self.phase(model, d, Some(instrument)));
        }
        let out: Vec<u32> = (1..=4).filter(|s| model.owner(SessionId(*s)).is_none()).collect();
        if !out.is_empty() && d.one_in(20) {
            return Some(logon(SessionId(d.of(&out))));
        }
        let stopped = model.stopped();
        if !stopped.is_empty() && d.one_in(20) {
            let participant = ParticipantId(d.of(&stopped));
            return Some(
                SetTrading { participant, trading: Trading::Allowed, reserved: [0; 3], act: act() }.into(),
            );
        }
        None
    }

    /// Logons and logouts.
    fn session(&mut self, d: &mut Draw) -> Asked {
        let session = self.any_session(d);
        if d.one_in(3) {
            let reason = LogoutReason::Requested;
            return SessionLogout { session, client_seq: 5, reason, reserved: [0; 7] }.into();
        }
        logon(session)
    }

    /// A session, rarely one without a place.
    pub(super) fn any_session(&mut self, d: &mut Draw) -> SessionId {
        SessionId(d.weighed(&[(120, 1), (120, 2), (120, 3), (60, 4), (1, 0), (1, 5), (1, 999)]))
    }

    /// An instrument, rarely one that does not exist.
    pub(super) fn any_instrument(&mut self, d: &mut Draw) -> InstrumentId {
        InstrumentId(d.weighed(&[
            (120, 1),
            (100, 2),
            (100, 3),
            (80, 4),
            (1, 0),
            (3, 5),
            (1, 9),
            (1, u32::MAX),
        ]))
    }

    /// A fresh name, or rarely a used one.
    pub(super) fn fresh(&mut self, d: &mut Draw, session: SessionId) -> ClOrdId {
        if d.one_in(40) {
            return self.used(d).1;
        }
        self.names += 1;
        let text = name(&format!("n{}", self.names));
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push((session, text));
        text
    }

    /// A name that was used lately.
    pub(super) fn used(&mut self, d: &mut Draw) -> (SessionId, ClOrdId) {
        if self.recent.is_empty() { (SessionId(1), name("nobody")) } else { d.of(&self.recent) }
    }
}

fn logon(session: SessionId) -> Asked {
    SessionLogon { session, client_seq: 1, reset: ResetSeqNums::No, reserved: [0; 7] }.into()
}

/// Who supervises, and why.
pub(super) fn act() -> Act {
    Act {
        by: OperatorName::new(b"warden").expect("short"),
        why: Why::new(b"because it was drawn").expect("short"),
    }
}

fn system(d: &mut Draw) -> Asked {
    match d.weighed(&[(8, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]) {
        0 => Tick {}.into(),
        1 => EpochOpen {}.into(),
        2 => GatewayOpen { version: 2, reserved: [0; 4] }.into(),
        3 => RulesVersion { rules: Rules(1), reserved: [0; 4] }.into(),
        4 => Snapshot { why: SnapshotReason::Schedule, reserved: [0; 7] }.into(),
        _ => EpochStart {
            parent_epoch: Epoch(0),
            sequencer: NodeId(1),
            logger_count: 0,
            parent_seq: Seq(0),
            parent_chain: Chain(0),
            nonce: 0,
            cluster: 0,
            loggers: [LoggerMember::default(); MAX_LOGGERS],
            opening: Opening::AtStart,
            adopted: Default::default(),
            reserved: [0; 6],
        }
        .into(),
    }
}
