//! Command flows to measure the engine with: made in advance from a seed, then applied. `lockstep`'s benches use it too.

#![allow(dead_code, unreachable_pub)]

pub mod lobster;

use engine::{EventSink, Exchange, Limits, Sequenced, StateMachine};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wire::command::{
    Act, AssignSession, CancelOrder, Checks, DefineAccount, DefineCurrency, DefineInstrument,
    DefineParticipant, InstrumentTerms, MoveMoney, MoveShares, NewOrder, ReplaceOrder, ResetSeqNums,
    SessionLogon, SetLimits, Side, Terms, TimeInForce, Transfer,
};
use wire::{
    AccountId, Chain, ClOrdId, Command, CommandBody, CurrencyCode, CurrencyId, Epoch, Incarnation,
    InstrumentId, Money, Nanos, NodeId, ParticipantId, ParticipantName, Position, Price, Qty, Seq, SessionId,
    Symbol,
};

/// Sessions, participants and accounts, one each.
pub const CLIENTS: u32 = 64;
/// The price that the flows move about.
pub const MIDDLE: i64 = 100_000;

/// A command that the bench holds.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    New(NewOrder),
    Cancel(CancelOrder),
    Replace(ReplaceOrder),
}

impl Asked {
    pub fn command(&self) -> Command<'_> {
        match self {
            Self::New(asked) => Command::NewOrder(asked),
            Self::Cancel(asked) => Command::CancelOrder(asked),
            Self::Replace(asked) => Command::ReplaceOrder(asked),
        }
    }

    /// The same for whoever wants the body.
    pub fn give(&self, to: &mut impl Takes) {
        match self {
            Self::New(asked) => to.take(asked),
            Self::Cancel(asked) => to.take(asked),
            Self::Replace(asked) => to.take(asked),
        }
    }
}

/// An exchange and the sink of its events.
#[derive(Clone)]
pub struct Desk {
    pub exchange: Exchange,
    pub sink: EventSink,
    seq: u64,
}

impl Desk {
    /// An exchange in which everyone is logged on and rich, and every instrument trades.
    pub fn new(instruments: u32, checks: Checks, limits: Limits) -> Self {
        let exchange = Exchange::new(limits).expect("the bench's limits can be granted");
        let mut desk = Self { exchange, sink: EventSink::with_capacity(1 << 16), seq: 0 };
        found(instruments, checks, &mut desk);
        desk
    }

    /// Applies one command as the next of the log.
    #[inline]
    pub fn apply(&mut self, command: Command<'_>) {
        self.seq += 1;
        let at = Position { epoch: Epoch(1), seq: Seq(self.seq), chain: Chain(self.seq) };
        let timestamp = Nanos(self.seq);
        let (source, incarnation) = (NodeId(1), Incarnation(1));
        self.sink.begin(at, timestamp);
        self.exchange.apply(&Sequenced { at, timestamp, source, incarnation, command }, &mut self.sink);
    }
}

/// What commands are given to.
pub trait Takes {
    fn take<B: CommandBody>(&mut self, body: &B);
}

impl Takes for Desk {
    fn take<B: CommandBody>(&mut self, body: &B) {
        let command = Command::read(B::KIND as u8, body.as_bytes());
        self.apply(command.expect("the kind is the body's own"));
    }
}

/// Everyone is logged on and rich, and every instrument trades.
pub fn found(instruments: u32, checks: Checks, to: &mut impl Takes) {
    let (usd, act) = (CurrencyId(1), Act::default());
    let code = CurrencyCode::new(b"USD").expect("short and printable");
    to.take(&DefineCurrency { currency: usd, decimals: 4, reserved: [0; 5], code });
    for number in 1..=CLIENTS {
        let (participant, account, session) = (ParticipantId(number), AccountId(number), SessionId(number));
        let name = ParticipantName::new(b"SOMEBODY").expect("short and printable");
        to.take(&DefineParticipant { participant, reserved: [0; 4], name });
        to.take(&DefineAccount { account, participant });
        to.take(&AssignSession { session, participant });
        let reset = ResetSeqNums::No;
        to.take(&SessionLogon { session, client_seq: 1, reset, reserved: [0; 7] });
        let (direction, amount) = (Transfer::Deposit, Money(1 << 80));
        to.take(&MoveMoney { account, currency: usd, direction, reserved: 0, amount, act });
        if checks != Checks::None {
            let limits = wire::command::RiskLimits {
                order_qty: Qty(1 << 39),
                order_value: Money(1 << 100),
                position: Qty(1 << 59),
                day_volume: Qty(1 << 59),
                open_orders: 1 << 30,
                reserved: [0; 4],
            };
            to.take(&SetLimits { account, instrument: InstrumentId::ALL, limits, act });
        }
    }
    for number in 0..instruments {
        let instrument = InstrumentId(number);
        let symbol = Symbol::new(format!("S{number}").as_bytes()).expect("short and printable");
        let plain = InstrumentTerms::plain(instrument, symbol, 2, Price(5), Qty(1));
        let terms = InstrumentTerms { currency: usd, checks, maker_fee: 20, taker_fee: 50, ..plain };
        to.take(&DefineInstrument { terms });
        if checks == Checks::Funds {
            for number in 1..=CLIENTS {
                let (account, direction, qty) = (AccountId(number), Transfer::Deposit, Qty(1 << 40));
                let reserved = [0; 7];
                to.take(&MoveShares { account, instrument, direction, reserved, qty, act });
            }
        }
    }
}

/// Who asks for what, in which shares.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Out of 100: cancels, replaces, immediate orders that cross; the rest are new orders that mostly rest.
    pub cancels: u32,
    pub replaces: u32,
    pub takers: u32,
}

/// What trading looks like: most orders are cancelled, few trade.
pub const REALISTIC: Mix = Mix { cancels: 42, replaces: 6, takers: 6 };

/// Makes flows. It knows what it has sent, not what became of it: some cancels come too late, as in life.
pub struct Flow {
    random: SmallRng,
    /// The names that each client has used.
    named: [u64; CLIENTS as usize + 1],
    live: Vec<(SessionId, InstrumentId, Side, ClOrdId)>,
    instruments: u32,
    /// Cumulative weights, for instruments that are not equally busy.
    zipf: Vec<f64>,
}

impl Flow {
    pub fn new(seed: u64, instruments: u32) -> Self {
        let mut all = 0.0;
        let weights = (1..=instruments).map(|rank| {
            all += 1.0 / f64::from(rank);
            all
        });
        let zipf = weights.collect();
        Self {
            random: SmallRng::seed_from_u64(seed),
            named: [0; CLIENTS as usize + 1],
            live: Vec::new(),
            instruments,
            zipf,
        }
    }

    fn instrument(&mut self) -> InstrumentId {
        if self.instruments == 1 {
            return InstrumentId(0);
        }
        let all = *self.zipf.last().expect("at least one instrument");
        let drawn = self.random.random_range(0.0..all);
        let rank = self.zipf.partition_point(|up_to| *up_to < drawn);
        // Neighbours in popularity are no neighbours in the tables.
        let rank = u32::try_from(rank).expect("below the number of instruments");
        InstrumentId((rank.wrapping_mul(2_654_435_761)) % self.instruments)
    }

    fn order(&mut self, instrument: InstrumentId, side: Side, price: i64, time: TimeInForce) -> NewOrder {
        let client = self.random.random_range(1..=CLIENTS);
        let qty = Qty(self.random.random_range(1..=10) * 100);
        let terms = Terms { time_in_force: time, ..Terms::limit(instrument, side, Price(price), qty) };
        NewOrder {
            session: SessionId(client),
            client_seq: 2,
            terms,
            cl_ord_id: self.name(SessionId(client)),
            account: AccountId(client),
        }
    }

    /// Clients count.
    fn name(&mut self, session: SessionId) -> ClOrdId {
        let number = &mut self.named[session.0 as usize];
        *number += 1;
        ClOrdId::new(format!("ORD{number:012}").as_bytes()).expect("short and printable")
    }

    fn side(&mut self) -> Side {
        if self.random.random() { Side::Buy } else { Side::Sell }
    }

    /// So many ticks away from the other side; below zero it crosses.
    fn price(side: Side, away: i64) -> i64 {
        match side {
            Side::Buy => MIDDLE - 5 * away,
            Side::Sell => MIDDLE + 5 * away,
        }
    }

    /// A new order that rests, its distance falling off like a power law.
    pub fn resting(&mut self) -> Asked {
        let (instrument, side) = (self.instrument(), self.side());
        let uniform: f64 = self.random.random_range(0.002..1.0);
        let away = (1.0 / uniform).powf(0.9) as i64;
        let order = self.order(instrument, side, Self::price(side, away), TimeInForce::Day);
        self.live.push((order.session, instrument, side, order.cl_ord_id));
        Asked::New(order)
    }

    /// A new order that rests anywhere within so many ticks.
    pub fn resting_within(&mut self, ticks: i64) -> Asked {
        let (instrument, side) = (self.instrument(), self.side());
        let away = self.random.random_range(1..=ticks);
        let order = self.order(instrument, side, Self::price(side, away), TimeInForce::Day);
        self.live.push((order.session, instrument, side, order.cl_ord_id));
        Asked::New(order)
    }

    /// An immediate order that takes what is there, up to so many ticks deep.
    pub fn taking(&mut self, deep: i64, lots: u64) -> Asked {
        let (instrument, side) = (self.instrument(), self.side());
        let mut order =
            self.order(instrument, side, Self::price(side, -deep), TimeInForce::ImmediateOrCancel);
        order.terms.qty = Qty(100 * lots);
        Asked::New(order)
    }

    /// Recent orders are the likeliest to be cancelled.
    fn pick(&mut self) -> Option<usize> {
        let live = self.live.len();
        if live == 0 {
            return None;
        }
        let uniform: f64 = self.random.random_range(0.0..1.0);
        let back = (uniform * uniform * live as f64) as usize;
        Some(live - 1 - back.min(live - 1))
    }

    pub fn cancelling(&mut self) -> Option<Asked> {
        let (session, instrument, side, orig_cl_ord_id) = {
            let at = self.pick()?;
            self.live.swap_remove(at)
        };
        let cl_ord_id = self.name(session);
        let reserved = [0; 3];
        Some(Asked::Cancel(CancelOrder {
            session,
            client_seq: 3,
            instrument,
            side,
            reserved,
            cl_ord_id,
            orig_cl_ord_id,
        }))
    }

    pub fn replacing(&mut self) -> Option<Asked> {
        let at = self.pick()?;
        let (session, instrument, side, orig_cl_ord_id) = self.live[at];
        let cl_ord_id = self.name(session);
        self.live[at].3 = cl_ord_id;
        let away = self.random.random_range(1..20);
        let qty = Qty(self.random.random_range(1..=10) * 100);
        let terms = Terms::limit(instrument, side, Price(Self::price(side, away)), qty);
        Some(Asked::Replace(ReplaceOrder { session, client_seq: 3, terms, cl_ord_id, orig_cl_ord_id }))
    }

    /// As the mix says, with about this many orders open at a time.
    pub fn mixed(&mut self, mix: &Mix, open: usize) -> Asked {
        let drawn = self.random.random_range(0..100);
        if self.live.len() > open
            && drawn >= mix.cancels + mix.replaces + mix.takers
            && let Some(asked) = self.cancelling()
        {
            return asked;
        }
        let asked = if drawn < mix.cancels {
            self.cancelling()
        } else if drawn < mix.cancels + mix.replaces {
            self.replacing()
        } else if drawn < mix.cancels + mix.replaces + mix.takers {
            Some(self.taking(3, 6))
        } else {
            None
        };
        asked.unwrap_or_else(|| self.resting())
    }
}
