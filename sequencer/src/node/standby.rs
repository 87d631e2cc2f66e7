//! One that stands by: it follows whoever leads, from a snapshot on if it knows nothing.

use super::{REMEMBERED, SequencerNode};
use anyhow::Context;
use archive::{Beginning, Piece, Since, Taken, WORTH_FETCHING, Wanted, Way};
use bus::{Delivery, StreamKind, Subscription, Transport};
use cluster::{Entry, Following, Leading, Ledger};
use wire::{Epoch, Frame, Nanos, NodeId, Position};

impl<T: Transport> SequencerNode<T> {
    /// Another sequencer leads: it is followed.
    pub(super) fn handle_leading(&mut self, now: Nanos, from: NodeId, leading: Leading) {
        if leading.epoch < self.highest || leading.nonce == self.settings.token {
            return;
        }
        if leading.epoch > self.highest {
            self.step_down(leading.epoch);
        }
        self.told = Some(leading);
        let news = self.following.handle_epoch(leading.epoch, leading.parent);
        // Who comes from far behind would hold back the whole history until the epoch's first frame.
        self.following.handle_word(leading.epoch, leading.committed);
        if let Some(from_seq) = news {
            tracing::info!(epoch = %leading.epoch, sequencer = %from, from = %from_seq, "following another sequencer");
            let leader = self.settings.sequencers.get(&from);
            let sources = leader.into_iter().chain(self.settings.loggers.values()).copied();
            self.ports.hears.set_repair(sources.collect());
            self.follow(now, &leading);
        }
    }

    /// Takes up the session of whoever leads, or first what lies far before it.
    fn follow(&mut self, now: Nanos, leading: &Leading) {
        let (last, upto) = (self.following.last(), leading.committed);
        let behind = upto.seq.0.saturating_sub(last.seq.0);
        if behind > WORTH_FETCHING || behind > 0 && last == Position::GENESIS {
            self.ports.hears.begin_session(self.settings.names.of(StreamKind::Sequenced, Epoch(0)), 1);
            self.set_out(now, last, upto);
        } else {
            self.listen(now, leading);
        }
    }

    fn listen(&mut self, now: Nanos, leading: &Leading) {
        let session = self.settings.names.of(StreamKind::Sequenced, leading.epoch);
        self.ports.hears.begin_session(session, self.following.last().seq.next().0);
        self.ports.hears.expect_below(now, leading.last.seq.next().0);
    }

    /// Sets out for what lies behind one place up to another: who knows nothing begins with a snapshot.
    pub(super) fn set_out(&mut self, now: Nanos, after: Position, upto: Position) {
        let since = match after {
            Position::GENESIS => Since::Snapshot,
            after => Since::OneOf(vec![after]),
        };
        self.ports.detour.set_out(now, Wanted { since, upto });
    }

    /// Takes what was found of the past by one that stands by.
    pub(super) fn take_past(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Some(leading) = self.told else { return Ok(0) };
        let Self { ports, following, ledger, .. } = self;
        let (from, mut trouble) = (following.last(), None);
        let (work, way) = ports.detour.go(now, &mut |piece| {
            let taken = match piece {
                Piece::Beginning(beginning) => begin_with(&beginning).map(|(begun, known)| {
                    (*following, *ledger) = (begun, known);
                    following.handle_epoch(leading.epoch, leading.parent);
                    following.handle_word(leading.epoch, leading.committed);
                }),
                Piece::Frame(bytes) => Frame::read(bytes)
                    .map_err(anyhow::Error::from)
                    .and_then(|frame| Ok(following.handle_frame(&frame, Entry::of(&frame))?)),
            };
            match taken {
                Ok(()) if trouble.is_none() => Taken::Yes,
                other => {
                    trouble = trouble.take().or(other.err());
                    Taken::Later
                }
            }
        });
        if let Some(error) = trouble {
            return Err(error);
        }
        if from != self.following.last() {
            // What is heard of the stream meanwhile would not follow.
            self.ports.hears.begin_session(self.settings.names.of(StreamKind::Sequenced, Epoch(0)), 1);
        }
        match way {
            Way::Off | Way::On => {}
            Way::Ended { gained: true } => self.follow(now, &leading),
            Way::Nowhere if from != Position::GENESIS => {
                tracing::warn!(behind = %from, "no logger has what comes behind this place any more: this sequencer forgets what it knows, and begins with a snapshot");
                self.forget();
                self.following.handle_epoch(leading.epoch, leading.parent);
                self.following.handle_word(leading.epoch, leading.committed);
                self.follow(now, &leading);
            }
            Way::Ended { gained: false } | Way::Nowhere => self.listen(now, &leading),
        }
        Ok(work)
    }

    pub(super) fn hear_leader(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { following, ports, told, .. } = self;
        let from = following.last();
        let mut astray = None;
        let work = ports.hears.poll(now, &mut |_, bytes| {
            let Ok(frame) = Frame::read(bytes) else { return Delivery::Refused };
            match following.handle_frame(&frame, Entry::of(&frame)) {
                Ok(()) => Delivery::Accepted,
                Err(error) => {
                    astray = Some(error);
                    Delivery::Refused
                }
            }
        });
        let work = work.context("cannot receive the sequenced stream")?;
        if let Some(error) = astray {
            return Err(error.into());
        }
        let last = following.last();
        if last != from {
            // It goes on by itself.
            ports.detour.turn_back();
        }
        let asked = ports.hears.asked_since();
        if let Some(leading) = told
            && ports.detour.is_needed(now, asked, last.seq.next().0, leading.committed)
        {
            let upto = leading.committed;
            tracing::warn!(behind = %last, %upto, "nobody answers in the stream with what comes behind this place: looking for it in the loggers' logs");
            self.set_out(now, last, upto);
        }
        Ok(work)
    }
}

/// What a sequencer knows that begins with a snapshot.
pub(super) fn begin_with(beginning: &Beginning) -> anyhow::Result<(Following<Entry>, Ledger)> {
    let at = beginning.about().position;
    let ledger = Ledger::read(beginning.ledger()).with_context(|| format!("the snapshot behind {at}"))?;
    Ok((Following::begin(at, REMEMBERED, ledger.started().cloned()), ledger))
}

/// Whether a sequencer can begin with it.
///
/// # Errors
/// Why not.
pub fn judge(beginning: &Beginning) -> Result<(), String> {
    begin_with(beginning).map(|_| ()).map_err(|error| format!("{error:#}"))
}
