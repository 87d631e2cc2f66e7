//! The session core: who says what when. No I/O and no clock; time comes in, and what is to be done goes out.
//!
//! One [`Session`] belongs to one pair of CompIDs and outlives its connections: its numbers go on where they were. The
//! canonical loop of a driver, for either role:
//!
//! 1. The connection is up: [`Session::connected`]. An initiator's Logon is now waiting to be transmitted.
//! 2. Poll: call [`Session::poll_output`] until it gives `None`, and carry each [`Output`] out before the next call:
//!    write the bytes of `Transmit`, decide on `LogonRequested` (now or later), handle `Application`, close the
//!    connection on `Disconnect`. Outputs lend from the session, so copy out what shall stay.
//! 3. Wait until bytes come, until [`Session::next_deadline`], or until the application has something to say.
//! 4. Bytes: [`Session::handle_bytes`]. Deadline: [`Session::handle_timeout`]. Application: [`Session::send`].
//! 5. Go to 2. Nothing is handled or transmitted but by polling.
//! 6. The connection is lost: [`Session::disconnected`], and begin at 1 with the next one. After
//!    [`Output::Disconnect`] the session has done this itself.
//!
//! **Sequence numbers.** A number counts as received when [`Session::poll_output`] lends its message. What the
//! application sends without a connection gets a number and is kept in the [`Outbox`]; the peer asks for it after the
//! next Logon. Messages behind a gap wait in a bounded queue for their turn, so the application sees each message once
//! and in order. A driver whose numbers are owned elsewhere calls [`Session::resume`] before it accepts a Logon.
//!
//! **Texts.** Every Reject and every Logout that we begin says in Text(58) what was wrong with which tag and value; only
//! a Logout right behind a Reject, and one that answers a Logout, stay silent.
//!
//! ```
//! use fix::{Config, MemoryOutbox, Output, Session, tags};
//! let now = wire::Nanos(1_800_000_000_000_000_000);
//! let mut exchange = Session::new(Config::acceptor("EXCHANGE", "CLIENT"), MemoryOutbox::new(1 << 20, 10_000));
//! let mut client = Session::new(Config::initiator("CLIENT", "EXCHANGE"), MemoryOutbox::new(1 << 20, 10_000));
//! exchange.connected(now);
//! client.connected(now);
//! client.send(now, "U1", |body| body.str(tags::CL_ORD_ID, "first"));
//! let mut heard = Vec::new();
//! for _ in 0..3 {
//!     while let Some(output) = client.poll_output() {
//!         if let Output::Transmit(bytes) = output {
//!             exchange.handle_bytes(now, bytes);
//!         }
//!     }
//!     while let Some(output) = exchange.poll_output() {
//!         match output {
//!             Output::Transmit(bytes) => client.handle_bytes(now, bytes),
//!             Output::LogonRequested(_) => exchange.accept_logon(now)?,
//!             Output::Application(message) => heard.push(message.str(tags::CL_ORD_ID)?.to_owned()),
//!             Output::Disconnect(why) => panic!("{why}"),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(heard, ["first"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod core;
mod gap;
mod inbox;
mod logon;
mod outbound;
mod output;
mod resend;
mod timers;

pub use config::{Config, Role};
pub use logon::NoLogonPending;
pub use output::{Counters, DisconnectReason, LogonRequest, Output};

use self::core::{Core, State, Step};
use crate::error::{FieldError, RejectReason};
use crate::message::Message;
use crate::tags;
use crate::{Fields, Outbox};
use gap::Gap;
use inbox::{Inbox, Scratch};
use std::fmt;
use wire::Nanos;

/// Bytes to transmit are handed out when so many have gathered, before more input is handled: a peer cannot make the
/// answers to its requests pile up.
const TRANSMIT_AT: usize = 16 << 10;

/// One FIX session, see the [module's](self) canonical loop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session<O> {
    core: Core<O>,
    inbox: Inbox,
    /// What the last `Transmit` lent.
    lent: Scratch<Vec<u8>>,
    /// Whether the message at hand was lent as an application message.
    at_application: bool,
}

impl<O: Outbox> Session<O> {
    /// A session without a connection, both numbers at 1.
    ///
    /// # Panics
    /// If the configuration has no BeginString or no CompID of ours, an initiator has none of its peer, or a message of
    /// the largest size does not fit the inbox.
    pub fn new(config: Config, outbox: O) -> Session<O> {
        assert!(
            !config.begin_string.is_empty() && !config.sender.is_empty(),
            "BeginString and our CompID are set"
        );
        assert!(
            config.role == Role::Acceptor || !config.target.is_empty(),
            "an initiator knows its peer's CompID"
        );
        assert!(config.max_message <= config.max_inbox, "the inbox holds the largest message");
        let target = config.target.clone().into_bytes();
        Session {
            core: Core {
                config,
                state: State::Disconnected,
                now: Nanos(0),
                next_in: 1,
                next_out: 1,
                target,
                heartbeat: Nanos(0),
                last_sent: Nanos(0),
                last_received: Nanos(0),
                test_sent: None,
                gap: Gap::default(),
                outbox,
                out: Vec::new(),
                logged_on: None,
                counters: Counters::default(),
                writer: Scratch::default(),
            },
            inbox: Inbox::new(),
            lent: Scratch::default(),
            at_application: false,
        }
    }

    /// Sets the number expected next and the number to be sent next, as whoever owns them says. To be called without a
    /// connection, or while a Logon waits for the decision. The outbox is left as it is.
    ///
    /// # Panics
    /// If the session is up, or a number is 0: messages begin at 1.
    pub fn resume(&mut self, next_in: u64, next_out: u64) {
        assert!(
            matches!(
                self.core.state,
                State::Disconnected | State::AwaitingLogon { .. } | State::LogonPending(_)
            ),
            "numbers are set before the Logon is answered, not in {:?}",
            self.core.state
        );
        assert!(next_in > 0 && next_out > 0, "sequence numbers begin at 1");
        self.core.next_in = next_in;
        self.core.next_out = next_out;
        self.core.gap.clear();
    }

    /// Both numbers begin at 1 and the outbox is emptied; the peer must do the same. To be called without a connection.
    ///
    /// # Panics
    /// If the session is up.
    pub fn reset(&mut self) {
        assert!(
            self.core.state == State::Disconnected,
            "reset without a connection; while up, log on with a reset"
        );
        self.core.reset_numbers();
    }

    fn at(&mut self, now: Nanos) {
        self.core.now = self.core.now.max(now);
    }

    /// A connection is up. An initiator logs on; `reset_on_logon` of the configuration says whether with a reset.
    pub fn connected(&mut self, now: Nanos) {
        let reset = self.core.config.reset_on_logon;
        self.connect(now, reset);
    }

    /// As [`Session::connected`]; an initiator resets both numbers with its Logon, ResetSeqNumFlag(141)=Y.
    pub fn connected_with_reset(&mut self, now: Nanos) {
        self.connect(now, true);
    }

    fn connect(&mut self, now: Nanos, reset: bool) {
        self.at(now);
        self.drop_connection();
        self.core.on_connected(reset);
    }

    /// The connection is lost. The numbers stay; what waited behind a gap is dropped and will be asked for again.
    pub fn disconnected(&mut self, now: Nanos) {
        self.at(now);
        self.drop_connection();
    }

    fn drop_connection(&mut self) {
        self.core.state = State::Disconnected;
        self.core.gap.clear();
        self.core.out.clear();
        self.core.logged_on = None;
        self.core.test_sent = None;
        self.inbox.clear();
        self.at_application = false;
        if self.core.config.target.is_empty() {
            self.core.target.clear();
        }
    }

    /// Bytes have come. They are kept until polled.
    pub fn handle_bytes(&mut self, now: Nanos, bytes: &[u8]) {
        self.at(now);
        if matches!(self.core.state, State::Disconnected | State::Closing(_)) {
            return;
        }
        if self.inbox.unread() + bytes.len() > self.core.config.max_inbox {
            return self.core.close(DisconnectReason::InboxOverflow);
        }
        self.inbox.push(bytes);
    }

    /// Time has passed; harmless when nothing is due.
    pub fn handle_timeout(&mut self, now: Nanos) {
        self.at(now);
        self.core.on_time();
    }

    /// When [`Session::handle_timeout`] is to be called at the latest; `None`: nothing is waited for.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.core.next_deadline()
    }

    /// Sends an application message: `body` writes the fields behind the header. Gives its MsgSeqNum(34). Unless the
    /// session is up the message is only kept, and the peer gets it after the next Logon (not if that resets the numbers).
    pub fn send(&mut self, now: Nanos, msg_type: &str, body: impl FnOnce(&mut Fields<'_>)) -> u64 {
        self.at(now);
        self.core.application(msg_type, body)
    }

    /// Acceptor: the driver agrees to the Logon of [`Output::LogonRequested`]. Its number is checked now.
    pub fn accept_logon(&mut self, now: Nanos) -> Result<(), NoLogonPending> {
        self.at(now);
        self.core.on_accepted()
    }

    /// Acceptor: the driver does not agree. With a text the peer is told by a Logout; without, it is just disconnected.
    pub fn refuse_logon(
        &mut self,
        now: Nanos,
        text: Option<fmt::Arguments<'_>>,
    ) -> Result<(), NoLogonPending> {
        self.at(now);
        self.core.on_refused(text)
    }

    /// Begins to log out; the end is told by [`Output::Disconnect`]. Nothing happens unless the session is up.
    pub fn logout(&mut self, now: Nanos, text: fmt::Arguments<'_>) {
        self.at(now);
        if self.core.state == State::Active {
            self.core.logout(DisconnectReason::LogoutComplete, Some(text));
        }
    }

    /// Answers the application message at hand with a session Reject(3). False if there is none.
    pub fn reject_current(&mut self, now: Nanos, error: &FieldError) -> bool {
        self.at(now);
        self.refuse_current(|core, message| core.reject_field(message, error))
    }

    /// Answers the application message at hand with BusinessMessageReject(j): BusinessRejectReason(380), with
    /// BusinessRejectRefID(379) unless `ref_id` is empty. False if there is none.
    pub fn business_reject_current(
        &mut self,
        now: Nanos,
        reason: u64,
        ref_id: &str,
        text: fmt::Arguments<'_>,
    ) -> bool {
        self.at(now);
        self.refuse_current(|core, message| core.business_reject(message, reason, ref_id.as_bytes(), text))
    }

    /// Answers the application message at hand: this MsgType(35) is not spoken here, 380=3.
    pub fn unsupported_current(&mut self, now: Nanos) -> bool {
        self.at(now);
        self.refuse_current(|core, message| {
            let kind = crate::error::Excerpt::new(message.msg_type());
            core.business_reject(
                message,
                3,
                b"",
                format_args!("Unsupported Message Type: MsgType(35)={kind}"),
            );
        })
    }

    fn refuse_current(&mut self, refuse: impl FnOnce(&mut Core<O>, &Message<'_>)) -> bool {
        match self.inbox.message() {
            Some(message) if self.at_application && self.core.state == State::Active => {
                refuse(&mut self.core, &message);
                true
            }
            _ => false,
        }
    }

    /// The number expected of the peer's next message.
    pub fn next_in(&self) -> u64 {
        self.core.next_in
    }

    /// The number of our next message.
    pub fn next_out(&self) -> u64 {
        self.core.next_out
    }

    /// Whether application messages go out at once.
    pub fn is_logged_on(&self) -> bool {
        self.core.state == State::Active
    }

    /// Whether the session believes to have a connection.
    pub fn is_connected(&self) -> bool {
        self.core.state != State::Disconnected
    }

    /// What was counted since the session was made.
    pub fn counters(&self) -> Counters {
        self.core.counters
    }

    /// The messages kept for resends.
    pub fn outbox(&self) -> &O {
        &self.core.outbox
    }

    /// The messages kept for resends, for a driver that fills them from elsewhere.
    pub fn outbox_mut(&mut self) -> &mut O {
        &mut self.core.outbox
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    fn transmit(&mut self) -> Output<'_> {
        std::mem::swap(&mut self.core.out, &mut self.lent.0);
        self.core.out.clear();
        Output::Transmit(&self.lent.0)
    }

    /// The next thing to do, until `None`. Calling it ends what the last output lent.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.inbox.release();
        self.at_application = false;
        loop {
            if self.core.out.len() >= TRANSMIT_AT {
                return Some(self.transmit());
            }
            if let Some(reset) = self.core.logged_on.take() {
                let heartbeat_secs = self.core.heartbeat.0 / 1_000_000_000;
                return Some(Output::LoggedOn { heartbeat_secs, reset });
            }
            match self.core.state {
                State::Closing(why) if self.core.out.is_empty() => {
                    self.drop_connection();
                    return Some(Output::Disconnect(why));
                }
                State::Disconnected | State::LogonPending(_) | State::Closing(_) => break,
                State::AwaitingLogon { .. }
                | State::LogonSent { .. }
                | State::Active
                | State::LogoutSent { .. } => {}
            }
            let step = if let Some(bytes) = self.core.take_waiting() {
                self.inbox.replay(bytes);
                match self.inbox.message() {
                    Some(message) => self.core.in_sequence(&message),
                    None => continue,
                }
            } else {
                match self.inbox.next(self.core.config.max_message) {
                    None => break,
                    Some(Err(_)) => {
                        self.core.counters.garbled += 1;
                        // Before a Logon there is no session that could mend it.
                        if matches!(self.core.state, State::AwaitingLogon { .. }) {
                            self.core.close(DisconnectReason::GarbledLogon);
                        }
                        continue;
                    }
                    Some(Ok(())) => match self.inbox.message() {
                        Some(message) => self.core.on_message(&message),
                        None => continue,
                    },
                }
            };
            if step == Step::Nothing {
                self.inbox.release();
                continue;
            }
            return self.lend(step);
        }
        if self.core.out.is_empty() { None } else { Some(self.transmit()) }
    }

    /// The output that a step means, with the message at hand.
    fn lend(&mut self, step: Step) -> Option<Output<'_>> {
        self.at_application = step == Step::Application;
        let message = self.inbox.message()?;
        Some(match step {
            Step::Nothing => return None,
            Step::LogonRequested => {
                let State::LogonPending(pending) = self.core.state else { return None };
                Output::LogonRequested(LogonRequest {
                    comp_id: message.get(tags::SENDER_COMP_ID).unwrap_or_default(),
                    seq: pending.seq,
                    heartbeat_secs: pending.heartbeat_secs,
                    reset: pending.reset_asked || self.core.config.reset_on_logon,
                    in_session: pending.in_session,
                    message,
                })
            }
            Step::Application => Output::Application(message),
            Step::PeerRejected => Output::PeerRejected(message),
            Step::LoggedOut => Output::LoggedOut { text: message.get(tags::TEXT) },
        })
    }
}

/// For a driver that checks more than the dictionary does: a field's value is not acceptable, SessionRejectReason(373)=5.
pub fn out_of_range(message: &Message<'_>, tag: u32) -> FieldError {
    FieldError::wrong(RejectReason::ValueOutOfRange, tag, message.get(tag).unwrap_or_default())
}
