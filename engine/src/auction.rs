//! Auctions: one price for all that was collected.

use crate::continuous::{Match, Role};
use crate::exchange::{Exchange, Turn};
use crate::instruments::Market;
use book::Slot;
use wire::command::Side;
use wire::event::{AuctionUncrossed, Liquidity};
use wire::{InstrumentId, OrderId, Price, Qty};

/// A price that the auction could find.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    price: Price,
    /// Bid at or above it.
    bid: u128,
    /// Offered at or below it.
    offered: u128,
}

impl Candidate {
    fn executable(&self) -> u128 {
        self.bid.min(self.offered)
    }

    fn surplus(&self) -> u128 {
        self.bid.abs_diff(self.offered)
    }
}

impl Exchange {
    /// Matches what crosses in the book at one price, if anything does.
    pub(crate) fn uncross(&mut self, id: InstrumentId, turn: &mut Turn<'_>) {
        let instrument = *self.instruments.of_order(id);
        let market = &instrument.market;
        let Some(found) = choose(self.candidates(market), instrument.reference) else { return };
        let (price, volume) = (found.price, found.executable());
        let mut left = u64::try_from(volume).expect("a side of a book is a u64");
        turn.events.announce(&AuctionUncrossed { instrument: id, reserved: [0; 4], price, qty: Qty(left) });
        while left > 0 {
            let front = |side| self.shelf.best(market.book(side)).map(|level| level.first());
            let (buy, sell) = (front(Side::Buy), front(Side::Sell));
            let (buy, sell) = buy.zip(sell).expect("what is executable is in the book");
            let qty = self.shelf.leaves(buy).min(self.shelf.leaves(sell)).0.min(left);
            left -= qty;
            self.pair(buy, sell, price, Qty(qty), market, turn);
        }
        let instrument = self.instruments.of_order(id);
        instrument.last = price;
        instrument.reference = price;
    }

    /// One match of an auction: told to the buyer, then to the seller.
    fn pair(&mut self, buy: Slot, sell: Slot, price: Price, qty: Qty, market: &Market, turn: &mut Turn<'_>) {
        let deal = Match { trade: self.trades.next(), price, qty };
        let id = |slot| -> OrderId { self.shelf.order(slot).id() };
        let contras = [(buy, id(sell)), (sell, id(buy))];
        let [buyer, seller] = contras.map(|(slot, contra)| {
            let role = Role { contra, liquidity: Liquidity::Auction, rate: market.taker_fee };
            let (party, stays) = self.fill_resting(slot, &deal, &role, market, turn);
            if stays {
                let showing = self.shelf.order(slot).showing();
                self.shelf.show(slot, showing);
            }
            party
        });
        self.keep(&deal, market, buyer, seller);
    }

    /// The prices of all orders in the book at which something can be executed, lowest first.
    fn candidates(&self, market: &Market) -> Vec<Candidate> {
        let (bids, offers) = (market.book(Side::Buy), market.book(Side::Sell));
        let (Some(highest), Some(lowest)) = (self.shelf.best_key(bids), self.shelf.best_key(offers)) else {
            return Vec::new();
        };
        let crossing = |ladder| {
            let levels = self.shelf.levels(ladder).map(|level| (level.key(), u128::from(level.total().0)));
            levels.take_while(move |(key, _)| (lowest..=highest).contains(key)).collect::<Vec<_>>()
        };
        let (bids, offers) = (crossing(bids), crossing(offers));
        let mut keys: Vec<i64> = bids.iter().chain(&offers).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let (mut bid, mut offered) = (bids.iter().map(|(_, total)| total).sum::<u128>(), 0);
        let (mut under, mut over) = (bids.iter().rev().peekable(), offers.iter().peekable());
        keys.into_iter()
            .map(|key| {
                while let Some((_, total)) = under.next_if(|(below, _)| *below < key) {
                    bid -= total;
                }
                while let Some((_, total)) = over.next_if(|(up_to, _)| *up_to <= key) {
                    offered += total;
                }
                Candidate { price: market.price(key), bid, offered }
            })
            .collect()
    }
}

/// The price by the rulebook: most executed, least surplus, pressure, reference.
fn choose(mut candidates: Vec<Candidate>, reference: Price) -> Option<Candidate> {
    let most = candidates.iter().map(Candidate::executable).max().filter(|most| *most > 0)?;
    candidates.retain(|candidate| candidate.executable() == most);
    let least = candidates.iter().map(Candidate::surplus).min()?;
    candidates.retain(|candidate| candidate.surplus() == least);
    let (lowest, highest) = (candidates.first().copied(), candidates.last().copied());
    if candidates.iter().all(|candidate| candidate.bid > candidate.offered) {
        return highest;
    }
    if candidates.iter().all(|candidate| candidate.bid < candidate.offered) || reference == Price(0) {
        return lowest;
    }
    candidates
        .into_iter()
        .min_by_key(|candidate| (candidate.price.0.abs_diff(reference.0), -candidate.price.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(price: i64, bid: u128, offered: u128) -> Candidate {
        Candidate { price: Price(price), bid, offered }
    }

    fn found(candidates: &[Candidate], reference: i64) -> Option<i64> {
        choose(candidates.to_vec(), Price(reference)).map(|found| found.price.0)
    }

    #[test]
    fn the_price_of_most_volume_comes_first_then_least_surplus() {
        assert_eq!(found(&[candidate(1, 9, 3), candidate(2, 5, 5), candidate(3, 4, 9)], 0), Some(2));
        assert_eq!(found(&[candidate(1, 9, 5), candidate(2, 6, 5), candidate(3, 4, 5)], 0), Some(2));
        assert_eq!(found(&[candidate(1, 0, 5)], 0), None);
        assert_eq!(found(&[], 0), None);
    }

    #[test]
    fn pressure_decides_then_the_reference_price() {
        assert_eq!(found(&[candidate(1, 6, 5), candidate(2, 6, 5)], 1), Some(2), "bids press upwards");
        assert_eq!(found(&[candidate(1, 5, 6), candidate(2, 5, 6)], 2), Some(1), "offers press downwards");
        let balanced = [candidate(1, 5, 5), candidate(3, 5, 5), candidate(7, 5, 5)];
        assert_eq!(found(&balanced, 4), Some(3));
        assert_eq!(found(&balanced, 5), Some(7), "of two equally near ones the higher");
        assert_eq!(found(&balanced, 0), Some(1), "without a reference the lowest");
        let mixed = [candidate(1, 6, 5), candidate(2, 5, 6)];
        assert_eq!(found(&mixed, 9), Some(2));
    }
}
