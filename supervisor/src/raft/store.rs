//! openraft's log and vote in the store: what is acknowledged is synced.

use super::disk::{Disk, DiskError, Durability, LOG, META, from_row, meta, to_row};
use super::types::{Entry, LogId, StorageError, Types, Vote};
use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader, StorageIOError};
use redb::ReadableTable;
use std::fmt::Debug;
use std::ops::RangeBounds;

/// The log and the vote. Reads are done in place: they are of the newest rows, which are in memory.
#[derive(Clone)]
pub(super) struct LogStore {
    disk: Disk,
}

impl LogStore {
    pub(super) fn new(disk: Disk) -> Self {
        Self { disk }
    }

    fn entries(&self, range: impl RangeBounds<u64>) -> Result<Vec<Entry>, DiskError> {
        let table = self.disk.read()?.open_table(LOG)?;
        let mut entries = Vec::new();
        for row in table.range((range.start_bound().cloned(), range.end_bound().cloned()))? {
            let (index, bytes) = row?;
            let entry: Entry = from_row(bytes.value())?;
            if entry.log_id.index != index.value() {
                return Err(DiskError::Broken("an entry of the log stands under another's index"));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn state(&self) -> Result<LogState<Types>, DiskError> {
        let transaction = self.disk.read()?;
        let purged = transaction.open_table(META)?.get(meta::PURGED)?;
        let last_purged_log_id = purged.map(|row| from_row::<LogId>(row.value())).transpose()?;
        let last = transaction
            .open_table(LOG)?
            .last()?
            .map(|(_, row)| from_row::<Entry>(row.value()))
            .transpose()?;
        Ok(LogState {
            last_purged_log_id,
            last_log_id: last.map(|entry| entry.log_id).or(last_purged_log_id),
        })
    }
}

fn reading(error: DiskError) -> StorageError {
    StorageIOError::read_logs(anyerror(error)).into()
}

fn writing(error: DiskError) -> StorageError {
    StorageIOError::write_logs(anyerror(error)).into()
}

/// openraft's form of an error.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(super) fn anyerror(error: DiskError) -> openraft::AnyError {
    openraft::AnyError::new(&error)
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        self.entries(range).map_err(reading)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        self.state().map_err(reading)
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let row = to_row(vote).map_err(|error| StorageIOError::write_vote(anyerror(error)))?;
        let saved = self.disk.write(Durability::Immediate, move |transaction| {
            transaction.open_table(META)?.insert(meta::VOTE, row.as_slice())?;
            Ok(())
        });
        saved.await.map_err(|error| StorageIOError::write_vote(anyerror(error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        self.disk.meta(meta::VOTE).map_err(|error| StorageIOError::read_vote(anyerror(error)).into())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let rows: Result<Vec<_>, _> =
            entries.into_iter().map(|entry| Ok((entry.log_id.index, to_row(&entry)?))).collect();
        let rows = rows.map_err(writing)?;
        let synced = self.disk.write(Durability::Immediate, move |transaction| {
            let mut table = transaction.open_table(LOG)?;
            for (index, row) in rows {
                table.insert(index, row.as_slice())?;
            }
            Ok(())
        });
        synced.await.map_err(writing)?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId) -> Result<(), StorageError> {
        let cut = self.disk.write(Durability::Immediate, move |transaction| {
            transaction.open_table(LOG)?.retain_in(from.index.., |_, _| false)?;
            Ok(())
        });
        cut.await.map_err(writing)
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError> {
        let row = to_row(&upto).map_err(writing)?;
        let cut = self.disk.write(Durability::Immediate, move |transaction| {
            transaction.open_table(META)?.insert(meta::PURGED, row.as_slice())?;
            transaction.open_table(LOG)?.retain_in(..=upto.index, |_, _| false)?;
            Ok(())
        });
        cut.await.map_err(writing)
    }
}
