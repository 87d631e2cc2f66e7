//! Engines that differ, in words: what the supervisors have open, and whom they have found wrong.

use cluster::{Dispute, Disputes, Fenced};
use std::fmt::Write as _;
use wire::NodeId;

/// A line for the open dispute, and one for the last process of each engine that was found wrong.
pub(super) fn in_words(disputes: &Disputes, name: impl Fn(NodeId) -> String) -> String {
    let Disputes { number, open, fenced } = disputes;
    let mut words = String::new();
    if let Some(Dispute { at, between: [one, other] }) = open {
        // Writing to a string does not fail.
        let _ = writeln!(
            words,
            "DISPUTE {number} IS OPEN: {} and {} differ at position {at}: digests {:016x} and {:016x}; both execute the log anew",
            name(one.engine),
            name(other.engine),
            one.digest.0,
            other.digest.0
        );
    }
    for Fenced { engine, number, differs, .. } in fenced {
        let _ = writeln!(
            words,
            "{} WAS FOUND WRONG in dispute {number}: it differed {differs} from what the log says. That process never speaks again",
            name(*engine)
        );
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::{Differs, Testimony};
    use wire::{Chain, Digest, Epoch, Position, Seq};

    #[test]
    fn an_open_dispute_and_whoever_was_found_wrong_are_named() {
        let place = |seq| Position { epoch: Epoch(3), seq: Seq(seq), chain: Chain(0xC) };
        let holds = |engine, digest| Testimony { engine: NodeId(engine), token: 1, digest: Digest(digest) };
        let name = |node: NodeId| format!("engine-{node}");
        assert_eq!(in_words(&Disputes::default(), name), "");
        let open = Dispute { at: place(70), between: [holds(1, 0xA), holds(2, 0xB)] };
        let differs = Differs::From(place(64));
        let fenced = vec![Fenced { engine: NodeId(2), token: 9, number: 4, differs }];
        let said = in_words(&Disputes { number: 5, open: Some(open), fenced }, name);
        let lines: Vec<_> = said.lines().collect();
        assert!(
            lines[0].starts_with("DISPUTE 5 IS OPEN: engine-1 and engine-2 differ at position 3:70:"),
            "{said}"
        );
        assert!(lines[0].contains("000000000000000a and 000000000000000b"), "{said}");
        assert!(
            lines[1].starts_with("engine-2 WAS FOUND WRONG in dispute 4: it differed from 3:64:"),
            "{said}"
        );
        assert_eq!(lines.len(), 2, "{said}");
    }
}
