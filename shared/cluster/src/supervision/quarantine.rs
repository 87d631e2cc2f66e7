//! A command that makes engines panic: who stops before it, what an operator says about it, and whether that may be done.

use super::Supervisor;
use crate::message::Message;
use crate::quarantine::{MAX_QUARANTINED, Obstacle, Quarantine, Stopped};
use crate::record::Record;
use std::collections::BTreeMap;
use wire::{Nanos, NodeId, Position};

/// An operator's word counts for so many failover timeouts: who says it repeats it.
const WORD_COUNTS_FOR: u64 = 4;

/// What a supervisor has heard of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ward {
    /// Which process of each engine stopped last, and before what.
    stopped: BTreeMap<NodeId, (u64, Position)>,
    /// What an operator said, and when.
    word: Option<(Quarantine, Nanos)>,
}

impl Supervisor {
    /// An engine does not go on.
    pub(super) fn hear_stopped(&mut self, from: NodeId, stopped: &Stopped) {
        self.ward.stopped.insert(from, (stopped.token, stopped.at));
    }

    /// An operator has spoken.
    pub(super) fn hear_quarantine(&mut self, now: Nanos, word: Quarantine) {
        self.ward.word = Some((word, now));
    }

    /// What to tell of what is quarantined: nothing before the control log is known to be the cluster's, since an engine
    /// takes an empty list as the word that there is none.
    pub(super) fn quarantined(&self) -> Option<Message> {
        self.control.highest_grant()?;
        Some(Message::Quarantined(self.control.quarantined().to_vec()))
    }

    /// What an operator's word comes to, if nothing stands in its way.
    pub(super) fn quarantine(&self, now: Nanos) -> Option<Record> {
        let word = self.command_to_leave_out(now)?;
        self.obstacle(now, word.position).is_none().then_some(Record::Quarantine(word))
    }

    /// What stands in the way of an operator's word.
    pub(super) fn objection(&self, now: Nanos) -> Option<Message> {
        let Quarantine { position, .. } = self.command_to_leave_out(now)?;
        Some(Message::NotQuarantined { position, why: self.obstacle(now, position)? })
    }

    /// An operator's word that is not old, and not done.
    fn command_to_leave_out(&self, now: Nanos) -> Option<Quarantine> {
        let (word, at) = self.ward.word?;
        let fresh = now.since(at) < Nanos(self.timeouts.failover.0 * WORD_COUNTS_FOR);
        let done = self.control.quarantined().iter().any(|known| known.position == word.position);
        (fresh && !done).then_some(word)
    }

    /// Nobody may have executed it, or engines would differ for good; and somebody must have stopped before exactly this, so that
    /// a slip of the operator leaves out nothing.
    fn obstacle(&self, now: Nanos, position: Position) -> Option<Obstacle> {
        let engines = self.roster.engines.iter();
        let here: Vec<_> = engines.filter_map(|node| Some((*node, self.alive(now, *node)?))).collect();
        let ahead = here.iter().find(|(_, present)| present.position.seq >= position.seq);
        if let Some((engine, present)) = ahead {
            return Some(Obstacle::Executed { engine: *engine, at: present.position });
        }
        let stops = here.iter().filter_map(|(node, present)| {
            let (token, at) = self.ward.stopped.get(node)?;
            (*token == present.token).then_some((*node, *at))
        });
        let stops: Vec<_> = stops.collect();
        if !stops.iter().any(|(_, at)| *at == position) {
            let elsewhere =
                stops.first().map(|(engine, at)| Obstacle::Elsewhere { engine: *engine, at: *at });
            return elsewhere.or(Some(Obstacle::NobodyStops));
        }
        (self.control.quarantined().len() >= MAX_QUARANTINED).then_some(Obstacle::Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Present;
    use crate::role::Role;
    use crate::supervision::{Roster, Timeouts};
    use wire::{Chain, Epoch, Incarnation, OperatorName, Seq, Term, Why};

    const FAILOVER: Nanos = Nanos(100);

    fn place(seq: u64) -> Position {
        Position { epoch: Epoch(1), seq: Seq(seq), chain: Chain(seq) }
    }

    fn word(seq: u64) -> Quarantine {
        let by = OperatorName::new(b"desk").expect("short");
        Quarantine { position: place(seq), by, why: Why::new(b"it panics").expect("short") }
    }

    /// A supervisor that leads and hears these engines: the node, how far it has come, before what its process stops.
    fn hears(now: Nanos, supervisor: &mut Supervisor, engines: &[(u16, u64, Option<u64>)]) {
        for (node, seq, stops) in engines {
            let token = u64::from(*node) * 10;
            let present = Present {
                role: Role::Engine,
                token,
                incarnation: Incarnation(7),
                epoch: Epoch(1),
                position: place(*seq),
                ready: stops.is_none(),
                term: Term(0),
                digest: None,
            };
            supervisor.handle_message(now, NodeId(*node), &Message::Present(present));
            if let Some(at) = stops {
                let (words, frame) = ("no such level".to_owned(), vec![1]);
                let stopped = Message::Stopped(Stopped { token, at: place(*at), words, frame });
                supervisor.handle_message(now, NodeId(*node), &stopped);
            }
        }
    }

    fn supervisor() -> Supervisor {
        let roster = Roster { engines: vec![NodeId(2), NodeId(3)], ..Roster::default() };
        let timeouts = Timeouts { failover: FAILOVER, announce: Nanos(20), propose_again: Nanos(50) };
        Supervisor::new(roster, timeouts)
    }

    /// What an operator's word about frame 9 comes to.
    fn said(engines: &[(u16, u64, Option<u64>)]) -> Result<Record, Obstacle> {
        let (mut supervisor, now) = (supervisor(), Nanos(1_000));
        hears(now, &mut supervisor, engines);
        supervisor.handle_message(now, NodeId(0), &Message::Quarantine(word(9)));
        let mut proposed = None;
        while let Some(record) = supervisor.poll_proposal(now) {
            assert!(supervisor.handle_applied(now, &record));
            proposed = Some(record);
        }
        let told = std::iter::from_fn(|| supervisor.poll_announcement(now)).collect::<Vec<_>>();
        let objection = told.iter().find_map(|message| match message {
            Message::NotQuarantined { position, why } if *position == place(9) => Some(*why),
            _ => None,
        });
        match (proposed, objection) {
            (Some(record @ Record::Quarantine(_)), None) => Ok(record),
            (_, Some(why)) => Err(why),
            other => panic!("neither done nor refused: {other:?}"),
        }
    }

    #[test]
    fn a_command_is_left_out_if_an_engine_stops_before_it_and_none_has_executed_it() {
        assert_eq!(said(&[(2, 8, Some(9)), (3, 8, Some(9))]), Ok(Record::Quarantine(word(9))));
        assert_eq!(said(&[(2, 8, Some(9)), (3, 5, None)]), Ok(Record::Quarantine(word(9))));
        assert_eq!(said(&[(3, 8, Some(9))]), Ok(Record::Quarantine(word(9))), "the other one is down");
    }

    #[test]
    fn a_command_that_an_engine_has_executed_is_not_left_out() {
        let executed = Obstacle::Executed { engine: NodeId(3), at: place(9) };
        assert_eq!(said(&[(2, 8, Some(9)), (3, 9, None)]), Err(executed));
    }

    #[test]
    fn a_slip_of_the_operator_leaves_out_nothing() {
        assert_eq!(said(&[(2, 8, None)]), Err(Obstacle::NobodyStops));
        let elsewhere = Obstacle::Elsewhere { engine: NodeId(2), at: place(8) };
        assert_eq!(said(&[(2, 7, Some(8))]), Err(elsewhere));
        // Another history has another command at this number.
        let (mut supervisor, now) = (supervisor(), Nanos(1_000));
        hears(now, &mut supervisor, &[(2, 8, Some(9))]);
        let other = Position { chain: Chain(1), ..place(9) };
        supervisor.hear_quarantine(now, Quarantine { position: other, ..word(9) });
        let elsewhere = Obstacle::Elsewhere { engine: NodeId(2), at: place(9) };
        assert_eq!(
            supervisor.objection(now),
            Some(Message::NotQuarantined { position: other, why: elsewhere })
        );
    }

    #[test]
    fn the_plea_of_a_process_that_is_gone_does_not_count_and_an_old_word_neither() {
        let (mut supervisor, now) = (supervisor(), Nanos(1_000));
        hears(now, &mut supervisor, &[(2, 8, Some(9))]);
        supervisor.ward.stopped.insert(NodeId(2), (19, place(9)));
        supervisor.hear_quarantine(now, word(9));
        assert_eq!(supervisor.quarantine(now), None);
        let later = Nanos(now.0 + WORD_COUNTS_FOR * FAILOVER.0);
        hears(later, &mut supervisor, &[(2, 8, Some(9))]);
        assert_eq!((supervisor.quarantine(later), supervisor.objection(later)), (None, None));
        supervisor.hear_quarantine(later, word(9));
        assert!(supervisor.quarantine(later).is_some());
    }

    #[test]
    fn what_is_left_out_is_decided_once_and_the_list_has_an_end() {
        let (mut supervisor, now) = (supervisor(), Nanos(1_000));
        assert!(supervisor.handle_applied(now, &Record::Quarantine(word(9))));
        let twice = Quarantine { by: OperatorName::new(b"another").expect("short"), ..word(9) };
        assert!(!supervisor.handle_applied(now, &Record::Quarantine(twice)));
        assert_eq!(supervisor.control().quarantined(), [word(9)]);
        hears(now, &mut supervisor, &[(2, 8, Some(9))]);
        supervisor.hear_quarantine(now, word(9));
        assert_eq!((supervisor.quarantine(now), supervisor.objection(now)), (None, None), "it is done");
        for seq in 10..9 + MAX_QUARANTINED as u64 {
            assert!(supervisor.handle_applied(now, &Record::Quarantine(word(seq))));
        }
        assert!(!supervisor.handle_applied(now, &Record::Quarantine(word(99))));
        hears(now, &mut supervisor, &[(2, 98, Some(99))]);
        supervisor.hear_quarantine(now, word(99));
        assert_eq!(supervisor.quarantine(now), None);
        assert!(matches!(
            supervisor.objection(now),
            Some(Message::NotQuarantined { why: Obstacle::Full, .. })
        ));
    }

    #[test]
    fn a_supervisor_that_knows_of_no_grant_does_not_say_that_nothing_is_left_out() {
        let (mut supervisor, now) = (supervisor(), Nanos(1_000));
        assert_eq!(supervisor.quarantined(), None);
        let cold = vec![crate::Voter { node: NodeId(4), incarnation: Incarnation(1) }];
        let grant = Record::Grant {
            after: Epoch(0),
            epoch: Epoch(1),
            sequencer: NodeId(1),
            nonce: 1,
            cold,
            why: crate::Reason::First,
        };
        assert!(supervisor.handle_applied(now, &grant));
        assert_eq!(supervisor.quarantined(), Some(Message::Quarantined(Vec::new())));
    }
}
