//! §9: cancel, replace, mass cancel, each as it is checked and done.

use super::order::{Ask, Order, Place};
use super::{Fault, Model, Use};
use wire::command::{CancelOrder, MassCancel, MassScope, Phase, ReplaceOrder, TimeInForce};
use wire::event::{
    CancelReason, CancelRejected, MassCancelRejected, MassCancelled, OrderStatus, RejectReason, Replaced,
    ResponseTo,
};
use wire::{ClOrdId, InstrumentId, OrderId, SessionId};

/// Number and status of the order that a request names, as the refusal tells them.
type Named = (u64, OrderStatus);

const NOBODY: Named = (0, OrderStatus::Rejected);

impl Model {
    /// The open order that a request names.
    pub(super) fn named(&self, session: SessionId, name: ClOrdId) -> Result<Order, (RejectReason, Named)> {
        match self.names.get(&(session, name)) {
            Some(Use::Live(id)) => Ok(self.orders[self.find(*id)]),
            Some(Use::Done(id, status)) => Err((RejectReason::TooLate, (*id, *status))),
            Some(Use::Spent(_)) | None => Err((RejectReason::UnknownOrder, NOBODY)),
        }
    }

    /// The checks that a cancel and a replace begin with.
    fn check_request(
        &self,
        session: SessionId,
        request: ClOrdId,
        orig: ClOrdId,
    ) -> Result<Order, (RejectReason, Named)> {
        if !self.is_logged_on(session) {
            return Err((RejectReason::NotLoggedOn, NOBODY));
        }
        let named = self.named(session, orig);
        if self.names.contains_key(&(session, request)) {
            let whom = match named {
                Ok(order) => (order.id, order.view().status),
                Err((_, whom)) => whom,
            };
            return Err((RejectReason::DuplicateClOrdId, whom));
        }
        named
    }

    pub(super) fn cancel(&mut self, c: &CancelOrder) {
        let session = c.session;
        let verdict = self.check_request(session, c.cl_ord_id, c.orig_cl_ord_id).and_then(|order| {
            if (order.ask.instrument, order.ask.side) == (c.instrument, c.side) {
                Ok(order)
            } else {
                Err((RejectReason::OrderMismatch, (order.id, order.view().status)))
            }
        });
        match verdict {
            Ok(order) => {
                self.names.insert((session, c.cl_ord_id), Use::Spent(order.id));
                self.cancel_open(order.id, CancelReason::Requested, c.cl_ord_id);
            }
            Err((reason, (order, status))) => self.tell(
                session,
                CancelRejected {
                    order: OrderId(order),
                    instrument: c.instrument,
                    status,
                    response_to: ResponseTo::Cancel,
                    reason,
                    reserved: 0,
                    request: c.cl_ord_id,
                    orig_cl_ord_id: c.orig_cl_ord_id,
                },
            ),
        }
    }

    /// The order as it would be, and whether it keeps its place.
    fn replaced(&self, old: &Order, c: &ReplaceOrder) -> Result<(Order, bool), RejectReason> {
        let mut asked = Ask::of(&c.terms);
        let until_it_ends =
            |tif| matches!(tif, TimeInForce::Day | TimeInForce::GoodTillCancel | TimeInForce::GoodTillDate);
        let same_life = asked.tif == old.ask.tif || (until_it_ends(asked.tif) && until_it_ends(old.ask.tif));
        if (asked.instrument, asked.side, asked.kind) != (old.ask.instrument, old.ask.side, old.ask.kind)
            || !same_life
        {
            return Err(RejectReason::OrderMismatch);
        }
        asked.min = 0;
        self.check_terms(&asked)?;
        if asked.qty <= old.cum {
            return Err(RejectReason::QuantityBelowFilled);
        }
        let phase = self.phase(asked.instrument);
        if matches!(phase, Phase::Closed | Phase::Halted) {
            return Err(RejectReason::NotInThisPhase);
        }
        if old.activated {
            asked.stop = old.ask.stop;
        }
        self.check_price(&asked)?;
        if self.names_left() < self.orders.len() + 1 {
            return Err(RejectReason::BookFull);
        }
        self.check_kill_switch(self.participant_of(old.session))?;

        let ask = Ask { min: old.ask.min, ..asked.normal() };
        let falls = ask.qty < old.ask.qty;
        let keeps = falls
            && match old.place {
                Place::Stop => ask.stop == old.ask.stop,
                Place::Book | Place::Waiting => (ask.price, ask.display) == (old.ask.price, old.ask.display),
            };
        let keeps = keeps || self.fault == Some(Fault::ReplaceAlwaysKeepsItsPlace);
        let keeps_limit = keeps && !ask.has_limit();
        let limit = if keeps_limit { old.limit } else { self.worst_price(&ask) };
        let mut order = Order { ask, limit, name: c.cl_ord_id, ..*old };
        if keeps {
            order.shown = order.shown.min(order.leaves());
        } else {
            order.show();
        }
        self.allowed(&order, Some(old))?;
        if old.place == Place::Book && !keeps {
            self.check_post_only(&order)?;
        }
        Ok((order, keeps))
    }

    pub(super) fn replace(&mut self, c: &ReplaceOrder) {
        let session = c.session;
        let verdict = self
            .check_request(session, c.cl_ord_id, c.orig_cl_ord_id)
            .and_then(|old| self.replaced(&old, c).map_err(|reason| (reason, (old.id, old.view().status))));
        match verdict {
            Ok((order, keeps)) => {
                self.names.insert((session, c.orig_cl_ord_id), Use::Spent(order.id));
                self.names.insert((session, c.cl_ord_id), Use::Live(order.id));
                let at = self.find(order.id);
                let body =
                    Replaced { order: order.view(), orig_cl_ord_id: c.orig_cl_ord_id, reserved: [0; 4] };
                self.tell(session, body);
                if keeps {
                    self.orders[at] = order;
                } else {
                    self.orders.remove(at);
                    self.come_in(order, false);
                }
            }
            Err((reason, (order, status))) => self.tell(
                session,
                CancelRejected {
                    order: OrderId(order),
                    instrument: c.terms.instrument,
                    status,
                    response_to: ResponseTo::Replace,
                    reason,
                    reserved: 0,
                    request: c.cl_ord_id,
                    orig_cl_ord_id: c.orig_cl_ord_id,
                },
            ),
        }
    }

    /// The open orders of a scope, in the order of their numbers.
    pub(super) fn in_scope(&self, scope: MassScope, subject: u32, session: Option<SessionId>) -> Vec<u64> {
        let mut ids = self.open_where(|o| {
            session.is_none_or(|session| o.session == session)
                && match scope {
                    MassScope::Session => o.session == SessionId(subject),
                    MassScope::Instrument => o.ask.instrument == InstrumentId(subject),
                    MassScope::Account => o.account == subject,
                    MassScope::Participant => o.participant == subject,
                    MassScope::Everything => true,
                }
        });
        if self.fault == Some(Fault::MassCancelBackwards) {
            ids.reverse();
        }
        ids
    }

    pub(super) fn mass_cancel(&mut self, c: &MassCancel) {
        let (session, scope) = (c.session, c.scope);
        let unknown = !self.instruments.contains_key(&{ c.instrument }.0);
        let refusal = if !self.is_logged_on(session) {
            Some(RejectReason::NotLoggedOn)
        } else if scope == MassScope::Instrument && unknown {
            Some(RejectReason::UnknownInstrument)
        } else if matches!(scope, MassScope::Participant | MassScope::Everything) {
            Some(RejectReason::UnsupportedOrder)
        } else {
            None
        };
        if let Some(reason) = refusal {
            let request = c.cl_ord_id;
            return self.tell(session, MassCancelRejected { request, scope, reason, reserved: [0; 2] });
        }
        let subject = match scope {
            MassScope::Instrument => { c.instrument }.0,
            MassScope::Account => { c.account }.0,
            _ => session.0,
        };
        let ids = self.in_scope(scope, subject, Some(session));
        for id in &ids {
            self.cancel_open(*id, CancelReason::MassCancel, ClOrdId::default());
        }
        let count = u32::try_from(ids.len()).expect("orders are few");
        self.tell(session, MassCancelled { request: c.cl_ord_id, count, scope, reserved: [0; 7] });
    }
}
