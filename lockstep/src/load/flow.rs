//! Invented order flow that looks like a market's: which request comes next. A pure function of the seed and of what the
//! reports told before.

use super::orders::Orders;
use super::plan::{Instrument, Shape};
use super::request::{Action, Request};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use wire::command::{OrderType, Side, TimeInForce};

/// The walk of the middle price never goes below this many ticks, so that no price reaches zero.
pub(super) const LOWEST_MID_TICKS: i64 = 200;
/// Where the walk begins if the plan does not say.
const DEFAULT_MID_TICKS: i64 = 10_000;
/// Of 100 requests: new orders near the touch, cancels, replaces; the rest crosses the spread.
const ADDS: u32 = 45;
const CANCELS: u32 = 40;
const REPLACES: u32 = 7;
/// With more resting orders than this a session cancels instead of adding.
const MOST_LIVE: usize = 2_000;
/// The middle price moves by one tick with one request in so many.
const STEP_ONE_IN: u32 = 50;
/// An order this far behind the touch is as far as they go.
const DEEPEST_TICKS: i64 = 100;
/// Orders that shall only rest stand between so many ticks behind the middle.
const RESTING_TICKS: std::ops::Range<i64> = 1_000..3_000;
/// How far a crossing order reaches beyond the middle.
const REACH_TICKS: i64 = 4;
/// Quantities in lots, the small ones more often.
const LOTS: [u64; 10] = [1, 1, 1, 1, 2, 2, 3, 5, 10, 20];

#[derive(Clone, Debug)]
struct Market {
    tick: i64,
    lot: u64,
    mid_ticks: i64,
}

/// The flow over all sessions and instruments.
#[derive(Clone, Debug)]
pub struct Flow {
    rng: SmallRng,
    markets: Vec<Market>,
    shape: Shape,
}

impl Flow {
    /// The flow of this seed.
    ///
    /// # Panics
    /// If there is no instrument, or more than 65,536.
    #[must_use]
    pub fn new(seed: u64, instruments: &[Instrument]) -> Self {
        assert!(
            !instruments.is_empty() && instruments.len() <= 1 << 16,
            "requests name instruments by a u16"
        );
        let market = |i: &Instrument| Market {
            tick: i.tick,
            lot: i.lot,
            mid_ticks: i.start_price.map_or(DEFAULT_MID_TICKS, |p| p / i.tick).max(LOWEST_MID_TICKS),
        };
        let markets = instruments.iter().map(market).collect();
        Self { rng: SmallRng::seed_from_u64(seed), markets, shape: Shape::Market }
    }

    /// The same flow in this shape.
    #[must_use]
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// The next request of this session. Only its own resting orders are cancelled or replaced.
    pub fn next(&mut self, session: u16, orders: &Orders) -> Request {
        let instrument = self.rng.random_range(0..self.markets.len());
        if self.shape == Shape::Resting {
            return self.rest(session, instrument);
        }
        self.walk(instrument);
        let live = orders.live_count(session);
        let roll = self.rng.random_range(0..100);
        match roll {
            _ if roll < ADDS && live < MOST_LIVE => self.add(session, instrument),
            _ if roll < ADDS + CANCELS && live > 0 => self.cancel(session, orders),
            _ if roll < ADDS + CANCELS => self.add(session, instrument),
            _ if roll < ADDS + CANCELS + REPLACES && live > 0 => self.replace(session, orders),
            _ if roll < ADDS + CANCELS + REPLACES => self.add(session, instrument),
            _ => self.cross(session, instrument),
        }
    }

    fn walk(&mut self, instrument: usize) {
        if self.rng.random_range(0..STEP_ONE_IN) == 0 {
            let up = self.rng.random::<bool>();
            let mid = &mut self.markets[instrument].mid_ticks;
            *mid = (*mid + if up { 1 } else { -1 }).max(LOWEST_MID_TICKS);
        }
    }

    fn side(&mut self) -> Side {
        if self.rng.random() { Side::Buy } else { Side::Sell }
    }

    /// Behind the touch by a number of ticks, each further one half as likely.
    fn passive_price(&mut self, side: Side, instrument: usize) -> i64 {
        let depth = i64::from(self.rng.random::<u64>().trailing_ones()).min(DEEPEST_TICKS);
        let market = &self.markets[instrument];
        let ticks = match side {
            Side::Buy => market.mid_ticks - 1 - depth,
            Side::Sell => market.mid_ticks + 1 + depth,
        };
        ticks * market.tick
    }

    fn qty(&mut self, instrument: usize) -> u64 {
        LOTS[self.rng.random_range(0..LOTS.len())] * self.markets[instrument].lot
    }

    fn add(&mut self, session: u16, instrument: usize) -> Request {
        let side = self.side();
        Request {
            session,
            instrument: instrument as u16,
            action: Action::New { order_type: OrderType::Limit, time_in_force: TimeInForce::Day },
            side,
            price: self.passive_price(side, instrument),
            qty: self.qty(instrument),
        }
    }

    /// Never at or below zero, however low the middle stands.
    fn rest(&mut self, session: u16, instrument: usize) -> Request {
        let (side, away) = (self.side(), self.rng.random_range(RESTING_TICKS));
        let market = &self.markets[instrument];
        let ticks = match side {
            Side::Buy => (market.mid_ticks - away).max(1 + away % (LOWEST_MID_TICKS / 2)),
            Side::Sell => market.mid_ticks + away,
        };
        Request {
            session,
            instrument: instrument as u16,
            action: Action::New { order_type: OrderType::Limit, time_in_force: TimeInForce::Day },
            side,
            price: ticks * market.tick,
            qty: self.qty(instrument),
        }
    }

    fn cancel(&mut self, session: u16, orders: &Orders) -> Request {
        let live = orders.live(session, self.rng.random_range(0..orders.live_count(session)));
        Request {
            session,
            instrument: live.instrument,
            action: Action::Cancel(live.order),
            side: live.side,
            price: live.price,
            qty: live.qty,
        }
    }

    /// Half of them change the price, half the quantity, which stays above what is filled.
    fn replace(&mut self, session: u16, orders: &Orders) -> Request {
        let live = orders.live(session, self.rng.random_range(0..orders.live_count(session)));
        let instrument = usize::from(live.instrument);
        let (price, qty) = if self.rng.random() {
            (self.passive_price(live.side, instrument), live.qty)
        } else {
            let lot = self.markets[instrument].lot;
            let filled_lots = live.cum.div_ceil(lot) * lot;
            (live.price, filled_lots + self.qty(instrument))
        };
        Request {
            session,
            instrument: live.instrument,
            action: Action::Replace(live.order),
            side: live.side,
            price,
            qty,
        }
    }

    /// Immediate limit orders mostly, limit orders whose rest stays, and a few market orders.
    fn cross(&mut self, session: u16, instrument: usize) -> Request {
        let side = self.side();
        let market = &self.markets[instrument];
        let reach = if side == Side::Buy { REACH_TICKS } else { -REACH_TICKS };
        let limit = (market.mid_ticks + reach) * market.tick;
        let (order_type, time_in_force, price) = match self.rng.random_range(0..10) {
            0 => (OrderType::Market, TimeInForce::ImmediateOrCancel, 0),
            1..=3 => (OrderType::Limit, TimeInForce::Day, limit),
            _ => (OrderType::Limit, TimeInForce::ImmediateOrCancel, limit),
        };
        Request {
            session,
            instrument: instrument as u16,
            action: Action::New { order_type, time_in_force },
            side,
            price,
            qty: self.qty(instrument),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::execution::Execution;
    use crate::load::request::{Names, RequestId};
    use std::collections::BTreeSet;
    use wire::Nanos;

    fn instruments() -> Vec<Instrument> {
        let one = |symbol: &str, tick, lot, start_price| Instrument {
            symbol: symbol.into(),
            price_decimals: 2,
            tick,
            lot,
            start_price,
        };
        vec![one("A", 1, 1, None), one("B", 5, 100, Some(5_000))]
    }

    fn acknowledge(orders: &mut Orders, n: u64, id: RequestId, request: &Request) {
        let name = orders.name(id);
        let text = n.to_string();
        let (exec_type, ord_status, leaves) = match request.action {
            Action::New { .. } => (b'0', b'0', request.qty),
            Action::Cancel(_) => (b'4', b'4', 0),
            Action::Replace(_) => (b'5', b'0', request.qty),
        };
        let report = Execution {
            name: name.as_bytes(),
            exec_id: text.as_bytes(),
            exec_type,
            ord_status,
            cum_qty: Some(0),
            leaves_qty: Some(leaves),
            ..Execution::default()
        };
        orders.handle_execution(Nanos(n), request.session, &report);
    }

    /// All requests of a run in which everything is acknowledged at once and nothing trades.
    fn run(seed: u64, count: u64) -> (Vec<Request>, Orders) {
        let instruments = instruments();
        let mut orders = Orders::new(Names::new(Nanos::SECOND), instruments.clone(), 3);
        let mut flow = Flow::new(seed, &instruments);
        let mut all = Vec::new();
        for n in 0..count {
            let request = flow.next((n % 3) as u16, &orders);
            let (id, _) = orders.send(Nanos(n + 1), request);
            acknowledge(&mut orders, n + 1, id, &request);
            all.push(request);
        }
        (all, orders)
    }

    #[test]
    fn the_same_seed_and_reports_give_the_same_flow_and_another_seed_another() {
        assert_eq!(run(7, 5_000).0, run(7, 5_000).0);
        assert_ne!(run(7, 5_000).0, run(8, 5_000).0);
    }

    #[test]
    fn the_proportions_are_those_of_a_market() {
        let (all, orders) = run(1, 50_000);
        let share =
            |which: &dyn Fn(&Request) -> bool| all.iter().filter(|r| which(r)).count() * 1000 / all.len();
        let crossing =
            share(&|r| matches!(r.action, Action::New { time_in_force: TimeInForce::ImmediateOrCancel, .. }));
        let cancels = share(&|r| matches!(r.action, Action::Cancel(_)));
        let replaces = share(&|r| matches!(r.action, Action::Replace(_)));
        assert!((45..=68).contains(&crossing), "{crossing}");
        assert!((385..=415).contains(&cancels), "{cancels}");
        assert!((60..=80).contains(&replaces), "{replaces}");
        assert_eq!(orders.tally().answered, 50_000);
    }

    #[test]
    fn orders_that_shall_only_rest_do_so_far_behind_the_middle() {
        let instruments = instruments();
        let orders = Orders::new(Names::new(Nanos::SECOND), instruments.clone(), 1);
        let mut flow = Flow::new(1, &instruments).shaped(Shape::Resting);
        for _ in 0..10_000 {
            let request = flow.next(0, &orders);
            let market = &flow.markets[usize::from(request.instrument)];
            let away = request.price / market.tick - market.mid_ticks;
            let away = if request.side == Side::Buy { -away } else { away };
            assert!(!request.action.is_immediate() && request.price > 0 && away >= 100, "{request:?}");
        }
    }

    #[test]
    fn a_session_changes_only_its_own_orders_that_are_acknowledged_and_open() {
        let (all, orders) = run(3, 20_000);
        let mut open = BTreeSet::new();
        for (id, request) in all.iter().enumerate() {
            match request.action {
                Action::New { .. } if !request.action.is_immediate() => {
                    open.insert((request.session, id as u32));
                }
                Action::New { .. } => {}
                Action::Cancel(order) => assert!(open.remove(&(request.session, order.0))),
                Action::Replace(order) => assert!(open.contains(&(request.session, order.0))),
            }
        }
        assert_eq!((0..3).map(|s| orders.live_count(s)).sum::<usize>(), open.len());
    }

    #[test]
    fn prices_are_on_tick_and_above_zero_and_quantities_in_lots() {
        let instruments = instruments();
        for request in run(5, 20_000).0 {
            let instrument = &instruments[usize::from(request.instrument)];
            let market = matches!(request.action, Action::New { order_type: OrderType::Market, .. });
            assert!(if market { request.price == 0 } else { request.price > 0 }, "{request:?}");
            assert_eq!(request.price % instrument.tick, 0, "{request:?}");
            assert!(request.qty > 0 && request.qty % instrument.lot == 0, "{request:?}");
        }
    }
}
