//! From events to FIX: ExecutionReport (8), OrderCancelReject (9), OrderMassCancelReport (r).

mod codes;
mod edge;
mod words;

use crate::listings::Listings;
use fix::tags::{self, msg_type};
use fix::{Fields, Outbox, Session};
use wire::command::{Act, OrderType, PostOnly, Terms};
use wire::event::{
    CancelRejected, Cancelled, EventHeader, Filled, Happening, MassCancelRejected, MassCancelled,
    OrderStatus, OrderView, Rejected, Replaced, TradeSide,
};
use wire::{AccountId, ClOrdId, InstrumentId, Money, Nanos, OrderId, Price, Qty};

pub(crate) use edge::{EdgeId, refusal_of, refusal_of_replace, refuse_cancel, refuse_mass, refuse_order};

/// ExecRestatementReason (378): part of the quantity was taken away.
const PARTIAL_DECLINE_OF_QTY: u64 = 5;
/// CommType (13): the commission is an amount.
const ABSOLUTE: char = '3';

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
        Happening::Triggered(triggered) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.order(f, 'L', &triggered.order, |_| {}));
        }
        Happening::Restated(restated) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| {
                report.order(f, 'D', &restated.order, |f| {
                    f.u64(tags::EXEC_RESTATEMENT_REASON, PARTIAL_DECLINE_OF_QTY);
                    f.str(tags::TEXT, "self-trade prevention took from the quantity");
                });
            });
        }
        Happening::TradeBusted(busted) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| report.busted(f, &busted.trade, &busted.act));
        }
        Happening::TradeCorrected(corrected) => {
            fix.send(now, msg_type::EXECUTION_REPORT, |f| {
                report.corrected(f, &corrected.trade, &corrected.act);
            });
        }
        Happening::MassCancelled(done) => {
            fix.send(now, msg_type::ORDER_MASS_CANCEL_REPORT, |f| report.mass_cancelled(f, done));
        }
        Happening::MassCancelRejected(refused) => {
            fix.send(now, msg_type::ORDER_MASS_CANCEL_REPORT, |f| report.mass_cancel_rejected(f, refused));
        }
        Happening::EpochStarted(_)
        | Happening::RulesActivated(_)
        | Happening::GatewayOpened(_)
        | Happening::SessionOpened(_)
        | Happening::SessionClosed(_)
        | Happening::InstrumentDefined(_)
        | Happening::AdministrationRefused(_)
        | Happening::PhaseChanged(_)
        | Happening::BandsChanged(_)
        | Happening::LeadChanged(_)
        | Happening::CurrencyDefined(_)
        | Happening::ParticipantDefined(_)
        | Happening::AccountDefined(_)
        | Happening::SessionAssigned(_)
        | Happening::MoneyMoved(_)
        | Happening::SharesMoved(_)
        | Happening::LimitsChanged(_)
        | Happening::TradingChanged(_)
        | Happening::MassCancelledFor(_)
        | Happening::DayEnded(_)
        | Happening::AuctionUncrossed(_) => return false,
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
        let terms = order.terms;
        let decimals = self.price_decimals(terms.instrument);
        order_id(f, order.order);
        f.bytes(tags::CL_ORD_ID, { order.cl_ord_id }.as_bytes());
        f.u64(tags::EXEC_ID, { self.header.outbound }.0);
        f.char(tags::EXEC_TYPE, exec_type);
        f.char(tags::ORD_STATUS, codes::status(order.status));
        account(f, order.account);
        self.symbol(f, terms.instrument);
        f.char(tags::SIDE, codes::side(terms.side));
        self.terms(f, &terms, decimals);
        f.u64(tags::LEAVES_QTY, { order.leaves }.0);
        f.u64(tags::CUM_QTY, { order.cum }.0);
        // Two digits more than prices have, so that an average shows what rounding would hide.
        f.average(tags::AVG_PX, { order.notional }.0, { order.cum }.0, decimals, decimals + 2);
        f.timestamp(tags::TRANSACT_TIME, self.header.timestamp);
        more(f);
    }

    /// What was asked for, as it stands now.
    fn terms(&self, f: &mut Fields<'_>, terms: &Terms, decimals: u8) {
        f.u64(tags::ORDER_QTY, { terms.qty }.0);
        f.char(tags::ORD_TYPE, codes::order_type(terms.order_type));
        if matches!(terms.order_type, OrderType::Limit | OrderType::StopLimit) {
            f.decimal(tags::PRICE, { terms.price }.0, decimals);
        }
        if matches!(terms.order_type, OrderType::Stop | OrderType::StopLimit) {
            f.decimal(tags::STOP_PX, { terms.stop_price }.0, decimals);
        }
        f.char(tags::TIME_IN_FORCE, codes::time_in_force(terms.time_in_force));
        if { terms.expire } != Nanos(0) {
            f.timestamp(tags::EXPIRE_TIME, terms.expire);
        }
        if terms.post_only == PostOnly::Yes {
            f.char(tags::EXEC_INST, '6');
        }
        if { terms.min_qty } != Qty(0) {
            f.u64(tags::MIN_QTY, { terms.min_qty }.0);
        }
        if { terms.display } != Qty(0) {
            f.u64(tags::MAX_FLOOR, { terms.display }.0);
        }
    }

    fn price_decimals(&self, instrument: InstrumentId) -> u8 {
        self.listings.of_id(instrument).map_or(0, |listing| listing.price_decimals)
    }

    /// The fee of a fill, in the money of its instrument; nothing where there is none to pay in.
    fn fee(&self, f: &mut Fields<'_>, instrument: InstrumentId, fee: Money) {
        let listing = self.listings.of_id(instrument);
        if let Some(decimals) = listing.and_then(|listing| listing.money_decimals) {
            f.decimal(tags::COMMISSION, fee.0, decimals);
            f.char(tags::COMM_TYPE, ABSOLUTE);
        }
    }

    fn symbol(&self, f: &mut Fields<'_>, instrument: InstrumentId) {
        match self.listings.of_id(instrument) {
            Some(listing) => f.bytes(tags::SYMBOL, listing.symbol.as_bytes()),
            None => f.text(tags::SYMBOL, format_args!("{instrument}")),
        }
    }

    fn rejected(&self, f: &mut Fields<'_>, rejected: &Rejected) {
        self.order(f, '8', &rejected.order, |f| {
            f.u64(tags::ORD_REJ_REASON, codes::ord_rej_reason(rejected.reason));
            match rejected.original {
                OrderId(0) => f.str(tags::TEXT, words::of_reject(rejected.reason)),
                original => {
                    f.text(
                        tags::TEXT,
                        format_args!("{}: it names order {original}", words::of_reject(rejected.reason)),
                    );
                }
            }
        });
    }

    fn filled(&self, f: &mut Fields<'_>, filled: &Filled) {
        let instrument = { filled.order.terms }.instrument;
        let decimals = self.price_decimals(instrument);
        self.order(f, 'F', &filled.order, |f| {
            f.u64(tags::LAST_QTY, { filled.last_qty }.0);
            f.decimal(tags::LAST_PX, { filled.last_price }.0, decimals);
            self.fee(f, instrument, filled.fee);
            f.u64(tags::SECONDARY_EXEC_ID, { filled.trade }.0);
            f.char(tags::LAST_LIQUIDITY_IND, codes::liquidity(filled.liquidity));
        });
    }

    fn cancelled(&self, f: &mut Fields<'_>, cancelled: &Cancelled) {
        let mut order = cancelled.order;
        let name = order.cl_ord_id;
        let requested = !{ cancelled.request }.is_empty();
        if requested {
            order.cl_ord_id = cancelled.request;
        }
        let expired = codes::is_expiry(cancelled.reason);
        if expired {
            order.status = OrderStatus::Expired;
        }
        self.order(f, if expired { 'C' } else { '4' }, &order, |f| {
            if requested {
                f.bytes(tags::ORIG_CL_ORD_ID, name.as_bytes());
            }
            f.str(tags::TEXT, words::of_cancel(cancelled.reason));
        });
    }

    fn replaced(&self, f: &mut Fields<'_>, replaced: &Replaced) {
        self.order(f, '5', &replaced.order, |f| {
            f.bytes(tags::ORIG_CL_ORD_ID, { replaced.orig_cl_ord_id }.as_bytes());
        });
    }

    /// A trade was undone: what is left of it is nothing.
    fn busted(&self, f: &mut Fields<'_>, trade: &TradeSide, act: &Act) {
        self.trade(f, trade, act, &Outcome { exec_type: 'H', status: '4', cum: Qty(0), average: Price(0) });
    }

    /// A trade was put right.
    fn corrected(&self, f: &mut Fields<'_>, trade: &TradeSide, act: &Act) {
        let (cum, average) = (trade.qty, trade.price);
        self.trade(f, trade, act, &Outcome { exec_type: 'G', status: '2', cum, average });
    }

    /// A report about a trade alone: how its order is by now is not told with it.
    fn trade(&self, f: &mut Fields<'_>, trade: &TradeSide, act: &Act, outcome: &Outcome) {
        let decimals = self.price_decimals(trade.instrument);
        order_id(f, trade.order);
        f.bytes(tags::CL_ORD_ID, { trade.cl_ord_id }.as_bytes());
        f.u64(tags::EXEC_ID, { self.header.outbound }.0);
        f.text(tags::EXEC_REF_ID, format_args!("T{}", { trade.trade }));
        f.char(tags::EXEC_TYPE, outcome.exec_type);
        f.char(tags::ORD_STATUS, outcome.status);
        account(f, trade.account);
        self.symbol(f, trade.instrument);
        f.char(tags::SIDE, codes::side(trade.side));
        f.u64(tags::LAST_QTY, { trade.qty }.0);
        f.decimal(tags::LAST_PX, { trade.price }.0, decimals);
        self.fee(f, trade.instrument, trade.fee);
        f.u64(tags::LEAVES_QTY, 0);
        f.u64(tags::CUM_QTY, outcome.cum.0);
        f.decimal(tags::AVG_PX, outcome.average.0, decimals);
        f.timestamp(tags::TRANSACT_TIME, self.header.timestamp);
        f.u64(tags::SECONDARY_EXEC_ID, { trade.trade }.0);
        f.text(tags::TEXT, format_args!("{}: {}", act.by, act.why));
    }

    fn mass_cancelled(&self, f: &mut Fields<'_>, done: &MassCancelled) {
        let scope = codes::mass_scope(done.scope);
        self.mass(f, done.request, scope);
        f.char(tags::MASS_CANCEL_RESPONSE, scope);
        f.u64(tags::TOTAL_AFFECTED_ORDERS, u64::from(done.count));
    }

    fn mass_cancel_rejected(&self, f: &mut Fields<'_>, refused: &MassCancelRejected) {
        self.mass(f, refused.request, codes::mass_scope(refused.scope));
        f.char(tags::MASS_CANCEL_RESPONSE, '0');
        f.u64(tags::MASS_CANCEL_REJECT_REASON, codes::mass_cancel_reject_reason(refused.reason));
        f.str(tags::TEXT, words::of_reject(refused.reason));
    }

    /// What every OrderMassCancelReport says; the exchange's name for the request is its sequence number.
    fn mass(&self, f: &mut Fields<'_>, request: ClOrdId, scope: char) {
        f.bytes(tags::CL_ORD_ID, request.as_bytes());
        f.u64(tags::ORDER_ID, { self.header.cause_seq }.0);
        f.char(tags::MASS_CANCEL_REQUEST_TYPE, scope);
        f.timestamp(tags::TRANSACT_TIME, self.header.timestamp);
    }
}

/// How a trade stands after it was undone or put right.
struct Outcome {
    exec_type: char,
    status: char,
    cum: Qty,
    average: Price,
}

/// Accounts go by their numbers.
fn account(f: &mut Fields<'_>, account: AccountId) {
    if account != AccountId(0) {
        f.u64(tags::ACCOUNT, u64::from(account.0));
    }
}

fn cancel_rejected(f: &mut Fields<'_>, at: Nanos, rejected: &CancelRejected) {
    order_id(f, rejected.order);
    f.bytes(tags::CL_ORD_ID, { rejected.request }.as_bytes());
    f.bytes(tags::ORIG_CL_ORD_ID, { rejected.orig_cl_ord_id }.as_bytes());
    f.char(tags::ORD_STATUS, codes::status(rejected.status));
    f.timestamp(tags::TRANSACT_TIME, at);
    f.char(tags::CXL_REJ_RESPONSE_TO, codes::response_to(rejected.response_to));
    f.u64(tags::CXL_REJ_REASON, codes::cxl_rej_reason(rejected.reason));
    f.str(tags::TEXT, words::of_reject(rejected.reason));
}

fn order_id(f: &mut Fields<'_>, order: OrderId) {
    match order {
        OrderId(0) => f.str(tags::ORDER_ID, "NONE"),
        OrderId(number) => f.u64(tags::ORDER_ID, number),
    }
}
