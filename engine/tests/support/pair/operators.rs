//! What operators and the keepers of the registry ask for.

use super::generator::act;
use super::{Asked, Draw, Generator};
use crate::naive::Model;
use wire::command::*;
use wire::{
    AccountId, CurrencyCode, CurrencyId, InstrumentId, Money, ParticipantId, ParticipantName, Price, Qty,
    Symbol, TradeId,
};

use Phase::{Closed, ClosingAuction, Continuous, Halted, OpeningAuction, PreOpen};

impl Generator {
    /// Through the day, mostly by ways that there are.
    pub(super) fn phase(&mut self, model: &Model, d: &mut Draw, which: Option<InstrumentId>) -> Asked {
        let any = if d.one_in(4) { InstrumentId::ALL } else { self.any_instrument(d) };
        let instrument = which.unwrap_or(any);
        let from =
            model.instrument(if instrument == InstrumentId::ALL { InstrumentId(1) } else { instrument });
        let usual: &[Phase] = match from.map(|(terms, ..)| terms.phase) {
            Some(Closed) => &[PreOpen, OpeningAuction, Continuous],
            Some(PreOpen) => &[OpeningAuction, OpeningAuction, Continuous, Halted],
            Some(OpeningAuction) => &[Continuous, Continuous, Continuous, Halted],
            Some(Continuous) | None => &[ClosingAuction, ClosingAuction, Halted, Closed],
            Some(ClosingAuction) => &[Closed, Closed, Halted],
            Some(Halted) => &[Continuous, ClosingAuction, PreOpen, OpeningAuction, Closed],
        };
        let phase = if d.one_in(10) { d.of(Phase::ALL) } else { d.of(usual) };
        SetPhase { instrument, phase, reserved: [0; 3], act: act() }.into()
    }

    fn any_account(&mut self, d: &mut Draw) -> AccountId {
        AccountId(d.weighed(&[(20, 1), (20, 2), (20, 3), (20, 4), (20, 5), (1, 0), (1, 6)]))
    }

    fn any_participant(&mut self, d: &mut Draw) -> ParticipantId {
        ParticipantId(d.weighed(&[(20, 1), (20, 2), (20, 3), (1, 0), (1, 4), (1, 99)]))
    }

    pub(super) fn operator(&mut self, model: &Model, d: &mut Draw) -> Asked {
        let act = act();
        match d.weighed(&[
            (20, 0),
            (12, 1),
            (12, 2),
            (8, 3),
            (6, 4),
            (4, 5),
            (9, 6),
            (10, 7),
            (6, 8),
            (1, 9),
            (2, 10),
            (4, 11),
            (4, 12),
        ]) {
            0 => self.money(d),
            1 => self.shares(d),
            2 => self.limits(d),
            3 => self.bands(d),
            4 => {
                let share = d.weighed(&[(8, 40), (3, 100), (3, 0), (3, 33), (1, 101)]);
                let lead = Lead { participant: self.any_participant(d), share, reserved: [0; 3] };
                SetLead { instrument: self.any_instrument(d), lead, act }.into()
            }
            5 => {
                // Whoever is stopped may go on before long.
                let trading = d.weighed(&[(1, Trading::Allowed), (2, Trading::Stopped)]);
                SetTrading { participant: self.any_participant(d), trading, reserved: [0; 3], act }.into()
            }
            6 => BustTrade { trade: any_trade(model, d), act }.into(),
            7 => {
                let price = Price(d.weighed(&[(20, 1000), (10, 1025), (1, 0), (1, 1001), (1, 1 << 41)]));
                let qty = Qty(d.weighed(&[(20, 20), (10, 50), (1, 0), (1, 15), (1, 10 << 40)]));
                CorrectTrade { trade: any_trade(model, d), price, qty, act }.into()
            }
            8 => {
                let open = model.open().len() as u64;
                let (session, cl_ord_id) = if open == 0 || d.one_in(3) {
                    self.used(d)
                } else {
                    let (session, order) =
                        model.open().nth(d.below(open) as usize).expect("below their number");
                    (session, order.cl_ord_id)
                };
                CancelFor { session, cl_ord_id, act }.into()
            }
            9 => {
                let scope = d.of(MassScope::ALL);
                let subject = d.below(6) as u32;
                MassCancelFor { scope, reserved: [0; 3], subject, act }.into()
            }
            10 => EndDay { act }.into(),
            11 => {
                let session = self.any_session(d);
                let home = ParticipantId(session.0 % 4);
                let participant = if d.one_in(3) { self.any_participant(d) } else { home };
                AssignSession { session, participant }.into()
            }
            _ => self.definition(d),
        }
    }

    fn money(&mut self, d: &mut Draw) -> Asked {
        let direction = d.of(&[Transfer::Deposit, Transfer::Withdrawal]);
        let currency = CurrencyId(d.weighed(&[(20, 1), (20, 2), (1, 0), (1, 3)]));
        let usual = (if currency.0 == 1 { 100_000 } else { 1_000 }) * (1 + i128::from(d.below(100)));
        let amount = d.weighed(&[(60, usual), (1, 0), (1, -5), (1, i128::MAX), (2, 1 << 60)]);
        // What is too much for a small world would end its shortages.
        let direction = if amount == 1 << 60 { Transfer::Withdrawal } else { direction };
        let account = self.any_account(d);
        MoveMoney { account, currency, direction, reserved: 0, amount: Money(amount), act: act() }.into()
    }

    fn shares(&mut self, d: &mut Draw) -> Asked {
        let direction = d.of(&[Transfer::Deposit, Transfer::Withdrawal]);
        let qty = Qty(d.weighed(&[(20, 100), (20, 50), (10, 10), (1, 0), (1, u64::MAX), (1, (1 << 60) + 1)]));
        let (account, instrument) = (self.any_account(d), self.any_instrument(d));
        MoveShares { account, instrument, direction, reserved: [0; 7], qty, act: act() }.into()
    }

    fn limits(&mut self, d: &mut Draw) -> Asked {
        let mut limits = RiskLimits::default();
        if !d.one_in(3) {
            limits.order_qty = Qty(d.weighed(&[(8, 0), (1, 100)]));
            limits.order_value =
                Money(d.weighed(&[(16, 0), (1, 100_000), (1, 10_000_000), (1, 80_000), (1, -1)]));
            limits.position = Qty(d.weighed(&[(4, 0), (1, 500), (2, 1_000), (2, 2_500)]));
            limits.day_volume = Qty(d.weighed(&[(4, 0), (1, 1_000), (1, 3_000)]));
            limits.open_orders = d.weighed(&[(3, 0), (1, 4), (1, 2)]);
        }
        let account = self.any_account(d);
        let instrument = if d.one_in(3) { InstrumentId::ALL } else { self.any_instrument(d) };
        SetLimits { account, instrument, limits, act: act() }.into()
    }

    fn bands(&mut self, d: &mut Draw) -> Asked {
        let bands = Bands {
            low: Price(d.weighed(&[(16, 0), (3, 960), (1, 975), (1, 963), (1, -1), (1, 1_020)])),
            high: Price(d.weighed(&[(16, 0), (3, 1_040), (1, 1_025), (1, 1_037), (1, 1 << 41), (1, 1_015)])),
            collar: Price(d.weighed(&[(6, 0), (4, 40), (2, 25), (1, 3)])),
            reference: Price(d.weighed(&[(6, 0), (4, 1_000), (2, 1_013), (1, 990)])),
        };
        SetBands { instrument: self.any_instrument(d), reserved: [0; 4], bands, act: act() }.into()
    }

    /// Mostly of what there is already; instrument 5 may come late.
    fn definition(&mut self, d: &mut Draw) -> Asked {
        let text = d.of(&["EUR", "I1", "P1", "", "LATE"]);
        match d.below(4) {
            0 => {
                let code = CurrencyCode::new(text.as_bytes()).unwrap_or_default();
                let (currency, decimals) = (CurrencyId(d.below(5) as u16), d.of(&[2, 12, 13]));
                // The world stays small.
                let code = if text == "LATE" { CurrencyCode::default() } else { code };
                DefineCurrency { currency, decimals, reserved: [0; 5], code }.into()
            }
            1 => {
                let name = ParticipantName::new(text.as_bytes()).unwrap_or_default();
                DefineParticipant { participant: ParticipantId(d.below(4) as u32), reserved: [0; 4], name }
                    .into()
            }
            2 => {
                let (account, participant) = (AccountId(d.below(6) as u32), self.any_participant(d));
                DefineAccount { account, participant }.into()
            }
            _ => {
                let symbol = Symbol::new(text.as_bytes()).unwrap_or_default();
                let number = d.of(&[5, 5, 1, 900]);
                let plain = InstrumentTerms::plain(
                    InstrumentId(number),
                    symbol,
                    d.of(&[2, 3, 13]),
                    Price(d.of(&[5, 5, 5, 0])),
                    Qty(d.of(&[10, 10, 10, 0])),
                );
                let terms = InstrumentTerms {
                    currency: CurrencyId(d.of(&[1, 0, 2, 3])),
                    checks: d.of(Checks::ALL),
                    algorithm: d.of(Algorithm::ALL),
                    lead: Lead { participant: self.any_participant(d), share: 30, reserved: [0; 3] },
                    phase: d.of(Phase::ALL),
                    maker_fee: d.of(&[0, 5, 1_000_000, 1_000_001]),
                    taker_fee: 17,
                    ..plain
                };
                DefineInstrument { terms }.into()
            }
        }
    }
}

/// One of the last trades, or rarely one that never was.
fn any_trade(model: &Model, d: &mut Draw) -> TradeId {
    if d.one_in(20) {
        return TradeId(d.of(&[0, u64::MAX, 1]));
    }
    TradeId(model.last_trade().saturating_sub(d.below(40)))
}
