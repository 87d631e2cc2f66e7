//! What an engine is at the moment: whether it is the one that speaks, whether it is fit to, and whether its turn has come.

use cluster::Hot;
use wire::{Beat, Epoch, Nanos, NodeId, Outbound, Seq, Term};

/// So many frames behind, an engine that was not ready is.
const READY_WITHIN: u64 = 4_096;
/// More than this behind, one that was ready is no more. The distance between the two keeps a burst from changing engines.
const UNREADY_BEYOND: u64 = 32_768;

const _: () = assert!(READY_WITHIN < UNREADY_BEYOND);

/// Engines that change within this time of each other change too often.
const CALM: Nanos = Nanos::from_millis(10);
/// The patience of a successor is doubled so many times at most,
const MAX_DOUBLINGS: u32 = 2;
/// and once less for each such time in which nothing has changed.
const FORGOTTEN_AFTER: Nanos = Nanos::from_millis(50);

/// How long an engine waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    /// Silence of the hot engine after which its successor takes over.
    pub takeover: Nanos,
    /// Who has not heard the sequencer that leads for this long is itself the one that is cut off: it does not take over.
    pub leader: Nanos,
}

/// The last heartbeat of the engine that speaks, and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Heard {
    beat: Beat,
    at: Nanos,
}

/// One engine's standing in the cluster.
///
/// That the successor takes over needs nobody's consent: engines are identical, their events are numbered alike, and nobody
/// takes one twice. Two that speak at once waste datagrams; the one with the lower term falls silent when it hears the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    node: NodeId,
    token: u64,
    patience: Patience,
    /// The highest term that was heard of.
    hot: Option<Hot>,
    /// What the engine that speaks in it has said last.
    heard: Option<Heard>,
    /// When the sequencer that leads was heard last.
    leader_at: Nanos,
    /// When another engine began to speak, or this one.
    changed_at: Nanos,
    /// How often the patience is doubled, since that was soon after the last time.
    doublings: u32,
    /// When it was judged last whether this engine's turn has come.
    judged_at: Nanos,
    ready: bool,
    /// Something keeps it from doing its work, however far it has come.
    held: bool,
    /// It is not ready before it has executed this.
    goal: Seq,
}

impl Standing {
    /// Of this process of this node: warm, and not ready.
    #[must_use]
    pub fn new(node: NodeId, token: u64, patience: Patience) -> Self {
        Self {
            node,
            token,
            patience,
            hot: None,
            heard: None,
            leader_at: Nanos(0),
            changed_at: Nanos(0),
            doublings: 0,
            judged_at: Nanos(0),
            ready: false,
            held: false,
            goal: Seq(0),
        }
    }

    /// Takes the word of a supervisor, or of an engine that has taken over. True if another engine speaks than before, or
    /// another process of it, or in a later term.
    pub fn handle_hot(&mut self, now: Nanos, hot: Hot) -> bool {
        let known = self.hot;
        if known.is_some_and(|known| hot.rank() < known.rank()) {
            return false;
        }
        let news = known.is_none_or(|known| hot.rank() > known.rank());
        if news {
            self.heard = self.heard.filter(|heard| (heard.beat.term, heard.beat.engine) == hot.rank());
        }
        // Only the supervisors name a scribe. Their word about who stands behind an engine goes before its own.
        let first_word = known.is_some_and(|known| known.successor.is_none() && known.scribe.is_none());
        if news || hot.scribe.is_some() || first_word {
            self.hot = Some(hot);
        }
        if news {
            self.note_change(now);
        }
        news
    }

    /// Engines that change soon one after the other are most likely well, and waited for too impatiently: next time more
    /// patiently.
    fn note_change(&mut self, now: Nanos) {
        let soon = self.changed_at != Nanos(0) && now.since(self.changed_at) < CALM;
        self.doublings = if soon { (self.doublings + 1).min(MAX_DOUBLINGS) } else { 0 };
        self.changed_at = now;
    }

    /// The silence after which the successor takes over, if it begins at this moment.
    fn takeover(&self, since: Nanos) -> Nanos {
        let calm = since.since(self.changed_at).0 / FORGOTTEN_AFTER.0;
        let doublings = u64::from(self.doublings).saturating_sub(calm);
        Nanos(self.patience.takeover.0 << doublings)
    }

    /// Takes a heartbeat. True if that is how this engine learns who speaks.
    pub fn handle_beat(&mut self, now: Nanos, beat: Beat) -> bool {
        let Beat { term, engine, token, .. } = beat;
        let news = self.handle_hot(now, Hot { term, engine, token, successor: None, scribe: None });
        if self.hot.is_some_and(|hot| hot.rank() == (term, engine)) {
            self.heard = Some(Heard { beat, at: now });
        }
        news
    }

    /// The sequencer that leads was heard.
    pub fn handle_leader(&mut self, now: Nanos) {
        self.leader_at = now;
    }

    /// When this engine's turn comes if nothing more is heard of the one that speaks; `None` if it is not the successor of one
    /// that was heard in its term, or is not ready, or hears nobody.
    #[must_use]
    pub fn turn(&self) -> Option<Nanos> {
        let heard = self.heard.filter(|_| self.ready && !self.is_named())?;
        let successor = self.hot.and_then(|hot| hot.successor);
        let cut_off = self.judged_at > self.leader_at.saturating_add(self.patience.leader);
        (successor == Some(self.node) && !cut_off).then(|| heard.at.saturating_add(self.takeover(heard.at)))
    }

    /// Takes over if this engine's turn has come: what was heard by `now` must have been handled. Gives the new term.
    pub fn poll_takeover(&mut self, now: Nanos) -> Option<Hot> {
        self.judged_at = now;
        if self.turn().is_none_or(|turn| now < turn) {
            return None;
        }
        let term = Term(self.term().0 + 1);
        // If the one before is well after all, it stands behind this one from here on, before the supervisors have said so.
        let successor = self.hot.map(|before| before.engine);
        let hot = Hot { term, engine: self.node, token: self.token, successor, scribe: None };
        self.hot = Some(hot);
        self.note_change(now);
        Some(hot)
    }

    /// Up to where the engine before this one has said its events, if it did so in this epoch: everybody who heard it has those
    /// before this number.
    #[must_use]
    pub fn said_before(&self, epoch: Epoch) -> Option<Outbound> {
        self.heard.filter(|heard| heard.beat.epoch == epoch).map(|heard| heard.beat.next)
    }

    /// Whether this engine writes the snapshots.
    #[must_use]
    pub fn is_scribe(&self) -> bool {
        self.hot.is_some_and(|hot| hot.scribe == Some(self.node))
    }

    /// What it says to those who may not have heard it: that it has taken over.
    #[must_use]
    pub fn claim(&self) -> Option<Hot> {
        self.hot.filter(|_| self.is_named())
    }

    /// Which process this engine goes for.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// It goes for another process from here on: whoever named the former one has not named this one.
    pub fn renew(&mut self, token: u64) {
        self.token = token;
    }

    /// Whether this very process is named in the highest term.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.hot.is_some_and(|hot| (hot.engine, hot.token) == (self.node, self.token))
    }

    /// The highest term that was heard of.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hot.map_or(Term(0), |hot| hot.term)
    }

    /// Who speaks, and who stands behind it, in the highest term that was heard of.
    #[must_use]
    pub fn hot(&self) -> Option<Hot> {
        self.hot
    }

    /// An epoch is followed in which the cluster is known to have come so far.
    pub fn handle_epoch(&mut self, known: Seq) {
        if !self.ready {
            self.goal = known;
        }
    }

    /// Everything is to be executed anew, up to where the cluster is known to be at least.
    pub fn begin_again(&mut self, known: Seq) {
        (self.ready, self.goal) = (false, known);
    }

    /// Whether something keeps it from doing its work: it is not ready then, from the next look at its progress on.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// How far it has come, and how far the cluster is known to be. True if that made it ready, or took it away.
    pub fn handle_progress(&mut self, applied: Seq, known: Seq) -> bool {
        let bound = if self.ready { UNREADY_BEYOND } else { READY_WITHIN };
        let ready = !self.held && applied >= self.goal && applied.0.saturating_add(bound) >= known.0;
        if ready {
            self.goal = Seq(0);
        }
        std::mem::replace(&mut self.ready, ready) != ready
    }

    /// Whether it has everything that the cluster is known to have, but for a moment's worth.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }
}
