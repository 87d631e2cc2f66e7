//! What was released to anybody: the history that must stand.

use crate::log::{Kept, Log};
use crate::promise::{Broken, Promise};
use cluster::acceptor::History;
use wire::{Epoch, Position};

/// The released frames, from number 1 on, each with the first epoch in which it was released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Released {
    log: Log,
    epochs: Vec<Epoch>,
}

impl Released {
    /// The frames.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Somebody who follows this epoch releases this frame. True if it is the first to do so.
    ///
    /// # Errors
    /// If another frame was released with its number, or the frame does not follow what was released before.
    pub fn note(&mut self, frame: &Kept, epoch: Epoch) -> Result<bool, Broken> {
        let place = frame.place;
        match self.log.position_of(place.seq) {
            Some(before) if before != place => Err(Broken::new(
                Promise::ReleasedStands,
                format!("{before} was released, and now {place} is, in epoch {epoch}"),
            )),
            Some(_) => {
                let first = &mut self.epochs[place.seq.0 as usize - 1];
                *first = epoch.min(*first);
                Ok(false)
            }
            None if !frame.frame().follows(self.log.last()) => Err(Broken::new(
                Promise::ReleasedStands,
                format!("{place} was released in epoch {epoch}, and does not follow {}", self.log.last()),
            )),
            None => {
                self.log.append(frame.clone());
                self.epochs.push(epoch);
                Ok(true)
            }
        }
    }

    /// The first frame that was released below this epoch and is not in its history.
    #[must_use]
    pub fn missing_in(&self, epoch: Epoch, history: &Log) -> Option<Position> {
        let below = self.log.frames().iter().zip(&self.epochs).filter(|(_, released)| **released < epoch);
        below.map(|(frame, _)| frame.place).find(|place| !history.holds(*place))
    }
}
