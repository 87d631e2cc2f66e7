//! What clients were told, compared with what the log and the journal of events hold.
//!
//! It reads the clients' own records (`load::record`) and a logger's two journals, and nothing of the cluster's memory.

use crate::load::Files;
use anyhow::Context;
use hashbrown::HashMap;
use journal::{Expected, Stream, scan};
use node::Description;
use rustc_hash::FxBuildHasher;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use wire::{ClOrdId, Command, Event, Frame, Happening, OrderId, Outbound, Position, Qty, SessionId};

/// The most findings of a kind that are kept with their words; all are counted.
const MAX_WORDS: usize = 20;

/// A client's order, by its session and its client's name for it.
type Name = (SessionId, ClOrdId);

/// An order that the engine took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    order: OrderId,
    times: u32,
}

/// A report that the engine addressed to a client.
#[derive(Clone, Copy, Debug)]
struct Told {
    session: SessionId,
    order: OrderId,
    cum: Qty,
}

/// What a logger's journals hold.
#[derive(Debug, Default)]
pub struct Kept {
    commands: HashMap<Name, u32, FxBuildHasher>,
    orders: HashMap<Name, Taken, FxBuildHasher>,
    reports: HashMap<u64, Told, FxBuildHasher>,
    /// The last place in the log.
    pub last: Position,
    /// Frames in the log.
    pub frames: u64,
    /// Events in the journal.
    pub events: u64,
}

impl Kept {
    /// Reads and verifies both journals of a logger.
    pub fn read(logger: &Path) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        let mut unreadable = None;
        let expected = |stream| Expected { stream: Some(stream), ..Expected::default() };
        let log = scan(&logger.join("log"), expected(Stream::Frames), 0, &mut |seen| match Frame::read(
            seen.message,
        )
        .and_then(|frame| kept.note_command(&frame))
        {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                unreadable = Some(error);
                ControlFlow::Break(())
            }
        })?;
        log.judge(None, false)?;
        let events = scan(
            &logger.join("events"),
            expected(Stream::Events),
            0,
            &mut |seen| match Event::read(seen.message).and_then(|event| kept.note_event(&event)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    unreadable = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        events.judge(None, false)?;
        if let Some(error) = unreadable {
            return Err(error)
                .with_context(|| format!("{} holds what this build cannot read", logger.display()));
        }
        (kept.last, kept.frames, kept.events) = (log.last, log.records, events.records);
        Ok(kept)
    }

    fn note_command(&mut self, frame: &Frame<'_>) -> Result<(), wire::FrameError> {
        if let Command::NewOrder(order) = frame.command()? {
            *self.commands.entry((order.session, order.cl_ord_id)).or_default() += 1;
        }
        Ok(())
    }

    fn note_event(&mut self, event: &Event<'_>) -> Result<(), wire::FrameError> {
        let header = *event.header();
        let session = header.session;
        let order = match event.happening()? {
            Happening::Accepted(accepted) => {
                let order = accepted.order;
                let taken = Taken { order: order.order, times: 0 };
                self.orders.entry((session, order.cl_ord_id)).or_insert(taken).times += 1;
                order
            }
            Happening::Rejected(rejected) => rejected.order,
            Happening::Filled(filled) => filled.order,
            Happening::Cancelled(cancelled) => cancelled.order,
            Happening::Replaced(replaced) => replaced.order,
            _ => return Ok(()),
        };
        let Outbound(number) = header.outbound;
        self.reports.insert(number, Told { session, order: order.order, cum: order.cum });
        Ok(())
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Orders whose acknowledgement a client holds.
    pub acknowledged: u64,
    /// Reports that clients hold.
    pub reports: u64,
    /// Acknowledged orders that the log or the journal does not hold.
    pub lost: Findings,
    /// Orders that were executed more than once.
    pub executed_twice: Findings,
    /// Reports that clients hold and the journal does not, or not so.
    pub false_reports: Findings,
}

/// Findings of one kind.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many.
    pub count: u64,
    words: Vec<String>,
}

impl Findings {
    fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.words.len() < MAX_WORDS {
            self.words.push(words());
        }
    }
}

impl Verdict {
    /// Compares the clients' records with what a logger keeps.
    pub fn of(description: &Description, records: &Files, kept: &Kept) -> anyhow::Result<Self> {
        let mut verdict = Self::default();
        for ((session, name), taken) in &kept.orders {
            let commands = kept.commands.get(&(*session, *name)).copied().unwrap_or(0);
            if taken.times > 1 {
                verdict
                    .executed_twice
                    .add(|| format!("order {name} of session {session} was accepted {} times", taken.times));
            }
            if commands == 0 {
                verdict
                    .lost
                    .add(|| format!("order {name} of session {session} was accepted and is not in the log"));
            }
        }
        let sessions: HashMap<&str, SessionId, FxBuildHasher> =
            description.sessions.iter().map(|session| (session.comp_id.as_str(), session.id)).collect();
        let session = |comp_id: &str| {
            sessions.get(comp_id).copied().with_context(|| format!("no session is called {comp_id}"))
        };
        if let Some(path) = &records.requests {
            each_row(path, |row| verdict.compare_request(session(row.get("client")?)?, row, kept))?;
        }
        if let Some(path) = &records.executions {
            each_row(path, |row| verdict.compare_execution(session(row.get("client")?)?, row, kept))?;
        }
        Ok(verdict)
    }

    fn compare_request(&mut self, session: SessionId, row: &Row<'_>, kept: &Kept) -> anyhow::Result<()> {
        let told = matches!(row.get("outcome")?, "accepted" | "partially_filled" | "filled" | "cancelled");
        if !row.get("kind")?.starts_with("new") || !told {
            return Ok(());
        }
        self.acknowledged += 1;
        let name = ClOrdId::new(row.get("cl_ord_id")?.as_bytes())?;
        let order = OrderId(row.number("order_id")?);
        match kept.orders.get(&(session, name)) {
            Some(taken) if taken.order == order => {}
            Some(taken) => self.lost.add(|| {
                format!(
                    "order {name} of session {session} was told as {order}, the journal has it as {}",
                    taken.order
                )
            }),
            None => self
                .lost
                .add(|| format!("order {name} of session {session} was acknowledged as {order} and is gone")),
        }
        Ok(())
    }

    fn compare_execution(&mut self, session: SessionId, row: &Row<'_>, kept: &Kept) -> anyhow::Result<()> {
        // Reports that a gateway makes at its edge say so in their ExecID, and are in no log.
        let Ok(number) = row.get("exec_id")?.parse::<u64>() else { return Ok(()) };
        self.reports += 1;
        let (order, cum) = (row.get("order_id")?.parse().unwrap_or(0), row.number("cum_qty")?);
        match kept.reports.get(&number) {
            Some(told) if (told.session, told.order.0, told.cum.0) == (session, order, cum) => {}
            Some(told) => self.false_reports.add(|| {
                format!("session {session} was told event {number} as order {order} filled {cum}; the journal has {told:?}")
            }),
            None => self.false_reports.add(|| format!("session {session} was told event {number}, which the journal does not hold")),
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, reports, lost, executed_twice, false_reports } = self;
        writeln!(
            f,
            "{acknowledged} acknowledged orders and {reports} reports compared with the log and the journal of events:"
        )?;
        write!(
            f,
            "{} lost, {} executed twice, {} reports that never were",
            lost.count, executed_twice.count, false_reports.count
        )?;
        for words in [lost, executed_twice, false_reports].into_iter().flat_map(|findings| &findings.words) {
            write!(f, "\n    {words}")?;
        }
        Ok(())
    }
}

/// A row of a record, by the names of its columns.
struct Row<'a> {
    header: &'a csv::StringRecord,
    fields: &'a csv::StringRecord,
}

impl Row<'_> {
    fn get(&self, column: &str) -> anyhow::Result<&str> {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.fields.get(at))
            .with_context(|| format!("the record has no column \"{column}\""))
    }

    fn number(&self, column: &str) -> anyhow::Result<u64> {
        let text = self.get(column)?;
        text.parse().with_context(|| format!("\"{text}\" in column \"{column}\" is no number"))
    }
}

fn each_row(path: &Path, mut with: impl FnMut(&Row<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.headers()?.clone();
    let mut fields = csv::StringRecord::new();
    while reader.read_record(&mut fields).with_context(|| format!("cannot read {}", path.display()))? {
        with(&Row { header: &header, fields: &fields })
            .with_context(|| format!("{}, {:?}", path.display(), fields.position()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::LocalPlan;

    const REQUESTS: &str = "client,cl_ord_id,kind,outcome,order_id";
    const EXECUTIONS: &str = "client,order_id,exec_id,cum_qty";

    /// The verdict over these rows, where the exchange keeps order 7 of CLIENT1, "a", and event 3 about it: filled 5.
    fn verdict(requests: &[&str], executions: &[&str], times: u32, commands: u32) -> Verdict {
        let directory = tempfile::tempdir().unwrap();
        let description = Description::load(&LocalPlan::default().write(directory.path()).unwrap()).unwrap();
        let name = (SessionId(1), ClOrdId::new(b"a").unwrap());
        let mut kept = Kept::default();
        kept.orders.insert(name, Taken { order: OrderId(7), times });
        if commands > 0 {
            kept.commands.insert(name, commands);
        }
        kept.reports.insert(3, Told { session: SessionId(1), order: OrderId(7), cum: Qty(5) });
        let write = |file: &str, header: &str, rows: &[&str]| {
            let path = directory.path().join(file);
            std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
            Some(path)
        };
        let records = Files {
            requests: write("requests.csv", REQUESTS, requests),
            executions: write("executions.csv", EXECUTIONS, executions),
        };
        Verdict::of(&description, &records, &kept).unwrap()
    }

    fn found(verdict: &Verdict) -> (u64, u64, u64) {
        (verdict.lost.count, verdict.executed_twice.count, verdict.false_reports.count)
    }

    #[test]
    fn what_was_told_and_is_kept_is_no_finding() {
        let verdict = verdict(&["CLIENT1,a,new,filled,7"], &["CLIENT1,7,3,5", "CLIENT1,NONE,G5-1-1,0"], 1, 1);
        assert_eq!((verdict.acknowledged, verdict.reports, found(&verdict)), (1, 1, (0, 0, 0)));
    }

    #[test]
    fn an_acknowledged_order_that_is_gone_or_has_another_number_is_lost() {
        assert_eq!(found(&verdict(&["CLIENT1,b,new,accepted,8"], &[], 1, 1)), (1, 0, 0));
        assert_eq!(found(&verdict(&["CLIENT1,a,new,accepted,8"], &[], 1, 1)), (1, 0, 0));
        assert_eq!(found(&verdict(&["CLIENT2,a,new,accepted,7"], &[], 1, 1)), (1, 0, 0));
    }

    #[test]
    fn an_order_that_was_accepted_and_is_not_in_the_log_is_lost() {
        assert_eq!(found(&verdict(&[], &[], 1, 0)), (1, 0, 0));
    }

    #[test]
    fn an_order_that_was_accepted_twice_was_executed_twice() {
        assert_eq!(found(&verdict(&[], &[], 2, 2)), (0, 1, 0));
    }

    #[test]
    fn a_report_that_the_journal_does_not_hold_or_not_so_is_false() {
        for told in ["CLIENT1,7,4,5", "CLIENT1,7,3,6", "CLIENT1,8,3,5", "CLIENT2,7,3,5"] {
            assert_eq!(found(&verdict(&[], &[told], 1, 1)), (0, 0, 1), "{told}");
        }
    }

    #[test]
    fn an_order_whose_fate_is_unknown_or_refused_is_not_counted_as_acknowledged() {
        let verdict = verdict(&["CLIENT1,x,new,unanswered,", "CLIENT1,y,new,rejected,"], &[], 1, 1);
        assert_eq!((verdict.acknowledged, found(&verdict)), (0, (0, 0, 0)));
    }
}
