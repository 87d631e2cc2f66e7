//! §1 and §5: phases, and the one price at which a book is uncrossed.

use super::order::{Order, Place};
use super::{Fault, Model};
use wire::command::{Act, OrderType, Phase, SetPhase, Side, TimeInForce};
use wire::event::{AuctionUncrossed, CancelReason, Liquidity, PhaseChanged, RejectReason};
use wire::{ClOrdId, InstrumentId, Price, Qty};

fn reachable(from: Phase, to: Phase) -> bool {
    use Phase::{Closed, ClosingAuction, Continuous, Halted, OpeningAuction, PreOpen};
    match from {
        Closed => matches!(to, PreOpen | OpeningAuction | Continuous | Halted),
        PreOpen => matches!(to, OpeningAuction | Continuous | Closed | Halted),
        OpeningAuction => matches!(to, Continuous | Closed | Halted),
        Continuous => matches!(to, ClosingAuction | Closed | Halted),
        ClosingAuction => matches!(to, Closed | Halted),
        Halted => to != Halted,
    }
}

/// Whether the close is the end of an order.
type Over = fn(&Order) -> bool;

impl Model {
    pub(super) fn phase(&self, instrument: InstrumentId) -> Phase {
        self.instruments[&instrument.0].terms.phase
    }

    pub(super) fn set_phase(&mut self, c: &SetPhase) {
        let which: Vec<u32> = if { c.instrument } == InstrumentId::ALL {
            self.instruments.keys().copied().collect()
        } else if self.instruments.contains_key(&{ c.instrument }.0) {
            vec![{ c.instrument }.0]
        } else {
            return self.refuse(0x41, RejectReason::UnknownInstrument);
        };
        let can: Vec<u32> =
            which.into_iter().filter(|id| reachable(self.phase(InstrumentId(*id)), c.phase)).collect();
        if can.is_empty() {
            return self.refuse(0x41, RejectReason::PhaseNotReachable);
        }
        for id in can {
            self.move_to(InstrumentId(id), c.phase, c.act);
        }
    }

    fn move_to(&mut self, instrument: InstrumentId, phase: Phase, act: Act) {
        let known = self.instruments.get_mut(&instrument.0).expect("looked up");
        let before = known.terms.phase;
        known.terms.phase = phase;
        self.announce(PhaseChanged { instrument, phase, before, reserved: [0; 2], act });
        let at_the_close =
            move |o: &Order| o.ask.instrument == instrument && o.ask.tif == TimeInForce::AtTheClose;
        match phase {
            Phase::Continuous => {
                self.uncross(instrument);
                let here = self.open_where(|o| o.ask.instrument == instrument && o.place == Place::Book);
                for id in here {
                    let ask = self.orders[self.find(id)].ask;
                    if ask.tif == TimeInForce::AtTheOpen {
                        self.cancel_open(id, CancelReason::AuctionRemainder, ClOrdId::default());
                    } else if ask.kind == OrderType::Market {
                        self.cancel_open(id, CancelReason::NoLiquidity, ClOrdId::default());
                    }
                }
                let last = self.instruments[&instrument.0].last;
                if last != 0 {
                    self.wake(instrument, &mut Some((last, last)));
                }
            }
            Phase::ClosingAuction => {
                let mut waiting: Vec<(u64, u64)> = self
                    .orders
                    .iter()
                    .filter(|o| o.ask.instrument == instrument && o.place == Place::Waiting)
                    .map(|o| (o.rank, o.id))
                    .collect();
                waiting.sort_unstable();
                for (_, id) in waiting {
                    let at = self.find(id);
                    let order = self.orders.remove(at);
                    self.join_book(order);
                }
            }
            Phase::Halted if before == Phase::ClosingAuction => {
                if self.fault == Some(Fault::HaltedCloseStaysInTheBook) {
                    return;
                }
                for id in self.open_where(|o| at_the_close(o) && o.place == Place::Book) {
                    let rank = self.rank();
                    let at = self.find(id);
                    self.orders[at].place = Place::Waiting;
                    self.orders[at].rank = rank;
                }
            }
            Phase::Closed => {
                if before == Phase::ClosingAuction {
                    self.uncross(instrument);
                }
                self.close(instrument);
            }
            Phase::Halted | Phase::PreOpen | Phase::OpeningAuction => {}
        }
    }

    /// §1, 7.
    fn close(&mut self, instrument: InstrumentId) {
        let over: [(CancelReason, Over); 3] = [
            (CancelReason::AuctionRemainder, |o| {
                matches!(o.ask.tif, TimeInForce::AtTheOpen | TimeInForce::AtTheClose)
            }),
            (CancelReason::Expired, |o| o.ask.tif == TimeInForce::Day || o.ask.is_immediate()),
            (CancelReason::NoLiquidity, |o| o.place == Place::Book && !o.ask.has_limit()),
        ];
        for (reason, is_over) in over {
            for id in self.open_where(|o| o.ask.instrument == instrument && is_over(o)) {
                self.cancel_open(id, reason, ClOrdId::default());
            }
        }
    }

    /// §5: the price, and how much trades there. None if nothing can be executed.
    fn auction_price(&self, instrument: InstrumentId) -> Option<(i64, u128)> {
        let bids = self.book(instrument, Side::Buy);
        let offers = self.book(instrument, Side::Sell);
        let mut prices: Vec<i64> = bids.iter().chain(&offers).map(|o| o.limit).collect();
        prices.sort_unstable();
        prices.dedup();
        // Price, executed, surplus of bids (below zero: of offers).
        let mut found: Vec<(i64, u128, i128)> = prices
            .into_iter()
            .map(|price| {
                let sum = |orders: &[&Order]| -> u128 {
                    orders.iter().filter(|o| o.accepts(price)).map(|o| u128::from(o.leaves())).sum()
                };
                let (bid, offered) = (sum(&bids), sum(&offers));
                (price, bid.min(offered), bid as i128 - offered as i128)
            })
            .collect();
        let most = found.iter().map(|f| f.1).max().filter(|most| *most > 0)?;
        found.retain(|f| f.1 == most);
        let least = found.iter().map(|f| f.2.abs()).min()?;
        found.retain(|f| f.2.abs() == least);
        let (lowest, highest) = (found.first()?.0, found.last()?.0);
        let reference = self.instruments[&instrument.0].reference;
        let price = if self.fault == Some(Fault::AuctionPicksTheLowest) {
            lowest
        } else if found.iter().all(|f| f.2 > 0) {
            highest
        } else if found.iter().all(|f| f.2 < 0) || reference == 0 {
            lowest
        } else {
            // Of two equally near ones the higher.
            found.iter().map(|f| f.0).min_by_key(|p| ((p - reference).abs(), -p))?
        };
        Some((price, most))
    }

    fn uncross(&mut self, instrument: InstrumentId) {
        let Some((price, most)) = self.auction_price(instrument) else { return };
        let qty = Qty(u64::try_from(most).expect("orders are few"));
        self.announce(AuctionUncrossed { instrument, reserved: [0; 4], price: Price(price), qty });
        let ids = |side: Side| -> Vec<u64> {
            self.book(instrument, side).iter().filter(|o| o.accepts(price)).map(|o| o.id).collect()
        };
        let (mut bids, mut offers) = (ids(Side::Buy), ids(Side::Sell));
        while let (Some(bid), Some(offer)) = (bids.first().copied(), offers.first().copied()) {
            let at = self.find(bid);
            let mut buyer = self.orders.remove(at);
            let at = self.find(offer);
            let mut seller = self.orders.remove(at);
            let qty = buyer.leaves().min(seller.leaves());
            self.trade(&mut buyer, &mut seller, [Liquidity::Auction; 2], price, qty);
            for (mut order, list) in [(buyer, &mut bids), (seller, &mut offers)] {
                if order.leaves() == 0 {
                    list.remove(0);
                } else {
                    if self.fault != Some(Fault::AuctionForgetsTheIceberg) || order.shown == 0 {
                        order.show();
                    }
                    order.shown = order.shown.min(order.leaves());
                    self.orders.push(order);
                }
            }
        }
    }
}
