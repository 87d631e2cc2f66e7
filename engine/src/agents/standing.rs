//! What an engine is at the moment: whether it is the one that is named to speak, and whether it is fit to.

use cluster::Hot;
use wire::{NodeId, Seq, Term};

/// So many frames behind, an engine that was not ready is.
const READY_WITHIN: u64 = 4_096;
/// More than this behind, one that was ready is no more. The distance between the two keeps a burst from changing engines.
const UNREADY_BEYOND: u64 = 32_768;

const _: () = assert!(READY_WITHIN < UNREADY_BEYOND);

/// One engine's standing in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    node: NodeId,
    token: u64,
    /// The highest term that was heard of.
    hot: Option<Hot>,
    ready: bool,
    /// It is not ready before it has executed this.
    goal: Seq,
}

impl Standing {
    /// Of this process of this node: warm, and not ready.
    #[must_use]
    pub fn new(node: NodeId, token: u64) -> Self {
        Self { node, token, hot: None, ready: false, goal: Seq(0) }
    }

    /// Takes the word of a supervisor. True if it is news.
    pub fn handle_hot(&mut self, hot: Hot) -> bool {
        let news = self.hot.is_none_or(|known| hot.term > known.term);
        if news {
            self.hot = Some(hot);
        }
        news
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

    /// The engine that is named in it.
    #[must_use]
    pub fn named(&self) -> Option<NodeId> {
        self.hot.map(|hot| hot.engine)
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

    /// How far it has come, and how far the cluster is known to be. True if that made it ready, or took it away.
    pub fn handle_progress(&mut self, applied: Seq, known: Seq) -> bool {
        let bound = if self.ready { UNREADY_BEYOND } else { READY_WITHIN };
        let ready = applied >= self.goal && applied.0.saturating_add(bound) >= known.0;
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
