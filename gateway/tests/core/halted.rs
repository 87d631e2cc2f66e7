//! Engines differ, and it is not known which one is wrong: nothing new is begun, what makes the market safer passes.

use crate::bench::{Bench, Plan};
use cluster::{Dispute, Disputes, Testimony};
use node::description::Divergence;
use wire::{Digest, NodeId, Position};

const TEXT: &str = "58=trading is halted: the engines disagree, and it is being decided which one is right; cancels still pass, try again later";

/// Where the cluster stands once dispute `number` is open, or decided.
fn disputes(number: u64, open: bool) -> Disputes {
    let testimony =
        |engine| Testimony { engine: NodeId(engine), token: 1, digest: Digest(u64::from(engine)) };
    let dispute = Dispute { at: Position::GENESIS, between: [testimony(2), testimony(3)] };
    Disputes { number, open: open.then_some(dispute), fenced: Vec::new() }
}

/// Client 0 has an order `rests` in the book, and so has client 1.
fn trading(divergence: Divergence) -> Bench {
    let mut bench = Bench::with(Plan { divergence, ..Plan::default() });
    bench.log_on([0, 1]);
    for client in [0, 1] {
        bench.order(client, "rests", 2, 5, "9.00");
        bench.settle();
        bench.hears(client, "150=0");
    }
    bench
}

#[test]
fn while_a_dispute_is_open_new_orders_and_replaces_are_refused_with_the_reason_and_cancels_pass() {
    let mut bench = trading(Divergence::Halt);
    bench.core.tell_disputed(disputes(1, true));
    bench.settle();
    bench.order(0, "new", 1, 5, "9.00");
    bench.say(0, "G", "11=more|41=rests|55=ABC|54=2|38=7|40=2|44=9");
    bench.settle();
    let refused = bench.hears(0, &format!("35=8|150=8|39=8|11=new|37=NONE|103=0|55=ABC|54=1|38=5|{TEXT}"));
    assert!(refused.get(17).starts_with('G'), "it stands in no log: {refused}");
    bench.hears(0, &format!("35=9|11=more|41=rests|37=NONE|434=2|102=2|{TEXT}"));
    assert_eq!((bench.gateway(0).shed(), bench.gateway(0).is_halted()), (1, true));
    // Nothing of it reached the exchange, and the order is as it was.
    bench.say(0, "F", "11=c|41=rests|55=ABC|54=2");
    bench.say(1, "q", "11=all|530=7");
    bench.settle();
    bench.hears(0, "150=4|11=c|41=rests|38=5|14=0");
    bench.hears(1, "150=4|11=rests|38=5|14=0");
    bench.hears(1, "35=r|11=all|531=7|533=1");
    assert_eq!(bench.core.engine.machine().resting_orders(), 0);
    bench.hears_nothing(0);
}

#[test]
fn trading_goes_on_once_the_dispute_is_decided_whatever_is_still_said_of_it() {
    let mut bench = trading(Divergence::Halt);
    for disputed in [disputes(1, true), disputes(1, false), disputes(1, true), disputes(1, false)] {
        bench.core.tell_disputed(disputed);
        bench.settle();
    }
    bench.order(0, "first", 1, 1, "1.00");
    bench.settle();
    bench.hears(0, "150=0|11=first");
    bench.core.tell_disputed(disputes(2, true));
    bench.core.tell_disputed(disputes(1, false));
    bench.settle();
    bench.order(0, "second", 1, 1, "1.00");
    bench.settle();
    bench.hears(0, &format!("150=8|11=second|{TEXT}"));
    // Words on the end of dispute 2 are lost, and on the beginning of dispute 3.
    bench.core.tell_disputed(disputes(3, false));
    bench.settle();
    bench.order(0, "third", 1, 1, "1.00");
    bench.say(0, "G", "11=more|41=rests|55=ABC|54=2|38=7|40=2|44=9");
    bench.settle();
    bench.hears(0, "150=0|11=third");
    bench.hears(0, "150=5|11=more|41=rests|38=7");
}

#[test]
fn clients_may_come_and_go_while_trading_is_halted() {
    let mut bench = trading(Divergence::Halt);
    bench.core.tell_disputed(disputes(1, true));
    bench.settle();
    bench.log_on([2]);
    bench.order(2, "new", 1, 1, "1.00");
    bench.settle();
    bench.hears(2, &format!("150=8|11=new|{TEXT}"));
    bench.log_out(2);
    bench.settle();
    assert!(!bench.is_connected(2));
}

#[test]
fn a_description_may_say_to_follow_the_hot_engine_instead() {
    let mut bench = trading(Divergence::Follow);
    bench.core.tell_disputed(disputes(1, true));
    bench.settle();
    bench.order(0, "new", 1, 1, "1.00");
    bench.say(0, "G", "11=more|41=rests|55=ABC|54=2|38=7|40=2|44=9");
    bench.settle();
    bench.hears(0, "150=0|11=new");
    bench.hears(0, "150=5|11=more|41=rests|38=7");
    assert!(!bench.gateway(0).is_halted());
}
