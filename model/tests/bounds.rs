//! Everything within small bounds is explored; every promise holds, and what leads to trouble was seen.
//!
//! `cargo test -p model -- --nocapture` tells how many states. Larger bounds: `cargo run --release -p model -- --help`.

#![expect(clippy::print_stdout, reason = "the figures are what one runs it for")]

use model::sight::Sight;
use model::{Bounds, check};

/// So many steps are more than any of these worlds has.
const AMPLE: usize = 20_000_000;

#[track_caller]
fn holds(bounds: Bounds, wanted: &[Sight]) {
    let outcome = check(bounds.validated().expect("these bounds are sound"), AMPLE, 1);
    println!("{outcome}");
    assert_eq!(outcome.broken, None, "{outcome}");
    assert!(!outcome.cut, "not exhaustive: {outcome}");
    assert_eq!(outcome.unseen(wanted), [], "these bounds are too small for what they should show");
}

const CHANGE: &[Sight] = &[
    Sight::TailDropped,
    Sight::TailAdopted,
    Sight::Truncation,
    Sight::Back,
    Sight::SkippedEpoch,
    Sight::ReleasedIn1,
    Sight::ReleasedIn2,
    Sight::ReleasedIn3,
    Sight::DeposedHeard,
];

#[test]
fn three_epochs_and_two_commands_with_a_logger_that_starts_again() {
    let wanted = [CHANGE, &[Sight::Restarted, Sight::DiedInCut]].concat();
    holds(Bounds { commands: 2, crashes: 1, ..Bounds::default() }, &wanted);
}

#[test]
fn three_epochs_and_three_commands() {
    holds(Bounds { commands: 3, ..Bounds::default() }, CHANGE);
}

#[test]
fn two_epochs_from_the_first_grant_on_with_cold_starts() {
    let wanted =
        [Sight::TailDropped, Sight::TailAdopted, Sight::Truncation, Sight::ReleasedIn1, Sight::ReleasedIn2];
    holds(Bounds { epochs: 2, commands: 2, from_nothing: true, recold: true, ..Bounds::default() }, &wanted);
}

#[test]
fn an_observer_that_hears_late_releases_what_everybody_releases() {
    let wanted = [Sight::ObserverVoided, Sight::ObserverReleased, Sight::ObserverHeardOther];
    holds(Bounds { observer: true, ..Bounds::default() }, &[CHANGE, &wanted].concat());
}

#[test]
fn a_holder_that_falls_silent_halfway_is_given_up() {
    let wanted = [Sight::HolderSilent, Sight::HolderSilentHalfway, Sight::BegunAfterSilence];
    let bounds = Bounds { silences: 1, piecemeal: true, fresh: true, ..Bounds::default() };
    holds(bounds, &[CHANGE, &wanted].concat());
}

#[test]
fn a_logger_that_lost_its_disk_comes_back_as_another_voter() {
    let wanted = [Sight::LearnerPromoted, Sight::LearnerStarted, Sight::Truncation, Sight::ReleasedIn3];
    holds(Bounds { commands: 0, losses: 1, ..Bounds::default() }, &wanted);
}

#[test]
fn the_names_of_loggers_make_no_difference() {
    let alike = check(Bounds::default(), AMPLE, 1);
    let named = check(Bounds { named: true, ..Bounds::default() }, AMPLE, 1);
    assert!(alike.broken.is_none() && named.broken.is_none() && alike.states < named.states);
    let seen = |outcome: &model::Outcome| outcome.unseen(&Sight::ALL);
    assert_eq!(seen(&alike), seen(&named));
    assert_eq!(alike.depth, named.depth);
}

#[test]
fn an_exploration_that_was_cut_says_so() {
    let outcome = check(Bounds { epochs: 4, commands: 3, ..Bounds::default() }, 1_000, 1);
    assert!(outcome.cut && outcome.to_string().contains("NOT exhaustive"));
}
