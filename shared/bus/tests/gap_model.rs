//! The gap repair against a naive model that keeps its window in a map.

use bus::{Delivery, GapConfig, GapRepair};
use proptest::prelude::*;
use std::collections::BTreeMap;
use wire::Nanos;

const RETRY_AFTER: u64 = 50;

#[derive(Default)]
struct Model {
    expected: u64,
    window: u64,
    held: BTreeMap<u64, Vec<u8>>,
    delivered: Vec<u64>,
    /// Each request: first, end, when it was made, or when a frame of it came last.
    asked: Vec<(u64, u64, u64)>,
}

impl Model {
    fn packet(&mut self, now: u64, first: u64, frames: &[Vec<u8>], mut room: usize) {
        let mut refused = false;
        for (number, frame) in (first..).zip(frames) {
            let new = number >= self.expected && !self.held.contains_key(&number);
            let before = self.expected;
            if number == self.expected && !refused {
                if room > 0 {
                    room -= 1;
                    self.take(number);
                } else {
                    refused = true;
                }
            }
            let kept = number >= self.expected && number < self.expected + self.window;
            if kept {
                self.held.insert(number, frame.clone());
            }
            if new && (kept || self.expected > before) {
                for asked in &mut self.asked {
                    if asked.0 <= number && number < asked.1 {
                        asked.2 = now;
                    }
                }
            }
        }
        if !refused {
            self.drain(room);
        }
    }

    fn drain(&mut self, mut room: usize) {
        while room > 0 && self.held.contains_key(&self.expected) {
            room -= 1;
            self.take(self.expected);
        }
    }

    fn take(&mut self, number: u64) {
        self.held.remove(&number);
        self.delivered.push(number);
        self.expected += 1;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Packet { ahead: i64, frames: usize, room: usize },
    Heartbeat { ahead: u64 },
    Drain { room: usize },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let room = prop_oneof![3 => Just(usize::MAX), 1 => 0..4_usize];
    let step = prop_oneof![
        6 => (-4..12_i64, 1..6_usize, room.clone()).prop_map(|(ahead, frames, room)| Step::Packet { ahead, frames, room }),
        1 => (0..40_u64).prop_map(|ahead| Step::Heartbeat { ahead }),
        1 => room.prop_map(|room| Step::Drain { room }),
        3 => (0..40_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

fn content(number: u64) -> Vec<u8> {
    vec![number as u8; 1 + (number % 9) as usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_delivers_what_the_model_delivers_and_asks_only_for_what_is_missing(
        window in prop_oneof![Just(0_usize), 1..5_usize, Just(16), Just(64)],
        max_request in 1..20_u16,
        steps in steps(),
    ) {
        let config = GapConfig { window, request_after_ns: 10, retry_after_ns: RETRY_AFTER, max_request };
        let mut gap = GapRepair::new(1, config);
        let mut model = Model { expected: 1, window: window as u64, ..Model::default() };
        let mut delivered = Vec::new();
        let mut known_end = 1;
        let mut now = 0;
        for step in steps {
            match step {
                Step::Packet { ahead, frames, room } => {
                    let first = model.expected.saturating_add_signed(ahead).max(1);
                    let frames: Vec<Vec<u8>> = (first..).take(frames).map(content).collect();
                    known_end = known_end.max(first + frames.len() as u64);
                    let mut left = room;
                    gap.handle_packet(Nanos(now), first, frames.iter().map(Vec::as_slice), &mut |number, frame| {
                        assert_eq!(frame, content(number));
                        if left == 0 { return Delivery::Refused; }
                        left -= 1;
                        delivered.push(number);
                        Delivery::Accepted
                    });
                    model.packet(now, first, &frames, room);
                }
                Step::Heartbeat { ahead } => {
                    known_end = known_end.max(model.expected + ahead);
                    gap.handle_heartbeat(Nanos(now), model.expected + ahead);
                }
                Step::Drain { room } => {
                    let mut left = room;
                    gap.drain(Nanos(now), &mut |number, frame| {
                        assert_eq!(frame, content(number));
                        if left == 0 { return Delivery::Refused; }
                        left -= 1;
                        delivered.push(number);
                        Delivery::Accepted
                    });
                    model.drain(room);
                }
                Step::Wait(ns) => now += ns,
            }
            prop_assert_eq!(&delivered, &model.delivered);
            prop_assert_eq!(gap.expected(), model.expected);
            prop_assert_eq!(gap.lag(), known_end.max(model.expected) - model.expected);
            // What is overdue may be asked for again; what comes late does not make it young again.
            model.asked.retain(|&(_, _, at)| now < at + RETRY_AFTER);
            let mut requests = 0;
            while let Some(request) = gap.poll_request(Nanos(now)) {
                requests += 1;
                prop_assert!(requests < 100);
                let end = request.first + u64::from(request.count);
                prop_assert!(request.count > 0 && request.count <= max_request);
                prop_assert!(end <= known_end, "{request:?} asks for what does not exist");
                for number in request.first..end {
                    prop_assert!(number >= model.expected && !model.held.contains_key(&number), "it has {number}");
                    for &(first, end, at) in &model.asked {
                        let waiting = first <= number && number < end;
                        prop_assert!(!waiting, "{number} was asked for at {at}, and again at {now}");
                    }
                }
                model.asked.push((request.first, end, now));
            }
            if gap.lag() == 0 {
                model.asked.clear();
            }
            if let Some(deadline) = gap.next_deadline() {
                prop_assert!(deadline > Nanos(now), "nothing is left to do at {now}, yet it wakes at {deadline}");
            }
        }
    }

    #[test]
    fn whatever_happened_the_deadlines_alone_lead_to_every_missing_frame(
        window in prop_oneof![Just(0_usize), 1..5_usize, Just(64)],
        max_request in 1..20_u16,
        steps in steps(),
    ) {
        let config = GapConfig { window, request_after_ns: 10, retry_after_ns: RETRY_AFTER, max_request };
        let mut gap = GapRepair::new(1, config);
        let mut accept = |number: u64, frame: &[u8]| {
            assert_eq!(frame, content(number));
            Delivery::Accepted
        };
        let mut now = 0;
        for step in steps {
            match step {
                Step::Packet { ahead, frames, .. } => {
                    let first = gap.expected().saturating_add_signed(ahead).max(1);
                    let frames: Vec<Vec<u8>> = (first..).take(frames).map(content).collect();
                    gap.handle_packet(Nanos(now), first, frames.iter().map(Vec::as_slice), &mut accept);
                }
                Step::Heartbeat { ahead } => gap.handle_heartbeat(Nanos(now), gap.expected() + ahead),
                Step::Drain { .. } => {
                    gap.drain(Nanos(now), &mut accept);
                },
                Step::Wait(ns) => now += ns,
            }
            // Every second request is lost.
            while gap.poll_request(Nanos(now)).is_some() {
                let Some(request) = gap.poll_request(Nanos(now)) else { break };
                let frames: Vec<Vec<u8>> = (request.first..).take(request.count.into()).map(content).collect();
                gap.handle_packet(Nanos(now), request.first, frames.iter().map(Vec::as_slice), &mut accept);
            }
        }
        let mut rounds = 0;
        while gap.lag() > 0 {
            rounds += 1;
            prop_assert!(rounds < 2000, "no end in sight: {gap:?}");
            now = gap.next_deadline().expect("something is missing and nothing is planned").0.max(now);
            while let Some(request) = gap.poll_request(Nanos(now)) {
                let frames: Vec<Vec<u8>> = (request.first..).take(request.count.into()).map(content).collect();
                gap.handle_packet(Nanos(now), request.first, frames.iter().map(Vec::as_slice), &mut accept);
            }
        }
    }
}
