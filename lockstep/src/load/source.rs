//! When the next request is due, and over which session: invented or recorded flow at a pace.

use super::flow::Flow;
use super::lobster::{Event, LobsterError, Reader};
use super::orders::Orders;
use super::plan::{Amount, Pace, Plan};
use super::replay::{Replay, Skips};
use super::request::{Request, RequestId};
use wire::Nanos;

/// Whether a session can be given a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It can.
    Open,
    /// Its socket is full at the moment.
    Busy,
    /// Its connection is lost.
    Lost,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this; with a schedule, it was due then.
    Send(Request, Option<Nanos>),
    /// Nothing before this moment, or before an answer comes.
    Wait(Option<Nanos>),
    /// Nothing ever more.
    Finished,
}

/// Where requests come from.
pub trait Source {
    /// Sending begins now.
    fn start(&mut self, now: Nanos);

    /// The next request. What is given must be sent, and told by [`Source::was_sent`], before the next call.
    fn next(&mut self, now: Nanos, orders: &Orders, gates: &[Gate]) -> Result<Next, LobsterError>;

    /// The request last given has this number.
    fn was_sent(&mut self, id: RequestId);

    /// Of a recording: what is not sent, and why.
    fn skips(&self) -> Option<Skips>;
}

/// Pace and amount.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    pace: Pace,
    amount: Amount,
    started: Nanos,
    sent: u64,
}

impl Schedule {
    fn new(plan: &Plan) -> Self {
        Self { pace: plan.pace, amount: plan.amount, started: Nanos(0), sent: 0 }
    }

    fn is_over(&self, now: Nanos) -> bool {
        match self.amount {
            Amount::Time(time) => now.since(self.started) >= time,
            Amount::Requests(count) => self.sent >= count,
            Amount::All => false,
        }
    }

    /// When the next request is due by a constant rate.
    fn due(&self, rate: u64) -> Nanos {
        let offset = u128::from(self.sent) * u128::from(Nanos::SECOND.0) / u128::from(rate);
        self.started.saturating_add(Nanos(u64::try_from(offset).unwrap_or(u64::MAX)))
    }

    /// The end, if it is a moment.
    fn end(&self) -> Option<Nanos> {
        match self.amount {
            Amount::Time(time) => Some(self.started.saturating_add(time)),
            Amount::Requests(_) | Amount::All => None,
        }
    }

    fn wait_until(&self, due: Nanos) -> Next {
        Next::Wait(Some(self.end().map_or(due, |end| end.min(due))))
    }
}

/// Invented flow.
#[derive(Clone, Debug)]
pub struct FlowSource {
    flow: Flow,
    schedule: Schedule,
    turn: usize,
}

impl FlowSource {
    /// As planned.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let flow = Flow::new(plan.seed, &plan.instruments).shaped(plan.shape);
        Self { flow, schedule: Schedule::new(plan), turn: 0 }
    }

    /// The first session from the one whose turn it is that fits.
    fn pick(&mut self, gates: &[Gate], fits: impl Fn(usize) -> bool) -> Option<u16> {
        let found = (0..gates.len()).map(|n| (self.turn + n) % gates.len()).find(|i| fits(*i))?;
        self.turn = (found + 1) % gates.len();
        u16::try_from(found).ok()
    }
}

impl Source for FlowSource {
    fn start(&mut self, now: Nanos) {
        self.schedule.started = now;
    }

    fn next(&mut self, now: Nanos, orders: &Orders, gates: &[Gate]) -> Result<Next, LobsterError> {
        if self.schedule.is_over(now) || gates.iter().all(|gate| *gate == Gate::Lost) {
            return Ok(Next::Finished);
        }
        let (session, due) = match self.schedule.pace {
            Pace::Rate(rate) => {
                let due = self.schedule.due(rate);
                if now < due {
                    return Ok(self.schedule.wait_until(due));
                }
                (self.pick(gates, |i| gates[i] == Gate::Open), Some(due))
            }
            Pace::Window(window) => {
                let fits = |i: usize| gates[i] == Gate::Open && orders.unanswered(i as u16) < window;
                (self.pick(gates, fits), None)
            }
            Pace::Recorded { .. } => return Ok(Next::Finished),
        };
        let Some(session) = session else { return Ok(Next::Wait(self.schedule.end())) };
        Ok(Next::Send(self.flow.next(session, orders), due))
    }

    fn was_sent(&mut self, _: RequestId) {
        self.schedule.sent += 1;
    }

    fn skips(&self) -> Option<Skips> {
        None
    }
}

/// Recorded flow, in the order of the recording.
#[derive(Debug)]
pub struct ReplaySource {
    reader: Reader,
    replay: Replay,
    schedule: Schedule,
    /// Read, and not sent yet.
    held: Option<Event>,
    /// Sent, and its number not told yet.
    given: Option<Event>,
    first: Option<Nanos>,
}

impl ReplaySource {
    /// As planned.
    #[must_use]
    pub fn new(plan: &Plan, reader: Reader) -> Self {
        // The plan has at most MAX_SESSIONS clients.
        let replay = Replay::new(plan.clients.len() as u16);
        Self { reader, replay, schedule: Schedule::new(plan), held: None, given: None, first: None }
    }

    /// When an event is due; `None` without a schedule.
    fn due(&mut self, event: &Event) -> Option<Nanos> {
        match self.schedule.pace {
            Pace::Rate(rate) => Some(self.schedule.due(rate)),
            Pace::Recorded { times } => {
                let first = *self.first.get_or_insert(event.time);
                let offset = event.time.since(first).0 / u64::from(times);
                Some(self.schedule.started.saturating_add(Nanos(offset)))
            }
            Pace::Window(_) => None,
        }
    }
}

impl Source for ReplaySource {
    fn start(&mut self, now: Nanos) {
        self.schedule.started = now;
    }

    fn next(&mut self, now: Nanos, orders: &Orders, gates: &[Gate]) -> Result<Next, LobsterError> {
        if self.schedule.is_over(now) || gates.iter().all(|gate| *gate == Gate::Lost) {
            return Ok(Next::Finished);
        }
        loop {
            let event = match self.held.take() {
                Some(event) => event,
                None => match self.reader.next() {
                    None => return Ok(Next::Finished),
                    Some(event) => event?,
                },
            };
            let due = self.due(&event);
            if let Some(due) = due.filter(|due| now < *due) {
                self.held = Some(event);
                return Ok(self.schedule.wait_until(due));
            }
            let session = self.replay.session_of(&event);
            let full = match self.schedule.pace {
                Pace::Window(window) => orders.unanswered(session) >= window,
                Pace::Rate(_) | Pace::Recorded { .. } => false,
            };
            match gates[usize::from(session)] {
                Gate::Lost => {
                    self.replay.session_lost();
                    continue;
                }
                Gate::Open if !full => {}
                Gate::Open | Gate::Busy => {
                    self.held = Some(event);
                    return Ok(Next::Wait(self.schedule.end()));
                }
            }
            if let Some(request) = self.replay.map(&event, orders) {
                self.given = Some(event);
                return Ok(Next::Send(request, due));
            }
        }
    }

    fn was_sent(&mut self, id: RequestId) {
        self.schedule.sent += 1;
        if let Some(event) = self.given.take() {
            self.replay.was_sent(&event, id);
        }
    }

    fn skips(&self) -> Option<Skips> {
        Some(*self.replay.skips())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::plan::Instrument;
    use crate::load::request::Names;
    use std::io::Cursor;

    fn plan(pace: Pace, amount: Amount) -> Plan {
        let instrument =
            Instrument { symbol: "A".into(), price_decimals: 4, tick: 100, lot: 1, start_price: None };
        let gateways = vec!["127.0.0.1:1".parse().unwrap()];
        Plan { pace, amount, ..Plan::new(gateways, vec!["X".into(), "Y".into()], vec![instrument]) }
    }

    fn orders(plan: &Plan) -> Orders {
        Orders::new(Names::new(Nanos(0)), plan.instruments.clone(), plan.clients.len())
    }

    /// Everything that can be sent at this moment, as (session, due).
    fn send_all(
        source: &mut impl Source,
        orders: &mut Orders,
        now: u64,
        gates: &[Gate],
    ) -> (Vec<(u16, u64)>, Next) {
        let mut sent = Vec::new();
        loop {
            match source.next(Nanos(now), orders, gates).unwrap() {
                Next::Send(request, due) => {
                    let (id, _) = orders.send(Nanos(now), request);
                    source.was_sent(id);
                    sent.push((request.session, due.map_or(0, |d| d.0)));
                }
                other => return (sent, other),
            }
        }
    }

    #[test]
    fn a_rate_is_a_constant_schedule_that_catches_up_and_tells_when_requests_were_due() {
        let plan = plan(Pace::Rate(1_000), Amount::Requests(5));
        let (mut source, mut orders) = (FlowSource::new(&plan), orders(&plan));
        source.start(Nanos(0));
        let open = [Gate::Open; 2];
        assert_eq!(
            send_all(&mut source, &mut orders, 0, &open),
            (vec![(0, 0)], Next::Wait(Some(Nanos(1_000_000))))
        );
        let late = send_all(&mut source, &mut orders, 3_500_000, &open);
        assert_eq!(
            late,
            (vec![(1, 1_000_000), (0, 2_000_000), (1, 3_000_000)], Next::Wait(Some(Nanos(4_000_000))))
        );
        let last = send_all(&mut source, &mut orders, 9_000_000, &[Gate::Open, Gate::Lost]);
        assert_eq!(last, (vec![(0, 4_000_000)], Next::Finished));
    }

    #[test]
    fn a_window_bounds_what_each_session_has_unanswered() {
        let plan = plan(Pace::Window(3), Amount::Time(Nanos(100)));
        let (mut source, mut orders) = (FlowSource::new(&plan), orders(&plan));
        source.start(Nanos(0));
        let (sent, next) = send_all(&mut source, &mut orders, 1, &[Gate::Open; 2]);
        assert_eq!((sent.len(), next), (6, Next::Wait(Some(Nanos(100)))));
        assert_eq!((orders.unanswered(0), orders.unanswered(1)), (3, 3));
        assert_eq!(send_all(&mut source, &mut orders, 100, &[Gate::Open; 2]).1, Next::Finished);
    }

    #[test]
    fn the_flow_ends_when_every_session_is_lost() {
        let plan = plan(Pace::Window(3), Amount::Requests(100));
        let (mut source, mut orders) = (FlowSource::new(&plan), orders(&plan));
        assert_eq!(send_all(&mut source, &mut orders, 1, &[Gate::Lost; 2]).1, Next::Finished);
    }

    #[test]
    fn a_recording_is_replayed_in_order_at_multiples_of_its_time() {
        let plan = plan(Pace::Recorded { times: 10 }, Amount::All);
        let file =
            "100.0,1,1,5,1000000,1\n100.5,5,0,1,1000050,1\n101.0,4,1,5,1000000,1\n102.0,3,9,1,1000000,1\n";
        let mut source = ReplaySource::new(&plan, Reader::new(Cursor::new(file)));
        let mut orders = orders(&plan);
        source.start(Nanos(0));
        let open = [Gate::Open; 2];
        let (first, next) = send_all(&mut source, &mut orders, 0, &open);
        assert_eq!((first.len(), next), (1, Next::Wait(Some(Nanos(50_000_000)))));
        let (second, next) = send_all(&mut source, &mut orders, 100_000_000, &open);
        assert_eq!((second.len(), next), (1, Next::Wait(Some(Nanos(200_000_000)))));
        assert_ne!(first[0].0, second[0].0);
        assert_eq!(send_all(&mut source, &mut orders, 200_000_000, &open), (vec![], Next::Finished));
        let skips = source.skips().unwrap();
        assert_eq!((skips.read, skips.not_for_the_book, skips.unknown_before_sample), (4, 1, 1));
        assert_eq!(skips.read - skips.total(), orders.tally().sent.total());
    }

    #[test]
    fn messages_of_a_lost_session_are_skipped_and_counted() {
        let plan = plan(Pace::Window(1_000), Amount::All);
        let file: String = (1..=50).map(|n| format!("100.0,1,{n},5,1000000,1\n")).collect();
        let mut source = ReplaySource::new(&plan, Reader::new(Cursor::new(file)));
        let mut orders = orders(&plan);
        let (sent, next) = send_all(&mut source, &mut orders, 0, &[Gate::Open, Gate::Lost]);
        let skips = source.skips().unwrap();
        assert_eq!(next, Next::Finished);
        assert!(!sent.is_empty() && skips.session_lost > 0);
        assert_eq!(sent.len() as u64 + skips.session_lost, 50);
    }
}
