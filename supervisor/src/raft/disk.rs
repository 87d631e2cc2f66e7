//! The one redb file of a supervisor: whose it is, its tables, how its damage is told.

use super::error::RaftLogError;
use cluster::control::{ControlError, decode_within, encode_within};
use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in the supervisor's directory.
const FILE: &str = "control.redb";
/// What the rows look like. A change of any row's type needs another number.
const FORMAT: u32 = 1;
/// Pages that redb keeps in memory; nearly all reads are of the newest rows.
const CACHE_LEN: usize = 8 << 20;
/// The longest row, in bytes.
const MAX_ROW_LEN: usize = 64 << 10;

/// openraft's log: index → entry.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// What is applied: index → record. Indexes of entries that hold no record are missing.
pub(super) const APPLIED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("applied");
/// One row for each of the names below.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Rows of [`META`].
pub(super) mod meta {
    pub(in super::super) const VOTE: &str = "vote";
    pub(in super::super) const PURGED: &str = "purged";
    pub(in super::super) const LAST_APPLIED: &str = "last applied";
    pub(in super::super) const MEMBERSHIP: &str = "membership";
    pub(in super::super) const SNAPSHOT: &str = "snapshot";
    pub(super) const FORMAT: &str = "format";
    pub(super) const CLUSTER: &str = "cluster";
    pub(super) const NODE: &str = "node";
}

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    #[error(transparent)]
    Redb(#[from] redb::Error),
    #[error("a row cannot be read or written: {0}")]
    Row(#[from] ControlError),
    #[error("the work on the disk was cut short: {0}")]
    Cut(#[from] tokio::task::JoinError),
    #[error("{0}")]
    Broken(&'static str),
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for DiskError {
            fn from(error: redb::$error) -> Self {
                Self::Redb(error.into())
            }
        })*
    };
}
from_redb!(CommitError, DatabaseError, SetDurabilityError, StorageError, TableError, TransactionError);

/// A row's bytes, with a checksum of their own.
pub(super) fn to_row<T: Serialize>(value: &T) -> Result<Vec<u8>, DiskError> {
    Ok(encode_within::<MAX_ROW_LEN, T>(value)?)
}

/// A row's value.
pub(super) fn from_row<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DiskError> {
    Ok(decode_within::<MAX_ROW_LEN, T>(bytes)?)
}

/// Every other start of a commit says by name whether it is synced.
pub(super) use redb::Durability;

/// The open store; clones share it.
#[derive(Clone)]
pub(super) struct Disk {
    database: Arc<Database>,
}

impl Disk {
    /// Opens the store of this supervisor, or makes it where there is none.
    pub(super) fn open(directory: &Path, cluster: u64, node: u64) -> Result<Self, RaftLogError> {
        let io_error = |path: &Path| {
            let path = path.to_path_buf();
            move |source| RaftLogError::Io { path, source }
        };
        std::fs::create_dir_all(directory).map_err(io_error(directory))?;
        let path = directory.join(FILE);
        if !path.try_exists().map_err(io_error(&path))? {
            create(directory, &path, cluster, node)?;
        }
        // The check on opening reads the whole file: it is small, and damage is to be found now and not when it is needed.
        let database = builder().set_check_integrity_on_open(true).open(&path).map_err(opening(&path))?;
        let disk = Self { database: Arc::new(database) };
        let damaged =
            |error: DiskError| RaftLogError::Damaged { path: path.clone(), reason: error.to_string() };
        let identity =
            |name| disk.meta::<u64>(name).transpose().unwrap_or(Err(DiskError::Broken("it is nobody's")));
        let found = identity(meta::FORMAT).map_err(damaged)?;
        if found != u64::from(FORMAT) {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(RaftLogError::Format { path, found, known: FORMAT });
        }
        let found_cluster = identity(meta::CLUSTER).map_err(damaged)?;
        let found_node = identity(meta::NODE).map_err(damaged)?;
        if (found_cluster, found_node) != (cluster, node) {
            return Err(RaftLogError::Foreign { path, found_cluster, found_node, cluster, node });
        }
        Ok(disk)
    }

    /// The row of [`META`] with this name.
    pub(super) fn meta<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DiskError> {
        let table = self.read()?.open_table(META)?;
        table.get(name)?.map(|row| from_row(row.value())).transpose()
    }

    /// A view of the store that later writes do not change.
    pub(super) fn read(&self) -> Result<redb::ReadTransaction, DiskError> {
        Ok(self.database.begin_read()?)
    }

    /// Writes in one transaction, away from the thread on which Raft answers its peers: a sync can take long.
    ///
    /// What is written with [`Durability::None`] is on disk at the next commit with [`Durability::Immediate`], never later than
    /// what that one wrote: after a crash the file is as it was at some earlier commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&redb::WriteTransaction) -> Result<T, DiskError> + Send + 'static,
    ) -> Result<T, DiskError> {
        self.aside(move |disk| {
            let mut transaction = disk.database.begin_write()?;
            transaction.set_durability(durability)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    /// Does what may read much, away from the thread on which Raft answers its peers.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, DiskError> + Send + 'static,
    ) -> Result<T, DiskError> {
        let disk = self.clone();
        tokio::task::spawn_blocking(move || work(&disk)).await?
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_LEN);
    builder
}

/// Makes an empty store under another name first: a file with the right name is always whole.
fn create(directory: &Path, path: &Path, cluster: u64, node: u64) -> Result<(), RaftLogError> {
    let io_error = |source| RaftLogError::Io { path: path.to_path_buf(), source };
    let unborn: PathBuf = path.with_extension("unborn");
    match std::fs::remove_file(&unborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        _ => {}
    }
    let fill = || -> Result<(), DiskError> {
        let database = builder().create(&unborn)?;
        let transaction = database.begin_write()?;
        transaction.open_table(LOG)?;
        transaction.open_table(APPLIED)?;
        let mut table = transaction.open_table(META)?;
        table.insert(meta::FORMAT, to_row(&u64::from(FORMAT))?.as_slice())?;
        table.insert(meta::CLUSTER, to_row(&cluster)?.as_slice())?;
        table.insert(meta::NODE, to_row(&node)?.as_slice())?;
        drop(table);
        Ok(transaction.commit()?)
    };
    fill().map_err(|error| io_error(io::Error::other(error.to_string())))?;
    std::fs::rename(&unborn, path).map_err(io_error)?;
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(io_error)
}

/// redb's words for what an operator has to tell apart.
fn opening(path: &Path) -> impl Fn(DatabaseError) -> RaftLogError {
    let path = path.to_path_buf();
    move |error| match error {
        DatabaseError::DatabaseAlreadyOpen => RaftLogError::InUse { path: path.clone() },
        DatabaseError::Storage(redb::StorageError::Io(source))
            if !matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            RaftLogError::Io { path: path.clone(), source }
        }
        error => RaftLogError::Damaged { path: path.clone(), reason: error.to_string() },
    }
}
