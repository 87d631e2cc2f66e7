//! What a supervisor's log is given at the start.

use super::error::RaftLogError;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use wire::NodeId;

/// How soon a leader is missed. The leader says that it lives every `heartbeat`; a follower that heard nothing for `election_max` and then
/// a random time between `election_min` and `election_max` wants to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two signs of life; also the time limit of one request, so it must be longer than a round trip and a sync.
    pub heartbeat: Duration,
    /// At least three heartbeats.
    pub election_min: Duration,
    /// Above `election_min`: the wider apart, the rarer do two want to lead at once.
    pub election_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(500),
            election_max: Duration::from_millis(1_000),
        }
    }
}

/// What [`RaftLog::start`](super::RaftLog::start) needs to know.
#[derive(Clone, Debug)]
pub struct RaftLogConfig {
    /// The cluster's number: supervisors of another cluster are refused, and so is another cluster's store.
    pub cluster: u64,
    /// Which supervisor this is.
    pub node: NodeId,
    /// All supervisors, this one among them, with the address at which each listens. A pristine store begins with these as voters.
    pub peers: BTreeMap<NodeId, SocketAddr>,
    /// Where the store lies; made if it is missing.
    pub directory: PathBuf,
    /// How soon a leader is missed.
    pub timing: Timing,
    /// After how many entries openraft's log is cut; what is applied is kept. At least 10.
    pub snapshot_after: u64,
}

impl RaftLogConfig {
    /// The usual number for `snapshot_after`.
    pub const SNAPSHOT_AFTER: u64 = 5_000;

    /// openraft's form of this, or what is wrong with it. The second is the address to listen at.
    pub(super) fn check(&self) -> Result<(openraft::Config, SocketAddr), RaftLogError> {
        let refused = |reason: String| Err(RaftLogError::Config(reason));
        let Some(&address) = self.peers.get(&self.node) else {
            return refused(format!("supervisor {} is not among the peers", self.node));
        };
        if self.peers.contains_key(&NodeId(0)) {
            return refused("0 is nobody's number".into());
        }
        let Timing { heartbeat, election_min, election_max } = self.timing;
        if heartbeat < Duration::from_millis(1)
            || election_min < 3 * heartbeat
            || election_max <= election_min
        {
            return refused(format!(
                "heartbeat {heartbeat:?}, election timeout {election_min:?} to {election_max:?}: \
                 the lower limit must be at least three heartbeats, and below the upper one"
            ));
        }
        if self.snapshot_after < 10 {
            return refused(format!("cutting the log after {} entries is too often", self.snapshot_after));
        }
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let config = openraft::Config {
            cluster_name: format!("{:016x}", self.cluster),
            heartbeat_interval: millis(heartbeat),
            election_timeout_min: millis(election_min),
            election_timeout_max: millis(election_max),
            install_snapshot_timeout: millis(election_max).max(2_000),
            max_payload_entries: super::frame::MAX_ENTRIES,
            snapshot_max_chunk_size: super::frame::CHUNK_LEN as u64,
            snapshot_policy: openraft::SnapshotPolicy::LogsSinceLast(self.snapshot_after),
            replication_lag_threshold: self.snapshot_after.saturating_mul(2),
            max_in_snapshot_log_to_keep: self.snapshot_after / 5,
            ..openraft::Config::default()
        };
        match config.validate() {
            Ok(config) => Ok((config, address)),
            Err(error) => refused(error.to_string()),
        }
    }
}
