//! Events as short lines, so that a test reads like a trading floor.

use super::{Said, Told};

/// One line per event, without what every report repeats.
pub fn lines(told: &[Told]) -> Vec<String> {
    told.iter().map(|t| line(&t.said)).collect()
}

fn line(said: &Said) -> String {
    match said {
        Said::Accepted(b) => format!("{} accepted", b.order.cl_ord_id),
        Said::Rejected(b) => format!("{} refused: {:?}", b.order.cl_ord_id, b.reason),
        Said::Filled(b) => {
            let (qty, price, fee) = ({ b.last_qty }.0, { b.last_price }.0, { b.fee }.0);
            let fee = if fee == 0 { String::new() } else { format!(", fee {fee}") };
            format!("{} filled {qty} at {price} ({:?}{fee})", b.order.cl_ord_id, b.liquidity)
        }
        Said::Cancelled(b) => format!("{} {:?}: {:?}", b.order.cl_ord_id, b.order.status, b.reason),
        Said::Replaced(b) => format!("{} replaces {}", b.order.cl_ord_id, b.orig_cl_ord_id),
        Said::CancelRejected(b) => format!("{} refused: {:?}", b.request, b.reason),
        Said::Triggered(b) => format!("{} triggered", b.order.cl_ord_id),
        Said::Restated(b) => format!("{} restated to {}", b.order.cl_ord_id, { b.order.terms.qty }.0),
        Said::TradeBusted(b) => format!("{} busted, fee {}", b.trade.cl_ord_id, { b.trade.fee }.0),
        Said::TradeCorrected(b) => {
            let (qty, price, fee) = ({ b.trade.qty }.0, { b.trade.price }.0, { b.trade.fee }.0);
            format!("{} corrected to {qty} at {price}, fee {fee}", b.trade.cl_ord_id)
        }
        Said::MassCancelled(b) => format!("{}: {} cancelled", b.request, { b.count }),
        Said::MassCancelledFor(b) => format!("{} cancelled for others", { b.count }),
        Said::MassCancelRejected(b) => format!("{} refused: {:?}", b.request, b.reason),
        Said::AdministrationRefused(b) => format!("refused: {:?}", b.reason),
        Said::AuctionUncrossed(b) => format!("uncrossed: {} at {}", { b.qty }.0, { b.price }.0),
        Said::PhaseChanged(b) => format!("{} is {:?} after {:?}", { b.instrument }, b.phase, b.before),
        other => format!("{:?}", other.kind()),
    }
}
