//! A report as a client sees it: from an event, and from a client's record; both come to one fingerprint.
//!
//! `docs/FIX.md` says how an event becomes an ExecutionReport. Prices are compared as decimal numbers, so that a record does
//! not need to know an instrument's decimals.

use twox_hash::XxHash3_64;
use wire::event::{CancelReason, Happening, OrderStatus, OrderView, TradeSide};
use wire::{ClOrdId, InstrumentId, OrderId, Price, Qty};

/// The fields of an ExecutionReport that a client's record keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report<'a> {
    /// ClOrdID(11).
    pub(crate) name: &'a [u8],
    /// OrderID(37), as it stands there.
    pub(crate) order_id: &'a [u8],
    /// ExecType(150).
    pub(crate) exec_type: &'a [u8],
    /// OrdStatus(39).
    pub(crate) ord_status: &'a [u8],
    /// LastQty(32), empty if it is no fill.
    pub(crate) last_qty: &'a [u8],
    /// LastPx(31), empty if it is no fill.
    pub(crate) last_px: &'a [u8],
    /// CumQty(14).
    pub(crate) cum_qty: &'a [u8],
    /// LeavesQty(151).
    pub(crate) leaves_qty: &'a [u8],
}

impl Report<'_> {
    /// Two reports that say the same have the same; others do with a chance of 2⁻⁶⁴. Never 0.
    pub(crate) fn fingerprint(&self, scratch: &mut Vec<u8>) -> u64 {
        scratch.clear();
        for field in [self.name, self.order_id, self.exec_type, self.ord_status] {
            scratch.extend_from_slice(field);
            scratch.push(1);
        }
        for number in [self.last_qty, self.last_px, self.cum_qty, self.leaves_qty] {
            push_decimal(scratch, number);
            scratch.push(1);
        }
        XxHash3_64::oneshot(scratch).max(1)
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |field: &[u8]| field.escape_ascii().to_string();
        write!(f, "order {} ({})", text(self.order_id), text(self.name))?;
        write!(f, ", exec type {}, status {}", text(self.exec_type), text(self.ord_status))?;
        if !self.last_qty.is_empty() {
            write!(f, ", {} at {}", text(self.last_qty), text(self.last_px))?;
        }
        write!(f, ", filled {}, open {}", text(self.cum_qty), text(self.leaves_qty))
    }
}

/// A decimal number without zeros that say nothing.
fn push_decimal(to: &mut Vec<u8>, text: &[u8]) {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (&text[..1], rest),
        _ => (&text[..0], text),
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or(&[]));
    let fraction = &fraction[..fraction.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1)];
    // "0" and "" differ: a quantity of zero was said, or none.
    let whole = &whole[whole.iter().position(|b| *b != b'0').unwrap_or(whole.len().saturating_sub(1))..];
    to.extend_from_slice(sign);
    to.extend_from_slice(whole);
    if !fraction.is_empty() {
        to.push(b'.');
        to.extend_from_slice(fraction);
    }
}

/// The texts of one event's report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    name: ClOrdId,
    order_id: String,
    exec_type: &'static [u8],
    ord_status: &'static [u8],
    last_qty: String,
    last_px: String,
    cum_qty: String,
    leaves_qty: String,
}

impl Spoken {
    /// The ExecutionReport that comes of an event; none of one that is told otherwise or not at all. `decimals` are those of
    /// an instrument's prices.
    pub(crate) fn of(happening: &Happening<'_>, decimals: impl Fn(InstrumentId) -> u8) -> Option<Self> {
        let (mut order, exec_type): (OrderView, &'static [u8]) = match happening {
            Happening::Accepted(accepted) => (accepted.order, b"0"),
            Happening::Rejected(rejected) => (rejected.order, b"8"),
            Happening::Filled(filled) => (filled.order, b"F"),
            Happening::Cancelled(cancelled) if ran_out(cancelled.reason) => (cancelled.order, b"C"),
            Happening::Cancelled(cancelled) => (cancelled.order, b"4"),
            Happening::Replaced(replaced) => (replaced.order, b"5"),
            Happening::Triggered(triggered) => (triggered.order, b"L"),
            Happening::Restated(restated) => (restated.order, b"D"),
            Happening::TradeBusted(busted) => {
                let trade = Trade { side: busted.trade, exec_type: b"H", ord_status: b"4", cum: Qty(0) };
                return Some(Self::of_trade(&trade, decimals));
            }
            Happening::TradeCorrected(corrected) => {
                let (side, cum) = (corrected.trade, { corrected.trade }.qty);
                let trade = Trade { side, exec_type: b"G", ord_status: b"2", cum };
                return Some(Self::of_trade(&trade, decimals));
            }
            _ => return None,
        };
        let mut name = order.cl_ord_id;
        let (mut last_qty, mut last_px) = (String::new(), String::new());
        match happening {
            Happening::Cancelled(cancelled) => {
                // The answer to a cancel goes by the cancel's own name.
                if !{ cancelled.request }.is_empty() {
                    name = cancelled.request;
                }
                if ran_out(cancelled.reason) {
                    order.status = OrderStatus::Expired;
                }
            }
            Happening::Filled(filled) => {
                let (Qty(qty), Price(price)) = (filled.last_qty, filled.last_price);
                last_qty = qty.to_string();
                last_px = decimal(price, decimals({ order.terms }.instrument));
            }
            _ => {}
        }
        Some(Self {
            name,
            order_id: order_id(order.order),
            exec_type,
            ord_status: status(order.status),
            last_qty,
            last_px,
            cum_qty: { order.cum }.0.to_string(),
            leaves_qty: { order.leaves }.0.to_string(),
        })
    }

    /// A report about a trade alone says nothing of how its order is by now.
    fn of_trade(trade: &Trade, decimals: impl Fn(InstrumentId) -> u8) -> Self {
        let side = trade.side;
        Self {
            name: side.cl_ord_id,
            order_id: order_id(side.order),
            exec_type: trade.exec_type,
            ord_status: trade.ord_status,
            last_qty: { side.qty }.0.to_string(),
            last_px: decimal({ side.price }.0, decimals(side.instrument)),
            cum_qty: trade.cum.0.to_string(),
            leaves_qty: "0".to_owned(),
        }
    }

    /// As the client sees it.
    pub(crate) fn report(&self) -> Report<'_> {
        Report {
            name: self.name.as_bytes(),
            order_id: self.order_id.as_bytes(),
            exec_type: self.exec_type,
            ord_status: self.ord_status,
            last_qty: self.last_qty.as_bytes(),
            last_px: self.last_px.as_bytes(),
            cum_qty: self.cum_qty.as_bytes(),
            leaves_qty: self.leaves_qty.as_bytes(),
        }
    }
}

/// A trade that was undone or put right.
struct Trade {
    side: TradeSide,
    exec_type: &'static [u8],
    ord_status: &'static [u8],
    cum: Qty,
}

/// Whether an order ran out (150=C) or was cancelled (150=4).
fn ran_out(reason: CancelReason) -> bool {
    matches!(reason, CancelReason::Expired | CancelReason::AuctionRemainder)
}

/// OrderID(37).
fn order_id(OrderId(id): OrderId) -> String {
    if id == 0 { "NONE".to_owned() } else { id.to_string() }
}

fn decimal(units: i64, decimals: u8) -> String {
    let (sign, digits) = (if units < 0 { "-" } else { "" }, units.unsigned_abs().to_string());
    let decimals = usize::from(decimals);
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// OrdStatus(39).
const fn status(status: OrderStatus) -> &'static [u8] {
    match status {
        OrderStatus::New => b"0",
        OrderStatus::PartiallyFilled => b"1",
        OrderStatus::Filled => b"2",
        OrderStatus::Cancelled => b"4",
        OrderStatus::Rejected => b"8",
        OrderStatus::Expired => b"C",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_many_zeros_it_is_written_with() {
        let shown = |text: &str| {
            let mut to = Vec::new();
            push_decimal(&mut to, text.as_bytes());
            String::from_utf8(to).unwrap()
        };
        for (written, plain) in
            [("100.50", "100.5"), ("0100.500", "100.5"), ("7", "7"), ("7.00", "7"), ("0", "0"), ("000", "0")]
        {
            assert_eq!(shown(written), plain, "{written}");
        }
        assert_eq!((shown("-0.50"), shown("0.5"), shown("")), ("-0.5".into(), "0.5".into(), String::new()));
        assert_eq!(shown("10"), "10");
    }

    #[test]
    fn a_price_is_written_with_its_instruments_decimals() {
        assert_eq!(decimal(1_005_000, 4), "100.5000");
        assert_eq!(
            (decimal(5, 4), decimal(-5, 1), decimal(12, 0)),
            ("0.0005".into(), "-0.5".into(), "12".into())
        );
    }
}
