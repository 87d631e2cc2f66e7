//! The applied records in the store, and snapshots of them.

use super::disk::{APPLIED, Disk, DiskError, Durability, META, from_row, meta, to_row};
use super::store::anyerror;
use super::types::{Entry, LogId, Membership, Snapshot, SnapshotMeta, StorageError, Types};
use cluster::control::{decode_within, encode_within};
use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, StorageIOError};
use std::io::Cursor;
use tokio::sync::watch;

/// The longest snapshot, in bytes: millions of records.
pub(super) const MAX_SNAPSHOT_LEN: usize = 256 << 20;

/// One row of the applied records as it travels in a snapshot: its index and its bytes.
type AppliedRow = (u64, Vec<u8>);

/// Keeps every applied record. An applied row is never changed and never removed.
#[derive(Clone)]
pub(super) struct Machine {
    disk: Disk,
    /// Told that there is more applied than before.
    applied: watch::Sender<()>,
}

impl Machine {
    pub(super) fn new(disk: Disk, applied: watch::Sender<()>) -> Self {
        Self { disk, applied }
    }

    fn state(&self) -> Result<(Option<LogId>, Membership), DiskError> {
        let table = self.disk.read()?.open_table(META)?;
        let last = table.get(meta::LAST_APPLIED)?.map(|row| from_row(row.value())).transpose()?;
        let membership = table.get(meta::MEMBERSHIP)?.map(|row| from_row(row.value())).transpose()?;
        Ok((last, membership.unwrap_or_default()))
    }

    /// The records up to where the mark stands. They are the same whenever they are read.
    fn dump(disk: &Disk, mark: SnapshotMeta) -> Result<Snapshot, DiskError> {
        let mut rows: Vec<AppliedRow> = Vec::new();
        if let Some(last) = mark.last_log_id {
            for row in disk.read()?.open_table(APPLIED)?.range(..=last.index)? {
                let (index, bytes) = row?;
                rows.push((index.value(), bytes.value().to_vec()));
            }
        }
        let bytes = encode_within::<MAX_SNAPSHOT_LEN, _>(&rows)?;
        Ok(Snapshot { meta: mark, snapshot: Box::new(Cursor::new(bytes)) })
    }
}

fn writing(error: DiskError) -> StorageError {
    StorageIOError::write_state_machine(anyerror(error)).into()
}

fn snapshotting(error: DiskError) -> StorageError {
    StorageIOError::read_snapshot(None, anyerror(error)).into()
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError> {
        self.state().map_err(|error| StorageIOError::read_state_machine(anyerror(error)).into())
    }

    /// Not synced by itself: the entries are in the log until a purge, which is synced, and this with it. After a crash
    /// Raft applies the tail again.
    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let (mut rows, mut last, mut membership, mut count) = (Vec::new(), None, None, 0);
        for entry in entries {
            last = Some(entry.log_id);
            count += 1;
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(payload) => rows.push((entry.log_id.index, payload.0)),
                EntryPayload::Membership(members) => membership = Some(Membership::new(last, members)),
            }
        }
        let Some(last) = last else { return Ok(Vec::new()) };
        let applied = self.disk.write(Durability::None, move |transaction| {
            let mut table = transaction.open_table(APPLIED)?;
            for (index, row) in rows {
                table.insert(index, row.as_slice())?;
            }
            let mut table = transaction.open_table(META)?;
            table.insert(meta::LAST_APPLIED, to_row(&last)?.as_slice())?;
            if let Some(membership) = membership {
                table.insert(meta::MEMBERSHIP, to_row(&membership)?.as_slice())?;
            }
            Ok(())
        });
        applied.await.map_err(writing)?;
        self.applied.send_replace(());
        Ok(vec![(); count])
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        mark: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let mark = mark.clone();
        let installed = self.disk.write(Durability::Immediate, move |transaction| {
            let rows: Vec<AppliedRow> = decode_within::<MAX_SNAPSHOT_LEN, _>(snapshot.get_ref())?;
            let mut table = transaction.open_table(APPLIED)?;
            for (index, row) in rows {
                // What is here already is the same: both are beginnings of one history.
                table.insert(index, row.as_slice())?;
            }
            let mut table = transaction.open_table(META)?;
            if let Some(last) = mark.last_log_id {
                table.insert(meta::LAST_APPLIED, to_row(&last)?.as_slice())?;
            }
            table.insert(meta::MEMBERSHIP, to_row(&mark.last_membership)?.as_slice())?;
            table.insert(meta::SNAPSHOT, to_row(&mark)?.as_slice())?;
            Ok(())
        });
        installed.await.map_err(writing)?;
        self.applied.send_replace(());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let read = self.disk.aside(|disk| {
            let mark: Option<SnapshotMeta> = disk.meta(meta::SNAPSHOT)?;
            mark.map(|mark| Self::dump(disk, mark)).transpose()
        });
        read.await.map_err(snapshotting)
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let build = async {
            let marked = self.disk.write(Durability::Immediate, |transaction| {
                let mut table = transaction.open_table(META)?;
                let last_log_id: Option<LogId> = row(&table, meta::LAST_APPLIED)?;
                let last_membership: Membership = row(&table, meta::MEMBERSHIP)?.unwrap_or_default();
                let snapshot_id = last_log_id.map_or_else(|| "empty".to_owned(), |last| last.to_string());
                let mark = SnapshotMeta { last_log_id, last_membership, snapshot_id };
                table.insert(meta::SNAPSHOT, to_row(&mark)?.as_slice())?;
                Ok(mark)
            });
            let mark = marked.await?;
            self.disk.aside(move |disk| Self::dump(disk, mark)).await
        };
        build.await.map_err(snapshotting)
    }
}

fn row<T: serde::de::DeserializeOwned>(
    table: &impl redb::ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<T>, DiskError> {
    table.get(name)?.map(|row| from_row(row.value())).transpose()
}
