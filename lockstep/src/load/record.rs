//! Every request and every ExecutionReport as rows of a CSV file, for an independent checker.
//!
//! Requests: `client,cl_ord_id,kind,orig_cl_ord_id,symbol,side,price,qty,sent_ns,first_report_ns,outcome,order_id,cum_qty`.
//! `outcome` is one of the words of [`Outcome::word`](super::orders::Outcome::word); of a new order it tells where the
//! order stands, whatever name it goes by. `cum_qty` stands in the order's first row alone. `orig_cl_ord_id` names the
//! order by its *first* ClOrdID. `price` is in price units, empty for a market order. Times are nanoseconds since the Unix
//! epoch; what is not known is empty.
//!
//! Executions:
//! `client,received_ns,cl_ord_id,order_id,exec_id,exec_type,ord_status,last_qty,last_px,cum_qty,leaves_qty,poss_resend`,
//! values as the exchange wrote them, written as they come so that memory does not grow.

use super::execution::Execution;
use super::orders::{Orders, Row};
use super::request::{Action, RequestId};
use anyhow::Context;
use std::fs::File;
use std::path::{Path, PathBuf};
use wire::Nanos;
use wire::command::{OrderType, Side};

/// Large enough that the disk is seldom called, small enough that the call is short.
const BUFFER: usize = 64 << 10;

fn create(path: &Path, header: &[&str]) -> anyhow::Result<csv::Writer<File>> {
    let file = File::create(path).with_context(|| format!("cannot write to {}", path.display()))?;
    let mut writer = csv::WriterBuilder::new().buffer_capacity(BUFFER).from_writer(file);
    writer.write_record(header).with_context(|| format!("cannot write to {}", path.display()))?;
    Ok(writer)
}

/// Writes numbers without allocating each.
#[derive(Debug, Default)]
struct Digits(Vec<u8>);

impl Digits {
    fn of(&mut self, value: u64) -> &[u8] {
        self.0.clear();
        fix::decimal::write_u64(&mut self.0, value);
        &self.0
    }

    fn unless_zero(&mut self, value: u64) -> &[u8] {
        if value == 0 { b"" } else { self.of(value) }
    }
}

/// Writes one row for every request.
pub fn write_requests(path: &Path, orders: &Orders, clients: &[String]) -> anyhow::Result<()> {
    let header = [
        "client",
        "cl_ord_id",
        "kind",
        "orig_cl_ord_id",
        "symbol",
        "side",
        "price",
        "qty",
        "sent_ns",
        "first_report_ns",
        "outcome",
        "order_id",
        "cum_qty",
    ];
    let mut writer = create(path, &header)?;
    let mut digits = Digits::default();
    for (id, row) in orders.rows().iter().enumerate() {
        // There are no more rows than RequestIds.
        write_request(&mut writer, &mut digits, orders, clients, RequestId(id as u32), row)
            .with_context(|| format!("cannot write to {}", path.display()))?;
    }
    writer.flush().with_context(|| format!("cannot write to {}", path.display()))
}

fn write_request(
    writer: &mut csv::Writer<File>,
    digits: &mut Digits,
    orders: &Orders,
    clients: &[String],
    id: RequestId,
    row: &Row,
) -> csv::Result<()> {
    let request = &row.request;
    let (kind, order) = match request.action {
        Action::New { order_type: OrderType::Market, .. } => ("new_market", None),
        Action::New { .. } if request.action.is_immediate() => ("new_ioc", None),
        Action::New { .. } => ("new", None),
        Action::Cancel(order) => ("cancel", Some(order)),
        Action::Replace(order) => ("replace", Some(order)),
    };
    writer.write_field(&clients[usize::from(request.session)])?;
    writer.write_field(orders.name(id).as_bytes())?;
    writer.write_field(kind)?;
    writer.write_field(order.map(|o| orders.name(o)).as_ref().map_or(&b""[..], |n| n.as_bytes()))?;
    writer.write_field(&orders.instruments()[usize::from(request.instrument)].symbol)?;
    writer.write_field(if request.side == Side::Buy { "buy" } else { "sell" })?;
    writer.write_field(digits.unless_zero(request.price.unsigned_abs()))?;
    writer.write_field(digits.of(request.qty))?;
    writer.write_field(digits.of(row.sent.0))?;
    writer.write_field(digits.unless_zero(row.first_report.0))?;
    writer.write_field(row.outcome.word())?;
    writer.write_field(digits.unless_zero(row.order_id))?;
    writer.write_field(if order.is_none() { digits.of(row.cum) } else { b"" })?;
    writer.write_record(None::<&[u8]>)
}

/// Writes one row for every ExecutionReport. What goes wrong is told at the end: the run goes on.
#[derive(Debug)]
pub struct ExecutionLog {
    path: PathBuf,
    writer: csv::Writer<File>,
    digits: Digits,
    failed: Option<csv::Error>,
}

impl ExecutionLog {
    /// A new file, or an old one emptied.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let header = [
            "client",
            "received_ns",
            "cl_ord_id",
            "order_id",
            "exec_id",
            "exec_type",
            "ord_status",
            "last_qty",
            "last_px",
            "cum_qty",
            "leaves_qty",
            "poss_resend",
        ];
        let writer = create(path, &header)?;
        Ok(Self { path: path.to_owned(), writer, digits: Digits::default(), failed: None })
    }

    /// An ExecutionReport has come.
    pub fn write(&mut self, received: Nanos, client: &str, report: &Execution<'_>) {
        if self.failed.is_none() {
            self.failed = self.try_write(received, client, report).err();
        }
    }

    fn try_write(&mut self, received: Nanos, client: &str, report: &Execution<'_>) -> csv::Result<()> {
        let (writer, digits) = (&mut self.writer, &mut self.digits);
        writer.write_field(client)?;
        writer.write_field(digits.of(received.0))?;
        for text in [report.name, report.order_id, report.exec_id] {
            writer.write_field(text)?;
        }
        for letter in [[report.exec_type], [report.ord_status]] {
            writer.write_field(if letter == [0] { &b""[..] } else { &letter[..] })?;
        }
        writer.write_field(report.last_qty.map_or(&b""[..], |n| digits.of(n)))?;
        writer.write_field(report.last_px)?;
        for number in [report.cum_qty, report.leaves_qty] {
            writer.write_field(number.map_or(&b""[..], |n| digits.of(n)))?;
        }
        writer.write_field(if report.poss_resend { &b"Y"[..] } else { b"" })?;
        writer.write_record(None::<&[u8]>)
    }

    /// Writes out what is left.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let failed = match self.failed.take() {
            Some(error) => Err(error),
            None => self.writer.flush().map_err(csv::Error::from),
        };
        failed.with_context(|| format!("the record of executions {} is incomplete", self.path.display()))
    }
}
