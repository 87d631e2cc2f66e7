//! Who looks into disputes for an engine: a thread of its own, or whoever asks it.

use crate::Limits;
use crate::agents::Past;
use crate::inquiry::{Inquirer, Inquiry, Question, Step};
use cluster::Finding;
use node::Clock;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;
use wire::{Nanos, Position};

/// Frames that are executed between two looks at whether somebody still wants to know.
const BATCH: usize = 4_096;
/// How soon it is looked again whether something of the log has come.
const LOOK_AGAIN: Duration = Duration::from_micros(500);
/// How soon the log is looked for again where it could not be had.
const PAUSE: Nanos = Nanos::SECOND;
/// How often the operator is told how far it has come.
const PROGRESS_EVERY: Nanos = Nanos::SECOND;

/// A thread that executes the log. It sleeps, and holds nothing, while nobody asks.
#[derive(Debug)]
pub struct InquiryThread {
    questions: Sender<Option<Question>>,
    findings: Receiver<Finding>,
    number: u64,
}

impl InquiryThread {
    /// Starts the thread, which opens a way to the log for each question. It ends when this is dropped.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start<P: Past>(
        open: impl FnMut() -> std::io::Result<P> + Send + 'static,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        let (found, findings) = channel();
        let desk = Desk { asked, found, open, limits, clock: Clock::start() };
        std::thread::Builder::new().name("inquiry".to_owned()).spawn(move || desk.work())?;
        Ok(Self { questions, findings, number: 0 })
    }
}

impl Inquirer for InquiryThread {
    fn begin(&mut self, question: Question) {
        self.number = question.number;
        // A thread that is gone finds nothing.
        let _ = self.questions.send(Some(question));
    }

    fn poll(&mut self, _now: Nanos) -> Option<Finding> {
        self.findings.try_iter().find(|finding| finding.number == self.number)
    }

    fn give_up(&mut self) {
        self.number = 0;
        let _ = self.questions.send(None);
    }
}

/// The thread's end.
struct Desk<F> {
    asked: Receiver<Option<Question>>,
    found: Sender<Finding>,
    open: F,
    limits: Limits,
    clock: Clock,
}

impl<P: Past, F: FnMut() -> std::io::Result<P>> Desk<F> {
    fn work(mut self) {
        let _span = tracing::info_span!("inquiry").entered();
        while let Ok(mut asked) = self.asked.recv() {
            // Whoever asks while another question is looked into wants that one no more.
            while let Some(question) = asked.take() {
                asked = match (self.open)() {
                    Ok(past) => self.look_into(past, Inquiry::new(question, self.limits)),
                    Err(error) => {
                        tracing::error!(%error, "the log cannot be fetched for this dispute: trying again");
                        self.pause().unwrap_or(Some(question))
                    }
                };
            }
        }
    }

    /// Looks into a question to its end; or up to the next word, which it gives.
    fn look_into(&self, mut past: P, mut inquiry: Inquiry) -> Option<Question> {
        let mut progress = Progress { said_at: self.clock.now(), before: inquiry.position() };
        loop {
            match self.asked.try_recv() {
                Ok(next) => return next,
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            match inquiry.advance(&mut past, BATCH) {
                Ok(Step::Works) => {}
                Ok(Step::Waits) => std::thread::park_timeout(LOOK_AGAIN),
                Ok(Step::Found(finding)) => {
                    // If nobody hears it, nobody wants to know.
                    let _ = self.found.send(finding);
                    return None;
                }
                Ok(Step::Ended) => {
                    tracing::warn!(
                        executed = %inquiry.position(),
                        upto = %inquiry.question().at,
                        "the log cannot be had up to where two engines differ: trying again"
                    );
                    if let Some(next) = self.pause() {
                        return next;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be executed anew: trying again");
                    if let Some(next) = self.pause() {
                        return next;
                    }
                }
            }
            progress.tell(self.clock.now(), &inquiry);
        }
    }

    /// Waits a little; gives the next word if there is one.
    fn pause(&self) -> Option<Option<Question>> {
        use std::sync::mpsc::RecvTimeoutError;
        match self.asked.recv_timeout(Duration::from_nanos(PAUSE.0)) {
            Ok(next) => Some(next),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(None),
        }
    }
}

/// What the operator is told while it takes long.
struct Progress {
    said_at: Nanos,
    before: Position,
}

impl Progress {
    fn tell(&mut self, now: Nanos, inquiry: &Inquiry) {
        if now.since(self.said_at) < PROGRESS_EVERY {
            return;
        }
        let (here, upto) = (inquiry.position(), inquiry.question().at);
        let took = now.since(self.said_at).0.max(1);
        let rate = u128::from(here.seq.0.saturating_sub(self.before.seq.0)) * u128::from(Nanos::SECOND.0)
            / u128::from(took);
        let left = u128::from(upto.seq.0.saturating_sub(here.seq.0));
        let seconds = left.checked_div(rate).map_or("?".to_owned(), |seconds| seconds.to_string());
        tracing::info!(
            dispute = inquiry.question().number,
            executed = here.seq.0,
            of = upto.seq.0,
            frames_a_second = rate,
            seconds_left = seconds,
            "executing the log anew"
        );
        (self.said_at, self.before) = (now, here);
    }
}

/// Does a part of the work whenever it is polled: for simulations and tests.
#[derive(Debug)]
pub struct InquiryInline {
    past: Box<dyn Past>,
    limits: Limits,
    /// Frames at a time.
    frames: usize,
    inquiry: Option<Inquiry>,
    /// Nothing is looked for before this.
    pause_until: Nanos,
}

impl InquiryInline {
    /// How soon the log is looked for again where it could not be had.
    const PAUSE: Nanos = Nanos::from_millis(5);

    /// Fetches through `past`, and executes so many frames whenever it is polled.
    #[must_use]
    pub fn new(past: Box<dyn Past>, limits: Limits, frames: usize) -> Self {
        Self { past, limits, frames, inquiry: None, pause_until: Nanos(0) }
    }
}

impl Inquirer for InquiryInline {
    fn begin(&mut self, question: Question) {
        self.inquiry = Some(Inquiry::new(question, self.limits));
    }

    fn poll(&mut self, now: Nanos) -> Option<Finding> {
        let inquiry = self.inquiry.as_mut().filter(|_| now >= self.pause_until)?;
        match inquiry.advance(&mut *self.past, self.frames) {
            Ok(Step::Found(finding)) => {
                self.inquiry = None;
                return Some(finding);
            }
            Ok(Step::Works | Step::Waits) => {}
            Ok(Step::Ended) => {
                tracing::warn!(
                    executed = %inquiry.position(),
                    "the log cannot be had up to where two engines differ: trying again"
                );
                self.pause_until = now.saturating_add(Self::PAUSE);
            }
            Err(error) => {
                tracing::error!(%error, "the log cannot be executed anew: trying again");
                self.pause_until = now.saturating_add(Self::PAUSE);
            }
        }
        None
    }

    fn give_up(&mut self) {
        self.inquiry = None;
    }
}
