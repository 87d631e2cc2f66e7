//! A replica as a snapshot file, and back: what stands in the file's head, which files this engine can begin with.

use crate::definitions;
use crate::limits::{Limits, LimitsError};
use crate::replica::{Behind, Replica};
use crate::snapshot::{SNAPSHOT_VERSION, SnapshotError};
use crate::{EventSink, Exchange, RULES, StateMachine, UnknownRules};
use archive::{About, Aside, Fault, Head, Snapshot, Store, Writing};
use cluster::{Ledger, LedgerError};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use wire::Seq;

/// Why an engine cannot begin with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The file itself is not good.
    #[error(transparent)]
    File(#[from] archive::SnapshotError),
    /// What is read of it is not good.
    #[error("{0}")]
    Damaged(#[from] Fault),
    /// It is of another cluster.
    #[error(
        "it is of cluster {found:016x}, this engine is of {expected:016x}: the directory or the cluster's name is the wrong one"
    )]
    OtherCluster {
        /// The cluster in its head.
        found: u64,
        /// The cluster of this engine.
        expected: u64,
    },
    /// Its state is laid out as another release does it.
    #[error(
        "its state has version {found}, this build reads version {SNAPSHOT_VERSION}: run the build that wrote it to use it"
    )]
    OtherMachine {
        /// The version in its head.
        found: u32,
    },
    /// It was taken under rules that came after this build.
    #[error("{0}: run a build that has these rules to use it")]
    UnknownRules(#[from] UnknownRules),
    /// Its ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Its state cannot be taken in.
    #[error(transparent)]
    State(#[from] SnapshotError),
    /// The limits of this engine cannot be granted, whatever it begins with.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

/// What stands before the state: what it is of, ledger, definitions.
fn front(replica: &Replica<Exchange>, cluster: u64) -> (About, Vec<u8>, Vec<u8>) {
    let mut ledger = Vec::new();
    replica.ledger().write(&mut ledger);
    let about = About {
        cluster,
        machine: SNAPSHOT_VERSION,
        position: replica.position(),
        rules: replica.machine().rules(),
        timestamp: replica.ledger().timestamp(),
        outbound: replica.outbound(),
        digest: replica.digest(),
    };
    let definitions = definitions::write(replica.machine(), &about);
    (about, ledger, definitions)
}

/// Writes what the replica holds as a snapshot into `to`, which must be empty.
pub fn write_to<W: Write + Seek>(replica: &Replica<Exchange>, cluster: u64, to: W) -> io::Result<(Head, W)> {
    let (about, ledger, definitions) = front(replica, cluster);
    let mut to = Writing::begin(to, about, &ledger, &definitions)?;
    replica.machine().snapshot(&mut to)?;
    to.finish()
}

/// Writes what the replica holds as a snapshot into the store: whole and synced, and aside until the caller shows it.
pub fn write(
    replica: &Replica<Exchange>,
    cluster: u64,
    store: &Store,
) -> Result<(Head, Aside), archive::SnapshotError> {
    let (about, ledger, definitions) = front(replica, cluster);
    let mut to = store.begin(about, &ledger, &definitions)?;
    replica.machine().snapshot(&mut to).map_err(|error| to.failed(error))?;
    to.finish()
}

/// The replica that a snapshot holds, with the room that `limits` make. What it refuses must be what the cluster refuses, so
/// those limits that decide it have to be the same as those that the snapshot was taken with; room may differ.
pub fn read<R: Read>(
    snapshot: Snapshot<R>,
    limits: Limits,
    cluster: u64,
) -> Result<Replica<Exchange>, Unfit> {
    let Head { about, .. } = *snapshot.head();
    if about.cluster != cluster {
        return Err(Unfit::OtherCluster { found: about.cluster, expected: cluster });
    }
    if about.machine != SNAPSHOT_VERSION {
        return Err(Unfit::OtherMachine { found: about.machine });
    }
    if about.rules > RULES {
        return Err(UnknownRules { asked: about.rules, known: RULES }.into());
    }
    let ledger = Ledger::read(snapshot.ledger())?;
    let fresh = Exchange::new(limits)?;
    let mut state = snapshot.state()?;
    let machine = match fresh.restore(&mut state) {
        Ok(machine) => {
            state.finish()?;
            machine
        }
        // What the reader of the file says comes through the machine.
        Err(SnapshotError::Io(error)) => return Err(Fault::of_io(error).into()),
        // A state that cannot be is most often a damaged file, which is known at its end.
        Err(error) => {
            return Err(match state.finish() {
                Ok(()) | Err(Fault::Unpacked { .. }) => error.into(),
                Err(fault) => fault.into(),
            });
        }
    };
    let sink = EventSink::with_capacity(limits.events_reserved as usize);
    let About { position, digest, outbound, .. } = about;
    Ok(Replica::restore(machine, sink, Behind { position, digest, outbound, ledger }))
}

/// The replica of the newest snapshot that this engine can begin with. It goes back past all others, and `told` hears which
/// and why: each file is read once.
pub fn newest(
    store: &Store,
    limits: Limits,
    cluster: u64,
    told: &mut dyn FnMut(Seq, &Unfit),
) -> Result<Option<Replica<Exchange>>, archive::SnapshotError> {
    store.newest(told, |seq| {
        let snapshot: Snapshot<File> = store.read(seq)?;
        read(snapshot, limits, cluster)
    })
}
