//! The exchange as a state machine: who may say what, and which room answers it.

use crate::instruments::Instruments;
use crate::matching::{Desk, Matching};
use crate::sessions::Sessions;
use crate::{BookView, EventSink, Instrument, Limits, LimitsError, Owner, Sequenced, Session, StateMachine};
use wire::command::{DefineInstrument, SessionLogon, SessionLogout, Side};
use wire::event::{
    AdministrationRefused, EpochStarted, GatewayOpened, InstrumentDefined, RejectReason, RulesActivated,
    SessionClosed, SessionOpened,
};
use wire::{Command, CommandKind, Epoch, InstrumentId, Price, Rules, SessionId};

/// The whole state of the exchange: a pure function of its [`Limits`] and the commands it was given.
///
/// A clone holds the same state, but not the room made in advance.
#[derive(Clone, Debug)]
pub struct Exchange {
    limits: Limits,
    epoch: Epoch,
    rules: Rules,
    instruments: Instruments,
    sessions: Sessions,
    matching: Matching,
}

/// Something that must always hold does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The best bid is not below the best ask.
    #[error("the book of instrument {instrument} is crossed")]
    Crossed {
        /// Whose book.
        instrument: InstrumentId,
    },
    /// A level's place, totals or links disagree with its orders.
    #[error("level {price} ({side:?}) of instrument {instrument} disagrees with its orders")]
    Level {
        /// Whose book.
        instrument: InstrumentId,
        /// Which side.
        side: Side,
        /// Which level.
        price: Price,
    },
    /// Orders in the slab, in the books and under the names are not the same.
    #[error("{live} orders are in the slab, {found} in the books, {named} under their names")]
    Lost {
        /// In the slab.
        live: usize,
        /// In the books.
        found: usize,
        /// Under their names.
        named: usize,
    },
    /// An order rests that could not be cancelled for want of a name.
    #[error("{resting} orders rest, but only {room} names are left to cancel them")]
    NamesShort {
        /// Names that are left.
        room: usize,
        /// Resting orders.
        resting: usize,
    },
}

impl Exchange {
    /// An empty exchange, with all its room made now. The limits must be the same in every engine and every replay.
    pub fn new(limits: Limits) -> Result<Self, LimitsError> {
        limits.check()?;
        Ok(Self {
            limits,
            epoch: Epoch(0),
            rules: Rules(0),
            instruments: Instruments::new(limits.instruments),
            sessions: Sessions::new(limits.sessions),
            matching: Matching::new(&limits),
        })
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
        self.instruments.get(id).map(|_| self.matching.view(id))
    }

    /// What is known of a session; `None` if its number is 0 or not below the limit.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// How many orders rest in all books.
    #[must_use]
    pub fn resting_orders(&self) -> usize {
        self.matching.resting()
    }

    /// How many client order ids the day has used.
    #[must_use]
    pub fn names_used(&self) -> usize {
        self.matching.names_used()
    }

    /// Checks the whole state against itself. Takes time in proportion to the state: for tests and for doubts.
    pub fn audit(&self) -> Result<(), Violation> {
        self.matching.audit(&self.instruments)
    }

    fn define_instrument(&mut self, asked: &DefineInstrument, events: &mut EventSink) {
        match self.instruments.define(asked) {
            Some(instrument) => {
                self.matching.open_book(instrument.id);
                events.announce(&InstrumentDefined {
                    instrument: instrument.id,
                    price_decimals: instrument.price_decimals,
                    reserved: [0; 3],
                    tick: instrument.tick,
                    lot: instrument.lot,
                    symbol: instrument.symbol,
                });
            }
            None => events.announce(&AdministrationRefused {
                kind: CommandKind::DefineInstrument as u8,
                reason: RejectReason::InstrumentRefused,
                reserved: [0; 6],
            }),
        }
    }

    /// The last logon wins, so that a client can come back through another gateway. A session without a place in the
    /// table is told that it is not logged on.
    fn log_on(&mut self, asked: &SessionLogon, from: Owner, events: &mut EventSink) {
        let session = asked.session;
        if self.sessions.log_on(session, from, asked.client_seq, asked.reset) {
            let body = SessionOpened {
                gateway: from.gateway,
                reset: asked.reset,
                reserved: 0,
                incarnation: from.incarnation,
            };
            self.sessions.tell(events, session, &body);
        } else {
            let body = AdministrationRefused {
                kind: CommandKind::SessionLogon as u8,
                reason: RejectReason::NotLoggedOn,
                reserved: [0; 6],
            };
            self.sessions.tell(events, session, &body);
        }
    }

    /// Answered to every gateway that asks, but only the owner's word ends the session: `SessionClosed` says that it is
    /// over *through that gateway*.
    fn log_out(&mut self, asked: &SessionLogout, from: Owner, events: &mut EventSink) {
        let session = asked.session;
        self.sessions.log_out(session, from, asked.client_seq);
        let body = SessionClosed { gateway: from.gateway, reason: asked.reason, reserved: [0; 5] };
        self.sessions.tell(events, session, &body);
    }
}

impl StateMachine for Exchange {
    fn apply(&mut self, input: &Sequenced<'_>, events: &mut EventSink) {
        let from = Owner { gateway: input.source, incarnation: input.incarnation };
        let mut desk = Desk {
            seq: input.at.seq,
            from,
            instruments: &self.instruments,
            sessions: &mut self.sessions,
            events,
        };
        match input.command {
            Command::NewOrder(asked) => self.matching.new_order(asked, &mut desk),
            Command::CancelOrder(asked) => self.matching.cancel(asked, &mut desk),
            Command::ReplaceOrder(asked) => self.matching.replace(asked, &mut desk),
            Command::Tick(_) | Command::EpochOpen(_) => {}
            Command::SessionLogon(asked) => self.log_on(asked, from, events),
            Command::SessionLogout(asked) => self.log_out(asked, from, events),
            Command::GatewayOpen(_) => {
                let (gateway, incarnation) = (from.gateway, from.incarnation);
                events.announce(&GatewayOpened { gateway, reserved: [0; 2], incarnation });
            }
            Command::EpochStart(start) => {
                self.epoch = input.at.epoch;
                events.announce(&EpochStarted { sequencer: start.sequencer, reserved: [0; 6] });
            }
            Command::RulesVersion(version) => {
                self.rules = version.rules;
                events.announce(&RulesActivated { rules: version.rules, reserved: [0; 4] });
            }
            Command::DefineInstrument(asked) => self.define_instrument(asked, events),
        }
    }
}
