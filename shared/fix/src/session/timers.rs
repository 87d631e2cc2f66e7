//! What time alone brings about: heartbeats, test requests, and the end of patience.

use super::core::{Core, State};
use super::output::DisconnectReason;
use crate::Outbox;
use crate::tags::{self, msg_type};
use wire::Nanos;

/// TestReqID(112) of our test requests. Any message of the peer answers one, so it need not be unique.
const TEST_REQ_ID: &str = "TEST";

fn after(at: Nanos, wait: Nanos) -> Nanos {
    Nanos(at.0.saturating_add(wait.0))
}

impl<O: Outbox> Core<O> {
    /// The peer's heartbeat may take a fifth of the interval on its way.
    fn patience(&self) -> Nanos {
        Nanos(self.heartbeat.0.saturating_add(self.heartbeat.0 / 5))
    }

    /// When silence leads to a TestRequest, or after one to the end.
    fn silence_deadline(&self) -> Nanos {
        after(self.test_sent.unwrap_or(self.last_received), self.patience())
    }

    /// When our next heartbeat is due. None while a test request is open: it told that we are alive, and the answer or
    /// the end comes before the peer can miss anything else.
    fn heartbeat_deadline(&self) -> Option<Nanos> {
        self.test_sent.is_none().then(|| after(self.last_sent, self.heartbeat))
    }

    fn gap_deadline(&self) -> Option<Nanos> {
        self.gap.asked.map(|asked| after(asked.at, self.config.gap_timeout))
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        match self.state {
            State::AwaitingLogon { since } | State::LogonSent { since, .. } => {
                Some(after(since, self.config.logon_timeout))
            }
            State::LogoutSent { since, .. } => Some(after(since, self.config.logout_timeout)),
            State::Active => {
                let beats = self.heartbeat.0 > 0;
                let silence = beats.then(|| self.silence_deadline());
                let heartbeat = if beats { self.heartbeat_deadline() } else { None };
                [silence, heartbeat, self.gap_deadline()].into_iter().flatten().min()
            }
            State::Disconnected | State::LogonPending(_) | State::Closing(_) => None,
        }
    }

    pub(super) fn on_time(&mut self) {
        if self.next_deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        match self.state {
            State::AwaitingLogon { .. } | State::LogonSent { .. } => {
                self.close(DisconnectReason::LogonTimeout);
            }
            State::LogoutSent { why, .. } => self.close(match why {
                DisconnectReason::LogoutComplete => DisconnectReason::LogoutTimeout,
                other => other,
            }),
            State::Active => self.on_time_active(),
            State::Disconnected | State::LogonPending(_) | State::Closing(_) => {}
        }
    }

    fn on_time_active(&mut self) {
        if self.heartbeat.0 > 0 {
            if self.silence_deadline() <= self.now {
                if self.test_sent.is_some() {
                    return self.close(DisconnectReason::HeartbeatTimeout);
                }
                self.admin(msg_type::TEST_REQUEST, |fields| fields.str(tags::TEST_REQ_ID, TEST_REQ_ID));
                self.test_sent = Some(self.now);
            }
            if self.heartbeat_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.admin(msg_type::HEARTBEAT, |_| {});
            }
        }
        if self.gap_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.ask_for_missing();
        }
    }
}
