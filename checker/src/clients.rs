//! The clients' own records, compared with what the history and the events hold.

use crate::bits::Bits;
use crate::check::{CheckError, Logger, Sessions, Told};
use crate::events::Addressed;
use crate::orders::{Order, Orders};
use crate::promise::{Loss, MAX_WORDS, Promise, Verdict};
use crate::reports::Report;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use wire::{ClOrdId, Nanos, OrderId, SessionId};

/// Columns of `executions.csv` in the order in which rows are handed on.
const EXECUTIONS: [&str; 10] = [
    "client",
    "exec_id",
    "cl_ord_id",
    "order_id",
    "exec_type",
    "ord_status",
    "last_qty",
    "last_px",
    "cum_qty",
    "leaves_qty",
];
/// Columns that records need not have. The first says `Y` where the exchange marked a report as possibly said before; the
/// second when it came, by the client's clock.
const EXECUTIONS_MORE: [&str; 2] = ["poss_resend", "received_ns"];
/// Columns of `requests.csv` in the order in which rows are handed on.
const REQUESTS: [&str; 5] = ["client", "cl_ord_id", "kind", "outcome", "order_id"];
/// When its first answer came, by the client's clock; records need not have it.
const REQUESTS_MORE: [&str; 1] = ["first_report_ns"];

/// The records of all runs.
pub(crate) struct Records {
    requests: Vec<PathBuf>,
    executions: Vec<PathBuf>,
}

impl Records {
    /// Looks for the two files in each directory.
    pub(crate) fn find(directories: &[PathBuf], verdict: &mut Verdict) -> Result<Self, CheckError> {
        let mut records = Self { requests: Vec::new(), executions: Vec::new() };
        for directory in directories {
            let mut found = 0;
            for (name, list) in
                [("requests.csv", &mut records.requests), ("executions.csv", &mut records.executions)]
            {
                let path = directory.join(name);
                if path.exists() {
                    found += 1;
                    list.push(path);
                } else {
                    verdict.notes.push(format!("there is no {name} in {}", directory.display()));
                }
            }
            if found == 0 {
                return Err(CheckError::NoRecords { directory: directory.clone() });
            }
        }
        Ok(records)
    }
}

/// What clients hold, against what is kept.
struct Judge<'a> {
    addressed: &'a Addressed,
    orders: &'a Orders,
    sessions: BTreeMap<Vec<u8>, SessionId>,
    /// Numbers of reports that their client holds as they should be.
    held: Bits,
    /// Fingerprints of reports that are false, by number.
    odd: HashMap<u64, u64, FxBuildHasher>,
    /// The first false reports, whose words wait for what the journal has.
    false_reports: Vec<(u64, String)>,
    more_false: u64,
    scratch: Vec<u8>,
    verdict: &'a mut Verdict,
}

/// Compares all records. Without `sessions`, each client's session is the one that most of its true reports are for.
pub(crate) fn judge(
    records: &Records,
    sessions: Option<&Sessions>,
    addressed: &Addressed,
    orders: &Orders,
    loggers: &[Logger],
    verdict: &mut Verdict,
    told: &mut Told<'_>,
) -> Result<(), CheckError> {
    let sessions = match sessions {
        Some(sessions) => sessions.iter().map(|(name, id)| (name.as_bytes().to_vec(), *id)).collect(),
        None => learn(records, addressed, verdict, told)?,
    };
    let mut judge = Judge {
        addressed,
        orders,
        sessions,
        held: Bits::default(),
        odd: HashMap::default(),
        false_reports: Vec::new(),
        more_false: 0,
        scratch: Vec::new(),
        verdict,
    };
    let mut rows = 0;
    for path in &records.executions {
        let torn = each_row(path, EXECUTIONS, EXECUTIONS_MORE, |row, [marked, received]| {
            rows += 1;
            told.tell("clients", "executions", rows);
            judge.execution(row, *marked == b"Y", time(received));
            Ok(())
        })?;
        judge.note_torn(path, torn);
    }
    for path in &records.requests {
        let torn = each_row(path, REQUESTS, REQUESTS_MORE, |row, [answered]| {
            rows += 1;
            told.tell("clients", "requests", rows);
            judge.request(row, time(answered))
        })?;
        judge.note_torn(path, torn);
    }
    judge.tell_false(loggers)
}

/// The session of each client: the one that most of its true reports are for.
fn learn(
    records: &Records,
    addressed: &Addressed,
    verdict: &mut Verdict,
    told: &mut Told<'_>,
) -> Result<BTreeMap<Vec<u8>, SessionId>, CheckError> {
    let mut votes: BTreeMap<Vec<u8>, BTreeMap<SessionId, u64>> = BTreeMap::new();
    let (mut scratch, mut rows) = (Vec::new(), 0);
    for path in &records.executions {
        each_row(path, EXECUTIONS, [], |row, _| {
            rows += 1;
            told.tell("clients", "executions, to learn the sessions", rows);
            let known = number(row[1]).and_then(|number| addressed.get(number));
            if let Some((session, fingerprint)) = known
                && fingerprint == report(row).fingerprint(&mut scratch)
            {
                if !votes.contains_key(row[0]) {
                    votes.insert(row[0].to_vec(), BTreeMap::new());
                }
                if let Some(votes) = votes.get_mut(row[0]) {
                    *votes.entry(session).or_default() += 1;
                }
            }
            Ok(())
        })?;
    }
    let mut sessions = BTreeMap::new();
    let mut owners: BTreeMap<SessionId, Vec<u8>> = BTreeMap::new();
    for (client, votes) in votes {
        let Some((session, _)) = votes.into_iter().max_by_key(|(_, votes)| *votes) else { continue };
        if let Some(other) = owners.insert(session, client.clone()) {
            verdict.add(Promise::NothingFalse, || {
                format!("{} and {} both hold the reports of session {session}", text(&other), text(&client))
            });
        }
        sessions.insert(client, session);
    }
    Ok(sessions)
}

fn report<'a>(row: &[&'a [u8]; EXECUTIONS.len()]) -> Report<'a> {
    let [_, _, name, order_id, exec_type, ord_status, last_qty, last_px, cum_qty, leaves_qty] = *row;
    Report { name, order_id, exec_type, ord_status, last_qty, last_px, cum_qty, leaves_qty }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn time(text: &[u8]) -> Option<Nanos> {
    number(text).map(Nanos)
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl Judge<'_> {
    fn note_torn(&mut self, path: &Path, torn: bool) {
        if torn {
            self.verdict.notes.push(format!("the last row of {} is torn, and was left out", path.display()));
        }
    }

    fn execution(&mut self, row: &[&[u8]; EXECUTIONS.len()], marked: bool, received: Option<Nanos>) {
        // Reports that a gateway makes at its edge say so in their ExecID, and are in no log.
        let Some(exec_id) = number(row[1]) else {
            self.verdict.counts.edge_reports += 1;
            return;
        };
        self.verdict.counts.reports += 1;
        let given_up = |loss: &Loss| received.is_some_and(|at| loss.covers_event(at, exec_id));
        if self.verdict.losses.iter().any(given_up) {
            self.verdict.counts.reports_given_up += 1;
            return;
        }
        let (client, report) = (row[0], report(row));
        if let Some(order) = number(report.order_id)
            && !self.orders.holds_order(OrderId(order))
        {
            self.verdict.add(Promise::NothingLost, || {
                let client = text(client);
                format!("{client} holds report {exec_id} on {report}, and the history has no such order")
            });
        }
        let fingerprint = report.fingerprint(&mut self.scratch);
        let session = self.sessions.get(client).copied();
        let kept = self.addressed.get(exec_id);
        if session.is_some() && kept == session.map(|session| (session, fingerprint)) {
            let again = !self.held.insert(exec_id);
            self.verdict.counts.repeated += u64::from(again);
            if again && !marked {
                self.verdict.add(Promise::NothingFalse, || {
                    format!(
                        "{} holds report {exec_id} twice, and the second was not marked as a repetition",
                        text(client)
                    )
                });
            }
            if self.odd.contains_key(&exec_id) {
                self.two_reports(exec_id, client);
            }
            return;
        }
        let other = self.odd.insert(exec_id, fingerprint);
        if self.held.holds(exec_id) || other.is_some_and(|other| other != fingerprint) {
            self.two_reports(exec_id, client);
        }
        if self.false_reports.len() == MAX_WORDS {
            self.more_false += 1;
            return;
        }
        let whose = session.map_or("no known session".to_owned(), |session| format!("session {session}"));
        let words = format!("{} ({whose}) was told report {exec_id} as {report}", text(client));
        self.false_reports.push((exec_id, words));
    }

    fn two_reports(&mut self, exec_id: u64, client: &[u8]) {
        self.verdict.add(Promise::NothingFalse, || {
            format!("two different reports have the number {exec_id}; {} holds one of them", text(client))
        });
    }

    fn request(&mut self, row: &[&[u8]; REQUESTS.len()], answered: Option<Nanos>) -> Result<(), String> {
        let [client, name, kind, outcome, order_id] = *row;
        let new = kind.starts_with(b"new");
        let cl_ord_id = ClOrdId::new(name).map_err(|error| format!("\"{}\" {error}", text(name)))?;
        let session = self.sessions.get(client).copied();
        match outcome {
            b"accepted" | b"partially_filled" | b"filled" | b"cancelled" | b"expired" if new => {
                self.verdict.counts.acknowledged += 1;
                let told = number(order_id).map(OrderId);
                let given_up = |loss: &Loss| {
                    answered.zip(told).is_some_and(|(at, order)| loss.covers_frame(at, order.0))
                };
                if self.verdict.losses.iter().any(given_up) {
                    self.verdict.counts.acknowledged_given_up += 1;
                    return Ok(());
                }
                let order = session.and_then(|session| self.orders.get(&(session, cl_ord_id)));
                if let Some(words) = self.lost(session, order, told) {
                    self.verdict.add(Promise::NothingLost, || {
                        format!("order {cl_ord_id} of {} was acknowledged, {words}", text(client))
                    });
                }
            }
            // The engine's refusals are events. A refusal at the edge means that the order never came further.
            b"rejected" if new => {
                let order = session.and_then(|session| self.orders.get(&(session, cl_ord_id)));
                let refused = |order: &Order| order.accepted == 0 || order.rejected > 0;
                if let Some(order) = order.filter(|order| !order.days().any(refused)) {
                    let number = order.order;
                    self.verdict.add(Promise::NothingFalse, || {
                        format!(
                            "{} was told that {cl_ord_id} is refused; it was accepted as {number}",
                            text(client)
                        )
                    });
                }
            }
            b"unanswered" => {
                let counts = &mut self.verdict.counts;
                match session {
                    None => counts.unknown_client += 1,
                    Some(session) if self.orders.holds_request(&(session, cl_ord_id)) => {
                        counts.unknown_in_history += 1;
                    }
                    Some(_) => counts.unknown_not_in_history += 1,
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is wrong with an acknowledged order, if anything is.
    fn lost(
        &self,
        session: Option<SessionId>,
        order: Option<&Order>,
        told: Option<OrderId>,
    ) -> Option<String> {
        let Some(session) = session else {
            return Some("and none of this client's reports is in the journal of events".to_owned());
        };
        // The name may have been that of other orders in other trading days.
        let of_told = |order: &&Order| told.is_some_and(|told| order.accepted > 0 && told == order.order);
        let order = order.map(|order| order.days().find(of_told).unwrap_or(order));
        let Some(order) = order.filter(|order| order.commands > 0) else {
            return Some(format!("and the history holds no such order of session {session}"));
        };
        if let Some(told) = told.filter(|told| order.accepted > 0 && *told != order.order) {
            return Some(format!("as order {told}; the journal of events has it as {}", order.order));
        }
        (order.accepted == 0 && order.last <= self.addressed.last_cause().seq)
            .then(|| format!("and no event accepts it, though the history holds it as frame {}", order.last))
    }

    /// Puts beside each false report what the journals have under its number.
    fn tell_false(self, loggers: &[Logger]) -> Result<(), CheckError> {
        let Self { addressed, false_reports, more_false, verdict, .. } = self;
        if false_reports.is_empty() {
            return Ok(());
        }
        let numbers: Vec<u64> = false_reports.iter().map(|(number, _)| *number).collect();
        let kept = addressed.words_of(loggers, &numbers)?;
        for (number, words) in false_reports {
            let kept = kept.get(&number).map_or("the journal has no such event", String::as_str);
            let void = if addressed.is_void(number) { ", and that event is void" } else { "" };
            verdict.add(Promise::NothingFalse, || format!("{words}; {kept}{void}"));
        }
        for _ in 0..more_false {
            verdict.add(Promise::NothingFalse, || "another false report".to_owned());
        }
        Ok(())
    }
}

/// Hands on each row's fields of these columns, and of the optional ones, empty where the record has none. True if the last row is torn:
/// its writer was killed, and it is left out.
fn each_row<const N: usize, const M: usize>(
    path: &Path,
    columns: [&str; N],
    optional: [&str; M],
    mut with: impl FnMut(&[&[u8]; N], &[&[u8]; M]) -> Result<(), String>,
) -> Result<bool, CheckError> {
    let unreadable = |line: u64, why: String| CheckError::Record { path: path.into(), line, why };
    let io = |error: std::io::Error| unreadable(0, error.to_string());
    let mut file = File::open(path).map_err(io)?;
    let ended = ends_with_newline(&mut file).map_err(io)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.byte_headers().map_err(|error| unreadable(1, error.to_string()))?.clone();
    let find = |column: &str| header.iter().position(|name| name == column.as_bytes());
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = find(column).ok_or_else(|| unreadable(1, format!("there is no column \"{column}\"")))?;
    }
    let optional = optional.map(find);
    let (mut row, mut next) = (csv::ByteRecord::new(), csv::ByteRecord::new());
    let read = |reader: &mut csv::Reader<File>, row: &mut csv::ByteRecord| {
        reader.read_byte_record(row).map_err(|error| unreadable(0, error.to_string()))
    };
    let mut more = read(&mut reader, &mut row)?;
    while more {
        more = read(&mut reader, &mut next)?;
        if !more && !ended {
            return Ok(true);
        }
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != header.len() {
            return Err(unreadable(line, format!("{} fields, the header has {}", row.len(), header.len())));
        }
        let fields = places.map(|place| &row[place]);
        let more = optional.map(|place| place.map_or(&b""[..], |place| &row[place]));
        with(&fields, &more).map_err(|why| unreadable(line, why))?;
        std::mem::swap(&mut row, &mut next);
    }
    Ok(false)
}

fn ends_with_newline(file: &mut File) -> std::io::Result<bool> {
    let mut last = [0];
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    file.rewind()?;
    Ok(last == *b"\n")
}
