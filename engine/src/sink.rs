//! Where the events of one command are written, numbered and held until they are published.

use wire::event::{self, Address};
use wire::{EventBody, MAX_FRAME_LEN, Nanos, Outbound, Position, ReportSeq, SessionId};

/// Room for one event; aligned, so that it begins on a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Place([u8; MAX_FRAME_LEN]);

/// The events of one `apply`, encoded, without a speaker. The sink owns the outbound number, which goes on from command
/// to command; the number within a session belongs to the session table and is handed in.
#[derive(Clone, Debug)]
pub struct EventSink {
    /// Never shrinks: the first `lengths.len()` places hold events, the rest is room.
    places: Vec<Place>,
    lengths: Vec<u16>,
    next: Outbound,
    cause: Position,
    timestamp: Nanos,
}

impl EventSink {
    /// An empty sink with room for this many events of one command; it grows (rarely) if a command causes more.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        let events = events.max(1);
        Self {
            places: vec![Place([0; MAX_FRAME_LEN]); events],
            lengths: Vec::with_capacity(events),
            next: Outbound(1),
            cause: Position::GENESIS,
            timestamp: Nanos(0),
        }
    }

    /// Goes on with this number, behind events that others wrote.
    pub(crate) fn resume(&mut self, next: Outbound) {
        self.clear();
        self.next = next;
    }

    /// Forgets the events of the command before; what is emitted from here on was caused by `cause`, stamped `timestamp`.
    pub fn begin(&mut self, cause: Position, timestamp: Nanos) {
        self.clear();
        self.cause = cause;
        self.timestamp = timestamp;
    }

    /// Forgets the events; the outbound number stays.
    pub(crate) fn clear(&mut self) {
        self.lengths.clear();
    }

    /// Writes an event for `session` under its number there.
    pub fn emit<B: EventBody>(&mut self, session: SessionId, report: ReportSeq, body: &B) {
        let at = self.lengths.len();
        if at == self.places.len() {
            self.grow();
        }
        let address =
            Address { outbound: self.next, cause: self.cause, timestamp: self.timestamp, session, report };
        let length = event::write(&mut self.places[at].0, address, body);
        self.lengths.push(u16::try_from(length).expect("an event is at most MAX_FRAME_LEN bytes"));
        self.next = self.next.next();
    }

    /// Writes an event for nobody in particular.
    pub fn announce<B: EventBody>(&mut self, body: &B) {
        self.emit(SessionId(0), ReportSeq(0), body);
    }

    /// How many events the command caused.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// True if the command caused none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The number that the next event will have.
    #[must_use]
    pub fn outbound(&self) -> Outbound {
        self.next
    }

    /// The events, each as its bytes, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.places.iter().zip(&self.lengths).map(|(place, length)| &place.0[..usize::from(*length)])
    }

    /// The events, each as its bytes, in order, so that a speaker can be put in.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [u8]> {
        self.places.iter_mut().zip(&self.lengths).map(|(place, length)| &mut place.0[..usize::from(*length)])
    }

    #[cold]
    fn grow(&mut self) {
        let room = self.places.len() * 2;
        self.places.resize(room, Place([0; MAX_FRAME_LEN]));
        self.lengths.reserve_exact(room - self.lengths.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::event::RulesActivated;
    use wire::{Event, Rules};

    fn body(rules: u32) -> RulesActivated {
        RulesActivated { rules: Rules(rules), reserved: [0; 4] }
    }

    #[test]
    fn events_are_numbered_on_from_command_to_command_and_keep_their_order_when_the_sink_grows() {
        let mut sink = EventSink::with_capacity(2);
        sink.begin(Position::GENESIS, Nanos(7));
        for rules in 0..5 {
            sink.announce(&body(rules));
        }
        assert_eq!(sink.len(), 5);
        assert_eq!(sink.outbound(), Outbound(6));
        sink.begin(Position::GENESIS, Nanos(8));
        sink.announce(&body(9));
        assert_eq!(sink.iter().len(), 1);
        for bytes in sink.iter_mut() {
            event::speak(bytes, event::Speaker::default());
            let header = *Event::read(bytes).expect("spoken and sealed").header();
            assert_eq!({ header.outbound }, Outbound(6));
            assert_eq!({ header.timestamp }, Nanos(8));
        }
    }
}
