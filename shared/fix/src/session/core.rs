//! The session's state and what a message does to it: one match over the states, one handler per state.

use super::config::Config;
use super::gap::{Gap, Waiting};
use super::inbox::Scratch;
use super::logon::PendingLogon;
use super::output::{Counters, DisconnectReason};
use crate::error::{Excerpt, FieldError, RejectReason};
use crate::message::Message;
use crate::tags::{self, msg_type};
use crate::{Outbox, Writer};
use wire::Nanos;

/// Sequence numbers above this are refused, so that counting on from one never overflows.
pub(super) const MAX_SEQ: u64 = 1 << 62;

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// No connection.
    Disconnected,
    /// Acceptor: connected, nothing received yet.
    AwaitingLogon { since: Nanos },
    /// Acceptor: the driver decides on a Logon. Nothing is read until then.
    LogonPending(PendingLogon),
    /// Initiator: our Logon, number `seq`, waits for its answer.
    LogonSent { since: Nanos, seq: u64 },
    /// Up.
    Active,
    /// Our Logout waits for its answer; `why` is what the driver will be told.
    LogoutSent { since: Nanos, why: DisconnectReason },
    /// The driver is still to be told to disconnect, behind the last bytes.
    Closing(DisconnectReason),
}

/// What handling a message means for the driver; the message itself is lent by the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Nothing,
    LogonRequested,
    Application,
    PeerRejected,
    LoggedOut,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Core<O> {
    pub(super) config: Config,
    pub(super) state: State,
    /// The latest time told.
    pub(super) now: Nanos,
    /// The number expected of the peer's next message.
    pub(super) next_in: u64,
    /// The number of our next message.
    pub(super) next_out: u64,
    /// The peer's CompID; empty until a Logon tells it, if the configuration does not.
    pub(super) target: Vec<u8>,
    /// Zero: no heartbeats.
    pub(super) heartbeat: Nanos,
    pub(super) last_sent: Nanos,
    pub(super) last_received: Nanos,
    /// When the TestRequest that is not answered yet was sent.
    pub(super) test_sent: Option<Nanos>,
    pub(super) gap: Gap,
    pub(super) outbox: O,
    /// Bytes to transmit.
    pub(super) out: Vec<u8>,
    /// The session came up and the driver does not know yet; whether the numbers were reset.
    pub(super) logged_on: Option<bool>,
    pub(super) counters: Counters,
    pub(super) writer: Scratch<Writer>,
}

/// Why a message cannot be taken as one of this session.
#[derive(Clone, Copy)]
enum Stranger {
    /// Reject it and go on.
    Field(FieldError),
    /// Reject it and log out.
    CompId { tag: u32, got: Excerpt },
    /// Reject it and log out.
    SendingTime { got: Excerpt },
}

impl<O: Outbox> Core<O> {
    pub(super) fn on_message(&mut self, message: &Message<'_>) -> Step {
        self.counters.received += 1;
        match self.state {
            State::AwaitingLogon { .. } => self.on_first_message(message),
            State::LogonSent { seq, .. } => self.on_logon_answer(message, seq),
            State::Active => self.on_active(message),
            State::LogoutSent { why, .. } => self.on_leaving(message, why),
            // The poll loop reads no message in these states.
            State::Disconnected | State::LogonPending(_) | State::Closing(_) => {
                unreachable!("no message is read in {:?}", self.state)
            }
        }
    }

    pub(super) fn close(&mut self, why: DisconnectReason) {
        self.state = State::Closing(why);
    }

    /// Counts a message that came in its turn.
    pub(super) fn consume(&mut self, seq: u64) {
        if seq == self.next_in {
            self.next_in += 1;
        }
    }

    /// Whether BeginString(8) is ours.
    pub(super) fn begin_string_fits(&self, message: &Message<'_>) -> bool {
        message.begin_string() == self.config.begin_string.as_bytes()
    }

    /// SenderCompID(49), TargetCompID(56) and SendingTime(52) are those of this session and of this time.
    fn check_identity(&self, message: &Message<'_>) -> Result<(), Stranger> {
        let sender = message.required(tags::SENDER_COMP_ID).map_err(Stranger::Field)?;
        let target = message.required(tags::TARGET_COMP_ID).map_err(Stranger::Field)?;
        if !self.target.is_empty() && sender != self.target {
            return Err(Stranger::CompId { tag: tags::SENDER_COMP_ID, got: Excerpt::new(sender) });
        }
        if target != self.config.sender.as_bytes() {
            return Err(Stranger::CompId { tag: tags::TARGET_COMP_ID, got: Excerpt::new(target) });
        }
        let at = message.timestamp(tags::SENDING_TIME).map_err(Stranger::Field)?;
        match self.config.sending_time_tolerance {
            Some(tolerance) if at.0.abs_diff(self.now.0) > tolerance.0 => {
                let got = Excerpt::new(message.get(tags::SENDING_TIME).unwrap_or_default());
                Err(Stranger::SendingTime { got })
            }
            _ => Ok(()),
        }
    }

    /// For a Logon: the reason to disconnect, if it is not one of this session.
    pub(super) fn logon_stranger(&self, message: &Message<'_>) -> Option<DisconnectReason> {
        match self.check_identity(message) {
            Ok(()) => None,
            Err(Stranger::Field(_)) => Some(DisconnectReason::BadLogon),
            Err(Stranger::CompId { .. }) => Some(DisconnectReason::CompId),
            Err(Stranger::SendingTime { .. }) => Some(DisconnectReason::SendingTime),
        }
    }

    fn on_active(&mut self, message: &Message<'_>) -> Step {
        self.last_received = self.now;
        self.test_sent = None;
        if !self.begin_string_fits(message) {
            let got = Excerpt::new(message.begin_string());
            let expected = Excerpt::new(self.config.begin_string.as_bytes());
            self.logout(
                DisconnectReason::BeginString,
                Some(format_args!(
                    "Incorrect BeginString: expected BeginString(8)={expected} but received {got}"
                )),
            );
            return Step::Nothing;
        }
        let seq = match message.seq() {
            Ok(seq) => seq,
            Err(error) => {
                // FIX 4.4 volume 2: without a number there is nothing to reject; the connection is not sane.
                self.logout(DisconnectReason::NoSeqNum, Some(format_args!("{error}")));
                self.close(DisconnectReason::NoSeqNum);
                return Step::Nothing;
            }
        };
        if let Err(stranger) = self.check_identity(message) {
            self.consume(seq);
            self.refuse_stranger(message, stranger);
            return Step::Nothing;
        }
        let kind = message.msg_type();
        if kind == msg_type::LOGOUT.as_bytes() {
            return self.on_logout(seq);
        }
        if kind == msg_type::SEQUENCE_RESET.as_bytes() && !message.flag(tags::GAP_FILL_FLAG) {
            return self.on_sequence_reset(message);
        }
        if kind == msg_type::LOGON.as_bytes() && message.flag(tags::RESET_SEQ_NUM_FLAG) {
            return self.on_reset_logon(message, seq);
        }
        if message.is_poss_dup()
            && kind != msg_type::SEQUENCE_RESET.as_bytes()
            && !self.check_original_time(message, seq)
        {
            return Step::Nothing;
        }
        if seq < self.next_in && message.is_poss_dup() {
            self.counters.duplicates += 1;
            return Step::Nothing;
        }
        if kind == msg_type::RESEND_REQUEST.as_bytes() {
            return self.on_resend_request(message, seq);
        }
        if seq < self.next_in {
            self.refuse_too_low(seq);
            return Step::Nothing;
        }
        if seq > self.next_in {
            let (messages, bytes) = (self.config.max_queued_messages, self.config.max_queued_bytes);
            if !self.gap.keep(seq, message.bytes(), messages, bytes) {
                self.counters.queue_overflows += 1;
            }
            self.missing_before(seq);
            return Step::Nothing;
        }
        self.in_sequence(message)
    }

    fn refuse_stranger(&mut self, message: &Message<'_>, stranger: Stranger) {
        match stranger {
            Stranger::Field(error) => self.reject_field(message, &error),
            Stranger::CompId { tag, got } => {
                let name = tags::name(tag).unwrap_or_default();
                let words = RejectReason::CompIdProblem.words();
                let text = format_args!("{words}: {name}({tag})={got} is not of this session");
                self.reject(message, RejectReason::CompIdProblem, None, text);
                self.logout(DisconnectReason::CompId, None);
            }
            Stranger::SendingTime { got } => {
                let words = RejectReason::SendingTimeAccuracy.words();
                let clock = crate::timestamp::to_text(self.now);
                let clock = Excerpt::new(&clock);
                let text = format_args!("{words}: SendingTime(52)={got} is too far from our clock {clock}");
                self.reject(message, RejectReason::SendingTimeAccuracy, None, text);
                self.logout(DisconnectReason::SendingTime, None);
            }
        }
    }

    /// A possible duplicate tells when it was first sent, and that lies before now. False: it was refused.
    fn check_original_time(&mut self, message: &Message<'_>, seq: u64) -> bool {
        let original = match message.timestamp(tags::ORIG_SENDING_TIME) {
            Ok(at) => at,
            Err(error) => {
                self.consume(seq);
                self.reject_field(message, &error);
                return false;
            }
        };
        // Checked with the identity before: SendingTime(52) is there and well formed.
        if message.timestamp(tags::SENDING_TIME).is_ok_and(|at| original <= at) {
            return true;
        }
        self.consume(seq);
        let words = RejectReason::SendingTimeAccuracy.words();
        let got = Excerpt::new(message.get(tags::ORIG_SENDING_TIME).unwrap_or_default());
        let text = format_args!("{words}: OrigSendingTime(122)={got} is after SendingTime(52)");
        self.reject(message, RejectReason::SendingTimeAccuracy, None, text);
        self.logout(DisconnectReason::SendingTime, None);
        false
    }

    /// Logout with the numbers in its text, and disconnect.
    pub(super) fn refuse_too_low(&mut self, seq: u64) {
        let expected = self.next_in;
        self.logout(
            DisconnectReason::SeqTooLow,
            Some(format_args!("MsgSeqNum too low, expecting {expected} but received {seq}")),
        );
        self.close(DisconnectReason::SeqTooLow);
    }

    /// A message whose turn it is, live or out of the queue.
    pub(super) fn in_sequence(&mut self, message: &Message<'_>) -> Step {
        self.next_in += 1;
        let step = self.by_type(message);
        self.gap.settle(self.next_in);
        step
    }

    fn by_type(&mut self, message: &Message<'_>) -> Step {
        if let Err(error) = self.config.dictionary.check(message) {
            self.reject_field(message, &error);
            return Step::Nothing;
        }
        match message.msg_type() {
            b"0" => Step::Nothing,
            b"1" => {
                let id = message.get(tags::TEST_REQ_ID).unwrap_or_default();
                self.admin(msg_type::HEARTBEAT, |fields| fields.bytes(tags::TEST_REQ_ID, id));
                Step::Nothing
            }
            b"3" => Step::PeerRejected,
            b"4" => self.on_gap_fill(message),
            b"A" => {
                let text =
                    format_args!("Message refused: Logon while logged on, without ResetSeqNumFlag(141)=Y");
                self.reject(message, RejectReason::Other, None, text);
                Step::Nothing
            }
            _ => Step::Application,
        }
    }

    /// The number of a Logout is not checked: whoever wants to leave, leaves. What is missing is found at the next Logon.
    fn on_logout(&mut self, seq: u64) -> Step {
        self.consume(seq);
        self.admin(msg_type::LOGOUT, |_| {});
        self.close(DisconnectReason::PeerLogout);
        Step::LoggedOut
    }

    /// After our Logout only its answer and requests to resend matter. Other messages keep their numbers for the next
    /// Logon: they are not counted, so they will be asked for.
    fn on_leaving(&mut self, message: &Message<'_>, why: DisconnectReason) -> Step {
        let Ok(seq) = message.seq() else { return Step::Nothing };
        if !self.begin_string_fits(message) || self.check_identity(message).is_err() {
            return Step::Nothing;
        }
        match message.msg_type() {
            b"5" => {
                self.consume(seq);
                self.close(why);
                Step::LoggedOut
            }
            b"2" if !message.is_poss_dup() => self.on_resend_request(message, seq),
            _ => Step::Nothing,
        }
    }

    /// What waited for its turn, if its turn has come.
    pub(super) fn take_waiting(&mut self) -> Option<Vec<u8>> {
        if self.state != State::Active {
            return None;
        }
        loop {
            match self.gap.take(self.next_in) {
                Some(Waiting::Message(bytes)) => return Some(bytes),
                Some(Waiting::Handled) => {
                    self.next_in += 1;
                    self.gap.settle(self.next_in);
                }
                None => break,
            }
        }
        if self.gap.dropped && self.gap.is_empty() && self.gap.asked.is_some() {
            self.ask_for_missing();
        }
        None
    }
}
