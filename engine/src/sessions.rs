//! The table of sessions: which gateway's life owns each, and how far both directions have been numbered.

use crate::EventSink;
use wire::command::ResetSeqNums;
use wire::{EventBody, Incarnation, NodeId, ParticipantId, ReportSeq, SessionId};

/// One life of one gateway, through which a session is logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The gateway.
    pub gateway: NodeId,
    /// Its life. Another life of the same gateway does not own the session: the client must log on again.
    pub incarnation: Incarnation,
}

/// What the exchange knows of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Session {
    /// Who may send its commands; nobody while it is logged out.
    pub owner: Option<Owner>,
    /// MsgSeqNum (FIX 34) that is expected next from the client; 0 if it never logged on.
    pub next_client_seq: u32,
    /// The number of the last event that was addressed to it; 0 before the first. Goes on for as long as the exchange
    /// does: a logon that resets the FIX numbers has its own report number, from which a gateway can count anew.
    pub last_report: ReportSeq,
    /// Whose it is; 0 for nobody.
    pub participant: ParticipantId,
}

/// All sessions, dense by number. Number 0 is nobody; a number at or above the limit has no place, is never logged on,
/// and events that answer it carry report number 0.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    places: Vec<Session>,
}

impl Sessions {
    /// Numbers from 1 to below `limit`.
    pub(crate) fn new(limit: u32) -> Self {
        Self { places: vec![Session::default(); limit as usize] }
    }

    /// What is known of a session; `None` if its number has no place.
    pub(crate) fn get(&self, session: SessionId) -> Option<&Session> {
        if session.0 == 0 { None } else { self.places.get(session.0 as usize) }
    }

    /// All places, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> + Clone {
        self.places.iter()
    }

    /// Puts back what is known of a session; `None` if it has no place.
    pub(crate) fn put_back(&mut self, session: SessionId, known: Session) -> Option<()> {
        *self.place(session)? = known;
        Some(())
    }

    fn place(&mut self, session: SessionId) -> Option<&mut Session> {
        if session.0 == 0 { None } else { self.places.get_mut(session.0 as usize) }
    }

    /// Gives the session to this gateway's life, whoever had it before: the last logon wins. False if it has no place.
    pub(crate) fn log_on(
        &mut self,
        session: SessionId,
        owner: Owner,
        client_seq: u32,
        reset: ResetSeqNums,
    ) -> bool {
        let Some(place) = self.place(session) else { return false };
        place.owner = Some(owner);
        let next = client_seq.saturating_add(1);
        place.next_client_seq = match reset {
            ResetSeqNums::Yes => next,
            ResetSeqNums::No => next.max(place.next_client_seq),
        };
        true
    }

    /// Ends the session if this gateway's life owns it; a late word of a former owner changes nothing.
    pub(crate) fn log_out(&mut self, session: SessionId, owner: Owner, next_client_seq: u32) {
        if let Some(place) = self.place(session)
            && place.owner == Some(owner)
        {
            place.owner = None;
            place.next_client_seq = place.next_client_seq.max(next_client_seq);
        }
    }

    /// Gives the session to a participant; false if it has no place.
    pub(crate) fn assign(&mut self, session: SessionId, participant: ParticipantId) -> bool {
        let Some(place) = self.place(session) else { return false };
        place.participant = participant;
        true
    }

    /// Whose session it is; 0 for nobody.
    pub(crate) fn participant(&self, session: SessionId) -> ParticipantId {
        self.get(session).map_or(ParticipantId(0), |place| place.participant)
    }

    /// True if the session is logged on through this gateway's life; its client number is then noted.
    pub(crate) fn hear(&mut self, session: SessionId, from: Owner, client_seq: u32) -> bool {
        match self.place(session) {
            Some(place) if place.owner == Some(from) => {
                place.next_client_seq = place.next_client_seq.max(client_seq.saturating_add(1));
                true
            }
            _ => false,
        }
    }

    /// Addresses an event to a session under the session's next report number.
    pub(crate) fn tell<B: EventBody>(&mut self, events: &mut EventSink, session: SessionId, body: &B) {
        let report = match self.place(session) {
            Some(place) => {
                place.last_report = ReportSeq(place.last_report.0 + 1);
                place.last_report
            }
            None => ReportSeq(0),
        };
        events.emit(session, report, body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: SessionId = SessionId(1);

    fn life(incarnation: u32) -> Owner {
        Owner { gateway: NodeId(5), incarnation: Incarnation(incarnation) }
    }

    #[test]
    fn a_session_listens_only_to_the_life_it_logged_on_through() {
        let mut sessions = Sessions::new(4);
        assert!(!sessions.hear(ALICE, life(1), 1));
        assert!(sessions.log_on(ALICE, life(1), 1, ResetSeqNums::No));
        assert!(sessions.hear(ALICE, life(1), 2));
        assert!(!sessions.hear(ALICE, life(2), 3));
        assert!(sessions.log_on(ALICE, life(2), 3, ResetSeqNums::No));
        assert!(!sessions.hear(ALICE, life(1), 4));
        sessions.log_out(ALICE, life(1), 9);
        assert!(sessions.hear(ALICE, life(2), 4), "a late logout of the former owner changes nothing");
        sessions.log_out(ALICE, life(2), 5);
        assert!(!sessions.hear(ALICE, life(2), 5));
    }

    #[test]
    fn the_clients_number_goes_on_unless_a_logon_resets_it() {
        let mut sessions = Sessions::new(4);
        sessions.log_on(ALICE, life(1), 1, ResetSeqNums::No);
        sessions.hear(ALICE, life(1), 7);
        sessions.hear(ALICE, life(1), 5);
        assert_eq!(sessions.get(ALICE).map(|s| s.next_client_seq), Some(8));
        sessions.hear(ALICE, life(1), u32::MAX);
        assert_eq!(sessions.get(ALICE).map(|s| s.next_client_seq), Some(u32::MAX));
        sessions.log_on(ALICE, life(1), 1, ResetSeqNums::Yes);
        assert_eq!(sessions.get(ALICE).map(|s| s.next_client_seq), Some(2));
    }

    #[test]
    fn session_zero_and_numbers_beyond_the_limit_have_no_place() {
        let mut sessions = Sessions::new(4);
        assert!(!sessions.log_on(SessionId(0), life(1), 1, ResetSeqNums::No));
        assert!(!sessions.log_on(SessionId(4), life(1), 1, ResetSeqNums::No));
        assert!(sessions.log_on(SessionId(3), life(1), 1, ResetSeqNums::No));
    }
}
