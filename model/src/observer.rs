//! A follower that moves from epoch to epoch, and hears late: a gateway, an engine, a standby.

use crate::log::Kept;
use crate::promise::{Broken, Promise};
use crate::sight::{Sight, Sights};
use cluster::Following;
use cluster::planted::{Fault, planted};
use wire::{Ack, Epoch, Position, Seq};

/// The observer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observer {
    /// The core.
    pub core: Following<Kept>,
    /// The frame that its receiver delivers next.
    pub cursor: Seq,
    /// The acknowledgements that it has heard and still remembers; a copy, to tell states apart.
    pub heard: Vec<Ack>,
}

impl Default for Observer {
    fn default() -> Self {
        Self { core: Following::new(Position::GENESIS, 16), cursor: Seq(0), heard: Vec::new() }
    }
}

impl Observer {
    /// Somebody leads in this epoch, on this place. False if that is no news.
    pub fn turn(&mut self, epoch: Epoch, parent: Position, sights: &Sights) -> bool {
        let held = self.core.uncommitted();
        let Some(from) = self.core.handle_epoch(epoch, parent) else { return false };
        if held > self.core.uncommitted() {
            sights.saw(Sight::ObserverVoided);
        }
        if !planted(Fault::MixEpochs) {
            self.heard.clear();
        }
        self.cursor = from;
        true
    }

    /// The next frame of the session.
    ///
    /// # Errors
    /// If it does not follow what was received before.
    pub fn hear(&mut self, frame: &Kept) -> Result<(), Broken> {
        self.cursor = self.cursor.next();
        self.core
            .handle_frame(&frame.frame(), frame.clone())
            .map_err(|astray| Broken::new(Promise::NoAssertion, astray.to_string()))
    }

    /// An acknowledgement, of whatever epoch.
    pub fn acknowledged(&mut self, ack: &Ack, sights: &Sights) {
        if ack.position.epoch != self.core.epoch() {
            sights.saw(Sight::ObserverHeardOther);
        }
        let before = self.core.clone();
        self.core.handle_ack(ack);
        if self.core != before {
            let voter = (ack.logger, ack.incarnation);
            self.heard.retain(|heard| (heard.logger, heard.incarnation) != voter);
            self.heard.push(*ack);
            self.heard.sort_unstable_by_key(|heard| (heard.logger, heard.incarnation));
        }
    }

    /// Whether this acknowledgement need not be heard again: nothing has come of it.
    #[must_use]
    pub fn has_heard(&self, ack: &Ack) -> bool {
        self.heard.contains(ack)
    }
}
