//! What a session tells its driver.

use crate::Message;

/// The next thing for the driver to do. It lends from the session: done with it before the next call.
#[derive(Debug)]
pub enum Output<'a> {
    /// Send these bytes, all of them and in this order. Several messages may be in one piece.
    Transmit(&'a [u8]),
    /// Acceptor: a well-formed Logon has come. Answer, now or later, with [`crate::Session::accept_logon`] or
    /// [`crate::Session::refuse_logon`]; until then no further message is read.
    LogonRequested(LogonRequest<'a>),
    /// The session is up in both directions.
    LoggedOn {
        /// HeartBtInt(108) agreed upon.
        heartbeat_secs: u64,
        /// Whether both numbers began anew with this Logon.
        reset: bool,
    },
    /// An application message, in sequence and, by the dictionary, well formed. Refuse it with
    /// [`crate::Session::reject_current`] or [`crate::Session::business_reject_current`] before polling again.
    Application(Message<'a>),
    /// The peer sent a session Reject(3): worth a line in the log.
    PeerRejected(Message<'a>),
    /// The peer sent a Logout, as its wish or in answer to ours.
    LoggedOut {
        /// Text(58) of the Logout.
        text: Option<&'a [u8]>,
    },
    /// Close the connection. All bytes were given out before. No call to `disconnected` is needed after it.
    Disconnect(DisconnectReason),
}

/// A Logon that waits for the driver's decision.
#[derive(Clone, Copy, Debug)]
pub struct LogonRequest<'a> {
    /// Who wants to log on: SenderCompID(49).
    pub comp_id: &'a [u8],
    /// MsgSeqNum(34). It is compared with the number expected when the Logon is accepted, so that the driver can set both
    /// numbers by [`crate::Session::resume`] before.
    pub seq: u64,
    /// HeartBtInt(108).
    pub heartbeat_secs: u64,
    /// Whether accepting it begins both numbers anew (ResetSeqNumFlag(141), or the configuration).
    pub reset: bool,
    /// Whether the session was up already: a reset in the middle of it.
    pub in_session: bool,
    /// The whole Logon, for Username(553) and Password(554).
    pub message: Message<'a>,
}

/// Why a connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer logged out and has our answer.
    #[error("the peer logged out")]
    PeerLogout,
    /// The peer answered our Logout.
    #[error("logged out")]
    LogoutComplete,
    /// The peer did not answer our Logout in time.
    #[error("the peer did not answer our Logout in time")]
    LogoutTimeout,
    /// No Logon came in time, or no answer to ours.
    #[error("no Logon from the peer in time")]
    LogonTimeout,
    /// The peer was silent, and did not answer a TestRequest.
    #[error("the peer is silent and does not answer a TestRequest")]
    HeartbeatTimeout,
    /// The first message is not a Logon.
    #[error("the first message is not a Logon")]
    NotLogon,
    /// The first bytes are not a message.
    #[error("the first bytes are not a FIX message")]
    GarbledLogon,
    /// The Logon lacks a field or has a wrong one.
    #[error("the Logon has a missing or wrong field")]
    BadLogon,
    /// BeginString(8) is not the one configured.
    #[error("BeginString(8) is not the one of this session")]
    BeginString,
    /// SenderCompID(49) or TargetCompID(56) is not the one of this session.
    #[error("SenderCompID(49) or TargetCompID(56) is not the one of this session")]
    CompId,
    /// SendingTime(52) is too far from our clock, or before OrigSendingTime(122).
    #[error("SendingTime(52) is too far from our clock; compare the clocks of both sides")]
    SendingTime,
    /// MsgSeqNum(34) is lower than expected and the message is not marked as a possible duplicate.
    #[error("MsgSeqNum(34) is lower than expected; both sides must agree on the numbers or reset them")]
    SeqTooLow,
    /// A message without a readable MsgSeqNum(34).
    #[error("a message has no readable MsgSeqNum(34)")]
    NoSeqNum,
    /// The driver refused the Logon.
    #[error("the Logon was refused")]
    Refused,
    /// The peer refused our Logon.
    #[error("the peer refused our Logon")]
    PeerRefused,
    /// More bytes wait than the configuration allows.
    #[error("the peer sends more than may wait unread")]
    InboxOverflow,
}

/// What a session has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Well-formed messages received.
    pub received: u64,
    /// Messages written, repetitions included.
    pub sent: u64,
    /// Pieces of input that were no message.
    pub garbled: u64,
    /// Messages ignored as duplicates (PossDupFlag(43)=Y).
    pub duplicates: u64,
    /// Messages dropped since too many waited behind a gap.
    pub queue_overflows: u64,
    /// ResendRequests sent.
    pub gaps_asked: u64,
    /// Application messages sent again.
    pub resent: u64,
    /// Numbers that were gap-filled when they were asked for.
    pub gap_filled: u64,
    /// Session rejects sent.
    pub rejects: u64,
}
