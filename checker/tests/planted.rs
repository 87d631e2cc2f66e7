//! Every defect that the checker promises to find, planted into a run in which nothing else is wrong.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use checker::Promise::{
    EnginesAgree, EventsSound, GatewayOrder, LogsSound, NothingFalse, NothingLost, NothingTwice, OneHistory,
};
use checker::{Sessions, check};
use support::{GATEWAY, Log, Message, World, events_of, order, spoken, stamp_of, view};
use wire::command::{Adopted, EpochOpen, Opening, Side, Tick};
use wire::event::{Accepted, Address, OrderStatus};
use wire::{
    Chain, Digest, Epoch, Event, Frame, Happening, MAX_FRAME_LEN, Nanos, Outbound, Position, ReportSeq, Seq,
    SessionId, SourceSeq, frame,
};

/// A clean run whose logs are all this one, its events and reports with it.
fn run_of(build: impl FnOnce(&mut Log)) -> World {
    let mut log = Log::begun();
    build(&mut log);
    World::of(&log)
}

/// Changes every logger's log.
fn each_log(world: &mut World, change: impl Fn(&mut Log)) {
    world.logs.iter_mut().for_each(change);
}

#[test]
fn a_run_in_which_nothing_went_wrong_passes_and_everything_in_it_was_looked_at() {
    let verdict = World::clean().is_clean();
    let counts = verdict.counts;
    assert_eq!((counts.frames, counts.epochs, counts.lives, counts.commands), (10, 1, 1, 7));
    assert_eq!((counts.events, counts.accepted), (11, 4));
    assert_eq!((counts.acknowledged, counts.reports, counts.edge_reports), (3, 5, 1));
    assert_eq!((counts.unknown_in_history, counts.unknown_not_in_history), (1, 2));
    assert_eq!((counts.digests, counts.digest_positions), (2, 1));
    assert!(!verdict.to_string().contains("not shown"), "{verdict}");
}

#[test]
fn logs_and_journals_may_end_at_different_places() {
    let mut world = World::clean();
    world.logs[0].frames.truncate(7);
    world.journals[1].truncate(4);
    world.is_clean();
}

#[test]
fn a_run_longer_than_a_segment_is_read_over_the_seam() {
    let mut world = run_of(|log| {
        for at in 0..200 {
            log.order(1 + at % 2, if at % 3 == 0 { Side::Sell } else { Side::Buy }, &format!("order-{at}"));
        }
    });
    let verdict = world.is_clean();
    assert_eq!((verdict.counts.accepted, verdict.counts.frames), (200, 205));
    let row = world.executions.pop().unwrap();
    world.executions.push(row.replace("100.50", "100.5"));
    world.is_clean();
}

#[test]
fn a_frame_that_is_missing_in_a_log_is_a_gap() {
    let mut world = World::clean();
    world.logs[1].frames.remove(8);
    let verdict = world.is_found(&[LogsSound], &["logger-2: gap: frame 9 should stand", "and 10 does"]);
    assert_eq!(verdict.count(LogsSound), 1);
}

#[test]
fn a_frame_that_does_not_continue_the_chain_is_found() {
    let mut world = World::clean();
    let (last, before) = (world.logs[2].frames.pop().unwrap(), world.logs[2].last());
    let wrong = Position { chain: Chain(before.chain.0 ^ 1), ..before };
    world.logs[2].stamp(last, wrong, 1, stamp_of(10));
    let verdict = world.judged();
    // Such a frame is not the history's either, in the same epoch: two findings, each true.
    assert_eq!(support::broken(&verdict), [LogsSound, OneHistory], "{verdict}");
    assert!(verdict.against(LogsSound).words[0].contains("chain: frame 10"), "{verdict}");
}

#[test]
fn an_epoch_that_falls_is_found() {
    let mut log = Log::begun();
    log.start(2, Opening::AtStart);
    log.tick();
    log.epoch = 1;
    log.tick();
    let world = World::of(&log);
    world.is_found(&[LogsSound], &["epoch: frame 8", "is of epoch 1, the one before it of 2"]);
}

#[test]
fn a_stamp_that_goes_back_is_found() {
    let mut world = World::clean();
    each_log(&mut world, |log| {
        let last = log.frames.pop().unwrap();
        let before = log.last();
        log.stamp(last, before, 1, stamp_of(3));
    });
    let mut at = world.logs[0].last();
    at.epoch = Epoch(1);
    world.journals = vec![events_of(&world.logs[0]); 3];
    world.engines.iter_mut().for_each(|engine| engine.at = at);
    let verdict = world.judged();
    assert!(verdict.against(LogsSound).words[0].contains("time: frame 10"), "{verdict}");
    // The event of that frame carries the stamp that the frame should have.
    assert!(verdict.against(EventsSound).words[0].contains("is not the stamp of"), "{verdict}");
}

#[test]
fn an_epoch_that_is_started_twice_in_one_log_is_found() {
    let mut log = Log::begun();
    log.start(2, Opening::AtStart);
    log.start(2, Opening::AtStart);
    World::of(&log).is_found(&[LogsSound], &["epoch 2 is started again by frame 7"]);
}

#[test]
fn an_epoch_that_two_logs_start_differently_is_found() {
    let mut log = Log::begun();
    let mut other = log.clone();
    other.start(2, Opening::AtStart);
    log.tick();
    log.start(2, Opening::AtStart);
    log.tick();
    let mut world = World::of(&log);
    world.logs[1] = other;
    world.is_found(&[LogsSound], &["epoch 2 was started twice", "logger-1", "logger-2"]);
}

#[test]
fn an_epoch_whose_first_frame_is_no_epoch_start_is_found() {
    let mut log = Log::begun();
    log.epoch = 2;
    log.tick();
    World::of(&log).is_found(&[LogsSound], &["epoch 2 begins with frame 6", "no EpochStart"]);
}

#[test]
fn an_epoch_that_names_another_parent_is_found() {
    let mut log = Log::begun();
    log.start(2, Opening::AtStart);
    let start = log.frames.pop().unwrap();
    log.epoch = 1;
    log.tick();
    let last = log.last();
    log.stamp(start, last, 2, stamp_of(7));
    World::of(&log).is_found(&[LogsSound], &["epoch 2 names 1:5:", "stands behind 1:6:"]);
}

/// Epoch 1 up to frame 5; then some loggers have frames of it that epoch 2 does not adopt.
fn forked(holders: &[usize], opening: Opening) -> World {
    let mut log = Log::begun();
    let mut other = log.clone();
    if opening == Opening::AtOpen {
        other.start(2, opening);
    }
    other.order(1, Side::Sell, "lost");
    log.start(3, Opening::AtStart);
    log.order(1, Side::Sell, "kept");
    let mut world = World::of(&log);
    holders.iter().for_each(|at| world.logs[*at] = other.clone());
    world
}

#[test]
fn a_fork_on_a_minority_is_told_and_tolerated() {
    let verdict = forked(&[1], Opening::AtStart).is_clean();
    assert_eq!((verdict.counts.forks, verdict.counts.forked_frames), (1, 1));
    assert!(verdict.to_string().contains("note: logger-2's log leaves the history with 1:6:"), "{verdict}");
}

#[test]
fn a_frame_on_a_majority_that_the_history_does_not_hold_was_overruled() {
    let verdict = forked(&[0, 2], Opening::AtStart)
        .is_found(&[OneHistory], &["committed frame 1:6:", "logger-1, logger-3 hold it"]);
    assert_eq!((verdict.count(OneHistory), verdict.history), (1, Some(1)));
}

#[test]
fn frames_on_a_majority_were_not_committed_while_their_epoch_was_not_open() {
    let mut world = forked(&[0, 2], Opening::AtOpen);
    world.is_clean();
    for at in [0, 2] {
        world.logs[at].sequencer_says(&EpochOpen {});
    }
    world.is_found(&[OneHistory], &["committed frame 2:8:"]);
}

#[test]
fn a_logger_that_does_not_vote_in_the_epoch_makes_no_majority() {
    let world = forked(&[0, 2], Opening::AtStart);
    let directory = tempfile::tempdir().unwrap();
    let mut inputs = world.write(directory.path());
    inputs.loggers[2].node = Some(wire::NodeId(99));
    let verdict = check(&inputs, &mut |_| {}).unwrap();
    assert!(verdict.is_clean() && verdict.counts.forks == 2, "{verdict}");
}

#[test]
fn a_longer_log_of_an_older_epoch_is_not_the_history() {
    let mut world = forked(&[1], Opening::AtStart);
    for _ in 0..5 {
        world.logs[1].tick();
    }
    let verdict = world.is_clean();
    assert_eq!((verdict.history, verdict.last.epoch), (Some(0), Epoch(3)));
    // With two of them, what stands beyond the end of the history is overruled as well.
    world.logs[2] = world.logs[1].clone();
    let verdict = world.is_found(&[OneHistory], &["the history ends before 8"]);
    assert_eq!(verdict.count(OneHistory), 6);
}

#[test]
fn two_frames_of_one_epoch_under_one_number_are_two_histories_even_on_a_minority() {
    let mut world = World::clean();
    let last = world.logs[2].last().seq.0;
    world.logs[2] = world.logs[2].without(last);
    world.logs[2].tick();
    world.is_found(&[OneHistory], &["epoch 1 says two things as number 10", "logger-3"]);
}

#[test]
fn a_gateways_number_that_stands_twice_is_found() {
    let world = run_of(|log| {
        log.order(1, Side::Sell, "a");
        log.number -= 1;
        log.order(1, Side::Sell, "b");
    });
    world.is_found(&[GatewayOrder], &["frame 7, number 4 of gateway 5 in its life 1", "the last one was 4"]);
}

#[test]
fn a_gateways_number_that_is_left_out_is_found() {
    let world = run_of(|log| {
        log.number += 1;
        log.order(1, Side::Sell, "a");
    });
    world.is_found(&[GatewayOrder], &["number 5 of gateway 5", "a gap: the last number before it was 3"]);
}

#[test]
fn a_word_of_an_older_life_after_a_newer_one_opened_is_found() {
    let world = run_of(|log| {
        log.open_gateway(2);
        log.log_on(1);
        log.say(GATEWAY, 1, 4, &order(1, Side::Sell, "late"));
        log.order(1, Side::Sell, "good");
    });
    let verdict = world.is_found(&[GatewayOrder], &["stands after life 2 was opened by frame 6"]);
    assert_eq!((verdict.count(GatewayOrder), verdict.counts.lives), (1, 2));
}

#[test]
fn a_life_that_does_not_begin_with_its_opening_is_found() {
    let world = run_of(|log| {
        (log.life, log.number) = (2, 0);
        log.order(1, Side::Sell, "a");
    });
    world.is_found(&[GatewayOrder], &["begins without a GatewayOpen"]);
}

#[test]
fn an_acknowledged_order_that_the_history_does_not_hold_is_lost() {
    let world = World::clean();
    // The same run without frame 8, order c: as if it had never been in any log.
    let log = world.logs[0].without(8);
    let mut lost =
        World { requests: world.requests.clone(), executions: world.executions.clone(), ..World::of(&log) };
    // Later numbers are others then; what is compared is what came before.
    lost.requests.retain(|row| !row.contains("unanswered"));
    let verdict = lost.judged();
    let words = &verdict.against(NothingLost).words;
    assert!(words.iter().any(|w| w.contains("holds report 10 on order 8 (c)")), "{verdict}");
    assert!(
        words.iter().any(|w| w.contains("order c of CLIENT1 was acknowledged, and the history")),
        "{verdict}"
    );
}

/// Orders a and b were acknowledged at 99; then the power was cut, b's frame lost, and the cluster went on in epoch 2 behind a.
fn after_a_power_cut(adopted: Adopted) -> World {
    let mut before = Log::begun();
    before.order(1, Side::Sell, "a");
    let mut log = before.clone();
    before.order(1, Side::Sell, "b");
    log.start_on(2, Opening::AtOpen, adopted);
    log.sequencer_says(&EpochOpen {});
    log.open_gateway(2);
    log.log_on(2);
    log.order(2, Side::Sell, "x");
    let (old, mut world) = (World::of(&before), World::of(&log));
    let since = |row: &String| row.contains(",x,").then(|| row.replace(",99,", ",2000,"));
    world.executions =
        old.executions.iter().cloned().chain(world.executions.iter().filter_map(since)).collect();
    let rows = ["1,a,new,accepted,6,99", "1,b,new,accepted,7,99", "2,x,new,accepted,11,2000"];
    world.requests = rows.map(|row| format!("CLIENT{row}")).to_vec();
    world.sessions =
        Some([("CLIENT1".to_owned(), SessionId(1)), ("CLIENT2".to_owned(), SessionId(2))].into());
    world
}

#[test]
fn what_an_operator_gave_up_is_counted_and_not_found() {
    let verdict = after_a_power_cut(Adopted::MayLack).is_clean();
    let [loss] = verdict.losses[..] else { panic!("{verdict}") };
    assert_eq!((loss.epoch.0, loss.frames.0, loss.events.0), (2, 6, 6));
    assert_eq!((verdict.counts.acknowledged, verdict.counts.acknowledged_given_up), (3, 1), "{verdict}");
    assert_eq!((verdict.counts.reports, verdict.counts.reports_given_up), (3, 1), "{verdict}");
    assert!(verdict.to_string().contains("GIVEN UP: 1 acknowledged orders and 1 reports"), "{verdict}");
}

#[test]
fn what_nobody_gave_up_is_lost_all_the_same() {
    let verdict = after_a_power_cut(Adopted::Whole).judged();
    assert!(verdict.count(NothingLost) > 0 && verdict.count(NothingFalse) > 0, "{verdict}");
    // Behind the parent alone, and only what was told before.
    for row in ["CLIENT1,z,new,accepted,5,99", "CLIENT1,b,new,accepted,7,2000", "CLIENT1,b,new,accepted,7,"] {
        let mut world = after_a_power_cut(Adopted::MayLack);
        world.requests.push(row.to_owned());
        assert_eq!(world.judged().count(NothingLost), 1, "{row}");
    }
    for row in ["CLIENT1,99,a,6,6,F,2,5,100.50,5,0", "CLIENT1,2000,b,7,7,0,0,,,0,5"] {
        let mut world = after_a_power_cut(Adopted::MayLack);
        world.executions.push(row.to_owned());
        assert!(world.judged().count(NothingFalse) > 0, "{row}");
    }
}

#[test]
fn an_acknowledged_order_with_another_number_is_found() {
    let mut world = World::clean();
    world.requests[2] = "CLIENT1,c,new,accepted,7".to_owned();
    world.is_found(&[NothingLost], &["as order 7; the journal of events has it as 8"]);
}

#[test]
fn an_acknowledged_order_of_another_session_is_lost() {
    let mut world = World::clean();
    world.requests[2] = "CLIENT2,c,new,accepted,8".to_owned();
    world.is_found(&[NothingLost], &["the history holds no such order of session 2"]);
}

#[test]
fn a_retry_that_was_refused_is_no_second_execution() {
    let mut world = run_of(|log| {
        log.order(1, Side::Sell, "a");
        log.order(1, Side::Sell, "a");
    });
    world.requests = vec!["CLIENT1,a,new,accepted,6".to_owned()];
    assert_eq!(world.is_clean().counts.accepted, 1);
}

/// An event that accepts the order of this frame, as the next of its journal.
fn accepted_again(world: &World, seq: u64, report: u32, name: &str) -> Message {
    let address = Address {
        outbound: Outbound(world.journals[0].len() as u64 + 1),
        cause: world.logs[0].position(seq),
        timestamp: Nanos(stamp_of(seq)),
        session: SessionId(1),
        report: ReportSeq(report),
    };
    let order = view(address.cause, &order(1, Side::Sell, name), OrderStatus::New, 0);
    spoken(address, &Accepted { order })
}

#[test]
fn an_order_that_was_accepted_twice_was_executed_twice() {
    let mut world = run_of(|log| {
        log.order(1, Side::Sell, "a");
        log.order(1, Side::Sell, "a");
    });
    world.executions.pop();
    world.journals.iter_mut().for_each(|journal| {
        journal.pop();
    });
    let again = accepted_again(&world, 7, 3, "a");
    world.journals.iter_mut().for_each(|journal| journal.push(again.clone()));
    world.is_found(
        &[NothingTwice],
        &["order a of session 1 stands 2 times in the history", "accepted 2 times"],
    );
}

#[test]
fn a_command_that_stands_twice_and_was_answered_once_is_found() {
    let mut world = run_of(|log| {
        log.order(1, Side::Sell, "a");
        log.order(1, Side::Sell, "a");
        log.order(2, Side::Sell, "b");
    });
    // As if the engine had executed the second one without a word.
    let silent: Vec<Message> = world.journals[0]
        .iter()
        .filter(|bytes| !matches!(Event::read(bytes).unwrap().happening(), Ok(Happening::Rejected(_))))
        .cloned()
        .collect();
    let renumbered: Vec<Message> =
        silent.iter().enumerate().map(|(at, bytes)| numbered(bytes, at as u64 + 1)).collect();
    world.journals = vec![renumbered; 3];
    world.executions.clear();
    world.is_found(&[NothingTwice], &["accepted 1 times and refused 0 times"]);
}

/// The same event under another number.
fn numbered(bytes: &[u8], number: u64) -> Message {
    let mut bytes = bytes.to_vec();
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    resealed(bytes)
}

fn resealed(mut bytes: Message) -> Message {
    let crc = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn a_report_that_the_journal_has_otherwise_is_false_whatever_field_differs() {
    let clean = World::clean();
    // CLIENT1's fill of order a is event 8.
    let at = clean.executions.iter().position(|row| row.contains(",8,F,2,")).unwrap();
    let row = "CLIENT1,99,a,6,8,F,2,5,100.50,5,0";
    assert_eq!(clean.executions[at], row);
    for told in [
        "CLIENT1,99,c,6,8,F,2,5,100.50,5,0",
        "CLIENT1,99,a,8,8,F,2,5,100.50,5,0",
        "CLIENT1,99,a,6,8,0,2,5,100.50,5,0",
        "CLIENT1,99,a,6,8,F,1,5,100.50,5,0",
        "CLIENT1,99,a,6,8,F,2,4,100.50,5,0",
        "CLIENT1,99,a,6,8,F,2,5,100.51,5,0",
        "CLIENT1,99,a,6,8,F,2,5,100.50,6,0",
        "CLIENT1,99,a,6,8,F,2,5,100.50,5,1",
        "CLIENT2,99,a,6,8,F,2,5,100.50,5,0",
        "CLIENT1,99,a,6,80,F,2,5,100.50,5,0",
        // An event of which no report comes.
        "CLIENT1,99,a,6,1,F,2,5,100.50,5,0",
    ] {
        let mut world = clean.clone();
        world.executions[at] = told.to_owned();
        let verdict = world.judged();
        assert_eq!(support::broken(&verdict), [NothingFalse], "{told}\n{verdict}");
        assert_eq!(verdict.count(NothingFalse), 1, "{told}\n{verdict}");
    }
    let mut world = clean;
    world.executions[at] = "CLIENT1,99,a,6,8,F,2,4,100.50,5,0".to_owned();
    world.is_found(
        &[NothingFalse],
        &["the journal has for session 1: order 6 (a), exec type F, status 2, 5 at 100.50"],
    );
}

#[test]
fn a_report_on_an_order_that_the_history_does_not_hold_is_a_lost_order_as_well() {
    let mut world = World::clean();
    world.executions.push("CLIENT1,99,z,9,80,0,0,,,0,5".to_owned());
    world.is_found(
        &[NothingLost, NothingFalse],
        &["the history has no such order", "the journal has no such event"],
    );
}

#[test]
fn two_different_reports_with_one_number_are_found() {
    let mut world = World::clean();
    world.executions.push("CLIENT1,99,a,6,8,F,2,5,100.50,6,0".to_owned());
    world.is_found(&[NothingFalse], &["two different reports have the number 8"]);
}

#[test]
fn a_report_that_a_client_holds_twice_is_found_unless_it_is_marked_as_a_repetition() {
    let mut world = World::clean();
    world.executions.push(world.executions[0].clone());
    let verdict = world.is_found(&[NothingFalse], &["CLIENT1 holds report 6 twice"]);
    assert_eq!(verdict.counts.repeated, 1);

    let directory = tempfile::tempdir().unwrap();
    let inputs = world.write(directory.path());
    let path = inputs.clients[0].join("executions.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut marked: Vec<String> = text.lines().map(|line| format!("{line},")).collect();
    marked[0].push_str("poss_resend");
    marked.last_mut().unwrap().push('Y');
    std::fs::write(&path, marked.join("\n") + "\n").unwrap();
    let verdict = check(&inputs, &mut |_| {}).unwrap();
    assert!(verdict.is_clean() && verdict.counts.repeated == 1, "{verdict}");
}

#[test]
fn an_order_that_was_refused_at_the_edge_and_executed_is_found() {
    let mut world = World::clean();
    world.requests[3] = "CLIENT2,d,new,rejected,".to_owned();
    world.is_found(&[NothingFalse], &["CLIENT2 was told that d is refused; it was accepted as 10"]);
}

#[test]
fn a_report_of_an_event_whose_cause_is_not_in_the_history_is_void() {
    let mut world = World::clean();
    // The last event, d's acceptance, was caused by a frame of another history.
    let last = world.journals[0].last().unwrap().clone();
    let mut bytes = last;
    bytes[40] ^= 1;
    let void = resealed(bytes);
    world.journals.iter_mut().for_each(|journal| *journal.last_mut().unwrap() = void.clone());
    world.is_found(&[EventsSound], &["event 11 is void: it was caused by 1:10:", "the history has 1:10:"]);
    world.executions.push("CLIENT2,99,d,10,11,0,0,,,0,5".to_owned());
    world.is_found(&[NothingFalse, EventsSound], &["and that event is void"]);
}

#[test]
fn an_event_behind_the_end_of_the_history_is_void() {
    let mut world = World::clean();
    each_log(&mut world, |log| log.frames.truncate(9));
    world.engines.clear();
    world.is_found(&[EventsSound], &["event 11 is void", "the history has no such frame"]);
}

#[test]
fn a_journal_with_a_gap_or_with_another_event_is_found() {
    let mut world = World::clean();
    world.journals[1].remove(6);
    world.is_found(&[EventsSound], &["logger-2: event 7 should follow event 6, and 8 does"]);

    let mut world = World::clean();
    let again = world.journals[2][4].clone();
    world.journals[2][5] = numbered(&again, 6);
    world.is_found(&[EventsSound], &["event 6 is not the same in logger-1's journal and in logger-3's"]);
}

#[test]
fn who_said_an_event_and_in_which_epoch_is_no_difference() {
    let mut world = World::clean();
    for bytes in &mut world.journals[1] {
        wire::event::speak(
            bytes,
            wire::event::Speaker { epoch: Epoch(4), term: wire::Term(9), node: wire::NodeId(3) },
        );
    }
    world.is_clean();
}

#[test]
fn an_order_that_was_accepted_and_is_not_what_its_cause_asked_for_is_found() {
    let mut world = run_of(|log| log.order(1, Side::Sell, "a"));
    world.executions.clear();
    world.journals.iter_mut().for_each(|journal| {
        journal.pop();
    });
    let other = accepted_again(&world, 6, 2, "b");
    world.journals.iter_mut().for_each(|journal| journal.push(other.clone()));
    world.is_found(&[EventsSound], &["event 6 answers order b of session 1; 1:6:"]);
}

#[test]
fn causes_that_fall_are_found() {
    let mut world = World::clean();
    let again = accepted_again(&world, 8, 5, "x");
    world.journals.iter_mut().for_each(|journal| journal.push(again.clone()));
    let verdict = world.judged();
    assert!(verdict.against(EventsSound).words[0].contains("causes fall"), "{verdict}");
}

#[test]
fn a_sessions_reports_are_numbered_without_gaps() {
    let mut world = run_of(|log| log.tick());
    let log = &mut world.logs[0];
    log.order(1, Side::Sell, "a");
    let log = log.clone();
    each_log(&mut world, |other| *other = log.clone());
    let skipped = accepted_again(&world, 7, 3, "a");
    world.journals.iter_mut().for_each(|journal| journal.push(skipped.clone()));
    world.is_found(&[EventsSound], &["is report 3 of session 1, 2 is the next"]);
}

#[test]
fn engines_that_differ_or_stand_in_another_history_are_found() {
    let mut world = World::clean();
    world.engines[1].digest = Digest(78);
    world.is_found(
        &[EnginesAgree],
        &["engine-2 has digest 000000000000004e", "engine-1 has 000000000000004d"],
    );

    let mut world = World::clean();
    world.engines[1].at.chain = Chain(1);
    world.is_found(&[EnginesAgree], &["engine-2 stands at 1:10:0000000000000001; the history has 1:10:"]);

    let mut world = World::clean();
    world.engines[0].at.seq = Seq(99);
    world.is_found(&[EnginesAgree], &["the history ends before"]);
}

#[test]
fn a_client_that_was_given_anothers_reports_is_found_if_the_sessions_are_known() {
    let mut world = World::clean();
    for row in &mut world.executions {
        *row = match row.strip_prefix("CLIENT1") {
            Some(rest) => format!("CLIENT2{rest}"),
            None => format!("CLIENT1{}", row.strip_prefix("CLIENT2").unwrap()),
        };
    }
    world.requests.clear();
    world.is_clean();
    let sessions = [("CLIENT1", 1), ("CLIENT2", 2)];
    world.sessions =
        Some(sessions.iter().map(|(n, id)| ((*n).to_owned(), SessionId(*id))).collect::<Sessions>());
    let verdict = world.is_found(&[NothingFalse], &["CLIENT2 (session 2) was told report 6"]);
    assert_eq!(verdict.count(NothingFalse), 5);
}

#[test]
fn only_so_many_findings_are_told_in_words_and_all_are_counted() {
    let mut world = World::clean();
    for number in 100..150 {
        world.executions.push(format!("CLIENT1,99,a,6,{number},F,2,5,100.50,5,0"));
    }
    let verdict = world.judged();
    assert_eq!((verdict.count(NothingFalse), verdict.against(NothingFalse).words.len()), (50, 20));
    assert!(verdict.to_string().contains("and 30 more"), "{verdict}");
    assert_eq!(verdict.json()["promises"][5]["findings"], 50);
}

#[test]
fn what_a_gateway_says_under_the_sequencers_number_is_found() {
    let world = run_of(|log| {
        log.say(GATEWAY, 1, 0, &order(1, Side::Sell, "a"));
    });
    world.is_found(&[GatewayOrder], &["number 0 of gateway 5"]);
}

#[test]
fn numbers_far_beyond_all_others_do_not_take_the_checkers_memory() {
    let mut world = World::clean();
    let mut bytes = [0; MAX_FRAME_LEN];
    let origin = frame::Origin {
        source: wire::NodeId(1),
        incarnation: wire::Incarnation(0),
        source_seq: SourceSeq(0),
        received: Nanos(0),
    };
    let length = frame::write(&mut bytes, origin, &Tick {});
    let far = Position { seq: Seq(1 << 60), ..world.logs[1].last() };
    world.logs[1].stamp(bytes[..length].to_vec(), far, 1, stamp_of(11));
    assert!(Frame::read(world.logs[1].frames.last().unwrap()).is_ok());
    let far = numbered(world.journals[0].last().unwrap(), 1 << 60);
    world.journals[0].push(far);
    let verdict = world.judged();
    assert!(verdict.count(LogsSound) == 1 && verdict.count(EventsSound) > 0, "{verdict}");
}
