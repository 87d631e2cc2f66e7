//! What the gap repair does, case by case.

use bus::{Delivery, GapConfig, GapRepair};
use wire::Nanos;

const CONFIG: GapConfig = GapConfig { window: 8, request_after_ns: 10, retry_after_ns: 100, max_request: 20 };

/// A receiver with a consumer that keeps the numbers, and has room while `room` is above 0.
struct Fixture {
    gap: GapRepair,
    got: Vec<u64>,
    room: usize,
}

impl Fixture {
    fn new(config: GapConfig) -> Self {
        Self { gap: GapRepair::new(1, config), got: Vec::new(), room: usize::MAX }
    }

    fn packet(&mut self, now: u64, numbers: std::ops::Range<u64>) {
        let frames: Vec<[u8; 1]> = numbers.clone().map(|n| [n as u8]).collect();
        let (got, room) = (&mut self.got, &mut self.room);
        self.gap.handle_packet(Nanos(now), numbers.start, frames.iter().map(|f| &f[..]), &mut |n, frame| {
            assert_eq!(frame, [n as u8]);
            take(got, room, n)
        });
    }

    fn drain(&mut self, now: u64) -> usize {
        let (got, room) = (&mut self.got, &mut self.room);
        self.gap.drain(Nanos(now), &mut |n, _| take(got, room, n))
    }

    fn asks(&mut self, now: u64) -> Vec<(u64, u16, u32)> {
        std::iter::from_fn(|| self.gap.poll_request(Nanos(now)))
            .map(|r| (r.first, r.count, r.attempt))
            .collect()
    }
}

fn take(got: &mut Vec<u64>, room: &mut usize, number: u64) -> Delivery {
    if *room == 0 {
        return Delivery::Refused;
    }
    *room -= 1;
    got.push(number);
    Delivery::Accepted
}

#[test]
fn frames_in_order_are_delivered_at_once_and_duplicates_dropped() {
    let mut f = Fixture::new(CONFIG);
    f.packet(0, 1..4);
    f.packet(0, 2..6);
    assert_eq!(f.got, [1, 2, 3, 4, 5]);
    assert_eq!((f.gap.stats().delivered, f.gap.stats().duplicates), (5, 2));
    assert_eq!((f.gap.lag(), f.gap.next_deadline()), (0, None));
}

#[test]
fn a_reordered_frame_waits_in_the_window_and_is_not_asked_for() {
    let mut f = Fixture::new(CONFIG);
    f.packet(0, 2..4);
    assert_eq!(f.asks(9), []);
    f.packet(9, 1..2);
    assert_eq!((f.got.as_slice(), f.gap.lag()), (&[1, 2, 3][..], 0));
    assert_eq!(f.asks(1000), []);
}

#[test]
fn a_gap_is_asked_for_after_its_time_and_up_to_the_first_held_frame() {
    let mut f = Fixture::new(CONFIG);
    f.packet(0, 3..4);
    f.packet(0, 6..7);
    assert_eq!(f.gap.next_deadline(), Some(Nanos(10)));
    // The frames up to 3 were noticed first; what 6 told settles one request_after later.
    assert_eq!(f.asks(10), [(1, 2, 0)]);
    assert_eq!(f.asks(20), [(4, 2, 0)]);
    assert_eq!(f.asks(99), []);
}

#[test]
fn a_gap_is_asked_for_again_after_the_timeout_and_at_the_next_source() {
    let mut f = Fixture::new(CONFIG);
    f.packet(0, 3..4);
    assert_eq!(f.asks(10), [(1, 2, 0)]);
    assert_eq!(f.gap.next_deadline(), Some(Nanos(110)));
    assert_eq!(f.asks(109), []);
    assert_eq!(f.asks(110), [(1, 2, 1)]);
    // A part of the answer shows that the source is alive: it is asked for the rest.
    f.packet(150, 1..2);
    assert_eq!(f.asks(249), []);
    assert_eq!(f.asks(250), [(2, 1, 1)]);
}

#[test]
fn the_end_of_a_silent_stream_is_learnt_from_a_heartbeat() {
    let mut f = Fixture::new(CONFIG);
    f.gap.handle_heartbeat(Nanos(0), 4);
    assert_eq!((f.gap.lag(), f.asks(9)), (3, vec![]));
    assert_eq!(f.asks(10), [(1, 3, 0)]);
}

#[test]
fn a_big_gap_is_asked_for_range_after_range_without_waiting() {
    for window in [0, 8, 64] {
        let mut f = Fixture::new(GapConfig { window, ..CONFIG });
        f.gap.handle_heartbeat(Nanos(0), 1001);
        let mut wanted: Vec<(u64, u16)> = f.asks(10).iter().map(|r| (r.0, r.1)).collect();
        let mut rounds = 0;
        while let Some((first, count)) = wanted.pop() {
            rounds += 1;
            f.packet(10, first..first + u64::from(count));
            wanted.extend(f.asks(10).iter().map(|r| (r.0, r.1)));
        }
        assert_eq!((f.gap.expected(), f.gap.lag()), (1001, 0), "window {window}");
        assert!(rounds <= 1000 / 20 + 1, "{rounds} rounds with window {window}");
    }
}

#[test]
fn without_a_window_what_is_out_of_order_is_dropped_and_asked_for_again() {
    let mut f = Fixture::new(GapConfig { window: 0, ..CONFIG });
    f.packet(0, 2..5);
    assert_eq!((f.got.len(), f.gap.stats().dropped_beyond_window), (0, 3));
    assert_eq!(f.asks(10), [(1, 4, 0)]);
    f.packet(20, 1..5);
    assert_eq!(f.got, [1, 2, 3, 4]);
}

#[test]
fn a_refused_frame_stays_in_the_window_and_nothing_overtakes_it() {
    let mut f = Fixture::new(CONFIG);
    f.room = 1;
    f.packet(0, 1..4);
    assert_eq!((f.got.as_slice(), f.gap.expected(), f.gap.lag()), (&[1][..], 2, 2));
    assert_eq!(f.asks(10), [], "it has them all");
    assert_eq!(f.drain(11), 0);
    f.room = 5;
    assert_eq!(f.drain(12), 2);
    assert_eq!((f.got.as_slice(), f.gap.lag()), (&[1, 2, 3][..], 0));
    assert_eq!(f.gap.stats().refused, 2);
}

#[test]
fn without_a_window_a_refused_frame_is_asked_for_again_at_the_same_source() {
    let mut f = Fixture::new(GapConfig { window: 0, ..CONFIG });
    f.room = 0;
    f.packet(0, 1..3);
    assert_eq!(f.asks(10), [(1, 2, 0)]);
    f.packet(20, 1..3);
    assert_eq!(f.asks(110), [(1, 2, 0)]);
    f.room = 2;
    f.packet(120, 1..3);
    assert_eq!((f.got.as_slice(), f.gap.lag()), (&[1, 2][..], 0));
}

#[test]
fn while_the_consumer_refuses_no_more_is_asked_for_than_the_window_holds() {
    let mut f = Fixture::new(CONFIG);
    f.room = 0;
    f.packet(0, 1..2);
    f.gap.handle_heartbeat(Nanos(0), 1000);
    assert_eq!(f.asks(10), [], "what the heartbeat told settles later");
    assert_eq!(f.asks(20), [(2, 7, 0)]);
    f.packet(30, 2..9);
    assert_eq!(f.asks(1000), []);
}

#[test]
fn numbers_at_the_end_of_the_range_are_no_danger() {
    let mut gap = GapRepair::new(u64::MAX - 3, CONFIG);
    gap.handle_heartbeat(Nanos(0), u64::MAX);
    gap.handle_packet(Nanos(u64::MAX - 5), u64::MAX - 2, [&b"x"[..], b"y", b"z"], &mut |_, _| {
        Delivery::Accepted
    });
    while gap.poll_request(Nanos(u64::MAX)).is_some() {}
    assert!(gap.lag() > 0);
}

#[test]
fn two_receivers_that_differ_in_counters_only_are_equal() {
    let mut a = Fixture::new(CONFIG);
    let mut b = Fixture::new(CONFIG);
    a.packet(0, 1..3);
    b.packet(0, 1..3);
    b.packet(0, 1..3);
    assert_eq!(a.gap, b.gap);
    b.packet(0, 4..5);
    assert_ne!(a.gap, b.gap);
    b.packet(0, 3..4);
    a.packet(0, 3..5);
    assert_eq!(a.gap, b.gap, "what a slot held before does not matter");
}

#[test]
fn a_reset_forgets_what_was_held_and_asked_for() {
    let mut f = Fixture::new(CONFIG);
    f.packet(0, 5..7);
    f.asks(10);
    f.gap.reset(5);
    assert_eq!((f.gap.expected(), f.gap.lag(), f.asks(1000)), (5, 0, vec![]));
    f.packet(1000, 5..6);
    assert_eq!(f.got, [5]);
}
