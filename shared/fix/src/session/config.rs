//! What is agreed upon before a session begins.

use crate::dictionary::{Dictionary, FIX44};
use wire::Nanos;

/// Which side opens the connection and sends the first Logon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Waits for a Logon and has its driver decide on it.
    Acceptor,
    /// Sends the first Logon.
    Initiator,
}

const SECOND: u64 = 1_000_000_000;

/// The configuration of one session. Begin with [`Config::acceptor`] or [`Config::initiator`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Which side we are.
    pub role: Role,
    /// BeginString(8) of both directions.
    pub begin_string: String,
    /// Our CompID: SenderCompID(49) of what we send.
    pub sender: String,
    /// The peer's CompID. Empty, on an acceptor: taken from the Logon for the time of the connection.
    pub target: String,
    /// HeartBtInt(108) that an initiator asks for, in seconds; 0 means none.
    pub heartbeat_secs: u64,
    /// The smallest and largest HeartBtInt(108) that an acceptor agrees to, in seconds.
    pub heartbeat_limits_secs: (u64, u64),
    /// How far SendingTime(52) may be from our clock, either way; `None` does not check.
    pub sending_time_tolerance: Option<Nanos>,
    /// How long to wait for a Logon, or for the answer to ours.
    pub logon_timeout: Nanos,
    /// How long to wait for the answer to our Logout.
    pub logout_timeout: Nanos,
    /// After this time without all of what was missing, it is asked for again.
    pub gap_timeout: Nanos,
    /// The longest message, in bytes; a longer one counts as garbled.
    pub max_message: usize,
    /// Bytes that may wait unread (while the driver decides on a Logon) before the peer is disconnected.
    pub max_inbox: usize,
    /// Messages that may wait behind a gap; what comes beyond is dropped and asked for again.
    pub max_queued_messages: usize,
    /// Bytes that may wait behind a gap.
    pub max_queued_bytes: usize,
    /// Both numbers begin at 1 with every Logon. An initiator says so with ResetSeqNumFlag(141)=Y, an acceptor does it
    /// whatever the Logon says.
    pub reset_on_logon: bool,
    /// The rules for fields.
    pub dictionary: &'static Dictionary,
}

impl Config {
    /// An acceptor of FIX 4.4 with usual limits. An empty `target` accepts whoever the driver accepts.
    pub fn acceptor(sender: &str, target: &str) -> Config {
        Config {
            role: Role::Acceptor,
            begin_string: "FIX.4.4".into(),
            sender: sender.into(),
            target: target.into(),
            heartbeat_secs: 30,
            heartbeat_limits_secs: (1, 3600),
            sending_time_tolerance: Some(Nanos(120 * SECOND)),
            logon_timeout: Nanos(10 * SECOND),
            logout_timeout: Nanos(5 * SECOND),
            gap_timeout: Nanos(10 * SECOND),
            max_message: 16 << 10,
            max_inbox: 1 << 20,
            max_queued_messages: 4096,
            max_queued_bytes: 4 << 20,
            reset_on_logon: false,
            dictionary: &FIX44,
        }
    }

    /// An initiator of FIX 4.4 with usual limits.
    pub fn initiator(sender: &str, target: &str) -> Config {
        Config { role: Role::Initiator, ..Config::acceptor(sender, target) }
    }
}
