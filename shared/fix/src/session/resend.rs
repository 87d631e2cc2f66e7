//! Gaps in both directions: asking for what is missing, and sending again what the peer misses.

use super::core::{Core, MAX_SEQ, Step};
use super::gap::Asked;
use crate::error::{FieldError, RejectReason};
use crate::message::Message;
use crate::tags::{self, msg_type};
use crate::{Header, Outbox};

impl<O: Outbox> Core<O> {
    /// Number `seq` came before its turn. What is missing is asked for once; while it is awaited nothing more is asked.
    pub(super) fn missing_before(&mut self, seq: u64) {
        match &mut self.gap.asked {
            Some(asked) => asked.through = asked.through.max(seq - 1),
            None => {
                self.gap.asked = Some(Asked { through: seq - 1, at: self.now });
                self.ask_for_missing();
            }
        }
    }

    /// From the number expected to infinity: EndSeqNo(16)=0.
    pub(super) fn ask_for_missing(&mut self) {
        let begin = self.next_in;
        self.admin(msg_type::RESEND_REQUEST, |fields| {
            fields.u64(tags::BEGIN_SEQ_NO, begin);
            fields.u64(tags::END_SEQ_NO, 0);
        });
        self.counters.gaps_asked += 1;
        self.gap.dropped = false;
        if let Some(asked) = &mut self.gap.asked {
            asked.at = self.now;
        }
    }

    /// Answered whatever its own number, and before our own question: two sides that both miss something must not wait
    /// for each other.
    pub(super) fn on_resend_request(&mut self, message: &Message<'_>, seq: u64) -> Step {
        let early = seq > self.next_in;
        self.consume(seq);
        self.gap.settle(self.next_in);
        match self.wanted(message) {
            Err(error) => self.reject_field(message, &error),
            Ok((begin, end)) => self.resend(begin, end),
        }
        if early {
            self.gap.mark_handled(seq, self.config.max_queued_messages);
            self.missing_before(seq);
        }
        Step::Nothing
    }

    fn wanted(&self, message: &Message<'_>) -> Result<(u64, u64), FieldError> {
        self.config.dictionary.check(message)?;
        let begin = message.u64(tags::BEGIN_SEQ_NO)?;
        let end = message.u64(tags::END_SEQ_NO)?;
        let wrong = |tag: u32| {
            Err(FieldError::wrong(RejectReason::ValueOutOfRange, tag, message.get(tag).unwrap_or_default()))
        };
        if begin == 0 || begin >= self.next_out {
            return wrong(tags::BEGIN_SEQ_NO);
        }
        if end != 0 && end < begin {
            return wrong(tags::END_SEQ_NO);
        }
        let last = self.next_out - 1;
        Ok((begin, if end == 0 { last } else { end.min(last) }))
    }

    /// Sends `begin` to `end` again: application messages as they were, runs of all else as one gap fill each.
    pub(super) fn resend(&mut self, begin: u64, end: u64) {
        let mut at = begin;
        while at <= end {
            match self.outbox.next_from(at) {
                Some(seq) if seq <= end => {
                    if seq > at {
                        self.fill_gap(at, seq);
                    }
                    self.send_again(seq);
                    at = seq + 1;
                }
                _ => {
                    self.fill_gap(at, end + 1);
                    break;
                }
            }
        }
        self.last_sent = self.now;
    }

    fn send_again(&mut self, seq: u64) {
        let Some(sent) = self.outbox.head(seq) else {
            return self.fill_gap(seq, seq + 1);
        };
        let header = Header {
            begin_string: &self.config.begin_string,
            msg_type: sent.msg_type,
            sender: self.config.sender.as_bytes(),
            target: &self.target,
            seq,
            sending_time: self.now,
            original_sending_time: Some(sent.sending_time),
        };
        self.writer.0.write(&mut self.out, &header, |fields| self.outbox.write_body(seq, fields));
        self.counters.resent += 1;
        self.counters.sent += 1;
    }

    /// SequenceReset in gap-fill mode in the place of `from`: the next number is `next`.
    fn fill_gap(&mut self, from: u64, next: u64) {
        let header = Header {
            begin_string: &self.config.begin_string,
            msg_type: msg_type::SEQUENCE_RESET.as_bytes(),
            sender: self.config.sender.as_bytes(),
            target: &self.target,
            seq: from,
            sending_time: self.now,
            original_sending_time: Some(self.now),
        };
        self.writer.0.write(&mut self.out, &header, |fields| {
            fields.u64(tags::NEW_SEQ_NO, next);
            fields.bool(tags::GAP_FILL_FLAG, true);
        });
        self.counters.gap_filled += next - from;
        self.counters.sent += 1;
    }

    /// A gap fill in its turn (its own number is counted already): the numbers up to NewSeqNo(36) will not come.
    pub(super) fn on_gap_fill(&mut self, message: &Message<'_>) -> Step {
        match message.u64(tags::NEW_SEQ_NO) {
            // next_in is the gap fill's own number and one: to fill only itself is the least that it can say.
            Ok(next) if (self.next_in..=MAX_SEQ).contains(&next) => self.next_in = next,
            Ok(next) => self.reject_new_seq_no(message, next),
            Err(error) => self.reject_field(message, &error),
        }
        Step::Nothing
    }

    /// SequenceReset in reset mode: for disasters. Its own number is not looked at; the numbers never go back.
    pub(super) fn on_sequence_reset(&mut self, message: &Message<'_>) -> Step {
        if let Err(error) = self.config.dictionary.check(message) {
            self.reject_field(message, &error);
            return Step::Nothing;
        }
        match message.u64(tags::NEW_SEQ_NO) {
            Ok(next) if (self.next_in..=MAX_SEQ).contains(&next) => {
                self.next_in = next;
                self.gap.settle(next);
            }
            Ok(next) => self.reject_new_seq_no(message, next),
            Err(error) => self.reject_field(message, &error),
        }
        Step::Nothing
    }

    /// Without RefTagID(371), as acceptance definition 11c has it; the text names the tag.
    fn reject_new_seq_no(&mut self, message: &Message<'_>, next: u64) {
        let words = RejectReason::ValueOutOfRange.words();
        let expected = self.next_in;
        if next < expected {
            let text = format_args!("{words}: NewSeqNo(36)={next}, expecting {expected} or more");
            self.reject(message, RejectReason::ValueOutOfRange, None, text);
        } else {
            let text = format_args!("{words}: NewSeqNo(36)={next}, expecting {MAX_SEQ} or less");
            self.reject(message, RejectReason::ValueOutOfRange, None, text);
        }
    }
}
