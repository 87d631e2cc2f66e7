//! From events to FIX: ExecutionReport (8) and OrderCancelReject (9).

use crate::listings::Listings;
use crate::requests::{RefusedCancel, RefusedOrder};
use fix::tags::{self, msg_type};
use fix::{Fields, Outbox, Session};
use wire::command::{OrderType, Side, TimeInForce};
use wire::event::{
    CancelReason, CancelRejected, Cancelled, EventHeader, Filled, Happening, Liquidity, OrderStatus,
    OrderView, RejectReason, Rejected, Replaced, ResponseTo,
};
use wire::{ClOrdId, InstrumentId, Nanos, OrderId};

/// Sends the report of an event to its session; false for an event that no client is told of.
pub(crate) fn send<O: Outbox>(
    fix: &mut Session<O>,
    now: Nanos,
    header: &EventHeader,
    happening: &Happening<'_>,
    listings: &Listings,
) -> bool {
    let report = Report { header, listings };
    match *happening {
        Happening::Accepted(accepted) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.order(f, '0', &accepted.order, |_| {}));
        }
        Happening::Rejected(rejected) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.rejected(f, rejected));
        }
        Happening::Filled(filled) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.filled(f, filled));
        }
        Happening::Cancelled(cancelled) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.cancelled(f, cancelled));
        }
        Happening::Replaced(replaced) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.replaced(f, replaced));
        }
        Happening::CancelRejected(rejected) => {
            fix.send(now, msg_type::ORDER_CANCEL_REJECT, |f| cancel_rejected(f, header.timestamp, rejected));
        }
        Happening::EpochStarted(_)
        | Happening::RulesActivated(_)
        | Happening::GatewayOpened(_)
        | Happening::SessionOpened(_)
        | Happening::SessionClosed(_)
        | Happening::InstrumentDefined(_)
        | Happening::AdministrationRefused(_) => return false,
    }
    true
}

/// One event on its way to becoming an ExecutionReport.
struct Report<'a> {
    header: &'a EventHeader,
    listings: &'a Listings,
}

impl Report<'_> {
    /// What every ExecutionReport says, in the order of the standard's table; `more` adds what this one has beside it.
    fn order(
        &self,
        f: &mut Fields<'_>,
        exec_type: char,
        order: &OrderView,
        more: impl FnOnce(&mut Fields<'_>),
    ) {
        let decimals = self.listings.of_id(order.instrument).map_or(0, |listing| listing.price_decimals);
        order_id(f, order.order);
        f.bytes(tags::CL_ORD_ID, { order.cl_ord_id }.as_bytes());
        f.u64(tags::EXEC_ID, { self.header.outbound }.0);
        f.char(tags::EXEC_TYPE, exec_type);
        f.char(tags::ORD_STATUS, status(order.status));
        self.symbol(f, order.instrument);
        f.char(tags::SIDE, side(order.side));
        f.u64(tags::ORDER_QTY, { order.qty }.0);
        f.char(tags::ORD_TYPE, order_type(order.order_type));
        if order.order_type == OrderType::Limit {
            f.decimal(tags::PRICE, { order.price }.0, decimals);
        }
        f.char(tags::TIME_IN_FORCE, time_in_force(order.time_in_force));
        f.u64(tags::LEAVES_QTY, { order.leaves }.0);
        f.u64(tags::CUM_QTY, { order.cum }.0);
        // Two digits more than prices have, so that an average shows what rounding would hide.
        f.average(tags::AVG_PX, { order.notional }.0, { order.cum }.0, decimals, decimals + 2);
        f.timestamp(tags::TRANSACT_TIME, self.header.timestamp);
        more(f);
    }

    fn symbol(&self, f: &mut Fields<'_>, instrument: InstrumentId) {
        match self.listings.of_id(instrument) {
            Some(listing) => f.bytes(tags::SYMBOL, listing.symbol.as_bytes()),
            None => f.text(tags::SYMBOL, format_args!("{instrument}")),
        }
    }

    fn rejected(&self, f: &mut Fields<'_>, rejected: &Rejected) {
        self.order(f, '8', &rejected.order, |f| {
            f.u64(tags::ORD_REJ_REASON, ord_rej_reason(rejected.reason));
            match rejected.original {
                OrderId(0) => f.str(tags::TEXT, words(rejected.reason)),
                original => {
                    f.text(tags::TEXT, format_args!("{}: it names order {original}", words(rejected.reason)));
                }
            }
        });
    }

    fn filled(&self, f: &mut Fields<'_>, filled: &Filled) {
        let instrument = filled.order.instrument;
        let decimals = self.listings.of_id(instrument).map_or(0, |listing| listing.price_decimals);
        self.order(f, 'F', &filled.order, |f| {
            f.u64(tags::LAST_QTY, { filled.last_qty }.0);
            f.decimal(tags::LAST_PX, { filled.last_price }.0, decimals);
            f.u64(tags::SECONDARY_EXEC_ID, { filled.trade }.0);
            f.char(tags::LAST_LIQUIDITY_IND, if filled.liquidity == Liquidity::Maker { '1' } else { '2' });
        });
    }

    fn cancelled(&self, f: &mut Fields<'_>, cancelled: &Cancelled) {
        let mut order = cancelled.order;
        let name = order.cl_ord_id;
        let requested = !{ cancelled.request }.is_empty();
        if requested {
            order.cl_ord_id = cancelled.request;
        }
        self.order(f, '4', &order, |f| {
            if requested {
                f.bytes(tags::ORIG_CL_ORD_ID, name.as_bytes());
            }
            match cancelled.reason {
                CancelReason::Requested => {}
                CancelReason::ImmediateRemainder => {
                    f.str(tags::TEXT, "immediate or cancel: nothing more to match");
                }
                CancelReason::NoLiquidity => f.str(tags::TEXT, "market order: no more counterparties"),
            }
        });
    }

    fn replaced(&self, f: &mut Fields<'_>, replaced: &Replaced) {
        self.order(f, '5', &replaced.order, |f| {
            f.bytes(tags::ORIG_CL_ORD_ID, { replaced.orig_cl_ord_id }.as_bytes());
        });
    }
}

fn cancel_rejected(f: &mut Fields<'_>, at: Nanos, rejected: &CancelRejected) {
    order_id(f, rejected.order);
    f.bytes(tags::CL_ORD_ID, { rejected.request }.as_bytes());
    f.bytes(tags::ORIG_CL_ORD_ID, { rejected.orig_cl_ord_id }.as_bytes());
    f.char(tags::ORD_STATUS, status(rejected.status));
    f.timestamp(tags::TRANSACT_TIME, at);
    f.char(tags::CXL_REJ_RESPONSE_TO, response_to(rejected.response_to));
    f.u64(tags::CXL_REJ_REASON, cxl_rej_reason(rejected.reason));
    f.str(tags::TEXT, words(rejected.reason));
}

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
        f.char(tags::SIDE, side(refused.side));
        f.bytes(tags::ORDER_QTY, &refused.qty);
        f.u64(tags::LEAVES_QTY, 0);
        f.u64(tags::CUM_QTY, 0);
        f.u64(tags::AVG_PX, 0);
        f.timestamp(tags::TRANSACT_TIME, now);
        f.u64(tags::ORD_REJ_REASON, ord_rej_reason(refused.reason));
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
        f.char(tags::CXL_REJ_RESPONSE_TO, response_to(refused.response_to));
        f.u64(tags::CXL_REJ_REASON, cxl_rej_reason(refused.reason));
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

fn order_id(f: &mut Fields<'_>, order: OrderId) {
    match order {
        OrderId(0) => f.str(tags::ORDER_ID, "NONE"),
        OrderId(number) => f.u64(tags::ORDER_ID, number),
    }
}

/// The name that a client gives an order, as it stands in a refusal at the edge.
pub(crate) fn refusal_of(order: &wire::command::NewOrder, listings: &Listings, text: String) -> RefusedOrder {
    let cl_ord_id: ClOrdId = order.cl_ord_id;
    RefusedOrder {
        cl_ord_id,
        symbol: listings.of_id(order.instrument).map_or_else(Box::default, |l| l.symbol.as_bytes().into()),
        side: order.side,
        qty: { order.qty }.0.to_string().into_bytes().into(),
        reason: RejectReason::BookFull,
        text,
    }
}

const fn side(side: Side) -> char {
    match side {
        Side::Buy => '1',
        Side::Sell => '2',
    }
}

const fn order_type(order_type: OrderType) -> char {
    match order_type {
        OrderType::Market => '1',
        OrderType::Limit => '2',
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> char {
    match time_in_force {
        TimeInForce::Day => '0',
        TimeInForce::GoodTillCancel => '1',
        TimeInForce::ImmediateOrCancel => '3',
    }
}

const fn status(status: OrderStatus) -> char {
    match status {
        OrderStatus::New => '0',
        OrderStatus::PartiallyFilled => '1',
        OrderStatus::Filled => '2',
        OrderStatus::Cancelled => '4',
        OrderStatus::Rejected => '8',
    }
}

const fn response_to(response_to: ResponseTo) -> char {
    match response_to {
        ResponseTo::Cancel => '1',
        ResponseTo::Replace => '2',
    }
}

/// OrdRejReason (103), FIX 4.4.
const fn ord_rej_reason(reason: RejectReason) -> u64 {
    match reason {
        RejectReason::UnknownInstrument => 1,
        RejectReason::QuantityTooLarge | RejectReason::PriceTooLarge => 3,
        RejectReason::UnknownOrder => 5,
        RejectReason::DuplicateClOrdId => 6,
        RejectReason::UnsupportedOrder => 11,
        RejectReason::ZeroQuantity | RejectReason::OffLot => 13,
        RejectReason::BookFull | RejectReason::NotLoggedOn => 0,
        RejectReason::PriceNotPositive
        | RejectReason::OffTick
        | RejectReason::TooLate
        | RejectReason::OrderMismatch
        | RejectReason::QuantityBelowFilled
        | RejectReason::InstrumentRefused => 99,
    }
}

/// CxlRejReason (102), FIX 4.4.
const fn cxl_rej_reason(reason: RejectReason) -> u64 {
    match reason {
        RejectReason::TooLate => 0,
        RejectReason::UnknownOrder => 1,
        RejectReason::DuplicateClOrdId => 6,
        RejectReason::BookFull | RejectReason::NotLoggedOn => 2,
        RejectReason::UnknownInstrument
        | RejectReason::ZeroQuantity
        | RejectReason::OffLot
        | RejectReason::QuantityTooLarge
        | RejectReason::PriceNotPositive
        | RejectReason::OffTick
        | RejectReason::PriceTooLarge
        | RejectReason::OrderMismatch
        | RejectReason::QuantityBelowFilled
        | RejectReason::InstrumentRefused
        | RejectReason::UnsupportedOrder => 99,
    }
}

/// Text (58) for a client.
const fn words(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownInstrument => "unknown symbol",
        RejectReason::DuplicateClOrdId => "ClOrdID(11) was used before in this session",
        RejectReason::ZeroQuantity => "OrderQty(38) must not be zero",
        RejectReason::OffLot => "OrderQty(38) is not a multiple of the lot size",
        RejectReason::QuantityTooLarge => "OrderQty(38) is above the limit",
        RejectReason::PriceNotPositive => "Price(44) must be above zero",
        RejectReason::OffTick => "Price(44) is not a multiple of the tick size",
        RejectReason::PriceTooLarge => "Price(44) is above the limit",
        RejectReason::UnknownOrder => "OrigClOrdID(41) names no order of this session",
        RejectReason::TooLate => "the order is already filled or cancelled",
        RejectReason::OrderMismatch => "Symbol(55), Side(54) or OrdType(40) differ from the order's",
        RejectReason::QuantityBelowFilled => "OrderQty(38) is not above what is already filled",
        RejectReason::BookFull => "the exchange has no room for another order",
        RejectReason::NotLoggedOn => "the session is not logged on through this gateway",
        RejectReason::InstrumentRefused => "the instrument was refused",
        RejectReason::UnsupportedOrder => "OrdType(40) and TimeInForce(59) do not go together",
    }
}
