//! §2: the checks of a new order, what it accepts at worst, and where it goes.

use super::order::{Ask, Order, Place};
use super::{Fault, Model, Use};
use wire::command::{Checks, NewOrder, OrderType, Phase, Side, TimeInForce};
use wire::event::{Accepted, OrderStatus, OrderView, RejectReason, Rejected};
use wire::{InstrumentId, Notional, OrderId, Qty};

/// The highest price, and the largest quantity.
const MOST: i64 = 1 << 40;

impl Model {
    /// Checks 4 to 10.
    pub(super) fn check_terms(&self, ask: &Ask) -> Result<(), RejectReason> {
        let terms = &self.instruments[&ask.instrument.0].terms;
        let (tick, lot) = ({ terms.tick }.0, { terms.lot }.0);
        if !ask.goes_together() {
            return Err(RejectReason::UnsupportedOrder);
        }
        if ask.qty == 0 {
            return Err(RejectReason::ZeroQuantity);
        }
        if !ask.qty.is_multiple_of(lot) {
            return Err(RejectReason::OffLot);
        }
        if ask.qty > MOST as u64 {
            return Err(RejectReason::QuantityTooLarge);
        }
        if ask.has_limit() {
            if ask.price <= 0 {
                return Err(RejectReason::PriceNotPositive);
            }
            if ask.price % tick != 0 {
                return Err(RejectReason::OffTick);
            }
            if ask.price > MOST {
                return Err(RejectReason::PriceTooLarge);
            }
        }
        if ask.is_stop() && (ask.stop <= 0 || ask.stop % tick != 0 || ask.stop > MOST) {
            return Err(RejectReason::StopPriceRefused);
        }
        if !ask.display.is_multiple_of(lot) || ask.display > ask.qty {
            return Err(RejectReason::DisplayRefused);
        }
        if !ask.min.is_multiple_of(lot) || ask.min > ask.qty {
            return Err(RejectReason::MinimumRefused);
        }
        if ask.tif == TimeInForce::GoodTillDate && ask.expire <= self.now {
            return Err(RejectReason::ExpiryRefused);
        }
        Ok(())
    }

    /// Check 11, by the table of §1.
    fn check_phase(&self, ask: &Ask) -> Result<(), RejectReason> {
        let takes = match self.phase(ask.instrument) {
            Phase::Closed | Phase::Halted => false,
            Phase::PreOpen | Phase::OpeningAuction => !ask.is_immediate() && ask.min == 0,
            Phase::Continuous => ask.tif != TimeInForce::AtTheOpen,
            Phase::ClosingAuction => !ask.is_immediate() && ask.min == 0 && ask.tif != TimeInForce::AtTheOpen,
        };
        if takes { Ok(()) } else { Err(RejectReason::NotInThisPhase) }
    }

    /// From where collar and protection are measured; 0 from nowhere.
    fn measured_from(&self, ask: &Ask) -> i64 {
        if ask.is_stop() { ask.stop } else { self.instruments[&ask.instrument.0].reference }
    }

    /// Checks 12 and 13.
    pub(super) fn check_price(&self, ask: &Ask) -> Result<(), RejectReason> {
        if !ask.has_limit() {
            return Ok(());
        }
        let bands = self.instruments[&ask.instrument.0].terms.bands;
        let (low, high, collar) = ({ bands.low }.0, { bands.high }.0, { bands.collar }.0);
        if (low != 0 && ask.price < low) || (high != 0 && ask.price > high) {
            return Err(RejectReason::OutsideBands);
        }
        let from = self.measured_from(ask);
        if collar != 0 && from != 0 {
            let beyond = match ask.side {
                Side::Buy => ask.price > from + collar,
                Side::Sell => ask.price < from - collar,
            };
            if beyond {
                return Err(RejectReason::OutsideCollar);
            }
        }
        Ok(())
    }

    /// Its limit, or its protection price.
    pub(super) fn worst_price(&self, ask: &Ask) -> i64 {
        if ask.has_limit() {
            return ask.price;
        }
        let terms = &self.instruments[&ask.instrument.0].terms;
        let bands = terms.bands;
        let (tick, mut collar) = ({ terms.tick }.0, { bands.collar }.0);
        if self.fault == Some(Fault::ProtectionWithoutCollar) {
            collar = 0;
        }
        let from = self.measured_from(ask);
        let mut edges = Vec::new();
        match ask.side {
            Side::Buy => {
                edges.push(MOST);
                if { bands.high }.0 != 0 {
                    edges.push({ bands.high }.0);
                }
                if collar != 0 && from != 0 {
                    edges.push(from + collar);
                }
                let edge = edges.into_iter().min().expect("there is one");
                edge / tick * tick
            }
            Side::Sell => {
                edges.push(tick);
                if { bands.low }.0 != 0 {
                    edges.push({ bands.low }.0);
                }
                if collar != 0 && from != 0 {
                    edges.push(from - collar);
                }
                let edge = edges.into_iter().max().expect("there is one");
                (edge + tick - 1) / tick * tick
            }
        }
    }

    /// Names that are not used.
    pub(super) fn names_left(&self) -> usize {
        self.limits.names as usize - self.names.len()
    }

    /// A free holding, or one that is there.
    pub(super) fn has_holding(&self, account: u32, instrument: InstrumentId) -> bool {
        self.holdings.contains(&(account, instrument.0))
            || self.holdings.len() < self.limits.holdings as usize
    }

    /// Check 14.
    fn check_room(&self, ask: &Ask, account: u32) -> Result<(), RejectReason> {
        let comes_in_continuous = self.phase(ask.instrument) == Phase::Continuous;
        let never_rests = comes_in_continuous
            && !ask.is_stop()
            && ask.tif != TimeInForce::AtTheClose
            && (ask.is_immediate() || ask.kind == OrderType::Market);
        let could_rest = usize::from(!never_rests);
        if could_rest == 1 && self.orders.len() >= self.limits.resting_orders as usize {
            return Err(RejectReason::BookFull);
        }
        if self.names_left() < self.orders.len() + 1 + could_rest {
            return Err(RejectReason::BookFull);
        }
        if self.checks(ask.instrument) != Checks::None && !self.has_holding(account, ask.instrument) {
            return Err(RejectReason::BookFull);
        }
        Ok(())
    }

    /// Check 15.
    fn check_account(&self, order: &Order) -> Result<(), RejectReason> {
        match self.accounts.get(&order.account) {
            Some(owner) if *owner == order.participant => Ok(()),
            Some(_) => Err(RejectReason::AccountNotPermitted),
            None if self.checks(order.ask.instrument) == Checks::None => Ok(()),
            None => Err(RejectReason::UnknownAccount),
        }
    }

    /// Check 16.
    pub(super) fn check_kill_switch(&self, participant: u32) -> Result<(), RejectReason> {
        let stopped = self.participants.get(&participant) == Some(&true);
        if stopped && self.fault != Some(Fault::KillSwitchForgotten) {
            return Err(RejectReason::ParticipantStopped);
        }
        Ok(())
    }

    /// Check 19, for a replace too.
    pub(super) fn check_post_only(&self, order: &Order) -> Result<(), RejectReason> {
        let continuous = self.phase(order.ask.instrument) == Phase::Continuous;
        if order.ask.post_only && continuous && self.would_match(order) {
            return Err(RejectReason::WouldTake);
        }
        Ok(())
    }

    /// Checks 1 to 19: the order as it will be, or why not, with the number of an earlier one of its name.
    fn check_new(&self, c: &NewOrder) -> Result<Order, (RejectReason, u64)> {
        let (session, asked) = (c.session, Ask::of(&c.terms));
        if !self.is_logged_on(session) {
            return Err((RejectReason::NotLoggedOn, 0));
        }
        if let Some(Use::Live(id) | Use::Done(id, _) | Use::Spent(id)) =
            self.names.get(&(session, c.cl_ord_id))
        {
            return Err((RejectReason::DuplicateClOrdId, *id));
        }
        if !self.instruments.contains_key(&asked.instrument.0) {
            return Err((RejectReason::UnknownInstrument, 0));
        }
        let check = || {
            self.check_terms(&asked)?;
            self.check_phase(&asked)?;
            self.check_price(&asked)?;
            let ask = asked.normal();
            let mut order = Order {
                id: self.seq,
                session,
                participant: self.participant_of(session),
                account: { c.account }.0,
                name: c.cl_ord_id,
                ask,
                limit: self.worst_price(&ask),
                cum: 0,
                notional: 0,
                shown: 0,
                place: Place::Book,
                rank: 0,
                activated: false,
            };
            order.show();
            self.check_room(&ask, order.account)?;
            self.check_account(&order)?;
            self.check_kill_switch(order.participant)?;
            self.allowed(&order, None)?;
            self.check_post_only(&order)?;
            Ok(order)
        };
        check().map_err(|reason| (reason, 0))
    }

    pub(super) fn new_order(&mut self, c: &NewOrder) {
        match self.check_new(c) {
            Ok(order) => {
                let ask = order.ask;
                if self.checks(ask.instrument) != Checks::None {
                    self.holdings.insert((order.account, ask.instrument.0));
                }
                self.names.insert((order.session, order.name), Use::Live(order.id));
                self.tell(order.session, Accepted { order: order.view() });
                self.come_in(order, true);
            }
            Err((reason, original)) => {
                let order = OrderView {
                    order: OrderId(0),
                    terms: c.terms,
                    status: OrderStatus::Rejected,
                    reserved: [0; 3],
                    cum: Qty(0),
                    leaves: Qty(0),
                    notional: Notional(0),
                    cl_ord_id: c.cl_ord_id,
                    account: c.account,
                };
                let original = OrderId(original);
                self.tell(c.session, Rejected { order, original, reason, reserved: [0; 7] });
            }
        }
    }

    /// Where an order goes that was accepted, or that was replaced and lost its place. It is in no list.
    pub(super) fn come_in(&mut self, mut order: Order, entry: bool) {
        let phase = self.phase(order.ask.instrument);
        let waits_for_the_close = order.ask.tif == TimeInForce::AtTheClose && phase != Phase::ClosingAuction;
        if order.ask.is_stop() && !order.activated {
            if phase == Phase::Continuous && self.is_reached(&order) {
                let order = self.trigger(order);
                return self.go(order, entry);
            }
            self.wait_at(order, Place::Stop);
        } else if waits_for_the_close {
            self.wait_at(order, Place::Waiting);
        } else if phase == Phase::Continuous {
            self.go(order, entry);
        } else {
            order.place = Place::Book;
            self.join_book(order);
        }
    }

    /// Behind all others that wait.
    fn wait_at(&mut self, mut order: Order, place: Place) {
        order.place = place;
        order.rank = self.rank();
        order.show();
        self.orders.push(order);
    }

    /// Whether the last trade price meets a stop's condition.
    fn is_reached(&self, order: &Order) -> bool {
        let last = self.instruments[&order.ask.instrument.0].last;
        last != 0
            && match order.ask.side {
                Side::Buy => order.ask.stop <= last,
                Side::Sell => order.ask.stop >= last,
            }
    }
}
