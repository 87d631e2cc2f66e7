//! Coming up: the Logon of either side, the driver's decision, and the reset of the numbers.

use super::config::Role;
use super::core::{Core, State, Step};
use super::output::DisconnectReason;
use crate::error::{Excerpt, RejectReason};
use crate::message::Message;
use crate::tags::{self, msg_type};
use crate::{FieldError, Outbox};
use std::fmt;
use wire::Nanos;

/// What of a Logon is needed to answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PendingLogon {
    pub(super) seq: u64,
    pub(super) heartbeat_secs: u64,
    /// ResetSeqNumFlag(141)=Y: the answer says it too.
    pub(super) reset_asked: bool,
    /// It came while the session was up.
    pub(super) in_session: bool,
}

/// There is no Logon to decide on: the connection is gone, or it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no Logon waits for a decision: the peer disconnected meanwhile, or it was answered before")]
pub struct NoLogonPending;

fn seconds(secs: u64) -> Nanos {
    Nanos(secs.saturating_mul(1_000_000_000))
}

impl<O: Outbox> Core<O> {
    /// Both numbers begin at 1, and nothing sent before can be sent again.
    pub(super) fn reset_numbers(&mut self) {
        self.next_in = 1;
        self.next_out = 1;
        self.outbox.clear();
        self.gap.clear();
    }

    pub(super) fn on_connected(&mut self, reset: bool) {
        debug_assert_eq!(self.state, State::Disconnected, "one connection at a time");
        match self.config.role {
            Role::Acceptor => self.state = State::AwaitingLogon { since: self.now },
            Role::Initiator => {
                if reset {
                    self.reset_numbers();
                }
                self.state = State::LogonSent { since: self.now, seq: self.next_out };
                self.send_logon(self.config.heartbeat_secs, reset);
            }
        }
    }

    fn send_logon(&mut self, heartbeat_secs: u64, reset: bool) {
        self.heartbeat = seconds(heartbeat_secs);
        self.admin(msg_type::LOGON, |fields| {
            fields.u64(tags::ENCRYPT_METHOD, 0);
            fields.u64(tags::HEART_BT_INT, heartbeat_secs);
            if reset {
                fields.bool(tags::RESET_SEQ_NUM_FLAG, true);
            }
        });
    }

    /// Acceptor. Whoever is not one of this session is disconnected without a word: it shall learn nothing.
    pub(super) fn on_first_message(&mut self, message: &Message<'_>) -> Step {
        if message.msg_type() != msg_type::LOGON.as_bytes() {
            self.close(DisconnectReason::NotLogon);
            return Step::Nothing;
        }
        if !self.begin_string_fits(message) {
            self.close(DisconnectReason::BeginString);
            return Step::Nothing;
        }
        if let Some(why) = self.logon_stranger(message) {
            self.close(why);
            return Step::Nothing;
        }
        let Ok(seq) = message.seq() else {
            self.close(DisconnectReason::NoSeqNum);
            return Step::Nothing;
        };
        if self.config.target.is_empty() {
            self.target.clear();
            self.target.extend_from_slice(message.get(tags::SENDER_COMP_ID).unwrap_or_default());
        }
        match self.read_logon(message, seq, false) {
            Ok(pending) => {
                self.state = State::LogonPending(pending);
                Step::LogonRequested
            }
            Err(error) => {
                self.logout_and_close(DisconnectReason::BadLogon, format_args!("{error}"));
                Step::Nothing
            }
        }
    }

    /// A Logon with ResetSeqNumFlag(141)=Y while the session is up begins both numbers anew.
    pub(super) fn on_reset_logon(&mut self, message: &Message<'_>, seq: u64) -> Step {
        let refused = if self.config.role == Role::Initiator {
            Err(FieldError::wrong(RejectReason::Other, tags::RESET_SEQ_NUM_FLAG, b"Y"))
        } else {
            self.read_logon(message, seq, true)
        };
        match refused {
            Ok(pending) => {
                self.state = State::LogonPending(pending);
                Step::LogonRequested
            }
            Err(error) => {
                self.logout_and_close(DisconnectReason::BadLogon, format_args!("{error}"));
                Step::Nothing
            }
        }
    }

    fn read_logon(
        &self,
        message: &Message<'_>,
        seq: u64,
        in_session: bool,
    ) -> Result<PendingLogon, FieldError> {
        self.config.dictionary.check(message)?;
        let wrong = |tag: u32| {
            FieldError::wrong(RejectReason::ValueOutOfRange, tag, message.get(tag).unwrap_or_default())
        };
        // Only EncryptMethod(98)=0, none: a connection is secured underneath FIX.
        if message.u64(tags::ENCRYPT_METHOD)? != 0 {
            return Err(wrong(tags::ENCRYPT_METHOD));
        }
        let heartbeat_secs = message.u64(tags::HEART_BT_INT).map_err(|_| wrong(tags::HEART_BT_INT))?;
        let (least, most) = self.config.heartbeat_limits_secs;
        if !(least..=most).contains(&heartbeat_secs) {
            return Err(wrong(tags::HEART_BT_INT));
        }
        let reset_asked = message.flag(tags::RESET_SEQ_NUM_FLAG);
        // A reset begins with number 1 (FIX 4.4 volume 2, "ResetSeqNumFlag").
        if reset_asked && seq != 1 {
            return Err(wrong(tags::MSG_SEQ_NUM));
        }
        Ok(PendingLogon { seq, heartbeat_secs, reset_asked, in_session })
    }

    pub(super) fn on_accepted(&mut self) -> Result<(), NoLogonPending> {
        let State::LogonPending(pending) = self.state else { return Err(NoLogonPending) };
        let reset = pending.reset_asked || self.config.reset_on_logon;
        if reset {
            self.reset_numbers();
        }
        if pending.seq < self.next_in {
            self.refuse_too_low(pending.seq);
            return Ok(());
        }
        self.send_logon(pending.heartbeat_secs, pending.reset_asked);
        self.come_up(pending.seq, reset);
        Ok(())
    }

    pub(super) fn on_refused(&mut self, text: Option<fmt::Arguments<'_>>) -> Result<(), NoLogonPending> {
        let State::LogonPending(pending) = self.state else { return Err(NoLogonPending) };
        // A reset that was refused leaves the numbers as they are; the Logon counts if it came in its turn.
        if !pending.reset_asked {
            self.consume(pending.seq);
        }
        match text {
            Some(text) => self.logout_and_close(DisconnectReason::Refused, text),
            None => self.close(DisconnectReason::Refused),
        }
        Ok(())
    }

    /// Initiator. `sent` is the number of our Logon.
    pub(super) fn on_logon_answer(&mut self, message: &Message<'_>, sent: u64) -> Step {
        if !self.begin_string_fits(message) {
            self.close(DisconnectReason::BeginString);
            return Step::Nothing;
        }
        if let Some(why) = self.logon_stranger(message) {
            let got = Excerpt::new(message.bytes());
            self.logout_and_close(why, format_args!("{why}: {got}"));
            return Step::Nothing;
        }
        let Ok(seq) = message.seq() else {
            self.close(DisconnectReason::NoSeqNum);
            return Step::Nothing;
        };
        if message.msg_type() == msg_type::LOGOUT.as_bytes() {
            self.consume(seq);
            self.close(DisconnectReason::PeerRefused);
            return Step::LoggedOut;
        }
        if message.msg_type() != msg_type::LOGON.as_bytes() {
            self.close(DisconnectReason::NotLogon);
            return Step::Nothing;
        }
        if seq < self.next_in {
            self.refuse_too_low(seq);
            return Step::Nothing;
        }
        match message.u64(tags::HEART_BT_INT) {
            Ok(secs) => self.heartbeat = seconds(secs),
            Err(error) => {
                self.logout_and_close(DisconnectReason::BadLogon, format_args!("{error}"));
                return Step::Nothing;
            }
        }
        // With number 1 on our side a reset on the peer's side is ours too; without, we would disagree on the numbers.
        let reset = message.flag(tags::RESET_SEQ_NUM_FLAG);
        if reset && sent != 1 {
            let text =
                format_args!("ResetSeqNumFlag(141)=Y was not asked for: our Logon had MsgSeqNum(34)={sent}");
            self.logout_and_close(DisconnectReason::BadLogon, text);
            return Step::Nothing;
        }
        self.come_up(seq, reset);
        // What was sent while the Logon was on its way was only kept.
        if self.next_out > sent + 1 {
            self.resend(sent + 1, self.next_out - 1);
        }
        Step::Nothing
    }

    fn come_up(&mut self, seq: u64, reset: bool) {
        self.state = State::Active;
        self.last_received = self.now;
        self.test_sent = None;
        self.logged_on = Some(reset);
        if seq > self.next_in {
            self.gap.mark_handled(seq, self.config.max_queued_messages);
            self.missing_before(seq);
        } else {
            self.consume(seq);
        }
    }
}
