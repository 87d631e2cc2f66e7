//! The exchange as a state machine: what it is made of, and which room answers which command.

use crate::accounts::Accounts;
use crate::expiry::{Expiries, Expiry, Timer};
use crate::instruments::{Instruments, Market};
use crate::limits::{Limits, LimitsError};
use crate::machine::UnknownRules;
use crate::names::{Fate, Names};
use crate::orders::{Order, Place};
use crate::sessions::Sessions;
use crate::snapshot::{SNAPSHOT_VERSION, SnapshotError};
use crate::trades::Trades;
use crate::{
    BookView, Cash, EventSink, Holding, Instrument, Owner, Sequenced, Session, StateMachine, Violation,
};
use book::{LadderId, Room, Shelf, Slot};
use std::io::{self, Read, Write};
use wire::command::{SessionLogon, SessionLogout, Side};
use wire::event::{
    AdministrationRefused, EpochStarted, GatewayOpened, OrderView, RejectReason, RulesActivated,
    SessionClosed, SessionOpened,
};
use wire::{
    AccountId, Command, CommandKind, CurrencyId, Epoch, EventBody, InstrumentId, Money, Nanos, OrderId,
    Price, Qty, Rules, Seq, SessionId,
};

/// The release of the rulebook (docs/MATCHING.md) that this build follows; it knows this one and none above.
pub const RULES: Rules = Rules(1);

/// The whole state of the exchange: a pure function of its [`Limits`] and the commands it was given.
///
/// A clone holds the same state, but not the room made in advance.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(crate) limits: Limits,
    pub(crate) epoch: Epoch,
    pub(crate) rules: Rules,
    pub(crate) instruments: Instruments,
    pub(crate) sessions: Sessions,
    pub(crate) accounts: Accounts,
    /// Every open order of every instrument, on its ladder.
    pub(crate) shelf: Shelf<Order>,
    /// Has room for at least one more name per open order.
    pub(crate) names: Names,
    pub(crate) expiries: Expiries,
    pub(crate) trades: Trades,
    pub(crate) scratch: Scratch,
    #[cfg(lockstep_planted)]
    pub(crate) astray: crate::astray::Astray,
}

/// Room that commands work in; empty between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// What each order of a level is given in a round.
    pub(crate) parts: Vec<(Slot, Qty)>,
    /// Orders that a command is for, by number.
    pub(crate) chosen: Vec<(OrderId, Slot)>,
}

/// One command on its way through the exchange.
pub(crate) struct Turn<'e> {
    /// Its number; a new order is named by it.
    pub(crate) seq: Seq,
    /// The sequencer's stamp.
    pub(crate) stamp: Nanos,
    /// Which gateway's life sent it.
    pub(crate) from: Owner,
    pub(crate) events: &'e mut EventSink,
    /// The lowest and the highest price traded so far, since stops were looked at last.
    pub(crate) traded: Option<(Price, Price)>,
}

impl Exchange {
    /// An empty exchange, with all its room made now. The limits must be the same in every engine and every replay.
    pub fn new(limits: Limits) -> Result<Self, LimitsError> {
        limits.check()?;
        // Levels seldom stand alone: a page for every four of them, and one for each ladder that is in use.
        let pages = limits.levels / 4 + limits.instruments * 2;
        let room = Room { orders: limits.resting_orders, levels: limits.levels, pages };
        Ok(Self {
            limits,
            epoch: Epoch(0),
            rules: Rules(0),
            instruments: Instruments::new(limits.instruments),
            sessions: Sessions::new(limits.sessions),
            accounts: Accounts::new(&limits),
            shelf: Shelf::new(room),
            names: Names::new(limits.names),
            expiries: Expiries::new(limits.resting_orders),
            trades: Trades::new(limits.trades),
            scratch: Scratch { parts: Vec::with_capacity(1024), chosen: Vec::with_capacity(1024) },
            #[cfg(lockstep_planted)]
            astray: crate::astray::Astray::default(),
        })
    }

    /// Touches the room made in advance, so that no command has to wait for the kernel to find it. Takes as long as clearing
    /// that memory does.
    pub fn prefault(&mut self) {
        self.names.prefault();
        self.trades.prefault();
        self.shelf.prefault(&Order::filler());
    }

    /// What it was granted.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The epoch of the last `EpochStart`; 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The rules that are active; 0 before a command named any.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The instrument of this number.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id)
    }

    /// All instruments, by number.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter()
    }

    /// The book of a defined instrument.
    #[must_use]
    pub fn book(&self, id: InstrumentId) -> Option<BookView<'_>> {
        self.instruments.get(id).map(|instrument| BookView { shelf: &self.shelf, market: &instrument.market })
    }

    /// The stop orders that wait on a side, in the order in which they would be activated.
    pub fn stops(&self, id: InstrumentId, side: Side) -> impl Iterator<Item = OrderView> {
        self.queue(self.instruments.get(id).map(|instrument| instrument.market.stops(side)))
    }

    /// The orders that wait for the closing auction, in the order in which they would join the book.
    pub fn waiting(&self, id: InstrumentId) -> impl Iterator<Item = OrderView> {
        self.queue(self.instruments.get(id).map(|instrument| instrument.market.waiting()))
    }

    fn queue(&self, ladder: Option<LadderId>) -> impl Iterator<Item = OrderView> {
        let levels = ladder.into_iter().flat_map(|ladder| self.shelf.levels(ladder));
        levels.flat_map(|level| self.shelf.queue(level)).map(|slot| self.shelf.order(slot).view)
    }

    /// What is known of a session; `None` if its number is 0 or not below the limit.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// An account's money in a currency; nothing if there is no such account or currency.
    #[must_use]
    pub fn cash(&self, account: AccountId, currency: CurrencyId) -> Cash {
        self.accounts.cash(account, currency)
    }

    /// What an account has and does in an instrument.
    #[must_use]
    pub fn holding(&self, account: AccountId, instrument: InstrumentId) -> Holding {
        self.accounts.find(account, instrument).map_or_else(Holding::default, |id| *self.accounts.holding(id))
    }

    /// The fees that the exchange took in a currency.
    #[must_use]
    pub fn collected(&self, currency: CurrencyId) -> Money {
        self.accounts.currency(currency).map_or(Money(0), |currency| currency.collected)
    }

    /// How many orders are open, in books and waiting.
    #[must_use]
    pub fn resting_orders(&self) -> usize {
        self.shelf.len()
    }

    /// How many client order ids the day has used.
    #[must_use]
    pub fn names_used(&self) -> usize {
        self.names.len()
    }

    /// Checks the whole state against itself. Takes time in proportion to the state: for tests and for doubts.
    pub fn audit(&self) -> Result<(), Violation> {
        crate::audit::whole(self)
    }

    /// Addresses an event to a session under the session's next report number.
    pub(crate) fn tell<B: EventBody>(&mut self, turn: &mut Turn<'_>, session: SessionId, body: &B) {
        self.sessions.tell(turn.events, session, body);
    }

    /// Puts an order on its ladder, behind all others there.
    pub(crate) fn rest(&mut self, order: &Order, market: &Market) {
        let slot = self.stand(order, market);
        self.names.settle(order.name, Fate::Open(slot));
    }

    /// The same, for an order whose name does not know of it yet.
    pub(crate) fn stand(&mut self, order: &Order, market: &Market) -> Slot {
        let (place, limit, terms) = (order.place, order.limit, &order.view.terms);
        let (side, id, leaves, showing) = (order.side(), order.id(), order.leaves(), order.showing());
        let participant = order.participant;
        let slot = self.shelf.insert(order.clone(), leaves, showing, participant.0);
        let key = match place {
            Place::Book => market.key(limit),
            Place::Stop => market.key(terms.stop_price),
            Place::Waiting => 0,
        };
        self.shelf.join(slot, market.ladder(place, side), key);
        let at = terms.expire;
        if at != Nanos(0) {
            let expiry = Expiry { at, order: id, slot };
            let shelf = &mut self.shelf;
            self.expiries.insert(expiry, |slot, timer| shelf.order_mut(slot).timer = timer);
        }
        slot
    }

    /// Takes an open order off its ladder and out of the shelf.
    pub(crate) fn take_out(&mut self, slot: Slot) -> Order {
        self.shelf.leave(slot);
        self.stop_timer(slot);
        self.shelf.free(slot)
    }

    /// An order that is about to go does not expire any more.
    pub(crate) fn stop_timer(&mut self, slot: Slot) {
        let timer = self.shelf.order(slot).timer;
        if timer != Timer::NONE {
            let shelf = &mut self.shelf;
            self.expiries.remove(timer, |slot, timer| shelf.order_mut(slot).timer = timer);
        }
    }

    /// The last logon wins, so that a client can come back through another gateway. A session without a place in the
    /// table is told that it is not logged on.
    fn log_on(&mut self, asked: &SessionLogon, turn: &mut Turn<'_>) {
        let (session, from) = (asked.session, turn.from);
        if self.sessions.log_on(session, from, asked.client_seq, asked.reset) {
            let body = SessionOpened {
                gateway: from.gateway,
                reset: asked.reset,
                reserved: 0,
                incarnation: from.incarnation,
            };
            self.tell(turn, session, &body);
        } else {
            let body = AdministrationRefused {
                kind: CommandKind::SessionLogon as u8,
                reason: RejectReason::NotLoggedOn,
                reserved: [0; 6],
            };
            self.tell(turn, session, &body);
        }
    }

    /// Answered to every gateway that asks, but only the owner's word ends the session: `SessionClosed` says that it is
    /// over *through that gateway*.
    fn log_out(&mut self, asked: &SessionLogout, turn: &mut Turn<'_>) {
        let (session, from) = (asked.session, turn.from);
        self.sessions.log_out(session, from, asked.client_seq);
        let body = SessionClosed { gateway: from.gateway, reason: asked.reason, reserved: [0; 5] };
        self.tell(turn, session, &body);
    }
}

impl StateMachine for Exchange {
    const SNAPSHOT_VERSION: u32 = SNAPSHOT_VERSION;

    fn knows(&self, input: &Sequenced<'_>) -> Result<(), UnknownRules> {
        match input.command {
            Command::RulesVersion(version) if { version.rules } > RULES => {
                Err(UnknownRules { asked: version.rules, known: RULES })
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, input: &Sequenced<'_>, events: &mut EventSink) {
        let from = Owner { gateway: input.source, incarnation: input.incarnation };
        let mut turn = Turn { seq: input.at.seq, stamp: input.timestamp, from, events, traded: None };
        let turn = &mut turn;
        if self.expiries.next().is_some_and(|next| next.at <= turn.stamp) {
            self.expire(turn);
        }
        match input.command {
            Command::NewOrder(asked) => self.new_order(asked, turn),
            Command::CancelOrder(asked) => self.cancel_order(asked, turn),
            Command::ReplaceOrder(asked) => self.replace_order(asked, turn),
            Command::MassCancel(asked) => self.mass_cancel(asked, turn),
            Command::Tick(_) | Command::EpochOpen(_) | Command::Snapshot(_) | Command::Quarantine(_) => {}
            Command::SessionLogon(asked) => self.log_on(asked, turn),
            Command::SessionLogout(asked) => self.log_out(asked, turn),
            Command::GatewayOpen(_) => {
                let (gateway, incarnation) = (from.gateway, from.incarnation);
                turn.events.announce(&GatewayOpened { gateway, reserved: [0; 2], incarnation });
            }
            Command::EpochStart(start) => {
                self.epoch = input.at.epoch;
                self.names.seed(start.nonce ^ start.cluster);
                turn.events.announce(&EpochStarted {
                    sequencer: start.sequencer,
                    adopted: start.adopted,
                    reserved: [0; 5],
                });
            }
            Command::RulesVersion(version) => {
                self.rules = version.rules;
                turn.events.announce(&RulesActivated { rules: version.rules, reserved: [0; 4] });
            }
            Command::DefineInstrument(asked) => self.define_instrument(asked, turn),
            Command::SetPhase(asked) => self.set_phase(asked, turn),
            Command::SetBands(asked) => self.set_bands(asked, turn),
            Command::SetLead(asked) => self.set_lead(asked, turn),
            Command::DefineCurrency(asked) => self.define_currency(asked, turn),
            Command::DefineParticipant(asked) => self.define_participant(asked, turn),
            Command::DefineAccount(asked) => self.define_account(asked, turn),
            Command::AssignSession(asked) => self.assign_session(asked, turn),
            Command::MoveMoney(asked) => self.move_money(asked, turn),
            Command::MoveShares(asked) => self.move_shares(asked, turn),
            Command::SetLimits(asked) => self.set_limits(asked, turn),
            Command::SetTrading(asked) => self.set_trading(asked, turn),
            Command::BustTrade(asked) => self.bust_trade(asked, turn),
            Command::CorrectTrade(asked) => self.correct_trade(asked, turn),
            Command::CancelFor(asked) => self.cancel_for(asked, turn),
            Command::MassCancelFor(asked) => self.mass_cancel_for(asked, turn),
            Command::EndDay(asked) => self.end_day(asked, turn),
        }
        crate::audit::after_command(self, input);
    }

    fn skip(&mut self, input: &Sequenced<'_>, events: &mut EventSink) {
        self.leave_out(input, events);
    }

    fn snapshot(&self, to: &mut impl Write) -> io::Result<()> {
        self.write_state(to)
    }

    fn restore(self, from: &mut impl Read) -> Result<Self, SnapshotError> {
        self.read_state(from)
    }
}
