//! The exchange once more, as plainly as it can be said: lists, scans and sorts, written from `docs/MATCHING.md` alone. It
//! shares nothing with the engine but the words of the wire. What can be counted from the orders that are open (what is
//! withheld, what is open on either side) is counted each time, never kept.

#![allow(unreachable_pub, dead_code)]

mod accounts;
mod administration;
mod auction;
mod entry;
mod fault;
mod order;
mod requests;
mod trading;

use crate::support::Said;
use engine::Limits;
pub use fault::Fault;
use order::{Order, Place};
use std::collections::{BTreeMap, BTreeSet};
use wire::command::{InstrumentTerms, RiskLimits, SessionLogon, SessionLogout, Side};
use wire::event::{
    AdministrationRefused, CancelReason, Cancelled, EpochStarted, GatewayOpened, OrderStatus, OrderView,
    RejectReason, RulesActivated, SessionClosed, SessionOpened,
};
use wire::{ClOrdId, Command, Incarnation, InstrumentId, Nanos, NodeId, ReportSeq, SessionId};

/// What a client order id was used for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    /// An open order answers to it.
    Live(u64),
    /// It was the name of an order that is done.
    Done(u64, OrderStatus),
    /// A request for this order, or a former name of it.
    Spent(u64),
}

/// What an account has in an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub position: i128,
    pub open_buys: u64,
    pub open_sells: u64,
    pub open_orders: u32,
    pub day_volume: u64,
}

/// One price of a book: price, shown, hidden, orders.
pub type Level = (i64, u64, u64, u32);

/// One event: session, its report number, what is said.
pub type Outcome = Vec<(SessionId, ReportSeq, Said)>;

/// A session as a gateway's life owns it.
type Owner = (NodeId, Incarnation);

#[derive(Clone, Copy, Debug)]
struct Instrument {
    terms: InstrumentTerms,
    /// 0 before the first trade.
    last: i64,
    /// 0 if there is none.
    reference: i64,
}

/// The whole exchange.
#[derive(Clone, Debug)]
pub struct Model {
    limits: Limits,
    fault: Option<Fault>,
    out: Outcome,
    seq: u64,
    now: u64,
    from: Owner,
    owners: BTreeMap<u32, Owner>,
    reports: BTreeMap<u32, u32>,
    participants_of: BTreeMap<u32, u32>,
    instruments: BTreeMap<u32, Instrument>,
    currencies: BTreeMap<u16, (u8, wire::CurrencyCode)>,
    /// By number: is its kill switch thrown?
    participants: BTreeMap<u32, bool>,
    accounts: BTreeMap<u32, u32>,
    /// Every open order, those of the book, the stops and those that wait.
    orders: Vec<Order>,
    names: BTreeMap<(SessionId, ClOrdId), Use>,
    ranks: u64,
    last_trade: u64,
    trades: Vec<trading::Trade>,
    /// Available and withheld together, by account and currency.
    money: BTreeMap<(u32, u16), i128>,
    /// What a planted fault does not release.
    leaked: BTreeMap<(u32, u16), i128>,
    deposits: BTreeMap<u16, i128>,
    collected: BTreeMap<u16, i128>,
    positions: BTreeMap<(u32, u32), i128>,
    volumes: BTreeMap<(u32, u32), u64>,
    shares: BTreeMap<u32, i128>,
    holdings: BTreeSet<(u32, u32)>,
    /// By account, and instrument or all.
    risk: BTreeMap<(u32, u32), RiskLimits>,
}

impl Model {
    /// An empty exchange.
    pub fn new(limits: Limits, fault: Option<Fault>) -> Self {
        Self {
            limits,
            fault,
            out: Vec::new(),
            seq: 0,
            now: 0,
            from: (NodeId(0), Incarnation(0)),
            owners: BTreeMap::new(),
            reports: BTreeMap::new(),
            participants_of: BTreeMap::new(),
            instruments: BTreeMap::new(),
            currencies: BTreeMap::new(),
            participants: BTreeMap::new(),
            accounts: BTreeMap::new(),
            orders: Vec::new(),
            names: BTreeMap::new(),
            ranks: 0,
            last_trade: 0,
            trades: Vec::new(),
            money: BTreeMap::new(),
            leaked: BTreeMap::new(),
            deposits: BTreeMap::new(),
            collected: BTreeMap::new(),
            positions: BTreeMap::new(),
            volumes: BTreeMap::new(),
            shares: BTreeMap::new(),
            holdings: BTreeSet::new(),
            risk: BTreeMap::new(),
        }
    }

    /// Executes one command and gives its events, in order.
    pub fn apply(
        &mut self,
        seq: u64,
        timestamp: Nanos,
        source: NodeId,
        incarnation: Incarnation,
        command: &Command<'_>,
    ) -> Outcome {
        (self.seq, self.now, self.from) = (seq, timestamp.0, (source, incarnation));
        self.expire();
        match command {
            Command::Tick(_) | Command::EpochOpen(_) | Command::Snapshot(_) | Command::Quarantine(_) => {}
            Command::EpochStart(c) => {
                self.announce(EpochStarted { sequencer: c.sequencer, adopted: c.adopted, reserved: [0; 5] });
            }
            Command::RulesVersion(c) => self.announce(RulesActivated { rules: c.rules, reserved: [0; 4] }),
            Command::GatewayOpen(_) => {
                self.announce(GatewayOpened { gateway: source, reserved: [0; 2], incarnation });
            }
            Command::SessionLogon(c) => self.log_on(c),
            Command::SessionLogout(c) => self.log_out(c),
            Command::NewOrder(c) => self.new_order(c),
            Command::CancelOrder(c) => self.cancel(c),
            Command::ReplaceOrder(c) => self.replace(c),
            Command::MassCancel(c) => self.mass_cancel(c),
            Command::SetPhase(c) => self.set_phase(c),
            other => self.administer(other),
        }
        std::mem::take(&mut self.out)
    }

    /// True if the session number has a place.
    fn has_place(&self, session: SessionId) -> bool {
        session.0 > 0 && session.0 < self.limits.sessions
    }

    fn tell(&mut self, session: SessionId, said: impl Into<Said>) {
        let mut report = 0;
        if self.has_place(session) {
            let count = self.reports.entry(session.0).or_default();
            *count += 1;
            report = *count;
        }
        self.out.push((session, ReportSeq(report), said.into()));
    }

    fn announce(&mut self, said: impl Into<Said>) {
        self.out.push((SessionId(0), ReportSeq(0), said.into()));
    }

    fn log_on(&mut self, c: &SessionLogon) {
        if !self.has_place(c.session) {
            let body =
                AdministrationRefused { kind: 0x11, reason: RejectReason::NotLoggedOn, reserved: [0; 6] };
            return self.tell(c.session, body);
        }
        self.owners.insert(c.session.0, self.from);
        let (gateway, incarnation) = self.from;
        self.tell(c.session, SessionOpened { gateway, reset: c.reset, reserved: 0, incarnation });
    }

    fn log_out(&mut self, c: &SessionLogout) {
        if self.owners.get(&{ c.session }.0) == Some(&self.from) {
            self.owners.remove(&{ c.session }.0);
        }
        self.tell(c.session, SessionClosed { gateway: self.from.0, reason: c.reason, reserved: [0; 5] });
    }

    fn is_logged_on(&self, session: SessionId) -> bool {
        self.owners.get(&session.0) == Some(&self.from)
    }

    /// The participant that a session belongs to now; 0 for nobody.
    fn participant_of(&self, session: SessionId) -> u32 {
        self.participants_of.get(&session.0).copied().unwrap_or(0)
    }

    /// §11: what is over before the command is looked at.
    fn expire(&mut self) {
        let late = u64::from(self.fault == Some(Fault::ExpiryOffByOne));
        let mut over: Vec<(u64, u64)> = self
            .orders
            .iter()
            .filter(|o| o.ask.expire != 0 && o.ask.expire.saturating_add(late) <= self.now)
            .map(|o| (o.ask.expire, o.id))
            .collect();
        over.sort_unstable();
        for (_, id) in over {
            self.cancel_open(id, CancelReason::Expired, ClOrdId::default());
        }
    }

    fn rank(&mut self) -> u64 {
        self.ranks += 1;
        self.ranks
    }

    fn find(&self, id: u64) -> usize {
        self.orders.iter().position(|o| o.id == id).expect("an open order")
    }

    /// Takes an open order out and tells why.
    fn cancel_open(&mut self, id: u64, reason: CancelReason, request: ClOrdId) {
        let at = self.find(id);
        let order = self.orders.remove(at);
        self.tell_cancelled(&order, reason, request);
    }

    /// An order that is in no list (any more) is done.
    fn tell_cancelled(&mut self, order: &Order, reason: CancelReason, request: ClOrdId) {
        let over = matches!(reason, CancelReason::Expired | CancelReason::AuctionRemainder);
        let status = if over { OrderStatus::Expired } else { OrderStatus::Cancelled };
        self.leak(order);
        self.names.insert((order.session, order.name), Use::Done(order.id, status));
        let view = OrderView { status, leaves: wire::Qty(0), ..order.view() };
        self.tell(order.session, Cancelled { order: view, request, reason, reserved: [0; 3] });
    }

    /// The numbers of the open orders that `wanted` is true for, lowest first.
    fn open_where(&self, wanted: impl Fn(&Order) -> bool) -> Vec<u64> {
        let mut ids: Vec<u64> = self.orders.iter().filter(|o| wanted(o)).map(|o| o.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The orders of one side of a book as they would be matched.
    fn book(&self, instrument: InstrumentId, side: Side) -> Vec<&Order> {
        let newest = self.fault == Some(Fault::NewestFirst);
        let mut book: Vec<&Order> =
            self.orders.iter().filter(|o| o.is_at(instrument, side, Place::Book)).collect();
        book.sort_by_key(|o| {
            let rank = i128::from(o.rank);
            (if side == Side::Buy { -o.limit } else { o.limit }, if newest { -rank } else { rank })
        });
        book
    }

    fn stop_queue(&self, instrument: InstrumentId, side: Side) -> Vec<&Order> {
        let mut stops: Vec<&Order> =
            self.orders.iter().filter(|o| o.is_at(instrument, side, Place::Stop)).collect();
        stops.sort_by_key(|o| (if side == Side::Buy { o.ask.stop } else { -o.ask.stop }, o.rank));
        stops
    }

    /// The book's orders as they would be matched.
    pub fn queue(&self, instrument: InstrumentId, side: Side) -> Vec<OrderView> {
        self.book(instrument, side).iter().map(|o| o.view()).collect()
    }

    /// The book's prices, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        for o in self.book(instrument, side) {
            if levels.last().is_none_or(|level| level.0 != o.limit) {
                levels.push((o.limit, 0, 0, 0));
            }
            let level = levels.last_mut().expect("just made");
            level.1 += o.shown;
            level.2 += o.leaves() - o.shown;
            level.3 += 1;
        }
        levels
    }

    /// The stop orders that wait, in the order in which they would be activated.
    pub fn stops(&self, instrument: InstrumentId, side: Side) -> Vec<OrderView> {
        self.stop_queue(instrument, side).iter().map(|o| o.view()).collect()
    }

    /// The at-the-close orders that wait, in the order in which they wait.
    pub fn waiting(&self, instrument: InstrumentId) -> Vec<OrderView> {
        let mut waiting: Vec<&Order> = self
            .orders
            .iter()
            .filter(|o| o.ask.instrument == instrument && o.place == Place::Waiting)
            .collect();
        waiting.sort_by_key(|o| o.rank);
        waiting.iter().map(|o| o.view()).collect()
    }

    /// Every open order, with its session.
    pub fn open(&self) -> impl ExactSizeIterator<Item = (SessionId, OrderView)> {
        self.orders.iter().map(|o| (o.session, o.view()))
    }

    /// The gateway's life that a session is logged on through.
    pub fn owner(&self, session: SessionId) -> Option<(NodeId, Incarnation)> {
        self.owners.get(&session.0).copied()
    }

    /// The accounts of a session's participant.
    pub fn accounts_of(&self, session: SessionId) -> Vec<u32> {
        let participant = self.participant_of(session);
        self.accounts
            .iter()
            .filter(|(_, owner)| **owner == participant)
            .map(|(account, _)| *account)
            .collect()
    }

    /// The participants whose kill switch is thrown.
    pub fn stopped(&self) -> Vec<u32> {
        self.participants.iter().filter(|(_, stopped)| **stopped).map(|(number, _)| *number).collect()
    }

    /// The number of the last trade.
    pub fn last_trade(&self) -> u64 {
        self.last_trade
    }

    /// How many orders are open.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// How many client order ids are used.
    pub fn names_used(&self) -> usize {
        self.names.len()
    }

    /// An instrument's terms as in force, its last price and its reference price.
    pub fn instrument(&self, id: InstrumentId) -> Option<(InstrumentTerms, i64, i64)> {
        self.instruments.get(&id.0).map(|i| (i.terms, i.last, i.reference))
    }
}
