//! A command that is left out since it made an engine panic: who is told what instead.

use crate::exchange::Exchange;
use crate::{EventSink, Owner, Sequenced};
use wire::command::{CancelOrder, MassCancel, NewOrder, ReplaceOrder};
use wire::event::{
    AdministrationRefused, CancelRejected, EpochStarted, GatewayOpened, MassCancelRejected, OrderStatus,
    OrderView, RejectReason, Rejected, ResponseTo,
};
use wire::{Command, EventBody, Notional, OrderId, Qty, SessionId};

const REASON: RejectReason = RejectReason::Quarantined;

impl Exchange {
    /// Answers as a reject would, and looks at nothing but the sessions. Orders that ran out by the command's time do so with the
    /// next command.
    pub(crate) fn leave_out(&mut self, input: &Sequenced<'_>, events: &mut EventSink) {
        let from = Owner { gateway: input.source, incarnation: input.incarnation };
        let refused =
            AdministrationRefused { kind: input.command.kind() as u8, reason: REASON, reserved: [0; 6] };
        match input.command {
            Command::NewOrder(asked) => {
                let order = rejected(asked);
                let body = Rejected { order, original: OrderId(0), reason: REASON, reserved: [0; 7] };
                self.answer(asked.session, from, asked.client_seq, &body, events);
            }
            Command::CancelOrder(asked) => {
                let CancelOrder { session, client_seq, instrument, cl_ord_id, orig_cl_ord_id, .. } = *asked;
                let named = CancelRejected {
                    order: OrderId(0),
                    instrument,
                    status: OrderStatus::Rejected,
                    response_to: ResponseTo::Cancel,
                    reason: REASON,
                    reserved: 0,
                    request: cl_ord_id,
                    orig_cl_ord_id,
                };
                self.answer(session, from, client_seq, &named, events);
            }
            Command::ReplaceOrder(asked) => {
                let ReplaceOrder { session, client_seq, terms, cl_ord_id, orig_cl_ord_id, .. } = *asked;
                let named = CancelRejected {
                    order: OrderId(0),
                    instrument: terms.instrument,
                    status: OrderStatus::Rejected,
                    response_to: ResponseTo::Replace,
                    reason: REASON,
                    reserved: 0,
                    request: cl_ord_id,
                    orig_cl_ord_id,
                };
                self.answer(session, from, client_seq, &named, events);
            }
            Command::MassCancel(asked) => {
                let MassCancel { session, client_seq, scope, cl_ord_id: request, .. } = *asked;
                let body = MassCancelRejected { request, scope, reason: REASON, reserved: [0; 2] };
                self.answer(session, from, client_seq, &body, events);
            }
            // The session is left as it was: whoever had it has it, and a later logon takes it over.
            Command::SessionLogon(asked) => self.sessions.tell(events, asked.session, &refused),
            Command::SessionLogout(asked) => self.sessions.tell(events, asked.session, &refused),
            // Others go on from these, whatever an engine makes of them.
            Command::GatewayOpen(_) => {
                let Owner { gateway, incarnation } = from;
                events.announce(&GatewayOpened { gateway, reserved: [0; 2], incarnation });
            }
            Command::EpochStart(start) => {
                self.epoch = input.at.epoch;
                let (sequencer, adopted) = (start.sequencer, start.adopted);
                events.announce(&EpochStarted { sequencer, adopted, reserved: [0; 5] });
            }
            Command::Tick(_) | Command::EpochOpen(_) | Command::Snapshot(_) | Command::Quarantine(_) => {}
            Command::RulesVersion(_)
            | Command::DefineInstrument(_)
            | Command::SetPhase(_)
            | Command::SetBands(_)
            | Command::SetLead(_)
            | Command::DefineCurrency(_)
            | Command::DefineParticipant(_)
            | Command::DefineAccount(_)
            | Command::AssignSession(_)
            | Command::MoveMoney(_)
            | Command::MoveShares(_)
            | Command::SetLimits(_)
            | Command::SetTrading(_)
            | Command::BustTrade(_)
            | Command::CorrectTrade(_)
            | Command::CancelFor(_)
            | Command::MassCancelFor(_)
            | Command::EndDay(_) => events.announce(&refused),
        }
    }

    /// The client's number is noted, so that it is not taken for a message that never came.
    fn answer<B: EventBody>(
        &mut self,
        session: SessionId,
        from: Owner,
        client_seq: u32,
        body: &B,
        events: &mut EventSink,
    ) {
        self.sessions.hear(session, from, client_seq);
        self.sessions.tell(events, session, body);
    }
}

/// The order as it would stand in any reject of it.
fn rejected(asked: &NewOrder) -> OrderView {
    OrderView {
        order: OrderId(0),
        terms: asked.terms,
        status: OrderStatus::Rejected,
        reserved: [0; 3],
        cum: Qty(0),
        leaves: Qty(0),
        notional: Notional(0),
        cl_ord_id: asked.cl_ord_id,
        account: asked.account,
    }
}
