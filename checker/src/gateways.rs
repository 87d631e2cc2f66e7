//! The numbers of each gateway's life, as the history has them.

use crate::promise::{Promise, Verdict};
use std::collections::BTreeMap;
use wire::{CommandKind, Frame, Incarnation, NodeId, Seq, SourceSeq};

/// The present life of every gateway.
#[derive(Debug, Default)]
pub(crate) struct Gateways(BTreeMap<NodeId, Life>);

#[derive(Debug)]
struct Life {
    incarnation: Incarnation,
    last: SourceSeq,
    opened: Seq,
}

impl Gateways {
    /// The next frame of the history.
    pub(crate) fn note(&mut self, frame: &Frame<'_>, verdict: &mut Verdict) {
        let header = frame.header();
        let (source, incarnation, number) = (header.source, header.incarnation, header.source_seq);
        let seq = frame.position().seq;
        // A body of an unknown kind was found when the log was judged by itself.
        let Some(kind) = CommandKind::of(header.kind) else { return };
        if !kind.from_gateway() && number == SourceSeq(0) {
            return;
        }
        verdict.counts.commands += 1;
        let mut found = |words: String| {
            verdict.add(Promise::GatewayOrder, || {
                format!("frame {seq}, number {number} of gateway {source} in its life {incarnation}: {words}")
            });
        };
        let opens = kind == CommandKind::GatewayOpen;
        let before = self.0.get(&source);
        if let Some(life) = before.filter(|life| incarnation < life.incarnation) {
            let (later, opened) = (life.incarnation, life.opened);
            found(format!("stands after life {later} was opened by frame {opened}"));
            return;
        }
        let same = before.filter(|life| life.incarnation == incarnation);
        let last = same.map_or(SourceSeq(0), |life| life.last);
        match same {
            None if !opens => found("its life begins without a GatewayOpen".to_owned()),
            Some(life) if opens => {
                found(format!("a second GatewayOpen; frame {} was the first", life.opened));
            }
            _ => {}
        }
        if number <= last {
            found(format!("a number that stands before it in the history; the last one was {last}"));
        } else if number != last.next() {
            found(format!("a gap: the last number before it was {last}"));
        }
        let opened = match same {
            Some(life) => life.opened,
            None => {
                verdict.counts.lives += 1;
                seq
            }
        };
        self.0.insert(source, Life { incarnation, last: last.max(number), opened });
    }
}
