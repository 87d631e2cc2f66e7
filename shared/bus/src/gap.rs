//! The receiving core: puts the frames of a stream in order, and says which ones to ask for again.

use crate::mold::MAX_COUNT;
use crate::slots::{Slots, assert_frame};
use std::hash::{Hash, Hasher};
use wire::Nanos;

/// How many requests may be unanswered at the same time.
pub const MAX_OUTSTANDING_REQUESTS: usize = 16;

/// A request that any answerer serves in one go, even for the longest frames in datagrams of 1,472 bytes
/// (asserted in `repair`).
pub const DEFAULT_MAX_REQUEST: u16 = 320;

/// What the consumer says to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Taken; the next frame may come.
    Accepted,
    /// No room: the frame counts as not received, and nothing beyond it is delivered before it.
    Refused,
}

/// How patiently gaps are repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GapConfig {
    /// How many frames from the expected one on can be kept until their turn comes. 0 is go-back-N: whatever is out of
    /// order is dropped and asked for again.
    pub window: usize,
    /// How long a gap may heal by itself (the network reorders) before it is asked for. It is asked for after one to
    /// two of these, in ns.
    pub request_after_ns: u64,
    /// How long a request may go without any frame of its answer before it is repeated, in ns.
    pub retry_after_ns: u64,
    /// The most frames that one request asks for, 1 to 65,534. Above [`DEFAULT_MAX_REQUEST`], an answer may be cut
    /// short by the answerer's bound, and the rest costs a retry.
    pub max_request: u16,
}

impl Default for GapConfig {
    /// A window of 4,096 frames (1 MiB); ask after 50 to 100 µs, again after 2 ms.
    fn default() -> Self {
        Self {
            window: 4096,
            request_after_ns: 50_000,
            retry_after_ns: 2_000_000,
            max_request: DEFAULT_MAX_REQUEST,
        }
    }
}

/// A range of frames to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The number of the first frame wanted.
    pub first: u64,
    /// How many are wanted.
    pub count: u16,
    /// How often requests went without any answer since the receiver last had everything. A driver with several
    /// sources asks number `attempt % sources`, and so stays with one that answers.
    pub attempt: u32,
}

/// Counters, from the beginning of the process; a reset does not touch them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GapStats {
    /// Frames accepted by the consumer.
    pub delivered: u64,
    /// Frames that had been received before.
    pub duplicates: u64,
    /// Frames kept because one before them was missing or refused.
    pub out_of_order: u64,
    /// Frames dropped because they lie ahead of the window.
    pub dropped_beyond_window: u64,
    /// How often the consumer refused.
    pub refused: u64,
    /// Requests handed out.
    pub requests: u64,
    /// Frames that these asked for.
    pub requested_frames: u64,
}

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    first: u64,
    /// One past the last number asked for.
    end: u64,
    /// How many of them have not come yet.
    missing: u64,
    retry_at: Nanos,
    attempt: u32,
    /// Whether its source has shown that it answers.
    answered: bool,
}

/// When it was noticed that the stream reaches up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mark {
    end: u64,
    at: Nanos,
}

/// Delivers frames 1, 2, 3, ... in order and exactly once, however they arrive.
///
/// Two of them are equal if they will act alike: the counters are no part of that.
#[derive(Clone, Debug)]
pub struct GapRepair {
    config: GapConfig,
    /// The next number to deliver. Everything below is delivered.
    expected: u64,
    /// Numbers below it are known to exist; never below `expected`.
    known_end: u64,
    /// Missing numbers below it have been given their time to arrive, and may be asked for.
    settled: u64,
    mark: Option<Mark>,
    /// Frames numbered `expected .. expected + window`; `None` for go-back-N.
    window: Option<Slots>,
    /// How many frames the window holds.
    held: usize,
    /// In the order of asking; ranges do not overlap.
    asked: Vec<Asked>,
    attempt: u32,
    stats: GapStats,
}

impl GapRepair {
    /// A receiver that has everything below `expected`.
    ///
    /// # Panics
    /// If `config.max_request` cannot stand in a request packet.
    #[must_use]
    pub fn new(expected: u64, config: GapConfig) -> Self {
        assert!(
            config.max_request > 0 && config.max_request <= MAX_COUNT,
            "max_request is {}; a request asks for 1 to {MAX_COUNT} frames",
            config.max_request
        );
        Self {
            config,
            expected,
            known_end: expected,
            settled: expected,
            mark: None,
            window: (config.window > 0).then(|| Slots::new(config.window)),
            held: 0,
            asked: Vec::with_capacity(MAX_OUTSTANDING_REQUESTS),
            attempt: 0,
            stats: GapStats::default(),
        }
    }

    /// Begins anew at `expected`, forgetting what is held and asked for.
    pub fn reset(&mut self, expected: u64) {
        self.expected = expected;
        self.known_end = expected;
        self.settled = expected;
        self.mark = None;
        if let Some(window) = &mut self.window {
            window.clear_all();
        }
        self.held = 0;
        self.asked.clear();
        self.attempt = 0;
    }

    /// Takes frames numbered `first`, `first + 1`, ... Those in order are delivered from where they lie, then those that
    /// the window holds behind them.
    ///
    /// # Panics
    /// If a frame is empty or longer than [`wire::MAX_FRAME_LEN`]; [`crate::mold::Packet`] has refused such ones.
    pub fn handle_packet<'f>(
        &mut self,
        now: Nanos,
        first: u64,
        blocks: impl IntoIterator<Item = &'f [u8]>,
        deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery,
    ) {
        let mut number = first;
        let mut refused = false;
        for frame in blocks {
            assert_frame(number, frame);
            if number < self.expected {
                self.stats.duplicates += 1;
            } else {
                self.known_end = self.known_end.max(number.saturating_add(1));
                if number == self.expected && !refused {
                    refused = self.deliver_or_keep(now, number, frame, deliver);
                } else {
                    self.keep(now, number, frame);
                }
            }
            number = number.saturating_add(1);
        }
        if !refused {
            self.drain(now, deliver);
        }
        self.notice(now);
    }

    /// Takes the word of the publisher that the next number will be `next`: all below exist.
    pub fn handle_heartbeat(&mut self, now: Nanos, next: u64) {
        self.known_end = self.known_end.max(next);
        self.notice(now);
    }

    /// Delivers what the window holds in order: to be tried again when a consumer that refused has room.
    /// Tells how many frames were accepted.
    pub fn drain(&mut self, now: Nanos, deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery) -> usize {
        let before = self.expected;
        while self.held > 0 {
            let Some(window) = &mut self.window else { break };
            let Some(frame) = window.get(self.expected) else { break };
            match deliver(self.expected, frame) {
                Delivery::Accepted => {
                    window.clear(self.expected);
                    self.held -= 1;
                    self.advance();
                }
                Delivery::Refused => {
                    self.stats.refused += 1;
                    break;
                }
            }
        }
        if self.expected > before {
            self.notice(now);
        }
        (self.expected - before) as usize
    }

    /// What to ask for now; call it until `None` after every packet, heartbeat and deadline.
    ///
    /// A range is asked for once, and again only when `retry_after_ns` has passed without any frame of it. It stops at
    /// the first frame that is held, and lies within the window unless it begins at the expected frame. Ranges follow
    /// each other without waiting as long as at most half of `max_request` frames are outstanding.
    pub fn poll_request(&mut self, now: Nanos) -> Option<Request> {
        if self.expected >= self.known_end {
            return None;
        }
        self.settle(now);
        self.expire(now);
        let outstanding: u64 = self.asked.iter().map(|asked| asked.missing).sum();
        if outstanding * 2 > u64::from(self.config.max_request)
            || self.asked.len() == MAX_OUTSTANDING_REQUESTS
        {
            return None;
        }
        let (first, end) = self.next_unasked()?;
        let count = (end - first) as u16; // at most max_request
        self.asked.push(Asked {
            first,
            end,
            missing: u64::from(count),
            retry_at: now.saturating_add(Nanos(self.config.retry_after_ns)),
            attempt: self.attempt,
            answered: false,
        });
        self.stats.requests += 1;
        self.stats.requested_frames += u64::from(count);
        Some(Request { first, count, attempt: self.attempt })
    }

    /// When [`GapRepair::poll_request`] may have something that no packet brings about. A consumer that refused knows
    /// itself when to come back.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        if self.expected >= self.known_end {
            return None;
        }
        let settles = self.mark.map(|mark| mark.at.saturating_add(Nanos(self.config.request_after_ns)));
        let retries = self.asked.iter().filter(|asked| asked.missing > 0).map(|asked| asked.retry_at);
        retries.chain(settles).min()
    }

    /// The next number to deliver.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// How many numbers are known to exist and not delivered.
    #[must_use]
    pub const fn lag(&self) -> u64 {
        self.known_end - self.expected
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> GapStats {
        self.stats
    }

    /// Offers the expected frame; keeps it if it is refused. Tells whether it was.
    fn deliver_or_keep(
        &mut self,
        now: Nanos,
        number: u64,
        frame: &[u8],
        deliver: &mut dyn FnMut(u64, &[u8]) -> Delivery,
    ) -> bool {
        match deliver(number, frame) {
            Delivery::Accepted => {
                if self.holds(number) {
                    self.stats.duplicates += 1;
                    self.held -= 1;
                    self.window.as_mut().expect("it holds a frame").clear(number);
                } else {
                    self.note_received(now, number);
                }
                self.advance();
                false
            }
            Delivery::Refused => {
                self.stats.refused += 1;
                if self.window.is_some() {
                    self.keep(now, number, frame);
                } else {
                    self.note_refused(number);
                }
                true
            }
        }
    }

    /// Keeps a frame whose turn has not come, if the window reaches that far.
    fn keep(&mut self, now: Nanos, number: u64, frame: &[u8]) {
        if self.holds(number) {
            self.stats.duplicates += 1;
        } else if number - self.expected < self.config.window as u64
            && let Some(window) = &mut self.window
        {
            window.put(number, frame);
            self.held += 1;
            self.stats.out_of_order += 1;
            self.note_received(now, number);
        } else {
            self.stats.dropped_beyond_window += 1;
        }
    }

    fn holds(&self, number: u64) -> bool {
        self.held > 0
            && number - self.expected < self.config.window as u64
            && self.window.as_ref().is_some_and(|window| window.holds(number))
    }

    fn advance(&mut self) {
        self.expected += 1;
        self.stats.delivered += 1;
        if self.expected >= self.known_end {
            assert!(self.held == 0, "frame {} is held beyond the known end", self.expected);
            self.known_end = self.expected;
            self.mark = None;
            self.asked.clear();
            self.attempt = 0;
        }
    }

    fn note_received(&mut self, now: Nanos, number: u64) {
        for asked in &mut self.asked {
            if number >= asked.first && number < asked.end {
                asked.missing -= 1;
                asked.answered = true;
                asked.retry_at = now.saturating_add(Nanos(self.config.retry_after_ns));
            }
        }
    }

    /// The source answered, the consumer had no room: no reason to ask another source.
    fn note_refused(&mut self, number: u64) {
        for asked in &mut self.asked {
            asked.answered |= number >= asked.first && number < asked.end;
        }
    }

    /// Starts the clock for what is newly known to exist.
    fn notice(&mut self, now: Nanos) {
        if self.mark.is_some_and(|mark| mark.end <= self.expected) {
            self.mark = None;
        }
        if self.mark.is_none() && self.expected < self.known_end && self.settled < self.known_end {
            self.mark = Some(Mark { end: self.known_end, at: now });
        }
    }

    fn settle(&mut self, now: Nanos) {
        if let Some(mark) = self.mark
            && now.since(mark.at).0 >= self.config.request_after_ns
        {
            self.settled = mark.end;
            self.mark = None;
            self.notice(now);
        }
    }

    /// Gives up requests that are filled or overdue; the missing numbers of the latter can be asked for again.
    fn expire(&mut self, now: Nanos) {
        let (expected, mut attempt) = (self.expected, self.attempt);
        self.asked.retain(|asked| {
            if asked.missing == 0 || asked.end <= expected {
                return false;
            }
            let overdue = now >= asked.retry_at;
            // Several overdue requests to one silent source are one failed attempt.
            if overdue && !asked.answered && asked.attempt == attempt {
                attempt = attempt.wrapping_add(1);
            }
            !overdue
        });
        self.attempt = attempt;
    }

    /// The first range of settled numbers that are neither held nor asked for.
    fn next_unasked(&self) -> Option<(u64, u64)> {
        let window_end = self.expected.saturating_add(self.config.window as u64);
        // While a full window waits for its consumer there is nothing to find.
        if self.held > 0 && self.held as u64 >= self.known_end.min(window_end) - self.expected {
            return None;
        }
        let begin_before = window_end.max(self.expected.saturating_add(1)).min(self.settled);
        let mut first = self.expected;
        while first < begin_before {
            if self.holds(first) {
                first += 1;
            } else if let Some(asked) = self.asked.iter().find(|a| a.first <= first && first < a.end) {
                first = asked.end;
            } else {
                return Some((first, self.end_of_unasked(first, window_end)));
            }
        }
        None
    }

    fn end_of_unasked(&self, first: u64, window_end: u64) -> u64 {
        let mut end = self.settled.min(first.saturating_add(u64::from(self.config.max_request)));
        if first > self.expected {
            end = end.min(window_end);
        }
        let asked_ahead = self.asked.iter().filter(|asked| asked.first > first).map(|asked| asked.first);
        end = asked_ahead.fold(end, u64::min);
        let last_held = end.min(window_end).max(first);
        (first..last_held).find(|&number| self.holds(number)).unwrap_or(end)
    }
}

type Identity<'a> = (&'a GapConfig, [u64; 3], &'a Option<Mark>, &'a Option<Slots>, &'a Vec<Asked>, u32);

impl GapRepair {
    fn identity(&self) -> Identity<'_> {
        let numbers = [self.expected, self.known_end, self.settled];
        (&self.config, numbers, &self.mark, &self.window, &self.asked, self.attempt)
    }
}

impl PartialEq for GapRepair {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for GapRepair {}

impl Hash for GapRepair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
