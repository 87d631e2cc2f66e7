//! Each planted fault that the model can express is found, and the promise that it breaks is told.
//!
//! Faults exist only in a build of their own, which needs a target folder of its own:
//!
//! ```text
//! RUSTFLAGS="--cfg lockstep_planted" CARGO_TARGET_DIR=target/planted cargo test -p model --test planted -- --nocapture
//! ```
//!
//! `FAULT=AskOne` before it plants that one only.

#![cfg(lockstep_planted)]
#![expect(clippy::print_stdout, reason = "the figures are what one runs it for")]

use cluster::planted::{Fault, plant};
use model::{Bounds, check};

/// So many steps are explored at most to find a fault.
const PATIENCE: usize = 20_000_000;

/// Faults of parts that the model does not have: the engine's events and the gateways' numbers.
const ELSEWHERE: [Fault; 3] = [Fault::JudgeEventByNumber, Fault::ReleaseWhenSequenced, Fault::ForgetFifo];

fn bounds_for(fault: Fault) -> Bounds {
    let bounds = Bounds { commands: 2, ..Bounds::default() };
    match fault {
        Fault::ForgetPromise | Fault::AcknowledgeBeforeWriting => Bounds { crashes: 1, ..bounds },
        Fault::CountStaleIncarnation => Bounds { losses: 1, commands: 1, ..bounds },
        Fault::ReleaseBeforeCommit | Fault::JudgeByNumber | Fault::MixEpochs => {
            Bounds { observer: true, ..bounds }
        }
        Fault::CommitBeforeStart => Bounds { epochs: 4, commands: 1, ..bounds },
        _ => bounds,
    }
}

#[test]
fn every_planted_fault_is_found() {
    let mut unfound = Vec::new();
    let asked = std::env::var("FAULT").ok();
    for fault in Fault::ALL {
        if asked.as_ref().is_some_and(|asked| *asked != format!("{fault:?}")) {
            continue;
        }
        if ELSEWHERE.contains(&fault) {
            println!("{fault:?}: not expressed here");
            continue;
        }
        plant(Some(fault));
        let outcome = check(bounds_for(fault), PATIENCE, 1);
        plant(None);
        match &outcome.broken {
            Some((broken, story)) => {
                println!(
                    "{fault:?}: {} ({} states, {} steps to it)",
                    broken.promise.sentence(),
                    outcome.states,
                    story.len()
                );
                println!("{outcome}");
            }
            None => {
                println!("{fault:?}: NOT FOUND\n{outcome}");
                unfound.push(fault);
            }
        }
    }
    assert_eq!(unfound, [], "faults that nothing noticed");
}
