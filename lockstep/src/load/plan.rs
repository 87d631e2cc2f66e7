//! What a run is: which gateways, clients and instruments, how fast, and for how long.

use node::{Description, Strategy, Thread};
use std::net::SocketAddr;
use std::path::PathBuf;
use wire::{AccountId, Nanos};

/// The most sessions of one run: their numbers and sockets stay small.
pub const MAX_SESSIONS: usize = 1_000;
/// The most requests per second that a schedule can ask for.
pub const MAX_RATE: u64 = 10_000_000;

/// What is traded, as the exchange defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Symbol(55).
    pub symbol: String,
    /// Digits behind the point of a price.
    pub price_decimals: u8,
    /// The smallest price step, in units of ten to the minus `price_decimals`.
    pub tick: i64,
    /// Quantities are multiples of this.
    pub lot: u64,
    /// Where the price walk begins, in the same unit as `tick`; `None` begins at 10,000 ticks.
    pub start_price: Option<i64>,
}

/// When requests go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Open loop: so many requests per second over all sessions, by a constant schedule, whether answers come or not.
    Rate(u64),
    /// Closed loop: each session keeps so many requests unanswered.
    Window(u32),
    /// A replay alone: as recorded, so many times faster.
    Recorded {
        /// 1 is the recorded speed.
        times: u32,
    },
}

/// When a run has sent enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// After this time.
    Time(Nanos),
    /// After so many requests (orders, cancels and replaces together).
    Requests(u64),
    /// A replay alone: at the end of the file.
    All,
}

/// What invented flow is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A market: orders, cancels, replaces and trades about a middle that moves.
    #[default]
    Market,
    /// Orders alone, so far behind the middle that they rest.
    Resting,
}

/// The files that a run leaves behind, if wished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// One row for every request, written at the end ([`crate::load::record`]).
    pub requests: Option<PathBuf>,
    /// One row for every ExecutionReport, written as they come.
    pub executions: Option<PathBuf>,
}

/// A run. Begin with [`Plan::new`] and change what shall differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// FIX addresses; session *i* connects to gateway *i* modulo their number.
    pub gateways: Vec<SocketAddr>,
    /// TargetCompID(56): the exchange.
    pub exchange: String,
    /// SenderCompID(49) of each session.
    pub clients: Vec<String>,
    /// Account(1) on each session's orders, by the session's index; where there is none or 0, none is named.
    pub accounts: Vec<AccountId>,
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// When requests go out.
    pub pace: Pace,
    /// How much.
    pub amount: Amount,
    /// Decides the invented flow, together with the reports that come.
    pub seed: u64,
    /// What the invented flow is like.
    pub shape: Shape,
    /// Where and how urgently the thread runs. The default sleeps and goes before nobody: the cores belong to the system under test.
    pub thread: Thread,
    /// How long the connection and the answer to a Logon may take.
    pub logon_timeout: Nanos,
    /// How long, after the last request, answers are waited for.
    pub answer_timeout: Nanos,
    /// Whether a session whose connection is lost logs on again, at the next gateway that takes it, with its numbers begun
    /// anew. What it had sent without an answer stays unknown; nothing is sent a second time.
    pub reconnect: bool,
    /// How often progress is told.
    pub progress_every: Nanos,
    /// What to write.
    pub files: Files,
}

/// A recorded day to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// A LOBSTER message file, plain or `.zst`.
    pub path: PathBuf,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No address.
    #[error("no gateway: name at least one FIX address")]
    NoGateway,
    /// No session.
    #[error("no client: name at least one CompID that the cluster's description knows as a session")]
    NoClient,
    /// Too many sessions.
    #[error("{0} clients: one run drives at most {MAX_SESSIONS}")]
    TooManyClients(usize),
    /// The same CompID twice.
    #[error("client {0} is named twice: each session has its own CompID")]
    ClientTwice(String),
    /// Nothing to trade.
    #[error("no instrument: name at least one that the cluster's description lists")]
    NoInstrument,
    /// More than a request can name.
    #[error("{0} instruments: one run trades at most 65535")]
    TooManyInstruments(usize),
    /// A tick, lot or scale that no price or quantity fits.
    #[error(
        "instrument {0}: tick and lot must be above zero, price_decimals at most 18, a start price at least 200 ticks"
    )]
    Instrument(String),
    /// A pace of zero.
    #[error("the pace must be above zero, a rate at most {MAX_RATE} per second")]
    Pace,
    /// A pace or amount for replays.
    #[error("recorded pace and \"all\" belong to a replay: give a rate or a window, and a time or a number")]
    OnlyReplay,
    /// Replays trade one instrument.
    #[error("a replay trades one instrument, the plan names {0}")]
    OneInstrument(usize),
    /// A replay needs somebody on the other side.
    #[error(
        "a replay needs at least two clients: executions come from another session than the one that owns the order"
    )]
    TwoClients,
}

impl Plan {
    /// Sessions of these clients at these gateways that trade these instruments: 32 requests unanswered per session, for
    /// ten seconds, exchange `LOCKSTEP`, seed 1.
    #[must_use]
    pub fn new(gateways: Vec<SocketAddr>, clients: Vec<String>, instruments: Vec<Instrument>) -> Self {
        Self {
            gateways,
            exchange: "LOCKSTEP".into(),
            clients,
            accounts: Vec::new(),
            instruments,
            pace: Pace::Window(32),
            amount: Amount::Time(Nanos(10 * Nanos::SECOND.0)),
            seed: 1,
            shape: Shape::Market,
            thread: Thread { idle: Strategy::Block, core: None, priority: 0 },
            logon_timeout: Nanos(10 * Nanos::SECOND.0),
            answer_timeout: Nanos(10 * Nanos::SECOND.0),
            reconnect: false,
            progress_every: Nanos::SECOND,
            files: Files::default(),
        }
    }

    /// The same with the accounts that the cluster's description gives the clients' sessions.
    #[must_use]
    pub fn with_accounts(mut self, description: &Description) -> Self {
        let account = |client: &String| {
            let session = description.sessions.iter().find(|session| session.comp_id == *client);
            session.and_then(|session| description.account_of(session)).unwrap_or_default()
        };
        self.accounts = self.clients.iter().map(account).collect();
        self
    }

    /// What every run needs.
    fn check(&self) -> Result<(), PlanError> {
        if self.gateways.is_empty() {
            return Err(PlanError::NoGateway);
        }
        if self.clients.is_empty() || self.clients.iter().any(String::is_empty) {
            return Err(PlanError::NoClient);
        }
        if self.clients.len() > MAX_SESSIONS {
            return Err(PlanError::TooManyClients(self.clients.len()));
        }
        let mut sorted: Vec<_> = self.clients.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PlanError::ClientTwice(pair[0].clone()));
        }
        if self.instruments.is_empty() {
            return Err(PlanError::NoInstrument);
        }
        if self.instruments.len() > usize::from(u16::MAX) {
            return Err(PlanError::TooManyInstruments(self.instruments.len()));
        }
        for instrument in &self.instruments {
            let low_start = |start: i64| start / instrument.tick.max(1) < super::flow::LOWEST_MID_TICKS;
            if instrument.symbol.is_empty()
                || instrument.tick <= 0
                || instrument.lot == 0
                || instrument.price_decimals > fix::decimal::MAX_DECIMALS
                || instrument.start_price.is_some_and(low_start)
            {
                return Err(PlanError::Instrument(instrument.symbol.clone()));
            }
        }
        match self.pace {
            Pace::Rate(1..=MAX_RATE) | Pace::Window(1..) | Pace::Recorded { times: 1.. } => Ok(()),
            _ => Err(PlanError::Pace),
        }
    }

    /// Whether the plan can be carried out with invented flow.
    pub fn check_flow(&self) -> Result<(), PlanError> {
        self.check()?;
        if matches!(self.pace, Pace::Recorded { .. }) || self.amount == Amount::All {
            return Err(PlanError::OnlyReplay);
        }
        Ok(())
    }

    /// Whether the plan can be carried out with recorded flow.
    pub fn check_replay(&self) -> Result<(), PlanError> {
        self.check()?;
        if self.instruments.len() != 1 {
            return Err(PlanError::OneInstrument(self.instruments.len()));
        }
        if self.clients.len() < 2 {
            return Err(PlanError::TwoClients);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let amazon =
            Instrument { symbol: "AMZN".into(), price_decimals: 4, tick: 100, lot: 1, start_price: None };
        Plan::new(vec!["127.0.0.1:1".parse().unwrap()], vec!["A".into(), "B".into()], vec![amazon])
    }

    #[test]
    fn a_plan_that_cannot_be_carried_out_is_refused_with_the_reason() {
        assert_eq!(plan().check_flow(), Ok(()));
        assert_eq!(plan().check_replay(), Ok(()));
        let twice = Plan { clients: vec!["A".into(), "A".into()], ..plan() };
        assert_eq!(twice.check_flow(), Err(PlanError::ClientTwice("A".into())));
        assert_eq!(Plan { gateways: vec![], ..plan() }.check_flow(), Err(PlanError::NoGateway));
        assert_eq!(Plan { pace: Pace::Rate(0), ..plan() }.check_flow(), Err(PlanError::Pace));
        assert_eq!(Plan { amount: Amount::All, ..plan() }.check_flow(), Err(PlanError::OnlyReplay));
        assert_eq!(Plan { clients: vec!["A".into()], ..plan() }.check_replay(), Err(PlanError::TwoClients));
        let mut flat = plan();
        flat.instruments[0].tick = 0;
        assert_eq!(flat.check_flow(), Err(PlanError::Instrument("AMZN".into())));
    }
}
