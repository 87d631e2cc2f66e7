//! The load generator against a small exchange on a loopback port, from logon to account.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what goes wrong here shall fail the test")]

#[path = "load_support/mod.rs"]
mod load_support;

use load_support::{Exchange, Manner};
use lockstep::load::{Amount, Instrument, Pace, Phase, Plan, Recording, Report, replay, run};
use node::Shutdown;
use std::fmt::Write as _;
use std::io::Write as _;
use wire::Nanos;

fn plan(exchange: &Exchange, clients: &[&str]) -> Plan {
    let instrument =
        Instrument { symbol: "AMZN".into(), price_decimals: 4, tick: 100, lot: 1, start_price: None };
    let clients = clients.iter().map(|c| (*c).to_owned()).collect();
    Plan {
        pace: Pace::Window(8),
        amount: Amount::Requests(3_000),
        ..Plan::new(vec![exchange.address], clients, vec![instrument])
    }
}

fn quietly(plan: &Plan) -> anyhow::Result<Report> {
    run(plan, &Shutdown::default(), &mut |_| {})
}

#[test]
fn a_run_ends_with_an_account_in_which_every_request_has_one_fate() {
    let exchange = Exchange::start(Manner::Well);
    let mut phases = Vec::new();
    let plan = plan(&exchange, &["CLIENT1", "CLIENT2", "CLIENT3"]);
    let report = run(&plan, &Shutdown::default(), &mut |progress| phases.push(progress.phase)).unwrap();
    assert_eq!(report.sent.total(), 3_000);
    assert!(report.is_clean(), "{report}");
    assert!(
        report.rejected > 0 && report.fills > 0 && report.cancelled > 0 && report.replaced > 0,
        "{report}"
    );
    assert_eq!(report.latency.len(), 3_000);
    assert_eq!(report.reject_texts[0].0, "not today");
    assert_eq!((report.sequence_gaps, report.lost.len()), (0, 0));
    phases.dedup();
    assert_eq!(phases, [Phase::LoggingOn, Phase::Sending, Phase::Draining, Phase::LoggingOut, Phase::Over]);
}

#[test]
fn a_rate_is_kept_and_how_late_it_ran_is_told() {
    let exchange = Exchange::start(Manner::Well);
    let plan = Plan {
        pace: Pace::Rate(10_000),
        amount: Amount::Requests(2_000),
        ..plan(&exchange, &["CLIENT1", "CLIENT2"])
    };
    let report = quietly(&plan).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.sent.total(), report.lateness.len()), (2_000, 2_000));
}

#[test]
fn every_request_and_every_report_stands_in_the_files() {
    let exchange = Exchange::start(Manner::Well);
    let dir = tempfile::tempdir().unwrap();
    let mut plan = Plan { amount: Amount::Requests(500), ..plan(&exchange, &["CLIENT1", "CLIENT2"]) };
    plan.files.requests = Some(dir.path().join("requests.csv"));
    plan.files.executions = Some(dir.path().join("executions.csv"));
    let report = quietly(&plan).unwrap();
    let rows = |name: &str| {
        let mut reader = csv::Reader::from_path(dir.path().join(name)).unwrap();
        reader.records().map(Result::unwrap).collect::<Vec<_>>()
    };
    let (requests, executions) = (rows("requests.csv"), rows("executions.csv"));
    assert_eq!((requests.len() as u64, executions.len() as u64), (report.sent.total(), report.executions));
    assert!(requests.iter().all(|row| row[9].parse::<u64>().unwrap() >= row[8].parse::<u64>().unwrap()));
    let of = |outcome: &str| requests.iter().filter(|row| row[10] == *outcome).count() as u64;
    assert_eq!(of("rejected"), report.rejected);
    assert_eq!(of("cancel_rejected"), report.cancel_rejected);
    assert_eq!(of("replaced"), report.replaced);
    let filled: u64 = requests.iter().map(|row| row[12].parse::<u64>().unwrap_or(0)).sum();
    let fills: u64 = executions.iter().map(|row| row[7].parse::<u64>().unwrap_or(0)).sum();
    assert_eq!(filled, fills);
}

#[test]
fn a_refused_logon_is_told_with_the_session_and_the_words_of_the_gateway() {
    let exchange = Exchange::start(Manner::Refuses("CLIENT2"));
    let error = quietly(&plan(&exchange, &["CLIENT1", "CLIENT2", "CLIENT3"])).unwrap_err().to_string();
    assert!(error.contains("CLIENT2") && error.contains("the account is closed"), "{error}");
    assert!(error.contains(&exchange.address.to_string()), "{error}");
}

#[test]
fn a_gateway_that_hangs_up_or_is_not_there_is_told() {
    let exchange = Exchange::start(Manner::Hangs);
    let plan = plan(&exchange, &["CLIENT1"]);
    let error = quietly(&plan).unwrap_err().to_string();
    assert!(error.contains("CLIENT1 could not log on"), "{error}");
    drop(exchange);
    let error = quietly(&plan).unwrap_err().to_string();
    assert!(error.contains("is the gateway running"), "{error}");
}

#[test]
fn a_connection_that_is_closed_midway_leaves_counted_unanswered_requests() {
    let exchange = Exchange::start(Manner::ClosesAfter(400));
    let report = quietly(&plan(&exchange, &["CLIENT1", "CLIENT2"])).unwrap();
    assert!(report.adds_up() && !report.is_clean());
    assert_eq!(report.lost.len(), 2);
    assert!(report.unanswered > 0 && report.unanswered <= 16, "{report}");
    assert_eq!(report.violation_count, 0, "{report}");
    assert!(report.to_string().contains("lost: session CLIENT1"), "{report}");
}

#[test]
fn a_gateway_that_answers_no_more_does_not_hold_the_run() {
    let exchange = Exchange::start(Manner::SilentAfter(100));
    let plan = Plan { answer_timeout: Nanos::from_millis(300), ..plan(&exchange, &["CLIENT1", "CLIENT2"]) };
    let report = quietly(&plan).unwrap();
    assert!(report.adds_up() && report.unanswered > 0);
    assert_eq!((report.sent.total() - report.unanswered, report.lost.len()), (200, 0), "{report}");
}

#[test]
fn an_exchange_that_repeats_its_exec_ids_is_found_out() {
    let exchange = Exchange::start(Manner::RepeatsExecId);
    // Immediate orders whose end is told under a used ExecID never settle.
    let answer_timeout = Nanos::from_millis(300);
    let plan = Plan { amount: Amount::Requests(200), answer_timeout, ..plan(&exchange, &["CLIENT1"]) };
    let report = quietly(&plan).unwrap();
    assert!(report.duplicates_of_exec_id > 100 && !report.violations.is_empty(), "{report}");
}

#[test]
fn business_rejects_that_name_only_a_message_number_find_their_requests() {
    let exchange = Exchange::start(Manner::RejectsAll);
    let plan = Plan { amount: Amount::Requests(200), ..plan(&exchange, &["CLIENT1", "CLIENT2"]) };
    let report = quietly(&plan).unwrap();
    assert_eq!((report.rejected, report.violation_count), (200, 0), "{report}");
    assert_eq!(report.reject_texts, [("the market is closed".to_owned(), 200)]);
}

#[test]
fn a_wish_to_stop_ends_the_run_with_an_account() {
    let exchange = Exchange::start(Manner::Well);
    let plan = Plan { amount: Amount::Time(Nanos(3_600 * Nanos::SECOND.0)), ..plan(&exchange, &["CLIENT1"]) };
    let shutdown = Shutdown::default();
    let wish = shutdown.clone();
    let report = run(&plan, &shutdown, &mut |progress| {
        if progress.phase == Phase::Sending {
            wish.request();
        }
    })
    .unwrap();
    assert!(report.is_clean(), "{report}");
}

/// 300 orders; each third is reduced, each second deleted, each fifth executed; some events belong to no order of ours.
fn recording() -> String {
    let mut text = String::new();
    for n in 1..=300 {
        let side = if n % 2 == 0 { 1 } else { -1 };
        writeln!(text, "34200.{n:09},1,{n},100,1000000,{side}").unwrap();
        if n % 3 == 0 {
            writeln!(text, "34200.{n:09},2,{n},40,1000000,{side}").unwrap();
        }
        if n % 5 == 0 {
            writeln!(text, "34200.{n:09},4,{n},10,1000000,{side}").unwrap();
        }
        if n % 2 == 0 {
            writeln!(text, "34200.{n:09},3,{n},60,1000000,{side}").unwrap();
        }
    }
    text.push_str("34201,5,0,7,1000050,1\n34201,3,9999,7,1000000,1\n34201,4,9998,7,1000000,1\n");
    text
}

#[test]
fn a_recording_is_replayed_to_its_end_and_every_message_is_accounted_for() {
    let exchange = Exchange::start(Manner::Well);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("messages.csv");
    std::fs::File::create(&path).unwrap().write_all(recording().as_bytes()).unwrap();
    let plan = Plan { amount: Amount::All, ..plan(&exchange, &["CLIENT1", "CLIENT2", "CLIENT3"]) };
    let report = replay(&plan, &Recording { path: path.clone() }, &Shutdown::default(), &mut |_| {}).unwrap();
    let skips = report.skips.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(skips.read, 300 + 100 + 60 + 150 + 3);
    assert_eq!(skips.read - skips.total(), report.sent.total());
    assert_eq!((skips.not_for_the_book, skips.unknown_before_sample), (1, 1));
    assert_eq!(report.sent.new, 300 + 60 + 1);

    std::fs::write(&path, "34200,1,1,10,1000000,1\n34200,1,2,10\n").unwrap();
    let error =
        replay(&plan, &Recording { path }, &Shutdown::default(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}

/// What the generator itself can do, and with LOCKSTEP_RECORDING a replay of that LOBSTER file: `cargo test --release -p lockstep --test load -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: for a release build, on a quiet machine"]
fn measure_the_generators_own_rate() {
    let exchange = Exchange::start(Manner::Well);
    for (pace, clients) in [
        (Pace::Window(64), &["CLIENT1"][..]),
        (Pace::Window(64), &["CLIENT1", "CLIENT2", "CLIENT3", "CLIENT4"][..]),
        (Pace::Rate(20_000), &["CLIENT1", "CLIENT2"][..]),
    ] {
        let plan =
            Plan { pace, amount: Amount::Time(Nanos(3 * Nanos::SECOND.0)), ..plan(&exchange, clients) };
        let before = thread_cpu();
        let report = quietly(&plan).unwrap();
        let used = thread_cpu() - before;
        println!("{pace:?} over {} sessions\n{report}", clients.len());
        println!("{} ns of processor time per request\n", used / report.sent.total());
    }
    if let Ok(path) = std::env::var("LOCKSTEP_RECORDING") {
        let plan = Plan { amount: Amount::All, ..plan(&exchange, &["CLIENT1", "CLIENT2", "CLIENT3"]) };
        let recording = Recording { path: path.into() };
        println!("{}", replay(&plan, &recording, &Shutdown::default(), &mut |_| {}).unwrap());
    }
}

/// Processor time of this thread, in nanoseconds.
fn thread_cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
