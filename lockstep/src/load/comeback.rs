//! Sessions whose connection was lost, and their way back: at once to the next gateway, then again and again, one gateway
//! after the other.

use super::link::Link;
use super::orders::Orders;
use super::plan::Plan;
use node::Clock;
use std::net::SocketAddr;
use wire::Nanos;

/// Between two tries of a session.
const RETRY: Nanos = Nanos::from_millis(20);
/// How long a try to connect may hold up the other sessions: a host that is gone does not answer at all.
const CONNECT_LIMIT: Nanos = Nanos::from_millis(200);

/// A connection that was lost while the run went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The session's CompID.
    pub client: String,
    /// The gateway that it was connected to.
    pub gateway: SocketAddr,
    /// When the loss was noticed.
    pub at: Nanos,
    /// Why, with the words of the gateway if it said any.
    pub why: String,
    /// When the session was logged on again.
    pub back: Option<Nanos>,
}

/// One session's way back.
#[derive(Clone, Copy, Debug)]
struct Comeback {
    /// Which of the interruptions.
    interruption: usize,
    /// The next try.
    due: Nanos,
    tries: usize,
    /// A try is under way: the link logs on.
    trying: bool,
}

/// All sessions on their way back.
#[derive(Debug)]
pub(super) struct Comebacks {
    sessions: Vec<Option<Comeback>>,
    interruptions: Vec<Interruption>,
    /// Gaps in the numbers of links that were replaced.
    gaps: u64,
    reconnected: bool,
}

impl Comebacks {
    pub(super) fn new(sessions: usize) -> Self {
        Self { sessions: vec![None; sessions], interruptions: Vec::new(), gaps: 0, reconnected: false }
    }

    /// Notices which links are lost, tries to replace them, and notices which are back.
    pub(super) fn work(&mut self, clock: Clock, plan: &Plan, links: &mut [Link], orders: &mut Orders) {
        for (at, (link, slot)) in links.iter_mut().zip(&mut self.sessions).enumerate() {
            // The plan has at most MAX_SESSIONS clients.
            let index = at as u16;
            if slot.is_none()
                && let Some(lost) = link.lost()
            {
                let now = clock.now();
                orders.interrupted(index);
                let interruption = self.interruptions.len();
                let super::link::Lost { client, gateway, why } = lost;
                self.interruptions.push(Interruption { client, gateway, at: now, why, back: None });
                *slot = Some(Comeback { interruption, due: now, tries: 0, trying: false });
            }
            let Some(comeback) = slot else { continue };
            if link.is_up() {
                self.interruptions[comeback.interruption].back = Some(clock.now());
                *slot = None;
                continue;
            }
            if comeback.trying && link.is_closed() {
                comeback.trying = false;
                comeback.due = clock.now().saturating_add(RETRY);
            }
            if comeback.trying || clock.now() < comeback.due {
                continue;
            }
            comeback.tries += 1;
            let gateway = plan.gateways[(at + comeback.tries) % plan.gateways.len()];
            let (client, exchange, logon) = (&plan.clients[at], &plan.exchange, plan.logon_timeout);
            match Link::connect(
                clock.now(),
                index,
                client,
                exchange,
                gateway,
                logon.min(CONNECT_LIMIT),
                logon,
            ) {
                Ok(new) => {
                    self.gaps += link.sequence_gaps();
                    *link = new;
                    comeback.trying = true;
                    self.reconnected = true;
                }
                Err(_) => comeback.due = clock.now().saturating_add(RETRY),
            }
        }
    }

    /// True once after a link was replaced: its socket is another one.
    pub(super) fn take_reconnected(&mut self) -> bool {
        std::mem::take(&mut self.reconnected)
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.sessions.iter().flatten().filter(|comeback| !comeback.trying).map(|comeback| comeback.due).min()
    }

    /// What was lost and came back, and the gaps in the numbers of links that were replaced.
    pub(super) fn finish(&self) -> (Vec<Interruption>, u64) {
        (self.interruptions.clone(), self.gaps)
    }
}
