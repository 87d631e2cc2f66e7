//! Why the control log cannot start or go on, and what the operator can do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the control log cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RaftLogError {
    /// The configuration makes no sense.
    #[error("the supervisors' log cannot run like this: {0}")]
    Config(String),
    /// The store's directory or file cannot be read or written.
    #[error("{path}: {source}; check the disk and the permissions", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the store open.
    #[error("{path} is in use: is this supervisor already running?", path = path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The store's bytes are not what was written.
    #[error(
        "{path} is damaged ({reason}). Move it away and start again: the other supervisors fill it, provided that a majority of all \
         supervisors is in good health. Never do so for a second one before the first has caught up",
        path = path.display()
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The store belongs to somebody else.
    #[error(
        "{path} belongs to supervisor {found_node} of cluster {found_cluster:016x}, and this is supervisor {node} of cluster \
         {cluster:016x}. Give each supervisor a data directory of its own, or correct the description",
        path = path.display()
    )]
    Foreign {
        /// The store.
        path: PathBuf,
        /// Whose cluster it is.
        found_cluster: u64,
        /// Whose store it is.
        found_node: u64,
        /// The configured cluster.
        cluster: u64,
        /// The configured supervisor.
        node: u64,
    },
    /// The store was written by another version of this program.
    #[error("{path} has format {found}, and this program knows {known}: start the version that wrote it", path = path.display())]
    Format {
        /// The store.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The format known here.
        known: u32,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at {address} for other supervisors: {source}")]
    Listen {
        /// This supervisor's own address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A committed record cannot be read: to skip it would make this supervisor differ from the others.
    #[error(
        "record {index} of the control log cannot be read ({reason}): start the version of this program that the others run"
    )]
    Record {
        /// Where it stands.
        index: u64,
        /// What is wrong.
        reason: String,
    },
    /// Raft itself has stopped: mostly a disk that fails.
    #[error("the supervisors' log has stopped: {0}")]
    Stopped(String),
}
