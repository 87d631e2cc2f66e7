//! What we say: application messages, the session's own messages, rejects.

use super::core::{Core, State};
use super::output::DisconnectReason;
use crate::error::{FieldError, RejectReason};
use crate::message::Message;
use crate::tags::{self, msg_type};
use crate::{Fields, Header, Outbox, Sent};
use std::fmt;

/// Routing fields of a message and those that lead back, by tag (FIX 4.4 volume 1, "Third party message routing").
const ROUTES_BACK: [(u32, u32); 6] = [
    (tags::DELIVER_TO_COMP_ID, tags::ON_BEHALF_OF_COMP_ID),
    (tags::DELIVER_TO_SUB_ID, tags::ON_BEHALF_OF_SUB_ID),
    (tags::ON_BEHALF_OF_COMP_ID, tags::DELIVER_TO_COMP_ID),
    (tags::ON_BEHALF_OF_SUB_ID, tags::DELIVER_TO_SUB_ID),
    (tags::DELIVER_TO_LOCATION_ID, tags::ON_BEHALF_OF_LOCATION_ID),
    (tags::ON_BEHALF_OF_LOCATION_ID, tags::DELIVER_TO_LOCATION_ID),
];

fn route_back(to: &Message<'_>, fields: &mut Fields<'_>) {
    for (from_tag, to_tag) in ROUTES_BACK {
        fields.bytes(to_tag, to.get(from_tag).unwrap_or_default());
    }
}

impl<O: Outbox> Core<O> {
    /// Writes one message under the next number; `keep` puts it into the outbox, without `transmit` it is only kept.
    fn write(&mut self, kind: &[u8], keep: bool, transmit: bool, body: impl FnOnce(&mut Fields<'_>)) -> u64 {
        let seq = self.next_out;
        self.next_out += 1;
        let header = Header {
            begin_string: &self.config.begin_string,
            msg_type: kind,
            sender: self.config.sender.as_bytes(),
            target: &self.target,
            seq,
            sending_time: self.now,
            original_sending_time: None,
        };
        let before = self.out.len();
        let written = self.writer.0.write(&mut self.out, &header, body);
        if keep {
            self.outbox.put(seq, Sent { msg_type: kind, sending_time: self.now }, written);
        }
        if transmit {
            self.last_sent = self.now;
            self.counters.sent += 1;
        } else {
            self.out.truncate(before);
        }
        seq
    }

    pub(super) fn application(&mut self, kind: &str, body: impl FnOnce(&mut Fields<'_>)) -> u64 {
        debug_assert!(!msg_type::is_admin(kind.as_bytes()), "35={kind} is the session's own business");
        let up = self.state == State::Active;
        self.write(kind.as_bytes(), true, up, body)
    }

    pub(super) fn admin(&mut self, kind: &str, body: impl FnOnce(&mut Fields<'_>)) {
        self.write(kind.as_bytes(), false, true, body);
    }

    /// Logout, and wait for the answer. Without text where a Reject just before it has told why.
    pub(super) fn logout(&mut self, why: DisconnectReason, text: Option<fmt::Arguments<'_>>) {
        self.admin(msg_type::LOGOUT, |fields| {
            if let Some(text) = text {
                fields.text(tags::TEXT, text);
            }
        });
        self.state = State::LogoutSent { since: self.now, why };
    }

    pub(super) fn logout_and_close(&mut self, why: DisconnectReason, text: fmt::Arguments<'_>) {
        self.logout(why, Some(text));
        self.close(why);
    }

    pub(super) fn reject_field(&mut self, message: &Message<'_>, error: &FieldError) {
        self.reject(message, error.reason, error.tag, format_args!("{error}"));
    }

    /// Session Reject(3) of `message`; the caller has counted its number.
    pub(super) fn reject(
        &mut self,
        message: &Message<'_>,
        reason: RejectReason,
        tag: Option<i64>,
        text: fmt::Arguments<'_>,
    ) {
        self.counters.rejects += 1;
        self.admin(msg_type::REJECT, |fields| {
            route_back(message, fields);
            fields.u64(tags::REF_SEQ_NUM, message.seq().unwrap_or(0));
            fields.text(tags::TEXT, text);
            if let Some(tag) = tag {
                fields.i64(tags::REF_TAG_ID, tag);
            }
            fields.bytes(tags::REF_MSG_TYPE, message.msg_type());
            fields.u64(tags::SESSION_REJECT_REASON, reason.code());
        });
    }

    /// BusinessMessageReject(j) of `message`. An application message: it is kept, and sent again when asked for.
    pub(super) fn business_reject(
        &mut self,
        message: &Message<'_>,
        reason: u64,
        ref_id: &[u8],
        text: fmt::Arguments<'_>,
    ) {
        self.application(msg_type::BUSINESS_MESSAGE_REJECT, |fields| {
            route_back(message, fields);
            fields.u64(tags::REF_SEQ_NUM, message.seq().unwrap_or(0));
            fields.text(tags::TEXT, text);
            fields.bytes(tags::REF_MSG_TYPE, message.msg_type());
            fields.bytes(tags::BUSINESS_REJECT_REF_ID, ref_id);
            fields.u64(tags::BUSINESS_REJECT_REASON, reason);
        });
    }
}
