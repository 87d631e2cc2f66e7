//! What engines say of their digests, held against each other: whom this one agrees with, whom it differs from, and what is decided
//! about it. No I/O.

use cluster::{Dispute, Disputes, Fenced, Present, Role, Testimony};
use std::collections::BTreeMap;
use wire::{Digest, Nanos, NodeId, Position, Seq};

/// An engine that was not heard for so many of its words is gone.
const WORDS_BEFORE_GONE: u64 = 8;

/// One engine's view of the others.
///
/// 1. [`Comparison::handle_present`] for what others say, [`Comparison::handle_disputed`] for what is decided.
/// 2. [`Comparison::advance`] whenever this engine may have come further.
/// 3. [`Comparison::complaints`] beside being here; [`Comparison::question`] is what this engine has to look into.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    node: NodeId,
    token: u64,
    /// How often engines say that they are here.
    interval: Nanos,
    /// Since when it listens.
    since: Option<Nanos>,
    others: BTreeMap<NodeId, Other>,
    attested: Position,
    disputes: Disputes,
}

/// Another engine, as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Other {
    token: u64,
    heard: Nanos,
    ready: bool,
    /// What it has said of a place that this engine had not come to. It stays until this engine has: of one that comes from far behind
    /// every later word would be about a place that is too far ahead.
    waiting: Option<(Position, Digest)>,
    /// The last place at which both were found to be equal.
    equal: Option<Position>,
    /// Where they were found to differ.
    differs: Option<Dispute>,
}

impl Other {
    fn new(token: u64) -> Self {
        Self { token, heard: Nanos(0), ready: false, waiting: None, equal: None, differs: None }
    }

    /// Nothing of what was compared counts any more.
    fn begin_again(&mut self) {
        (self.waiting, self.equal, self.differs) = (None, None, None);
    }
}

impl Comparison {
    /// Of this process of this node, which has heard nobody yet.
    #[must_use]
    pub fn new(node: NodeId, token: u64, interval: Nanos) -> Self {
        Self {
            node,
            token,
            interval,
            since: None,
            others: BTreeMap::new(),
            attested: Position::GENESIS,
            disputes: Disputes::default(),
        }
    }

    /// Somebody is here.
    pub fn handle_present(&mut self, now: Nanos, from: NodeId, present: &Present) {
        if present.role != Role::Engine || from == self.node {
            return;
        }
        let other = self.others.entry(from).or_insert(Other::new(present.token));
        if other.token != present.token {
            *other = Other::new(present.token);
        }
        (other.heard, other.ready) = (now, present.ready);
        if other.waiting.is_none() {
            other.waiting = present.digest.map(|digest| (present.position, digest));
        }
    }

    /// A supervisor says where the cluster stands with its disputes. False if that is an old word.
    pub fn handle_disputed(&mut self, disputes: &Disputes) -> bool {
        if disputes.rank() < self.disputes.rank() {
            return false;
        }
        if self.disputes != *disputes {
            self.disputes.clone_from(disputes);
        }
        true
    }

    /// This engine has come to a place that is committed, and `digest` gives what it has behind a frame up to there, of its present
    /// generation. The dispute, if it is found to differ from another one.
    ///
    /// Only places that were stamped in one epoch are compared: in one epoch a number has one place, whatever an operator gave up before.
    /// Nothing is compared with a process that was found wrong.
    pub fn advance(
        &mut self,
        now: Nanos,
        here: Position,
        digest: &dyn Fn(Seq) -> Option<Digest>,
    ) -> Option<Dispute> {
        self.since = self.since.or(Some(now));
        let Self { node, token, others, attested, disputes, .. } = self;
        let mut news = None;
        for (engine, other) in others {
            let Some((at, said)) =
                other.waiting.filter(|(at, _)| (at.epoch, at.seq) <= (here.epoch, here.seq))
            else {
                continue;
            };
            other.waiting = None;
            let counts = at.epoch == here.epoch && disputes.fence_of(*engine, other.token).is_none();
            match if counts { digest(at.seq) } else { None } {
                None => {}
                Some(own) if own == said => {
                    (other.equal, other.differs) = (Some(at), None);
                    if at.seq > attested.seq {
                        *attested = at;
                    }
                }
                Some(_) if other.differs.is_some() => {}
                Some(own) => {
                    let own = Testimony { engine: *node, token: *token, digest: own };
                    let said = Testimony { engine: *engine, token: other.token, digest: said };
                    let between = if *node < *engine { [own, said] } else { [said, own] };
                    other.differs = Some(Dispute { at, between });
                    news = other.differs;
                }
            }
        }
        news
    }

    /// What this engine has to say until it is answered: with whom it differs. Nothing while a dispute is open, since there is one at a
    /// time; nothing of who was found wrong, or is gone.
    pub fn complaints(&mut self, now: Nanos) -> impl Iterator<Item = Dispute> {
        let gone = self.patience();
        let Self { others, disputes, .. } = self;
        for other in others.values_mut() {
            let answered = other.differs.is_some_and(|dispute| {
                dispute.between.iter().any(|said| disputes.fence_of(said.engine, said.token).is_some())
            });
            if answered || now.since(other.heard) >= gone {
                other.differs = None;
            }
        }
        let silent = disputes.open.is_some();
        others.values().filter_map(move |other| other.differs.filter(|_| !silent))
    }

    /// The open dispute, if this process is in it, with its number.
    #[must_use]
    pub fn question(&self) -> Option<(u64, Dispute)> {
        let open = self.disputes.open.filter(|open| self.testimony(open).is_some());
        open.map(|open| (self.disputes.number, open))
    }

    /// What this process has said in a dispute.
    #[must_use]
    pub fn testimony(&self, dispute: &Dispute) -> Option<Testimony> {
        dispute.testimony_of(self.node, self.token)
    }

    /// The word by which this process was found wrong.
    #[must_use]
    pub fn fence(&self) -> Option<Fenced> {
        self.disputes.fence_of(self.node, self.token)
    }

    /// Whether this engine is in an open dispute, or will be.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.question().is_some() || self.others.values().any(|other| other.differs.is_some())
    }

    /// The last place at which this engine, as it is since it has begun, was equal to the other one of a dispute.
    #[must_use]
    pub fn equal_before(&self, dispute: &Dispute) -> Option<Position> {
        let said = dispute.between.iter().find(|said| said.engine != self.node)?;
        self.others.get(&said.engine).filter(|other| other.token == said.token)?.equal
    }

    /// The greatest place at which another engine was equal to this one, as it is since it has begun.
    #[must_use]
    pub fn attested(&self) -> Position {
        self.attested
    }

    /// Whether no other engine is here that is ready: nobody could attest anything.
    #[must_use]
    pub fn is_alone(&self, now: Nanos) -> bool {
        let silent = |since: Nanos| now.since(since) >= self.patience();
        let absent = |(engine, other): (&NodeId, &Other)| {
            !other.ready || silent(other.heard) || self.disputes.fence_of(*engine, other.token).is_some()
        };
        self.since.is_some_and(silent) && self.others.iter().all(absent)
    }

    /// This engine has begun anew: what it had compared is void.
    pub fn begin_again(&mut self) {
        self.attested = Position::GENESIS;
        self.others.values_mut().for_each(Other::begin_again);
    }

    /// This engine has begun anew, as another process.
    pub fn renew(&mut self, token: u64) {
        self.token = token;
        self.begin_again();
    }

    fn patience(&self) -> Nanos {
        Nanos(WORDS_BEFORE_GONE * self.interval.0)
    }
}
