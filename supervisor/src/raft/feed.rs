//! Applied records on their way to the duty cycle: read from the store in order, each once, never more than fit the queue.

use super::disk::{APPLIED, Disk, DiskError, META, from_row, meta};
use super::error::RaftLogError;
use super::handle::{Applied, Wake};
use super::leadership::View;
use super::types::LogId;
use cluster::control::decode;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

/// Records in the queue to the duty cycle; the others wait in the store.
pub(super) const QUEUE_LEN: usize = 1_024;
/// Records that are read at a time.
const BATCH_LEN: usize = 256;

/// A piece of the applied records.
struct Batch {
    rows: Vec<(u64, Vec<u8>)>,
    /// The last applied index, if there are no rows after these.
    complete: Option<u64>,
}

/// Feeds for ever, or until a record cannot be read: skipping one would make this supervisor differ from the others.
pub(super) async fn run<R: DeserializeOwned>(
    disk: Disk,
    mut applied: watch::Receiver<()>,
    queue: mpsc::Sender<Applied<R>>,
    view: Arc<View>,
    wake: Wake,
) {
    let mut next = 0;
    loop {
        applied.mark_unchanged();
        let batch = match disk.aside(move |disk| batch(disk, next)).await {
            Ok(batch) => batch,
            Err(error) => return stop(&view, &wake, format!("applied records cannot be read: {error}")),
        };
        let some = !batch.rows.is_empty();
        for (index, bytes) in batch.rows {
            let record = match decode(&bytes) {
                Ok(record) => record,
                Err(error) => {
                    let error = RaftLogError::Record { index, reason: error.to_string() };
                    return stop(&view, &wake, error.to_string());
                }
            };
            next = index + 1;
            match queue.try_send(Applied { index, record }) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(record)) => {
                    wake();
                    if queue.send(record).await.is_err() {
                        return;
                    }
                }
            }
        }
        if let Some(last) = batch.complete {
            view.fed_through(last);
        }
        if some || batch.complete.is_some() {
            wake();
        }
        if batch.complete.is_some() && applied.changed().await.is_err() {
            return;
        }
    }
}

fn stop(view: &View, wake: &Wake, reason: String) {
    view.fail(reason);
    wake();
}

fn batch(disk: &Disk, next: u64) -> Result<Batch, DiskError> {
    let transaction = disk.read()?;
    let last = transaction.open_table(META)?.get(meta::LAST_APPLIED)?;
    let last: Option<LogId> = last.map(|row| from_row(row.value())).transpose()?;
    let mut rows = Vec::new();
    for row in transaction.open_table(APPLIED)?.range(next..)?.take(BATCH_LEN) {
        let (index, bytes) = row?;
        rows.push((index.value(), bytes.value().to_vec()));
    }
    let complete = (rows.len() < BATCH_LEN).then_some(last.map_or(0, |last| last.index));
    Ok(Batch { rows, complete })
}
