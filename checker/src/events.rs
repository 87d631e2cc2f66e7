//! The event journals of all loggers, read side by side as one stream of events.

use crate::bits::Bits;
use crate::check::{CheckError, Logger, Told};
use crate::promise::{JournalAccount, Promise, Verdict};
use crate::reports::Spoken;
use crate::segments::{Segments, Stream};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use wire::event::content;
use wire::{Event, Frame, Happening, InstrumentId, Outbound, Position, ReportSeq, SessionId};

/// One logger's journal, at its present event.
struct Cursor {
    name: String,
    segments: Segments,
    here: Option<u64>,
    account: JournalAccount,
}

impl Cursor {
    fn advance(&mut self, verdict: &mut Verdict) -> Result<(), CheckError> {
        self.here = None;
        while self.segments.advance()? {
            let number = match Event::read(self.segments.message()) {
                Ok(event) => { event.header().outbound }.0,
                Err(error) => {
                    let (name, place) = (&self.name, self.segments.place());
                    verdict.add(Promise::EventsSound, || {
                        format!("{name}: {place} holds what is no event: {error}")
                    });
                    continue;
                }
            };
            let last = self.account.last.0;
            // A journal may have let its beginning go; only within it there are no gaps.
            if self.account.events > 0 && number != last + 1 {
                let name = &self.name;
                verdict.add(Promise::EventsSound, || {
                    format!("{name}: event {} should follow event {last}, and {number} does", last + 1)
                });
            }
            self.account.events += 1;
            self.account.last = Outbound(number);
            self.here = Some(number);
            return Ok(());
        }
        let torn = self.segments.torn_bytes();
        if torn > 0 {
            let Self { name, account, .. } = self;
            let note =
                format!("{name}'s event journal has a torn end of {torn} bytes behind {}", account.last);
            if !verdict.notes.contains(&note) {
                verdict.notes.push(note);
            }
        }
        Ok(())
    }
}

/// All journals as one stream: each number once.
pub(crate) struct Events {
    cursors: Vec<Cursor>,
    /// Whose event is the present one.
    spokesman: Option<usize>,
}

impl Events {
    /// Opens them, at the first event.
    pub(crate) fn open(loggers: &[Logger], verdict: &mut Verdict) -> Result<Self, CheckError> {
        let mut cursors = Vec::new();
        for logger in loggers {
            let mut cursor = Cursor {
                name: logger.name.clone(),
                segments: Segments::open(&logger.directory.join("events"), Stream::Events)?,
                here: None,
                account: JournalAccount { name: logger.name.clone(), ..JournalAccount::default() },
            };
            cursor.advance(verdict)?;
            cursors.push(cursor);
        }
        let mut events = Self { cursors, spokesman: None };
        events.compare(verdict);
        Ok(events)
    }

    /// The present event; none at the end of all journals.
    pub(crate) fn here(&self) -> Option<Event<'_>> {
        self.spokesman.and_then(|at| Event::read(self.cursors[at].segments.message()).ok())
    }

    /// Goes on to the next number.
    pub(crate) fn advance(&mut self, verdict: &mut Verdict, told: &mut Told<'_>) -> Result<(), CheckError> {
        let Some(number) = self.spokesman.and_then(|at| self.cursors[at].here) else { return Ok(()) };
        verdict.counts.events += 1;
        told.tell("all", "events", verdict.counts.events);
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.here == Some(number)) {
            cursor.advance(verdict)?;
        }
        self.compare(verdict);
        Ok(())
    }

    /// Compares what the journals hold of the lowest number that is left.
    fn compare(&mut self, verdict: &mut Verdict) {
        let number = self.cursors.iter().filter_map(|cursor| cursor.here).min();
        self.spokesman = self.cursors.iter().position(|cursor| number.is_some() && cursor.here == number);
        let Some(at) = self.spokesman else { return };
        let (one, others) = (&self.cursors[at], &self.cursors[at + 1..]);
        for other in others.iter().filter(|other| other.here == number) {
            if content(one.segments.message()) != content(other.segments.message()) {
                verdict.add(Promise::EventsSound, || {
                    format!(
                        "event {} is not the same in {}'s journal and in {}'s",
                        number.unwrap_or(0),
                        one.name,
                        other.name
                    )
                });
            }
        }
    }

    /// What each journal held, once all were read.
    pub(crate) fn accounts(self) -> Vec<JournalAccount> {
        self.cursors.into_iter().map(|cursor| cursor.account).collect()
    }
}

/// What the clients should have been told, by the events' numbers: twelve bytes an event.
#[derive(Debug, Default)]
pub(crate) struct Addressed {
    /// The number of the first one.
    first: Option<u64>,
    fingerprints: Vec<u64>,
    sessions: Vec<SessionId>,
    decimals: BTreeMap<InstrumentId, u8>,
    reports: HashMap<SessionId, ReportSeq, FxBuildHasher>,
    last_cause: Position,
    /// The last event's number.
    last: u64,
    /// Events whose cause the history does not hold.
    void: Bits,
    scratch: Vec<u8>,
}

/// Stands for an event that no ExecutionReport comes of; no report has this fingerprint.
const SILENT: u64 = 0;

impl Addressed {
    /// Takes the next event, when the history stands at `here` (none: behind its end). What does not fit is found. True if
    /// the event stands, false if it is void: its cause is not in the history.
    pub(crate) fn note(
        &mut self,
        event: &Event<'_>,
        here: Option<&Frame<'_>>,
        verdict: &mut Verdict,
    ) -> bool {
        let (Outbound(number), cause) = (event.header().outbound, event.cause());
        let falls = cause.seq < self.last_cause.seq;
        if falls {
            let last = self.last_cause;
            verdict.add(Promise::EventsSound, || {
                format!("event {number} was caused by {cause}, one before it by {last}: causes fall")
            });
        }
        let position = here.map(Frame::position);
        let void = !falls && position != Some(cause);
        if void {
            self.void.insert(number);
            verdict.add(Promise::EventsSound, || {
                let instead = match position.filter(|position| position.seq == cause.seq) {
                    Some(position) => format!("the history has {position} there"),
                    None => "the history has no such frame".to_owned(),
                };
                format!("event {number} is void: it was caused by {cause}, and {instead}")
            });
        }
        if !falls && !void {
            self.last_cause = cause;
            let (said, stamped) = (event.header().timestamp, here.map(|frame| frame.header().timestamp));
            if stamped.is_some_and(|stamped| stamped != said) {
                verdict.add(Promise::EventsSound, || {
                    format!("event {number} is stamped {said}, which is not the stamp of {cause}, its cause")
                });
            }
        }
        self.address(event, void, verdict);
        !void
    }

    fn address(&mut self, event: &Event<'_>, void: bool, verdict: &mut Verdict) {
        let header = event.header();
        let (Outbound(number), session) = (header.outbound, header.session);
        self.last = number;
        self.note_report(number, session, header.report, verdict);
        let happening = match event.happening() {
            Ok(happening) => happening,
            Err(error) => {
                verdict.add(Promise::EventsSound, || format!("event {number} cannot be read: {error}"));
                return;
            }
        };
        if let Happening::InstrumentDefined(defined) = happening {
            let terms = defined.terms;
            self.decimals.insert(terms.instrument, terms.price_decimals);
        }
        let fingerprint = Spoken::of(&happening, |instrument| self.decimals_of(instrument))
            .filter(|_| !void)
            .map_or(SILENT, |spoken| spoken.report().fingerprint(&mut self.scratch));
        let first = *self.first.get_or_insert(number);
        let Some(at) = number.checked_sub(first).and_then(|at| usize::try_from(at).ok()) else { return };
        // A gap was found already; numbers that jump far are not given room.
        if at >= self.fingerprints.len() && at - self.fingerprints.len() < MAX_HOLE {
            self.fingerprints.resize(at + 1, SILENT);
            self.sessions.resize(at + 1, SessionId(0));
        }
        if let Some(place) = self.fingerprints.get_mut(at) {
            (*place, self.sessions[at]) = (fingerprint, session);
        }
    }

    /// The reports of a session are numbered from 1 without gaps.
    fn note_report(&mut self, number: u64, session: SessionId, report: ReportSeq, verdict: &mut Verdict) {
        if report == ReportSeq(0) {
            return;
        }
        let whole = self.first.is_none_or(|first| first == 1);
        let last = self.reports.insert(session, report);
        let expected = match last {
            None if whole => 1,
            None => return,
            Some(ReportSeq(last)) => last.saturating_add(1),
        };
        if report.0 != expected {
            verdict.add(Promise::EventsSound, || {
                format!("event {number} is report {report} of session {session}, {expected} is the next")
            });
        }
    }

    fn decimals_of(&self, instrument: InstrumentId) -> u8 {
        self.decimals.get(&instrument).copied().unwrap_or(0)
    }

    /// To whom a report with this number is, and its fingerprint; none if no event has the number or none is told.
    pub(crate) fn get(&self, number: u64) -> Option<(SessionId, u64)> {
        let at = usize::try_from(number.checked_sub(self.first?)?).ok()?;
        let fingerprint = *self.fingerprints.get(at)?;
        (fingerprint != SILENT).then(|| (self.sessions[at], fingerprint))
    }

    /// Whether the event of this number is void.
    pub(crate) fn is_void(&self, number: u64) -> bool {
        self.void.holds(number)
    }

    /// The number of the last event; 0 before the first.
    pub(crate) fn last(&self) -> Outbound {
        Outbound(self.last)
    }

    /// The last position that an event was caused by.
    pub(crate) fn last_cause(&self) -> Position {
        self.last_cause
    }

    /// In words, what the journals have as these numbers.
    pub(crate) fn words_of(
        &self,
        loggers: &[Logger],
        numbers: &[u64],
    ) -> Result<BTreeMap<u64, String>, CheckError> {
        let mut words = BTreeMap::new();
        let mut missing: Vec<u64> = numbers.to_vec();
        for logger in loggers {
            if missing.is_empty() {
                break;
            }
            let mut segments = Segments::open(&logger.directory.join("events"), Stream::Events)?;
            while segments.advance()? {
                let Ok(event) = Event::read(segments.message()) else { continue };
                let Outbound(number) = event.header().outbound;
                if !missing.contains(&number) {
                    continue;
                }
                let session = event.header().session;
                let said = event.happening().ok().and_then(|h| Spoken::of(&h, |i| self.decimals_of(i)));
                let said = said.map_or("no report".to_owned(), |said| said.report().to_string());
                words.insert(number, format!("the journal has for session {session}: {said}"));
            }
            missing.retain(|number| !words.contains_key(number));
        }
        Ok(words)
    }
}

/// The most numbers in a row that may be missing and are still given room.
const MAX_HOLE: usize = 1 << 20;
