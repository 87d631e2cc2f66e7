//! One that was granted an epoch: it gathers promises and the best log.

use super::standby::begin_with;
use super::{Seat, SequencerNode};
use crate::adoption::Adoption;
use anyhow::Context;
use archive::{Piece, Taken, WORTH_FETCHING, Way};
use bus::{Delivery, StreamKind, Subscription, Transport};
use cluster::{Candidacy, Grant, Message, Wish};
use wire::command::Adopted;
use wire::{Frame, Nanos, NodeId, Position};

/// A candidate waits so long for the next piece of the log that it adopts, where it fetches that in bulk: some times as long as a
/// logger that is gone lets anybody wait.
const BULK_PATIENCE: Nanos = Nanos::from_millis(2_000);

/// A candidate's way into its epoch.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) candidacy: Candidacy,
    pub(super) adoption: Adoption,
    /// Whose log is adopted, and up to where.
    pub(super) fetch: Option<(NodeId, Position)>,
    /// How often a log was fetched.
    pub(super) fetches: u32,
}

impl<T: Transport> SequencerNode<T> {
    /// The log of whoever holds the best one, message by message.
    pub(super) fn hear_holder(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { seat: Seat::Candidate(campaign), ports, .. } = self else { return Ok(0) };
        let Campaign { candidacy, adoption, .. } = &mut **campaign;
        let in_bulk = ports.detour.is_on();
        let mut astray = None;
        let work = ports.hears.poll(now, &mut |_, bytes| {
            let Ok(frame) = Frame::read(bytes) else { return Delivery::Refused };
            if in_bulk {
                return Delivery::Refused;
            }
            match adoption.take(&frame) {
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
        if adoption.held() != candidacy.held() {
            candidacy.handle_fetched(now, adoption.held());
        }
        Ok(work)
    }

    /// The same, in bulk: what lies far behind, from a snapshot on where nothing is known.
    pub(super) fn take_adopted(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let Self { seat: Seat::Candidate(campaign), ports, following, ledger, unproven, settings, .. } = self
        else {
            return Ok(0);
        };
        let detour = &mut ports.detour;
        if !detour.is_on() {
            return Ok(0);
        }
        let Campaign { candidacy, adoption, fetch, .. } = &mut **campaign;
        let mut trouble = None;
        let (work, way) = detour.go(now, &mut |piece| {
            let taken = match piece {
                Piece::Beginning(beginning) => begin_with(&beginning).map(|(begun, known)| {
                    *adoption = Adoption::new(begun.committed(), settings.uncommitted);
                    (*following, *ledger) = (begun, known);
                    *unproven = candidacy.grant().adopted == Adopted::MayLack;
                }),
                Piece::Frame(bytes) => Frame::read(bytes)
                    .map_err(anyhow::Error::from)
                    .and_then(|frame| Ok(adoption.take(&frame)?)),
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
        // It takes longer than an answer in the stream until the first piece comes.
        let patient = detour.silence(now).is_none_or(|silence| silence < BULK_PATIENCE);
        if patient {
            candidacy.handle_fetched(now, adoption.held());
        }
        let held = adoption.held();
        if let (Way::Ended { .. } | Way::Nowhere, Some((holder, upto))) = (way, *fetch)
            && held != upto
        {
            self.ask_holder(now, holder, held, upto);
        }
        Ok(work)
    }

    /// Asks the holder of the best log for what is missing of it, in the stream.
    fn ask_holder(&mut self, now: Nanos, holder: NodeId, after: Position, upto: Position) {
        let session = self.settings.names.of(StreamKind::History, self.highest);
        self.ports.hears.begin_session(session, after.seq.next().0);
        let holders = self.settings.loggers.get(&holder).copied();
        self.ports.hears.set_repair(holders.into_iter().collect());
        self.ports.hears.expect_below(now, upto.seq.next().0);
    }

    pub(super) fn seek_election(&mut self, now: Nanos) -> anyhow::Result<usize> {
        let mut work = 0;
        while let Seat::Candidate(campaign) = &mut self.seat
            && let Some(wish) = campaign.candidacy.poll(now)
        {
            work += 1;
            let &Grant { epoch, nonce, .. } = campaign.candidacy.grant();
            match wish {
                Wish::Ask => self.ports.control.say(Message::Prepare { epoch, nonce }),
                Wish::Fetch { holder, after, upto } => {
                    tracing::info!(%epoch, %holder, %after, %upto, "adopting the best log");
                    campaign.fetch = Some((holder, upto));
                    campaign.fetches += 1;
                    let again = campaign.fetches > 1;
                    // Another holder's log may have another tail: what was fetched of the one before is not relied on.
                    campaign.adoption = Adoption::new(after, self.settings.uncommitted);
                    self.fetch(now, holder, after, upto, again);
                }
                Wish::Begin { parent } => self.begin(now, parent)?,
            }
        }
        Ok(work)
    }

    /// Fetches the best log: from its holder, as a rule. From any log that holds its last place if there is much of it, if
    /// nothing is known of it, so that it can begin with a snapshot, or if the holder has not answered before: what it is asked
    /// for may be in its archive.
    fn fetch(&mut self, now: Nanos, holder: NodeId, after: Position, upto: Position, again: bool) {
        let far = upto.seq.0.saturating_sub(after.seq.0) > WORTH_FETCHING;
        if after == Position::GENESIS {
            self.forget();
        }
        if after == Position::GENESIS || far || again {
            let session = self.settings.names.of(StreamKind::History, self.highest);
            self.ports.hears.begin_session(session, after.seq.next().0);
            self.set_out(now, after, upto);
        } else {
            self.ports.detour.turn_back();
            self.ask_holder(now, holder, after, upto);
        }
    }
}
