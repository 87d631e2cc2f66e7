//! What the gateway refuses by itself: none of it has a place in the log.

use super::{codes, order_id};
use crate::listings::Listings;
use crate::requests::{RefusedCancel, RefusedMass, RefusedOrder};
use fix::tags::{self, msg_type};
use fix::{Fields, Outbox, Session};
use wire::command::{NewOrder, ReplaceOrder};
use wire::event::{RejectReason, ResponseTo};
use wire::{Nanos, OrderId};

/// The report on an order that was refused at the edge: it has no place in the log, and its ExecID says so.
pub(crate) fn refuse_order<O: Outbox>(
    fix: &mut Session<O>,
    now: Nanos,
    exec_id: &EdgeId,
    refused: &RefusedOrder,
) {
    fix.send(now, msg_type::EXECUTION_REPORT, |f| {
        order_id(f, OrderId(0));
        f.bytes(tags::CL_ORD_ID, refused.cl_ord_id.as_bytes());
        exec_id.write(f);
        f.char(tags::EXEC_TYPE, '8');
        f.char(tags::ORD_STATUS, '8');
        f.bytes(tags::SYMBOL, &refused.symbol);
        f.char(tags::SIDE, codes::side(refused.side));
        f.bytes(tags::ORDER_QTY, &refused.qty);
        f.u64(tags::LEAVES_QTY, 0);
        f.u64(tags::CUM_QTY, 0);
        f.u64(tags::AVG_PX, 0);
        f.timestamp(tags::TRANSACT_TIME, now);
        f.u64(tags::ORD_REJ_REASON, codes::ord_rej_reason(refused.reason));
        f.str(tags::TEXT, &refused.text);
    });
}

/// The answer to a cancel or replace that was refused at the edge.
pub(crate) fn refuse_cancel<O: Outbox>(fix: &mut Session<O>, now: Nanos, refused: &RefusedCancel) {
    fix.send(now, msg_type::ORDER_CANCEL_REJECT, |f| {
        order_id(f, OrderId(0));
        f.bytes(tags::CL_ORD_ID, refused.cl_ord_id.as_bytes());
        f.bytes(tags::ORIG_CL_ORD_ID, refused.orig_cl_ord_id.as_bytes());
        f.char(tags::ORD_STATUS, '8');
        f.timestamp(tags::TRANSACT_TIME, now);
        f.char(tags::CXL_REJ_RESPONSE_TO, codes::response_to(refused.response_to));
        f.u64(tags::CXL_REJ_REASON, codes::cxl_rej_reason(refused.reason));
        f.str(tags::TEXT, &refused.text);
    });
}

/// The answer to a mass cancel that was refused at the edge.
pub(crate) fn refuse_mass<O: Outbox>(fix: &mut Session<O>, now: Nanos, refused: &RefusedMass) {
    fix.send(now, msg_type::ORDER_MASS_CANCEL_REPORT, |f| {
        f.bytes(tags::CL_ORD_ID, refused.cl_ord_id.as_bytes());
        order_id(f, OrderId(0));
        f.bytes(tags::MASS_CANCEL_REQUEST_TYPE, &refused.request_type);
        f.char(tags::MASS_CANCEL_RESPONSE, '0');
        f.u64(tags::MASS_CANCEL_REJECT_REASON, refused.reason);
        f.timestamp(tags::TRANSACT_TIME, now);
        f.str(tags::TEXT, &refused.text);
    });
}

/// Names a report that is in no log: the gateway, its life, a count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EdgeId {
    pub(crate) lane: cluster::Lane,
    pub(crate) count: u64,
}

impl EdgeId {
    fn write(&self, f: &mut Fields<'_>) {
        let cluster::Lane { gateway, incarnation } = self.lane;
        f.text(tags::EXEC_ID, format_args!("G{gateway}-{incarnation}-{}", self.count));
    }
}

/// The refusal of an order that the exchange cannot take now.
pub(crate) fn refusal_of(order: &NewOrder, listings: &Listings, text: &str) -> RefusedOrder {
    let terms = order.terms;
    RefusedOrder {
        cl_ord_id: order.cl_ord_id,
        symbol: listings.of_id(terms.instrument).map_or_else(Box::default, |l| l.symbol.as_bytes().into()),
        side: terms.side,
        qty: { terms.qty }.0.to_string().into_bytes().into(),
        reason: RejectReason::BookFull,
        text: text.to_owned(),
    }
}

/// The refusal of a replace that the exchange cannot take now.
pub(crate) fn refusal_of_replace(replace: &ReplaceOrder, text: &str) -> RefusedCancel {
    RefusedCancel {
        cl_ord_id: replace.cl_ord_id,
        orig_cl_ord_id: replace.orig_cl_ord_id,
        response_to: ResponseTo::Replace,
        reason: RejectReason::BookFull,
        text: text.to_owned(),
    }
}
