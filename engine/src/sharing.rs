//! How a price level is shared among its orders, where it is not first come, first served.

use crate::exchange::Exchange;
use crate::instruments::Market;
use crate::orders::Order;
use book::Slot;
use wire::Qty;
use wire::command::Algorithm;

impl Exchange {
    /// What each order of the best level on the other side is given of the incoming one, in the order of time; orders
    /// that are given nothing are left out.
    pub(crate) fn share(&self, taker: &Order, market: &Market, parts: &mut Vec<(Slot, Qty)>) {
        let level = self.shelf.best(market.book(taker.side().opposite()));
        let level = level.expect("the caller has looked at the best level");
        let comes = level.shown().min(taker.leaves()).0;
        let down_to_lot = |qty: u64| qty - qty % market.lot;
        parts.extend(self.shelf.queue(level).map(|slot| (slot, Qty(0))));
        let mut left = comes;
        match market.algorithm {
            Algorithm::PriceTime => {}
            Algorithm::LeadMarketMaker => {
                let mut share = down_to_lot(percent(comes, market.lead_share));
                let lead = market.lead.0;
                for (slot, part) in
                    parts.iter_mut().filter(|(slot, _)| lead != 0 && self.shelf.tag(*slot) == lead)
                {
                    part.0 = share.min(self.shelf.shown(*slot).0);
                    share -= part.0;
                    left -= part.0;
                }
            }
            Algorithm::ProRata => {
                let all = u128::from(level.shown().0);
                for (slot, part) in parts.iter_mut() {
                    let weighed = u128::from(comes) * u128::from(self.shelf.shown(*slot).0) / all;
                    part.0 = down_to_lot(u64::try_from(weighed).expect("at most what comes"));
                    left -= part.0;
                }
            }
        }
        for (slot, part) in parts.iter_mut() {
            let more = left.min(self.shelf.shown(*slot).0 - part.0);
            part.0 += more;
            left -= more;
        }
        parts.retain(|(_, part)| *part > Qty(0));
    }
}

/// This many hundredths, rounded down.
fn percent(qty: u64, share: u8) -> u64 {
    qty / 100 * u64::from(share) + qty % 100 * u64::from(share) / 100
}
