//! The order manager: every order, execution and instrument that the events tell of.

use crate::executions::{ExecutionState, Executions};
use crate::instruments::Instruments;
use crate::known::Orders;
use crate::numbers::{Line, Reports};
use crate::{Execution, Fault, Inconsistent, Instrument, Known, Limits, Outcome, Place, State, course, sums};
use wire::event::{EventHeader, Filled, OrderView, Replaced, TradeSide};
use wire::terms::Phase;
use wire::{ClOrdId, Event, Happening, InstrumentId, OrderId, Outbound, ReportSeq, SessionId, TradeId};

/// Every order, execution and instrument, as the events tell them. See the crate for what it must be given.
#[derive(Clone, Debug)]
pub struct OrderManager {
    line: Line,
    reports: Reports,
    orders: Orders,
    executions: Executions,
    instruments: Instruments,
}

impl OrderManager {
    /// Before event 1.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            line: Line::START,
            reports: Reports::new(limits.sessions),
            orders: Orders::new(limits),
            executions: Executions::new(limits.executions),
            instruments: Instruments::new(limits.instruments),
        }
    }

    /// Takes in the next event and says what it changed. An error means that it changed nothing.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<Outcome, Inconsistent> {
        let header = event.header();
        let outbound = header.outbound;
        self.line.expects(outbound)?;
        let outcome = self.take(event).map_err(|fault| Inconsistent { outbound, fault })?;
        self.reports.note(header);
        self.line.go_on();
        Ok(outcome)
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn last(&self) -> Outbound {
        self.line.last()
    }

    /// An order, open or done, that is still known.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Known> {
        self.orders.get(id)
    }

    /// The order that has this name now, or was done under it.
    #[must_use]
    pub fn named(&self, session: SessionId, name: ClOrdId) -> Option<&Known> {
        self.orders.named(session, name)
    }

    /// All open orders, in no order that means anything.
    pub fn open(&self) -> impl Iterator<Item = &Known> {
        self.orders.iter().filter(|order| !order.done)
    }

    /// The orders that are done and still known, in no order that means anything.
    pub fn done(&self) -> impl Iterator<Item = &Known> {
        self.orders.iter().filter(|order| order.done)
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.orders.open_count()
    }

    /// What has become of an order of this manager. While the events of a close come, orders at the close count as waiting,
    /// wherever they stood; the same command ends them all.
    #[must_use]
    pub fn state(&self, order: &Known) -> State {
        let terms = order.view.terms;
        if order.done {
            return State::Done(order.view.status);
        }
        let phase = self.instruments.get(terms.instrument).map(Instrument::phase);
        match course::first_place(phase.unwrap_or(Phase::Closed), &terms) {
            Place::Stop if !order.triggered => State::WaitingStop,
            Place::Waiting => State::WaitingClose,
            Place::Book | Place::Stop => State::InBook,
        }
    }

    /// An execution of the day that is still known.
    #[must_use]
    pub fn execution(&self, trade: TradeId) -> Option<&Execution> {
        self.executions.get(trade)
    }

    /// The executions of the day that are still known, by number.
    pub fn executions(&self) -> impl DoubleEndedIterator<Item = &Execution> {
        self.executions.iter()
    }

    /// An instrument.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id)
    }

    /// All instruments, in the order in which they were defined.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter()
    }

    /// The number of a session's last report; 0 before the first.
    #[must_use]
    pub fn last_report(&self, session: SessionId) -> ReportSeq {
        self.reports.last(session)
    }

    /// Forgets the orders that are done, as the end of the day does.
    pub fn forget_done(&mut self) {
        self.orders.forget_done();
    }

    /// Everything is checked before anything is changed.
    fn take(&mut self, event: &Event<'_>) -> Result<Outcome, Fault> {
        let header = event.header();
        let session = header.session;
        self.reports.expects(header)?;
        let happening = event.happening().map_err(Fault::Body)?;
        if let Happening::Filled(body) = happening {
            return self.filled(header, &happening, body);
        }
        self.executions.are_whole()?;
        if let Some(id) = self.instruments.expects(&happening)? {
            self.instruments.note(&happening);
            return Ok(Outcome::InstrumentChanged(id));
        }
        match happening {
            Happening::Accepted(body) => {
                let order = sums::accepted(header, body)?;
                self.instruments.known({ order.terms }.instrument)?;
                self.orders.has_room(session, &order)?;
                self.orders.insert(session, order);
                Ok(Outcome::Opened { session, order })
            }
            Happening::Cancelled(body) => {
                let before = self.before(header, &body.order)?.view;
                let after = sums::cancelled(&before, body)?;
                self.orders.update(&after, |_| {});
                self.orders.end(after.order);
                Ok(Outcome::Done { session, before, after, reason: body.reason })
            }
            Happening::Replaced(body) => self.replaced(header, body),
            Happening::Triggered(body) => {
                let order = self.before(header, &body.order)?;
                if order.triggered || !course::is_stop(&{ order.view.terms }) {
                    return Err(Fault::NoStop(order.view.order));
                }
                let before = order.view;
                let after = sums::triggered(&before, body)?;
                self.orders.update(&after, |order| order.triggered = true);
                Ok(Outcome::Changed { session, before, after })
            }
            Happening::Restated(body) => {
                let before = self.before(header, &body.order)?.view;
                let after = sums::restated(&before, body)?;
                self.orders.update(&after, |_| {});
                Ok(Outcome::Changed { session, before, after })
            }
            Happening::TradeBusted(body) => self.trade_changed(session, &body.trade, ExecutionState::Busted),
            Happening::TradeCorrected(body) => {
                self.trade_changed(session, &body.trade, ExecutionState::Corrected)
            }
            Happening::DayEnded(_) => {
                self.orders.forget_done();
                self.executions.end_day();
                Ok(Outcome::DayEnded)
            }
            _ => Ok(Outcome::Nothing),
        }
    }

    /// The open order that the event tells of, as it was before.
    fn before(&self, header: &EventHeader, told: &OrderView) -> Result<&Known, Fault> {
        let order = self.orders.open(told.order)?;
        sums::is_for(header, order.session, told.order)?;
        Ok(order)
    }

    fn filled(
        &mut self,
        header: &EventHeader,
        happening: &Happening<'_>,
        body: &Filled,
    ) -> Result<Outcome, Fault> {
        let session = header.session;
        let before = self.before(header, &body.order)?.view;
        let after = sums::filled(&before, body)?;
        self.executions.expects(body)?;
        self.executions.note(session, body);
        self.instruments.note(happening);
        let (price, qty) = (body.last_price, body.last_qty);
        self.orders.update(&after, |order| {
            order.fills += 1;
            order.filled.0 += qty.0;
            order.notional.0 += u128::from(qty.0) * u128::from(price.0.unsigned_abs());
        });
        if { after.leaves }.0 == 0 {
            self.orders.end(after.order);
        }
        Ok(Outcome::Filled { session, before, after, trade: body.trade, contra: body.contra, price, qty })
    }

    fn replaced(&mut self, header: &EventHeader, body: &Replaced) -> Result<Outcome, Fault> {
        let session = header.session;
        let before = self.before(header, &body.order)?.view;
        let after = sums::replaced(&before, body)?;
        self.orders.is_free(session, after.cl_ord_id)?;
        self.orders.update(&after, |_| {});
        Ok(Outcome::Changed { session, before, after })
    }

    fn trade_changed(
        &mut self,
        session: SessionId,
        told: &TradeSide,
        to: ExecutionState,
    ) -> Result<Outcome, Fault> {
        self.executions.expects_change(session, told, to)?;
        self.executions.change(told, to);
        Ok(Outcome::TradeChanged(told.trade))
    }
}
