//! openraft's own examination of a store.

use super::disk::Disk;
use super::machine::Machine;
use super::store::LogStore;
use super::types::{StorageError, Types};
use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;
use tokio::sync::watch;

struct Fresh;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for Fresh {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError> {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path(), 7, 1).unwrap();
        Ok((directory, LogStore::new(disk.clone()), Machine::new(disk, watch::channel(()).0)))
    }
}

#[test]
fn the_store_passes_the_suite_of_openraft() {
    Suite::test_all(Fresh).unwrap();
}
