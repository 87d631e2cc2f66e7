//! A failing run made short: commands are left out as long as engine and model still differ.

use super::{Asked, Pair};
use crate::naive::Fault;
use engine::Limits;
use std::cell::Cell;
use std::sync::Once;
use wire::{Incarnation, Nanos, NodeId};

/// One command as it was given.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The log's clock before it was stamped.
    pub now: Nanos,
    pub source: NodeId,
    pub life: Incarnation,
    pub asked: Asked,
}

/// How many times a run is repeated in search of a shorter one.
const TRIES: usize = 4_000;

/// Why these commands fail, everything compared after each; None if they do not.
fn fails(limits: Limits, fault: Option<Fault>, steps: &[Step]) -> Option<(usize, String)> {
    let mut pair = Pair::new(limits, fault);
    for (at, step) in steps.iter().enumerate() {
        pair.desk.log.now = step.now;
        let often = steps.len() < 500 || at + 500 > steps.len();
        let verdict = pair.apply(step.source, step.life, &step.asked);
        if let Err(why) = verdict.and_then(|()| if often { pair.compare() } else { Ok(()) }) {
            return Some((at, why));
        }
    }
    None
}

/// The shortest failing part of a failing run that is found, and why it fails.
pub fn shortest(limits: Limits, fault: Option<Fault>, steps: Vec<Step>) -> String {
    // An engine that panics would say so at every try.
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !SEARCHING.get() {
                loud(panic);
            }
        }));
    });
    SEARCHING.set(true);
    let found = search(limits, fault, steps);
    SEARCHING.set(false);
    found
}

static QUIET: Once = Once::new();

thread_local! {
    static SEARCHING: Cell<bool> = const { Cell::new(false) };
}

fn search(limits: Limits, fault: Option<Fault>, mut steps: Vec<Step>) -> String {
    let Some((mut end, mut why)) = fails(limits, fault, &steps) else {
        return "it fails no more when it is repeated".to_owned();
    };
    steps.truncate(end + 1);
    let (mut chunk, mut tries) = (steps.len() / 2, 0);
    while chunk > 0 && tries < TRIES {
        let (mut at, mut shorter) = (0, false);
        while at < steps.len() && tries < TRIES {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            tries += 1;
            if let Some(found) = fails(limits, fault, &fewer) {
                (end, why) = found;
                fewer.truncate(end + 1);
                steps = fewer;
                shorter = true;
            } else {
                at += chunk;
            }
        }
        if !shorter || chunk > 1 {
            chunk /= 2;
        }
    }
    let told: Vec<String> = steps.iter().map(|step| format!("at {}: {:?}", step.now, step.asked)).collect();
    format!("shortest sequence found, {} commands:\n{}\nthen: {why}", told.len(), told.join("\n"))
}
