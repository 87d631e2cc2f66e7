//! Real processes are killed under load: what was acknowledged survives, and trading goes on.
//!
//! One cluster after the other: beside each other they would take each other's cores, and silence for lost cores looks
//! like the silence of the dead.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "cluster_support/mod.rs"]
mod cluster_support;

use cluster::Role;
use cluster_support::binaries;
use lockstep::chaos::Account;
use lockstep::chaos::command::{plan, play};
use lockstep::chaos::rounds::Settings;
use lockstep::chaos::scenario::{Fault, Harm, Scenario};
use lockstep::local::LocalCluster;
use node::{Description, Shutdown};
use std::sync::{Mutex, PoisonError};
use wire::Nanos;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Long enough that a test machine with other things to do does not take a slow node for a dead one.
const FAILOVER: &str = "600ms";
/// Requests a second.
const RATE: u64 = 200;
/// The watchdog: nothing takes longer than that.
const PATIENCE: Nanos = Nanos(40 * Nanos::SECOND.0);

/// Plays these faults; everything must be well in the end.
fn must_survive(faults: Vec<Fault>, times: u64) -> Account {
    let (account, told) = played(faults, times, &[]);
    assert!(account.goals().judge().is_ok(), "{told}");
    assert!(account.verdict.is_clean(), "{told}");
    account
}

/// Plays these faults on nodes with this environment; gives the account, and what a person would have seen.
fn played(faults: Vec<Fault>, times: u64, environment: &[(&'static str, &'static str)]) -> (Account, String) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let plan = plan(FAILOVER);
    let description = Description::load(&plan.write(directory.path()).unwrap()).unwrap();
    let settings = Settings { seed: 7, patience: PATIENCE, ..Settings::new(&description, faults, times) };
    let shutdown = Shutdown::default();
    let mut cluster = LocalCluster::start_with(description, binaries(), |_| environment.to_vec())
        .unwrap_or_else(|error| panic!("{error:#}"));
    cluster.wait_until_ready(&shutdown).unwrap_or_else(|error| panic!("{error:#}"));
    let mut out = Vec::new();
    let account = play(Box::new(cluster), &settings, RATE, directory.path(), &shutdown, &mut out);
    let account = account.unwrap_or_else(|error| panic!("{error:#}"));
    let told = String::from_utf8(out).unwrap() + &account.words();
    (account, told)
}

#[test]
fn the_leading_sequencer_is_killed_twice_and_nothing_is_lost() {
    let account = must_survive(Scenario::KillSequencer.faults(false), 2);
    let victims: Vec<_> = account.rounds.iter().map(|(round, _)| &round.victims[0]).collect();
    assert_ne!(victims[0], victims[1], "the successor of the first was the second");
    for (round, seen) in &account.rounds {
        assert!(seen.gap.is_some() && seen.after_detection.is_some(), "{round:?}: {seen:?}");
    }
    assert!(account.verdict.counts.epochs >= 3, "{}", account.verdict);
    assert_eq!(account.report.unwrap().interruptions, [], "no session hears of another sequencer");
}

#[test]
fn a_logger_is_killed_and_comes_back_as_the_voter_that_it_was() {
    let account = must_survive(Scenario::KillLogger.faults(false), 1);
    assert_eq!(account.verdict.counts.epochs, 1, "nobody has to decide anything: {}", account.verdict);
}

#[test]
fn the_hot_engine_is_killed_and_the_other_one_speaks_on() {
    let account = must_survive(Scenario::KillEngine.faults(false), 1);
    assert!(account.rounds[0].1.after_detection.is_some());
}

#[test]
fn without_a_majority_of_the_loggers_nothing_is_carried_out_until_one_is_back() {
    let account = must_survive(Scenario::KillTwoLoggers.faults(false), 1);
    let (round, seen) = &account.rounds[0];
    assert!(
        !round.impossible && seen.gap.unwrap() > round.revived.since(round.harmed),
        "{round:?}: {seen:?}"
    );
}

#[test]
fn a_gateway_is_killed_and_its_clients_come_back_through_the_other_one() {
    let fault = Fault { harm: Harm::Kill, roles: vec![Role::Gateway] };
    let report = must_survive(vec![fault], 1).report.unwrap();
    assert!(!report.interruptions.is_empty());
    assert!(report.interruptions.iter().all(|interruption| interruption.back.is_some()), "{report}");
}

#[test]
fn a_gateway_that_does_not_wait_for_the_commit_is_found_out() {
    let hasty = [("LOCKSTEP_UNSAFE_NO_COMMIT_GATE", "1")];
    let (account, told) = played(Scenario::KillTwoLoggers.faults(false), 1, &hasty);
    assert!(account.rounds[0].0.impossible, "{told}");
    let broken = account.goals().judge().unwrap_err().to_string();
    assert!(broken.contains("rounds_with_answers_that_nobody_could_give"), "{broken}");
}
