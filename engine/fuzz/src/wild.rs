//! Commands from bytes, with numbers of every size: nothing here is likely to make sense.

use crate::pair::Asked;
use crate::support::name;
use wire::command::*;
use wire::{
    AccountId, ClOrdId, CurrencyCode, CurrencyId, InstrumentId, Money, Nanos, ParticipantId, ParticipantName,
    Price, Qty, Rules, SessionId, Symbol, TradeId,
};

/// Bytes, taken from the front; zeros when they run out.
pub struct Wild<'a>(pub &'a [u8]);

impl Wild<'_> {
    /// True while there are bytes.
    pub fn has_more(&self) -> bool {
        !self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn raw(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Small ones, lots and ticks, the edges of what is allowed, and anything.
    fn number(&mut self) -> u64 {
        let pick = self.byte();
        let small = u64::from(pick >> 3);
        match pick & 7 {
            0 => small,
            1 => 10 * small,
            2 => 1000 + 5 * small,
            3 => 10 * u64::from(self.byte()),
            4 => [0, 1, 1 << 40, (1 << 40) + 10, (1 << 40) - 6, 1 << 60, 1 << 63, u64::MAX]
                [usize::from(pick >> 5)],
            5 => (1 << 40) - 16 + small,
            6 => 990 + small,
            _ => self.raw(),
        }
    }

    fn price(&mut self) -> Price {
        Price(self.number().cast_signed())
    }

    fn qty(&mut self) -> Qty {
        Qty(self.number())
    }

    fn money(&mut self) -> Money {
        let number = i128::from(self.number());
        Money(match self.byte() & 7 {
            0 => -number,
            1 => number << 60,
            2 => i128::MAX - number,
            3 => i128::MIN + number,
            _ => number * 100_000,
        })
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    fn session(&mut self) -> SessionId {
        SessionId(self.of(&[1, 2, 3, 4, 1, 2, 3, 0, 7, u32::MAX]))
    }

    fn instrument(&mut self) -> InstrumentId {
        InstrumentId(self.of(&[1, 2, 3, 4, 1, 2, 3, 4, 5, 0, 7, u32::MAX]))
    }

    fn account(&mut self) -> AccountId {
        AccountId(self.of(&[1, 2, 3, 4, 5, 0, 6, u32::MAX]))
    }

    fn participant(&mut self) -> ParticipantId {
        ParticipantId(self.of(&[1, 2, 3, 0, 4, u32::MAX]))
    }

    fn currency(&mut self) -> CurrencyId {
        CurrencyId(self.of(&[1, 2, 0, 3, u16::MAX]))
    }

    fn name(&mut self) -> ClOrdId {
        let number = self.byte();
        if number == 255 { ClOrdId::default() } else { name(&format!("n{}", number % 48)) }
    }

    fn text(&mut self) -> String {
        let number = self.byte();
        if number == 0 { String::new() } else { format!("T{}", number % 16) }
    }

    fn act(&mut self) -> Act {
        Act::default()
    }

    fn terms(&mut self) -> Terms {
        let mut terms = Terms::limit(self.instrument(), self.of(Side::ALL), self.price(), self.qty());
        let special = self.byte();
        if special & 1 != 0 {
            terms.order_type = self.of(OrderType::ALL);
            terms.stop_price = self.price();
        }
        if special & 2 != 0 {
            terms.time_in_force = self.of(TimeInForce::ALL);
            terms.expire = Nanos(self.number());
        }
        if special & 4 != 0 {
            terms.display = self.qty();
        }
        if special & 8 != 0 {
            terms.min_qty = self.qty();
        }
        if special & 16 != 0 {
            terms.post_only = PostOnly::Yes;
        }
        if special & 32 != 0 {
            terms.self_trade = self.of(SelfTrade::ALL);
        }
        terms
    }

    fn bands(&mut self) -> Bands {
        Bands { low: self.price(), high: self.price(), collar: self.price(), reference: self.price() }
    }

    fn lead(&mut self) -> Lead {
        Lead { participant: self.participant(), share: self.byte(), reserved: [0; 3] }
    }

    fn instrument_terms(&mut self) -> InstrumentTerms {
        let symbol = Symbol::new(self.text().as_bytes()).unwrap_or_default();
        let instrument = InstrumentId(u32::from(self.byte() % 10));
        let decimals = self.byte() % 14;
        let plain = InstrumentTerms::plain(instrument, symbol, decimals, self.price(), self.qty());
        InstrumentTerms {
            currency: self.currency(),
            checks: self.of(Checks::ALL),
            bands: if self.byte() & 1 == 0 { plain.bands } else { self.bands() },
            lead: self.lead(),
            algorithm: self.of(Algorithm::ALL),
            phase: self.of(Phase::ALL),
            maker_fee: u32::try_from(self.number() & 0x1F_FFFF).expect("21 bits"),
            taker_fee: u32::try_from(self.number() & 0x1F_FFFF).expect("21 bits"),
            ..plain
        }
    }

    /// The next command.
    pub fn command(&mut self) -> Asked {
        let act = self.act();
        match self.byte() % 32 {
            0..=9 => NewOrder {
                session: self.session(),
                client_seq: 1,
                terms: self.terms(),
                cl_ord_id: self.name(),
                account: self.account(),
            }
            .into(),
            10 => CancelOrder {
                session: self.session(),
                client_seq: 1,
                instrument: self.instrument(),
                side: self.of(Side::ALL),
                reserved: [0; 3],
                cl_ord_id: self.name(),
                orig_cl_ord_id: self.name(),
            }
            .into(),
            11..=13 => ReplaceOrder {
                session: self.session(),
                client_seq: 1,
                terms: self.terms(),
                cl_ord_id: self.name(),
                orig_cl_ord_id: self.name(),
            }
            .into(),
            14 => MassCancel {
                session: self.session(),
                client_seq: 1,
                scope: self.of(MassScope::ALL),
                reserved: [0; 3],
                instrument: self.instrument(),
                account: self.account(),
                cl_ord_id: self.name(),
            }
            .into(),
            15 => DefineInstrument { terms: self.instrument_terms() }.into(),
            16 | 17 => {
                SetPhase { instrument: self.instrument(), phase: self.of(Phase::ALL), reserved: [0; 3], act }
                    .into()
            }
            18 => {
                SetBands { instrument: self.instrument(), reserved: [0; 4], bands: self.bands(), act }.into()
            }
            19 => SetLead { instrument: self.instrument(), lead: self.lead(), act }.into(),
            20 => MoveMoney {
                account: self.account(),
                currency: self.currency(),
                direction: self.of(Transfer::ALL),
                reserved: 0,
                amount: self.money(),
                act,
            }
            .into(),
            21 => MoveShares {
                account: self.account(),
                instrument: self.instrument(),
                direction: self.of(Transfer::ALL),
                reserved: [0; 7],
                qty: self.qty(),
                act,
            }
            .into(),
            22 => SetLimits {
                account: self.account(),
                instrument: self.instrument(),
                limits: self.limits(),
                act,
            }
            .into(),
            23 => SetTrading {
                participant: self.participant(),
                trading: self.of(Trading::ALL),
                reserved: [0; 3],
                act,
            }
            .into(),
            24 => BustTrade { trade: TradeId(u64::from(self.byte())), act }.into(),
            25 => CorrectTrade {
                trade: TradeId(u64::from(self.byte())),
                price: self.price(),
                qty: self.qty(),
                act,
            }
            .into(),
            26 => CancelFor { session: self.session(), cl_ord_id: self.name(), act }.into(),
            27 => MassCancelFor {
                scope: self.of(MassScope::ALL),
                reserved: [0; 3],
                subject: u32::from(self.byte() % 8),
                act,
            }
            .into(),
            28 => EndDay { act }.into(),
            29 => self.definition(),
            30 => SessionLogon {
                session: self.session(),
                client_seq: u32::MAX,
                reset: ResetSeqNums::No,
                reserved: [0; 7],
            }
            .into(),
            _ => match self.byte() % 5 {
                4 => Snapshot { why: SnapshotReason::Schedule, reserved: [0; 7] }.into(),
                0 => Tick {}.into(),
                1 => RulesVersion { rules: Rules(1), reserved: [0; 4] }.into(),
                2 => GatewayOpen { version: 2, reserved: [0; 4] }.into(),
                _ => SessionLogout {
                    session: self.session(),
                    client_seq: u32::MAX,
                    reason: LogoutReason::Gateway,
                    reserved: [0; 7],
                }
                .into(),
            },
        }
    }

    fn limits(&mut self) -> RiskLimits {
        RiskLimits {
            order_qty: self.qty(),
            order_value: self.money(),
            position: self.qty(),
            day_volume: self.qty(),
            open_orders: u32::from(self.byte()),
            reserved: [0; 4],
        }
    }

    fn definition(&mut self) -> Asked {
        match self.byte() % 4 {
            0 => DefineCurrency {
                currency: self.currency(),
                decimals: self.byte() % 15,
                reserved: [0; 5],
                code: CurrencyCode::new(self.text().as_bytes()).unwrap_or_default(),
            }
            .into(),
            1 => DefineParticipant {
                participant: self.participant(),
                reserved: [0; 4],
                name: ParticipantName::new(self.text().as_bytes()).unwrap_or_default(),
            }
            .into(),
            2 => DefineAccount { account: self.account(), participant: self.participant() }.into(),
            _ => AssignSession { session: self.session(), participant: self.participant() }.into(),
        }
    }
}
